/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Authentication procedures: what is offered, and the exchanges. SASL and polkit's question to its daemon are
 * not built: where they are configured a client is refused, with the reason. */
#define FL_FROM VIR_FROM_RPC
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"
#include "daemon/call.h"
#include "daemon/dispatch.h"
#include "daemon/peer.h"
#include "daemon/reply.h"

int fl_serve_auth_list(struct fl_call *call, void *args, void *ret)
{
    struct fl_w_auth_list_ret *r = ret;
    bool done = g_atomic_int_get(&call->peer->authenticated) != 0;

    (void)args;
    r->types = fl_keep_room(call, 1, sizeof(*r->types));
    if (!r->types)
        return -1;
    r->types[0] = done ? FL_AUTH_NONE : (int32_t)call->peer->auth;
    r->n_types = 1;
    return 0;
}

/* A client asks for a scheme: is it the one configured for its socket, and not over yet? */
static int check_scheme(struct fl_call *call, enum fl_auth_kind kind, const char *name)
{
    if (g_atomic_int_get(&call->peer->authenticated))
        return fl_error(VIR_ERR_AUTH_FAILED,
                        "%s was asked for, but this connection needs no authentication (any more)", name);
    if (call->peer->auth != kind)
        return fl_error(VIR_ERR_AUTH_FAILED,
                        "%s was asked for, but this socket is configured for another scheme", name);
    return 0;
}

int fl_serve_auth_polkit(struct fl_call *call, void *args, void *ret)
{
    (void)args, (void)ret;
    if (check_scheme(call, FL_AUTH_POLKIT, "polkit") < 0)
        return -1;
    fl_info("client %" G_GUINT64_FORMAT " (%s) refused: polkit is configured and not built", call->peer->id,
            call->peer->name);
    return fl_error(
        VIR_ERR_AUTH_UNAVAILABLE,
        "polkit authentication is configured for this socket, but this daemon is built without it: only root "
        "is let in. Set %s = \"none\" and let unix_sock_group and %s decide instead",
        call->peer->read_only ? "auth_unix_ro" : "auth_unix_rw",
        call->peer->read_only ? "unix_sock_ro_perms" : "unix_sock_rw_perms");
}

static int refuse_sasl(struct fl_call *call)
{
    if (check_scheme(call, FL_AUTH_SASL, "SASL") < 0)
        return -1;
    return fl_error(
        VIR_ERR_AUTH_UNAVAILABLE,
        "SASL authentication is configured for this socket (%s), but this daemon is built without it",
        call->peer->local ? "auth_unix_rw, auth_unix_ro" : "auth_tcp");
}

int fl_serve_auth_sasl_init(struct fl_call *call, void *args, void *ret)
{
    (void)args, (void)ret;
    return refuse_sasl(call);
}

int fl_serve_auth_sasl_start(struct fl_call *call, void *args, void *ret)
{
    (void)args, (void)ret;
    return refuse_sasl(call);
}

int fl_serve_auth_sasl_step(struct fl_call *call, void *args, void *ret)
{
    (void)args, (void)ret;
    return refuse_sasl(call);
}
