/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who makes room when clients do not log in: shares of origins, silent before busy, old before new. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "daemon/anonymous.h"
#include "daemon/peer.h"

/* The book needs no more of a peer than this. */
struct fl_peer *fl_peer_ref(struct fl_peer *peer)
{
    peer->refs++;
    return peer;
}

static struct fl_peer peers[64];

static struct fl_peer *peer(int id, const char *origin, int ncalls)
{
    peers[id] = (struct fl_peer){ .id = (uint64_t)id, .origin = (char *)(uintptr_t)origin, .ncalls = ncalls };
    return &peers[id];
}

/* The number of who has to go; 0: nobody. */
static int enter(struct fl_anonymous *all, struct fl_peer *p, unsigned int max)
{
    struct fl_peer *victim;

    fl_anonymous_enter(all, p, max, &victim);
    if (victim)
        assert_int_equal(victim->refs, 1);
    return victim ? (int)victim->id : 0;
}

static void leave_all(struct fl_anonymous *all)
{
    for (int i = 0; i < 64; i++)
        if (peers[i].origin)
            fl_anonymous_leave(all, &peers[i]);
    memset(peers, 0, sizeof(peers));
    assert_int_equal(fl_anonymous_count(all), 0);
    fl_anonymous_free(all);
}

static void test_share(void **state)
{
    struct fl_anonymous *all = fl_anonymous_new();

    for (int i = 1; i <= 5; i++)
        assert_int_equal(enter(all, peer(i, "a", 0), 20), 0);
    assert_int_equal(enter(all, peer(6, "a", 0), 20), 1);
    assert_int_equal(enter(all, peer(7, "b", 0), 20), 0);
    assert_int_equal(enter(all, peer(8, "a", 0), 20), 2);
    assert_int_equal(fl_anonymous_count(all), 6);
    leave_all(all);
    (void)state;
}

static void test_small_limits(void **state)
{
    struct fl_anonymous *all = fl_anonymous_new();

    assert_int_equal(enter(all, peer(1, "a", 0), 1), 0);
    assert_int_equal(enter(all, peer(2, "b", 0), 1), 1);
    assert_int_equal(enter(all, peer(3, "b", 0), 4), 0); /* two at least */
    assert_int_equal(enter(all, peer(4, "b", 0), 4), 2);
    assert_int_equal(enter(all, peer(5, "b", 0), 0), 0); /* no limit */
    leave_all(all);
    (void)state;
}

static void test_busy_ones_stay(void **state)
{
    struct fl_anonymous *all = fl_anonymous_new();

    enter(all, peer(1, "a", 1), 8);
    enter(all, peer(2, "a", 0), 8);
    assert_int_equal(enter(all, peer(3, "a", 0), 8), 2);
    peers[3].ncalls = 1;
    assert_int_equal(enter(all, peer(4, "a", 0), 8), 1); /* all are: the oldest */
    leave_all(all);
    (void)state;
}

static void test_the_largest_pays(void **state)
{
    struct fl_anonymous *all = fl_anonymous_new();

    for (int i = 1; i <= 3; i++)
        enter(all, peer(i, "small", 0), 8 * 4);
    for (int i = 4; i <= 8; i++)
        enter(all, peer(i, "large", 0), 8 * 4);
    assert_int_equal(enter(all, peer(9, "new", 0), 8), 4);
    leave_all(all);
    (void)state;
}

static void test_many_origins(void **state)
{
    static const char *const names[] = { "a", "b", "c", "d", "e", "f", "g", "h" };
    struct fl_anonymous *all = fl_anonymous_new();

    for (int i = 1; i <= 8; i++)
        enter(all, peer(i, names[i - 1], i <= 2), 8);
    /* Two are busy: the silent ones go, the oldest first. */
    assert_int_equal(enter(all, peer(9, "x", 0), 8), 3);
    assert_int_equal(enter(all, peer(10, "y", 0), 8), 4);
    leave_all(all);
    (void)state;
}

static void test_leaving_twice(void **state)
{
    struct fl_anonymous *all = fl_anonymous_new();

    enter(all, peer(1, "a", 0), 8);
    enter(all, peer(2, "a", 0), 8);
    fl_anonymous_leave(all, &peers[1]);
    fl_anonymous_leave(all, &peers[1]);
    assert_int_equal(fl_anonymous_count(all), 1);
    leave_all(all);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_share),          cmocka_unit_test(test_small_limits),
        cmocka_unit_test(test_busy_ones_stay), cmocka_unit_test(test_the_largest_pays),
        cmocka_unit_test(test_many_origins),   cmocka_unit_test(test_leaving_twice),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
