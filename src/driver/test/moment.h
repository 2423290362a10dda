/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Moments of a domain: the forest that its snapshots or its checkpoints form. */
#pragma once

#include <stdbool.h>
#include <glib.h>

struct fl_test_moment {
    char *name;
    void *def;                     /* struct fl_snapshot_def or struct fl_checkpoint_def */
    struct fl_test_moment *parent; /* the root for a first one */
    GPtrArray *children;
};

struct fl_test_moments {
    GHashTable *by_name; /* owns the moments */
    struct fl_test_moment root;
    struct fl_test_moment *current; /* NULL = none */
    void (*free_def)(void *def);
};

void fl_test_moments_init(struct fl_test_moments *set, void (*free_def)(void *def));
void fl_test_moments_fini(struct fl_test_moments *set);
unsigned int fl_test_moments_count(const struct fl_test_moments *set);
struct fl_test_moment *fl_test_moment_by_name(const struct fl_test_moments *set, const char *name);
/* Takes `def`. parent NULL = root. */
struct fl_test_moment *fl_test_moment_add(struct fl_test_moments *set, const char *name, void *def,
                                          struct fl_test_moment *parent);
/* Removes one; its children must have been moved or removed before. */
void fl_test_moment_remove(struct fl_test_moments *set, struct fl_test_moment *moment);
void fl_test_moment_reparent(struct fl_test_moment *moment, struct fl_test_moment *parent);
bool fl_test_moment_below(const struct fl_test_moment *moment, const struct fl_test_moment *ancestor);
/* Deletes it, everything below it, or both; what stays below goes to its parent, whose name `set_parent`
 * writes into its definition. The current one, where it goes, hands on to what stays above. */
void fl_test_moment_delete(struct fl_test_moments *set, struct fl_test_moment *moment, bool itself,
                           bool below, void (*set_parent)(void *def, const char *parent));
/* Walks below `from`, children only or everything, parents first. */
typedef void (*fl_test_moment_visit)(struct fl_test_moment *moment, void *opaque);
void fl_test_moment_walk(struct fl_test_moment *from, bool deep, fl_test_moment_visit visit, void *opaque);

/* The two kinds' free functions (snapshot.c, checkpoint.c). */
void fl_test_snapshot_def_free(void *def);
void fl_test_checkpoint_def_free(void *def);
