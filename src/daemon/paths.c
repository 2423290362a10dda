/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Default paths of the daemon (libvirtd(8), FILES). */
#include "daemon/paths.h"

#include <glib.h>

#include "daemon/personality.h"

#ifndef FL_SYSCONFDIR
#define FL_SYSCONFDIR "/etc"
#endif
#ifndef FL_RUNSTATEDIR
#define FL_RUNSTATEDIR "/run"
#endif

/* Compat: without XDG_RUNTIME_DIR the sockets live in the cache folder, not in GLib's own fallback. */
static char *session_runtime_dir(void)
{
    const char *runtime = g_getenv("XDG_RUNTIME_DIR");

    if (runtime && runtime[0] == '/')
        return g_build_filename(runtime, "libvirt", NULL);
    return g_build_filename(g_get_user_cache_dir(), "libvirt", NULL);
}

void fl_paths_init(struct fl_paths *paths, const struct fl_personality *who, bool privileged)
{
    g_autofree char *config = g_strconcat(who->name, ".conf", NULL);
    g_autofree char *pid = g_strconcat(who->name, ".pid", NULL);

    *paths = (struct fl_paths){ .privileged = privileged };
    if (privileged) {
        paths->config_file = g_build_filename(FL_SYSCONFDIR "/libvirt", config, NULL);
        paths->socket_dir = g_strdup(FL_RUNSTATEDIR "/libvirt");
        paths->pid_file = g_build_filename(FL_RUNSTATEDIR, pid, NULL);
        return;
    }
    paths->config_file = g_build_filename(g_get_user_config_dir(), "libvirt", config, NULL);
    paths->socket_dir = session_runtime_dir();
    paths->pid_file = g_build_filename(paths->socket_dir, pid, NULL);
}

void fl_paths_fini(struct fl_paths *paths)
{
    g_free(paths->config_file);
    g_free(paths->socket_dir);
    g_free(paths->pid_file);
    *paths = (struct fl_paths){ 0 };
}
