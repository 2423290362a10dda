/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The domain object: adding, starting, stopping, finding, and choosing which of its definitions a call means.
 */
#define FL_FROM VIR_FROM_TEST
#include <string.h>
#include "driver/test/domain.h"

static void domain_free(struct fl_test_domain *d)
{
    fl_test_moments_fini(&d->snapshots);
    fl_test_moments_fini(&d->checkpoints);
    fl_domain_def_free(d->def);
    fl_domain_def_free(d->next);
    g_array_free(d->iothreads, TRUE);
    fl_test_item_fini(&d->item);
    g_free(d);
}

void fl_test_domain_free_item(struct fl_test_item *item)
{
    domain_free((struct fl_test_domain *)item);
}

bool fl_test_domain_active(const struct fl_test_domain *d)
{
    return d->item.id >= 0;
}

struct fl_test_domain *fl_test_domain_of(struct fl_test_host *host, virDomainPtr dom)
{
    struct fl_test_domain *d = fl_test_table_by_uuid(&host->domains, dom->uuid);
    if (d)
        return d;
    char uuid[VIR_UUID_STRING_BUFLEN];
    fl_uuid_format(dom->uuid, uuid);
    return fl_error_null(VIR_ERR_NO_DOMAIN, "'%s' (UUID %s) is not defined on this test host any more",
                         dom->name, uuid);
}

int fl_test_domain_need_active(const struct fl_test_domain *d)
{
    if (fl_test_domain_active(d))
        return 0;
    return fl_error_set(VIR_FROM_DOMAIN, VIR_ERR_OPERATION_INVALID, "domain '%s' is not running",
                        d->item.name);
}

struct fl_test_domain *fl_test_domain_running(struct fl_test_host *host, virDomainPtr dom)
{
    struct fl_test_domain *d = fl_test_domain_of(host, dom);
    return d && fl_test_domain_need_active(d) == 0 ? d : NULL;
}

virDomainPtr fl_test_domain_public(virConnectPtr conn, const struct fl_test_domain *d)
{
    return fl_domain_new(conn, d->item.name, d->item.uuid, d->item.id);
}

int fl_test_domain_defs(struct fl_test_domain *d, unsigned int flags, struct fl_domain_def **ret_live,
                        struct fl_domain_def **ret_config)
{
    bool active = fl_test_domain_active(d);
    bool live = flags & VIR_DOMAIN_AFFECT_LIVE, config = flags & VIR_DOMAIN_AFFECT_CONFIG;
    if (!live && !config) {
        live = active;
        config = !active;
    }
    if (live && !active)
        return fl_test_domain_need_active(d);
    if (config && !d->persistent)
        return fl_error_set(VIR_FROM_DOMAIN, VIR_ERR_OPERATION_INVALID,
                            "domain '%s' is transient: it has no definition to change beyond this run",
                            d->item.name);
    *ret_live = live ? d->def : NULL;
    *ret_config = !config ? NULL : active ? d->next : d->def;
    return 0;
}

int fl_test_domain_one_def(struct fl_test_domain *d, unsigned int flags, struct fl_domain_def **ret_def)
{
    struct fl_domain_def *live, *config;
    const unsigned int both = VIR_DOMAIN_AFFECT_LIVE | VIR_DOMAIN_AFFECT_CONFIG;
    if ((flags & both) == both)
        return fl_error_set(
            VIR_FROM_DOMAIN, VIR_ERR_INVALID_ARG,
            "flags VIR_DOMAIN_AFFECT_LIVE and VIR_DOMAIN_AFFECT_CONFIG exclude each other here");
    if (fl_test_domain_defs(d, flags, &live, &config) < 0)
        return -1;
    *ret_def = live ? live : config;
    return 0;
}

void fl_test_domain_emit(struct fl_test_host *host, const struct fl_test_domain *d, int event, int detail)
{
    fl_test_event_domain(host, d->item.name, d->item.uuid, d->item.id, event, detail);
}

static struct fl_test_domain *domain_new(const struct fl_domain_def *def)
{
    struct fl_test_domain *d = g_new0(struct fl_test_domain, 1);
    fl_test_item_init(&d->item, def->name, def->uuid);
    d->state = VIR_DOMAIN_SHUTOFF;
    d->reason = VIR_DOMAIN_SHUTOFF_UNKNOWN;
    d->iothreads = g_array_new(FALSE, TRUE, sizeof(struct fl_test_iothread));
    fl_test_moments_init(&d->snapshots, fl_test_snapshot_def_free);
    fl_test_moments_init(&d->checkpoints, fl_test_checkpoint_def_free);
    return d;
}

/* The same UUID must carry the same name and the other way round. */
static int check_clash(const struct fl_test_domain *same_uuid, const struct fl_test_domain *same_name,
                       const struct fl_domain_def *def, enum fl_test_add how)
{
    char uuid[VIR_UUID_STRING_BUFLEN];
    fl_uuid_format(def->uuid, uuid);
    if (same_uuid && strcmp(same_uuid->item.name, def->name) != 0)
        return fl_error_set(VIR_FROM_DOMAIN, VIR_ERR_OPERATION_FAILED,
                            "UUID %s already belongs to domain '%s', it cannot also name '%s'", uuid,
                            same_uuid->item.name, def->name);
    if (same_uuid && how == FL_TEST_ADD_LIVE && fl_test_domain_active(same_uuid))
        return fl_error_set(VIR_FROM_DOMAIN, VIR_ERR_OPERATION_INVALID, "domain '%s' is running already",
                            def->name);
    if (same_name && (!same_uuid || how == FL_TEST_ADD_NEW)) {
        fl_uuid_format(same_name->item.uuid, uuid);
        return fl_error_set(VIR_FROM_DOMAIN, VIR_ERR_OPERATION_FAILED,
                            "the name '%s' is taken by the domain with UUID %s", def->name, uuid);
    }
    return 0;
}

struct fl_test_domain *fl_test_domain_add(struct fl_test_host *host, struct fl_domain_def *def,
                                          enum fl_test_add how)
{
    struct fl_test_domain *d = fl_test_table_by_uuid(&host->domains, def->uuid);
    if (check_clash(d, fl_test_table_by_name(&host->domains, def->name), def, how) < 0) {
        fl_domain_def_free(def);
        return NULL;
    }
    unsigned int next_target = 0;
    fl_domain_assign_targets(def, "testnet", &next_target);
    if (!d) {
        d = domain_new(def);
        d->def = def;
        fl_test_table_add(&host->domains, &d->item);
    } else if (fl_test_domain_active(d)) {
        fl_domain_def_free(d->next);
        d->next = def;
    } else if (how == FL_TEST_ADD_LIVE) {
        fl_domain_def_free(d->next);
        d->next = d->def;
        d->def = def;
    } else {
        fl_domain_def_free(d->def);
        d->def = def;
    }
    return d;
}

void fl_test_domain_drop(struct fl_test_host *host, struct fl_test_domain *d)
{
    fl_test_table_remove(&host->domains, &d->item);
    domain_free(d);
}

void fl_test_domain_start(struct fl_test_host *host, struct fl_test_domain *d, int reason)
{
    if (d->persistent && !d->next)
        d->next = fl_domain_def_copy(d->def);
    int id = host->next_domain_id++;
    d->def->id = id;
    fl_test_table_set_id(&host->domains, &d->item, id);
    d->managed_save = false;
    d->state = VIR_DOMAIN_RUNNING;
    d->reason = reason;
}

void fl_test_domain_off(struct fl_test_host *host, struct fl_test_domain *d, int reason)
{
    d->state = VIR_DOMAIN_SHUTOFF;
    d->reason = reason;
    memset(d->frozen, 0, sizeof(d->frozen));
    fl_test_table_set_id(&host->domains, &d->item, -1);
    if (d->next) {
        fl_domain_def_free(d->def);
        d->def = g_steal_pointer(&d->next);
    }
    d->def->id = -1;
}

void fl_test_domain_stop(struct fl_test_host *host, struct fl_test_domain *d, int reason, int detail)
{
    /* Compat: a domain that never had a definition of its own is announced with the id it ran under. */
    int id = d->next ? -1 : d->item.id;
    fl_test_domain_off(host, d, reason);
    fl_test_event_domain(host, d->item.name, d->item.uuid, id, VIR_DOMAIN_EVENT_STOPPED, detail);
    if (!d->persistent)
        fl_test_domain_drop(host, d);
}

/* The order of output of <domain>'s children, as far as the driver adds any. */
static const char *const domain_order[] = {
    "name",
    "uuid",
    "genid",
    "title",
    "description",
    "metadata",
    "maxMemory",
    "memory",
    "currentMemory",
    "blkiotune",
    "memtune",
    "memoryBacking",
    "vcpu",
    "vcpus",
    "iothreads",
    "iothreadids",
    "defaultiothread",
    "cputune",
    "numatune",
    "resource",
    "sysinfo",
    "bootloader",
    "bootloader_args",
    "os",
    "idmap",
    "features",
    "cpu",
    "clock",
    "on_poweroff",
    "on_reboot",
    "on_crash",
    "on_lockfailure",
    "pm",
    "perf",
    "devices",
    "seclabel",
    "keywrap",
    "launchSecurity",
    NULL,
};

static int order_of(const char *name, const char *const *order)
{
    for (int i = 0; order[i]; i++) {
        if (strcmp(order[i], name) == 0)
            return i;
    }
    return G_MAXINT;
}

struct fl_xml_node *fl_test_xml_child_in(struct fl_xml_node *parent, const char *name,
                                         const char *const *order)
{
    struct fl_xml_node *child = fl_xml_child(parent, name);
    if (child)
        return child;
    struct fl_xml_node *before = parent->first;
    while (before && order_of(before->name ? before->name : "", order) <= order_of(name, order))
        before = before->next;
    child = fl_xml_new(name);
    fl_xml_insert(parent, child, before);
    return child;
}

struct fl_xml_node *fl_test_domain_section(struct fl_domain_def *def, const char *name)
{
    return fl_test_xml_child_in(def->root, name, domain_order);
}

void fl_test_domain_section_prune(struct fl_domain_def *def, const char *name)
{
    struct fl_xml_node *node = fl_xml_child(def->root, name);
    if (node && !node->first && !node->attrs)
        fl_xml_free(node);
}
