/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Storage volumes. Which formats there are is up to the pool. */
#define FL_FROM VIR_FROM_STORAGE

#include <string.h>

#include "base/error.h"
#include "model/domain_private.h"
#include "model/rows.h"
#include "model/storage.h"
#include "model/storage_private.h"

static const char default_name[] = "(storage_volume_definition)";

#define FILE_FORMATS "raw|dir|bochs|cloop|dmg|iso|vpc|vdi|fat|vhd|ploop|cow|qcow|qcow2|qed|vmdk"
#define DISK_FORMATS "none|linux|fat16|fat32|linux-swap|linux-lvm|linux-raid|extended"

static const char *formats_of(const struct fl_pool_def *pool)
{
    if (fl_word_in(pool->type, "logical|zfs|iscsi|iscsi-direct|scsi|mpath"))
        return NULL;
    return strcmp(pool->type, "disk") == 0 ? DISK_FORMATS : FILE_FORMATS;
}

ROWS(format_rows) = { ATTR("type"), END };
ROWS(permissions_rows) = { LEAF("mode", OCTAL), LEAF("owner", INT), LEAF("group", INT), LEAF("label", STR),
                           END };
ROWS(features_rows) = { FLAG("lazy_refcounts"), FLAG("extended_l2"), END };

static int features_post(struct fl_doc_ctx *ctx, const struct fl_xml_node *in, struct fl_xml_node *out)
{
    for (const struct fl_xml_node *kid = fl_xml_child(in, NULL); kid; kid = fl_xml_next(kid, NULL)) {
        if (!fl_word_in(kid->name, "lazy_refcounts|extended_l2"))
            return fl_doc_error(ctx, kid, VIR_ERR_CONFIG_UNSUPPORTED,
                                "<features>: expected lazy_refcounts or extended_l2, found <%s>", kid->name);
    }
    return 0;
}

/* Features need a format that has them. */
static int target_post(struct fl_doc_ctx *ctx, const struct fl_xml_node *in, struct fl_xml_node *out)
{
    struct fl_xml_node *compat = fl_xml_child(out, "compat"), *cluster = fl_xml_child(out, "clusterSize");
    const char *text = fl_xml_text(compat);

    if (compat && strspn(text, "0123456789.") != strlen(text))
        return fl_doc_error(ctx, compat, VIR_ERR_XML_ERROR,
                            "<compat>: expected a version such as 1.1, found '%s'", text);
    if (fl_xml_child(out, "features") && !compat)
        fl_xml_addf(out, "compat", "1.1");
    if (cluster)
        fl_xml_set(cluster, "unit", "B");
    return 0;
}

ROWS(target_rows) = {
    LEAF("path", STR),
    ELEM("format", format_rows),
    ELEM("permissions", permissions_rows),
    ELEM("encryption", fl_encryption_rows),
    LEAF("compat", STR),
    LEAF("clusterSize", BYTES),
    ELEM("features", features_rows, .post = features_post),
    END,
};
ROWS(backing_rows) = {
    LEAF("path", STR),
    ELEM("format", format_rows),
    ELEM("permissions", permissions_rows),
    END,
};
ROWS(vol_rows) = {
    ATTR("type"),
    LEAF("name", STR),
    LEAF("key", STR),
    LEAF("capacity", BYTES, .code = VIR_ERR_XML_ERROR),
    LEAF("allocation", BYTES),
    LEAF("physical", BYTES),
    ELEM("target", target_rows, .post = target_post),
    ELEM("backingStore", backing_rows),
    END,
};
static const struct fl_doc vol_doc = { .root = "volume", .domain = VIR_FROM_STORAGE, .rows = vol_rows };

static int check_format(struct fl_doc_ctx *ctx, const char *formats, struct fl_xml_node *parent,
                        const char *fallback, const struct fl_row *rows)
{
    struct fl_xml_node *format = fl_xml_child(parent, "format");

    if (!formats) {
        fl_xml_free(format);
        return 0;
    }
    if (!format)
        format = fl_xml_add(parent, "format");
    if (!fl_xml_get(format, "type"))
        fl_xml_set(format, "type", fallback);
    fl_doc_order(rows, parent);
    if (!fl_word_in(fl_xml_get(format, "type"), formats))
        return fl_doc_error(ctx, format, VIR_ERR_CONFIG_UNSUPPORTED, "<format>: expected %s, found '%s'",
                            formats, fl_xml_get(format, "type"));
    return 0;
}

static int check_sizes(struct fl_doc_ctx *ctx, const struct fl_xml_node *in)
{
    const char *unit = fl_xml_find_attr(in, "capacity", "unit");
    unsigned long long bytes;

    if (!fl_xml_child(in, "capacity"))
        return fl_doc_error(ctx, in, VIR_ERR_XML_ERROR, "expected an element <capacity>");
    if (unit && fl_size_parse("0", unit, 1, G_MAXUINT64, &bytes) < 0)
        return fl_error_set(VIR_FROM_NONE, VIR_ERR_INVALID_ARG,
                            "%s:%d: <capacity>: expected a unit such as KiB or GB, found '%s'", ctx->name,
                            in->line, unit);
    return 0;
}

static unsigned long long bytes_of(const struct fl_xml_node *root, const char *name,
                                   unsigned long long fallback)
{
    const char *text = fl_xml_find_text(root, name);

    return text ? g_ascii_strtoull(text, NULL, 10) : fallback;
}

static int check_identity(struct fl_doc_ctx *ctx, const struct fl_xml_node *in, struct fl_vol_def *def)
{
    const char *name = fl_xml_find_text(in, "name"), *type = fl_xml_get(in, "type");

    if (!name || !*name)
        return fl_doc_error(ctx, in, VIR_ERR_XML_ERROR, "expected an element <name>");
    if (type && !fl_word_in(type, "file|block|dir|network|netdir|ploop"))
        return fl_doc_error(
            ctx, in, VIR_ERR_CONFIG_UNSUPPORTED,
            "attribute 'type' of <volume>: expected file, block, dir, network, netdir or ploop, found '%s'",
            type);
    def->name = g_strdup(name);
    def->type = g_strdup(type ? type : "file");
    return check_sizes(ctx, in);
}

int fl_vol_def_parse_node(const struct fl_pool_def *pool, const struct fl_xml_node *node, const char *name,
                          unsigned int flags, struct fl_vol_def **ret_def)
{
    struct fl_doc_ctx ctx = { &vol_doc, name ? name : default_name, flags, NULL };
    struct fl_vol_def *def = g_new0(struct fl_vol_def, 1);
    struct fl_xml_node *target, *backing;
    bool disk = strcmp(pool->type, "disk") == 0;

    if (fl_doc_check_root(&ctx, node) < 0 || check_identity(&ctx, node, def) < 0 ||
        fl_doc_check(&ctx, node, &def->root) < 0)
        goto fail;
    target = fl_xml_child(def->root, "target");
    if (!target)
        target = fl_xml_add(def->root, "target");
    target->flags |= FL_XML_OPEN;
    backing = fl_xml_child(def->root, "backingStore");
    if (check_format(&ctx, formats_of(pool), target, disk ? "none" : "raw", target_rows) < 0 ||
        (backing && check_format(&ctx, formats_of(pool), backing, disk ? "none" : "raw", backing_rows) < 0))
        goto fail;
    def->key = g_strdup(fl_xml_find_text(def->root, "key"));
    def->target_path = g_strdup(fl_xml_find_text(target, "path"));
    def->capacity = bytes_of(def->root, "capacity", 0);
    def->allocation = bytes_of(def->root, "allocation", def->capacity);
    def->physical = 0;
    *ret_def = def;
    return 0;
fail:
    fl_vol_def_free(def);
    return -1;
}

int fl_vol_def_parse(const struct fl_pool_def *pool, const char *xml, const char *name, unsigned int flags,
                     struct fl_vol_def **ret_def)
{
    struct fl_doc_ctx ctx = { &vol_doc, name ? name : default_name, flags, NULL };
    FL_XML_AUTO *root = NULL;

    if (fl_doc_read(&ctx, xml, &root) < 0)
        return -1;
    return fl_vol_def_parse_node(pool, root, name, flags, ret_def);
}

struct fl_vol_def *fl_vol_def_copy(const struct fl_vol_def *def)
{
    struct fl_vol_def *copy = g_new0(struct fl_vol_def, 1);

    *copy = *def;
    copy->type = g_strdup(def->type);
    copy->name = g_strdup(def->name);
    copy->key = g_strdup(def->key);
    copy->target_path = g_strdup(def->target_path);
    copy->root = fl_xml_copy(def->root);
    return copy;
}

void fl_vol_def_free(struct fl_vol_def *def)
{
    if (!def)
        return;
    g_free(def->type);
    g_free(def->name);
    g_free(def->key);
    g_free(def->target_path);
    fl_xml_free(def->root);
    g_free(def);
}

static void set_text(struct fl_xml_node *root, const char *name, const char *text)
{
    struct fl_xml_node *node = fl_xml_child(root, name);

    if (!text)
        fl_xml_free(node);
    else
        fl_xml_set_text(node ? node : fl_xml_add(root, name), text);
}

char *fl_vol_def_format(const struct fl_pool_def *pool, const struct fl_vol_def *def)
{
    FL_XML_AUTO *root = fl_xml_copy(def->root);
    struct fl_xml_node *target = fl_xml_child(root, "target");

    fl_xml_set(root, "type", def->type);
    set_text(root, "name", def->name);
    set_text(root, "key", def->key);
    set_text(target, "path", def->target_path);
    fl_doc_order(target_rows, target);
    fl_bytes_set(root, "capacity", def->capacity);
    fl_bytes_set(root, "allocation", def->allocation);
    if (def->physical)
        fl_bytes_set(root, "physical", def->physical);
    else
        fl_xml_free(fl_xml_child(root, "physical"));
    fl_doc_order(vol_rows, root);
    return fl_xml_format(root);
}
