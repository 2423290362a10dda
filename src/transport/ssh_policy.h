/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What sshauth=, known_hosts_verify= and no_verify= mean, the same for ssh, libssh and libssh2. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct fl_route;

enum fl_ssh_method { FL_SSH_AGENT, FL_SSH_PRIVKEY, FL_SSH_PASSWORD, FL_SSH_KBDINT, FL_SSH_NMETHODS };
enum fl_ssh_verify {
    FL_SSH_VERIFY_UNSET,  /* as the ssh configuration says, which by default is to ask */
    FL_SSH_VERIFY_NORMAL, /* ask about new keys */
    FL_SSH_VERIFY_AUTO,   /* accept new keys; a changed one is still fatal */
    FL_SSH_VERIFY_IGNORE  /* look at no key */
};

struct fl_ssh_policy {
    enum fl_ssh_method methods[FL_SSH_NMETHODS]; /* in the order they are tried */
    size_t nmethods;
    bool methods_given;
    enum fl_ssh_verify verify;
};

const char *fl_ssh_method_name(enum fl_ssh_method method); /* "agent" */
bool fl_ssh_policy_has(const struct fl_ssh_policy *policy, enum fl_ssh_method method);
/* -1 with the error set. */
int fl_ssh_policy_of(const struct fl_route *route, struct fl_ssh_policy *ret_policy);
