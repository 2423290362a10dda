/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of the libssh module share. */
#pragma once

#include <libssh/libssh.h>
#include <libssh/callbacks.h>
#include <stdbool.h>
#include <stdint.h>

#include "transport/said.h"
#include "transport/ssh_login.h"

struct fl_libssh {
    ssh_session session;
    ssh_channel channel;
    struct ssh_channel_callbacks_struct callbacks;
    bool half_closed;
    bool asked_none;
    int status; /* of the far command; -1 until it is known */
    bool closed;
    bool spoken;         /* the far command's stdout */
    struct fl_said said; /* its stderr */
};

extern const struct fl_ssh_login_ops fl_libssh_login_ops;
/* Waits until the session can go on. -1 with the error set: the deadline of opening has passed. */
int fl_libssh_wait(struct fl_ssh_login *l, struct fl_libssh *s, const char *doing);
/* The agent's keys, one after the other; what each came to is in the record. */
enum fl_ssh_result fl_libssh_agent(struct fl_ssh_login *l, struct fl_libssh *s);
