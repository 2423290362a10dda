/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The error of a unix socket that nobody answers on. Looks around once it has failed: whether the machine
 * has a unit for the daemon, whether the other kind of daemon is there (one for all drivers, or one each),
 * whether a read-only socket would let us in. Nothing is started or opened.
 */
#define FL_FROM VIR_FROM_REMOTE
#include "transport/unix_explain.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/walk.h"
#include "transport/autostart.h"
#include "transport/channel.h"
#include "transport/dial.h"

#define NEIGHBOURS_MAX 6    /* named */
#define FOLDER_MAX     1000 /* looked at */

/* The failure worth reporting first: someone is there but will not talk > nobody listens > nothing there. */
static int worse_errno(int a, int b)
{
    static const int order[] = { ENOENT, ENOTDIR, ECONNREFUSED };
    size_t ra = G_N_ELEMENTS(order), rb = G_N_ELEMENTS(order);
    for (size_t i = 0; i < G_N_ELEMENTS(order); i++) {
        ra = order[i] == a ? i : ra;
        rb = order[i] == b ? i : rb;
    }
    return a == 0 || rb >= ra ? b : a;
}

static bool is_socket(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISSOCK(st.st_mode);
}

/* ---- what else is there ---- */

/* "libvirtd.socket", or the service where there is no socket unit; NULL: systemd here knows neither. */
static char *find_unit(const char *daemon)
{
    static const char *const folders[] = { "/etc/systemd/system", "/run/systemd/system",
                                           "/usr/local/lib/systemd/system", "/usr/lib/systemd/system",
                                           "/lib/systemd/system" };
    static const char *const kinds[] = { "socket", "service" };

    for (size_t k = 0; k < G_N_ELEMENTS(kinds); k++) {
        g_autofree char *unit = g_strdup_printf("%s.%s", daemon, kinds[k]);
        for (size_t i = 0; i < G_N_ELEMENTS(folders); i++) {
            g_autofree char *path = g_build_filename(folders[i], unit, NULL);
            if (access(path, F_OK) == 0)
                return g_steal_pointer(&unit);
        }
    }
    return NULL;
}

/* The unit to start: of the daemons tried, and of the one that stands in for libvirtd. */
static char *unit_to_start(const struct fl_sockets *s)
{
    char *unit = s->item[s->main].daemon ? find_unit(s->item[s->main].daemon) : NULL;

    for (size_t i = s->n; i > 0 && !unit; i--)
        if (s->item[i - 1].daemon)
            unit = find_unit(s->item[i - 1].daemon);
    for (size_t i = 0; i < s->n && !unit; i++)
        if (g_strcmp0(s->item[i].daemon, "libvirtd") == 0)
            unit = find_unit("virtproxyd");
    return unit;
}

/* The socket of the daemons that mode= leaves out, when it is there. */
static char *other_stack(const struct fl_sockets *s, const struct fl_route *route, bool read_only)
{
    g_autofree char *folder = g_path_get_dirname(s->item[0].path);
    g_autofree char *daemon = NULL, *file = NULL, *path = NULL;

    if (route->socket || route->mode == FL_MODE_AUTO || route->mode_origin.kind == FL_ORIGIN_UNSET)
        return NULL; /* nobody chose: it is a proxy's own way */
    daemon = route->mode == FL_MODE_DIRECT ? g_strdup("libvirtd") : fl_sockets_driver_daemon(route);
    file = daemon ? fl_sockets_file(daemon, read_only && !s->session) : NULL;
    path = file ? g_build_filename(folder, file, NULL) : NULL;
    return path && is_socket(path) ? g_steal_pointer(&path) : NULL;
}

/* The sockets beside one that is not there: "libvirt-sock, libvirt-sock-ro"; NULL: none. */
static char *neighbours(const char *path)
{
    g_autofree char *folder = g_path_get_dirname(path);
    GDir *dir = g_dir_open(folder, 0, NULL);
    GString *found = g_string_new(NULL);
    const char *name;
    int n = 0;

    for (int seen = 0; dir && n < NEIGHBOURS_MAX && seen < FOLDER_MAX && (name = g_dir_read_name(dir));
         seen++) {
        g_autofree char *file = g_build_filename(folder, name, NULL);
        if (is_socket(file))
            g_string_append_printf(found, "%s%s", n++ ? ", " : "", name);
    }
    if (dir)
        g_dir_close(dir);
    return g_string_free(found, n == 0);
}

/* A read-only socket that would let us in: beside the one that did not. */
static char *open_read_only(const struct fl_sockets *s, bool read_only)
{
    for (size_t i = 0; i < s->n && !read_only; i++) {
        g_autofree char *path = g_strconcat(s->item[i].path, "-ro", NULL);
        if (g_str_has_suffix(s->item[i].path, "-sock") && is_socket(path) && access(path, W_OK) == 0)
            return g_steal_pointer(&path);
    }
    return NULL;
}

/* ---- the one thing to do ---- */

static char *advice_denied(const struct fl_sockets *s, const struct fl_route *route, const int *errs,
                           int worst, const char *ro)
{
    g_autofree char *todo = NULL;

    for (size_t i = 0; i < s->n && !todo; i++)
        if (errs[i] == worst)
            todo = fl_dial_permission_advice(s->item[i].path);
    if (!todo)
        todo = g_strdup(route->socket || s->session
                            ? "run as the socket's owner"
                            : "run as root, or use the session daemon with a URI ending in /session");
    return ro ? g_strdup_printf("%s, or open read-only, which %s allows (virsh -r)", todo, ro)
              : g_steal_pointer(&todo);
}

static char *advice_absent(const struct fl_sockets *s, const struct fl_route *route, const char *other)
{
    g_autofree char *unit = NULL;
    const char *leave = route->mode_origin.kind != FL_ORIGIN_PARAMETER ? ""
                        : route->mode == FL_MODE_DIRECT                ? ", or leave mode=direct out"
                        : route->mode == FL_MODE_LEGACY                ? ", or leave mode=legacy out"
                                                                       : "";

    if (other && route->mode_origin.kind == FL_ORIGIN_CONFIG)
        return g_strdup_printf("%s is there: change remote_mode at %s", other, route->mode_origin.where);
    if (other)
        return g_strdup_printf("%s is there: leave mode=%s out", other,
                               route->mode == FL_MODE_DIRECT ? "direct" : "legacy");
    if (route->socket && route->socket[0] != '/')
        return g_strdup("give the whole path with socket=: this one begins where the program runs");
    if (route->socket)
        return g_strdup("check the socket= path and that its daemon runs");
    if (s->session && !fl_autostart_enabled())
        return g_strdup_printf("automatic start is off (LIBVIRT_AUTOSTART=0): start '%s' by hand",
                               s->item[s->main].daemon);
    if (s->session)
        return g_strdup("opening it, instead of only looking, starts the daemon");
    unit = unit_to_start(s);
    if (unit)
        return g_strdup_printf("start the daemon: systemctl start %s%s", unit, leave);
    return g_strdup_printf("systemd here has no unit of it: install %s, or start it by hand%s",
                           s->item[s->main].daemon, leave);
}

/* What a daemon would find in its way, too; NULL: nothing. */
static const char *in_the_way(const struct fl_sockets *s)
{
    struct stat st;

    for (size_t i = 0; i < s->n; i++)
        if (stat(s->item[i].path, &st) == 0 && !S_ISSOCK(st.st_mode))
            return s->item[i].path;
    return NULL;
}

static char *advice_stale(const struct fl_sockets *s, const struct fl_route *route)
{
    g_autofree char *unit = route->socket || s->session ? NULL : unit_to_start(s);
    const char *other = route->socket ? NULL : in_the_way(s);

    if (other)
        return g_strdup_printf("remove '%s', which is in the daemon's way, and start the daemon again%s%s",
                               other, unit ? ": systemctl restart " : "", unit ? unit : "");
    if (unit)
        return g_strdup_printf("start the daemon again: systemctl restart %s", unit);
    return g_strdup(route->socket ? "check the socket= path and that its daemon runs"
                                  : "start the daemon again");
}

/* ---- all of it ---- */

/* Every socket with its state, then what else matters. */
static char *findings(const struct fl_sockets *s, const int *errs, int worst, const char *ro)
{
    GString *text = g_string_new(NULL);

    for (size_t i = 0; i < s->n; i++) {
        g_autofree char *state = fl_dial_explain(s->item[i].path, errs[i]);
        g_autofree char *beside =
            errs[i] == ENOENT && !s->item[i].daemon ? neighbours(s->item[i].path) : NULL;
        g_string_append_printf(text, "%s%s is %s", i ? ", " : "", s->item[i].path, state);
        if (beside) {
            g_string_append_printf(text, " (its folder has the sockets %s)", beside);
            fl_stage_note("beside it are the sockets %s", beside);
        }
    }
    for (size_t i = 0; i < s->n && fl_walk_watched() && worst != EACCES; i++) {
        g_autofree char *unit = s->item[i].daemon && !s->session ? find_unit(s->item[i].daemon) : NULL;
        if (s->item[i].daemon && !s->session)
            fl_stage_note("%s: %s", s->item[i].daemon, unit ? unit : "no unit is installed");
    }
    if (ro)
        fl_stage_note("%s: open to this user", ro);
    return g_string_free(text, FALSE);
}

int fl_unix_failed(const struct fl_sockets *s, const struct fl_route *route, bool read_only, const int *errs)
{
    g_autofree char *tried = NULL, *todo = NULL, *other = NULL, *ro = NULL;
    int worst = 0;

    for (size_t i = 0; i < s->n; i++)
        worst = worse_errno(worst, errs[i]);
    if (worst == EACCES || worst == EPERM) {
        ro = open_read_only(s, read_only);
        todo = advice_denied(s, route, errs, worst, ro);
    } else if (worst == ETIMEDOUT) {
        todo = g_strdup("the daemon is overloaded or stuck: look at its log or restart it");
    } else if (worst == ENAMETOOLONG) {
        todo =
            g_strdup("let the daemon listen in a folder with a shorter name (unix_sock_dir), or lead there "
                     "by a symbolic link");
    } else if (worst == EMFILE || worst == ENFILE) { /* ours, not the daemon's */
        todo = g_strdup(worst == EMFILE
                            ? "this process has as many files open as it may: raise its limit (ulimit -n)"
                            : "this machine has as many files open as it may: raise fs.file-max");
    } else if (worst == ECONNREFUSED) {
        todo = advice_stale(s, route);
    } else {
        other = other_stack(s, route, read_only);
        todo = advice_absent(s, route, other);
    }
    tried = findings(s, errs, worst, ro);
    /* Compat: code and errno are those of a failed connect(). */
    return fl_channel_error(worst, "connect: no daemon reached: %s; %s", tried, todo);
}
