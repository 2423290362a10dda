/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lxc-enter-namespace: a program of this host's caller, run inside a container, by the calls of
 * libvirt-lxc.so.0 that act on the calling process. A child enters; its own child is the program, for the
 * namespace of processes is entered by children only.
 */
#include "shell.h"
#include "handlers.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <libvirt/libvirt-lxc.h>

#define LIBRARY "libvirt-lxc.so.0"

struct container {
    __typeof__(&virDomainLxcOpenNamespace) open;
    __typeof__(&virDomainLxcEnterNamespace) enter;
    __typeof__(&virDomainLxcEnterSecurityLabel) enter_label;
    __typeof__(&virDomainLxcEnterCGroup) enter_cgroup;

    int *fds, n;
    bool labelled;
    virSecurityModel model;
    virSecurityLabel label;
};

static int load(struct fl_call *c, struct container *k)
{
    k->open = (__typeof__(k->open))fl_library_call(c, LIBRARY, "virDomainLxcOpenNamespace");
    k->enter = (__typeof__(k->enter))fl_library_call(c, LIBRARY, "virDomainLxcEnterNamespace");
    k->enter_label =
        (__typeof__(k->enter_label))fl_library_call(c, LIBRARY, "virDomainLxcEnterSecurityLabel");
    k->enter_cgroup = (__typeof__(k->enter_cgroup))fl_library_call(c, LIBRARY, "virDomainLxcEnterCGroup");
    return k->open && k->enter && k->enter_label && k->enter_cgroup ? 0 : -1;
}

/* All that the connection is needed for; the children have no use of it. */
static int prepare(struct fl_call *c, struct container *k)
{
    const char *name = virDomainGetName(c->dom);

    k->labelled = !fl_flag(c, "noseclabel");
    if (k->labelled && virNodeGetSecurityModel(c->conn, &k->model) < 0)
        return fl_fail(c, "failed to get the security model of the host; --noseclabel does without");
    if (k->labelled && virDomainGetSecurityLabel(c->dom, &k->label) < 0)
        return fl_fail(c, "failed to get the security label of domain '%s'; --noseclabel does without", name);
    k->n = k->open(c->dom, &k->fds, 0);
    if (k->n < 0)
        return fl_fail(c, "failed to open the namespaces of domain '%s'", name);
    return 0;
}

static int wait_for(pid_t pid)
{
    int status;

    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return 1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* In a child: said there, and the parent is told that it was. */
static void give_up(struct fl_call *c, int told, const char *what, const char *why)
{
    fl_complain(c->sh, "%s: %s", what, why);
    _exit(write(told, "", 1) == 1 ? EXIT_FAILURE : EXIT_FAILURE + 1);
}

/* In the child. Never comes back. */
static void enter_and_run(struct fl_call *c, struct container *k, char **argv, int told)
{
    pid_t pid;

    if (k->enter_cgroup(c->dom, 0) < 0 ||
        (k->labelled && k->enter_label(&k->model, &k->label, NULL, 0) < 0) ||
        k->enter(c->dom, (unsigned int)k->n, k->fds, NULL, NULL, 0) < 0)
        give_up(c, told, "the container cannot be entered", virGetLastErrorMessage());
    pid = fork();
    if (pid == 0) {
        execv(argv[0], argv);
        give_up(c, told, argv[0], g_strerror(errno));
    }
    if (pid < 0)
        give_up(c, told, "no process can be started", g_strerror(errno));
    _exit(wait_for(pid));
}

static int run(struct fl_call *c, struct container *k, char **argv)
{
    const char *name = virDomainGetName(c->dom);
    int fds[2], status, failed;
    pid_t pid;
    char byte;
    bool given_up;

    fflush(stdout);
    if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0)
        return fl_wrong(c, "cannot start a process: %s", g_strerror(errno));
    pid = fork();
    if (pid == 0)
        enter_and_run(c, k, argv, fds[1]);
    failed = errno;
    status = pid < 0 ? 1 : wait_for(pid);
    given_up = read(fds[0], &byte, 1) == 1;
    close(fds[0]);
    close(fds[1]);
    if (pid < 0)
        return fl_wrong(c, "cannot start a process: %s", g_strerror(failed));
    if (given_up)
        return fl_wrong(c, "'%s' was not run in '%s'", argv[0], name);
    return status == 0 ? 0 : fl_wrong(c, "'%s' in '%s' ended with status %d", argv[0], name, status);
}

int fl_cmd_lxc_enter_namespace(struct fl_call *c)
{
    struct container k = { .n = -1 };
    int status = load(c, &k);

    if (status == 0)
        status = prepare(c, &k);
    if (status == 0)
        status = run(c, &k, fl_argv(c, "cmd"));
    for (int i = 0; i < k.n; i++)
        if (k.fds[i] >= 0)
            close(k.fds[i]);
    free(k.fds);
    return status;
}
