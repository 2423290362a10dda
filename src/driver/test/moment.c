/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The forest of moments; see moment.h. */
#include "driver/test/moment.h"

void fl_test_moments_init(struct fl_test_moments *set, void (*free_def)(void *def))
{
    set->by_name = g_hash_table_new(g_str_hash, g_str_equal);
    set->root.children = g_ptr_array_new();
    set->free_def = free_def;
}

static void moment_free(struct fl_test_moments *set, struct fl_test_moment *moment)
{
    set->free_def(moment->def);
    g_ptr_array_free(moment->children, TRUE);
    g_free(moment->name);
    g_free(moment);
}

void fl_test_moments_fini(struct fl_test_moments *set)
{
    GHashTableIter iter;
    gpointer moment;
    g_hash_table_iter_init(&iter, set->by_name);
    while (g_hash_table_iter_next(&iter, NULL, &moment))
        moment_free(set, moment);
    g_clear_pointer(&set->by_name, g_hash_table_destroy);
    g_ptr_array_free(set->root.children, TRUE);
    set->root.children = NULL;
}

unsigned int fl_test_moments_count(const struct fl_test_moments *set)
{
    return g_hash_table_size(set->by_name);
}

struct fl_test_moment *fl_test_moment_by_name(const struct fl_test_moments *set, const char *name)
{
    return g_hash_table_lookup(set->by_name, name);
}

struct fl_test_moment *fl_test_moment_add(struct fl_test_moments *set, const char *name, void *def,
                                          struct fl_test_moment *parent)
{
    struct fl_test_moment *moment = g_new0(struct fl_test_moment, 1);
    moment->name = g_strdup(name);
    moment->def = def;
    moment->children = g_ptr_array_new();
    moment->parent = parent ? parent : &set->root;
    g_ptr_array_add(moment->parent->children, moment);
    g_hash_table_insert(set->by_name, moment->name, moment);
    return moment;
}

void fl_test_moment_remove(struct fl_test_moments *set, struct fl_test_moment *moment)
{
    g_ptr_array_remove(moment->parent->children, moment);
    g_hash_table_remove(set->by_name, moment->name);
    if (set->current == moment)
        set->current = NULL;
    moment_free(set, moment);
}

void fl_test_moment_reparent(struct fl_test_moment *moment, struct fl_test_moment *parent)
{
    g_ptr_array_remove(moment->parent->children, moment);
    moment->parent = parent;
    g_ptr_array_add(parent->children, moment);
}

bool fl_test_moment_below(const struct fl_test_moment *moment, const struct fl_test_moment *ancestor)
{
    for (; moment; moment = moment->parent) {
        if (moment == ancestor)
            return true;
    }
    return false;
}

void fl_test_moment_walk(struct fl_test_moment *from, bool deep, fl_test_moment_visit visit, void *opaque)
{
    for (guint i = 0; i < from->children->len; i++) {
        struct fl_test_moment *child = g_ptr_array_index(from->children, i);
        visit(child, opaque);
        if (deep)
            fl_test_moment_walk(child, true, visit, opaque);
    }
}

static void collect(struct fl_test_moment *moment, void *opaque)
{
    g_ptr_array_add(opaque, moment);
}

/* Deepest first. */
static void delete_below(struct fl_test_moments *set, struct fl_test_moment *moment)
{
    g_autoptr(GPtrArray) all = g_ptr_array_new();
    fl_test_moment_walk(moment, true, collect, all);
    for (guint i = all->len; i > 0; i--)
        fl_test_moment_remove(set, g_ptr_array_index(all, i - 1));
}

void fl_test_moment_delete(struct fl_test_moments *set, struct fl_test_moment *moment, bool itself,
                           bool below, void (*set_parent)(void *def, const char *parent))
{
    struct fl_test_moment *parent = moment->parent, *current = set->current;
    struct fl_test_moment *heir = !itself ? moment : parent->name ? parent : NULL;
    bool moves = current && (below ? fl_test_moment_below(current, moment) : current == moment);
    if (below)
        delete_below(set, moment);
    while (itself && moment->children->len > 0) {
        struct fl_test_moment *child = g_ptr_array_index(moment->children, 0);
        set_parent(child->def, parent->name);
        fl_test_moment_reparent(child, parent);
    }
    if (itself)
        fl_test_moment_remove(set, moment);
    if (moves)
        set->current = heir;
}
