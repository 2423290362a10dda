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

/* What ssh and the far side say, where in the walk that is, and what helps. First match counts. */
static const struct {
    const char *says;
    const char *stage;
    const char *todo;
} ssh_faults[] = {
    { "REMOTE HOST IDENTIFICATION HAS CHANGED", "ssh-auth",
      "the host's key differs from the one remembered: if that is expected, remove the old one with "
      "ssh-keygen -R" },
    { "Host key verification failed", "ssh-auth",
      "this host's key is not known: log in once with ssh to accept it, or add no_verify=1 to accept new "
      "keys" },
    { "Permission denied", "ssh-auth",
      "no way of logging in was accepted: check user and key (keyfile=), and that plain ssh works" },
    { "Could not resolve hostname", "lookup", "check the host's name" },
    { "Connection refused", "connect", "check that sshd runs there and the port is right" },
    { "No route to host", "connect", "check the network and the host's address" },
    { "Network is unreachable", "connect", "check the network and the host's address" },
    { "timed out", "connect", "the host does not answer: check its address and firewalls" },
    { "virt-ssh-helper: not found", "helper", "install virt-ssh-helper there, or use proxy=netcat" },
    { "virt-ssh-helper: command not found", "helper", "install virt-ssh-helper there, or use proxy=netcat" },
    { "not found", "helper",
      "neither virt-ssh-helper nor this netcat is there: install one, or name one with netcat=" },
    { "invalid option", "helper",
      "this netcat cannot use unix sockets: name one that knows -U with netcat=" },
    { "No such file or directory", "helper", "no daemon's socket is there: start the daemon on that host" },
    { "virt-ssh-helper: ", "helper", "mend what it says, on that host" },
};

static int ssh_ended(struct fl_transport *t, int status, const char *text)
{
    const char *stage = status == 255 ? "ssh-auth" : "helper";
    const char *todo = status == 255 ? "try the same host with plain ssh"
                                     : "run virt-ssh-helper there by hand to see what is wrong";
    for (size_t i = 0; i < G_N_ELEMENTS(ssh_faults); i++) {
        if (strstr(text, ssh_faults[i].says)) {
            stage = ssh_faults[i].stage;
            todo = ssh_faults[i].todo;
            break;
        }
    }
    g_autofree char *how =
        status < 0 ? g_strdup("closed its output") : g_strdup_printf("ended with status %d", status);
    return fl_channel_error(ECONNRESET, "%s: %s %s%s%s; %s", stage, t->target, how, *text ? ": " : "", text,
                            todo);
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
