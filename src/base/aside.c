/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Calls with a deadline that have none of their own, and the library's own threads. */
#include "base/aside.h"

#include <errno.h>
#include <glib.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>

#include "base/util.h"

struct aside {
    void (*call)(void *data);
    void (*drop)(void *data);
    void *data;
    GMutex lock;
    GCond changed;
    bool done, left; /* whoever is second frees */
};

static void aside_free(struct aside *a)
{
    g_mutex_clear(&a->lock);
    g_cond_clear(&a->changed);
    g_free(a);
}

static void *aside_thread(void *opaque)
{
    struct aside *a = opaque;
    bool left;

    a->call(a->data);
    g_mutex_lock(&a->lock);
    a->done = true;
    left = a->left;
    g_cond_signal(&a->changed);
    g_mutex_unlock(&a->lock);
    if (left) {
        a->drop(a->data);
        aside_free(a);
    }
    return NULL;
}

GThread *fl_thread_start(const char *name, GThreadFunc what, void *data)
{
    sigset_t all, before;
    GThread *thread;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    thread = g_thread_try_new(name, what, data, NULL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return thread;
}

int fl_aside(void (*call)(void *data), void (*drop)(void *data), void *data, int64_t deadline_us)
{
    struct aside *a;
    GThread *thread;
    bool in_time = true;

    if (deadline_us == FL_NO_DEADLINE) {
        call(data);
        return 0;
    }
    a = g_new0(struct aside, 1);
    *a = (struct aside){ .call = call, .drop = drop, .data = data };
    g_mutex_init(&a->lock);
    g_cond_init(&a->changed);
    thread = fl_thread_start("fl-aside", aside_thread, a);
    if (!thread) {
        aside_free(a);
        call(data);
        return 0;
    }
    g_mutex_lock(&a->lock);
    while (!a->done && in_time)
        in_time = g_cond_wait_until(&a->changed, &a->lock, deadline_us);
    a->left = !a->done;
    in_time = a->done;
    g_mutex_unlock(&a->lock);
    if (!in_time) {
        g_thread_unref(thread);
        return -ETIMEDOUT;
    }
    g_thread_join(thread);
    aside_free(a);
    return 0;
}
