/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Domains as objects: listing, finding, defining, creating from XML, undefining, renaming, printing. */
#define FL_FROM VIR_FROM_TEST
#include <string.h>
#include "driver/test/domain.h"
#include "driver/test/ops.h"

static bool pick_inactive(const struct fl_test_item *item)
{
    return item->id < 0;
}

int fl_test_connect_num_of_domains(virConnectPtr conn)
{
    TEST_READ_CONN(conn);
    return g_hash_table_size(host->domains.by_id); /* those that run have one */
}

int fl_test_connect_num_of_defined_domains(virConnectPtr conn)
{
    TEST_READ_CONN(conn);
    return host->domains.order.length - g_hash_table_size(host->domains.by_id);
}

int fl_test_connect_list_domains(virConnectPtr conn, int *ids, int maxids)
{
    TEST_READ_CONN(conn);
    struct fl_test_item *item;
    int n = 0;
    FL_TEST_EACH(&host->domains, struct fl_test_item *, item)
    {
        if (n < maxids && item->id >= 0)
            ids[n++] = item->id;
    }
    return n;
}

int fl_test_connect_list_defined_domains(virConnectPtr conn, char **names, int maxnames)
{
    TEST_READ_CONN(conn);
    return fl_test_table_names(&host->domains, pick_inactive, names, maxnames);
}

/* One pair of filters: nothing asked, or the half that holds was asked for. */
static bool pair_ok(unsigned int flags, unsigned int yes, unsigned int no, bool holds)
{
    return !(flags & (yes | no)) || (flags & (holds ? yes : no));
}

static bool list_match(const struct fl_test_domain *d, unsigned int flags)
{
    const unsigned int states = VIR_CONNECT_LIST_DOMAINS_RUNNING | VIR_CONNECT_LIST_DOMAINS_PAUSED |
                                VIR_CONNECT_LIST_DOMAINS_SHUTOFF | VIR_CONNECT_LIST_DOMAINS_OTHER;
    unsigned int state = d->state == VIR_DOMAIN_RUNNING   ? VIR_CONNECT_LIST_DOMAINS_RUNNING
                         : d->state == VIR_DOMAIN_PAUSED  ? VIR_CONNECT_LIST_DOMAINS_PAUSED
                         : d->state == VIR_DOMAIN_SHUTOFF ? VIR_CONNECT_LIST_DOMAINS_SHUTOFF
                                                          : VIR_CONNECT_LIST_DOMAINS_OTHER;
    return pair_ok(flags, VIR_CONNECT_LIST_DOMAINS_ACTIVE, VIR_CONNECT_LIST_DOMAINS_INACTIVE,
                   fl_test_domain_active(d)) &&
           pair_ok(flags, VIR_CONNECT_LIST_DOMAINS_PERSISTENT, VIR_CONNECT_LIST_DOMAINS_TRANSIENT,
                   d->persistent) &&
           (!(flags & states) || (flags & state)) &&
           pair_ok(flags, VIR_CONNECT_LIST_DOMAINS_MANAGEDSAVE, VIR_CONNECT_LIST_DOMAINS_NO_MANAGEDSAVE,
                   d->managed_save) &&
           pair_ok(flags, VIR_CONNECT_LIST_DOMAINS_AUTOSTART, VIR_CONNECT_LIST_DOMAINS_NO_AUTOSTART,
                   d->autostart) &&
           pair_ok(flags, VIR_CONNECT_LIST_DOMAINS_HAS_SNAPSHOT, VIR_CONNECT_LIST_DOMAINS_NO_SNAPSHOT,
                   fl_test_moments_count(&d->snapshots) > 0) &&
           pair_ok(flags, VIR_CONNECT_LIST_DOMAINS_HAS_CHECKPOINT, VIR_CONNECT_LIST_DOMAINS_NO_CHECKPOINT,
                   fl_test_moments_count(&d->checkpoints) > 0);
}

int fl_test_connect_list_all_domains(virConnectPtr conn, virDomainPtr **domains, unsigned int flags)
{
    if (fl_check_flags(flags, 0xffff) < 0)
        return -1;
    TEST_READ_CONN(conn);
    virDomainPtr *list =
        domains ? FL_TEST_ARRAY(virDomainPtr, g_queue_get_length(&host->domains.order)) : NULL;
    struct fl_test_domain *d;
    int n = 0;
    FL_TEST_EACH(&host->domains, struct fl_test_domain *, d)
    {
        if (!list_match(d, flags))
            continue;
        if (list)
            list[n] = fl_test_domain_public(conn, d);
        n++;
    }
    if (domains)
        *domains = list;
    return n;
}

virDomainPtr fl_test_domain_lookup_by_id(virConnectPtr conn, int id)
{
    if (id < 0)
        return fl_error_set(VIR_FROM_DOMAIN, VIR_ERR_INVALID_ARG, "%d is no id of a running domain", id),
               NULL;
    TEST_READ_CONN(conn);
    struct fl_test_domain *d = fl_test_table_by_id(&host->domains, id);
    if (!d)
        return fl_error_null(VIR_ERR_NO_DOMAIN, "no running domain has id %d", id);
    return fl_test_domain_public(conn, d);
}

virDomainPtr fl_test_domain_lookup_by_name(virConnectPtr conn, const char *name)
{
    TEST_READ_CONN(conn);
    struct fl_test_domain *d = fl_test_table_by_name(&host->domains, name);
    if (!d)
        return fl_error_null(VIR_ERR_NO_DOMAIN, "no domain is called '%s'", name);
    return fl_test_domain_public(conn, d);
}

virDomainPtr fl_test_domain_lookup_by_uuid(virConnectPtr conn, const unsigned char *uuid)
{
    TEST_READ_CONN(conn);
    struct fl_test_domain *d = fl_test_table_by_uuid(&host->domains, uuid);
    if (d)
        return fl_test_domain_public(conn, d);
    char text[VIR_UUID_STRING_BUFLEN];
    fl_uuid_format(uuid, text);
    return fl_error_null(VIR_ERR_NO_DOMAIN, "no domain has UUID %s", text);
}

virDomainPtr fl_test_domain_create_xml(virConnectPtr conn, const char *xml, unsigned int flags)
{
    struct fl_domain_def *def;
    if (fl_check_flags(flags, VIR_DOMAIN_START_VALIDATE) < 0 || fl_domain_def_parse(xml, NULL, 0, &def) < 0)
        return NULL;
    TEST_WRITE_CONN(conn);
    struct fl_test_domain *d = fl_test_domain_add(host, def, FL_TEST_ADD_LIVE);
    if (!d)
        return NULL;
    fl_test_domain_start(host, d, VIR_DOMAIN_RUNNING_BOOTED);
    fl_test_domain_emit(host, d, VIR_DOMAIN_EVENT_STARTED, VIR_DOMAIN_EVENT_STARTED_BOOTED);
    return fl_test_domain_public(conn, d);
}

virDomainPtr fl_test_domain_create_xml_with_files(virConnectPtr conn, const char *xml, unsigned int nfiles,
                                                  int *files, unsigned int flags)
{
    return fl_test_domain_create_xml(conn, xml, flags);
}

virDomainPtr fl_test_domain_define_xml_flags(virConnectPtr conn, const char *xml, unsigned int flags)
{
    struct fl_domain_def *def;
    if (fl_check_flags(flags, VIR_DOMAIN_DEFINE_VALIDATE) < 0 || fl_domain_def_parse(xml, NULL, 0, &def) < 0)
        return NULL;
    TEST_WRITE_CONN(conn);
    struct fl_test_domain *d = fl_test_domain_add(host, def, FL_TEST_ADD_DEFINE);
    if (!d)
        return NULL;
    int detail = d->persistent ? VIR_DOMAIN_EVENT_DEFINED_UPDATED : VIR_DOMAIN_EVENT_DEFINED_ADDED;
    d->persistent = true;
    fl_test_domain_emit(host, d, VIR_DOMAIN_EVENT_DEFINED, detail);
    return fl_test_domain_public(conn, d);
}

virDomainPtr fl_test_domain_define_xml(virConnectPtr conn, const char *xml)
{
    return fl_test_domain_define_xml_flags(conn, xml, 0);
}

int fl_test_domain_undefine_flags(virDomainPtr dom, unsigned int flags)
{
    if (fl_check_flags(flags, VIR_DOMAIN_UNDEFINE_MANAGED_SAVE | VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA) < 0)
        return -1;
    TEST_WRITE(dom);
    struct fl_test_domain *d = fl_test_domain_of(host, dom);
    if (!d)
        return -1;
    if (d->managed_save && !(flags & VIR_DOMAIN_UNDEFINE_MANAGED_SAVE))
        return fl_error(VIR_ERR_OPERATION_INVALID,
                        "domain '%s' has a managed save image: remove it or undefine with "
                        "VIR_DOMAIN_UNDEFINE_MANAGED_SAVE",
                        d->item.name);
    unsigned int snaps = fl_test_moments_count(&d->snapshots);
    if (snaps && !fl_test_domain_active(d) && !(flags & VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA))
        return fl_error(VIR_ERR_OPERATION_INVALID,
                        "domain '%s' has %u snapshots: delete them or undefine with "
                        "VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA",
                        d->item.name, snaps);
    d->managed_save = false;
    fl_test_domain_emit(host, d, VIR_DOMAIN_EVENT_UNDEFINED, VIR_DOMAIN_EVENT_UNDEFINED_REMOVED);
    if (fl_test_domain_active(d))
        d->persistent = false;
    else
        fl_test_domain_drop(host, d);
    return 0;
}

int fl_test_domain_undefine(virDomainPtr dom)
{
    return fl_test_domain_undefine_flags(dom, 0);
}

static int rename_check(struct fl_test_host *host, const struct fl_test_domain *d, const char *new_name)
{
    if (!new_name || !*new_name)
        return fl_error_set(VIR_FROM_DOMAIN, VIR_ERR_INVALID_ARG, "a domain cannot be renamed to nothing");
    if (strchr(new_name, '/'))
        return fl_error(VIR_ERR_XML_ERROR, "a domain cannot be called '%s': '/' is not allowed in a name",
                        new_name);
    if (fl_test_domain_active(d))
        return fl_error(VIR_ERR_OPERATION_INVALID, "domain '%s' is running: shut it down before renaming it",
                        d->item.name);
    if (strcmp(new_name, d->item.name) == 0)
        return fl_error_set(VIR_FROM_DOMAIN, VIR_ERR_OPERATION_INVALID,
                            "domain '%s' carries that name already", new_name);
    if (fl_test_table_by_name(&host->domains, new_name))
        return fl_error_set(VIR_FROM_DOMAIN, VIR_ERR_OPERATION_INVALID, "another domain is called '%s'",
                            new_name);
    return 0;
}

int fl_test_domain_rename(virDomainPtr dom, const char *new_name, unsigned int flags)
{
    if (fl_check_flags(flags, 0) < 0)
        return -1;
    TEST_WRITE(dom);
    struct fl_test_domain *d = fl_test_domain_of(host, dom);
    if (!d || rename_check(host, d, new_name) < 0)
        return -1;
    fl_test_domain_emit(host, d, VIR_DOMAIN_EVENT_UNDEFINED, VIR_DOMAIN_EVENT_UNDEFINED_RENAMED);
    fl_test_table_rename(&host->domains, &d->item, new_name);
    g_free(d->def->name);
    d->def->name = g_strdup(new_name);
    fl_test_domain_emit(host, d, VIR_DOMAIN_EVENT_DEFINED, VIR_DOMAIN_EVENT_DEFINED_RENAMED);
    return 0;
}

char *fl_test_domain_get_xml_desc(virDomainPtr dom, unsigned int flags)
{
    if (fl_check_flags(flags, VIR_DOMAIN_XML_SECURE | VIR_DOMAIN_XML_INACTIVE | VIR_DOMAIN_XML_MIGRATABLE) <
        0)
        return NULL;
    TEST_READ(dom);
    struct fl_test_domain *d = fl_test_domain_of(host, dom);
    if (!d)
        return NULL;
    return fl_domain_def_format((flags & VIR_DOMAIN_XML_INACTIVE) && d->next ? d->next : d->def, flags);
}
