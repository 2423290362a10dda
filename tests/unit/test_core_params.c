/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Typed parameters: what is added is found again with its type, bad values are refused, lists grow. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

#include "core/typedparam.h"

static virTypedParameterPtr list;
static int n, room;

static void quiet(void *data, virErrorPtr err)
{
}

static int quiet_begin(void **state)
{
    virSetErrorFunc(NULL, quiet);
    list = NULL;
    n = room = 0;
    return 0;
}

static int end(void **state)
{
    virTypedParamsFree(list, n);
    return 0;
}

static void every_type_is_found_again(void **state)
{
    int i = 0;
    unsigned int u = 0;
    long long l = 0;
    unsigned long long ul = 0;
    double d = 0;
    int b = 0;
    const char *s = NULL;
    assert_int_equal(virTypedParamsAddInt(&list, &n, &room, "int", -5), 0);
    assert_int_equal(virTypedParamsAddUInt(&list, &n, &room, "uint", 4000000000u), 0);
    assert_int_equal(virTypedParamsAddLLong(&list, &n, &room, "llong", INT64_MIN), 0);
    assert_int_equal(virTypedParamsAddULLong(&list, &n, &room, "ullong", UINT64_MAX), 0);
    assert_int_equal(virTypedParamsAddDouble(&list, &n, &room, "double", 1.5), 0);
    assert_int_equal(virTypedParamsAddBoolean(&list, &n, &room, "bool", 7), 0);
    assert_int_equal(virTypedParamsAddString(&list, &n, &room, "string", "text"), 0);
    assert_int_equal(n, 7);
    assert_true(room >= n);

    assert_int_equal(virTypedParamsGetInt(list, n, "int", &i), 1);
    assert_int_equal(i, -5);
    assert_int_equal(virTypedParamsGetUInt(list, n, "uint", &u), 1);
    assert_int_equal(u, 4000000000u);
    assert_int_equal(virTypedParamsGetLLong(list, n, "llong", &l), 1);
    assert_true(l == INT64_MIN);
    assert_int_equal(virTypedParamsGetULLong(list, n, "ullong", &ul), 1);
    assert_true(ul == UINT64_MAX);
    assert_int_equal(virTypedParamsGetDouble(list, n, "double", &d), 1);
    assert_true(d == 1.5);
    assert_int_equal(virTypedParamsGetBoolean(list, n, "bool", &b), 1);
    assert_int_equal(b, 1);
    assert_int_equal(virTypedParamsGetString(list, n, "string", &s), 1);
    assert_string_equal(s, "text");
}

static void a_wrong_type_is_refused_and_a_missing_name_is_not_found(void **state)
{
    int i = 77;
    virTypedParamsAddString(&list, &n, &room, "s", "x");
    assert_int_equal(virTypedParamsGetInt(list, n, "s", &i), -1);
    assert_int_equal(virGetLastErrorCode(), VIR_ERR_INVALID_ARG);
    assert_int_equal(virTypedParamsGetInt(list, n, "other", &i), 0);
    assert_int_equal(virGetLastErrorCode(), VIR_ERR_OK);
    assert_int_equal(virTypedParamsGetInt(NULL, 3, "s", &i), 0);
    assert_int_equal(i, 77);
    assert_null(virTypedParamsGet(list, n, "other"));
    assert_ptr_equal(virTypedParamsGet(list, n, "s"), &list[0]);
}

static void names_are_bounded(void **state)
{
    char name[VIR_TYPED_PARAM_FIELD_LENGTH + 1];
    memset(name, 'x', sizeof(name));
    name[VIR_TYPED_PARAM_FIELD_LENGTH] = '\0';
    assert_int_equal(virTypedParamsAddInt(&list, &n, &room, name, 1), -1);
    assert_int_equal(n, 0);
    name[VIR_TYPED_PARAM_FIELD_LENGTH - 1] = '\0';
    assert_int_equal(virTypedParamsAddInt(&list, &n, &room, name, 1), 0);
    assert_int_equal(virTypedParamsGetInt(list, n, name, NULL), 1);
}

static int from(int type, const char *text)
{
    return virTypedParamsAddFromString(&list, &n, &room, "f", type, text);
}

static void text_becomes_a_value_or_an_error(void **state)
{
    static const struct {
        int type;
        const char *text;
        int result;
    } rows[] = {
        { VIR_TYPED_PARAM_INT, "-3", 0 },
        { VIR_TYPED_PARAM_INT, "010", 0 },
        { VIR_TYPED_PARAM_INT, " 5", 0 },
        { VIR_TYPED_PARAM_INT, "5 ", -1 },
        { VIR_TYPED_PARAM_INT, "", -1 },
        { VIR_TYPED_PARAM_INT, "0x10", -1 },
        { VIR_TYPED_PARAM_INT, "99999999999", -1 },
        { VIR_TYPED_PARAM_UINT, "-1", 0 },
        { VIR_TYPED_PARAM_UINT, "4294967296", -1 },
        { VIR_TYPED_PARAM_LLONG, "9223372036854775808", -1 },
        { VIR_TYPED_PARAM_ULLONG, "18446744073709551615", 0 },
        { VIR_TYPED_PARAM_ULLONG, "18446744073709551616", -1 },
        { VIR_TYPED_PARAM_DOUBLE, "1.25", 0 },
        { VIR_TYPED_PARAM_DOUBLE, "x", -1 },
        { VIR_TYPED_PARAM_DOUBLE, "1e400", -1 },
        { VIR_TYPED_PARAM_BOOLEAN, "true", 0 },
        { VIR_TYPED_PARAM_BOOLEAN, "0", 0 },
        { VIR_TYPED_PARAM_BOOLEAN, "yes", -1 },
        { VIR_TYPED_PARAM_BOOLEAN, "2", -1 },
        { VIR_TYPED_PARAM_STRING, "", 0 },
        { VIR_TYPED_PARAM_STRING, NULL, -1 },
        { 8, "1", -1 },
        { 0, "1", -1 },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int before = n;
        if (from(rows[i].type, rows[i].text) != rows[i].result)
            fail_msg("type %d from '%s'", rows[i].type, rows[i].text ? rows[i].text : "(null)");
        assert_int_equal(n, before + (rows[i].result == 0));
        assert_int_equal(virGetLastErrorCode() != VIR_ERR_OK, rows[i].result < 0);
    }
    assert_int_equal(list[0].value.i, -3);
    assert_int_equal(list[1].value.i, 10);
    assert_true(list[3].value.ui == UINT32_MAX);
}

static void a_string_list_repeats_its_name(void **state)
{
    const char *values[] = { "one", "two", NULL };
    assert_int_equal(virTypedParamsAddStringList(&list, &n, &room, "l", values), 0);
    assert_int_equal(virTypedParamsAddStringList(&list, &n, &room, "l", NULL), 0);
    assert_int_equal(n, 2);
    assert_string_equal(list[1].field, "l");
    assert_string_equal(list[1].value.s, "two");
    virTypedParamsClear(list, n);
    assert_null(list[0].value.s);
}

static void a_list_is_checked_against_rules(void **state)
{
    static const struct fl_param_rule rules[] = { { "a", VIR_TYPED_PARAM_INT, false },
                                                  { "b", VIR_TYPED_PARAM_STRING, true },
                                                  { NULL, 0, false } };
    virTypedParamsAddInt(&list, &n, &room, "a", 1);
    virTypedParamsAddString(&list, &n, &room, "b", "1");
    virTypedParamsAddString(&list, &n, &room, "b", "2");
    assert_int_equal(fl_params_check(list, n, rules), 0);
    virTypedParamsAddInt(&list, &n, &room, "a", 2);
    assert_int_equal(fl_params_check(list, n, rules), -1);
    list[3].type = VIR_TYPED_PARAM_UINT;
    assert_int_equal(fl_params_check(list, n, rules), -1);
    strcpy(list[3].field, "c");
    assert_int_equal(fl_params_check(list, n, rules), -1);
    assert_int_equal(virGetLastErrorCode(), VIR_ERR_ARGUMENT_UNSUPPORTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_type_is_found_again, quiet_begin, end),
        cmocka_unit_test_setup_teardown(a_wrong_type_is_refused_and_a_missing_name_is_not_found, quiet_begin,
                                        end),
        cmocka_unit_test_setup_teardown(names_are_bounded, quiet_begin, end),
        cmocka_unit_test_setup_teardown(text_becomes_a_value_or_an_error, quiet_begin, end),
        cmocka_unit_test_setup_teardown(a_string_list_repeats_its_name, quiet_begin, end),
        cmocka_unit_test_setup_teardown(a_list_is_checked_against_rules, quiet_begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
