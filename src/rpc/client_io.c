/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The client's traffic: writing what the session queued, reading, handing replies to their callers, and
 * ending a connection that failed. Who waits and who reads meanwhile is client_wait.c's. */
#define FL_FROM VIR_FROM_RPC
#include "rpc/client_private.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>
#include "base/log.h"
#include "base/util.h"
#include "base/walk.h"

#define WRITE_COPY 8192 /* up to this much is copied to be written without the lock */

/* ---- the end of a connection ---- */

void fl_client_close_if_idle(struct fl_client *c)
{
    if (!c->open && !c->polling && c->t->fd >= 0)
        fl_transport_close(c->t);
}

void fl_client_fail(struct fl_client *c, int reason)
{
    if (!c->open)
        return;
    c->open = false;
    c->close_reason = reason;
    c->close_error = fl_error_save();
    fl_client_watch_remove(c);
    /* Waiters see `open` and raise close_error, each for itself. */
    for (struct fl_waiter *w = c->waiters; w; w = w->next)
        fl_client_rouse(c, w);
    fl_client_streams_closed(c);
    fl_client_loop_notify(c);
    fl_client_kick(c);
    fl_client_close_if_idle(c);
}

int fl_client_raise_closed(struct fl_client *c)
{
    const char *why = c->close_error && c->close_error->code ? c->close_error->message : NULL;

    /* Compat: callers tell "it broke under this call" (a system error) from "it was closed before" by this
     * code. */
    return fl_error(VIR_ERR_INTERNAL_ERROR, "the connection to %s is closed%s%s%s", c->t->target,
                    why ? " (" : "", why ? why : "", why ? ")" : "");
}

/* For those who were waiting when it happened. */
int fl_client_raise_broken(struct fl_client *c)
{
    if (c->close_error && c->close_error->code)
        return fl_error_set_raw(c->close_error);
    return fl_client_raise_closed(c);
}

void fl_client_tell_closed(struct fl_client *c)
{
    bool tell;
    int reason;

    g_mutex_lock(&c->lock);
    tell = !c->open && !c->closed_told && c->opts.closed;
    reason = c->close_reason;
    if (tell) {
        c->closed_told = true;
        c->in_closed = g_thread_self();
        fl_client_ref(c);
    }
    fl_client_unlock(c);
    if (!tell)
        return;
    c->opts.closed(c->opts.opaque, reason);
    g_mutex_lock(&c->lock);
    c->in_closed = NULL;
    g_cond_broadcast(&c->handlers_cond);
    fl_client_unlock(c);
    fl_client_unref(c);
}

/* ---- writing ---- */

/* What opening or closing was at; NULL when neither goes on. */
const char *fl_client_stage_name(const struct fl_client *c)
{
    int way = c->stage.name ? fl_transport_stage(c->t) : FL_STAGE_NONE;

    return way != FL_STAGE_NONE ? fl_stage_name((enum fl_stage)way) : c->stage.name;
}

/* What an error says behind the title of its code, which the one made of it begins with again. */
static char *said_of(const virError *err)
{
    return g_strdup(err->str2 ? err->str2 : err->message);
}

/* A socket's error while opening; the end of a child tells its stage itself, which is past once all is open.
 */
static void add_stage(const struct fl_client *c)
{
    virErrorPtr err = fl_error_get();
    g_autofree char *said = NULL;
    int errnum = err->int1;

    if (!c->stage.name)
        fl_stage_unname_error();
    if (!c->stage.name || !c->parallel)
        return;
    said = said_of(err);
    fl_error_set(err->domain, err->code, "%s: %s", c->stage.name, said);
    fl_error_get()->int1 = errnum;
}

/* What moving bytes failed with: an end that was not waited for is one all the same. */
static int failure_reason(void)
{
    int errnum = fl_error_get()->code == VIR_ERR_SYSTEM_ERROR ? fl_error_get()->int1 : 0;

    return errnum == EPIPE || errnum == ECONNRESET ? VIR_CONNECT_CLOSE_REASON_EOF
                                                   : VIR_CONNECT_CLOSE_REASON_ERROR;
}

static void wake_senders(struct fl_client *c)
{
    size_t queued = fl_session_queued(c->s);

    for (struct fl_sender *w = c->senders; w; w = w->next)
        if (queued <= w->resume)
            fl_client_wake(c, &w->w);
}

/* Small output is written without the lock, so that others can add to it: it all goes with the next write. */
static ssize_t write_some(struct fl_client *c, const unsigned char *p, size_t len)
{
    unsigned char copy[WRITE_COPY];
    ssize_t n;

    if (!c->parallel || len > sizeof(copy))
        return fl_transport_write(c->t, p, len);
    memcpy(copy, p, len);
    c->polling++;
    fl_client_unlock(c);
    n = fl_transport_write(c->t, copy, len);
    g_mutex_lock(&c->lock);
    c->polling--;
    return n;
}

/* 1 = moved something, 0 = nothing to send, -FL_AGAIN or -1. */
static int flush_step(struct fl_client *c)
{
    int fd = fl_session_output_fd(c->s);
    const unsigned char *p;
    ssize_t n;
    size_t len;

    if (fd >= 0) {
        int rc = fl_transport_send_fd(c->t, fd);

        if (rc < 0)
            return rc;
        fl_session_fd_sent(c->s);
        return 1;
    }
    p = fl_session_output(c->s, &len);
    if (!len)
        return 0;
    n = write_some(c, p, len);
    if (n < 0)
        return (int)n;
    fl_session_sent(c->s, (size_t)n);
    return 1;
}

int fl_client_flush(struct fl_client *c)
{
    bool wanted = c->want_write;
    int rc;

    if (!c->open)
        return fl_client_raise_closed(c);
    if (c->writing) /* by another thread, which looks again */
        return 0;
    c->writing = true;
    do {
        rc = flush_step(c);
    } while (rc == 1 && c->open);
    c->writing = false;
    if (!c->open) { /* ended by another thread meanwhile */
        fl_client_close_if_idle(c);
        return fl_client_raise_broken(c);
    }
    wake_senders(c);
    if (c->room_wanted)
        fl_client_streams_room(c);
    if (rc == -1) {
        add_stage(c);
        fl_client_fail(c, failure_reason());
        return -1;
    }
    c->want_write = rc == -FL_AGAIN;
    if (c->want_write != wanted) {
        fl_client_watch_update(c);
        if (c->want_write)
            fl_client_kick(c);
    }
    return 0;
}

/* ---- reading ---- */

/* The reply's bytes move to the caller's arena: copied when few, the whole buffer handed over when many. */
static void deliver(struct fl_client *c, struct fl_call *call, const struct fl_frame *f)
{
    void *block = fl_session_take_buffer(c->s, f);

    call->h = f->h;
    call->len = f->len;
    call->payload = f->payload;
    if (block)
        fl_arena_adopt(call->arena, block);
    else if (f->len) {
        call->payload = fl_arena_alloc(call->arena, f->len);
        memcpy(call->payload, f->payload, f->len);
    }
    call->nfds = 0;
}

static void call_done(struct fl_client *c, struct fl_call *call)
{
    fl_client_wake(c, &call->waiter);
}

static void handle_event(struct fl_client *c, const struct fl_frame *f)
{
    if (!c->opts.event)
        return;
    c->in_event = g_thread_self();
    fl_client_unlock(c);
    c->opts.event(c->opts.opaque, f);
    g_mutex_lock(&c->lock);
    c->in_event = NULL;
    if (c->closers)
        g_cond_broadcast(&c->handlers_cond);
}

static void handle_frame(struct fl_client *c, const struct fl_frame *f)
{
    switch (f->h.type) {
    case FL_FRAME_REPLY:
    case FL_FRAME_REPLY_WITH_FDS:
        if (f->opaque)
            deliver(c, f->opaque, f);
        c->fd_call = f->opaque;
        c->fd_left = f->nfds;
        if (!f->nfds && f->opaque)
            call_done(c, f->opaque);
        return;
    case FL_FRAME_STREAM:
    case FL_FRAME_STREAM_HOLE:
        if (f->opaque)
            fl_client_stream_frame(c, f->opaque, f);
        return;
    case FL_FRAME_MESSAGE:
        handle_event(c, f);
        return;
    default:
        return;
    }
}

/* The descriptors of the last frame. 0, -FL_AGAIN, -1. */
static int read_fds(struct fl_client *c)
{
    while (c->fd_left) {
        int fd = -1, rc = fl_transport_recv_fd(c->t, &fd);

        if (rc < 0)
            return rc;
        c->fd_left--;
        if (c->fd_call && c->fd_call->fds)
            c->fd_call->fds[c->fd_call->nfds++] = fd;
        else
            close(fd);
        if (!c->fd_left && c->fd_call)
            call_done(c, c->fd_call);
    }
    return 0;
}

/* Behind a login there is a shell, which may greet before it runs what it is told. */
static const char *advice_on_answer(const struct fl_client *c, const char *said)
{
    const struct fl_transport *t = c->t;

    while (t->below)
        t = t->below;
    if (strstr(t->ops->name, "ssh") && strstr(said, "it is text"))
        return "what a login prints there comes first: let the start-up files of its shell (.bashrc and the "
               "like) print to terminals only, and check that this user may run commands";
    return "check that this is where libvirtd listens";
}

/* The session's error, with whom and when while opening. */
static void name_stage(const struct fl_client *c, const char *what)
{
    g_autofree char *said = NULL;

    if (!c->stage.name)
        return;
    said = said_of(fl_error_get());
    fl_error(VIR_ERR_RPC, "%s: %s %s: %s; %s", c->stage.name, c->t->target, what, said,
             advice_on_answer(c, said));
}

static int drain(struct fl_client *c)
{
    struct fl_frame f;
    int rc;

    while (c->open && !c->fd_left && (rc = fl_session_next(c->s, &f)) != 0) {
        if (rc < 0) {
            name_stage(c, "answers, but not as libvirtd does");
            fl_client_fail(c, VIR_CONNECT_CLOSE_REASON_ERROR);
            return -1;
        }
        handle_frame(c, &f);
    }
    if (c->open && !c->fd_left)
        fl_client_stream_divert(c);
    return c->open ? 0 : -1;
}

/* Bytes moved, 0 = end, -FL_AGAIN or -1. `*ret_full`: as many as there was room for. */
static ssize_t read_bytes(struct fl_client *c, bool *ret_full)
{
    unsigned char *at;
    size_t len;
    ssize_t n;

    if (fl_session_diverted(c->s))
        return fl_client_stream_read(c, ret_full);
    at = fl_session_space(c->s, &len);
    n = fl_transport_read(c->t, at, len);
    if (n > 0)
        fl_session_received(c->s, (size_t)n, g_get_monotonic_time());
    *ret_full = n > 0 && (size_t)n == len;
    return n;
}

/* The answer to our goodbye is here already: that nothing follows it is no error. */
static void end_as_agreed(struct fl_client *c)
{
    FL_ERROR_PRESERVE;

    fl_debug("%s hung up after the close", c->t->target);
    fl_error_reset();
    fl_client_fail(c, VIR_CONNECT_CLOSE_REASON_EOF);
}

static int read_eof(struct fl_client *c)
{
    const char *stage = fl_client_stage_name(c);

    if (c->stage.closing && !fl_session_npending(c->s)) {
        end_as_agreed(c);
        return -1;
    }
    fl_error(VIR_ERR_SYSTEM_ERROR, "%s%s%s closed the connection%s%s", stage ? stage : "", stage ? ": " : "",
             c->t->target, fl_session_npending(c->s) ? " with calls unanswered" : "",
             stage ? "; its log says why, for example that it has all the clients it takes" : "");
    fl_error_get()->int1 = EIO; /* Compat: the end of the bytes is an input error */
    fl_client_fail(c, VIR_CONNECT_CLOSE_REASON_EOF);
    return -1;
}

/* 1 = there may be more, 0 = that was all for now, -1. */
static int read_once(struct fl_client *c)
{
    bool full = false;
    ssize_t n;

    if (c->fd_left) {
        int rc = read_fds(c);

        if (rc == -1)
            fl_client_fail(c, VIR_CONNECT_CLOSE_REASON_ERROR);
        return rc == -FL_AGAIN ? 0 : rc < 0 ? -1 : 1;
    }
    n = read_bytes(c, &full);
    if (n == -FL_AGAIN)
        return 0;
    if (n == 0)
        return read_eof(c);
    if (n < 0) {
        add_stage(c);
        if (c->stage.name && fl_error_get()->int1 == ECONNRESET && !strstr(fl_error_get()->message, "; "))
            fl_stage_advise("the far side dropped the connection: its log says why");
        fl_client_fail(c, failure_reason());
        return -1;
    }
    if (drain(c) < 0)
        return -1;
    return full || c->fd_left || fl_transport_pending(c->t);
}

/* What else has come is for others, or for the next time: nobody waits for it. A loop that has to see it sees
 * the descriptor, but not what is in a layer. */
static bool is_served(struct fl_client *c, const struct fl_waiter *w)
{
    return w && w->done && !(c->listeners && fl_transport_pending(c->t));
}

int fl_client_read_some(struct fl_client *c, const struct fl_waiter *w)
{
    int rc;

    do {
        rc = c->open ? read_once(c) : -1;
    } while (rc == 1 && !c->full_streams && !is_served(c, w));
    if (rc < 0)
        return -1;
    /* Answers to pings were queued while reading. */
    return fl_session_queued(c->s) && !c->want_write ? fl_client_flush(c) : 0;
}

int fl_client_tick(struct fl_client *c)
{
    if (!c->open)
        return -1;
    if (fl_session_deadline(c->s) != FL_NO_DEADLINE && fl_session_tick(c->s, g_get_monotonic_time()) < 0) {
        fl_client_fail(c, VIR_CONNECT_CLOSE_REASON_KEEPALIVE);
        return -1;
    }
    return fl_session_queued(c->s) && !c->want_write ? fl_client_flush(c) : 0;
}
