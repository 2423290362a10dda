/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Host interfaces: ethernet, bridge, bond, vlan. */
#define FL_FROM VIR_FROM_INTERFACE

#include <string.h>

#include "base/error.h"
#include "base/util.h"
#include "model/host.h"
#include "model/rows.h"

static const char default_name[] = "(interface_definition)";

ROWS(start_rows) = { ATTR_E("mode", "onboot|none|hotplug", .flags = FL_REQ), END };
ROWS(mtu_rows) = { ATTR_T("size", UINT), END };
ROWS(dhcp_rows) = { ATTR_T("peerdns", YESNO), END };
ROWS(ip_rows) = { ATTR("address"), ATTR_T("prefix", UINT), END };
ROWS(route_rows) = { ATTR("gateway"), END };
ROWS(protocol_rows) = {
    ATTR_E("family", "ipv4|ipv6", .flags = FL_REQ),
    FLAG("autoconf", .when = "family=ipv6"),
    ELEM("dhcp", dhcp_rows, .flags = FL_KEEP),
    LIST("ip", ip_rows),
    ELEM("route", route_rows),
    END,
};
ROWS(link_rows) = {
    ATTR_T("speed", UINT, .flags = FL_NONZERO),
    ATTR_E("state", "unknown|notpresent|down|lowerlayerdown|testing|dormant|up"),
    END,
};
ROWS(mac_rows) = { ATTR("address"), END };

static const struct fl_row interface_rows[];

ROWS(bridge_rows) = {
    ATTR_T("stp", ONOFF),
    ATTR("delay"),
    LIST("interface", interface_rows, .flags = FL_OPEN_KEPT),
    END,
};
ROWS(miimon_rows) = {
    ATTR_T("freq", UINT, .flags = FL_REQ),
    ATTR_T("downdelay", UINT),
    ATTR_T("updelay", UINT),
    ATTR_E("carrier", "ioctl|netif"),
    END,
};
ROWS(arpmon_rows) = {
    ATTR_T("interval", UINT, .flags = FL_REQ),
    ATTR("target", .flags = FL_REQ),
    ATTR_E("validate", "none|active|backup|all"),
    END,
};
ROWS(bond_rows) = {
    ATTR_E("mode", "balance-rr|active-backup|balance-xor|broadcast|802.3ad|balance-tlb|balance-alb"),
    ELEM("miimon", miimon_rows),
    ELEM("arpmon", arpmon_rows),
    LIST("interface", interface_rows, .flags = FL_OPEN_KEPT),
    END,
};
ROWS(vlan_device_rows) = { ATTR("name", .flags = FL_REQ), END };
ROWS(vlan_rows) = {
    ATTR("tag", .flags = FL_REQ),
    ELEM("interface", vlan_device_rows, .flags = FL_REQ),
    END,
};

/* A bridge has a <bridge>, and so on. */
static int parts_post(struct fl_doc_ctx *ctx, const struct fl_xml_node *in, struct fl_xml_node *out)
{
    const char *type = fl_xml_get(out, "type");

    if (strcmp(type, "ethernet") == 0 || fl_xml_child(in, type))
        return 0;
    return fl_doc_error(ctx, in, VIR_ERR_XML_ERROR, "<interface type='%s'>: expected an element <%s> inside",
                        type, type);
}

static const struct fl_row interface_rows[] = {
    ATTR_E("type", "ethernet|bridge|bond|vlan", .flags = FL_REQ),
    ATTR("name", .flags = FL_REQ),
    POST(parts_post),
    ELEM("start", start_rows),
    ELEM("mtu", mtu_rows),
    LIST("protocol", protocol_rows, .flags = FL_OPEN_KEPT),
    ELEM("link", link_rows),
    ELEM("mac", mac_rows, .when = "type=ethernet"),
    ELEM("bridge", bridge_rows, .when = "type=bridge", .flags = FL_OPEN_KEPT),
    ELEM("bond", bond_rows, .when = "type=bond", .flags = FL_OPEN_KEPT),
    ELEM("vlan", vlan_rows, .when = "type=vlan"),
    END,
};
static const struct fl_doc iface_doc = { .root = "interface",
                                         .domain = VIR_FROM_INTERFACE,
                                         .rows = interface_rows };

int fl_iface_def_parse_node(const struct fl_xml_node *node, const char *name, unsigned int flags,
                            struct fl_iface_def **ret_def)
{
    struct fl_doc_ctx ctx = { &iface_doc, name ? name : default_name, flags, NULL };
    struct fl_iface_def *def;
    struct fl_xml_node *root = NULL;
    const char *type = fl_xml_get(node, "type");

    if (fl_doc_check_root(&ctx, node) < 0)
        return -1;
    if (!type || !fl_word_in(type, "ethernet|bridge|bond|vlan"))
        return fl_error_set(
            VIR_FROM_XML, VIR_ERR_XML_ERROR,
            "%s:%d: attribute 'type' of <interface>: expected ethernet, bridge, bond or vlan, found '%s'",
            ctx.name, node->line, type ? type : "");
    if (fl_doc_check(&ctx, node, &root) < 0)
        return -1;
    root->flags |= FL_XML_OPEN;
    def = g_new0(struct fl_iface_def, 1);
    def->root = root;
    def->name = g_strdup(fl_xml_get(root, "name"));
    def->mac = g_strdup(fl_xml_find_attr(root, "mac", "address"));
    *ret_def = def;
    return 0;
}

int fl_iface_def_parse(const char *xml, const char *name, unsigned int flags, struct fl_iface_def **ret_def)
{
    struct fl_doc_ctx ctx = { &iface_doc, name ? name : default_name, flags, NULL };
    FL_XML_AUTO *root = NULL;

    if (fl_doc_read(&ctx, xml, &root) < 0)
        return -1;
    return fl_iface_def_parse_node(root, name, flags, ret_def);
}

struct fl_iface_def *fl_iface_def_new_ethernet(const char *name, const char *mac, unsigned int mtu,
                                               const char *address, unsigned int prefix, const char *gateway)
{
    struct fl_iface_def *def = g_new0(struct fl_iface_def, 1);
    struct fl_xml_node *protocol, *node;

    def->name = g_strdup(name);
    def->mac = g_strdup(mac);
    def->root = fl_xml_new("interface");
    def->root->flags |= FL_XML_OPEN;
    fl_xml_set(def->root, "type", "ethernet");
    fl_xml_set(def->root, "name", name);
    fl_xml_set(fl_xml_add(def->root, "start"), "mode", "onboot");
    fl_xml_setf(fl_xml_add(def->root, "mtu"), "size", "%u", mtu);
    protocol = fl_xml_add(def->root, "protocol");
    fl_xml_set(protocol, "family", "ipv4");
    node = fl_xml_add(protocol, "ip");
    fl_xml_set(node, "address", address);
    fl_xml_setf(node, "prefix", "%u", prefix);
    fl_xml_set(fl_xml_add(protocol, "route"), "gateway", gateway);
    fl_xml_set(fl_xml_add(def->root, "mac"), "address", mac);
    return def;
}

struct fl_iface_def *fl_iface_def_copy(const struct fl_iface_def *def)
{
    struct fl_iface_def *copy = g_new0(struct fl_iface_def, 1);

    copy->name = g_strdup(def->name);
    copy->mac = g_strdup(def->mac);
    copy->root = fl_xml_copy(def->root);
    return copy;
}

void fl_iface_def_free(struct fl_iface_def *def)
{
    if (!def)
        return;
    g_free(def->name);
    g_free(def->mac);
    fl_xml_free(def->root);
    g_free(def);
}

char *fl_iface_def_format(const struct fl_iface_def *def)
{
    return fl_xml_format(def->root);
}
