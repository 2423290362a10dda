/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The worker pool: lanes taking turns, workers that come and go. */
#include "daemon/pool.h"

#include "base/log.h"

#define IDLE_US (5 * G_USEC_PER_SEC) /* a worker without work leaves after this */

struct fl_pool {
    GMutex lock;
    GCond work;  /* a lane was listed, or the end has come */
    GCond quiet; /* a worker left */
    struct fl_lane *turn_head, *turn_tail;
    unsigned int workers, idle;
    unsigned int max_workers, max_running;
    bool stopping;
};

struct fl_pool *fl_pool_new(unsigned int max_workers, unsigned int max_running_per_lane)
{
    struct fl_pool *pool = g_new0(struct fl_pool, 1);

    g_mutex_init(&pool->lock);
    g_cond_init(&pool->work);
    g_cond_init(&pool->quiet);
    pool->max_workers = MAX(max_workers, 1u);
    pool->max_running = MAX(max_running_per_lane, 1u);
    return pool;
}

/* All below: with the lock held. */

static void list_lane(struct fl_pool *pool, struct fl_lane *lane)
{
    if (lane->listed || !lane->head || lane->running >= pool->max_running)
        return;
    lane->listed = true;
    lane->next = NULL;
    if (pool->turn_tail)
        pool->turn_tail->next = lane;
    else
        pool->turn_head = lane;
    pool->turn_tail = lane;
}

static void unlist_lane(struct fl_pool *pool, struct fl_lane *lane)
{
    struct fl_lane **at = &pool->turn_head;
    struct fl_lane *before = NULL;

    if (!lane->listed)
        return;
    while (*at != lane) {
        before = *at;
        at = &before->next;
    }
    *at = lane->next;
    if (pool->turn_tail == lane)
        pool->turn_tail = before;
    lane->listed = false;
}

/* The next job of the lane whose turn it is; the lane goes to the end of the line if it has more. */
static struct fl_job *take_job(struct fl_pool *pool, struct fl_lane **ret_lane)
{
    struct fl_lane *lane = pool->turn_head;
    struct fl_job *job;

    if (!lane)
        return NULL;
    unlist_lane(pool, lane);
    job = lane->head;
    lane->head = job->next;
    if (!lane->head)
        lane->tail = NULL;
    lane->queued--;
    lane->running++;
    list_lane(pool, lane);
    *ret_lane = lane;
    return job;
}

static void serve_jobs(struct fl_pool *pool)
{
    struct fl_lane *lane;
    struct fl_job *job;

    while ((job = take_job(pool, &lane))) {
        g_mutex_unlock(&pool->lock);
        job->run(job);
        g_mutex_lock(&pool->lock);
        lane->running--;
        list_lane(pool, lane);
        g_mutex_unlock(&pool->lock);
        job->free(job); /* may be the end of the lane */
        g_mutex_lock(&pool->lock);
    }
}

static gpointer worker(gpointer opaque)
{
    struct fl_pool *pool = opaque;

    g_mutex_lock(&pool->lock);
    for (;;) {
        gint64 deadline = g_get_monotonic_time() + IDLE_US;
        bool in_time = true;

        serve_jobs(pool);
        pool->idle++;
        while (!pool->turn_head && !pool->stopping && in_time)
            in_time = g_cond_wait_until(&pool->work, &pool->lock, deadline);
        pool->idle--;
        if (!pool->turn_head)
            break;
    }
    pool->workers--;
    g_cond_signal(&pool->quiet);
    g_mutex_unlock(&pool->lock);
    return NULL;
}

static void want_worker(struct fl_pool *pool)
{
    GThread *thread;
    g_autoptr(GError) error = NULL;

    if (!pool->turn_head)
        return;
    if (pool->idle > 0) {
        g_cond_signal(&pool->work);
        return;
    }
    if (pool->workers >= pool->max_workers)
        return;
    thread = g_thread_try_new("worker", worker, pool, &error);
    if (!thread) {
        fl_warn("cannot start worker thread %u: %s", pool->workers + 1, error->message);
        return;
    }
    pool->workers++;
    g_thread_unref(thread);
}

unsigned int fl_pool_submit(struct fl_pool *pool, struct fl_lane *lane, struct fl_job *job)
{
    unsigned int queued;

    job->next = NULL;
    g_mutex_lock(&pool->lock);
    if (lane->tail)
        lane->tail->next = job;
    else
        lane->head = job;
    lane->tail = job;
    queued = ++lane->queued;
    list_lane(pool, lane);
    want_worker(pool);
    g_mutex_unlock(&pool->lock);
    return queued;
}

unsigned int fl_pool_queued(struct fl_pool *pool, struct fl_lane *lane)
{
    unsigned int queued;

    g_mutex_lock(&pool->lock);
    queued = lane->queued;
    g_mutex_unlock(&pool->lock);
    return queued;
}

void fl_pool_drop(struct fl_pool *pool, struct fl_lane *lane)
{
    struct fl_job *job;

    g_mutex_lock(&pool->lock);
    unlist_lane(pool, lane);
    job = lane->head;
    lane->head = lane->tail = NULL;
    lane->queued = 0;
    g_mutex_unlock(&pool->lock);
    while (job) {
        struct fl_job *next = job->next;

        job->free(job);
        job = next;
    }
}

void fl_pool_set_limits(struct fl_pool *pool, unsigned int max_workers, unsigned int max_running_per_lane)
{
    g_mutex_lock(&pool->lock);
    pool->max_workers = MAX(max_workers, 1u);
    pool->max_running = MAX(max_running_per_lane, 1u);
    g_mutex_unlock(&pool->lock);
}

void fl_pool_free(struct fl_pool *pool, gint64 wait_us)
{
    gint64 deadline = g_get_monotonic_time() + wait_us;
    unsigned int left;

    if (!pool)
        return;
    g_mutex_lock(&pool->lock);
    pool->stopping = true;
    g_cond_broadcast(&pool->work);
    while (pool->workers > 0 && g_cond_wait_until(&pool->quiet, &pool->lock, deadline))
        ;
    left = pool->workers;
    g_mutex_unlock(&pool->lock);
    if (left > 0) {
        fl_warn("leaving %u calls unfinished: they took too long to end", left);
        return; /* its threads still look at it; the process ends */
    }
    g_cond_clear(&pool->work);
    g_cond_clear(&pool->quiet);
    g_mutex_clear(&pool->lock);
    g_free(pool);
}
