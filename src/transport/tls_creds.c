/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Credentials: certificates, key, revoked ones and the priority string, read once into what GnuTLS uses. A
 * process that opens many connections reads its files again only when one of them has changed.
 */
#define FL_FROM VIR_FROM_RPC
#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/error.h"
#include "base/log.h"
#include "base/util.h"
#include "transport/channel.h"
#include "transport/tls_private.h"

#define FILE_MAX   ((size_t)4 << 20) /* a list of revoked certificates can be long */
#define CACHE_SIZE 8
#define SOON       (30 * 24 * 3600)

/* ---- reading ---- */

/* Compat: what is wrong with a file is a system error, its errno when it cannot be read. */
static int read_file(const char *path, const char *what, gnutls_datum_t *ret)
{
    char *text;
    size_t len;

    if (fl_file_read(path, FILE_MAX, &text, &len) < 0) {
        int errnum = fl_error_get()->int1;

        if (fl_error_get()->code != VIR_ERR_SYSTEM_ERROR)
            return fl_channel_error(-1, "tls: %s '%s' is too large", what, path);
        return fl_channel_error(errnum, "tls: cannot read %s '%s': %s; %s", what, path, g_strerror(errnum),
                                errnum == ENOENT ? "put it there, or name another folder or file"
                                                 : "let this user read it");
    }
    ret->data = (unsigned char *)text;
    ret->size = (unsigned int)len;
    return 0;
}

static void datum_clear(gnutls_datum_t *d)
{
    if (d->data)
        explicit_bzero(d->data, d->size); /* one of them is a key */
    g_free(d->data);
    d->data = NULL;
}

struct texts {
    gnutls_datum_t ca, crl, cert, key;
};

static void texts_clear(struct texts *t)
{
    datum_clear(&t->ca);
    datum_clear(&t->crl);
    datum_clear(&t->cert);
    datum_clear(&t->key);
}

static int read_all(const struct fl_tls_spec *spec, struct texts *t)
{
    if ((spec->ca && read_file(spec->ca, "the authority's certificate", &t->ca) < 0) ||
        (spec->crl && read_file(spec->crl, "the list of revoked certificates", &t->crl) < 0) ||
        (spec->cert && read_file(spec->cert, "the certificate", &t->cert) < 0) ||
        (spec->key && read_file(spec->key, "the private key", &t->key) < 0))
        return -1;
    return 0;
}

static int no_certificate(const char *what, const char *path, int rc)
{
    return fl_channel_error(-1, "tls: %s '%s' holds no certificate in PEM format: %s", what, path,
                            rc < 0 ? gnutls_strerror(rc) : "it is empty");
}

static int use_texts(struct fl_tls_creds *creds, const struct texts *t)
{
    const gnutls_x509_crt_fmt_t pem = GNUTLS_X509_FMT_PEM;
    int rc;

    if (creds->ca) {
        rc = gnutls_certificate_set_x509_trust_mem(creds->x509, &t->ca, pem);
        if (rc <= 0)
            return no_certificate("the authority's file", creds->ca, rc);
    }
    if (creds->crl) {
        rc = gnutls_certificate_set_x509_crl_mem(creds->x509, &t->crl, pem);
        if (rc < 0)
            return fl_channel_error(-1, "tls: '%s' is no list of revoked certificates in PEM format: %s",
                                    creds->crl, gnutls_strerror(rc));
    }
    if (creds->cert) {
        rc = gnutls_certificate_set_x509_key_mem(creds->x509, &t->cert, &t->key, pem);
        if (rc < 0)
            return fl_channel_error(
                -1, "tls: certificate '%s' and key '%s' cannot be used: %s", creds->cert, creds->key,
                rc == GNUTLS_E_CERTIFICATE_KEY_MISMATCH ? "the key is not this certificate's"
                                                        : gnutls_strerror(rc));
    }
    return 0;
}

static int use_priority(struct fl_tls_creds *creds)
{
    const char *at = NULL;
    int rc = gnutls_priority_init(&creds->priority, creds->priority_text, &at);

    if (rc < 0) {
        creds->priority = NULL;
        return fl_channel_error(-1,
                                "tls: the priority string '%s' cannot be used%s%s: %s; tls_priority takes "
                                "GnuTLS's syntax, as NORMAL",
                                creds->priority_text, at && *at ? ", from " : "", at && *at ? at : "",
                                gnutls_strerror(rc));
    }
    return 0;
}

static void learn_own(struct fl_tls_creds *creds, const gnutls_datum_t *text)
{
    gnutls_x509_crt_t cert;

    if (!creds->cert || gnutls_x509_crt_init(&cert) < 0)
        return;
    if (gnutls_x509_crt_import(cert, text, GNUTLS_X509_FMT_PEM) == 0) {
        creds->name = fl_tls_cert_name(cert);
        creds->expires = gnutls_x509_crt_get_expiration_time(cert);
    }
    gnutls_x509_crt_deinit(cert);
}

static int load(struct fl_tls_creds *creds, const struct fl_tls_spec *spec)
{
    struct texts t = { 0 };
    int rc = -1;

    if (gnutls_certificate_allocate_credentials(&creds->x509) < 0) {
        creds->x509 = NULL;
        return fl_error(VIR_ERR_NO_MEMORY, "TLS credentials");
    }
    if (read_all(spec, &t) == 0 &&
        (!spec->sanity || fl_tls_cert_sanity(spec, &t.cert, spec->ca ? &t.ca : NULL) == 0) &&
        use_texts(creds, &t) == 0 && use_priority(creds) == 0) {
        learn_own(creds, &t.cert);
        rc = 0;
    }
    texts_clear(&t);
    return rc;
}

struct fl_tls_creds *fl_tls_creds_new(const struct fl_tls_spec *spec)
{
    struct fl_tls_creds *creds = g_new0(struct fl_tls_creds, 1);

    creds->refs = 1;
    creds->ca = g_strdup(spec->ca);
    creds->crl = g_strdup(spec->crl);
    creds->cert = g_strdup(spec->cert);
    creds->key = g_strdup(spec->key);
    creds->priority_text = g_strdup(spec->priority);
    creds->server = spec->server;
    creds->sanity = spec->sanity;
    creds->verify = spec->verify;
    creds->allowed = g_strdupv((char **)spec->allowed);
    if (load(creds, spec) < 0) {
        FL_ERROR_PRESERVE;
        fl_tls_creds_unref(creds);
        return NULL;
    }
    return creds;
}

struct fl_tls_creds *fl_tls_creds_ref(struct fl_tls_creds *creds)
{
    g_atomic_int_inc(&creds->refs);
    return creds;
}

void fl_tls_creds_unref(struct fl_tls_creds *creds)
{
    if (!creds || !g_atomic_int_dec_and_test(&creds->refs))
        return;
    if (creds->x509)
        gnutls_certificate_free_credentials(creds->x509);
    if (creds->priority)
        gnutls_priority_deinit(creds->priority);
    g_free(creds->ca);
    g_free(creds->crl);
    g_free(creds->cert);
    g_free(creds->key);
    g_free(creds->priority_text);
    g_free(creds->name);
    g_strfreev(creds->allowed);
    g_free(creds);
}

char *fl_tls_creds_expiry(const struct fl_tls_creds *creds)
{
    time_t now = time(NULL);
    char when[64];
    struct tm tm;

    if (!creds->expires || creds->expires > now + SOON)
        return NULL;
    gmtime_r(&creds->expires, &tm);
    strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S UTC", &tm);
    return g_strdup_printf("certificate '%s' (%s) %s on %s; put a new one in its place", creds->cert,
                           creds->name ? creds->name : "?", creds->expires < now ? "expired" : "expires",
                           when);
}

/* ---- the cache of a client ---- */

static struct fl_tls_creds *cache[CACHE_SIZE]; /* the latest first */
static GMutex cache_lock;

static void stamp_file(GChecksum *sum, const char *path)
{
    struct stat st;

    if (!path || stat(path, &st) < 0)
        return;
    const int64_t parts[] = { (int64_t)st.st_dev, (int64_t)st.st_ino, (int64_t)st.st_size,
                              (int64_t)st.st_mtim.tv_sec, (int64_t)st.st_mtim.tv_nsec };
    g_checksum_update(sum, (const unsigned char *)parts, sizeof(parts));
}

static unsigned long stamp_of(const struct fl_tls_spec *spec)
{
    unsigned char out[20];
    gsize len = sizeof(out);
    unsigned long stamp;
    GChecksum *sum = g_checksum_new(G_CHECKSUM_SHA1); /* not for secrecy: telling states of files apart */

    stamp_file(sum, spec->ca);
    stamp_file(sum, spec->crl);
    stamp_file(sum, spec->cert);
    stamp_file(sum, spec->key);
    g_checksum_get_digest(sum, out, &len);
    g_checksum_free(sum);
    memcpy(&stamp, out, sizeof(stamp));
    return stamp;
}

static bool is_for(const struct fl_tls_creds *c, const struct fl_tls_spec *spec)
{
    return g_strcmp0(c->ca, spec->ca) == 0 && g_strcmp0(c->crl, spec->crl) == 0 &&
           g_strcmp0(c->cert, spec->cert) == 0 && g_strcmp0(c->key, spec->key) == 0 &&
           g_strcmp0(c->priority_text, spec->priority) == 0 && c->sanity == spec->sanity;
}

/* Puts it first; what falls off the end goes. NULL: only looks for `spec`. */
static struct fl_tls_creds *cache_find(const struct fl_tls_spec *spec, unsigned long stamp)
{
    for (size_t i = 0; i < CACHE_SIZE && cache[i]; i++) {
        struct fl_tls_creds *c = cache[i];

        if (!is_for(c, spec) || c->stamp != stamp)
            continue;
        memmove(cache + 1, cache, i * sizeof(*cache));
        cache[0] = c;
        return fl_tls_creds_ref(c);
    }
    return NULL;
}

/* In the place of what was for the same files in an older state, if there is such. */
static void cache_add(struct fl_tls_creds *creds, const struct fl_tls_spec *spec)
{
    size_t at = 0;

    while (at < CACHE_SIZE - 1 && cache[at] && !is_for(cache[at], spec))
        at++;
    fl_tls_creds_unref(cache[at]);
    memmove(cache + 1, cache, at * sizeof(*cache));
    cache[0] = fl_tls_creds_ref(creds);
}

struct fl_tls_creds *fl_tls_creds_get(const struct fl_tls_spec *spec)
{
    unsigned long stamp = stamp_of(spec); /* before reading: a change meanwhile is seen the next time */
    struct fl_tls_creds *creds;

    g_mutex_lock(&cache_lock);
    creds = cache_find(spec, stamp);
    g_mutex_unlock(&cache_lock);
    if (creds)
        return creds;
    creds = fl_tls_creds_new(spec);
    if (!creds)
        return NULL;
    creds->stamp = stamp;
    g_autofree char *soon = fl_tls_creds_expiry(creds);
    if (soon)
        fl_warn("%s", soon);
    g_mutex_lock(&cache_lock);
    cache_add(creds, spec);
    g_mutex_unlock(&cache_lock);
    return creds;
}
