/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The blocking client over a socket pair, against a little server of the test's own on another thread. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <fcntl.h>
#include <glib.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"
#include "base/util.h"
#include "rpc/client.h"
#include "rpc/client_again.h"
#include "rpc/client_stream.h"
#include "rpc/session.h"
#include "transport/transport.h"
#include "wire/procs.h"
#include "wire/types.h"

#define EVENT_PROC 362 /* connect_event_connection_closed */

/*
 * What the server does with a call:
 *   CONNECT_OPEN                answers; "silent": never, "hangup": closes, "late": when server_goes_on,
 * "fail": an error CONNECT_GET_MAX_VCPUS       the number in the argument, plus one 9998 "unknown procedure"
 * DOMAIN_SCREENSHOT           a stream of five packets with a hole, then the end STORAGE_VOL_UPLOAD takes a
 * stream; finish is answered when it has come DOMAIN_OPEN_GRAPHICS_FD     with a descriptor (a pipe's end)
 *   DOMAIN_CREATE_WITH_FILES    takes a descriptor, writes a byte into it
 *   CONNECT_CLOSE               an event message, then the answer
 */
struct server {
    int fd;
    struct fl_transport *t;
    struct fl_session *s;
    GThread *thread;
    size_t uploaded;
    int got_fd;
};

static void flush(struct server *sv)
{
    const unsigned char *p;
    size_t len;

    for (;;) {
        int fd = fl_session_output_fd(sv->s);
        ssize_t n;

        if (fd >= 0) {
            if (fl_transport_send_fd(sv->t, fd) == 0) {
                fl_session_fd_sent(sv->s);
                close(fd);
            }
            continue;
        }
        p = fl_session_output(sv->s, &len);
        if (!len)
            return;
        n = fl_transport_write(sv->t, p, len);
        if (n == -FL_AGAIN) {
            struct pollfd pfd = { .fd = sv->fd, .events = POLLOUT };
            poll(&pfd, 1, 1000);
        } else if (n < 0) {
            return;
        } else {
            fl_session_sent(sv->s, (size_t)n);
        }
    }
}

static void reply_error(struct server *sv, const struct fl_header *h, int code, const char *message)
{
    virError err = {
        .code = code, .domain = VIR_FROM_TEST, .message = (char *)message, .level = VIR_ERR_ERROR
    };

    fl_session_reply_error(sv->s, h, &err);
}

static gint server_goes_on; /* answers what is late */

/* false: hang up. */
static bool serve_open(struct server *sv, struct fl_frame *f)
{
    struct fl_w_connect_open_args args;
    FL_ARENA(arena);

    assert_int_equal(fl_xdr_decode_all(FL_T_CONNECT_OPEN_ARGS, f->payload, f->len, &arena, &args), 0);
    if (!args.name || g_str_equal(args.name, "late")) {
        if (args.name)
            while (!g_atomic_int_get(&server_goes_on))
                g_usleep(1000);
        fl_session_reply(sv->s, &f->h, FL_XDR_VOID, NULL);
    } else if (g_str_equal(args.name, "hangup")) {
        return false;
    } else if (g_str_equal(args.name, "fail")) {
        reply_error(sv, &f->h, VIR_ERR_NO_DOMAIN, "no such thing");
    }
    return true;
}

static gint server_pause_us; /* before every 16th number */

/* false: hang up, which a negative number asks for. */
static bool serve_number(struct server *sv, struct fl_frame *f)
{
    struct fl_w_connect_get_max_vcpus_args args;
    struct fl_w_connect_get_max_vcpus_ret ret;
    FL_ARENA(arena);

    assert_int_equal(fl_xdr_decode_all(FL_T_CONNECT_GET_MAX_VCPUS_ARGS, f->payload, f->len, &arena, &args),
                     0);
    ret.max_vcpus = atoi(args.type) + 1;
    if (ret.max_vcpus < 0)
        return false;
    if (ret.max_vcpus % 16 == 0 && g_atomic_int_get(&server_pause_us))
        g_usleep((gulong)g_atomic_int_get(&server_pause_us));
    fl_session_reply(sv->s, &f->h, FL_T_CONNECT_GET_MAX_VCPUS_RET, &ret);
    return true;
}

static void serve_download(struct server *sv, struct fl_frame *f)
{
    static char data[100000];

    fl_session_reply(sv->s, &f->h, FL_XDR_VOID, NULL);
    memset(data, 'd', sizeof(data));
    for (int i = 0; i < 5; i++) {
        fl_session_stream_data(sv->s, &f->h, data, sizeof(data));
        if (i == 2)
            fl_session_stream_hole(sv->s, &f->h, 1000, 0);
    }
    fl_session_stream_data(sv->s, &f->h, NULL, 0);
}

static void serve_stream(struct server *sv, struct fl_frame *f)
{
    if (f->h.status == FL_FRAME_CONTINUE)
        sv->uploaded += f->len;
    else if (f->h.status == FL_FRAME_OK)
        fl_session_stream_finish(sv->s, &f->h);
}

static void serve_fd_out(struct server *sv, struct fl_frame *f)
{
    int fds[2], rc = pipe(fds);

    assert_int_equal(rc, 0);
    assert_int_equal(write(fds[1], "x", 1), 1);
    close(fds[1]);
    fl_session_reply_fds(sv->s, &f->h, FL_XDR_VOID, NULL, fds, 1);
}

static void serve_fd_in(struct server *sv, struct fl_frame *f)
{
    int rc = -FL_AGAIN;

    while (rc == -FL_AGAIN) {
        rc = fl_transport_recv_fd(sv->t, &sv->got_fd);
        if (rc == -FL_AGAIN)
            g_usleep(1000);
    }
    assert_int_equal(rc, 0);
    assert_int_equal(write(sv->got_fd, "y", 1), 1);
    close(sv->got_fd);
    fl_session_reply(sv->s, &f->h, FL_XDR_VOID, NULL);
}

static bool serve(struct server *sv, struct fl_frame *f)
{
    struct fl_w_event_connect_closed ev = { .reason = 3 };

    if (f->h.type == FL_FRAME_STREAM) {
        serve_stream(sv, f);
        return true;
    }
    switch (f->h.procedure) {
    case FL_P_CONNECT_OPEN:
        return serve_open(sv, f);
    case FL_P_CONNECT_GET_MAX_VCPUS:
        return serve_number(sv, f);
    case FL_P_DOMAIN_SCREENSHOT:
        serve_download(sv, f);
        return true;
    case FL_P_STORAGE_VOL_UPLOAD:
        fl_session_reply(sv->s, &f->h, FL_XDR_VOID, NULL);
        return true;
    case FL_P_DOMAIN_OPEN_GRAPHICS_FD:
        serve_fd_out(sv, f);
        return true;
    case FL_P_DOMAIN_CREATE_WITH_FILES:
        serve_fd_in(sv, f);
        return true;
    case FL_P_CONNECT_CLOSE:
        fl_session_event(sv->s, FL_PROGRAM_REMOTE, 1, EVENT_PROC, FL_T_EVENT_CONNECT_CLOSED, &ev);
        fl_session_reply(sv->s, &f->h, FL_XDR_VOID, NULL);
        return true;
    default:
        reply_error(sv, &f->h, VIR_ERR_RPC, "unknown procedure: 9998");
        return true;
    }
}

static void *server_run(void *opaque)
{
    struct server *sv = opaque;
    struct fl_frame f;
    bool go_on = true;

    while (go_on) {
        struct pollfd p = { .fd = sv->fd, .events = POLLIN };
        unsigned char *at;
        size_t room;
        ssize_t n;

        poll(&p, 1, -1);
        at = fl_session_space(sv->s, &room);
        n = fl_transport_read(sv->t, at, room);
        if (n == -FL_AGAIN)
            continue;
        if (n <= 0)
            break;
        fl_session_received(sv->s, (size_t)n, 1);
        while (go_on && fl_session_next(sv->s, &f) == 1)
            go_on = serve(sv, &f);
        flush(sv);
    }
    fl_transport_free(sv->t);
    fl_session_free(sv->s);
    return NULL;
}

static struct fl_client *start(struct server *sv, const struct fl_client_options *opts)
{
    struct fl_session_options so = { .server = true };
    struct fl_transport *t;
    int fds[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
    *sv = (struct server){ .fd = fds[1], .t = fl_transport_from_fd(fds[1]), .s = fl_session_new(&so) };
    sv->t->local = true;
    fl_session_set_fds(sv->s, FL_SESSION_FDS_EXACT);
    sv->thread = g_thread_new("server", server_run, sv);
    t = fl_transport_from_fd(fds[0]);
    t->local = true;
    return fl_client_new(t, opts);
}

static void stop(struct server *sv, struct fl_client *c)
{
    fl_client_close(c, VIR_CONNECT_CLOSE_REASON_CLIENT);
    g_thread_join(sv->thread);
    fl_client_unref(c);
    fl_error_reset();
}

static int open_named(struct fl_client *c, const char *name)
{
    struct fl_w_connect_open_args args = { .name = (char *)name };

    return fl_client_call(c, FL_PROGRAM_REMOTE, FL_P_CONNECT_OPEN, FL_T_CONNECT_OPEN_ARGS, &args, FL_XDR_VOID,
                          NULL, NULL);
}

static int ask_number(struct fl_client *c, int n)
{
    char text[20];
    struct fl_w_connect_get_max_vcpus_args args = { .type = text };
    struct fl_w_connect_get_max_vcpus_ret ret = { .max_vcpus = -1 };
    FL_ARENA(arena);

    g_snprintf(text, sizeof(text), "%d", n);
    if (fl_client_call(c, FL_PROGRAM_REMOTE, FL_P_CONNECT_GET_MAX_VCPUS, FL_T_CONNECT_GET_MAX_VCPUS_ARGS,
                       &args, FL_T_CONNECT_GET_MAX_VCPUS_RET, &ret, &arena) < 0)
        return -1;
    return ret.max_vcpus;
}

static void one_call(void **state)
{
    struct server sv;
    struct fl_client *c = start(&sv, NULL);

    assert_int_equal(open_named(c, NULL), 0);
    assert_int_equal(ask_number(c, 41), 42);
    stop(&sv, c);
}

static void *asker(void *opaque)
{
    struct fl_client *c = opaque;
    static gint base;
    int mine = g_atomic_int_add(&base, 10000);

    for (int i = 0; i < 300; i++) {
        if (ask_number(c, mine + i) != mine + i + 1)
            return GINT_TO_POINTER(1);
    }
    return NULL;
}

static void many_threads_get_their_own_replies(void **state)
{
    struct server sv;
    struct fl_client *c = start(&sv, NULL);
    GThread *threads[16];

    for (int listening = 0; listening < 2; listening++) {
        for (int i = 0; i < 16; i++)
            threads[i] = g_thread_new("asker", asker, c);
        for (int i = 0; i < 16; i++)
            assert_null(g_thread_join(threads[i]));
        if (!listening)
            assert_int_equal(fl_client_listen(c), 0); /* again with the private thread around */
    }
    fl_client_unlisten(c);
    stop(&sv, c);
}

/* Right, or an error; never another thread's number. */
static void *hasty_asker(void *opaque)
{
    struct fl_client *c = opaque;
    static gint base = 1000000;
    int mine = g_atomic_int_add(&base, 10000);
    intptr_t wrong = 0;

    for (int i = 0; i < 200; i++) {
        int got = ask_number(c, mine + i);

        wrong += got != mine + i + 1 && got != -1;
    }
    return GINT_TO_POINTER((int)wrong);
}

static void many_threads_give_up_in_the_middle(void **state)
{
    struct fl_client_options opts = { .call_timeout_us = 1000 };
    struct server sv;
    struct fl_client *c = start(&sv, &opts);
    GThread *threads[12];

    g_atomic_int_set(&server_pause_us, 2000); /* now and then */
    for (int i = 0; i < 12; i++)
        threads[i] = g_thread_new("asker", hasty_asker, c);
    for (int i = 0; i < 12; i++)
        assert_null(g_thread_join(threads[i]));
    g_atomic_int_set(&server_pause_us, 0);
    assert_true(fl_client_is_open(c));
    stop(&sv, c);
}

static void the_end_wakes_every_waiting_thread(void **state)
{
    struct server sv;
    struct fl_client *c = start(&sv, NULL);
    GThread *threads[12];

    for (int i = 0; i < 12; i++)
        threads[i] = g_thread_new("asker", hasty_asker, c);
    g_usleep(2000);
    open_named(c, "hangup");
    for (int i = 0; i < 12; i++)
        assert_null(g_thread_join(threads[i]));
    assert_false(fl_client_is_open(c));
    stop(&sv, c);
}

static void errors_come_back(void **state)
{
    struct server sv;
    struct fl_client *c = start(&sv, NULL);

    assert_int_equal(open_named(c, "fail"), -1);
    assert_int_equal(fl_error_get()->code, VIR_ERR_NO_DOMAIN);
    assert_string_equal(fl_error_get()->message, "no such thing");
    assert_int_equal(fl_client_call(c, FL_PROGRAM_REMOTE, 9998, FL_XDR_VOID, NULL, FL_XDR_VOID, NULL, NULL),
                     -1);
    assert_int_equal(fl_error_get()->code, VIR_ERR_NO_SUPPORT);
    assert_true(fl_client_is_open(c));
    stop(&sv, c);
}

static gint closed_reason;

static void on_closed(void *opaque, int reason)
{
    g_atomic_int_set(&closed_reason, reason);
}

static void a_hang_up_fails_the_call(void **state)
{
    struct fl_client_options opts = { .closed = on_closed };
    struct server sv;
    struct fl_client *c = start(&sv, &opts);

    g_atomic_int_set(&closed_reason, -1);
    assert_int_equal(open_named(c, "hangup"), -1);
    assert_int_equal(fl_error_get()->code, VIR_ERR_SYSTEM_ERROR);
    assert_int_equal(closed_reason, VIR_CONNECT_CLOSE_REASON_EOF);
    assert_int_equal(open_named(c, NULL), -1);
    assert_false(fl_client_is_open(c));
    stop(&sv, c);
}

static void a_deadline_ends_the_call_not_the_connection(void **state)
{
    struct fl_client_options opts = { .call_timeout_us = 50000 };
    struct server sv;
    struct fl_client *c = start(&sv, &opts);
    int got = -1;

    g_atomic_int_set(&server_goes_on, 0);
    assert_int_equal(open_named(c, "late"), -1);
    assert_int_equal(fl_error_get()->code, VIR_ERR_OPERATION_TIMEOUT);
    g_atomic_int_set(&server_goes_on, 1);
    for (int i = 0; i < 100 && got < 0; i++)
        got = ask_number(c, 1); /* 50 ms may be too little on a busy machine */
    assert_int_equal(got, 2);   /* the late reply was dropped */
    stop(&sv, c);
}

static void a_pipeline_answers_each(void **state)
{
    struct fl_w_connect_open_args good = { 0 }, bad = { .name = (char *)"fail" };
    struct fl_client_request reqs[] = {
        { FL_PROGRAM_REMOTE, FL_P_CONNECT_OPEN, FL_T_CONNECT_OPEN_ARGS, 0, &good, NULL, 0, NULL },
        { FL_PROGRAM_REMOTE, FL_P_CONNECT_OPEN, FL_T_CONNECT_OPEN_ARGS, 0, &bad, NULL, 0, NULL },
        { FL_PROGRAM_REMOTE, FL_P_CONNECT_OPEN, FL_T_CONNECT_OPEN_ARGS, 0, &good, NULL, 0, NULL },
    };
    struct server sv;
    struct fl_client *c = start(&sv, NULL);
    FL_ARENA(arena);

    assert_int_equal(fl_client_pipeline(c, reqs, G_N_ELEMENTS(reqs), &arena), 0);
    assert_int_equal(reqs[0].result, 0);
    assert_int_equal(reqs[1].result, -1);
    assert_int_equal(reqs[1].error->code, VIR_ERR_NO_DOMAIN);
    assert_int_equal(reqs[2].result, 0);
    fl_error_free(reqs[1].error);
    stop(&sv, c);
}

static void descriptors_both_ways(void **state)
{
    struct fl_client_fds out = { 0 };
    struct server sv;
    struct fl_client *c = start(&sv, NULL);
    int ends[2];
    char byte = 0;

    for (int i = 0; i < 3; i++) {
        assert_int_equal(fl_client_call_fds(c, FL_PROGRAM_REMOTE, FL_P_DOMAIN_OPEN_GRAPHICS_FD, FL_XDR_VOID,
                                            NULL, FL_XDR_VOID, NULL, NULL, &out),
                         0);
        assert_int_equal(out.nout, 1);
        assert_int_equal(read(out.out[0], &byte, 1), 1);
        assert_int_equal(byte, 'x');
        close(out.out[0]);
        assert_int_equal(pipe(ends), 0);
        {
            struct fl_client_fds in = { .in = &ends[1], .nin = 1 };
            assert_int_equal(fl_client_call_fds(c, FL_PROGRAM_REMOTE, FL_P_DOMAIN_CREATE_WITH_FILES,
                                                FL_XDR_VOID, NULL, FL_XDR_VOID, NULL, NULL, &in),
                             0);
        }
        close(ends[1]);
        assert_int_equal(read(ends[0], &byte, 1), 1);
        assert_int_equal(byte, 'y');
        close(ends[0]);
        assert_int_equal(ask_number(c, 7), 8);
    }
    stop(&sv, c);
}

static struct fl_client_stream *open_stream(struct fl_client *c, unsigned int proc)
{
    struct fl_client_stream *st = NULL;

    assert_int_equal(
        fl_client_open_stream(c, FL_PROGRAM_REMOTE, proc, FL_XDR_VOID, NULL, FL_XDR_VOID, NULL, NULL, &st),
        0);
    return st;
}

static void a_download(void **state)
{
    struct server sv;
    struct fl_client *c = start(&sv, NULL);
    struct fl_client_stream *st = open_stream(c, FL_P_DOMAIN_SCREENSHOT);
    size_t data = 0, zeros = 0;
    static char buf[30000];
    int n;

    assert_int_equal(ask_number(c, 1), 2); /* in the middle of it */
    while ((n = fl_client_stream_recv(st, buf, sizeof(buf), false, false)) > 0) {
        for (int i = 0; i < n; i++)
            *(buf[i] ? &data : &zeros) += 1;
    }
    assert_int_equal(n, 0);
    assert_int_equal(data, 500000);
    assert_int_equal(zeros, 1000);
    assert_int_equal(fl_client_stream_finish(st), 0);
    assert_int_equal(fl_client_stream_recv(st, buf, 1, false, false), -1);
    assert_int_equal(fl_error_get()->code, VIR_ERR_OPERATION_FAILED);
    fl_client_stream_free(st);
    stop(&sv, c);
}

static void a_sparse_download(void **state)
{
    struct server sv;
    struct fl_client *c = start(&sv, NULL);
    struct fl_client_stream *st = open_stream(c, FL_P_DOMAIN_SCREENSHOT);
    size_t total = 0;
    long long hole = 0;
    static char buf[30000];
    int n;

    fl_client_stream_set_sparse(st);
    while ((n = fl_client_stream_recv(st, buf, sizeof(buf), false, true)) > 0)
        total += (size_t)n;
    assert_int_equal(n, FL_CLIENT_STREAM_HOLE);
    assert_int_equal(total, 300000);
    assert_int_equal(fl_client_stream_recv_hole(st, &hole), 0);
    assert_int_equal(hole, 1000);
    while ((n = fl_client_stream_recv(st, buf, sizeof(buf), false, true)) > 0)
        total += (size_t)n;
    assert_int_equal(n, 0);
    assert_int_equal(total, 500000);
    fl_client_stream_free(st); /* aborts */
    assert_int_equal(ask_number(c, 1), 2);
    stop(&sv, c);
}

static void an_upload(void **state)
{
    struct server sv;
    struct fl_client *c = start(&sv, NULL);
    struct fl_client_stream *st = open_stream(c, FL_P_STORAGE_VOL_UPLOAD);
    static char buf[300000];
    size_t sent = 0;

    while (sent < 20000000) {
        int n = fl_client_stream_send(st, buf, MIN(sizeof(buf), 20000000 - sent), false);

        assert_true(n > 0 && n <= (int)FL_FRAME_STREAM_MAX);
        sent += (size_t)n;
    }
    assert_int_equal(fl_client_stream_finish(st), 0);
    assert_int_equal(sv.uploaded, 20000000);
    fl_client_stream_free(st);
    stop(&sv, c);
}

static gint events;

static void on_event(void *opaque, const struct fl_frame *frame)
{
    if (frame->h.procedure == EVENT_PROC && frame->len == 4)
        g_atomic_int_inc(&events);
}

static void events_reach_the_handler(void **state)
{
    struct fl_client_options opts = { .event = on_event };
    struct server sv;
    struct fl_client *c = start(&sv, &opts);

    g_atomic_int_set(&events, 0);
    for (int i = 0; i < 5; i++)
        assert_int_equal(fl_client_call(c, FL_PROGRAM_REMOTE, FL_P_CONNECT_CLOSE, FL_XDR_VOID, NULL,
                                        FL_XDR_VOID, NULL, NULL),
                         0);
    assert_int_equal(g_atomic_int_get(&events), 5);
    stop(&sv, c);
}

static void keepalive_notices_a_dead_server(void **state)
{
    struct fl_client_options opts = { .closed = on_closed };
    struct fl_transport *t;
    struct fl_client *c;
    int fds[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
    t = fl_transport_from_fd(fds[0]);
    c = fl_client_new(t, &opts);
    g_atomic_int_set(&closed_reason, -1);
    assert_int_equal(fl_client_listen(c), 0);
    assert_int_equal(fl_client_set_keepalive(c, 1, 0), 0);
    assert_int_equal(open_named(c, NULL), -1); /* nobody answers: the wait ends with the connection */
    for (int i = 0; i < 3000 && g_atomic_int_get(&closed_reason) < 0; i++)
        g_usleep(10000);
    assert_int_equal(closed_reason, VIR_CONNECT_CLOSE_REASON_KEEPALIVE);
    fl_client_unlisten(c);
    fl_client_close(c, VIR_CONNECT_CLOSE_REASON_CLIENT);
    fl_client_unref(c);
    close(fds[1]);
    fl_error_reset();
}

/* ---- a connection in place of the one that broke ---- */

#define LIVES 8

struct lives {
    struct fl_client *c;
    struct server servers[LIVES];
    unsigned int n;
    GMutex lock;
};

/* As reconnect.c does it: one dials, whoever comes meanwhile waits. */
static int next_life(void *opaque, unsigned int generation, int64_t deadline)
{
    struct lives *l = opaque;
    struct fl_client *fresh;
    int rc = 0;

    g_mutex_lock(&l->lock);
    if (fl_client_generation(l->c) == generation) {
        if (l->n == LIVES) {
            rc = fl_error(VIR_ERR_INTERNAL_ERROR, "no further life");
        } else {
            fresh = start(&l->servers[l->n++], NULL);
            assert_int_equal(fl_client_adopt(l->c, fresh), 0);
            fl_client_unref(fresh);
        }
    }
    g_mutex_unlock(&l->lock);
    return rc;
}

static void lives_begin(struct lives *l)
{
    struct fl_client_options opts = { .opaque = l };

    memset(l, 0, sizeof(*l));
    g_mutex_init(&l->lock);
    l->c = start(&l->servers[l->n++], &opts);
    fl_client_set_revive(l->c, next_life);
}

static void lives_end(struct lives *l)
{
    fl_client_close(l->c, VIR_CONNECT_CLOSE_REASON_CLIENT);
    for (unsigned int i = 0; i < l->n; i++)
        g_thread_join(l->servers[i].thread);
    fl_client_unref(l->c);
    g_mutex_clear(&l->lock);
    fl_error_reset();
}

static void what_had_not_left_is_sent_on_the_next_connection(void **state)
{
    struct lives l;

    lives_begin(&l);
    assert_int_equal(fl_client_generation(l.c), 1);
    shutdown(l.servers[0].fd, SHUT_RDWR);
    g_usleep(20000);
    assert_int_equal(open_named(l.c, NULL), 0); /* not idempotent, but nobody has seen it */
    assert_int_equal(fl_client_generation(l.c), 2);
    assert_int_equal(ask_number(l.c, 41), 42);
    assert_true(fl_client_is_open(l.c));
    lives_end(&l);
}

static void what_had_left_is_sent_again_if_it_only_reads(void **state)
{
    struct lives l;

    lives_begin(&l);
    assert_int_equal(open_named(l.c, "hangup"), -1);
    assert_int_equal(fl_error_get()->code, VIR_ERR_SYSTEM_ERROR);
    assert_non_null(strstr(fl_error_get()->message, "connect_open had been sent"));
    assert_int_equal(fl_client_generation(l.c), 1); /* and nobody has asked for another connection */
    assert_int_equal(ask_number(l.c, 1), 2);
    assert_int_equal(fl_client_generation(l.c), 2);
    /* A question that ends the far side each time is asked three times. */
    assert_int_equal(ask_number(l.c, -7), -1);
    assert_int_equal(fl_error_get()->code, VIR_ERR_SYSTEM_ERROR);
    assert_int_equal(fl_client_generation(l.c), 4);
    lives_end(&l);
}

static void what_belongs_to_one_connection_stays_there(void **state)
{
    struct lives l;

    lives_begin(&l);
    assert_int_equal(fl_client_call_at(l.c, 1, FL_PROGRAM_REMOTE, FL_P_CONNECT_CLOSE, FL_XDR_VOID, NULL,
                                       FL_XDR_VOID, NULL, NULL),
                     0);
    open_named(l.c, "hangup");
    assert_int_equal(fl_client_call_at(l.c, 1, FL_PROGRAM_REMOTE, FL_P_CONNECT_CLOSE, FL_XDR_VOID, NULL,
                                       FL_XDR_VOID, NULL, NULL),
                     -1);
    assert_int_equal(fl_client_generation(l.c), 1);
    assert_int_equal(ask_number(l.c, 1), 2);
    assert_int_equal(fl_client_call_at(l.c, 1, FL_PROGRAM_REMOTE, FL_P_CONNECT_CLOSE, FL_XDR_VOID, NULL,
                                       FL_XDR_VOID, NULL, NULL),
                     -1);
    assert_true(fl_client_is_open(l.c));
    lives_end(&l);
}

static void a_stream_ends_with_its_connection(void **state)
{
    struct fl_w_storage_vol_upload_args args = {
        .vol = { .pool = (char *)"p", .name = (char *)"v", .key = (char *)"k" }
    };
    struct fl_client_stream *st;
    struct lives l;
    char data[10];

    lives_begin(&l);
    assert_int_equal(fl_client_open_stream(l.c, FL_PROGRAM_REMOTE, FL_P_STORAGE_VOL_UPLOAD,
                                           FL_T_STORAGE_VOL_UPLOAD_ARGS, &args, FL_XDR_VOID, NULL, NULL, &st),
                     0);
    open_named(l.c, "hangup");
    assert_int_equal(ask_number(l.c, 1), 2);
    assert_int_equal(fl_client_stream_send(st, "abc", 3, false), -1);
    assert_int_equal(fl_error_get()->code, VIR_ERR_SYSTEM_ERROR);
    assert_int_equal(fl_client_stream_recv(st, data, sizeof(data), false, false), -1);
    fl_client_stream_free(st);
    assert_int_equal(ask_number(l.c, 1), 2);
    lives_end(&l);
}

static void *restless_asker(void *opaque)
{
    struct fl_client *c = opaque;

    for (int i = 0; i < 300; i++) {
        if (ask_number(c, i) != i + 1)
            return GINT_TO_POINTER(1);
    }
    return NULL;
}

static void many_threads_go_on_together(void **state)
{
    struct lives l;
    GThread *threads[16];

    lives_begin(&l);
    assert_int_equal(fl_client_listen(l.c), 0);
    for (int i = 0; i < 16; i++)
        threads[i] = g_thread_new("asker", restless_asker, l.c);
    for (int i = 0; i < 4; i++) {
        g_usleep(3000);
        open_named(l.c, "hangup");
    }
    for (int i = 0; i < 16; i++)
        assert_null(g_thread_join(threads[i]));
    assert_int_equal(ask_number(l.c, 1), 2);
    assert_true(l.n >= 2 && l.n <= 6);
    fl_client_unlisten(l.c);
    lives_end(&l);
}

/* What is logged as an error when the server hangs up, the close having been answered. */
static char *errors_at_the_end(bool closing)
{
    struct fl_client_stage stage = {
        .name = "close", .advice = "", .deadline_us = FL_NO_DEADLINE, .closing = closing
    };
    char path[] = "/tmp/fl-rpc-XXXXXX", *text;
    int fd = mkstemp(path);
    g_autofree char *outputs = g_strdup_printf("4:file:%s", path);
    struct server sv;
    struct fl_client *c = start(&sv, NULL);

    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(fl_client_listen(c), 0);
    fl_client_set_stage(c, &stage);
    assert_int_equal(
        fl_client_call(c, FL_PROGRAM_REMOTE, FL_P_CONNECT_CLOSE, FL_XDR_VOID, NULL, FL_XDR_VOID, NULL, NULL),
        0);
    assert_int_equal(fl_log_configure(FL_LOG_ERROR, NULL, outputs), 0);
    assert_int_equal(shutdown(sv.fd, SHUT_RDWR), 0);
    for (int i = 0; i < 5000 && fl_client_is_open(c); i++)
        g_usleep(1000);
    assert_false(fl_client_is_open(c));
    assert_int_equal(fl_log_configure(FL_LOG_ERROR, NULL, NULL), 0);
    assert_int_equal(fl_file_read(path, 10000, &text, NULL), 0);
    unlink(path);
    fl_client_unlisten(c);
    stop(&sv, c);
    return text;
}

static void a_hang_up_after_the_close_is_no_error(void **state)
{
    g_autofree char *agreed = errors_at_the_end(true), *early = errors_at_the_end(false);

    assert_string_equal(agreed, "");
    assert_non_null(strstr(early, "closed the connection"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_call),
        cmocka_unit_test(many_threads_get_their_own_replies),
        cmocka_unit_test(many_threads_give_up_in_the_middle),
        cmocka_unit_test(the_end_wakes_every_waiting_thread),
        cmocka_unit_test(errors_come_back),
        cmocka_unit_test(a_hang_up_fails_the_call),
        cmocka_unit_test(a_deadline_ends_the_call_not_the_connection),
        cmocka_unit_test(a_pipeline_answers_each),
        cmocka_unit_test(descriptors_both_ways),
        cmocka_unit_test(a_download),
        cmocka_unit_test(a_sparse_download),
        cmocka_unit_test(an_upload),
        cmocka_unit_test(events_reach_the_handler),
        cmocka_unit_test(keepalive_notices_a_dead_server),
        cmocka_unit_test(what_had_not_left_is_sent_on_the_next_connection),
        cmocka_unit_test(what_had_left_is_sent_again_if_it_only_reads),
        cmocka_unit_test(what_belongs_to_one_connection_stays_there),
        cmocka_unit_test(a_stream_ends_with_its_connection),
        cmocka_unit_test(many_threads_go_on_together),
        cmocka_unit_test(a_hang_up_after_the_close_is_no_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
