/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the ssh transports say: the local command line and the far side's shell command. Pure text. */
#pragma once

#include <stdbool.h>
#include "uri/route.h"

/* How the far side reaches its daemon, after the defaults of the "proxy parameter" are applied. */
struct fl_ssh_far_end {
    bool helper; /* run virt-ssh-helper */
    bool netcat; /* run a netcat; with helper too: only when the helper is missing */
    const char *netcat_program;
};

/* -1 with the error set when the parameters contradict each other. */
int fl_ssh_far_end(const struct fl_route *route, bool privileged, struct fl_ssh_far_end *ret_end);
/* The POSIX shell command for the far side: one string in which no value can be more than a word. */
char *fl_ssh_remote_command(const struct fl_route *route, const struct fl_ssh_far_end *end, bool read_only,
                            bool privileged);
/* -1 with the error set when host, user, command= or keyfile= could be taken for an option. */
int fl_ssh_check_route(const struct fl_route *route);
/* The whole local command line, NULL-terminated, for g_strfreev(). */
int fl_ssh_argv(const struct fl_route *route, bool read_only, bool privileged, char ***ret_argv);
