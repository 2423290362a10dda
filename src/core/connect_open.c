/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Opening: text -> route (uri/route.h, with libvirt.conf and the environment) -> driver -> its open. Without
 * any URI each driver of the registry is asked in turn, and last the daemon of this machine.
 */
#define FL_FROM VIR_FROM_NONE
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"
#include "base/walk.h"
#include "config/client_conf.h"
#include "core/connect.h"
#include "core/connect_private.h"
#include "core/objects.h"
#include "core/driver.h"
#include "uri/route.h"
#include "uri/suggest.h"

static void initialize_once(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, fl_log_configure_from_env);
}

int virInitialize(void)
{
    initialize_once();
    return 0;
}

int virGetVersion(unsigned long *libVer, const char *type, unsigned long *typeVer)
{
    initialize_once();
    fl_error_reset();
    if (!libVer) {
        fl_error_set_argument(FL_FROM, VIR_ERR_INVALID_ARG, __func__, "libVer", "must not be NULL");
        fl_error_dispatch(NULL);
        return -1;
    }
    *libVer = LIBVIR_VERSION_NUMBER;
    if (typeVer) /* Compat: drivers have no version of their own, whatever `type` names */
        *typeVer = LIBVIR_VERSION_NUMBER;
    return 0;
}

/* The schemes of every driver in this process, for the resolver. */
static GPtrArray *local_schemes(void)
{
    GPtrArray *all = g_ptr_array_new();
    for (const struct fl_driver *const *d = fl_drivers; *d; d++)
        for (const char *const *s = (*d)->schemes; s && *s; s++)
            g_ptr_array_add(all, (gpointer)*s);
    g_ptr_array_add(all, NULL);
    return all;
}

static int resolve(const char *name, unsigned int flags, struct fl_route **ret_route)
{
    bool privileged = geteuid() == 0;
    fl_autoclientconf struct fl_client_conf *conf = NULL;
    g_autoptr(GPtrArray) schemes = local_schemes();
    if (fl_client_conf_load(privileged, &conf) < 0)
        return -1;
    struct fl_resolve_env env = {
        .default_uri_env = getenv("LIBVIRT_DEFAULT_URI"),
        .connect_timeout_env = getenv("LIBVIRT_CONNECT_TIMEOUT"),
        .call_timeout_env = getenv("LIBVIRT_CALL_TIMEOUT"),
        .reconnect_env = getenv("LIBVIRT_RECONNECT"),
        .conf = conf,
        .local_drivers = (const char *const *)schemes->pdata,
        .privileged = privileged,
        .read_only = flags & VIR_CONNECT_RO,
    };
    unsigned int how = flags & VIR_CONNECT_NO_ALIASES ? FL_RESOLVE_NO_ALIASES : 0;
    return fl_route_resolve(name, &env, how, ret_route);
}

static virConnectPtr open_with(const struct fl_driver *driver, const struct fl_route *route,
                               virConnectAuthPtr auth, unsigned int flags)
{
    virConnectPtr conn = fl_connect_new(route->uri, flags);
    fl_debug("trying driver '%s' for '%s'", driver->name, route->uri ? route->uri : "");
    conn->driver = driver;
    conn->ops = driver->ops;
    if (route->local)
        fl_stage_enter(FL_STAGE_OPEN, "driver '%s' in this process", driver->name);
    if (driver->open(conn, route, auth, flags) < 0) {
        if (fl_error_get()->code == VIR_ERR_OK)
            fl_error(VIR_ERR_INTERNAL_ERROR, "the '%s' driver failed to open and did not say why",
                     driver->name);
        conn->driver = NULL; /* what was not opened is not closed */
        fl_connect_unref(conn);
        return NULL;
    }
    return conn;
}

/* No URI from anywhere: the first driver that says it could work here. *ret_route is replaced by its URI's.
 */
static int probe(unsigned int flags, struct fl_route **route)
{
    for (const struct fl_driver *const *d = fl_drivers; *d; d++) {
        const char *uri = (*d)->probe ? (*d)->probe() : NULL;
        struct fl_route *found = NULL;
        if (!uri)
            continue;
        if (resolve(uri, flags | VIR_CONNECT_NO_ALIASES, &found) < 0)
            return -1;
        fl_route_free(*route);
        *route = found;
        return 0;
    }
    return 0;
}

/* Names the program: it is often a daemon, and the error is read at the other end. */
static void no_driver_error(const char *uri)
{
    g_autoptr(GPtrArray) schemes = local_schemes();
    g_autofree char *list = g_strjoinv(", ", (char **)schemes->pdata);

    if (uri && *uri)
        fl_error(VIR_ERR_NO_CONNECT, "%s has no driver for '%s'; those it has: %s",
                 program_invocation_short_name, uri, list);
    else
        fl_error(VIR_ERR_NO_CONNECT,
                 "no URI was given, and no driver of %s (%s) finds a hypervisor by itself; name a URI",
                 program_invocation_short_name, list);
}

static const struct fl_driver *choose(const struct fl_route *route, unsigned int how)
{
    const struct fl_driver *driver = route->local ? fl_driver_by_scheme(route->driver) : NULL;
    if (!driver && !route->local && !(how & FL_CONNECT_LOCAL_ONLY))
        driver = fl_driver_for_rest();
    if (!driver)
        no_driver_error(route->uri);
    return driver;
}

#define NO_PASSWORD                                                                                          \
    "a password stands in the URI, which no transport reads and others may see: leave it out, and use "      \
    "keys, "                                                                                                 \
    "auth.conf or the question"

static bool has_password(const struct fl_route *route)
{
    return route->user && strchr(route->user, ':');
}

static void note_route(const struct fl_route *route)
{
    g_autofree char *text = fl_walk_watched() ? fl_route_explain(route) : NULL;
    g_auto(GStrv) lines = text ? g_strsplit(text, "\n", -1) : NULL;

    for (char **l = lines; l && *l; l++)
        if (**l)
            fl_stage_note("%s", *l);
    for (size_t i = 0; fl_walk_watched() && !route->local && i < route->nparams; i++) {
        const char *meant = fl_route_param_near(route->params[i].name);

        if (meant)
            fl_stage_note("parameter '%s' is passed on to the far side; did you mean %s?",
                          route->params[i].name, meant);
    }
    if (has_password(route))
        fl_stage_note(NO_PASSWORD);
}

/* A driver nobody knows: the reason, most likely, whatever failed for it. */
static void suggest_driver(const struct fl_route *route)
{
    const char *meant = route && route->driver ? fl_suggest_driver(route->driver) : NULL;

    if (meant)
        fl_stage_advise_instead("did you mean the driver '%s'?", meant);
}

/* A slip in what only the far side reads, of which it may have made anything: said with whatever failed. The
 * text of the error may know it already. */
static void suggest_parts(const struct fl_route *route)
{
    const char *path = route->driver && route->path ? fl_suggest_path(route->driver, route->path) : NULL;

    if (has_password(route))
        fl_stage_remark(NO_PASSWORD);
    if (path && fl_stage_of_error(fl_error_get(), NULL) == FL_STAGE_OPEN &&
        !strstr(fl_error_get()->message, path))
        fl_stage_remark("did you mean %s://%s%s?", route->driver, route->host ? "..." : "", path);
    for (size_t i = 0; !route->local && i < route->nparams; i++) {
        const char *meant = fl_route_param_near(route->params[i].name);

        if (meant)
            fl_stage_remark("parameter '%s' was left to the far side; did you mean %s?",
                            route->params[i].name, meant);
    }
}

int fl_connect_resolve(const char *name, unsigned int flags, struct fl_route **ret_route)
{
    fl_autoroute struct fl_route *route = NULL;

    initialize_once();
    fl_stage_enter(FL_STAGE_RESOLVE, "%s", name && *name ? name : "no URI given");
    if (resolve(name, flags, &route) < 0 || (!route->uri && probe(flags, &route) < 0))
        return -1;
    note_route(route);
    *ret_route = g_steal_pointer(&route);
    return 0;
}

/* For the whole of opening the stage is the thread's; after it there is none. */
static virConnectPtr open_staged(const char *name, virConnectAuthPtr auth, unsigned int flags,
                                 unsigned int how)
{
    fl_autoroute struct fl_route *route = NULL;
    const struct fl_driver *driver = NULL;
    virConnectPtr conn = NULL;

    if (fl_connect_resolve(name, flags, &route) == 0)
        driver = choose(route, how);
    if (driver)
        conn = open_with(driver, route, auth, flags);
    if (!conn && !(how & FL_CONNECT_LOCAL_ONLY)) { /* a daemon's client says the same by itself */
        fl_stage_name_error();
        suggest_driver(route);
        if (route)
            suggest_parts(route);
    }
    return conn;
}

/* Two calls of the system in place of four. */
static bool runs_as_another(void)
{
    uid_t uid, euid, suid;
    gid_t gid, egid, sgid;

    return getresuid(&uid, &euid, &suid) < 0 || getresgid(&gid, &egid, &sgid) < 0 || uid != euid ||
           gid != egid;
}

virConnectPtr fl_connect_open(const char *name, virConnectAuthPtr auth, unsigned int flags, unsigned int how)
{
    const unsigned int known = VIR_CONNECT_RO | VIR_CONNECT_NO_ALIASES;
    virConnectPtr conn;

    initialize_once();
    if (runs_as_another())
        return fl_error_null(VIR_ERR_INTERNAL_ERROR,
                             "refusing to open a connection from a setuid or setgid program");
    if (flags & ~known) {
        fl_error_set_argument(FL_FROM, VIR_ERR_INVALID_ARG, "virConnectOpenAuth", "flags",
                              "has unknown bits: 0x%x", flags & ~known);
        return NULL;
    }
    conn = open_staged(name, auth, flags, how);
    fl_stage_leave();
    return conn;
}

static virConnectPtr open_public(const char *name, virConnectAuthPtr auth, unsigned int flags)
{
    initialize_once();
    fl_debug("name=%s flags=0x%x", name ? name : "", flags);
    fl_error_reset();
    virConnectPtr conn = fl_connect_open(name, auth, flags, 0);
    if (conn)
        fl_error_reset(); /* what was tried on the way is not this call's result */
    else
        fl_error_dispatch(NULL);
    return conn;
}

virConnectPtr virConnectOpen(const char *name)
{
    return open_public(name, NULL, 0);
}

virConnectPtr virConnectOpenReadOnly(const char *name)
{
    return open_public(name, NULL, VIR_CONNECT_RO);
}

virConnectPtr virConnectOpenAuth(const char *name, virConnectAuthPtr auth, unsigned int flags)
{
    return open_public(name, auth, flags);
}
