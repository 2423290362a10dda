/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * URI text: what is read, what comes back from formatting, and the place named when it cannot be read.
 * The expectations are what the peer gives for the same text, unless the comment says otherwise.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/error.h"
#include "uri/query.h"
#include "uri/uri.h"

struct good {
    const char *text;
    const char *back; /* NULL: the same */
    const char *user, *host;
    int port;
    const char *path;
};

static const struct good goods[] = {
    { "test:///default", .path = "/default" },
    { "test:/default", "test:///default", .path = "/default" },
    { "test:default", "test://default", .path = "default" },
    { "test://", NULL },
    { "test:", "test://" },
    { "test:///", .path = "/" },
    { "test:////x", .path = "//x" },
    { "test://///x", .path = "///x" },
    { "a/b", "a/b", .path = "a/b" },
    { "/a/b", "/a/b", .path = "/a/b" },
    { "//host/x", .host = "host", .path = "/x" },
    { "?a=b", NULL },
    { "#x", NULL },
    { "", NULL },
    { "xen", .path = "xen" },
    { "qemu+ssh://root@hail.example.com:2222/system", .user = "root", .host = "hail.example.com",
      .port = 2222, .path = "/system" },
    { "qemu://host", .host = "host" },
    { "qemu://host#x", .host = "host" },
    { "qemu://host?a=b", .host = "host" },
    { "qemu://HOST/x", .host = "HOST", .path = "/x" },
    { "qemu://ho_st/x", .host = "ho_st", .path = "/x" },
    { "qemu://ho%41st/x", "qemu://hoAst/x", .host = "hoAst", .path = "/x" },
    /* The peer writes the space bare, which it could not read again. */
    { "qemu://ho%20st/x", .host = "ho st", .path = "/x" },
    { "qemu://ho!$&'()*+,;=st/x", .host = "ho!$&'()*+,;=st", .path = "/x" },
    { "qemu://1.2.3.4/x", .host = "1.2.3.4", .path = "/x" },
    { "qemu://[::1]/x", .host = "::1", .path = "/x" },
    { "qemu://[::1]:16509/x", .host = "::1", .port = 16509, .path = "/x" },
    { "qemu://u@[2001:db8::7]:1/x", .user = "u", .host = "2001:db8::7", .port = 1, .path = "/x" },
    { "qemu://[fe80::1%25eth0]/x", "qemu://[fe80::1%eth0]/x", .host = "fe80::1%eth0", .path = "/x" },
    { "qemu://[fe80::1%eth0]/x", .host = "fe80::1%eth0", .path = "/x" },
    { "qemu://[fe80::1%25]/x", .host = "fe80::1%25", .path = "/x" },
    { "qemu://[fe80::1%2525x]/x", .host = "fe80::1%25x", .path = "/x" },
    { "qemu://[fe80::1%25a%2fb]/x", "qemu://[fe80::1%25a%2Fb]/x", .host = "fe80::1%a/b", .path = "/x" },
    { "qemu://[::ffff:1.2.3.4]/x", .host = "::ffff:1.2.3.4", .path = "/x" },
    { "qemu://[v1.abc]/x", .host = "v1.abc", .path = "/x" },
    { "qemu://[hello]/x", .host = "hello", .path = "/x" },
    { "qemu://host:0/x", "qemu://host/x", .host = "host", .path = "/x" },
    { "qemu://host:00022/x", "qemu://host:22/x", .host = "host", .port = 22, .path = "/x" },
    { "qemu://host:65535/x", .host = "host", .port = 65535, .path = "/x" },
    { "qemu://:5/x", "qemu:///x", .path = "/x" },
    { "qemu://u@:5/x", "qemu://u@/x", .user = "u", .path = "/x" },
    { "qemu://u@/x", .user = "u", .path = "/x" },
    /* The peer reads the whole rest as the user. */
    { "qemu://@host/x", "qemu://host/x", .host = "host", .path = "/x" },
    { "qemu://u:p@host/x", .user = "u:p", .host = "host", .path = "/x" },
    { "qemu://u%40x@host/x", .user = "u@x", .host = "host", .path = "/x" },
    { "qemu://u%20x@host/x", .user = "u x", .host = "host", .path = "/x" },
    { "qemu://u%3ax@host/x", "qemu://u:x@host/x", .user = "u:x", .host = "host", .path = "/x" },
    { "qemu://u;x&=+$,!*'()@host/x", .user = "u;x&=+$,!*'()", .host = "host", .path = "/x" },
    { "qemu:///a//b/../c/./d", .path = "/a//b/../c/./d" },
    { "qemu:///a%2e%2e", "qemu:///a..", .path = "/a.." },
    { "qemu:///a%2fb", "qemu:///a/b", .path = "/a/b" },
    { "qemu:///a%3fb", "qemu:///a%3Fb", .path = "/a?b" },
    { "qemu:///a%23b", NULL, .path = "/a#b" },
    { "qemu:///a%25b", NULL, .path = "/a%b" },
    { "qemu:///a%20b", NULL, .path = "/a b" },
    { "qemu:///a%5bb", "qemu:///a%5Bb", .path = "/a[b" },
    { "qemu:///a%c3%a4", "qemu:///a%C3%A4", .path = "/a\xc3\xa4" },
    { "qemu:///a:b@c;d=e,f+g$h!i~j*k'l(m)n&o", "qemu:///a%3Ab@c;d=e,f+g$h!i~j*k'l(m)n&o",
      .path = "/a:b@c;d=e,f+g$h!i~j*k'l(m)n&o" },
    { "qemu:a%20b:c", "qemu://a%20b%3Ac", .path = "a b:c" },
    { "qemu:///x?", NULL, .path = "/x" },
    { "qemu:///x#", NULL, .path = "/x" },
    { "qemu:///x?#f", NULL, .path = "/x" },
    { "qemu:///x?a=1&b=2;c#f?/x[1]%20", NULL, .path = "/x" },
    { "qemu:///x?a?b/c:d@e", NULL, .path = "/x" },
    { "qemu:///x??a", NULL, .path = "/x" },
    { "q.e-m+u1:///x", NULL, .path = "/x" },
    { "QEMU:///x", NULL, .path = "/x" },
};

static void same(const char *text, const char *what, const char *got, const char *want)
{
    if (g_strcmp0(got, want) != 0)
        fail_msg("%s: %s is '%s', expected '%s'", text, what, got ? got : "(none)", want ? want : "(none)");
}

static void good_texts_are_read_and_written_back(void **state)
{
    for (size_t i = 0; i < G_N_ELEMENTS(goods); i++) {
        const struct good *g = &goods[i];
        fl_autouri struct fl_uri *uri = NULL;
        fl_autouri struct fl_uri *again = NULL;
        g_autofree char *back = NULL;
        g_autofree char *twice = NULL;

        if (fl_uri_parse(g->text, &uri) < 0)
            fail_msg("%s: %s", g->text, fl_error_get()->message);
        back = fl_uri_format(uri);
        same(g->text, "text", back, g->back ? g->back : g->text);
        same(g->text, "user", uri->user, g->user);
        same(g->text, "host", uri->host, g->host);
        same(g->text, "path", uri->path, g->path);
        assert_int_equal(uri->port, g->port);
        /* What we write means the same when read again; scheme:name is the one known exception. */
        if (uri->scheme && uri->path && uri->path[0] != '/')
            continue;
        if (fl_uri_parse(back, &again) < 0)
            fail_msg("%s: written as %s: %s", g->text, back, fl_error_get()->message);
        twice = fl_uri_format(again);
        same(g->text, "text written twice", twice, back);
        same(g->text, "host read again", again->host, g->host);
    }
}

static const struct {
    const char *text;
    const char *says; /* part of the message */
} bads[] = {
    { "foo bar", "character 4" },
    { " qemu:///x", "character 1" },
    { "qemu:///x ", "character 10" },
    { "qemu:///x\n", "0x0a" },
    { "qemu:///s ys", "write it as %20" },
    { "+ssh://h/x", "starts with a letter" },
    { "1qemu:///x", "starts with a letter" },
    { "qe_mu:///x", "character 3" },
    { "qe%41mu:///x", "character 3" },
    { "://x", "before ':'" },
    { "qemu://[::1/x", "never closed" },
    { "qemu://[]/x", "IPv6" },
    { "qemu://[%25eth0]/x", "IPv6" },
    { "qemu://[::1%]/x", "interface" },
    { "qemu://[::1%25a%00]/x", "zone" },
    { "qemu://[::1]x/x", "after ']'" },
    { "qemu://[::1/x]/y", "never closed" },
    { "qemu://::1/x", "port" },
    { "qemu://host:/x", "port" },
    { "qemu://host:abc/x", "port" },
    { "qemu://host:12a/x", "port" },
    { "qemu://host:-1/x", "port" },
    { "qemu://host:65536/x", "65535" },
    { "qemu://host:99999/x", "65535" },
    { "qemu://host:99999999999999999999/x", "65535" },
    { "qemu://u@v@host/x", "host name" },
    { "qemu://ho|st/x", "'|'" },
    { "qemu://ho\\st/x", "write it as %5C" },
    { "qemu://h%00ost/x", "host name" },
    { "qemu://u%00@host/x", "user name" },
    { "qemu:///a%00b", "path" },
    { "qemu:///a%zz", "two hexadecimal digits" },
    { "qemu:///a%2", "two hexadecimal digits" },
    { "qemu:///a%", "two hexadecimal digits" },
    { "qemu:///a[b", "path" },
    { "qemu:///a|b", "path" },
    { "qemu:///a\"b", "path" },
    { "qemu:///a^b", "path" },
    { "qemu:///\xc3\xa4", "0xc3" },
    { "qemu:///x?a=b c", "parameters" },
    { "qemu:///x?a[0]=b", "parameters" },
    { "qemu:///x?a={b}", "parameters" },
    { "qemu:///x?a=<b>", "parameters" },
    { "qemu:///x?a=b%", "parameters" },
    { "qemu:///x?a=%zz", "parameters" },
    { "qemu:///x?a=%00", "parameters" },
    { "qemu:///x?a=\xc3\xa4", "parameters" },
    { "qemu:///x#a#b", "fragment" },
    { "qemu:///x#a^b", "fragment" },
};

static void bad_texts_are_refused_at_the_place(void **state)
{
    for (size_t i = 0; i < G_N_ELEMENTS(bads); i++) {
        fl_autouri struct fl_uri *uri = NULL;

        fl_error_reset();
        if (fl_uri_parse(bads[i].text, &uri) == 0)
            fail_msg("'%s' was read", bads[i].text);
        assert_null(uri);
        assert_int_equal(fl_error_get()->code, VIR_ERR_INTERNAL_ERROR);
        assert_int_equal(fl_error_get()->domain, VIR_FROM_URI);
        if (!strstr(fl_error_get()->message, bads[i].says))
            fail_msg("'%s': '%s' does not say '%s'", bads[i].text, fl_error_get()->message, bads[i].says);
    }
}

static void a_text_beyond_the_limit_is_refused(void **state)
{
    g_autofree char *text = g_strnfill(FL_URI_MAX_BYTES + 1, 'a');
    fl_autouri struct fl_uri *uri = NULL;

    assert_int_equal(fl_uri_parse(text, &uri), -1);
    text[FL_URI_MAX_BYTES] = '\0';
    assert_int_equal(fl_uri_parse(text, &uri), 0);
}

static const struct {
    const char *query;
    const char *back;
    guint n;
} queries[] = {
    { NULL, "", 0 },
    { "", "", 0 },
    { "a=1", "a=1", 1 },
    { "a=1&b=2", "a=1&b=2", 2 },
    { "a=1;b=2", "a=1&b=2", 2 },
    { "a=1;b=2&c=3", "a=1%3Bb%3D2&c=3", 2 },
    { "a=1&b=2;c=3", "a=1&b=2&c=3", 3 },
    { "&&a=1&&", "a=1", 1 },
    { "a", "a=", 1 },
    { "a=", "a=", 1 },
    { "=", "", 0 },
    { "=x", "", 0 },
    { "a==b", "a=%3Db", 1 },
    { "a=b=", "a=b%3D", 1 },
    { "a=1&a=2", "a=1&a=2", 2 },
    { "a=b+c", "a=b%2Bc", 1 },
    { "a=b%20c", "a=b%20c", 1 },
    { "a=%c3%a4", "a=%C3%A4", 1 },
    { "a=x/y:z@1,e~f!g'h(i)j*k", "a=x%2Fy%3Az%401%2Ce~f%21g%27h%28i%29j%2Ak", 1 },
    { "f?o/o=1", "f?o/o=1", 1 },
    /* The peer writes these names bare, which changes what the far side reads. */
    { "a%26b=1", "a%26b=1", 1 },
    { "a%3db=1", "a%3Db=1", 1 },
    { "f%5bo%5d=1", "f%5Bo%5D=1", 1 },
    { "a%20b=1", "a%20b=1", 1 },
};

static void parameters_are_split_and_joined(void **state)
{
    for (size_t i = 0; i < G_N_ELEMENTS(queries); i++) {
        g_autoptr(GArray) params = fl_query_new();
        g_autoptr(GString) back = g_string_new(NULL);

        assert_int_equal(fl_query_parse(queries[i].query, params), 0);
        for (guint j = 0; j < params->len; j++)
            fl_query_append(back, &g_array_index(params, struct fl_param, j));
        same(queries[i].query ? queries[i].query : "(none)", "query", back->str, queries[i].back);
        assert_int_equal(params->len, queries[i].n);
    }
}

static void too_many_parameters_are_refused(void **state)
{
    g_autoptr(GArray) params = fl_query_new();
    g_autoptr(GString) text = g_string_new(NULL);

    for (int i = 0; i <= FL_QUERY_MAX_PARAMS; i++)
        g_string_append(text, "a=1&");
    assert_int_equal(fl_query_parse(text->str, params), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_texts_are_read_and_written_back),
        cmocka_unit_test(bad_texts_are_refused_at_the_place),
        cmocka_unit_test(a_text_beyond_the_limit_is_refused),
        cmocka_unit_test(parameters_are_split_and_joined),
        cmocka_unit_test(too_many_parameters_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
