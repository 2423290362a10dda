/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The copying loop of virt-ssh-helper. One buffer each way; a full buffer stops reading from its source, so a
 * slow reader slows the writer and memory stays bounded. Ends when the daemon ends, when the client's side of
 * the output is gone, or when the client has ended its input and the daemon has nothing more to say.
 */
#define FL_FROM VIR_FROM_RPC
#include "helper/relay.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/util.h"

#define BUFFER        65536
#define LAST_WORDS_MS 30000 /* the daemon's silence allowed after the client's end of input */

struct flow {
    size_t start, end;
    bool eof;    /* the source has ended */
    bool passed; /* and its end was passed on */
    char buf[BUFFER];
};

struct relay {
    struct fl_transport *t;
    int in, out;
    bool in_sock, out_sock, out_nonblock;
    int64_t last_words; /* deadline once the client's input ended */
    struct flow up, down;
};

static bool flow_full(const struct flow *f)
{
    return f->end == BUFFER;
}

static bool flow_empty(const struct flow *f)
{
    return f->start == f->end;
}

static void flow_taken(struct flow *f, size_t n)
{
    f->start += n;
    if (flow_empty(f))
        f->start = f->end = 0;
}

/* 1 = go on, 0 = the client is gone, -1 = error set. */
static int from_client(struct relay *r)
{
    struct flow *f = &r->up;
    ssize_t n = read(r->in, f->buf + f->end, BUFFER - f->end);
    if (n > 0)
        f->end += (size_t)n;
    else if (n == 0 || errno == ECONNRESET)
        f->eof = true;
    else if (errno != EAGAIN && errno != EINTR)
        return fl_error_system(errno, "cannot read from the client");
    return 1;
}

static int to_client(struct relay *r)
{
    struct flow *f = &r->down;
    size_t len = f->end - f->start;
    if (!r->out_sock && !r->out_nonblock)
        len = MIN(len, (size_t)PIPE_BUF); /* what a descriptor that polled writable takes without blocking */
    ssize_t n = r->out_sock ? send(r->out, f->buf + f->start, len, MSG_DONTWAIT | MSG_NOSIGNAL)
                            : write(r->out, f->buf + f->start, len);
    if (n >= 0)
        flow_taken(f, (size_t)n);
    else if (errno == EPIPE || errno == ECONNRESET)
        return 0;
    else if (errno != EAGAIN && errno != EINTR)
        return fl_error_system(errno, "cannot write to the client");
    return 1;
}

static int from_daemon(struct relay *r)
{
    struct flow *f = &r->down;
    ssize_t n = fl_transport_read(r->t, f->buf + f->end, BUFFER - f->end);
    if (n == -FL_AGAIN)
        return 1;
    if (n < 0)
        return -1;
    f->end += (size_t)n;
    f->eof = n == 0;
    if (r->up.eof && n > 0)
        r->last_words = fl_deadline_in_ms(LAST_WORDS_MS);
    return 1;
}

static int to_daemon(struct relay *r)
{
    struct flow *f = &r->up;
    ssize_t n = fl_transport_write(r->t, f->buf + f->start, f->end - f->start);
    if (n == -FL_AGAIN)
        return 1;
    if (n < 0)
        return -1;
    flow_taken(f, (size_t)n);
    return 1;
}

static int pass_end_on(struct relay *r)
{
    r->up.passed = true;
    r->last_words = fl_deadline_in_ms(LAST_WORDS_MS);
    return fl_transport_half_close(r->t);
}

/* One round of waiting and moving: 1 = go on, 0 = done, -1 = error set. */
static int relay_round(struct relay *r)
{
    bool want_in = !r->up.eof && !flow_full(&r->up);
    short events =
        (short)((flow_full(&r->down) || r->down.eof ? 0 : POLLIN) | (flow_empty(&r->up) ? 0 : POLLOUT));
    bool waits = fl_transport_pending(r->t) > 0; /* decoded already: the descriptor does not tell */
    short want = events ? fl_transport_want(r->t, events) : 0;
    struct pollfd pfd[3] = {
        { .fd = want_in ? r->in : -1, .events = POLLIN },
        { .fd = r->out,
          .events = flow_empty(&r->down) ? 0 : POLLOUT }, /* always: its reader going away ends us */
        { .fd = want ? r->t->fd : -1, .events = want },
    };
    int n = poll(pfd, 3, waits && (events & POLLIN) ? 0 : fl_deadline_poll_ms(r->last_words));
    if (n < 0)
        return errno == EINTR ? 1 : fl_error_system(errno, "cannot wait for the client and the daemon");
    if (n == 0 && !waits && fl_deadline_poll_ms(r->last_words) == 0)
        return 0;

    int rc = 1;
    if (pfd[0].revents)
        rc = from_client(r);
    if (rc > 0 && (events & POLLIN) && (pfd[2].revents || fl_transport_pending(r->t)))
        rc = from_daemon(r);
    if (rc > 0 && !flow_empty(&r->up))
        rc = to_daemon(r);
    if (rc > 0 && !flow_empty(&r->down))
        rc = to_client(r);
    if (rc > 0 && (pfd[1].revents & (POLLERR | POLLNVAL)))
        rc = 0;
    if (rc > 0 && r->up.eof && flow_empty(&r->up) && !r->up.passed)
        rc = pass_end_on(r) < 0 ? -1 : 1;
    return rc;
}

static bool is_socket(int fd)
{
    struct stat st;
    return fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode);
}

static bool is_pipe(int fd)
{
    struct stat st;
    return fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode);
}

int fl_relay(struct fl_transport *t, int in_fd, int out_fd)
{
    struct relay *r = g_new0(struct relay, 1);
    r->t = t;
    r->in = in_fd;
    r->out = out_fd;
    r->out_sock = is_socket(out_fd);
    r->out_nonblock = is_pipe(out_fd) && fl_fd_set_nonblock(out_fd, true) == 0;
    r->last_words = FL_NO_DEADLINE;
    int rc = 1;
    while (rc > 0 && !(r->down.eof && flow_empty(&r->down)))
        rc = relay_round(r);
    if (r->out_nonblock)
        fl_fd_set_nonblock(out_fd, false);
    g_free(r);
    return rc < 0 ? -1 : 0;
}
