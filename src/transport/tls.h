/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the module "tls" offers (base/module.h): the transport of that name, and the daemon's side of it. The
 * transport is a layer: it rides over TCP, or over the socket or command that the URI names.
 *
 * Server side: credentials are loaded once and shared by all connections; they never change, new files make
 * new ones. wire-notes: after the handshake and its checks the server sends one byte, 1, inside the session.
 */
#pragma once

#include <stdbool.h>
#include "transport/transport.h"

struct fl_tls_creds;

/* Strings are the caller's and only looked at during the call. */
struct fl_tls_server_conf {
    const char *ca_file, *cert_file, *key_file;
    const char *crl_file; /* NULL: none */
    const char *priority; /* NULL: GnuTLS's own default */
    char *const
        *allowed; /* patterns of names let in, NULL-terminated; NULL: every certificate that is valid */
    bool verify;  /* clients have to show a certificate that passes */
    bool sanity;  /* check our own files first */
};

struct fl_tls_api {
    struct fl_transport_module transport;

    /* NULL with the error set, which names the file. Starts with one reference; any thread. */
    struct fl_tls_creds *(*server_creds)(const struct fl_tls_server_conf *conf);
    void (*creds_unref)(struct fl_tls_creds *creds);
    /* "certificate 'FILE' expires on ..." when that is within 30 days, NULL otherwise. For g_free(). */
    char *(*creds_expiry)(const struct fl_tls_creds *creds);

    /* A layer over `below`, which it takes over in any case; nothing is sent yet. NULL with the error set. */
    struct fl_transport *(*accept)(struct fl_tls_creds *creds, struct fl_transport *below);
    /* One step, up to the acceptance byte: 0 = done, -FL_AGAIN (see want), or -1: the client has been told.
     */
    int (*handshake)(struct fl_transport *t);
    /* After the handshake: the name in the client's certificate, NULL when it showed none or it was not
     * checked. Lives with `t`. */
    const char *(*peer_name)(struct fl_transport *t);
};
