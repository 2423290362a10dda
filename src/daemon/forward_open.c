/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Opening a client's connection at the daemon of its driver: which one, its socket, and the first calls
 * there. */
#define FL_FROM VIR_FROM_RPC
#include "daemon/forward.h"

#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"
#include "base/names.h"
#include "base/util.h"
#include "daemon/forward_private.h"
#include "daemon/peer.h"
#include "daemon/personality.h"
#include "rpc/session.h"
#include "transport/sockets.h"
#include "transport/transport.h"
#include "uri/route.h"
#include "wire/procs.h"
#include "wire/types.h"
#include "wire/xdr.h"

#define OPEN_SECONDS 30  /* the daemon behind has this long in all */
#define LOOK_MS      250 /* whether the client still waits */

#define FEATURE_KEEPALIVE 10

enum { AUTH_NONE, AUTH_SASL, AUTH_POLKIT };

/* Drivers that have a daemon of their own; in this order one is looked for where the client names none. */
static const char *const drivers[] = { "qemu", "xen", "lxc", "ch", "bhyve", "vz", "vbox" };
/* These serve parts of a host only: they are reached by name. */
static const char *const parts[] = { "network", "interface", "nodedev", "nwfilter", "secret", "storage" };

/* ---- which daemon ---- */

static bool has_daemon(const char *driver)
{
    for (size_t i = 0; i < G_N_ELEMENTS(drivers); i++) {
        if (strcmp(driver, drivers[i]) == 0)
            return true;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(parts); i++) {
        if (strcmp(driver, parts[i]) == 0)
            return true;
    }
    return false;
}

/* The test driver is in every daemon, this one too. */
bool fl_forward_wanted(const char *name)
{
    return fl_personality_own()->forwards && (!name || !g_str_has_prefix(name, "test:"));
}

static int resolve(const char *name, bool read_only, struct fl_route **ret_route)
{
    static const char *const none[] = { NULL };
    struct fl_resolve_env env = { .local_drivers = none,
                                  .privileged = geteuid() == 0,
                                  .read_only = read_only };

    return fl_route_resolve(name, &env, FL_RESOLVE_NO_ALIASES, ret_route);
}

/* A client says what to open, not how to get there: no other host, no socket but the daemon's own. */
static int check_route(const struct fl_route *route, const char *name)
{
    if (route->transport || (route->host && route->host[0]) || route->socket)
        return fl_error(
            VIR_ERR_NO_CONNECT,
            "%s forwards to the daemons of this machine; '%s' names a way of its own, which is the client's "
            "business",
            fl_personality_own()->name, name);
    if (!has_daemon(route->driver))
        return fl_error(VIR_ERR_NO_CONNECT, "%s knows no daemon for '%s' URIs ('%s')",
                        fl_personality_own()->name, route->driver, name);
    return 0;
}

/* The socket of the driver's daemon exists: it is running, or the service manager starts it. */
static bool daemon_listens(const char *uri, bool read_only)
{
    fl_autoroute struct fl_route *route = NULL;
    struct fl_sockets sockets;
    bool there;

    if (resolve(uri, read_only, &route) < 0)
        return false;
    route->mode = FL_MODE_DIRECT;
    fl_sockets_init(&sockets, route, read_only, geteuid() == 0);
    there = access(sockets.item[0].path, F_OK) == 0;
    fl_sockets_fini(&sockets);
    return there;
}

/* No name: the first driver whose daemon is there. */
static char *probe(bool read_only)
{
    g_autoptr(GString) tried = g_string_new(NULL);

    for (size_t i = 0; i < G_N_ELEMENTS(drivers); i++) {
        g_autofree char *uri = g_strdup_printf("%s:///%s", drivers[i], geteuid() == 0 ? "system" : "session");

        if (daemon_listens(uri, read_only))
            return g_steal_pointer(&uri);
        g_string_append_printf(tried, "%svirt%sd", i ? ", " : "", drivers[i]);
    }
    return fl_error_null(
        VIR_ERR_NO_CONNECT,
        "no URI was given, and %s finds no socket of a driver's daemon (looked for %s); start one, or "
        "name a URI",
        fl_personality_own()->name, tried->str);
}

/* ---- talking to it ---- */

struct dialog {
    struct fl_peer *peer; /* on whose behalf */
    struct fl_transport *t;
    struct fl_session *s;
    int64_t deadline;
};

static bool client_is_gone(struct fl_peer *peer)
{
    bool gone;

    g_mutex_lock(&peer->lock);
    gone = peer->gone;
    g_mutex_unlock(&peer->lock);
    return gone;
}

static int wait_for(const struct dialog *d, short events)
{
    struct pollfd pfd = { .fd = d->t->fd, .events = fl_transport_want(d->t, events) };
    int left;

    while ((left = fl_deadline_poll_ms(d->deadline)) > 0) {
        if (poll(&pfd, 1, MIN(left, LOOK_MS)) > 0)
            return 0;
        if (client_is_gone(d->peer))
            return fl_error(VIR_ERR_RPC, "the client has gone");
    }
    return fl_error(VIR_ERR_OPERATION_TIMEOUT, "the daemon at %s did not answer in %d s", d->t->target,
                    OPEN_SECONDS);
}

static int send_all(struct dialog *d)
{
    for (;;) {
        size_t length;
        const unsigned char *data = fl_session_output(d->s, &length);
        ssize_t n = length ? fl_transport_write(d->t, data, length) : 0;

        if (length == 0)
            return 0;
        if (n > 0)
            fl_session_sent(d->s, (size_t)n);
        else if (n != -FL_AGAIN || wait_for(d, POLLOUT) < 0)
            return -1;
    }
}

/* The next frame; the session reads no byte behind it. */
static int receive(struct dialog *d, struct fl_frame *ret_frame)
{
    int rc;

    while ((rc = fl_session_next(d->s, ret_frame)) == 0) {
        size_t room;
        unsigned char *space = fl_session_space(d->s, &room);
        ssize_t n = fl_transport_read(d->t, space, room);

        if (n > 0)
            fl_session_received(d->s, (size_t)n, g_get_monotonic_time());
        else if (n == 0)
            return fl_error(VIR_ERR_RPC, "the daemon at %s closed the connection while it was being opened",
                            d->t->target);
        else if (n != -FL_AGAIN || wait_for(d, POLLIN) < 0)
            return -1;
    }
    return rc < 0 ? -1 : 0;
}

static int call(struct dialog *d, unsigned int proc, unsigned int args_type, const void *args,
                unsigned int ret_type, void *ret, struct fl_arena *arena)
{
    static int this_one;
    struct fl_frame frame;
    struct fl_reader reader;
    uint32_t serial;

    if (fl_session_call(d->s, FL_PROGRAM_REMOTE, 1, proc, args_type, args, NULL, 0, &this_one, &serial) < 0 ||
        send_all(d) < 0)
        return -1;
    do {
        if (receive(d, &frame) < 0)
            return -1;
    } while (frame.opaque != &this_one); /* pings are answered inside; nothing else is due yet */
    if (frame.h.status == FL_FRAME_ERROR)
        return fl_session_raise(&frame);
    if (ret_type == FL_XDR_VOID)
        return 0;
    reader = fl_reader_over(frame.payload, frame.len);
    return fl_xdr_decode(ret_type, &reader, arena, ret);
}

static bool offers(const struct fl_w_auth_list_ret *list, int type)
{
    for (uint32_t i = 0; i < list->n_types; i++) {
        if (list->types[i] == type)
            return true;
    }
    return false;
}

/* To it we are a local program of our user, root for the system's daemons. */
static int authenticate(struct dialog *d)
{
    FL_ARENA(arena);
    struct fl_w_auth_list_ret list;
    struct fl_w_auth_polkit_ret polkit;

    if (call(d, FL_P_AUTH_LIST, FL_XDR_VOID, NULL, FL_T_AUTH_LIST_RET, &list, &arena) < 0)
        return -1;
    if (offers(&list, AUTH_NONE))
        return 0;
    if (offers(&list, AUTH_POLKIT))
        return call(d, FL_P_AUTH_POLKIT, FL_XDR_VOID, NULL, FL_T_AUTH_POLKIT_RET, &polkit, &arena);
    return fl_error(VIR_ERR_AUTH_FAILED,
                    "the daemon at %s asks %s for SASL; set auth_unix_rw and auth_unix_ro to \"polkit\" or "
                    "\"none\" there",
                    d->t->target, fl_personality_own()->name);
}

/* ---- on whose behalf ---- */

#define IDENTITY_MAX 7

static char *name_of_user(uid_t uid)
{
    struct fl_user user = { 0 };
    char *name = fl_user_find(uid, &user) ? g_steal_pointer(&user.name) : NULL;

    fl_user_fini(&user);
    return name;
}

static char *name_of_group(gid_t gid)
{
    struct fl_group group = { 0 };
    char *name = fl_group_find(gid, &group) ? g_steal_pointer(&group.name) : NULL;

    fl_group_fini(&group);
    return name;
}

static struct fl_w_typed_param *add_param(struct fl_w_connect_set_identity_args *args, const char *name,
                                          int type)
{
    struct fl_w_typed_param *p = &args->params[args->n_params++];

    p->field = (char *)name;
    p->type = type;
    return p;
}

/* What its socket and its login tell of the client. */
struct identity {
    char *user_name, *group_name, *sasl_name, *certificate;
    struct fl_w_typed_param params[IDENTITY_MAX];
    struct fl_w_connect_set_identity_args args;
};

static void identity_fini(struct identity *id)
{
    g_free(id->user_name);
    g_free(id->group_name);
    g_free(id->sasl_name);
    g_free(id->certificate);
}

static void add_text(struct identity *id, const char *name, char *text)
{
    if (text)
        add_param(&id->args, name, VIR_TYPED_PARAM_STRING)->value.s = text;
}

static void identity_init(struct identity *id, struct fl_peer *peer)
{
    *id = (struct identity){ .args.params = id->params };
    g_mutex_lock(&peer->lock);
    id->sasl_name = g_strdup(peer->user);
    g_mutex_unlock(&peer->lock);
    id->certificate = g_strdup(peer->identity);
    if (peer->local) {
        id->user_name = name_of_user(peer->uid);
        id->group_name = name_of_group(peer->gid);
        add_param(&id->args, VIR_CONNECT_IDENTITY_UNIX_USER_ID, VIR_TYPED_PARAM_ULLONG)->value.ul = peer->uid;
        add_param(&id->args, VIR_CONNECT_IDENTITY_UNIX_GROUP_ID, VIR_TYPED_PARAM_ULLONG)->value.ul =
            peer->gid;
        add_param(&id->args, VIR_CONNECT_IDENTITY_PROCESS_ID, VIR_TYPED_PARAM_LLONG)->value.l = peer->pid;
    }
    add_text(id, VIR_CONNECT_IDENTITY_USER_NAME, id->user_name);
    add_text(id, VIR_CONNECT_IDENTITY_GROUP_NAME, id->group_name);
    add_text(id, VIR_CONNECT_IDENTITY_SASL_USER_NAME, id->sasl_name);
    add_text(id, VIR_CONNECT_IDENTITY_X509_DISTINGUISHED_NAME, id->certificate);
}

/* A daemon that knows no identities has no rules about them either; a read-only one that refuses has nothing
 * to protect. */
static int pass_identity(struct dialog *d, struct fl_peer *peer, bool read_only)
{
    struct identity id __attribute__((cleanup(identity_fini)));

    identity_init(&id, peer);
    if (id.args.n_params == 0)
        return 0;
    if (call(d, FL_P_CONNECT_SET_IDENTITY, FL_T_CONNECT_SET_IDENTITY_ARGS, &id.args, FL_XDR_VOID, NULL,
             NULL) == 0)
        return 0;
    if (fl_error_get()->code != VIR_ERR_NO_SUPPORT && fl_error_get()->code != VIR_ERR_RPC &&
        !(read_only && fl_error_get()->code == VIR_ERR_OPERATION_DENIED))
        return -1;
    fl_debug("%s is not told who its client is: %s", d->t->target, fl_error_get()->message);
    fl_error_reset();
    return 0;
}

/* ---- opening ---- */

/* The client has asked to be asked for signs of life: that is the business of the daemon behind now. */
static int pass_keepalive(struct dialog *d, struct fl_peer *peer)
{
    struct fl_w_connect_supports_feature_args args = { .feature = FEATURE_KEEPALIVE };
    struct fl_w_connect_supports_feature_ret ret;
    FL_ARENA(arena);
    bool asked;

    g_mutex_lock(&peer->lock);
    asked = fl_session_deadline(peer->session) != INT64_MAX;
    g_mutex_unlock(&peer->lock);
    return asked ? call(d, FL_P_CONNECT_SUPPORTS_FEATURE, FL_T_CONNECT_SUPPORTS_FEATURE_ARGS, &args,
                        FL_T_CONNECT_SUPPORTS_FEATURE_RET, &ret, &arena)
                 : 0;
}

static int first_calls(struct dialog *d, struct fl_peer *peer, const char *name, unsigned int flags)
{
    struct fl_w_connect_open_args open = { .name = (char *)name, .flags = flags };

    if (authenticate(d) < 0 || pass_keepalive(d, peer) < 0 ||
        call(d, FL_P_CONNECT_OPEN, FL_T_CONNECT_OPEN_ARGS, &open, FL_XDR_VOID, NULL, NULL) < 0)
        return -1;
    return pass_identity(d, peer, flags & VIR_CONNECT_RO);
}

static int connect_to(const struct fl_route *route, const char *name, bool read_only, int64_t deadline,
                      struct fl_transport **ret_t)
{
    struct fl_endpoint ep = {
        .route = route, .read_only = read_only, .privileged = geteuid() == 0, .deadline_us = deadline
    };
    g_autofree char *said = NULL;
    int errnum;

    if (fl_transport_open(&ep, ret_t) == 0)
        return 0;
    said = g_strdup(fl_error_get()->message);
    errnum = fl_error_get()->int1;
    fl_error(VIR_ERR_SYSTEM_ERROR, "%s cannot forward '%s': %s", fl_personality_own()->name, name, said);
    fl_error_get()->int1 = errnum;
    return -1;
}

/* From here on the I/O thread has it. */
static int hand_over(struct fl_peer *peer, struct fl_transport *t)
{
    struct fl_forward *fw = fl_forward_new(t);

    g_mutex_lock(&peer->lock);
    if (!peer->gone) {
        peer->forward = g_steal_pointer(&fw);
        fl_forward_watch(peer);
    }
    g_mutex_unlock(&peer->lock);
    if (!fw)
        return 0;
    fl_forward_free(fw);
    return fl_error(VIR_ERR_RPC, "the client has gone");
}

int fl_forward_open(struct fl_peer *peer, const char *name, unsigned int flags)
{
    struct dialog d = { .peer = peer, .deadline = fl_deadline_in_ms(OPEN_SECONDS * 1000) };
    struct fl_session_options options = { .server = false };
    fl_autoroute struct fl_route *route = NULL;
    g_autofree char *probed = NULL;
    bool read_only = flags & VIR_CONNECT_RO;
    int rc;

    if (!name || !*name)
        name = probed = probe(read_only);
    if (!name || resolve(name, read_only, &route) < 0 || check_route(route, name) < 0)
        return -1;
    route->mode = FL_MODE_DIRECT;
    route->connect_timeout = -1; /* ours counts */
    if (connect_to(route, name, read_only, d.deadline, &d.t) < 0)
        return -1;
    d.s = fl_session_new(&options);
    fl_session_set_fds(d.s, FL_SESSION_FDS_EXACT);
    rc = first_calls(&d, peer, name, flags);
    fl_session_free(d.s);
    if (rc < 0) {
        FL_ERROR_PRESERVE;
        fl_transport_free(d.t);
        return -1;
    }
    fl_debug("client %" G_GUINT64_FORMAT " goes on to %s for '%s'", peer->id, d.t->target, name);
    return hand_over(peer, d.t);
}
