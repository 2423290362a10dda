/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Resolves a text, the settings and the environment into a route: which text counts, what its parts mean,
 * what the far side is asked to open. Rules: docs/uri.md. Called by the core at every open.
 */
#define FL_FROM VIR_FROM_REMOTE

#include <string.h>

#include "config/client_conf.h"
#include "uri/route.h"
#include "uri/route_params.h"
#include "uri/suggest.h"
#include "uri/uri.h"
#include "base/error.h"

static const char *const transports[] = { "unix", "tcp", "tls", "ssh", "libssh", "libssh2", "ext", NULL };
static const char *const default_local_drivers[] = { "test", NULL };

static bool is_local_driver(const struct fl_resolve_env *env, const char *driver)
{
    const char *const *names = env->local_drivers ? env->local_drivers : default_local_drivers;

    for (; *names; names++) {
        if (strcmp(*names, driver) == 0)
            return true;
    }
    return false;
}

/* Which text is to be resolved: the argument, the environment, the settings or none. NULL = probe. */
static const char *choose_text(const char *text, const struct fl_resolve_env *env, struct fl_origin *origin)
{
    const struct fl_client_conf *conf = env->conf;

    if (text && *text) {
        fl_origin_set(origin, FL_ORIGIN_ARGUMENT, NULL);
        return text;
    }
    if (env->default_uri_env && *env->default_uri_env) {
        fl_origin_set(origin, FL_ORIGIN_ENVIRONMENT, "LIBVIRT_DEFAULT_URI");
        return env->default_uri_env;
    }
    if (conf && conf->uri_default.text) {
        fl_origin_set(origin, FL_ORIGIN_CONFIG, "%s:%d", conf->filename, conf->uri_default.line);
        return conf->uri_default.text;
    }
    fl_origin_set(origin, FL_ORIGIN_PROBE, NULL);
    return NULL;
}

/* The text an alias or the legacy name stands for, or the text itself. Aliases are not followed twice. NULL:
 * the search came to an entry that cannot be read. */
static const char *expand_text(const char *text, const struct fl_resolve_env *env, unsigned int flags,
                               struct fl_origin *origin)
{
    const struct fl_alias *alias;

    /* Compat: the very first releases called their only hypervisor so; an alias cannot take the name. */
    if (g_ascii_strcasecmp(text, "xen") == 0) {
        fl_origin_set(origin, FL_ORIGIN_RULE, "the name \"xen\" stands for xen:///system");
        return "xen:///system";
    }
    if ((flags & FL_RESOLVE_NO_ALIASES) || !fl_alias_name_ok(text))
        return text;
    alias = fl_client_conf_find_alias(env->conf, text);
    if (!alias && env->conf && env->conf->alias_error) {
        fl_error_set(VIR_FROM_URI, VIR_ERR_CONF_SYNTAX, "%s", env->conf->alias_error);
        return NULL;
    }
    if (!alias)
        return text;
    fl_origin_set(origin, FL_ORIGIN_ALIAS, "%s:%d", env->conf->filename, alias->line);
    return alias->uri;
}

/* Who chose the text is one thing, and where it is said what the text stands for another. */
static const char *expand_chosen(struct fl_route *route, const char *text, const struct fl_resolve_env *env,
                                 unsigned int flags)
{
    struct fl_origin chosen_by = { .kind = route->uri_origin.kind,
                                   .where = g_strdup(route->uri_origin.where) };
    const char *uri = expand_text(text, env, flags, &route->uri_origin);

    if (!uri || uri == text) {
        g_free(chosen_by.where);
        return uri;
    }
    route->text = g_strdup(text);
    route->text_origin = chosen_by;
    return uri;
}

static const char *near_alias(const char *text, const struct fl_client_conf *conf)
{
    g_autofree const char **names = g_new0(const char *, (conf ? conf->naliases : 0) + 1);

    for (size_t i = 0; conf && i < conf->naliases; i++)
        names[i] = conf->aliases[i].name;
    return fl_suggest(text, names);
}

static int no_driver(const char *text, const struct fl_resolve_env *env, unsigned int flags,
                     const struct fl_origin *origin)
{
    bool could_be_alias = fl_alias_name_ok(text) && origin->kind != FL_ORIGIN_ALIAS;
    const char *meant =
        could_be_alias && !(flags & FL_RESOLVE_NO_ALIASES) ? near_alias(text, env->conf) : NULL;
    g_autofree char *from = NULL;
    g_autofree char *hint = NULL;
    g_autofree char *todo = NULL;

    if (origin->where)
        from = g_strdup_printf(" (from %s)", origin->where);
    if (could_be_alias) {
        if (flags & FL_RESOLVE_NO_ALIASES)
            hint = g_strdup(" and aliases are switched off");
        else if (env->conf)
            hint = g_strdup_printf(" and %s has no such alias", env->conf->filename);
        else
            hint = g_strdup(" and there is no such alias");
    }
    todo = meant ? g_strdup_printf("did you mean the alias '%s'?", meant)
                 : g_strdup("write it as DRIVER:///PATH, for example qemu:///system");
    return fl_error_set(VIR_FROM_NONE, VIR_ERR_NO_CONNECT, "'%.200s'%s names no driver%s; %s", text,
                        from ? from : "", hint ? hint : "", todo);
}

static int no_transport(const struct fl_route *route, const char *name)
{
    g_autofree char *small = g_ascii_strdown(name, -1);
    const char *meant = fl_suggest(small, transports);
    g_autofree char *todo = meant ? g_strdup_printf("did you mean +%s?", meant)
                                  : g_strdup("leave it out for this machine, or use +ssh");

    return fl_error(
        VIR_ERR_INVALID_ARG,
        "unknown transport '%.60s' in '%.200s', expected unix, tcp, tls, ssh, libssh, libssh2 or ext; "
        "%s",
        name, route->uri, todo);
}

/* Splits "driver+transport" and names the transport where the URI leaves it out. */
static int take_scheme(struct fl_route *route, const char *scheme)
{
    const char *plus = strchr(scheme, '+');

    if (!plus) {
        route->driver = g_strdup(scheme);
        if (route->host) {
            route->transport = g_strdup("tls");
            fl_origin_set(&route->transport_origin, FL_ORIGIN_RULE, "a host and no transport means tls");
        }
        return 0;
    }
    route->driver = g_strndup(scheme, plus - scheme);
    for (size_t i = 0; transports[i]; i++) {
        if (g_ascii_strcasecmp(plus + 1, transports[i]) == 0)
            route->transport = g_strdup(transports[i]);
    }
    if (!route->transport)
        return no_transport(route, plus + 1);
    fl_origin_set(&route->transport_origin, route->uri_origin.kind, NULL);
    return 0;
}

static int take_params(struct fl_route *route)
{
    g_autoptr(GArray) params = fl_query_new();

    if (fl_query_parse(route->query, params) < 0)
        return -1;
    route->nparams = params->len;
    /* The elements move to the route: freeing the array must not clear them. */
    g_array_set_clear_func(params, NULL);
    route->params = (struct fl_param *)(void *)g_array_free(g_steal_pointer(&params), FALSE);
    return 0;
}

/* The name the far side opens: no transport, user, host or port, and only the parameters that are meant for
 * it. */
static void default_remote_name(struct fl_route *route)
{
    g_autoptr(GString) query = g_string_new(NULL);
    struct fl_uri far = { .scheme = route->driver, .path = route->path, .fragment = route->fragment };

    if (strcmp(route->driver, "remote") == 0) {
        route->remote_name = g_strdup("");
        fl_origin_set(&route->remote_name_origin, FL_ORIGIN_RULE,
                      "\"remote\" leaves the choice to the far side");
        return;
    }
    for (size_t i = 0; i < route->nparams; i++) {
        if (!fl_route_param_consumed(route->params[i].name))
            fl_query_append(query, &route->params[i]);
    }
    far.query = query->len ? query->str : NULL;
    route->remote_name = fl_uri_format(&far);
    fl_origin_set(&route->remote_name_origin, FL_ORIGIN_RULE, "the URI without what concerns the way there");
}

/* Combinations no transport could use. */
static int check_route(const struct fl_route *route)
{
    const char *transport = route->transport ? route->transport : "unix";

    if (strcmp(transport, "unix") == 0 && route->host)
        return fl_error(VIR_ERR_INVALID_ARG,
                        "'%.200s': a unix socket is on this machine, so the URI cannot name the host '%s'; "
                        "leave the host out or use +ssh or +tls",
                        route->uri, route->host);
    if (strcmp(transport, "ext") == 0 && !route->command)
        return fl_error(VIR_ERR_INVALID_ARG, "'%.200s': the ext transport needs a parameter command=PATH",
                        route->uri);
    if (strcmp(transport, "tls") == 0 && route->command && route->socket)
        return fl_error(VIR_ERR_INVALID_ARG,
                        "'%.200s': command= and socket= are two ways to the same daemon; leave one out",
                        route->uri);
    if (strstr(transport, "ssh") && route->proxy == FL_PROXY_NATIVE && route->netcat)
        return fl_error_set(VIR_FROM_RPC, VIR_ERR_INVALID_ARG,
                            "'%.200s': netcat= cannot be used with proxy=native, which runs no netcat",
                            route->uri);
    return 0;
}

static int take_uri(struct fl_route *route, const char *text, const struct fl_resolve_env *env,
                    unsigned int flags)
{
    fl_autouri struct fl_uri *uri = NULL;

    if (fl_uri_parse(text, &uri) < 0)
        return -1;
    if (!uri->scheme)
        return no_driver(text, env, flags, &route->uri_origin);
    route->uri = fl_uri_format(uri);
    route->user = g_steal_pointer(&uri->user);
    route->host = g_steal_pointer(&uri->host);
    route->port = uri->port;
    route->path = g_steal_pointer(&uri->path);
    route->query = g_steal_pointer(&uri->query);
    route->fragment = g_steal_pointer(&uri->fragment);
    return take_scheme(route, uri->scheme);
}

int fl_route_resolve(const char *text, const struct fl_resolve_env *env, unsigned int flags,
                     struct fl_route **ret_route)
{
    fl_autoroute struct fl_route *route = g_new0(struct fl_route, 1);
    const char *chosen;

    route->connect_timeout = route->call_timeout = route->reconnect = -1;
    chosen = choose_text(text, env, &route->uri_origin);
    if (chosen) {
        chosen = expand_chosen(route, chosen, env, flags);
        if (!chosen || take_uri(route, chosen, env, flags) < 0 || take_params(route) < 0)
            return -1;
        route->local = !route->transport && is_local_driver(env, route->driver);
        if (!route->local) {
            if (fl_route_apply_params(route, env) < 0)
                return -1;
            if (!route->remote_name)
                default_remote_name(route);
            if (check_route(route) < 0)
                return -1;
        } else if (fl_route_check_limits(env) < 0) {
            return -1;
        }
        if (!route->transport)
            fl_origin_set(&route->transport_origin, FL_ORIGIN_RULE,
                          route->local ? "this process has the driver"
                                       : "no host and no transport means this machine");
    } else if (fl_route_apply_params(route, env) <
               0) { /* mode and limits count for a daemon asked without a URI, too */
        return -1;
    }
    *ret_route = g_steal_pointer(&route);
    return 0;
}

struct fl_route *fl_route_ref(const struct fl_route *route)
{
    struct fl_route *shared = (struct fl_route *)route; /* only the count changes */

    g_atomic_int_inc(&shared->more_refs);
    return shared;
}

bool fl_route_may_ask(const struct fl_route *route)
{
    return route->transport && (strstr(route->transport, "ssh") || strcmp(route->transport, "ext") == 0);
}

void fl_route_free(struct fl_route *route)
{
    if (!route || g_atomic_int_add(&route->more_refs, -1) > 0)
        return;
    for (size_t i = 0; i < route->nparams; i++) {
        g_free(route->params[i].name);
        g_free(route->params[i].value);
    }
    g_free(route->params);
    g_free(route->uri);
    g_free(route->driver);
    g_free(route->transport);
    g_free(route->user);
    g_free(route->host);
    g_free(route->path);
    g_free(route->query);
    g_free(route->fragment);
    g_free(route->remote_name);
    g_free(route->socket);
    g_free(route->command);
    g_free(route->netcat);
    g_free(route->keyfile);
    g_free(route->known_hosts);
    g_free(route->known_hosts_verify);
    g_free(route->sshauth);
    g_free(route->tls_priority);
    g_free(route->pkipath);
    g_free(route->tls_fingerprint);
    g_free(route->auth);
    g_free(route->authfile);
    g_free(route->uri_origin.where);
    g_free(route->text);
    g_free(route->text_origin.where);
    g_free(route->transport_origin.where);
    g_free(route->remote_name_origin.where);
    g_free(route->mode_origin.where);
    g_free(route->proxy_origin.where);
    g_free(route->tls_priority_origin.where);
    g_free(route->connect_timeout_origin.where);
    g_free(route->call_timeout_origin.where);
    g_free(route->reconnect_origin.where);
    g_free(route);
}
