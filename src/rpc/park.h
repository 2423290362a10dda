/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A thread's place to sleep: one word, a futex. Unlike a condition variable it needs no lock to wake up
 * under, so a caller whose reply has come goes on without meeting the lock again. The owner sets the word to
 * 1 before it sleeps; whoever clears it wakes it up and must not touch the owner's memory afterwards.
 */
#pragma once

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Until the word is 0. false: the deadline (g_get_monotonic_time() scale, INT64_MAX = none) came first. */
static inline bool fl_park_sleep(int *word, int64_t deadline)
{
    struct timespec at = { .tv_sec = (time_t)(deadline / 1000000),
                           .tv_nsec = (long)(deadline % 1000000 * 1000) };

    while (__atomic_load_n(word, __ATOMIC_ACQUIRE)) {
        long rc = syscall(SYS_futex, word, FUTEX_WAIT_BITSET_PRIVATE, 1, deadline == INT64_MAX ? NULL : &at,
                          NULL, FUTEX_BITSET_MATCH_ANY);

        if (rc < 0 && errno == ETIMEDOUT)
            return !__atomic_load_n(word, __ATOMIC_ACQUIRE);
    }
    return true;
}

/* The sleeper may be gone before the second step: waking a word nobody sleeps on is harmless. */
static inline void fl_park_wake(int *word)
{
    __atomic_store_n(word, 0, __ATOMIC_RELEASE);
    (void)syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}
