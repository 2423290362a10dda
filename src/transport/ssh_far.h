/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The end of what ssh, libssh or libssh2 ran on the far host, explained: which stage failed and what helps.
 */
#pragma once

#include <stdbool.h>

/*
 * A line of stderr that says that the far end has come as far as the daemon's socket: what is waited for from
 * then on is the daemon's answer. virt-ssh-helper writes it when the variable is set (which it is by the far
 * command; others do not want it), the far command itself where a netcat is started, which is there at once.
 */
#define FL_SSH_NO_SOCKET    "the virt-ssh-helper of that host takes no socket=" /* says our command there */
#define FL_SSH_FAR_MARK     "fairlead: at the daemon's socket"
#define FL_SSH_FAR_VARIABLE "FAIRLEAD_FAR_MARK"

bool fl_ssh_far_reached(const char *stderr_text);
/* Without that line; free with g_free(). */
char *fl_ssh_far_strip(const char *stderr_text);

struct fl_ssh_fault {
    const char *says; /* a part of the text */
    const char *stage;
    const char *todo;
};

/* For the exit status of the far command (-1: unknown) and what it wrote to stderr, as fl_child_said() puts
 * it. */
const struct fl_ssh_fault *fl_ssh_far_fault(int status, const char *text);
/* "helper: ssh u@h ended with status 1: nc: …; start the daemon …"; free with g_free(). */
char *fl_ssh_fault_text(const struct fl_ssh_fault *f, const char *target, int status, const char *text);
