/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The default event loop: timers, descriptors, removal inside callbacks, free callbacks, waking from a
 * thread. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <pthread.h>
#include <unistd.h>

#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

static int fired, freed;

static void on_timer(int timer, void *opaque)
{
    fired++;
    if (opaque)
        virEventRemoveTimeout(timer);
}

static void on_free(void *opaque)
{
    freed++;
}

static int begin(void **state)
{
    fired = freed = 0;
    return 0;
}

/* One iteration that does not wait. */
static void turn(void)
{
    int t = virEventAddTimeout(0, on_timer, &fired, NULL);
    assert_true(t > 0);
    int before = fired;
    assert_int_equal(virEventRunDefaultImpl(), 0);
    fired -= fired > before; /* not the test's own */
}

static void quiet(void *data, virErrorPtr err)
{
}

static void without_registration_nothing_is_watched(void **state)
{
    virSetErrorFunc(NULL, quiet);
    assert_int_equal(virEventAddTimeout(0, on_timer, NULL, NULL), -1);
    assert_int_equal(virEventAddHandle(0, 1, NULL, NULL, NULL), -1);
    assert_int_equal(virEventRunDefaultImpl(), -1);
    assert_int_equal(virEventRemoveTimeout(1), -1);
    virEventUpdateTimeout(1, 1);
    assert_int_equal(virEventRegisterDefaultImpl(), 0);
    assert_int_equal(virEventRegisterDefaultImpl(), 0);
}

static void a_timer_fires_until_it_sleeps(void **state)
{
    int t = virEventAddTimeout(0, on_timer, NULL, on_free);
    turn();
    turn();
    assert_int_equal(fired, 2);
    virEventUpdateTimeout(t, -1);
    turn();
    assert_int_equal(fired, 2);
    assert_int_equal(virEventRemoveTimeout(t), 0);
    assert_int_equal(freed, 0); /* never inside remove */
    turn();
    assert_int_equal(freed, 1);
    assert_int_equal(virEventRemoveTimeout(t), -1);
}

static void a_timer_may_remove_itself(void **state)
{
    virEventAddTimeout(0, on_timer, &fired, on_free);
    turn();
    turn();
    assert_int_equal(fired, 1);
    assert_int_equal(freed, 1);
}

static int seen_events, other_watch;

static void on_handle(int watch, int fd, int events, void *opaque)
{
    seen_events = events;
    fired++;
    if (other_watch > 0) {
        virEventRemoveHandle(other_watch);
        other_watch = -1;
    }
}

static void a_descriptor_is_watched_for_what_was_asked(void **state)
{
    int p[2];
    other_watch = -1;
    assert_int_equal(pipe(p), 0);
    int w = virEventAddHandle(p[0], 0, on_handle, NULL, on_free);
    assert_int_equal(write(p[1], "x", 1), 1);
    turn();
    assert_int_equal(fired, 0);
    virEventUpdateHandle(w, VIR_EVENT_HANDLE_READABLE);
    turn();
    assert_int_equal(fired, 1);
    assert_int_equal(seen_events, VIR_EVENT_HANDLE_READABLE);
    char c;
    assert_int_equal(read(p[0], &c, 1), 1);
    close(p[1]);
    turn();
    assert_int_equal(seen_events, VIR_EVENT_HANDLE_HANGUP);
    assert_int_equal(virEventRemoveHandle(w), 0);
    assert_int_equal(virEventRemoveHandle(w), -1);
    turn();
    assert_int_equal(fired, 2);
    assert_int_equal(freed, 1);
    close(p[0]);
}

static void removing_another_handle_stops_its_pending_call(void **state)
{
    int p[2];
    assert_int_equal(pipe(p), 0);
    int a = virEventAddHandle(p[1], VIR_EVENT_HANDLE_WRITABLE, on_handle, NULL, NULL);
    int b = virEventAddHandle(p[1], VIR_EVENT_HANDLE_WRITABLE, on_handle, NULL, NULL);
    other_watch = b;
    turn();
    /* Whichever ran first removed b: it ran once, and b at most before a. */
    assert_true(fired == 1 || fired == 2);
    fired = 0;
    turn();
    assert_int_equal(fired, 1);
    virEventRemoveHandle(a);
    close(p[0]);
    close(p[1]);
}

static void *add_from_thread(void *opaque)
{
    usleep(20000);
    virEventAddTimeout(0, on_timer, &fired, NULL);
    return NULL;
}

static void a_thread_wakes_the_loop(void **state)
{
    pthread_t t;
    assert_int_equal(pthread_create(&t, NULL, add_from_thread, NULL), 0);
    for (int i = 0; i < 3 && !fired; i++)
        assert_int_equal(virEventRunDefaultImpl(), 0); /* without the wake-up this waits for ever */
    assert_int_equal(fired, 1);
    pthread_join(t, NULL);
}

static void nested(int timer, void *opaque)
{
    virEventRemoveTimeout(timer);
    turn();
    fired++;
}

static void a_callback_may_run_the_loop(void **state)
{
    virEventAddTimeout(0, nested, NULL, on_free);
    turn();
    assert_true(fired >= 1);
    turn();
    assert_int_equal(freed, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_registration_nothing_is_watched),
        cmocka_unit_test_setup(a_timer_fires_until_it_sleeps, begin),
        cmocka_unit_test_setup(a_timer_may_remove_itself, begin),
        cmocka_unit_test_setup(a_descriptor_is_watched_for_what_was_asked, begin),
        cmocka_unit_test_setup(removing_another_handle_stops_its_pending_call, begin),
        cmocka_unit_test_setup(a_thread_wakes_the_loop, begin),
        cmocka_unit_test_setup(a_callback_may_run_the_loop, begin),
    };
    alarm(120); /* a loop that is not woken must not stop the suite */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
