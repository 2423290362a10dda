/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Downloads of files over plain sockets: the file's pages go to the socket without a copy here. The thread
 * has descriptors of its own, so that it can write without the peer's lock whatever becomes of stream and
 * peer; what others have for the peer waits until the packet is out (fl_session_pass).
 */
#define FL_FROM VIR_FROM_STREAMS
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "base/util.h"
#include "core/objects.h"
#include "daemon/stream_private.h"
#include "transport/transport.h"

#define LOOK_MS 1000        /* until it is looked whether the peer is still there */
#define FIRST   (16u << 10) /* goes with the head: that alone would wake the far side once more */

void fl_file_way_init(struct fl_file_way *way, struct fl_served_stream *s)
{
    const struct fl_stream_ops *ops = s->stream->ops;
    struct fl_peer *peer = s->peer;

    *way = (struct fl_file_way){ -1, -1 };
    if (!ops || !ops->file || !ops->pass)
        return;
    g_mutex_lock(&peer->lock);
    if (!peer->gone && !peer->transport->below) /* the bytes go as they are */
        way->socket = fcntl(peer->transport->fd, F_DUPFD_CLOEXEC, 0);
    g_mutex_unlock(&peer->lock);
    if (way->socket >= 0)
        way->file = ops->file(s->stream);
    if (way->file < 0)
        fl_file_way_fini(way);
}

void fl_file_way_fini(struct fl_file_way *way)
{
    fl_fd_close(&way->file);
    fl_fd_close(&way->socket);
}

/* A packet under way. */
struct passing {
    struct fl_file_way *way;
    off_t at;
    size_t left;     /* of the file's bytes */
    char *first;     /* head and first bytes */
    size_t first_at; /* of them, sent... */
    size_t first_len;
};

/* One step: bytes that have left, 0 = the file ended early, -1 with errno. */
static ssize_t move_some(struct passing *p)
{
    ssize_t n;

    if (p->first_at < p->first_len) {
        n = send(p->way->socket, p->first + p->first_at, p->first_len - p->first_at,
                 MSG_DONTWAIT | MSG_NOSIGNAL | (p->left ? MSG_MORE : 0));
        p->first_at += n > 0 ? (size_t)n : 0;
        return n;
    }
    n = sendfile(p->way->socket, p->way->file, &p->at, p->left);
    p->left -= n > 0 ? (size_t)n : 0;
    return n;
}

/* false: the peer is gone. */
static bool count(struct fl_peer *peer, size_t n)
{
    bool here;

    g_mutex_lock(&peer->lock);
    fl_session_passed(peer->session, n);
    here = !peer->gone;
    g_mutex_unlock(&peer->lock);
    return here;
}

/* All of it, or false: errno EPIPE: the peer does not take it; else the file is at fault, 0: has become
 * shorter. */
static bool move(struct fl_peer *peer, struct passing *p)
{
    while (p->first_at < p->first_len || p->left > 0) {
        struct pollfd pfd = { .fd = p->way->socket, .events = POLLOUT };
        ssize_t n = move_some(p);
        int errnum = n < 0 ? errno : 0;
        bool again = errnum == EAGAIN || errnum == EINTR;

        if (n <= 0 && !again) {
            errno = errnum == ECONNRESET ? EPIPE : errnum;
            return false;
        }
        if (!count(peer, n > 0 ? (size_t)n : 0)) {
            errno = EPIPE;
            return false;
        }
        if (errnum == EAGAIN)
            (void)poll(&pfd, 1, LOOK_MS);
    }
    return true;
}

/* Others may write again. A frame that was begun has to be completed, with zeros if need be. */
static int finish(struct fl_served_stream *s, bool whole, int errnum)
{
    struct fl_peer *peer = s->peer;

    g_mutex_lock(&peer->lock);
    if (!peer->gone && !whole && (errnum == EPIPE || fl_session_pass_zeros(peer->session) < 0))
        fl_peer_shutdown(peer);
    fl_peer_flush_locked(peer);
    g_cond_broadcast(&peer->room);
    g_mutex_unlock(&peer->lock);
    if (whole)
        return 1;
    if (errnum == EPIPE)
        return -1;
    fl_error_system(errnum ? errnum : EIO, "cannot read the stream's file%s",
                    errnum ? "" : ": it has become shorter");
    fl_served_fail_reading(s);
    return -1;
}

static bool begin(struct fl_served_stream *s, size_t len, unsigned char head[FL_FRAME_PREFIX])
{
    struct fl_peer *peer = s->peer;
    bool begun = false;

    g_mutex_lock(&peer->lock);
    for (;;) {
        fl_served_drain(s);
        begun = fl_served_goes_on(s) && fl_session_pass(peer->session, &s->header, len, head);
        if (begun || !fl_served_goes_on(s))
            break;
        g_mutex_unlock(&peer->lock); /* a descriptor waits to be passed first */
        g_usleep(1000);
        g_mutex_lock(&peer->lock);
        fl_peer_flush_locked(peer);
    }
    g_mutex_unlock(&peer->lock);
    return begun;
}

static int pass(struct fl_file_way *way, struct fl_served_stream *s, off_t at, size_t len)
{
    unsigned char first[FL_FRAME_PREFIX + FIRST];
    ssize_t n = pread(way->file, first + FL_FRAME_PREFIX, MIN(len, FIRST), at);
    struct passing p = { .way = way, .first = (char *)first };
    bool whole;

    if (n <= 0) {
        fl_error_system(n < 0 ? errno : EIO, "cannot read the stream's file");
        fl_served_fail_reading(s);
        return -1;
    }
    if (!begin(s, len, first))
        return -1;
    p.first_len = FL_FRAME_PREFIX + (size_t)n;
    p.at = at + n;
    p.left = len - (size_t)n;
    whole = move(s->peer, &p);
    return finish(s, whole, whole ? 0 : errno);
}

int fl_file_way_step(struct fl_file_way *way, struct fl_served_stream *s)
{
    off_t at = 0;
    ssize_t n;

    if (way->file < 0)
        return 0;
    n = s->stream->ops->pass(s->stream, FL_STREAM_CHUNK, s->sparse ? VIR_STREAM_RECV_STOP_AT_HOLE : 0, &at);
    if (n < 0)
        fl_served_fail_reading(s);
    return n <= 0 ? (int)n : pass(way, s, at, (size_t)n);
}
