/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The end of what ssh, libssh or libssh2 ran on the far host, explained: which stage failed and what helps.
 */
#pragma once

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
