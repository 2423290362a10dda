/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Devices, snapshots and checkpoints as trees: each names its parent. */
#include "shell.h"

#include <string.h>

enum { DEPTH_MAX = 64 };

struct tree {
    struct fl_call *c;
    int n;
    fl_tree_name name, parent;
    void *opaque;
    GString *indent;
};

/* parent NULL: those whose parent is not in the list */
static bool is_child(struct tree *t, int i, const char *parent)
{
    const char *own = t->parent(t->opaque, i);

    if (parent)
        return own && strcmp(own, parent) == 0;
    for (int k = 0; own && k < t->n; k++)
        if (strcmp(t->name(t->opaque, k), own) == 0)
            return false;
    return true;
}

static int last_child(struct tree *t, const char *parent)
{
    int last = -1;

    for (int i = 0; i < t->n; i++)
        if (is_child(t, i, parent))
            last = i;
    return last;
}

static void print_node(struct tree *t, int at, int last, int depth)
{
    const char *name = t->name(t->opaque, at);
    int last_below = depth < DEPTH_MAX ? last_child(t, name) : -1;
    gsize before = t->indent->len, own;

    fl_out(t->c, depth ? "%s+- %s\n" : "%s%s\n", t->indent->str, name);
    if (depth)
        g_string_append(t->indent, at == last ? "  " : "| ");
    own = t->indent->len;
    if (last_below >= 0)
        fl_out(t->c, "%s  |\n", t->indent->str);
    g_string_append(t->indent, "  ");
    for (int i = 0; i < t->n && last_below >= 0; i++)
        if (is_child(t, i, name))
            print_node(t, i, last_below, depth + 1);
    g_string_truncate(t->indent, own);
    if (last_below < 0 && at == last)
        fl_out(t->c, "%s\n", t->indent->str);
    g_string_truncate(t->indent, before);
}

void fl_tree_print(struct fl_call *c, int n, fl_tree_name name, fl_tree_name parent, void *opaque)
{
    struct tree t = { .c = c, .n = n, .name = name, .parent = parent, .opaque = opaque };

    t.indent = g_string_new("");
    for (int i = 0; i < n; i++)
        if (is_child(&t, i, NULL))
            print_node(&t, i, i, 0);
    g_string_free(t.indent, TRUE);
}
