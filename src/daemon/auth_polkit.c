/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The daemon's question to polkit about the process at the other end of a unix socket. */
#define FL_FROM VIR_FROM_RPC
#include "daemon/login.h"

#include "base/error.h"
#include "base/log.h"
#include "daemon/call.h"
#include "daemon/peer.h"

int fl_login_polkit(struct fl_call *call)
{
    fl_info("client %" G_GUINT64_FORMAT " (%s) refused: polkit is configured and not built", call->peer->id,
            call->peer->name);
    return fl_error(
        VIR_ERR_AUTH_UNAVAILABLE,
        "polkit authentication is configured for this socket, but this daemon is built without it: only root "
        "is let in. Set %s = \"none\" and let unix_sock_group and %s decide instead",
        call->peer->read_only ? "auth_unix_ro" : "auth_unix_rw",
        call->peer->read_only ? "unix_sock_ro_perms" : "unix_sock_rw_perms");
}

void fl_login_abort(struct fl_peer *peer)
{
    (void)peer;
}
