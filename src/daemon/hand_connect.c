/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Opening and closing a connection, what it supports, and being told when it breaks. */
#define FL_FROM VIR_FROM_RPC
#include "base/error.h"
#include "base/log.h"
#include "core/connect.h"
#include "core/objects.h"
#include "core/ops.h"
#include "daemon/call.h"
#include "daemon/dispatch.h"
#include "daemon/event.h"
#include "daemon/forward.h"
#include "daemon/io.h"
#include "daemon/open.h"
#include "daemon/peer.h"
#include "daemon/reply.h"
#include "daemon/server.h"

/* What a client may ask procedure 60 about. Compat: the numbers are the interface's; what is not listed is
 * answered with "no". */
enum feature {
    FEATURE_FD_PASSING = 8,
    FEATURE_TYPED_PARAM_STRING = 9,
    FEATURE_KEEPALIVE = 10,
    FEATURE_EVENT_CALLBACK_ID = 14,
    FEATURE_CLOSE_CALLBACK = 15,
    FEATURE_NETWORK_UPDATE_ORDER = 16,
};

int fl_serve_connect_open(struct fl_call *call, void *args, void *ret)
{
    const struct fl_w_connect_open_args *a = args;
    struct fl_peer *peer = call->peer;
    unsigned int flags = a->flags & VIR_CONNECT_RO;
    virConnectPtr conn;
    bool open, gone;

    (void)ret;
    g_mutex_lock(&peer->lock);
    open = peer->conn != NULL; /* only set here, and nothing else of this peer is served meanwhile */
    g_mutex_unlock(&peer->lock);
    if (open)
        return fl_error(VIR_ERR_INTERNAL_ERROR, "a connection is open already: close it first");
    if (peer->read_only)
        flags |= VIR_CONNECT_RO;
    if (fl_forward_wanted(a->name))
        return fl_forward_open(peer, a->name, flags);
    conn = fl_open_for(peer, a->name, flags);
    if (!conn)
        return -1;
    fl_debug("client %" G_GUINT64_FORMAT " opened '%s'%s", peer->id, conn->uri ? conn->uri : "",
             flags & VIR_CONNECT_RO ? " read-only" : "");
    g_mutex_lock(&peer->lock);
    gone = peer->gone;
    if (!gone)
        peer->conn = conn;
    g_mutex_unlock(&peer->lock);
    if (gone) {
        virConnectClose(conn);
        return fl_error(VIR_ERR_RPC, "the client has gone");
    }
    return 0;
}

int fl_serve_connect_close(struct fl_call *call, void *args, void *ret)
{
    (void)args, (void)ret;
    call->last = true;
    return 0;
}

int fl_serve_connect_get_type(struct fl_call *call, void *args, void *ret)
{
    struct fl_w_connect_get_type_ret *r = ret;
    const char *type = virConnectGetType(call->conn);

    (void)args;
    r->type = (char *)type;
    return type ? 0 : -1;
}

/* The client answers pings: ask it from time to time. */
static void start_keepalive(struct fl_peer *peer)
{
    int64_t now = g_get_monotonic_time();
    int interval;
    unsigned int count;

    fl_server_keepalive(peer->server, &interval, &count);
    if (interval <= 0)
        return;
    g_mutex_lock(&peer->lock);
    fl_session_set_keepalive(peer->session, interval * G_USEC_PER_SEC, count, now);
    g_mutex_unlock(&peer->lock);
    fl_io_tick_by(peer->io, now + interval * G_USEC_PER_SEC);
}

int fl_serve_connect_supports_feature(struct fl_call *call, void *args, void *ret)
{
    const struct fl_w_connect_supports_feature_args *a = args;
    struct fl_w_connect_supports_feature_ret *r = ret;

    if (a->feature == FEATURE_KEEPALIVE) { /* the wire's own: needs no open connection */
        start_keepalive(call->peer);
        r->supported = 1;
        return 0;
    }
    if (!call->peer->conn)
        return fl_error(VIR_ERR_INTERNAL_ERROR,
                        "feature %d is the hypervisor connection's, and none is open yet", a->feature);
    switch (a->feature) {
    case FEATURE_FD_PASSING:
    case FEATURE_TYPED_PARAM_STRING:
    case FEATURE_EVENT_CALLBACK_ID:
    case FEATURE_CLOSE_CALLBACK:
    case FEATURE_NETWORK_UPDATE_ORDER:
        r->supported = 1;
        break;
    default: /* the driver's: the ways it migrates */
        r->supported = call->peer->conn->ops->connect_supports_feature
                           ? fl_connect_supports_feature(call->peer->conn, a->feature)
                           : 0;
    }
    return r->supported < 0 ? -1 : 0;
}

/* ---- the close callback ---- */

static void connection_broke(virConnectPtr conn, int reason, void *opaque)
{
    struct fl_w_event_connect_closed payload = { .reason = reason };

    (void)conn;
    fl_send_event(opaque, FL_EV_CONNECT_CLOSED, &payload);
}

static void release_peer(void *opaque)
{
    fl_peer_unref(opaque);
}

/* Compat: asking twice is no error, and neither is taking back what was not asked for. */
int fl_serve_connect_register_close_callback(struct fl_call *call, void *args, void *ret)
{
    struct fl_peer *peer = call->peer;

    (void)args, (void)ret;
    if (peer->close_callback)
        return 0;
    fl_peer_ref(peer);
    if (virConnectRegisterCloseCallback(call->conn, connection_broke, peer, release_peer) < 0) {
        fl_peer_unref(peer);
        return -1;
    }
    peer->close_callback = true;
    return 0;
}

int fl_serve_connect_unregister_close_callback(struct fl_call *call, void *args, void *ret)
{
    (void)args, (void)ret;
    if (!call->peer->close_callback)
        return 0;
    call->peer->close_callback = false;
    return virConnectUnregisterCloseCallback(call->conn, connection_broke);
}

void fl_close_callback_end(struct fl_peer *peer)
{
    if (peer->close_callback && peer->conn &&
        virConnectUnregisterCloseCallback(peer->conn, connection_broke) < 0)
        fl_error_reset();
    peer->close_callback = false;
}
