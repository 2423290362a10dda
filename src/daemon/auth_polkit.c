/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The daemon's question to polkit about the process at the other end of a unix socket. */
#define FL_FROM VIR_FROM_RPC
#include "daemon/login.h"

#include "auth/polkit.h"
#include "base/error.h"
#include "base/log.h"
#include "daemon/call.h"
#include "daemon/login_private.h"
#include "daemon/peer.h"

/* While it is there, fl_login_abort() finds it. false: the peer is gone already. */
static bool publish(struct fl_peer *peer, const struct fl_polkit_api *api, struct fl_polkit_ask *ask)
{
    struct fl_login *login = fl_login_of(peer);
    bool gone;

    g_mutex_lock(&peer->lock);
    login->polkit = api;
    login->ask = ask;
    gone = peer->gone;
    g_mutex_unlock(&peer->lock);
    return !gone;
}

void fl_login_abort(struct fl_peer *peer)
{
    g_mutex_lock(&peer->lock);
    if (peer->login && peer->login->ask)
        peer->login->polkit->cancel(peer->login->ask);
    g_mutex_unlock(&peer->lock);
}

int fl_login_polkit(struct fl_call *call)
{
    struct fl_peer *peer = call->peer;
    struct fl_polkit_subject subject = { .pid = peer->pid, .start_time = peer->start_time, .uid = peer->uid };
    const struct fl_polkit_api *api = fl_polkit_load();
    struct fl_polkit_ask *ask;
    int rc = -1;

    if (!api)
        return -1;
    if (!subject.start_time) {
        call->last = true;
        return fl_error_set(VIR_FROM_POLKIT, VIR_ERR_AUTH_FAILED,
                            "process %d was gone before polkit could be asked about it", (int)peer->pid);
    }
    ask = api->ask_new();
    if (publish(peer, api, ask))
        rc =
            api->check(ask, peer->read_only ? FL_POLKIT_MONITOR : FL_POLKIT_MANAGE, &subject, peer->login_by);
    else
        fl_error(VIR_ERR_AUTH_CANCELLED, "the client has left");
    publish(peer, api, NULL);
    api->ask_free(ask);
    if (rc < 0) {
        call->last = true;
        fl_info("client %" G_GUINT64_FORMAT " (%s) is refused: %s", peer->id, peer->name,
                fl_error_get()->message);
    }
    return rc;
}
