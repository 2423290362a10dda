/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A route in words: every item that was decided, a line each, with where it came from. For `virsh uri --why`.
 */
#include <string.h>

#include "uri/route.h"
#include "base/util.h"

static char *origin_text(const struct fl_origin *origin)
{
    const char *where = origin->where ? origin->where : "";

    switch (origin->kind) {
    case FL_ORIGIN_UNSET:
        return g_strdup("default");
    case FL_ORIGIN_ARGUMENT:
        return g_strdup("as given");
    case FL_ORIGIN_ENVIRONMENT:
        return origin->where ? g_strdup_printf("environment variable %s", where) : g_strdup("environment");
    case FL_ORIGIN_CONFIG:
        return origin->where ? g_strdup_printf("set at %s", where) : g_strdup("configuration");
    case FL_ORIGIN_ALIAS:
        return origin->where ? g_strdup_printf("alias at %s", where) : g_strdup("alias");
    case FL_ORIGIN_PARAMETER:
        return g_strdup_printf("URI parameter %s", where);
    case FL_ORIGIN_PROBE:
        return g_strdup("no URI given: each driver is asked in turn");
    case FL_ORIGIN_RULE:
        return g_strdup(where);
    }
    return g_strdup("unknown");
}

static void say(GString *out, const char *item, const char *value, const struct fl_origin *origin)
{
    g_autofree char *why = origin_text(origin);
    g_autofree char *label = g_strdup_printf("%s:", item);

    g_autofree char *shown = fl_passwords_hide(g_strdup(value));

    g_string_append_printf(out, "%-18s %s  (%s)\n", label, shown, why);
}

/* An item of the URI itself. */
static void say_part(GString *out, const struct fl_route *route, const char *item, const char *value)
{
    if (value)
        say(out, item, value, &route->uri_origin);
}

static void say_param(GString *out, const char *item, const char *value)
{
    struct fl_origin origin = { .kind = FL_ORIGIN_PARAMETER, .where = (char *)item };

    if (value)
        say(out, item, value, &origin);
}

static void say_seconds(GString *out, const char *item, int seconds, const struct fl_origin *origin)
{
    g_autofree char *text = seconds > 0 ? g_strdup_printf("%d s", seconds) : g_strdup("none");

    say(out, item, text, origin);
}

static void say_remote(GString *out, const struct fl_route *route)
{
    static const char *const modes[] = { "auto", "direct", "legacy" };
    static const char *const proxies[] = { "auto", "netcat", "native" };

    say(out, "remote name", *route->remote_name ? route->remote_name : "\"\"", &route->remote_name_origin);
    say(out, "mode", modes[route->mode], &route->mode_origin);
    if (route->transport && strstr(route->transport, "ssh"))
        say(out, "proxy", proxies[route->proxy], &route->proxy_origin);
    say_param(out, "socket", route->socket);
    say_param(out, "command", route->command);
    say_param(out, "netcat", route->netcat);
    say_param(out, "keyfile", route->keyfile);
    say_param(out, "known_hosts", route->known_hosts);
    say_param(out, "known_hosts_verify", route->known_hosts_verify);
    say_param(out, "sshauth", route->sshauth);
    say_param(out, "pkipath", route->pkipath);
    say_param(out, "auth", route->auth);
    say_param(out, "authfile", route->authfile);
    say_param(out, "no_verify", route->verify_set ? (route->no_verify ? "1" : "0") : NULL);
    say_param(out, "no_tty", route->no_tty ? "1" : NULL);
    say_param(out, "no_sanity", route->no_sanity ? "1" : NULL);
    if (route->tls_priority)
        say(out, "tls_priority", route->tls_priority, &route->tls_priority_origin);
    say_param(out, "tls_fingerprint", route->tls_fingerprint);
    if (route->reconnect > 0) {
        g_autofree char *limit = g_strdup_printf("for %d s", fl_route_reconnect_seconds(route));

        say(out, "reconnect", limit, &route->reconnect_origin);
    }
    say_seconds(out, "connect_timeout",
                route->connect_timeout >= 0 ? route->connect_timeout
                : fl_route_may_ask(route)   ? FL_CONNECT_SECONDS_PERSON
                                            : FL_CONNECT_SECONDS,
                &route->connect_timeout_origin);
    say_seconds(out, "call_timeout", MAX(route->call_timeout, 0), &route->call_timeout_origin);
}

char *fl_route_explain(const struct fl_route *route)
{
    GString *out = g_string_new(NULL);
    g_autofree char *user = fl_user_shown(route->user);
    g_autofree char *port = route->port ? g_strdup_printf("%d", route->port) : NULL;

    if (route->text)
        say(out, "text", route->text, &route->text_origin);
    say(out, "URI", route->uri ? route->uri : "none", &route->uri_origin);
    if (route->uri) {
        say_part(out, route, "driver", route->driver);
        say(out, "transport",
            route->transport ? route->transport
            : route->local   ? "none"
                             : "unix",
            &route->transport_origin);
        say_part(out, route, "user", user);
        say_part(out, route, "host", route->host);
        say_part(out, route, "port", port);
        say_part(out, route, "path", route->path);
        if (!route->local)
            say_remote(out, route);
    }
    return g_string_free(out, FALSE);
}
