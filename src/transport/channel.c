/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A non-blocking stream socket as a byte channel: the slots that unix, tcp and the child-process transports
 * have in common. Writing never raises SIGPIPE; descriptors travel as wire-format descriptors do, one dummy
 * byte each.
 */
#define FL_FROM VIR_FROM_RPC
#include "transport/channel.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "base/util.h"

int fl_channel_error(int errnum, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    g_autofree char *text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    fl_error(VIR_ERR_SYSTEM_ERROR, "%s", text);
    virErrorPtr err = fl_error_get();
    g_free(err->message);
    err->message = g_strdup(text);
    g_free(err->str1);
    err->str1 = g_strdup("%s");
    err->int1 = errnum;
    return -1;
}

static bool is_again(int errnum)
{
    return errnum == EAGAIN || errnum == EWOULDBLOCK;
}

static int channel_failed(struct fl_transport *t, const char *what)
{
    if (is_again(errno))
        return -FL_AGAIN;
    return fl_error_system(errno, "cannot %s %s", what, t->target ? t->target : "the connection");
}

static int channel_closed(struct fl_transport *t)
{
    return fl_channel_error(EBADF, "the connection to %s is closed", t->target ? t->target : "the far side");
}

ssize_t fl_channel_read(struct fl_transport *t, void *buf, size_t len)
{
    ssize_t n;
    if (t->fd < 0)
        return channel_closed(t);
    do {
        n = recv(t->fd, buf, len, MSG_DONTWAIT);
    } while (n < 0 && errno == EINTR);
    return n >= 0 ? n : channel_failed(t, "read from");
}

ssize_t fl_channel_write(struct fl_transport *t, const void *buf, size_t len)
{
    ssize_t n;
    if (t->fd < 0)
        return channel_closed(t);
    do {
        n = send(t->fd, buf, len, MSG_DONTWAIT | MSG_NOSIGNAL);
    } while (n < 0 && errno == EINTR);
    return n >= 0 ? n : channel_failed(t, "write to");
}

ssize_t fl_channel_write2(struct fl_transport *t, const struct iovec iov[2])
{
    struct msghdr msg = { .msg_iov = (struct iovec *)iov, .msg_iovlen = 2 };
    ssize_t n;
    if (t->fd < 0)
        return channel_closed(t);
    do {
        n = sendmsg(t->fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
    } while (n < 0 && errno == EINTR);
    return n >= 0 ? n : channel_failed(t, "write to");
}

ssize_t fl_channel_read2(struct fl_transport *t, const struct iovec iov[2])
{
    struct msghdr msg = { .msg_iov = (struct iovec *)iov, .msg_iovlen = 2 };
    ssize_t n;
    if (t->fd < 0)
        return channel_closed(t);
    do {
        n = recvmsg(t->fd, &msg, MSG_DONTWAIT);
    } while (n < 0 && errno == EINTR);
    return n >= 0 ? n : channel_failed(t, "read from");
}

int fl_channel_send_fd(struct fl_transport *t, int fd)
{
    char dummy = 0;
    struct iovec iov = { &dummy, 1 };
    union {
        char buf[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } ctl = { { 0 } };
    struct msghdr msg = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = ctl.buf, .msg_controllen = sizeof(ctl.buf)
    };
    struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(c), &fd, sizeof(fd));

    ssize_t n;
    if (t->fd < 0)
        return channel_closed(t);
    do {
        n = sendmsg(t->fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
    } while (n < 0 && errno == EINTR);
    return n == 1 ? 0 : channel_failed(t, "pass a file descriptor to");
}

/* Takes the one descriptor wanted and closes any more that came with it. */
static int take_descriptors(struct msghdr *msg)
{
    int taken = -1;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < count; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
            if (taken < 0)
                taken = fd;
            else
                close(fd);
        }
    }
    return taken;
}

int fl_channel_recv_fd(struct fl_transport *t, int *ret_fd)
{
    char dummy;
    struct iovec iov = { &dummy, 1 };
    union {
        char buf[CMSG_SPACE(4 * sizeof(int))];
        struct cmsghdr align;
    } ctl;
    struct msghdr msg = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = ctl.buf, .msg_controllen = sizeof(ctl.buf)
    };

    ssize_t n;
    if (t->fd < 0)
        return channel_closed(t);
    do {
        n = recvmsg(t->fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    } while (n < 0 && errno == EINTR);
    if (n < 0)
        return channel_failed(t, "receive a file descriptor from");
    int fd = take_descriptors(&msg);
    if (n == 0 || fd < 0) {
        fl_fd_close(&fd);
        return fl_channel_error(EPROTO, "a file descriptor was announced by %s but did not come",
                                t->target ? t->target : "the far side");
    }
    *ret_fd = fd;
    return 0;
}

int fl_channel_half_close(struct fl_transport *t)
{
    if (t->fd < 0)
        return channel_closed(t);
    if (shutdown(t->fd, SHUT_WR) < 0 && errno != ENOTCONN)
        return channel_failed(t, "end the output to");
    return 0;
}

void fl_channel_close(struct fl_transport *t)
{
    fl_fd_close(&t->fd);
}
