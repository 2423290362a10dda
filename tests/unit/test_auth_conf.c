/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * auth.conf: what is read, what is refused and with which line, which file counts; and who answers a login's
 * questions: the URI, the file, the application.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include <glib/gstdio.h>

#include "auth/auth_conf.h"
#include "auth/credentials.h"
#include "base/error.h"
#include "base/util.h"

static const char example[] = "# who logs in where\n"
                              "[credentials-lab]\n"
                              "authname = fred \n"
                              "password=a b=c\n"
                              "\n"
                              "[credentials-rest]\n"
                              "authname=other\n"
                              "authname=last\n"
                              "[auth-libvirt-host.example]\r\n"
                              "credentials=lab\r\n"
                              "[auth-libvirt-default]\n"
                              "credentials=rest\n"
                              "[auth-ssh-host.example]\n"
                              "credentials=gone\n"
                              "[auth-libvirt-bare]\n"
                              "; nothing\n"
                              "[credentials-lab]\n"
                              "realm=R";

static struct fl_auth_conf *parse(const char *text)
{
    struct fl_auth_conf *conf = NULL;

    if (fl_auth_conf_parse("t", text, strlen(text), &conf) < 0)
        fail_msg("%s", fl_error_get()->message);
    return conf;
}

static void test_find(void **state)
{
    static const struct {
        const char *service, *host, *key, *want; /* want "!…": the error says so */
        int line;
    } rows[] = {
        { "libvirt", "host.example", "authname", "fred", 3 },
        { "libvirt", "host.example", "password", "a b=c", 4 },
        { "libvirt", "host.example", "realm", "R", 18 },
        { "libvirt", "host.example", "username", NULL, 0 },
        { "libvirt", "elsewhere", "authname", "last", 8 },
        { "libvirt", "elsewhere", "password", NULL, 0 },
        { "libvirt", NULL, "authname", "last", 8 },
        { "ssh", "elsewhere", "authname", NULL, 0 },
        { "ssh", "host.example", "authname", "!t:14: credentials=gone", 0 },
        { "libvirt", "bare", "authname", "!t:15: section [auth-libvirt-bare] lacks", 0 },
    };
    fl_autoauthconf struct fl_auth_conf *conf = parse(example);

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct fl_auth_conf_answer a = { 0 };
        int rc = fl_auth_conf_find(conf, rows[i].service, rows[i].host, rows[i].key, &a);

        if (rows[i].want && rows[i].want[0] == '!') {
            assert_int_equal(rc, -1);
            assert_non_null(strstr(fl_error_get()->message, rows[i].want + 1));
        } else {
            assert_int_equal(rc, rows[i].want ? 1 : 0);
            assert_int_equal(g_strcmp0(a.value, rows[i].want), 0);
            assert_int_equal(a.line, rows[i].line);
        }
    }
    (void)state;
}

static void test_refused(void **state)
{
    static const char *const rows[][2] = {
        { "a=b\n", "t:1: expected a [SECTION] before" },
        { "# x\n[credentials-a\n", "t:2: expected the name of a section to end" },
        { "[credentials-a] b\n", "t:1: expected the name of a section to end" },
        { "[credentials-a]\n\npassword hunter2\n", "t:3: expected KEY=VALUE" },
        { "[credentials-a]\n=hunter2\n", "t:2: expected KEY=VALUE" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct fl_auth_conf *conf = NULL;

        assert_int_equal(fl_auth_conf_parse("t", rows[i][0], strlen(rows[i][0]), &conf), -1);
        assert_null(conf);
        assert_int_equal(fl_error_get()->code, VIR_ERR_CONF_SYNTAX);
        if (!strstr(fl_error_get()->message, rows[i][1]))
            fail_msg("'%s', expected '%s'", fl_error_get()->message, rows[i][1]);
        assert_null(strstr(fl_error_get()->message, "hunter2"));
    }
    (void)state;
}

static void test_bounds(void **state)
{
    g_autofree char *big = g_strnfill(FL_AUTH_CONF_MAX_BYTES + 1, '\n');
    GString *many = g_string_new("[credentials-a]\n");
    struct fl_auth_conf *conf = NULL;

    assert_int_equal(fl_auth_conf_parse("t", big, strlen(big), &conf), -1);
    assert_int_equal(fl_auth_conf_parse("t", "a\0b", 3, &conf), -1);
    for (int i = 0; i <= FL_AUTH_CONF_MAX_KEYS; i++)
        g_string_append(many, "k=v\n");
    assert_int_equal(fl_auth_conf_parse("t", many->str, many->len, &conf), -1);
    assert_non_null(strstr(fl_error_get()->message, "more than"));
    g_string_free(many, TRUE);
    assert_int_equal(fl_auth_conf_parse("t", NULL, 0, &conf), 0);
    fl_auth_conf_free(conf);
    (void)state;
}

/* ---- answers ---- */

static unsigned int asked;

static int answer_all(virConnectCredentialPtr q, unsigned int n, void *opaque)
{
    asked += n;
    for (unsigned int i = 0; i < n; i++) {
        const char *with = opaque;

        if (!with)
            return -1;
        if (*with) {
            q[i].result = strdup(with);
            q[i].resultlen = (unsigned int)strlen(with);
        }
    }
    return 0;
}

static char *file;

static int set_up(void **state)
{
    int fd = g_file_open_tmp("fl-auth-XXXXXX", &file, NULL);

    if (fd < 0 || write(fd, example, strlen(example)) != (ssize_t)strlen(example))
        return -1;
    close(fd);
    g_unsetenv("LIBVIRT_AUTH_FILE");
    (void)state;
    return 0;
}

static int tear_down(void **state)
{
    unlink(file);
    g_free(file);
    (void)state;
    return 0;
}

struct ask {
    const char *host, *user, *with; /* with "-": nobody is asked */
    int type;
    const char *want; /* NULL: an error */
    unsigned int asked;
};

static void check_ask(const struct ask *a)
{
    static int types[] = { VIR_CRED_AUTHNAME, VIR_CRED_PASSPHRASE };
    virConnectAuth auth = { types, 2, answer_all, (void *)a->with };
    struct fl_credentials from = {
        .auth = &auth, .authfile = file, .service = "libvirt", .host = a->host, .user = a->user
    };
    virConnectCredential q = { .type = a->type, .prompt = "p", .defresult = "default" };
    int rc;

    if (a->with && strcmp(a->with, "-") == 0)
        from.auth = NULL;
    asked = 0;
    rc = fl_credentials_answer(&from, &q, 1);
    assert_int_equal(rc, a->want ? 0 : -1);
    assert_int_equal(g_strcmp0(q.result, a->want), 0);
    assert_int_equal(asked, a->asked);
    if (rc < 0)
        assert_int_equal(fl_error_get()->code, VIR_ERR_AUTH_FAILED);
    fl_credentials_wipe(&q, 1);
    assert_null(q.result);
}

static void test_answers(void **state)
{
    static const struct ask rows[] = {
        { "host.example", "uri", "app", VIR_CRED_AUTHNAME, "uri", 0 },
        { "host.example", NULL, "app", VIR_CRED_AUTHNAME, "fred", 0 },
        { "host.example", NULL, "app", VIR_CRED_PASSPHRASE, "a b=c", 0 },
        { "host.example", "fred", "app", VIR_CRED_PASSPHRASE, "a b=c", 0 },
        { "host.example", "uri", "app", VIR_CRED_PASSPHRASE, "app", 1 }, /* fred's is not uri's */
        { "elsewhere", "uri", "app", VIR_CRED_PASSPHRASE, "app", 1 },
        { "elsewhere", "uri", "", VIR_CRED_PASSPHRASE, "default", 1 },
        { "elsewhere", "uri", NULL, VIR_CRED_PASSPHRASE, NULL, 1 },
        { "elsewhere", "uri", "-", VIR_CRED_PASSPHRASE, NULL, 0 },
        { "elsewhere", "uri", "app", VIR_CRED_REALM, NULL, 0 }, /* the program does not take it */
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
        check_ask(&rows[i]);
    (void)state;
}

static void test_can_answer(void **state)
{
    struct fl_credentials from = { .authfile = file, .service = "libvirt", .host = "elsewhere" };

    assert_true(fl_credentials_can_answer(&from, VIR_CRED_AUTHNAME));
    assert_false(fl_credentials_can_answer(&from, VIR_CRED_PASSPHRASE));
    from.host = "host.example";
    assert_true(fl_credentials_can_answer(&from, VIR_CRED_PASSPHRASE));
    from.authfile = "/nonexistent/auth.conf";
    assert_false(fl_credentials_can_answer(&from, VIR_CRED_AUTHNAME));
    (void)state;
}

static void test_which_file(void **state)
{
    const char *named_by = NULL;
    g_autofree char *of_uri = fl_auth_conf_path("/of/uri", &named_by);
    g_autofree char *of_environment = NULL;
    struct fl_credentials from = { .authfile = "/nonexistent/auth.conf", .service = "libvirt" };
    virConnectCredential q = { .type = VIR_CRED_PASSPHRASE, .prompt = "p" };

    assert_string_equal(of_uri, "/of/uri");
    assert_string_equal(named_by, "authfile= in the URI");
    assert_int_equal(fl_credentials_answer(&from, &q, 1), -1);
    assert_non_null(strstr(fl_error_get()->message, "/nonexistent/auth.conf"));
    assert_non_null(strstr(fl_error_get()->message, "authfile="));
    g_setenv("LIBVIRT_AUTH_FILE", "/of/environment", TRUE);
    of_environment = fl_auth_conf_path("/of/uri", &named_by);
    g_unsetenv("LIBVIRT_AUTH_FILE");
    assert_string_equal(of_environment, "/of/environment");
    assert_string_equal(named_by, "LIBVIRT_AUTH_FILE");
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_find),    cmocka_unit_test(test_refused),    cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_answers), cmocka_unit_test(test_can_answer), cmocka_unit_test(test_which_file),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
