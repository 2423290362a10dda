/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The I/O threads. */
#define FL_FROM VIR_FROM_RPC
#include "daemon/io.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"
#include "base/spin.h"
#include "daemon/outbox.h"
#include "daemon/peer.h"

#define BATCH 64

struct fl_io {
    GThread *thread;
    int epoll_fd;
    int wake_fd;
    gint stop;                       /* atomic */
    gint npeers;                     /* atomic */
    struct epoll_event ready[BATCH]; /* its thread: being handled */
    int nready;
    struct fl_peer *handling; /* its thread: whose turn it is */
    struct fl_spin spin;      /* its thread */
    void *spare;              /* its thread: memory to read into */
    GMutex lock;              /* guards the two below */
    GQueue peers;
    int64_t tick_at; /* INT64_MAX: never; written atomically, too: its thread looks without the lock */
    struct fl_outbox outbox;
    gint asleep; /* atomic: it waits, or is about to and has not looked into the outbox yet */
};

static void wake(struct fl_io *io)
{
    uint64_t one = 1;

    if (write(io->wake_fd, &one, sizeof(one)) < 0)
        fl_debug("I/O thread is awake already");
}

static void swallow_wake(struct fl_io *io)
{
    uint64_t count;

    if (read(io->wake_fd, &count, sizeof(count)) < 0)
        fl_debug("nothing woke the I/O thread");
}

/* Milliseconds until the next tick, rounded up: waking early would only mean waking twice. */
static int wait_ms(struct fl_io *io)
{
    int64_t at = __atomic_load_n(&io->tick_at, __ATOMIC_ACQUIRE), left;

    if (at == INT64_MAX)
        return -1;
    left = at - g_get_monotonic_time();
    if (left <= 0)
        return 0;
    return (int)MIN((left + 999) / 1000, 3600 * 1000);
}

static void set_tick(struct fl_io *io, int64_t when_us)
{
    __atomic_store_n(&io->tick_at, when_us, __ATOMIC_RELEASE);
}

/* Asks every peer for its next deadline. Seldom: deadlines only move away while bytes flow. */
static void tick_all(struct fl_io *io)
{
    int64_t at = __atomic_load_n(&io->tick_at, __ATOMIC_ACQUIRE), now, next = INT64_MAX;

    if (at == INT64_MAX || at > (now = g_get_monotonic_time()))
        return;
    g_mutex_lock(&io->lock);
    set_tick(io, INT64_MAX);
    for (GList *l = io->peers.head; l; l = l->next)
        next = MIN(next, fl_peer_tick(l->data, now));
    set_tick(io, MIN(io->tick_at, next));
    g_mutex_unlock(&io->lock);
}

static void end_all(struct fl_io *io)
{
    for (;;) {
        struct fl_peer *peer;

        g_mutex_lock(&io->lock);
        peer = g_queue_peek_head(&io->peers);
        g_mutex_unlock(&io->lock);
        if (!peer)
            return;
        fl_peer_finish(peer, "the daemon stops");
    }
}

/* A peer's second socket is told apart by an odd pointer. */
static void *mark_of(struct fl_peer *peer, bool second)
{
    return (char *)peer + (second ? 1 : 0);
}

/* ...and a guest by an even one that no peer can have. */
#define GUEST_MARK ((uintptr_t)2)

static struct fl_io_guest *guest_of(const struct epoll_event *event)
{
    uintptr_t mark = (uintptr_t)event->data.ptr;

    return mark & GUEST_MARK ? (void *)(mark - GUEST_MARK) : NULL;
}

static struct epoll_event guest_event(struct fl_io_guest *guest, uint32_t events)
{
    return (struct epoll_event){ .events = events, .data.ptr = (char *)guest + GUEST_MARK };
}

static struct fl_peer *peer_of(const struct epoll_event *event)
{
    return (void *)((uintptr_t)event->data.ptr & ~(uintptr_t)1);
}

/* What is still to be handled of a peer that has ended in this round. */
static void forget_events(struct fl_io *io, const struct fl_peer *peer)
{
    for (int i = 0; i < io->nready; i++) {
        if (peer_of(&io->ready[i]) == peer)
            io->ready[i].data.ptr = NULL; /* as a wake for nothing */
    }
}

/* A client that has its answer often asks the next thing at once. false: nothing came up. */
static bool look_again(struct fl_io *io, int *ret_n)
{
    int n;
    bool found;

    if (!fl_spin_begin(&io->spin))
        return false;
    do {
        n = epoll_wait(io->epoll_fd, io->ready, BATCH, 0);
        found = n != 0 || !fl_outbox_is_empty(&io->outbox);
    } while (!found && !fl_spin_over(&io->spin));
    fl_spin_end(&io->spin, found);
    *ret_n = n;
    return found;
}

/* Who adds to the outbox wakes a thread that sleeps; one that has not looked into it since it said so sees
 * it. */
static int wait_ready(struct fl_io *io, bool has_served)
{
    int n;

    if (!fl_outbox_is_empty(&io->outbox))
        return epoll_wait(io->epoll_fd, io->ready, BATCH, 0);
    if (has_served && look_again(io, &n))
        return n;
    g_atomic_int_set(&io->asleep, 1);
    n = epoll_wait(io->epoll_fd, io->ready, BATCH, fl_outbox_is_empty(&io->outbox) ? wait_ms(io) : 0);
    g_atomic_int_set(&io->asleep, 0);
    return n;
}

static gpointer io_thread(gpointer opaque)
{
    struct fl_io *io = opaque;
    bool served = false;

    while (!g_atomic_int_get(&io->stop)) {
        io->nready = wait_ready(io, served);
        served = io->nready > 0;
        for (int i = 0; i < io->nready; i++) {
            struct fl_peer *peer = peer_of(&io->ready[i]);
            struct fl_io_guest *guest = guest_of(&io->ready[i]);

            if (guest)
                guest->ready(guest);
            else if (peer)
                fl_peer_ready(peer, io->ready[i].events);
            else
                swallow_wake(io);
        }
        /* Calls and events take turns: as many writes as there were calls, and one when there was none. */
        fl_outbox_write(&io->outbox, (unsigned int)MAX(io->nready, 1));
        io->nready = 0;
        tick_all(io);
    }
    end_all(io);
    return NULL;
}

struct fl_io *fl_io_new(unsigned int number)
{
    struct fl_io *io = g_new0(struct fl_io, 1);
    g_autofree char *name = g_strdup_printf("io-%u", number);
    struct epoll_event event = { .events = EPOLLIN };

    g_mutex_init(&io->lock);
    g_queue_init(&io->peers);
    fl_outbox_init(&io->outbox);
    io->tick_at = INT64_MAX;
    io->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    io->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (io->epoll_fd < 0 || io->wake_fd < 0 ||
        epoll_ctl(io->epoll_fd, EPOLL_CTL_ADD, io->wake_fd, &event) < 0) {
        fl_error_system(errno, "cannot set up I/O thread %u", number);
        fl_io_free(io);
        return NULL;
    }
    io->thread = g_thread_new(name, io_thread, io);
    return io;
}

void fl_io_stop(struct fl_io *io)
{
    if (!io->thread || g_atomic_int_get(&io->stop))
        return;
    g_atomic_int_set(&io->stop, 1);
    wake(io);
    g_thread_join(io->thread);
}

void fl_io_free(struct fl_io *io)
{
    if (!io)
        return;
    fl_io_stop(io);
    if (io->epoll_fd >= 0)
        close(io->epoll_fd);
    if (io->wake_fd >= 0)
        close(io->wake_fd);
    fl_outbox_fini(&io->outbox);
    g_mutex_clear(&io->lock);
    g_free(io->spare);
    g_free(io);
}

int fl_io_add(struct fl_io *io, struct fl_peer *peer, int fd)
{
    struct epoll_event event = { .events = EPOLLIN, .data.ptr = peer };

    g_mutex_lock(&io->lock);
    g_queue_push_tail_link(&io->peers, fl_peer_link(peer));
    g_mutex_unlock(&io->lock);
    g_atomic_int_inc(&io->npeers);
    if (epoll_ctl(io->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0)
        return 0;
    fl_error_system(errno, "cannot watch a new connection");
    fl_io_remove(io, peer, -1);
    return -1;
}

int fl_io_add_guest(struct fl_io *io, struct fl_io_guest *guest)
{
    struct epoll_event event = guest_event(guest, EPOLLIN);

    if (epoll_ctl(io->epoll_fd, EPOLL_CTL_ADD, guest->fd, &event) < 0)
        return fl_error_system(errno, "cannot watch the daemon's own descriptors");
    return 0;
}

void fl_io_want_guest(struct fl_io *io, struct fl_io_guest *guest, uint32_t events)
{
    struct epoll_event event = guest_event(guest, events);

    (void)epoll_ctl(io->epoll_fd, EPOLL_CTL_MOD, guest->fd, &event);
}

unsigned int fl_io_count(const struct fl_io *io)
{
    return (unsigned int)g_atomic_int_get(&io->npeers);
}

void fl_io_want(struct fl_io *io, struct fl_peer *peer, int fd, uint32_t events)
{
    struct epoll_event event = { .events = events, .data.ptr = peer };

    if (epoll_ctl(io->epoll_fd, EPOLL_CTL_MOD, fd, &event) < 0)
        fl_debug("cannot change what a connection waits for: %s", g_strerror(errno));
}

void fl_io_watch(struct fl_io *io, struct fl_peer *peer, bool second, int fd, uint32_t was, uint32_t events)
{
    struct epoll_event event = { .events = events, .data.ptr = mark_of(peer, second) };
    int what = !was ? EPOLL_CTL_ADD : !events ? EPOLL_CTL_DEL : EPOLL_CTL_MOD;

    if (was == events)
        return;
    /* One that waited for nothing may have stayed in the set (fl_io_want). */
    if (epoll_ctl(io->epoll_fd, what, fd, &event) < 0 &&
        (errno != EEXIST || epoll_ctl(io->epoll_fd, EPOLL_CTL_MOD, fd, &event) < 0))
        fl_debug("cannot change what a connection waits for: %s", g_strerror(errno));
}

void fl_io_tick_by(struct fl_io *io, int64_t when_us)
{
    bool sooner;

    g_mutex_lock(&io->lock);
    sooner = when_us < io->tick_at;
    if (sooner)
        set_tick(io, when_us);
    g_mutex_unlock(&io->lock);
    if (sooner && g_thread_self() != io->thread)
        wake(io);
}

void fl_io_write_soon(struct fl_io *io, struct fl_peer *peer)
{
    fl_outbox_add(&io->outbox, peer);
    if (!fl_io_is_current(io) && g_atomic_int_compare_and_exchange(&io->asleep, 1, 0))
        wake(io);
}

void fl_io_remove(struct fl_io *io, struct fl_peer *peer, int fd)
{
    if (fd >= 0)
        (void)epoll_ctl(io->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
    if (fl_io_is_current(io))
        forget_events(io, peer);
    g_mutex_lock(&io->lock);
    g_queue_unlink(&io->peers, fl_peer_link(peer));
    g_mutex_unlock(&io->lock);
    g_atomic_int_add(&io->npeers, -1);
}

void **fl_io_spare(struct fl_io *io)
{
    return &io->spare;
}

bool fl_io_is_current(const struct fl_io *io)
{
    return g_thread_self() == io->thread;
}

void fl_io_set_handling(struct fl_io *io, struct fl_peer *peer)
{
    io->handling = peer;
}

bool fl_io_is_handling(const struct fl_io *io, const struct fl_peer *peer)
{
    return fl_io_is_current(io) && io->handling == peer;
}
