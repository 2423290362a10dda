/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The looks of base/spin.h. */
#include "base/spin.h"

#include <sched.h>
#include <time.h>

#define LOOK_NS     10000 /* about what it costs to sleep and be woken on another core */
#define PENALTY_MAX 1024u

/* Atomic: the last who asked may run on one core only. Connections come and go, what holds for one holds for
 * the next: it asks before its first look. */
static int one_core_seen;

static int64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* On one core only, the other side cannot get on with it while we look. */
static bool has_one_core(void)
{
    cpu_set_t set;
    bool one = sched_getaffinity(0, sizeof(set), &set) == 0 && CPU_COUNT(&set) == 1;

    __atomic_store_n(&one_core_seen, one, __ATOMIC_RELAXED);
    return one;
}

static bool is_doubtful(const struct fl_spin *spin)
{
    return spin->penalty >= PENALTY_MAX / 2 || __atomic_load_n(&one_core_seen, __ATOMIC_RELAXED);
}

bool fl_spin_begin(struct fl_spin *spin)
{
    if (spin->skip) {
        spin->skip--;
        return false;
    }
    if (is_doubtful(spin) && has_one_core()) {
        spin->skip = spin->penalty = PENALTY_MAX;
        return false;
    }
    spin->until_ns = 0;
    return true;
}

/* The clock is asked once the first look found nothing. */
bool fl_spin_over(struct fl_spin *spin)
{
    int64_t now = now_ns();

    if (spin->until_ns == 0)
        spin->until_ns = now + LOOK_NS;
    return now >= spin->until_ns;
}

/* Halved by a find, quadrupled by a miss: only what finds more often than in two of three lasts. */
void fl_spin_end(struct fl_spin *spin, bool found)
{
    if (found)
        spin->penalty /= 2;
    else if (spin->penalty == 0 && has_one_core())
        spin->penalty = PENALTY_MAX;
    else
        spin->penalty = spin->penalty < PENALTY_MAX / 4 ? spin->penalty * 4 + 4 : PENALTY_MAX;
    spin->skip = spin->penalty;
}
