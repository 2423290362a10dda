/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Threads that wait for what the client's reader will do: electing one reader among them, sleeping, being
 * woken, deadlines. */
#define FL_FROM VIR_FROM_RPC
#include "rpc/client_private.h"

#include <poll.h>
#include <unistd.h>
#include "base/log.h"
#include "base/util.h"
#include "base/walk.h"
#include "rpc/park.h"

void fl_client_kick(struct fl_client *c)
{
    uint64_t one = 1;

    if (c->polling && write(c->wake_fd, &one, sizeof(one)) < 0)
        fl_debug("eventfd is full: the reader is awake already");
}

/* ---- waking ---- */

/* The system calls are made without the lock: whoever wakes up would run into it. */
void fl_client_unlock(struct fl_client *c)
{
    struct fl_waiter *w = c->woken;

    c->woken = NULL;
    g_mutex_unlock(&c->lock);
    while (w) {
        struct fl_waiter *next = w->next_woken;

        fl_park_wake(&w->word);
        w = next;
    }
}

/* Makes it look again. One that runs does so anyway. */
void fl_client_rouse(struct fl_client *c, struct fl_waiter *w)
{
    if (!w->parked || w->waking)
        return;
    w->waking = true;
    w->next_woken = c->woken;
    c->woken = w;
}

static void unlink_waiter(struct fl_waiter *w)
{
    if (!w->link)
        return;
    *w->link = w->next;
    if (w->next)
        w->next->link = w->link;
    w->link = NULL;
}

static void link_waiter(struct fl_client *c, struct fl_waiter *w)
{
    w->next = c->waiters;
    w->link = &c->waiters;
    if (w->next)
        w->next->link = &w->next;
    c->waiters = w;
}

void fl_client_wake(struct fl_client *c, struct fl_waiter *w)
{
    unlink_waiter(w);
    fl_client_rouse(c, w);
    __atomic_store_n(&w->done, 1, __ATOMIC_RELEASE);
}

/* ---- waiting ---- */

/* Where many wait, another of them makes better use of the core than one that looks again and again. */
static bool may_look(const struct fl_client *c)
{
    const struct fl_waiter *w = c->waiters;

    return !w || !w->next || !w->next->next;
}

/* 0: nothing came at once. */
static int look_again(struct fl_client *c, struct pollfd *p, nfds_t n)
{
    int found;

    if (!fl_spin_begin(&c->spin))
        return 0;
    do {
        found = poll(p, n, 0);
    } while (found == 0 && !fl_spin_over(&c->spin));
    fl_spin_end(&c->spin, found != 0);
    return found;
}

/* Waits for the transport or the deadline, then does what is possible. */
static void read_step(struct fl_client *c, const struct fl_waiter *w, int64_t deadline)
{
    struct pollfd p[2] = { { .fd = c->t->fd }, { .fd = c->wake_fd, .events = POLLIN } };
    bool look = may_look(c);
    uint64_t drop;
    int ms, found = 0;

    ms = fl_transport_pending(c->t)
             ? 0
             : fl_deadline_poll_ms(fl_deadline_min(deadline, fl_session_deadline(c->s)));
    p[0].events = fl_transport_want(c->t, (short)(POLLIN | (c->want_write ? POLLOUT : 0)));
    c->polling++;
    fl_client_unlock(c);
    if (ms != 0 && look)
        found = look_again(c, p, 2);
    if (found == 0)
        found = poll(p, 2, ms);
    if (found < 0)
        p[0].revents = p[1].revents = 0;
    g_mutex_lock(&c->lock);
    c->polling--;
    if (!c->open) {
        fl_client_close_if_idle(c);
        return;
    }
    if (p[1].revents && read(c->wake_fd, &drop, sizeof(drop)) < 0)
        fl_debug("eventfd was drained by another reader");
    if (c->want_write && (p[0].revents & ~POLLIN) && fl_client_flush(c) < 0)
        return;
    if ((p[0].revents || fl_transport_pending(c->t)) && fl_client_read_some(c, w) < 0)
        return;
    fl_client_tick(c);
}

void fl_client_handover(struct fl_client *c)
{
    if (c->waiters)
        fl_client_rouse(c, c->waiters);
}

static void park_reset(struct fl_waiter *w)
{
    w->parked = w->waking = false;
    w->word = 0;
}

/* true: done, and the lock is not held. false: look again, the lock is held. */
static bool park(struct fl_client *c, struct fl_waiter *w, int64_t deadline)
{
    w->parked = true;
    __atomic_store_n(&w->word, 1, __ATOMIC_RELAXED);
    fl_client_unlock(c);
    if (fl_park_sleep(&w->word, deadline)) {
        if (__atomic_load_n(&w->done, __ATOMIC_ACQUIRE))
            return true;
        g_mutex_lock(&c->lock);
        park_reset(w);
        return false;
    }
    g_mutex_lock(&c->lock);
    while (w->waking && __atomic_load_n(&w->word, __ATOMIC_ACQUIRE)) { /* someone has it on a list */
        fl_client_unlock(c);
        fl_park_sleep(&w->word, FL_NO_DEADLINE);
        g_mutex_lock(&c->lock);
    }
    park_reset(w);
    return false;
}

static int say_late(const struct fl_client *c)
{
    const struct fl_client_stage *st = &c->stage;
    int way = st->name ? fl_transport_stage(c->t) : FL_STAGE_NONE;

    if (way == FL_STAGE_HELPER)
        return fl_error(
            VIR_ERR_OPERATION_TIMEOUT,
            "%s: %s: what runs there after the login kept silent (%d s), or the daemon behind it; "
            "look there which of them is stuck, or give it longer with connect_timeout=SECONDS "
            "in the URI",
            fl_stage_name(FL_STAGE_HELPER), c->t->target, st->seconds);
    if (way != FL_STAGE_NONE)
        return fl_error(
            VIR_ERR_OPERATION_TIMEOUT,
            "%s: %s did not come through in time (%d s); try the same with plain ssh, or give it longer "
            "with connect_timeout=SECONDS in the URI",
            fl_client_stage_name(c), c->t->target, st->seconds);
    if (st->name)
        return fl_error(VIR_ERR_OPERATION_TIMEOUT, "%s: %s did not answer in time (%d s); %s", st->name,
                        c->t->target, st->seconds, st->advice);
    return fl_error(VIR_ERR_OPERATION_TIMEOUT,
                    "%s did not answer a call in time (%g s); call_timeout=SECONDS in the URI is the limit",
                    c->t->target, (double)c->opts.call_timeout_us / G_USEC_PER_SEC);
}

/* 0: done. -1 with the error set. The lock is held unless *ret_unlocked. */
static int wait_done(struct fl_client *c, struct fl_waiter *w, int64_t deadline, bool *ret_unlocked)
{
    while (!w->done) {
        if (!c->open)
            return fl_client_raise_broken(c);
        if (deadline != FL_NO_DEADLINE && g_get_monotonic_time() >= deadline)
            return say_late(c);
        if (!c->reading) {
            c->reading = true;
            read_step(c, w, deadline);
            c->reading = false;
        } else if (park(c, w, deadline)) {
            *ret_unlocked = true;
            return 0;
        }
    }
    return 0;
}

static int wait_for(struct fl_client *c, struct fl_waiter *w, int64_t deadline, bool *ret_unlocked)
{
    int rc;

    *ret_unlocked = false;
    if (!w->done)
        link_waiter(c, w);
    c->waits++;
    rc = wait_done(c, w, deadline, ret_unlocked);
    if (*ret_unlocked) /* whoever has set `done` reads on */
        return rc;
    unlink_waiter(w);
    if (!c->reading)
        fl_client_handover(c);
    return rc;
}

int fl_client_wait(struct fl_client *c, struct fl_waiter *w, int64_t deadline)
{
    bool unlocked;
    int rc = wait_for(c, w, deadline, &unlocked);

    if (unlocked)
        g_mutex_lock(&c->lock);
    return rc;
}

int fl_client_wait_unlock(struct fl_client *c, struct fl_waiter *w, int64_t deadline)
{
    bool unlocked;
    int rc = wait_for(c, w, deadline, &unlocked);

    if (rc == 0 && !unlocked)
        fl_client_unlock(c);
    return rc;
}
