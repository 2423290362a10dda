/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Lists of the host's processors; see cpus.h. */
#include "cpus.h"
#include "shell.h"

#include <stdlib.h>
#include <string.h>

int fl_cpus_of_host(struct fl_call *c)
{
    int n = virNodeGetCPUMap(c->conn, NULL, NULL, 0);
    virNodeInfo info;

    if (n > 0)
        return n;
    virResetLastError();
    if (virNodeGetInfo(c->conn, &info) < 0)
        return fl_fail(c, "failed to get the number of processors of the host");
    return (int)VIR_NODEINFO_MAXCPUS(info);
}

char *fl_cpus_text(const unsigned char *map, int n)
{
    g_autoptr(GString) s = g_string_new("");

    for (int i = 0; i < n; i++) {
        int first = i;

        if (!VIR_CPU_USED(map, i))
            continue;
        while (i + 1 < n && VIR_CPU_USED(map, i + 1))
            i++;
        g_string_append_printf(s, s->len ? ",%d" : "%d", first);
        if (i > first)
            g_string_append_printf(s, "-%d", i);
    }
    return g_string_free(g_steal_pointer(&s), FALSE);
}

enum { LIST_MAX = 16383 };

static int bad_list(struct fl_call *c, const char *text)
{
    return fl_wrong(c, "'%s' is not a list of processors, such as 0-3,^2", text);
}

static int check_range(struct fl_call *c, const char *text, long first, long last, int max)
{
    if (last < first)
        return fl_wrong(c, "the range %ld-%ld in '%s' ends before it begins", first, last, text);
    if (last > LIST_MAX)
        return fl_wrong(c, "processor %ld in '%s': the host has %d, and no list goes beyond %d", last, text,
                        max, LIST_MAX);
    return 0;
}

static bool any_of(const unsigned char *map, int max)
{
    for (int i = 0; i < VIR_CPU_MAPLEN(max); i++)
        if (map[i])
            return true;
    return false;
}

int fl_cpus_parse(struct fl_call *c, const char *text, int max, unsigned char *map)
{
    g_auto(GStrv) parts = g_strsplit(text, ",", 0);

    if (strcmp(text, "r") == 0) {
        for (int i = 0; i < max; i++)
            VIR_USE_CPU(map, i);
        return 0;
    }
    for (char **p = parts; *p; p++) {
        bool without = **p == '^';
        char *end;
        long first = strtol(*p + without, &end, 10), last = first;

        if (!g_ascii_isdigit((*p)[without]))
            return bad_list(c, text);
        if (*end == '-' && !without && g_ascii_isdigit(end[1]))
            last = strtol(end + 1, &end, 10);
        if (*end)
            return bad_list(c, text);
        if (check_range(c, text, first, last, max) < 0)
            return -1;
        for (long i = first; i <= last && i < max; i++) {
            if (without)
                VIR_UNUSE_CPU(map, i);
            else
                VIR_USE_CPU(map, i);
        }
        if (first >= max && !without)
            return fl_wrong(c, "processor %ld in '%s': the host has %d", first, text, max);
    }
    if (!any_of(map, max))
        return fl_wrong(c, "'%s' names no processor", text);
    return 0;
}
