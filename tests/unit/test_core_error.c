/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The error of a thread: shape, reading, copying, resetting, handlers; each thread has its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <errno.h>
#include <pthread.h>
#include <unistd.h>

#define FL_FROM VIR_FROM_TEST
#include "base/error.h"
#include "base/error_titles.h"
#include "core/connect_private.h"
#include "core/objects.h"

static int told;
static char told_text[256];

static void tell(void *data, virErrorPtr err)
{
    told++;
    g_strlcpy(told_text, err->message, sizeof(told_text));
    if (data)
        (*(int *)data)++;
}

static int begin(void **state)
{
    virResetLastError();
    told = 0;
    virSetErrorFunc(NULL, tell);
    return 0;
}

static void an_error_has_title_and_detail(void **state)
{
    assert_int_equal(fl_error(VIR_ERR_NO_DOMAIN, "no domain named '%s'", "box"), -1);
    virErrorPtr err = virGetLastError();
    assert_non_null(err);
    assert_int_equal(err->code, VIR_ERR_NO_DOMAIN);
    assert_int_equal(err->domain, VIR_FROM_TEST);
    assert_int_equal(err->level, VIR_ERR_ERROR);
    assert_string_equal(err->message, "Domain not found: no domain named 'box'");
    assert_string_equal(err->str1, "Domain not found: %s");
    assert_string_equal(err->str2, "no domain named 'box'");
    assert_int_equal(err->int1, -1);
    assert_int_equal(virGetLastErrorCode(), VIR_ERR_NO_DOMAIN);
    assert_int_equal(virGetLastErrorDomain(), VIR_FROM_TEST);
}

static void a_system_error_carries_errno(void **state)
{
    assert_int_equal(fl_error_system(ENOENT, "cannot open '%s'", "/x"), -1);
    virErrorPtr err = virGetLastError();
    assert_int_equal(err->code, VIR_ERR_SYSTEM_ERROR);
    assert_int_equal(err->int1, ENOENT);
    assert_string_equal(err->message, "cannot open '/x': No such file or directory");
}

static void an_error_may_quote_the_one_before(void **state)
{
    fl_error(VIR_ERR_INTERNAL_ERROR, "first");
    fl_error(VIR_ERR_OPERATION_FAILED, "second (%s)", virGetLastErrorMessage());
    assert_string_equal(virGetLastErrorMessage(), "operation failed: second (internal error: first)");
}

static void without_an_error_there_is_none(void **state)
{
    virError copy;
    assert_null(virGetLastError());
    assert_string_equal(virGetLastErrorMessage(), "no error");
    assert_int_equal(virCopyLastError(&copy), 0);
    assert_int_equal(virCopyLastError(NULL), -1);
    virErrorPtr saved = virSaveLastError();
    assert_non_null(saved);
    assert_int_equal(saved->code, 0);
    virFreeError(saved);
}

static void every_code_and_domain_has_a_name(void **state)
{
    for (int code = VIR_ERR_OK; code <= VIR_ERR_AGENT_COMMAND_FAILED; code++)
        assert_string_not_equal(fl_error_title(code), "unknown error");
    for (int domain = VIR_FROM_XEN; domain <= VIR_FROM_CH; domain++)
        assert_string_not_equal(fl_error_domain_name(domain), "");
    assert_string_equal(fl_error_title(-1), "unknown error");
    assert_string_equal(fl_error_title(100000), "unknown error");
    assert_string_equal(fl_error_domain_name(100000), "");
}

static void clean_up_keeps_the_first_error(void **state)
{
    fl_error(VIR_ERR_AUTH_FAILED, "kept");
    {
        FL_ERROR_PRESERVE;
        fl_error(VIR_ERR_INTERNAL_ERROR, "lost");
        fl_error_reset();
    }
    assert_int_equal(virGetLastErrorCode(), VIR_ERR_AUTH_FAILED);
    assert_string_equal(virGetLastError()->str2, "kept");
}

static void *other_thread(void *opaque)
{
    *(int *)opaque = virGetLastErrorCode();
    fl_error(VIR_ERR_NO_NETWORK, "elsewhere");
    return NULL;
}

static void threads_do_not_share_errors(void **state)
{
    int seen = -1;
    pthread_t t;
    fl_error(VIR_ERR_NO_DOMAIN, "here");
    assert_int_equal(pthread_create(&t, NULL, other_thread, &seen), 0);
    pthread_join(t, NULL);
    assert_int_equal(seen, VIR_ERR_OK);
    assert_int_equal(virGetLastErrorCode(), VIR_ERR_NO_DOMAIN);
}

static void dispatch_tells_the_connection_and_its_handler_first(void **state)
{
    virConnectPtr conn = fl_connect_new("test:///x", 0);
    virError copy;
    int own = 0;
    fl_error(VIR_ERR_NO_DOMAIN, "one");
    fl_error_dispatch(conn);
    assert_int_equal(told, 1);
    assert_string_equal(told_text, "Domain not found: one");
    assert_int_equal(virConnGetLastError(conn)->code, VIR_ERR_NO_DOMAIN);
    assert_int_equal(virConnCopyLastError(conn, &copy), VIR_ERR_NO_DOMAIN);
    virResetError(&copy);

    virConnSetErrorFunc(conn, &own, tell);
    fl_error_dispatch(conn);
    assert_int_equal(own, 1);
    virConnResetLastError(conn);
    assert_int_equal(virConnGetLastError(conn)->code, 0);
    assert_int_equal(virGetLastErrorCode(), VIR_ERR_NO_DOMAIN);
    assert_int_equal(virConnCopyLastError(NULL, &copy), -1);
    assert_null(virConnGetLastError(NULL));
    assert_int_equal(virConnectClose(conn), 0);
}

static void a_failure_without_error_gets_one(void **state)
{
    fl_error_dispatch(NULL);
    assert_int_equal(virGetLastErrorCode(), VIR_ERR_INTERNAL_ERROR);
    assert_int_equal(told, 1);
}

static void a_closed_connection_counts_references(void **state)
{
    virConnectPtr conn = fl_connect_new("test:///x", 0);
    assert_int_equal(virConnectRef(conn), 0);
    assert_int_equal(virConnectClose(conn), 1);
    char *uri = virConnectGetURI(conn);
    assert_string_equal(uri, "test:///x");
    g_free(uri);
    assert_int_equal(virConnectClose(conn), 0);
    assert_int_equal(virConnectClose(NULL), -1);
    assert_int_equal(virGetLastErrorCode(), VIR_ERR_INVALID_CONN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(an_error_has_title_and_detail, begin),
        cmocka_unit_test_setup(a_system_error_carries_errno, begin),
        cmocka_unit_test_setup(an_error_may_quote_the_one_before, begin),
        cmocka_unit_test_setup(without_an_error_there_is_none, begin),
        cmocka_unit_test_setup(every_code_and_domain_has_a_name, begin),
        cmocka_unit_test_setup(clean_up_keeps_the_first_error, begin),
        cmocka_unit_test_setup(threads_do_not_share_errors, begin),
        cmocka_unit_test_setup(dispatch_tells_the_connection_and_its_handler_first, begin),
        cmocka_unit_test_setup(a_failure_without_error_gets_one, begin),
        cmocka_unit_test_setup(a_closed_connection_counts_references, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
