/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Bytes to a peer: answers and events queued in its session, written as the socket takes them, and the
 * reasons not to read from it meanwhile. */
#define FL_FROM VIR_FROM_RPC
#include "daemon/peer.h"

#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"
#include "daemon/event.h"
#include "daemon/forward.h"
#include "daemon/io.h"
#include "transport/transport.h"
#include "wire/cursor.h"

#define OUTPUT_HIGH (4u << 20) /* a peer that does not read its answers is not read either... */
#define OUTPUT_LOW  (1u << 20) /* ...until they are this few */

/* Events are for whoever is slow, too, up to what the session queues at most. Who takes nothing at all, not a
 * byte, and sends nothing has so many waiting for so long and no longer. One that answers pings is found by
 * these before. So much waits that the peer is held: what it sends is seen without being read. */
static const struct {
    size_t waiting;
    int seconds;
} untaken[] = { { OUTPUT_HIGH, 60 }, { 16u << 20, 5 } };

static void update_events(struct fl_peer *peer, bool want_out)
{
    /* Frames that came before the hold, and what a layer has decoded already, are handled by the I/O thread:
     * room to write wakes it at once. */
    bool resume =
        !peer->holds && !peer->closing && (peer->stalled || fl_transport_pending(peer->transport) > 0);
    uint32_t events;

    if (peer->drainers) /* a stream's thread writes */
        want_out = false;
    events = (peer->holds || peer->closing ? 0u : EPOLLIN) | (want_out || resume ? EPOLLOUT : 0u);

    if (peer->forward) {
        fl_forward_watch(peer);
        return;
    }

    if (events == peer->events)
        return;
    peer->events = events;
    fl_io_want(peer->io, peer, peer->transport->fd, events);
}

/* One step: 1 = something moved, 0 = nothing left, -FL_AGAIN, or -1 when the socket is broken. */
static int write_some(struct fl_peer *peer)
{
    size_t length;
    const unsigned char *data;
    int fd = fl_session_output_fd(peer->session);
    bool quiet;
    ssize_t n;

    if (fd >= 0) {
        int result = fl_transport_send_fd(peer->transport, fd);

        if (result < 0)
            return result;
        fl_session_fd_sent(peer->session);
        close(fd);
        return 1;
    }
    data = fl_session_output(peer->session, &length);
    if (length == 0)
        return 0;
    quiet = fl_error_log_quietly(true); /* one who leaves before the reply is no fault of the daemon */
    n = fl_transport_write(peer->transport, data, length);
    fl_error_log_quietly(quiet);
    if (n < 0)
        return (int)n;
    fl_session_sent(peer->session, (size_t)n);
    return 1;
}

void fl_peer_flush_locked(struct fl_peer *peer)
{
    size_t queued;
    bool written;
    int result;

    if (peer->gone)
        return;
    while ((result = write_some(peer)) > 0)
        ;
    if (result < 0 && result != -FL_AGAIN) {
        fl_error_reset(); /* the reader sees the end and says so */
        fl_peer_shutdown(peer);
        return;
    }
    queued = fl_session_queued(peer->session);
    if (queued > OUTPUT_HIGH) {
        peer->holds |= FL_HOLD_OUTPUT;
    } else if (queued <= OUTPUT_LOW) {
        peer->holds &= ~(unsigned int)FL_HOLD_OUTPUT;
        if (peer->room_waiters) /* waking nobody would cost a system call all the same */
            g_cond_broadcast(&peer->room);
    }
    written = result == 0 && !fl_session_passing(peer->session);
    if (peer->closing && written && fl_io_is_handling(peer->io, peer)) {
        peer->ended = true;
        return;
    }
    update_events(peer, result == -FL_AGAIN);
    if (peer->closing && written)
        fl_peer_shutdown(peer);
}

void fl_peer_shutdown(struct fl_peer *peer)
{
    if (peer->transport->fd >= 0)
        (void)shutdown(peer->transport->fd, SHUT_RDWR);
}

void fl_peer_close_after_flush(struct fl_peer *peer)
{
    peer->closing = true;
}

void fl_peer_hold(struct fl_peer *peer, unsigned int reason)
{
    peer->holds |= reason;
    if (!peer->gone)
        update_events(peer, (peer->events & EPOLLOUT) != 0);
}

void fl_peer_release(struct fl_peer *peer, unsigned int reason)
{
    peer->holds &= ~reason;
    if (!peer->gone)
        update_events(peer, (peer->events & EPOLLOUT) != 0);
}

/* A frame that cannot be queued ends the connection: the other side would wait for it for ever. */
static void cut_off(struct fl_peer *peer)
{
    fl_warn_seldom("client %" G_GUINT64_FORMAT " (%s) is cut off: %s", peer->id, peer->name,
                   fl_error_get()->message);
    fl_peer_shutdown(peer);
}

static int settle(struct fl_peer *peer, int result)
{
    if (result < 0)
        cut_off(peer);
    /* On its own thread the answers of one read go out together. */
    if (!fl_io_is_current(peer->io))
        fl_peer_flush_locked(peer);
    return result;
}

int fl_peer_reply(struct fl_peer *peer, const struct fl_header *call, unsigned int type, const void *ret,
                  const int *fds, unsigned int nfds)
{
    int result = 0;

    g_mutex_lock(&peer->lock);
    if (!peer->gone) {
        if (nfds > 0)
            result = fl_session_reply_fds(peer->session, call, type, ret, fds, nfds);
        else
            result = fl_session_reply(peer->session, call, type, ret);
    }
    if (peer->gone || result < 0) {
        for (unsigned int i = 0; i < nfds; i++)
            close(fds[i]);
    } else {
        settle(peer, 0);
    }
    g_mutex_unlock(&peer->lock);
    return result;
}

void fl_peer_reply_error(struct fl_peer *peer, const struct fl_header *call)
{
    g_mutex_lock(&peer->lock);
    if (!peer->gone)
        settle(peer, fl_session_reply_error(peer->session, call, fl_error_get()));
    g_mutex_unlock(&peer->lock);
    fl_error_reset();
}

/* The payload follows the number of the subscription; the older messages have none. */
static int put_event(struct fl_session *session, const struct fl_event_info *event, const int *callback_id,
                     const struct fl_writer *payload)
{
    bool legacy = !callback_id && event->numbered;
    struct fl_header header = { .program = event->program,
                                .version = 1,
                                .procedure = legacy ? event->legacy_proc : event->proc,
                                .type = FL_FRAME_MESSAGE };
    struct fl_writer *writer = fl_session_begin(session, &header, NULL, 0);

    if (!writer)
        return -1;
    if (callback_id && event->numbered)
        fl_put_u32(writer, (uint32_t)*callback_id);
    fl_put_bytes(writer, payload->data, payload->len);
    return fl_session_end(session);
}

/* Who does not read because of a stream its application does not take says that it lives. */
static bool has_sent(struct fl_peer *peer)
{
    int unread = 0;

    if (ioctl(peer->transport->fd, FIONREAD, &unread) < 0 || unread == peer->unread_then)
        return false;
    peer->unread_then = unread;
    return true;
}

/* Asked when an event is added: what does not grow may wait. Costs nothing until much waits. */
static int check_taken(struct fl_peer *peer)
{
    size_t waiting = fl_session_queued(peer->session);
    uint64_t taken = fl_session_total_sent(peer->session);
    bool late = false;
    int64_t now;

    if (waiting <= untaken[0].waiting)
        return 0;
    now = g_get_monotonic_time();
    if (taken != peer->taken_before || !peer->taken_at) {
        peer->taken_before = taken;
        peer->taken_at = now;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(untaken); i++)
        late |= waiting > untaken[i].waiting && now - peer->taken_at > untaken[i].seconds * G_USEC_PER_SEC;
    if (!late)
        return 0;
    if (has_sent(peer)) {
        peer->taken_at = now;
        return 0;
    }
    return fl_error(VIR_ERR_INTERNAL_ERROR,
                    "%zu MiB of events wait for it, and it has taken nothing for %d seconds", waiting >> 20,
                    (int)((now - peer->taken_at) / G_USEC_PER_SEC));
}

void fl_peer_event(struct fl_peer *peer, const struct fl_event_info *event, const int *callback_id,
                   const struct fl_writer *payload)
{
    bool first = false;

    g_mutex_lock(&peer->lock);
    if (!peer->gone && !peer->closing) {
        if (put_event(peer->session, event, callback_id, payload) < 0 || check_taken(peer) < 0)
            cut_off(peer);
        first = !peer->unsent;
        peer->unsent = true;
    }
    g_mutex_unlock(&peer->lock);
    if (first)
        fl_io_write_soon(peer->io, peer);
}

void fl_peer_write_events(struct fl_peer *peer)
{
    g_mutex_lock(&peer->lock);
    peer->unsent = false;
    fl_peer_flush_locked(peer);
    fl_peer_take_signs(peer);
    fl_session_trim(peer->session);
    g_mutex_unlock(&peer->lock);
}
