/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Client streams: what the thread that reads does for them. While a receive queue is full nothing is read
 * from the transport for the loops' sake, so the far side stops sending; callers waiting for a reply still
 * read, up to a hard limit at which the stream is given up.
 *
 * Of a big packet the beginning comes with its header into the session's buffer. The rest is read straight to
 * where it is wanted: the memory of a receiver who waits, if the packet fits, else a block of the stream's
 * own.
 */
#define FL_FROM VIR_FROM_RPC
#include <string.h>

#include "base/util.h"
#include "rpc/client_stream_private.h"

#define QUEUE_FULL  ((size_t)2 << 20)   /* stop reading ahead */
#define QUEUE_AGAIN ((size_t)1 << 20)   /* go on */
#define QUEUE_HARD  ((size_t)256 << 20) /* give up */
#define AHEAD       ((size_t)1 << 10) /* read behind a packet, and copied if it is another one's beginning */

static void stream_changed(struct fl_client_stream *st)
{
    for (struct fl_stream_waiter *w = st->waiting; w; w = w->next)
        fl_client_wake(st->c, &w->w);
    if (st->notify)
        st->notify(st->notify_opaque);
}

void fl_stream_set_full(struct fl_client_stream *st, bool full)
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

/* ---- packets ---- */

static struct fl_packet *new_packet(struct fl_client_stream *st, size_t len)
{
    struct fl_packet *p = st->spares;

    if (p && p->room >= len) {
        st->spares = p->next;
        st->nspares--;
        *p = (struct fl_packet){ .len = len, .room = p->room };
        return p;
    }
    p = g_malloc(sizeof(*p) + len);
    *p = (struct fl_packet){ .len = len, .room = len };
    return p;
}

/* Big ones are kept, the others forgotten. */
static void free_packet(struct fl_client_stream *st, struct fl_packet *p)
{
    if (p->room < FL_SESSION_DIVERT_MIN || st->nspares == FL_SPARES) {
        g_free(p);
        return;
    }
    p->next = st->spares;
    st->spares = p;
    st->nspares++;
}

void fl_stream_drop_packet(struct fl_client_stream *st)
{
    struct fl_packet *p = st->first;

    st->first = p->next;
    if (!st->first)
        st->last = &st->first;
    st->queued -= p->len + sizeof(*p);
    free_packet(st, p);
    if (st->queued < QUEUE_AGAIN)
        fl_stream_set_full(st, false);
}

void fl_stream_drop_queue(struct fl_client_stream *st)
{
    while (st->first)
        fl_stream_drop_packet(st);
}

void fl_stream_free_packets(struct fl_client_stream *st)
{
    fl_stream_drop_queue(st);
    fl_stream_set_full(st, false);
    while (st->spares) {
        struct fl_packet *p = st->spares;

        st->spares = p->next;
        g_free(p);
    }
    st->nspares = 0;
}

static void push_packet(struct fl_client_stream *st, struct fl_packet *p)
{
    *st->last = p;
    st->last = &p->next;
    st->queued += p->len + sizeof(*p);
    if (st->queued >= QUEUE_FULL)
        fl_stream_set_full(st, true);
}

static void push_copy(struct fl_client_stream *st, const void *data, size_t len)
{
    struct fl_packet *p = new_packet(st, len);

    memcpy(p->data, data, len);
    push_packet(st, p);
}

/* ---- a packet that is coming ---- */

/* Nobody wants the rest: it is read and dropped. */
static void drop_part(struct fl_client_stream *st)
{
    if (st->c->diverted == st)
        st->c->diverted = NULL;
    g_clear_pointer(&st->part_packet, g_free);
    st->part = NULL;
}

void fl_stream_join_part(struct fl_client_stream *st)
{
    if (!st->part_packet || st->first || st->part_got > AHEAD || st->into_len < st->part_len)
        return;
    memcpy(st->into, st->part, st->part_got);
    st->part = st->into;
    free_packet(st, g_steal_pointer(&st->part_packet));
}

void fl_stream_leave_part(struct fl_client_stream *st)
{
    if (!st->part || st->part_packet)
        return;
    st->part_packet = new_packet(st, st->part_len);
    memcpy(st->part_packet->data, st->part, st->part_got);
    st->part = st->part_packet->data;
}

void fl_stream_detach(struct fl_client_stream *st)
{
    drop_part(st);
    if (st->attached)
        fl_session_stream_close(st->c->s, st->h.serial);
    st->attached = false;
}

static void set_error(struct fl_client_stream *st)
{
    if (!st->error)
        st->error = fl_error_save();
    fl_error_reset();
    fl_stream_detach(st);
}

/* More than anybody could ask for waits already: false, and the stream is over. */
static bool has_room(struct fl_client_stream *st, size_t len)
{
    if (st->queued + len <= QUEUE_HARD)
        return true;
    fl_session_stream_abort(st->c->s, &st->h, NULL);
    fl_error(VIR_ERR_OPERATION_FAILED,
             "stream given up: %zu bytes wait to be received while other calls go on", st->queued);
    set_error(st);
    return false;
}

void fl_client_stream_divert(struct fl_client *c)
{
    struct fl_frame f;
    size_t have;
    struct fl_client_stream *st;

    if (!fl_session_divert(c->s, &f, &have))
        return;
    st = f.opaque;
    if (!has_room(st, f.len)) {
        stream_changed(st);
        return;
    }
    if (st->into_len >= f.len && !st->first) {
        st->part = st->into;
    } else {
        st->part_packet = new_packet(st, f.len);
        st->part = st->part_packet->data;
    }
    memcpy(st->part, f.payload, have);
    st->part_len = f.len;
    st->part_got = have;
    c->diverted = st;
}

static void part_came(struct fl_client *c, size_t len)
{
    struct fl_client_stream *st = c->diverted;

    if (!st)
        return;
    st->part_got += len;
    if (st->part_got < st->part_len)
        return;
    c->diverted = NULL;
    st->part = NULL;
    if (st->part_packet) {
        push_packet(st, g_steal_pointer(&st->part_packet));
    } else {
        st->into_got = st->part_len;
        st->into_len = 0;
    }
    stream_changed(st);
}

/* The rest of the packet, and if it is all here, the head of what follows: one system call. */
static ssize_t read_part(struct fl_client *c, unsigned char *part, bool *ret_full)
{
    struct iovec iov[2] = { { part, fl_session_diverted(c->s) } };
    size_t part_len = iov[0].iov_len;
    int64_t now;
    ssize_t n;

    iov[1].iov_base = fl_session_space(c->s, &iov[1].iov_len);
    iov[1].iov_len = MIN(iov[1].iov_len, AHEAD);
    n = fl_transport_read2(c->t, iov);
    if (n <= 0)
        return n;
    now = g_get_monotonic_time();
    fl_session_took(c->s, MIN((size_t)n, part_len), now);
    if ((size_t)n > part_len)
        fl_session_received(c->s, (size_t)n - part_len, now);
    *ret_full = (size_t)n == part_len + iov[1].iov_len || (size_t)n == part_len;
    part_came(c, MIN((size_t)n, part_len));
    return n;
}

ssize_t fl_client_stream_read(struct fl_client *c, bool *ret_full)
{
    unsigned char scratch[4096];
    struct fl_client_stream *st = c->diverted;
    size_t len;
    ssize_t n;

    if (st)
        return read_part(c, st->part + st->part_got, ret_full);
    len = MIN(sizeof(scratch), fl_session_diverted(c->s));
    n = fl_transport_read(c->t, scratch, len);
    if (n > 0)
        fl_session_took(c->s, (size_t)n, g_get_monotonic_time());
    *ret_full = n > 0 && (size_t)n == len;
    return n;
}

/* ---- whole frames ---- */

static void receive_data(struct fl_client_stream *st, const struct fl_frame *f)
{
    size_t direct = st->first ? 0 : MIN(f->len, st->into_len);

    if (!f->len) {
        st->eof = true;
        return;
    }
    if (!has_room(st, f->len))
        return;
    if (direct) {
        memcpy(st->into, f->payload, direct);
        st->into_got = direct;
        st->into_len = 0;
    }
    if (direct < f->len)
        push_copy(st, f->payload + direct, f->len - direct);
}

static void receive_hole(struct fl_client_stream *st, const struct fl_frame *f)
{
    struct fl_packet *p;
    int64_t length;
    uint32_t flags;

    if (fl_session_read_hole(f, &length, &flags) < 0) {
        set_error(st);
    } else if (length) {
        p = g_malloc(sizeof(*p));
        *p = (struct fl_packet){ .hole = length };
        push_packet(st, p);
    }
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

/* ---- the end of the connection ---- */

static void notify_one(void *opaque, void *arg)
{
    struct fl_client_stream *st = opaque;

    (void)arg;
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
    drop_part(st);
    st->attached = false;
    fl_stream_drop_queue(st);
    fl_stream_set_full(st, false);
}

void fl_client_streams_lost(struct fl_client *c)
{
    fl_session_each_stream(c->s, lose_one, c);
}
