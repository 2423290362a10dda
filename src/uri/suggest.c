/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How far two short words are apart: insertions, deletions, changes, and neighbours that changed places. */
#include "uri/suggest.h"

#include <glib.h>
#include <string.h>

#define WORD_MAX 40

static unsigned int least(unsigned int a, unsigned int b, unsigned int c)
{
    return MIN(a, MIN(b, c));
}

/* Both at most WORD_MAX long. */
static unsigned int distance(const char *a, size_t na, const char *b, size_t nb)
{
    unsigned int rows[3][WORD_MAX + 1];
    unsigned int *before = rows[0], *above = rows[1], *row = rows[2];

    for (size_t j = 0; j <= nb; j++)
        row[j] = (unsigned int)j;
    for (size_t i = 1; i <= na; i++) {
        unsigned int *oldest = before;

        before = above;
        above = row;
        row = oldest;
        row[0] = (unsigned int)i;
        for (size_t j = 1; j <= nb; j++) {
            row[j] = least(above[j] + 1, row[j - 1] + 1, above[j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = MIN(row[j], before[j - 2] + 1);
        }
    }
    return row[nb];
}

const char *fl_suggest(const char *word, const char *const *names)
{
    const char *best = NULL;
    size_t len = strlen(word);
    unsigned int near = len < 3 ? 0 : len < 6 ? 1 : 2;

    if (len > WORD_MAX)
        return NULL;
    for (; *names; names++) {
        size_t n = strlen(*names);
        unsigned int d = n > WORD_MAX ? WORD_MAX : distance(word, len, *names, n);

        if (d == 0)
            return NULL;
        if (d <= near && (!best || d < near)) {
            best = *names;
            near = d;
        }
    }
    return best;
}

const char *fl_suggest_driver(const char *driver)
{
    static const char *const drivers[] = { "qemu",         "xen",      "lxc",          "test",    "vbox",
                                           "vz",           "ch",       "bhyve",        "openvz",  "esx",
                                           "gsx",          "vpx",      "hyperv",       "remote",  "parallels",
                                           "vmwareplayer", "vmwarews", "vmwarefusion", "network", "storage",
                                           "interface",    "nodedev",  "nwfilter",     "secret",  NULL };

    g_autofree char *small = g_ascii_strdown(driver, -1);

    for (size_t i = 0; drivers[i]; i++)
        if (g_str_equal(small, drivers[i]))
            return g_str_equal(driver, drivers[i]) ? NULL : drivers[i];
    return fl_suggest(small, drivers);
}

const char *fl_suggest_path(const char *driver, const char *path)
{
    static const char *const own[] = { "qemu",      "xen",     "lxc",      "vbox",    "vz",
                                       "ch",        "bhyve",   "openvz",   "network", "storage",
                                       "interface", "nodedev", "nwfilter", "secret",  NULL };
    static const char *const paths[] = { "/system", "/session", NULL };
    static const char *const test_paths[] = { "/default", NULL };

    if (g_str_equal(driver, "test"))
        return fl_suggest(path, test_paths);
    return g_strv_contains(own, driver) ? fl_suggest(path, paths) : NULL; /* others have paths of their own */
}
