/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Snapshots: making, redefining, deleting, going back to one. */
#define FL_FROM VIR_FROM_TEST
#include <string.h>
#include "driver/test/ops.h"
#include "driver/test/snapshot.h"

/* Names the parent in the definition, so that it prints. */
static void parent_name_set(void *opaque, const char *parent)
{
    struct fl_snapshot_def *def = opaque;
    char *copy = g_strdup(parent);
    g_free(def->parent);
    def->parent = copy;
}

static struct fl_test_moment *redefine_parent(struct fl_test_domain *d, const struct fl_snapshot_def *def,
                                              struct fl_test_moment *self)
{
    if (!def->parent)
        return &d->snapshots.root;
    struct fl_test_moment *parent = fl_test_moment_by_name(&d->snapshots, def->parent);
    if (!parent) {
        fl_error_set(VIR_FROM_DOMAIN, VIR_ERR_INVALID_ARG,
                     "snapshot '%s' names the parent '%s', which domain '%s' lacks", def->name, def->parent,
                     d->item.name);
        return NULL;
    }
    if (strcmp(def->parent, def->name) == 0 || (self && fl_test_moment_below(parent, self))) {
        fl_error_set(VIR_FROM_DOMAIN, VIR_ERR_INVALID_ARG,
                     "snapshot '%s' cannot descend from '%s', which descends from it", def->name,
                     def->parent);
        return NULL;
    }
    return parent;
}

struct fl_test_moment *fl_test_snapshot_redefine(struct fl_test_domain *d, struct fl_snapshot_def *def,
                                                 bool current)
{
    struct fl_test_moment *m = fl_test_moment_by_name(&d->snapshots, def->name);
    struct fl_test_moment *parent = redefine_parent(d, def, m);
    if (!parent) {
        fl_snapshot_def_free(def);
        return NULL;
    }
    if (m) {
        fl_snapshot_def_free(m->def);
        m->def = def;
        fl_test_moment_reparent(m, parent);
    } else {
        m = fl_test_moment_add(&d->snapshots, def->name, def, parent);
    }
    if (current)
        d->snapshots.current = m;
    return m;
}

/* A new one from the domain as it is: its definition, its state, below the current snapshot. */
static struct fl_test_moment *snapshot_take(struct fl_test_domain *d, struct fl_snapshot_def *def)
{
    if (fl_test_moment_by_name(&d->snapshots, def->name)) {
        fl_error_set(VIR_FROM_DOMAIN, VIR_ERR_OPERATION_FAILED, "domain '%s' has a snapshot '%s' already",
                     d->item.name, def->name);
        fl_snapshot_def_free(def);
        return NULL;
    }
    def->state = d->state;
    fl_domain_def_free(def->dom);
    def->dom = fl_domain_def_copy(d->def);
    def->dom->id = -1;
    parent_name_set(def, d->snapshots.current ? d->snapshots.current->name : NULL);
    if (fl_snapshot_def_align_disks(def, 0) < 0) {
        fl_snapshot_def_free(def);
        return NULL;
    }
    struct fl_test_moment *m = fl_test_moment_add(&d->snapshots, def->name, def, d->snapshots.current);
    d->snapshots.current = m;
    return m;
}

virDomainSnapshotPtr fl_test_domain_snapshot_create_xml(virDomainPtr dom, const char *xml, unsigned int flags)
{
    const unsigned int mask = VIR_DOMAIN_SNAPSHOT_CREATE_REDEFINE | VIR_DOMAIN_SNAPSHOT_CREATE_CURRENT |
                              VIR_DOMAIN_SNAPSHOT_CREATE_HALT | VIR_DOMAIN_SNAPSHOT_CREATE_QUIESCE |
                              VIR_DOMAIN_SNAPSHOT_CREATE_ATOMIC | VIR_DOMAIN_SNAPSHOT_CREATE_LIVE |
                              VIR_DOMAIN_SNAPSHOT_CREATE_VALIDATE;
    bool redefine = flags & VIR_DOMAIN_SNAPSHOT_CREATE_REDEFINE;
    struct fl_snapshot_def *def;
    if (fl_check_flags(flags, mask) < 0)
        return NULL;
    TEST_WRITE(dom);
    struct fl_test_domain *d = fl_test_domain_of(host, dom);
    if (!d)
        return NULL;
    if (fl_test_moments_count(&d->checkpoints) > 0)
        return fl_error_null(VIR_ERR_OPERATION_UNSUPPORTED,
                             "domain '%s' has checkpoints: delete them before a snapshot", d->item.name);
    if (fl_snapshot_def_parse(xml, NULL, redefine ? FL_SNAPSHOT_REDEFINE : 0, &def) < 0)
        return NULL;
    if (redefine && fl_snapshot_def_align_disks(def, FL_SNAPSHOT_REDEFINE) < 0) {
        fl_snapshot_def_free(def);
        return NULL;
    }
    struct fl_test_moment *m =
        redefine ? fl_test_snapshot_redefine(d, def, flags & VIR_DOMAIN_SNAPSHOT_CREATE_CURRENT)
                 : snapshot_take(d, def);
    if (!m)
        return NULL;
    virDomainSnapshotPtr snap = fl_domain_snapshot_new(dom, m->name);
    if (!redefine && (flags & VIR_DOMAIN_SNAPSHOT_CREATE_HALT) && fl_test_domain_active(d))
        fl_test_domain_stop(host, d, VIR_DOMAIN_SHUTOFF_FROM_SNAPSHOT,
                            VIR_DOMAIN_EVENT_STOPPED_FROM_SNAPSHOT);
    return snap;
}

int fl_test_domain_snapshot_delete(virDomainSnapshotPtr snap, unsigned int flags)
{
    const unsigned int below = VIR_DOMAIN_SNAPSHOT_DELETE_CHILDREN | VIR_DOMAIN_SNAPSHOT_DELETE_CHILDREN_ONLY;
    if (fl_check_flags(flags, below) < 0)
        return -1;
    TEST_WRITE(snap);
    struct fl_test_domain *d;
    struct fl_test_moment *m = fl_test_snapshot_of(host, snap, &d);
    if (!m)
        return -1;
    fl_test_moment_delete(&d->snapshots, m, !(flags & VIR_DOMAIN_SNAPSHOT_DELETE_CHILDREN_ONLY),
                          flags & below, parent_name_set);
    return 0;
}

/* Brings the domain to the snapshot's definition and `state`; what stops and starts is announced. */
static void revert_to(struct fl_test_host *host, struct fl_test_domain *d, const struct fl_domain_def *def,
                      int state)
{
    if (fl_test_domain_active(d)) {
        fl_test_domain_off(host, d, VIR_DOMAIN_SHUTOFF_FROM_SNAPSHOT);
        fl_test_domain_emit(host, d, VIR_DOMAIN_EVENT_STOPPED, VIR_DOMAIN_EVENT_STOPPED_FROM_SNAPSHOT);
    }
    fl_domain_def_free(d->def);
    d->def = fl_domain_def_copy(def);
    d->def->id = -1;
    g_free(d->def->name); /* a rename since the snapshot holds */
    d->def->name = g_strdup(d->item.name);
    d->reason = VIR_DOMAIN_SHUTOFF_FROM_SNAPSHOT;
    if (state == VIR_DOMAIN_SHUTOFF)
        return;
    fl_test_domain_start(host, d, VIR_DOMAIN_RUNNING_FROM_SNAPSHOT);
    fl_test_domain_emit(host, d, VIR_DOMAIN_EVENT_STARTED, VIR_DOMAIN_EVENT_STARTED_FROM_SNAPSHOT);
    if (state != VIR_DOMAIN_PAUSED)
        return;
    d->state = VIR_DOMAIN_PAUSED;
    d->reason = VIR_DOMAIN_PAUSED_FROM_SNAPSHOT;
    fl_test_domain_emit(host, d, VIR_DOMAIN_EVENT_SUSPENDED, VIR_DOMAIN_EVENT_SUSPENDED_FROM_SNAPSHOT);
}

int fl_test_domain_revert_to_snapshot(virDomainSnapshotPtr snap, unsigned int flags)
{
    const unsigned int mask = VIR_DOMAIN_SNAPSHOT_REVERT_RUNNING | VIR_DOMAIN_SNAPSHOT_REVERT_PAUSED |
                              VIR_DOMAIN_SNAPSHOT_REVERT_FORCE;
    if (fl_check_flags(flags, mask) < 0)
        return -1;
    if ((flags & VIR_DOMAIN_SNAPSHOT_REVERT_RUNNING) && (flags & VIR_DOMAIN_SNAPSHOT_REVERT_PAUSED))
        return fl_error_set(VIR_FROM_DOMAIN_SNAPSHOT, VIR_ERR_INVALID_ARG,
                            "a snapshot cannot be gone back to both running and paused");
    TEST_WRITE(snap);
    struct fl_test_domain *d;
    struct fl_test_moment *m = fl_test_snapshot_of(host, snap, &d);
    if (!m)
        return -1;
    const struct fl_snapshot_def *def = m->def;
    if (!def->dom)
        return fl_error(VIR_ERR_OPERATION_INVALID, "snapshot '%s' holds no definition to go back to",
                        snap->name);
    int state = flags & VIR_DOMAIN_SNAPSHOT_REVERT_RUNNING  ? VIR_DOMAIN_RUNNING
                : flags & VIR_DOMAIN_SNAPSHOT_REVERT_PAUSED ? VIR_DOMAIN_PAUSED
                : def->state == FL_SNAPSHOT_DISK            ? VIR_DOMAIN_SHUTOFF
                                                            : def->state;
    d->snapshots.current = m;
    revert_to(host, d, def->dom, state);
    if (!d->persistent && !fl_test_domain_active(d))
        fl_test_domain_drop(host, d);
    return 0;
}
