/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Looking again before sleeping: what never finds anything is hardly ever tried. Occasions are counted. */
#include "base/spin.h"

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#define OCCASIONS 100000

/* How often one looks whose every `nth` look finds something (0: none does). */
static unsigned int looks(struct fl_spin *spin, unsigned int nth)
{
    unsigned int n = 0;

    for (unsigned int i = 0; i < OCCASIONS; i++) {
        if (!fl_spin_begin(spin))
            continue;
        n++;
        fl_spin_end(spin, nth && n % nth == 0);
    }
    return n;
}

static void test_finds_go_on(void **state)
{
    struct fl_spin spin = { 0 };

    (void)state;
    assert_int_equal(looks(&spin, 1), OCCASIONS);
}

static void test_misses_back_off(void **state)
{
    struct fl_spin spin = { 0 };

    (void)state;
    assert_in_range(looks(&spin, 0), 1, OCCASIONS / 1000 + 10);
}

static void test_half_is_not_enough(void **state)
{
    struct fl_spin spin = { 0 };

    (void)state;
    assert_in_range(looks(&spin, 2), 1, OCCASIONS / 100);
}

static void test_comes_back(void **state)
{
    struct fl_spin spin = { 0 };

    (void)state;
    looks(&spin, 0);
    assert_in_range(looks(&spin, 1), OCCASIONS - 4000, OCCASIONS);
}

static void test_one_core(void **state)
{
    struct fl_spin spin = { 0 }, next = { 0 }, free = { 0 };
    cpu_set_t all, one;
    unsigned int first;

    (void)state;
    assert_int_equal(sched_getaffinity(0, sizeof(all), &all), 0);
    CPU_ZERO(&one);
    for (first = 0; !CPU_ISSET(first, &all); first++)
        ;
    CPU_SET(first, &one);
    assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
    looks(&spin, 0);
    assert_int_equal(looks(&spin, 1), 0);
    assert_int_equal(looks(&next, 1), 0); /* a new connection asks first */
    assert_int_equal(sched_setaffinity(0, sizeof(all), &all), 0);
    if (CPU_COUNT(&all) > 1)
        assert_int_equal(looks(&free, 1), OCCASIONS); /* and looks at once when that is over */
}

static void test_a_look_ends(void **state)
{
    struct fl_spin spin = { 0 };

    (void)state;
    assert_true(fl_spin_begin(&spin));
    while (!fl_spin_over(&spin))
        ;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_finds_go_on),        cmocka_unit_test(test_misses_back_off),
        cmocka_unit_test(test_half_is_not_enough), cmocka_unit_test(test_comes_back),
        cmocka_unit_test(test_one_core),           cmocka_unit_test(test_a_look_ends),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
