/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Big stream packets that go past the session's buffers, in and out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <glib.h>

#include "base/error.h"
#include "rpc/session.h"
#include "wire/procs.h"

#define BIG FL_FRAME_STREAM_MAX

static const struct fl_header opening = {
    .program = FL_PROGRAM_REMOTE, .version = 1, .procedure = 3, .serial = 9
};
static int tag;

static struct fl_session *session(bool server)
{
    struct fl_session_options opts = { .server = server };

    return fl_session_new(&opts);
}

/* As much of `bytes` as there is room for. */
static size_t put(struct fl_session *s, const unsigned char *bytes, size_t len)
{
    size_t room;
    unsigned char *at = fl_session_space(s, &room);

    len = MIN(len, room);
    memcpy(at, bytes, len);
    fl_session_received(s, len, 0);
    return len;
}

/* A packet of `len` bytes, as it travels. */
static unsigned char *packet(size_t len, size_t *ret_len)
{
    struct fl_session *s = session(true);
    g_autofree unsigned char *data = g_malloc(len + 1);
    unsigned char *bytes;

    for (size_t i = 0; i < len; i++)
        data[i] = (unsigned char)(i * 7 + i / 251);
    assert_int_equal(fl_session_stream_data(s, &opening, data, len), 0);
    bytes = g_memdup2(fl_session_output(s, ret_len), FL_FRAME_PREFIX + len);
    fl_session_free(s);
    return bytes;
}

static void the_rest_goes_past(void **state)
{
    struct fl_session *s = session(false);
    size_t total, have, first;
    g_autofree unsigned char *bytes = packet(BIG, &total);
    struct fl_frame f;

    assert_int_equal(fl_session_stream_open(s, opening.serial, &tag), 0);
    assert_false(fl_session_divert(s, &f, &have));
    first = put(s, bytes, total);
    assert_true(first < total);
    assert_int_equal(fl_session_next(s, &f), 0);
    assert_true(fl_session_divert(s, &f, &have));
    assert_ptr_equal(f.opaque, &tag);
    assert_int_equal(f.len, BIG);
    assert_int_equal(have, first - FL_FRAME_PREFIX);
    assert_memory_equal(f.payload, bytes + FL_FRAME_PREFIX, have);
    assert_int_equal(fl_session_diverted(s), total - first);
    assert_false(fl_session_divert(s, &f, &have)); /* once */
    fl_session_took(s, 1000, 0);
    fl_session_took(s, total - first - 1000, 0);
    assert_int_equal(fl_session_diverted(s), 0);
    /* The next frame is read as ever. */
    assert_int_equal(fl_session_next(s, &f), 0);
    for (size_t at = 0; at < total;)
        at += put(s, bytes + at, total - at);
    assert_int_equal(fl_session_next(s, &f), 1);
    assert_int_equal(f.len, BIG);
    assert_memory_equal(f.payload, bytes + FL_FRAME_PREFIX, BIG);
    fl_session_free(s);
}

static void not_diverted(struct fl_session *s, const unsigned char *bytes, size_t len)
{
    struct fl_frame f;
    size_t have;

    assert_int_equal(put(s, bytes, len), len);
    assert_int_equal(fl_session_next(s, &f), 0);
    assert_false(fl_session_divert(s, &f, &have));
    assert_int_equal(fl_session_diverted(s), 0);
    fl_session_free(s);
}

static struct fl_session *with_stream(void)
{
    struct fl_session *s = session(false);

    assert_int_equal(fl_session_stream_open(s, opening.serial, &tag), 0);
    return s;
}

static void others_stay(void **state)
{
    size_t total, small;
    g_autofree unsigned char *bytes = packet(BIG, &total);
    g_autofree unsigned char *few = packet(FL_SESSION_DIVERT_MIN - 1, &small);

    not_diverted(session(false), bytes, 5000); /* no such stream */
    not_diverted(with_stream(), bytes, FL_FRAME_PREFIX - 1);
    not_diverted(with_stream(), few, 5000);
    bytes[19] = FL_FRAME_MESSAGE; /* no stream's */
    not_diverted(with_stream(), bytes, 5000);
    bytes[19] = FL_FRAME_STREAM;
    bytes[27] = FL_FRAME_ERROR; /* not data */
    not_diverted(with_stream(), bytes, 5000);
    bytes[27] = FL_FRAME_CONTINUE;
    bytes[1] = 4; /* longer than a packet may be */
    bytes[2] = bytes[3] = 29;
    not_diverted(with_stream(), bytes, 5000);
}

/* What waits to be sent of `s`, without sending it. */
static size_t waiting(const struct fl_session *s)
{
    size_t len;

    (void)fl_session_output(s, &len);
    return len;
}

static void a_packet_is_passed(void **state)
{
    struct fl_session *s = session(true);
    unsigned char head[FL_FRAME_PREFIX];

    assert_true(fl_session_pass(s, &opening, 1000, head));
    assert_int_equal(fl_session_passing(s), FL_FRAME_PREFIX + 1000);
    assert_int_equal(fl_session_queued(s), FL_FRAME_PREFIX + 1000);
    assert_false(fl_session_pass(s, &opening, 1000, head));
    assert_int_equal(fl_session_stream_data(s, &opening, "others", 6), 0);
    assert_int_equal(waiting(s), 0); /* until it is out */
    fl_session_passed(s, FL_FRAME_PREFIX + 999);
    assert_int_equal(waiting(s), 0);
    fl_session_passed(s, 1);
    assert_int_equal(fl_session_passing(s), 0);
    assert_int_equal(waiting(s), FL_FRAME_PREFIX + 6);
    assert_false(fl_session_pass(s, &opening, 1000, head)); /* others are first */
    fl_session_sent(s, FL_FRAME_PREFIX + 6);
    assert_true(fl_session_pass(s, &opening, FL_FRAME_STREAM_MAX, head));
    assert_int_equal(head[19], FL_FRAME_STREAM);
    fl_session_free(s);
}

static void a_packet_is_given_up(void **state)
{
    static const unsigned char zeros[990];
    struct fl_session *s = session(true);
    unsigned char head[FL_FRAME_PREFIX];
    const unsigned char *out;
    size_t len;

    assert_true(fl_session_pass(s, &opening, 1000, head));
    assert_int_equal(fl_session_stream_data(s, &opening, "others", 6), 0);
    fl_session_passed(s, FL_FRAME_PREFIX + 10);
    assert_int_equal(fl_session_pass_zeros(s), 0);
    assert_int_equal(fl_session_passing(s), 0);
    out = fl_session_output(s, &len);
    assert_int_equal(len, 990 + FL_FRAME_PREFIX + 6);
    assert_memory_equal(out, zeros, sizeof(zeros));
    assert_memory_equal(out + len - 6, "others", 6);
    assert_int_equal(fl_session_queued(s), len);
    fl_session_sent(s, len);
    assert_int_equal(fl_session_queued(s), 0);
    fl_session_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_rest_goes_past),
        cmocka_unit_test(others_stay),
        cmocka_unit_test(a_packet_is_passed),
        cmocka_unit_test(a_packet_is_given_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
