/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The public virEvent* functions and the default event loop: poll(2), for programs without a loop of their
 * own. Every function may be called from any thread and from inside callbacks; a thread in poll is woken
 * through an eventfd. Removal takes effect at once (no later call); the free callback follows from the loop,
 * never inside remove, so that callers may hold locks.
 */
#define FL_FROM VIR_FROM_EVENT
#include <errno.h>
#include <pthread.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <libvirt/libvirt.h>

#include "base/error.h"
#include "base/event.h"
#include "base/util.h"

/* A watched descriptor (fd, events) or a timer (interval, due). */
struct source {
    int id;
    gint refs; /* under loop.lock */
    bool removed;
    int fd, events;
    int interval_ms; /* -1: asleep */
    gint64 due_us;
    union {
        virEventHandleCallback handle;
        virEventTimeoutCallback timer;
    } cb;
    void *opaque;
    virFreeCallback ff;
};

static struct {
    GMutex lock;
    GRecMutex running; /* held by the thread inside an iteration; a callback may run a nested one */
    GHashTable *handles, *timers; /* id -> struct source, owning one reference */
    int next_handle, next_timer;
    GPtrArray *dead; /* removed, free callback to be called from the loop */
    int wake_fd;
    gboolean polling;
} loop;

static void loop_make(void)
{
    loop.handles = g_hash_table_new(NULL, NULL);
    loop.timers = g_hash_table_new(NULL, NULL);
    loop.dead = g_ptr_array_new();
    loop.next_handle = loop.next_timer = 1;
    loop.wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

static void loop_init(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, loop_make);
}

/* With loop.lock held. The eventfd is read before the next poll, so one write is enough. */
static void loop_wake(void)
{
    const uint64_t one = 1;
    if (loop.polling && write(loop.wake_fd, &one, sizeof(one)) < 0 && errno != EAGAIN)
        return; /* cannot happen with a valid eventfd; nobody to tell */
}

static struct source *source_add(GHashTable *table, int *next_id, void *opaque, virFreeCallback ff)
{
    struct source *s = g_new0(struct source, 1);
    s->id = (*next_id)++;
    s->refs = 1;
    s->opaque = opaque;
    s->ff = ff;
    g_hash_table_insert(table, GINT_TO_POINTER(s->id), s);
    return s;
}

/* With loop.lock held. */
static void source_unref(struct source *s)
{
    if (--s->refs == 0)
        g_ptr_array_add(loop.dead, s);
}

static int source_remove(GHashTable *table, int id)
{
    g_mutex_lock(&loop.lock);
    struct source *s = g_hash_table_lookup(table, GINT_TO_POINTER(id));
    if (s) {
        g_hash_table_remove(table, GINT_TO_POINTER(id));
        s->removed = true;
        source_unref(s);
        loop_wake();
    }
    g_mutex_unlock(&loop.lock);
    return s ? 0 : -1;
}

static int default_add_handle(int fd, int events, virEventHandleCallback cb, void *opaque, virFreeCallback ff)
{
    g_mutex_lock(&loop.lock);
    struct source *s = source_add(loop.handles, &loop.next_handle, opaque, ff);
    s->fd = fd;
    s->events = events;
    s->cb.handle = cb;
    int id = s->id;
    loop_wake();
    g_mutex_unlock(&loop.lock);
    return id;
}

static void default_update_handle(int watch, int events)
{
    g_mutex_lock(&loop.lock);
    struct source *s = g_hash_table_lookup(loop.handles, GINT_TO_POINTER(watch));
    if (s && s->events != events) {
        s->events = events;
        loop_wake();
    }
    g_mutex_unlock(&loop.lock);
}

static int default_remove_handle(int watch)
{
    return source_remove(loop.handles, watch);
}

static void timer_arm(struct source *s, int ms)
{
    s->interval_ms = ms < 0 ? -1 : ms;
    s->due_us = ms < 0 ? 0 : g_get_monotonic_time() + (gint64)ms * 1000;
}

static int default_add_timeout(int ms, virEventTimeoutCallback cb, void *opaque, virFreeCallback ff)
{
    g_mutex_lock(&loop.lock);
    struct source *s = source_add(loop.timers, &loop.next_timer, opaque, ff);
    s->cb.timer = cb;
    timer_arm(s, ms);
    int id = s->id;
    loop_wake();
    g_mutex_unlock(&loop.lock);
    return id;
}

static void default_update_timeout(int timer, int ms)
{
    g_mutex_lock(&loop.lock);
    struct source *s = g_hash_table_lookup(loop.timers, GINT_TO_POINTER(timer));
    if (s) {
        timer_arm(s, ms);
        loop_wake();
    }
    g_mutex_unlock(&loop.lock);
}

static int default_remove_timeout(int timer)
{
    return source_remove(loop.timers, timer);
}

/* One iteration's view: sources with a reference each; fds[0] is the eventfd, fds[i] belongs to handles[i -
 * 1]. */
struct iteration {
    GPtrArray *handles;
    GArray *fds;
    GPtrArray *timers;
};

static short events_to_poll(int events)
{
    return (short)((events & VIR_EVENT_HANDLE_READABLE ? POLLIN : 0) |
                   (events & VIR_EVENT_HANDLE_WRITABLE ? POLLOUT : 0) |
                   (events & VIR_EVENT_HANDLE_ERROR ? POLLERR : 0) |
                   (events & VIR_EVENT_HANDLE_HANGUP ? POLLHUP : 0));
}

static int events_from_poll(short revents)
{
    return (revents & POLLIN ? VIR_EVENT_HANDLE_READABLE : 0) |
           (revents & POLLOUT ? VIR_EVENT_HANDLE_WRITABLE : 0) |
           (revents & (POLLERR | POLLNVAL) ? VIR_EVENT_HANDLE_ERROR : 0) |
           (revents & POLLHUP ? VIR_EVENT_HANDLE_HANGUP : 0);
}

static gint by_id(gconstpointer a, gconstpointer b)
{
    const struct source *const *x = a, *const *y = b;
    return ((*x)->id > (*y)->id) - ((*x)->id < (*y)->id);
}

static void collect_handles(struct iteration *it)
{
    GHashTableIter iter;
    gpointer value;
    const struct pollfd wake = { .fd = loop.wake_fd, .events = POLLIN };
    g_array_append_val(it->fds, wake);
    g_hash_table_iter_init(&iter, loop.handles);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        struct source *s = value;
        if (!s->events || s->fd < 0)
            continue;
        s->refs++;
        g_ptr_array_add(it->handles, s);
        const struct pollfd p = { .fd = s->fd, .events = events_to_poll(s->events) };
        g_array_append_val(it->fds, p);
    }
}

static gint64 next_due(void)
{
    GHashTableIter iter;
    gpointer value;
    gint64 due = FL_NO_DEADLINE;
    g_hash_table_iter_init(&iter, loop.timers);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const struct source *s = value;
        if (s->interval_ms >= 0)
            due = MIN(due, s->due_us);
    }
    return due;
}

static void collect_due_timers(struct iteration *it)
{
    GHashTableIter iter;
    gpointer value;
    gint64 now = g_get_monotonic_time();
    g_hash_table_iter_init(&iter, loop.timers);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        struct source *s = value;
        if (s->interval_ms < 0 || s->due_us > now)
            continue;
        s->refs++;
        s->due_us = now + (gint64)s->interval_ms * 1000;
        g_ptr_array_add(it->timers, s);
    }
    g_ptr_array_sort(it->timers, by_id);
}

/* loop.lock is held on entry and exit, not during calls. */
static void dispatch_timers(struct iteration *it)
{
    for (guint i = 0; i < it->timers->len; i++) {
        struct source *s = g_ptr_array_index(it->timers, i);
        if (!s->removed && s->interval_ms >= 0 && s->cb.timer) {
            g_mutex_unlock(&loop.lock);
            s->cb.timer(s->id, s->opaque);
            g_mutex_lock(&loop.lock);
        }
        source_unref(s);
    }
}

static void dispatch_handles(struct iteration *it, bool polled)
{
    for (guint i = 0; i < it->handles->len; i++) {
        struct source *s = g_ptr_array_index(it->handles, i);
        const struct pollfd *p = &g_array_index(it->fds, struct pollfd, i + 1);
        /* Hangup and error are told even to who only waits to read: poll would return at once for ever. */
        int events = polled ? events_from_poll(p->revents) : 0;
        events &= s->events | VIR_EVENT_HANDLE_ERROR | VIR_EVENT_HANDLE_HANGUP;
        if (events && s->events && !s->removed && s->cb.handle) {
            g_mutex_unlock(&loop.lock);
            s->cb.handle(s->id, p->fd, events, s->opaque);
            g_mutex_lock(&loop.lock);
        }
        source_unref(s);
    }
}

static void free_dead(void)
{
    while (loop.dead->len) {
        struct source *s = g_ptr_array_steal_index_fast(loop.dead, loop.dead->len - 1);
        g_mutex_unlock(&loop.lock);
        if (s->ff)
            s->ff(s->opaque);
        g_free(s);
        g_mutex_lock(&loop.lock);
    }
}

static int loop_run_once(void)
{
    struct iteration it = {
        .handles = g_ptr_array_new(),
        .fds = g_array_new(FALSE, FALSE, sizeof(struct pollfd)),
        .timers = g_ptr_array_new(),
    };
    uint64_t drained;

    g_rec_mutex_lock(&loop.running);
    g_mutex_lock(&loop.lock);
    free_dead();
    collect_handles(&it);
    int timeout = fl_deadline_poll_ms(next_due());
    loop.polling = TRUE;
    g_mutex_unlock(&loop.lock);

    int n = poll((struct pollfd *)(void *)it.fds->data, it.fds->len, timeout);
    int err = errno;

    g_mutex_lock(&loop.lock);
    loop.polling = FALSE;
    if (n > 0 && g_array_index(it.fds, struct pollfd, 0).revents &&
        read(loop.wake_fd, &drained, sizeof(drained)) < 0)
        drained = 0; /* somebody else's nested iteration drained it */
    collect_due_timers(&it);
    dispatch_timers(&it);
    dispatch_handles(&it, n > 0);
    free_dead();
    g_mutex_unlock(&loop.lock);
    g_rec_mutex_unlock(&loop.running);

    g_ptr_array_unref(it.handles);
    g_ptr_array_unref(it.timers);
    g_array_unref(it.fds);
    if (n < 0 && err != EINTR)
        return fl_error_system(err, "the event loop cannot poll");
    return 0;
}

/* The default implementation has been asked for: only then may virEventRunDefaultImpl run. */
static gint default_registered;

int virEventRegisterDefaultImpl(void)
{
    static const struct fl_event_impl impl = {
        .add_handle = default_add_handle,
        .update_handle = default_update_handle,
        .remove_handle = default_remove_handle,
        .add_timeout = default_add_timeout,
        .update_timeout = default_update_timeout,
        .remove_timeout = default_remove_timeout,
    };
    fl_error_reset();
    loop_init();
    if (loop.wake_fd < 0) {
        fl_error_system(EMFILE, "cannot create the event loop's wake-up descriptor");
        fl_error_dispatch(NULL);
        return -1;
    }
    g_atomic_int_set(&default_registered, 1);
    fl_event_register(&impl);
    return 0;
}

int virEventRunDefaultImpl(void)
{
    fl_error_reset();
    if (!g_atomic_int_get(&default_registered)) {
        fl_error(VIR_ERR_OPERATION_INVALID, "the default event loop is not registered: call "
                                            "virEventRegisterDefaultImpl() first");
    } else if (loop_run_once() == 0) {
        return 0;
    }
    fl_error_dispatch(NULL);
    return -1;
}

void virEventRegisterImpl(virEventAddHandleFunc addHandle, virEventUpdateHandleFunc updateHandle,
                          virEventRemoveHandleFunc removeHandle, virEventAddTimeoutFunc addTimeout,
                          virEventUpdateTimeoutFunc updateTimeout, virEventRemoveTimeoutFunc removeTimeout)
{
    const struct fl_event_impl impl = { addHandle,  updateHandle,  removeHandle,
                                        addTimeout, updateTimeout, removeTimeout };
    fl_event_register(&impl);
}

int virEventAddHandle(int fd, int events, virEventHandleCallback cb, void *opaque, virFreeCallback ff)
{
    return fl_event_add_handle(fd, events, cb, opaque, ff);
}

void virEventUpdateHandle(int watch, int events)
{
    fl_event_update_handle(watch, events);
}

int virEventRemoveHandle(int watch)
{
    return fl_event_remove_handle(watch);
}

int virEventAddTimeout(int timeout, virEventTimeoutCallback cb, void *opaque, virFreeCallback ff)
{
    return fl_event_add_timeout(timeout, cb, opaque, ff);
}

void virEventUpdateTimeout(int timer, int timeout)
{
    fl_event_update_timeout(timer, timeout);
}

int virEventRemoveTimeout(int timer)
{
    return fl_event_remove_timeout(timer);
}
