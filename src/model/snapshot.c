/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Snapshots of a domain: what was captured, and the domain as it was. */
#define FL_FROM VIR_FROM_DOMAIN_SNAPSHOT

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "model/domain_private.h"
#include "model/host.h"
#include "model/rows.h"

static const char states[] =
    "nostate|running|blocked|paused|shutdown|shutoff|crashed|pmsuspended|disk-snapshot";

const char *fl_snapshot_state_name(int state)
{
    static const char *const names[] = { "nostate", "running", "blocked",     "paused",       "shutdown",
                                         "shutoff", "crashed", "pmsuspended", "disk-snapshot" };

    return state >= 0 && state < (int)G_N_ELEMENTS(names) ? names[state] : names[0];
}

ROWS(parent_rows) = { LEAF("name", STR), END };
ROWS(memory_rows) = { ATTR_E("snapshot", "no|internal|external"), ATTR("file"), END };
ROWS(driver_rows) = { ATTR("type"), END };
ROWS(disk_rows) = {
    ATTR("name", .flags = FL_REQ),        ATTR_E("snapshot", "no|internal|external|manual"),
    ATTR_E("type", "file|block|network"), ELEM("driver", driver_rows),
    ELEM("source", fl_disk_source_rows),  END,
};
ROWS(disks_rows) = { LIST("disk", disk_rows), END };

static int memory_check(struct fl_doc_ctx *ctx, const struct fl_xml_node *in, struct fl_xml_node *out)
{
    const char *mode = fl_xml_find_attr(in, "memory", "snapshot");

    if (!mode || fl_word_in(mode, "no|internal|external"))
        return 0;
    return fl_error_set(
        VIR_FROM_XML, VIR_ERR_XML_ERROR,
        "%s:%d: attribute 'snapshot' of <memory>: expected no, internal or external, found '%s'", ctx->name,
        in->line, mode);
}

ROWS(snapshot_rows) = {
    POST(memory_check),
    LEAF("name", STR),
    LEAF("description", STR),
    LEAF("state", STR),
    ELEM("parent", parent_rows),
    LEAF("creationTime", LL),
    ELEM("memory", memory_rows),
    ELEM("disks", disks_rows),
    ANY("cookie"),
    END,
};
static const struct fl_doc snapshot_doc = { .root = "domainsnapshot",
                                            .domain = VIR_FROM_DOMAIN_SNAPSHOT,
                                            .rows = snapshot_rows };

/* What only a snapshot known before can tell. */
static int load_redefined(struct fl_doc_ctx *ctx, const struct fl_xml_node *in, struct fl_snapshot_def *def)
{
    const char *state = fl_xml_find_text(in, "state"), *time = fl_xml_find_text(in, "creationTime");
    const struct fl_xml_node *domain = fl_xml_child(in, "domain");

    if (!def->name)
        return fl_doc_error(ctx, in, VIR_ERR_XML_ERROR,
                            "expected an element <name> in a snapshot to redefine");
    if (!time)
        return fl_doc_error(ctx, in, VIR_ERR_INTERNAL_ERROR, "expected an element <creationTime>");
    if (!state)
        return fl_doc_error(ctx, in, VIR_ERR_XML_ERROR, "expected an element <state>");
    def->state = fl_word_index(state, states);
    if (def->state <= 0)
        return fl_doc_error(ctx, in, VIR_ERR_CONFIG_UNSUPPORTED, "<state>: expected one of %s, found '%s'",
                            states, state);
    if (!domain)
        return fl_doc_error(ctx, in, VIR_ERR_INTERNAL_ERROR,
                            "expected an element <domain>, the domain as it was");
    def->parent = g_strdup(fl_xml_find_text(in, "parent/name"));
    def->creation_time = strtoll(time, NULL, 10);
    return fl_domain_def_parse_node(domain, ctx->name, 0, &def->dom);
}

int fl_snapshot_def_parse_node(const struct fl_xml_node *node, const char *name, unsigned int flags,
                               struct fl_snapshot_def **ret_def)
{
    struct fl_doc_ctx ctx = { &snapshot_doc, name ? name : "(domain_snapshot)", 0, NULL };
    struct fl_snapshot_def *def = g_new0(struct fl_snapshot_def, 1);
    const char *text;

    if (fl_doc_check_root(&ctx, node) < 0)
        goto fail;
    text = fl_xml_find_text(node, "name");
    def->name = text && *text ? g_strdup(text) : NULL;
    def->creation_time = g_get_real_time() / G_USEC_PER_SEC;
    if (((flags & FL_SNAPSHOT_REDEFINE) && load_redefined(&ctx, node, def) < 0) ||
        fl_doc_check(&ctx, node, &def->root) < 0)
        goto fail;
    if (!def->name)
        def->name = g_strdup_printf("%lld", def->creation_time);
    def->description = g_strdup(fl_xml_find_text(def->root, "description"));
    *ret_def = def;
    return 0;
fail:
    fl_snapshot_def_free(def);
    return -1;
}

int fl_snapshot_def_parse(const char *xml, const char *name, unsigned int flags,
                          struct fl_snapshot_def **ret_def)
{
    struct fl_doc_ctx ctx = { &snapshot_doc, name ? name : "(domain_snapshot)", 0, NULL };
    FL_XML_AUTO *root = NULL;

    if (fl_doc_read(&ctx, xml, &root) < 0)
        return -1;
    return fl_snapshot_def_parse_node(root, name, flags, ret_def);
}

/* A file beside the disk's own, named after the snapshot. */
static int external_source(struct fl_snapshot_def *def, const struct fl_xml_node *disk,
                           struct fl_xml_node *row)
{
    const char *path = fl_xml_find_attr(disk, "source", "file");
    const char *slash, *dot;

    if (fl_xml_child(row, "source"))
        return 0;
    if (!path || !fl_xml_is(disk, "type", "file"))
        return fl_error(VIR_ERR_CONFIG_UNSUPPORTED,
                        "disk '%s' is no file: expected a <source> for its external snapshot",
                        fl_disk_target(disk));
    slash = strrchr(path, '/');
    dot = strrchr(slash ? slash : path, '.');
    fl_xml_set(row, "type", "file");
    fl_xml_setf(fl_xml_add(row, "source"), "file", "%.*s.%s", dot ? (int)(dot - path) : (int)strlen(path),
                path, def->name);
    return 0;
}

static struct fl_xml_node *row_for(struct fl_xml_node *disks, const struct fl_xml_node *disk)
{
    const char *target = fl_disk_target(disk), *source = fl_disk_source(disk);

    for (struct fl_xml_node *row = fl_xml_child(disks, "disk"); row; row = fl_xml_next(row, "disk")) {
        if (fl_xml_is(row, "name", target) || (source && fl_xml_is(row, "name", source)))
            return row;
    }
    return NULL;
}

static int check_names(const struct fl_snapshot_def *def, const struct fl_xml_node *disks)
{
    for (const struct fl_xml_node *row = fl_xml_child(disks, "disk"); row; row = fl_xml_next(row, "disk")) {
        if (!fl_domain_disk_by(def->dom, fl_xml_get(row, "name")))
            return fl_error(VIR_ERR_CONFIG_UNSUPPORTED, "the domain has no disk '%s'",
                            fl_xml_get(row, "name"));
    }
    return 0;
}

static int align_disk(struct fl_snapshot_def *def, struct fl_xml_node *disks, const struct fl_xml_node *disk,
                      const char *mode)
{
    struct fl_xml_node *row = row_for(disks, disk);
    const char *own = fl_xml_get(disk, "snapshot");
    bool empty = !fl_disk_source(disk);

    if (!row)
        row = fl_xml_add(disks, "disk");
    else if (fl_xml_get(row, "snapshot") && strcmp(mode, "internal") == 0 &&
             !fl_xml_is(row, "snapshot", mode) && !empty)
        return fl_error(VIR_ERR_CONFIG_UNSUPPORTED, "disk '%s': expected snapshot mode '%s', found '%s'",
                        fl_xml_get(row, "name"), mode, fl_xml_get(row, "snapshot"));
    fl_xml_set(row, "name", fl_disk_target(disk));
    if (!fl_xml_get(row, "snapshot"))
        fl_xml_set(row, "snapshot", empty ? "no" : own && strcmp(own, "no") == 0 ? "no" : mode);
    fl_xml_append(disks, row); /* in the order of the domain's disks */
    if (fl_xml_is(row, "snapshot", "external"))
        return external_source(def, disk, row);
    return 0;
}

int fl_snapshot_def_align_disks(struct fl_snapshot_def *def, unsigned int flags)
{
    struct fl_xml_node *memory = fl_xml_child(def->root, "memory"), *disks = fl_xml_child(def->root, "disks");
    bool running = def->state != VIR_DOMAIN_SHUTOFF && def->state != VIR_DOMAIN_CRASHED;
    bool external = flags & FL_SNAPSHOT_DISK_ONLY;
    const char *mode;

    if (!memory)
        memory = fl_xml_add(def->root, "memory");
    if (!fl_xml_get(memory, "snapshot")) {
        mode = fl_xml_get(memory, "file") ? "external" : running && !external ? "internal" : "no";
        fl_xml_set(memory, "snapshot", mode);
        fl_doc_order(memory_rows, memory);
    }
    external = external || fl_xml_is(memory, "snapshot", "external");
    if (!disks)
        disks = fl_xml_add(def->root, "disks");
    if (check_names(def, disks) < 0)
        return -1;
    for (const struct fl_xml_node *d = fl_domain_device_first(def->dom, "disk"); d;
         d = fl_xml_next(d, "disk")) {
        if (align_disk(def, disks, d, external ? "external" : "internal") < 0)
            return -1;
    }
    if (!disks->first)
        fl_xml_free(disks);
    fl_doc_order(snapshot_rows, def->root);
    return 0;
}

void fl_snapshot_def_free(struct fl_snapshot_def *def)
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

void fl_moment_store(struct fl_xml_node *root, const char *name, const char *description, const char *parent,
                     long long creation_time)
{
    static const char *const rewritten[] = { "name", "description", "parent", "creationTime", "state" };

    for (unsigned int i = 0; i < G_N_ELEMENTS(rewritten); i++)
        fl_xml_free(fl_xml_child(root, rewritten[i]));
    fl_xml_addf(root, "name", "%s", name);
    if (description && *description)
        fl_xml_addf(root, "description", "%s", description);
    if (parent)
        fl_xml_addf(fl_xml_add(root, "parent"), "name", "%s", parent);
    fl_xml_addf(root, "creationTime", "%lld", creation_time);
}

char *fl_snapshot_def_format(const struct fl_snapshot_def *def, unsigned int flags, int current)
{
    FL_XML_AUTO *root = fl_xml_copy(def->root);
    unsigned int dom_flags = VIR_DOMAIN_XML_INACTIVE;
    struct fl_xml_node *cookie;

    if (flags & VIR_DOMAIN_SNAPSHOT_XML_SECURE)
        dom_flags |= VIR_DOMAIN_XML_SECURE;
    fl_moment_store(root, def->name, def->description, def->parent, def->creation_time);
    fl_xml_addf(root, "state", "%s", fl_snapshot_state_name(def->state));
    fl_doc_order(snapshot_rows, root);
    if (def->dom)
        fl_xml_append(root, fl_domain_def_tree(def->dom, dom_flags));
    cookie = fl_xml_child(root, "cookie");
    if (cookie)
        fl_xml_append(root, cookie);
    if (current >= 0)
        fl_xml_addf(root, "active", "%d", current ? 1 : 0);
    return fl_xml_format(root);
}
