/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Network definitions as drivers see them. The description is in network_table.c. */
#define FL_FROM VIR_FROM_NETWORK

#include <string.h>

#include "base/error.h"
#include "base/util.h"
#include "model/network_private.h"

static const char default_name[] = "(network_definition)";

static void load(struct fl_network_def *def)
{
    const char *mode = fl_xml_find_attr(def->root, "forward", "mode");

    g_free(def->bridge);
    g_free(def->forward);
    def->bridge = g_strdup(fl_xml_find_attr(def->root, "bridge", "name"));
    def->forward = g_strdup(g_strcmp0(mode, "none") == 0 ? NULL : mode);
}

static int check_identity(struct fl_doc_ctx *ctx, const struct fl_xml_node *in, struct fl_network_def *def)
{
    const char *name = fl_xml_find_text(in, "name"), *uuid = fl_xml_find_text(in, "uuid");

    if (!name || !*name)
        return fl_doc_error(ctx, in, VIR_ERR_NO_NAME, "expected an element <name>");
    if (strchr(name, '/') || strchr(name, '\n'))
        return fl_error_set(VIR_FROM_XML, VIR_ERR_XML_DETAIL,
                            "%s:%d: <name>: expected no slash and no newline", ctx->name, in->line);
    if (!uuid || !*uuid)
        fl_uuid_generate(def->uuid);
    else if (!fl_uuid_parse(uuid, def->uuid))
        return fl_doc_error(ctx, fl_xml_child(in, "uuid"), VIR_ERR_INTERNAL_ERROR,
                            "<uuid>: expected 32 hexadecimal digits, found '%s'", uuid);
    def->name = g_strdup(name);
    return 0;
}

int fl_network_def_parse_node(const struct fl_xml_node *node, const char *name, unsigned int flags,
                              struct fl_network_def **ret_def)
{
    struct fl_doc_ctx ctx = { &fl_network_doc, name ? name : default_name, flags, NULL };
    struct fl_network_def *def = g_new0(struct fl_network_def, 1);

    if (fl_doc_check_root(&ctx, node) < 0 || check_identity(&ctx, node, def) < 0 ||
        fl_doc_check(&ctx, node, &def->root) < 0) {
        fl_network_def_free(def);
        return -1;
    }
    load(def);
    *ret_def = def;
    return 0;
}

int fl_network_def_parse(const char *xml, const char *name, unsigned int flags,
                         struct fl_network_def **ret_def)
{
    struct fl_doc_ctx ctx = { &fl_network_doc, name ? name : default_name, flags, NULL };
    FL_XML_AUTO *root = NULL;

    if (fl_doc_read(&ctx, xml, &root) < 0)
        return -1;
    return fl_network_def_parse_node(root, name, flags, ret_def);
}

struct fl_network_def *fl_network_def_new_nat(const char *name, const unsigned char *uuid, const char *bridge,
                                              const char *address, const char *netmask, const char *from,
                                              const char *to)
{
    struct fl_network_def *def = g_new0(struct fl_network_def, 1);
    struct fl_xml_node *node;

    def->name = g_strdup(name);
    memcpy(def->uuid, uuid, sizeof(def->uuid));
    def->root = fl_xml_new("network");
    fl_xml_addf(def->root, "name", "%s", name);
    fl_xml_set(fl_xml_add(def->root, "forward"), "mode", "nat");
    node = fl_xml_add(def->root, "bridge");
    fl_xml_set(node, "name", bridge);
    fl_xml_set(node, "stp", "on");
    fl_xml_set(node, "delay", "0");
    node = fl_xml_add(def->root, "ip");
    fl_xml_set(node, "address", address);
    fl_xml_set(node, "netmask", netmask);
    node = fl_xml_add(fl_xml_add(node, "dhcp"), "range");
    fl_xml_set(node, "start", from);
    fl_xml_set(node, "end", to);
    load(def);
    return def;
}

struct fl_network_def *fl_network_def_copy(const struct fl_network_def *def)
{
    struct fl_network_def *copy = g_new0(struct fl_network_def, 1);

    copy->name = g_strdup(def->name);
    memcpy(copy->uuid, def->uuid, sizeof(copy->uuid));
    copy->root = fl_xml_copy(def->root);
    load(copy);
    return copy;
}

void fl_network_def_free(struct fl_network_def *def)
{
    if (!def)
        return;
    g_free(def->name);
    g_free(def->bridge);
    g_free(def->forward);
    fl_xml_free(def->root);
    g_free(def);
}

static void set_text(struct fl_xml_node *root, const char *name, const char *text)
{
    struct fl_xml_node *node = fl_xml_child(root, name);

    fl_xml_set_text(node ? node : fl_xml_add(root, name), text);
}

char *fl_network_def_format(const struct fl_network_def *def, unsigned int flags)
{
    FL_XML_AUTO *root = fl_xml_copy(def->root);
    struct fl_xml_node *bridge = fl_xml_child(root, "bridge");
    char uuid[VIR_UUID_STRING_BUFLEN];

    fl_uuid_format(def->uuid, uuid);
    set_text(root, "name", def->name);
    set_text(root, "uuid", uuid);
    if (def->bridge && bridge) {
        struct fl_xml_attr *rest = bridge->attrs;

        fl_xml_set(bridge, "name", NULL);
        rest = bridge->attrs;
        bridge->attrs = NULL;
        fl_xml_set(bridge, "name", def->bridge);
        bridge->attrs->next = rest;
    }
    fl_doc_order(fl_network_rows, root);
    return fl_xml_format(root);
}

int fl_network_port_def_parse(const char *xml, const char *name, struct fl_network_port_def **ret_def)
{
    struct fl_doc_ctx ctx = { &fl_network_port_doc, name ? name : "(networkport_definition)", 0, NULL };
    struct fl_network_port_def *def = g_new0(struct fl_network_port_def, 1);
    FL_XML_AUTO *root = NULL;
    const char *uuid;

    if (fl_doc_read(&ctx, xml, &root) < 0 || fl_doc_check(&ctx, root, &def->root) < 0) {
        fl_network_port_def_free(def);
        return -1;
    }
    uuid = fl_xml_find_text(def->root, "uuid");
    if (!uuid || !fl_uuid_parse(uuid, def->uuid))
        fl_uuid_generate(def->uuid);
    *ret_def = def;
    return 0;
}

void fl_network_port_def_free(struct fl_network_port_def *def)
{
    if (!def)
        return;
    fl_xml_free(def->root);
    g_free(def);
}

char *fl_network_port_def_format(const struct fl_network_port_def *def)
{
    FL_XML_AUTO *root = fl_xml_copy(def->root);
    char uuid[VIR_UUID_STRING_BUFLEN];

    fl_uuid_format(def->uuid, uuid);
    set_text(root, "uuid", uuid);
    fl_doc_order(fl_network_port_doc.rows, root);
    return fl_xml_format(root);
}
