/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Accepting, on the first I/O thread; parking and trying again, together with the main thread. A client that
 * speaks TLS is made a peer by the thread that looks after the certificates (tls.h).
 */
#define FL_FROM VIR_FROM_RPC
#include "daemon/accept.h"

#include <errno.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"
#include "daemon/anonymous.h"
#include "daemon/io.h"
#include "daemon/listener.h"
#include "daemon/peer.h"
#include "daemon/pool.h"
#include "daemon/server.h"
#include "daemon/tls.h"
#include "transport/transport.h"

#define WARN_EVERY_US (60 * G_USEC_PER_SEC)
#define RETRY_MS      200 /* until accepting is tried again when descriptors ran out */
#define ENTERING_MAX  16  /* TLS clients that wait for the certificates; others wait in the kernel's queue */

/* A listener in the I/O thread's set. */
struct place {
    struct fl_io_guest guest; /* first */
    struct fl_acceptor *acceptor;
    const struct fl_listener *listener;
};

struct fl_acceptor {
    struct fl_server *server;
    struct fl_io *const *io;
    unsigned int nio;
    struct fl_anonymous *anonymous;
    gint max_clients, max_anonymous; /* atomic */
    GMutex lock;                     /* guards the rest */
    struct fl_listeners listeners;
    struct place *places;
    gint npeers; /* atomic, too; goes up under the lock only */
    bool ended;
    bool parked;           /* no place is free: the listeners are not watched */
    bool starved;          /* descriptors ran out: nor are they then, for a while */
    unsigned int entering; /* TLS clients on their way... */
    bool crowded;          /* ...as many as may be: nor is the listener for TLS */
    int64_t warn_again;    /* of clients that do not log in */
};

/* ---- with the lock ---- */

static bool has_place(struct fl_acceptor *a)
{
    return g_atomic_int_get(&a->npeers) < g_atomic_int_get(&a->max_clients);
}

static void watch_all(struct fl_acceptor *a)
{
    for (unsigned int i = 0; !a->ended && i < a->listeners.count; i++) {
        bool tls = a->listeners.list[i].kind == FL_LISTENER_TLS;
        bool closed = a->parked || a->starved || (tls && a->crowded);

        fl_io_want_guest(a->io[0], &a->places[i].guest, closed ? 0 : EPOLLIN);
    }
}

/* Nobody is turned away: who finds no place waits in the kernel's queue (max_queued_clients). */
static void park(struct fl_acceptor *a)
{
    fl_warn_seldom("%d clients are connected (%u not authenticated): new ones wait (max_clients)",
                   g_atomic_int_get(&a->npeers), fl_anonymous_count(a->anonymous));
    a->parked = true;
    watch_all(a);
}

static void starve(struct fl_acceptor *a, const struct fl_listener *l, int errnum)
{
    fl_warn_seldom("cannot accept a client on %s: %s; trying again shortly", l->name, g_strerror(errnum));
    a->starved = true;
    watch_all(a);
    fl_server_wake(a->server);
}

/* A descriptor, or -1. A place has been taken for it. */
static int take_in(struct fl_acceptor *a, const struct fl_listener *l, struct sockaddr_storage *addr)
{
    socklen_t length = sizeof(*addr);
    int fd;

    if (a->ended)
        return -1;
    if (!has_place(a)) {
        park(a);
        return -1;
    }
    addr->ss_family = AF_UNSPEC;
    fd = accept4(l->fd, l->kind == FL_LISTENER_UNIX ? NULL : (struct sockaddr *)addr,
                 l->kind == FL_LISTENER_UNIX ? NULL : &length, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd >= 0)
        g_atomic_int_inc(&a->npeers);
    else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
        starve(a, l, errno);
    return fd;
}

/* ---- on the first I/O thread ---- */

static struct fl_io *least_busy(struct fl_acceptor *a)
{
    struct fl_io *best = a->io[0];

    for (unsigned int i = 1; i < a->nio; i++) {
        if (fl_io_count(a->io[i]) < fl_io_count(best))
            best = a->io[i];
    }
    return best;
}

/* One that has to log in: when too many do, one of them makes room. */
static void expect_login(struct fl_acceptor *a, struct fl_peer *peer)
{
    unsigned int max = (unsigned int)g_atomic_int_get(&a->max_anonymous);
    int64_t now = g_get_monotonic_time();
    struct fl_peer *victim;
    bool warn;

    fl_anonymous_enter(a->anonymous, peer, max, &victim);
    if (!victim)
        return;
    g_mutex_lock(&a->lock);
    warn = now >= a->warn_again;
    if (warn)
        a->warn_again = now + WARN_EVERY_US;
    g_mutex_unlock(&a->lock);
    if (warn)
        fl_warn("too many clients have connected and not logged in: new ones take the place of waiting ones "
                "(max_anonymous_clients = %u; the latest from %s)",
                max, peer->name);
    fl_peer_make_room(victim);
}

/* One of ours has most likely spoken by now, and may have left when this returns. */
static void welcome(struct fl_acceptor *a, struct fl_peer *peer)
{
    struct fl_io *io = peer->io;
    int64_t login_by = peer->login_by;

    if (!peer->authenticated)
        expect_login(a, peer);
    if (fl_io_add(io, peer, peer->transport->fd) < 0) {
        fl_warn_seldom("%s", fl_error_get()->message);
        fl_server_peer_gone(a->server, peer);
        fl_peer_unref(peer);
        return;
    }
    if (login_by != INT64_MAX)
        fl_io_tick_by(io, login_by);
    if (fl_io_is_current(io))
        fl_peer_ready(peer, EPOLLIN);
}

static void make_peer(struct fl_acceptor *a, const struct fl_listener *l, int fd,
                      const struct sockaddr_storage *addr)
{
    struct fl_peer *peer = fl_peer_new(a->server, least_busy(a), l, fd, (const struct sockaddr *)addr);

    if (peer) {
        welcome(a, peer);
    } else {
        fl_error_reset();
        fl_server_peer_gone(a->server, NULL);
    }
}

/* ---- by way of the certificates ---- */

struct entrant {
    struct fl_job job; /* first */
    struct place *place;
    int fd; /* -1: not ours any more */
    struct sockaddr_storage addr;
};

static void run_entrant(struct fl_job *job)
{
    struct entrant *e = (struct entrant *)job;
    int fd = e->fd;

    e->fd = -1;
    make_peer(e->place->acceptor, e->place->listener, fd, &e->addr);
}

static void free_entrant(struct fl_job *job)
{
    struct entrant *e = (struct entrant *)job;
    struct fl_acceptor *a = e->place->acceptor;

    if (e->fd >= 0) { /* dropped */
        close(e->fd);
        fl_server_peer_gone(a->server, NULL);
    }
    g_mutex_lock(&a->lock);
    a->entering--;
    if (a->crowded && a->entering <= ENTERING_MAX / 2) {
        a->crowded = false;
        watch_all(a);
    }
    g_mutex_unlock(&a->lock);
    g_free(e);
}

/* With the lock: once the acceptor has ended there is nobody to submit to. */
static void submit_entrant(struct place *place, int fd, const struct sockaddr_storage *addr)
{
    struct fl_acceptor *a = place->acceptor;
    struct entrant *e = g_new0(struct entrant, 1);

    e->job = (struct fl_job){ .run = run_entrant, .free = free_entrant };
    e->place = place;
    e->fd = fd;
    e->addr = *addr;
    if (++a->entering >= ENTERING_MAX && !a->crowded) {
        a->crowded = true;
        watch_all(a);
    }
    fl_tls_host_submit(fl_server_tls(a->server), &e->job);
}

/* One at a time: to learn that there is no other takes a system call as well. */
static void on_listener(struct fl_io_guest *guest)
{
    struct place *place = (struct place *)guest;
    struct fl_acceptor *a = place->acceptor;
    bool tls = place->listener->kind == FL_LISTENER_TLS;
    struct sockaddr_storage addr;
    int fd;

    g_mutex_lock(&a->lock);
    fd = take_in(a, place->listener, &addr);
    if (fd >= 0 && tls)
        submit_entrant(place, fd, &addr);
    g_mutex_unlock(&a->lock);
    if (fd >= 0 && !tls)
        make_peer(a, place->listener, fd, &addr);
}

/* ---- for the server ---- */

void fl_acceptor_peer_authenticated(struct fl_acceptor *a, struct fl_peer *peer)
{
    fl_anonymous_leave(a->anonymous, peer);
}

bool fl_acceptor_peer_gone(struct fl_acceptor *a, struct fl_peer *peer)
{
    bool last, waited_for;

    if (peer)
        fl_anonymous_leave(a->anonymous, peer);
    g_mutex_lock(&a->lock);
    last = g_atomic_int_dec_and_test(&a->npeers);
    waited_for = a->parked;
    g_mutex_unlock(&a->lock);
    if (waited_for)
        fl_server_wake(a->server);
    return last;
}

unsigned int fl_acceptor_count(struct fl_acceptor *a)
{
    return (unsigned int)g_atomic_int_get(&a->npeers);
}

void fl_acceptor_again(struct fl_acceptor *a, bool retry)
{
    g_mutex_lock(&a->lock);
    if ((a->parked && has_place(a)) || (a->starved && retry)) {
        a->parked = a->parked && !has_place(a);
        a->starved = a->starved && !retry;
        watch_all(a);
    }
    g_mutex_unlock(&a->lock);
}

int fl_acceptor_retry_ms(struct fl_acceptor *a)
{
    int ms;

    g_mutex_lock(&a->lock);
    ms = a->starved ? RETRY_MS : -1;
    g_mutex_unlock(&a->lock);
    return ms;
}

/* ---- life ---- */

void fl_acceptor_set_limits(struct fl_acceptor *a, unsigned int max_clients, unsigned int max_anonymous)
{
    g_atomic_int_set(&a->max_clients, (gint)MIN(max_clients, G_MAXINT));
    g_atomic_int_set(&a->max_anonymous, (gint)MIN(max_anonymous, G_MAXINT));
}

struct fl_acceptor *fl_acceptor_new(struct fl_server *server, struct fl_listeners *listeners,
                                    struct fl_io *const *io, unsigned int n)
{
    struct fl_acceptor *a = g_new0(struct fl_acceptor, 1);

    g_mutex_init(&a->lock);
    a->server = server;
    a->io = io;
    a->nio = n;
    a->anonymous = fl_anonymous_new();
    a->listeners = *listeners;
    *listeners = (struct fl_listeners){ 0 };
    a->places = g_new0(struct place, a->listeners.count);
    for (unsigned int i = 0; i < a->listeners.count; i++)
        a->places[i] = (struct place){ .guest = { .fd = a->listeners.list[i].fd, .ready = on_listener },
                                       .acceptor = a,
                                       .listener = &a->listeners.list[i] };
    return a;
}

int fl_acceptor_start(struct fl_acceptor *a)
{
    for (unsigned int i = 0; i < a->listeners.count; i++)
        if (fl_io_add_guest(a->io[0], &a->places[i].guest) < 0)
            return -1;
    return 0;
}

/* Who was taken in a moment ago may still look at its listener. */
void fl_acceptor_end(struct fl_acceptor *a)
{
    g_mutex_lock(&a->lock);
    a->ended = true;
    fl_listeners_close(&a->listeners);
    g_mutex_unlock(&a->lock);
}

/* With the lock. Somebody has connected whom the I/O thread has not taken in yet. */
static bool is_called(const struct fl_acceptor *a)
{
    for (unsigned int i = 0; i < a->listeners.count; i++) {
        struct pollfd calls = { .fd = a->listeners.list[i].fd, .events = POLLIN };

        if (poll(&calls, 1, 0) > 0)
            return true;
    }
    return false;
}

bool fl_acceptor_end_if_empty(struct fl_acceptor *a)
{
    bool empty;

    g_mutex_lock(&a->lock);
    empty = g_atomic_int_get(&a->npeers) == 0 && !is_called(a);
    if (empty)
        a->ended = true;
    g_mutex_unlock(&a->lock);
    return empty;
}

void fl_acceptor_free(struct fl_acceptor *a)
{
    if (!a)
        return;
    fl_listeners_fini(&a->listeners);
    fl_anonymous_free(a->anonymous);
    g_mutex_clear(&a->lock);
    g_free(a->places);
    g_free(a);
}
