/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Putting a host interface into a bridge of its own, and taking it out again. */
#include "shell.h"
#include "handlers.h"

#include <string.h>

/* What stays with the device; addresses and the start mode go with the outer interface. */
static bool belongs_to_device(const struct fl_xml *node)
{
    static const char *const names[] = { "mac", "bond", "vlan", "link" };

    for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
        if (strcmp(names[i], node->name) == 0)
            return true;
    return false;
}

static void put_children(GString *s, struct fl_xml *node, bool device, const char *indent)
{
    for (guint i = 0; i < node->children->len; i++) {
        struct fl_xml *child = node->children->pdata[i];

        if (belongs_to_device(child) == device && strcmp(child->name, "bridge") != 0) {
            g_autofree char *text = fl_xml_format(child);

            g_string_append_printf(s, "%s%s\n", indent, text);
        }
    }
}

static char *bridge_xml(struct fl_call *c, struct fl_xml *root, unsigned int delay)
{
    GString *s = g_string_new("");

    fl_xml_put(s, "<interface type='bridge' name='%s'>\n", fl_arg(c, "bridge"));
    put_children(s, root, false, "  ");
    g_string_append_printf(s, "  <bridge stp='%s' delay='%u'>\n", fl_flag(c, "no-stp") ? "off" : "on", delay);
    fl_xml_put(s, "    <interface type='%s'", fl_xml_attr(root, "type"));
    fl_xml_put(s, " name='%s'>\n", fl_xml_attr(root, "name"));
    put_children(s, root, true, "      ");
    g_string_append(s, "    </interface>\n  </bridge>\n</interface>\n");
    return g_string_free(s, FALSE);
}

static int check_new(struct fl_call *c, const char *name)
{
    g_autoptr(virInterface) other = virInterfaceLookupByName(c->conn, name);

    virResetLastError();
    return other ? fl_wrong(c, "there is an interface '%s' already", name) : 0;
}

int fl_cmd_iface_bridge(struct fl_call *c)
{
    const char *name = fl_arg(c, "bridge");
    unsigned int delay = 0;
    g_autofree char *xml = NULL, *new_xml = NULL;
    g_autoptr(virInterface) bridge = NULL;
    struct fl_xml *root;

    if (fl_arg_uint(c, "delay", &delay) < 0 || check_new(c, name) < 0)
        return -1;
    xml = virInterfaceGetXMLDesc(c->iface, VIR_INTERFACE_XML_INACTIVE);
    root = xml ? fl_xml_parse(xml) : NULL;
    if (!root)
        return fl_fail(c, "failed to get the XML of interface '%s'", virInterfaceGetName(c->iface));
    if (g_strcmp0(fl_xml_attr(root, "type"), "bridge") == 0)
        fl_wrong(c, "'%s' is a bridge itself", virInterfaceGetName(c->iface));
    else
        new_xml = bridge_xml(c, root, delay);
    fl_xml_free(root);
    if (!new_xml)
        return -1;
    bridge = virInterfaceDefineXML(c->conn, new_xml, 0);
    if (!bridge)
        return fl_fail(c, "failed to define the new bridge interface %s", name);
    fl_extra(c, "Created bridge %s with attached device %s\n", name, virInterfaceGetName(c->iface));
    if (fl_flag(c, "no-start"))
        return 0;
    return fl_result(c, virInterfaceCreate(bridge, 0), "start bridge interface", name,
                     "Bridge interface %s started\n");
}

static char *device_xml(struct fl_call *c, struct fl_xml *root)
{
    struct fl_xml *inner = fl_xml_get(root, "bridge/interface");
    GString *s;

    if (g_strcmp0(fl_xml_attr(root, "type"), "bridge") != 0 || !inner) {
        fl_wrong(c, "'%s' is no bridge with a device", virInterfaceGetName(c->iface));
        return NULL;
    }
    s = g_string_new("");
    fl_xml_put(s, "<interface type='%s'", fl_xml_attr(inner, "type"));
    fl_xml_put(s, " name='%s'>\n", fl_xml_attr(inner, "name"));
    put_children(s, inner, true, "  ");
    put_children(s, root, false, "  ");
    g_string_append(s, "</interface>\n");
    return g_string_free(s, FALSE);
}

int fl_cmd_iface_unbridge(struct fl_call *c)
{
    const char *name = fl_arg(c, "bridge");
    g_autofree char *xml = NULL, *new_xml = NULL;
    g_autoptr(virInterface) device = NULL;
    struct fl_xml *root;

    c->iface = virInterfaceLookupByName(c->conn, name);
    if (!c->iface)
        return fl_fail(c, "failed to get interface '%s'", name);
    xml = virInterfaceGetXMLDesc(c->iface, VIR_INTERFACE_XML_INACTIVE);
    root = xml ? fl_xml_parse(xml) : NULL;
    if (!root)
        return fl_fail(c, "failed to get the XML of interface '%s'", name);
    new_xml = device_xml(c, root);
    fl_xml_free(root);
    if (!new_xml)
        return -1;
    if (virInterfaceIsActive(c->iface) > 0 && virInterfaceDestroy(c->iface, 0) < 0)
        return fl_fail(c, "failed to destroy bridge interface '%s'", name);
    if (virInterfaceUndefine(c->iface) < 0)
        return fl_fail(c, "failed to undefine bridge interface '%s'", name);
    device = virInterfaceDefineXML(c->conn, new_xml, 0);
    if (!device)
        return fl_fail(c, "failed to define the device of bridge '%s' on its own", name);
    fl_extra(c, "Device %s un-attached from bridge %s\n", virInterfaceGetName(device), name);
    if (fl_flag(c, "no-start"))
        return 0;
    return fl_result(c, virInterfaceCreate(device, 0), "start interface", virInterfaceGetName(device),
                     "Interface %s started\n");
}
