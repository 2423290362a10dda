/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Node devices: what a host consists of, as capabilities that may nest. */
#define FL_FROM VIR_FROM_NODEDEV

#include <string.h>

#include "base/error.h"
#include "base/util.h"
#include "model/host.h"
#include "model/nodedev_private.h"
#include "model/rows.h"

static const char default_name[] = "(node_device_definition)";

static void load(struct fl_nodedev_def *def)
{
    def->name = g_strdup(fl_xml_find_text(def->root, "name"));
    def->parent = g_strdup(fl_xml_find_text(def->root, "parent"));
}

static int check_caps(struct fl_doc_ctx *ctx, const struct fl_xml_node *root)
{
    const char *name = fl_xml_find_text(root, "name");

    if (fl_xml_child(root, "capability"))
        return 0;
    return fl_doc_error(ctx, root, VIR_ERR_INTERNAL_ERROR, "expected an element <capability>%s%s",
                        name ? " in the device " : "", name ? name : "");
}

int fl_nodedev_def_parse_node(const struct fl_xml_node *node, const char *name, unsigned int flags,
                              struct fl_nodedev_def **ret_def)
{
    struct fl_doc_ctx ctx = { &fl_nodedev_doc, name ? name : default_name, flags, NULL };
    struct fl_nodedev_def *def;
    struct fl_xml_node *root = NULL;

    if (fl_doc_check_root(&ctx, node) < 0 || check_caps(&ctx, node) < 0 ||
        fl_doc_check(&ctx, node, &root) < 0)
        return -1;
    def = g_new0(struct fl_nodedev_def, 1);
    def->root = root;
    load(def);
    *ret_def = def;
    return 0;
}

int fl_nodedev_def_parse(const char *xml, const char *name, unsigned int flags,
                         struct fl_nodedev_def **ret_def)
{
    struct fl_doc_ctx ctx = { &fl_nodedev_doc, name ? name : default_name, flags, NULL };
    FL_XML_AUTO *root = NULL;

    if (fl_doc_read(&ctx, xml, &root) < 0)
        return -1;
    return fl_nodedev_def_parse_node(root, name, flags, ret_def);
}

struct fl_nodedev_def *fl_nodedev_def_new_computer(void)
{
    struct fl_nodedev_def *def = g_new0(struct fl_nodedev_def, 1);
    struct fl_xml_node *cap, *part;

    def->root = fl_xml_new("device");
    fl_xml_addf(def->root, "name", "computer");
    cap = fl_xml_add(def->root, "capability");
    fl_xml_set(cap, "type", "system");
    part = fl_xml_add(cap, "hardware");
    fl_xml_addf(part, "vendor", "Libvirt");
    fl_xml_addf(part, "version", "Test driver");
    fl_xml_addf(part, "serial", "123456");
    fl_xml_addf(part, "uuid", "11111111-2222-3333-4444-555555555555");
    part = fl_xml_add(cap, "firmware");
    fl_xml_addf(part, "vendor", "Libvirt");
    fl_xml_addf(part, "version", "Test Driver");
    fl_xml_addf(part, "release_date", "01/22/2007");
    load(def);
    return def;
}

struct fl_nodedev_def *fl_nodedev_def_copy(const struct fl_nodedev_def *def)
{
    struct fl_nodedev_def *copy = g_new0(struct fl_nodedev_def, 1);

    copy->name = g_strdup(def->name);
    copy->parent = g_strdup(def->parent);
    copy->root = fl_xml_copy(def->root);
    return copy;
}

void fl_nodedev_def_free(struct fl_nodedev_def *def)
{
    if (!def)
        return;
    g_free(def->name);
    g_free(def->parent);
    fl_xml_free(def->root);
    g_free(def);
}

char *fl_nodedev_def_format(const struct fl_nodedev_def *def)
{
    FL_XML_AUTO *root = fl_xml_copy(def->root);
    struct fl_xml_node *name = fl_xml_child(root, "name"), *parent = fl_xml_child(root, "parent");

    if (def->name)
        fl_xml_set_text(name ? name : fl_xml_add(root, "name"), def->name);
    if (def->parent)
        fl_xml_set_text(parent ? parent : fl_xml_add(root, "parent"), def->parent);
    fl_doc_order(fl_nodedev_doc.rows, root);
    return fl_xml_format(root);
}

static unsigned int collect(const struct fl_xml_node *node, const char **ret_caps, unsigned int n,
                            unsigned int max)
{
    for (const struct fl_xml_node *cap = fl_xml_child(node, "capability"); cap;
         cap = fl_xml_next(cap, "capability")) {
        const char *type = fl_xml_get(cap, "type");

        /* "80203" says how a network card talks; it is no capability of its own for callers. */
        if (type &&
            !fl_word_in(type, "80203|80211|removable|hotpluggable|phys_function|virt_functions|pci-bridge|"
                              "cardbus-bridge")) {
            if (n < max)
                ret_caps[n] = type;
            n++;
        }
        n = collect(cap, ret_caps, n, max);
    }
    return n;
}

unsigned int fl_nodedev_caps(const struct fl_nodedev_def *def, const char **ret_caps, unsigned int max)
{
    return collect(def->root, ret_caps, 0, max);
}

static const struct fl_xml_node *find_cap(const struct fl_xml_node *node, const char *type)
{
    for (const struct fl_xml_node *cap = fl_xml_child(node, "capability"); cap;
         cap = fl_xml_next(cap, "capability")) {
        const struct fl_xml_node *inner = fl_xml_is(cap, "type", type) ? cap : find_cap(cap, type);

        if (inner)
            return inner;
    }
    return NULL;
}

bool fl_nodedev_has_cap(const struct fl_nodedev_def *def, const char *cap)
{
    return find_cap(def->root, cap) != NULL;
}

const char *fl_nodedev_wwnn(const struct fl_nodedev_def *def)
{
    return fl_xml_find_text(find_cap(def->root, "fc_host"), "wwnn");
}

const char *fl_nodedev_wwpn(const struct fl_nodedev_def *def)
{
    return fl_xml_find_text(find_cap(def->root, "fc_host"), "wwpn");
}

const char *fl_nodedev_fabric_wwn(const struct fl_nodedev_def *def)
{
    return fl_xml_find_text(find_cap(def->root, "fc_host"), "fabric_wwn");
}
