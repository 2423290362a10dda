/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The session state machine: two of them talk through memory, with a clock of the test's own. */
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
#include "wire/types.h"
#include "wire/xdr.h"

#define SECOND 1000000

struct pair {
    struct fl_session *client, *server;
    int64_t now;
};

static struct fl_session *session(bool server, size_t max_frame, size_t max_output)
{
    struct fl_session_options opts = { .server = server, .max_frame = max_frame, .max_output = max_output };

    return fl_session_new(&opts);
}

static struct pair pair_new(void)
{
    return (struct pair){ session(false, 0, 0), session(true, 0, 0), 0 };
}

static void pair_free(struct pair *p)
{
    fl_session_free(p->client);
    fl_session_free(p->server);
}

static void feed(struct fl_session *s, const void *data, size_t len, size_t step, int64_t now)
{
    const unsigned char *p = data;

    while (len) {
        size_t room, n;
        unsigned char *at = fl_session_space(s, &room);

        n = MIN(MIN(len, step), room);
        assert_true(n > 0);
        memcpy(at, p, n);
        fl_session_received(s, n, now);
        p += n;
        len -= n;
    }
}

/* What one has queued arrives at the other. */
static void pump(struct fl_session *from, struct fl_session *to, int64_t now)
{
    const unsigned char *p;
    size_t len;

    while ((p = fl_session_output(from, &len)), len) {
        feed(to, p, len, len, now);
        fl_session_sent(from, len);
    }
}

static uint32_t send_open(struct fl_session *s, const char *name, void *opaque)
{
    struct fl_w_connect_open_args args = { .name = (char *)name };
    uint32_t serial = 0;

    assert_int_equal(fl_session_call(s, FL_PROGRAM_REMOTE, 1, FL_P_CONNECT_OPEN, FL_T_CONNECT_OPEN_ARGS,
                                     &args, NULL, 0, opaque, &serial),
                     0);
    return serial;
}

static void call_and_reply(void **state)
{
    struct pair p = pair_new();
    struct fl_w_connect_open_args args;
    struct fl_frame f;
    int tag1, tag2;
    uint32_t s1 = send_open(p.client, "test:///default", &tag1), s2 = send_open(p.client, NULL, &tag2);
    struct fl_header first;
    FL_ARENA(arena);

    assert_true(s1 && s2 && s1 != s2);
    assert_int_equal(fl_session_npending(p.client), 2);
    pump(p.client, p.server, 1);
    assert_int_equal(fl_session_next(p.server, &f), 1);
    assert_int_equal(f.h.procedure, FL_P_CONNECT_OPEN);
    assert_int_equal(fl_xdr_decode_all(FL_T_CONNECT_OPEN_ARGS, f.payload, f.len, &arena, &args), 0);
    assert_string_equal(args.name, "test:///default");
    first = f.h;
    assert_int_equal(fl_session_next(p.server, &f), 1);
    /* Answered the other way round. */
    assert_int_equal(fl_session_reply(p.server, &f.h, FL_XDR_VOID, NULL), 0);
    assert_int_equal(fl_session_reply(p.server, &first, FL_XDR_VOID, NULL), 0);
    assert_int_equal(fl_session_next(p.server, &f), 0);
    pump(p.server, p.client, 1);
    assert_int_equal(fl_session_next(p.client, &f), 1);
    assert_ptr_equal(f.opaque, &tag2);
    assert_int_equal(fl_session_next(p.client, &f), 1);
    assert_ptr_equal(f.opaque, &tag1);
    assert_int_equal(fl_session_npending(p.client), 0);
    pair_free(&p);
}

static void an_error_keeps_its_parts(void **state)
{
    struct pair p = pair_new();
    virError err = { .code = VIR_ERR_NO_DOMAIN,
                     .domain = VIR_FROM_TEST,
                     .message = (char *)"Domain not found",
                     .level = VIR_ERR_ERROR,
                     .str1 = (char *)"one",
                     .int1 = 7,
                     .int2 = -1 };
    struct fl_frame f;

    send_open(p.client, "x", &p);
    pump(p.client, p.server, 1);
    fl_session_next(p.server, &f);
    assert_int_equal(fl_session_reply_error(p.server, &f.h, &err), 0);
    pump(p.server, p.client, 1);
    assert_int_equal(fl_session_next(p.client, &f), 1);
    assert_int_equal(f.h.status, FL_FRAME_ERROR);
    assert_int_equal(fl_session_raise(&f), -1);
    assert_int_equal(fl_error_get()->code, VIR_ERR_NO_DOMAIN);
    assert_int_equal(fl_error_get()->domain, VIR_FROM_TEST);
    assert_string_equal(fl_error_get()->message, "Domain not found");
    assert_string_equal(fl_error_get()->str1, "one");
    assert_null(fl_error_get()->str2);
    assert_int_equal(fl_error_get()->int1, 7);
    fl_error_reset();
    pair_free(&p);
}

static void bytes_may_come_one_by_one(void **state)
{
    for (int mode = FL_SESSION_FDS_NONE; mode <= FL_SESSION_FDS_EXACT; mode++) {
        struct pair p = pair_new();
        const unsigned char *out;
        struct fl_frame f;
        size_t len;

        fl_session_set_fds(p.server, (enum fl_session_fds)mode);
        send_open(p.client, "one", &p);
        send_open(p.client, "two", &p);
        out = fl_session_output(p.client, &len);
        for (size_t i = 0, frames = 0; i < len; i++) {
            feed(p.server, out + i, 1, 1, 1);
            frames += (size_t)fl_session_next(p.server, &f);
            assert_int_equal(frames, (i + 1) / (len / 2));
        }
        pair_free(&p);
    }
}

static void expect_broken(bool server, const unsigned char *bytes, size_t len, const char *words)
{
    struct fl_session *s = session(server, 0, 0);
    struct fl_frame f;

    feed(s, bytes, len, len, 1);
    assert_int_equal(fl_session_next(s, &f), -1);
    if (!strstr(fl_error_get()->message, words))
        fail_msg("'%s' does not say '%s'", fl_error_get()->message, words);
    fl_error_reset();
    fl_session_free(s);
}

static void lengths_out_of_range_break(void **state)
{
    static const uint32_t lengths[] = { 0, 3, 4, 27, 33554437, 0x80000000u, 0xffffffffu };
    unsigned char b[4];

    for (size_t i = 0; i < G_N_ELEMENTS(lengths); i++) {
        fl_be32_put(b, lengths[i]);
        expect_broken(true, b, sizeof(b), "frame length");
    }
}

static void a_length_word_takes_no_memory(void **state)
{
    struct fl_session *s = session(true, 0, 0);
    unsigned char b[4];
    struct fl_frame f;
    size_t room;

    fl_be32_put(b, FL_FRAME_LENGTH_MAX);
    feed(s, b, 4, 4, 1);
    assert_int_equal(fl_session_next(s, &f), 0);
    fl_session_space(s, &room);
    assert_true(room < 100000);
    fl_session_free(s);
    /* A session told a smaller limit refuses at once. */
    s = session(true, 1024, 0);
    fl_be32_put(b, 1025);
    feed(s, b, 4, 4, 1);
    assert_int_equal(fl_session_next(s, &f), -1);
    fl_error_reset();
    fl_session_free(s);
}

/* By a server, as the incumbent's does; what follows is read. */
static void expect_passed_over(const unsigned char *bytes, size_t len)
{
    struct fl_header h = { .program = FL_PROGRAM_REMOTE, .version = 1, .procedure = 1, .serial = 6 };
    struct fl_session *s = session(true, 0, 0);
    unsigned char call[FL_FRAME_PREFIX];
    struct fl_frame f;

    fl_header_pack(call, sizeof(call), &h);
    feed(s, bytes, len, len, 1);
    feed(s, call, sizeof(call), sizeof(call), 1);
    assert_int_equal(fl_session_next(s, &f), 1);
    assert_int_equal(f.h.serial, 6);
    assert_int_equal(fl_session_next(s, &f), 0);
    fl_session_free(s);
}

static void frames_from_the_wrong_side(void **state)
{
    struct fl_header h = { .program = FL_PROGRAM_REMOTE, .version = 1, .procedure = 1, .serial = 5 };
    unsigned char b[FL_FRAME_PREFIX + 4] = { 0 };

    h.type = FL_FRAME_REPLY;
    fl_header_pack(b, FL_FRAME_PREFIX, &h);
    expect_passed_over(b, FL_FRAME_PREFIX);
    expect_broken(false, b, FL_FRAME_PREFIX, "no call waits");
    h.type = FL_FRAME_MESSAGE;
    fl_header_pack(b, FL_FRAME_PREFIX, &h);
    expect_passed_over(b, FL_FRAME_PREFIX);
    h.type = FL_FRAME_CALL;
    fl_header_pack(b, FL_FRAME_PREFIX, &h);
    expect_broken(false, b, FL_FRAME_PREFIX, "server does not send");
    h.type = 7;
    fl_header_pack(b, FL_FRAME_PREFIX, &h);
    expect_passed_over(b, FL_FRAME_PREFIX);
    expect_broken(false, b, FL_FRAME_PREFIX, "type 7");
    h.type = FL_FRAME_REPLY_WITH_FDS;
    fl_header_pack(b, sizeof(b), &h);
    expect_passed_over(b, sizeof(b));
    h.type = FL_FRAME_CALL_WITH_FDS;
    fl_header_pack(b, FL_FRAME_PREFIX, &h);
    expect_broken(true, b, FL_FRAME_PREFIX, "count of descriptors");
    fl_header_pack(b, sizeof(b), &h);
    fl_be32_put(b + FL_FRAME_PREFIX, 33);
    expect_broken(true, b, sizeof(b), "limit is 32");
    fl_be32_put(b + FL_FRAME_PREFIX, 1);
    expect_broken(true, b, sizeof(b), "carries none");
}

static void a_forgotten_call_is_dropped(void **state)
{
    struct pair p = pair_new();
    struct fl_frame f;
    uint32_t serial = send_open(p.client, "x", &p);

    fl_session_forget(p.client, serial);
    pump(p.client, p.server, 1);
    fl_session_next(p.server, &f);
    fl_session_reply(p.server, &f.h, FL_XDR_VOID, NULL);
    pump(p.server, p.client, 1);
    assert_int_equal(fl_session_next(p.client, &f), 0);
    assert_int_equal(fl_session_npending(p.client), 0);
    pair_free(&p);
}

static void a_failed_frame_leaves_nothing(void **state)
{
    struct pair p = pair_new();
    struct fl_w_connect_get_type_ret ret = { .type = NULL };
    struct fl_header call = { .program = FL_PROGRAM_REMOTE, .version = 1, .procedure = 3, .serial = 1 };
    size_t len;

    assert_int_equal(fl_session_reply(p.server, &call, FL_T_CONNECT_GET_TYPE_RET, &ret), -1);
    fl_session_output(p.server, &len);
    assert_int_equal(len, 0);
    ret.type = (char *)"TEST";
    assert_int_equal(fl_session_reply(p.server, &call, FL_T_CONNECT_GET_TYPE_RET, &ret), 0);
    fl_session_output(p.server, &len);
    assert_int_equal(len, FL_FRAME_PREFIX + 8);
    fl_error_reset();
    pair_free(&p);
}

static void output_is_bounded(void **state)
{
    struct fl_session *s = session(true, 0, 100000);
    struct fl_header call = { .program = FL_PROGRAM_REMOTE, .version = 1, .procedure = 3, .serial = 1 };
    static char data[50000];
    int n = 0;

    while (fl_session_stream_data(s, &call, data, sizeof(data)) == 0)
        assert_true(++n < 10);
    assert_int_equal(n, 2);
    assert_int_equal(fl_session_stream_data(s, &call, data, FL_FRAME_STREAM_MAX + 1), -1);
    fl_error_reset();
    fl_session_free(s);
}

/* ---- keepalive ---- */

static void silence_is_pinged_then_given_up(void **state)
{
    struct pair p = pair_new();
    size_t len;

    fl_session_set_keepalive(p.client, 5 * SECOND, 3, 0);
    assert_int_equal(fl_session_deadline(p.client), 5 * SECOND);
    for (int i = 1; i <= 3; i++) {
        assert_int_equal(fl_session_tick(p.client, i * 5 * SECOND - 1), 0);
        fl_session_output(p.client, &len);
        assert_int_equal(len, (i - 1) * (int)FL_FRAME_PREFIX);
        assert_int_equal(fl_session_tick(p.client, i * 5 * SECOND), 0);
        fl_session_output(p.client, &len);
        assert_int_equal(len, i * (int)FL_FRAME_PREFIX);
    }
    assert_int_equal(fl_session_tick(p.client, 20 * SECOND - 1), 0);
    assert_int_equal(fl_session_tick(p.client, 20 * SECOND), -1);
    fl_error_reset();
    pair_free(&p);
}

static void any_byte_is_life(void **state)
{
    struct pair p = pair_new();

    fl_session_set_keepalive(p.client, 5 * SECOND, 1, 0);
    assert_int_equal(fl_session_tick(p.client, 5 * SECOND), 0);
    feed(p.client, "\0", 1, 1, 9 * SECOND);
    assert_int_equal(fl_session_tick(p.client, 10 * SECOND), 0);
    assert_int_equal(fl_session_deadline(p.client), 14 * SECOND);
    assert_int_equal(fl_session_tick(p.client, 14 * SECOND), 0);
    assert_int_equal(fl_session_tick(p.client, 19 * SECOND), -1);
    fl_session_set_keepalive(p.server, 0, 0, 0);
    assert_true(fl_session_deadline(p.server) == INT64_MAX);
    fl_error_reset();
    pair_free(&p);
}

static void who_is_not_read_is_not_taken_for_dead(void **state)
{
    struct pair p = pair_new();
    size_t len;

    fl_session_set_keepalive(p.client, SECOND, 1, 0);
    assert_int_equal(fl_session_tick(p.client, SECOND), 0);
    assert_true(fl_session_doubts(p.client));
    fl_session_set_unread(p.client, true, SECOND);
    for (int i = 2; i <= 100; i++)
        assert_int_equal(fl_session_tick(p.client, i * SECOND), 0);
    fl_session_output(p.client, &len);
    assert_int_equal(len, 100 * (int)FL_FRAME_PREFIX); /* signs of life */
    fl_session_set_unread(p.client, false, 100 * SECOND);
    assert_false(fl_session_doubts(p.client));
    assert_int_equal(fl_session_tick(p.client, 101 * SECOND), 0);
    assert_int_equal(fl_session_tick(p.client, 102 * SECOND), -1);
    fl_error_reset();
    /* One that was told of no pings sends no signs; one that was does without pinging itself. */
    fl_session_set_unread(p.server, true, 0);
    assert_true(fl_session_deadline(p.server) == INT64_MAX);
    fl_session_expect_pings(p.server);
    assert_int_equal(fl_session_deadline(p.server), 2 * SECOND);
    pair_free(&p);
}

static void pings_are_answered_once_unsent(void **state)
{
    struct pair p = pair_new();
    struct fl_frame f;
    size_t len;

    fl_session_set_keepalive(p.client, SECOND, 1000, 0);
    for (int i = 1; i <= 100; i++)
        fl_session_tick(p.client, i * SECOND);
    pump(p.client, p.server, 1);
    assert_int_equal(fl_session_next(p.server, &f), 0);
    fl_session_output(p.server, &len);
    assert_int_equal(len, FL_FRAME_PREFIX);
    pump(p.server, p.client, 101 * SECOND);
    assert_int_equal(fl_session_next(p.client, &f), 0);
    assert_int_equal(fl_session_deadline(p.client), 102 * SECOND);
    /* And again, now that the first is out. */
    fl_session_tick(p.client, 102 * SECOND);
    pump(p.client, p.server, 2);
    assert_int_equal(fl_session_next(p.server, &f), 0);
    fl_session_output(p.server, &len);
    assert_int_equal(len, FL_FRAME_PREFIX);
    pair_free(&p);
}

/* ---- streams ---- */

static void streams_by_serial(void **state)
{
    struct pair p = pair_new();
    struct fl_frame f;
    struct fl_header call;
    int64_t length;
    uint32_t flags, serial;
    int tag;

    serial = send_open(p.client, "x", &p);
    pump(p.client, p.server, 1);
    fl_session_next(p.server, &f);
    call = f.h;
    assert_int_equal(fl_session_stream_open(p.client, serial, &tag), 0);
    assert_int_equal(fl_session_stream_open(p.client, serial, &tag), -1);
    fl_session_stream_data(p.server, &call, "hello", 5);
    fl_session_stream_hole(p.server, &call, 1LL << 40, 0);
    fl_session_stream_data(p.server, &call, NULL, 0);
    fl_session_stream_finish(p.server, &call);
    pump(p.server, p.client, 1);
    assert_int_equal(fl_session_next(p.client, &f), 1);
    assert_ptr_equal(f.opaque, &tag);
    assert_int_equal(f.h.status, FL_FRAME_CONTINUE);
    assert_int_equal(f.len, 5);
    assert_memory_equal(f.payload, "hello", 5);
    assert_int_equal(fl_session_next(p.client, &f), 1);
    assert_int_equal(f.h.type, FL_FRAME_STREAM_HOLE);
    assert_int_equal(fl_session_read_hole(&f, &length, &flags), 0);
    assert_true(length == 1LL << 40);
    assert_int_equal(fl_session_next(p.client, &f), 1);
    assert_int_equal(f.len, 0);
    fl_session_stream_close(p.client, serial);
    assert_int_equal(fl_session_next(p.client, &f), 1);
    assert_null(f.opaque);
    assert_int_equal(f.h.status, FL_FRAME_OK);
    fl_error_reset();
    pair_free(&p);
}

/* ---- descriptors ---- */

static void descriptors_are_due_after_their_frame(void **state)
{
    struct fl_session *s = session(false, 0, 0);
    int fds[2] = { 10, 11 };
    uint32_t serial;
    size_t len;

    assert_int_equal(fl_session_call(s, FL_PROGRAM_REMOTE, 1, 2, FL_XDR_VOID, NULL, fds, 2, s, &serial), -1);
    fl_session_set_fds(s, FL_SESSION_FDS_EXACT);
    assert_int_equal(fl_session_call(s, FL_PROGRAM_REMOTE, 1, 2, FL_XDR_VOID, NULL, fds, 2, s, &serial), 0);
    assert_int_equal(fl_session_call(s, FL_PROGRAM_REMOTE, 1, 2, FL_XDR_VOID, NULL, NULL, 0, s, &serial), 0);
    fl_session_output(s, &len);
    assert_int_equal(len, FL_FRAME_PREFIX + 4);
    assert_int_equal(fl_session_output_fd(s), -1);
    fl_session_sent(s, 20);
    fl_session_output(s, &len);
    assert_int_equal(len, FL_FRAME_PREFIX + 4 - 20);
    fl_session_sent(s, len);
    fl_session_output(s, &len);
    assert_int_equal(len, 0);
    assert_int_equal(fl_session_output_fd(s), 10);
    fl_session_fd_sent(s);
    assert_int_equal(fl_session_output_fd(s), 11);
    fl_session_fd_sent(s);
    assert_int_equal(fl_session_output_fd(s), -1);
    fl_session_output(s, &len);
    assert_int_equal(len, FL_FRAME_PREFIX);
    fl_error_reset();
    fl_session_free(s);
}

static void exact_reading_stops_at_the_frame(void **state)
{
    struct fl_session *s = session(true, 0, 0);
    struct fl_header h = {
        .program = FL_PROGRAM_REMOTE, .version = 1, .procedure = 2, .type = FL_FRAME_CALL_WITH_FDS
    };
    unsigned char b[FL_FRAME_PREFIX + 12] = { 0 };
    struct fl_frame f;
    size_t room;

    fl_session_set_fds(s, FL_SESSION_FDS_EXACT);
    fl_header_pack(b, sizeof(b), &h);
    fl_be32_put(b + FL_FRAME_PREFIX, 1);
    fl_session_space(s, &room);
    assert_int_equal(room, FL_FRAME_PREFIX);
    feed(s, b, FL_FRAME_PREFIX, FL_FRAME_PREFIX, 1);
    fl_session_space(s, &room);
    assert_int_equal(room, 12);
    feed(s, b + FL_FRAME_PREFIX, 12, 12, 1);
    assert_int_equal(fl_session_next(s, &f), 1);
    assert_int_equal(f.nfds, 1);
    assert_int_equal(f.len, 8);
    fl_session_space(s, &room);
    assert_int_equal(room, FL_FRAME_PREFIX);
    fl_session_free(s);
}

static void dummies_are_skipped(void **state)
{
    struct fl_session *s = session(true, 0, 0);
    struct fl_header h = {
        .program = FL_PROGRAM_REMOTE, .version = 1, .procedure = 2, .type = FL_FRAME_CALL_WITH_FDS
    };
    unsigned char b[2 * (FL_FRAME_PREFIX + 4) + 2] = { 0 };
    struct fl_frame f;

    fl_session_set_fds(s, FL_SESSION_FDS_SKIP);
    fl_header_pack(b, FL_FRAME_PREFIX + 4, &h);
    fl_be32_put(b + FL_FRAME_PREFIX, 2);
    h.procedure = 3;
    fl_header_pack(b + FL_FRAME_PREFIX + 6, FL_FRAME_PREFIX + 4, &h);
    feed(s, b, FL_FRAME_PREFIX + 5, 100, 1);
    assert_int_equal(fl_session_next(s, &f), 0); /* one descriptor is still to come */
    feed(s, b + FL_FRAME_PREFIX + 5, sizeof(b) - FL_FRAME_PREFIX - 5, 100, 1);
    assert_int_equal(fl_session_next(s, &f), 1);
    assert_int_equal(f.nfds, 2);
    assert_int_equal(fl_session_next(s, &f), 1);
    assert_int_equal(f.h.procedure, 3);
    assert_int_equal(f.nfds, 0);
    fl_session_free(s);
}

static void a_big_frame_can_be_taken(void **state)
{
    struct pair p = pair_new();
    struct fl_header call = { .program = FL_PROGRAM_REMOTE, .version = 1, .procedure = 3, .serial = 9 };
    g_autofree char *data = g_malloc(200000);
    struct fl_frame f;
    void *block;

    memset(data, 'z', 200000);
    fl_session_stream_data(p.server, &call, data, 200000);
    fl_session_stream_data(p.server, &call, "tail", 4);
    pump(p.server, p.client, 1);
    assert_int_equal(fl_session_next(p.client, &f), 1);
    block = fl_session_take_buffer(p.client, &f);
    assert_non_null(block);
    assert_memory_equal(f.payload, data, 200000);
    assert_int_equal(fl_session_next(p.client, &f), 1);
    assert_memory_equal(f.payload, "tail", 4);
    assert_null(fl_session_take_buffer(p.client, &f));
    free(block);
    fl_session_trim(p.client);
    pair_free(&p);
}

/* The memory of one that is at rest serves the next that reads. */
static void spare_goes_round(void **state)
{
    void *spare = NULL;
    struct fl_session_options options = { .server = true, .spare = &spare };
    struct fl_session *a = fl_session_new(&options), *b = fl_session_new(&options);
    unsigned char *first;
    size_t room;

    (void)state;
    first = fl_session_space(a, &room);
    assert_null(spare);
    fl_session_trim(a);
    assert_ptr_equal(spare, first);
    assert_ptr_equal(fl_session_space(b, &room), first);
    assert_null(spare);
    assert_ptr_not_equal(fl_session_space(a, &room), first);
    fl_session_trim(a);
    fl_session_trim(b); /* there is one already */
    assert_non_null(spare);
    fl_session_free(a);
    fl_session_free(b);
    g_free(spare);
}

static void many_serials(void **state)
{
    struct pair p = pair_new();
    struct fl_frame f;
    uint32_t serial;
    int n = 0;

    for (int i = 0; i < 1000; i++) {
        fl_session_call(p.client, FL_PROGRAM_REMOTE, 1, FL_P_CONNECT_CLOSE, FL_XDR_VOID, NULL, NULL, 0, &n,
                        &serial);
        if (i % 3 == 0)
            fl_session_forget(p.client, serial);
    }
    pump(p.client, p.server, 1);
    while (fl_session_next(p.server, &f) == 1)
        fl_session_reply(p.server, &f.h, FL_XDR_VOID, NULL);
    pump(p.server, p.client, 1);
    while (fl_session_next(p.client, &f) == 1)
        n++;
    assert_int_equal(n, 666);
    assert_int_equal(fl_session_npending(p.client), 0);
    pair_free(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(call_and_reply),
        cmocka_unit_test(an_error_keeps_its_parts),
        cmocka_unit_test(bytes_may_come_one_by_one),
        cmocka_unit_test(lengths_out_of_range_break),
        cmocka_unit_test(a_length_word_takes_no_memory),
        cmocka_unit_test(frames_from_the_wrong_side),
        cmocka_unit_test(a_forgotten_call_is_dropped),
        cmocka_unit_test(a_failed_frame_leaves_nothing),
        cmocka_unit_test(output_is_bounded),
        cmocka_unit_test(silence_is_pinged_then_given_up),
        cmocka_unit_test(any_byte_is_life),
        cmocka_unit_test(who_is_not_read_is_not_taken_for_dead),
        cmocka_unit_test(pings_are_answered_once_unsent),
        cmocka_unit_test(streams_by_serial),
        cmocka_unit_test(descriptors_are_due_after_their_frame),
        cmocka_unit_test(exact_reading_stops_at_the_frame),
        cmocka_unit_test(dummies_are_skipped),
        cmocka_unit_test(a_big_frame_can_be_taken),
        cmocka_unit_test(spare_goes_round),
        cmocka_unit_test(many_serials),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
