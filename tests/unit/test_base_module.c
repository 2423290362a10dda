/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Loading modules: one that fits is loaded once, all others are refused with what is wrong. They lie in
 * modules/ beside this program. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <glib.h>

#include "base/error.h"
#include "base/module.h"

static void loaded_once_for_all_threads(void **state)
{
    const int *table = fl_module_load("fits", "this test");

    assert_non_null(table);
    assert_int_equal(*table, 42);
    assert_ptr_equal(fl_module_load("fits", "another"), table);
}

static void refused(const char *name, const char *word1, const char *word2)
{
    assert_null(fl_module_load(name, "this test"));
    assert_int_equal(fl_error_get()->code, VIR_ERR_CONFIG_UNSUPPORTED);
    assert_non_null(strstr(fl_error_get()->message, "this test needs "));
    assert_non_null(strstr(fl_error_get()->message, word1));
    assert_non_null(strstr(fl_error_get()->message, word2));
}

static void absent(void **state)
{
    refused("nosuch", "nosuch.so", "install it");
    refused("nosuch", "nosuch.so", "install it"); /* it may come: it is looked for again */
}

static void of_another_version(void **state)
{
    refused("other", "other.so", "of version 0.0.1-other and not " FL_VERSION);
}

static void no_module_at_all(void **state)
{
    refused("none", "none.so", "of version unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loaded_once_for_all_threads),
        cmocka_unit_test(absent),
        cmocka_unit_test(of_another_version),
        cmocka_unit_test(no_module_at_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
