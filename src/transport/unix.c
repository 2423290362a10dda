/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The unix transport: a daemon on this machine. Tries each socket the mode allows, starts an ordinary user's
 * session daemon when none answers, and lists every path with its state when nothing helps.
 */
#define FL_FROM VIR_FROM_REMOTE
#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "base/util.h"
#include "base/walk.h"
#include "transport/autostart.h"
#include "transport/channel.h"
#include "transport/dial.h"
#include "transport/sockets.h"
#include "transport/unix_explain.h"

static int check_route(const struct fl_route *r)
{
    if (r->host && r->host[0])
        return fl_error(
            VIR_ERR_INVALID_ARG,
            "transport 'unix' stays on this machine but the URI names host '%s'; leave the host out "
            "or use +ssh",
            r->host);
    if (r->socket && !r->socket[0])
        return fl_error(VIR_ERR_INVALID_ARG,
                        "parameter socket= is empty; give the path of a daemon's socket");
    if (r->mode == FL_MODE_DIRECT && !r->driver && !r->socket)
        return fl_error(
            VIR_ERR_OPERATION_UNSUPPORTED,
            "connect: %s: mode 'direct' goes to the daemon of a driver, and no URI names a driver; name a "
            "URI, or choose mode 'auto'",
            r->mode_origin.where ? r->mode_origin.where : "parameter mode");
    return 0;
}

static void unix_connected(struct fl_transport *t, int fd, const char *path)
{
    t->fd = fd;
    t->local = true;
    g_free(t->target);
    t->target = g_strdup(path);
    fl_debug("connected to %s", path);
}

static void note_dial(const char *path, int fd)
{
    g_autofree char *state = !fl_walk_watched() ? NULL
                             : fd >= 0          ? g_strdup("connected")
                                                : fl_dial_explain(path, -fd);

    fl_stage_note("%s: %s", path, state);
}

/* 0 = connected, 1 = none answered and errs tells why. */
static int try_sockets(struct fl_transport *t, const struct fl_sockets *s, int64_t deadline_us, int *errs)
{
    for (size_t i = 0; i < s->n; i++) {
        fl_stage_enter(FL_STAGE_CONNECT, "%s", s->item[i].path);
        int fd = fl_dial_unix(s->item[i].path, deadline_us);
        note_dial(s->item[i].path, fd);
        if (fd >= 0) {
            unix_connected(t, fd, s->item[i].path);
            return 0;
        }
        errs[i] = -fd;
        fl_debug("%s: %s", s->item[i].path, g_strerror(-fd));
    }
    return 1;
}

static bool nobody_listens(int errnum)
{
    return errnum == ENOENT || errnum == ECONNREFUSED;
}

/* Compat: only a session daemon is started by its clients, and only when nobody listens. */
static bool may_start(const struct fl_sockets *s, const int *errs)
{
    return s->session && s->item[s->main].daemon && nobody_listens(errs[s->main]) && fl_autostart_enabled() &&
           !fl_walk_look_only();
}

static bool is_installed(const char *daemon)
{
    g_autofree char *searched = NULL;
    g_autofree char *program = fl_autostart_find(daemon, &searched);

    return program != NULL;
}

/* Which one: the driver's own where it has run before, else the one that is there by default, else what is
 * installed. */
static size_t which_to_start(const struct fl_sockets *s, const int *errs)
{
    for (size_t i = 0; i < s->n; i++) {
        if (errs[i] == ECONNREFUSED && is_installed(s->item[i].daemon))
            return i;
    }
    for (size_t i = 0; i < s->n && !is_installed(s->item[s->main].daemon); i++) {
        if (nobody_listens(errs[i]) && is_installed(s->item[i].daemon))
            return i;
    }
    return s->main;
}

static int unix_open(struct fl_transport *t, const struct fl_endpoint *ep)
{
    struct fl_sockets s;
    int errs[FL_SOCKETS_MAX] = { 0 };
    if (check_route(ep->route) < 0)
        return -1;
    fl_sockets_init(&s, ep->route, ep->read_only, ep->privileged);
    int rc = try_sockets(t, &s, ep->deadline_us, errs);
    if (rc > 0 && may_start(&s, errs)) {
        size_t i = which_to_start(&s, errs);
        int fd = fl_autostart_daemon(s.item[i].daemon, s.item[i].path, ep->deadline_us);
        if (fd >= 0)
            unix_connected(t, fd, s.item[i].path);
        rc = fd >= 0 ? 0 : -1;
    } else if (rc > 0) {
        rc = fl_unix_failed(&s, ep->route, ep->read_only, errs);
    }
    fl_sockets_fini(&s);
    return rc;
}

const struct fl_transport_ops fl_transport_unix = {
    .name = "unix",
    .open = unix_open,
    .read = fl_channel_read,
    .write = fl_channel_write,
    .write2 = fl_channel_write2,
    .read2 = fl_channel_read2,
    .send_fd = fl_channel_send_fd,
    .recv_fd = fl_channel_recv_fd,
    .half_close = fl_channel_half_close,
    .close = fl_channel_close,
};
