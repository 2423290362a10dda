/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of the module "tls" share. */
#pragma once

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <glib.h>
#include <sys/stat.h>

#include "transport/tls.h"

struct fl_route;

/* ---- files and credentials: tls_files.c, tls_creds.c ---- */

struct fl_tls_files {
    char *ca, *crl, *cert, *key; /* where they are looked for; cert and key are NULL together */
    char *missing;               /* the file for want of which there is no client certificate, or NULL... */
    const char *why;             /* ...and what is the matter with it: "is missing" */
    char *user;                  /* the folder of this user's files, or NULL where only the machine's count */
};

/* Which files a client uses: the folder the URI names, else the user's, else the machine's. */
void fl_tls_client_files(const struct fl_route *route, bool privileged, struct fl_tls_files *ret);
void fl_tls_files_clear(struct fl_tls_files *files);

struct fl_tls_spec {
    const char *ca, *crl, *cert, *key; /* NULL: none */
    const char *priority;
    bool server, sanity;
    bool verify;
    char *const *allowed; /* server */
};

struct fl_tls_creds {
    gint refs;
    char *ca, *crl, *cert, *key, *priority_text;
    bool server, sanity, verify;
    char **allowed;
    gnutls_certificate_credentials_t x509;
    gnutls_priority_t priority;
    char *name;          /* the name in our own certificate, or NULL */
    time_t expires;      /* of our own certificate, or 0 */
    unsigned long stamp; /* client: what the files were when they were read */
};

/* New ones. NULL with the error set. */
struct fl_tls_creds *fl_tls_creds_new(const struct fl_tls_spec *spec);
/* A client's, from those this process has already where the files are still the same. */
struct fl_tls_creds *fl_tls_creds_get(const struct fl_tls_spec *spec);
struct fl_tls_creds *fl_tls_creds_ref(struct fl_tls_creds *creds);
void fl_tls_creds_unref(struct fl_tls_creds *creds);
char *fl_tls_creds_expiry(const struct fl_tls_creds *creds);

/* ---- certificates: tls_cert.c ---- */

/* Our own, before they are used: dates, purposes, and that the authority has signed them. */
int fl_tls_cert_sanity(const struct fl_tls_spec *spec, const gnutls_datum_t *cert, const gnutls_datum_t *ca);
/* All below: for g_free(). */
char *fl_tls_cert_name(gnutls_x509_crt_t cert); /* "C=GB,O=Lab,CN=client", as the peer writes it */
char *
fl_tls_cert_names(gnutls_x509_crt_t cert); /* every name a host may go by: "DNS a, IP 127.0.0.1, CN b" */
char *fl_tls_cert_dates(gnutls_x509_crt_t cert); /* "2026-01-01 00:00:00 to 2027-..." */
char *fl_tls_verify_reasons(unsigned int status);
/* Compat: an extension that says otherwise refuses a certificate if it is critical, and is a warning if not.
 */
enum fl_tls_fit { FL_TLS_FITS, FL_TLS_DOUBTFUL, FL_TLS_UNFIT };
enum fl_tls_fit fl_tls_cert_fits(gnutls_x509_crt_t cert, bool server, const char **ret_why);
/* What the far side sent, its own certificate first; NULL: none. For gnutls_x509_crt_deinit(). */
gnutls_x509_crt_t fl_tls_cert_of_peer(gnutls_session_t session);

/* ---- the layer: tls_session.c ---- */

struct fl_tls {
    struct fl_transport *t;
    struct fl_tls_creds *creds;
    gnutls_session_t session;
    GMutex lock;       /* reading and writing may happen on two threads */
    unsigned char *rx; /* read from below, not yet decoded */
    size_t rx_at, rx_len, rx_room;
    unsigned int calm;    /* small reads in a row: large buffers are given back */
    bool rx_dry;          /* below has nothing more for now */
    bool rx_full;         /* the last read stopped for want of room, not of bytes */
    bool rx_failed;       /* the error of the layer below is set... */
    virErrorPtr rx_error; /* ...and kept for who reads again, or after an answer was written */
    unsigned char *tx;    /* encoded, not yet written below */
    size_t tx_at, tx_len, tx_room;
    size_t tx_owed;        /* bytes of the caller's that are in tx, to be reported once it is empty */
    unsigned char head[4]; /* of the frame that is being written... */
    unsigned int head_len;
    size_t frame_left; /* ...and what is still to come of it */
    bool unframed;     /* not frames: cut anywhere */
    int failed;        /* GnuTLS's code that ended the session, told with the next read */
    bool ready;        /* the handshake is over */
    bool ended;        /* the far side has said that nothing more follows */
    bool said_bye;
    char *peer_name; /* server */
    bool byte_sent;
};

/* t->priv and t->fd; `below` has to be there. */
int fl_tls_attach(struct fl_transport *t, struct fl_tls_creds *creds);
/* One step of the handshake: 0, -FL_AGAIN, or a negative code of GnuTLS (the layer below: GNUTLS_E_PULL_ERROR
 * with the error set). */
int fl_tls_shake(struct fl_tls *tls);
/* Writes what is encoded: 0, -FL_AGAIN or -1. */
int fl_tls_flush(struct fl_tls *tls);
/* "certificate expired (alert 45)": the alert that ended the session, NULL: there was none. */
const char *fl_tls_alert(struct fl_tls *tls);

ssize_t fl_tls_read(struct fl_transport *t, void *buf, size_t len);
ssize_t fl_tls_write(struct fl_transport *t, const void *buf, size_t len);
ssize_t fl_tls_write2(struct fl_transport *t, const struct iovec iov[2]);
short fl_tls_want(struct fl_transport *t, short events);
int fl_tls_half_close(struct fl_transport *t);
size_t fl_tls_pending(struct fl_transport *t);
void fl_tls_close(struct fl_transport *t);

/* tls_check.c: the certificate the server shows. */
struct fl_tls_wanted {
    const char *target, *host;
    const unsigned char *pin; /* NULL: any that passes */
    bool verify;              /* false: whatever it is, unless there is a pin */
};
int fl_tls_check_server(struct fl_tls *tls, const struct fl_tls_wanted *wanted);

extern const struct fl_transport_ops fl_transport_tls; /* tls_client.c */

/* tls_server.c */
struct fl_transport *fl_tls_accept(struct fl_tls_creds *creds, struct fl_transport *below);
int fl_tls_server_handshake(struct fl_transport *t);
const char *fl_tls_server_peer_name(struct fl_transport *t);
struct fl_tls_creds *fl_tls_server_creds(const struct fl_tls_server_conf *conf);
