/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Checkpoints of a domain: which disks track their changes since when. */
#define FL_FROM VIR_FROM_DOMAIN_CHECKPOINT

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "model/domain_private.h"
#include "model/host.h"
#include "model/rows.h"

ROWS(parent_rows) = { LEAF("name", STR), END };
ROWS(disk_rows) = {
    ATTR("name", .flags = FL_REQ),
    ATTR_E("checkpoint", "no|bitmap"),
    ATTR("bitmap"),
    ATTR_T("size", ULL),
    END,
};
ROWS(disks_rows) = { LIST("disk", disk_rows), END };
ROWS(checkpoint_rows) = {
    LEAF("name", STR),        LEAF("description", STR),  ELEM("parent", parent_rows),
    LEAF("creationTime", LL), ELEM("disks", disks_rows), END,
};
static const struct fl_doc checkpoint_doc = { .root = "domaincheckpoint",
                                              .domain = VIR_FROM_DOMAIN_CHECKPOINT,
                                              .rows = checkpoint_rows };

static int load_redefined(struct fl_doc_ctx *ctx, const struct fl_xml_node *in, struct fl_checkpoint_def *def)
{
    const char *time = fl_xml_find_text(in, "creationTime");
    const struct fl_xml_node *domain = fl_xml_child(in, "domain");

    if (!def->name)
        return fl_doc_error(ctx, in, VIR_ERR_XML_ERROR,
                            "expected an element <name> in a checkpoint to redefine");
    if (!time)
        return fl_doc_error(ctx, in, VIR_ERR_XML_ERROR, "expected an element <creationTime>");
    if (!domain)
        return fl_doc_error(ctx, in, VIR_ERR_XML_ERROR, "expected an element <domain>, the domain as it was");
    def->creation_time = strtoll(time, NULL, 10);
    def->parent = g_strdup(fl_xml_find_text(in, "parent/name"));
    return fl_domain_def_parse_node(domain, ctx->name, 0, &def->dom);
}

int fl_checkpoint_def_parse(const char *xml, const char *name, unsigned int flags,
                            struct fl_checkpoint_def **ret_def)
{
    struct fl_doc_ctx ctx = { &checkpoint_doc, name ? name : "(domain_checkpoint)", 0, NULL };
    struct fl_checkpoint_def *def;
    FL_XML_AUTO *in = NULL;
    const char *text;

    if (fl_doc_read(&ctx, xml, &in) < 0)
        return -1;
    text = fl_xml_find_text(in, "name");
    if (text && strpbrk(text, "/\n"))
        return fl_error_set(VIR_FROM_XML, VIR_ERR_XML_INVALID_SCHEMA,
                            "%s:%d: <name>: expected no slash and no newline, found '%s'", ctx.name, in->line,
                            text);
    def = g_new0(struct fl_checkpoint_def, 1);
    def->name = text && *text ? g_strdup(text) : NULL;
    def->creation_time = g_get_real_time() / G_USEC_PER_SEC;
    if (((flags & VIR_DOMAIN_CHECKPOINT_CREATE_REDEFINE) && load_redefined(&ctx, in, def) < 0) ||
        fl_doc_check(&ctx, in, &def->root) < 0) {
        fl_checkpoint_def_free(def);
        return -1;
    }
    if (!def->name)
        def->name = g_strdup_printf("%lld", def->creation_time);
    def->description = g_strdup(fl_xml_find_text(def->root, "description"));
    *ret_def = def;
    return 0;
}

static struct fl_xml_node *row_for(struct fl_xml_node *disks, const struct fl_xml_node *disk)
{
    for (struct fl_xml_node *row = fl_xml_child(disks, "disk"); row; row = fl_xml_next(row, "disk")) {
        if (fl_xml_is(row, "name", fl_disk_target(disk)) ||
            (fl_disk_source(disk) && fl_xml_is(row, "name", fl_disk_source(disk))))
            return row;
    }
    return NULL;
}

/* Disks not listed stay out, unless none is listed: then all are in. */
int fl_checkpoint_def_align_disks(struct fl_checkpoint_def *def)
{
    struct fl_xml_node *disks = fl_xml_child(def->root, "disks");
    bool all = !disks;

    if (!disks)
        disks = fl_xml_add(def->root, "disks");
    for (const struct fl_xml_node *row = fl_xml_child(disks, "disk"); row; row = fl_xml_next(row, "disk")) {
        if (!fl_domain_disk_by(def->dom, fl_xml_get(row, "name")))
            return fl_error(VIR_ERR_CONFIG_UNSUPPORTED, "the domain has no disk '%s'",
                            fl_xml_get(row, "name"));
    }
    for (const struct fl_xml_node *d = fl_domain_device_first(def->dom, "disk"); d;
         d = fl_xml_next(d, "disk")) {
        struct fl_xml_node *row = row_for(disks, d);
        bool usable = fl_disk_source(d) && !fl_xml_child(d, "readonly");
        bool listed = row;

        if (!row)
            row = fl_xml_add(disks, "disk");
        fl_xml_set(row, "name", fl_disk_target(d));
        if (!fl_xml_get(row, "checkpoint"))
            fl_xml_set(row, "checkpoint", usable && (all || listed) ? "bitmap" : "no");
        if (fl_xml_is(row, "checkpoint", "bitmap") && !fl_xml_get(row, "bitmap"))
            fl_xml_set(row, "bitmap", def->name);
        fl_doc_order(disk_rows, row);
        fl_xml_append(disks, row);
    }
    if (!disks->first)
        fl_xml_free(disks);
    return 0;
}

void fl_checkpoint_def_free(struct fl_checkpoint_def *def)
{
    if (!def)
        return;
    g_free(def->name);
    g_free(def->description);
    g_free(def->parent);
    fl_domain_def_free(def->dom);
    fl_xml_free(def->root);
    g_free(def);
}

char *fl_checkpoint_def_format(const struct fl_checkpoint_def *def, unsigned int flags)
{
    FL_XML_AUTO *root = fl_xml_copy(def->root);
    unsigned int dom_flags = VIR_DOMAIN_XML_INACTIVE;

    if (flags & VIR_DOMAIN_CHECKPOINT_XML_SECURE)
        dom_flags |= VIR_DOMAIN_XML_SECURE;
    fl_moment_store(root, def->name, def->description, def->parent, def->creation_time);
    fl_doc_order(checkpoint_rows, root);
    if (def->dom && !(flags & VIR_DOMAIN_CHECKPOINT_XML_NO_DOMAIN))
        fl_xml_append(root, fl_domain_def_tree(def->dom, dom_flags));
    return fl_xml_format(root);
}
