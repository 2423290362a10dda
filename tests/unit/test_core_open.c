/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Opening: which driver is asked for which URI, with what, and what is left when it refuses. The registry is
 * ours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <stdlib.h>

#define FL_FROM VIR_FROM_TEST
#include "base/error.h"
#include "core/connect.h"
#include "core/objects.h"
#include "core/driver.h"
#include "uri/route.h"

static GString *story;
static const char *probe_uri;
static bool refuse;

static int near_open(virConnectPtr conn, const struct fl_route *route, virConnectAuthPtr auth,
                     unsigned int flags)
{
    g_string_append_printf(story, "near %s flags=%u ", conn->uri, flags);
    return refuse ? fl_error(VIR_ERR_OPERATION_FAILED, "not today") : 0;
}

static int far_open(virConnectPtr conn, const struct fl_route *route, virConnectAuthPtr auth,
                    unsigned int flags)
{
    g_string_append_printf(story, "far %s name=%s ", conn->uri ? conn->uri : "(none)",
                           route->remote_name ? route->remote_name : "");
    if (!conn->uri)
        conn->uri = g_strdup("found:///there");
    return 0;
}

static void near_close(virConnectPtr conn)
{
    g_string_append(story, "closed ");
}

static const char *near_probe(void)
{
    return probe_uri;
}

static const struct fl_driver_ops no_ops;
static const char *const near_schemes[] = { "near", NULL };
static const struct fl_driver near_driver = { .name = "near",
                                              .schemes = near_schemes,
                                              .ops = &no_ops,
                                              .probe = near_probe,
                                              .open = near_open,
                                              .close = near_close };
static const struct fl_driver far_driver = { .name = "far", .ops = &no_ops, .open = far_open };
const struct fl_driver *const fl_drivers[] = { &near_driver, &far_driver, NULL };

const struct fl_driver *fl_driver_by_scheme(const char *scheme)
{
    return strcmp(scheme, "near") == 0 ? &near_driver : NULL;
}

const struct fl_driver *fl_driver_for_rest(void)
{
    return &far_driver;
}

static void quiet(void *data, virErrorPtr err)
{
}

static int begin(void **state)
{
    story = g_string_new(NULL);
    probe_uri = NULL;
    refuse = false;
    unsetenv("LIBVIRT_DEFAULT_URI");
    virSetErrorFunc(NULL, quiet);
    return 0;
}

static int end(void **state)
{
    g_string_free(story, TRUE);
    return 0;
}

static void a_scheme_of_this_process_stays_here(void **state)
{
    virConnectPtr conn = virConnectOpen("near:///x");
    assert_non_null(conn);
    assert_ptr_equal(conn->driver, &near_driver);
    assert_int_equal(virConnectClose(conn), 0);
    assert_string_equal(story->str, "near near:///x flags=0 closed ");
}

static void a_transport_or_an_unknown_scheme_goes_far(void **state)
{
    virConnectClose(virConnectOpen("near+unix:///x"));
    virConnectClose(virConnectOpen("qemu:///system"));
    assert_string_equal(story->str,
                        "far near+unix:///x name=near:///x far qemu:///system name=qemu:///system ");
}

static int far_lib_version(virConnectPtr conn, unsigned long *libVer)
{
    *libVer = 7;
    return 0;
}

static void a_driver_without_a_version_has_the_librarys(void **state)
{
    static const struct fl_driver_ops far_ops = { .connect_get_lib_version = far_lib_version };
    virConnectPtr conn = virConnectOpen("near:///x");
    unsigned long version = 1;

    assert_int_equal(virConnectGetLibVersion(conn, &version), 0);
    assert_int_equal(version, LIBVIR_VERSION_NUMBER);
    assert_int_equal(virConnectGetLibVersion(conn, NULL), -1);
    assert_int_equal(virConnectGetLibVersion(NULL, &version), -1);
    conn->ops = &far_ops;
    assert_int_equal(virConnectGetLibVersion(conn, &version), 0);
    assert_int_equal(version, 7);
    virConnectClose(conn);
}

static void read_only_is_handed_on(void **state)
{
    virConnectPtr conn = virConnectOpenReadOnly("near:///x");
    assert_int_equal(conn->flags, VIR_CONNECT_RO);
    virConnectClose(conn);
    assert_string_equal(story->str, "near near:///x flags=1 closed ");
}

static void a_refused_open_is_not_closed(void **state)
{
    refuse = true;
    assert_null(virConnectOpen("near:///x"));
    assert_int_equal(virGetLastErrorCode(), VIR_ERR_OPERATION_FAILED);
    assert_string_equal(story->str, "near near:///x flags=0 ");
}

static void without_a_uri_the_environment_then_probing_decide(void **state)
{
    setenv("LIBVIRT_DEFAULT_URI", "near:///env", 1);
    virConnectClose(virConnectOpen(NULL));
    virConnectClose(virConnectOpen(""));
    assert_string_equal(story->str, "near near:///env flags=0 closed near near:///env flags=0 closed ");

    unsetenv("LIBVIRT_DEFAULT_URI");
    g_string_truncate(story, 0);
    probe_uri = "near:///probed";
    virConnectClose(virConnectOpen(NULL));
    probe_uri = NULL;
    virConnectPtr conn = virConnectOpen(NULL);
    assert_string_equal(story->str, "near near:///probed flags=0 closed far (none) name= ");
    char *uri = virConnectGetURI(conn);
    assert_string_equal(uri, "found:///there");
    g_free(uri);
    virConnectClose(conn);
}

static void a_daemon_opens_nothing_far(void **state)
{
    assert_null(fl_connect_open("qemu:///system", NULL, 0, FL_CONNECT_LOCAL_ONLY));
    assert_int_equal(virGetLastErrorCode(), VIR_ERR_NO_CONNECT);
    assert_null(fl_connect_open(NULL, NULL, 0, FL_CONNECT_LOCAL_ONLY));
    assert_string_equal(story->str, "");
}

static void bad_arguments_are_refused(void **state)
{
    assert_null(virConnectOpenAuth("near:///x", NULL, 0x100));
    assert_int_equal(virGetLastErrorCode(), VIR_ERR_INVALID_ARG);
    assert_null(virConnectOpen("nonsense"));
    assert_int_equal(virGetLastErrorCode(), VIR_ERR_NO_CONNECT);
    assert_string_equal(story->str, "");
}

static int closed_reason, freed;

static void on_closed(virConnectPtr conn, int reason, void *opaque)
{
    closed_reason = reason;
}

static void other_on_closed(virConnectPtr conn, int reason, void *opaque)
{
}

static void on_free(void *opaque)
{
    freed++;
}

static void a_close_callback_is_told_once_and_keeps_the_connection(void **state)
{
    closed_reason = -1;
    virConnectPtr conn = virConnectOpen("near:///x");
    assert_int_equal(virConnectRegisterCloseCallback(conn, on_closed, NULL, on_free), 0);
    assert_int_equal(virConnectRegisterCloseCallback(conn, on_closed, NULL, on_free), -1);
    assert_int_equal(virGetLastErrorCode(), VIR_ERR_OPERATION_INVALID);
    assert_int_equal(virConnectUnregisterCloseCallback(conn, other_on_closed), -1);
    assert_int_equal(virConnectRef(conn), 0);
    assert_int_equal(virConnectClose(conn), 1);
    fl_connect_closed(conn, VIR_CONNECT_CLOSE_REASON_EOF);
    assert_int_equal(closed_reason, VIR_CONNECT_CLOSE_REASON_EOF);
    assert_int_equal(freed, 1);
    closed_reason = -1;
    fl_connect_closed(conn, VIR_CONNECT_CLOSE_REASON_ERROR);
    assert_int_equal(closed_reason, -1);

    assert_int_equal(virConnectRegisterCloseCallback(conn, on_closed, NULL, on_free), 0);
    assert_int_equal(virConnectClose(conn), 1);
    assert_int_equal(virConnectUnregisterCloseCallback(conn, on_closed), 0); /* gives up the last reference */
    assert_int_equal(freed, 2);
    assert_true(g_str_has_suffix(story->str, "closed "));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_scheme_of_this_process_stays_here, begin, end),
        cmocka_unit_test_setup_teardown(a_transport_or_an_unknown_scheme_goes_far, begin, end),
        cmocka_unit_test_setup_teardown(a_driver_without_a_version_has_the_librarys, begin, end),
        cmocka_unit_test_setup_teardown(read_only_is_handed_on, begin, end),
        cmocka_unit_test_setup_teardown(a_refused_open_is_not_closed, begin, end),
        cmocka_unit_test_setup_teardown(without_a_uri_the_environment_then_probing_decide, begin, end),
        cmocka_unit_test_setup_teardown(a_daemon_opens_nothing_far, begin, end),
        cmocka_unit_test_setup_teardown(bad_arguments_are_refused, begin, end),
        cmocka_unit_test_setup_teardown(a_close_callback_is_told_once_and_keeps_the_connection, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
