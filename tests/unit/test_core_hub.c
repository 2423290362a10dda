/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The event hub: filters, order, deregistration inside callbacks, sinks, and that thousands cost no more
 * each. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <pthread.h>
#include <unistd.h>

#include "base/error.h"
#include "core/connect_private.h"
#include "core/hub.h"
#include "core/objects.h"

#define BOX "\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10"
#define BAR "\x11\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10"

static struct fl_hub *hub;
static virConnectPtr conn;
static GString *story;
static int freed;

static int begin(void **state)
{
    hub = fl_hub_new();
    conn = fl_connect_new("test:///x", 0);
    story = g_string_new(NULL);
    freed = 0;
    return 0;
}

static int end(void **state)
{
    fl_hub_unref(hub);
    assert_int_equal(virConnectClose(conn), 0); /* no registration keeps it */
    g_string_free(story, TRUE);
    return 0;
}

static void on_free(void *opaque)
{
    freed++;
}

static void lifecycle(virConnectPtr c, virDomainPtr dom, const char *who, int event, void *opaque)
{
    assert_ptr_equal(c, conn);
    assert_ptr_equal(opaque, story);
    g_string_append_printf(story, "%s:%s:%d ", who, virDomainGetName(dom), event);
}

static int on_a(virConnectPtr c, virDomainPtr dom, int event, int detail, void *opaque)
{
    lifecycle(c, dom, "a", event, opaque);
    return 0;
}

static int on_b(virConnectPtr c, virDomainPtr dom, int event, int detail, void *opaque)
{
    lifecycle(c, dom, "b", event, opaque);
    return 0;
}

static int reg(virConnectDomainEventCallback cb, const char *uuid)
{
    const struct fl_hub_filter filter = { .uuid = (const unsigned char *)uuid };
    return fl_hub_register(hub, conn, FL_EVENT_DOMAIN, VIR_DOMAIN_EVENT_ID_LIFECYCLE, uuid ? &filter : NULL,
                           (void (*)(void))cb, story, on_free);
}

static void emit(const char *name, const char *uuid, int event)
{
    struct fl_w_event_domain_lifecycle p = { .event = event };
    p.dom.name = (char *)name;
    memcpy(p.dom.uuid, uuid, 16);
    fl_hub_emit(hub, FL_EV_DOMAIN_LIFECYCLE, &p);
}

static void stop_waiting(int timer, void *opaque)
{
    virEventRemoveTimeout(timer);
}

static void turn(void)
{
    virEventAddTimeout(0, stop_waiting, NULL, NULL);
    assert_int_equal(virEventRunDefaultImpl(), 0);
}

static void without_an_event_loop_registering_fails(void **state)
{
    begin(state);
    assert_int_equal(reg(on_a, NULL), -1);
    assert_int_equal(virGetLastErrorCode(), VIR_ERR_INTERNAL_ERROR);
    assert_int_equal(freed, 0);
    assert_int_equal(fl_hub_count(hub, FL_EVENT_DOMAIN, 0), 0);
    end(state);
    assert_int_equal(virEventRegisterDefaultImpl(), 0);
}

static void events_arrive_in_order_and_only_from_the_loop(void **state)
{
    int a = reg(on_a, NULL), b = reg(on_b, NULL);
    assert_true(a >= 0 && b >= 0 && a != b);
    assert_int_equal(fl_hub_count(hub, FL_EVENT_DOMAIN, 0), 2);
    emit("box", BOX, 1);
    emit("bar", BAR, 2);
    assert_string_equal(story->str, "");
    turn();
    assert_string_equal(story->str, "a:box:1 b:box:1 a:bar:2 b:bar:2 ");
    assert_int_equal(fl_hub_deregister(hub, conn, a), 0);
    assert_int_equal(freed, 1);
    emit("box", BOX, 3);
    turn();
    assert_string_equal(story->str, "a:box:1 b:box:1 a:bar:2 b:bar:2 b:box:3 ");
    assert_int_equal(fl_hub_deregister(hub, conn, a), -1);
    assert_int_equal(virGetLastErrorCode(), VIR_ERR_INVALID_ARG);
    assert_int_equal(fl_hub_deregister(hub, conn, b), 0);
}

static void a_filter_lets_its_object_through(void **state)
{
    reg(on_a, BOX);
    reg(on_b, NULL);
    emit("bar", BAR, 1);
    emit("box", BOX, 2);
    turn();
    assert_string_equal(story->str, "b:bar:1 a:box:2 b:box:2 ");
    fl_hub_drop_conn(hub, conn);
    assert_int_equal(freed, 2);
    assert_int_equal(fl_hub_count(hub, FL_EVENT_DOMAIN, 0), 0);
}

static void the_same_callback_twice_is_refused(void **state)
{
    assert_true(reg(on_a, NULL) >= 0);
    assert_int_equal(reg(on_a, NULL), -1);
    assert_int_equal(virGetLastErrorCode(), VIR_ERR_INVALID_ARG);
    assert_true(reg(on_a, BOX) >= 0);
    assert_int_equal(fl_hub_deregister_cb(hub, conn, FL_EVENT_DOMAIN, 0, (void (*)(void))on_a), 0);
    assert_int_equal(fl_hub_deregister_cb(hub, conn, FL_EVENT_DOMAIN, 0, (void (*)(void))on_a), -1);
    fl_hub_drop_conn(hub, conn);
}

static void a_registration_sees_no_earlier_event(void **state)
{
    reg(on_a, NULL);
    emit("box", BOX, 1);
    reg(on_b, NULL);
    turn();
    assert_string_equal(story->str, "a:box:1 ");
    fl_hub_drop_conn(hub, conn);
    emit("box", BOX, 2);
    turn();
    assert_string_equal(story->str, "a:box:1 ");
}

static int own_id, other_id;

static int on_leave(virConnectPtr c, virDomainPtr dom, int event, int detail, void *opaque)
{
    g_string_append(story, "leave ");
    assert_int_equal(fl_hub_deregister(hub, conn, own_id), 0);
    assert_int_equal(freed, 0); /* this call is in flight */
    assert_int_equal(fl_hub_deregister(hub, conn, other_id), 0);
    emit("late", BOX, 9);
    return 0;
}

static void a_callback_may_deregister_itself_and_others(void **state)
{
    own_id = reg(on_leave, NULL);
    other_id = reg(on_b, NULL);
    emit("box", BOX, 1);
    emit("box", BOX, 2);
    turn();
    turn();
    assert_string_equal(story->str, "leave ");
    assert_int_equal(freed, 2);
}

static void sink(void *opaque, int callback_id, struct fl_hub_emission *emission)
{
    const struct fl_w_event_domain_lifecycle *p = emission->payload;
    assert_ptr_equal(emission->event, FL_EV_DOMAIN_LIFECYCLE);
    assert_int_equal(callback_id, *(int *)opaque);
    g_string_append_printf(story, "sink:%s:%d ", p->dom.name, p->event);
}

static void a_sink_is_told_at_once(void **state)
{
    int id = fl_hub_register_sink(hub, conn, FL_EVENT_DOMAIN, 0, NULL, sink, &own_id, on_free);
    own_id = id;
    reg(on_a, NULL);
    emit("box", BOX, 1);
    assert_string_equal(story->str, "sink:box:1 ");
    turn();
    assert_string_equal(story->str, "sink:box:1 a:box:1 ");
    fl_hub_drop_conn(hub, conn);
    assert_int_equal(freed, 2);
}

static int counted;

static int on_count(virConnectPtr c, virDomainPtr dom, int event, int detail, void *opaque)
{
    counted++;
    return 0;
}

/* Quadratic bookkeeping would take minutes here. */
static void many_registrations_and_events_stay_cheap(void **state)
{
    enum { MANY = 20000 };
    int *ids = g_new(int, MANY);
    unsigned char uuid[16] = { 0 };
    counted = 0;
    for (int i = 0; i < MANY; i++) {
        memcpy(uuid, &i, sizeof(i));
        uuid[15] = 1;
        ids[i] = reg(on_count, (const char *)uuid);
        assert_true(ids[i] >= 0);
    }
    assert_int_equal(fl_hub_count(hub, FL_EVENT_DOMAIN, 0), MANY);
    for (int i = 0; i < MANY; i++) {
        memcpy(uuid, &i, sizeof(i));
        emit("box", (const char *)uuid, i);
    }
    turn();
    assert_int_equal(counted, MANY);
    for (int i = 0; i < MANY; i++)
        assert_int_equal(fl_hub_deregister(hub, conn, ids[i]), 0);
    assert_int_equal(freed, MANY);
    g_free(ids);
}

static gint loop_stop, delivered;

static int on_tally(virConnectPtr c, virDomainPtr dom, int event, int detail, void *opaque)
{
    g_atomic_int_inc(&delivered);
    return 0;
}

static void tick(int timer, void *opaque)
{
}

static void *run_loop(void *opaque)
{
    int timer = virEventAddTimeout(5, tick, NULL, NULL);
    while (!g_atomic_int_get(&loop_stop))
        virEventRunDefaultImpl();
    virEventRemoveTimeout(timer);
    return NULL;
}

static void *come_and_go(void *opaque)
{
    unsigned char uuid[16] = { 0 };
    uuid[0] = (unsigned char)GPOINTER_TO_INT(opaque);
    const struct fl_hub_filter filter = { .uuid = uuid };
    for (int i = 0; i < 500; i++) {
        int id =
            fl_hub_register(hub, conn, FL_EVENT_DOMAIN, 0, &filter, (void (*)(void))on_tally, NULL, NULL);
        emit("box", (const char *)uuid, i);
        if (id < 0 || fl_hub_deregister(hub, conn, id) < 0)
            return opaque;
    }
    return NULL;
}

static void threads_register_emit_and_leave_while_the_loop_runs(void **state)
{
    pthread_t looper, workers[4];
    void *result;
    g_atomic_int_set(&loop_stop, 0);
    int id = fl_hub_register(hub, conn, FL_EVENT_DOMAIN, 0, NULL, (void (*)(void))on_tally, NULL, NULL);
    assert_int_equal(pthread_create(&looper, NULL, run_loop, NULL), 0);
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&workers[i], NULL, come_and_go, GINT_TO_POINTER(i + 1)), 0);
    for (int i = 0; i < 4; i++) {
        pthread_join(workers[i], &result);
        assert_null(result);
    }
    while (g_atomic_int_get(&delivered) < 2000) /* the one that stayed saw all; alarm() bounds this */
        g_usleep(1000);
    g_atomic_int_set(&loop_stop, 1);
    pthread_join(looper, NULL);
    assert_int_equal(fl_hub_deregister(hub, conn, id), 0);
}

static void a_registration_keeps_its_connection(void **state)
{
    int id = reg(on_a, NULL);
    assert_int_equal(virConnectRef(conn), 0);
    assert_int_equal(virConnectClose(conn), 1);
    assert_int_equal(fl_hub_deregister(hub, conn, id), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_an_event_loop_registering_fails),
        cmocka_unit_test_setup_teardown(events_arrive_in_order_and_only_from_the_loop, begin, end),
        cmocka_unit_test_setup_teardown(a_filter_lets_its_object_through, begin, end),
        cmocka_unit_test_setup_teardown(the_same_callback_twice_is_refused, begin, end),
        cmocka_unit_test_setup_teardown(a_registration_sees_no_earlier_event, begin, end),
        cmocka_unit_test_setup_teardown(a_callback_may_deregister_itself_and_others, begin, end),
        cmocka_unit_test_setup_teardown(a_sink_is_told_at_once, begin, end),
        cmocka_unit_test_setup_teardown(many_registrations_and_events_stay_cheap, begin, end),
        cmocka_unit_test_setup_teardown(threads_register_emit_and_leave_while_the_loop_runs, begin, end),
        cmocka_unit_test_setup_teardown(a_registration_keeps_its_connection, begin, end),
    };
    alarm(120);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
