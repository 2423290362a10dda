/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Starting a session daemon. The lock file, its name and its byte are the ones every other client uses, so
 * clients of either make start one daemon between them. The daemon is no child of the application: nobody has
 * to reap it and it outlives the caller, ending by itself after two minutes without clients.
 */
#define FL_FROM VIR_FROM_RPC
#include "transport/autostart.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"
#include "base/util.h"
#include "transport/channel.h"
#include "transport/dial.h"

#ifndef FL_SBINDIR
#define FL_SBINDIR "/usr/sbin"
#endif

#define START_LIMIT_MS 30000 /* whatever the caller's deadline */
#define GRACE_MS       500   /* between the daemon's end and giving up: it may have gone to the background */

bool fl_autostart_enabled(void)
{
    return g_strcmp0(g_getenv("LIBVIRT_AUTOSTART"), "0") != 0;
}

/* The folder of the file this code was loaded from: the library, or a program linking it whole. */
static char *own_folder(void)
{
    Dl_info info;
    g_autofree char *file = NULL;
    if (dladdr((void *)fl_autostart_enabled, &info) && info.dli_fname && info.dli_fname[0] == '/')
        file = realpath(info.dli_fname, NULL);
    if (!file)
        file = g_file_read_link("/proc/self/exe", NULL);
    return file ? g_path_get_dirname(file) : NULL;
}

static char *find_in(const char *folder, const char *below, const char *daemon, GString *searched)
{
    g_autofree char *path = g_build_filename(folder, below, daemon, NULL);
    if (g_file_test(path, G_FILE_TEST_IS_EXECUTABLE) && !g_file_test(path, G_FILE_TEST_IS_DIR))
        return g_canonicalize_filename(path, "/");
    g_autofree char *plain = g_canonicalize_filename(path, "/");
    g_string_append_printf(searched, "%s, ", plain);
    return NULL;
}

char *fl_autostart_find(const char *daemon, char **ret_searched)
{
    /* lib/libvirt.so.0, lib/TRIPLET/libvirt.so.0 and bin/PROGRAM each have ../sbin or ../../sbin; the build
     * tree has daemon/ below the library. */
    static const char *const beside[] = { "../sbin", "../../sbin", "daemon", "../daemon" };
    g_autoptr(GString) searched = g_string_new(NULL);
    g_autofree char *folder = own_folder();
    char *path = NULL;

    for (size_t i = 0; folder && !path && i < G_N_ELEMENTS(beside); i++)
        path = find_in(folder, beside[i], daemon, searched);
    if (!path)
        path = find_in(FL_SBINDIR, "", daemon, searched);
    if (!path) {
        g_autofree char *found = g_find_program_in_path(daemon);
        path = found ? g_canonicalize_filename(found, NULL) : NULL; /* the daemon starts in another folder */
    }
    if (!path)
        path = find_in("/usr/sbin", "", daemon, searched);
    g_string_append(searched, "PATH");
    if (!path)
        *ret_searched = g_string_free(g_steal_pointer(&searched), FALSE);
    return path;
}

/* The grandchild, between fork and exec: async-signal-safe calls only. Reports a failed exec and ends. */
static G_GNUC_NORETURN void become_daemon(const char *path, char *const argv[], int report)
{
    int keep = fcntl(report, F_DUPFD_CLOEXEC, 3);
    int null = open("/dev/null", O_RDWR);
    for (int fd = 0; fd < 3; fd++)
        dup2(null, fd);
    dup2(keep, 3);
    fcntl(3, F_SETFD, FD_CLOEXEC);
    close_range(4, ~0U, 0);

    sigset_t none;
    sigemptyset(&none);
    struct sigaction dfl = { .sa_handler = SIG_DFL };
    for (int sig = 1; sig < NSIG; sig++)
        sigaction(sig, &dfl, NULL);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (chdir("/") < 0) {
        /* stays where it is */
    }
    execv(path, argv);
    int failed = errno;
    if (write(3, &failed, sizeof(failed)) < 0)
        _exit(126);
    _exit(127);
}

/* Child and grandchild, so that the daemon's parent is init. *ret_pid is the daemon's. 0 or -errno. */
static int spawn_detached(const char *path, char *const argv[], pid_t *ret_pid)
{
    int report[2];
    if (pipe2(report, O_CLOEXEC) < 0)
        return -errno;
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* no handler of the application may run in the child */
    pid_t child = fork();
    if (child == 0) {
        setsid();
        pid_t grandchild = fork();
        if (grandchild == 0)
            become_daemon(path, argv, report[1]);
        int told = grandchild < 0 ? -errno : grandchild;
        told = -told; /* negative: a process id; positive: an errno */
        _exit(write(report[1], &told, sizeof(told)) == sizeof(told) ? 0 : 1);
    }
    int rc = child < 0 ? -errno : 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    close(report[1]);
    while (child > 0 && waitpid(child, NULL, 0) < 0 && errno == EINTR)
        ;
    /* Two messages at most: the daemon's id, and an errno if exec failed; end of file once exec closed the
     * pipe. */
    int told;
    while (rc == 0 &&
           fl_fd_read_all(report[0], &told, sizeof(told), fl_deadline_in_ms(5000)) == sizeof(told)) {
        if (told < 0)
            *ret_pid = -told;
        else
            rc = -told;
    }
    close(report[0]);
    return rc;
}

static int lock_byte(int fd, int64_t deadline)
{
    /* Open-file locks exclude other threads of this process too, and conflict with the usual per-process
     * ones. */
    struct flock fl = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 1 };
    while (fcntl(fd, F_OFD_SETLK, &fl) < 0) {
        if (errno != EAGAIN && errno != EACCES && errno != EINTR)
            return -errno;
        if (fl_deadline_poll_ms(deadline) == 0)
            return -ETIMEDOUT;
        g_usleep(10000);
    }
    return 0;
}

/* The lock, held until the descriptor is closed; -1 with the error set. */
static int take_lock(const char *daemon, const char *socket_path, int64_t deadline)
{
    g_autofree char *dir = g_path_get_dirname(socket_path);
    g_autofree char *name = g_strconcat(dir, "/", daemon, ".lock", NULL);
    if (g_mkdir_with_parents(dir, 0700) < 0)
        return fl_channel_error(errno,
                                "connect: cannot make the session's folder %s: %s; check XDG_RUNTIME_DIR",
                                dir, g_strerror(errno));
    int fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return fl_channel_error(errno,
                                "connect: cannot open %s, which keeps clients from starting two daemons: %s; "
                                "check who owns its folder",
                                name, g_strerror(errno));
    int rc = lock_byte(fd, deadline);
    if (rc < 0) {
        fl_fd_close(&fd);
        return fl_channel_error(-rc, "connect: another client holds %s and has not finished starting %s: %s",
                                name, daemon, g_strerror(-rc));
    }
    return fd;
}

static bool process_gone(pid_t pid)
{
    return pid > 0 && kill(pid, 0) < 0 && errno == ESRCH;
}

static int wait_for_socket(const char *daemon, const char *program, const char *path, pid_t pid,
                           int64_t deadline)
{
    int64_t pause_us = 1000;
    bool graced = false;
    for (;;) {
        int fd = fl_dial_unix(path, deadline);
        if (fd >= 0 || (fd != -ENOENT && fd != -ECONNREFUSED))
            return fd >= 0 ? fd
                           : fl_channel_error(-fd, "connect: started %s but its socket %s cannot be used: %s",
                                              program, path, g_strerror(-fd));
        if (fl_deadline_poll_ms(deadline) == 0)
            return fl_channel_error(ETIMEDOUT,
                                    "connect: started %s but %s did not appear in time; run it in a "
                                    "terminal to see why",
                                    program, path);
        if (!graced && process_gone(pid)) {
            graced = true;
            deadline = fl_deadline_min(deadline, fl_deadline_in_ms(GRACE_MS));
            fl_debug("%s (process %d) ended before its socket appeared", daemon, (int)pid);
        }
        g_usleep((gulong)pause_us);
        pause_us = MIN(pause_us * 2, 20000);
    }
}

static int start_locked(const char *daemon, const char *path, int64_t deadline)
{
    g_autofree char *searched = NULL;
    g_autofree char *program = fl_autostart_find(daemon, &searched);
    if (!program)
        return fl_channel_error(ENOENT,
                                "connect: %s is absent and no %s to start was found (looked at: %s); "
                                "install it, or start a daemon by hand",
                                path, daemon, searched);
    char *argv[] = { program, (char *)"--timeout=120", NULL };
    pid_t pid = 0;
    fl_info("starting %s --timeout=120", program);
    int rc = spawn_detached(program, argv, &pid);
    if (rc < 0)
        return fl_channel_error(-rc, "connect: cannot start %s: %s", program, g_strerror(-rc));
    return wait_for_socket(daemon, program, path, pid, deadline);
}

int fl_autostart_daemon(const char *daemon, const char *path, int64_t deadline_us)
{
    int64_t deadline = fl_deadline_min(deadline_us, fl_deadline_in_ms(START_LIMIT_MS));
    int lock = take_lock(daemon, path, deadline);
    if (lock < 0)
        return -1;
    int fd = fl_dial_unix(path, deadline); /* another client may just have done it */
    if (fd < 0)
        fd = start_locked(daemon, path, deadline);
    fl_fd_close(&lock);
    return fd;
}
