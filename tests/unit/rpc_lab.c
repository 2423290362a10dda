/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The server of rpc_lab.h. */
#include "rpc_lab.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "rpc/session.h"
#include "transport/transport.h"
#include "wire/procs.h"
#include "wire/types.h"

static void flush(struct lab_server *sv)
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

static void reply_error(struct lab_server *sv, const struct fl_header *h, int code, const char *message)
{
    virError err = {
        .code = code, .domain = VIR_FROM_TEST, .message = (char *)message, .level = VIR_ERR_ERROR
    };

    fl_session_reply_error(sv->s, h, &err);
}

gint lab_goes_on;

/* false: hang up. */
static bool serve_open(struct lab_server *sv, struct fl_frame *f)
{
    struct fl_w_connect_open_args args;
    FL_ARENA(arena);

    assert_int_equal(fl_xdr_decode_all(FL_T_CONNECT_OPEN_ARGS, f->payload, f->len, &arena, &args), 0);
    if (!args.name || g_str_equal(args.name, "late")) {
        if (args.name)
            while (!g_atomic_int_get(&lab_goes_on))
                g_usleep(1000);
        fl_session_reply(sv->s, &f->h, FL_XDR_VOID, NULL);
    } else if (g_str_equal(args.name, "hangup")) {
        return false;
    } else if (g_str_equal(args.name, "fail")) {
        reply_error(sv, &f->h, VIR_ERR_NO_DOMAIN, "no such thing");
    }
    return true;
}

gint lab_pause_us;

/* false: hang up, which a negative number asks for. */
static bool serve_number(struct lab_server *sv, struct fl_frame *f)
{
    struct fl_w_connect_get_max_vcpus_args args;
    struct fl_w_connect_get_max_vcpus_ret ret;
    FL_ARENA(arena);

    assert_int_equal(fl_xdr_decode_all(FL_T_CONNECT_GET_MAX_VCPUS_ARGS, f->payload, f->len, &arena, &args),
                     0);
    ret.max_vcpus = atoi(args.type) + 1;
    if (ret.max_vcpus < 0)
        return false;
    if (ret.max_vcpus % 16 == 0 && g_atomic_int_get(&lab_pause_us))
        g_usleep((gulong)g_atomic_int_get(&lab_pause_us));
    fl_session_reply(sv->s, &f->h, FL_T_CONNECT_GET_MAX_VCPUS_RET, &ret);
    return true;
}

static void serve_download(struct lab_server *sv, struct fl_frame *f)
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

static void serve_stream(struct lab_server *sv, struct fl_frame *f)
{
    if (f->h.status == FL_FRAME_CONTINUE)
        sv->uploaded += f->len;
    else if (f->h.status == FL_FRAME_OK)
        fl_session_stream_finish(sv->s, &f->h);
}

static void serve_fd_out(struct lab_server *sv, struct fl_frame *f)
{
    int fds[2], rc = pipe(fds);

    assert_int_equal(rc, 0);
    assert_int_equal(write(fds[1], "x", 1), 1);
    close(fds[1]);
    fl_session_reply_fds(sv->s, &f->h, FL_XDR_VOID, NULL, fds, 1);
}

static void serve_fd_in(struct lab_server *sv, struct fl_frame *f)
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

static bool serve(struct lab_server *sv, struct fl_frame *f)
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
        fl_session_event(sv->s, FL_PROGRAM_REMOTE, 1, LAB_EVENT_PROC, FL_T_EVENT_CONNECT_CLOSED, &ev);
        fl_session_reply(sv->s, &f->h, FL_XDR_VOID, NULL);
        return true;
    default:
        reply_error(sv, &f->h, VIR_ERR_RPC, "unknown procedure: 9998");
        return true;
    }
}

static void *server_run(void *opaque)
{
    struct lab_server *sv = opaque;
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

struct fl_client *lab_start(struct lab_server *sv, const struct fl_client_options *opts)
{
    struct fl_session_options so = { .server = true };
    struct fl_transport *t;
    int fds[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
    *sv = (struct lab_server){ .fd = fds[1], .t = fl_transport_from_fd(fds[1]), .s = fl_session_new(&so) };
    sv->t->local = true;
    fl_session_set_fds(sv->s, FL_SESSION_FDS_EXACT);
    sv->thread = g_thread_new("server", server_run, sv);
    t = fl_transport_from_fd(fds[0]);
    t->local = true;
    return fl_client_new(t, opts);
}

void lab_stop(struct lab_server *sv, struct fl_client *c)
{
    fl_client_close(c, VIR_CONNECT_CLOSE_REASON_CLIENT);
    g_thread_join(sv->thread);
    fl_client_unref(c);
    fl_error_reset();
}

int lab_open(struct fl_client *c, const char *name)
{
    struct fl_w_connect_open_args args = { .name = (char *)name };

    return fl_client_call(c, FL_PROGRAM_REMOTE, FL_P_CONNECT_OPEN, FL_T_CONNECT_OPEN_ARGS, &args, FL_XDR_VOID,
                          NULL, NULL);
}

int lab_ask(struct fl_client *c, int n)
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
