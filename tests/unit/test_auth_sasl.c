/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SASL without its library: names and lists, and the security layer over a transport that takes and gives
 * little at a time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "auth/polkit.h"
#include "auth/sasl.h"
#include "base/error.h"
#include "transport/sasl_layer.h"
#include "transport/transport.h"

static void test_lists(void **state)
{
    assert_true(fl_sasl_list_has("SCRAM-SHA-256,DIGEST-MD5", "digest-md5"));
    assert_true(fl_sasl_list_has("PLAIN", "PLAIN"));
    assert_true(fl_sasl_list_has(" A, B ,C", "B"));
    assert_false(fl_sasl_list_has("SCRAM-SHA-256", "SCRAM-SHA-2"));
    assert_false(fl_sasl_list_has("SCRAM-SHA-2", "SCRAM-SHA-256"));
    assert_false(fl_sasl_list_has("A,,B", ""));
    assert_false(fl_sasl_list_has("", "A"));
    (void)state;
}

static void test_names(void **state)
{
    assert_true(fl_sasl_mechanism_ok("SCRAM-SHA-256"));
    assert_true(fl_sasl_mechanism_ok("A2345678901234567890"));
    assert_false(fl_sasl_mechanism_ok("A23456789012345678901"));
    assert_false(fl_sasl_mechanism_ok(""));
    assert_false(fl_sasl_mechanism_ok("plain"));
    assert_false(fl_sasl_mechanism_ok("../PLAIN"));
    assert_non_null(fl_sasl_package("GSSAPI"));
    assert_null(fl_sasl_package("NONESUCH"));
    (void)state;
}

static void test_start_time(void **state)
{
    uint64_t now = 0, again = 0;

    assert_int_equal(fl_polkit_start_time(getpid(), &now), 0);
    assert_int_equal(fl_polkit_start_time(getpid(), &again), 0);
    assert_true(now > 0 && now == again);
    assert_int_equal(fl_polkit_start_time(0x7FFFFFFF, &now), -1);
    (void)state;
}

/* ---- the layer ---- */

/* A "cipher": every byte turned over, a packet is its length in two bytes and they. */
struct fl_sasl {
    GByteArray *packet; /* last encoded */
    GByteArray *partial;
    GByteArray *clear; /* last decoded */
};

static int freed;

static struct fl_sasl *fake_new(void)
{
    struct fl_sasl *s = g_new0(struct fl_sasl, 1);

    s->packet = g_byte_array_new();
    s->partial = g_byte_array_new();
    s->clear = g_byte_array_new();
    return s;
}

static void fake_free(struct fl_sasl *s)
{
    freed++;
    g_byte_array_unref(s->packet);
    g_byte_array_unref(s->partial);
    g_byte_array_unref(s->clear);
    g_free(s);
}

static int fake_encode(struct fl_sasl *s, const char *in, size_t len, struct fl_sasl_data *ret_out)
{
    guint8 head[2] = { (guint8)(len >> 8), (guint8)len };

    g_byte_array_set_size(s->packet, 0);
    g_byte_array_append(s->packet, head, 2);
    for (size_t i = 0; i < len; i++) {
        guint8 turned = (guint8)~in[i];

        g_byte_array_append(s->packet, &turned, 1);
    }
    *ret_out = (struct fl_sasl_data){ (const char *)s->packet->data, s->packet->len };
    return 0;
}

static int fake_decode(struct fl_sasl *s, const char *in, size_t len, struct fl_sasl_data *ret_out)
{
    g_byte_array_append(s->partial, (const guint8 *)in, (guint)len);
    g_byte_array_set_size(s->clear, 0);
    while (s->partial->len >= 2) {
        guint n = (guint)s->partial->data[0] << 8 | s->partial->data[1];

        if (n == 0)
            return fl_error(VIR_ERR_INTERNAL_ERROR, "an empty packet");
        if (s->partial->len < n + 2)
            break;
        for (guint i = 0; i < n; i++) {
            guint8 turned = (guint8)~s->partial->data[i + 2];

            g_byte_array_append(s->clear, &turned, 1);
        }
        g_byte_array_remove_range(s->partial, 0, n + 2);
    }
    *ret_out = (struct fl_sasl_data){ (const char *)s->clear->data, s->clear->len };
    return 0;
}

static const struct fl_sasl_api fake = { .free = fake_free, .encode = fake_encode, .decode = fake_decode };

/* Takes and gives `step` bytes at a time, and every other time none. */
static GByteArray *pipe_bytes;
static size_t pipe_step;
static bool pipe_again, pipe_ended;

static ssize_t pipe_read(struct fl_transport *t, void *buf, size_t len)
{
    (void)t;
    if (!pipe_bytes->len)
        return pipe_ended ? 0 : -FL_AGAIN;
    pipe_again = !pipe_again;
    if (pipe_again)
        return -FL_AGAIN;
    len = MIN(MIN(len, pipe_step), pipe_bytes->len);
    memcpy(buf, pipe_bytes->data, len);
    g_byte_array_remove_range(pipe_bytes, 0, (guint)len);
    return (ssize_t)len;
}

static ssize_t pipe_write(struct fl_transport *t, const void *buf, size_t len)
{
    (void)t;
    pipe_again = !pipe_again;
    if (pipe_again)
        return -FL_AGAIN;
    len = MIN(len, pipe_step);
    g_byte_array_append(pipe_bytes, buf, (guint)len);
    return (ssize_t)len;
}

static const struct fl_transport_ops pipe_ops = { .name = "pipe", .read = pipe_read, .write = pipe_write };

static struct fl_transport *layer_over_pipe(size_t step, size_t plain)
{
    struct fl_transport *below = g_new0(struct fl_transport, 1);

    below->ops = &pipe_ops;
    below->fd = -1;
    below->target = g_strdup("the pipe");
    pipe_step = step;
    pipe_again = pipe_ended = false;
    pipe_bytes = g_byte_array_new();
    return fl_sasl_layer_new(below, &fake, fake_new(), plain);
}

/* As the session writes: what was not taken is offered again, with more behind it. */
static void write_all(struct fl_transport *t, const char *data, size_t len)
{
    size_t offer = MIN(len, 7);

    while (len) {
        ssize_t n = fl_transport_write(t, data, offer);

        assert_true(n > 0 || n == -FL_AGAIN);
        if (n > 0) {
            data += n;
            len -= (size_t)n;
            offer = 0;
        }
        offer = MIN(len, offer + 5);
    }
}

static void check_round(size_t size, size_t step, size_t read_size)
{
    struct fl_transport *t = layer_over_pipe(step, 0);
    g_autofree char *data = g_malloc(size);
    g_autofree char *got = g_malloc(size + 1);
    size_t have = 0;

    for (size_t i = 0; i < size; i++)
        data[i] = (char)(i * 7);
    write_all(t, data, size);
    assert_true(pipe_bytes->len > size); /* packets */
    while (have < size) {
        ssize_t n = fl_transport_read(t, got + have, MIN(read_size, size + 1 - have));

        assert_true(n > 0 || n == -FL_AGAIN);
        have += n > 0 ? (size_t)n : 0;
    }
    assert_int_equal(have, size);
    assert_memory_equal(got, data, size);
    assert_int_equal(fl_transport_pending(t), 0);
    pipe_ended = true;
    assert_int_equal(fl_transport_read(t, got, 1), 0);
    fl_transport_free(t);
    g_byte_array_unref(pipe_bytes);
}

static void test_layer(void **state)
{
    static const size_t steps[] = { 1, 3, 64, 100000 };

    for (size_t i = 0; i < G_N_ELEMENTS(steps); i++) {
        check_round(1000, steps[i], 3);
        check_round(1000, steps[i], 4096);
    }
    check_round(100000, 5000, 65536);
    (void)state;
}

static void test_layer_begins_behind_what_is_queued(void **state)
{
    struct fl_transport *t = layer_over_pipe(4, 10);
    static const char text[] = "0123456789secret";

    assert_true(t->encrypted);
    write_all(t, text, strlen(text));
    assert_memory_equal(pipe_bytes->data, "0123456789", 10);
    for (guint i = 10; i + 6 <= pipe_bytes->len; i++)
        assert_memory_not_equal(pipe_bytes->data + i, "secret", 6);
    fl_transport_free(t);
    g_byte_array_unref(pipe_bytes);
    (void)state;
}

static void test_layer_that_is_closed(void **state)
{
    struct fl_transport *t = layer_over_pipe(4, 0);
    char byte;

    freed = 0;
    fl_transport_close(t);
    fl_transport_close(t);
    assert_int_equal(freed, 1);
    assert_int_equal(fl_transport_read(t, &byte, 1), -1);
    assert_int_equal(fl_transport_write(t, "x", 1), -1);
    assert_int_equal(fl_transport_pending(t), 0);
    fl_transport_free(t);
    assert_int_equal(freed, 1);
    g_byte_array_unref(pipe_bytes);
    (void)state;
}

static void test_layer_of_garbage(void **state)
{
    struct fl_transport *t = layer_over_pipe(100, 0);
    char byte;
    ssize_t n;

    g_byte_array_append(pipe_bytes, (const guint8 *)"\0\0", 2);
    while ((n = fl_transport_read(t, &byte, 1)) == -FL_AGAIN)
        ;
    assert_int_equal(n, -1);
    fl_transport_free(t);
    g_byte_array_unref(pipe_bytes);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_start_time),
        cmocka_unit_test(test_layer),
        cmocka_unit_test(test_layer_begins_behind_what_is_queued),
        cmocka_unit_test(test_layer_that_is_closed),
        cmocka_unit_test(test_layer_of_garbage),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
