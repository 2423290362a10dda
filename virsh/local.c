/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The daemons of this machine, seen without waking one; see local.h. */
#include "local.h"
#include "shell.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <libvirt/fairlead.h>

enum { ACCEPTS = 0x10000 }; /* in /proc/net/unix */

static const char *const modular[] = {
    "virtqemud", "virtxend", "virtlxcd", "virtvboxd", "virtchd", "virtvzd"
};

/* A process of this name that this user can see, or 0. /proc/PID/comm holds 15 bytes of the name. */
static int process_named(const char *name)
{
    g_autoptr(GDir) proc = g_dir_open("/proc", 0, NULL);
    const char *pid;

    while (proc && (pid = g_dir_read_name(proc))) {
        g_autofree char *path = NULL, *comm = NULL;

        if (!g_ascii_isdigit(*pid))
            continue;
        path = g_build_filename("/proc", pid, "comm", NULL);
        if (g_file_get_contents(path, &comm, NULL, NULL) && strcmp(g_strchomp(comm), name) == 0)
            return atoi(pid);
    }
    return 0;
}

bool fl_local_runs(const char *name)
{
    return process_named(name) != 0;
}

/* The letter of /proc/PID/stat behind the name, which may itself have blanks and brackets; 0: not to be seen.
 */
static char process_state(int pid)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/stat", pid), *text = NULL;
    const char *end;

    if (!g_file_get_contents(path, &text, NULL, NULL) || !(end = strrchr(text, ')')) || end[1] != ' ')
        return 0;
    return end[2];
}

char *fl_local_silence(const char *daemon, int pid, bool full)
{
    const char *what = full ? "has a full queue of waiting clients" : "takes connections and does not answer";
    char state = 0;

    if (!pid)
        pid = process_named(daemon);
    if (!pid)
        return g_strdup_printf("%s %s; look at its log", daemon, what);
    state = process_state(pid);
    if (state == 'T' || state == 't')
        return g_strdup_printf("%s (process %d) %s: it is %s; to let it go on: kill -CONT %d", daemon, pid,
                               what, state == 't' ? "held by a debugger" : "stopped", pid);
    return g_strdup_printf("%s (process %d) %s; look at its log, and at what it waits for: "
                           "ps -L -o pid,lwp,stat,wchan:24,comm -p %d",
                           daemon, pid, what, pid);
}

/* Who listens at the other end: the daemon, or systemd, which handed the socket to it. */
static int listener_pid(int fd, const char *daemon)
{
    struct ucred peer = { 0 };
    socklen_t size = sizeof(peer);
    g_autofree char *path = NULL, *comm = NULL;

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0 || peer.pid <= 0)
        return process_named(daemon);
    path = g_strdup_printf("/proc/%d/comm", peer.pid);
    if (g_file_get_contents(path, &comm, NULL, NULL) && strcmp(g_strchomp(comm), "systemd") == 0)
        return process_named(daemon);
    return peer.pid;
}

/* Whether a process of this machine, be it systemd, listens there. */
static bool has_listener(const char *path)
{
    g_autofree char *table = NULL;
    g_auto(GStrv) lines = NULL;

    if (!g_file_get_contents("/proc/net/unix", &table, NULL, NULL))
        return true; /* not to be known */
    lines = g_strsplit(table, "\n", -1);
    for (char **l = lines; *l; l++) {
        unsigned int flags;
        const char *name = strchr(*l, '/');

        if (name && strcmp(name, path) == 0 && sscanf(*l, "%*s %*s %*s %x", &flags) == 1 && (flags & ACCEPTS))
            return true;
    }
    return false;
}

/* Where systemd holds a machine's sockets, the first connection starts the daemon. */
static bool would_wake(const char *path, const char *daemon)
{
    return access("/run/systemd/system", F_OK) == 0 && g_str_has_prefix(path, FL_RUNSTATEDIR "/libvirt/") &&
           !fl_local_runs(daemon) && has_listener(path);
}

enum fl_door fl_local_knock(const char *path, const char *daemon, int *ret_pid)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    int fd, status;

    if (strlen(path) >= sizeof(addr.sun_path) || access(path, F_OK) < 0)
        return errno == EACCES ? FL_DOOR_DENIED : FL_DOOR_ABSENT;
    if (would_wake(path, daemon))
        return FL_DOOR_IDLE;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    g_strlcpy(addr.sun_path, path, sizeof(addr.sun_path));
    status = fd < 0 ? -1 : connect(fd, (struct sockaddr *)&addr, sizeof(addr));
    if (status < 0)
        status = errno;
    if (status == 0 && ret_pid)
        *ret_pid = listener_pid(fd, daemon);
    if (fd >= 0)
        close(fd);
    switch (status) {
    case 0:
        return FL_DOOR_OPEN;
    case EACCES:
    case EPERM:
        return FL_DOOR_DENIED;
    case EAGAIN:
        return FL_DOOR_STUCK;
    case ENOENT:
        return FL_DOOR_ABSENT;
    default:
        return FL_DOOR_REFUSED;
    }
}

const char *fl_door_word(enum fl_door door)
{
    static const char *const words[] = { "open", "idle", "absent", "refused", "denied", "stuck" };

    return words[door];
}

/* Which socket of `daemon` the library would try for `uri`; NULL: none, or it is a library that does not
 * tell. */
static char *library_socket(const char *uri, const char *daemon, unsigned int flags)
{
    __typeof__(&fairleadRouteInfo) info = (__typeof__(info))fl_extension("fairleadRouteInfo");
    __typeof__(&fairleadItemsFree) items_free = (__typeof__(items_free))fl_extension("fairleadItemsFree");
    const char *colon = strchr(uri, ':');
    /* each daemon has its row, whatever remote_mode says */
    g_autofree char *way = g_strdup_printf("%.*s+unix%s?mode=auto", (int)(colon - uri), uri, colon);
    g_autofree char *owner = g_strdup_printf("of %s", daemon);
    fairleadItem *items = NULL;
    char *path = NULL;
    int n = info && items_free ? info(way, flags, &items) : -1;

    for (int i = 0; i < n && !path; i++) {
        size_t length = strlen(owner);

        if (strcmp(items[i].key, "socket candidate") == 0 && strncmp(items[i].why, owner, length) == 0 &&
            (items[i].why[length] == '\0' || items[i].why[length] == ','))
            path = g_strdup(items[i].value);
    }
    if (n >= 0)
        items_free(items);
    return path;
}

/* Where other libraries look: root has no session. */
static char *usual_socket(bool session, const char *daemon, bool readonly)
{
    const char *runtime = g_getenv("XDG_RUNTIME_DIR");
    bool own = session && geteuid() != 0;
    g_autofree char *name = g_strdup_printf("%s-sock%s", strcmp(daemon, "libvirtd") == 0 ? "libvirt" : daemon,
                                            readonly && !own ? "-ro" : "");

    if (!own)
        return g_build_filename(FL_RUNSTATEDIR "/libvirt", name, NULL);
    if (runtime && *runtime)
        return g_build_filename(runtime, "libvirt", name, NULL);
    return g_build_filename(g_get_user_cache_dir(), "libvirt", name, NULL);
}

static char *find_socket(const char *uri, bool session, const char *daemon, bool readonly)
{
    char *path = library_socket(uri, daemon, readonly ? FAIRLEAD_READ_ONLY : 0);

    return path ? path : usual_socket(session, daemon, readonly);
}

char *fl_local_socket(const char *uri, bool session, const char *daemon)
{
    g_autofree char *readonly = find_socket(uri, session, daemon, true);

    if (access(readonly, F_OK) == 0)
        return g_steal_pointer(&readonly);
    return find_socket(uri, session, daemon, false);
}

char *fl_local_uri(const char *uri, const char *socket)
{
    const char *colon = strchr(uri, ':');
    g_autofree char *path = g_uri_escape_string(socket, "/", FALSE);

    return g_strdup_printf("%.*s+unix%s?socket=%s", (int)(colon - uri), uri, colon, path);
}

/* A unit that starts with the machine is linked from a target's folder. */
static bool unit_enabled(const char *daemon)
{
    static const char *const wants[] = { "multi-user.target.wants", "sockets.target.wants" };
    static const char *const kinds[] = { "service", "socket" };

    for (size_t i = 0; i < G_N_ELEMENTS(wants); i++)
        for (size_t k = 0; k < G_N_ELEMENTS(kinds); k++) {
            g_autofree char *path =
                g_strdup_printf("/etc/systemd/system/%s/%s.%s", wants[i], daemon, kinds[k]);

            if (g_file_test(path, G_FILE_TEST_IS_SYMLINK))
                return true;
        }
    return false;
}

static char *joined(bool (*test)(const char *daemon))
{
    g_autoptr(GPtrArray) found = g_ptr_array_new();

    for (size_t i = 0; i < G_N_ELEMENTS(modular); i++)
        if (test(modular[i]))
            g_ptr_array_add(found, (gpointer)modular[i]);
    if (!found->len)
        return NULL;
    g_ptr_array_add(found, NULL);
    return g_strjoinv(", ", (char **)found->pdata);
}

void fl_local_daemon_notes(GPtrArray *notes)
{
    g_autofree char *running = joined(fl_local_runs), *enabled = joined(unit_enabled);

    if (running && fl_local_runs("libvirtd"))
        g_ptr_array_add(notes,
                        g_strdup_printf("libvirtd and %s run side by side: each manages what the other "
                                        "does not see; stop one of the two",
                                        running));
    if (enabled && unit_enabled("libvirtd"))
        g_ptr_array_add(notes,
                        g_strdup_printf("the units of libvirtd and of %s are both enabled: disable one of "
                                        "the two with systemctl",
                                        enabled));
}
