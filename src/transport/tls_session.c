/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A TLS session as a transport layer, either side. Bytes go through buffers of our own: GnuTLS would read
 * each record in two system calls and write each in one, here one call moves as many records as there are.
 *
 * Writing: records are encoded first, then written below. When they do not all fit, the caller is told "not
 * now" and has to come again with the same bytes (as every transport's caller does); it gets their number
 * when the last of them has left, so that nothing stays behind that nobody waits for.
 */
#define FL_FROM VIR_FROM_RPC
#include <errno.h>
#include <poll.h>
#include <string.h>

#include "base/error.h"
#include "base/util.h"
#include "transport/channel.h"
#include "transport/tls_private.h"

#define RX_SMALL  ((size_t)8 << 10)
#define RX_LARGE  ((size_t)128 << 10)
#define CALM      256 /* small reads until large buffers are given back */
#define RECORD    ((size_t)16 << 10)
#define WRITE_MAX ((size_t)128 << 10) /* encoded in one go... */
#define WRITE_END ((size_t)1 << 10)   /* ...and so much more, if nothing is left then */
#define FRAME_MAX ((size_t)64 << 20)
#define TX_MAX    ((size_t)1 << 20) /* handshake messages and answers to them; far more than there can be */

/* ---- the layer below ---- */

static void grow_rx(struct fl_tls *tls)
{
    if (tls->rx_room >= RX_LARGE)
        return;
    tls->rx_room = tls->rx_room ? RX_LARGE : RX_SMALL;
    tls->rx = g_realloc(tls->rx, tls->rx_room);
}

static ssize_t stop_with(struct fl_tls *tls, int errnum)
{
    gnutls_transport_set_errno(tls->session, errnum);
    return -1;
}

/* GnuTLS wants bytes of a record. */
static ssize_t pull(gnutls_transport_ptr_t opaque, void *data, size_t size)
{
    struct fl_tls *tls = opaque;
    size_t have;

    if (tls->rx_at == tls->rx_len) {
        if (tls->rx_dry ||
            (!tls->ready && tls->tx_at < tls->tx_len)) /* no answer before the question is sent */
            return stop_with(tls, EAGAIN);
        if (!tls->rx_room || tls->rx_len == tls->rx_room)
            grow_rx(tls);
        ssize_t n = fl_transport_read(tls->t->below, tls->rx, tls->rx_room);
        tls->rx_at = tls->rx_len = n > 0 ? (size_t)n : 0;
        if (n == -FL_AGAIN) {
            tls->rx_dry = true;
            return stop_with(tls, EAGAIN);
        }
        if (n < 0) {
            tls->rx_failed = true;
            return stop_with(tls, EIO);
        }
        if (n == 0)
            return 0;
        tls->rx_at = 0;
        tls->rx_dry = (size_t)n < tls->rx_room;
    }
    have = MIN(size, tls->rx_len - tls->rx_at);
    memcpy(data, tls->rx + tls->rx_at, have);
    tls->rx_at += have;
    return (ssize_t)have;
}

/* GnuTLS has a record ready. */
static ssize_t push(gnutls_transport_ptr_t opaque, const void *data, size_t size)
{
    struct fl_tls *tls = opaque;

    if (tls->tx_at == tls->tx_len)
        tls->tx_at = tls->tx_len = 0;
    if (size > TX_MAX - tls->tx_len)
        return stop_with(tls, ENOBUFS);
    if (tls->tx_len + size > tls->tx_room) {
        tls->tx_room = MAX(tls->tx_room * 2, tls->tx_len + size);
        tls->tx = g_realloc(tls->tx, tls->tx_room);
    }
    memcpy(tls->tx + tls->tx_len, data, size);
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
    gnutls_transport_set_pull_function(tls->session, pull);
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

static const char *target(const struct fl_transport *t)
{
    return t->target ? t->target : "the far side";
}

static ssize_t is_closed(struct fl_transport *t)
{
    return fl_channel_error(EBADF, "the connection to %s is closed", target(t));
}

static ssize_t read_failed(struct fl_tls *tls, int code)
{
    if (tls->rx_error) /* the layer below has said why */
        return fl_error_set_raw(tls->rx_error);
    if (code == GNUTLS_E_FATAL_ALERT_RECEIVED)
        return fl_channel_error(EIO, "%s ended the TLS session: %s", target(tls->t), fl_tls_alert(tls));
    return fl_channel_error(EIO, "cannot read from %s: TLS: %s", target(tls->t), gnutls_strerror(code));
}

/* As many records as are here and fit. The number of bytes, or the code that stopped it. */
static ssize_t read_records(struct fl_tls *tls, unsigned char *buf, size_t len, int *ret_code)
{
    size_t got = 0;

    *ret_code = 0;
    while (got < len) {
        ssize_t n;

        if (got && tls->rx_dry && tls->rx_at == tls->rx_len && !gnutls_record_check_pending(tls->session))
            break; /* it would only find out that there is nothing */
        n = gnutls_record_recv(tls->session, buf + got, len - got);
        if (n == GNUTLS_E_INTERRUPTED || n == GNUTLS_E_WARNING_ALERT_RECEIVED)
            continue;
        if (n == 0 || n == GNUTLS_E_PREMATURE_TERMINATION) { /* frames have lengths: a cut is noticed */
            tls->ended = true;
            break;
        }
        if (n < 0) {
            *ret_code = (int)n;
            break;
        }
        got += (size_t)n;
    }
    return (ssize_t)got;
}

/* Thousands of connections that once moved much would keep the memory for it. */
static void calm_down(struct fl_tls *tls, size_t got)
{
    if (got >= RX_SMALL / 2 || (tls->rx_room <= RX_SMALL && tls->tx_room <= RX_SMALL)) {
        tls->calm = 0;
        return;
    }
    if (++tls->calm < CALM || tls->rx_at < tls->rx_len || tls->tx_at < tls->tx_len)
        return;
    g_clear_pointer(&tls->rx, g_free);
    g_clear_pointer(&tls->tx, g_free);
    tls->rx_at = tls->rx_len = tls->rx_room = 0;
    tls->tx_at = tls->tx_len = tls->tx_room = 0;
    tls->calm = 0;
}

static ssize_t read_locked(struct fl_tls *tls, void *buf, size_t len)
{
    int code = tls->failed;
    ssize_t got = 0;

    tls->rx_dry = tls->rx_full = false;
    if (!code && !tls->ended)
        got = read_records(tls, buf, len, &code);
    if (tls->rx_failed && !tls->rx_error)
        tls->rx_error = fl_error_save();
    tls->rx_full = (size_t)got == len;
    calm_down(tls, (size_t)got);
    if (tls->tx_len > tls->tx_at && fl_tls_flush(tls) == -1) /* answers within the protocol */
        fl_error_reset();                                    /* reading goes on; writing will see it */
    if (code && code != GNUTLS_E_AGAIN)
        tls->failed = code;
    if (got)
        return got;
    if (tls->failed)
        return read_failed(tls, tls->failed);
    return tls->ended ? 0 : -FL_AGAIN;
}

ssize_t fl_tls_read(struct fl_transport *t, void *buf, size_t len)
{
    struct fl_tls *tls = t->priv;
    ssize_t n;

    if (!tls || t->fd < 0)
        return is_closed(t);
    if (len == 0)
        return 0;
    g_mutex_lock(&tls->lock);
    n = read_locked(tls, buf, len);
    g_mutex_unlock(&tls->lock);
    return n;
}

/* How many of the bytes go into the same records. Compat: libvirtd reads one frame and then waits for the
 * socket, though others came in the same record; so a record holds no more than one. A frame begins with its
 * length; what does not look like that is cut anywhere. */
static size_t frame_part(struct fl_tls *tls, const unsigned char *buf, size_t len)
{
    size_t at = 0, part;

    if (tls->unframed)
        return len;
    if (!tls->frame_left) {
        while (tls->head_len < sizeof(tls->head) && at < len)
            tls->head[tls->head_len++] = buf[at++];
        if (tls->head_len < sizeof(tls->head))
            return len;
        const unsigned char *h = tls->head;
        size_t total = (size_t)h[0] << 24 | (size_t)h[1] << 16 | (size_t)h[2] << 8 | h[3];
        tls->head_len = 0;
        if (total <= sizeof(tls->head) || total > FRAME_MAX) {
            tls->unframed = true;
            return len;
        }
        tls->frame_left = total - sizeof(tls->head);
    }
    part = MIN(len - at, tls->frame_left);
    tls->frame_left -= part;
    return at + part;
}

/* Into tx, which takes everything. 0 or a code of GnuTLS. */
static int encode(struct fl_tls *tls, const unsigned char *buf, size_t len)
{
    while (len > 0) {
        size_t part = frame_part(tls, buf, len);

        for (size_t done = 0; done < part;) {
            ssize_t n = gnutls_record_send(tls->session, buf + done, part - done);

            if (n == GNUTLS_E_INTERRUPTED || n == GNUTLS_E_AGAIN)
                continue; /* not for long */
            if (n < 0)
                return (int)n;
            done += (size_t)n;
        }
        buf += part;
        len -= part;
    }
    return 0;
}

/* A few bytes at the end do not go by themselves: that would be a system call more for each frame of a
 * stream. */
static size_t one_go(size_t len)
{
    return len <= WRITE_MAX + WRITE_END ? len : WRITE_MAX;
}

static ssize_t write_failed(struct fl_tls *tls, int code)
{
    return fl_channel_error(EIO, "cannot write to %s: TLS: %s", target(tls->t), gnutls_strerror(code));
}

/* What has been encoded of `len` bytes of the caller's. */
static ssize_t send_encoded(struct fl_tls *tls, size_t len)
{
    int rc = fl_tls_flush(tls);

    if (rc == -FL_AGAIN)
        tls->tx_owed = len;
    return rc < 0 ? rc : (ssize_t)len;
}

static ssize_t write_locked(struct fl_tls *tls, const unsigned char *buf, size_t len)
{
    int rc = fl_tls_flush(tls);

    if (rc < 0)
        return rc;
    if (tls->tx_owed) {
        len = MIN(tls->tx_owed, len);
        tls->tx_owed -= len;
        return (ssize_t)len;
    }
    len = one_go(len);
    rc = encode(tls, buf, len);
    return rc < 0 ? write_failed(tls, rc) : send_encoded(tls, len);
}

/* Everything, as far as the layer below takes it; the first place goes into a record with what follows it. */
static ssize_t write2_locked(struct fl_tls *tls, const struct iovec iov[2])
{
    size_t head = iov[0].iov_len, joined = MIN(iov[1].iov_len, RECORD - head), len;
    const unsigned char *data = iov[1].iov_base;
    unsigned char first[RECORD];
    size_t done;
    ssize_t n;
    int rc = fl_tls_flush(tls);

    if (rc < 0)
        return rc;
    memcpy(first, iov[0].iov_base, head);
    memcpy(first + head, data, joined);
    rc = encode(tls, first, head + joined);
    len = one_go(iov[1].iov_len - joined);
    if (rc == 0)
        rc = encode(tls, data + joined, len);
    if (rc < 0)
        return write_failed(tls, rc);
    n = send_encoded(tls, head + joined + len);
    for (done = joined + len; n > 0 && done < iov[1].iov_len; done += (size_t)n) {
        n = write_locked(tls, data + done, iov[1].iov_len - done);
        if (n == -1)
            fl_error_reset(); /* whoever writes the rest meets it again */
        if (n < 0)
            return (ssize_t)(head + done);
    }
    return n < 0 ? n : (ssize_t)(head + done);
}

ssize_t fl_tls_write2(struct fl_transport *t, const struct iovec iov[2])
{
    struct fl_tls *tls = t->priv;
    ssize_t n;

    if (!tls || t->fd < 0)
        return is_closed(t);
    g_mutex_lock(&tls->lock);
    n = tls->tx_owed || iov[0].iov_len >= RECORD ? write_locked(tls, iov[0].iov_base, iov[0].iov_len)
                                                 : write2_locked(tls, iov);
    g_mutex_unlock(&tls->lock);
    return n;
}

ssize_t fl_tls_write(struct fl_transport *t, const void *buf, size_t len)
{
    struct fl_tls *tls = t->priv;
    ssize_t n;

    if (!tls || t->fd < 0)
        return is_closed(t);
    g_mutex_lock(&tls->lock);
    n = write_locked(tls, buf, len);
    g_mutex_unlock(&tls->lock);
    return n;
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
    n = gnutls_record_check_pending(tls->session);
    if (tls->rx_full)
        n += tls->rx_len - tls->rx_at;
    g_mutex_unlock(&tls->lock);
    return n;
}

static void say_bye(struct fl_tls *tls)
{
    if (!tls->ready || tls->said_bye || tls->failed)
        return;
    tls->said_bye = true;
    (void)gnutls_bye(tls->session, GNUTLS_SHUT_WR);
}

int fl_tls_half_close(struct fl_transport *t)
{
    struct fl_tls *tls = t->priv;
    int rc;

    if (!tls || t->fd < 0)
        return (int)is_closed(t);
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
    if (tls->session)
        gnutls_deinit(tls->session);
    fl_tls_creds_unref(tls->creds);
    g_mutex_clear(&tls->lock);
    fl_error_free(tls->rx_error);
    g_free(tls->rx);
    g_free(tls->tx);
    g_free(tls->peer_name);
    g_free(tls);
}
