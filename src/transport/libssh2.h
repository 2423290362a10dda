/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One connection of the libssh2 transport: shared by libssh2.c (the channel) and libssh2_auth.c (the login).
 */
#pragma once

#include <glib.h>
#include <libssh2.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "transport/said.h"
#include "transport/ssh_login.h"
#include "transport/transport.h"

struct ssh2 {
    struct fl_transport *t;
    struct fl_ssh_login login; /* while opening */
    LIBSSH2_SESSION *session;
    LIBSSH2_CHANNEL *channel;
    int fd;          /* t->below's */
    GByteArray *out; /* what the library has sent and the socket has not taken */
    int out_errno;   /* the socket takes no more */
    bool dead;       /* closing: the library gets neither in nor out any more */
    bool half_closed;
    bool eof_owed;       /* the far side is still to be told: not while keys are exchanged */
    bool stalled;        /* nothing can be sent before something has come in */
    bool ended;          /* the far command: read said so */
    int status;          /* its exit status once ended, -1: unknown */
    bool spoken;         /* its stdout */
    struct fl_said err;  /* its stderr */
    char *goodbye;       /* what the server said when it hung up */
    unsigned int offers; /* what the server offered last */
    bool asked_in_vain;  /* nobody answered a question */
    bool signed_it;      /* the server wanted a signature: it takes this key */
    /* While the agent signs. */
    int agent_fd;
    const void *identity;
};

/* After LIBSSH2_ERROR_EAGAIN: waits until there is something to go on with. 0 or -1: the deadline. */
int fl_ssh2_wait(struct ssh2 *s, int64_t deadline_us);
/* What the library says about its last error. */
const char *fl_ssh2_says(struct ssh2 *s);
/* Whether an error of the library means that the connection is gone. */
bool fl_ssh2_is_broken(struct ssh2 *s, int rc);

extern const struct fl_ssh_login_ops fl_ssh2_login_ops;

/* Calls until it need not be called again; `rc` is what it returned last, LIBSSH2_ERROR_TIMEOUT when time ran
 * out. */
#define FL_SSH2_LOOP(s, rc, call)                                                                            \
    while (((rc) = (call)) == LIBSSH2_ERROR_EAGAIN)                                                          \
        if (fl_ssh2_wait((s), (s)->login.ep->deadline_us) < 0) {                                             \
            (rc) = LIBSSH2_ERROR_TIMEOUT;                                                                    \
            break;                                                                                           \
        }
