/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Authentication procedures: what is offered, whether what is asked for goes with it, and the exchanges,
 * which are in auth_sasl.c and auth_polkit.c. */
#define FL_FROM VIR_FROM_RPC
#include "auth/sasl.h"
#include "base/error.h"
#include "daemon/call.h"
#include "daemon/dispatch.h"
#include "daemon/login.h"
#include "daemon/login_private.h"
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

/* ---- the login ---- */

struct fl_login *fl_login_of(struct fl_peer *peer)
{
    g_mutex_lock(&peer->lock);
    if (!peer->login)
        peer->login = g_new0(struct fl_login, 1);
    g_mutex_unlock(&peer->lock);
    return peer->login;
}

void fl_login_free(struct fl_login *login)
{
    if (!login)
        return;
    if (login->sasl)
        login->api->free(login->sasl);
    g_free(login);
}

/* ---- procedures ---- */

int fl_serve_auth_polkit(struct fl_call *call, void *args, void *ret)
{
    struct fl_w_auth_polkit_ret *r = ret;

    (void)args;
    if (check_scheme(call, FL_AUTH_POLKIT, "polkit") < 0 || fl_login_polkit(call) < 0)
        return -1;
    fl_peer_set_authenticated(call->peer);
    r->complete = 1;
    return 0;
}

int fl_serve_auth_sasl_init(struct fl_call *call, void *args, void *ret)
{
    (void)args;
    return check_scheme(call, FL_AUTH_SASL, "SASL") < 0 ? -1 : fl_login_sasl_init(call, ret);
}

int fl_serve_auth_sasl_start(struct fl_call *call, void *args, void *ret)
{
    return check_scheme(call, FL_AUTH_SASL, "SASL") < 0 ? -1 : fl_login_sasl_start(call, args, ret);
}

int fl_serve_auth_sasl_step(struct fl_call *call, void *args, void *ret)
{
    return check_scheme(call, FL_AUTH_SASL, "SASL") < 0 ? -1 : fl_login_sasl_step(call, args, ret);
}
