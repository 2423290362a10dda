/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * No URI from anywhere, in words: which daemon's socket of this machine is there, and so what would be
 * opened. It knocks nowhere: a first connection may start a daemon. For fairleadExplainURI and
 * fairleadRouteInfo.
 */
#include "core/why_probe.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "transport/autostart.h"
#include "transport/sockets.h"

#define LISTENS 0x10000 /* a flag of /proc/net/unix */

#define DAEMONS_CHOICE "the daemon's choice"

/* Those that a daemon of all drivers, or the one that forwards to the others, asks in turn. */
static const char *const drivers[] = { "qemu", "xen", "lxc", "ch", "bhyve", "vz", "vbox" };

/* Whether a process, be it systemd on behalf of a daemon, listens there. */
static bool has_listener(const char *table, const char *path)
{
    g_auto(GStrv) lines = table ? g_strsplit(table, "\n", -1) : NULL;

    for (char **l = lines; l && *l; l++) {
        const char *name = strchr(*l, '/');
        unsigned int flags;

        if (name && strcmp(name, path) == 0 && sscanf(*l, "%*s %*s %*s %x", &flags) == 1 && (flags & LISTENS))
            return true;
    }
    return !table;
}

/* NULL: somebody listens and lets this user in. */
static const char *trouble_with(const char *table, const char *path)
{
    if (access(path, F_OK) < 0)
        return errno == EACCES ? "its folder is closed to this user" : "not there";
    if (access(path, W_OK) < 0)
        return "closed to this user";
    return has_listener(table, path) ? NULL : "there, but nobody is seen listening";
}

static void add(GPtrArray *items, const char *key, char *value, char *why)
{
    g_ptr_array_add(items, g_strdup(key));
    g_ptr_array_add(items, value);
    g_ptr_array_add(items, why);
}

static char *uri_of(const char *driver, const struct fl_sockets *s)
{
    return g_strdup_printf("%s:///%s", driver, s->session ? "session" : "system");
}

/* libvirtd, or virtproxyd in its place, chooses by itself. Only of the latter can be told what: it goes by
 * the sockets of the drivers' own daemons. Which drivers a libvirtd has, and works with, nobody knows but
 * itself. */
static void add_choice_of_many(GPtrArray *items, const char *table, const struct fl_sockets *s,
                               const char *path)
{
    g_autofree char *dir = g_path_get_dirname(path);

    for (size_t i = 0; i < G_N_ELEMENTS(drivers); i++) {
        g_autofree char *daemon = g_strdup_printf("virt%sd", drivers[i]);
        g_autofree char *file = fl_sockets_file(daemon, false);
        g_autofree char *beside = g_build_filename(dir, file, NULL);

        if (!trouble_with(table, beside)) {
            add(items, "would open", uri_of(drivers[i], s),
                g_strdup_printf("the daemon at %s chooses; beside it is the socket of %s", path, daemon));
            return;
        }
    }
    add(items, "would open", g_strdup(DAEMONS_CHOICE),
        g_strdup_printf(
            "the daemon at %s takes the first of its drivers that finds a hypervisor there; which "
            "those are only it knows",
            path));
}

/* "virtqemud" has one driver; any other has its choice. */
static char *choice_of_started(const char *daemon, const struct fl_sockets *s)
{
    for (size_t i = 0; i < G_N_ELEMENTS(drivers); i++) {
        g_autofree char *own = g_strdup_printf("virt%sd", drivers[i]);

        if (strcmp(own, daemon) == 0)
            return uri_of(drivers[i], s);
    }
    return g_strdup(DAEMONS_CHOICE);
}

static void add_found(GPtrArray *items, const char *table, const struct fl_sockets *s, size_t which)
{
    const char *daemon = s->item[which].daemon, *path = s->item[which].path;
    g_autofree char *driver = NULL;

    if (strcmp(daemon, "libvirtd") == 0) {
        add_choice_of_many(items, table, s, path);
        return;
    }
    driver = g_strndup(daemon + strlen("virt"), strlen(daemon) - strlen("virtd"));
    add(items, "would open", uri_of(driver, s),
        g_strdup_printf("the first that is there: %s, at %s", daemon, path));
}

/* An ordinary user's daemon is started by whoever opens. */
static bool add_start(GPtrArray *items, const struct fl_sockets *s)
{
    for (size_t i = 0; s->session && fl_autostart_enabled() && i < s->n; i++) {
        g_autofree char *searched = NULL, *program = fl_autostart_find(s->item[i].daemon, &searched);

        if (program) {
            add(items, "would open", choice_of_started(s->item[i].daemon, s),
                g_strdup_printf("no daemon is there, and opening starts %s", program));
            return true;
        }
    }
    return false;
}

void fl_why_probe(GPtrArray *items, const struct fl_route *route, bool read_only)
{
    g_autofree char *table = NULL;
    struct fl_sockets s;
    size_t found;

    g_file_get_contents("/proc/net/unix", &table, NULL, NULL);
    fl_sockets_init(&s, route, read_only, geteuid() == 0);
    found = s.n;
    for (size_t i = 0; i < s.n; i++) {
        const char *trouble = trouble_with(table, s.item[i].path);

        if (!trouble && found == s.n)
            found = i;
        add(items, "socket candidate", g_strdup(s.item[i].path),
            g_strdup_printf("of %s%s: %s", s.item[i].daemon, s.session ? ", this user's" : "",
                            trouble ? trouble : "somebody listens"));
    }
    if (found < s.n)
        add_found(items, table, &s, found);
    else if (!add_start(items, &s))
        add(items, "would open", g_strdup("nothing"),
            g_strdup(s.n ? "no daemon was found" : "mode 'direct' needs a URI that names a driver"));
    fl_sockets_fini(&s);
}
