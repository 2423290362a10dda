/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A connection's life: the object, its references, what stays with it (URI, last error, close callback).
 * Opening is connect_open.c.
 */
#define FL_FROM VIR_FROM_NONE
#include "core/connect.h"

#include "base/error.h"
#include "base/event.h"
#include "base/log.h"
#include "core/connect_private.h"
#include "core/objects.h"
#include "core/driver.h"

struct connect_block {
    virConnect conn; /* first: the two are one allocation */
    struct fl_connect_core core;
};

virConnectPtr fl_connect_new(const char *uri, unsigned int flags)
{
    struct connect_block *b = g_new0(struct connect_block, 1);
    b->conn.object.magic = FL_MAGIC_CONNECT;
    b->conn.object.refs = 1;
    b->conn.uri = g_strdup(uri);
    b->conn.flags = flags;
    b->conn.core = &b->core;
    g_mutex_init(&b->core.lock);
    return &b->conn;
}

static void connect_dispose(virConnectPtr conn)
{
    struct fl_connect_core *core = conn->core;
    FL_ERROR_PRESERVE; /* closing has no way to fail that the caller could act on */
    if (conn->driver && conn->driver->close)
        conn->driver->close(conn);
    virResetError(&core->error);
    g_mutex_clear(&core->lock);
    g_free(conn->uri);
    conn->object.magic = 0;
    g_free(conn);
}

/* References left. */
static int connect_drop(virConnectPtr conn)
{
    int left = g_atomic_int_add(&conn->object.refs, -1) - 1;
    if (left == 0)
        connect_dispose(conn);
    return left;
}

void fl_connect_ref(virConnectPtr conn)
{
    g_atomic_int_inc(&conn->object.refs);
}

void fl_connect_unref(virConnectPtr conn)
{
    if (conn)
        connect_drop(conn);
}

int fl_connect_check(virConnectPtr conn, const char *call)
{
    if (G_LIKELY(conn && conn->object.magic == FL_MAGIC_CONNECT))
        return 0;
    return fl_error(VIR_ERR_INVALID_CONN, "%s was given no open connection", call);
}

/* The head of the calls below; false after dispatching. */
static bool enter(virConnectPtr conn, const char *call)
{
    fl_error_reset();
    if (fl_connect_check(conn, call) == 0)
        return true;
    fl_error_dispatch(NULL);
    return false;
}

int virConnectRef(virConnectPtr conn)
{
    if (!enter(conn, __func__))
        return -1;
    fl_connect_ref(conn);
    return 0;
}

int virConnectClose(virConnectPtr conn)
{
    fl_debug("conn=%p", (void *)conn);
    if (!enter(conn, __func__))
        return -1;
    return connect_drop(conn) > 0; /* Compat: whether something is left, not how much */
}

char *virConnectGetURI(virConnectPtr conn)
{
    if (!enter(conn, __func__))
        return NULL;
    if (!conn->uri) {
        fl_error(VIR_ERR_INTERNAL_ERROR, "the '%s' driver did not say which URI it opened",
                 conn->driver->name);
        fl_error_dispatch(conn);
        return NULL;
    }
    return g_strdup(conn->uri);
}

/* Takes the close callback out; the caller owns its connection reference. False when there is none, or
 * another. */
static bool close_take(struct fl_connect_core *core, virConnectCloseFunc only, struct fl_connect_core *ret_cb)
{
    g_mutex_lock(&core->lock);
    bool found = core->close_cb && (!only || core->close_cb == only);
    if (found) {
        ret_cb->close_cb = core->close_cb;
        ret_cb->close_opaque = core->close_opaque;
        ret_cb->close_free = core->close_free;
        core->close_cb = NULL;
    }
    g_mutex_unlock(&core->lock);
    return found;
}

static bool close_put(struct fl_connect_core *core, virConnectCloseFunc cb, void *opaque,
                      virFreeCallback freecb)
{
    g_mutex_lock(&core->lock);
    bool empty = !core->close_cb;
    if (empty) {
        core->close_cb = cb;
        core->close_opaque = opaque;
        core->close_free = freecb;
    }
    g_mutex_unlock(&core->lock);
    return empty;
}

/* Compat: a driver without the call runs in this library, so its version is the answer; the daemon then tells
 * it the far client. */
int virConnectGetLibVersion(virConnectPtr conn, unsigned long *libVer)
{
    int rc = 0;

    fl_error_reset();
    if (fl_connect_check(conn, __func__) < 0) {
        fl_error_dispatch(NULL);
        return -1;
    }
    if (!libVer)
        rc = fl_error_set_argument(FL_FROM, VIR_ERR_INVALID_ARG, __func__, "libVer", "must not be NULL");
    else if (conn->ops->connect_get_lib_version)
        rc = conn->ops->connect_get_lib_version(conn, libVer);
    else
        *libVer = LIBVIR_VERSION_NUMBER;
    if (rc < 0)
        fl_error_dispatch(conn);
    return rc;
}

int virConnectRegisterCloseCallback(virConnectPtr conn, virConnectCloseFunc cb, void *opaque,
                                    virFreeCallback freecb)
{
    if (!enter(conn, __func__))
        return -1;
    if (!cb) {
        fl_error_set_argument(FL_FROM, VIR_ERR_INVALID_ARG, __func__, "cb", "must not be NULL");
        fl_error_dispatch(conn);
        return -1;
    }
    fl_connect_ref(conn);
    if (!close_put(conn->core, cb, opaque, freecb)) {
        fl_error(VIR_ERR_OPERATION_INVALID,
                 "this connection has a close callback already; unregister it first");
    } else if (!conn->driver->watch_close || conn->driver->watch_close(conn, true) == 0) {
        return 0;
    } else {
        struct fl_connect_core taken;
        close_take(conn->core, cb, &taken); /* not freed: registering failed, the data stays the caller's */
    }
    fl_error_dispatch(conn);
    fl_connect_unref(conn);
    return -1;
}

int virConnectUnregisterCloseCallback(virConnectPtr conn, virConnectCloseFunc cb)
{
    struct fl_connect_core taken;
    if (!enter(conn, __func__))
        return -1;
    if (!cb) {
        fl_error_set_argument(FL_FROM, VIR_ERR_INVALID_ARG, __func__, "cb", "must not be NULL");
        fl_error_dispatch(conn);
        return -1;
    }
    if (!close_take(conn->core, cb, &taken)) {
        fl_error(VIR_ERR_OPERATION_INVALID, "this is not the connection's close callback");
        fl_error_dispatch(conn);
        return -1;
    }
    if (conn->driver->watch_close)
        conn->driver->watch_close(conn, false);
    if (taken.close_free)
        taken.close_free(taken.close_opaque);
    fl_connect_unref(conn);
    return 0;
}

static void close_deliver(virConnectPtr conn)
{
    struct fl_connect_core *core = conn->core, taken;
    if (!close_take(core, NULL, &taken))
        return;
    taken.close_cb(conn, core->close_reason, taken.close_opaque);
    if (taken.close_free)
        taken.close_free(taken.close_opaque);
    fl_connect_unref(conn);
}

static void close_timer(int timer, void *opaque)
{
    fl_event_remove_timeout(timer);
    close_deliver(opaque);
}

static void close_timer_gone(void *opaque)
{
    fl_connect_unref(opaque);
}

void fl_connect_closed(virConnectPtr conn, int reason)
{
    struct fl_connect_core *core = conn->core;
    g_mutex_lock(&core->lock);
    core->close_reason = reason;
    bool wanted = core->close_cb != NULL;
    g_mutex_unlock(&core->lock);
    if (!wanted)
        return;
    FL_ERROR_PRESERVE;
    fl_connect_ref(conn);
    if (fl_event_registered() && fl_event_add_timeout(0, close_timer, conn, close_timer_gone) >= 0)
        return;
    close_deliver(conn);
    fl_connect_unref(conn);
}
