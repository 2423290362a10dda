/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Talking to an ssh agent (draft-miller-ssh-agent): which keys it holds, and signing with one. Used where the
 * ssh library would wait for the agent without an end (libssh2). Everything is bounded in size and time; an
 * agent is not trusted with memory.
 */
#pragma once

#include <glib.h>
#include <stddef.h>
#include <stdint.h>

struct fl_ssh_identity {
    unsigned char *blob; /* the public key as it goes over the wire */
    size_t len;
    char *comment; /* printable */
};

/* Descriptors come from fl_dial_unix(). Results: 0 or a negative errno (-EPROTO: that is no agent; -EACCES:
 * it will not). */
int fl_ssh_agent_identities(int fd, int64_t deadline_us, GPtrArray **ret_identities);
/* *ret_sig: the signature without the name of its kind, for g_free(). */
int fl_ssh_agent_sign(int fd, const struct fl_ssh_identity *key, const unsigned char *data, size_t len,
                      int64_t deadline_us, unsigned char **ret_sig, size_t *ret_len);
/* One question as it goes over the wire, with its length; the answer without it, at least a byte. */
int fl_ssh_agent_ask(int fd, const GByteArray *question, int64_t deadline_us, unsigned char **ret_msg,
                     size_t *ret_len);

/* The parts that judge what an agent sent: pure. */
int fl_ssh_agent_parse_identities(const unsigned char *msg, size_t len, GPtrArray **ret_identities);
int fl_ssh_agent_parse_signature(const unsigned char *msg, size_t len, unsigned char **ret_sig,
                                 size_t *ret_len);
