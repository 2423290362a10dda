/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A peer's life: accept, who it is, deadlines and keepalive, the end. Its bytes are in peer_in.c and
 * peer_out.c; what the frames mean in call.c and stream.c. */
#define FL_FROM VIR_FROM_RPC
#include "daemon/peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "auth/polkit.h"
#include "base/error.h"
#include "base/log.h"
#include "core/objects.h"
#include "daemon/event.h"
#include "daemon/forward.h"
#include "daemon/io.h"
#include "daemon/listener.h"
#include "daemon/login.h"
#include "daemon/server.h"
#include "daemon/stream.h"
#include "daemon/tls.h"
#include "transport/transport.h"

#define HANDSHAKE_US       (15 * G_USEC_PER_SEC) /* TLS: no person is waited for */
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

static void learn_remote(struct fl_peer *peer, const struct sockaddr *addr)
{
    char host[NI_MAXHOST] = "unknown", port[NI_MAXSERV] = "?";
    socklen_t length = addr->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);

    if (addr->sa_family == AF_INET || addr->sa_family == AF_INET6)
        (void)getnameinfo(addr, length, host, sizeof(host), port, sizeof(port),
                          NI_NUMERICHOST | NI_NUMERICSERV);
    peer->name = g_strdup_printf("%s port %s", host, port);
    peer->origin = origin_of(addr, host);
}

struct fl_peer *fl_peer_new(struct fl_server *server, struct fl_io *io, const struct fl_listener *from,
                            int fd, const struct sockaddr *addr)
{
    static gint next_id;
    bool tls = from->kind == FL_LISTENER_TLS;
    struct fl_transport *transport = tls ? fl_tls_host_accept(fl_server_tls(server), fd)
                                         : fl_transport_from_accepted(fd, from->kind == FL_LISTENER_UNIX);
    struct fl_session_options options = { .server = true, .spare = fl_io_spare(io) };
    struct fl_peer *peer;

    if (!transport)
        return NULL;
    peer = g_new0(struct fl_peer, 1);
    peer->tls = peer->shaking = tls;

    peer->refs = 1;
    peer->server = server;
    peer->io = io;
    peer->link.data = peer->unsent_link.data = peer;
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
        learn_remote(peer, addr);
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
    /* Those a worker has added since; now it cannot any longer. */
    fl_subscriptions_end(peer);
    fl_streams_end(peer);
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
    fl_peer_take_signs(peer);
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
