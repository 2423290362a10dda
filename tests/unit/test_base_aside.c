/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Calls with a deadline: who is in time is heard, who is late is left behind and tidies up after himself. */
#include "base/aside.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/util.h"

#define LONG_MS 60000

struct call {
    GMutex gate; /* held by the test: the call waits for it */
    gint calls, drops;
    pthread_t by;
    bool hears; /* a signal */
};

static void call(void *data)
{
    struct call *c = data;
    sigset_t blocked;

    g_mutex_lock(&c->gate);
    pthread_sigmask(SIG_SETMASK, NULL, &blocked);
    c->hears = !sigismember(&blocked, SIGINT) || !sigismember(&blocked, SIGCHLD);
    c->by = pthread_self();
    g_mutex_unlock(&c->gate);
    g_atomic_int_inc(&c->calls);
}

static void drop(void *data)
{
    struct call *c = data;

    g_atomic_int_inc(&c->drops);
}

static void test_in_time(void **state)
{
    struct call c = { 0 };

    (void)state;
    assert_int_equal(fl_aside(call, drop, &c, fl_deadline_in_ms(LONG_MS)), 0);
    assert_int_equal(c.calls, 1);
    assert_int_equal(c.drops, 0);
    assert_false(pthread_equal(c.by, pthread_self()));
    assert_false(c.hears);
}

static void test_late(void **state)
{
    struct call c = { 0 };
    int64_t end = fl_deadline_in_ms(LONG_MS);

    (void)state;
    g_mutex_lock(&c.gate);
    assert_int_equal(fl_aside(call, drop, &c, fl_deadline_in_ms(5)), -ETIMEDOUT);
    assert_int_equal(g_atomic_int_get(&c.calls), 0);
    g_mutex_unlock(&c.gate);
    while (g_atomic_int_get(&c.drops) == 0 && g_get_monotonic_time() < end)
        g_usleep(1000);
    assert_int_equal(c.calls, 1);
    assert_int_equal(c.drops, 1);
}

static void test_all_the_time_there_is(void **state)
{
    struct call c = { 0 };

    (void)state;
    assert_int_equal(fl_aside(call, drop, &c, FL_NO_DEADLINE), 0);
    assert_true(pthread_equal(c.by, pthread_self()));
    assert_int_equal(c.drops, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_in_time),
        cmocka_unit_test(test_late),
        cmocka_unit_test(test_all_the_time_there_is),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
