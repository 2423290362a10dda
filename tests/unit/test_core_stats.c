/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Records of statistics: many lie in few blocks, an application may sort them, strings in them are given
 * back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <glib.h>

#include "core/connect_private.h"
#include "core/objects.h"
#include "core/stats.h"

static virConnectPtr conn;

static int begin(void **state)
{
    (void)state;
    conn = fl_connect_new("test:///x", 0);
    return 0;
}

static int end(void **state)
{
    (void)state;
    assert_int_equal(virConnectClose(conn), 0); /* no record keeps it */
    return 0;
}

static void add(struct fl_stats *stats, unsigned int i, size_t nparams)
{
    char name[32];
    unsigned char uuid[VIR_UUID_BUFLEN] = { (unsigned char)i };
    virTypedParameterPtr params;

    g_snprintf(name, sizeof(name), "d%u", i);
    params = fl_stats_add(stats, fl_domain_new(conn, name, uuid, (int)i), nparams);
    for (size_t k = 0; k < nparams; k++) {
        params[k] = (virTypedParameter){ .type = k ? VIR_TYPED_PARAM_STRING : VIR_TYPED_PARAM_UINT };
        g_snprintf(params[k].field, sizeof(params[k].field), "p%zu", k);
        if (k)
            params[k].value.s = g_strdup(name);
        else
            params[k].value.ui = i;
    }
}

static void none(void **state)
{
    struct fl_stats stats = { 0 };
    virDomainStatsRecordPtr *list = NULL;

    (void)state;
    assert_int_equal(fl_stats_take(&stats, &list), 0);
    assert_null(list[0]);
    virDomainStatsRecordListFree(list);
    virDomainStatsRecordListFree(NULL);
}

static void many_of_different_length(void **state)
{
    struct fl_stats stats = { 0 };
    virDomainStatsRecordPtr *list = NULL, first;

    (void)state;
    for (unsigned int i = 0; i < 1000; i++)
        add(&stats, i, i % 4);
    assert_int_equal(fl_stats_take(&stats, &list), 1000);
    assert_null(list[1000]);
    for (unsigned int i = 0; i < 1000; i++) {
        assert_int_equal(virDomainGetID(list[i]->dom), i);
        assert_int_equal(list[i]->nparams, i % 4);
        if (i % 4)
            assert_int_equal(list[i]->params[0].value.ui, i);
        else
            assert_null(list[i]->params);
        for (unsigned int k = 1; k < i % 4; k++)
            assert_string_equal(list[i]->params[k].value.s, virDomainGetName(list[i]->dom));
    }
    first = list[0]; /* as an application that sorts */
    list[0] = list[999];
    list[999] = first;
    virDomainStatsRecordListFree(list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(none, begin, end),
        cmocka_unit_test_setup_teardown(many_of_different_length, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
