/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Socket names by mode ("mode parameter" of the connection URI page):
 *     direct  the driver's own daemon, virtDRIVERd-sock
 *     legacy  libvirtd (or virtproxyd in its place), libvirt-sock
 *     auto    the driver's own, then libvirtd's; where no URI names a driver, libvirtd's, then those of the
 * usual drivers, which take no name for their own
 */
#include "transport/sockets.h"

#include <glib.h>

#ifndef FL_RUNSTATEDIR
#define FL_RUNSTATEDIR "/run"
#endif

bool fl_sockets_is_session(const struct fl_route *route, bool privileged)
{
    if (privileged)
        return false;
    if (!route->driver || g_str_equal(route->driver, "test"))
        return true;
    return g_strcmp0(route->path, "/session") == 0;
}

char *fl_sockets_session_dir(void)
{
    const char *runtime = g_getenv("XDG_RUNTIME_DIR");
    if (runtime && runtime[0] == '/')
        return g_build_filename(runtime, "libvirt", NULL);
    return g_build_filename(g_get_user_cache_dir(), "libvirt", NULL);
}

char *fl_sockets_driver_daemon(const struct fl_route *route)
{
    return route->driver ? g_strdup_printf("virt%sd", route->driver) : NULL;
}

char *fl_sockets_file(const char *daemon, bool read_only)
{
    const char *stem = g_str_equal(daemon, "libvirtd") ? "libvirt" : daemon;
    return g_strdup_printf("%s-sock%s", stem, read_only ? "-ro" : "");
}

/* Takes over `daemon`. */
static void sockets_add(struct fl_sockets *s, const char *dir, char *daemon, bool read_only)
{
    g_autofree char *file = fl_sockets_file(daemon, read_only);
    s->item[s->n].path = g_build_filename(dir, file, NULL);
    s->item[s->n].daemon = daemon;
    s->n++;
}

void fl_sockets_init(struct fl_sockets *s, const struct fl_route *route, bool read_only, bool privileged)
{
    *s = (struct fl_sockets){ .session = fl_sockets_is_session(route, privileged) };
    if (route->socket) {
        s->item[s->n++].path = g_strdup(route->socket);
        return;
    }
    /* Compat: the session daemon has no read-only socket. */
    bool ro = read_only && !s->session;
    g_autofree char *dir = s->session ? fl_sockets_session_dir() : g_strdup(FL_RUNSTATEDIR "/libvirt");
    if (route->mode != FL_MODE_LEGACY && route->driver)
        sockets_add(s, dir, fl_sockets_driver_daemon(route), ro);
    s->main = s->n;
    if (route->mode != FL_MODE_DIRECT)
        sockets_add(s, dir, g_strdup("libvirtd"), ro);
    else if (s->main > 0)
        s->main--;
    if (route->mode == FL_MODE_AUTO && !route->driver) {
        sockets_add(s, dir, g_strdup("virtqemud"), ro);
        sockets_add(s, dir, g_strdup("virtxend"), ro);
    }
}

void fl_sockets_fini(struct fl_sockets *s)
{
    for (size_t i = 0; i < s->n; i++) {
        g_free(s->item[i].path);
        g_free(s->item[i].daemon);
    }
    *s = (struct fl_sockets){ 0 };
}
