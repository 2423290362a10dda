/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A domain's life in the test driver, a row per step: the call, its result, state and reason after it, its
 * events. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "core/connect_private.h"
#include "driver/test/ops.h"
#include "driver/test/state.h"
#include "uri/route.h"

static virConnectPtr conn;
static virDomainPtr dom;
static GString *story; /* "event/detail " of every lifecycle event */
static char *file;

static void sink(void *opaque, int callback_id, struct fl_hub_emission *emission)
{
    const struct fl_w_event_domain_lifecycle *p = emission->payload;
    g_string_append_printf(story, "%s%d/%d", story->len ? " " : "", p->event, p->detail);
}

static int begin(void **state)
{
    struct fl_route route = { .uri = (char *)"test:///default", .path = (char *)"/default" };
    conn = fl_connect_new("test:///default", 0);
    conn->driver = &fl_driver_test;
    conn->ops = fl_driver_test.ops;
    if (fl_driver_test.open(conn, &route, NULL, 0) < 0)
        return -1;
    story = g_string_new(NULL);
    dom = fl_test_domain_lookup_by_name(conn, "test");
    struct fl_test_host *host = conn->priv;
    if (fl_hub_register_sink(host->hub, conn, FL_EVENT_DOMAIN, VIR_DOMAIN_EVENT_ID_LIFECYCLE, NULL, sink,
                             NULL, NULL) < 0)
        return -1;
    file = g_strdup("/tmp/testdrv-XXXXXX");
    close(g_mkstemp(file));
    return 0;
}

static int end(void **state)
{
    unlink(file);
    g_free(file);
    fl_domain_unref(dom);
    fl_driver_test.close(conn);
    conn->driver = NULL;
    virConnectClose(conn);
    g_string_free(story, TRUE);
    return 0;
}

static int call_reboot(virDomainPtr d)
{
    return fl_test_domain_reboot(d, 0);
}
static int call_save(virDomainPtr d)
{
    return fl_test_domain_save(d, file);
}
static int call_restore(virDomainPtr d)
{
    return fl_test_domain_restore(d->conn, file);
}
static int call_managed_save(virDomainPtr d)
{
    return fl_test_domain_managed_save(d, 0);
}
static int call_crash(virDomainPtr d)
{
    return fl_test_domain_core_dump(d, file, VIR_DUMP_CRASH);
}
static int call_poweroff_restarts(virDomainPtr d)
{
    return fl_test_domain_set_lifecycle_action(d, VIR_DOMAIN_LIFECYCLE_POWEROFF,
                                               VIR_DOMAIN_LIFECYCLE_ACTION_RESTART, 0);
}

static void every_step_has_its_state_reason_and_event(void **state)
{
    static const struct {
        const char *what;
        int (*call)(virDomainPtr d);
        int code; /* of the error; 0 = it succeeds */
        int state, reason;
        const char *events;
    } steps[] = {
        { "start running", fl_test_domain_create, VIR_ERR_INTERNAL_ERROR, 1, 0, "" },
        { "suspend", fl_test_domain_suspend, 0, 3, 1, "3/0" },
        { "suspend paused", fl_test_domain_suspend, VIR_ERR_INTERNAL_ERROR, 3, 1, "" },
        { "resume", fl_test_domain_resume, 0, 1, 5, "4/0" },
        { "resume running", fl_test_domain_resume, VIR_ERR_INTERNAL_ERROR, 1, 5, "" },
        { "reboot", call_reboot, 0, 1, 1, "" },
        { "shut down", fl_test_domain_shutdown, 0, 5, 1, "5/0" },
        { "shut down off", fl_test_domain_shutdown, VIR_ERR_INTERNAL_ERROR, 5, 1, "" },
        { "destroy off", fl_test_domain_destroy, VIR_ERR_OPERATION_INVALID, 5, 1, "" },
        { "reboot off", call_reboot, VIR_ERR_OPERATION_INVALID, 5, 1, "" },
        { "start", fl_test_domain_create, 0, 1, 1, "2/0" },
        { "destroy", fl_test_domain_destroy, 0, 5, 2, "5/1" },
        { "start", fl_test_domain_create, 0, 1, 1, "2/0" },
        { "save", call_save, 0, 5, 5, "5/4" },
        { "restore", call_restore, 0, 1, 3, "2/2" },
        { "restore running", call_restore, VIR_ERR_OPERATION_INVALID, 1, 3, "" },
        { "managed save", call_managed_save, 0, 5, 5, "5/4" },
        { "undefine with image", fl_test_domain_undefine, VIR_ERR_OPERATION_INVALID, 5, 5, "" },
        { "start", fl_test_domain_create, 0, 1, 1, "2/0" },
        { "crash", call_crash, 0, 5, 3, "5/2" },
        { "start", fl_test_domain_create, 0, 1, 1, "2/0" },
        { "power-off restarts", call_poweroff_restarts, 0, 1, 1, "" },
        { "shut down", fl_test_domain_shutdown, 0, 1, 1, "" },
    };
    for (size_t i = 0; i < G_N_ELEMENTS(steps); i++) {
        int st = -1, reason = -1;
        g_string_truncate(story, 0);
        fl_error_reset();
        int rc = steps[i].call(dom);
        int code = rc < 0 ? fl_error_get()->code : 0;
        assert_int_equal(fl_test_domain_get_state(dom, &st, &reason, 0), 0);
        if (code != steps[i].code || st != steps[i].state || reason != steps[i].reason ||
            strcmp(story->str, steps[i].events) != 0)
            fail_msg("step %zu, %s: error %d, state %d/%d, events '%s'; expected error %d, state %d/%d, "
                     "events '%s'",
                     i, steps[i].what, code, st, reason, story->str, steps[i].code, steps[i].state,
                     steps[i].reason, steps[i].events);
    }
}

static void what_is_changed_for_the_next_start_waits_for_it(void **state)
{
    virDomainInfo info;
    assert_int_equal(fl_test_domain_set_memory_flags(dom, 1000, VIR_DOMAIN_AFFECT_CONFIG), 0);
    assert_int_equal(fl_test_domain_get_info(dom, &info), 0);
    assert_int_equal(info.memory, 2097152);
    assert_int_equal(fl_test_domain_destroy(dom), 0);
    assert_int_equal(fl_test_domain_get_info(dom, &info), 0);
    assert_int_equal(info.memory, 1000);
    assert_int_equal(fl_test_domain_set_memory_flags(dom, 2000, VIR_DOMAIN_AFFECT_LIVE), -1);
    assert_int_equal(fl_error_get()->code, VIR_ERR_OPERATION_INVALID);
}

static void a_transient_domain_is_gone_when_it_stops(void **state)
{
    assert_int_equal(fl_test_domain_undefine(dom), 0);
    assert_int_equal(fl_test_domain_is_persistent(dom), 0);
    assert_int_equal(fl_test_domain_destroy(dom), 0);
    assert_int_equal(fl_test_domain_is_active(dom), -1);
    assert_int_equal(fl_error_get()->code, VIR_ERR_NO_DOMAIN);
    assert_string_equal(story->str, "1/0 5/1");
}

static void going_back_to_a_snapshot_that_was_off_can_start_it(void **state)
{
    assert_int_equal(fl_test_domain_destroy(dom), 0);
    virDomainSnapshotPtr snap =
        fl_test_domain_snapshot_create_xml(dom, "<domainsnapshot><name>off</name></domainsnapshot>", 0);
    assert_non_null(snap);
    g_string_truncate(story, 0);
    assert_int_equal(fl_test_domain_revert_to_snapshot(snap, VIR_DOMAIN_SNAPSHOT_REVERT_PAUSED), 0);
    int st, reason;
    assert_int_equal(fl_test_domain_get_state(dom, &st, &reason, 0), 0);
    assert_int_equal(st, VIR_DOMAIN_PAUSED);
    assert_int_equal(reason, VIR_DOMAIN_PAUSED_FROM_SNAPSHOT);
    assert_string_equal(story->str, "2/3 3/5");
    fl_domain_snapshot_unref(snap);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_step_has_its_state_reason_and_event, begin, end),
        cmocka_unit_test_setup_teardown(what_is_changed_for_the_next_start_waits_for_it, begin, end),
        cmocka_unit_test_setup_teardown(a_transient_domain_is_gone_when_it_stops, begin, end),
        cmocka_unit_test_setup_teardown(going_back_to_a_snapshot_that_was_off_can_start_it, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
