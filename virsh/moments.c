/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Lists of snapshots and of checkpoints, and the disks of a new one. */
#include "moments.h"

#include <stdlib.h>

static int compare(const void *a, const void *b)
{
    return g_ascii_strcasecmp(((const struct fl_moment *)a)->name, ((const struct fl_moment *)b)->name);
}

void fl_moments_sort(struct fl_moment *moments, int n)
{
    qsort(moments, (size_t)n, sizeof(*moments), compare);
}

static const char *name_of(void *opaque, int i)
{
    return ((struct fl_moment *)opaque)[i].name;
}

static const char *parent_of(void *opaque, int i)
{
    return ((struct fl_moment *)opaque)[i].parent;
}

static void add_row(struct fl_table *t, const struct fl_moment *m, const char *xml, bool states, bool parents)
{
    struct fl_xml *root = xml ? fl_xml_parse(xml) : NULL;
    const char *state = root ? fl_xml_value(root, "state") : NULL;
    const char *created = root ? fl_xml_value(root, "creationTime") : NULL;
    const char *parent = !parents ? NULL : m->parent ? m->parent : "";
    g_autoptr(GDateTime) time =
        created ? g_date_time_new_from_unix_local(g_ascii_strtoll(created, NULL, 10)) : NULL;
    g_autofree char *when = time ? g_date_time_format(time, "%Y-%m-%d %H:%M:%S %z") : g_strdup("");

    if (states)
        fl_table_add(t, m->name, when, state ? state : "", parent, NULL);
    else
        fl_table_add(t, m->name, when, parent, NULL);
    fl_xml_free(root);
}

static struct fl_table *table(bool states, bool parents)
{
    const char *title = parents ? "Parent" : NULL, *key = parents ? "parent" : NULL;

    return states
               ? fl_table_new("Name", "name", "Creation Time", "created", "State", "state", title, key, NULL)
               : fl_table_new("Name", "name", "Creation Time", "created", title, key, NULL);
}

void fl_moments_print(struct fl_call *c, struct fl_moment *moments, int n, bool states,
                      char *(*get_xml)(void *object))
{
    bool parents = fl_flag(c, "parent");
    struct fl_table *t;

    if (fl_flag(c, "tree") && !fl_json(c)) {
        fl_tree_print(c, n, name_of, parent_of, moments);
        return;
    }
    if (fl_flag(c, "name") && !fl_json(c)) {
        for (int i = 0; i < n; i++)
            fl_out(c, "%s\n", moments[i].name);
        return;
    }
    t = table(states, parents);
    for (int i = 0; i < n; i++) {
        g_autofree char *xml = get_xml(moments[i].object);

        if (!xml)
            fl_tell_failed(c, "failed to get the XML of '%s'", moments[i].name);
        add_row(t, &moments[i], xml, states, parents);
    }
    fl_table_print(c, t);
}

int fl_moment_put_disks(struct fl_call *c, GString *s,
                        int (*put_disk)(struct fl_call *c, GString *s, const char *spec))
{
    char **disks = fl_argv(c, "diskspec");

    if (!*disks)
        return 0;
    g_string_append(s, "  <disks>\n");
    for (; *disks; disks++)
        if (put_disk(c, s, *disks) < 0)
            return -1;
    g_string_append(s, "  </disks>\n");
    return 0;
}
