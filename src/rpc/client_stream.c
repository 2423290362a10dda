/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Client streams, rpc/client_stream.h: the caller's side. What the reader does for them is
 * client_stream_in.c. */
#define FL_FROM VIR_FROM_RPC
#include "rpc/client_stream.h"

#include <string.h>
#include "base/util.h"
#include "rpc/client_stream_private.h"

#define SEND_FULL   ((size_t)1 << 20)  /* output queued before a sender waits */
#define SEND_DIRECT ((size_t)16 << 10) /* packets from here on are written without a copy */

struct fl_client_stream *fl_client_stream_new(struct fl_client *c)
{
    struct fl_client_stream *st = g_new0(struct fl_client_stream, 1);

    st->c = fl_client_ref(c);
    st->last = &st->first;
    return st;
}

/* ---- opening and ending ---- */

int fl_client_stream_attach(struct fl_client_stream *st, uint32_t program, uint32_t proc, uint32_t serial)
{
    st->h = (struct fl_header){ .program = program, .version = 1, .procedure = proc, .serial = serial };
    if (fl_session_stream_open(st->c->s, serial, st) < 0)
        return -1;
    st->attached = true;
    fl_transport_widen(st->c->t);
    return 0;
}

void fl_client_stream_free(struct fl_client_stream *st)
{
    struct fl_client *c;

    if (!st)
        return;
    c = st->c;
    g_mutex_lock(&c->lock);
    if (st->attached && c->open && !st->finished) {
        FL_ERROR_PRESERVE;

        if (fl_session_stream_abort(c->s, &st->h, NULL) == 0)
            fl_client_flush(c);
    }
    fl_stream_detach(st);
    fl_stream_free_packets(st);
    fl_client_unlock(c);
    fl_error_free(st->error);
    g_free(st);
    fl_client_unref(c);
}

/* Never opened on the far side: nothing to abort. */
void fl_client_stream_drop(struct fl_client_stream *st)
{
    g_mutex_lock(&st->c->lock);
    fl_stream_detach(st);
    fl_client_unlock(st->c);
    fl_client_stream_free(st);
}

void fl_client_stream_set_notify(struct fl_client_stream *st, void (*fn)(void *opaque), void *opaque)
{
    g_mutex_lock(&st->c->lock);
    st->notify = fn;
    st->notify_opaque = opaque;
    fl_client_unlock(st->c);
}

/* ---- the caller's side ---- */

/* 0, or -1 with the error that ended the stream. Lock held. */
static int check_alive(struct fl_client_stream *st)
{
    if (st->error)
        return fl_error_set_raw(st->error);
    if (st->closed)
        return fl_error(VIR_ERR_OPERATION_FAILED, "the stream has been finished or aborted already");
    if (!st->c->open)
        return fl_client_raise_closed(st->c);
    return 0;
}

static int check_sparse(struct fl_client_stream *st)
{
    return st->sparse ? 0 : fl_error(VIR_ERR_OPERATION_INVALID, "this stream was not opened as a sparse one");
}

void fl_client_stream_set_sparse(struct fl_client_stream *st)
{
    st->sparse = true;
}

bool fl_client_stream_ended(struct fl_client_stream *st)
{
    bool ended;

    g_mutex_lock(&st->c->lock);
    ended = st->closed || st->error || !st->c->open;
    fl_client_unlock(st->c);
    return ended;
}

static void unlink_waiter(struct fl_client_stream *st, const struct fl_stream_waiter *w)
{
    struct fl_stream_waiter **at;

    for (at = &st->waiting; *at != w; at = &(*at)->next)
        ;
    *at = w->next;
}

/* Until something happens on this stream. Lock held. */
static int wait_change(struct fl_client_stream *st)
{
    struct fl_stream_waiter w = { .next = st->waiting };
    int rc;

    st->waiting = &w;
    rc = fl_client_wait(st->c, &w.w, fl_client_call_deadline(st->c));
    unlink_waiter(st, &w);
    return rc;
}

/* What the transport has right now for this stream, without waiting. Lock held. */
static void read_now(struct fl_client_stream *st)
{
    struct fl_client *c = st->c;
    struct fl_stream_waiter w = { .next = st->waiting };

    if (c->reading || !c->open)
        return;
    st->waiting = &w;
    c->reading = true;
    fl_client_read_some(c, &w.w);
    c->reading = false;
    unlink_waiter(st, &w);
    fl_client_handover(c);
}

/* A big packet rather waits for all that is before it: then it need not be copied. */
static int wait_send_room(struct fl_client_stream *st, size_t len, bool nonblock)
{
    struct fl_client *c = st->c;
    size_t most = len >= SEND_DIRECT && !nonblock && fl_transport_has_write2(c->t) ? 1 : SEND_FULL;

    while (fl_session_queued(c->s) >= most) {
        struct fl_sender me = { .next = c->senders, .resume = most / 2 };
        struct fl_sender **at;
        int rc;

        if (fl_client_flush(c) < 0)
            return -1;
        if (fl_session_queued(c->s) < most)
            break;
        if (nonblock) {
            c->room_wanted = true;
            return FL_CLIENT_STREAM_AGAIN;
        }
        c->senders = &me;
        rc = fl_client_wait(c, &me.w, fl_client_call_deadline(c));
        for (at = &c->senders; *at != &me; at = &(*at)->next)
            ;
        *at = me.next;
        if (rc < 0 || check_alive(st) < 0)
            return -1;
    }
    return 0;
}

/* Straight from the caller's memory when nothing is in front. 0: not possible now; 1: sent, or the rest is
 * queued. */
static int send_direct(struct fl_client_stream *st, const void *data, size_t len)
{
    struct fl_client *c = st->c;
    unsigned char head[FL_FRAME_PREFIX];
    struct iovec iov[2] = { { head, sizeof(head) }, { (void *)data, len } };
    ssize_t n;

    if (len < SEND_DIRECT || c->writing || !fl_transport_has_write2(c->t) ||
        !fl_session_stream_head(c->s, &st->h, len, head))
        return 0;
    n = fl_transport_write2(c->t, iov);
    if (n < 0)
        return 0; /* full, or broken: the usual way says which */
    return fl_session_stream_rest(c->s, head, data, len, (size_t)n) < 0 ? -1 : 1;
}

int fl_client_stream_send(struct fl_client_stream *st, const void *data, size_t len, bool nonblock)
{
    struct fl_client *c = st->c;
    int rc;

    len = MIN(len, FL_FRAME_STREAM_MAX);
    g_mutex_lock(&c->lock);
    rc = check_alive(st);
    if (rc == 0)
        rc = wait_send_room(st, len, nonblock);
    if (rc == 0 && len) {
        rc = send_direct(st, data, len);
        if (rc == 0)
            rc = fl_session_stream_data(c->s, &st->h, data, len);
    }
    if (rc >= 0)
        rc = fl_session_queued(c->s) && fl_client_flush(c) < 0 ? -1 : (int)len;
    fl_client_unlock(c);
    fl_client_tell_closed(c);
    return rc;
}

int fl_client_stream_send_hole(struct fl_client_stream *st, long long length, unsigned int flags)
{
    struct fl_client *c = st->c;
    int rc;

    g_mutex_lock(&c->lock);
    rc = check_alive(st);
    if (rc == 0)
        rc = check_sparse(st);
    if (rc == 0)
        rc = wait_send_room(st, 0, false);
    if (rc == 0)
        rc = fl_session_stream_hole(c->s, &st->h, length, flags);
    if (rc == 0)
        rc = fl_client_flush(c);
    fl_client_unlock(c);
    fl_client_tell_closed(c);
    return rc;
}

/* From the first packet; a hole gives zeros. */
static int take_bytes(struct fl_client_stream *st, unsigned char *data, size_t len)
{
    struct fl_packet *p = st->first;

    if (p->hole > 0) {
        len = (size_t)MIN((int64_t)len, p->hole);
        memset(data, 0, len);
        p->hole -= (int64_t)len;
        if (!p->hole)
            fl_stream_drop_packet(st);
        return (int)len;
    }
    len = MIN(len, p->len - p->at);
    memcpy(data, p->data + p->at, len);
    p->at += len;
    if (p->at == p->len)
        fl_stream_drop_packet(st);
    return (int)len;
}

/* `own`: bytes may also come straight to this thread's memory. */
static int wait_data(struct fl_client_stream *st, bool nonblock, bool own)
{
    if (!st->first && !st->eof && nonblock)
        read_now(st);
    while (!st->first && !st->eof && !(own && st->into_got)) {
        if (check_alive(st) < 0)
            return -1;
        if (nonblock)
            return FL_CLIENT_STREAM_AGAIN;
        if (wait_change(st) < 0)
            return -1;
    }
    return st->first || (own && st->into_got) ? 0 : check_alive(st);
}

/* Waits with the caller's memory at hand. Bytes that were put there, 0 when some are queued or the end has
 * come, or as wait_data(). */
static int wait_direct(struct fl_client_stream *st, void *data, size_t len, bool nonblock)
{
    bool own = !st->first && !st->into && !nonblock;
    int rc;

    if (own) {
        st->into = data;
        st->into_len = len;
        st->into_got = 0;
        fl_stream_join_part(st);
    }
    rc = wait_data(st, nonblock, own);
    if (own) {
        fl_stream_leave_part(st);
        st->into = NULL;
        st->into_len = 0;
        if (st->into_got)
            rc = (int)st->into_got;
        st->into_got = 0;
    }
    return rc;
}

int fl_client_stream_recv(struct fl_client_stream *st, void *data, size_t len, bool nonblock,
                          bool stop_at_hole)
{
    int rc;

    len = MIN(len, (size_t)INT32_MAX);
    g_mutex_lock(&st->c->lock);
    rc = st->error || st->closed ? check_alive(st) : wait_direct(st, data, len, nonblock);
    if (rc == 0 && st->first)
        rc = stop_at_hole && st->first->hole > 0 ? FL_CLIENT_STREAM_HOLE : take_bytes(st, data, len);
    fl_client_unlock(st->c);
    fl_client_tell_closed(st->c);
    return rc;
}

int fl_client_stream_recv_hole(struct fl_client_stream *st, long long *ret_length)
{
    int rc;

    g_mutex_lock(&st->c->lock);
    rc = st->error || st->closed ? check_alive(st) : check_sparse(st);
    if (rc == 0)
        rc = wait_data(st, false, false);
    if (rc == 0) {
        *ret_length = st->first ? st->first->hole : 0;
        if (*ret_length > 0)
            fl_stream_drop_packet(st);
    }
    fl_client_unlock(st->c);
    return rc;
}

int fl_client_stream_finish(struct fl_client_stream *st)
{
    struct fl_client *c = st->c;
    int rc;

    g_mutex_lock(&c->lock);
    rc = check_alive(st);
    if (rc == 0)
        rc = fl_session_stream_finish(c->s, &st->h);
    if (rc == 0)
        rc = fl_client_flush(c);
    while (rc == 0 && !st->finished) {
        fl_stream_drop_queue(st);
        rc = check_alive(st) < 0 ? -1 : wait_change(st);
    }
    if (rc == 0 && st->error)
        rc = check_alive(st);
    fl_stream_detach(st);
    st->closed = true;
    fl_client_unlock(c);
    fl_client_tell_closed(c);
    return rc;
}

int fl_client_stream_abort(struct fl_client_stream *st)
{
    struct fl_client *c = st->c;
    int rc;

    g_mutex_lock(&c->lock);
    rc = check_alive(st);
    /* What the far side still sends goes to an unknown serial and is dropped. */
    if (rc == 0)
        rc = fl_session_stream_abort(c->s, &st->h, NULL);
    if (rc == 0)
        rc = fl_client_flush(c);
    fl_stream_detach(st);
    fl_stream_drop_queue(st);
    st->closed = true;
    fl_client_unlock(c);
    fl_client_tell_closed(c);
    return rc;
}

int fl_client_stream_ready(struct fl_client_stream *st)
{
    int ready = 0;

    g_mutex_lock(&st->c->lock);
    if ((st->first || st->eof) && !st->closed)
        ready |= VIR_STREAM_EVENT_READABLE;
    if (st->attached && !st->closed) {
        if (fl_session_queued(st->c->s) < SEND_FULL)
            ready |= VIR_STREAM_EVENT_WRITABLE;
        else
            st->c->room_wanted = true;
    }
    if (st->error)
        ready |= VIR_STREAM_EVENT_ERROR;
    if (!st->c->open)
        ready |= VIR_STREAM_EVENT_HANGUP;
    fl_client_unlock(st->c);
    return ready;
}

static void notify_room(void *opaque, void *arg)
{
    struct fl_client_stream *st = opaque;

    (void)arg;
    if (st->notify)
        st->notify(st->notify_opaque);
}

void fl_client_streams_room(struct fl_client *c)
{
    if (fl_session_queued(c->s) > SEND_FULL / 2)
        return;
    c->room_wanted = false;
    fl_session_each_stream(c->s, notify_room, NULL);
}
