/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The record of a walk, and errors that name their stage. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#define FL_FROM VIR_FROM_TEST
#include "base/error.h"
#include "base/walk.h"

static const struct fl_walk_stage *at(const struct fl_walk *walk, guint i)
{
    assert_true(i < walk->stages->len);
    return walk->stages->pdata[i];
}

static void marks_are_kept_in_order(void **state)
{
    struct fl_walk walk;

    fl_walk_begin(&walk);
    assert_true(fl_walk_watched());
    assert_false(fl_walk_look_only());
    fl_stage_note("before any stage: dropped");
    fl_stage_enter(FL_STAGE_LOOKUP, "host '%s'", "h");
    fl_stage_note("%s", "192.0.2.1");
    fl_stage_enter(FL_STAGE_CONNECT, NULL);
    fl_stage_note("one");
    fl_stage_enter(FL_STAGE_CONNECT, "%s", "port 1");
    fl_stage_note("two");
    assert_int_equal(fl_stage_now(), FL_STAGE_CONNECT);
    fl_stage_leave();
    fl_walk_end(&walk, NULL);
    assert_false(fl_walk_watched());
    assert_int_equal(fl_stage_now(), FL_STAGE_NONE);

    assert_int_equal(walk.stages->len, 2);
    assert_int_equal(at(&walk, 0)->stage, FL_STAGE_LOOKUP);
    assert_string_equal(at(&walk, 0)->target, "host 'h'");
    assert_int_equal(at(&walk, 0)->lines->len, 1);
    assert_string_equal(at(&walk, 1)->target, "port 1");
    assert_int_equal(at(&walk, 1)->lines->len, 2);
    for (guint i = 0; i < 2; i++) {
        assert_null(at(&walk, i)->error);
        assert_true(at(&walk, i)->ended >= at(&walk, i)->begun);
    }
    fl_walk_fini(&walk);
}

static void walks_nest(void **state)
{
    struct fl_walk outer, inner;

    fl_walk_begin(&outer);
    fl_stage_enter(FL_STAGE_OPEN, NULL);
    fl_walk_begin(&inner);
    inner.look_only = true;
    assert_true(fl_walk_look_only());
    fl_stage_enter(FL_STAGE_TLS, NULL);
    fl_walk_end(&inner, NULL);
    assert_false(fl_walk_look_only());
    assert_int_equal(fl_stage_now(), FL_STAGE_OPEN);
    fl_walk_end(&outer, NULL);
    assert_int_equal(outer.stages->len, 1);
    assert_int_equal(at(&inner, 0)->stage, FL_STAGE_TLS);
    fl_walk_fini(&inner);
    fl_walk_fini(&outer);
}

static void nobody_watches(void **state)
{
    fl_stage_enter(FL_STAGE_TLS, "%s", "h");
    fl_stage_note("dropped");
    assert_int_equal(fl_stage_now(), FL_STAGE_TLS);
    fl_stage_leave();
    assert_int_equal(fl_stage_now(), FL_STAGE_NONE);
}

/* The error's own stage counts, whatever was entered since. */
static void the_error_finds_its_stage(void **state)
{
    static const struct {
        const char *error;
        guint stages;
        enum fl_stage failed;
    } rows[] = {
        { "open: x", 3, FL_STAGE_OPEN },    { "without a stage", 3, FL_STAGE_OPEN },
        { "auth: x", 2, FL_STAGE_AUTH },    { "connect: x", 1, FL_STAGE_CONNECT },
        { "ssh-auth: x", 2, FL_STAGE_SSH }, { "lookup: x", 1, FL_STAGE_LOOKUP },
        { "ssh-auth:x", 3, FL_STAGE_OPEN },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct fl_walk walk;

        fl_walk_begin(&walk);
        fl_stage_enter(FL_STAGE_CONNECT, NULL);
        fl_stage_enter(FL_STAGE_AUTH, NULL);
        fl_stage_enter(FL_STAGE_OPEN, NULL);
        fl_error(VIR_ERR_AUTH_FAILED, "%s", rows[i].error);
        fl_walk_end(&walk, fl_error_get());
        assert_int_equal(walk.stages->len, rows[i].stages);
        assert_int_equal(at(&walk, walk.stages->len - 1)->stage, rows[i].failed);
        assert_int_equal(at(&walk, walk.stages->len - 1)->error->code, VIR_ERR_AUTH_FAILED);
        fl_walk_fini(&walk);
    }
}

static void an_error_before_any_stage(void **state)
{
    struct fl_walk walk;

    fl_walk_begin(&walk);
    fl_error(VIR_ERR_INVALID_ARG, "bad flags");
    fl_walk_end(&walk, fl_error_get());
    assert_int_equal(walk.stages->len, 1);
    assert_int_equal(at(&walk, 0)->stage, FL_STAGE_RESOLVE);
    fl_walk_fini(&walk);
}

static void errors_are_given_their_stage(void **state)
{
    const char *rest;

    fl_stage_enter(FL_STAGE_RESOLVE, NULL);
    fl_error(VIR_ERR_INVALID_ARG, "no such thing");
    fl_stage_name_error();
    assert_string_equal(fl_error_get()->message, "invalid argument: resolve: no such thing");
    assert_string_equal(fl_error_get()->str2, "resolve: no such thing");
    fl_stage_name_error(); /* once */
    assert_string_equal(fl_error_get()->str2, "resolve: no such thing");
    assert_int_equal(fl_stage_of_error(fl_error_get(), &rest), FL_STAGE_RESOLVE);
    assert_string_equal(rest, "no such thing");
    fl_stage_advise("try %d", 2);
    assert_string_equal(fl_error_get()->message, "invalid argument: resolve: no such thing; try 2");
    assert_string_equal(fl_error_get()->str2, "resolve: no such thing; try 2");

    fl_stage_advise_instead("try %d", 3);
    assert_string_equal(fl_error_get()->message, "invalid argument: resolve: no such thing; try 3");
    assert_string_equal(fl_error_get()->str2, "resolve: no such thing; try 3");

    fl_error_set_argument(VIR_FROM_TEST, VIR_ERR_INVALID_ARG, "virCall", "flags", "is wrong");
    fl_stage_name_error();
    assert_string_equal(fl_error_get()->message, "resolve: invalid argument: virCall: flags is wrong");
    assert_string_equal(fl_error_get()->str2, "flags");
    fl_stage_leave();
    fl_error(VIR_ERR_INVALID_ARG, "after opening");
    fl_stage_name_error();
    assert_string_equal(fl_error_get()->message, "invalid argument: after opening");
}

/* A way that breaks once all is open. */
static void a_stage_that_is_past_is_not_named(void **state)
{
    fl_error(VIR_ERR_INVALID_ARG, "auth: ssh h ended with status 255; try the same host with plain ssh");
    fl_stage_unname_error();
    assert_string_equal(fl_error_get()->message, "invalid argument: ssh h ended with status 255");
    assert_string_equal(fl_error_get()->str2, "ssh h ended with status 255");
    assert_int_equal(fl_stage_of_error(fl_error_get(), NULL), FL_STAGE_NONE);
    fl_error(VIR_ERR_SYSTEM_ERROR, "h closed the connection; or so");
    fl_stage_unname_error();
    assert_string_equal(fl_error_get()->message, "h closed the connection; or so");
}

/* As a daemon sent it: the peer's own has its whole message in str2, too. */
static void a_far_error_is_attributed(void **state)
{
    virError far = { .code = VIR_ERR_NO_CONNECT,
                     .level = VIR_ERR_ERROR,
                     .message = (char *)"no connection driver available",
                     .str1 = (char *)"no connection driver available",
                     .str2 = (char *)"no connection driver available" };

    fl_error_set_raw(&far);
    fl_stage_name_teller(FL_STAGE_OPEN, "/run/sock");
    assert_string_equal(fl_error_get()->message, "open: /run/sock: no connection driver available");
    assert_string_equal(fl_error_get()->str2, "open: /run/sock: no connection driver available");
    assert_int_equal(fl_stage_of_error(fl_error_get(), NULL), FL_STAGE_OPEN);
    far.message = (char *)"no connection driver available for foo:///system";
    far.str2 = (char *)"foo:///system";
    fl_error_set_raw(&far);
    fl_stage_name_teller(FL_STAGE_OPEN, "/s");
    assert_string_equal(fl_error_get()->message,
                        "open: /s: no connection driver available for foo:///system");
    assert_string_equal(fl_error_get()->str2, "foo:///system");
    far.str2 = NULL;
    far.message = NULL;
    fl_error_set_raw(&far);
    fl_stage_name_teller(FL_STAGE_OPEN, "x");
    assert_true(g_str_has_prefix(fl_error_get()->message, "open: x: "));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(marks_are_kept_in_order),
        cmocka_unit_test(walks_nest),
        cmocka_unit_test(nobody_watches),
        cmocka_unit_test(the_error_finds_its_stage),
        cmocka_unit_test(an_error_before_any_stage),
        cmocka_unit_test(errors_are_given_their_stage),
        cmocka_unit_test(a_stage_that_is_past_is_not_named),
        cmocka_unit_test(a_far_error_is_attributed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
