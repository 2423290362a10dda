/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The worker pool: lanes taking turns, workers that come and go, others in place of those that are stuck. */
#include "daemon/pool.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

#define IDLE_US  (5 * G_USEC_PER_SEC)  /* a worker without work leaves after this */
#define STUCK_US (G_USEC_PER_SEC / 20) /* a job this old is looked at: does it wait for something? */

struct worker {
    struct worker *next;
    gint64 since; /* when its job began, or was last seen to have work for the processor; 0: it has none */
    pid_t tid;
    bool stuck;
};

struct fl_pool {
    GMutex lock;
    GCond work;  /* a lane was listed, or the end has come */
    GCond quiet; /* a worker or the watch left */
    GCond alarm; /* the watch need not wait any longer */
    struct fl_lane *turn_head, *turn_tail;
    struct worker *all;
    unsigned int workers, idle, stuck;
    unsigned int max_workers, max_running, growth;
    bool watched, stopping;
};

struct fl_pool *fl_pool_new(unsigned int max_workers, unsigned int max_running_per_lane, unsigned int growth)
{
    struct fl_pool *pool = g_new0(struct fl_pool, 1);

    g_mutex_init(&pool->lock);
    g_cond_init(&pool->work);
    g_cond_init(&pool->quiet);
    g_cond_init(&pool->alarm);
    pool->max_workers = MAX(max_workers, 1u);
    pool->max_running = MAX(max_running_per_lane, 1u);
    pool->growth = MAX(growth, 1u);
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

/* Those who are stuck count as somebody else's, so that the others are served; up to a bound. */
static unsigned int most_workers(const struct fl_pool *pool)
{
    return pool->max_workers + MIN(pool->stuck, pool->max_workers * (pool->growth - 1));
}

static gpointer worker(gpointer opaque);
static gpointer watch(gpointer opaque);

static bool start_thread(struct fl_pool *pool, const char *name, GThreadFunc what)
{
    g_autoptr(GError) error = NULL;
    GThread *thread = g_thread_try_new(name, what, pool, &error);

    if (!thread) {
        fl_warn("cannot start thread '%s' beside %u workers: %s", name, pool->workers, error->message);
        return false;
    }
    g_thread_unref(thread);
    return true;
}

/* Somebody for the lane whose turn it is, if there is one: whoever is idle, a new worker, or the watch, which
 * sees whether those there are get anywhere. */
static void want_worker(struct fl_pool *pool)
{
    if (!pool->turn_head)
        return;
    if (pool->idle > 0)
        g_cond_signal(&pool->work);
    else if (pool->workers < most_workers(pool))
        pool->workers += start_thread(pool, "worker", worker);
    else if (!pool->watched && pool->growth > 1)
        pool->watched = start_thread(pool, "watch", watch);
}

/* More threads would only take the processor from it, and memory besides. */
static bool is_running(const struct worker *w)
{
    char text[256], path[64];
    const char *end;
    ssize_t n;
    int fd;

    (void)snprintf(path, sizeof(path), "/proc/self/task/%d/stat", (int)w->tid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    n = read(fd, text, sizeof(text) - 1);
    close(fd);
    text[MAX(n, 0)] = '\0';
    end = strrchr(text, ')'); /* of the name */
    return end && g_str_has_prefix(end, ") R");
}

/* Finds who is stuck. Returns when the next one may be. */
static gint64 look_for_stuck(struct fl_pool *pool)
{
    gint64 now = g_get_monotonic_time(), next = now + STUCK_US;

    for (struct worker *w = pool->all; w; w = w->next) {
        if (w->since == 0 || w->stuck)
            continue;
        if (now - w->since < STUCK_US) {
            next = MIN(next, w->since + STUCK_US);
        } else if (is_running(w)) {
            w->since = now;
        } else {
            w->stuck = true;
            pool->stuck++;
        }
    }
    return next;
}

/* Runs while somebody waits and every worker is taken. */
static gpointer watch(gpointer opaque)
{
    struct fl_pool *pool = opaque;

    g_mutex_lock(&pool->lock);
    while (pool->turn_head && !pool->stopping) {
        gint64 next = look_for_stuck(pool);

        want_worker(pool); /* one: it calls for the next one, if there is more */
        g_cond_wait_until(&pool->alarm, &pool->lock, next);
    }
    pool->watched = false;
    g_cond_signal(&pool->quiet);
    g_mutex_unlock(&pool->lock);
    return NULL;
}

static void job_ended(struct fl_pool *pool, struct worker *self)
{
    pool->stuck -= self->stuck;
    self->stuck = false;
    self->since = 0;
}

/* Until none is left, or there are more workers than may be, now that this one is no longer stuck. */
static void serve_jobs(struct fl_pool *pool, struct worker *self)
{
    struct fl_lane *lane;
    struct fl_job *job;

    while (pool->workers <= most_workers(pool) && (job = take_job(pool, &lane))) {
        self->since = g_get_monotonic_time();
        want_worker(pool); /* who was told of this job may have been told of the next one, too */
        g_mutex_unlock(&pool->lock);
        job->run(job);
        g_mutex_lock(&pool->lock);
        job_ended(pool, self);
        lane->running--;
        list_lane(pool, lane);
        g_mutex_unlock(&pool->lock);
        job->free(job); /* may be the end of the lane */
        g_mutex_lock(&pool->lock);
    }
}

/* Because it is one too many, perhaps, and not because nothing is left to do. */
static void leave(struct fl_pool *pool, struct worker *self)
{
    struct worker **at = &pool->all;

    while (*at != self)
        at = &(*at)->next;
    *at = self->next;
    pool->workers--;
    g_cond_signal(&pool->quiet);
    want_worker(pool); /* with a lane listed that nobody was told of */
}

static gpointer worker(gpointer opaque)
{
    struct fl_pool *pool = opaque;
    struct worker self = { .tid = gettid() };

    g_mutex_lock(&pool->lock);
    self.next = pool->all;
    pool->all = &self;
    for (;;) {
        gint64 deadline = g_get_monotonic_time() + IDLE_US;
        bool in_time = true;

        serve_jobs(pool, &self);
        if (pool->workers > most_workers(pool))
            break;
        pool->idle++;
        while (!pool->turn_head && !pool->stopping && in_time)
            in_time = g_cond_wait_until(&pool->work, &pool->lock, deadline);
        pool->idle--;
        if (!pool->turn_head)
            break;
    }
    leave(pool, &self);
    g_mutex_unlock(&pool->lock);
    return NULL;
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
    want_worker(pool);
    g_mutex_unlock(&pool->lock);
}

bool fl_pool_free(struct fl_pool *pool, gint64 wait_us)
{
    gint64 deadline = g_get_monotonic_time() + wait_us;
    unsigned int left;

    if (!pool)
        return true;
    g_mutex_lock(&pool->lock);
    pool->stopping = true;
    g_cond_broadcast(&pool->work);
    g_cond_signal(&pool->alarm);
    while ((pool->workers > 0 || pool->watched) && g_cond_wait_until(&pool->quiet, &pool->lock, deadline))
        ;
    left = pool->workers + pool->watched;
    g_mutex_unlock(&pool->lock);
    if (left > 0) {
        fl_warn("leaving %u calls unfinished: they took too long to end", left);
        return false; /* its threads still look at it; the process ends */
    }
    g_cond_clear(&pool->work);
    g_cond_clear(&pool->quiet);
    g_cond_clear(&pool->alarm);
    g_mutex_clear(&pool->lock);
    g_free(pool);
    return true;
}
