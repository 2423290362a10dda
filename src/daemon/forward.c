/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The bytes of a forwarded client. forward_open.c begins it. */
#define FL_FROM VIR_FROM_RPC
#include "daemon/forward.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"
#include "daemon/forward_private.h"
#include "daemon/io.h"
#include "daemon/peer.h"
#include "transport/transport.h"
#include "wire/frame.h"

#define ROUNDS       8                     /* turns before the thread's other peers get theirs */
#define LAST_WORD_US (10 * G_USEC_PER_SEC) /* for what is left to say to one side when the other has gone */

/* ---- one direction ---- */

static bool flow_empty(const struct fl_flow *f)
{
    return f->start == f->end;
}

static bool flow_open(const struct fl_flow *f)
{
    return !f->ended && f->end < FL_FLOW_SIZE && f->nfds < FL_FLOW_FDS;
}

static void flow_fini(struct fl_flow *f)
{
    for (unsigned int i = 0; i < f->nfds; i++)
        close(f->fds[i].fd);
    g_free(f->data);
    *f = (struct fl_flow){ 0 };
}

/* At rest a connection keeps no buffer. */
static void flow_rest(struct fl_flow *f)
{
    if (flow_empty(f))
        g_clear_pointer(&f->data, g_free);
}

void fl_flow_append(struct fl_flow *f, const void *bytes, size_t length)
{
    if (!f->data)
        f->data = g_malloc(MAX(FL_FLOW_SIZE, length));
    memcpy(f->data + f->end, bytes, length);
    f->end += length;
    f->total += length;
}

/* On the socket itself descriptors can travel; in a layer above it they cannot. */
static bool passes_fds(const struct fl_transport *t)
{
    return t->local && !t->below;
}

/* A descriptor comes with one byte of its own, the last of what is read at one time. */
static void keep_fds(struct fl_flow *f, struct msghdr *msg, size_t at)
{
    bool kept = false;

    for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
        size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        for (size_t i = 0; i < count; i++) {
            int fd;

            memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
            if (kept) {
                close(fd);
                continue;
            }
            f->fds[f->nfds].at = at;
            f->fds[f->nfds++].fd = fd;
            kept = true;
        }
    }
}

static ssize_t read_with_fds(struct fl_transport *t, struct fl_flow *f)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(FL_FRAME_FDS_MAX * sizeof(int))];
    } control;
    struct iovec iov = { f->data + f->end, FL_FLOW_SIZE - f->end };
    struct msghdr msg = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)
    };
    ssize_t n;

    do {
        n = recvmsg(t->fd, &msg, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    } while (n < 0 && errno == EINTR);
    if (n < 0)
        return errno == EAGAIN || errno == EWOULDBLOCK ? -FL_AGAIN : 0; /* reset: as good as ended */
    if (n > 0)
        keep_fds(f, &msg, f->end + (size_t)n - 1);
    return n;
}

/* true: something has come, or the end. */
static bool flow_fill(struct fl_flow *f, struct fl_transport *from)
{
    bool any = false;

    while (flow_open(f)) {
        ssize_t n;

        if (!f->data)
            f->data = g_malloc(FL_FLOW_SIZE);
        n = passes_fds(from) ? read_with_fds(from, f)
                             : fl_transport_read(from, f->data + f->end, FL_FLOW_SIZE - f->end);
        if (n == -FL_AGAIN)
            break;
        any = true;
        if (n <= 0) {
            f->ended = true;
            break;
        }
        f->end += (size_t)n;
        f->total += (uint64_t)n;
        if (!fl_transport_pending(from))
            break;
    }
    return any;
}

/* The byte that stands for a descriptor, with it where that is possible. */
static int send_due_fd(struct fl_flow *f, struct fl_transport *to)
{
    ssize_t n = passes_fds(to) ? fl_transport_send_fd(to, f->fds[0].fd)
                               : MIN(fl_transport_write(to, f->data + f->start, 1), 0);

    if (n < 0)
        return (int)n;
    close(f->fds[0].fd);
    f->start++;
    f->nfds--;
    memmove(f->fds, f->fds + 1, f->nfds * sizeof(f->fds[0]));
    return 0;
}

/* 0: all is out; -FL_AGAIN; -1: nobody takes it any more. */
static int flow_drain(struct fl_flow *f, struct fl_transport *to)
{
    while (!flow_empty(f)) {
        size_t until = f->nfds ? f->fds[0].at : f->end;
        ssize_t n;

        if (f->start == until) {
            int rc = send_due_fd(f, to);

            if (rc < 0)
                return rc;
            continue;
        }
        n = fl_transport_write(to, f->data + f->start, until - f->start);
        if (n < 0)
            return (int)n;
        f->start += (size_t)n;
    }
    f->start = f->end = 0;
    return 0;
}

/* ---- both ---- */

/* What the client sent behind its CONNECT_OPEN has been read already. */
static int begin(struct fl_peer *peer, struct fl_forward *fw)
{
    g_autofree void *left = NULL;
    size_t length = fl_session_take_input(peer->session, &left);

    fw->begun = true;
    fl_session_set_keepalive(peer->session, 0, 0, 0); /* the daemon behind asks */
    if (peer->nfds > 0)
        return fl_error(VIR_ERR_RPC, "descriptors came before the connection was open");
    if (length > 0)
        fl_flow_append(&fw->up, left, length);
    return 0;
}

static int to_client(struct fl_peer *peer, struct fl_forward *fw)
{
    if (fl_session_queued(peer->session) > 0)
        fl_peer_flush_locked(peer); /* our own answers go first */
    return fl_session_queued(peer->session) > 0 ? -FL_AGAIN : flow_drain(&fw->down, peer->transport);
}

/* Whose end it is, once what that side said last has been handed on. */
static const char *check_ended(struct fl_forward *fw)
{
    if (fw->up.ended && flow_empty(&fw->up))
        return "the client hung up";
    if (fw->down.ended && flow_empty(&fw->down))
        return "the daemon behind ended the connection";
    if ((fw->up.ended || fw->down.ended) && fw->give_up == INT64_MAX)
        fw->give_up = g_get_monotonic_time() + LAST_WORD_US;
    return g_get_monotonic_time() >= fw->give_up ? "one side has gone and the other takes no more" : NULL;
}

static const char *move_bytes(struct fl_peer *peer, struct fl_forward *fw)
{
    bool moved = true;
    int rc;

    for (int round = 0; moved && round < ROUNDS; round++) {
        moved = flow_fill(&fw->up, peer->transport);
        rc = flow_drain(&fw->up, fw->back);
        if (rc < 0 && rc != -FL_AGAIN)
            fw->down.ended = fw->up.ended = true;
        moved = flow_fill(&fw->down, fw->back) || moved;
        rc = to_client(peer, fw);
        if (rc < 0 && rc != -FL_AGAIN)
            return "the client hung up";
    }
    return check_ended(fw);
}

const char *fl_forward_ready(struct fl_peer *peer)
{
    struct fl_forward *fw = peer->forward;
    bool quiet = fl_error_log_quietly(true); /* whoever leaves first is no fault of the daemon */
    const char *reason;

    if (!fw->begun && begin(peer, fw) < 0)
        reason = "the protocol was broken while opening";
    else
        reason = move_bytes(peer, fw);
    fl_error_reset();
    fl_error_log_quietly(quiet);
    flow_rest(&fw->up);
    flow_rest(&fw->down);
    if (!reason)
        fl_forward_watch(peer);
    return reason;
}

void fl_forward_watch(struct fl_peer *peer)
{
    struct fl_forward *fw = peer->forward;
    bool held = peer->holds & FL_HOLD_OPEN; /* the answer to CONNECT_OPEN is not given yet */
    uint32_t front = 0, back = 0;

    if (!held && flow_open(&fw->up))
        front |= EPOLLIN;
    if (fl_session_queued(peer->session) > 0 || !flow_empty(&fw->down) || (!held && !fw->begun))
        front |= EPOLLOUT;
    if ((front & EPOLLIN) &&
        fl_transport_pending(peer->transport) > 0) /* what a layer holds epoll does not see */
        front |= EPOLLOUT;
    if (fw->begun && flow_open(&fw->down))
        back |= EPOLLIN;
    if (!flow_empty(&fw->up))
        back |= EPOLLOUT;
    if (front)
        front = (uint32_t)(unsigned short)fl_transport_want(peer->transport, (short)front);
    fl_io_watch(peer->io, peer, false, peer->transport->fd, peer->events, front);
    fl_io_watch(peer->io, peer, true, fw->back->fd, fw->back_events, back);
    peer->events = front;
    fw->back_events = back;
}

int64_t fl_forward_deadline(const struct fl_peer *peer)
{
    return peer->forward->give_up;
}

void fl_forward_shutdown(struct fl_peer *peer)
{
    (void)shutdown(peer->forward->back->fd, SHUT_RDWR);
}

void fl_forward_end(struct fl_peer *peer)
{
    struct fl_forward *fw = g_steal_pointer(&peer->forward);

    if (!fw)
        return;
    fl_io_watch(peer->io, peer, true, fw->back->fd, fw->back_events, 0);
    fl_info("client %" G_GUINT64_FORMAT " was forwarded to %s: %" G_GUINT64_FORMAT
            " bytes there, %" G_GUINT64_FORMAT " back",
            peer->id, fw->back->target, fw->up.total, fw->down.total);
    fl_forward_free(fw);
}

struct fl_forward *fl_forward_new(struct fl_transport *back)
{
    struct fl_forward *fw = g_new0(struct fl_forward, 1);

    fw->back = back;
    fw->give_up = INT64_MAX;
    return fw;
}

void fl_forward_free(struct fl_forward *fw)
{
    if (!fw)
        return;
    fl_transport_free(fw->back);
    flow_fini(&fw->up);
    flow_fini(&fw->down);
    g_free(fw);
}
