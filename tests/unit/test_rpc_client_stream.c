/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What travels beside the client's calls: descriptors, streams, events. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <glib.h>
#include <unistd.h>

#include "base/error.h"
#include "rpc/client_stream.h"
#include "rpc/session.h"
#include "rpc_lab.h"
#include "wire/procs.h"
#include "wire/types.h"

static void descriptors_both_ways(void **state)
{
    struct fl_client_fds out = { 0 };
    struct lab_server sv;
    struct fl_client *c = lab_start(&sv, NULL);
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
        assert_int_equal(lab_ask(c, 7), 8);
    }
    lab_stop(&sv, c);
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
    struct lab_server sv;
    struct fl_client *c = lab_start(&sv, NULL);
    struct fl_client_stream *st = open_stream(c, FL_P_DOMAIN_SCREENSHOT);
    size_t data = 0, zeros = 0;
    static char buf[30000];
    int n;

    assert_int_equal(lab_ask(c, 1), 2); /* in the middle of it */
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
    lab_stop(&sv, c);
}

static void a_sparse_download(void **state)
{
    struct lab_server sv;
    struct fl_client *c = lab_start(&sv, NULL);
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
    assert_int_equal(lab_ask(c, 1), 2);
    lab_stop(&sv, c);
}

static void an_upload(void **state)
{
    struct lab_server sv;
    struct fl_client *c = lab_start(&sv, NULL);
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
    lab_stop(&sv, c);
}

static gint events;

static void on_event(void *opaque, const struct fl_frame *frame)
{
    if (frame->h.procedure == LAB_EVENT_PROC && frame->len == 4)
        g_atomic_int_inc(&events);
}

static void events_reach_the_handler(void **state)
{
    struct fl_client_options opts = { .event = on_event };
    struct lab_server sv;
    struct fl_client *c = lab_start(&sv, &opts);

    g_atomic_int_set(&events, 0);
    for (int i = 0; i < 5; i++)
        assert_int_equal(fl_client_call(c, FL_PROGRAM_REMOTE, FL_P_CONNECT_CLOSE, FL_XDR_VOID, NULL,
                                        FL_XDR_VOID, NULL, NULL),
                         0);
    assert_int_equal(g_atomic_int_get(&events), 5);
    lab_stop(&sv, c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(descriptors_both_ways),    cmocka_unit_test(a_download),
        cmocka_unit_test(a_sparse_download),        cmocka_unit_test(an_upload),
        cmocka_unit_test(events_reach_the_handler),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
