/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A peer's life and its bytes: accept, read, write, keepalive, end. What the frames mean is in call.c and
 * stream.c. */
#define FL_FROM VIR_FROM_RPC
#include "daemon/peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "auth/polkit.h"
#include "base/error.h"
#include "base/log.h"
#include "core/objects.h"
#include "daemon/call.h"
#include "daemon/event.h"
#include "daemon/forward.h"
#include "daemon/io.h"
#include "daemon/listener.h"
#include "daemon/login.h"
#include "daemon/server.h"
#include "daemon/stream.h"
#include "daemon/tls.h"
#include "transport/transport.h"
#include "wire/xdr.h"

#define HANDSHAKE_US       (15 * G_USEC_PER_SEC) /* TLS: no person is waited for */
#define ROUNDS             8                     /* reads before the thread's other peers get their turn */
#define OUTPUT_HIGH        (4u << 20) /* a peer that does not read its answers is not read either... */
#define OUTPUT_LOW         (1u << 20) /* ...until they are this few */
#define FDS_MAX            (2 * FL_FRAME_FDS_MAX)
#define FRAME_BEFORE_LOGIN (256u << 10)

/* ---- birth and death ---- */

static void learn_local(struct fl_peer *peer, int fd)
{
    struct ucred cred = { .pid = -1, .uid = (uid_t)-1, .gid = (gid_t)-1 };
    socklen_t length = sizeof(cred);

    (void)getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &length);
    peer->pid = cred.pid;
    peer->uid = cred.uid;
    peer->gid = cred.gid;
    peer->name = g_strdup_printf("uid %u pid %d", (unsigned int)cred.uid, (int)cred.pid);
    peer->origin = g_strdup_printf("uid %u", (unsigned int)cred.uid);
}

/* One host has as many IPv6 addresses as it likes, so its network counts. */
static char *origin_of(const struct sockaddr *addr, const char *host)
{
    const struct in6_addr *v6 = &((const struct sockaddr_in6 *)(const void *)addr)->sin6_addr;
    char text[INET6_ADDRSTRLEN] = "";
    struct in6_addr network = { 0 };

    if (addr->sa_family != AF_INET6)
        return g_strdup(host);
    if (IN6_IS_ADDR_V4MAPPED(v6)) {
        (void)inet_ntop(AF_INET, &v6->s6_addr[12], text, sizeof(text));
        return g_strdup(text);
    }
    memcpy(&network, v6, sizeof(network) / 2);
    (void)inet_ntop(AF_INET6, &network, text, sizeof(text));
    return g_strdup_printf("%s/64", text);
}

static void learn_remote(struct fl_peer *peer, int fd)
{
    union {
        struct sockaddr any;
        struct sockaddr_storage space;
    } addr = { .any.sa_family = AF_UNSPEC };
    socklen_t length = sizeof(addr);
    char host[NI_MAXHOST] = "unknown", port[NI_MAXSERV] = "?";
    int on = 1;

    if (getpeername(fd, &addr.any, &length) == 0)
        (void)getnameinfo(&addr.any, length, host, sizeof(host), port, sizeof(port),
                          NI_NUMERICHOST | NI_NUMERICSERV);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    peer->name = g_strdup_printf("%s port %s", host, port);
    peer->origin = origin_of(&addr.any, host);
}

struct fl_peer *fl_peer_new(struct fl_server *server, struct fl_io *io, const struct fl_listener *from,
                            int fd)
{
    static gint next_id;
    bool tls = from->kind == FL_LISTENER_TLS;
    struct fl_transport *transport =
        tls ? fl_tls_host_accept(fl_server_tls(server), fd) : fl_transport_from_fd(fd);
    struct fl_session_options options = { .server = true };
    struct fl_peer *peer;

    if (!transport)
        return NULL;
    peer = g_new0(struct fl_peer, 1);
    peer->tls = peer->shaking = tls;

    peer->refs = 1;
    peer->server = server;
    peer->io = io;
    peer->link.data = peer;
    peer->id = (uint64_t)(guint)g_atomic_int_add(&next_id, 1) + 1;
    peer->read_only = from->read_only;
    peer->local = from->kind == FL_LISTENER_UNIX;
    peer->pid = -1;
    peer->uid = (uid_t)-1;
    peer->gid = (gid_t)-1;
    peer->since = g_get_monotonic_time();
    peer->login_by = INT64_MAX;
    peer->events = EPOLLIN;
    g_mutex_init(&peer->lock);
    g_cond_init(&peer->room);
    if (peer->local)
        learn_local(peer, fd);
    else
        learn_remote(peer, fd);
    peer->transport = transport;
    peer->session = fl_session_new(&options);
    if (peer->local)
        fl_session_set_fds(peer->session, FL_SESSION_FDS_SKIP);
    peer->auth = fl_server_auth_for(server, peer);
    if (peer->auth == FL_AUTH_NONE && !tls) {
        peer->authenticated = 1;
    } else {
        peer->login_by = peer->since + fl_server_login_us(server);
        if (tls)
            peer->login_by = MIN(peer->login_by, peer->since + HANDSHAKE_US);
        /* Now, while it is sure to be the process that has connected. */
        if (peer->auth == FL_AUTH_POLKIT && fl_polkit_start_time(peer->pid, &peer->start_time) < 0)
            fl_error_reset();
        fl_session_set_max_frame(peer->session, FRAME_BEFORE_LOGIN);
    }
    fl_debug("client %" G_GUINT64_FORMAT " (%s) connected to %s", peer->id, peer->name, from->name);
    return peer;
}

struct fl_peer *fl_peer_ref(struct fl_peer *peer)
{
    g_atomic_int_inc(&peer->refs);
    return peer;
}

void fl_peer_unref(struct fl_peer *peer)
{
    if (!peer || !g_atomic_int_dec_and_test(&peer->refs))
        return;
    fl_login_free(peer->login);
    fl_session_free(peer->session);
    fl_transport_free(peer->transport);
    g_cond_clear(&peer->room);
    g_mutex_clear(&peer->lock);
    g_free(peer->fds);
    g_free(peer->user);
    g_free(peer->name);
    g_free(peer->origin);
    g_free(peer->identity);
    g_free(peer);
}

static void drop_fds(struct fl_peer *peer)
{
    for (unsigned int i = 0; i < peer->nfds; i++)
        close(peer->fds[i]);
    peer->nfds = 0;
}

void fl_peer_finish(struct fl_peer *peer, const char *reason)
{
    virConnectPtr conn;

    fl_io_remove(peer->io, peer, peer->transport->fd);
    fl_pool_drop(fl_server_logins(peer->server), &peer->login_lane);
    fl_pool_drop(fl_server_pool(peer->server), &peer->lane);
    fl_close_callback_end(peer);
    fl_subscriptions_end(peer);
    fl_streams_end(peer);
    g_mutex_lock(&peer->lock);
    fl_forward_end(peer);
    peer->gone = true;
    fl_transport_close(peer->transport);
    conn = g_steal_pointer(&peer->conn);
    g_cond_broadcast(&peer->room);
    g_mutex_unlock(&peer->lock);
    fl_login_abort(peer);
    if (conn)
        virConnectClose(conn);
    drop_fds(peer);
    fl_info("client %" G_GUINT64_FORMAT " (%s) closed: %s; %d calls, %" PRIu64 " bytes sent, %.3f s",
            peer->id, peer->name, reason, g_atomic_int_get(&peer->ncalls),
            fl_session_total_sent(peer->session),
            (double)(g_get_monotonic_time() - peer->since) / G_USEC_PER_SEC);
    fl_server_peer_gone(peer->server, peer);
    fl_peer_unref(peer);
}

/* ---- bytes out ---- */

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
    update_events(peer, result == -FL_AGAIN);
    if (peer->closing && result == 0)
        fl_peer_shutdown(peer);
}

void fl_peer_flush(struct fl_peer *peer)
{
    g_mutex_lock(&peer->lock);
    fl_peer_flush_locked(peer);
    g_mutex_unlock(&peer->lock);
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
static int settle(struct fl_peer *peer, int result)
{
    if (result < 0) {
        fl_warn_seldom("client %" G_GUINT64_FORMAT " (%s) is cut off: %s", peer->id, peer->name,
                       fl_error_get()->message);
        fl_peer_shutdown(peer);
    }
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
                     const void *payload)
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
    if (fl_xdr_encode(legacy ? event->legacy_payload : event->payload, payload, writer) < 0) {
        fl_session_cancel(session);
        return -1;
    }
    return fl_session_end(session);
}

void fl_peer_event(struct fl_peer *peer, const struct fl_event_info *event, const int *callback_id,
                   const void *payload)
{
    g_mutex_lock(&peer->lock);
    if (!peer->gone && !peer->closing) {
        settle(peer, put_event(peer->session, event, callback_id, payload));
        fl_peer_flush_locked(peer);
    }
    g_mutex_unlock(&peer->lock);
}

/* ---- bytes in ---- */

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

static ssize_t read_with_fds(struct fl_peer *peer, void *space, size_t length)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(FL_FRAME_FDS_MAX * sizeof(int))];
    } control;
    struct iovec iov = { space, length };
    struct msghdr msg = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)
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

/* One read. Bytes moved, 0 = end, -FL_AGAIN, -1. *ret_more: the socket may hold more. */
static ssize_t read_some(struct fl_peer *peer, bool *ret_more)
{
    size_t length;
    ssize_t n;
    unsigned char *space;
    bool quiet = fl_error_log_quietly(true);

    g_mutex_lock(&peer->lock);
    space = fl_session_space(peer->session, &length);
    n = peer->local ? read_with_fds(peer, space, length) : fl_transport_read(peer->transport, space, length);
    if (n > 0)
        fl_session_received(peer->session, (size_t)n, g_get_monotonic_time());
    *ret_more = n > 0 && ((size_t)n == length || fl_transport_pending(peer->transport) > 0);
    g_mutex_unlock(&peer->lock);
    fl_error_log_quietly(quiet);
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

/* 1: there is one; 0: enough for now; -1 with the error set: broken protocol. */
static int next_frame(struct fl_peer *peer, struct fl_frame *frame, int *fds)
{
    bool quiet = fl_error_log_quietly(true);
    int result;

    g_mutex_lock(&peer->lock);
    peer->stalled = peer->holds != 0;
    result = peer->closing || peer->stalled ? 0 : fl_session_next(peer->session, frame);
    g_mutex_unlock(&peer->lock);
    if (result > 0 && claim_fds(peer, frame, fds) < 0)
        result = -1;
    fl_error_log_quietly(quiet);
    return result;
}

static int handle_frame(struct fl_peer *peer)
{
    struct fl_frame frame;
    int fds[FL_FRAME_FDS_MAX];
    int result = next_frame(peer, &frame, fds);

    if (result <= 0)
        return result;
    if (frame.h.type == FL_FRAME_STREAM || frame.h.type == FL_FRAME_STREAM_HOLE)
        fl_stream_input(peer, &frame);
    else
        fl_call_input(peer, &frame, fds);
    return 1;
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

/* All that has come, until the peer is held. false: the peer is finished. */
static bool handle_frames(struct fl_peer *peer)
{
    int result;

    while ((result = handle_frame(peer)) > 0)
        ;
    if (result < 0)
        end_as_broken(peer);
    return result == 0;
}

static bool is_held(struct fl_peer *peer)
{
    bool held;

    g_mutex_lock(&peer->lock);
    held = peer->holds != 0;
    g_mutex_unlock(&peer->lock);
    return held;
}

/* false: the peer is finished. */
static bool read_all(struct fl_peer *peer)
{
    bool more = true;

    for (int round = 0; more && round < ROUNDS; round++) {
        ssize_t n = read_some(peer, &more);

        if (n == -FL_AGAIN)
            break;
        if (n == 0) {
            fl_peer_finish(peer, peer->closing ? "as agreed" : "the client hung up");
            return false;
        }
        if (n < 0) {
            end_as_broken(peer);
            return false;
        }
        if (!handle_frames(peer))
            return false;
        if (is_held(peer))
            break;
    }
    return true;
}

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

/* Bytes wait in a layer, where epoll does not see them. */
static bool has_pending(struct fl_peer *peer)
{
    bool pending;

    g_mutex_lock(&peer->lock);
    pending = !peer->holds && !peer->closing && fl_transport_pending(peer->transport) > 0;
    g_mutex_unlock(&peer->lock);
    return pending;
}

/* true: it is another daemon's, and its bytes have been moved. */
static bool is_forwarded(struct fl_peer *peer)
{
    const char *reason = NULL;
    int64_t deadline = INT64_MAX;
    bool forwarded;

    g_mutex_lock(&peer->lock);
    forwarded = peer->forward && !(peer->holds & FL_HOLD_OPEN);
    if (forwarded) {
        reason = fl_forward_ready(peer);
        deadline = fl_forward_deadline(peer);
    }
    g_mutex_unlock(&peer->lock);
    if (reason)
        fl_peer_finish(peer, reason);
    else if (deadline != INT64_MAX)
        fl_io_tick_by(peer->io, deadline);
    return forwarded;
}

void fl_peer_ready(struct fl_peer *peer, uint32_t events)
{
    if (is_forwarded(peer))
        return;
    if ((events & (EPOLLERR | EPOLLHUP)) && !(events & EPOLLIN)) {
        fl_peer_finish(peer, "the connection ended");
        return;
    }
    if (peer->shaking && !shake(peer))
        return;
    if (!handle_frames(peer)) /* what was left when it was held */
        return;
    if (((events & EPOLLIN) || has_pending(peer)) && !read_all(peer))
        return;
    g_mutex_lock(&peer->lock);
    fl_peer_flush_locked(peer);
    fl_session_trim(peer->session);
    g_mutex_unlock(&peer->lock);
}

/*
 * Whoever is not read because of what the daemon still has to do for it may be as alive as any, and so is one
 * that takes its answers or goes on sending, however slowly. Under the lock.
 */
static bool is_excused(struct fl_peer *peer)
{
    uint64_t sent = fl_session_total_sent(peer->session);
    int unread = 0;
    bool moves;

    if (peer->holds && ioctl(peer->transport->fd, FIONREAD, &unread) < 0)
        unread = 0;
    moves = sent != peer->sent_before || unread != peer->unread_before;
    peer->sent_before = sent;
    peer->unread_before = unread;
    return peer->holds & ~(unsigned int)FL_HOLD_OUTPUT || (peer->holds && moves);
}

int64_t fl_peer_tick(struct fl_peer *peer, int64_t now)
{
    int64_t next;

    g_mutex_lock(&peer->lock);
    if (now >= fl_session_deadline(peer->session))
        fl_session_set_unread(peer->session, is_excused(peer), now);
    if (!g_atomic_int_get(&peer->authenticated) && now >= peer->login_by) {
        fl_info("client %" G_GUINT64_FORMAT " (%s) did not %s in time", peer->id, peer->name,
                peer->shaking ? "finish the TLS handshake" : "authenticate");
        fl_peer_shutdown(peer);
        next = INT64_MAX;
    } else if (peer->forward && now >= fl_forward_deadline(peer)) {
        fl_forward_shutdown(peer);
        fl_peer_shutdown(peer);
        next = INT64_MAX;
    } else if (fl_session_tick(peer->session, now) < 0) {
        fl_info("client %" G_GUINT64_FORMAT " (%s): %s", peer->id, peer->name, fl_error_get()->message);
        fl_error_reset();
        fl_peer_shutdown(peer);
        next = INT64_MAX;
    } else {
        fl_peer_flush_locked(peer);
        next = fl_session_deadline(peer->session);
        if (!g_atomic_int_get(&peer->authenticated))
            next = MIN(next, peer->login_by);
        if (peer->forward)
            next = MIN(next, fl_forward_deadline(peer));
    }
    g_mutex_unlock(&peer->lock);
    return next;
}

void fl_peer_set_authenticated(struct fl_peer *peer)
{
    bool gone;

    g_mutex_lock(&peer->lock);
    gone = peer->gone; /* it counts as one that never logged in, then */
    if (!gone) {
        g_atomic_int_set(&peer->authenticated, 1);
        fl_session_set_max_frame(peer->session, 0);
    }
    g_mutex_unlock(&peer->lock);
    if (!gone)
        fl_server_peer_authenticated(peer->server, peer);
}

void fl_peer_make_room(struct fl_peer *peer)
{
    g_mutex_lock(&peer->lock);
    if (!peer->gone && !g_atomic_int_get(&peer->authenticated)) {
        fl_info("client %" G_GUINT64_FORMAT " (%s) has not logged in and is closed for another one: too many "
                "wait (max_anonymous_clients)",
                peer->id, peer->name);
        fl_peer_shutdown(peer);
    }
    g_mutex_unlock(&peer->lock);
    fl_peer_unref(peer);
}

void fl_peer_set_user(struct fl_peer *peer, const char *user)
{
    g_mutex_lock(&peer->lock);
    g_free(peer->user);
    peer->user = g_strdup(user);
    g_mutex_unlock(&peer->lock);
}

virConnectPtr fl_peer_conn(struct fl_peer *peer)
{
    virConnectPtr conn;

    g_mutex_lock(&peer->lock);
    conn = peer->conn;
    if (conn)
        fl_connect_ref(conn);
    g_mutex_unlock(&peer->lock);
    if (!conn)
        fl_error(VIR_ERR_INTERNAL_ERROR, "no hypervisor connection is open on this client connection yet");
    return conn;
}
