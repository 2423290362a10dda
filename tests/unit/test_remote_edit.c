/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* libvirt.conf changed in one place: what it was, what is asked, what it is byte for byte then. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "remote_edit.h"

static void same(const char *text, const char *got, const char *error, const char *want)
{
    if (!got)
        fail_msg("<%s>\nrefused: %s", text, error);
    if (strcmp(got, want) != 0)
        fail_msg("<%s>\nbecame <%s>\nnot    <%s>", text, got, want);
}

static void adding(void **state)
{
    static const char *const cases[][2] = {
        { "", "uri_aliases = [\n  \"n=q:///s\",\n]\n" },
        { "# c", "# c\nuri_aliases = [\n  \"n=q:///s\",\n]\n" },
        { "a = 1\r\n", "a = 1\r\nuri_aliases = [\r\n  \"n=q:///s\",\r\n]\r\n" },
        { "uri_aliases = []\n", "uri_aliases = [\n  \"n=q:///s\",\n]\n" },
        { "uri_aliases = [ ] # c\n", "uri_aliases = [\n  \"n=q:///s\",\n] # c\n" },
        { "uri_aliases = [\"a=b:c\"]", "uri_aliases = [\"a=b:c\", \"n=q:///s\"]" },
        { "uri_aliases = [ \"a=b:c\", ]; x = 1\n", "uri_aliases = [ \"a=b:c\", \"n=q:///s\", ]; x = 1\n" },
        { "uri_aliases = [\n\t'a=b:c'\n]\n", "uri_aliases = [\n\t'a=b:c',\n\t\"n=q:///s\"\n]\n" },
        { "uri_aliases = [\n    \"a=b:c\",\n\n]\n# end\n",
          "uri_aliases = [\n    \"a=b:c\",\n    \"n=q:///s\",\n\n]\n# end\n" },
        { "uri_aliases = [ \"a=b:c\"\n  , ]\n", "uri_aliases = [ \"a=b:c\"\n  , \"n=q:///s\", ]\n" },
        { "uri_aliases = [ \"a=b:c\" ]\nuri_aliases = [ \"z=y:x\" ]\n",
          "uri_aliases = [ \"a=b:c\", \"n=q:///s\" ]\nuri_aliases = [ \"z=y:x\" ]\n" },
        { "#uri_aliases = [ \"n=x:y\" ]\n",
          "#uri_aliases = [ \"n=x:y\" ]\nuri_aliases = [\n  \"n=q:///s\",\n]\n" },
    };

    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *error = NULL, *got = fl_remotes_add(cases[i][0], "n", "q:///s", false, &error);

        same(cases[i][0], got, error, cases[i][1]);
    }
}

static void replacing(void **state)
{
    g_autofree char *error = NULL, *got = NULL, *refused = NULL;
    const char *text = "uri_aliases = [ 'a=b:c', # no comment\n \"n=q:///s\" ]";

    (void)state;
    refused = fl_remotes_add(text, "n", "x:y", true, &error);
    assert_null(refused);
    assert_string_equal(error, "line 1: expected an item or ']'; a list cannot hold comments");
    g_clear_pointer(&error, g_free);
    text = "\nuri_aliases = [ 'n=b:c', \"n=d:e\" ]";
    refused = fl_remotes_add(text, "n", "x:y", false, &error);
    assert_null(refused);
    assert_non_null(strstr(error, "line 2"));
    g_clear_pointer(&error, g_free);
    got = fl_remotes_add(text, "n", "x:y", true, &error);
    same(text, got, error, "\nuri_aliases = [ \"n=x:y\", \"n=d:e\" ]");
}

static void removing(void **state)
{
    static const char *const cases[][2] = {
        { "uri_aliases = [\"n=b:c\"]", "uri_aliases = []" },
        { "uri_aliases = [ \"n=b:c\", \"a=b:c\" ]", "uri_aliases = [ \"a=b:c\" ]" },
        { "uri_aliases = [ \"a=b:c\", \"n=b:c\" ]", "uri_aliases = [ \"a=b:c\" ]" },
        { "uri_aliases = [ \"a=b:c\", \"n=b:c\", ]", "uri_aliases = [ \"a=b:c\", ]" },
        { "uri_aliases = [\n  \"a=b:c\",\n  \"n=b:c\"\n]\n", "uri_aliases = [\n  \"a=b:c\",\n]\n" },
        { "uri_aliases = [\r\n  \"n=b:c\",\r\n  \"a=b:c\"\r\n]\r\n",
          "uri_aliases = [\r\n  \"a=b:c\"\r\n]\r\n" },
        { "uri_aliases = [\n  \"n=b:c\",\n]\n", "uri_aliases = [\n]\n" },
        { "uri_aliases = [ \"n=b:c\", \"a=b:c\", \"n=d:e\" ] # c\n", "uri_aliases = [ \"a=b:c\" ] # c\n" },
        { "uri_aliases = [ \"n=b:c\", \"n=d:e\" ]\n", "uri_aliases = [  ]\n" },
        { "uri_aliases = [ \"a=b:c\"\n , \"n=d:e\"\n , 'x=y:z' ]\n",
          "uri_aliases = [ \"a=b:c\"\n , 'x=y:z' ]\n" },
    };

    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *error = NULL, *got = fl_remotes_remove(cases[i][0], "n", &error);

        same(cases[i][0], got, error, cases[i][1]);
    }
}

static void choosing(void **state)
{
    static const char *const cases[][3] = {
        { "", "n", "uri_default = \"n\"\n" },
        { "x = 1", "n", "x = 1\nuri_default = \"n\"\n" },
        { "uri_default = 'old' # c\n", "n", "uri_default = \"n\" # c\n" },
        { "uri_default='a'\nuri_default='b'", "q:///s", "uri_default=\"q:///s\"\nuri_default='b'" },
        { "# a\n  uri_default = 'a'\n# b\n", NULL, "# a\n# b\n" },
        { "uri_default = 'a' # c\nx = 1\nuri_default = 'b'", NULL, "# c\nx = 1\n" },
        { "x = 1; uri_default = 'a'; y = 2\n", NULL, "x = 1; y = 2\n" },
        { "x = 1; uri_default = 'a'\ny = 2\n", NULL, "x = 1; \ny = 2\n" },
        { "x = 1\r\nuri_default = 'a'\r\n", NULL, "x = 1\r\n" },
        { "x = 1\n", NULL, "x = 1\n" },
    };

    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *error = NULL, *got = fl_remotes_use(cases[i][0], cases[i][1], &error);

        same(cases[i][0], got, error, cases[i][2]);
    }
}

static void refusing(void **state)
{
    static const char *const cases[][2] = {
        { "uri_aliases = 'a=b:c'", "line 1: uri_aliases must be a list: [ \"NAME=URI\" ]" },
        { "\nuri_aliases = [ 5 ]", "line 2: expected \"NAME=URI\" in uri_aliases" },
        { "uri_aliases = [ 'a' ]", "line 1: expected \"NAME=URI\" in uri_aliases" },
        { "uri_aliases = [ 'a b=c:d' ]",
          "line 1: expected a name of letters, digits, '_' and '-' in uri_aliases, found 'a b'" },
        { "uri_aliases = [\n'a=b:c'\n# no\n]", "line 3: expected ',' or ']' after an item of a list" },
        { "x = 1\ny", "line 2: expected '=' after 'y'" },
        { "x = 'a\ny'", "line 1: expected a closing ' on the same line" },
        { "x = [ 1", "line 1: the list that starts here is never closed with ]" },
        { "x = 1 y = 2", "line 1: expected the end of the line after a value" },
        { "uri_default = 5", "line 1: uri_default must be a \"text\"" },
    };

    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *error = NULL, *got = fl_remotes_add(cases[i][0], "n", "q:///s", false, &error);

        assert_null(got);
        assert_string_equal(error, cases[i][1]);
    }
}

static void names_and_uris(void **state)
{
    static const char *const good[] = { "qemu:///system", "test+tcp://[::1]:16509/default", "xen:x",
                                        "qemu+ssh://u@h/system?command=/a%20b&x=1#f" };
    static const char *const bad[] = {
        "", "hail", "/system", "qemu", "qemu:", "qemu:///sys tem", "qemu:///a\"b", "qemu:///a\nb", "://x"
    };

    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(good); i++)
        assert_null(fl_remote_uri_problem(good[i]));
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
        assert_non_null(fl_remote_uri_problem(bad[i]));
    assert_true(fl_remote_name_ok("aZ0_-"));
    assert_false(fl_remote_name_ok("a.b") || fl_remote_name_ok("") || fl_remote_name_ok("\xc3\xa4"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(adding),   cmocka_unit_test(replacing), cmocka_unit_test(removing),
        cmocka_unit_test(choosing), cmocka_unit_test(refusing),  cmocka_unit_test(names_and_uris),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
