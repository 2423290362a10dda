/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The daemon's side of a SASL login. A refused client learns that it is refused and is closed; why is in the
 * log. On a connection that nothing else protects, everything after the login goes through the security layer
 * the mechanism brought (transport/sasl_layer.h).
 */
#define FL_FROM VIR_FROM_RPC
#include "daemon/login.h"

#include <string.h>

#include "auth/sasl.h"
#include "base/error.h"
#include "base/log.h"
#include "daemon/call.h"
#include "daemon/login_private.h"
#include "daemon/peer.h"
#include "daemon/reply.h"
#include "daemon/server.h"
#include "transport/sasl_layer.h"
#include "transport/transport.h"
#include "wire/types.h"

#define PASSWORD_MAX 1000u /* RFC 4616: three times 255 */
#define STEP_MAX     4096u /* RFC 2831: of a whole response */

/* The connection ends with the answer: who was refused begins anew. */
static int refuse(struct fl_call *call, const char *why)
{
    struct fl_peer *peer = call->peer;

    fl_info("client %" G_GUINT64_FORMAT " (%s) is refused: %s", peer->id, peer->name, why);
    call->last = true;
    return fl_error(VIR_ERR_AUTH_FAILED,
                    "the daemon refuses the SASL login: an unknown user, a wrong password, or a user it does "
                    "not let in; look into its log for which it is");
}

static int refuse_by_error(struct fl_call *call)
{
    g_autofree char *why = g_strdup(fl_error_get()->message);

    return refuse(call, why);
}

/* ---- INIT ---- */

static struct fl_sasl *conversation(struct fl_login *login, struct fl_peer *peer)
{
    struct fl_sasl_options options = {
        .service = "libvirt",
        .external_ssf = login->exposed ? 0
                        : peer->local  ? FL_SASL_LOCAL_SSF
                                       : FL_SASL_TLS_SSF,
        .min_ssf = login->exposed ? fl_server_tcp_min_ssf(peer->server) : 0,
        .max_ssf = login->exposed ? FL_SASL_MAX_SSF : 0,
        .plaintext = !login->exposed,
    };

    return login->api->server_new(&options);
}

int fl_login_sasl_init(struct fl_call *call, struct fl_w_auth_sasl_init_ret *ret)
{
    struct fl_peer *peer = call->peer;
    struct fl_login *login = fl_login_of(peer);
    const char *offered;

    if (login->sasl)
        return fl_error(VIR_ERR_AUTH_FAILED, "this SASL login has begun already");
    login->exposed = !peer->local && !peer->tls;
    login->api = fl_sasl_load();
    if (!login->api)
        return -1;
    login->sasl = conversation(login, peer);
    if (!login->sasl)
        return -1;
    offered = login->api->offered(login->sasl);
    if (!offered) {
        fl_warn_seldom("client %" G_GUINT64_FORMAT " (%s) cannot log in: %s", peer->id, peer->name,
                       fl_error_get()->message);
        return -1;
    }
    ret->mechlist = g_strdup(offered);
    fl_arena_adopt(call->arena, ret->mechlist);
    return 0;
}

/* ---- the end ---- */

static void put_layer(struct fl_call *call)
{
    struct fl_peer *peer = call->peer;
    struct fl_login *login = fl_login_of(peer);

    g_mutex_lock(&peer->lock);
    if (!peer->gone)
        peer->transport = fl_sasl_layer_new(peer->transport, login->api, g_steal_pointer(&login->sasl),
                                            fl_session_queued(peer->session));
    g_mutex_unlock(&peer->lock);
}

/* What has come in clear behind the last step could have been put there by anyone on the way. */
static bool has_more(struct fl_peer *peer)
{
    bool more;

    g_mutex_lock(&peer->lock);
    more = fl_session_unread(peer->session) > 0;
    g_mutex_unlock(&peer->lock);
    return more;
}

static int admit(struct fl_call *call)
{
    struct fl_peer *peer = call->peer;
    struct fl_login *login = fl_login_of(peer);
    unsigned int ssf, least = fl_server_tcp_min_ssf(peer->server);
    const char *user;

    if (login->api->ssf(login->sasl, &ssf) < 0)
        return refuse_by_error(call);
    if (login->exposed && ssf < least) {
        g_autofree char *why = g_strdup_printf("its encryption has strength %u, the least is %u", ssf, least);

        return refuse(call, why);
    }
    if (ssf && has_more(peer))
        return refuse(call, "it sent more in clear than its login");
    user = login->api->username(login->sasl);
    if (!user)
        return refuse_by_error(call);
    if (!fl_server_sasl_user_allowed(peer->server, user)) {
        g_autofree char *why = g_strdup_printf("user '%s' is not in sasl_allowed_username_list", user);

        return refuse(call, why);
    }
    if (ssf)
        call->after = put_layer;
    fl_info("client %" G_GUINT64_FORMAT " (%s) is user '%s', encryption strength %u", peer->id, peer->name,
            user, ssf);
    fl_peer_set_user(peer, user);
    fl_peer_set_authenticated(peer);
    return 0;
}

/* ---- START and STEP ---- */

/* More than any sensible step takes. The library's plug-ins do not always free what is too long for them, and
 * whoever asks has not logged in. */
static unsigned int data_max(const char *mechanism)
{
    if (g_str_has_prefix(mechanism, "GS"))
        return FL_SASL_DATA_MAX; /* tickets grow with the groups of their user */
    return g_str_equal(mechanism, "PLAIN") || g_str_equal(mechanism, "LOGIN") ? PASSWORD_MAX : STEP_MAX;
}

static int check_data(struct fl_call *call, uint32_t n)
{
    if (n <= fl_login_of(call->peer)->data_max)
        return 0;
    return refuse(call, "it sent more in a step than its mechanism takes");
}

struct answer {
    int32_t *complete, *nil;
    uint32_t *n;
    int8_t **data;
};

static struct fl_sasl_data take(int32_t nil, uint32_t n, const int8_t *data)
{
    struct fl_sasl_data in = { 0 };

    if (!nil) {
        in.bytes = n ? (const char *)data : "";
        in.len = n;
    }
    return in;
}

static int answer_step(struct fl_call *call, struct fl_sasl_data out, const struct answer *answer)
{
    struct fl_login *login = fl_login_of(call->peer);

    *answer->complete = login->api->complete(login->sasl);
    *answer->nil = out.bytes ? 0 : 1;
    *answer->n = out.bytes ? out.len : 0;
    if (*answer->n) {
        *answer->data = fl_arena_alloc(call->arena, out.len);
        memcpy(*answer->data, out.bytes, out.len);
    }
    return *answer->complete ? admit(call) : 0;
}

int fl_login_sasl_start(struct fl_call *call, const struct fl_w_auth_sasl_start_args *args,
                        struct fl_w_auth_sasl_start_ret *ret)
{
    struct fl_login *login = fl_login_of(call->peer);
    struct answer answer = { &ret->complete, &ret->nil, &ret->n_data, &ret->data };
    struct fl_sasl_data out;

    if (!login->sasl || login->started)
        return refuse(call, login->sasl ? "it began its SASL login twice"
                                        : "it began a SASL login without asking for mechanisms");
    if (!fl_sasl_mechanism_ok(args->mech))
        return refuse(call, "it asked for what is no name of a SASL mechanism");
    login->started = true;
    login->data_max = data_max(args->mech);
    if (check_data(call, args->n_data) < 0)
        return -1;
    fl_debug("client %" G_GUINT64_FORMAT ": SASL mechanism %s", call->peer->id, args->mech);
    if (login->api->server_start(login->sasl, args->mech, take(args->nil, args->n_data, args->data), &out) <
        0)
        return refuse_by_error(call);
    return answer_step(call, out, &answer);
}

int fl_login_sasl_step(struct fl_call *call, const struct fl_w_auth_sasl_step_args *args,
                       struct fl_w_auth_sasl_step_ret *ret)
{
    struct fl_login *login = fl_login_of(call->peer);
    struct answer answer = { &ret->complete, &ret->nil, &ret->n_data, &ret->data };
    struct fl_sasl_data out;

    if (!login->started)
        return refuse(call, "it went on with a SASL login it had not begun");
    if (++login->steps > FL_SASL_STEPS_MAX)
        return refuse(call, "its SASL login takes too many steps");
    if (check_data(call, args->n_data) < 0)
        return -1;
    if (login->api->step(login->sasl, take(args->nil, args->n_data, args->data), &out) < 0)
        return refuse_by_error(call);
    return answer_step(call, out, &answer);
}
