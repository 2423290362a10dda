/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libvirtd: from the command line to a running server, in the order things may fail: settings, pid file,
 * sockets, threads; then "ready" to whoever waits for it. libvirtd(8).
 */
#define FL_FROM VIR_FROM_RPC
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <libvirt/libvirt.h>

#include "base/error.h"
#include "base/log.h"
#include "core/driver.h"
#include "daemon/notify.h"
#include "daemon/options.h"
#include "daemon/paths.h"
#include "daemon/personality.h"
#include "daemon/pidfile.h"
#include "daemon/server.h"

/* Compat: scripts know these exit statuses. */
enum { EXIT_OK = 0, EXIT_SETUP = 1, EXIT_NETWORK = 6 };

struct start {
    const struct fl_personality *who;
    struct fl_options options;
    struct fl_paths paths;
    struct fl_daemon_conf *conf;
    struct fl_listeners listeners;
    struct fl_server *server;
    int pid_fd;
    bool log_on_stderr;
    int ready_fd; /* tells the waiting parent our exit status; -1 in the foreground */
};

/* One line on stderr: the log's own if the log goes there. */
static int complain(const struct start *start, int status)
{
    if (!start->log_on_stderr)
        fprintf(stderr, "%s: %s\n", start->who->name, fl_error_get()->message);
    return status;
}

/* ---- going into the background ---- */

/* The parent's part: the child's status, once it is up or has failed. Does not return. */
static void wait_for_child(const struct start *start, int fd)
{
    unsigned char status;
    ssize_t n;

    do {
        n = read(fd, &status, 1);
    } while (n < 0 && errno == EINTR);
    if (n != 1) {
        fprintf(stderr, "%s: the background process ended while it was starting\n", start->who->name);
        _exit(EXIT_SETUP);
    }
    _exit(status);
}

static int go_background(struct start *start)
{
    int pipe_fds[2];
    pid_t pid;

    if (pipe2(pipe_fds, O_CLOEXEC) < 0)
        return fl_error_system(errno, "cannot make a pipe to the background process");
    pid = fork();
    if (pid < 0)
        return fl_error_system(errno, "cannot start the background process");
    if (pid > 0) {
        close(pipe_fds[1]);
        wait_for_child(start, pipe_fds[0]);
    }
    close(pipe_fds[0]);
    start->ready_fd = pipe_fds[1];
    setsid();
    if (chdir("/") < 0)
        return fl_error_system(errno, "cannot change to the root folder");
    return 0;
}

/* Started: stdio goes, the parent may. */
static void announce(struct start *start, int status)
{
    unsigned char byte = (unsigned char)status;
    int null_fd;

    if (start->ready_fd < 0)
        return;
    null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null_fd >= 0 && status == EXIT_OK) {
        for (int fd = 0; fd <= 2; fd++)
            (void)dup2(null_fd, fd);
    }
    if (null_fd > 2)
        close(null_fd);
    if (write(start->ready_fd, &byte, 1) != 1)
        fl_debug("nobody waits for the daemon to be ready");
    close(start->ready_fd);
    start->ready_fd = -1;
}

/* ---- settings and sockets ---- */

static unsigned int conf_kind(const struct start *start)
{
    return (geteuid() == 0 ? FL_DAEMON_CONF_PRIVILEGED : 0) |
           (start->who->network ? 0 : FL_DAEMON_CONF_UNIX_ONLY);
}

static int load_settings(struct start *start)
{
    bool privileged = geteuid() == 0;

    fl_paths_init(&start->paths, start->who, privileged);
    if (start->options.config_file) {
        g_free(start->paths.config_file);
        start->paths.config_file =
            g_canonicalize_filename(start->options.config_file, NULL); /* for reload after chdir */
        start->paths.config_given = true;
    }
    if (start->options.pid_file) {
        g_free(start->paths.pid_file);
        start->paths.pid_file = g_canonicalize_filename(start->options.pid_file, NULL);
    }
    if (fl_daemon_conf_load(start->paths.config_file, start->paths.config_given, conf_kind(start),
                            &start->conf) < 0)
        return -1;
    if (start->conf->unix_sock_dir) {
        g_free(start->paths.socket_dir);
        start->paths.socket_dir = g_strdup(start->conf->unix_sock_dir);
    }
    return 0;
}

/* The daemon's own folders are made; one that somebody named has to be there. */
static int make_folder(const char *path, mode_t mode, const char *named_by)
{
    if (named_by && !g_file_test(path, G_FILE_TEST_IS_DIR))
        return fl_error(VIR_ERR_INVALID_ARG, "%s names folder '%s', which is not there; make it first",
                        named_by, path);
    if (!named_by && g_mkdir_with_parents(path, (int)mode) < 0)
        return fl_error_system(errno, "cannot make folder '%s'", path);
    return 0;
}

static mode_t folder_mode(const struct start *start)
{
    return start->paths.privileged ? 0755 : 0700;
}

static int make_pid_folder(const struct start *start)
{
    g_autofree char *folder = g_path_get_dirname(start->paths.pid_file);

    return make_folder(folder, folder_mode(start), start->options.pid_file ? "--pid-file" : NULL);
}

static int find_group(const char *name, gid_t *ret_group)
{
    guint64 number;
    struct group *entry;

    *ret_group = (gid_t)-1;
    if (!name)
        return 0;
    entry = getgrnam(name);
    if (entry) {
        *ret_group = entry->gr_gid;
        return 0;
    }
    if (!g_ascii_string_to_unsigned(name, 10, 0, G_MAXUINT32 - 1, &number, NULL))
        return fl_error(VIR_ERR_INVALID_ARG,
                        "unix_sock_group names group '%s', which this machine does not have", name);
    *ret_group = (gid_t)number;
    return 0;
}

/* STEM-sock and, for the system's daemon, STEM-sock-ro. */
static int open_pair(struct start *start, const char *stem, gid_t group)
{
    const struct fl_daemon_conf *conf = start->conf;
    g_autofree char *rw = g_strdup_printf("%s/%s-sock", start->paths.socket_dir, stem);
    g_autofree char *ro = g_strconcat(rw, "-ro", NULL);
    struct fl_unix_access access = { .mode = conf->unix_sock_rw_perms, .group = group };
    int backlog = (int)conf->max_queued_clients;

    /* A user's own daemon has one socket, for that user only. */
    if (!start->paths.privileged)
        access.mode &= 0700;
    if (fl_listeners_add_unix(&start->listeners, rw, false, &access, backlog) < 0)
        return -1;
    if (!start->paths.privileged)
        return 0;
    access.mode = conf->unix_sock_ro_perms;
    return fl_listeners_add_unix(&start->listeners, ro, true, &access, backlog);
}

/* Under other names, too, so that clients that look for either kind of daemon find this one. */
static int open_more(struct start *start, gid_t group)
{
    for (char **name = start->conf->also_listen_as; name && *name; name++) {
        const struct fl_personality *who = fl_personality_find(*name);

        if (strcmp(who->name, *name) != 0)
            return fl_error(VIR_ERR_INVALID_ARG,
                            "%s: also_listen_as names '%s'; expected libvirtd, virtqemud or virtxend",
                            start->paths.config_file, *name);
        if (strcmp(who->stem, start->who->stem) == 0)
            fl_warn("%s: also_listen_as names '%s', whose sockets these are already",
                    start->paths.config_file, *name);
        else if (open_pair(start, who->stem, group) < 0)
            return -1;
    }
    return 0;
}

static int open_unix(struct start *start)
{
    const struct fl_daemon_conf *conf = start->conf;
    gid_t group;

    if (make_folder(start->paths.socket_dir, folder_mode(start),
                    conf->unix_sock_dir ? "unix_sock_dir" : NULL) < 0 ||
        find_group(start->paths.privileged ? conf->unix_sock_group : NULL, &group) < 0 ||
        open_pair(start, start->who->stem, group) < 0)
        return -1;
    return open_more(start, group);
}

static int open_network(struct start *start)
{
    const struct fl_daemon_conf *conf = start->conf;

    if (!conf->listen_tls && !conf->listen_tcp)
        fl_warn("--listen has nothing to do: both listen_tls and listen_tcp are off in %s",
                start->paths.config_file);
    if (conf->listen_tls && fl_listeners_add_tls(&start->listeners, conf->listen_addr, conf->tls_port,
                                                 (int)conf->max_queued_clients) < 0)
        return -1;
    if (!conf->listen_tcp)
        return 0;
    return fl_listeners_add_tcp(&start->listeners, conf->listen_addr, conf->tcp_port,
                                (int)conf->max_queued_clients);
}

/* The mode of an inherited socket is its unit's, not unix_sock_rw_perms. */
static void warn_open_socket(const struct start *start, const struct fl_listener *l)
{
    struct stat st;

    if (l->kind == FL_LISTENER_UNIX && !l->read_only && start->conf->auth_unix_rw == FL_DAEMON_AUTH_NONE &&
        stat(l->name, &st) == 0 && (st.st_mode & S_IWOTH))
        fl_warn("every user of this machine may change things: inherited socket %s has mode %04o and "
                "auth_unix_rw is "
                "\"none\"; set SocketMode=0600 in a drop-in of its unit, or auth_unix_rw = \"polkit\"",
                l->name, (unsigned int)(st.st_mode & 07777));
}

/* Whoever started this name with a network socket would wait for its clients in vain. */
static int check_inherited(const struct start *start)
{
    for (unsigned int i = 0; i < start->listeners.count; i++) {
        warn_open_socket(start, &start->listeners.list[i]);
        if (start->listeners.list[i].kind != FL_LISTENER_UNIX && !start->who->network)
            return fl_error(VIR_ERR_INVALID_ARG,
                            "inherited socket %s is a network socket, and %s has unix sockets only; let "
                            "virtproxyd-tcp.socket or virtproxyd-tls.socket listen there",
                            start->listeners.list[i].name, start->who->name);
    }
    return 0;
}

static int open_sockets(struct start *start)
{
    if (fl_listeners_add_inherited(&start->listeners, start->conf->tls_port) < 0)
        return -1;
    if (start->listeners.count > 0) {
        if (start->options.listen)
            return fl_error(VIR_ERR_INVALID_ARG,
                            "--listen does not go with sockets inherited from the service manager; "
                            "start %s-tcp.socket or %s-tls.socket instead",
                            start->who->name, start->who->name);
        return check_inherited(start);
    }
    if (open_unix(start) < 0)
        return -1;
    return start->options.listen ? open_network(start) : 0;
}

/* A rule nobody checks would be a hole: what is not built must not be configured. */
static int check_access(const struct start *start)
{
    for (char **driver = start->conf->access_drivers; driver && *driver; driver++) {
        if (strcmp(*driver, "none") != 0 && strcmp(*driver, "nop") != 0)
            return fl_error(VIR_ERR_NO_SUPPORT,
                            "%s: access_drivers names '%s', which is not built into this daemon; "
                            "remove it",
                            start->paths.config_file, *driver);
    }
    return 0;
}

/* Said once at start too: whoever reads the log need not wait for a client to be told. */
static void warn_without_driver(const struct fl_personality *who)
{
    if (who->drivers && !fl_driver_by_scheme(who->drivers[0]))
        fl_warn("this %s is built without the %s driver: %s:// URIs are refused", who->name,
                who->driver_title, who->drivers[0]);
}

/* ---- the run ---- */

/* Errors of calls go to the client (and the log), not to stderr as in a plain program. */
static void ignore_error(void *opaque, virErrorPtr error)
{
    (void)opaque, (void)error;
}

static int set_up(struct start *start)
{
    struct fl_server_options options = { .verbose = start->options.verbose,
                                         .daemonize = start->options.daemonize,
                                         .timeout = start->options.timeout };

    if (load_settings(start) < 0)
        return complain(start, EXIT_SETUP);
    options.privileged = start->paths.privileged;
    options.conf_kind = conf_kind(start);
    options.config_file = start->paths.config_file;
    options.config_given = start->paths.config_given;
    if (start->options.daemonize && go_background(start) < 0)
        return complain(start, EXIT_SETUP);
    umask(start->paths.privileged ? 0022 : 0077);
    if (fl_server_configure_log(&options, start->conf) < 0)
        return complain(start, EXIT_SETUP);
    start->log_on_stderr = !options.daemonize && !start->conf->log_outputs;
    if (check_access(start) < 0 || make_pid_folder(start) < 0)
        return complain(start, EXIT_SETUP);
    start->pid_fd = fl_pidfile_acquire(start->paths.pid_file);
    if (start->pid_fd < 0)
        return complain(start, EXIT_SETUP);
    warn_without_driver(start->who);
    fl_server_block_signals(); /* whoever sees a socket may stop us in good order */
    if (open_sockets(start) < 0)
        return complain(start, EXIT_NETWORK);
    if (virInitialize() < 0)
        return complain(start, EXIT_SETUP);
    virSetErrorFunc(NULL, ignore_error);
    start->server = fl_server_new(&options, g_steal_pointer(&start->conf), &start->listeners);
    return start->server ? EXIT_OK : complain(start, EXIT_SETUP);
}

/* false: see fl_server_free() */
static bool tear_down(struct start *start)
{
    bool at_rest = fl_server_free(start->server);

    fl_listeners_fini(&start->listeners);
    fl_pidfile_release(start->paths.pid_file, start->pid_fd);
    fl_daemon_conf_free(start->conf);
    fl_paths_fini(&start->paths);
    return at_rest;
}

/* Started with one of them closed, a socket would take its number, and what is meant for people would go to a
 * peer. */
static int hold_standard_fds(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd)
            return -1;
    return 0;
}

int main(int argc, char **argv)
{
    struct start start = { .pid_fd = -1, .ready_fd = -1 };
    int status;

    if (hold_standard_fds() < 0)
        return EXIT_SETUP;
    start.who = fl_personality_find(argv[0]);
    fl_personality_set(start.who);
    status = fl_options_parse(&start.options, argc, argv, start.who, geteuid() == 0);

    if (status >= 0)
        return status;
    g_set_prgname(start.who->name);
    status = set_up(&start);
    if (status == EXIT_OK) {
        fl_notify("READY=1");
        announce(&start, status);
        fl_server_run(start.server);
    }
    bool at_rest = tear_down(&start);
    announce(&start, status);
    if (!at_rest) { /* what libraries do at the end would take away what that thread stands on */
        fflush(NULL);
        _exit(status);
    }
    return status;
}
