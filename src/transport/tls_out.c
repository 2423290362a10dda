/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Writing to a TLS session: records are encoded first, then written below. When they do not all fit, the
 * caller is told "not now" and has to come again with the same bytes (as every transport's caller does); it
 * gets their number when the last of them has left, so that nothing stays behind that nobody waits for.
 */
#define FL_FROM VIR_FROM_RPC
#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "transport/channel.h"
#include "transport/tls_private.h"

#define WRITE_MAX ((size_t)128 << 10) /* encoded in one go... */
#define WRITE_END ((size_t)1 << 10)   /* ...and so much more, if nothing is left then */
#define FRAME_MAX ((size_t)64 << 20)
#define TX_MAX    ((size_t)1 << 20) /* handshake messages and answers to them; far more than there can be */

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

/* Both sides get new keys in time. What GnuTLS says of it goes out with what it encodes next. */
static int renew_keys(struct fl_tls *tls)
{
    int rc = fl_tls_keys_lend(tls, false);

    return rc < 0 ? rc : gnutls_session_key_update(tls->session, 0);
}

/* One record. Bytes that are in it, or a code of GnuTLS. */
static ssize_t encode_record(struct fl_tls *tls, const unsigned char *buf, size_t len)
{
    ssize_t n = fl_tls_is_worn(tls) ? renew_keys(tls) : 0;

    if (n < 0)
        return n;
    if (tls->out.own) {
        len = MIN(len, FL_TLS_RECORD);
        n = fl_tls_seal(tls, buf, len);
        return n < 0 ? n : (ssize_t)len;
    }
    do
        n = gnutls_record_send(tls->session, buf, len);
    while (n == GNUTLS_E_INTERRUPTED || n == GNUTLS_E_AGAIN); /* not for long */
    if (n == (ssize_t)FL_TLS_RECORD) /* there is much to send, and the far side takes records of this size */
        fl_tls_keys_take(tls, false);
    return n;
}

/* Into tx, which takes everything. 0 or a code of GnuTLS. */
static int encode(struct fl_tls *tls, const unsigned char *buf, size_t len)
{
    while (len > 0) {
        size_t part = frame_part(tls, buf, len);

        for (size_t done = 0; done < part;) {
            ssize_t n = encode_record(tls, buf + done, part - done);

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
    return fl_channel_error(EIO, "cannot write to %s: TLS: %s", fl_tls_target(tls->t), gnutls_strerror(code));
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
    size_t head = iov[0].iov_len, joined = MIN(iov[1].iov_len, FL_TLS_RECORD - head), len;
    const unsigned char *data = iov[1].iov_base;
    unsigned char first[FL_TLS_RECORD];
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
        return fl_tls_is_closed(t);
    g_mutex_lock(&tls->lock);
    n = tls->tx_owed || iov[0].iov_len >= FL_TLS_RECORD ? write_locked(tls, iov[0].iov_base, iov[0].iov_len)
                                                        : write2_locked(tls, iov);
    g_mutex_unlock(&tls->lock);
    return n;
}

ssize_t fl_tls_write(struct fl_transport *t, const void *buf, size_t len)
{
    struct fl_tls *tls = t->priv;
    ssize_t n;

    if (!tls || t->fd < 0)
        return fl_tls_is_closed(t);
    g_mutex_lock(&tls->lock);
    n = write_locked(tls, buf, len);
    g_mutex_unlock(&tls->lock);
    return n;
}
