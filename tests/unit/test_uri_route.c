/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Routes: which text counts, what it becomes, what the far side is asked to open, and the refusals.
 * tests/connect/test_uri_names.py holds the names against those the peer's client sends.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/error.h"
#include "config/client_conf.h"
#include "uri/route.h"

static const char conf_text[] = "uri_aliases = [\n"
                                "  \"hail=qemu+ssh://root@hail.example.com/system\",\n"
                                "  \"a=test:///default?x=1\",\n"
                                "  \"chain=a\",\n"
                                "  \"a=test:///second\",\n"
                                "  \"xen=test:///default\",\n"
                                "  \"1-x_Y=test:///default?y\",\n"
                                "]\n"
                                "uri_default = \"a\"\n"
                                "remote_mode = \"legacy\"\n"
                                "remote_proxy = \"native\"\n"
                                "tls_priority = \"NORMAL\"\n";

static void same(const char *text, const char *what, const char *got, const char *want)
{
    if (g_strcmp0(got, want) != 0)
        fail_msg("%s: %s is '%s', expected '%s'", text, what, got ? got : "(none)", want ? want : "(none)");
}

/* Routes of a single text, nothing configured. */
static const struct {
    const char *text;
    const char *transport;
    const char *name;
} routes[] = {
    { "test:///default", NULL, NULL },
    { "test:///default?mode=foo&no_verify=x", NULL, NULL },
    { "test://:5/default", NULL, NULL },
    { "TEST:///default", NULL, "TEST:///default" },
    { "test://h/default", "tls", "test:///default" },
    { "test+unix:///default", "unix", "test:///default" },
    { "xen", NULL, "xen:///system" },
    { "XEN", NULL, "xen:///system" },
    { "xen:///", NULL, "xen:///" },
    { "qemu:///system", NULL, "qemu:///system" },
    { "qemu:///session?foo=bar", NULL, "qemu:///session?foo=bar" },
    { "qemu:system", NULL, "qemu://system" },
    { "qemu:", NULL, "qemu://" },
    { "qemu:/system", NULL, "qemu:///system" },
    { "foo:///bar", NULL, "foo:///bar" },
    { "qemu://h/system", "tls", "qemu:///system" },
    { "qemu+TLS://h/system", "tls", "qemu:///system" },
    { "qemu+tls:///system", "tls", "qemu:///system" },
    { "qemu+tcp://h:1/", "tcp", "qemu:///" },
    { "qemu+tcp://h", "tcp", "qemu://" },
    { "qemu+tcp://h?x=1", "tcp", "qemu://?x=1" },
    { "qemu+tcp://h#f", "tcp", "qemu://#f" },
    { "qemu+tcp:///system", "tcp", "qemu:///system" },
    { "qemu+ssh:///system", "ssh", "qemu:///system" },
    { "qemu+ssh://u@h:22/system", "ssh", "qemu:///system" },
    { "qemu+libssh2://u@h:22/system", "libssh2", "qemu:///system" },
    { "qemu+libssh://u@h:22/system", "libssh", "qemu:///system" },
    { "qemu+UNIX:///system", "unix", "qemu:///system" },
    { "qemu+unix:///", "unix", "qemu:///" },
    { "qemu+unix:system", "unix", "qemu://system" },
    { "remote:///", NULL, "" },
    { "remote://", NULL, "" },
    { "remote+unix:///system?foo=1", "unix", "" },
    { "REMOTE+unix:///", "unix", "REMOTE:///" },
    { "remote+ext:///?command=/c&name=qemu:///session", "ext", "qemu:///session" },
    { "qemu+ext:///system?command=/c", "ext", "qemu:///system" },
    { "qemu+ext://u@h:1/system?command=/c&foo=bar#frag", "ext", "qemu:///system?foo=bar#frag" },
    { "qemu+ext:///system?foo=b%20ar&command=/c&baz=1%262", "ext", "qemu:///system?foo=b%20ar&baz=1%262" },
    { "qemu+ext:///system?command=/c;foo=bar", "ext", "qemu:///system?foo=bar" },
    { "qemu+ext:///system?command=/c&name=test:///x?y=z", "ext", "test:///x?y=z" },
    { "qemu+ext:///system?command=/c&name=", "ext", "" },
    { "qemu+ext:///system?command=/c&Name=a&NAME=b&name=c", "ext", "c" },
    { "qemu+ext:///system?command=/c&name=a%26b&x=1", "ext", "a&b" },
    { "qemu+ext:///system?command=/c&foo", "ext", "qemu:///system?foo=" },
    { "qemu+ext:///system?command=/c&foo=1&foo=2", "ext", "qemu:///system?foo=1&foo=2" },
    { "qemu+ext:///system?command=/c&sanity=0&debug=x", "ext", "qemu:///system?sanity=0&debug=x" },
    { "qemu+ext:///system?command=/c&foo=a+b", "ext", "qemu:///system?foo=a%2Bb" },
    { "qemu+ext:///sys%20tem?command=/c", "ext", "qemu:///sys%20tem" },
    { "qemu+ext:///sys%2ftem?command=/c", "ext", "qemu:///sys/tem" },
    { "qemu+ext:a/b?command=/c", "ext", "qemu://a/b" },
    { "qemu+ext:///s?command=/c&auth=sasl&authfile=/a&connect_timeout=3"
      "&call_timeout=0&reconnect=1",
      "ext", "qemu:///s" },
    { "qemu+ssh://h/s?command=/c&no_verify=1&no_tty=1&keyfile=x&netcat=y&socket=/z&mode=direct&proxy=netcat"
      "&known_hosts=/a&known_hosts_verify=auto&sshauth=agent",
      "ssh", "qemu:///s" },
    { "qemu+tls://h/s?tls_priority=N&no_verify=1&pkipath=/p&tls_fingerprint=sha256:00&no_sanity=1", "tls",
      "qemu:///s" },
    { "qemu+ssh://h/s?mode=foo&mode=auto", "ssh", "qemu:///s" },
    { "qemu+ssh://h/s?COMMAND=/c&NETCAT=x&Socket=/s&KeyFile=1&No_Tty=1&MODE=auto", "ssh", "qemu:///s" },
    { "qemu+tls://h/s?no_verify=%201", "tls", "qemu:///s" },
    { "qemu+ssh://h/s?no_verify=-1", "ssh", "qemu:///s" },
};

static void a_text_gives_transport_and_remote_name(void **state)
{
    struct fl_resolve_env env = { 0 };

    for (size_t i = 0; i < G_N_ELEMENTS(routes); i++) {
        fl_autoroute struct fl_route *r = NULL;

        if (fl_route_resolve(routes[i].text, &env, 0, &r) < 0)
            fail_msg("%s: %s", routes[i].text, fl_error_get()->message);
        same(routes[i].text, "transport", r->transport, routes[i].transport);
        same(routes[i].text, "remote name", r->remote_name, routes[i].name);
        assert_true(r->local == !routes[i].name);
    }
}

static const struct {
    const char *text;
    int code, domain;
    const char *says;
} refusals[] = {
    { "qemu", VIR_ERR_NO_CONNECT, VIR_FROM_NONE, "'qemu' names no driver" },
    { "remote", VIR_ERR_NO_CONNECT, VIR_FROM_NONE, "names no driver" },
    { "/foo/bar", VIR_ERR_NO_CONNECT, VIR_FROM_NONE, "names no driver" },
    { "//host/path", VIR_ERR_NO_CONNECT, VIR_FROM_NONE, "names no driver" },
    { "?a=b", VIR_ERR_NO_CONNECT, VIR_FROM_NONE, "names no driver" },
    { "#x", VIR_ERR_NO_CONNECT, VIR_FROM_NONE, "names no driver" },
    { "foo bar", VIR_ERR_INTERNAL_ERROR, VIR_FROM_URI, "character 4" },
    { "qemu+foo:///x", VIR_ERR_INVALID_ARG, VIR_FROM_REMOTE, "unknown transport 'foo'" },
    { "qemu+:///x", VIR_ERR_INVALID_ARG, VIR_FROM_REMOTE, "unknown transport ''" },
    { "test+foo:///x", VIR_ERR_INVALID_ARG, VIR_FROM_REMOTE, "unknown transport" },
    { "qemu+unix+tcp:///x", VIR_ERR_INVALID_ARG, VIR_FROM_REMOTE, "unknown transport 'unix+tcp'" },
    { "qemu+unix://h/x", VIR_ERR_INVALID_ARG, VIR_FROM_REMOTE, "host 'h'" },
    { "qemu+ext:///x", VIR_ERR_INVALID_ARG, VIR_FROM_REMOTE, "command=" },
    { "qemu+ext:///x?#command=/c", VIR_ERR_INVALID_ARG, VIR_FROM_REMOTE, "command=" },
    { "qemu+tls://h/x?command=/c&socket=/s", VIR_ERR_INVALID_ARG, VIR_FROM_REMOTE, "command= and socket=" },
    { "qemu+ssh://h/x?proxy=native&netcat=nc", VIR_ERR_INVALID_ARG, VIR_FROM_RPC, "netcat=" },
    { "qemu:///x?mode=foo", VIR_ERR_INVALID_ARG, VIR_FROM_REMOTE, "unknown mode 'foo'" },
    { "qemu:///x?mode=", VIR_ERR_INVALID_ARG, VIR_FROM_REMOTE, "unknown mode ''" },
    { "qemu:///x?mode=Direct", VIR_ERR_INVALID_ARG, VIR_FROM_REMOTE, "auto, direct or legacy" },
    { "qemu:///x?mode=%20auto", VIR_ERR_INVALID_ARG, VIR_FROM_REMOTE, "unknown mode" },
    { "qemu+ssh://h/x?proxy=foo", VIR_ERR_INVALID_ARG, VIR_FROM_REMOTE, "unknown proxy 'foo'" },
    { "qemu:///x?proxy=auto", VIR_ERR_INVALID_ARG, VIR_FROM_REMOTE, "the transport unix" },
    { "qemu+tcp://h/x?keyfile=/k", VIR_ERR_INVALID_ARG, VIR_FROM_REMOTE, "ssh, libssh, libssh2" },
    { "qemu+libssh://h/x?command=/c", VIR_ERR_INVALID_ARG, VIR_FROM_REMOTE, "it is for tls, ssh, ext" },
    { "qemu+libssh2://h/x?Command=/c", VIR_ERR_INVALID_ARG, VIR_FROM_REMOTE, "command=" },
    { "qemu+ssh://h/x?tls_priority=N", VIR_ERR_INVALID_ARG, VIR_FROM_REMOTE, "it is for tls" },
    { "qemu+tcp://h/x?socket=/s", VIR_ERR_INVALID_ARG, VIR_FROM_REMOTE, "the transport tcp" },
    { "qemu+tcp://h/x?mode=auto", VIR_ERR_INVALID_ARG, VIR_FROM_REMOTE, "mode=" },
    { "qemu+tls://h/x?no_verify=abc", VIR_ERR_INVALID_ARG, VIR_FROM_REMOTE, "no_verify=abc" },
    { "qemu+tls://h/x?no_verify=", VIR_ERR_INVALID_ARG, VIR_FROM_REMOTE, "no_verify" },
    { "qemu+tls://h/x?no_verify", VIR_ERR_INVALID_ARG, VIR_FROM_REMOTE, "no_verify" },
    { "qemu+tls://h/x?no_verify=1%20", VIR_ERR_INVALID_ARG, VIR_FROM_REMOTE, "no_verify" },
    { "qemu+tls://h/x?no_verify=0x10", VIR_ERR_INVALID_ARG, VIR_FROM_REMOTE, "no_verify" },
    { "qemu+tls://h/x?no_verify=99999999999", VIR_ERR_INVALID_ARG, VIR_FROM_REMOTE, "no_verify" },
    { "qemu+tls://h/x?no_verify=abc&no_verify=1", VIR_ERR_INVALID_ARG, VIR_FROM_REMOTE, "no_verify" },
    { "qemu:///x?no_verify=1", VIR_ERR_INVALID_ARG, VIR_FROM_REMOTE, "tls, ssh, libssh, libssh2" },
    { "qemu+tcp://h/x?no_verify=1", VIR_ERR_INVALID_ARG, VIR_FROM_REMOTE, "tcp" },
    { "qemu+ext:///x?command=/c&no_verify=0", VIR_ERR_INVALID_ARG, VIR_FROM_REMOTE, "ext" },
    { "qemu+unix:///x?no_tty=1", VIR_ERR_INVALID_ARG, VIR_FROM_REMOTE, "unix" },
    { "qemu+tls://h/x?no_tty=1", VIR_ERR_INVALID_ARG, VIR_FROM_REMOTE, "ssh, libssh, libssh2" },
    { "qemu://h/x?no_tty=1", VIR_ERR_INVALID_ARG, VIR_FROM_REMOTE, "tls" },
    { "qemu+libssh2://h/x?no_sanity=1", VIR_ERR_INVALID_ARG, VIR_FROM_REMOTE, "it is for tls:" },
    { "qemu+ssh://h/x?no_tty=abc", VIR_ERR_INVALID_ARG, VIR_FROM_REMOTE, "no_tty" },
    { "qemu+tls://h/x?no_sanity=abc", VIR_ERR_INVALID_ARG, VIR_FROM_REMOTE, "no_sanity" },
    { "qemu:///x?connect_timeout=abc", VIR_ERR_INVALID_ARG, VIR_FROM_REMOTE, "seconds" },
    { "qemu:///x?call_timeout=-1", VIR_ERR_INVALID_ARG, VIR_FROM_REMOTE, "seconds" },
    { "qemu:///x?socket=", VIR_ERR_INVALID_ARG, VIR_FROM_REMOTE, "socket= is empty" },
    { "qemu+ssh://h/x?keyfile", VIR_ERR_INVALID_ARG, VIR_FROM_REMOTE, "keyfile= is empty" },
};

static void what_cannot_be_used_is_refused(void **state)
{
    struct fl_resolve_env env = { 0 };

    for (size_t i = 0; i < G_N_ELEMENTS(refusals); i++) {
        fl_autoroute struct fl_route *r = NULL;

        fl_error_reset();
        if (fl_route_resolve(refusals[i].text, &env, 0, &r) == 0)
            fail_msg("%s was resolved", refusals[i].text);
        if (fl_error_get()->code != refusals[i].code || fl_error_get()->domain != refusals[i].domain ||
            !strstr(fl_error_get()->message, refusals[i].says))
            fail_msg("%s: code %d domain %d: %s", refusals[i].text, fl_error_get()->code,
                     fl_error_get()->domain, fl_error_get()->message);
    }
}

/* The text that counts, with aliases, environment and settings. */
static const struct {
    const char *text, *env;
    bool conf;
    unsigned int flags;
    const char *uri; /* NULL = probe */
    enum fl_origin_kind origin;
    const char *where;
} choices[] = {
    { NULL, NULL, false, 0, NULL, FL_ORIGIN_PROBE, NULL },
    { "", NULL, false, 0, NULL, FL_ORIGIN_PROBE, NULL },
    { NULL, "", false, 0, NULL, FL_ORIGIN_PROBE, NULL },
    { NULL, "test:///e", false, 0, "test:///e", FL_ORIGIN_ENVIRONMENT, "LIBVIRT_DEFAULT_URI" },
    { "", "test:///e", true, 0, "test:///e", FL_ORIGIN_ENVIRONMENT, "LIBVIRT_DEFAULT_URI" },
    { NULL, "a", true, 0, "test:///default?x=1", FL_ORIGIN_ALIAS, "c.conf:3" },
    { NULL, "", true, 0, "test:///default?x=1", FL_ORIGIN_ALIAS, "c.conf:3" },
    { NULL, NULL, true, 0, "test:///default?x=1", FL_ORIGIN_ALIAS, "c.conf:3" },
    { "a", "test:///e", true, 0, "test:///default?x=1", FL_ORIGIN_ALIAS, "c.conf:3" },
    { "hail", NULL, true, 0, "qemu+ssh://root@hail.example.com/system", FL_ORIGIN_ALIAS, "c.conf:2" },
    { "1-x_Y", NULL, true, 0, "test:///default?y", FL_ORIGIN_ALIAS, "c.conf:7" },
    { "xen", NULL, true, 0, "xen:///system", FL_ORIGIN_RULE, "the name \"xen\" stands for xen:///system" },
    { "test:///default", "test:///e", true, 0, "test:///default", FL_ORIGIN_ARGUMENT, NULL },
    { "test:///default", NULL, true, FL_RESOLVE_NO_ALIASES, "test:///default", FL_ORIGIN_ARGUMENT, NULL },
};

static void the_first_source_that_speaks_counts(void **state)
{
    fl_autoclientconf struct fl_client_conf *conf = NULL;

    assert_int_equal(fl_client_conf_parse("c.conf", conf_text, strlen(conf_text), &conf), 0);
    for (size_t i = 0; i < G_N_ELEMENTS(choices); i++) {
        struct fl_resolve_env env = { .default_uri_env = choices[i].env,
                                      .conf = choices[i].conf ? conf : NULL };
        fl_autoroute struct fl_route *r = NULL;
        g_autofree char *row = g_strdup_printf("choice %zu", i);

        if (fl_route_resolve(choices[i].text, &env, choices[i].flags, &r) < 0)
            fail_msg("%s: %s", row, fl_error_get()->message);
        same(row, "uri", r->uri, choices[i].uri);
        assert_int_equal(r->uri_origin.kind, choices[i].origin);
        same(row, "where", r->uri_origin.where, choices[i].where);
    }
}

static void aliases_end_where_they_should(void **state)
{
    fl_autoclientconf struct fl_client_conf *conf = NULL;
    struct fl_resolve_env env = { 0 };
    fl_autoroute struct fl_route *r = NULL;

    assert_int_equal(fl_client_conf_parse("c.conf", conf_text, strlen(conf_text), &conf), 0);
    env.conf = conf;
    /* An alias of an alias is not followed. */
    assert_int_equal(fl_route_resolve("chain", &env, 0, &r), -1);
    assert_int_equal(fl_error_get()->code, VIR_ERR_NO_CONNECT);
    assert_int_equal(fl_route_resolve("a", &env, FL_RESOLVE_NO_ALIASES, &r), -1);
    assert_non_null(strstr(fl_error_get()->message, "switched off"));
    assert_int_equal(fl_route_resolve("nosuch", &env, 0, &r), -1);
    assert_non_null(strstr(fl_error_get()->message, "c.conf has no such alias"));
    /* Default by alias, aliases off. */
    assert_int_equal(fl_route_resolve(NULL, &env, FL_RESOLVE_NO_ALIASES, &r), -1);
}

/* "If the passed in URI contains characters outside the allowed alias character set, no alias lookup will be
 * attempted." */
static void a_bad_alias_concerns_who_looks_that_far(void **state)
{
    static const char text[] = "uri_aliases = [ \"a=test:///a\", \"b d=test:///b\", \"c=test:///c\" ]\n";
    static const char *const good[] = { "a", "xen", "test:///default", "qemu+ssh://h/system" };
    fl_autoclientconf struct fl_client_conf *conf = NULL;
    struct fl_resolve_env env = { 0 };
    fl_autoroute struct fl_route *bad = NULL;

    assert_int_equal(fl_client_conf_parse("c.conf", text, strlen(text), &conf), 0);
    env.conf = conf;
    for (size_t i = 0; i < G_N_ELEMENTS(good); i++) {
        fl_autoroute struct fl_route *r = NULL;

        if (fl_route_resolve(good[i], &env, 0, &r) < 0)
            fail_msg("%s: %s", good[i], fl_error_get()->message);
    }
    assert_int_equal(fl_route_resolve("c", &env, 0, &bad), -1);
    assert_int_equal(fl_error_get()->code, VIR_ERR_CONF_SYNTAX);
    assert_int_equal(fl_error_get()->domain, VIR_FROM_URI);
    assert_non_null(strstr(fl_error_get()->message, "c.conf:1: expected an alias of letters"));
}

static void settings_fill_what_the_uri_leaves_open(void **state)
{
    fl_autoclientconf struct fl_client_conf *conf = NULL;
    struct fl_resolve_env env = { 0 };
    fl_autoroute struct fl_route *r = NULL;
    fl_autoroute struct fl_route *tls = NULL;
    fl_autoroute struct fl_route *own = NULL;

    assert_int_equal(fl_client_conf_parse("c.conf", conf_text, strlen(conf_text), &conf), 0);
    env.conf = conf;
    assert_int_equal(fl_route_resolve("qemu://h/system", &env, 0, &r), 0);
    assert_int_equal(r->mode, FL_MODE_LEGACY);
    assert_int_equal(r->mode_origin.kind, FL_ORIGIN_CONFIG);
    assert_string_equal(r->mode_origin.where, "c.conf:10");
    assert_int_equal(r->proxy, FL_PROXY_NATIVE);
    assert_string_equal(r->tls_priority, "NORMAL");
    assert_string_equal(r->tls_priority_origin.where, "c.conf:12");
    assert_int_equal(r->connect_timeout, -1);
    assert_int_equal(r->call_timeout, -1);

    assert_int_equal(
        fl_route_resolve("qemu+ssh://h/x?mode=direct&proxy=netcat&connect_timeout=7&call_timeout=0", &env, 0,
                         &own),
        0);
    assert_int_equal(own->mode, FL_MODE_DIRECT);
    assert_int_equal(own->mode_origin.kind, FL_ORIGIN_PARAMETER);
    assert_int_equal(own->proxy, FL_PROXY_NETCAT);
    assert_int_equal(own->connect_timeout, 7);
    assert_int_equal(own->call_timeout, 0);
    assert_int_equal(own->call_timeout_origin.kind, FL_ORIGIN_PARAMETER);
    assert_int_equal(fl_route_resolve("qemu://h/x?tls_priority=X", &env, 0, &tls), 0);
    assert_string_equal(tls->tls_priority, "X");
}

static void a_bad_setting_matters_only_when_it_is_used(void **state)
{
    static const char text[] = "\nremote_mode = \"foo\"\n";
    fl_autoclientconf struct fl_client_conf *conf = NULL;
    struct fl_resolve_env env = { 0 };
    fl_autoroute struct fl_route *own = NULL;
    fl_autoroute struct fl_route *local = NULL;
    fl_autoroute struct fl_route *r = NULL;

    assert_int_equal(fl_client_conf_parse("c.conf", text, strlen(text), &conf), 0);
    env.conf = conf;
    assert_int_equal(fl_route_resolve("qemu:///system?mode=auto", &env, 0, &own), 0);
    assert_int_equal(fl_route_resolve("test:///default", &env, 0, &local), 0);
    assert_int_equal(fl_route_resolve("qemu:///system", &env, 0, &r), -1);
    assert_int_equal(fl_error_get()->code, VIR_ERR_INVALID_ARG);
    assert_non_null(strstr(fl_error_get()->message, "c.conf:2"));
}

static void parts_and_parameters_reach_the_route(void **state)
{
    struct fl_resolve_env env = { 0 };
    fl_autoroute struct fl_route *r = NULL;

    assert_int_equal(
        fl_route_resolve("qemu+ssh://u%40x@[fe80::1%25eth0]:22/sys%20tem?command=/opt/my%20ssh&keyfile=/k"
                         "&netcat=nc%20x&socket=/s&no_tty=1&no_verify=1&foo=a%26b#f",
                         &env, 0, &r),
        0);
    assert_string_equal(r->driver, "qemu");
    assert_string_equal(r->user, "u@x");
    assert_string_equal(r->host, "fe80::1%eth0");
    assert_int_equal(r->port, 22);
    assert_string_equal(r->path, "/sys tem");
    assert_string_equal(r->fragment, "f");
    assert_string_equal(r->command, "/opt/my ssh");
    assert_string_equal(r->keyfile, "/k");
    assert_string_equal(r->netcat, "nc x");
    assert_string_equal(r->socket, "/s");
    assert_true(r->no_tty && r->no_verify && r->verify_set);
    assert_int_equal(r->nparams, 7);
    assert_string_equal(r->params[6].value, "a&b");
    assert_string_equal(r->remote_name, "qemu:///sys%20tem?foo=a%26b#f");
}

static void drivers_of_this_process_are_the_callers_word(void **state)
{
    static const char *const none[] = { NULL };
    static const char *const two[] = { "test", "qemu", NULL };
    struct fl_resolve_env env = { .local_drivers = none };
    fl_autoroute struct fl_route *r = NULL;
    fl_autoroute struct fl_route *q = NULL;

    assert_int_equal(fl_route_resolve("test:///default", &env, 0, &r), 0);
    assert_false(r->local);
    assert_string_equal(r->remote_name, "test:///default");
    env.local_drivers = two;
    assert_int_equal(fl_route_resolve("qemu:///system?mode=x", &env, 0, &q), 0);
    assert_true(q->local);
    assert_string_equal(q->query, "mode=x");
}

static void a_route_explains_itself(void **state)
{
    fl_autoclientconf struct fl_client_conf *conf = NULL;
    struct fl_resolve_env env = { 0 };
    fl_autoroute struct fl_route *r = NULL;
    fl_autoroute struct fl_route *probe = NULL;
    g_autofree char *words = NULL;
    g_autofree char *probe_words = NULL;

    assert_int_equal(fl_client_conf_parse("c.conf", conf_text, strlen(conf_text), &conf), 0);
    env.conf = conf;
    assert_int_equal(fl_route_resolve("hail", &env, 0, &r), 0);
    words = fl_route_explain(r);
    assert_non_null(
        strstr(words, "URI:               qemu+ssh://root@hail.example.com/system  (alias at c.conf:2)\n"));
    assert_non_null(strstr(words, "host:              hail.example.com"));
    assert_non_null(strstr(words, "proxy:             native  (set at c.conf:11)\n"));
    assert_non_null(strstr(words, "remote name:       qemu:///system"));

    env.conf = NULL;
    assert_int_equal(fl_route_resolve(NULL, &env, 0, &probe), 0);
    probe_words = fl_route_explain(probe);
    assert_string_equal(probe_words,
                        "URI:               none  (no URI given: each driver is asked in turn)\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_text_gives_transport_and_remote_name),
        cmocka_unit_test(what_cannot_be_used_is_refused),
        cmocka_unit_test(the_first_source_that_speaks_counts),
        cmocka_unit_test(aliases_end_where_they_should),
        cmocka_unit_test(a_bad_alias_concerns_who_looks_that_far),
        cmocka_unit_test(settings_fill_what_the_uri_leaves_open),
        cmocka_unit_test(a_bad_setting_matters_only_when_it_is_used),
        cmocka_unit_test(parts_and_parameters_reach_the_route),
        cmocka_unit_test(drivers_of_this_process_are_the_callers_word),
        cmocka_unit_test(a_route_explains_itself),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
