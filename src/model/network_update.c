/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* virNetworkUpdate: one piece of a network added, replaced or removed, then the whole checked again. */
#define FL_FROM VIR_FROM_NETWORK

#include <string.h>

#include <libvirt/libvirt.h>

#include "base/error.h"
#include "model/network_private.h"

struct section {
    unsigned int id;
    const char *parent; /* path below <network>, "" = the network itself */
    const char *name;
    const char *keys; /* attributes that identify a piece, any match will do */
};

static const struct section sections[] = {
    { VIR_NETWORK_SECTION_IP_DHCP_HOST, "ip/dhcp", "host", "mac|name|id|ip" },
    { VIR_NETWORK_SECTION_IP_DHCP_RANGE, "ip/dhcp", "range", "start" },
    { VIR_NETWORK_SECTION_FORWARD_INTERFACE, "forward", "interface", "dev" },
    { VIR_NETWORK_SECTION_PORTGROUP, "", "portgroup", "name" },
    { VIR_NETWORK_SECTION_DNS_HOST, "dns", "host", "ip" },
    { VIR_NETWORK_SECTION_DNS_TXT, "dns", "txt", "name" },
    { VIR_NETWORK_SECTION_DNS_SRV, "dns", "srv", "service" },
};

static struct fl_xml_node *child_or_new(struct fl_xml_node *node, const char *name)
{
    struct fl_xml_node *kid = fl_xml_child(node, name);

    return kid ? kid : fl_xml_add(node, name);
}

/* The index-th <ip>; without an index the first of IPv4, or the first at all. */
static struct fl_xml_node *ip_by_index(struct fl_xml_node *root, int index)
{
    struct fl_xml_node *ip = fl_xml_child(root, "ip");

    if (index < 0) {
        struct fl_xml_node *with = ip;

        while (with && !fl_xml_child(with, "dhcp"))
            with = fl_xml_next(with, "ip");
        return with ? with : ip;
    }
    for (; ip && index > 0; index--)
        ip = fl_xml_next(ip, "ip");
    return ip;
}

static struct fl_xml_node *parent_of(struct fl_xml_node *root, const struct section *section, int index)
{
    struct fl_xml_node *ip;

    if (!*section->parent)
        return root;
    if (!g_str_has_prefix(section->parent, "ip/"))
        return child_or_new(root, section->parent);
    ip = ip_by_index(root, index);
    return ip ? child_or_new(ip, "dhcp") : NULL;
}

static bool matches(const struct section *section, const struct fl_xml_node *a, const struct fl_xml_node *b)
{
    g_auto(GStrv) keys = g_strsplit(section->keys, "|", -1);

    for (unsigned int i = 0; keys[i]; i++) {
        const char *x = fl_xml_get(a, keys[i]), *y = fl_xml_get(b, keys[i]);

        if (x && y && g_ascii_strcasecmp(x, y) == 0)
            return true;
    }
    return false;
}

static int apply(const struct section *section, struct fl_xml_node *parent, unsigned int command,
                 struct fl_xml_node *piece)
{
    struct fl_xml_node *found = fl_xml_child(parent, section->name);

    while (found && !matches(section, piece, found))
        found = fl_xml_next(found, section->name);
    switch (command) {
    case VIR_NETWORK_UPDATE_COMMAND_MODIFY:
    case VIR_NETWORK_UPDATE_COMMAND_DELETE:
        if (!found)
            return fl_error(VIR_ERR_OPERATION_INVALID, "the network has no <%s> like the one given",
                            section->name);
        if (command == VIR_NETWORK_UPDATE_COMMAND_MODIFY)
            fl_xml_insert(parent, fl_xml_copy(piece), found);
        fl_xml_free(found);
        return 0;
    case VIR_NETWORK_UPDATE_COMMAND_ADD_FIRST:
    case VIR_NETWORK_UPDATE_COMMAND_ADD_LAST:
        if (found)
            return fl_error(VIR_ERR_OPERATION_INVALID, "the network already has a <%s> like the one given",
                            section->name);
        fl_xml_insert(parent, fl_xml_copy(piece),
                      command == VIR_NETWORK_UPDATE_COMMAND_ADD_FIRST ? fl_xml_child(parent, section->name)
                                                                      : NULL);
        return 0;
    default:
        return fl_error(VIR_ERR_NO_SUPPORT, "unknown update command %u", command);
    }
}

int fl_network_def_update(struct fl_network_def *def, unsigned int command, unsigned int section_id,
                          int parent_index, const char *xml)
{
    const struct section *section = sections;
    struct fl_doc_ctx ctx = { &fl_network_doc, "network_update_xml", 0, NULL };
    FL_XML_AUTO *piece = NULL;
    FL_XML_AUTO *root = NULL;
    struct fl_xml_node *checked = NULL, *parent;

    while (section < sections + G_N_ELEMENTS(sections) && section->id != section_id)
        section++;
    if (section == sections + G_N_ELEMENTS(sections))
        return fl_error(VIR_ERR_OPERATION_UNSUPPORTED, "section %u of a network cannot be updated",
                        section_id);
    if (fl_xml_parse_for(VIR_FROM_NETWORK, xml, ctx.name, &piece) < 0)
        return -1;
    if (strcmp(piece->name, section->name) != 0)
        return fl_doc_error(&ctx, piece, VIR_ERR_XML_ERROR, "expected <%s>, found <%s>", section->name,
                            piece->name);
    root = fl_xml_copy(def->root);
    parent = parent_of(root, section, parent_index);
    if (!parent)
        return fl_error(VIR_ERR_OPERATION_INVALID, "the network has no <ip> number %d", parent_index);
    if (apply(section, parent, command, piece) < 0 || fl_doc_check(&ctx, root, &checked) < 0)
        return -1;
    fl_xml_free(def->root);
    def->root = checked;
    return 0;
}
