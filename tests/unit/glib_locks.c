/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * GLib's locks as POSIX locks, linked into test programs built with ThreadSanitizer: GLib's own use futexes,
 * which the sanitizer does not see, and everything they guard would be reported.
 */
#include <glib.h>
#include <pthread.h>
#include <stdlib.h>

#pragma GCC visibility push(default) /* libraries have to find them, also in a program that hides its names  \
                                      */

/* The lock behind *slot, made on first use. */
static pthread_mutex_t *mutex_of(gpointer *slot, int type)
{
    pthread_mutex_t *have = __atomic_load_n(slot, __ATOMIC_ACQUIRE);
    if (have)
        return have;
    pthread_mutexattr_t attr;
    pthread_mutex_t *made = malloc(sizeof(*made));
    gpointer none = NULL;
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_settype(&attr, type);
    pthread_mutex_init(made, &attr);
    if (__atomic_compare_exchange_n(slot, &none, made, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
        return made;
    pthread_mutex_destroy(made);
    free(made);
    return none;
}

static pthread_cond_t *cond_of(GCond *cond)
{
    pthread_cond_t *have = __atomic_load_n(&cond->p, __ATOMIC_ACQUIRE);
    if (have)
        return have;
    pthread_condattr_t attr;
    pthread_cond_t *made = malloc(sizeof(*made));
    gpointer none = NULL;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(made, &attr);
    if (__atomic_compare_exchange_n(&cond->p, &none, made, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
        return made;
    pthread_cond_destroy(made);
    free(made);
    return none;
}

static void mutex_drop(gpointer *slot)
{
    if (*slot) {
        pthread_mutex_destroy(*slot);
        free(*slot);
    }
    *slot = NULL;
}

void g_mutex_init(GMutex *mutex)
{
    mutex->p = NULL;
}

void g_mutex_clear(GMutex *mutex)
{
    mutex_drop(&mutex->p);
}

void g_mutex_lock(GMutex *mutex)
{
    pthread_mutex_lock(mutex_of(&mutex->p, PTHREAD_MUTEX_NORMAL));
}

gboolean g_mutex_trylock(GMutex *mutex)
{
    return pthread_mutex_trylock(mutex_of(&mutex->p, PTHREAD_MUTEX_NORMAL)) == 0;
}

void g_mutex_unlock(GMutex *mutex)
{
    pthread_mutex_unlock(mutex_of(&mutex->p, PTHREAD_MUTEX_NORMAL));
}

void g_rec_mutex_lock(GRecMutex *mutex)
{
    pthread_mutex_lock(mutex_of(&mutex->p, PTHREAD_MUTEX_RECURSIVE));
}

void g_rec_mutex_unlock(GRecMutex *mutex)
{
    pthread_mutex_unlock(mutex_of(&mutex->p, PTHREAD_MUTEX_RECURSIVE));
}

void g_cond_init(GCond *cond)
{
    cond->p = NULL;
}

void g_cond_clear(GCond *cond)
{
    if (cond->p) {
        pthread_cond_destroy(cond->p);
        free(cond->p);
    }
    cond->p = NULL;
}

void g_cond_wait(GCond *cond, GMutex *mutex)
{
    pthread_cond_wait(cond_of(cond), mutex_of(&mutex->p, PTHREAD_MUTEX_NORMAL));
}

gboolean g_cond_wait_until(GCond *cond, GMutex *mutex, gint64 end_time)
{
    const struct timespec ts = { end_time / 1000000, (end_time % 1000000) * 1000 };
    return pthread_cond_timedwait(cond_of(cond), mutex_of(&mutex->p, PTHREAD_MUTEX_NORMAL), &ts) == 0;
}

void g_cond_signal(GCond *cond)
{
    pthread_cond_signal(cond_of(cond));
}

void g_cond_broadcast(GCond *cond)
{
    pthread_cond_broadcast(cond_of(cond));
}

static pthread_rwlock_t *rw_lock_of(GRWLock *lock)
{
    pthread_rwlock_t *have = __atomic_load_n(&lock->p, __ATOMIC_ACQUIRE);
    if (have)
        return have;
    pthread_rwlock_t *made = malloc(sizeof(*made));
    gpointer none = NULL;
    pthread_rwlock_init(made, NULL);
    if (__atomic_compare_exchange_n(&lock->p, &none, made, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
        return made;
    pthread_rwlock_destroy(made);
    free(made);
    return none;
}

void g_rw_lock_init(GRWLock *lock)
{
    lock->p = NULL;
}

void g_rw_lock_clear(GRWLock *lock)
{
    if (lock->p) {
        pthread_rwlock_destroy(lock->p);
        free(lock->p);
    }
    lock->p = NULL;
}

void g_rw_lock_writer_lock(GRWLock *lock)
{
    pthread_rwlock_wrlock(rw_lock_of(lock));
}

void g_rw_lock_writer_unlock(GRWLock *lock)
{
    pthread_rwlock_unlock(rw_lock_of(lock));
}

void g_rw_lock_reader_lock(GRWLock *lock)
{
    pthread_rwlock_rdlock(rw_lock_of(lock));
}

void g_rw_lock_reader_unlock(GRWLock *lock)
{
    pthread_rwlock_unlock(rw_lock_of(lock));
}
