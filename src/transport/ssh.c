/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The ssh transport: the system's ssh, with the user's configuration, runs virt-ssh-helper or a netcat over
 * there. ssh reports everything by its exit status and stderr; this file turns the usual ones into the stage
 * that failed and one thing to do.
 */
#define FL_FROM VIR_FROM_REMOTE
#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "transport/channel.h"
#include "transport/child.h"
#include "transport/ssh_command.h"

struct fault {
    const char *says;
    const char *stage;
    const char *todo;
};

/* What ssh itself says (it ends with status 255), where in the walk that is, and what helps. First match
 * counts. */
static const struct fault ssh_faults[] = {
    { "REMOTE HOST IDENTIFICATION HAS CHANGED", "ssh-auth",
      "the host's key differs from the one remembered: if that is expected, remove the old one with "
      "ssh-keygen -R" },
    { "Host key verification failed", "ssh-auth",
      "this host's key is not known: log in once with ssh to accept it, or add no_verify=1 to accept new "
      "keys" },
    { "Permission denied", "ssh-auth",
      "no way of logging in was accepted: check user and key (keyfile=), and that plain ssh works" },
    { "Too many authentication failures", "ssh-auth", "name the one right key with keyfile=" },
    { "Could not resolve hostname", "lookup", "check the host's name" },
    { "Connection refused", "connect", "check that sshd runs there and the port is right" },
    { "No route to host", "connect", "check the network and the host's address" },
    { "Network is unreachable", "connect", "check the network and the host's address" },
    { "timed out", "connect", "the host does not answer: check its address and firewalls" },
    { "", "ssh-auth", "try the same host with plain ssh" },
};

/* What the far side's shell, helper or netcat says. */
static const struct fault far_faults[] = {
    { "virt-ssh-helper: connect: ", "helper", "that is on the far host" },
    { "virt-ssh-helper: not found", "helper", "install virt-ssh-helper there, or use proxy=netcat" },
    { "virt-ssh-helper: command not found", "helper", "install virt-ssh-helper there, or use proxy=netcat" },
    { "not found", "helper",
      "neither virt-ssh-helper nor this netcat is there: install one, or name one with netcat=" },
    { "invalid option", "helper",
      "this netcat cannot use unix sockets: name one that knows -U with netcat=" },
    { "Permission denied", "helper",
      "the far user may not use the daemon's socket: choose another user, or add it "
      "to the socket's group there" },
    { "Connection refused", "helper",
      "no daemon listens on its socket there: start the daemon on that host" },
    { "No such file or directory", "helper", "no daemon's socket is there: start the daemon on that host" },
    { "", "helper", "run virt-ssh-helper on that host by hand to see what is wrong" },
};

#define NOT_FOUND 127 /* the shell's status, whatever the language of its message */

static const struct fault *find_fault(int status, const char *text)
{
    static const struct fault missing = { "", "helper",
                                          "neither virt-ssh-helper nor netcat was found there: install "
                                          "one, or name a netcat with netcat=" };
    const struct fault *f = status == 255 ? ssh_faults : far_faults;
    while (!strstr(text, f->says)) /* the last row says "" */
        f++;
    return status == NOT_FOUND && !strstr(f->says, "not found") ? &missing : f;
}

static int ssh_ended(struct fl_transport *t, int status, const char *text)
{
    const struct fault *f = find_fault(status, text);
    g_autofree char *how =
        status < 0 ? g_strdup("closed its output") : g_strdup_printf("ended with status %d", status);
    return fl_channel_error(ECONNRESET, "%s: %s %s%s%s; %s", f->stage, t->target, how, *text ? ": " : "",
                            text, f->todo);
}

static int ssh_open(struct fl_transport *t, const struct fl_endpoint *ep)
{
    const struct fl_route *r = ep->route;
    g_auto(GStrv) argv = NULL;
    if (fl_ssh_argv(r, ep->read_only, ep->privileged, &argv) < 0)
        return -1;
    const char *host = r->host && r->host[0] ? r->host : "localhost";
    t->target = g_strdup_printf("ssh %s%s%s", r->user ? r->user : "", r->user ? "@" : "", host);
    t->encrypted = true;
    fl_debug("%s runs: %s", t->target, argv[g_strv_length(argv) - 1]);
    return fl_child_spawn(t, argv, "ssh", ssh_ended);
}

const struct fl_transport_ops fl_transport_ssh = {
    .name = "ssh",
    .open = ssh_open,
    .read = fl_child_read,
    .write = fl_child_write,
    .half_close = fl_child_half_close,
    .close = fl_child_close,
};
