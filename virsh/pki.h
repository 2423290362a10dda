/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Certificates for TLS between hosts, in the layout that libvirt clients and daemons look for. Shared by the
 * files of `virsh pki`: pki_gnutls.c (the library, loaded when asked for), pki_files.c (where things are),
 * pki_make.c (init, issue), pki_check.c (show, check).
 */
#pragma once

#include <stdbool.h>
#include <time.h>
#include <glib.h>
#include <gnutls/gnutls.h>
#include <gnutls/crypto.h>
#include <gnutls/x509.h>

struct fl_call;

#define GNUTLS_FUNCTIONS(X)                                                                                  \
    X(gnutls_strerror)                                                                                       \
    X(gnutls_rnd)                                                                                            \
    X(gnutls_x509_crt_init)                                                                                  \
    X(gnutls_x509_crt_deinit)                                                                                \
    X(gnutls_x509_crt_import)                                                                                \
    X(gnutls_x509_crt_export2)                                                                               \
    X(gnutls_x509_crt_set_version)                                                                           \
    X(gnutls_x509_crt_set_serial)                                                                            \
    X(gnutls_x509_crt_set_key)                                                                               \
    X(gnutls_x509_crt_set_dn_by_oid)                                                                         \
    X(gnutls_x509_crt_set_activation_time)                                                                   \
    X(gnutls_x509_crt_set_expiration_time)                                                                   \
    X(gnutls_x509_crt_set_basic_constraints)                                                                 \
    X(gnutls_x509_crt_set_key_usage)                                                                         \
    X(gnutls_x509_crt_set_key_purpose_oid)                                                                   \
    X(gnutls_x509_crt_set_subject_alt_name)                                                                  \
    X(gnutls_x509_crt_set_subject_key_id)                                                                    \
    X(gnutls_x509_crt_set_authority_key_id)                                                                  \
    X(gnutls_x509_crt_get_key_id)                                                                            \
    X(gnutls_x509_crt_sign2)                                                                                 \
    X(gnutls_x509_crt_get_dn3)                                                                               \
    X(gnutls_x509_crt_get_issuer_dn3)                                                                        \
    X(gnutls_x509_crt_get_activation_time)                                                                   \
    X(gnutls_x509_crt_get_expiration_time)                                                                   \
    X(gnutls_x509_crt_get_subject_alt_name)                                                                  \
    X(gnutls_x509_crt_get_basic_constraints)                                                                 \
    X(gnutls_x509_crt_get_key_usage)                                                                         \
    X(gnutls_x509_crt_get_key_purpose_oid)                                                                   \
    X(gnutls_x509_crt_get_fingerprint)                                                                       \
    X(gnutls_x509_crt_get_pk_algorithm)                                                                      \
    X(gnutls_pk_algorithm_get_name)                                                                          \
    X(gnutls_x509_crt_check_hostname)                                                                        \
    X(gnutls_x509_crt_list_import2)                                                                          \
    X(gnutls_x509_crt_list_verify)                                                                           \
    X(gnutls_x509_privkey_init)                                                                              \
    X(gnutls_x509_privkey_deinit)                                                                            \
    X(gnutls_x509_privkey_generate)                                                                          \
    X(gnutls_x509_privkey_export2_pkcs8)                                                                     \
    X(gnutls_x509_privkey_import2)                                                                           \
    X(gnutls_x509_privkey_get_key_id)

#define MEMBER(name) __typeof__(&name) name;
struct fl_gnutls {
    GNUTLS_FUNCTIONS(MEMBER)
    gnutls_free_function *free; /* the library's variable */
};
#undef MEMBER

extern struct fl_gnutls fl_gnutls;
/* -1: said. */
int fl_gnutls_load(struct fl_call *c);
int fl_gnutls_try(void); /* the same, in silence */
/* "WHAT: REASON". Returns -1. */
int fl_gnutls_wrong(struct fl_call *c, const char *what, int status);

/* ---- where things are ---- */

struct fl_pki {
    char *ca_cert, *ca_key;
    char *server_cert, *server_key;
    char *client_cert, *client_key;
};

/* From --dir, --flat and --user, else the machine's for root and the user's own for others. */
int fl_pki_places(struct fl_call *c, struct fl_pki *ret);
/* The folder an authority is in, in any of the layouts. */
int fl_pki_authority(struct fl_call *c, const char *dir, struct fl_pki *pki);
void fl_pki_clear(struct fl_pki *pki);

/* One file to be written. */
struct fl_pki_file {
    const char *path;
    const char *text;
    size_t len;
    bool secret; /* 0600 */
};
/* All or none: written aside, then renamed. `force`: what is there may be replaced. */
int fl_pki_write(struct fl_call *c, const struct fl_pki_file *files, size_t n, bool force);

/* ---- certificates as read ---- */

struct fl_certs {
    gnutls_x509_crt_t *list;
    unsigned int n;
};
int fl_certs_read(const char *path, struct fl_certs *ret, char **ret_error);
void fl_certs_clear(struct fl_certs *certs);
int fl_key_read(const char *path, gnutls_x509_privkey_t *ret, char **ret_error);
char *fl_cert_subject(gnutls_x509_crt_t cert);
char *fl_cert_issuer(gnutls_x509_crt_t cert);
char *fl_cert_names(gnutls_x509_crt_t cert);       /* "DNS:a, IP:10.0.0.1" */
char *fl_cert_fingerprint(gnutls_x509_crt_t cert); /* "sha256:…" as tls_fingerprint= takes it */
char *fl_date(time_t when);                        /* "2026-11-22 13:00:00 UTC" */

/* pki_make.c, pki_check.c */
int fl_pki_init(struct fl_call *c, const struct fl_pki *pki, const char *name);
int fl_pki_issue(struct fl_call *c, const struct fl_pki *pki);
int fl_pki_show(struct fl_call *c, const struct fl_pki *pki, char **files);
int fl_pki_check(struct fl_call *c, const struct fl_pki *pki, bool server, bool client);
