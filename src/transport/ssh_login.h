/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Logging in over ssh within this process: what libssh.c and libssh2.c have in common. The settings, the way
 * to the host, whether its key is trusted, which methods are tried in which order with which keys, who is
 * asked, and the one error in the end are decided here; the library does the single steps (struct
 * fl_ssh_login_ops) and none of the deciding.
 *
 * In open, one after the other:
 *     fl_ssh_login_init      parameters, ssh -G
 *     fl_ssh_login_dial      t->below is the way to the host; its fd is what the library speaks on
 *     fl_ssh_login_key_types before the key exchange: which types of host key to ask for first
 *     fl_ssh_login_check     after it: is this host's key the right one
 *     fl_ssh_login_run       the login
 *     fl_ssh_login_command   what to run there (stage "helper")
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include "auth/credentials.h"
#include "transport/said.h"
#include "transport/ssh_policy.h"
#include "transport/ssh_settings.h"
#include "transport/transport.h"

enum fl_ssh_result {
    FL_SSH_OK,
    FL_SSH_PARTIAL, /* accepted, but the server wants another method, too */
    FL_SSH_REFUSED,
    FL_SSH_NOTHING, /* nothing to try it with; said by fl_ssh_login_tried() */
    FL_SSH_LOCKED,  /* the key needs a passphrase (another one, when one was given) */
    FL_SSH_BROKEN   /* the session is over: the error is set, by fl_ssh_login_lost() */
};

/* What the server offers, by its own names. */
#define FL_SSH_OFFERS_PUBLICKEY (1u << 0)
#define FL_SSH_OFFERS_PASSWORD  (1u << 1)
#define FL_SSH_OFFERS_KBDINT    (1u << 2)

struct fl_ssh_login {
    const struct fl_endpoint *ep; /* = &bounded */
    struct fl_endpoint bounded;   /* ConnectTimeout counts until the host has shown its key */
    int64_t deadline_us;          /* of the whole opening */
    struct fl_transport *t;
    const char *library; /* "libssh" */
    int domain;          /* of errors: VIR_FROM_LIBSSH */
    int code;            /* VIR_ERR_LIBSSH */
    int refused_code;    /* when no method let us in */
    struct fl_ssh_settings *settings;
    struct fl_ssh_policy policy;
    struct fl_credentials from;
    char *known_name; /* in known_hosts files */
    GString *tried;   /* "agent: no identities; privkey /x/id_ed25519: refused" */
    bool met;         /* it is an ssh server: keys have been exchanged */
    bool locked;      /* a key was left out for want of its passphrase */
};

/* Single steps. `session` is the caller's. Each keeps to l->ep->deadline_us. */
struct fl_ssh_login_ops {
    /* Which methods the server offers (FL_SSH_OFFERS_*), now; first thing, and after FL_SSH_PARTIAL. OK: no
     * login is needed at all; REFUSED: *ret_offers is set; BROKEN. */
    enum fl_ssh_result (*offers)(struct fl_ssh_login *l, void *session, unsigned int *ret_offers);
    /* Every identity of the agent at l->settings->identity_agent, with a line of the record for each. */
    enum fl_ssh_result (*agent)(struct fl_ssh_login *l, void *session);
    /* One key file, which exists. Without a passphrase it may be LOCKED; where FILE.pub (or the key file)
     * says the public key, the server is asked first whether it takes that one. */
    enum fl_ssh_result (*privkey)(struct fl_ssh_login *l, void *session, const char *file,
                                  const char *passphrase);
    enum fl_ssh_result (*password)(struct fl_ssh_login *l, void *session, const char *password);
    /* Asks by fl_ssh_login_ask() as often as the server does. */
    enum fl_ssh_result (*kbdint)(struct fl_ssh_login *l, void *session);
};

/* Sets t->target ("libssh user@host"). -1 with the error set: a parameter or the configuration is no good. */
int fl_ssh_login_init(struct fl_ssh_login *l, struct fl_transport *t, const struct fl_endpoint *ep);
void fl_ssh_login_fini(struct fl_ssh_login *l);

/* TCP to HostName and Port, or ProxyJump or ProxyCommand as a child. t->below is set; the stage ssh-auth has
 * begun. */
int fl_ssh_login_dial(struct fl_ssh_login *l);
/* Types of the keys known for this host ("ssh-ed25519"), NULL-terminated, maybe none; for g_strfreev(). */
char **fl_ssh_login_key_types(struct fl_ssh_login *l);
/* The host's key as it came over the wire. 0: go on; -1 with the error set. */
int fl_ssh_login_check(struct fl_ssh_login *l, const unsigned char *key, size_t len);
int fl_ssh_login_run(struct fl_ssh_login *l, const struct fl_ssh_login_ops *ops, void *session);
/* The far command; enters the stage helper. NULL with the error set. */
char *fl_ssh_login_command(struct fl_ssh_login *l);

/* One line of the record of what was tried. */
void fl_ssh_login_tried(struct fl_ssh_login *l, const char *fmt, ...) G_GNUC_PRINTF(2, 3);
/* Answers a round of keyboard-interactive questions; answers are for fl_credentials_wipe(). -1: nobody
 * answers (said in the record, no error is left). */
int fl_ssh_login_ask(struct fl_ssh_login *l, const char *name, const char *instruction,
                     virConnectCredential *questions, unsigned int n);
/* The session broke in the present stage: sets the error, with what the library says and what a proxy command
 * printed. Returns -1. */
int fl_ssh_login_lost(struct fl_ssh_login *l, const char *doing, const char *library_text);
/* A deadline passed while `doing`. Returns -1. */
int fl_ssh_login_late(struct fl_ssh_login *l, const char *doing);
/* After open: where the way to the daemon still is, FL_STAGE_HELPER or FL_STAGE_NONE; `spoken`: the far
 * command has written something to its stdout. */
int fl_ssh_login_far_stage(bool spoken, const struct fl_said *stderr_said);
/* Whether it wrote anything to its stderr that is meant for people. */
bool fl_ssh_login_far_said(const struct fl_said *stderr_said);
/* The far command ended: status (-1: unknown) and its stderr (NULL: nothing); the error as the ssh transport
 * words it. Returns -1. */
int fl_ssh_login_far_ended(const struct fl_transport *t, int domain, int code, int status,
                           const struct fl_said *stderr_said);
