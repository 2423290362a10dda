/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Storage pools: one table for all kinds, and a row per kind of what it needs. */
#define FL_FROM VIR_FROM_STORAGE

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "model/domain_private.h"
#include "model/rows.h"
#include "model/storage.h"
#include "model/storage_private.h"

#define POOL_TYPES "dir|fs|netfs|logical|disk|iscsi|iscsi-direct|scsi|mpath|rbd|sheepdog|gluster|zfs|vstorage"

static const char default_name[] = "(storage_pool_definition)";

#define FS_FORMATS "auto|ext2|ext3|ext4|ufs|iso9660|udf|gfs|gfs2|vfat|hfs+|xfs|ocfs2|vmfs"

const struct fl_pool_kind fl_pool_kinds[] = {
    { "dir", 0, NULL, NULL, NULL },
    { "fs", FL_POOL_DEVICE, FS_FORMATS, "auto", NULL },
    { "netfs", FL_POOL_HOST | FL_POOL_DIR, "auto|nfs|glusterfs|cifs", "auto", NULL },
    { "logical", FL_POOL_NAMED, "unknown|lvm2", "lvm2", "/dev" },
    { "disk", FL_POOL_DEVICE, "unknown|dos|dvh|gpt|mac|bsd|pc98|sun|lvm2", "unknown", NULL },
    { "iscsi", FL_POOL_HOST | FL_POOL_DEVICE, NULL, NULL, NULL },
    { "iscsi-direct", FL_POOL_HOST | FL_POOL_DEVICE | FL_POOL_INITIATOR | FL_POOL_NO_TARGET, NULL, NULL,
      NULL },
    { "scsi", FL_POOL_ADAPTER, NULL, NULL, NULL },
    { "mpath", 0, NULL, NULL, "/dev/mapper" },
    { "rbd", FL_POOL_HOST | FL_POOL_NAMED | FL_POOL_NO_TARGET, NULL, NULL, NULL },
    { "sheepdog", FL_POOL_HOST | FL_POOL_NAMED | FL_POOL_NO_TARGET, NULL, NULL, NULL },
    { "gluster", FL_POOL_HOST | FL_POOL_NAMED | FL_POOL_DIR_DEFAULT | FL_POOL_NO_TARGET, NULL, NULL, NULL },
    { "zfs", FL_POOL_NAMED, NULL, NULL, "/dev/zvol" },
    { "vstorage", FL_POOL_NAMED, NULL, NULL, NULL },
    { NULL, 0, NULL, NULL, NULL },
};

const struct fl_pool_kind *fl_pool_kind_by_type(const char *type)
{
    const struct fl_pool_kind *kind = fl_pool_kinds;

    while (kind->type && g_strcmp0(kind->type, type) != 0)
        kind++;
    return kind->type ? kind : NULL;
}

ROWS(host_rows) = { ATTR("name", .flags = FL_REQ), ATTR_T("port", UINT, .flags = FL_NONZERO), END };
ROWS(device_rows) = { ATTR("path", .flags = FL_REQ), ATTR_T("part_separator", YESNO), END };
ROWS(dir_rows) = { ATTR("path"), END };
ROWS(parent_address_rows) = {
    ATTR_T("domain", HEX, .arg = "4", .def = "0x0000"),
    ATTR_T("bus", HEX, .arg = "2", .def = "0x00"),
    ATTR_T("slot", HEX, .arg = "2", .def = "0x00"),
    ATTR_T("function", HEX, .arg = "1", .def = "0x0"),
    END,
};
ROWS(parentaddr_rows) = {
    ATTR_T("unique_id", UINT, .flags = FL_REQ),
    ELEM("address", parent_address_rows, .flags = FL_REQ),
    END,
};

static int adapter_post(struct fl_doc_ctx *ctx, const struct fl_xml_node *in, struct fl_xml_node *out)
{
    if (fl_xml_is(out, "type", "fc_host") && (!fl_xml_get(out, "wwnn") || !fl_xml_get(out, "wwpn")))
        return fl_doc_error(ctx, in, VIR_ERR_XML_ERROR,
                            "<adapter type='fc_host'>: expected attributes 'wwnn' and 'wwpn'");
    if (fl_xml_is(out, "type", "scsi_host") && !fl_xml_get(out, "name") && !fl_xml_child(out, "parentaddr"))
        return fl_doc_error(
            ctx, in, VIR_ERR_XML_ERROR,
            "<adapter type='scsi_host'>: expected attribute 'name' or an element <parentaddr>");
    return 0;
}

ROWS(adapter_rows) = {
    ATTR_E("type", "scsi_host|fc_host", .def = "scsi_host"),
    ATTR("name", .when = "type=scsi_host"),
    ATTR("parent", .when = "type=fc_host"),
    ATTR("parent_wwnn", .when = "type=fc_host"),
    ATTR("parent_wwpn", .when = "type=fc_host"),
    ATTR("parent_fabric_wwn", .when = "type=fc_host"),
    ATTR_T("managed", YESNO, .when = "type=fc_host"),
    ATTR("wwnn", .when = "type=fc_host"),
    ATTR("wwpn", .when = "type=fc_host"),
    ELEM("parentaddr", parentaddr_rows, .when = "type=scsi_host"),
    END,
};
ROWS(name_rows) = { ATTR("name", .flags = FL_REQ), END };
ROWS(initiator_rows) = { ELEM("iqn", name_rows), END };
ROWS(secret_rows) = { ATTR_T("uuid", UUID), ATTR("usage"), END };
ROWS(auth_rows) = {
    ATTR_E("type", "chap|ceph", .flags = FL_REQ),
    ATTR("username", .flags = FL_REQ),
    ELEM("secret", secret_rows, .flags = FL_REQ),
    END,
};
ROWS(format_rows) = { ATTR("type"), END };
ROWS(protocol_rows) = { ATTR("ver", .flags = FL_REQ), END };
const struct fl_row fl_pool_source_rows[] = {
    LIST("host", host_rows),
    LIST("device", device_rows),
    ELEM("dir", dir_rows),
    ELEM("adapter", adapter_rows, .post = adapter_post),
    LEAF("name", STR),
    ELEM("initiator", initiator_rows),
    ELEM("auth", auth_rows),
    ELEM("format", format_rows),
    ELEM("protocol", protocol_rows),
    ELEM("vendor", name_rows),
    ELEM("product", name_rows),
    END,
};
ROWS(permissions_rows) = {
    LEAF("mode", OCTAL, .code = VIR_ERR_XML_ERROR),
    LEAF("owner", INT),
    LEAF("group", INT),
    LEAF("label", STR),
    END,
};
ROWS(target_rows) = { LEAF("path", STR), ELEM("permissions", permissions_rows), END };
ROWS(cow_rows) = { ATTR_T("state", YESNO, .flags = FL_REQ), END };
ROWS(features_rows) = { ELEM("cow", cow_rows), END };
ROWS(refresh_volume_rows) = { ATTR_E("allocation", "default|capacity"), END };
ROWS(refresh_rows) = { ELEM("volume", refresh_volume_rows), END };

ROWS(pool_rows) = {
    ATTR_E("type", POOL_TYPES, .flags = FL_REQ),
    LEAF("name", STR),
    LEAF("uuid", STR),
    LEAF("capacity", BYTES),
    LEAF("allocation", BYTES),
    LEAF("available", BYTES),
    ELEM("features", features_rows),
    ELEM("source", fl_pool_source_rows, .flags = FL_OPEN),
    ELEM("target", target_rows),
    ELEM("refresh", refresh_rows),
    END,
};
static const struct fl_doc pool_doc = { .root = "pool", .domain = VIR_FROM_STORAGE, .rows = pool_rows };

static int need(struct fl_doc_ctx *ctx, const struct fl_xml_node *at, const char *type, const char *what)
{
    return fl_doc_error(ctx, at, VIR_ERR_XML_ERROR, "<source> of a %s pool: expected %s", type, what);
}

static int check_source(struct fl_doc_ctx *ctx, const struct fl_pool_kind *kind, struct fl_xml_node *source,
                        const char *name)
{
    struct fl_xml_node *format = fl_xml_child(source, "format"), *dir = fl_xml_child(source, "dir");
    bool named = strcmp(kind->type, "rbd") == 0 || strcmp(kind->type, "gluster") == 0;

    if ((kind->flags & FL_POOL_HOST) && !fl_xml_child(source, "host"))
        return need(ctx, source, kind->type, "an element <host name='…'/>");
    if ((kind->flags & FL_POOL_DIR) && !fl_xml_get(dir, "path"))
        return need(ctx, source, kind->type, "an element <dir path='…'/>");
    if ((kind->flags & FL_POOL_DEVICE) && !fl_xml_child(source, "device"))
        return need(ctx, source, kind->type, "an element <device path='…'/>");
    if ((kind->flags & FL_POOL_ADAPTER) && !fl_xml_child(source, "adapter"))
        return need(ctx, source, kind->type, "an element <adapter>");
    if ((kind->flags & FL_POOL_INITIATOR) && !fl_xml_find(source, "initiator/iqn"))
        return need(ctx, source, kind->type, "an element <initiator><iqn name='…'/></initiator>");
    if (named && !fl_xml_child(source, "name"))
        return need(ctx, source, kind->type, "an element <name>");
    if ((kind->flags & FL_POOL_NAMED) && !fl_xml_child(source, "name"))
        fl_xml_addf(source, "name", "%s", name);
    if ((kind->flags & FL_POOL_DIR_DEFAULT) && !dir)
        fl_xml_set(fl_xml_add(source, "dir"), "path", "/");
    if (kind->formats) {
        if (!format)
            format = fl_xml_add(source, "format");
        if (!fl_xml_get(format, "type"))
            fl_xml_set(format, "type", kind->format);
        if (!fl_word_in(fl_xml_get(format, "type"), kind->formats))
            return fl_doc_error(ctx, format, VIR_ERR_CONFIG_UNSUPPORTED, "<format>: expected %s, found '%s'",
                                kind->formats, fl_xml_get(format, "type"));
    } else {
        fl_xml_free(format);
    }
    fl_doc_order(fl_pool_source_rows, source);
    return 0;
}

/* Slashes once, none at the end; ".." is left alone. */
static char *path_tidy(const char *path)
{
    GString *out = g_string_new(NULL);

    for (const char *p = path; *p; p++) {
        if (*p != '/' || out->len == 0 || out->str[out->len - 1] != '/')
            g_string_append_c(out, *p);
    }
    if (out->len > 1 && out->str[out->len - 1] == '/')
        g_string_truncate(out, out->len - 1);
    return g_string_free(out, FALSE);
}

static int check_target(struct fl_doc_ctx *ctx, const struct fl_pool_kind *kind, struct fl_pool_def *def)
{
    struct fl_xml_node *target = fl_xml_child(def->root, "target"), *path = fl_xml_child(target, "path");
    const char *source_name = fl_xml_find_text(def->root, "source/name");

    if (kind->flags & FL_POOL_NO_TARGET) {
        fl_xml_free(target);
        return 0;
    }
    if (!target)
        target = fl_xml_add(def->root, "target");
    if (path)
        def->target_path = path_tidy(fl_xml_text(path));
    else if (kind->target && strcmp(kind->type, "mpath") == 0)
        def->target_path = g_strdup(kind->target);
    if (kind->target && strcmp(kind->type, "mpath") != 0) {
        g_free(def->target_path);
        def->target_path = g_strdup_printf("%s/%s", kind->target, source_name ? source_name : def->name);
    }
    if (!def->target_path)
        return fl_doc_error(ctx, def->root, VIR_ERR_XML_ERROR, "<target>: expected an element <path>");
    if (!path)
        path = fl_xml_add(target, "path");
    fl_xml_set_text(path, def->target_path);
    fl_doc_order(target_rows, target);
    return 0;
}

static int check_identity(struct fl_doc_ctx *ctx, const struct fl_xml_node *in, struct fl_pool_def *def)
{
    const char *name = fl_xml_find_text(in, "name"), *uuid = fl_xml_find_text(in, "uuid");

    if (!name || !*name)
        name = fl_xml_find_text(in, "source/name");
    if (!name || !*name)
        return fl_doc_error(ctx, in, VIR_ERR_XML_ERROR, "expected an element <name>");
    if (strchr(name, '/'))
        return fl_doc_error(ctx, in, VIR_ERR_XML_ERROR, "<name>: expected no slash, found '%s'", name);
    if (!uuid || !*uuid)
        fl_uuid_generate(def->uuid);
    else if (!fl_uuid_parse(uuid, def->uuid))
        return fl_doc_error(ctx, in, VIR_ERR_XML_ERROR, "<uuid>: expected 32 hexadecimal digits, found '%s'",
                            uuid);
    def->name = g_strdup(name);
    return 0;
}

int fl_pool_def_parse_node(const struct fl_xml_node *node, const char *name, unsigned int flags,
                           struct fl_pool_def **ret_def)
{
    struct fl_doc_ctx ctx = { &pool_doc, name ? name : default_name, flags, NULL };
    struct fl_pool_def *def = g_new0(struct fl_pool_def, 1);
    const struct fl_pool_kind *kind;
    const char *type = fl_xml_get(node, "type");

    if (fl_doc_check_root(&ctx, node) < 0)
        goto fail;
    kind = fl_pool_kind_by_type(type);
    if (!kind) {
        fl_error_set(VIR_FROM_XML, VIR_ERR_XML_ERROR,
                     "%s:%d: attribute 'type' of <pool>: expected %s, found '%s'", ctx.name, node->line,
                     POOL_TYPES, type ? type : "");
        goto fail;
    }
    if (check_identity(&ctx, node, def) < 0 || fl_doc_check(&ctx, node, &def->root) < 0 ||
        check_source(&ctx, kind, fl_xml_child(def->root, "source"), def->name) < 0 ||
        check_target(&ctx, kind, def) < 0)
        goto fail;
    def->type = g_strdup(type);
    def->capacity = g_ascii_strtoull(fl_xml_text(fl_xml_child(def->root, "capacity")), NULL, 10);
    def->allocation = g_ascii_strtoull(fl_xml_text(fl_xml_child(def->root, "allocation")), NULL, 10);
    def->available = g_ascii_strtoull(fl_xml_text(fl_xml_child(def->root, "available")), NULL, 10);
    *ret_def = def;
    return 0;
fail:
    fl_pool_def_free(def);
    return -1;
}

int fl_pool_def_parse(const char *xml, const char *name, unsigned int flags, struct fl_pool_def **ret_def)
{
    struct fl_doc_ctx ctx = { &pool_doc, name ? name : default_name, flags, NULL };
    FL_XML_AUTO *root = NULL;

    if (fl_doc_read(&ctx, xml, &root) < 0)
        return -1;
    return fl_pool_def_parse_node(root, name, flags, ret_def);
}

struct fl_pool_def *fl_pool_def_new(const char *type, const char *name, const unsigned char *uuid,
                                    const char *target_path)
{
    struct fl_pool_def *def = g_new0(struct fl_pool_def, 1);

    def->type = g_strdup(type);
    def->name = g_strdup(name);
    memcpy(def->uuid, uuid, sizeof(def->uuid));
    def->target_path = g_strdup(target_path);
    def->root = fl_xml_new("pool");
    fl_xml_set(def->root, "type", type);
    fl_xml_add(def->root, "source")->flags |= FL_XML_OPEN;
    if (target_path)
        fl_xml_addf(fl_xml_add(def->root, "target"), "path", "%s", target_path);
    return def;
}

struct fl_pool_def *fl_pool_def_copy(const struct fl_pool_def *def)
{
    struct fl_pool_def *copy = g_new0(struct fl_pool_def, 1);

    *copy = *def;
    copy->type = g_strdup(def->type);
    copy->name = g_strdup(def->name);
    copy->target_path = g_strdup(def->target_path);
    copy->root = fl_xml_copy(def->root);
    return copy;
}

void fl_pool_def_free(struct fl_pool_def *def)
{
    if (!def)
        return;
    g_free(def->type);
    g_free(def->name);
    g_free(def->target_path);
    fl_xml_free(def->root);
    g_free(def);
}

static void set_text(struct fl_xml_node *root, const char *name, const char *text)
{
    struct fl_xml_node *node = fl_xml_child(root, name);

    fl_xml_set_text(node ? node : fl_xml_add(root, name), text);
}

void fl_bytes_set(struct fl_xml_node *root, const char *name, unsigned long long bytes)
{
    struct fl_xml_node *node = fl_xml_child(root, name);

    if (!node)
        node = fl_xml_add(root, name);
    fl_xml_set(node, "unit", "bytes");
    fl_xml_set_textf(node, "%llu", bytes);
}

char *fl_pool_def_format(const struct fl_pool_def *def, unsigned int flags)
{
    FL_XML_AUTO *root = fl_xml_copy(def->root);
    char uuid[VIR_UUID_STRING_BUFLEN];

    fl_uuid_format(def->uuid, uuid);
    set_text(root, "name", def->name);
    set_text(root, "uuid", uuid);
    fl_bytes_set(root, "capacity", def->capacity);
    fl_bytes_set(root, "allocation", def->allocation);
    fl_bytes_set(root, "available", def->available);
    fl_doc_order(pool_rows, root);
    return fl_xml_format(root);
}

char *fl_pool_sources_format(struct fl_xml_node *const *sources, unsigned int n)
{
    FL_XML_AUTO *root = fl_xml_new("sources");

    root->flags |= FL_XML_OPEN;
    for (unsigned int i = 0; i < n; i++) {
        struct fl_xml_node *source = fl_xml_copy(sources[i]);

        source->flags |= FL_XML_OPEN;
        fl_xml_append(root, source);
    }
    return fl_xml_format(root);
}
