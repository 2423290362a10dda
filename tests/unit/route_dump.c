/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * route_dump [--conf FILE] [--no-aliases] [--null | URI]: resolves as a connection would, with
 * LIBVIRT_DEFAULT_URI from the environment, and prints "key=value" lines; with --explain the words for people
 * instead. On failure prints "error=CODE DOMAIN" and the message. For tests that compare routes with what the
 * peer does.
 */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "config/client_conf.h"
#include "uri/route.h"

static void put(const char *key, const char *value)
{
    if (value)
        printf("%s=%s\n", key, value);
}

static void dump(const struct fl_route *r)
{
    put("uri", r->uri);
    put("driver", r->driver);
    put("transport", r->transport);
    put("user", r->user);
    put("host", r->host);
    if (r->port)
        printf("port=%d\n", r->port);
    put("path", r->path);
    put("query", r->query);
    put("fragment", r->fragment);
    put("remote_name", r->remote_name);
    put("socket", r->socket);
    put("command", r->command);
    put("netcat", r->netcat);
    put("keyfile", r->keyfile);
    put("known_hosts", r->known_hosts);
    put("known_hosts_verify", r->known_hosts_verify);
    put("sshauth", r->sshauth);
    put("tls_priority", r->tls_priority);
    put("pkipath", r->pkipath);
    put("auth", r->auth);
    put("authfile", r->authfile);
    printf("mode=%d\nproxy=%d\nno_verify=%d\nno_tty=%d\n", r->mode, r->proxy, r->no_verify, r->no_tty);
    printf("connect_timeout=%d\ncall_timeout=%d\nlocal=%d\n", r->connect_timeout, r->call_timeout, r->local);
    printf("uri_origin=%d %s\n", r->uri_origin.kind, r->uri_origin.where ? r->uri_origin.where : "");
}

static int run(const char *conf_path, const char *text, unsigned int flags, bool explain)
{
    fl_autoclientconf struct fl_client_conf *conf = NULL;
    fl_autoroute struct fl_route *route = NULL;
    struct fl_resolve_env env = { .default_uri_env = g_getenv("LIBVIRT_DEFAULT_URI") };

    if (conf_path && fl_client_conf_load_file(conf_path, &conf) < 0)
        return -1;
    env.conf = conf;
    if (fl_route_resolve(text, &env, flags, &route) < 0)
        return -1;
    if (explain) {
        g_autofree char *words = fl_route_explain(route);

        fputs(words, stdout);
    } else {
        dump(route);
    }
    return 0;
}

int main(int argc, char **argv)
{
    const char *conf_path = NULL;
    const char *text = NULL;
    unsigned int flags = 0;
    bool explain = false;

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--conf") == 0 && i + 1 < argc)
            conf_path = argv[++i];
        else if (strcmp(argv[i], "--no-aliases") == 0)
            flags |= FL_RESOLVE_NO_ALIASES;
        else if (strcmp(argv[i], "--explain") == 0)
            explain = true;
        else if (strcmp(argv[i], "--null") != 0)
            text = argv[i];
    }
    if (run(conf_path, text, flags, explain) < 0) {
        printf("error=%d %d\n%s\n", fl_error_get()->code, fl_error_get()->domain, fl_error_get()->message);
        return 1;
    }
    return 0;
}
