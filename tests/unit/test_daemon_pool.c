/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The worker pool: lanes take turns, limits hold, what is dropped is freed and not run, workers go home. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <glib.h>

#include "daemon/pool.h"

static GMutex lock;
static GCond changed;
static bool gate_open;
static int running, most_running, freed, dropped;
static GString *order;

struct work {
    struct fl_job job;
    char name;
    bool gated;
    bool ran;
};

static void work_run(struct fl_job *job)
{
    struct work *w = (struct work *)job;

    g_mutex_lock(&lock);
    running++;
    most_running = MAX(most_running, running);
    g_string_append_c(order, w->name);
    g_cond_broadcast(&changed);
    while (w->gated && !gate_open)
        g_cond_wait(&changed, &lock);
    running--;
    w->ran = true;
    g_mutex_unlock(&lock);
}

static void work_free(struct fl_job *job)
{
    struct work *w = (struct work *)job;

    g_mutex_lock(&lock);
    freed++;
    dropped += !w->ran;
    g_cond_broadcast(&changed);
    g_mutex_unlock(&lock);
    g_free(w);
}

static void submit(struct fl_pool *pool, struct fl_lane *lane, char name, bool gated)
{
    struct work *w = g_new0(struct work, 1);

    w->job = (struct fl_job){ .run = work_run, .free = work_free };
    w->name = name;
    w->gated = gated;
    fl_pool_submit(pool, lane, &w->job);
}

static void wait_until(int *counter, int value)
{
    gint64 end = g_get_monotonic_time() + 60 * G_USEC_PER_SEC;

    g_mutex_lock(&lock);
    while (*counter < value && g_cond_wait_until(&changed, &lock, end))
        ;
    assert_int_equal(*counter, value);
    g_mutex_unlock(&lock);
}

static void open_gate(void)
{
    g_mutex_lock(&lock);
    gate_open = true;
    g_cond_broadcast(&changed);
    g_mutex_unlock(&lock);
}

static int setup(void **state)
{
    gate_open = false;
    running = most_running = freed = dropped = 0;
    order = g_string_new(NULL);
    return 0;
}

static int teardown(void **state)
{
    g_string_free(order, TRUE);
    return 0;
}

static void lanes_take_turns(void **state)
{
    struct fl_pool *pool = fl_pool_new(1, 5, 1);
    struct fl_lane greedy = { 0 }, modest = { 0 }, gate = { 0 };

    submit(pool, &gate, 'g', true); /* keeps the only worker until all are queued */
    wait_until(&running, 1);
    for (int i = 0; i < 4; i++)
        submit(pool, &greedy, 'a', false);
    submit(pool, &modest, 'b', false);
    submit(pool, &modest, 'b', false);
    open_gate();
    wait_until(&freed, 7);
    assert_string_equal(order->str, "gababaa");
    fl_pool_free(pool, 60 * G_USEC_PER_SEC);
}

static void a_lane_runs_no_more_than_its_share(void **state)
{
    struct fl_pool *pool = fl_pool_new(8, 2, 1);
    struct fl_lane greedy = { 0 }, modest = { 0 };

    for (int i = 0; i < 6; i++)
        submit(pool, &greedy, 'a', true);
    wait_until(&running, 2);
    submit(pool, &modest, 'b', true);
    wait_until(&running, 3);
    assert_int_equal(fl_pool_queued(pool, &greedy), 4);
    assert_string_equal(order->str, "aab");
    open_gate();
    wait_until(&freed, 7);
    fl_pool_free(pool, 60 * G_USEC_PER_SEC);
}

static void workers_are_bounded(void **state)
{
    struct fl_pool *pool = fl_pool_new(3, 100, 1);
    struct fl_lane lane = { 0 };

    for (int i = 0; i < 50; i++)
        submit(pool, &lane, 'a', true);
    wait_until(&running, 3);
    g_usleep(20000);
    open_gate();
    wait_until(&freed, 50);
    assert_int_equal(most_running, 3);
    fl_pool_free(pool, 60 * G_USEC_PER_SEC);
}

static void what_is_dropped_is_freed_and_not_run(void **state)
{
    struct fl_pool *pool = fl_pool_new(1, 5, 1);
    struct fl_lane gate = { 0 }, gone = { 0 }, other = { 0 };

    submit(pool, &gate, 'g', true);
    wait_until(&running, 1);
    submit(pool, &gone, 'x', false);
    submit(pool, &gone, 'x', false);
    submit(pool, &other, 'o', false);
    fl_pool_drop(pool, &gone);
    wait_until(&freed, 2);
    open_gate();
    wait_until(&freed, 4);
    assert_string_equal(order->str, "go");
    assert_int_equal(dropped, 2);
    fl_pool_free(pool, 60 * G_USEC_PER_SEC);
}

static void those_who_are_stuck_are_replaced_up_to_a_bound(void **state)
{
    struct fl_pool *pool = fl_pool_new(2, 5, 3);
    struct fl_lane stuck[10] = { { 0 } }, other = { 0 };

    submit(pool, &stuck[0], 's', true);
    submit(pool, &stuck[1], 's', true);
    wait_until(&running, 2);
    submit(pool, &other, 'o', false);
    wait_until(&freed, 1);
    for (int i = 2; i < 10; i++)
        submit(pool, &stuck[i], 's', true);
    wait_until(&running, 6);
    open_gate();
    wait_until(&freed, 11);
    assert_int_equal(most_running, 6);
    fl_pool_free(pool, 60 * G_USEC_PER_SEC);
}

/* Both may be told to the only idle worker: when it takes the first it sees to the second. */
static void two_jobs_for_one_idle_worker_get_two(void **state)
{
    for (int i = 0; i < 20; i++) {
        struct fl_pool *pool = fl_pool_new(4, 5, 1);
        struct fl_lane a = { 0 }, b = { 0 };

        gate_open = false;
        freed = 0;
        submit(pool, &a, 'a', false);
        wait_until(&freed, 1);
        g_usleep(2000); /* idle, mostly */
        submit(pool, &a, 'a', true);
        submit(pool, &b, 'b', true);
        wait_until(&running, 2);
        open_gate();
        wait_until(&freed, 3);
        fl_pool_free(pool, 60 * G_USEC_PER_SEC);
    }
}

static void busy_run(struct fl_job *job)
{
    gint64 end = g_get_monotonic_time() + G_USEC_PER_SEC / 4;

    g_mutex_lock(&lock);
    running++;
    most_running = MAX(most_running, running);
    g_mutex_unlock(&lock);
    while (g_get_monotonic_time() < end)
        ;
    g_mutex_lock(&lock);
    running--;
    g_mutex_unlock(&lock);
    ((struct work *)job)->ran = true;
}

/* However long it takes: others would not make it quicker. */
static void those_who_have_much_to_do_are_not_stuck(void **state)
{
    struct fl_pool *pool = fl_pool_new(2, 1, 8);
    struct fl_lane lanes[6] = { { 0 } };

    for (int i = 0; i < 6; i++) {
        struct work *w = g_new0(struct work, 1);

        w->job = (struct fl_job){ .run = busy_run, .free = work_free };
        fl_pool_submit(pool, &lanes[i], &w->job);
    }
    wait_until(&freed, 6);
    assert_int_equal(most_running, 2);
    fl_pool_free(pool, 60 * G_USEC_PER_SEC);
}

/* While the only worker is stuck, another one comes, and stays idle. The first leaves when it is done: what
 * its own lane had to wait with is told to the idle one. */
static void who_leaves_passes_on_what_waits(void **state)
{
    struct fl_pool *pool = fl_pool_new(1, 1, 3);
    struct fl_lane slow = { 0 }, other = { 0 };
    gint64 begun;

    submit(pool, &slow, 's', true);
    wait_until(&running, 1);
    submit(pool, &slow, 'n', false); /* one at a time */
    submit(pool, &other, 'o', false);
    wait_until(&freed, 1);
    g_usleep(200000); /* idle, and nobody watches any longer, mostly */
    begun = g_get_monotonic_time();
    open_gate();
    wait_until(&freed, 3);
    assert_true(g_get_monotonic_time() - begun < 4 * G_USEC_PER_SEC); /* not when the idle one gives up */
    assert_string_equal(order->str, "son");
    fl_pool_free(pool, 60 * G_USEC_PER_SEC);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(lanes_take_turns, setup, teardown),
        cmocka_unit_test_setup_teardown(a_lane_runs_no_more_than_its_share, setup, teardown),
        cmocka_unit_test_setup_teardown(workers_are_bounded, setup, teardown),
        cmocka_unit_test_setup_teardown(those_who_are_stuck_are_replaced_up_to_a_bound, setup, teardown),
        cmocka_unit_test_setup_teardown(two_jobs_for_one_idle_worker_get_two, setup, teardown),
        cmocka_unit_test_setup_teardown(those_who_have_much_to_do_are_not_stuck, setup, teardown),
        cmocka_unit_test_setup_teardown(who_leaves_passes_on_what_waits, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_dropped_is_freed_and_not_run, setup, teardown),
    };

    return cmocka_run_group_tests_name("daemon pool", tests, NULL, NULL);
}
