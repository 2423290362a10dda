/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reading from a TLS session: what has come is collected in one buffer, and its records opened from there. */
#define FL_FROM VIR_FROM_RPC
#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "transport/channel.h"
#include "transport/tls_private.h"

#define RX_SMALL ((size_t)8 << 10)
#define RX_LARGE ((size_t)128 << 10)
#define CALM     256 /* small reads until large buffers are given back */

/* ---- what came ---- */

static void grow_rx(struct fl_tls *tls)
{
    if (tls->rx_room >= RX_LARGE)
        return;
    tls->rx_room = tls->rx_room ? RX_LARGE : RX_SMALL;
    tls->rx = g_realloc(tls->rx, tls->rx_room);
}

/* More from below, behind what has not been opened yet. 1, 0 = the end, -EAGAIN or -EIO. */
static int fill(struct fl_tls *tls)
{
    bool full = tls->rx_len == tls->rx_room;
    size_t have = tls->rx_len - tls->rx_at, room;
    ssize_t n;

    if (tls->rx_dry || (!tls->ready && tls->tx_at < tls->tx_len)) /* no answer before the question is sent */
        return -EAGAIN;
    if (tls->rx_at && have)
        memmove(tls->rx, tls->rx + tls->rx_at, have);
    tls->rx_at = 0;
    tls->rx_len = have;
    if (full)
        grow_rx(tls);
    room = tls->rx_room - have;
    n = fl_transport_read(tls->t->below, tls->rx + have, room);
    if (n == -FL_AGAIN) {
        tls->rx_dry = true;
        return -EAGAIN;
    }
    if (n < 0) {
        tls->rx_failed = true;
        return -EIO;
    }
    tls->rx_len += (size_t)n;
    tls->rx_dry = (size_t)n < room;
    return n > 0;
}

/* GnuTLS wants bytes of a record. */
ssize_t fl_tls_pull(gnutls_transport_ptr_t opaque, void *data, size_t size)
{
    struct fl_tls *tls = opaque;
    size_t have;

    if (tls->rx_stop && tls->rx_at == tls->rx_stop)
        return fl_tls_stop_with(tls, EAGAIN);
    if (tls->rx_at == tls->rx_len) {
        int rc = fill(tls);

        if (rc < 0)
            return fl_tls_stop_with(tls, -rc);
        if (rc == 0)
            return 0;
    }
    have = MIN(size, (tls->rx_stop ? tls->rx_stop : tls->rx_len) - tls->rx_at);
    memcpy(data, tls->rx + tls->rx_at, have);
    tls->rx_at += have;
    return (ssize_t)have;
}

/* ---- records ---- */

/* So many bytes of a record: 0, or GnuTLS's code for why not. */
static int need(struct fl_tls *tls, size_t len)
{
    while (tls->rx_len - tls->rx_at < len) {
        int rc = fill(tls);

        if (rc <= 0)
            return rc == -EAGAIN ? GNUTLS_E_AGAIN
                   : rc < 0      ? GNUTLS_E_PULL_ERROR
                                 : GNUTLS_E_PREMATURE_TERMINATION;
    }
    return 0;
}

static size_t take_plain(struct fl_tls *tls, void *buf, size_t len)
{
    len = MIN(len, tls->plain_len - tls->plain_at);
    memcpy(buf, tls->plain + tls->plain_at, len);
    tls->plain_at += len;
    return len;
}

/* The record at the front, whole; into the caller's memory if it fits. 0: not here. */
static size_t unseal(struct fl_tls *tls, size_t size, void *buf, size_t len)
{
    const unsigned char *record = tls->rx + tls->rx_at;
    size_t got;

    if (len + FL_TLS_HEADER + FL_TLS_TAG >= size)
        return fl_tls_unseal(tls, record, buf);
    if (!tls->plain)
        tls->plain = g_malloc(RX_LARGE / 4);
    got = fl_tls_unseal(tls, record, tls->plain);
    tls->plain_at = 0;
    tls->plain_len = got;
    return take_plain(tls, buf, len);
}

/* Bytes of the next record opened here, a code, or 0: GnuTLS has got it and the keys. */
static ssize_t read_own(struct fl_tls *tls, void *buf, size_t len)
{
    size_t size, got;
    int rc = need(tls, FL_TLS_HEADER);

    if (rc < 0)
        return rc;
    size = FL_TLS_HEADER + fl_tls_record_size(tls->rx + tls->rx_at);
    rc = need(tls, size);
    if (rc < 0)
        return rc;
    got = unseal(tls, size, buf, len);
    if (got > 0) {
        tls->rx_at += size;
        return (ssize_t)got;
    }
    tls->rx_stop = size > FL_TLS_HEADER ? tls->rx_at + size : 0;
    /* It may ask for something to be sent before the next data. */
    rc = fl_tls_keys_lend(tls, true);
    return rc < 0 ? rc : fl_tls_keys_lend(tls, false);
}

static ssize_t read_theirs(struct fl_tls *tls, void *buf, size_t len)
{
    ssize_t n = gnutls_record_recv(tls->session, buf, len);
    bool passed = tls->rx_stop && tls->rx_at == tls->rx_stop; /* the record that was not for us */

    tls->rx_stop = 0;
    if (n == GNUTLS_E_AGAIN && passed)
        n = GNUTLS_E_INTERRUPTED;
    if ((n > 0 || (n == GNUTLS_E_INTERRUPTED && passed)) && tls->rx_room >= RX_LARGE &&
        gnutls_record_check_pending(tls->session) == 0) /* it is between two records */
        fl_tls_keys_take(tls, true);
    return n;
}

static ssize_t read_record(struct fl_tls *tls, void *buf, size_t len)
{
    ssize_t n = 0;

    if (tls->plain_at < tls->plain_len)
        return (ssize_t)take_plain(tls, buf, len);
    if (tls->in.own)
        n = read_own(tls, buf, len);
    return n != 0 ? n : read_theirs(tls, buf, len);
}

size_t fl_tls_unread(struct fl_tls *tls)
{
    size_t n = gnutls_record_check_pending(tls->session) + tls->plain_len - tls->plain_at;

    return tls->rx_full ? n + tls->rx_len - tls->rx_at : n;
}

/* ---- bytes ---- */

static ssize_t read_failed(struct fl_tls *tls, int code)
{
    if (tls->rx_error) /* the layer below has said why */
        return fl_error_set_raw(tls->rx_error);
    if (code == GNUTLS_E_FATAL_ALERT_RECEIVED)
        return fl_channel_error(EIO, "%s ended the TLS session: %s", fl_tls_target(tls->t),
                                fl_tls_alert(tls));
    return fl_channel_error(EIO, "cannot read from %s: TLS: %s", fl_tls_target(tls->t),
                            gnutls_strerror(code));
}

/* As many records as are here and fit. The number of bytes, or the code that stopped it. */
static ssize_t read_records(struct fl_tls *tls, unsigned char *buf, size_t len, int *ret_code)
{
    size_t got = 0;

    *ret_code = 0;
    while (got < len) {
        ssize_t n;

        if (got && tls->rx_dry && tls->rx_at == tls->rx_len && !fl_tls_unread(tls))
            break; /* it would only find out that there is nothing */
        n = read_record(tls, buf + got, len - got);
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
    if (fl_tls_unread(tls) || fl_tls_keys_lend(tls, true) < 0 || fl_tls_keys_lend(tls, false) < 0)
        return;
    g_clear_pointer(&tls->plain, g_free);
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
        return fl_tls_is_closed(t);
    if (len == 0)
        return 0;
    g_mutex_lock(&tls->lock);
    n = read_locked(tls, buf, len);
    g_mutex_unlock(&tls->lock);
    return n;
}
