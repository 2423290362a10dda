/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The URI parameters a client takes for itself, in one table, with the transports that have a use for each.
 * Names compare without case, and the last of several counts. Everything else is passed on to the far side by
 * route.c.
 */
#define FL_FROM VIR_FROM_REMOTE

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "config/client_conf.h"
#include "uri/route_params.h"
#include "uri/suggest.h"
#include "base/error.h"

enum param_kind { PARAM_TEXT, PARAM_FLAG, PARAM_SECONDS, PARAM_MODE, PARAM_PROXY };

struct param_rule {
    const char *name;
    enum param_kind kind;
    size_t offset; /* into struct fl_route */
    size_t origin; /* offset of its origin, 0 = it has none of its own */
    unsigned int transports;
};

/* Which transports a parameter means something to ("Supported extra parameters" of the page, and what ssh,
 * libssh and libssh2 have from each other; tls rides over a socket or a command, too). Elsewhere it is
 * refused, so that nobody relies on what is not there. */
#define ON_UNIX    (1u << 0)
#define ON_TCP     (1u << 1)
#define ON_TLS     (1u << 2)
#define ON_SSH     (1u << 3)
#define ON_LIBSSH  (1u << 4)
#define ON_LIBSSH2 (1u << 5)
#define ON_EXT     (1u << 6)
#define ON_SSHS    (ON_SSH | ON_LIBSSH | ON_LIBSSH2)
#define ON_ALL     (~0u)

static const char *const transport_names[] = { "unix", "tcp", "tls", "ssh", "libssh", "libssh2", "ext" };

#define AT(field) offsetof(struct fl_route, field)

static const struct param_rule rules[] = {
    { "name", PARAM_TEXT, AT(remote_name), AT(remote_name_origin), ON_ALL },
    { "command", PARAM_TEXT, AT(command), 0, ON_TLS | ON_SSH | ON_EXT },
    { "socket", PARAM_TEXT, AT(socket), 0, ON_UNIX | ON_TLS | ON_SSHS },
    { "netcat", PARAM_TEXT, AT(netcat), 0, ON_SSHS },
    { "keyfile", PARAM_TEXT, AT(keyfile), 0, ON_SSHS },
    { "known_hosts", PARAM_TEXT, AT(known_hosts), 0, ON_SSHS },
    { "known_hosts_verify", PARAM_TEXT, AT(known_hosts_verify), 0, ON_SSHS },
    { "sshauth", PARAM_TEXT, AT(sshauth), 0, ON_SSHS },
    { "tls_priority", PARAM_TEXT, AT(tls_priority), AT(tls_priority_origin), ON_TLS },
    { "pkipath", PARAM_TEXT, AT(pkipath), 0, ON_TLS },
    { "tls_fingerprint", PARAM_TEXT, AT(tls_fingerprint), 0, ON_TLS },
    { "reconnect", PARAM_SECONDS, AT(reconnect), AT(reconnect_origin), ON_ALL },
    { "auth", PARAM_TEXT, AT(auth), 0, ON_ALL },
    { "authfile", PARAM_TEXT, AT(authfile), 0, ON_ALL },
    { "no_verify", PARAM_FLAG, AT(no_verify), 0, ON_TLS | ON_SSHS },
    { "no_tty", PARAM_FLAG, AT(no_tty), 0, ON_SSHS },
    { "no_sanity", PARAM_FLAG, AT(no_sanity), 0, ON_TLS },
    { "mode", PARAM_MODE, AT(mode), AT(mode_origin), ON_UNIX | ON_SSHS },
    { "proxy", PARAM_PROXY, AT(proxy), AT(proxy_origin), ON_SSHS },
    { "connect_timeout", PARAM_SECONDS, AT(connect_timeout), AT(connect_timeout_origin), ON_ALL },
    { "call_timeout", PARAM_SECONDS, AT(call_timeout), AT(call_timeout_origin), ON_ALL },
};

static const char *const mode_names[] = { "auto", "direct", "legacy" };
static const char *const proxy_names[] = { "auto", "netcat", "native" };

static const struct param_rule *find_rule(const char *name)
{
    for (size_t i = 0; i < G_N_ELEMENTS(rules); i++) {
        if (g_ascii_strcasecmp(rules[i].name, name) == 0)
            return &rules[i];
    }
    return NULL;
}

bool fl_route_param_consumed(const char *name)
{
    return find_rule(name) != NULL;
}

const char *fl_route_param_near(const char *name)
{
    const char *names[G_N_ELEMENTS(rules) + 1] = { NULL };
    g_autofree char *small = g_ascii_strdown(name, -1);

    for (size_t i = 0; i < G_N_ELEMENTS(rules); i++)
        names[i] = rules[i].name;
    return fl_suggest(small, names);
}

void fl_origin_set(struct fl_origin *origin, enum fl_origin_kind kind, const char *where_fmt, ...)
{
    va_list args;

    g_free(origin->where);
    origin->kind = kind;
    origin->where = NULL;
    if (where_fmt) {
        va_start(args, where_fmt);
        origin->where = g_strdup_vprintf(where_fmt, args);
        va_end(args);
    }
}

static int number_from_text(const char *text, int *ret_number)
{
    char *end;
    gint64 n;

    n = g_ascii_strtoll(text, &end, 10);
    if (end == text || *end != '\0' || n < INT_MIN || n > INT_MAX)
        return -1;
    *ret_number = (int)n;
    return 0;
}

static int apply_flag(struct fl_route *route, const struct param_rule *rule, const char *value)
{
    int n = 0;

    if (number_from_text(value, &n) < 0)
        return fl_error(VIR_ERR_INVALID_ARG, "URI parameter %s=%.100s: expected 0 or 1", rule->name, value);
    *(bool *)((char *)route + rule->offset) = n != 0;
    if (rule->offset == AT(no_verify))
        route->verify_set = true;
    return 0;
}

/* `from` names whoever gave the value: "URI parameter connect_timeout". */
static int apply_seconds(struct fl_route *route, const struct param_rule *rule, const char *from,
                         const char *value)
{
    int n = 0;

    if (*value && strspn(value, "0123456789") == strlen(value) &&
        (number_from_text(value, &n) < 0 || n > FL_SECONDS_MAX))
        return fl_error(VIR_ERR_INVALID_ARG, "%s=%.100s: expected at most %d seconds, or 0 for %s", from,
                        value, FL_SECONDS_MAX, rule->offset == AT(reconnect) ? "never" : "no limit");
    if (number_from_text(value, &n) < 0 || n < 0)
        return fl_error(VIR_ERR_INVALID_ARG, "%s=%.100s: expected a number of seconds, 0 for %s", from, value,
                        rule->offset == AT(reconnect) ? "never and 1 for the usual 120" : "no limit");
    *(int *)((char *)route + rule->offset) = n;
    return 0;
}

static int apply_text(struct fl_route *route, const struct param_rule *rule, const char *value)
{
    char **slot = (char **)((char *)route + rule->offset);

    /* An empty name asks for the far side's default; nothing else can be empty. An unknown auth is refused
     * later. */
    if (*value == '\0' && rule->offset != AT(remote_name) && rule->offset != AT(auth))
        return fl_error(VIR_ERR_INVALID_ARG, "URI parameter %s= is empty: give it a value or leave it out",
                        rule->name);
    g_free(*slot);
    *slot = g_strdup(value);
    return 0;
}

static int index_of(const char *text, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(text, names[i]) == 0)
            return (int)i;
    }
    return -1;
}

static int set_mode(struct fl_route *route, const char *text, const char *from)
{
    int i = index_of(text, mode_names, G_N_ELEMENTS(mode_names));

    if (i < 0)
        return fl_error(VIR_ERR_INVALID_ARG, "%s: unknown mode '%.100s', expected auto, direct or legacy",
                        from, text);
    route->mode = (enum fl_route_mode)i;
    return 0;
}

static int set_proxy(struct fl_route *route, const char *text, const char *from)
{
    int i = index_of(text, proxy_names, G_N_ELEMENTS(proxy_names));

    if (i < 0)
        return fl_error(VIR_ERR_INVALID_ARG, "%s: unknown proxy '%.100s', expected auto, netcat or native",
                        from, text);
    route->proxy = (enum fl_route_proxy)i;
    return 0;
}

/* Mode and proxy are judged once all parameters are read: of several only the last has to be good. */
static int apply_choices(struct fl_route *route, const char *mode, const char *proxy,
                         const struct fl_client_conf *conf)
{
    g_autofree char *from = NULL;

    if (mode) {
        if (set_mode(route, mode, "URI parameter mode") < 0)
            return -1;
    } else if (conf && conf->remote_mode.text) {
        from = g_strdup_printf("%s:%d: remote_mode", conf->filename, conf->remote_mode.line);
        if (set_mode(route, conf->remote_mode.text, from) < 0)
            return -1;
        fl_origin_set(&route->mode_origin, FL_ORIGIN_CONFIG, "%s:%d", conf->filename, conf->remote_mode.line);
    }
    g_clear_pointer(&from, g_free);

    if (proxy) {
        if (set_proxy(route, proxy, "URI parameter proxy") < 0)
            return -1;
    } else if (conf && conf->remote_proxy.text) {
        from = g_strdup_printf("%s:%d: remote_proxy", conf->filename, conf->remote_proxy.line);
        if (set_proxy(route, conf->remote_proxy.text, from) < 0)
            return -1;
        fl_origin_set(&route->proxy_origin, FL_ORIGIN_CONFIG, "%s:%d", conf->filename,
                      conf->remote_proxy.line);
    }
    return 0;
}

static int check_transport(const struct fl_route *route, const struct param_rule *rule)
{
    const char *name = route->transport ? route->transport : transport_names[0];
    unsigned int bit = 0;
    g_autoptr(GString) takers = g_string_new(NULL);

    for (size_t i = 0; i < G_N_ELEMENTS(transport_names); i++) {
        if (strcmp(transport_names[i], name) == 0)
            bit = 1u << i;
        if (rule->transports & (1u << i))
            g_string_append_printf(takers, "%s%s", takers->len ? ", " : "", transport_names[i]);
    }
    if (!bit || (rule->transports & bit))
        return 0;
    return fl_error(VIR_ERR_INVALID_ARG,
                    "URI parameter %s= means nothing to the transport %s; it is for %s: leave it out, or "
                    "change the transport",
                    rule->name, name, takers->str);
}

static struct fl_origin *origin_of(struct fl_route *route, const struct param_rule *rule)
{
    return (struct fl_origin *)(void *)((char *)route + rule->origin);
}

/* A limit the URI does not set: the environment, then the settings. */
static int fall_back(struct fl_route *route, const char *name, const char *variable, const char *value,
                     const struct fl_client_conf *conf, const struct fl_conf_seconds *set)
{
    const struct param_rule *rule = find_rule(name);
    g_autofree char *from = g_strdup_printf("environment variable %s", variable);

    if (*(int *)((char *)route + rule->offset) >= 0)
        return 0;
    if (value && *value) {
        fl_origin_set(origin_of(route, rule), FL_ORIGIN_ENVIRONMENT, "%s", variable);
        return apply_seconds(route, rule, from, value);
    }
    if (set && set->line) {
        fl_origin_set(origin_of(route, rule), FL_ORIGIN_CONFIG, "%s:%d", conf->filename, set->line);
        *(int *)((char *)route + rule->offset) = set->seconds;
    }
    return 0;
}

static int apply_limits(struct fl_route *route, const struct fl_resolve_env *env)
{
    const struct fl_client_conf *conf = env->conf;

    if (fall_back(route, "connect_timeout", "LIBVIRT_CONNECT_TIMEOUT", env->connect_timeout_env, conf,
                  conf ? &conf->connect_timeout : NULL) < 0)
        return -1;
    if (fall_back(route, "call_timeout", "LIBVIRT_CALL_TIMEOUT", env->call_timeout_env, conf,
                  conf ? &conf->call_timeout : NULL) < 0)
        return -1;
    return fall_back(route, "reconnect", "LIBVIRT_RECONNECT", env->reconnect_env, conf,
                     conf ? &conf->reconnect : NULL);
}

int fl_route_check_limits(const struct fl_resolve_env *env)
{
    fl_autoroute struct fl_route *nobodys = NULL;

    if (!env->connect_timeout_env && !env->call_timeout_env && !env->reconnect_env)
        return 0; /* those of the settings were checked when they were read */
    nobodys = g_new0(struct fl_route, 1);
    nobodys->connect_timeout = nobodys->call_timeout = nobodys->reconnect = -1;
    return apply_limits(nobodys, env);
}

int fl_route_apply_params(struct fl_route *route, const struct fl_resolve_env *env)
{
    const struct fl_client_conf *conf = env->conf;
    g_autofree char *from = NULL;
    const char *mode = NULL;
    const char *proxy = NULL;

    for (size_t i = 0; i < route->nparams; i++) {
        const struct param_rule *rule = find_rule(route->params[i].name);
        const char *value = route->params[i].value;
        int rc = 0;

        if (!rule)
            continue;
        if (check_transport(route, rule) < 0)
            return -1;
        switch (rule->kind) {
        case PARAM_TEXT:
            rc = apply_text(route, rule, value);
            break;
        case PARAM_FLAG:
            rc = apply_flag(route, rule, value);
            break;
        case PARAM_SECONDS:
            g_free(from);
            from = g_strdup_printf("URI parameter %s", rule->name);
            rc = apply_seconds(route, rule, from, value);
            break;
        case PARAM_MODE:
            mode = value;
            break;
        case PARAM_PROXY:
            proxy = value;
            break;
        }
        if (rc < 0)
            return -1;
        if (rule->origin)
            fl_origin_set(origin_of(route, rule), FL_ORIGIN_PARAMETER, "%s", rule->name);
    }
    if (!route->tls_priority && conf && conf->tls_priority.text) {
        route->tls_priority = g_strdup(conf->tls_priority.text);
        fl_origin_set(&route->tls_priority_origin, FL_ORIGIN_CONFIG, "%s:%d", conf->filename,
                      conf->tls_priority.line);
    }
    if (apply_limits(route, env) < 0)
        return -1;
    return apply_choices(route, mode, proxy, conf);
}
