/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Worker threads for the calls that may block. Bounded, started when work is waiting, gone again after a
 * while without. Every peer queues in a lane of its own; lanes take turns, so one busy client cannot starve
 * the others, and a lane runs at most `max_running` jobs at once.
 *
 * A job that waits for something outside keeps its worker, and enough of them would keep all. So a worker
 * whose job runs for long does not count any more while others wait: another takes its place, until there are
 * FL_POOL_GROWTH times as many as `max_workers`.
 */
#pragma once

#include <stdbool.h>
#include <glib.h>

struct fl_pool;
struct fl_job;

/* Any thread. run() serves the job; free() follows, when the pool no longer looks at the job or its lane. A
 * job that is dropped sees only free(). */
struct fl_job {
    struct fl_job *next;
    void (*run)(struct fl_job *job);
    void (*free)(struct fl_job *job);
};

/* Embedded in its owner, who keeps it alive while jobs of it exist. All fields belong to the pool. */
struct fl_lane {
    struct fl_lane *next; /* in the pool's turn list */
    struct fl_job *head, *tail;
    unsigned int queued, running;
    bool listed;
};

struct fl_pool *fl_pool_new(unsigned int max_workers, unsigned int max_running_per_lane, unsigned int growth);
/* Waits for running jobs up to `wait_us`; what is queued must have been dropped. false: some run on, with all
 * they know. */
bool fl_pool_free(struct fl_pool *pool, gint64 wait_us);
void fl_pool_set_limits(struct fl_pool *pool, unsigned int max_workers, unsigned int max_running_per_lane);

/* Returns how many jobs of the lane now wait (the owner stops reading when they are too many). */
unsigned int fl_pool_submit(struct fl_pool *pool, struct fl_lane *lane, struct fl_job *job);
unsigned int fl_pool_queued(struct fl_pool *pool, struct fl_lane *lane);
/* Frees the waiting jobs of the lane; running ones go on. */
void fl_pool_drop(struct fl_pool *pool, struct fl_lane *lane);
