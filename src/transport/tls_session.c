/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A TLS session as a transport layer, either side. Bytes go through buffers of our own: GnuTLS would read
 * each record in two system calls and write each in one, here one call moves as many records as there are.
 */
#define FL_FROM VIR_FROM_RPC
#include <errno.h>
#include <poll.h>
#include <string.h>

#include "base/error.h"
#include "base/util.h"
#include "transport/channel.h"
#include "transport/tls_private.h"

#define TX_MAX ((size_t)1 << 20) /* handshake messages and answers to them; far more than there can be */

/* ---- the layer below ---- */

ssize_t fl_tls_stop_with(struct fl_tls *tls, int errnum)
{
    gnutls_transport_set_errno(tls->session, errnum);
    return -1;
}

unsigned char *fl_tls_reserve(struct fl_tls *tls, size_t size)
{
    if (tls->tx_at == tls->tx_len)
        tls->tx_at = tls->tx_len = 0;
    if (size > TX_MAX - tls->tx_len)
        return NULL;
    if (tls->tx_len + size > tls->tx_room) {
        tls->tx_room = MAX(tls->tx_room * 2, tls->tx_len + size);
        tls->tx = g_realloc(tls->tx, tls->tx_room);
    }
    return tls->tx + tls->tx_len;
}

/* GnuTLS has a record ready. */
static ssize_t push(gnutls_transport_ptr_t opaque, const void *data, size_t size)
{
    struct fl_tls *tls = opaque;
    unsigned char *at = fl_tls_reserve(tls, size);

    if (!at)
        return fl_tls_stop_with(tls, ENOBUFS);
    memcpy(at, data, size);
    tls->tx_len += size;
    return (ssize_t)size;
}

int fl_tls_flush(struct fl_tls *tls)
{
    while (tls->tx_at < tls->tx_len) {
        ssize_t n = fl_transport_write(tls->t->below, tls->tx + tls->tx_at, tls->tx_len - tls->tx_at);

        if (n < 0)
            return (int)n;
        tls->tx_at += (size_t)n;
    }
    return 0;
}

/* Never waits: GnuTLS asks only where it was told to keep time, which is our caller's affair. */
static int pull_timeout(gnutls_transport_ptr_t opaque, unsigned int ms)
{
    (void)opaque, (void)ms;
    return 1;
}

/* ---- beginning ---- */

int fl_tls_attach(struct fl_transport *t, struct fl_tls_creds *creds)
{
    struct fl_tls *tls = g_new0(struct fl_tls, 1);
    /* A client shows its certificate whatever authorities the server names: it will say what is wrong with
     * it. */
    unsigned int flags = GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL |
                         (creds->server ? GNUTLS_SERVER : GNUTLS_CLIENT | GNUTLS_FORCE_CLIENT_CERT);
    int rc = gnutls_init(&tls->session, flags);

    g_mutex_init(&tls->lock);
    t->priv = tls;
    t->fd = t->below->fd;
    tls->t = t;
    tls->creds = fl_tls_creds_ref(creds);
    if (rc == 0)
        rc = gnutls_priority_set(tls->session, creds->priority);
    if (rc == 0)
        rc = gnutls_credentials_set(tls->session, GNUTLS_CRD_CERTIFICATE, creds->x509);
    if (rc < 0)
        return fl_channel_error(-1, "tls: cannot set up a session: %s", gnutls_strerror(rc));
    gnutls_handshake_set_timeout(tls->session, GNUTLS_INDEFINITE_TIMEOUT);
    gnutls_transport_set_ptr(tls->session, tls);
    gnutls_transport_set_pull_function(tls->session, fl_tls_pull);
    gnutls_transport_set_pull_timeout_function(tls->session, pull_timeout);
    gnutls_transport_set_push_function(tls->session, push);
    if (creds->server)
        gnutls_certificate_server_set_request(tls->session, GNUTLS_CERT_REQUEST);
    return 0;
}

int fl_tls_shake(struct fl_tls *tls)
{
    int rc;

    tls->rx_dry = false;
    do {
        rc = gnutls_handshake(tls->session);
    } while (rc < 0 && rc != GNUTLS_E_AGAIN && !gnutls_error_is_fatal(rc) && !tls->rx_failed);
    if (rc < 0 && rc != GNUTLS_E_AGAIN) {
        FL_ERROR_PRESERVE;
        gnutls_alert_send_appropriate(tls->session, rc);
        (void)fl_tls_flush(tls); /* it may be gone already */
        return rc;
    }
    int sent = fl_tls_flush(tls);
    if (sent == -1)
        return tls->rx_failed = true, GNUTLS_E_PUSH_ERROR;
    if (rc < 0 || sent < 0)
        return -FL_AGAIN;
    tls->ready = true;
    return 0;
}

const char *fl_tls_alert(struct fl_tls *tls)
{
    gnutls_alert_description_t alert = gnutls_alert_get(tls->session);

    return alert == GNUTLS_A_CLOSE_NOTIFY ? NULL : gnutls_alert_get_name(alert);
}

/* ---- bytes ---- */

const char *fl_tls_target(const struct fl_transport *t)
{
    return t->target ? t->target : "the far side";
}

ssize_t fl_tls_is_closed(struct fl_transport *t)
{
    return fl_channel_error(EBADF, "the connection to %s is closed", fl_tls_target(t));
}

short fl_tls_want(struct fl_transport *t, short events)
{
    struct fl_tls *tls = t->priv;

    if (!tls)
        return events;
    g_mutex_lock(&tls->lock);
    if (!tls->ready)
        events = POLLIN;
    if (tls->tx_at < tls->tx_len)
        events |= POLLOUT;
    g_mutex_unlock(&tls->lock);
    return events;
}

size_t fl_tls_pending(struct fl_transport *t)
{
    struct fl_tls *tls = t->priv;
    size_t n;

    if (!tls || !tls->ready)
        return 0;
    g_mutex_lock(&tls->lock);
    n = fl_tls_unread(tls);
    g_mutex_unlock(&tls->lock);
    return n;
}

static void say_bye(struct fl_tls *tls)
{
    if (!tls->ready || tls->said_bye || tls->failed)
        return;
    tls->said_bye = true;
    if (fl_tls_keys_lend(tls, false) < 0)
        return;
    (void)gnutls_bye(tls->session, GNUTLS_SHUT_WR);
}

int fl_tls_half_close(struct fl_transport *t)
{
    struct fl_tls *tls = t->priv;
    int rc;

    if (!tls || t->fd < 0)
        return (int)fl_tls_is_closed(t);
    g_mutex_lock(&tls->lock);
    say_bye(tls);
    rc = fl_tls_flush(tls);
    g_mutex_unlock(&tls->lock);
    return rc < 0 ? rc : fl_transport_half_close(t->below);
}

void fl_tls_close(struct fl_transport *t)
{
    FL_ERROR_PRESERVE;
    struct fl_tls *tls = t->priv;

    t->fd = -1;
    if (!tls)
        return;
    t->priv = NULL;
    if (tls->session && t->below->fd >= 0) {
        bool quiet = fl_error_log_quietly(true); /* the far side may be gone */
        say_bye(tls);
        (void)fl_tls_flush(tls); /* what the socket takes at once */
        fl_error_log_quietly(quiet);
    }
    fl_tls_keys_drop(tls);
    if (tls->session)
        gnutls_deinit(tls->session);
    fl_tls_creds_unref(tls->creds);
    g_mutex_clear(&tls->lock);
    fl_error_free(tls->rx_error);
    g_free(tls->rx);
    g_free(tls->plain);
    g_free(tls->tx);
    g_free(tls->peer_name);
    g_free(tls);
}
