/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The clockless keepalive of the session of rpc/session.h: when a ping is due, and when the other side is
 * given up. */
#define FL_FROM VIR_FROM_RPC
#include "rpc/session.h"

#include "base/error.h"
#include "rpc/session_private.h"

#define BEAT_US ((int64_t)2000000)

void fl_session_keepalive_heard(struct fl_session *s, const struct fl_frame *f)
{
    /* One unsent pong answers any number of pings: a peer that does not read cannot make the queue grow. */
    if (f->h.procedure != FL_KEEPALIVE_PING || s->pong_at > s->total_sent)
        return;
    if (fl_session_keepalive_send(s, FL_KEEPALIVE_PONG) < 0)
        fl_error_reset();
    else
        s->pong_at = s->total_queued;
}

void fl_session_set_keepalive(struct fl_session *s, int64_t interval_us, unsigned int count, int64_t now)
{
    s->alive_interval = interval_us > 0 ? interval_us : 0;
    s->alive_count = count;
    s->alive_unanswered = 0;
    s->alive_since = now;
}

void fl_session_expect_pings(struct fl_session *s)
{
    s->expect_pings = true;
}

void fl_session_set_unread(struct fl_session *s, bool unread, int64_t now)
{
    if (s->unread == unread)
        return;
    s->unread = unread;
    s->alive_unanswered = 0;
    s->alive_since = now;
}

bool fl_session_doubts(const struct fl_session *s)
{
    return s->alive_unanswered > 1 || (s->alive_unanswered && s->alive_count < 2);
}

static int64_t beat_interval(const struct fl_session *s)
{
    if (!s->unread || (!s->alive_interval && !s->expect_pings))
        return s->alive_interval;
    return s->alive_interval ? MIN(s->alive_interval, BEAT_US) : BEAT_US;
}

int64_t fl_session_deadline(const struct fl_session *s)
{
    int64_t interval = beat_interval(s);

    if (!interval || s->alive_since > INT64_MAX - interval)
        return INT64_MAX;
    return s->alive_since + interval;
}

/* A full queue is no reason to fail: the missing answer will be. */
static void beat(struct fl_session *s, uint32_t proc)
{
    if (fl_session_keepalive_send(s, proc) < 0)
        fl_error_reset();
}

int fl_session_tick(struct fl_session *s, int64_t now)
{
    if (now < fl_session_deadline(s))
        return 0;
    if (s->unread) {
        s->alive_since = now;
        beat(s, FL_KEEPALIVE_PONG);
        return 0;
    }
    if (s->alive_unanswered >= s->alive_count)
        return fl_error(
            VIR_ERR_INTERNAL_ERROR,
            "the other side sent nothing and left %u keepalive pings unanswered: connection given up",
            s->alive_unanswered);
    s->alive_unanswered++;
    s->alive_since = now;
    beat(s, FL_KEEPALIVE_PING);
    return 0;
}
