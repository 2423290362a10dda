/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Opening and closing a remote connection: transport, then authentication, features and CONNECT_OPEN in one
 * round trip where the far side asks for no authentication.
 */
#define FL_FROM VIR_FROM_REMOTE
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/event.h"
#include "base/log.h"
#include "base/util.h"
#include "base/walk.h"
#include "core/connect.h"
#include "driver/remote/auth.h"
#include "driver/remote/login_known.h"
#include "driver/remote/reconnect.h"
#include "driver/remote/remote.h"
#include "driver/remote/stubs.h"
#include "rpc/session.h"
#include "transport/transport.h"
#include "uri/route.h"

#define CLOSE_SECONDS 10 /* how long closing may take */

/* ---- how long ---- */

/* One deadline for all of opening, from its begin. */
struct opening_limit {
    const struct fl_route *route;
    int64_t begun;
    bool person; /* not only a daemon is waited for */
    int at_most; /* seconds; 0 = no other limit */
};

static int limit_seconds(const struct opening_limit *l)
{
    int seconds = l->route->connect_timeout;

    if (seconds < 0)
        seconds = l->person ? FL_CONNECT_SECONDS_PERSON : FL_CONNECT_SECONDS;
    return l->at_most && (!seconds || seconds > l->at_most) ? l->at_most : seconds;
}

static int64_t limit_deadline(const struct opening_limit *l)
{
    int seconds = limit_seconds(l);

    return seconds ? l->begun + seconds * G_USEC_PER_SEC : FL_NO_DEADLINE;
}

#define LIMIT_ADVICE                                                                                         \
    "check that it is libvirtd and not stuck, or give it longer with connect_timeout=SECONDS in the URI"

static struct fl_client_stage limit_stage(const struct opening_limit *l, enum fl_stage which)
{
    return (struct fl_client_stage){ .name = fl_stage_name(which),
                                     .advice = LIMIT_ADVICE,
                                     .seconds = limit_seconds(l),
                                     .deadline_us = limit_deadline(l) };
}

static void enter_stage(virConnectPtr conn, const struct opening_limit *l, enum fl_stage which)
{
    struct fl_client_stage stage = limit_stage(l, which);

    fl_stage_enter(which, "%s", fl_client_target(fl_remote_client(conn)));
    fl_client_set_stage(fl_remote_client(conn), &stage);
}

/* The transport's error, and how long was waited where that was the reason. */
static int connect_failed(const struct opening_limit *l)
{
    int64_t deadline = limit_deadline(l);

    if (deadline != FL_NO_DEADLINE && g_get_monotonic_time() >= deadline) {
        const char *rest;
        enum fl_stage stage = fl_stage_of_error(fl_error_get(), &rest);
        g_autofree char *said = g_strdup(rest);
        char *todo = g_strrstr(said, "; "); /* the last clause of an error is what to do */
        const char *longer = todo && strstr(todo, "connect_timeout=")
                                 ? ""
                                 : ", or give it longer with connect_timeout=SECONDS in the URI";

        if (todo)
            *todo = '\0';
        fl_error(VIR_ERR_OPERATION_TIMEOUT, "%s: %s (gave up after %d s); %s%s",
                 fl_stage_name(stage == FL_STAGE_NONE ? fl_stage_now() : stage), said, limit_seconds(l),
                 todo ? todo + 2 : "check the network between", longer);
    }
    return -1;
}

/* ---- the first calls ---- */

enum { REQ_AUTH, REQ_OPEN, REQ_KEEPALIVE, NREQS };

struct opening {
    struct fl_w_auth_list_ret list;
    struct fl_w_connect_supports_feature_args feature_args;
    struct fl_w_connect_supports_feature_ret feature;
    struct fl_w_connect_open_args open_args;
    struct fl_client_request reqs[NREQS];
};

static void opening_init(struct opening *o, const struct fl_route *route, unsigned int flags)
{
    *o = (struct opening){ 0 };
    o->feature_args.feature = FL_FEATURE_KEEPALIVE;
    /* Compat: "no name" is sent as the empty one; as captured from the peer */
    o->open_args.name = route->remote_name ? route->remote_name : (char *)"";
    o->open_args.flags = flags & VIR_CONNECT_RO;
    o->reqs[REQ_AUTH] =
        (struct fl_client_request){ .proc = FL_P_AUTH_LIST, .ret_type = FL_T_AUTH_LIST_RET, .ret = &o->list };
    o->reqs[REQ_KEEPALIVE] = (struct fl_client_request){ .proc = FL_P_CONNECT_SUPPORTS_FEATURE,
                                                         .args_type = FL_T_CONNECT_SUPPORTS_FEATURE_ARGS,
                                                         .args = &o->feature_args,
                                                         .ret_type = FL_T_CONNECT_SUPPORTS_FEATURE_RET,
                                                         .ret = &o->feature };
    o->reqs[REQ_OPEN] = (struct fl_client_request){ .proc = FL_P_CONNECT_OPEN,
                                                    .args_type = FL_T_CONNECT_OPEN_ARGS,
                                                    .args = &o->open_args };
    for (size_t i = 0; i < NREQS; i++)
        o->reqs[i].program = FL_PROGRAM_REMOTE;
}

static void opening_fini(struct opening *o)
{
    for (size_t i = 0; i < NREQS; i++)
        fl_error_free(o->reqs[i].error);
}

#define NAME_A_URI "name a URI"

/* The far side's refusal to open `name`, as it words it. */
static int request_check(virConnectPtr conn, const struct fl_client_request *req, enum fl_stage stage,
                         const char *name)
{
    if (req->result == 0)
        return 0;
    fl_error_set_raw(req->error);
    if (!fl_error_get()->message || !*fl_error_get()->message)
        fl_error_set(fl_error_get()->domain, fl_error_get()->code,
                     "it refuses and gives no reason; look at its log");
    fl_stage_name_teller(stage, fl_client_target(fl_remote_client(conn)));
    if (stage != FL_STAGE_OPEN || fl_error_get()->code != VIR_ERR_NO_CONNECT)
        return -1;
    if (name && *name)
        fl_stage_advise("ask a daemon that has this driver, or install the driver there");
    else if (!g_str_has_suffix(fl_error_get()->message, NAME_A_URI)) /* as ours says itself */
        fl_stage_advise("name a URI");
    return -1;
}

/* Sends [first, first + n); earlier results are dropped. */
static int requests_send(virConnectPtr conn, struct opening *o, size_t first, size_t n,
                         struct fl_arena *arena)
{
    for (size_t i = first; i < first + n; i++)
        g_clear_pointer(&o->reqs[i].error, fl_error_free);
    return fl_client_pipeline(fl_remote_client(conn), &o->reqs[first], n, arena);
}

static bool refused_too_early(const struct fl_client_request *req)
{
    return req->result < 0 && req->error && req->error->code == VIR_ERR_RPC;
}

/*
 * Whether the opening may go along with the first question. Not where that would only be refused, and be a
 * line in the far side's log: it wanted a login the last time. Not over plain TCP, where a login begins to
 * encrypt and what is opened would be told in clear, unless it was told there before. And a watcher wants to
 * know how long each takes.
 */
static bool is_hopeful(const struct fl_route *route, enum fl_login_known known)
{
    if (fl_walk_watched())
        return false;
    if (route->auth)
        return g_str_equal(route->auth, "none");
    return g_strcmp0(route->transport, "tcp") == 0 ? known == FL_LOGIN_NONE : known != FL_LOGIN_WANTED;
}

/*
 * All at once, in the hope that no authentication is wanted: a far side that wants it refuses what comes
 * before it, and that is sent again after it. Whoever asks about keepalive may be pinged, so it is only asked
 * where something answers.
 */
static int open_far_side(virConnectPtr conn, struct opening_limit *limit, virConnectAuthPtr auth,
                         unsigned int flags)
{
    const struct fl_route *route = limit->route;
    struct fl_remote *r = fl_remote_of(conn);
    struct fl_remote_login login = { .conn = conn, .route = route, .auth = auth };
    struct opening o __attribute__((cleanup(opening_fini)));
    FL_ARENA(arena);
    const char *target = fl_client_target(r->client);
    enum fl_login_known known = fl_login_known(route->transport, target);
    bool hopeful = is_hopeful(route, known);
    size_t nreqs = r->listening ? NREQS : REQ_KEEPALIVE;
    struct fl_client_stage open_stage = limit_stage(limit, FL_STAGE_OPEN);
    int type;

    opening_init(&o, route, flags);
    enter_stage(conn, limit, FL_STAGE_AUTH);
    o.reqs[REQ_OPEN].stage = &open_stage;
    if (requests_send(conn, &o, REQ_AUTH, hopeful ? nreqs : 1, &arena) < 0 ||
        request_check(conn, &o.reqs[REQ_AUTH], FL_STAGE_AUTH, NULL) < 0)
        return -1;
    type = fl_remote_auth_choose(route, &o.list);
    if (type < 0)
        return -1;
    if (known != (type == FL_REMOTE_AUTH_NONE ? FL_LOGIN_NONE : FL_LOGIN_WANTED))
        fl_login_learn(route->transport, target, type != FL_REMOTE_AUTH_NONE);
    if (fl_remote_auth_asks(type)) {
        limit->person = true;
        enter_stage(conn, limit, FL_STAGE_AUTH);
    }
    login.deadline_us = limit_deadline(limit);
    if (fl_remote_authenticate(&login, type) < 0)
        return -1;
    enter_stage(conn, limit, FL_STAGE_OPEN);
    /* Compat: libvirtd notes the end of an authentication by "none" in a thread of its own, so what was sent
     * right behind it may have been refused all the same. */
    if ((!hopeful || type != FL_REMOTE_AUTH_NONE || refused_too_early(&o.reqs[REQ_OPEN])) &&
        requests_send(conn, &o, REQ_OPEN, nreqs - 1, &arena) < 0)
        return -1;
    if (r->listening)
        r->features[FL_FEATURE_KEEPALIVE] = o.reqs[REQ_KEEPALIVE].result == 0 && o.feature.supported ? 1 : -1;
    return request_check(conn, &o.reqs[REQ_OPEN], FL_STAGE_OPEN, route->remote_name);
}

/* No URI was given, so only the far side knows what was opened. */
static int learn_uri(virConnectPtr conn)
{
    FL_ARENA(arena);
    struct fl_w_connect_get_uri_ret ret;

    if (fl_remote_call(conn, FL_P_CONNECT_GET_URI, FL_XDR_VOID, NULL, FL_T_CONNECT_GET_URI_RET, &ret,
                       &arena) < 0)
        return -1;
    g_free(conn->uri);
    conn->uri = g_strdup(ret.uri);
    return 0;
}

int fl_remote_has_feature(struct fl_remote *r, int feature)
{
    FL_ERROR_PRESERVE;
    FL_ARENA(arena);
    struct fl_w_connect_supports_feature_args args = { .feature = feature };
    struct fl_w_connect_supports_feature_ret ret = { 0 };
    int known;

    g_mutex_lock(&r->lock);
    known = r->features[feature];
    g_mutex_unlock(&r->lock);
    if (known)
        return known > 0;
    if (fl_client_call(r->client, FL_PROGRAM_REMOTE, FL_P_CONNECT_SUPPORTS_FEATURE,
                       FL_T_CONNECT_SUPPORTS_FEATURE_ARGS, &args, FL_T_CONNECT_SUPPORTS_FEATURE_RET, &ret,
                       &arena) < 0)
        ret.supported = 0;
    g_mutex_lock(&r->lock);
    r->features[feature] = ret.supported ? 1 : -1;
    g_mutex_unlock(&r->lock);
    return ret.supported != 0;
}

/* ---- life ---- */

static void on_closed(void *opaque, int reason)
{
    struct fl_remote *r = opaque;
    struct fl_redial *redial = g_atomic_pointer_get(&r->redial);

    if (!redial || !fl_redial_begin(redial, reason))
        fl_connect_closed(r->conn, reason);
}

static struct fl_remote *remote_new(virConnectPtr conn, const struct fl_route *route, struct fl_transport *t,
                                    struct fl_hub *hub)
{
    struct fl_remote *r = g_new0(struct fl_remote, 1);
    struct fl_client_options opts = { .event = fl_remote_event, .closed = on_closed, .opaque = r };

    r->close_seconds = CLOSE_SECONDS;
    if (route->call_timeout > 0) {
        opts.call_timeout_us = route->call_timeout * G_USEC_PER_SEC;
        r->close_seconds = MIN(CLOSE_SECONDS, route->call_timeout);
    }

    r->conn = conn;
    g_mutex_init(&r->lock);
    g_mutex_init(&r->events_lock);
    for (size_t i = 0; i < FL_NEVENTS; i++)
        r->event_ids[i] = -1;
    r->hub = hub ? fl_hub_ref(hub) : fl_hub_new();
    r->client = fl_client_new(t, &opts);
    return r;
}

void fl_remote_free(struct fl_remote *r)
{
    if (r->alive_listening)
        fl_client_unlisten(r->client);
    if (r->listening)
        fl_client_unlisten(r->client);
    fl_client_close(r->client, VIR_CONNECT_CLOSE_REASON_CLIENT);
    fl_client_unref(r->client);
    fl_hub_unref(r->hub);
    fl_redial_unref(r->redial);
    g_mutex_clear(&r->lock);
    g_mutex_clear(&r->events_lock);
    g_free(r->type);
    g_free(r);
}

int fl_remote_dial(virConnectPtr conn, const struct fl_route *route, virConnectAuthPtr auth,
                   unsigned int flags, const struct fl_dialing_again *again)
{
    struct opening_limit limit = { .route = route,
                                   .begun = g_get_monotonic_time(),
                                   .person = fl_route_may_ask(route),
                                   .at_most = again ? again->seconds : 0 };
    struct fl_endpoint ep = {
        .route = route,
        .read_only = flags & VIR_CONNECT_RO,
        .privileged = geteuid() == 0,
        .deadline_us = limit_deadline(&limit),
        .auth = auth,
    };
    struct fl_transport *t;
    struct fl_remote *r;

    if (fl_transport_open(&ep, &t) < 0)
        return connect_failed(&limit);
    r = remote_new(conn, route, t, again ? again->hub : NULL);
    conn->priv = r;
    /* As the peer: with an event loop, the end of the connection is noticed without any call. A further
     * opening is for one who listens already. */
    r->listening = !again && fl_event_registered() && fl_client_listen(r->client) == 0;
    if (open_far_side(conn, &limit, auth, flags) == 0 && (conn->uri || learn_uri(conn) == 0)) {
        fl_client_set_stage(r->client, NULL);
        if (r->features[FL_FEATURE_KEEPALIVE] > 0)
            fl_client_expect_pings(r->client);
        return 0;
    }
    conn->priv = NULL;
    fl_remote_free(r);
    return -1;
}

/* Some daemons hang up instead of answering; nobody is the worse for it. */
static void say_goodbye(virConnectPtr conn)
{
    bool quiet = fl_error_log_quietly(true);
    int rc = fl_remote_call(conn, FL_P_CONNECT_CLOSE, FL_XDR_VOID, NULL, FL_XDR_VOID, NULL, NULL);

    fl_error_log_quietly(quiet);
    if (rc < 0 && fl_error_get()->code == VIR_ERR_OPERATION_TIMEOUT)
        fl_warn("the far side did not confirm the close: %s", fl_error_get()->message);
    else if (rc < 0)
        fl_debug("the far side did not confirm the close: %s", fl_error_get()->message);
}

void fl_remote_close(virConnectPtr conn)
{
    struct fl_remote *r = fl_remote_of(conn);

    struct fl_client_stage stage = { .name = "close",
                                     .advice = "the connection is given up",
                                     .closing = true };

    if (!r)
        return;
    if (r->redial)
        fl_redial_stop(r->redial);
    stage.seconds = fl_client_doubts(r->client) ? 1 : r->close_seconds;
    stage.deadline_us = fl_deadline_in_ms(stage.seconds * 1000);
    fl_client_set_stage(r->client, &stage);
    fl_hub_drop_conn(r->hub, conn);
    if (fl_client_is_open(r->client))
        say_goodbye(conn);
    conn->priv = NULL;
    fl_remote_free(r);
}

int fl_remote_watch_close(virConnectPtr conn, bool on)
{
    struct fl_remote *r = fl_remote_of(conn);

    if (g_atomic_pointer_get(&r->redial)) /* which has asked for itself */
        return 0;
    /* Without it the end of our own connection is still told. */
    if (!fl_client_is_open(r->client) || !fl_remote_has_feature(r, FL_FEATURE_CLOSE_CALLBACK))
        return 0;
    return fl_remote_call(conn,
                          on ? FL_P_CONNECT_REGISTER_CLOSE_CALLBACK : FL_P_CONNECT_UNREGISTER_CLOSE_CALLBACK,
                          FL_XDR_VOID, NULL, FL_XDR_VOID, NULL, NULL);
}

/* ---- what the client itself knows ---- */

int fl_remote_connect_is_alive(virConnectPtr conn)
{
    struct fl_remote *r = fl_remote_of(conn);

    return r->redial ? fl_redial_hopes(r->redial) : fl_client_is_open(r->client);
}

int fl_remote_connect_is_encrypted(virConnectPtr conn)
{
    return fl_client_is_encrypted(fl_remote_client(conn));
}

/* Pings must be sent and answered while no call is under way: by the event loop, or by a thread of our own.
 */
static int alive_listen(struct fl_remote *r, bool on)
{
    int rc = 0;

    g_mutex_lock(&r->lock);
    if (on && !r->listening && !r->alive_listening) {
        rc = fl_client_listen(r->client);
        r->alive_listening = rc == 0;
    } else if (!on && r->alive_listening) {
        fl_client_unlisten(r->client);
        r->alive_listening = false;
    }
    g_mutex_unlock(&r->lock);
    return rc;
}

int fl_remote_connect_set_keep_alive(virConnectPtr conn, int interval, unsigned int count)
{
    struct fl_remote *r = fl_remote_of(conn);

    if (r->redial)
        fl_redial_keep_alive(r->redial, interval, count);
    if (alive_listen(r, interval > 0) < 0)
        return -1;
    /* 1 says: not possible, for the far side does not know pings. */
    if (interval > 0 && !fl_remote_has_feature(r, FL_FEATURE_KEEPALIVE))
        return fl_client_is_open(r->client) ? 1
                                            : fl_error(VIR_ERR_INTERNAL_ERROR, "the connection is closed");
    return fl_client_set_keepalive(r->client, interval, count);
}

const char *fl_remote_connect_get_type(virConnectPtr conn)
{
    struct fl_remote *r = fl_remote_of(conn);
    FL_ARENA(arena);
    struct fl_w_connect_get_type_ret ret;

    g_mutex_lock(&r->lock);
    if (r->type) {
        g_mutex_unlock(&r->lock);
        return r->type;
    }
    g_mutex_unlock(&r->lock);
    if (fl_remote_call(conn, FL_P_CONNECT_GET_TYPE, FL_XDR_VOID, NULL, FL_T_CONNECT_GET_TYPE_RET, &ret,
                       &arena) < 0)
        return NULL;
    g_mutex_lock(&r->lock);
    if (!r->type)
        r->type = g_strdup(ret.type);
    g_mutex_unlock(&r->lock);
    return r->type;
}
