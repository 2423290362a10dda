/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Snapshots: listing, finding, printing. Making, deleting and reverting are snapshot_change.c. */
#define FL_FROM VIR_FROM_TEST
#include "driver/test/ops.h"
#include "driver/test/snapshot.h"

void fl_test_snapshot_def_free(void *def)
{
    fl_snapshot_def_free(def);
}

struct fl_test_moment *fl_test_snapshot_of(struct fl_test_host *host, virDomainSnapshotPtr snap,
                                           struct fl_test_domain **ret_dom)
{
    struct fl_test_domain *d = fl_test_domain_of(host, snap->domain);
    if (!d)
        return NULL;
    if (ret_dom)
        *ret_dom = d;
    struct fl_test_moment *m = fl_test_moment_by_name(&d->snapshots, snap->name);
    return m ? m
             : fl_error_null(VIR_ERR_NO_DOMAIN_SNAPSHOT, "domain '%s' has no snapshot '%s'", d->item.name,
                             snap->name);
}

/* A listing under way: filters, and one of the three things to collect (or none: count). */
struct walk {
    unsigned int flags;
    virDomainPtr dom;
    char **names;
    int max;
    GPtrArray *objects;
    int n;
};

#define PAIR_OK(flags, yes, no, holds) (!((flags) & ((yes) | (no))) || ((flags) & ((holds) ? (yes) : (no))))

static bool walk_match(const struct fl_test_moment *m, unsigned int flags)
{
    const unsigned int states = VIR_DOMAIN_SNAPSHOT_LIST_INACTIVE | VIR_DOMAIN_SNAPSHOT_LIST_ACTIVE |
                                VIR_DOMAIN_SNAPSHOT_LIST_DISK_ONLY;
    int state = fl_test_snapshot_def(m)->state;
    unsigned int have = state == FL_SNAPSHOT_DISK     ? VIR_DOMAIN_SNAPSHOT_LIST_DISK_ONLY
                        : state == VIR_DOMAIN_SHUTOFF ? VIR_DOMAIN_SNAPSHOT_LIST_INACTIVE
                                                      : VIR_DOMAIN_SNAPSHOT_LIST_ACTIVE;
    return PAIR_OK(flags, VIR_DOMAIN_SNAPSHOT_LIST_LEAVES, VIR_DOMAIN_SNAPSHOT_LIST_NO_LEAVES,
                   m->children->len == 0) &&
           PAIR_OK(flags, VIR_DOMAIN_SNAPSHOT_LIST_METADATA, VIR_DOMAIN_SNAPSHOT_LIST_NO_METADATA, true) &&
           (!(flags & states) || (flags & have)) &&
           PAIR_OK(flags, VIR_DOMAIN_SNAPSHOT_LIST_INTERNAL, VIR_DOMAIN_SNAPSHOT_LIST_EXTERNAL, true);
}

static void walk_visit(struct fl_test_moment *m, void *opaque)
{
    struct walk *w = opaque;
    if (!walk_match(m, w->flags))
        return;
    if (w->names && w->n >= w->max)
        return;
    if (w->names)
        w->names[w->n] = g_strdup(m->name);
    if (w->objects)
        g_ptr_array_add(w->objects, fl_domain_snapshot_new(w->dom, m->name));
    w->n++;
}

static int walk_domain(virDomainPtr dom, struct walk *w)
{
    TEST_READ(dom);
    struct fl_test_domain *d = fl_test_domain_of(host, dom);
    if (!d)
        return -1;
    w->dom = dom;
    fl_test_moment_walk(&d->snapshots.root, !(w->flags & VIR_DOMAIN_SNAPSHOT_LIST_ROOTS), walk_visit, w);
    return w->n;
}

static int walk_children(virDomainSnapshotPtr snap, struct walk *w)
{
    TEST_READ(snap);
    struct fl_test_moment *m = fl_test_snapshot_of(host, snap, NULL);
    if (!m)
        return -1;
    w->dom = snap->domain;
    fl_test_moment_walk(m, w->flags & VIR_DOMAIN_SNAPSHOT_LIST_DESCENDANTS, walk_visit, w);
    return w->n;
}

/* Ends a listing of objects: hands the array over, or drops it on failure. */
static int walk_objects(int n, struct walk *w, virDomainSnapshotPtr **ret)
{
    if (!w->objects)
        return n;
    g_ptr_array_add(w->objects, NULL);
    void **list = g_ptr_array_free(w->objects, FALSE);
    if (n < 0)
        g_free(list);
    else
        *ret = (virDomainSnapshotPtr *)list;
    return n;
}

#define LIST_FLAGS 0x7ff

int fl_test_domain_snapshot_num(virDomainPtr dom, unsigned int flags)
{
    struct walk w = { .flags = flags };
    return fl_check_flags(flags, LIST_FLAGS) < 0 ? -1 : walk_domain(dom, &w);
}

int fl_test_domain_snapshot_list_names(virDomainPtr dom, char **names, int nameslen, unsigned int flags)
{
    struct walk w = { .flags = flags, .names = names, .max = nameslen };
    return fl_check_flags(flags, LIST_FLAGS) < 0 ? -1 : walk_domain(dom, &w);
}

int fl_test_domain_list_all_snapshots(virDomainPtr dom, virDomainSnapshotPtr **snaps, unsigned int flags)
{
    if (fl_check_flags(flags, LIST_FLAGS) < 0)
        return -1;
    struct walk w = { .flags = flags, .objects = snaps ? g_ptr_array_new() : NULL };
    return walk_objects(walk_domain(dom, &w), &w, snaps);
}

int fl_test_domain_snapshot_num_children(virDomainSnapshotPtr snap, unsigned int flags)
{
    struct walk w = { .flags = flags };
    return fl_check_flags(flags, LIST_FLAGS) < 0 ? -1 : walk_children(snap, &w);
}

int fl_test_domain_snapshot_list_children_names(virDomainSnapshotPtr snap, char **names, int nameslen,
                                                unsigned int flags)
{
    struct walk w = { .flags = flags, .names = names, .max = nameslen };
    return fl_check_flags(flags, LIST_FLAGS) < 0 ? -1 : walk_children(snap, &w);
}

int fl_test_domain_snapshot_list_all_children(virDomainSnapshotPtr snap, virDomainSnapshotPtr **snaps,
                                              unsigned int flags)
{
    if (fl_check_flags(flags, LIST_FLAGS) < 0)
        return -1;
    struct walk w = { .flags = flags, .objects = snaps ? g_ptr_array_new() : NULL };
    return walk_objects(walk_children(snap, &w), &w, snaps);
}

virDomainSnapshotPtr fl_test_domain_snapshot_lookup_by_name(virDomainPtr dom, const char *name,
                                                            unsigned int flags)
{
    if (fl_check_flags(flags, 0) < 0)
        return NULL;
    TEST_READ(dom);
    struct fl_test_domain *d = fl_test_domain_of(host, dom);
    if (!d)
        return NULL;
    if (!fl_test_moment_by_name(&d->snapshots, name))
        return fl_error_null(VIR_ERR_NO_DOMAIN_SNAPSHOT, "domain '%s' has no snapshot '%s'", d->item.name,
                             name);
    return fl_domain_snapshot_new(dom, name);
}

int fl_test_domain_has_current_snapshot(virDomainPtr dom, unsigned int flags)
{
    if (fl_check_flags(flags, 0) < 0)
        return -1;
    TEST_READ(dom);
    struct fl_test_domain *d = fl_test_domain_of(host, dom);
    return d ? d->snapshots.current != NULL : -1;
}

virDomainSnapshotPtr fl_test_domain_snapshot_get_parent(virDomainSnapshotPtr snap, unsigned int flags)
{
    if (fl_check_flags(flags, 0) < 0)
        return NULL;
    TEST_READ(snap);
    struct fl_test_moment *m = fl_test_snapshot_of(host, snap, NULL);
    if (!m)
        return NULL;
    if (!m->parent->name)
        return fl_error_null(VIR_ERR_NO_DOMAIN_SNAPSHOT, "snapshot '%s' is a root: it has no parent",
                             snap->name);
    return fl_domain_snapshot_new(snap->domain, m->parent->name);
}

virDomainSnapshotPtr fl_test_domain_snapshot_current(virDomainPtr dom, unsigned int flags)
{
    if (fl_check_flags(flags, 0) < 0)
        return NULL;
    TEST_READ(dom);
    struct fl_test_domain *d = fl_test_domain_of(host, dom);
    if (!d)
        return NULL;
    if (!d->snapshots.current)
        return fl_error_null(VIR_ERR_NO_DOMAIN_SNAPSHOT, "domain '%s' has no current snapshot", d->item.name);
    return fl_domain_snapshot_new(dom, d->snapshots.current->name);
}

char *fl_test_domain_snapshot_get_xml_desc(virDomainSnapshotPtr snap, unsigned int flags)
{
    if (fl_check_flags(flags, VIR_DOMAIN_SNAPSHOT_XML_SECURE) < 0)
        return NULL;
    TEST_READ(snap);
    struct fl_test_moment *m = fl_test_snapshot_of(host, snap, NULL);
    return m ? fl_snapshot_def_format(m->def, flags, -1) : NULL;
}

int fl_test_domain_snapshot_is_current(virDomainSnapshotPtr snap, unsigned int flags)
{
    if (fl_check_flags(flags, 0) < 0)
        return -1;
    TEST_READ(snap);
    struct fl_test_domain *d;
    struct fl_test_moment *m = fl_test_snapshot_of(host, snap, &d);
    return m ? m == d->snapshots.current : -1;
}

int fl_test_domain_snapshot_has_metadata(virDomainSnapshotPtr snap, unsigned int flags)
{
    if (fl_check_flags(flags, 0) < 0)
        return -1;
    TEST_READ(snap);
    return fl_test_snapshot_of(host, snap, NULL) ? 1 : -1;
}
