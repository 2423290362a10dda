/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Every document of tests/model: KIND/NAME.xml must come out as KIND/NAME.out, which is what the incumbent's
 * test driver printed for it, and so must the output read again; or be refused as KIND/NAME.err says: "CODE
 * DOMAIN". KIND/NAME.sec is the output with secrets. A volume's file has its pool first, then a line
 * "<!--SPLIT-->".
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/error.h"
#include "model/domain.h"
#include "model/host.h"
#include "model/network.h"
#include "model/storage.h"

static const char *corpus;

static char *domain_print(const char *xml, bool secure)
{
    struct fl_domain_def *def = NULL;
    char *out;

    if (fl_domain_def_parse(xml, NULL, 0, &def) < 0)
        return NULL;
    fl_domain_assign_targets(def, "testnet", NULL);
    out = fl_domain_def_format(def, secure ? VIR_DOMAIN_XML_SECURE : 0);
    fl_domain_def_free(def);
    return out;
}

static char *network_print(const char *xml, bool secure)
{
    struct fl_network_def *def = NULL;
    char *out;

    if (fl_network_def_parse(xml, NULL, 0, &def) < 0)
        return NULL;
    out = fl_network_def_format(def, 0);
    fl_network_def_free(def);
    return out;
}

/* The driver's part: sizes for pools, key and path for volumes. */
static char *pool_print(const char *xml, bool secure)
{
    struct fl_pool_def *def = NULL;
    char *out;

    if (fl_pool_def_parse(xml, NULL, 0, &def) < 0)
        return NULL;
    def->capacity = def->available = 100ULL << 30;
    def->allocation = 0;
    out = fl_pool_def_format(def, 0);
    fl_pool_def_free(def);
    return out;
}

static char *vol_print(const char *xml, bool secure)
{
    const char *split = strstr(xml, "<!--SPLIT-->");
    struct fl_pool_def *pool = NULL;
    struct fl_vol_def *def = NULL;
    g_autofree char *first = NULL;
    char *out = NULL;

    assert_non_null(split);
    first = g_strndup(xml, (gsize)(split - xml));
    assert_int_equal(fl_pool_def_parse(first, NULL, 0, &pool), 0);
    if (fl_vol_def_parse(pool, split + strlen("<!--SPLIT-->"), NULL, 0, &def) == 0) {
        g_free(def->type);
        g_free(def->key);
        g_free(def->target_path);
        def->type = g_strdup("file");
        def->key = g_strdup_printf("%s/%s", pool->target_path ? pool->target_path : "(null)", def->name);
        def->target_path = g_strdup(def->key);
        out = fl_vol_def_format(pool, def);
    }
    fl_vol_def_free(def);
    fl_pool_def_free(pool);
    return out;
}

static char *iface_print(const char *xml, bool secure)
{
    struct fl_iface_def *def = NULL;
    char *out;

    if (fl_iface_def_parse(xml, NULL, 0, &def) < 0)
        return NULL;
    out = fl_iface_def_format(def);
    fl_iface_def_free(def);
    return out;
}

static char *nodedev_print(const char *xml, bool secure)
{
    struct fl_nodedev_def *def = NULL;
    char *out;

    if (fl_nodedev_def_parse(xml, NULL, 0, &def) < 0)
        return NULL;
    out = fl_nodedev_def_format(def);
    fl_nodedev_def_free(def);
    return out;
}

static char *read_beside(const char *path, const char *ending)
{
    g_autofree char *stem = g_strndup(path, strlen(path) - strlen(".xml"));
    g_autofree char *name = g_strconcat(stem, ending, NULL);
    char *text = NULL;

    return g_file_get_contents(name, &text, NULL, NULL) ? text : NULL;
}

/* 0 = as expected. */
static int check_refused(const char *path, const char *got, const char *want)
{
    g_autofree char *have = g_strdup_printf("%d %d\n", fl_error_get()->code, fl_error_get()->domain);

    if (!got && strcmp(have, want) == 0)
        return 0;
    print_error("%s: expected the error %s, got %s%s", path, want, got ? "a document:\n" : have,
                got ? got : fl_error_get()->message);
    return 1;
}

static int check_printed(const char *path, const char *got, const char *want)
{
    if (got && strcmp(got, want) == 0)
        return 0;
    print_error("%s: expected\n%s\ngot\n%s\n", path, want, got ? got : fl_error_get()->message);
    return 1;
}

static int check_file(const char *path, char *(*print)(const char *xml, bool secure), bool again)
{
    g_autofree char *xml = read_beside(path, ".xml"), *out = read_beside(path, ".out");
    g_autofree char *err = read_beside(path, ".err"), *sec = read_beside(path, ".sec");
    g_autofree char *got = NULL, *twice = NULL, *thrice = NULL, *secret = NULL;
    int bad;

    fl_error_reset();
    got = print(xml, false);
    if (err)
        return check_refused(path, got, err);
    assert_non_null(out);
    bad = check_printed(path, got, out);
    if (sec) {
        secret = print(xml, true);
        bad += check_printed(path, secret, sec);
    }
    if (again && !bad) {
        /* Reading may still sort disks that now say their bus; after that nothing moves. */
        twice = print(out, false);
        thrice = twice ? print(twice, false) : NULL;
        bad += check_printed(path, thrice, twice ? twice : "(the output to be accepted)");
    }
    return bad;
}

static void check_kind(const char *kind, char *(*print)(const char *xml, bool secure), bool again)
{
    g_autofree char *folder = g_build_filename(corpus, kind, NULL);
    GDir *dir = g_dir_open(folder, 0, NULL);
    const char *name;
    int files = 0, bad = 0;

    assert_non_null(dir);
    while ((name = g_dir_read_name(dir))) {
        g_autofree char *path = g_build_filename(folder, name, NULL);

        if (!g_str_has_suffix(name, ".xml"))
            continue;
        files++;
        bad += check_file(path, print, again);
    }
    g_dir_close(dir);
    assert_true(files > 0);
    assert_int_equal(bad, 0);
}

static void domains_print_as_the_incumbent(void **state)
{
    check_kind("domain", domain_print, true);
}

static void networks_print_as_the_incumbent(void **state)
{
    check_kind("network", network_print, true);
}

static void pools_print_as_the_incumbent(void **state)
{
    check_kind("pool", pool_print, true);
}

static void volumes_print_as_the_incumbent(void **state)
{
    check_kind("vol", vol_print, false);
}

static void interfaces_print_as_the_incumbent(void **state)
{
    check_kind("iface", iface_print, true);
}

static void node_devices_print_as_the_incumbent(void **state)
{
    check_kind("nodedev", nodedev_print, true);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(domains_print_as_the_incumbent),
        cmocka_unit_test(networks_print_as_the_incumbent),
        cmocka_unit_test(pools_print_as_the_incumbent),
        cmocka_unit_test(volumes_print_as_the_incumbent),
        cmocka_unit_test(interfaces_print_as_the_incumbent),
        cmocka_unit_test(node_devices_print_as_the_incumbent),
    };

    corpus = argc > 1 ? argv[1] : "tests/model";
    return cmocka_run_group_tests(tests, NULL, NULL);
}
