/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * pkttyagent, which asks for polkit's password on this terminal: started when a daemon of this machine could
 * ask nobody, for as long as it is tried again.
 */
#include "shell.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROGRAM  "/usr/bin/pkttyagent"
#define READY_MS 10000
#define GRACE_MS 2000

/* The polkit of another machine does not know of agents here. */
static bool is_local(const char *uri)
{
    const char *rest = uri ? strstr(uri, "://") : NULL;

    return !uri || !rest || rest[3] == '/' || rest[3] == '\0';
}

bool fl_agent_wanted(const struct fl_shell *sh)
{
    virErrorPtr err = virGetLastError();

    return !sh->no_agent && err && err->domain == VIR_FROM_POLKIT && err->code == VIR_ERR_AUTH_UNAVAILABLE &&
           is_local(sh->uri) && isatty(STDIN_FILENO) && access(PROGRAM, X_OK) == 0;
}

/* It closes its end of the pipe once it is known to polkit, and when it ends. */
static void wait_ready(int fd)
{
    struct pollfd p = { .fd = fd, .events = POLLIN };

    while (poll(&p, 1, READY_MS) < 0 && errno == EINTR)
        ;
}

static void exec_agent(int fd, const char *process)
{
    g_autofree char *notify = g_strdup_printf("%d", fd);

    (void)fcntl(fd, F_SETFD, 0);
    execl(PROGRAM, PROGRAM, "--process", process, "--notify-fd", notify, "--fallback", (char *)NULL);
    _exit(127);
}

pid_t fl_agent_start(void)
{
    g_autofree char *process = g_strdup_printf("%d", (int)getpid());
    int ends[2];
    pid_t pid;

    if (pipe2(ends, O_CLOEXEC) < 0)
        return -1;
    pid = fork();
    if (pid == 0)
        exec_agent(ends[1], process);
    close(ends[1]);
    if (pid > 0)
        wait_ready(ends[0]);
    close(ends[0]);
    return pid;
}

void fl_agent_stop(pid_t pid)
{
    if (pid <= 0)
        return;
    kill(pid, SIGTERM);
    for (int waited = 0; waited < GRACE_MS; waited += 20) {
        if (waitpid(pid, NULL, WNOHANG) != 0)
            return;
        g_usleep(20 * 1000);
    }
    kill(pid, SIGKILL);
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
}
