/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The .conf syntax: what is accepted (as the peer's files are), what is refused and with which line, typed
 * getters.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/error.h"
#include "config/conf.h"

static void same(const char *text, const char *what, const char *got, const char *want)
{
    if (g_strcmp0(got, want) != 0)
        fail_msg("%s: %s is '%s', expected '%s'", text, what, got ? got : "(none)", want ? want : "(none)");
}

/* Writes a configuration back on one line: "a@1=5 b@2=(text) c@3=[(x)(y)]", line numbers after '@'. */
static void show_value(GString *out, const struct fl_conf_value *v)
{
    switch (v->type) {
    case FL_CONF_NUMBER:
        g_string_append_printf(out, "%" G_GINT64_FORMAT, v->number);
        break;
    case FL_CONF_TEXT:
        g_string_append_printf(out, "(%s)", v->text);
        break;
    case FL_CONF_LIST:
        g_string_append_c(out, '[');
        for (guint i = 0; i < v->items->len; i++)
            show_value(out, &g_array_index(v->items, struct fl_conf_value, i));
        g_string_append_c(out, ']');
        break;
    }
}

static char *show(const struct fl_conf *conf)
{
    GString *out = g_string_new(NULL);

    for (guint i = 0; i < conf->entries->len; i++) {
        const struct fl_conf_entry *e = &g_array_index(conf->entries, struct fl_conf_entry, i);

        g_string_append_printf(out, "%s%s@%d=", i ? " " : "", e->name, e->value.line);
        show_value(out, &e->value);
    }
    return g_string_free(out, FALSE);
}

static const char *const goods[][2] = {
    { "", "" },
    { "\n\n# only a comment", "" },
    { "a = 5", "a@1=5" },
    { "a=5\n", "a@1=5" },
    { "  a\t=\t5\t# why\n", "a@1=5" },
    { "a = 5#why", "a@1=5" },
    { "a = -5", "a@1=-5" },
    { "a = +5", "a@1=5" },
    { "a = 010", "a@1=10" },
    { "a = 9223372036854775807", "a@1=9223372036854775807" },
    { "a = -9223372036854775808", "a@1=-9223372036854775808" },
    { "a = \"x y\"", "a@1=(x y)" },
    { "a = 'x \"y\"'", "a@1=(x \"y\")" },
    { "a = \"\"", "a@1=()" },
    { "a = \"\"\"x\n\"y\" \"\"z\"\"\"\nb = 1", "a@1=(x\n\"y\" \"\"z) b@3=1" },
    { "a = \"back\\slash\"", "a@1=(back\\slash)" },
    { "a = \"\xff\"", "a@1=(\xff)" },
    { "a = []", "a@1=[]" },
    { "a = [ ]", "a@1=[]" },
    { "a = [ \"x\", 'y', 5, ]", "a@1=[(x)(y)5]" },
    { "\na = [\n  \"x\",\n\n  \"y\"\n]\nb = 1\n", "a@2=[(x)(y)] b@7=1" },
    { "a = 1; b = 2", "a@1=1 b@1=2" },
    { "a = \"x\" ; b = []\n", "a@1=(x) b@1=[]" },
    { "a = 1;\nb = 2", "a@1=1 b@2=2" },
    { "a = 1\r\nb = 2\r\n", "a@1=1 b@2=2" },
    { "a = 1\rb = 2", "a@1=1 b@2=2" },
    { "a = 1\na = 2", "a@1=1 a@2=2" },
    { "A_9z = 1", "A_9z@1=1" },
};

static void good_files_are_read(void **state)
{
    for (size_t i = 0; i < G_N_ELEMENTS(goods); i++) {
        fl_autoconf struct fl_conf *conf = NULL;
        g_autofree char *shown = NULL;

        if (fl_conf_parse("f", goods[i][0], strlen(goods[i][0]), &conf) < 0)
            fail_msg("%s: %s", goods[i][0], fl_error_get()->message);
        shown = show(conf);
        same(goods[i][0], "content", shown, goods[i][1]);
    }
}

static const struct {
    const char *text, *says;
} bads[] = {
    { "a", "f:1: expected '=' after 'a', found the end of the file" },
    { "\na\n", "f:2: expected '=' after 'a', found the end of the line" },
    { "a : 5", "f:1: expected '=' after 'a', found ':'" },
    { "a b = 5", "f:1: expected '=' after 'a', found 'b'" },
    { "foo-bar = 5", "f:1: expected '=' after 'foo', found '-'" },
    { "foo.bar = 5", "found '.'" },
    { "= 5", "f:1: expected the name of a setting, found '='" },
    { "_a = 5", "the name of a setting" },
    { "1a = 5", "the name of a setting, found '1a'" },
    { "\xef\xbb\xbf"
      "a = 5",
      "found byte 0xef" },
    { "\f", "found byte 0x0c" },
    { "a =", "f:1: expected a value" },
    { "a = # x", "found a comment" },
    { "a = \n5", "found the end of the line" },
    { "a == 5", "found '='" },
    { "a = test:///x", "found 'test'" },
    { "a = {}", "found '{'" },
    { "a = -", "digits after the sign" },
    { "a = 0x10", "the end of the line after a value, found 'x10'" },
    { "a = 5 6", "found '6'" },
    { "a = 5x", "found 'x'" },
    { "a = 9223372036854775808", "64 bits" },
    { "a = -9223372036854775809", "64 bits" },
    { "a = 99999999999999999999999", "64 bits" },
    { "a = \"x", "f:1: expected a closing \" on the same line" },
    { "a = \"x\ny\"", "f:1: expected a closing \"" },
    { "a = 'x", "a closing '" },
    { "a = \"x\\\"y\"", "the end of the line after a value, found 'y'" },
    { "a = \"x\"b = 1", "found 'b'" },
    { "\na = \"\"\"x\ny", "f:2: the text that starts here" },
    { "a = \"\"\"", "never closed" },
    { "a = [ \"x\"", "f:1: the list that starts here is never closed" },
    { "a = [\n", "f:1: the list that starts here is never closed" },
    { "a = [ \"x\" \"y\" ]", "',' or ']'" },
    { "a = [ , ]", "in the list, found ','" },
    { "a = [ \"x\",, ]", "in the list, found ','" },
    { "a = [ [ 1 ] ]", "in the list, found '['" },
    { "a = [\n \"x\", # no\n]", "f:2: expected an item or ']'; a list cannot hold comments" },
    { "a = [ \"x\ny\" ]", "a closing \"" },
};

static void bad_files_are_refused_with_their_line(void **state)
{
    for (size_t i = 0; i < G_N_ELEMENTS(bads); i++) {
        fl_autoconf struct fl_conf *conf = NULL;

        fl_error_reset();
        if (fl_conf_parse("f", bads[i].text, strlen(bads[i].text), &conf) == 0)
            fail_msg("'%s' was read", bads[i].text);
        assert_int_equal(fl_error_get()->code, VIR_ERR_CONF_SYNTAX);
        assert_int_equal(fl_error_get()->domain, VIR_FROM_CONF);
        if (!strstr(fl_error_get()->message, bads[i].says))
            fail_msg("'%s': '%s' does not say '%s'", bads[i].text, fl_error_get()->message, bads[i].says);
    }
}

static void a_nul_byte_is_refused(void **state)
{
    static const char text[] = "a = 1\nb = \"x\0y\"\n";
    fl_autoconf struct fl_conf *conf = NULL;

    assert_int_equal(fl_conf_parse("f", text, sizeof(text) - 1, &conf), -1);
    assert_non_null(strstr(fl_error_get()->message, "f:2: expected text, found a NUL byte"));
}

static void limits_hold(void **state)
{
    fl_autoconf struct fl_conf *conf = NULL;
    g_autofree char *big = g_strnfill(FL_CONF_MAX_BYTES + 1, '\n');
    g_autoptr(GString) many = g_string_new(NULL);
    g_autoptr(GString) list = g_string_new("a = [");

    assert_int_equal(fl_conf_parse("f", big, FL_CONF_MAX_BYTES + 1, &conf), -1);
    for (int i = 0; i <= FL_CONF_MAX_ENTRIES; i++)
        g_string_append(many, "a=1\n");
    assert_int_equal(fl_conf_parse("f", many->str, many->len, &conf), -1);
    for (int i = 0; i <= FL_CONF_MAX_ITEMS; i++)
        g_string_append(list, "1,");
    g_string_append(list, "]");
    assert_int_equal(fl_conf_parse("f", list->str, list->len, &conf), -1);
    assert_non_null(strstr(fl_error_get()->message, "at most"));
}

static void getters_check_types(void **state)
{
    static const char text[] =
        "n = 7\nneg = -1\nbig = 5000000000\nt = \"x\"\nl = [ \"a\", \"b\" ]\nmix = [ \"a\",\n 5 ]\n"
        "n = 8\none = 1\n";
    fl_autoconf struct fl_conf *conf = NULL;
    g_autofree char *s = NULL;
    g_auto(GStrv) list = NULL;
    g_auto(GStrv) lone = NULL;
    char **none = NULL;
    unsigned int u = 0;
    bool b = false;
    int n = 0;

    assert_int_equal(fl_conf_parse("f", text, sizeof(text) - 1, &conf), 0);
    assert_int_equal(fl_conf_get_int(conf, "n", &n), 1);
    assert_int_equal(n, 7); /* the first counts */
    assert_int_equal(fl_conf_get_int(conf, "absent", &n), 0);
    assert_int_equal(n, 7);
    assert_int_equal(fl_conf_get_int(conf, "neg", &n), 1);
    assert_int_equal(n, -1);
    assert_int_equal(fl_conf_get_uint(conf, "n", &u), 1);
    assert_int_equal(fl_conf_get_bool(conf, "one", &b), 1);
    assert_true(b);
    assert_int_equal(fl_conf_get_string(conf, "t", &s), 1);
    assert_string_equal(s, "x");
    assert_int_equal(fl_conf_get_strings(conf, "l", false, &list), 1);
    assert_string_equal(list[1], "b");
    assert_null(list[2]);
    assert_int_equal(fl_conf_get_strings(conf, "t", true, &lone), 1);
    assert_string_equal(lone[0], "x");

    assert_int_equal(fl_conf_get_uint(conf, "neg", &u), -1);
    assert_non_null(strstr(fl_error_get()->message, "f:2: 'neg' must be a number from 0"));
    assert_int_equal(fl_conf_get_int(conf, "big", &n), -1);
    assert_int_equal(fl_conf_get_uint(conf, "big", &u), -1);
    assert_int_equal(fl_conf_get_bool(conf, "n", &b), -1);
    assert_int_equal(fl_conf_get_int(conf, "t", &n), -1);
    assert_non_null(strstr(fl_error_get()->message, "f:4: 't' must be a number of 32 bits, not a text"));
    assert_int_equal(fl_conf_get_string(conf, "n", &s), -1);
    assert_int_equal(fl_conf_get_string(conf, "l", &s), -1);
    assert_int_equal(fl_conf_get_strings(conf, "t", false, &none), -1);
    assert_int_equal(fl_conf_get_strings(conf, "mix", false, &none), -1);
    assert_non_null(strstr(fl_error_get()->message, "f:7: item 2 of 'mix'"));
    assert_null(none);
}

static void an_absent_file_is_empty_and_a_bad_one_an_error(void **state)
{
    g_autofree char *dir = g_dir_make_tmp("fl-conf-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(dir, "c.conf", NULL);
    g_autofree char *below = g_build_filename(path, "x", NULL);
    fl_autoconf struct fl_conf *absent = NULL;
    fl_autoconf struct fl_conf *under_a_file = NULL;
    fl_autoconf struct fl_conf *read = NULL;
    fl_autoconf struct fl_conf *folder = NULL;
    int n = 0;

    assert_int_equal(fl_conf_load(path, &absent), 0);
    assert_int_equal(absent->entries->len, 0);
    assert_true(g_file_set_contents(path, "a = 3\n", -1, NULL));
    assert_int_equal(fl_conf_load(path, &read), 0);
    assert_int_equal(fl_conf_get_int(read, "a", &n), 1);
    assert_int_equal(n, 3);
    assert_int_equal(fl_conf_load(below, &under_a_file), 0);
    assert_int_equal(fl_conf_load(dir, &folder), -1);
    assert_non_null(strstr(fl_error_get()->message, dir));
    unlink(path);
    rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_files_are_read),
        cmocka_unit_test(bad_files_are_refused_with_their_line),
        cmocka_unit_test(a_nul_byte_is_refused),
        cmocka_unit_test(limits_hold),
        cmocka_unit_test(getters_check_types),
        cmocka_unit_test(an_absent_file_is_empty_and_a_bad_one_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
