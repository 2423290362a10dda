/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A route: what a URI, the configuration and the environment say about where to go, and why.
 * Resolving is pure: files and environment are handed in; no sockets, no processes.
 */
#pragma once

#include <stdbool.h>
#include <glib.h>

/* Which rule decided an item. */
enum fl_origin_kind {
    FL_ORIGIN_UNSET,       /* not given: the transport's own default applies */
    FL_ORIGIN_ARGUMENT,    /* the text passed to virConnectOpen* */
    FL_ORIGIN_ENVIRONMENT, /* where = variable name */
    FL_ORIGIN_CONFIG,      /* where = "FILE:LINE" */
    FL_ORIGIN_ALIAS,       /* where = "FILE:LINE" of the alias */
    FL_ORIGIN_PARAMETER,   /* a ?name=value of the URI */
    FL_ORIGIN_PROBE,       /* no URI at all: each driver is asked in turn */
    FL_ORIGIN_RULE,        /* follows from other items, e.g. "a host and no transport means tls" */
};

struct fl_origin {
    enum fl_origin_kind kind;
    char *where; /* owned; NULL where the kind says it all */
};

enum fl_route_mode { FL_MODE_AUTO, FL_MODE_DIRECT, FL_MODE_LEGACY };
enum fl_route_proxy { FL_PROXY_AUTO, FL_PROXY_NETCAT, FL_PROXY_NATIVE };

struct fl_param {
    char *name;
    char *value;
};

/* Strings are owned by the route and NULL when absent. */
struct fl_route {
    char *uri;       /* the URI after alias and default, as virConnectGetURI of a local driver gives it; NULL = probe */
    struct fl_origin uri_origin;

    char *driver;    /* "qemu": the scheme before '+' */
    char *transport; /* "unix", "tcp", "tls", "ssh", "libssh", "libssh2", "ext"; NULL = a driver in this process,
                        which for drivers that live in a daemon means unix */
    struct fl_origin transport_origin;
    char *user;
    char *host;      /* without brackets; zone kept after '%' */
    int port;        /* 0 = the transport's default */
    char *path;      /* "/system", "/default", "/path/to/file" */
    char *query;     /* what local drivers see: raw query without the consumed parameters, or NULL */
    char *fragment;

    char *remote_name; /* what the far side is asked to open: name=, or the URI less what was consumed; "" = far default */
    struct fl_origin remote_name_origin;

    enum fl_route_mode mode;
    struct fl_origin mode_origin;
    enum fl_route_proxy proxy;
    struct fl_origin proxy_origin;

    char *socket;    /* socket= */
    char *command;   /* command= */
    char *netcat;    /* netcat= */
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

    struct fl_param *params; /* all query parameters in order, decoded, consumed or not */
    size_t nparams;
};

/* The files and variables a resolution may look at; NULL members mean "absent". */
struct fl_resolve_env {
    const char *default_uri_env;  /* LIBVIRT_DEFAULT_URI */
    const struct fl_client_conf *conf; /* src/config/client_conf.h: aliases, uri_default, remote_mode, ...; may be NULL */
    bool privileged;              /* effective uid 0 */
    bool read_only;               /* opened read-only: picks -sock-ro and tells the helper */
};

#define FL_RESOLVE_NO_ALIASES 1u

/* text may be NULL or "". On success *ret_route is new, owned by the caller. -1 with the error set. */
int fl_route_resolve(const char *text, const struct fl_resolve_env *env, unsigned int flags, struct fl_route **ret_route);
void fl_route_free(struct fl_route *route);
static inline void fl_route_clear_(struct fl_route **r) { fl_route_free(*r); }
#define fl_autoroute __attribute__((cleanup(fl_route_clear_)))
