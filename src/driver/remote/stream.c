/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * virStream operations over the client's streams (rpc/client_stream.h). Readiness callbacks run from a timer
 * of the application's event loop, which is set off whenever the stream's state changes.
 */
#define FL_FROM VIR_FROM_RPC
#include <string.h>

#include "base/error.h"
#include "base/event.h"
#include "core/stream.h"
#include "driver/remote/remote.h"
#include "rpc/client_stream.h"

/* st->priv. */
struct remote_stream {
    struct fl_client_stream *cs;
    struct fl_client *client;
    GMutex lock;
    int timer; /* -1: no callback */
    int events;
    virStreamEventCallback cb;
    void *opaque;
    virFreeCallback ff;
};

static bool nonblocking(virStreamPtr st)
{
    return st->flags & VIR_STREAM_NONBLOCK;
}

static struct fl_client_stream *client_stream(virStreamPtr st)
{
    return ((struct remote_stream *)st->priv)->cs;
}

static int stream_send(virStreamPtr st, const char *data, size_t nbytes)
{
    return fl_client_stream_send(client_stream(st), data, nbytes, nonblocking(st));
}

static int stream_recv(virStreamPtr st, char *data, size_t nbytes, unsigned int flags)
{
    return fl_client_stream_recv(client_stream(st), data, nbytes, nonblocking(st),
                                 flags & VIR_STREAM_RECV_STOP_AT_HOLE);
}

static int stream_send_hole(virStreamPtr st, long long length, unsigned int flags)
{
    return fl_client_stream_send_hole(client_stream(st), length, flags);
}

static int stream_recv_hole(virStreamPtr st, long long *length, unsigned int flags)
{
    if (flags)
        return fl_error(VIR_ERR_INVALID_ARG, "no flags are known for receiving a hole: 0x%x", flags);
    return fl_client_stream_recv_hole(client_stream(st), length);
}

/* ---- readiness ---- */

/* The client's lock is held: only the timer is touched. */
static void on_change(void *opaque)
{
    struct remote_stream *rs = opaque;
    int timer = g_atomic_int_get(&rs->timer);

    if (timer >= 0)
        fl_event_update_timeout(timer, 0);
}

static void on_timer(int timer, void *opaque)
{
    virStreamPtr st = opaque;
    struct remote_stream *rs = st->priv;
    virStreamEventCallback cb;
    void *cb_opaque;
    int ready;

    /* Asleep first: a change from here on sets it off again. */
    fl_event_update_timeout(timer, -1);
    ready = fl_client_stream_ready(rs->cs);
    g_mutex_lock(&rs->lock);
    cb = rs->cb;
    cb_opaque = rs->opaque;
    /* Errors and hang-ups are always told. */
    ready &= rs->events | VIR_STREAM_EVENT_ERROR | VIR_STREAM_EVENT_HANGUP;
    g_mutex_unlock(&rs->lock);
    if (!cb || !ready)
        return;
    cb(st, ready, cb_opaque);
    if (g_atomic_int_get(&rs->timer) == timer &&
        (fl_client_stream_ready(rs->cs) & (rs->events | VIR_STREAM_EVENT_ERROR | VIR_STREAM_EVENT_HANGUP)))
        fl_event_update_timeout(timer, 0);
}

static void timer_gone(void *opaque)
{
    virStreamPtr st = opaque;

    fl_stream_unref(st);
}

static int stream_event_remove(virStreamPtr st)
{
    struct remote_stream *rs = st->priv;
    virFreeCallback ff;
    void *opaque;
    int timer;

    g_mutex_lock(&rs->lock);
    timer = rs->timer;
    g_atomic_int_set(&rs->timer, -1);
    ff = rs->ff;
    opaque = rs->opaque;
    rs->cb = NULL;
    rs->ff = NULL;
    g_mutex_unlock(&rs->lock);
    if (timer < 0)
        return fl_error(VIR_ERR_INTERNAL_ERROR, "the stream has no event callback");
    fl_client_stream_set_notify(rs->cs, NULL, NULL);
    fl_event_remove_timeout(timer);
    fl_client_unlisten(rs->client);
    if (ff)
        ff(opaque);
    return 0;
}

static int stream_event_add(virStreamPtr st, int events, virStreamEventCallback cb, void *opaque,
                            virFreeCallback ff)
{
    struct remote_stream *rs = st->priv;
    int timer;

    if (rs->timer >= 0)
        return fl_error(VIR_ERR_INTERNAL_ERROR, "the stream has an event callback already");
    if (fl_client_listen(rs->client) < 0)
        return -1;
    fl_stream_ref(st);
    timer = fl_event_add_timeout(-1, on_timer, st, timer_gone);
    if (timer < 0) {
        fl_client_unlisten(rs->client);
        fl_stream_unref(st);
        return -1;
    }
    g_mutex_lock(&rs->lock);
    rs->events = events;
    rs->cb = cb;
    rs->opaque = opaque;
    rs->ff = ff;
    g_atomic_int_set(&rs->timer, timer);
    g_mutex_unlock(&rs->lock);
    fl_client_stream_set_notify(rs->cs, on_change, rs);
    fl_event_update_timeout(timer, 0);
    return 0;
}

static int stream_event_update(virStreamPtr st, int events)
{
    struct remote_stream *rs = st->priv;
    int timer;

    g_mutex_lock(&rs->lock);
    timer = rs->timer;
    rs->events = events;
    g_mutex_unlock(&rs->lock);
    if (timer < 0)
        return fl_error(VIR_ERR_INTERNAL_ERROR, "the stream has no event callback");
    fl_event_update_timeout(timer, 0);
    return 0;
}

/* ---- ending ---- */

static void event_drop(virStreamPtr st)
{
    struct remote_stream *rs = st->priv;

    if (rs->timer >= 0)
        stream_event_remove(st);
}

static int stream_finish(virStreamPtr st)
{
    int rc = fl_client_stream_finish(client_stream(st));

    event_drop(st);
    return rc;
}

static int stream_abort(virStreamPtr st)
{
    int rc = fl_client_stream_abort(client_stream(st));

    event_drop(st);
    return rc;
}

static void stream_free(virStreamPtr st)
{
    struct remote_stream *rs = st->priv;

    fl_client_stream_free(rs->cs);
    fl_client_unref(rs->client);
    g_mutex_clear(&rs->lock);
    g_free(rs);
    st->priv = NULL;
}

static const struct fl_stream_ops remote_stream_ops = {
    .send = stream_send,
    .recv = stream_recv,
    .send_hole = stream_send_hole,
    .recv_hole = stream_recv_hole,
    .finish = stream_finish,
    .abort = stream_abort,
    .event_add = stream_event_add,
    .event_update = stream_event_update,
    .event_remove = stream_event_remove,
    .free = stream_free,
};

/* Of the two calls that know it, the flag of the same value: VIR_STORAGE_VOL_{DOWNLOAD,UPLOAD}_SPARSE_STREAM.
 */
static bool call_is_sparse(unsigned int program, unsigned int proc, const void *args)
{
    const struct fl_proc *p = fl_proc_find(program, proc);
    uint32_t flags;

    if (program != FL_PROGRAM_REMOTE ||
        (proc != FL_P_STORAGE_VOL_DOWNLOAD && proc != FL_P_STORAGE_VOL_UPLOAD))
        return false;
    memcpy(&flags, (const char *)args + p->flags_at, sizeof(flags));
    return flags & VIR_STORAGE_VOL_DOWNLOAD_SPARSE_STREAM;
}

int fl_remote_call_stream(struct fl_client *c, unsigned int program, unsigned int proc,
                          unsigned int args_type, const void *args, unsigned int ret_type, void *ret,
                          struct fl_arena *arena, virStreamPtr st)
{
    struct fl_client_stream *cs;
    struct remote_stream *rs = st->priv;

    if (st->ops && (st->ops != &remote_stream_ops || !fl_client_stream_ended(rs->cs)))
        return fl_error(VIR_ERR_OPERATION_INVALID, "the stream is in use by another call");
    if (fl_client_open_stream(c, program, proc, args_type, args, ret_type, ret, arena, &cs) < 0)
        return -1;
    if (call_is_sparse(program, proc, args))
        fl_client_stream_set_sparse(cs);
    if (st->ops) {
        event_drop(st);
        stream_free(st);
    }
    rs = g_new0(struct remote_stream, 1);
    rs->cs = cs;
    rs->client = fl_client_ref(c);
    rs->timer = -1;
    g_mutex_init(&rs->lock);
    st->priv = rs;
    st->ops = &remote_stream_ops;
    return 0;
}
