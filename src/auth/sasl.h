/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SASL (RFC 4422): what the module `sasl` (Cyrus) does for the client's side of a login
 * (driver/remote/auth_sasl.c), for the daemon's (daemon/auth_sasl.c) and for the security layer that may
 * follow it (transport/sasl_layer.c). No sockets here: data in, data out.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The wire's bound on the data of one step. */
#define FL_SASL_DATA_MAX 65536u
/* More steps than this no mechanism takes. */
#define FL_SASL_STEPS_MAX 32u
/* Bytes that are encoded at once. */
#define FL_SASL_CHUNK_MAX 16384u
/* What a plain connection over the network must be encrypted with at least; as the peer. */
#define FL_SASL_TCP_MIN_SSF 56u
#define FL_SASL_MAX_SSF     100000u
/* What a unix socket (as the peer) and a TLS session count as. */
#define FL_SASL_LOCAL_SSF 56u
#define FL_SASL_TLS_SSF   128u

struct fl_credentials;

struct fl_sasl_options {
    const char *service;           /* "libvirt" */
    const char *host;              /* client: as the URI names it; server: NULL, its own name */
    unsigned int external_ssf;     /* strength of what is below: TLS, unix socket; 0 = none */
    unsigned int min_ssf, max_ssf; /* of the security layer; max 0: none is wanted */
    bool plaintext;                /* mechanisms that show the password or nobody's name are fine */
    const struct fl_credentials *credentials; /* client: who answers; must outlive the conversation */
    int64_t deadline_us; /* client: mechanisms may ask others, such as a KDC; 0: they are waited for */
};

/* One conversation, of either side. Used by one thread at a time. */
struct fl_sasl;

struct fl_sasl_data {
    const char *bytes; /* NULL: no data, which is not the same as empty data */
    unsigned int len;
};

struct fl_sasl_api {
    struct fl_sasl *(*client_new)(const struct fl_sasl_options *options); /* NULL with the error set */
    struct fl_sasl *(*server_new)(const struct fl_sasl_options *options);
    void (*free)(struct fl_sasl *s);

    /* Server: what it offers on this connection, "A,B"; the conversation's. NULL with the error set. */
    const char *(*offered)(struct fl_sasl *s);
    /* What this machine has plug-ins for on the client's side, "A,B"; free with g_free(). */
    char *(*installed)(void);

    /* Client: begins with one of `mechanisms` ("A,B"). *ret_mechanism is the one. */
    int (*client_start)(struct fl_sasl *s, const char *mechanisms, const char **ret_mechanism,
                        struct fl_sasl_data *ret_out);
    int (*server_start)(struct fl_sasl *s, const char *mechanism, struct fl_sasl_data in,
                        struct fl_sasl_data *ret_out);
    /* The next step of either side. `out` is the conversation's until its next step. */
    int (*step)(struct fl_sasl *s, struct fl_sasl_data in, struct fl_sasl_data *ret_out);
    bool (*complete)(const struct fl_sasl *s);

    /* Once complete: the strength of the security layer (0: there is none), who it is. */
    int (*ssf)(struct fl_sasl *s, unsigned int *ret_ssf);
    const char *(*username)(struct fl_sasl *s);

    /* The security layer; at most FL_SASL_CHUNK_MAX bytes at once. The result is the conversation's until the
     * next call of the same function. */
    int (*encode)(struct fl_sasl *s, const char *in, size_t len, struct fl_sasl_data *ret_out);
    int (*decode)(struct fl_sasl *s, const char *in, size_t len, struct fl_sasl_data *ret_out);
};

/* The module's; NULL with the error set when it cannot be loaded. */
const struct fl_sasl_api *fl_sasl_load(void);

/* Whether "A,B" (commas or spaces, any case) has `mechanism`. */
bool fl_sasl_list_has(const char *list, const char *mechanism);
/* A mechanism's name is 1 to 20 capital letters, digits, '-' and '_' (RFC 4422). */
bool fl_sasl_mechanism_ok(const char *mechanism);
/* Which package brings the plug-in, for messages; NULL: unknown. */
const char *fl_sasl_package(const char *mechanism);
