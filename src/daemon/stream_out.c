/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Streams on the server, towards the peer: a thread that reads the driver's stream into packets. */
#define FL_FROM VIR_FROM_STREAMS
#include <poll.h>

#include "base/error.h"
#include "base/log.h"
#include "daemon/stream_private.h"
#include "transport/transport.h"

#define OUTPUT_WAIT (1u << 20) /* packets waiting for the peer: the driver is not read beyond this */
#define DRAIN_MS    1000       /* until it is looked whether the stream still lives */

static void wait_room(struct fl_served_stream *s, size_t most)
{
    struct fl_peer *peer = s->peer;

    peer->room_waiters++;
    while (fl_served_goes_on(s) && fl_session_queued(peer->session) > most)
        g_cond_wait(&peer->room, &peer->lock);
    peer->room_waiters--;
}

/* Writes what is queued from this thread, so that the next packet need not be copied behind it. */
void fl_served_drain(struct fl_served_stream *s)
{
    struct fl_peer *peer = s->peer;

    peer->drainers++;
    while (fl_served_goes_on(s) && fl_session_queued(peer->session) > 0) {
        if (fl_session_passing(
                peer->session)) { /* another stream's packet; its thread tells when it is out */
            peer->room_waiters++;
            g_cond_wait(&peer->room, &peer->lock);
            peer->room_waiters--;
            continue;
        }
        struct pollfd pfd = { .fd = peer->transport->fd, .events = POLLOUT };

        g_mutex_unlock(&peer->lock);
        (void)poll(&pfd, 1, DRAIN_MS);
        g_mutex_lock(&peer->lock);
        fl_peer_flush_locked(peer);
        if (pfd.revents & (POLLERR | POLLHUP | POLLNVAL))
            break; /* the I/O thread ends it */
    }
    peer->drainers--;
    if (fl_served_goes_on(s) && fl_session_queued(peer->session) > 0) {
        fl_peer_flush_locked(peer);
        wait_room(s, 0);
    }
}

/* 0: not possible; 1: out, or what did not fit is queued. */
static int send_direct(struct fl_served_stream *s, const char *data, size_t length)
{
    struct fl_peer *peer = s->peer;
    unsigned char head[FL_FRAME_PREFIX];
    struct iovec iov[2] = { { head, sizeof(head) }, { (void *)data, length } };
    ssize_t n;

    if (!fl_session_stream_head(peer->session, &s->header, length, head))
        return 0;
    n = fl_transport_write2(peer->transport, iov);
    if (n < 0) {
        if (n != -FL_AGAIN)
            fl_error_reset(); /* flushing the copy meets it again */
        return 0;
    }
    return fl_session_stream_rest(peer->session, head, data, length, (size_t)n) < 0 ? -1 : 1;
}

static int queue_packet(struct fl_served_stream *s, const char *data, size_t length, int64_t hole)
{
    struct fl_session *session = s->peer->session;
    int result;

    if (hole > 0)
        return fl_session_stream_hole(session, &s->header, hole, 0);
    result = length >= FL_STREAM_DIRECT && fl_transport_has_write2(s->peer->transport)
                 ? send_direct(s, data, length)
                 : 0;
    if (result != 0)
        return result < 0 ? -1 : 0;
    return fl_session_stream_data(session, &s->header, data, length);
}

/* Sends one packet, waiting until the peer has read what is before it. false: the stream is over. */
static bool send_packet(struct fl_served_stream *s, const char *data, size_t length, int64_t hole)
{
    struct fl_peer *peer = s->peer;
    int result = -1;

    g_mutex_lock(&peer->lock);
    if (length >= FL_STREAM_DIRECT && fl_transport_has_write2(peer->transport))
        fl_served_drain(s);
    else
        wait_room(s, OUTPUT_WAIT);
    if (fl_served_goes_on(s)) {
        result = queue_packet(s, data, length, hole);
        fl_peer_flush_locked(peer);
    }
    g_mutex_unlock(&peer->lock);
    return result == 0;
}

void fl_served_fail_reading(struct fl_served_stream *s)
{
    if (fl_served_is_over(s))
        return;
    fl_warn_seldom("client %" G_GUINT64_FORMAT " (%s): its stream cannot be read on: %s", s->peer->id,
                   s->peer->name, fl_error_get()->message);
    fl_served_fail(s);
}

static bool send_hole(struct fl_served_stream *s)
{
    long long hole = 0;

    if (virStreamRecvHole(s->stream, &hole, 0) < 0) {
        fl_served_fail_reading(s);
        return false;
    }
    return send_packet(s, NULL, 0, hole);
}

/* One step; false: nothing more will come. */
static bool read_step(struct fl_served_stream *s, struct fl_file_way *way, char **buffer)
{
    int n = fl_file_way_step(way, s);

    if (n != 0)
        return n > 0;
    if (!*buffer)
        *buffer = g_malloc(FL_STREAM_CHUNK);
    n = virStreamRecvFlags(s->stream, *buffer, FL_STREAM_CHUNK, s->sparse ? VIR_STREAM_RECV_STOP_AT_HOLE : 0);
    if (n == FL_STREAM_AT_HOLE)
        return send_hole(s);
    if (n == FL_STREAM_WOULD_BLOCK) { /* not asked for, but a driver may insist */
        g_usleep(10000);
        return true;
    }
    if (n < 0) {
        fl_served_fail_reading(s);
        return false;
    }
    return send_packet(s, *buffer, (size_t)n, 0) && n > 0; /* an empty packet marks the end */
}

gpointer fl_served_reader(gpointer opaque)
{
    struct fl_served_stream *s = opaque;
    struct fl_peer *peer = s->peer;
    struct fl_file_way way;
    char *buffer = NULL;

    fl_error_log_quietly(true); /* fl_served_fail_reading() knows what is news */
    fl_file_way_init(&way, s);
    while (!fl_served_is_over(s) && read_step(s, &way, &buffer))
        ;
    fl_file_way_fini(&way);
    g_free(buffer);
    g_mutex_lock(&peer->lock);
    fl_served_unref_locked(s);
    g_mutex_unlock(&peer->lock);
    fl_peer_unref(peer);
    return NULL;
}
