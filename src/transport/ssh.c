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
#include "base/walk.h"
#include "transport/channel.h"
#include "transport/child.h"
#include "transport/ssh_command.h"
#include "transport/ssh_far.h"

#define SSH_FAILED 255 /* ssh itself, not what it ran */

/* What ssh itself says (it ends with status 255), where in the walk that is, and what helps. First match
 * counts. */
static const struct fl_ssh_fault ssh_faults[] = {
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

static int ssh_ended(struct fl_transport *t, int status, const char *text)
{
    const struct fl_ssh_fault *f = ssh_faults;
    if (status != SSH_FAILED)
        f = fl_ssh_far_fault(status, text);
    else
        while (!strstr(text, f->says)) /* the last row says "" */
            f++;
    g_autofree char *what = fl_ssh_fault_text(f, t->target, status, text);
    return fl_channel_error(ECONNRESET, "%s", what);
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
    fl_stage_enter(FL_STAGE_CONNECT, "%s", t->target);
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
