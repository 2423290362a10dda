/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the far end of an ssh login has to say when it ends: the shell there, virt-ssh-helper, or a netcat.
 * The three ssh transports run the same command (ssh_command.c) and explain its end in the same words.
 */
#include "transport/ssh_far.h"

#include <glib.h>
#include <string.h>

#include "transport/child.h"

/* What the far side's shell, helper or netcat says. */
static const struct fl_ssh_fault far_faults[] = {
    { FL_SSH_NO_SOCKET, "helper", "use proxy=netcat, or leave socket= out" },
    { "virt-ssh-helper: connect: ", "helper", "that is on the far host" },
    { "virt-ssh-helper: not found", "helper", "install virt-ssh-helper there, or use proxy=netcat" },
    { "virt-ssh-helper: command not found", "helper", "install virt-ssh-helper there, or use proxy=netcat" },
    { "not found", "helper",
      "what should run there is not there: install virt-ssh-helper, or name a netcat with netcat=" },
    { "invalid option", "helper",
      "this netcat cannot use unix sockets: name one that knows -U with netcat=" },
    { "Permission denied", "helper",
      "the far user may not use the daemon's socket: choose another user, or add it "
      "to the socket's group there" },
    { "Connection refused", "helper",
      "no daemon listens on its socket there: start the daemon on that host" },
    { "No such file or directory", "helper", "no daemon's socket is there: start the daemon on that host" },
    { "account is currently not available", "helper",
      "that user has no shell there: choose another one, or give it a shell" },
    { "sftp connections only", "helper",
      "that user may only copy files there: choose another one, or let it run virt-ssh-helper" },
    { "password has expired", "helper", "log in there once with plain ssh, and give it a new one" },
    { "", "helper",
      "run virt-ssh-helper, or the netcat in its place, on that host by hand to see what is wrong" },
};

/* The line, which may follow words without an end of line. */
static const char *find_mark(const char *text)
{
    return strstr(text, FL_SSH_FAR_MARK "\n");
}

bool fl_ssh_far_reached(const char *stderr_text)
{
    return find_mark(stderr_text) != NULL;
}

char *fl_ssh_far_strip(const char *stderr_text)
{
    const char *at = find_mark(stderr_text);

    if (!at)
        return g_strdup(stderr_text);
    return g_strdup_printf("%.*s%s", (int)(at - stderr_text), stderr_text, at + sizeof(FL_SSH_FAR_MARK));
}

#define CANNOT_RUN 126 /* the statuses of a shell, whatever the language of its message */
#define NOT_FOUND  127

const struct fl_ssh_fault *fl_ssh_far_fault(int status, const char *text)
{
    static const struct fl_ssh_fault missing = { "", "helper",
                                                 "neither virt-ssh-helper nor netcat was found there: "
                                                 "install one, or name a netcat with netcat=" };
    static const struct fl_ssh_fault not_run = {
        "", "helper",
        "a program may not be run there: check the one netcat= names, "
        "or virt-ssh-helper's permissions"
    };
    const struct fl_ssh_fault *f = far_faults;
    if (status == CANNOT_RUN)
        return &not_run;
    while (!strstr(text, f->says)) /* the last row says "" */
        f++;
    return status == NOT_FOUND && !strstr(f->says, "not found") ? &missing : f;
}

char *fl_ssh_fault_text(const struct fl_ssh_fault *f, const char *target, int status, const char *text)
{
    g_autofree char *how = fl_child_how(status);

    return g_strdup_printf("%s: %s %s%s%s; %s", f->stage, target, how, *text ? ": " : "", text, f->todo);
}
