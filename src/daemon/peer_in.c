/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Bytes from a peer: its TLS handshake first, then frames and the descriptors beside them, handed to calls
 * and streams. */
#define FL_FROM VIR_FROM_RPC
#include "daemon/peer.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"
#include "daemon/call.h"
#include "daemon/forward.h"
#include "daemon/io.h"
#include "daemon/server.h"
#include "daemon/stream.h"
#include "daemon/tls.h"
#include "transport/transport.h"

#define ROUNDS   8                      /* reads before the thread's other peers get their turn... */
#define TURN_US  (G_USEC_PER_SEC / 200) /* ...which they do after this, too */
#define TOGETHER ((size_t)1 << 20)      /* answers that wait for those to the frames behind theirs */
#define FDS_MAX  (2 * FL_FRAME_FDS_MAX)
#define SIGNS    64 /* of life, taken at once... */
#define AT_MOST  64 /* ...so many times in a row: who has more is not all there is to do */
#define AHEAD                                                                                                \
    ((size_t)1 << 10) /* read behind a stream's packet, and copied if it is another one's beginning */

static int keep_fds(struct fl_peer *peer, struct msghdr *msg)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
        unsigned int count;

        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        count = (unsigned int)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
        if (peer->nfds + count > FDS_MAX) {
            for (unsigned int i = 0; i < count; i++)
                close(((int *)(void *)CMSG_DATA(c))[i]);
            return fl_error(VIR_ERR_RPC, "more than %u descriptors were passed without a call for them",
                            FDS_MAX);
        }
        peer->fds = g_renew(int, peer->fds, peer->nfds + count);
        memcpy(peer->fds + peer->nfds, CMSG_DATA(c), count * sizeof(int));
        peer->nfds += count;
    }
    if (msg->msg_flags & MSG_CTRUNC)
        return fl_error(VIR_ERR_RPC, "passed descriptors were lost: is the limit of open files reached?");
    return 0;
}

static ssize_t read_with_fds(struct fl_peer *peer, struct iovec *iov, size_t count)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(FL_FRAME_FDS_MAX * sizeof(int))];
    } control;
    struct msghdr msg = {
        .msg_iov = iov, .msg_iovlen = count, .msg_control = &control, .msg_controllen = sizeof(control)
    };
    ssize_t n;

    do {
        n = recvmsg(peer->transport->fd, &msg, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    } while (n < 0 && errno == EINTR);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return -FL_AGAIN;
    if (n < 0 && errno == ECONNRESET) /* a peer that died with answers unread */
        return 0;
    if (n < 0)
        return fl_error_system(errno, "cannot read from the client");
    if (keep_fds(peer, &msg) < 0)
        return -1;
    return n;
}

/* The rest of a stream's packet, `*ret_past` bytes of it, and the beginning of what follows it. */
static ssize_t read_past(struct fl_peer *peer, size_t *ret_past, bool *ret_full)
{
    int64_t now = g_get_monotonic_time();
    struct iovec iov[2];
    size_t rest;
    ssize_t n;

    rest = iov[0].iov_len = fl_stream_room(peer, &iov[0].iov_base);
    iov[1].iov_base = fl_session_space(peer->session, &iov[1].iov_len);
    iov[1].iov_len = MIN(iov[1].iov_len, AHEAD);
    n = peer->local ? read_with_fds(peer, iov, 2) : fl_transport_read2(peer->transport, iov);
    if (n <= 0)
        return n;
    fl_session_took(peer->session, MIN((size_t)n, rest), now);
    if ((size_t)n > rest)
        fl_session_received(peer->session, (size_t)n - rest, now);
    *ret_past = MIN((size_t)n, rest);
    *ret_full = (size_t)n == rest || (size_t)n == rest + iov[1].iov_len;
    return n;
}

static ssize_t read_frames(struct fl_peer *peer, bool *ret_full)
{
    struct iovec iov;
    ssize_t n;

    iov.iov_base = fl_session_space(peer->session, &iov.iov_len);
    n = peer->local ? read_with_fds(peer, &iov, 1)
                    : fl_transport_read(peer->transport, iov.iov_base, iov.iov_len);
    if (n > 0)
        fl_session_received(peer->session, (size_t)n, g_get_monotonic_time());
    *ret_full = n > 0 && (size_t)n == iov.iov_len;
    return n;
}

/* One read, with the lock held. Bytes moved, 0 = end, -FL_AGAIN, -1. `*ret_past`: so many were a stream's.
 * *ret_more: the socket may hold more. */
static ssize_t read_some(struct fl_peer *peer, size_t *ret_past, bool *ret_more)
{
    bool full = false;
    ssize_t n;

    *ret_past = 0;
    n = peer->diverted ? read_past(peer, ret_past, &full) : read_frames(peer, &full);
    *ret_more = n > 0 && (full || fl_transport_pending(peer->transport) > 0);
    return n;
}

/* Hands the frame its descriptors, in the order they came. */
static int claim_fds(struct fl_peer *peer, const struct fl_frame *frame, int *fds)
{
    if (frame->nfds > peer->nfds)
        return fl_error(VIR_ERR_RPC, "call %u promised %u descriptors and %u came", frame->h.procedure,
                        frame->nfds, peer->nfds);
    if (frame->nfds == 0)
        return 0;
    memcpy(fds, peer->fds, frame->nfds * sizeof(int));
    peer->nfds -= frame->nfds;
    memmove(peer->fds, peer->fds + frame->nfds, peer->nfds * sizeof(int));
    return 0;
}

/* What a peer may have until the others are looked at. */
struct turn {
    int reads;
    unsigned int frames;
    int64_t ends; /* since its second frame: most have one */
};

static bool turn_is_over(struct turn *turn)
{
    int64_t now;

    if (turn->frames < 2)
        return false;
    now = g_get_monotonic_time();
    if (turn->ends == 0)
        turn->ends = now + TURN_US;
    return now >= turn->ends;
}

/* With the lock held. 1: there is one; 0: none that may be served now; -1 with the error set: broken
 * protocol.
 */
static int next_frame(struct fl_peer *peer, struct turn *turn, struct fl_frame *frame, int *fds)
{
    int result;

    peer->stalled = peer->holds != 0 || turn_is_over(turn);
    if (peer->closing || peer->stalled)
        return 0;
    result = fl_session_next(peer->session, frame);
    if (result == 0)
        fl_stream_divert(peer);
    return result > 0 ? claim_fds(peer, frame, fds) < 0 ? -1 : 1 : result;
}

static void end_with_error(struct fl_peer *peer)
{
    g_autofree char *reason = g_strdup(fl_error_get()->message);

    fl_error_reset();
    fl_peer_finish(peer, reason);
}

/* What it sends cannot be read: written here, and not where it was found, since anybody may do that for ever.
 */
static void end_as_broken(struct fl_peer *peer)
{
    fl_warn_seldom("client %" G_GUINT64_FORMAT " (%s) is cut off: %s", peer->id, peer->name,
                   fl_error_get()->message);
    end_with_error(peer);
}

/* Bytes went past the session. Called, and returns, with the lock held. */
static void tell_stream(struct fl_peer *peer, size_t past)
{
    g_mutex_unlock(&peer->lock);
    fl_error_log_quietly(false);
    fl_stream_came(peer, past);
    fl_error_log_quietly(true);
    g_mutex_lock(&peer->lock);
}

enum intake { INTAKE_BROKEN = -1, INTAKE_DONE, INTAKE_FRAME, INTAKE_END };

/* The next frame: of what has come already, then of what can be read. With the lock held. */
static enum intake next_input(struct fl_peer *peer, struct turn *turn, struct fl_frame *frame, int *fds)
{
    for (;;) {
        int result = next_frame(peer, turn, frame, fds);
        size_t past;
        bool more;
        ssize_t n;

        if (result != 0)
            return result > 0 ? INTAKE_FRAME : INTAKE_BROKEN;
        if (turn->reads == 0 || peer->stalled || peer->holds)
            return INTAKE_DONE;
        n = read_some(peer, &past, &more);
        if (n == -FL_AGAIN)
            return INTAKE_DONE;
        if (n <= 0)
            return n == 0 ? INTAKE_END : INTAKE_BROKEN;
        turn->reads = more ? turn->reads - 1 : 0;
        if (past)
            tell_stream(peer, past);
    }
}

static void serve_frame(struct fl_peer *peer, const struct fl_frame *frame, const int *fds)
{
    if (frame->h.type == FL_FRAME_STREAM || frame->h.type == FL_FRAME_STREAM_HOLE) {
        fl_error_log_quietly(false);
        fl_stream_input(peer, frame);
        fl_error_log_quietly(true);
    } else {
        fl_call_input(peer, frame, fds);
    }
}

/* Serves all that has come, until the peer is held or its turn is over; its answers go out together, unless
 * they are big. Called with the lock held, gives it back. */
static void take_input(struct fl_peer *peer, int reads)
{
    struct turn turn = { .reads = reads };
    struct fl_frame frame;
    int fds[FL_FRAME_FDS_MAX];
    enum intake result;
    bool ended;

    fl_error_log_quietly(true); /* its news, as often as it likes */
    while ((result = next_input(peer, &turn, &frame, fds)) == INTAKE_FRAME) {
        g_mutex_unlock(&peer->lock);
        serve_frame(peer, &frame, fds);
        g_mutex_lock(&peer->lock);
        turn.frames++;
        if (fl_session_queued(peer->session) > TOGETHER)
            fl_peer_flush_locked(peer);
    }
    fl_error_log_quietly(false);
    if (result == INTAKE_DONE) {
        fl_peer_flush_locked(peer);
        fl_session_trim(peer->session);
    }
    ended = result == INTAKE_END || (result == INTAKE_DONE && peer->ended);
    g_mutex_unlock(&peer->lock);
    if (ended)
        fl_peer_finish(peer, peer->closing ? "as agreed" : "the client hung up");
    else if (result == INTAKE_BROKEN)
        end_as_broken(peer);
}

/* ---- a peer that is held ---- */

/* How many bytes at the front of what it has sent are pings and pongs. */
static size_t count_signs(struct fl_peer *peer)
{
    unsigned char bytes[SIGNS * FL_FRAME_PREFIX];
    ssize_t n = recv(peer->transport->fd, bytes, sizeof(bytes), MSG_PEEK | MSG_DONTWAIT);
    struct fl_header header;
    ssize_t at = 0;

    while (at + (ssize_t)FL_FRAME_PREFIX <= n &&
           fl_header_unpack(bytes + at, &header) == FL_FRAME_LENGTH_MIN &&
           header.program == FL_KEEPALIVE_PROGRAM && header.type == FL_FRAME_MESSAGE)
        at += FL_FRAME_PREFIX;
    return (size_t)at;
}

void fl_peer_take_signs(struct fl_peer *peer)
{
    bool plain = !peer->transport->below; /* a layer's bytes are no frames */
    size_t length;

    if (!peer->holds || peer->gone || peer->closing || peer->forward || peer->shaking || !plain)
        return;
    for (int i = 0; i < AT_MOST && fl_session_is_between(peer->session) && (length = count_signs(peer));
         i++) {
        int64_t now = g_get_monotonic_time();
        struct fl_frame frame;
        size_t room;
        unsigned char *space = fl_session_space(peer->session, &room);
        ssize_t n = recv(peer->transport->fd, space, MIN(room, length), MSG_DONTWAIT);

        if (n <= 0)
            break;
        fl_session_received(peer->session, (size_t)n, now);
        (void)fl_session_next(peer->session, &frame); /* it keeps these to itself */
        peer->taken_at = now;
    }
}

/* ---- the handshake ---- */

/* Let in: what it says from now on are frames. */
static void shaken(struct fl_peer *peer)
{
    const char *name = fl_tls_client_name(peer->transport);

    peer->shaking = false;
    peer->identity = g_strdup(name);
    peer->login_by = peer->since + fl_server_login_us(peer->server);
    fl_info("client %" G_GUINT64_FORMAT " (%s) came with TLS, certificate: %s", peer->id, peer->name,
            name ? name : "none");
    if (peer->auth == FL_AUTH_NONE)
        fl_peer_set_authenticated(peer);
}

/* A step of the TLS handshake. false: not through, or finished. */
static bool shake(struct fl_peer *peer)
{
    bool quiet = fl_error_log_quietly(true);
    uint32_t events = EPOLLIN;
    int result;

    g_mutex_lock(&peer->lock);
    result = fl_tls_handshake(peer->transport);
    if (fl_transport_want(peer->transport, POLLIN) & POLLOUT)
        events |= EPOLLOUT;
    if (result != -1 && events != peer->events)
        fl_io_want(peer->io, peer, peer->transport->fd, peer->events = events);
    g_mutex_unlock(&peer->lock);
    fl_error_log_quietly(quiet);
    if (result == 0)
        shaken(peer);
    else if (result != -FL_AGAIN) {
        fl_warn_seldom("client %" G_GUINT64_FORMAT " (%s) is not let in: %s", peer->id, peer->name,
                       fl_error_get()->message);
        end_with_error(peer);
    }
    return result == 0;
}

/* The peer is another daemon's: its bytes are moved, both ways. */
static void move_forwarded(struct fl_peer *peer)
{
    const char *reason;
    int64_t deadline;

    g_mutex_lock(&peer->lock);
    reason = fl_forward_ready(peer);
    deadline = fl_forward_deadline(peer);
    g_mutex_unlock(&peer->lock);
    if (reason)
        fl_peer_finish(peer, reason);
    else if (deadline != INT64_MAX)
        fl_io_tick_by(peer->io, deadline);
}

static void handle(struct fl_peer *peer, uint32_t events)
{
    bool ended = (events & (EPOLLERR | EPOLLHUP)) && !(events & EPOLLIN);
    bool forwarded, readable;

    if (peer->shaking && !ended && !shake(peer))
        return;
    g_mutex_lock(&peer->lock);
    forwarded = peer->forward && !(peer->holds & FL_HOLD_OPEN);
    if (!forwarded && !ended) {
        /* What waits in a layer is not seen by epoll. */
        readable = events & EPOLLIN || (!peer->closing && fl_transport_pending(peer->transport) > 0);
        take_input(peer, readable ? ROUNDS : 0);
        return;
    }
    g_mutex_unlock(&peer->lock);
    if (forwarded)
        move_forwarded(peer);
    else
        fl_peer_finish(peer, "the connection ended");
}

void fl_peer_ready(struct fl_peer *peer, uint32_t events)
{
    struct fl_io *io = peer->io;

    fl_io_set_handling(io, peer);
    handle(peer, events);
    fl_io_set_handling(io, NULL); /* it may be gone */
}
