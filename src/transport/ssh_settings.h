/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The user's ssh configuration for one host, as `ssh -G` prints it, with what the URI says laid over it.
 * libssh and libssh2 log in by these settings and read no configuration of their own, so that a host means
 * the same to them as to the ssh transport.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include "transport/transport.h"

enum fl_ssh_strict { FL_SSH_STRICT_ASK, FL_SSH_STRICT_YES, FL_SSH_STRICT_ACCEPT_NEW, FL_SSH_STRICT_NO };

/* Strings are owned, lists NULL-terminated and never NULL; NULL = not set. Files are whole paths once
 * expanded. */
struct fl_ssh_settings {
    char *alias;    /* the host as the URI names it */
    char *hostname; /* what to connect to */
    char *user;
    int port;
    char **identity_files; /* in the order they are tried; keyfile= alone when that is given */
    char **certificate_files;
    char *identity_agent; /* the agent's socket; NULL: there is no agent to ask */
    char *agent_from;     /* where that comes from, for messages: "SSH_AUTH_SOCK", "IdentityAgent none" */
    char **known_hosts;   /* files of the user; the first is written. Empty: nothing is remembered */
    char **global_known_hosts;
    char *host_key_alias;
    char *proxy_jump; /* as -J takes it */
    char *proxy_command;
    enum fl_ssh_strict strict;
    bool identities_only;
    bool hash_known_hosts;
    bool proxy_use_fdpass;
    int connect_timeout; /* seconds; 0 = not set */
};

/* Reads what `ssh -G` printed: bounded, pure. Nothing is expanded; unknown lines are skipped. -1 with the
 * error set when it is not such a text. */
int fl_ssh_settings_parse(const char *text, size_t len, struct fl_ssh_settings **ret_s);

/* What %d, ~ and the like stand for. */
struct fl_ssh_names {
    const char *home;
    const char *user; /* of this machine */
    const char *hostname;
    unsigned int uid;
    const char *(*getenv)(const char *name);
};
/* Expands ~, %tokens and ${NAMES} of the files. A name that cannot be expanded is dropped. */
void fl_ssh_settings_expand(struct fl_ssh_settings *s, const struct fl_ssh_names *names);
/* `text` with the %tokens of ProxyCommand; NULL for one that does not exist. */
char *fl_ssh_settings_tokens(const struct fl_ssh_settings *s, const struct fl_ssh_names *names,
                             const char *text);

/* Asks ssh (-G, never -F), expands, lays the URI's user, port, keyfile=, known_hosts= and connect_timeout=
 * over it. Without an ssh program: OpenSSH's defaults. Bounded by ep's deadline. */
int fl_ssh_settings_ask(const struct fl_endpoint *ep, struct fl_ssh_settings **ret_s);
/* The names of this process; free with g_free(). */
struct fl_ssh_names *fl_ssh_names_here(void);
void fl_ssh_settings_free(struct fl_ssh_settings *s);
