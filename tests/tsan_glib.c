/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * GLib's locks made visible to ThreadSanitizer: GLib itself is not instrumented and locks by futex, so every
 * access under a GMutex would look like a race. Linked into programs of a ThreadSanitizer build only; the
 * same lazily made POSIX objects that GLib uses where there is no futex.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include <glib.h>

static pthread_mutex_t *mutex_of(GMutex *mutex)
{
    pthread_mutex_t *m = __atomic_load_n(&mutex->p, __ATOMIC_ACQUIRE);
    void *none = NULL;

    if (m)
        return m;
    m = malloc(sizeof(*m));
    pthread_mutex_init(m, NULL);
    if (__atomic_compare_exchange_n(&mutex->p, &none, m, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
        return m;
    pthread_mutex_destroy(m);
    free(m);
    return none;
}

static pthread_cond_t *cond_of(GCond *cond)
{
    pthread_cond_t *c = __atomic_load_n(&cond->p, __ATOMIC_ACQUIRE);
    pthread_condattr_t attr;
    void *none = NULL;

    if (c)
        return c;
    c = malloc(sizeof(*c));
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(c, &attr);
    pthread_condattr_destroy(&attr);
    if (__atomic_compare_exchange_n(&cond->p, &none, c, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
        return c;
    pthread_cond_destroy(c);
    free(c);
    return none;
}

void g_mutex_init(GMutex *mutex)
{
    mutex->p = NULL;
}

void g_mutex_clear(GMutex *mutex)
{
    if (!mutex->p)
        return;
    pthread_mutex_destroy(mutex->p);
    free(mutex->p);
    mutex->p = NULL;
}

void(g_mutex_lock)(GMutex *mutex)
{
    pthread_mutex_lock(mutex_of(mutex));
}

gboolean(g_mutex_trylock)(GMutex *mutex)
{
    return pthread_mutex_trylock(mutex_of(mutex)) == 0;
}

void(g_mutex_unlock)(GMutex *mutex)
{
    pthread_mutex_unlock(mutex_of(mutex));
}

void g_cond_init(GCond *cond)
{
    cond->p = NULL;
}

void g_cond_clear(GCond *cond)
{
    if (!cond->p)
        return;
    pthread_cond_destroy(cond->p);
    free(cond->p);
    cond->p = NULL;
}

void g_cond_wait(GCond *cond, GMutex *mutex)
{
    pthread_cond_wait(cond_of(cond), mutex_of(mutex));
}

void g_cond_signal(GCond *cond)
{
    pthread_cond_signal(cond_of(cond));
}

void g_cond_broadcast(GCond *cond)
{
    pthread_cond_broadcast(cond_of(cond));
}

gboolean g_cond_wait_until(GCond *cond, GMutex *mutex, gint64 end_time)
{
    struct timespec ts = { .tv_sec = end_time / G_USEC_PER_SEC, .tv_nsec = end_time % G_USEC_PER_SEC * 1000 };

    return pthread_cond_timedwait(cond_of(cond), mutex_of(mutex), &ts) != ETIMEDOUT;
}
