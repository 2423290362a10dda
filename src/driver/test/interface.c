/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Host interfaces, with the one transaction a host can have open: begin, then commit or roll back. */
#define FL_FROM VIR_FROM_TEST
#include <string.h>
#include "driver/test/interface.h"
#include "driver/test/ops.h"

void fl_test_interface_free_item(struct fl_test_item *item)
{
    struct fl_test_interface *i = (struct fl_test_interface *)item;
    fl_iface_def_free(i->def);
    fl_test_item_fini(item);
    g_free(i);
}

static bool pick_active(const struct fl_test_item *item)
{
    return ((const struct fl_test_interface *)item)->active;
}

static bool pick_inactive(const struct fl_test_item *item)
{
    return !pick_active(item);
}

int fl_test_connect_num_of_interfaces(virConnectPtr conn)
{
    TEST_READ_CONN(conn);
    return fl_test_table_count(&host->interfaces, pick_active);
}

int fl_test_connect_list_interfaces(virConnectPtr conn, char **names, int max)
{
    TEST_READ_CONN(conn);
    return fl_test_table_names(&host->interfaces, pick_active, names, max);
}

int fl_test_connect_num_of_defined_interfaces(virConnectPtr conn)
{
    TEST_READ_CONN(conn);
    return fl_test_table_count(&host->interfaces, pick_inactive);
}

int fl_test_connect_list_defined_interfaces(virConnectPtr conn, char **names, int max)
{
    TEST_READ_CONN(conn);
    return fl_test_table_names(&host->interfaces, pick_inactive, names, max);
}

static virInterfacePtr interface_public(virConnectPtr conn, const struct fl_test_interface *i)
{
    return fl_interface_new(conn, i->item.name, i->def->mac ? i->def->mac : "");
}

int fl_test_connect_list_all_interfaces(virConnectPtr conn, virInterfacePtr **ifaces, unsigned int flags)
{
    const unsigned int both = VIR_CONNECT_LIST_INTERFACES_ACTIVE | VIR_CONNECT_LIST_INTERFACES_INACTIVE;
    if (fl_check_flags(flags, both) < 0)
        return -1;
    TEST_READ_CONN(conn);
    virInterfacePtr *list =
        ifaces ? FL_TEST_ARRAY(virInterfacePtr, g_queue_get_length(&host->interfaces.order)) : NULL;
    struct fl_test_interface *i;
    int n = 0;
    FL_TEST_EACH(&host->interfaces, struct fl_test_interface *, i)
    {
        if ((flags & both) && !(flags & (i->active ? VIR_CONNECT_LIST_INTERFACES_ACTIVE
                                                   : VIR_CONNECT_LIST_INTERFACES_INACTIVE)))
            continue;
        if (list)
            list[n] = interface_public(conn, i);
        n++;
    }
    if (ifaces)
        *ifaces = list;
    return n;
}

static struct fl_test_interface *interface_by_name(struct fl_test_host *host, const char *name)
{
    struct fl_test_interface *i = fl_test_table_by_name(&host->interfaces, name);
    return i ? i : fl_error_null(VIR_ERR_NO_INTERFACE, "this test host has no interface '%s'", name);
}

virInterfacePtr fl_test_interface_lookup_by_name(virConnectPtr conn, const char *name)
{
    TEST_READ_CONN(conn);
    struct fl_test_interface *i = interface_by_name(host, name);
    return i ? interface_public(conn, i) : NULL;
}

virInterfacePtr fl_test_interface_lookup_by_mac_string(virConnectPtr conn, const char *mac)
{
    TEST_READ_CONN(conn);
    struct fl_test_interface *i, *found = NULL;
    FL_TEST_EACH(&host->interfaces, struct fl_test_interface *, i)
    {
        if (!i->def->mac || g_ascii_strcasecmp(i->def->mac, mac) != 0)
            continue;
        if (found)
            return fl_error_null(VIR_ERR_MULTIPLE_INTERFACES, "'%s' and '%s' both have the address %s",
                                 found->item.name, i->item.name, mac);
        found = i;
    }
    if (!found)
        return fl_error_null(VIR_ERR_NO_INTERFACE, "this test host has no interface with the address '%s'",
                             mac);
    return interface_public(conn, found);
}

struct fl_test_interface *fl_test_interface_add(struct fl_test_table *table, struct fl_iface_def *def)
{
    struct fl_test_interface *i = fl_test_table_by_name(table, def->name);
    if (i) {
        fl_iface_def_free(i->def);
        i->def = def;
        return i;
    }
    i = g_new0(struct fl_test_interface, 1);
    fl_test_item_init(&i->item, def->name, NULL);
    i->def = def;
    fl_test_table_add(table, &i->item);
    return i;
}

virInterfacePtr fl_test_interface_define_xml(virConnectPtr conn, const char *xml, unsigned int flags)
{
    struct fl_iface_def *def;
    if (fl_check_flags(flags, VIR_INTERFACE_DEFINE_VALIDATE) < 0 ||
        fl_iface_def_parse(xml, NULL, 0, &def) < 0)
        return NULL;
    TEST_WRITE_CONN(conn);
    return interface_public(conn, fl_test_interface_add(&host->interfaces, def));
}

int fl_test_interface_undefine(virInterfacePtr iface)
{
    TEST_WRITE(iface);
    struct fl_test_interface *i = interface_by_name(host, iface->name);
    if (!i)
        return -1;
    fl_test_table_remove(&host->interfaces, &i->item);
    fl_test_interface_free_item(&i->item);
    return 0;
}

static int interface_switch(virInterfacePtr iface, bool on)
{
    TEST_WRITE(iface);
    struct fl_test_interface *i = interface_by_name(host, iface->name);
    if (!i)
        return -1;
    if (i->active == on)
        return fl_error(VIR_ERR_OPERATION_INVALID, "interface '%s' is %s already", iface->name,
                        on ? "up" : "down");
    i->active = on;
    return 0;
}

int fl_test_interface_create(virInterfacePtr iface, unsigned int flags)
{
    return fl_check_flags(flags, 0) < 0 ? -1 : interface_switch(iface, true);
}

int fl_test_interface_destroy(virInterfacePtr iface, unsigned int flags)
{
    return fl_check_flags(flags, 0) < 0 ? -1 : interface_switch(iface, false);
}

int fl_test_interface_is_active(virInterfacePtr iface)
{
    TEST_READ(iface);
    struct fl_test_interface *i = interface_by_name(host, iface->name);
    return i ? i->active : -1;
}

char *fl_test_interface_get_xml_desc(virInterfacePtr iface, unsigned int flags)
{
    if (fl_check_flags(flags, 0) < 0)
        return NULL;
    TEST_READ(iface);
    struct fl_test_interface *i = interface_by_name(host, iface->name);
    return i ? fl_iface_def_format(i->def) : NULL;
}

static struct fl_test_table *backup_take(const struct fl_test_table *from)
{
    struct fl_test_table *copy = g_new0(struct fl_test_table, 1);
    struct fl_test_interface *i;
    fl_test_table_init(copy);
    FL_TEST_EACH(from, struct fl_test_interface *, i)
    {
        fl_test_interface_add(copy, fl_iface_def_copy(i->def))->active = i->active;
    }
    return copy;
}

static void table_clear(struct fl_test_table *table)
{
    struct fl_test_item *item;
    FL_TEST_EACH(table, struct fl_test_item *, item)
    {
        fl_test_interface_free_item(item);
    }
    fl_test_table_fini(table);
}

int fl_test_interface_change_begin(virConnectPtr conn, unsigned int flags)
{
    if (fl_check_flags(flags, 0) < 0)
        return -1;
    TEST_WRITE_CONN(conn);
    if (host->iface_backup)
        return fl_error(VIR_ERR_OPERATION_INVALID,
                        "a change of the interfaces is under way: commit it or roll it back first");
    host->iface_backup = backup_take(&host->interfaces);
    return 0;
}

int fl_test_interface_change_commit(virConnectPtr conn, unsigned int flags)
{
    if (fl_check_flags(flags, 0) < 0)
        return -1;
    TEST_WRITE_CONN(conn);
    if (!host->iface_backup)
        return fl_error(VIR_ERR_OPERATION_INVALID,
                        "no change of the interfaces is under way, so none can be committed");
    table_clear(host->iface_backup);
    g_clear_pointer(&host->iface_backup, g_free);
    return 0;
}

int fl_test_interface_change_rollback(virConnectPtr conn, unsigned int flags)
{
    if (fl_check_flags(flags, 0) < 0)
        return -1;
    TEST_WRITE_CONN(conn);
    if (!host->iface_backup)
        return fl_error(VIR_ERR_OPERATION_INVALID,
                        "no change of the interfaces is under way, so none can be undone");
    struct fl_test_interface *i;
    table_clear(&host->interfaces);
    host->interfaces = *host->iface_backup;
    /* Compat: the peer brings the interfaces back without bringing them up. */
    FL_TEST_EACH(&host->interfaces, struct fl_test_interface *, i)
    {
        i->active = false;
    }
    g_clear_pointer(&host->iface_backup, g_free);
    return 0;
}
