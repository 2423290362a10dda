/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The daemon's side of TLS: a handshake in steps that never wait, the check of the client's certificate, and
 * the byte that tells it that it is in. Who is refused is told by an alert; the reason goes to our log.
 */
#define FL_FROM VIR_FROM_RPC
#include <errno.h>

#include "base/error.h"
#include "base/log.h"
#include "transport/channel.h"
#include "transport/tls_private.h"

struct fl_tls_creds *fl_tls_server_creds(const struct fl_tls_server_conf *conf)
{
    struct fl_tls_spec spec = { .ca = conf->ca_file,
                                .crl = conf->crl_file,
                                .cert = conf->cert_file,
                                .key = conf->key_file,
                                .priority = conf->priority ? conf->priority : "NORMAL",
                                .server = true,
                                .sanity = conf->sanity,
                                .verify = conf->verify,
                                .allowed = conf->allowed };

    return fl_tls_creds_new(&spec);
}

static const struct fl_transport_ops server_ops = {
    .name = "tls",
    .read = fl_tls_read,
    .write = fl_tls_write,
    .write2 = fl_tls_write2,
    .want = fl_tls_want,
    .half_close = fl_tls_half_close,
    .pending = fl_tls_pending,
    .close = fl_tls_close,
};

struct fl_transport *fl_tls_accept(struct fl_tls_creds *creds, struct fl_transport *below)
{
    struct fl_transport *t = g_new0(struct fl_transport, 1);

    t->ops = &server_ops;
    t->below = below;
    t->fd = -1;
    t->target = g_strdup(below->target);
    t->encrypted = true;
    if (fl_tls_attach(t, creds) < 0) {
        FL_ERROR_PRESERVE;
        fl_transport_free(t);
        return NULL;
    }
    return t;
}

const char *fl_tls_server_peer_name(struct fl_transport *t)
{
    struct fl_tls *tls = t->priv;

    return tls && tls->creds->verify ? tls->peer_name
                                     : NULL; /* anybody can write a name that nobody checks */
}

/* ---- the client's certificate ---- */

static int refuse(struct fl_tls *tls, gnutls_alert_description_t alert)
{
    (void)gnutls_alert_send(tls->session, GNUTLS_AL_FATAL, alert);
    return -1;
}

static gnutls_alert_description_t alert_for(unsigned int status)
{
    if (status & GNUTLS_CERT_REVOKED)
        return GNUTLS_A_CERTIFICATE_REVOKED;
    if (status & (GNUTLS_CERT_EXPIRED | GNUTLS_CERT_NOT_ACTIVATED))
        return GNUTLS_A_CERTIFICATE_EXPIRED;
    if (status & (GNUTLS_CERT_SIGNER_NOT_FOUND | GNUTLS_CERT_SIGNER_NOT_CA))
        return GNUTLS_A_UNKNOWN_CA;
    return status ? GNUTLS_A_BAD_CERTIFICATE : GNUTLS_A_UNSUPPORTED_CERTIFICATE;
}

static int check_chain(struct fl_tls *tls, gnutls_x509_crt_t cert)
{
    unsigned int status = 0;
    const char *unfit = NULL;
    enum fl_tls_fit fit = fl_tls_cert_fits(cert, false, &unfit);

    if (gnutls_certificate_verify_peers2(tls->session, &status) < 0)
        status |= GNUTLS_CERT_INVALID;
    if (fit == FL_TLS_DOUBTFUL)
        fl_warn_seldom("tls: certificate %s is not meant for a client: %s", tls->peer_name, unfit);
    if (!status && fit != FL_TLS_UNFIT)
        return 0;
    g_autofree char *why = status ? fl_tls_verify_reasons(status) : g_strdup(unfit);
    g_autofree char *dates = fl_tls_cert_dates(cert);
    fl_error(VIR_ERR_AUTH_FAILED,
             "the client's certificate %s does not pass: %s; valid %s; checked with %s%s%s", tls->peer_name,
             why, dates, tls->creds->ca, tls->creds->crl ? " and " : "",
             tls->creds->crl ? tls->creds->crl : "");
    return refuse(tls, alert_for(status));
}

static int check_name(struct fl_tls *tls)
{
    char **allowed = tls->creds->allowed;

    if (!allowed)
        return 0;
    for (char **pattern = allowed; tls->peer_name && *pattern; pattern++)
        if (g_pattern_match_simple(*pattern, tls->peer_name))
            return 0;
    fl_error(VIR_ERR_AUTH_FAILED, "the client's name %s is not in tls_allowed_dn_list",
             tls->peer_name ? tls->peer_name : "(no certificate)");
    return refuse(tls, GNUTLS_A_ACCESS_DENIED);
}

static int check_client(struct fl_tls *tls)
{
    gnutls_x509_crt_t cert = fl_tls_cert_of_peer(tls->session);
    int rc = 0;

    if (cert)
        tls->peer_name = fl_tls_cert_name(cert);
    if (!cert && tls->creds->verify) {
        fl_error(VIR_ERR_AUTH_FAILED,
                 "the client shows no certificate, and tls_no_verify_certificate is off");
        rc = refuse(tls, GNUTLS_A_CERTIFICATE_REQUIRED);
    }
    if (rc == 0 && cert && tls->creds->verify)
        rc = check_chain(tls, cert);
    if (cert)
        gnutls_x509_crt_deinit(cert);
    return rc < 0 ? -1 : check_name(tls);
}

/* ---- steps ---- */

static int shake_failed(struct fl_tls *tls, int code)
{
    const char *alert = code == GNUTLS_E_FATAL_ALERT_RECEIVED ? fl_tls_alert(tls) : NULL;

    if (tls->rx_failed)
        return -1;
    if (code == GNUTLS_E_PREMATURE_TERMINATION)
        return fl_error(VIR_ERR_AUTH_FAILED, "the client hung up during the TLS handshake");
    return fl_error(VIR_ERR_AUTH_FAILED, "the TLS handshake failed: %s%s%s%s", gnutls_strerror(code),
                    alert ? " (" : "", alert ? alert : "", alert ? ")" : "");
}

static int accept_client(struct fl_tls *tls)
{
    static const unsigned char yes = 1;

    if (check_client(tls) < 0) {
        FL_ERROR_PRESERVE;
        tls->failed = GNUTLS_E_CERTIFICATE_ERROR; /* no more is said */
        (void)fl_tls_flush(tls);
        return -1;
    }
    tls->byte_sent = true;
    if (gnutls_record_send(tls->session, &yes, 1) != 1)
        return fl_channel_error(EIO, "cannot tell the client that it is accepted");
    return 0;
}

static int step(struct fl_tls *tls)
{
    if (!tls->ready) {
        int rc = fl_tls_shake(tls);

        if (rc != 0)
            return rc == -FL_AGAIN ? rc : shake_failed(tls, rc);
    }
    if (!tls->byte_sent && accept_client(tls) < 0)
        return -1;
    return fl_tls_flush(tls);
}

int fl_tls_server_handshake(struct fl_transport *t)
{
    struct fl_tls *tls = t->priv;
    int rc;

    g_mutex_lock(&tls->lock);
    rc = step(tls);
    g_mutex_unlock(&tls->lock);
    return rc;
}
