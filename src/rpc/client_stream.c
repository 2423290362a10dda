/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Client streams, rpc/client_stream.h. While a receive queue is full nothing is read from the transport for
 * the loops' sake, so the far side stops sending; callers waiting for a reply still read, up to a hard limit
 * at which the stream is given up.
 */
#define FL_FROM VIR_FROM_RPC
#include "rpc/client_stream.h"

#include <string.h>
#include "base/util.h"
#include "rpc/client_private.h"

#define QUEUE_FULL  ((size_t)2 << 20)   /* stop reading ahead */
#define QUEUE_AGAIN ((size_t)1 << 20)   /* go on */
#define QUEUE_HARD  ((size_t)256 << 20) /* give up */
#define SEND_FULL   ((size_t)1 << 20)   /* output queued before a sender waits */
#define SEND_DIRECT ((size_t)16 << 10)  /* packets from here on are written without a copy */

struct packet {
    struct packet *next;
    size_t len, at;
    int64_t hole; /* > 0: a hole of this length, no data */
    unsigned char data[];
};

/* A thread that waits for this stream. */
struct stream_waiter {
    struct fl_waiter w;
    struct stream_waiter *next;
};

struct fl_client_stream {
    struct fl_client *c;
    struct fl_header h; /* of the opening call */
    bool attached;      /* the session knows it */
    bool eof;           /* the far side's data has ended */
    bool finished;      /* the far side agreed that all is done */
    bool closed;        /* our side finished or aborted */
    bool sparse;
    bool full;
    virErrorPtr error;
    struct packet *first, **last;
    size_t queued;
    unsigned char *into; /* a receiver waits with nothing queued: bytes go to him at once */
    size_t into_len, into_got;
    struct stream_waiter *waiting;
    void (*notify)(void *opaque);
    void *notify_opaque;
};

struct fl_client_stream *fl_client_stream_new(struct fl_client *c)
{
    struct fl_client_stream *st = g_new0(struct fl_client_stream, 1);

    st->c = fl_client_ref(c);
    st->last = &st->first;
    return st;
}

/* ---- the reader's side; lock held ---- */

static void stream_changed(struct fl_client_stream *st)
{
    for (struct stream_waiter *w = st->waiting; w; w = w->next)
        fl_client_wake(st->c, &w->w);
    if (st->notify)
        st->notify(st->notify_opaque);
}

static void set_full(struct fl_client_stream *st, bool full)
{
    if (st->full == full)
        return;
    st->full = full;
    st->c->full_streams += full ? 1 : -1u;
    fl_session_set_unread(st->c->s, st->c->full_streams > 0, g_get_monotonic_time());
    fl_client_kick(st->c);
    fl_client_alive_update(st->c);
    fl_client_watch_update(st->c);
}

static void drop_packet(struct fl_client_stream *st)
{
    struct packet *p = st->first;

    st->first = p->next;
    if (!st->first)
        st->last = &st->first;
    st->queued -= p->len + sizeof(*p);
    g_free(p);
    if (st->queued < QUEUE_AGAIN)
        set_full(st, false);
}

static void drop_queue(struct fl_client_stream *st)
{
    while (st->first)
        drop_packet(st);
}

static void detach(struct fl_client_stream *st)
{
    if (st->attached)
        fl_session_stream_close(st->c->s, st->h.serial);
    st->attached = false;
}

static void set_error(struct fl_client_stream *st)
{
    if (!st->error)
        st->error = fl_error_save();
    fl_error_reset();
    detach(st);
}

static void push_packet(struct fl_client_stream *st, const void *data, size_t len, int64_t hole)
{
    struct packet *p = g_malloc(sizeof(*p) + len);

    *p = (struct packet){ .len = len, .hole = hole };
    if (len)
        memcpy(p->data, data, len);
    *st->last = p;
    st->last = &p->next;
    st->queued += len + sizeof(*p);
    if (st->queued >= QUEUE_FULL)
        set_full(st, true);
}

static void receive_data(struct fl_client_stream *st, const struct fl_frame *f)
{
    size_t direct;

    if (!f->len) {
        st->eof = true;
        return;
    }
    if (st->queued + f->len > QUEUE_HARD) {
        fl_session_stream_abort(st->c->s, &st->h, NULL);
        fl_error(VIR_ERR_OPERATION_FAILED,
                 "stream given up: %zu bytes wait to be received while other calls go on", st->queued);
        set_error(st);
        return;
    }
    direct = MIN(f->len, st->into_len);
    if (direct) {
        memcpy(st->into, f->payload, direct);
        st->into_got = direct;
        st->into_len = 0;
    }
    if (direct < f->len)
        push_packet(st, f->payload + direct, f->len - direct, 0);
}

static void receive_hole(struct fl_client_stream *st, const struct fl_frame *f)
{
    int64_t length;
    uint32_t flags;

    if (fl_session_read_hole(f, &length, &flags) < 0)
        set_error(st);
    else if (length)
        push_packet(st, NULL, 0, length);
}

void fl_client_stream_frame(struct fl_client *c, struct fl_client_stream *st, const struct fl_frame *f)
{
    FL_ERROR_PRESERVE;

    if (f->h.status == FL_FRAME_ERROR) {
        fl_session_raise(f);
        set_error(st);
    } else if (f->h.type == FL_FRAME_STREAM_HOLE) {
        receive_hole(st, f);
    } else if (f->h.status == FL_FRAME_CONTINUE) {
        receive_data(st, f);
    } else {
        st->eof = st->finished = true;
    }
    stream_changed(st);
}

static void notify_one(void *opaque, void *arg)
{
    struct fl_client_stream *st = opaque;

    st->eof = true;
    stream_changed(st);
}

void fl_client_streams_closed(struct fl_client *c)
{
    fl_session_each_stream(c->s, notify_one, NULL);
}

static void lose_one(void *opaque, void *arg)
{
    struct fl_client_stream *st = opaque;
    struct fl_client *c = arg;

    if (!st->error && c->close_error) {
        st->error = g_new0(virError, 1);
        fl_error_copy(c->close_error, st->error);
    }
    st->eof = true;
    st->attached = false;
    drop_queue(st);
    set_full(st, false);
}

void fl_client_streams_lost(struct fl_client *c)
{
    fl_session_each_stream(c->s, lose_one, c);
}

/* ---- opening and ending ---- */

int fl_client_stream_attach(struct fl_client_stream *st, uint32_t program, uint32_t proc, uint32_t serial)
{
    st->h = (struct fl_header){ .program = program, .version = 1, .procedure = proc, .serial = serial };
    if (fl_session_stream_open(st->c->s, serial, st) < 0)
        return -1;
    st->attached = true;
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
    detach(st);
    drop_queue(st);
    set_full(st, false);
    fl_client_unlock(c);
    fl_error_free(st->error);
    g_free(st);
    fl_client_unref(c);
}

/* Never opened on the far side: nothing to abort. */
void fl_client_stream_drop(struct fl_client_stream *st)
{
    g_mutex_lock(&st->c->lock);
    detach(st);
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

/* Until something happens on this stream. Lock held. */
static int wait_change(struct fl_client_stream *st)
{
    struct stream_waiter w = { .next = st->waiting };
    struct stream_waiter **at;
    int rc;

    st->waiting = &w;
    rc = fl_client_wait(st->c, &w.w, fl_client_call_deadline(st->c));
    for (at = &st->waiting; *at != &w; at = &(*at)->next)
        ;
    *at = w.next;
    return rc;
}

/* What the transport has right now, without waiting. Lock held. */
static void read_now(struct fl_client *c)
{
    if (c->reading || !c->open)
        return;
    c->reading = true;
    fl_client_read_some(c);
    c->reading = false;
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
        if (nonblock)
            return FL_CLIENT_STREAM_AGAIN;
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
    struct packet *p = st->first;

    if (p->hole > 0) {
        len = (size_t)MIN((int64_t)len, p->hole);
        memset(data, 0, len);
        p->hole -= (int64_t)len;
        if (!p->hole)
            drop_packet(st);
        return (int)len;
    }
    len = MIN(len, p->len - p->at);
    memcpy(data, p->data + p->at, len);
    p->at += len;
    if (p->at == p->len)
        drop_packet(st);
    return (int)len;
}

/* `own`: bytes may also come straight to this thread's memory. */
static int wait_data(struct fl_client_stream *st, bool nonblock, bool own)
{
    if (!st->first && !st->eof && nonblock)
        read_now(st->c);
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
    }
    rc = wait_data(st, nonblock, own);
    if (own) {
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
            drop_packet(st);
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
        drop_queue(st);
        rc = check_alive(st) < 0 ? -1 : wait_change(st);
    }
    if (rc == 0 && st->error)
        rc = check_alive(st);
    detach(st);
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
    detach(st);
    drop_queue(st);
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
    if (st->attached && !st->closed && fl_session_queued(st->c->s) < SEND_FULL)
        ready |= VIR_STREAM_EVENT_WRITABLE;
    if (st->error)
        ready |= VIR_STREAM_EVENT_ERROR;
    if (!st->c->open)
        ready |= VIR_STREAM_EVENT_HANGUP;
    fl_client_unlock(st->c);
    return ready;
}
