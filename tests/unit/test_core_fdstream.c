/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Streams over local files and pipes, through the public calls: ranges, holes, non-blocking, handlers,
 * events. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/util.h"
#include "core/connect_private.h"
#include "core/fdstream.h"
#include "core/objects.h"

static virConnectPtr conn;
static char path[] = "fdstream.XXXXXX";
static int ended; /* 0: no, 1: aborted, 2: finished */

static void closed(void *opaque, bool finished)
{
    ended = finished ? 2 : 1;
}

static void quiet(void *data, virErrorPtr err)
{
}

static int begin(void **state)
{
    conn = fl_connect_new("test:///x", 0);
    virSetErrorFunc(NULL, quiet);
    strcpy(path, "fdstream.XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    ended = 0;
    return 0;
}

static int end(void **state)
{
    unlink(path);
    assert_int_equal(virConnectClose(conn), 0); /* no stream was left behind */
    return 0;
}

static virStreamPtr open_file(bool writing, unsigned long long offset, long long length, bool sparse)
{
    const struct fl_fdstream_options o = {
        .writing = writing, .sparse = sparse, .length = length, .closed = closed
    };
    virStreamPtr st = virStreamNew(conn, 0);
    assert_non_null(st);
    assert_int_equal(fl_fdstream_open_file(st, path, offset, &o), 0);
    return st;
}

static void a_range_is_written_and_read(void **state)
{
    char buf[32] = { 0 };
    virStreamPtr st = open_file(true, 4, 6, false);
    assert_int_equal(virStreamSend(st, "abcdefgh", 8), 6);
    assert_int_equal(virStreamSend(st, "x", 1), -1);
    assert_int_equal(virGetLastError()->int1, 28); /* ENOSPC */
    assert_int_equal(virStreamRecv(st, buf, 4), -1);
    assert_int_equal(virGetLastErrorCode(), VIR_ERR_OPERATION_INVALID);
    assert_int_equal(virStreamFinish(st), 0);
    assert_int_equal(ended, 2);
    assert_int_equal(virStreamSend(st, "x", 1), -1);
    assert_int_equal(virStreamFree(st), 0);

    st = open_file(false, 5, 3, false);
    assert_int_equal(virStreamRecv(st, buf, sizeof(buf)), 3);
    assert_string_equal(buf, "bcd");
    assert_int_equal(virStreamRecv(st, buf, sizeof(buf)), 0);
    assert_int_equal(virStreamFree(st), 0); /* neither finished nor aborted */
    assert_int_equal(ended, 1);
}

static void a_stream_nobody_opened_supports_nothing(void **state)
{
    char c;
    virStreamPtr st = virStreamNew(conn, 0);
    assert_int_equal(virStreamRecv(st, &c, 1), -1);
    assert_int_equal(virGetLastErrorCode(), VIR_ERR_NO_SUPPORT);
    assert_int_equal(virStreamSend(st, NULL, 1), -1);
    assert_int_equal(virGetLastErrorCode(), VIR_ERR_INVALID_ARG);
    assert_int_equal(virStreamFinish(st), -1);
    assert_int_equal(virStreamAbort(st), 0);
    assert_int_equal(virStreamFree(st), 0);
    assert_int_equal(virStreamSend(NULL, "", 0), -1);
    assert_int_equal(virGetLastErrorCode(), VIR_ERR_INVALID_STREAM);
}

static void holes_are_told_and_made(void **state)
{
    enum { HOLE = 1 << 20 };
    char buf[64];
    long long length = 0;
    struct stat sb;
    virStreamPtr st = open_file(true, 0, -1, true);
    assert_int_equal(virStreamSend(st, "head", 4), 4);
    assert_int_equal(virStreamSendHole(st, HOLE - 4, 0), 0);
    assert_int_equal(virStreamSend(st, "tail", 4), 4);
    assert_int_equal(virStreamSendHole(st, HOLE, 0), 0);
    assert_int_equal(virStreamSendHole(st, -1, 0), -1);
    assert_int_equal(virStreamFinish(st), 0);
    virStreamFree(st);
    assert_int_equal(stat(path, &sb), 0);
    assert_int_equal(sb.st_size, 2 * HOLE + 4);

    st = open_file(false, 0, -1, true);
    long long data = 0, holes = 0;
    for (;;) {
        int n = virStreamRecvFlags(st, buf, sizeof(buf), VIR_STREAM_RECV_STOP_AT_HOLE);
        if (n == 0)
            break;
        if (n == -3) {
            assert_int_equal(virStreamRecvHole(st, &length, 0), 0);
            assert_true(length > 0);
            holes += length;
        } else {
            assert_true(n > 0);
            data += n;
        }
    }
    assert_int_equal(data + holes, 2 * HOLE + 4);
    if ((long long)sb.st_blocks * 512 < HOLE) /* this file system keeps holes */
        assert_true(holes > HOLE);
    virStreamFree(st);
}

static int source(virStreamPtr st, char *data, size_t nbytes, void *opaque)
{
    size_t *left = opaque;
    size_t n = MIN(*left, nbytes);
    memset(data, 'd', n);
    *left -= n;
    return (int)n;
}

static int sink(virStreamPtr st, const char *data, size_t nbytes, void *opaque)
{
    size_t *got = opaque;
    assert_int_equal(data[0], 'd');
    size_t n = MIN(nbytes, 1000); /* takes less than offered */
    *got += n;
    return (int)n;
}

static int broken(virStreamPtr st, const char *data, size_t nbytes, void *opaque)
{
    return -1;
}

static void handlers_move_a_whole_stream(void **state)
{
    size_t left = 600000, got = 0;
    virStreamPtr st = open_file(true, 0, -1, false);
    assert_int_equal(virStreamSendAll(st, source, &left), 0);
    assert_int_equal(virStreamFinish(st), 0);
    virStreamFree(st);
    st = open_file(false, 0, -1, false);
    assert_int_equal(virStreamRecvAll(st, sink, &got), 0);
    assert_int_equal(got, 600000);
    virStreamFree(st);

    st = open_file(false, 0, -1, false);
    assert_int_equal(virStreamRecvAll(st, broken, NULL), -1);
    assert_true(virGetLastErrorCode() != VIR_ERR_OK);
    assert_int_equal(ended, 1); /* aborted for the caller */
    virStreamFree(st);
}

static void a_nonblocking_pipe_says_so(void **state)
{
    const struct fl_fdstream_options o = { .length = -1 };
    char buf[8];
    int p[2];
    size_t got = 0;
    assert_int_equal(pipe(p), 0);
    virStreamPtr st = virStreamNew(conn, VIR_STREAM_NONBLOCK);
    assert_int_equal(fl_fdstream_open(st, p[0], &o), 0);
    assert_int_equal(virStreamRecv(st, buf, sizeof(buf)), -2);
    assert_int_equal(write(p[1], "hi", 2), 2);
    assert_int_equal(virStreamRecv(st, buf, sizeof(buf)), 2);
    close(p[1]);
    assert_int_equal(virStreamRecv(st, buf, sizeof(buf)), 0);
    assert_int_equal(virStreamRecvAll(st, sink, &got), -1);
    assert_int_equal(virGetLastErrorCode(), VIR_ERR_OPERATION_INVALID);
    virStreamFree(st);
}

static int events_seen;

static void on_stream(virStreamPtr st, int events, void *opaque)
{
    events_seen |= events;
    virStreamEventRemoveCallback(st);
}

static void on_free(void *opaque)
{
    (*(int *)opaque)++;
}

static void stop_waiting(int timer, void *opaque)
{
    virEventRemoveTimeout(timer);
}

static void turn(void)
{
    virEventAddTimeout(0, stop_waiting, NULL, NULL);
    assert_int_equal(virEventRunDefaultImpl(), 0);
}

static void events_come_from_the_loop(void **state)
{
    int freed = 0;
    virEventRegisterDefaultImpl();
    virStreamPtr st = open_file(false, 0, -1, false);
    assert_int_equal(virStreamEventAddCallback(st, VIR_STREAM_EVENT_READABLE, on_stream, &freed, on_free), 0);
    assert_int_equal(virStreamEventAddCallback(st, VIR_STREAM_EVENT_READABLE, on_stream, &freed, on_free),
                     -1);
    assert_int_equal(virStreamEventUpdateCallback(st, 0), 0);
    turn();
    assert_int_equal(events_seen, 0);
    assert_int_equal(virStreamEventUpdateCallback(st, VIR_STREAM_EVENT_READABLE), 0);
    turn();
    assert_int_equal(events_seen, VIR_STREAM_EVENT_READABLE);
    turn();
    assert_int_equal(freed, 1);
    assert_int_equal(virStreamEventRemoveCallback(st), -1);
    virStreamFree(st);
}

static void a_file_is_replaced_whole(void **state)
{
    char *text;
    size_t len;
    assert_int_equal(fl_file_replace(path, "new", 3, 0640), 0);
    assert_int_equal(fl_file_read(path, 100, &text, &len), 0);
    assert_int_equal(len, 3);
    assert_string_equal(text, "new");
    g_free(text);
    assert_int_equal(fl_file_read(path, 2, &text, &len), -1);
    assert_int_equal(fl_file_replace("/nonexistent/x", "new", 3, 0640), -1);
    assert_int_equal(virGetLastErrorCode(), VIR_ERR_SYSTEM_ERROR);
}

static void *read_to_the_end(void *opaque)
{
    char c;
    int n;
    while ((n = virStreamRecv(opaque, &c, 1)) > 0)
        ;
    return GINT_TO_POINTER(n == 0 ? 0 : virGetLastErrorCode());
}

/* The descriptor stays open as long as the other thread is at it: its number might be somebody else's. */
static void one_thread_aborts_while_another_reads(void **state)
{
    enum { SIZE = 1 << 20, ROUNDS = 50 };
    assert_int_equal(truncate(path, SIZE), 0);
    for (int i = 0; i < ROUNDS; i++) {
        virStreamPtr st = open_file(false, 0, -1, false);
        GThread *reader = g_thread_new("reader", read_to_the_end, st);
        g_usleep(i * 20);
        assert_int_equal(virStreamAbort(st), 0);
        int code = GPOINTER_TO_INT(g_thread_join(reader));
        if (code) /* it may have been at the end */
            assert_int_equal(code, VIR_ERR_OPERATION_INVALID);
        assert_int_equal(virStreamFree(st), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_range_is_written_and_read, begin, end),
        cmocka_unit_test_setup_teardown(a_stream_nobody_opened_supports_nothing, begin, end),
        cmocka_unit_test_setup_teardown(holes_are_told_and_made, begin, end),
        cmocka_unit_test_setup_teardown(handlers_move_a_whole_stream, begin, end),
        cmocka_unit_test_setup_teardown(a_nonblocking_pipe_says_so, begin, end),
        cmocka_unit_test_setup_teardown(events_come_from_the_loop, begin, end),
        cmocka_unit_test_setup_teardown(a_file_is_replaced_whole, begin, end),
        cmocka_unit_test_setup_teardown(one_thread_aborts_while_another_reads, begin, end),
    };
    alarm(120);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
