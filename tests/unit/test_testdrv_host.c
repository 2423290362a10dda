/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The test driver's host: hashed tables that stay fast, the forest of moments, CPU sets, opening and sharing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "core/connect_private.h"
#include "driver/test/domain.h"
#include "driver/test/ops.h"
#include "driver/test/params.h"
#include "uri/route.h"

#define MANY 10000

static virConnectPtr must_open(const char *uri, const char *path)
{
    struct fl_route route = { .uri = (char *)uri, .driver = (char *)"test", .path = (char *)path };
    virConnectPtr conn = fl_connect_new(uri, 0);
    conn->driver = &fl_driver_test;
    conn->ops = fl_driver_test.ops;
    assert_int_equal(fl_driver_test.open(conn, &route, NULL, 0), 0);
    return conn;
}

static void test_close(virConnectPtr conn)
{
    fl_driver_test.close(conn);
    conn->driver = NULL;
    virConnectClose(conn);
}

static void a_table_finds_by_name_uuid_and_id(void **state)
{
    struct fl_test_table table = { 0 };
    g_autofree struct fl_test_item *items = g_new0(struct fl_test_item, MANY);
    fl_test_table_init(&table);
    for (int i = 0; i < MANY; i++) {
        g_autofree char *name = g_strdup_printf("dom%d", i);
        unsigned char uuid[VIR_UUID_BUFLEN] = { i >> 8, i & 255 };
        fl_test_item_init(&items[i], name, uuid);
        fl_test_table_add(&table, &items[i]);
        fl_test_table_set_id(&table, &items[i], i + 1);
    }
    gint64 began = g_get_monotonic_time();
    for (int round = 0; round < 10; round++) {
        for (int i = 0; i < MANY; i++) {
            assert_ptr_equal(fl_test_table_by_id(&table, i + 1), &items[i]);
            assert_ptr_equal(fl_test_table_by_name(&table, items[i].name), &items[i]);
            assert_ptr_equal(fl_test_table_by_uuid(&table, items[i].uuid), &items[i]);
        }
    }
    /* 300 000 look-ups: a walk over the list would take minutes. */
    assert_true(g_get_monotonic_time() - began < 30 * G_USEC_PER_SEC);
    fl_test_table_rename(&table, &items[7], "seven");
    assert_null(fl_test_table_by_name(&table, "dom7"));
    assert_ptr_equal(fl_test_table_by_name(&table, "seven"), &items[7]);
    fl_test_table_set_id(&table, &items[7], -1);
    assert_null(fl_test_table_by_id(&table, 8));
    for (int i = 0; i < MANY; i++) {
        fl_test_table_remove(&table, &items[i]);
        fl_test_item_fini(&items[i]);
    }
    assert_int_equal(fl_test_table_count(&table, NULL), 0);
    fl_test_table_fini(&table);
}

static void every_open_of_default_shares_one_host(void **state)
{
    virConnectPtr a = must_open("test:///default", "/default"), b = must_open("test:///default", "/default");
    assert_ptr_equal(a->priv, b->priv);
    virDomainPtr dom = fl_test_domain_lookup_by_name(a, "test");
    assert_non_null(dom);
    assert_int_equal(fl_test_domain_suspend(dom), 0);
    int st;
    virDomainPtr seen = fl_test_domain_lookup_by_id(b, 1);
    assert_int_equal(fl_test_domain_get_state(seen, &st, NULL, 0), 0);
    assert_int_equal(st, VIR_DOMAIN_PAUSED);
    fl_domain_unref(dom);
    fl_domain_unref(seen);
    test_close(a);
    test_close(b);
    /* the last one gone, the next begins afresh */
    a = must_open("test:///default", "/default");
    dom = fl_test_domain_lookup_by_name(a, "test");
    assert_int_equal(fl_test_domain_get_state(dom, &st, NULL, 0), 0);
    assert_int_equal(st, VIR_DOMAIN_RUNNING);
    fl_domain_unref(dom);
    test_close(a);
}

/* What the shared host was asked, and whether the next one to come finds it as new. */
static struct fl_test_host *leave(virConnectPtr conn)
{
    struct fl_test_host *host = conn->priv;

    test_close(conn);
    return host;
}

static void no_event(void *opaque, int callback_id, struct fl_hub_emission *emission)
{
    (void)opaque, (void)callback_id, (void)emission;
}

/* The number given, as an application sees it. */
static int subscribe(virConnectPtr conn)
{
    struct fl_test_host *host = conn->priv;

    return fl_hub_register_sink(host->hub, conn, FL_EVENT_DOMAIN, VIR_DOMAIN_EVENT_ID_LIFECYCLE, NULL,
                                no_event, NULL, NULL);
}

static void who_comes_later_finds_the_host_as_new(void **state)
{
    virConnectPtr conn = must_open("test:///default", "/default");
    virDomainPtr dom = fl_test_domain_lookup_by_name(conn, "test");
    g_autofree char *xml = fl_test_domain_get_xml_desc(dom, 0);
    struct fl_test_host *host;
    int first, st;

    virDomainFree(dom);
    host = leave(conn); /* it was only looked at... */
    conn = must_open("test:///default", "/default");
    assert_ptr_equal(conn->priv, host); /* ...and is not built again */
    dom = fl_test_domain_lookup_by_id(conn, 1);
    assert_int_equal(fl_test_domain_suspend(dom), 0);
    virDomainFree(dom);
    leave(conn);

    conn = must_open("test:///default", "/default");
    dom = fl_test_domain_lookup_by_id(conn, 1);
    assert_int_equal(fl_test_domain_get_state(dom, &st, NULL, 0), 0);
    assert_int_equal(st, VIR_DOMAIN_RUNNING);
    g_autofree char *again = fl_test_domain_get_xml_desc(dom, 0);
    assert_string_equal(again, xml);
    virDomainFree(dom);
    first = subscribe(conn);
    leave(conn);
    conn = must_open("test:///default", "/default");
    assert_int_equal(subscribe(conn), first);
    leave(conn);
}

static void opening_nothing_says_what_to_open(void **state)
{
    struct fl_route route = { .uri = (char *)"test:///", .path = (char *)"/" };
    virConnectPtr conn = fl_connect_new("test:///", 0);
    assert_int_equal(fl_driver_test.open(conn, &route, NULL, 0), -1);
    assert_int_equal(fl_error_get()->code, VIR_ERR_INVALID_ARG);
    assert_non_null(strstr(fl_error_get()->message, "test:///default"));
    virConnectClose(conn);
}

static void ten_thousand_domains_are_no_trouble(void **state)
{
    virConnectPtr conn = must_open("test:///default", "/default");
    struct fl_test_host *host = conn->priv;
    gint64 began = g_get_monotonic_time();
    for (int i = 0; i < MANY; i++) {
        g_autofree char *name = g_strdup_printf("dom%d", i);
        unsigned char uuid[VIR_UUID_BUFLEN] = { 1, i >> 8, i & 255 };
        struct fl_test_domain *d =
            fl_test_domain_add(host, fl_domain_def_new("test", name, uuid, 1024), FL_TEST_ADD_NEW);
        assert_non_null(d);
        d->persistent = true;
        fl_test_domain_start(host, d, VIR_DOMAIN_RUNNING_BOOTED);
    }
    virDomainPtr *all;
    assert_int_equal(fl_test_connect_list_all_domains(conn, &all, VIR_CONNECT_LIST_DOMAINS_ACTIVE), MANY + 1);
    for (int i = 0; i <= MANY; i++) {
        assert_int_equal(fl_test_domain_is_active(all[i]), 1);
        fl_domain_unref(all[i]);
    }
    g_free(all);
    assert_true(g_get_monotonic_time() - began < 60 * G_USEC_PER_SEC);
    test_close(conn);
}

static void count_visit(struct fl_test_moment *m, void *opaque)
{
    (*(int *)opaque)++;
}

static void moments_form_a_forest(void **state)
{
    struct fl_test_moments set = { 0 };
    fl_test_moments_init(&set, g_free);
    struct fl_test_moment *a = fl_test_moment_add(&set, "a", NULL, NULL);
    struct fl_test_moment *b = fl_test_moment_add(&set, "b", NULL, a);
    struct fl_test_moment *c = fl_test_moment_add(&set, "c", NULL, b);
    int n = 0;
    fl_test_moment_walk(&set.root, false, count_visit, &n);
    assert_int_equal(n, 1);
    fl_test_moment_walk(&set.root, true, count_visit, &n);
    assert_int_equal(n, 4);
    assert_true(fl_test_moment_below(c, a));
    assert_false(fl_test_moment_below(a, c));
    fl_test_moment_reparent(c, a);
    fl_test_moment_remove(&set, b);
    assert_null(fl_test_moment_by_name(&set, "b"));
    assert_ptr_equal(c->parent, a);
    assert_int_equal(fl_test_moments_count(&set), 2);
    set.current = c;
    fl_test_moment_remove(&set, c);
    assert_null(set.current);
    fl_test_moments_fini(&set);
}

static void cpu_sets_go_both_ways(void **state)
{
    static const char *const texts[] = { "0", "0-2", "0,2", "1-3,5,7-8", "15" };
    unsigned char map[2];
    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
        fl_test_cpuset_to_map(texts[i], map, sizeof(map), 16);
        g_autofree char *back = fl_test_cpuset_from_map(map, sizeof(map), 16);
        assert_string_equal(back, texts[i]);
    }
    fl_test_cpuset_to_map("0-7,^3", map, sizeof(map), 16);
    assert_int_equal(map[0], 0xf7);
    fl_test_cpuset_to_map(NULL, map, sizeof(map), 10); /* all */
    assert_int_equal(map[1], 0x03);
    fl_test_cpuset_to_map("900-4000000000,5", map, 1, 16); /* beyond the map: no harm */
    assert_int_equal(map[0], 0x20);
    fl_test_cpuset_to_map("x", map, 1, 16);
    assert_int_equal(map[0], 0);
}

static void an_answer_never_overruns_the_callers_array(void **state)
{
    const struct fl_test_param values[] = {
        { "one", VIR_TYPED_PARAM_UINT, { .ull = 1 } },
        { "two", VIR_TYPED_PARAM_STRING, { .s = "2" } },
    };
    virTypedParameter params[2] = { { .field = "" }, { .field = "untouched" } };
    int n = 0;
    assert_int_equal(fl_test_params_answer(values, 2, NULL, &n), 0);
    assert_int_equal(n, 2);
    n = 1;
    assert_int_equal(fl_test_params_answer(values, 2, params, &n), 0);
    assert_int_equal(n, 1);
    assert_string_equal(params[0].field, "one");
    assert_string_equal(params[1].field, "untouched");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_table_finds_by_name_uuid_and_id),
        cmocka_unit_test(every_open_of_default_shares_one_host),
        cmocka_unit_test(who_comes_later_finds_the_host_as_new),
        cmocka_unit_test(opening_nothing_says_what_to_open),
        cmocka_unit_test(ten_thousand_domains_are_no_trouble),
        cmocka_unit_test(moments_form_a_forest),
        cmocka_unit_test(cpu_sets_go_both_ways),
        cmocka_unit_test(an_answer_never_overruns_the_callers_array),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
