/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libvirt.conf and libvirtd.conf: defaults, every kind of value, refusals with FILE:LINE, warnings.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/error.h"
#include "config/client_conf.h"
#include "config/daemon_conf.h"

static int client(const char *text, struct fl_client_conf **ret)
{
    return fl_client_conf_parse("c", text, strlen(text), ret);
}

static int daemon_settings(const char *text, bool privileged, struct fl_daemon_conf **ret)
{
    return fl_daemon_conf_parse("d", text, strlen(text), privileged, ret);
}

static void client_settings_keep_their_lines(void **state)
{
    fl_autoclientconf struct fl_client_conf *c = NULL;

    assert_int_equal(client("uri_aliases = [\n \"a=x:///?k=v=w\",\n\n 'b_-9=y:///',\n]\nuri_default = \"q\"\n"
                            "some_new_key = 5\nremote_mode='direct'\n",
                            &c),
                     0);
    assert_int_equal(c->naliases, 2);
    assert_string_equal(c->aliases[0].uri, "x:///?k=v=w");
    assert_int_equal(c->aliases[0].line, 2);
    assert_string_equal(c->aliases[1].name, "b_-9");
    assert_int_equal(c->aliases[1].line, 4);
    assert_string_equal(c->uri_default.text, "q");
    assert_int_equal(c->uri_default.line, 6);
    assert_int_equal(c->remote_mode.line, 8);
    assert_null(c->remote_proxy.text);
    assert_ptr_equal(fl_client_conf_find_alias(c, "a"), &c->aliases[0]);
    assert_null(fl_client_conf_find_alias(c, "A"));
    assert_null(fl_client_conf_find_alias(NULL, "a"));
}

static void bad_client_settings_are_refused(void **state)
{
    static const struct {
        const char *text, *says;
    } rows[] = {
        { "uri_aliases = [ 5 ]", "c:1: item 1 of 'uri_aliases'" },
        { "uri_aliases = \"a=b\"", "c:1: 'uri_aliases' must be a list" },
        { "uri_default = 5", "c:1: 'uri_default' must be a text" },
        { "remote_mode = []", "'remote_mode' must be a text" },
        { "remote_proxy = 1", "'remote_proxy' must be a text" },
        { "tls_priority = 1", "'tls_priority' must be a text" },
        { "syntax error", "expected '='" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        fl_autoclientconf struct fl_client_conf *c = NULL;

        fl_error_reset();
        if (client(rows[i].text, &c) == 0)
            fail_msg("'%s' was read", rows[i].text);
        assert_int_equal(fl_error_get()->code, VIR_ERR_CONF_SYNTAX);
        assert_int_equal(fl_error_get()->domain, VIR_FROM_CONF);
        if (!strstr(fl_error_get()->message, rows[i].says))
            fail_msg("'%s': '%s'", rows[i].text, fl_error_get()->message);
    }
}

/* As the incumbent does: what stands before a bad alias is found, and who looks for none is not concerned. */
static void a_bad_alias_is_kept_for_who_looks_for_one(void **state)
{
    static const struct {
        const char *item, *says;
    } rows[] = {
        { "a x:///", "c:3: expected \"alias=URI\"" }, { "x.y=x:///", "c:3: expected an alias of letters" },
        { " a=x:///", "c:3: expected an alias" },     { "=x:///", "c:3: expected an alias" },
        { "a=", "c:3: expected a URI after \"a=\"" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        fl_autoclientconf struct fl_client_conf *c = NULL;
        g_autofree char *text = g_strdup_printf(
            "uri_aliases = [ \"before=x:///\",\n\n\"%s\", \"after=y:///\" ]\nuri_default = \"q\"\n",
            rows[i].item);

        assert_int_equal(client(text, &c), 0);
        assert_string_equal(c->uri_default.text, "q");
        assert_non_null(fl_client_conf_find_alias(c, "before"));
        assert_null(fl_client_conf_find_alias(c, "after"));
        assert_non_null(strstr(c->alias_error, rows[i].says));
    }
}

static void alias_names_have_their_alphabet(void **state)
{
    static const char *const no[] = { "", "a.b", "a b", "a:b", "a/b", "a=b", "a+b", "\xc3\xa4" };

    assert_true(fl_alias_name_ok("azAZ09_-"));
    for (size_t i = 0; i < G_N_ELEMENTS(no); i++)
        assert_false(fl_alias_name_ok(no[i]));
}

static void the_file_depends_on_the_user(void **state)
{
    g_autofree char *root = fl_client_conf_path(true);
    g_autofree char *xdg = NULL;
    g_autofree char *home = NULL;
    g_autofree char *want = g_build_filename(g_get_home_dir(), ".config/libvirt/libvirt.conf", NULL);

    assert_string_equal(root, FL_SYSCONFDIR "/libvirt/libvirt.conf");
    g_setenv("XDG_CONFIG_HOME", "/xdg", TRUE);
    xdg = fl_client_conf_path(false);
    assert_string_equal(xdg, "/xdg/libvirt/libvirt.conf");
    g_unsetenv("XDG_CONFIG_HOME");
    home = fl_client_conf_path(false);
    assert_string_equal(home, want);
}

static void daemon_defaults_are_the_peers(void **state)
{
    fl_autodaemonconf struct fl_daemon_conf *d = NULL;
    fl_autodaemonconf struct fl_daemon_conf *user = NULL;

    assert_int_equal(daemon_settings("", true, &d), 0);
    assert_true(d->listen_tls);
    assert_false(d->listen_tcp);
    assert_string_equal(d->tls_port, "16514");
    assert_string_equal(d->tcp_port, "16509");
    assert_int_equal(d->auth_unix_ro, FL_DAEMON_AUTH_POLKIT);
    assert_int_equal(d->auth_unix_rw, FL_DAEMON_AUTH_POLKIT);
    assert_int_equal(d->auth_tcp, FL_DAEMON_AUTH_SASL);
    assert_int_equal(d->auth_tls, FL_DAEMON_AUTH_NONE);
    assert_int_equal(d->unix_sock_ro_perms, 0777);
    assert_int_equal(d->unix_sock_rw_perms, 0777);
    assert_int_equal(d->unix_sock_admin_perms, 0700);
    assert_int_equal(d->max_clients, 5000);
    assert_int_equal(d->max_anonymous_clients, 20);
    assert_int_equal(d->max_queued_clients, 1000);
    assert_int_equal(d->min_workers, 5);
    assert_int_equal(d->max_workers, 20);
    assert_int_equal(d->prio_workers, 5);
    assert_int_equal(d->max_client_requests, 5);
    assert_int_equal(d->admin_max_workers, 5);
    assert_int_equal(d->keepalive_interval, 5);
    assert_int_equal(d->keepalive_count, 5);
    assert_int_equal(d->ovs_timeout, 5);
    assert_int_equal(d->audit_level, 1);
    assert_int_equal(d->tcp_min_ssf, 56);
    assert_null(d->tls_allowed_dn_list);
    assert_null(d->warnings[0]);

    assert_int_equal(daemon_settings("", false, &user), 0);
    assert_int_equal(user->auth_unix_rw, FL_DAEMON_AUTH_NONE);
    assert_int_equal(user->unix_sock_rw_perms, 0700);
}

static void daemon_settings_are_read(void **state)
{
    fl_autodaemonconf struct fl_daemon_conf *d = NULL;

    assert_int_equal(
        daemon_settings("listen_tls = 0\nlisten_tcp = 1\ntcp_port = \"http\"\nauth_tcp = \"none\"\n"
                        "auth_unix_rw = \"none\"\nunix_sock_ro_perms = \"0750\"\nmax_clients = 50\n"
                        "tls_allowed_dn_list = []\nsasl_allowed_username_list = [ \"*@X\", \"y\" ]\n"
                        "keepalive_interval = -1\naccess_drivers = [ \"polkit\" ]\n"
                        "host_uuid = \"4d1e8d4c-6f2a-4c57-9f0e-3b6d2a9c1f55\"\nlog_filters = \"1:x\"\n",
                        true, &d),
        0);
    assert_false(d->listen_tls);
    assert_true(d->listen_tcp);
    assert_string_equal(d->tcp_port, "http");
    assert_int_equal(d->auth_tcp, FL_DAEMON_AUTH_NONE);
    assert_int_equal(d->unix_sock_ro_perms, 0750);
    /* Without authentication the mode is the only guard. */
    assert_int_equal(d->unix_sock_rw_perms, 0700);
    assert_int_equal(d->max_clients, 50);
    assert_non_null(d->tls_allowed_dn_list);
    assert_null(d->tls_allowed_dn_list[0]);
    assert_string_equal(d->sasl_allowed_username_list[1], "y");
    assert_int_equal(d->keepalive_interval, -1);
    assert_string_equal(d->log_filters, "1:x");
}

static void bad_daemon_settings_are_refused(void **state)
{
    static const char *const rows[][2] = {
        { "listen_tls = 2", "d:1: 'listen_tls' must be 0 or 1" },
        { "listen_tls = \"0\"", "d:1: 'listen_tls' must be 0 or 1, not a text" },
        { "\ntcp_port = 16509", "d:2: 'tcp_port' must be a text" },
        { "tcp_port = \"99999\"", "d:1: expected a port" },
        { "tls_port = \"\"", "expected a port" },
        { "unix_sock_ro_perms = \"999\"", "octal" },
        { "unix_sock_rw_perms = \"\"", "octal" },
        { "unix_sock_rw_perms = \"rwx\"", "octal" },
        { "unix_sock_rw_perms = \"77777\"", "octal" },
        { "unix_sock_admin_perms = 0700", "must be a text" },
        { "auth_unix_ro = \"foo\"", "\"none\", \"sasl\" or \"polkit\"" },
        { "auth_unix_rw = \"NONE\"", "found \"NONE\"" },
        { "auth_tcp = \"polkit\"", "UNIX sockets only" },
        { "access_drivers = \"polkit\"", "must be a list" },
        { "access_drivers = [ \"foo\" ]", "expected \"polkit\"" },
        { "tcp_min_ssf = 56", "from 112" },
        { "tcp_min_ssf = -10", "from 0" },
        { "max_clients = -1", "from 0" },
        { "max_clients = 99999999999", "from 0 to 4294967295" },
        { "max_clients = \"5\"", "not a text" },
        { "max_clients = 0", "at least 1" },
        { "max_anonymous_clients = 6000", "must not be larger than max_clients" },
        { "max_workers = 0", "at least 1" },
        { "log_level = 9", "0 to 4" },
        { "audit_level = 9", "0 to 2" },
        { "audit_logging = 2", "0 or 1" },
        { "host_uuid = \"foo\"", "a UUID" },
        { "host_uuid = \"00000000-0000-0000-0000-000000000000\"", "all the same" },
        { "host_uuid = \"ffffffffffffffffffffffffffffffff\"", "all the same" },
        { "host_uuid_source = \"foo\"", "machine-id" },
        { "keepalive_interval = -2", "from -1" },
        { "keepalive_count = -1", "from 0" },
        { "ovs_timeout = -5", "from 0" },
        { "tls_allowed_dn_list = [ 5 ]", "item 1" },
        { "sasl_allowed_username_list = \"x\"", "must be a list" },
        { "= 5", "name of a setting" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        fl_autodaemonconf struct fl_daemon_conf *d = NULL;

        fl_error_reset();
        if (daemon_settings(rows[i][0], true, &d) == 0)
            fail_msg("'%s' was read", rows[i][0]);
        assert_int_equal(fl_error_get()->code, VIR_ERR_CONF_SYNTAX);
        if (!strstr(fl_error_get()->message, rows[i][1]))
            fail_msg("'%s': '%s' does not say '%s'", rows[i][0], fl_error_get()->message, rows[i][1]);
    }
}

static void odd_daemon_settings_are_warned_about(void **state)
{
    fl_autodaemonconf struct fl_daemon_conf *d = NULL;

    assert_int_equal(
        daemon_settings("colour = \"red\"\nkeepalive_required = 1\nmax_workers = 7\nmax_workers = 8\n", true,
                        &d),
        0);
    assert_string_equal(d->warnings[0], "d:1: 'colour' is no setting of this daemon and is ignored");
    assert_string_equal(d->warnings[1], "d:2: 'keepalive_required' has no effect any more");
    assert_string_equal(d->warnings[2], "d:4: 'max_workers' is set a second time; the first value counts");
    assert_null(d->warnings[3]);
    assert_int_equal(d->max_workers, 7);
}

static void a_named_daemon_file_must_exist(void **state)
{
    fl_autodaemonconf struct fl_daemon_conf *d = NULL;

    assert_int_equal(fl_daemon_conf_load("/nonexistent/d.conf", true, true, &d), -1);
    assert_non_null(strstr(fl_error_get()->message, "/nonexistent/d.conf"));
    assert_int_equal(fl_daemon_conf_load("/nonexistent/d.conf", false, true, &d), 0);
}

static void every_key_has_a_name_a_group_and_help(void **state)
{
    for (const struct fl_daemon_key *k = fl_daemon_keys; k->name; k++) {
        assert_non_null(k->help);
        assert_non_null(k->group);
        assert_true(k->type == FL_KEY_UNUSED || k->offset >= sizeof(char *));
        for (const struct fl_daemon_key *other = fl_daemon_keys; other != k; other++)
            assert_string_not_equal(k->name, other->name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(client_settings_keep_their_lines),
        cmocka_unit_test(bad_client_settings_are_refused),
        cmocka_unit_test(a_bad_alias_is_kept_for_who_looks_for_one),
        cmocka_unit_test(alias_names_have_their_alphabet),
        cmocka_unit_test(the_file_depends_on_the_user),
        cmocka_unit_test(daemon_defaults_are_the_peers),
        cmocka_unit_test(daemon_settings_are_read),
        cmocka_unit_test(bad_daemon_settings_are_refused),
        cmocka_unit_test(odd_daemon_settings_are_warned_about),
        cmocka_unit_test(a_named_daemon_file_must_exist),
        cmocka_unit_test(every_key_has_a_name_a_group_and_help),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
