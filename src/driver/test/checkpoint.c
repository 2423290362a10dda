/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Checkpoints of a running domain's disks. */
#define FL_FROM VIR_FROM_TEST
#include <string.h>
#include "driver/test/domain.h"
#include "driver/test/ops.h"

void fl_test_checkpoint_def_free(void *def)
{
    fl_checkpoint_def_free(def);
}

static struct fl_test_moment *checkpoint_of(struct fl_test_host *host, virDomainCheckpointPtr chk,
                                            struct fl_test_domain **ret_dom)
{
    struct fl_test_domain *d = fl_test_domain_of(host, chk->domain);
    if (!d)
        return NULL;
    if (ret_dom)
        *ret_dom = d;
    struct fl_test_moment *m = fl_test_moment_by_name(&d->checkpoints, chk->name);
    return m ? m
             : fl_error_null(VIR_ERR_NO_DOMAIN_CHECKPOINT, "domain '%s' has no checkpoint '%s'", d->item.name,
                             chk->name);
}

static void parent_name_set(void *opaque, const char *parent)
{
    struct fl_checkpoint_def *def = opaque;
    char *copy = g_strdup(parent);
    g_free(def->parent);
    def->parent = copy;
}

/* Lists every disk in <disks>: one that can hold a bitmap gets one under the checkpoint's name. */
static int disks_complete(struct fl_checkpoint_def *def)
{
    static const char *const order[] = { "name",  "description", "parent", "creationTime",
                                         "disks", "domain",      NULL };
    const struct fl_xml_node *disk = fl_domain_device_first(def->dom, "disk");
    if (!disk)
        return fl_error_set(VIR_FROM_DOMAIN_CHECKPOINT, VIR_ERR_CONFIG_UNSUPPORTED,
                            "domain '%s' has no disk, so there is nothing to make a checkpoint of",
                            def->dom->name);
    struct fl_xml_node *disks = fl_test_xml_child_in(def->root, "disks", order);
    for (; disk; disk = fl_domain_device_next(disk, "disk")) {
        const char *target = fl_disk_target(disk);
        struct fl_xml_node *row = fl_xml_child(disks, "disk");
        while (row && !fl_xml_is(row, "name", target))
            row = fl_xml_next(row, "disk");
        if (!row) {
            row = fl_xml_add(disks, "disk");
            fl_xml_set(row, "name", target);
        }
        bool can = fl_disk_source(disk) && !fl_xml_child(disk, "readonly");
        if (!fl_xml_get(row, "checkpoint"))
            fl_xml_set(row, "checkpoint", can ? "bitmap" : "no");
        if (fl_xml_is(row, "checkpoint", "bitmap") && !fl_xml_get(row, "bitmap"))
            fl_xml_set(row, "bitmap", def->name);
    }
    return 0;
}

static struct fl_test_moment *checkpoint_redefine(struct fl_test_domain *d, struct fl_checkpoint_def *def)
{
    struct fl_test_moment *m = fl_test_moment_by_name(&d->checkpoints, def->name),
                          *parent = &d->checkpoints.root;
    if (def->parent && !(parent = fl_test_moment_by_name(&d->checkpoints, def->parent)))
        return fl_error_set(VIR_FROM_DOMAIN, VIR_ERR_INVALID_ARG,
                            "checkpoint '%s' names the parent '%s', which domain '%s' lacks", def->name,
                            def->parent, d->item.name),
               NULL;
    if (m && fl_test_moment_below(parent, m))
        return fl_error_set(VIR_FROM_DOMAIN, VIR_ERR_INVALID_ARG,
                            "checkpoint '%s' cannot descend from '%s', which descends from it", def->name,
                            def->parent),
               NULL;
    if (!m)
        return fl_test_moment_add(&d->checkpoints, def->name, def, parent);
    fl_checkpoint_def_free(m->def);
    m->def = def;
    fl_test_moment_reparent(m, parent);
    return m;
}

static struct fl_test_moment *checkpoint_take(struct fl_test_domain *d, struct fl_checkpoint_def *def)
{
    if (fl_test_moment_by_name(&d->checkpoints, def->name))
        return fl_error_set(VIR_FROM_DOMAIN, VIR_ERR_OPERATION_FAILED,
                            "domain '%s' has a checkpoint '%s' already", d->item.name, def->name),
               NULL;
    fl_domain_def_free(def->dom);
    def->dom = fl_domain_def_copy(d->def);
    def->dom->id = -1;
    parent_name_set(def, d->checkpoints.current ? d->checkpoints.current->name : NULL);
    if (disks_complete(def) < 0)
        return NULL;
    struct fl_test_moment *m = fl_test_moment_add(&d->checkpoints, def->name, def, d->checkpoints.current);
    d->checkpoints.current = m;
    return m;
}

virDomainCheckpointPtr fl_test_domain_checkpoint_create_xml(virDomainPtr dom, const char *xml,
                                                            unsigned int flags)
{
    struct fl_checkpoint_def *def;
    bool redefine = flags & VIR_DOMAIN_CHECKPOINT_CREATE_REDEFINE;
    if (fl_check_flags(flags, VIR_DOMAIN_CHECKPOINT_CREATE_REDEFINE | VIR_DOMAIN_CHECKPOINT_CREATE_QUIESCE |
                                  VIR_DOMAIN_CHECKPOINT_CREATE_REDEFINE_VALIDATE) < 0)
        return NULL;
    TEST_WRITE(dom);
    struct fl_test_domain *d = fl_test_domain_of(host, dom);
    if (!d)
        return NULL;
    if (fl_test_moments_count(&d->snapshots) > 0)
        return fl_error_null(VIR_ERR_OPERATION_UNSUPPORTED,
                             "domain '%s' has snapshots: delete them before a checkpoint", d->item.name);
    if (!redefine && !fl_test_domain_active(d))
        return fl_error_null(VIR_ERR_OPERATION_UNSUPPORTED,
                             "domain '%s' is not running, so it makes no checkpoints", d->item.name);
    if (fl_checkpoint_def_parse(xml, NULL, redefine ? FL_SNAPSHOT_REDEFINE : 0, &def) < 0)
        return NULL;
    struct fl_test_moment *m = redefine ? checkpoint_redefine(d, def) : checkpoint_take(d, def);
    if (!m) {
        fl_checkpoint_def_free(def);
        return NULL;
    }
    return fl_domain_checkpoint_new(dom, m->name);
}

char *fl_test_domain_checkpoint_get_xml_desc(virDomainCheckpointPtr chk, unsigned int flags)
{
    if (fl_check_flags(flags, VIR_DOMAIN_CHECKPOINT_XML_SECURE | VIR_DOMAIN_CHECKPOINT_XML_NO_DOMAIN |
                                  VIR_DOMAIN_CHECKPOINT_XML_SIZE) < 0)
        return NULL;
    TEST_READ(chk);
    struct fl_test_moment *m = checkpoint_of(host, chk, NULL);
    return m ? fl_checkpoint_def_format(m->def, flags) : NULL;
}

struct walk {
    unsigned int flags;
    virDomainPtr dom;
    GPtrArray *objects;
    int n;
};

static void walk_visit(struct fl_test_moment *m, void *opaque)
{
    struct walk *w = opaque;
    const unsigned int leaves = VIR_DOMAIN_CHECKPOINT_LIST_LEAVES | VIR_DOMAIN_CHECKPOINT_LIST_NO_LEAVES;
    if ((w->flags & leaves) && !(w->flags & (m->children->len == 0 ? VIR_DOMAIN_CHECKPOINT_LIST_LEAVES
                                                                   : VIR_DOMAIN_CHECKPOINT_LIST_NO_LEAVES)))
        return;
    if (w->objects)
        g_ptr_array_add(w->objects, fl_domain_checkpoint_new(w->dom, m->name));
    w->n++;
}

static int walk_from(struct fl_test_moment *from, bool deep, struct walk *w, virDomainCheckpointPtr **chks)
{
    w->objects = chks ? g_ptr_array_new() : NULL;
    fl_test_moment_walk(from, deep, walk_visit, w);
    if (chks) {
        g_ptr_array_add(w->objects, NULL);
        *chks = (virDomainCheckpointPtr *)g_ptr_array_free(w->objects, FALSE);
    }
    return w->n;
}

int fl_test_domain_list_all_checkpoints(virDomainPtr dom, virDomainCheckpointPtr **chks, unsigned int flags)
{
    if (fl_check_flags(flags, 0xf) < 0)
        return -1;
    TEST_READ(dom);
    struct fl_test_domain *d = fl_test_domain_of(host, dom);
    struct walk w = { .flags = flags, .dom = dom };
    return d ? walk_from(&d->checkpoints.root, !(flags & VIR_DOMAIN_CHECKPOINT_LIST_ROOTS), &w, chks) : -1;
}

int fl_test_domain_checkpoint_list_all_children(virDomainCheckpointPtr chk, virDomainCheckpointPtr **chks,
                                                unsigned int flags)
{
    if (fl_check_flags(flags, 0xf) < 0)
        return -1;
    TEST_READ(chk);
    struct fl_test_moment *m = checkpoint_of(host, chk, NULL);
    struct walk w = { .flags = flags, .dom = chk->domain };
    return m ? walk_from(m, flags & VIR_DOMAIN_CHECKPOINT_LIST_DESCENDANTS, &w, chks) : -1;
}

virDomainCheckpointPtr fl_test_domain_checkpoint_lookup_by_name(virDomainPtr dom, const char *name,
                                                                unsigned int flags)
{
    if (fl_check_flags(flags, 0) < 0)
        return NULL;
    TEST_READ(dom);
    struct fl_test_domain *d = fl_test_domain_of(host, dom);
    if (!d)
        return NULL;
    if (!fl_test_moment_by_name(&d->checkpoints, name))
        return fl_error_null(VIR_ERR_NO_DOMAIN_CHECKPOINT, "domain '%s' has no checkpoint '%s'", d->item.name,
                             name);
    return fl_domain_checkpoint_new(dom, name);
}

virDomainCheckpointPtr fl_test_domain_checkpoint_get_parent(virDomainCheckpointPtr chk, unsigned int flags)
{
    if (fl_check_flags(flags, 0) < 0)
        return NULL;
    TEST_READ(chk);
    struct fl_test_moment *m = checkpoint_of(host, chk, NULL);
    if (!m)
        return NULL;
    if (!m->parent->name)
        return fl_error_null(VIR_ERR_NO_DOMAIN_CHECKPOINT, "checkpoint '%s' is a root: it has no parent",
                             chk->name);
    return fl_domain_checkpoint_new(chk->domain, m->parent->name);
}

int fl_test_domain_checkpoint_delete(virDomainCheckpointPtr chk, unsigned int flags)
{
    const unsigned int below =
        VIR_DOMAIN_CHECKPOINT_DELETE_CHILDREN | VIR_DOMAIN_CHECKPOINT_DELETE_CHILDREN_ONLY;
    if (fl_check_flags(flags, below | VIR_DOMAIN_CHECKPOINT_DELETE_METADATA_ONLY) < 0)
        return -1;
    TEST_WRITE(chk);
    struct fl_test_domain *d;
    struct fl_test_moment *m = checkpoint_of(host, chk, &d);
    if (!m)
        return -1;
    fl_test_moment_delete(&d->checkpoints, m, !(flags & VIR_DOMAIN_CHECKPOINT_DELETE_CHILDREN_ONLY),
                          flags & below, parent_name_set);
    return 0;
}
