/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Child processes as channels. One socket pair is the child's stdin and stdout, so that writing cannot raise
 * SIGPIPE and each direction can be closed alone. Its stderr is taken as it comes (said.h) and kept for the
 * error message. The child gets no other descriptor, default signal handling, and keeps the terminal: ssh
 * asks its questions there.
 */
#define FL_FROM VIR_FROM_RPC
#include "transport/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"
#include "base/util.h"
#include "transport/channel.h"
#include "transport/child_kin.h"
#include "transport/said.h"

#define STDERR_SHOWN  1500
#define END_WAIT_MS   500 /* from the end of its output to its exit status */
#define CLOSE_WAIT_MS 100
#define TERM_WAIT_MS  500

extern char **environ;

struct child {
    pid_t pid; /* 0 once reaped */
    int status;
    struct fl_said_listener *said;
    bool half_closed;
    bool spoken;
    bool ends_kin;
    struct fl_kin *kin; /* from closing on */
    fl_child_explain explain;
    char *(*strip)(const char *);
};

/* Child's ends: `sock` becomes 0 and 1, `err` becomes 2, everything above is closed. Returns an errno. */
static int spawn(char *const argv[], int sock, int err, pid_t *ret_pid)
{
    posix_spawn_file_actions_t fa;
    posix_spawnattr_t attr;
    sigset_t set;

    posix_spawn_file_actions_init(&fa);
    posix_spawn_file_actions_adddup2(&fa, sock, 0);
    posix_spawn_file_actions_adddup2(&fa, sock, 1);
    posix_spawn_file_actions_adddup2(&fa, err, 2);
    posix_spawn_file_actions_addclosefrom_np(&fa, 3);
    posix_spawnattr_init(&attr);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    sigemptyset(&set);
    posix_spawnattr_setsigmask(&attr, &set);
    sigaddset(&set, SIGPIPE);
    sigaddset(&set, SIGCHLD);
    posix_spawnattr_setsigdefault(&attr, &set);
    int rc = posix_spawnp(ret_pid, argv[0], &fa, &attr, argv, environ);
    posix_spawnattr_destroy(&attr);
    posix_spawn_file_actions_destroy(&fa);
    return rc;
}

/* Keeps the child's ends clear of 0-2, where dup2 would step on them when the application closed its own. */
static int lift(int *fd)
{
    int up = *fd > 2 ? *fd : fcntl(*fd, F_DUPFD_CLOEXEC, 3);
    if (up != *fd)
        fl_fd_close(fd);
    *fd = up;
    return up < 0 ? -1 : 0;
}

int fl_child_spawn(struct fl_transport *t, char *const argv[], const char *what, fl_child_explain explain)
{
    struct fl_said_listener *said = NULL;
    int sv[2] = { -1, -1 }, err = -1;
    pid_t pid = 0;
    int rc = 0;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv) < 0 || lift(&sv[1]) < 0)
        rc = errno;
    if (rc == 0)
        rc = fl_said_listen(&said, &err);
    if (rc == 0 && lift(&err) < 0)
        rc = errno;
    if (rc == 0)
        rc = spawn(argv, sv[1], err, &pid);
    fl_fd_close(&sv[1]);
    fl_fd_close(&err);
    if (rc != 0) {
        fl_fd_close(&sv[0]);
        fl_said_listener_free(said);
        return fl_channel_error(rc, "connect: cannot start %s: '%s': %s; %s", what, argv[0], g_strerror(rc),
                                rc == ENOENT   ? "install it, or give its path with command="
                                : rc == EMFILE ? "raise the limit of open files (ulimit -n)"
                                               : "check the command");
    }
    fl_fd_set_nonblock(sv[0], true);

    struct child *c = g_new0(struct child, 1);
    c->pid = pid;
    c->said = said;
    c->explain = explain;
    t->priv = c;
    t->fd = sv[0];
    fl_debug("started %s as process %d", argv[0], (int)pid);
    return 0;
}

/* True once the child is reaped, however it ended. */
static bool reap(struct child *c, int timeout_ms)
{
    int64_t deadline = fl_deadline_in_ms(timeout_ms);
    int64_t pause_us = 200;
    while (c->pid > 0) {
        int status = 0;
        pid_t got = waitpid(c->pid, &status, WNOHANG);
        if (got == c->pid || (got < 0 && errno == ECHILD)) { /* ECHILD: the application ignores SIGCHLD */
            c->status = got < 0             ? 0
                        : WIFEXITED(status) ? WEXITSTATUS(status)
                                            : FL_CHILD_SIGNAL + WTERMSIG(status);
            c->pid = 0;
            break;
        }
        if (fl_deadline_poll_ms(deadline) == 0)
            return false;
        g_usleep((gulong)pause_us);
        pause_us = MIN(pause_us * 2, 5000);
    }
    return true;
}

char *fl_child_said(const char *text, size_t len)
{
    g_autofree char *all = g_strndup(text, len); /* up to the first zero */
    g_strchomp(all);
    len = strlen(all);
    g_autofree char *valid = g_utf8_make_valid(len > STDERR_SHOWN ? all + len - STDERR_SHOWN : all, -1);
    g_strstrip(valid);
    GString *out = g_string_new(NULL);
    for (const char *p = valid; *p; p++) {
        if (*p == '\n')
            g_string_append(out, " / ");
        else if ((unsigned char)*p >= 0x20 && *p != 0x7f)
            g_string_append_c(out, *p);
    }
    return g_string_free(out, FALSE);
}

void fl_child_set_strip(struct fl_transport *t, char *(*strip)(const char *stderr_text))
{
    struct child *c = t->priv;
    c->strip = strip;
}

char *fl_child_stderr(struct fl_transport *t)
{
    struct child *c = t->priv;
    return c ? fl_said_heard(c->said) : g_strdup("");
}

bool fl_child_has_spoken(struct fl_transport *t)
{
    struct child *c = t->priv;
    return c && c->spoken;
}

char *fl_child_how(int status)
{
    if (status < 0)
        return g_strdup("closed its output");
    if (status < FL_CHILD_SIGNAL)
        return g_strdup_printf("ended with status %d", status);
    return g_strdup_printf("was ended by signal %d (%s)", status - FL_CHILD_SIGNAL,
                           strsignal(status - FL_CHILD_SIGNAL));
}

/* Words in place of the protocol: a login shell for nobody says so on its output. */
static char *words_of_output(struct fl_transport *t, const struct child *c)
{
    char bytes[STDERR_SHOWN];
    ssize_t n = c->spoken ? 0 : recv(t->fd, bytes, sizeof(bytes), MSG_PEEK | MSG_DONTWAIT);

    for (ssize_t i = 0; i < n; i++)
        if (bytes[i] == '\0')
            n = 0;
    return fl_child_said(bytes, n > 0 ? (size_t)n : 0);
}

static ssize_t child_ended(struct fl_transport *t, struct child *c)
{
    bool reaped = reap(c, END_WAIT_MS);
    g_autofree char *all = fl_child_stderr(t);
    g_autofree char *wanted = c->strip ? c->strip(all) : NULL;
    g_autofree char *text = fl_child_said(wanted ? wanted : all, strlen(wanted ? wanted : all));
    if (!*text) {
        g_free(text);
        text = words_of_output(t, c);
    }
    if (reaped && c->status == 0 && (c->half_closed || (c->spoken && !*text)))
        return 0;
    return c->explain(t, reaped ? c->status : -1, text);
}

ssize_t fl_child_read(struct fl_transport *t, void *buf, size_t len)
{
    struct child *c = t->priv;
    ssize_t n = fl_channel_read(t, buf, len);
    if (c && (n == 0 || (n == -1 && fl_error_get()->int1 == ECONNRESET)))
        return child_ended(t, c);
    if (c && n > 0)
        c->spoken = true;
    return n;
}

ssize_t fl_child_write(struct fl_transport *t, const void *buf, size_t len)
{
    struct child *c = t->priv;
    ssize_t n = fl_channel_write(t, buf, len);
    if (n == -1 && c && fl_error_get()->int1 == EPIPE) {
        if (child_ended(t, c) == 0) /* in good order, but something was still to be said */
            c->explain(t, c->status, "");
        return -1;
    }
    return n;
}

/* While the child lives: nobody knows whose they were once it has ended. */
static void gather_kin(struct child *c)
{
    if (c->ends_kin && c->pid > 0)
        c->kin = fl_kin_gather(c->kin, c->pid);
}

int fl_child_half_close(struct fl_transport *t)
{
    struct child *c = t->priv;
    if (c) {
        c->half_closed = true;
        gather_kin(c);
    }
    return fl_channel_half_close(t);
}

void fl_child_end_kin(struct fl_transport *t)
{
    struct child *c = t->priv;
    c->ends_kin = true;
}

static bool all_ended(struct child *c, int timeout_ms)
{
    int64_t deadline = fl_deadline_in_ms(timeout_ms);
    bool ended = reap(c, timeout_ms);
    return (!c->kin || fl_kin_wait(c->kin, fl_deadline_poll_ms(deadline))) && ended;
}

/* Those it started wait for the same signal: a shell acts on its own once what it waits for has ended. */
static void signal_all(struct child *c, int number)
{
    gather_kin(c);
    if (c->pid > 0)
        kill(c->pid, number);
    if (c->kin)
        fl_kin_signal(c->kin, number);
}

void fl_child_close(struct fl_transport *t)
{
    struct child *c = t->priv;
    if (c)
        gather_kin(c);
    fl_channel_close(t);
    if (!c)
        return;
    t->priv = NULL;
    if (!all_ended(c, CLOSE_WAIT_MS)) {
        signal_all(c, SIGTERM);
        if (!all_ended(c, TERM_WAIT_MS)) {
            signal_all(c, SIGKILL);
            all_ended(c, TERM_WAIT_MS);
        }
    }
    fl_said_listener_free(c->said);
    fl_kin_free(c->kin);
    g_free(c);
}
