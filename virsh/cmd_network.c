/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Virtual networks. */
#include "shell.h"
#include "handlers.h"
#include "list.h"

#include <string.h>
#include <time.h>

FL_LIST_HELPERS(Network)

static const char *yes_no(int value)
{
    return value < 0 ? "unknown" : value ? "yes" : "no";
}

static unsigned int list_flags(struct fl_call *c)
{
    unsigned int flags = fl_flags(
        c, "inactive", VIR_CONNECT_LIST_NETWORKS_INACTIVE, "all",
        VIR_CONNECT_LIST_NETWORKS_ACTIVE | VIR_CONNECT_LIST_NETWORKS_INACTIVE, "persistent",
        VIR_CONNECT_LIST_NETWORKS_PERSISTENT, "transient", VIR_CONNECT_LIST_NETWORKS_TRANSIENT, "autostart",
        VIR_CONNECT_LIST_NETWORKS_AUTOSTART, "no-autostart", VIR_CONNECT_LIST_NETWORKS_NO_AUTOSTART, NULL);

    if (!fl_flag(c, "inactive"))
        flags |= VIR_CONNECT_LIST_NETWORKS_ACTIVE;
    return flags;
}

static void list_table(struct fl_call *c, virNetworkPtr *nets, int n)
{
    struct fl_table *t = fl_table_new("Name", "name", "State", "state", "Autostart", "autostart?",
                                      "Persistent", "persistent?", NULL);

    for (int i = 0; i < n; i++) {
        int autostart = 0, active;
        const char *text = "no autostart", *unknown = fl_json(c) ? NULL : "unknown";

        if (virNetworkGetAutostart(nets[i], &autostart) == 0)
            text = autostart ? "yes" : "no";
        active = virNetworkIsActive(nets[i]);
        fl_table_add(t, virNetworkGetName(nets[i]),
                     active < 0 ? unknown
                     : active   ? "active"
                                : "inactive",
                     text, yes_no(virNetworkIsPersistent(nets[i])), NULL);
    }
    virResetLastError();
    fl_table_print(c, t);
}

static void list_words(struct fl_call *c, virNetworkPtr *nets, int n)
{
    void *array = fl_json(c) ? fl_json_array() : NULL;

    for (int i = 0; i < n; i++) {
        char uuid[VIR_UUID_STRING_BUFLEN] = "";
        bool name = fl_flag(c, "name");

        virNetworkGetUUIDString(nets[i], uuid);
        if (array)
            fl_json_append(array, fl_json_string(name ? virNetworkGetName(nets[i]) : uuid));
        else
            fl_out(c, "%s\n", name ? virNetworkGetName(nets[i]) : uuid);
    }
    if (array)
        fl_document_set(c, array);
}

int fl_cmd_net_list(struct fl_call *c)
{
    virNetworkPtr *nets = NULL;
    int n;

    if (fl_exclusive(c, "table", "name") < 0 || fl_exclusive(c, "table", "uuid") < 0 ||
        fl_exclusive(c, "name", "uuid") < 0)
        return -1;
    n = virConnectListAllNetworks(c->conn, &nets, list_flags(c));
    if (n < 0)
        return fl_fail(c, "failed to list networks");
    sort_Network(nets, n);
    if (fl_flag(c, "name") || fl_flag(c, "uuid"))
        list_words(c, nets, n);
    else
        list_table(c, nets, n);
    free_Network(nets, n);
    return 0;
}

int fl_cmd_net_info(struct fl_call *c)
{
    char uuid[VIR_UUID_STRING_BUFLEN];
    int autostart;
    g_autofree char *bridge = NULL;

    fl_field(c, 16, "Name:", "name", "%s", virNetworkGetName(c->net));
    if (virNetworkGetUUIDString(c->net, uuid) == 0)
        fl_field(c, 16, "UUID:", "uuid", "%s", uuid);
    fl_field(c, 16, "Active:", "active?", "%s", yes_no(virNetworkIsActive(c->net)));
    fl_field(c, 16, "Persistent:", "persistent?", "%s", yes_no(virNetworkIsPersistent(c->net)));
    if (virNetworkGetAutostart(c->net, &autostart) < 0)
        fl_field(c, 16, "Autostart:", "autostart?", "no autostart");
    else
        fl_field(c, 16, "Autostart:", "autostart?", "%s", autostart ? "yes" : "no");
    bridge = virNetworkGetBridgeName(c->net);
    if (bridge)
        fl_field(c, 16, "Bridge:", "bridge", "%s", bridge);
    else if (fl_json(c))
        fl_json_set_text(fl_document(c), "bridge", "-"); /* null */
    virResetLastError();
    return 0;
}

int fl_cmd_net_name(struct fl_call *c)
{
    fl_out(c, "%s\n", virNetworkGetName(c->net));
    return 0;
}

int fl_cmd_net_uuid(struct fl_call *c)
{
    char uuid[VIR_UUID_STRING_BUFLEN];

    if (virNetworkGetUUIDString(c->net, uuid) < 0)
        return fl_fail(c, "failed to get the UUID of the network");
    fl_out(c, "%s\n", uuid);
    return 0;
}

int fl_cmd_net_autostart(struct fl_call *c)
{
    bool off = fl_flag(c, "disable");

    return fl_result(c, virNetworkSetAutostart(c->net, !off),
                     off ? "unmark as autostarted network" : "mark as autostarted network",
                     virNetworkGetName(c->net),
                     off ? "Network %s unmarked as autostarted\n" : "Network %s marked as autostarted\n");
}

int fl_cmd_net_create(struct fl_call *c)
{
    unsigned int flags = fl_flags(c, "validate", VIR_NETWORK_CREATE_VALIDATE, NULL);
    g_autofree char *xml = NULL;
    g_autoptr(virNetwork) net = NULL;

    if (fl_arg_file(c, "file", &xml) < 0)
        return -1;
    net = flags ? virNetworkCreateXMLFlags(c->conn, xml, flags) : virNetworkCreateXML(c->conn, xml);
    if (!net)
        return fl_fail(c, "failed to create a network from '%s'", fl_arg(c, "file"));
    fl_extra(c, "Network %s created from %s\n", virNetworkGetName(net), fl_arg(c, "file"));
    return 0;
}

int fl_cmd_net_define(struct fl_call *c)
{
    unsigned int flags = fl_flags(c, "validate", VIR_NETWORK_DEFINE_VALIDATE, NULL);
    g_autofree char *xml = NULL;
    g_autoptr(virNetwork) net = NULL;

    if (fl_arg_file(c, "file", &xml) < 0)
        return -1;
    net = flags ? virNetworkDefineXMLFlags(c->conn, xml, flags) : virNetworkDefineXML(c->conn, xml);
    if (!net)
        return fl_fail(c, "failed to define a network from '%s'", fl_arg(c, "file"));
    fl_extra(c, "Network %s defined from %s\n", virNetworkGetName(net), fl_arg(c, "file"));
    return 0;
}

int fl_cmd_net_destroy(struct fl_call *c)
{
    return fl_result(c, virNetworkDestroy(c->net), "destroy network", virNetworkGetName(c->net),
                     "Network %s destroyed\n");
}

int fl_cmd_net_start(struct fl_call *c)
{
    return fl_result(c, virNetworkCreate(c->net), "start network", virNetworkGetName(c->net),
                     "Network %s started\n");
}

int fl_cmd_net_undefine(struct fl_call *c)
{
    return fl_result(c, virNetworkUndefine(c->net), "undefine network", virNetworkGetName(c->net),
                     "Network %s has been undefined\n");
}

int fl_cmd_net_dumpxml(struct fl_call *c)
{
    unsigned int flags = fl_flags(c, "inactive", VIR_NETWORK_XML_INACTIVE, NULL);

    return fl_take_xml(c, virNetworkGetXMLDesc(c->net, flags), "the network");
}

int fl_cmd_net_edit(struct fl_call *c)
{
    const char *name = virNetworkGetName(c->net);
    g_autofree char *xml = virNetworkGetXMLDesc(c->net, VIR_NETWORK_XML_INACTIVE), *edited = NULL;
    g_autoptr(virNetwork) net = NULL;
    int changed;

    if (!xml)
        return fl_fail(c, "failed to get the XML of network '%s'", name);
    changed = fl_edit_text(c, xml, &edited);
    if (changed <= 0) {
        if (changed == 0)
            fl_extra(c, "Network %s XML configuration not changed.\n", name);
        return changed;
    }
    net = virNetworkDefineXML(c->conn, edited);
    if (!net)
        return fl_fail(c, "the edited XML of network '%s' was refused; the definition is unchanged", name);
    fl_extra(c, "Network %s XML configuration edited.\n", virNetworkGetName(net));
    return 0;
}

static int update_words(struct fl_call *c, int *ret_command, int *ret_section)
{
    static const char *const commands[] = { "modify", "delete", "add-last", "add-first" };
    static const char *const sections[] = { "bridge",
                                            "domain",
                                            "ip",
                                            "ip-dhcp-host",
                                            "ip-dhcp-range",
                                            "forward",
                                            "forward-interface",
                                            "forward-pf",
                                            "portgroup",
                                            "dns-host",
                                            "dns-txt",
                                            "dns-srv" };
    const char *command = fl_arg(c, "command"), *section = fl_arg(c, "section");

    if (strcmp(command, "add") == 0)
        command = "add-last";
    *ret_command = *ret_section = 0;
    for (int i = 0; i < (int)G_N_ELEMENTS(commands); i++)
        if (strcmp(commands[i], command) == 0)
            *ret_command = i + 1;
    for (int i = 0; i < (int)G_N_ELEMENTS(sections); i++)
        if (strcmp(sections[i], section) == 0)
            *ret_section = i + 1;
    if (!*ret_command)
        return fl_wrong(c, "<command> is modify, delete, add-last or add-first, not '%s'", command);
    if (!*ret_section)
        return fl_wrong(c, "<section> '%s' is unknown", section);
    return 0;
}

int fl_cmd_net_update(struct fl_call *c)
{
    int command, section, parent = -1;
    const char *text = fl_arg(c, "xml");
    bool live = fl_flag(c, "live"), config = fl_flag(c, "config");
    unsigned int flags = 0;
    g_autofree char *xml = NULL;

    if (fl_affect(c, &flags) < 0 || fl_arg_int(c, "parent-index", &parent) < 0 ||
        update_words(c, &command, &section) < 0)
        return -1;
    if (*text == '<')
        xml = g_strdup(text);
    else if (fl_read_file(c, text, &xml) < 0)
        return -1;
    if (virNetworkUpdate(c->net, (unsigned int)command, (unsigned int)section, parent, xml, flags) < 0)
        return fl_fail(c, "failed to update network '%s'", virNetworkGetName(c->net));
    if (config && live)
        fl_out(c, "Updated network %s persistent config and live state", virNetworkGetName(c->net));
    else if (config || (!live && virNetworkIsActive(c->net) == 0))
        fl_out(c, "Updated network %s persistent config", virNetworkGetName(c->net));
    else
        fl_out(c, "Updated network %s live state", virNetworkGetName(c->net));
    return 0;
}

int fl_cmd_net_dhcp_leases(struct fl_call *c)
{
    virNetworkDHCPLeasePtr *leases = NULL;
    int n = virNetworkGetDHCPLeases(c->net, fl_arg(c, "mac"), &leases, 0);
    struct fl_table *t;

    if (n < 0)
        return fl_fail(c, "failed to get the leases of network '%s'", virNetworkGetName(c->net));
    t = fl_table_new("Expiry Time", "expiry", "MAC address", "mac", "Protocol", "protocol", "IP address",
                     "address", "Hostname", "hostname", "Client ID or DUID", "client_id", NULL);
    for (int i = 0; i < n; i++) {
        virNetworkDHCPLeasePtr l = leases[i];
        g_autoptr(GDateTime) when = g_date_time_new_from_unix_local(l->expirytime);
        g_autofree char *expiry = when ? g_date_time_format(when, "%Y-%m-%d %H:%M:%S") : NULL;
        g_autofree char *address = g_strdup_printf("%s/%u", l->ipaddr, l->prefix);
        const char *protocol = l->type == VIR_IP_ADDR_TYPE_IPV4   ? "ipv4"
                               : l->type == VIR_IP_ADDR_TYPE_IPV6 ? "ipv6"
                                                                  : "";

        fl_table_add(t, expiry, l->mac, protocol, address, l->hostname, l->clientid, NULL);
        virNetworkDHCPLeaseFree(l);
    }
    free(leases);
    fl_table_print(c, t);
    return 0;
}

static virNetworkPortPtr port_by(struct fl_call *c)
{
    virNetworkPortPtr port = virNetworkPortLookupByUUIDString(c->net, fl_arg(c, "port"));

    if (!port)
        fl_fail(c, "failed to get network port '%s'", fl_arg(c, "port"));
    return port;
}

int fl_cmd_net_port_list(struct fl_call *c)
{
    virNetworkPortPtr *ports = NULL;
    int n = virNetworkListAllPorts(c->net, &ports, 0);
    struct fl_table *t;

    if (fl_exclusive(c, "table", "uuid") < 0)
        return -1;
    if (n < 0)
        return fl_fail(c, "failed to list the ports of network '%s'", virNetworkGetName(c->net));
    t = fl_table_new("UUID", "uuid", NULL);
    for (int i = 0; i < n; i++) {
        char uuid[VIR_UUID_STRING_BUFLEN] = "";

        virNetworkPortGetUUIDString(ports[i], uuid);
        if (fl_flag(c, "uuid") && !fl_json(c))
            fl_out(c, "%s\n", uuid);
        fl_table_add(t, uuid, NULL);
        virNetworkPortFree(ports[i]);
    }
    free(ports);
    if (fl_flag(c, "uuid") && !fl_json(c))
        c->sh->quiet ? (void)0 : (void)0;
    else
        fl_table_print(c, t);
    return 0;
}

int fl_cmd_net_port_create(struct fl_call *c)
{
    unsigned int flags = fl_flags(c, "validate", VIR_NETWORK_PORT_CREATE_VALIDATE, NULL);
    char uuid[VIR_UUID_STRING_BUFLEN] = "";
    g_autofree char *xml = NULL;
    virNetworkPortPtr port;

    if (fl_arg_file(c, "file", &xml) < 0)
        return -1;
    port = virNetworkPortCreateXML(c->net, xml, flags);
    if (!port)
        return fl_fail(c, "failed to create a network port from '%s'", fl_arg(c, "file"));
    virNetworkPortGetUUIDString(port, uuid);
    fl_extra(c, "Network port %s created from %s\n", uuid, fl_arg(c, "file"));
    virNetworkPortFree(port);
    return 0;
}

int fl_cmd_net_port_dumpxml(struct fl_call *c)
{
    virNetworkPortPtr port = port_by(c);
    char *xml;

    if (!port)
        return -1;
    xml = virNetworkPortGetXMLDesc(port, 0);
    fl_kept(c, xml ? 0 : -1);
    virNetworkPortFree(port);
    return fl_take_xml(c, xml, "the network port");
}

int fl_cmd_net_port_delete(struct fl_call *c)
{
    virNetworkPortPtr port = port_by(c);
    int status;

    if (!port)
        return -1;
    status = fl_kept(c, virNetworkPortDelete(port, 0));
    virNetworkPortFree(port);
    return fl_result(c, status, "delete network port", fl_arg(c, "port"), "Network port %s deleted\n");
}
