/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Certificates: what they say, in words for errors, and the checks of our own before they are used. A
 * certificate that only the far side would find fault with is better refused here, where its file is known.
 */
#define FL_FROM VIR_FROM_RPC
#include <arpa/inet.h>
#include <string.h>
#include <time.h>

#include "base/error.h"
#include "base/log.h"
#include "transport/channel.h"
#include "transport/tls_private.h"

#define CHAIN_MAX 16
#define CA_MAX    4096
#define NAMES_MAX 64

/* ---- words ---- */

/* A certificate's text goes to logs and terminals. */
static char *printable(const char *text, size_t len)
{
    char *out = g_utf8_make_valid(text, (gssize)len);

    for (char *p = out; *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            *p = '?';
    return out;
}

char *fl_tls_cert_name(gnutls_x509_crt_t cert)
{
    gnutls_datum_t dn = { 0 };
    char *name;

    /* Compat: lists of allowed names are written in this order. */
    if (gnutls_x509_crt_get_dn3(cert, &dn, GNUTLS_X509_DN_FLAG_COMPAT) < 0)
        return g_strdup("");
    name = printable((char *)dn.data, dn.size);
    gnutls_free(dn.data);
    return name;
}

static void add_name(GString *out, const char *kind, const char *name, size_t len)
{
    g_autofree char *clean = printable(name, len);

    g_string_append_printf(out, "%s%s %s", out->len ? ", " : "", kind, clean);
}

static void add_address(GString *out, const char *bytes, size_t len)
{
    char text[INET6_ADDRSTRLEN];

    if ((len == 4 && inet_ntop(AF_INET, bytes, text, sizeof(text))) ||
        (len == 16 && inet_ntop(AF_INET6, bytes, text, sizeof(text))))
        add_name(out, "IP", text, strlen(text));
}

char *fl_tls_cert_names(gnutls_x509_crt_t cert)
{
    GString *out = g_string_new(NULL);
    char buf[512];
    size_t len;

    for (unsigned int i = 0; i < NAMES_MAX; i++) {
        len = sizeof(buf);
        int type = gnutls_x509_crt_get_subject_alt_name(cert, i, buf, &len, NULL);

        if (type == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
            break;
        if (type == GNUTLS_SAN_DNSNAME)
            add_name(out, "DNS", buf, len);
        else if (type == GNUTLS_SAN_IPADDRESS)
            add_address(out, buf, len);
    }
    len = sizeof(buf);
    if (gnutls_x509_crt_get_dn_by_oid(cert, GNUTLS_OID_X520_COMMON_NAME, 0, 0, buf, &len) == 0)
        add_name(out, "CN", buf, len);
    if (!out->len)
        g_string_append(out, "none");
    return g_string_free(out, FALSE);
}

static void put_date(char *text, size_t size, time_t when)
{
    struct tm tm;

    gmtime_r(&when, &tm);
    strftime(text, size, "%Y-%m-%d %H:%M:%S", &tm);
}

char *fl_tls_cert_dates(gnutls_x509_crt_t cert)
{
    char from[64], to[64];

    put_date(from, sizeof(from), gnutls_x509_crt_get_activation_time(cert));
    put_date(to, sizeof(to), gnutls_x509_crt_get_expiration_time(cert));
    return g_strdup_printf("%s to %s UTC", from, to);
}

char *fl_tls_verify_reasons(unsigned int status)
{
    static const struct {
        unsigned int bit;
        const char *text;
    } reasons[] = {
        { GNUTLS_CERT_SIGNER_NOT_FOUND, "no authority we trust has signed it" },
        { GNUTLS_CERT_SIGNER_NOT_CA, "what signed it is no authority" },
        { GNUTLS_CERT_SIGNER_CONSTRAINTS_FAILURE, "its authority may not sign such" },
        { GNUTLS_CERT_SIGNATURE_FAILURE, "its signature is wrong" },
        { GNUTLS_CERT_INSECURE_ALGORITHM, "it is signed with an algorithm that is not safe any more" },
        { GNUTLS_CERT_REVOKED, "it is revoked" },
        { GNUTLS_CERT_REVOCATION_DATA_SUPERSEDED, "the list of revoked certificates is out of date" },
        { GNUTLS_CERT_REVOCATION_DATA_ISSUED_IN_FUTURE,
          "the list of revoked certificates is dated in the future" },
        { GNUTLS_CERT_NOT_ACTIVATED, "it is not valid yet" },
        { GNUTLS_CERT_EXPIRED, "it has expired" },
        { GNUTLS_CERT_UNEXPECTED_OWNER, "it is for another name" },
        { GNUTLS_CERT_PURPOSE_MISMATCH, "it is not meant for this purpose" },
        { GNUTLS_CERT_MISSING_OCSP_STATUS, "its status was to be sent along and was not" },
        { GNUTLS_CERT_INVALID_OCSP_STATUS, "the status sent along is not valid" },
        { GNUTLS_CERT_UNKNOWN_CRIT_EXTENSIONS, "it has critical extensions nobody here knows" },
    };
    GString *out = g_string_new(NULL);

    for (size_t i = 0; i < G_N_ELEMENTS(reasons); i++)
        if (status & reasons[i].bit)
            g_string_append_printf(out, "%s%s", out->len ? "; " : "", reasons[i].text);
    if (!out->len)
        g_string_append(out, "it is not valid");
    return g_string_free(out, FALSE);
}

gnutls_x509_crt_t fl_tls_cert_of_peer(gnutls_session_t session)
{
    unsigned int count = 0;
    const gnutls_datum_t *sent = gnutls_certificate_type_get(session) == GNUTLS_CRT_X509
                                     ? gnutls_certificate_get_peers(session, &count)
                                     : NULL;
    gnutls_x509_crt_t cert;

    if (!sent || !count || gnutls_x509_crt_init(&cert) < 0)
        return NULL;
    if (gnutls_x509_crt_import(cert, &sent[0], GNUTLS_X509_FMT_DER) < 0) {
        gnutls_x509_crt_deinit(cert);
        return NULL;
    }
    return cert;
}

/* ---- what it is for ---- */

/* Newer peers, too, ask for signing only: keys are not encrypted with certificates any more. */
static enum fl_tls_fit usage_fits(gnutls_x509_crt_t cert)
{
    unsigned int usage = 0, critical = 0;

    if (gnutls_x509_crt_get_key_usage(cert, &usage, &critical) < 0 || (usage & GNUTLS_KEY_DIGITAL_SIGNATURE))
        return FL_TLS_FITS;
    return critical ? FL_TLS_UNFIT : FL_TLS_DOUBTFUL;
}

static enum fl_tls_fit purpose_fits(gnutls_x509_crt_t cert, const char *wanted)
{
    enum fl_tls_fit fit = FL_TLS_FITS; /* no purpose named: good for any */

    for (unsigned int i = 0; i < NAMES_MAX; i++) {
        char oid[128];
        size_t len = sizeof(oid);
        unsigned int critical = 0;

        if (gnutls_x509_crt_get_key_purpose_oid(cert, i, oid, &len, &critical) < 0)
            break;
        if (strcmp(oid, wanted) == 0 || strcmp(oid, GNUTLS_KP_ANY) == 0)
            return FL_TLS_FITS;
        fit = critical ? FL_TLS_UNFIT : MAX(fit, FL_TLS_DOUBTFUL);
    }
    return fit;
}

enum fl_tls_fit fl_tls_cert_fits(gnutls_x509_crt_t cert, bool server, const char **ret_why)
{
    enum fl_tls_fit usage = usage_fits(cert);
    enum fl_tls_fit purpose =
        purpose_fits(cert, server ? GNUTLS_KP_TLS_WWW_SERVER : GNUTLS_KP_TLS_WWW_CLIENT);

    if (purpose >= usage)
        *ret_why =
            server ? "its extended key usage has no serverAuth" : "its extended key usage has no clientAuth";
    else
        *ret_why = "its key usage has no digital signature";
    return MAX(usage, purpose);
}

/* ---- our own ---- */

struct list {
    gnutls_x509_crt_t *certs;
    unsigned int n;
};

static int list_read(struct list *l, const gnutls_datum_t *text, unsigned int max, const char *path)
{
    int rc = gnutls_x509_crt_list_import2(&l->certs, &l->n, text, GNUTLS_X509_FMT_PEM, 0);

    if (rc < 0) {
        l->certs = NULL;
        l->n = 0;
        return fl_channel_error(-1, "tls: '%s' holds no certificate in PEM format: %s", path,
                                gnutls_strerror(rc));
    }
    if (l->n > max)
        return fl_channel_error(-1, "tls: '%s' holds %u certificates, %u are allowed", path, l->n, max);
    return 0;
}

static void list_clear(struct list *l)
{
    for (unsigned int i = 0; i < l->n; i++)
        gnutls_x509_crt_deinit(l->certs[i]);
    gnutls_free(l->certs);
}

static int check_dates(gnutls_x509_crt_t cert, const char *path)
{
    time_t now = time(NULL);
    bool late = gnutls_x509_crt_get_expiration_time(cert) < now;

    if (!late && gnutls_x509_crt_get_activation_time(cert) <= now)
        return 0;
    g_autofree char *name = fl_tls_cert_name(cert), *dates = fl_tls_cert_dates(cert);
    char today[64];
    put_date(today, sizeof(today), now);
    return fl_channel_error(-1, "tls: certificate '%s' (%s) %s: it is valid %s, and now it is %s; %s", path,
                            name, late ? "has expired" : "is not valid yet", dates, today,
                            late ? "put a new one in its place" : "check this machine's clock");
}

static int check_authority(gnutls_x509_crt_t cert, const char *path)
{
    if (gnutls_x509_crt_get_basic_constraints(cert, NULL, NULL, NULL) > 0)
        return check_dates(cert, path);
    g_autofree char *name = fl_tls_cert_name(cert);
    return fl_channel_error(
        -1,
        "tls: '%s' holds certificate %s, which is not an authority's; put the certificate there "
        "that signed the others",
        path, name);
}

static int check_leaf(gnutls_x509_crt_t cert, const struct fl_tls_spec *spec)
{
    const char *role = spec->server ? "server" : "client", *why;

    if (gnutls_x509_crt_get_basic_constraints(cert, NULL, NULL, NULL) > 0)
        return fl_channel_error(-1, "tls: certificate '%s' is an authority's; a %s needs one of its own",
                                spec->cert, role);
    if (check_dates(cert, spec->cert) < 0)
        return -1;
    switch (fl_tls_cert_fits(cert, spec->server, &why)) {
    case FL_TLS_UNFIT:
        return fl_channel_error(-1, "tls: certificate '%s' is not for a TLS %s: %s; issue one that is",
                                spec->cert, role, why);
    case FL_TLS_DOUBTFUL:
        fl_warn("certificate '%s' is not meant for a TLS %s: %s", spec->cert, role, why);
        break;
    case FL_TLS_FITS:
        break;
    }
    return 0;
}

static int check_chain(const struct list *own, const struct list *ca, const struct fl_tls_spec *spec)
{
    unsigned int status = 0;
    int rc = gnutls_x509_crt_list_verify(own->certs, (int)own->n, ca->certs, (int)ca->n, NULL, 0, 0, &status);

    if (rc == 0 && status == 0)
        return 0;
    g_autofree char *why = fl_tls_verify_reasons(status), *name = fl_tls_cert_name(own->certs[0]);
    g_autofree char *authority = fl_tls_cert_name(ca->certs[0]);
    return fl_channel_error(
        -1,
        "tls: certificate '%s' (%s) does not pass against the authority in '%s' (%s): %s; use the "
        "authority that issued it",
        spec->cert, name, spec->ca, authority, why);
}

int fl_tls_cert_sanity(const struct fl_tls_spec *spec, const gnutls_datum_t *cert, const gnutls_datum_t *ca)
{
    struct list own = { 0 }, authorities = { 0 };
    int rc = 0;

    if (spec->cert)
        rc = list_read(&own, cert, CHAIN_MAX, spec->cert) < 0 ? -1 : check_leaf(own.certs[0], spec);
    if (rc == 0 && ca)
        rc = list_read(&authorities, ca, CA_MAX, spec->ca);
    for (unsigned int i = 0; rc == 0 && i < authorities.n; i++)
        rc = check_authority(authorities.certs[i], spec->ca);
    if (rc == 0 && spec->cert && ca)
        rc = check_chain(&own, &authorities, spec);
    list_clear(&own);
    list_clear(&authorities);
    return rc;
}
