/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whether a server is the one that was meant: by the authority that signed its certificate, its dates, its
 * purpose and its names; or, with tls_fingerprint=, by the certificate itself and nothing else.
 */
#define FL_FROM VIR_FROM_RPC
#include <string.h>
#include <time.h>

#include "base/error.h"
#include "base/log.h"
#include "base/walk.h"
#include "transport/tls_pin.h"
#include "transport/tls_private.h"

#define SOON (30 * 24 * 3600)

/* What was found. */
struct finding {
    const struct fl_tls_wanted *wanted;
    const struct fl_tls_creds *creds;
    gnutls_x509_crt_t cert;
    unsigned int status; /* GnuTLS's verification */
    bool name_fits;
};

static int check_pin(const struct fl_tls_wanted *w, const unsigned char sum[FL_TLS_SUM])
{
    g_autofree char *wanted = NULL, *found = NULL;

    if (memcmp(sum, w->pin, FL_TLS_SUM) == 0)
        return 0;
    wanted = fl_tls_fingerprint_format(w->pin);
    found = fl_tls_fingerprint_format(sum);
    return fl_error(
        VIR_ERR_AUTH_FAILED,
        "tls: %s shows another certificate than tls_fingerprint names: wanted %s, it shows %s; if it was "
        "replaced on purpose, change the URI",
        w->target, wanted, found);
}

/* All that is wrong; NULL: nothing. */
static char *faults_of(const struct finding *f)
{
    GString *faults = g_string_new(NULL);
    const char *why;

    if (f->status) {
        g_autofree char *reasons = fl_tls_verify_reasons(f->status);
        g_string_append(faults, reasons);
    }
    switch (fl_tls_cert_fits(f->cert, true, &why)) {
    case FL_TLS_UNFIT:
        g_string_append_printf(faults, "%s%s", faults->len ? "; " : "", why);
        break;
    case FL_TLS_DOUBTFUL:
        fl_warn("tls: the certificate of %s is not meant for a server: %s", f->wanted->target, why);
        break;
    case FL_TLS_FITS:
        break;
    }
    if (!f->name_fits)
        g_string_append_printf(faults, "%sit is for another name", faults->len ? "; " : "");
    return g_string_free(faults, faults->len == 0);
}

static const char *advice(const struct finding *f)
{
    if (f->status & (GNUTLS_CERT_SIGNER_NOT_FOUND | GNUTLS_CERT_SIGNATURE_FAILURE))
        return "use the certificate of the authority that issued it";
    if (f->status & GNUTLS_CERT_NOT_ACTIVATED)
        return "check the clocks of both machines";
    if (f->status & (GNUTLS_CERT_EXPIRED | GNUTLS_CERT_REVOKED))
        return "the host needs a new certificate";
    if (!f->name_fits && !f->status)
        return "use one of its names in the URI, or issue the host a certificate with this one";
    return "issue the host a certificate that passes";
}

static int refuse(const struct finding *f, const char *faults)
{
    g_autofree char *names = fl_tls_cert_names(f->cert), *dates = fl_tls_cert_dates(f->cert);
    g_autofree char *subject = fl_tls_cert_name(f->cert);
    const char *ca = f->creds->ca, *crl = f->creds->crl;

    return fl_error(
        VIR_ERR_AUTH_FAILED,
        "tls: the certificate of %s (%s) does not pass: %s; wanted name '%s', its names: %s; valid %s; "
        "checked with %s%s%s; %s",
        f->wanted->target, subject, faults, f->wanted->host, names, dates, ca ? ca : "no authority",
        crl ? " and " : "", crl ? crl : "", advice(f));
}

static int check_cert(struct finding *f, struct fl_tls *tls)
{
    unsigned char sum[FL_TLS_SUM];
    size_t len = sizeof(sum);
    int rc = gnutls_x509_crt_get_fingerprint(f->cert, GNUTLS_DIG_SHA256, sum, &len);

    if (rc < 0)
        return fl_error(VIR_ERR_AUTH_FAILED, "tls: the certificate of %s: %s", f->wanted->target,
                        gnutls_strerror(rc));
    g_autofree char *print = fl_tls_fingerprint_format(sum);
    fl_stage_note("fingerprint %s", print);
    if (f->wanted->pin)
        return check_pin(f->wanted, sum);
    if (f->creds->ca && gnutls_certificate_verify_peers2(tls->session, &f->status) < 0)
        f->status |= GNUTLS_CERT_INVALID;
    f->name_fits = gnutls_x509_crt_check_hostname(f->cert, f->wanted->host) != 0;
    g_autofree char *faults = faults_of(f);
    if (!faults)
        return 0;
    if (f->wanted->verify)
        return refuse(f, faults);
    fl_warn("tls: the certificate of %s would not pass, and no_verify=1 lets it: %s", f->wanted->target,
            faults);
    fl_stage_note("would not pass, but no_verify=1: %s", faults);
    return 0;
}

int fl_tls_check_server(struct fl_tls *tls, const struct fl_tls_wanted *wanted)
{
    struct finding f = { .wanted = wanted, .creds = tls->creds, .cert = fl_tls_cert_of_peer(tls->session) };
    int rc;

    if (!f.cert)
        return fl_error(VIR_ERR_AUTH_FAILED, "tls: %s shows no certificate; its log says why",
                        wanted->target);
    if (fl_walk_watched()) {
        g_autofree char *subject = fl_tls_cert_name(f.cert), *names = fl_tls_cert_names(f.cert);
        g_autofree char *dates = fl_tls_cert_dates(f.cert);

        fl_stage_note("certificate %s, names: %s", subject, names);
        time_t left = gnutls_x509_crt_get_expiration_time(f.cert) - time(NULL);

        fl_stage_note("valid %s%s", dates,
                      left < 0      ? ", which is over"
                      : left < SOON ? ", not for long any more"
                                    : "");
        fl_stage_note("authority: %s", f.creds->ca ? f.creds->ca : "none");
    }
    rc = check_cert(&f, tls);
    gnutls_x509_crt_deinit(f.cert);
    return rc;
}
