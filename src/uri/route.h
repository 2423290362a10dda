/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A route: what a URI, the configuration and the environment say about where to go, and why.
 * Resolving is pure: files and environment are handed in; no sockets, no processes.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <glib.h>

#include "uri/query.h"

/* Which rule decided an item. */
enum fl_origin_kind {
    FL_ORIGIN_UNSET,       /* not given: the transport's own default applies */
    FL_ORIGIN_ARGUMENT,    /* the text passed to virConnectOpen* */
    FL_ORIGIN_ENVIRONMENT, /* where = variable name */
    FL_ORIGIN_CONFIG,      /* where = "FILE:LINE" */
    FL_ORIGIN_ALIAS,       /* where = "FILE:LINE" of the alias */
    FL_ORIGIN_PARAMETER,   /* a ?name=value of the URI; where = the name */
    FL_ORIGIN_PROBE,       /* no URI at all: each driver is asked in turn */
    FL_ORIGIN_RULE, /* follows from other items; where = the rule, e.g. "a host and no transport means tls" */
};

struct fl_origin {
    enum fl_origin_kind kind;
    char *where; /* owned; NULL where the kind says it all */
};

enum fl_route_mode { FL_MODE_AUTO, FL_MODE_DIRECT, FL_MODE_LEGACY };
enum fl_route_proxy { FL_PROXY_AUTO, FL_PROXY_NETCAT, FL_PROXY_NATIVE };

/* Strings are owned by the route and NULL when absent. */
struct fl_route {
    char *uri; /* the URI after alias and default, as virConnectGetURI of a local driver gives it; NULL =
                  probe */
    struct fl_origin uri_origin;
    char *text; /* what was chosen, where an alias or "xen" stood for the URI; else NULL */
    struct fl_origin text_origin;

    bool local;   /* a driver in this process opens it; nothing below `fragment` applies and no parameter is
                     taken */
    char *driver; /* "qemu": the scheme before '+' */
    char *transport; /* "unix", "tcp", "tls", "ssh", "libssh", "libssh2", "ext" in small letters; NULL when
                        the URI names neither transport nor host, which means unix unless `local` */
    struct fl_origin transport_origin;
    char *user;  /* unescaped, as all parts below */
    char *host;  /* without brackets; zone kept after '%' */
    int port;    /* 0 = the transport's default */
    char *path;  /* "/system", "/default", "/path/to/file"; NULL when absent */
    char *query; /* raw, all parameters, as a local driver sees them; NULL when absent */
    char *fragment;

    char *remote_name; /* what the far side is asked to open: name=, or the URI less what was consumed;
                          "" = its own default; NULL when `local` or probing */
    struct fl_origin remote_name_origin;

    enum fl_route_mode mode;
    struct fl_origin mode_origin;
    enum fl_route_proxy proxy;
    struct fl_origin proxy_origin;

    char *socket;  /* socket= */
    char *command; /* command= */
    char *netcat;  /* netcat= */
    char *keyfile;
    char *known_hosts;
    char *known_hosts_verify;
    char *sshauth;
    char *tls_priority;
    struct fl_origin tls_priority_origin;
    char *pkipath;
    char *auth;
    char *authfile;
    bool no_verify;  /* no_verify=1 */
    bool verify_set; /* no_verify was given at all */
    bool no_tty;     /* no_tty=1 */
    bool no_sanity;
    char *tls_fingerprint; /* tls_fingerprint=sha256:HEX: the server's certificate, whatever signed it */
    int reconnect; /* dial again when the connection breaks: 0 no, 1 yes, more: for so many seconds, -1 = not
                      given */
    struct fl_origin reconnect_origin;
    int connect_timeout; /* seconds for the whole of opening; 0 = none, -1 = not given */
    struct fl_origin connect_timeout_origin;
    int call_timeout; /* seconds for one call; 0 = none, -1 = not given */
    struct fl_origin call_timeout_origin;

    gint more_refs;          /* besides the first */
    struct fl_param *params; /* all query parameters in order, unescaped, consumed or not */
    size_t nparams;
};

/* The files and variables a resolution may look at; NULL members mean "absent". */
struct fl_resolve_env {
    const char *default_uri_env;     /* LIBVIRT_DEFAULT_URI */
    const char *connect_timeout_env; /* LIBVIRT_CONNECT_TIMEOUT; counts where the URI has no such parameter */
    const char *call_timeout_env;    /* LIBVIRT_CALL_TIMEOUT */
    const char *reconnect_env;       /* LIBVIRT_RECONNECT */
    const struct fl_client_conf
        *conf; /* config/client_conf.h: aliases, uri_default, remote_mode, ...; may be NULL */
    const char *const *local_drivers; /* drivers of this process, NULL-terminated; NULL means { "test" } */
    bool privileged;                  /* effective uid 0 */
    bool read_only;                   /* opened read-only: picks -sock-ro and tells the helper */
};

#define FL_RESOLVE_NO_ALIASES 1u

/*
 * text may be NULL or "". On success *ret_route is new, owned by the caller. -1 with the error set:
 * VIR_ERR_INTERNAL_ERROR from VIR_FROM_URI for bad syntax, VIR_ERR_NO_CONNECT for a text that names no
 * driver, VIR_ERR_INVALID_ARG from VIR_FROM_REMOTE for a transport or parameter that cannot be used.
 */
int fl_route_resolve(const char *text, const struct fl_resolve_env *env, unsigned int flags,
                     struct fl_route **ret_route);
/* Seconds all of opening may take, where nothing sets a limit; and where a person may be asked for a password
 * on the way. */
#define FL_CONNECT_SECONDS        60
#define FL_CONNECT_SECONDS_PERSON 300
/* A parameter of this client that `name`, which is none, may be a slip of; or NULL. */
const char *fl_route_param_near(const char *name);
/* Whether logging in is left to ssh or a command, which may ask. */
bool fl_route_may_ask(const struct fl_route *route);
/* A line per item that was decided, "item: value   (why)"; free with g_free(). */
char *fl_route_explain(const struct fl_route *route);
void fl_route_free(struct fl_route *route);
/* The same route for one owner more, who may not change it; each frees it once. */
struct fl_route *fl_route_ref(const struct fl_route *route);
static inline void fl_route_clear_(struct fl_route **r)
{
    fl_route_free(*r);
}
#define FL_RECONNECT_SECONDS 120 /* where reconnect= only says yes */
static inline int fl_route_reconnect_seconds(const struct fl_route *route)
{
    return route->reconnect == 1 ? FL_RECONNECT_SECONDS : MAX(route->reconnect, 0);
}
#define fl_autoroute __attribute__((cleanup(fl_route_clear_)))
