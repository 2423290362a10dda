/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Virtual networks: listing, finding, defining, starting, updating. */
#define FL_FROM VIR_FROM_TEST
#include <string.h>
#include "driver/test/network.h"
#include "driver/test/ops.h"

void fl_test_network_free_item(struct fl_test_item *item)
{
    struct fl_test_network *n = (struct fl_test_network *)item;
    fl_network_def_free(n->def);
    fl_network_def_free(n->next);
    fl_test_item_fini(item);
    g_free(n);
}

static bool pick_active(const struct fl_test_item *item)
{
    return ((const struct fl_test_network *)item)->active;
}

static bool pick_inactive(const struct fl_test_item *item)
{
    return !pick_active(item);
}

int fl_test_connect_num_of_networks(virConnectPtr conn)
{
    TEST_READ_CONN(conn);
    return fl_test_table_count(&host->networks, pick_active);
}

int fl_test_connect_list_networks(virConnectPtr conn, char **names, int max)
{
    TEST_READ_CONN(conn);
    return fl_test_table_names(&host->networks, pick_active, names, max);
}

int fl_test_connect_num_of_defined_networks(virConnectPtr conn)
{
    TEST_READ_CONN(conn);
    return fl_test_table_count(&host->networks, pick_inactive);
}

int fl_test_connect_list_defined_networks(virConnectPtr conn, char **names, int max)
{
    TEST_READ_CONN(conn);
    return fl_test_table_names(&host->networks, pick_inactive, names, max);
}

static bool pair_ok(unsigned int flags, unsigned int yes, unsigned int no, bool holds)
{
    return !(flags & (yes | no)) || (flags & (holds ? yes : no));
}

static virNetworkPtr network_public(virConnectPtr conn, const struct fl_test_network *n)
{
    return fl_network_new(conn, n->item.name, n->item.uuid);
}

int fl_test_connect_list_all_networks(virConnectPtr conn, virNetworkPtr **nets, unsigned int flags)
{
    if (fl_check_flags(flags, 0x3f) < 0)
        return -1;
    TEST_READ_CONN(conn);
    virNetworkPtr *list =
        nets ? FL_TEST_ARRAY(virNetworkPtr, g_queue_get_length(&host->networks.order)) : NULL;
    struct fl_test_network *n;
    int count = 0;
    FL_TEST_EACH(&host->networks, struct fl_test_network *, n)
    {
        if (!pair_ok(flags, VIR_CONNECT_LIST_NETWORKS_ACTIVE, VIR_CONNECT_LIST_NETWORKS_INACTIVE,
                     n->active) ||
            !pair_ok(flags, VIR_CONNECT_LIST_NETWORKS_PERSISTENT, VIR_CONNECT_LIST_NETWORKS_TRANSIENT,
                     n->persistent) ||
            !pair_ok(flags, VIR_CONNECT_LIST_NETWORKS_AUTOSTART, VIR_CONNECT_LIST_NETWORKS_NO_AUTOSTART,
                     n->autostart))
            continue;
        if (list)
            list[count] = network_public(conn, n);
        count++;
    }
    if (nets)
        *nets = list;
    return count;
}

static struct fl_test_network *network_of(struct fl_test_host *host, virNetworkPtr net)
{
    struct fl_test_network *n = fl_test_table_by_uuid(&host->networks, net->uuid);
    if (!n)
        return fl_error_null(VIR_ERR_NO_NETWORK, "'%s' is not defined on this test host any more", net->name);
    return n;
}

virNetworkPtr fl_test_network_lookup_by_name(virConnectPtr conn, const char *name)
{
    TEST_READ_CONN(conn);
    struct fl_test_network *n = fl_test_table_by_name(&host->networks, name);
    return n ? network_public(conn, n) : fl_error_null(VIR_ERR_NO_NETWORK, "no network is called '%s'", name);
}

virNetworkPtr fl_test_network_lookup_by_uuid(virConnectPtr conn, const unsigned char *uuid)
{
    TEST_READ_CONN(conn);
    struct fl_test_network *n = fl_test_table_by_uuid(&host->networks, uuid);
    char text[VIR_UUID_STRING_BUFLEN];
    fl_uuid_format(uuid, text);
    return n ? network_public(conn, n) : fl_error_null(VIR_ERR_NO_NETWORK, "no network has UUID %s", text);
}

static int check_clash(struct fl_test_host *host, const struct fl_test_network *same,
                       const struct fl_network_def *def, bool live)
{
    const struct fl_test_network *by_name = fl_test_table_by_name(&host->networks, def->name);
    if (same && strcmp(same->item.name, def->name) != 0)
        return fl_error_set(VIR_FROM_NETWORK, VIR_ERR_OPERATION_FAILED,
                            "the UUID of '%s' already belongs to network '%s'", def->name, same->item.name);
    if (same && live && same->active)
        return fl_error_set(VIR_FROM_NETWORK, VIR_ERR_OPERATION_INVALID, "network '%s' is active already",
                            def->name);
    if (by_name && !same)
        return fl_error_set(VIR_FROM_NETWORK, VIR_ERR_OPERATION_FAILED,
                            "the name '%s' is taken by a network with another UUID", def->name);
    return 0;
}

struct fl_test_network *fl_test_network_add(struct fl_test_host *host, struct fl_network_def *def, bool live)
{
    struct fl_test_network *n = fl_test_table_by_uuid(&host->networks, def->uuid);
    if (check_clash(host, n, def, live) < 0) {
        fl_network_def_free(def);
        return NULL;
    }
    if (!n) {
        n = g_new0(struct fl_test_network, 1);
        fl_test_item_init(&n->item, def->name, def->uuid);
        n->def = def;
        fl_test_table_add(&host->networks, &n->item);
    } else if (n->active) {
        fl_network_def_free(n->next);
        n->next = def;
    } else if (live) {
        fl_network_def_free(n->next);
        n->next = n->def;
        n->def = def;
    } else {
        fl_network_def_free(n->def);
        n->def = def;
    }
    return n;
}

virNetworkPtr fl_test_network_create_xml_flags(virConnectPtr conn, const char *xml, unsigned int flags)
{
    struct fl_network_def *def;
    if (fl_check_flags(flags, 1) < 0 || fl_network_def_parse(xml, NULL, 0, &def) < 0)
        return NULL;
    TEST_WRITE_CONN(conn);
    struct fl_test_network *n = fl_test_network_add(host, def, true);
    if (!n)
        return NULL;
    n->active = true;
    fl_test_event_network(host, &n->item, VIR_NETWORK_EVENT_STARTED, 0);
    return network_public(conn, n);
}

virNetworkPtr fl_test_network_create_xml(virConnectPtr conn, const char *xml)
{
    return fl_test_network_create_xml_flags(conn, xml, 0);
}

virNetworkPtr fl_test_network_define_xml_flags(virConnectPtr conn, const char *xml, unsigned int flags)
{
    struct fl_network_def *def;
    if (fl_check_flags(flags, 1) < 0 || fl_network_def_parse(xml, NULL, 0, &def) < 0)
        return NULL;
    TEST_WRITE_CONN(conn);
    struct fl_test_network *n = fl_test_network_add(host, def, false);
    if (!n)
        return NULL;
    n->persistent = true;
    fl_test_event_network(host, &n->item, VIR_NETWORK_EVENT_DEFINED, 0);
    return network_public(conn, n);
}

virNetworkPtr fl_test_network_define_xml(virConnectPtr conn, const char *xml)
{
    return fl_test_network_define_xml_flags(conn, xml, 0);
}

static void network_drop(struct fl_test_host *host, struct fl_test_network *n)
{
    fl_test_table_remove(&host->networks, &n->item);
    fl_test_network_free_item(&n->item);
}

int fl_test_network_undefine(virNetworkPtr net)
{
    TEST_WRITE(net);
    struct fl_test_network *n = network_of(host, net);
    if (!n)
        return -1;
    if (n->active)
        return fl_error(VIR_ERR_OPERATION_INVALID, "network '%s' is active: destroy it before undefining",
                        net->name);
    fl_test_event_network(host, &n->item, VIR_NETWORK_EVENT_UNDEFINED, 0);
    network_drop(host, n);
    return 0;
}

/* Which definitions `flags` mean: [0] as it is now, [1] the next start's. */
static int update_targets(struct fl_test_network *n, unsigned int flags, struct fl_network_def *defs[2])
{
    bool live = flags & VIR_NETWORK_UPDATE_AFFECT_LIVE, config = flags & VIR_NETWORK_UPDATE_AFFECT_CONFIG;
    if (!live && !config) {
        live = n->active;
        config = !n->active;
    }
    if (live && !n->active)
        return fl_error_set(VIR_FROM_NETWORK, VIR_ERR_OPERATION_INVALID, "network '%s' is not active",
                            n->item.name);
    if (config && !n->persistent)
        return fl_error_set(VIR_FROM_NETWORK, VIR_ERR_OPERATION_INVALID,
                            "network '%s' is transient: it has no definition beyond this run", n->item.name);
    if (config && n->active && !n->next)
        n->next = fl_network_def_copy(n->def);
    defs[0] = live ? n->def : NULL;
    defs[1] = !config ? NULL : n->active ? n->next : n->def;
    return 0;
}

int fl_test_network_update(virNetworkPtr net, unsigned int command, unsigned int section, int parent_index,
                           const char *xml, unsigned int flags)
{
    if (fl_check_flags(flags, VIR_NETWORK_UPDATE_AFFECT_LIVE | VIR_NETWORK_UPDATE_AFFECT_CONFIG) < 0)
        return -1;
    TEST_WRITE(net);
    struct fl_test_network *n = network_of(host, net);
    struct fl_network_def *defs[2];
    if (!n || update_targets(n, flags, defs) < 0)
        return -1;
    for (int i = 0; i < 2; i++) {
        if (defs[i] && fl_network_def_update(defs[i], command, section, parent_index, xml) < 0)
            return -1;
    }
    return 0;
}

int fl_test_network_create(virNetworkPtr net)
{
    TEST_WRITE(net);
    struct fl_test_network *n = network_of(host, net);
    if (!n)
        return -1;
    if (n->active)
        return fl_error(VIR_ERR_OPERATION_INVALID, "network '%s' is active already", net->name);
    n->active = true;
    fl_test_event_network(host, &n->item, VIR_NETWORK_EVENT_STARTED, 0);
    return 0;
}

int fl_test_network_destroy(virNetworkPtr net)
{
    TEST_WRITE(net);
    struct fl_test_network *n = network_of(host, net);
    if (!n)
        return -1;
    /* Compat: stopping what is stopped succeeds, with the event. */
    n->active = false;
    if (n->next) {
        fl_network_def_free(n->def);
        n->def = g_steal_pointer(&n->next);
    }
    fl_test_event_network(host, &n->item, VIR_NETWORK_EVENT_STOPPED, 0);
    if (!n->persistent)
        network_drop(host, n);
    return 0;
}

char *fl_test_network_get_xml_desc(virNetworkPtr net, unsigned int flags)
{
    if (fl_check_flags(flags, 0) < 0)
        return NULL;
    TEST_READ(net);
    struct fl_test_network *n = network_of(host, net);
    return n ? fl_network_def_format(n->def, flags) : NULL;
}

char *fl_test_network_get_bridge_name(virNetworkPtr net)
{
    TEST_READ(net);
    struct fl_test_network *n = network_of(host, net);
    if (!n)
        return NULL;
    if (!n->def->bridge)
        return fl_error_null(VIR_ERR_INTERNAL_ERROR, "network '%s' names no bridge", net->name);
    return g_strdup(n->def->bridge);
}

int fl_test_network_get_autostart(virNetworkPtr net, int *autostart)
{
    TEST_READ(net);
    struct fl_test_network *n = network_of(host, net);
    if (!n)
        return -1;
    *autostart = n->autostart;
    return 0;
}

int fl_test_network_set_autostart(virNetworkPtr net, int autostart)
{
    TEST_WRITE(net);
    struct fl_test_network *n = network_of(host, net);
    if (!n)
        return -1;
    n->autostart = autostart != 0;
    return 0;
}

int fl_test_network_is_active(virNetworkPtr net)
{
    TEST_READ(net);
    struct fl_test_network *n = network_of(host, net);
    return n ? n->active : -1;
}

int fl_test_network_is_persistent(virNetworkPtr net)
{
    TEST_READ(net);
    struct fl_test_network *n = network_of(host, net);
    return n ? n->persistent : -1;
}
