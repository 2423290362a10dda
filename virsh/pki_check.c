/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * pki show and pki check: what certificates say, and whether a daemon or a client would be content with a
 * folder of them. Changes nothing.
 */
#include "pki.h"
#include "shell.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SOON_DAYS = 30 };

/* ---- show ---- */

static int days_left(gnutls_x509_crt_t cert)
{
    time_t left = fl_gnutls.gnutls_x509_crt_get_expiration_time(cert) - time(NULL);

    return (int)(left / 86400) - (left < 0);
}

static bool is_authority(gnutls_x509_crt_t cert)
{
    return fl_gnutls.gnutls_x509_crt_get_basic_constraints(cert, NULL, NULL, NULL) > 0;
}

static void show_cert(struct fl_call *c, void *array, const char *path, gnutls_x509_crt_t cert)
{
    g_autofree char *subject = fl_cert_subject(cert), *issuer = fl_cert_issuer(cert),
                    *names = fl_cert_names(cert);
    g_autofree char *print = fl_cert_fingerprint(cert);
    g_autofree char *from = fl_date(fl_gnutls.gnutls_x509_crt_get_activation_time(cert));
    g_autofree char *until = fl_date(fl_gnutls.gnutls_x509_crt_get_expiration_time(cert));
    unsigned int bits = 0;
    int algorithm = fl_gnutls.gnutls_x509_crt_get_pk_algorithm(cert, &bits);
    const char *kind =
        algorithm < 0 ? NULL : fl_gnutls.gnutls_pk_algorithm_get_name((gnutls_pk_algorithm_t)algorithm);

    if (array) {
        void *row = fl_json_object();

        fl_json_set(row, "file", fl_json_string(path));
        fl_json_set(row, "subject", fl_json_string(subject));
        fl_json_set(row, "issuer", fl_json_string(issuer));
        fl_json_set(row, "names", fl_json_string(names));
        fl_json_set_bool(row, "authority", is_authority(cert));
        fl_json_set(row, "valid_from", fl_json_string(from));
        fl_json_set(row, "valid_until", fl_json_string(until));
        fl_json_set_int(row, "days_left", days_left(cert));
        fl_json_set(row, "key", fl_json_string(kind ? kind : ""));
        fl_json_set_int(row, "key_bits", bits);
        fl_json_set(row, "fingerprint", fl_json_string(print));
        fl_json_append(array, row);
        return;
    }
    fl_out(c, "%-14s%s\n%-14s%s%s\n%-14s%s\n", "File:", path, "Subject:", subject,
           is_authority(cert) ? "  (authority)" : "", "Issuer:", issuer);
    if (*names)
        fl_out(c, "%-14s%s\n", "Names:", names);
    fl_out(c, "%-14s%s to %s, ", "Valid:", from, until);
    if (days_left(cert) >= 0)
        fl_out(c, "%d days left\n", days_left(cert));
    else
        fl_out(c, "which ended %d days ago\n", -days_left(cert) - 1);
    fl_out(c, "%-14s%s, %u bits\n%-14s%s\n", "Key:", kind ? kind : "?", bits, "Fingerprint:", print);
}

static int show_file(struct fl_call *c, void *array, const char *path, bool *first)
{
    struct fl_certs certs;
    g_autofree char *problem = NULL;

    if (fl_certs_read(path, &certs, &problem) < 0)
        return fl_wrong(c, "cannot show '%s': %s", path, problem);
    for (unsigned int i = 0; i < certs.n; i++) {
        if (!array && !*first)
            fl_out(c, "\n");
        *first = false;
        show_cert(c, array, path, certs.list[i]);
    }
    fl_certs_clear(&certs);
    return 0;
}

int fl_pki_show(struct fl_call *c, const struct fl_pki *pki, char **files)
{
    const char *usual[] = { pki->ca_cert, pki->server_cert, pki->client_cert };
    void *array = fl_json(c) ? fl_json_array() : NULL;
    bool first = true;
    int status = 0;

    for (char **f = files; *f && status == 0; f++)
        status = show_file(c, array, *f, &first);
    for (size_t i = 0; !*files && i < G_N_ELEMENTS(usual) && status == 0; i++)
        if (access(usual[i], F_OK) == 0)
            status = show_file(c, array, usual[i], &first);
    if (status == 0 && first)
        status =
            fl_wrong(c, "there is no certificate to show: no %s, %s or %s", usual[0], usual[1], usual[2]);
    if (array && status == 0)
        fl_document_set(c, array);
    else if (array)
        fl_json_free(array);
    return status;
}

/* ---- check ---- */

enum verdict { OK, WARNING, FAILED };

struct check {
    struct fl_call *c;
    void *array; /* JSON */
    bool server;
    int failed;
};

static void say(struct check *k, enum verdict v, const char *path, const char *format, ...)
    G_GNUC_PRINTF(4, 5);

static void say(struct check *k, enum verdict v, const char *path, const char *format, ...)
{
    static const char *const words[] = { "ok", "warning", "failed" };
    g_autofree char *text = NULL;
    va_list ap;

    va_start(ap, format);
    text = g_strdup_vprintf(format, ap);
    va_end(ap);
    k->failed += v == FAILED;
    if (k->array) {
        void *row = fl_json_object();

        fl_json_set(row, "role", fl_json_string(k->server ? "server" : "client"));
        fl_json_set(row, "verdict", fl_json_string(words[v]));
        fl_json_set(row, "file", fl_json_string(path));
        fl_json_set(row, "text", fl_json_string(text));
        fl_json_append(k->array, row);
    } else {
        fl_out(k->c, " %-8s %s: %s\n", words[v], path, text);
    }
}

static void check_dates(struct check *k, const char *path, gnutls_x509_crt_t cert)
{
    time_t now = time(NULL), from = fl_gnutls.gnutls_x509_crt_get_activation_time(cert);
    time_t until = fl_gnutls.gnutls_x509_crt_get_expiration_time(cert);
    g_autofree char *first = fl_date(from), *last = fl_date(until);

    if (until < now)
        say(k, FAILED, path, "expired on %s", last);
    else if (from > now)
        say(k, FAILED, path, "is not valid before %s; or the clock of this host is wrong", first);
    else if (days_left(cert) <= SOON_DAYS)
        say(k, WARNING, path, "expires in %d days, on %s", days_left(cert), last);
    else
        say(k, OK, path, "valid until %s", last);
}

static void check_authority(struct check *k, const char *path, const struct fl_certs *ca)
{
    for (unsigned int i = 0; i < ca->n; i++) {
        g_autofree char *subject = fl_cert_subject(ca->list[i]);

        if (is_authority(ca->list[i]))
            say(k, OK, path, "authority %s", subject);
        else
            say(k, FAILED, path, "%s is no authority; this file holds the certificate that signed the others",
                subject);
        check_dates(k, path, ca->list[i]);
    }
}

static void check_chain(struct check *k, const char *path, const struct fl_certs *own, const char *ca_path,
                        const struct fl_certs *ca)
{
    unsigned int status = 0;
    int rc = fl_gnutls.gnutls_x509_crt_list_verify(own->list, (int)own->n, ca->list, (int)ca->n, NULL, 0, 0,
                                                   &status);

    /* dates are told by themselves */
    status &= ~(unsigned int)(GNUTLS_CERT_EXPIRED | GNUTLS_CERT_NOT_ACTIVATED);
    if (rc == 0 && (status & ~(unsigned int)GNUTLS_CERT_INVALID) == 0)
        say(k, OK, path, "signed by the authority in %s", ca_path);
    else if (status & GNUTLS_CERT_SIGNER_NOT_FOUND)
        say(k, FAILED, path, "not signed by the authority in %s", ca_path);
    else if (status & GNUTLS_CERT_SIGNATURE_FAILURE)
        say(k, FAILED, path, "its signature does not fit the authority in %s", ca_path);
    else if (status & GNUTLS_CERT_INSECURE_ALGORITHM)
        say(k, FAILED, path, "signed with an algorithm that is not safe any more");
    else
        say(k, FAILED, path, "does not pass against the authority in %s", ca_path);
}

static void check_usage(struct check *k, const char *path, gnutls_x509_crt_t cert)
{
    const char *wanted = k->server ? GNUTLS_KP_TLS_WWW_SERVER : GNUTLS_KP_TLS_WWW_CLIENT;
    unsigned int usage = 0, critical = 0;
    bool named = false, good = false;

    if (fl_gnutls.gnutls_x509_crt_get_key_usage(cert, &usage, &critical) >= 0) {
        if (!(usage & GNUTLS_KEY_DIGITAL_SIGNATURE))
            say(k, critical ? FAILED : WARNING, path, "its key usage lacks digitalSignature");
        else if (!(usage & GNUTLS_KEY_KEY_ENCIPHERMENT))
            say(k, WARNING, path,
                "its key usage lacks keyEncipherment, which libvirt before 11.6 insists on");
        else
            say(k, OK, path, "key usage");
    }
    for (unsigned int i = 0; i < 64; i++) {
        char oid[128];
        size_t len = sizeof(oid);

        if (fl_gnutls.gnutls_x509_crt_get_key_purpose_oid(cert, i, oid, &len, NULL) < 0)
            break;
        named = true;
        good = good || strcmp(oid, wanted) == 0 || strcmp(oid, GNUTLS_KP_ANY) == 0;
    }
    if (named && !good)
        say(k, FAILED, path, "is not for a TLS %s (its extended key usage)", k->server ? "server" : "client");
    else
        say(k, OK, path, "good for a TLS %s", k->server ? "server" : "client");
}

/* Clients may know this host by another name than it has itself: then --host tells. */
static void check_host(struct check *k, const char *path, gnutls_x509_crt_t cert)
{
    const char *given = fl_arg(k->c, "host"), *host = given ? given : g_get_host_name();
    g_autofree char *names = fl_cert_names(cert);

    if (fl_gnutls.gnutls_x509_crt_check_hostname(cert, host))
        say(k, OK, path, "good for the name '%s'", host);
    else
        say(k, given ? FAILED : WARNING, path,
            "is not for the name '%s' but for %s; clients that use it are refused", host,
            *names ? names : "its common name only");
}

static void check_key(struct check *k, const char *path, const char *key_path, gnutls_x509_crt_t cert)
{
    unsigned char a[64], b[64];
    size_t a_len = sizeof(a), b_len = sizeof(b);
    gnutls_x509_privkey_t key = NULL;
    g_autofree char *problem = NULL;
    struct stat st;

    if (stat(key_path, &st) == 0 && (st.st_mode & 077))
        say(k, FAILED, key_path, "others may read it (mode %04o): chmod 600 '%s'", st.st_mode & 07777,
            key_path);
    else if (access(key_path, F_OK) == 0)
        say(k, OK, key_path, "readable by its owner only");
    if (fl_key_read(key_path, &key, &problem) < 0)
        say(k, FAILED, key_path, "%s", problem);
    else if (fl_gnutls.gnutls_x509_crt_get_key_id(cert, GNUTLS_KEYID_USE_SHA256, a, &a_len) < 0 ||
             fl_gnutls.gnutls_x509_privkey_get_key_id(key, GNUTLS_KEYID_USE_SHA256, b, &b_len) < 0 ||
             a_len != b_len || memcmp(a, b, a_len) != 0)
        say(k, FAILED, key_path, "does not belong to the certificate %s", path);
    else
        say(k, OK, key_path, "belongs to the certificate");
    if (key)
        fl_gnutls.gnutls_x509_privkey_deinit(key);
}

static void check_own(struct check *k, const struct fl_pki *pki, const struct fl_certs *ca)
{
    const char *path = k->server ? pki->server_cert : pki->client_cert;
    const char *key_path = k->server ? pki->server_key : pki->client_key;
    g_autofree char *problem = NULL, *subject = NULL;
    struct fl_certs own;

    if (fl_certs_read(path, &own, &problem) < 0) {
        say(k, FAILED, path, "%s", problem);
        return;
    }
    subject = fl_cert_subject(own.list[0]);
    if (is_authority(own.list[0]))
        say(k, FAILED, path, "%s is an authority's certificate; a %s needs one of its own", subject,
            k->server ? "server" : "client");
    else
        say(k, OK, path, "%s", subject);
    check_dates(k, path, own.list[0]);
    if (ca->n)
        check_chain(k, path, &own, pki->ca_cert, ca);
    check_usage(k, path, own.list[0]);
    if (k->server)
        check_host(k, path, own.list[0]);
    check_key(k, path, key_path, own.list[0]);
    fl_certs_clear(&own);
}

int fl_pki_check(struct fl_call *c, const struct fl_pki *pki, bool server, bool client)
{
    struct check k = { .c = c, .array = fl_json(c) ? fl_json_array() : NULL };
    struct fl_certs ca = { NULL, 0 };
    g_autofree char *problem = NULL;

    if (!server && !client) { /* whatever is there */
        server = access(pki->server_cert, F_OK) == 0;
        client = access(pki->client_cert, F_OK) == 0;
    }
    k.server = server;
    if (fl_certs_read(pki->ca_cert, &ca, &problem) < 0)
        say(&k, FAILED, pki->ca_cert, "%s", problem);
    else
        check_authority(&k, pki->ca_cert, &ca);
    if (!server && !client)
        say(&k, WARNING, pki->ca_cert,
            "there is no server's and no client's certificate beside the authority");
    if (server)
        check_own(&k, pki, &ca);
    k.server = false;
    if (client)
        check_own(&k, pki, &ca);
    fl_certs_clear(&ca);
    if (k.array)
        fl_document_set(c, k.array);
    c->answer_no = k.failed > 0;
    return 0;
}
