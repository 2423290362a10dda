/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The list of transports, and the calls everyone outside uses: each goes to the transport's slot or, when
 * that is empty, to the layer below.
 */
#define FL_FROM VIR_FROM_REMOTE
#include "transport/transport.h"

#include <sys/socket.h>

#include "base/error.h"
#include "base/module.h"
#include "base/util.h"
#include "base/walk.h"
#include "transport/channel.h"
#include "uri/route.h"

/* In the order they are named to users. A NULL table: a module has it. */
static const struct {
    const char *name;
    const struct fl_transport_ops *ops;
} transports[] = {
    { "unix", &fl_transport_unix }, { "tcp", &fl_transport_tcp }, { "tls", NULL },
    { "ssh", &fl_transport_ssh },   { "libssh", NULL },           { "libssh2", NULL },
    { "ext", &fl_transport_ext },
};

/* The module is called as the transport; its table begins with the transport's slots. */
static const struct fl_transport_ops *load_transport(const char *name)
{
    g_autofree char *what = g_strdup_printf("the '%s' transport", name);
    const struct fl_transport_module *module = fl_module_load(name, what);

    return module ? module->ops : NULL;
}

const struct fl_transport_ops *fl_transport_by_name(const char *name)
{
    g_autoptr(GString) known = g_string_new(NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(transports); i++) {
        if (g_str_equal(transports[i].name, name)) {
            if (transports[i].ops)
                return transports[i].ops;
            return load_transport(name);
        }
        g_string_append_printf(known, "%s%s", i ? ", " : "", transports[i].name);
    }
    return fl_error_null(VIR_ERR_INVALID_ARG, "there is no transport '%s'; there are: %s", name, known->str);
}

static struct fl_transport *transport_new(const struct fl_transport_ops *ops)
{
    struct fl_transport *t = g_new0(struct fl_transport, 1);
    t->ops = ops;
    t->fd = -1;
    return t;
}

int fl_transport_open(const struct fl_endpoint *endpoint, struct fl_transport **ret_t)
{
    struct fl_endpoint bounded = *endpoint, *ep = &bounded;
    const char *name = ep->route->transport ? ep->route->transport : "unix";
    if (ep->route->connect_timeout > 0)
        ep->deadline_us =
            fl_deadline_min(ep->deadline_us, fl_deadline_in_ms(ep->route->connect_timeout * (int64_t)1000));
    const struct fl_transport_ops *ops = fl_transport_by_name(name);
    if (!ops)
        return -1;
    struct fl_transport *t = transport_new(ops);
    if (ops->open(t, ep) < 0) {
        FL_ERROR_PRESERVE;
        fl_transport_free(t);
        return -1;
    }
    *ret_t = t;
    return 0;
}

int fl_transport_open_below(struct fl_transport *t, const char *name, const struct fl_endpoint *ep)
{
    const struct fl_transport_ops *ops = fl_transport_by_name(name);
    if (!ops)
        return -1;
    t->below = transport_new(ops);
    return ops->open(t->below, ep); /* freed with t when it failed */
}

static const struct fl_transport_ops transport_fd = {
    .name = "fd",
    .read = fl_channel_read,
    .write = fl_channel_write,
    .write2 = fl_channel_write2,
    .read2 = fl_channel_read2,
    .send_fd = fl_channel_send_fd,
    .recv_fd = fl_channel_recv_fd,
    .half_close = fl_channel_half_close,
    .close = fl_channel_close,
};

struct fl_transport *fl_transport_from_accepted(int fd, bool local)
{
    struct fl_transport *t = transport_new(&transport_fd);
    t->fd = fd;
    t->local = local;
    t->target = g_strdup("the peer");
    return t;
}

struct fl_transport *fl_transport_from_fd(int fd)
{
    struct sockaddr_storage addr;
    socklen_t len = sizeof(addr);
    fl_fd_set_nonblock(fd, true);
    fl_fd_set_cloexec(fd, true);
    return fl_transport_from_accepted(fd, getsockname(fd, (struct sockaddr *)&addr, &len) == 0 &&
                                              addr.ss_family == AF_UNIX);
}

void fl_transport_close(struct fl_transport *t)
{
    if (!t)
        return;
    if (t->ops->close)
        t->ops->close(t);
    fl_transport_close(t->below);
}

void fl_transport_free(struct fl_transport *t)
{
    if (!t)
        return;
    fl_transport_close(t);
    fl_transport_free(t->below);
    g_free(t->target);
    g_free(t);
}

static int not_passed(struct fl_transport *t, const char *what)
{
    return fl_error(VIR_ERR_OPERATION_INVALID, "the '%s' transport to %s cannot %s", t->ops->name,
                    t->target ? t->target : "the far side", what);
}

ssize_t fl_transport_read(struct fl_transport *t, void *buf, size_t len)
{
    for (; t; t = t->below)
        if (t->ops->read)
            return t->ops->read(t, buf, len);
    return -1;
}

ssize_t fl_transport_write(struct fl_transport *t, const void *buf, size_t len)
{
    for (; t; t = t->below)
        if (t->ops->write)
            return t->ops->write(t, buf, len);
    return -1;
}

ssize_t fl_transport_read2(struct fl_transport *t, const struct iovec iov[2])
{
    return t->ops->read2 ? t->ops->read2(t, iov) : fl_transport_read(t, iov[0].iov_base, iov[0].iov_len);
}

bool fl_transport_has_write2(const struct fl_transport *t)
{
    return t->ops->write2 != NULL;
}

ssize_t fl_transport_write2(struct fl_transport *t, const struct iovec iov[2])
{
    return t->ops->write2(t, iov);
}

void fl_transport_widen(struct fl_transport *t)
{
    const int room = 1 << 20; /* the kernel gives what it allows */
    if (t->local && !t->below && t->fd >= 0)
        setsockopt(t->fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
}

/* Descriptors go over the bare unix socket only: a layer that changes the bytes has no place for them. */
int fl_transport_send_fd(struct fl_transport *t, int fd)
{
    return t->ops->send_fd ? t->ops->send_fd(t, fd) : not_passed(t, "carry file descriptors");
}

int fl_transport_recv_fd(struct fl_transport *t, int *ret_fd)
{
    return t->ops->recv_fd ? t->ops->recv_fd(t, ret_fd) : not_passed(t, "carry file descriptors");
}

int fl_transport_half_close(struct fl_transport *t)
{
    for (struct fl_transport *l = t; l; l = l->below)
        if (l->ops->half_close)
            return l->ops->half_close(l);
    return not_passed(t, "close one direction");
}

short fl_transport_want(struct fl_transport *t, short events)
{
    for (; t; t = t->below)
        if (t->ops->want)
            events = t->ops->want(t, events);
    return events;
}

size_t fl_transport_pending(struct fl_transport *t)
{
    size_t n = 0;
    for (; t; t = t->below)
        if (t->ops->pending)
            n += t->ops->pending(t);
    return n;
}

int fl_transport_stage(struct fl_transport *t)
{
    for (; t; t = t->below)
        if (t->ops->stage)
            return t->ops->stage(t);
    return FL_STAGE_NONE;
}
