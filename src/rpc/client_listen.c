/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reading while no call waits: for events, pings and the end of a connection. With an event loop registered
 * the descriptor is watched there; without one, a private thread polls. Calling threads always go first:
 * while they come and go they read everything anyway, so both loops rest for a moment instead of being woken
 * by each reply.
 */
#define FL_FROM VIR_FROM_RPC
#include "rpc/client_private.h"

#include <poll.h>
#include <unistd.h>
#include "base/event.h"
#include "base/log.h"
#include "base/util.h"

#define REST_MS 3

static void unref_client(void *opaque)
{
    fl_client_unref(opaque);
}

/* ---- the application's loop ---- */

static int wanted_events(const struct fl_client *c)
{
    int events = VIR_EVENT_HANDLE_ERROR | VIR_EVENT_HANDLE_HANGUP;

    /* Not even a hang-up is of interest while a caller reads or before the queues have room. */
    if (c->watch_rests || (c->full_streams && !c->want_write))
        return 0;
    if (!c->full_streams)
        events |= VIR_EVENT_HANDLE_READABLE;
    /* What a layer has decoded already is not seen on the descriptor: room to write wakes the loop at once.
     */
    if (c->want_write || (!c->full_streams && fl_transport_pending(c->t) > 0) ||
        (fl_transport_want(c->t, POLLIN) & POLLOUT))
        events |= VIR_EVENT_HANDLE_WRITABLE;
    return events;
}

void fl_client_alive_update(struct fl_client *c)
{
    int ms = fl_deadline_poll_ms(fl_session_deadline(c->s));

    if (c->alive_timer >= 0)
        fl_event_update_timeout(c->alive_timer, ms);
}

void fl_client_watch_update(struct fl_client *c)
{
    int events;

    if (c->watch < 0)
        return;
    events = wanted_events(c);
    if (events == c->watch_events)
        return;
    c->watch_events = events;
    fl_event_update_handle(c->watch, events);
}

/* What a loop does when the descriptor is ready and no caller reads. Lock held. */
static void loop_read(struct fl_client *c)
{
    c->reading = true;
    if (!c->want_write || fl_client_flush(c) == 0) {
        if (fl_client_read_some(c, NULL) == 0)
            fl_client_tick(c);
    }
    c->reading = false;
    fl_client_watch_update(c);
    fl_client_handover(c);
}

static void on_readable(int watch, int fd, int events, void *opaque)
{
    struct fl_client *c = opaque;

    (void)watch;
    (void)fd;
    (void)events;
    g_mutex_lock(&c->lock);
    if (c->reading && c->open) {
        c->watch_rests = true;
        fl_client_watch_update(c);
        fl_event_update_timeout(c->resume_timer, REST_MS);
    } else if (c->open) {
        loop_read(c);
    }
    fl_client_unlock(c);
    fl_client_tell_closed(c);
}

static void on_resume(int timer, void *opaque)
{
    struct fl_client *c = opaque;

    g_mutex_lock(&c->lock);
    if (!c->reading && c->open) {
        fl_event_update_timeout(timer, -1);
        c->watch_rests = false;
        fl_client_watch_update(c);
    }
    fl_client_unlock(c);
}

static void on_alive(int timer, void *opaque)
{
    struct fl_client *c = opaque;

    (void)timer;
    g_mutex_lock(&c->lock);
    if (fl_client_tick(c) == 0)
        fl_client_alive_update(c);
    fl_client_unlock(c);
    fl_client_tell_closed(c);
}

static int remove_timer(int *timer)
{
    int id = *timer;

    *timer = -1;
    return id >= 0 ? fl_event_remove_timeout(id) : 0;
}

void fl_client_watch_remove(struct fl_client *c)
{
    int id = c->watch;

    c->watch = -1;
    if (id >= 0)
        fl_event_remove_handle(id);
    remove_timer(&c->resume_timer);
    remove_timer(&c->alive_timer);
}

static int add_timer(struct fl_client *c, virEventTimeoutCallback cb)
{
    int id = fl_event_add_timeout(-1, cb, fl_client_ref(c), unref_client);

    if (id < 0)
        fl_client_unref(c);
    return id;
}

static int watch_start(struct fl_client *c)
{
    c->watch_rests = false;
    c->watch_events = wanted_events(c);
    c->watch = fl_event_add_handle(c->t->fd, c->watch_events, on_readable, fl_client_ref(c), unref_client);
    if (c->watch < 0) {
        fl_client_unref(c);
        return -1;
    }
    c->resume_timer = add_timer(c, on_resume);
    c->alive_timer = add_timer(c, on_alive);
    if (c->resume_timer < 0 || c->alive_timer < 0) {
        fl_client_watch_remove(c);
        return -1;
    }
    fl_client_alive_update(c);
    return 0;
}

/* ---- the private thread ---- */

/* Waits until the transport has something, without keeping callers from reading. Lock held. */
static void loop_poll(struct fl_client *c)
{
    struct pollfd p[2] = { { .fd = c->t->fd }, { .fd = c->wake_fd, .events = POLLIN } };
    short events = (short)((c->full_streams ? 0 : POLLIN) | (c->want_write ? POLLOUT : 0));
    int ms = fl_deadline_poll_ms(fl_session_deadline(c->s));
    uint64_t drop;

    if (fl_transport_pending(c->t) && !c->full_streams)
        ms = 0;
    p[0].events = events ? fl_transport_want(c->t, events) : 0;
    if (!events)
        p[0].fd = -1; /* not even a hang-up is of interest before the queues have room */
    c->polling++;
    fl_client_unlock(c);
    if (poll(p, 2, ms) < 0)
        p[1].revents = 0;
    g_mutex_lock(&c->lock);
    c->polling--;
    /* A kick meant for a caller that reads is left to it. */
    if (p[1].revents && c->open && !c->reading && read(c->wake_fd, &drop, sizeof(drop)) < 0)
        fl_debug("eventfd was drained by another reader");
    fl_client_close_if_idle(c);
}

static void loop_rest(struct fl_client *c)
{
    unsigned int waits;

    do {
        waits = c->waits;
        g_cond_wait_until(&c->loop_cond, &c->lock, g_get_monotonic_time() + REST_MS * 1000);
    } while (c->open && c->listeners && (c->reading || c->waits != waits));
}

static void *loop_run(void *opaque)
{
    struct fl_client *c = opaque;

    g_mutex_lock(&c->lock);
    while (c->open && c->listeners) {
        loop_poll(c);
        if (!c->open || !c->listeners)
            break;
        if (c->reading)
            loop_rest(c);
        else
            loop_read(c);
    }
    c->loop_running = false;
    fl_client_unlock(c);
    fl_client_tell_closed(c);
    fl_client_unref(c);
    return NULL;
}

void fl_client_loop_notify(struct fl_client *c)
{
    g_cond_signal(&c->loop_cond);
    fl_client_kick(c);
}

/* ---- asking for it ---- */

static int listen_start(struct fl_client *c)
{
    GError *err = NULL;
    GThread *thread;

    if (fl_event_registered())
        return c->watch >= 0 ? 0 : watch_start(c);
    if (c->loop_running)
        return 0;
    c->loop_running = true;
    thread = g_thread_try_new("fl-client", loop_run, fl_client_ref(c), &err);
    if (!thread) {
        c->loop_running = false;
        fl_error(VIR_ERR_SYSTEM_ERROR, "cannot start the thread that reads events: %s", err->message);
        g_error_free(err);
        g_atomic_int_dec_and_test(&c->refs);
        return -1;
    }
    g_thread_unref(thread);
    return 0;
}

int fl_client_listen(struct fl_client *c)
{
    int rc = 0;

    g_mutex_lock(&c->lock);
    if (!c->open && !c->opts.revive)
        rc = fl_client_raise_closed(c);
    c->listeners++;
    if (rc == 0 && c->open)
        rc = listen_start(c);
    if (rc < 0)
        c->listeners--;
    fl_client_unlock(c);
    return rc;
}

int fl_client_listen_again(struct fl_client *c)
{
    return c->listeners ? listen_start(c) : 0;
}

void fl_client_unlisten(struct fl_client *c)
{
    g_mutex_lock(&c->lock);
    if (c->listeners && --c->listeners == 0) {
        fl_client_watch_remove(c);
        fl_client_loop_notify(c);
    }
    fl_client_unlock(c);
}

int fl_client_set_keepalive(struct fl_client *c, int interval_s, unsigned int count)
{
    int rc = 0;

    g_mutex_lock(&c->lock);
    if (!c->open) {
        rc = c->opts.revive ? 0 : fl_client_raise_closed(c); /* whoever dials sets it again */
    } else {
        fl_session_set_keepalive(c->s, interval_s > 0 ? interval_s * (int64_t)1000000 : 0, count,
                                 g_get_monotonic_time());
        fl_client_alive_update(c);
        fl_client_kick(c);
    }
    fl_client_unlock(c);
    return rc;
}

void fl_client_expect_pings(struct fl_client *c)
{
    g_mutex_lock(&c->lock);
    fl_session_expect_pings(c->s);
    fl_client_unlock(c);
}

bool fl_client_doubts(struct fl_client *c)
{
    bool doubts;

    g_mutex_lock(&c->lock);
    doubts = fl_session_doubts(c->s);
    fl_client_unlock(c);
    return doubts;
}
