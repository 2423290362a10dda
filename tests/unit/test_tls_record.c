/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Data records sealed and opened here beside GnuTLS, which keeps what else there is: alerts, new keys,
 * records that do not open. One side or both may do it, and the other must not see any difference. */
#include "tls_lab.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"

#define MUCH 600000

static struct fl_tls *side(struct fl_transport *t)
{
    return t->priv;
}

static unsigned char byte_at(size_t i)
{
    return i == 0 ? 0xff : (unsigned char)(i * 31 + (i >> 9));
}

/* From one side to the other, read in pieces of `piece`. */
static void carry(struct fl_transport *from, struct fl_transport *to, size_t len, size_t piece)
{
    g_autofree unsigned char *data = g_malloc(len), *got = g_malloc(len);
    size_t sent = 0, have = 0;

    for (size_t i = 0; i < len; i++)
        data[i] = byte_at(i);
    for (int idle = 0; have < len; idle++) {
        ssize_t n = sent < len ? fl_transport_write(from, data + sent, len - sent) : 0;

        assert_true(n >= 0 || n == -FL_AGAIN);
        sent += n > 0 ? (size_t)n : 0;
        while ((n = fl_transport_read(to, got + have, MIN(len - have, piece))) > 0) {
            have += (size_t)n;
            idle = 0;
            if (have == len)
                break;
        }
        assert_true(n > 0 || n == -FL_AGAIN);
        assert_true(idle < 100);
    }
    assert_memory_equal(got, data, len);
}

static void own_records_are_the_same(void **state)
{
    static const char *const priorities[] = {
        "NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+AES-256-GCM",
        "NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+AES-128-GCM",
        "NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+CHACHA20-POLY1305"
    };
    static const size_t pieces[] = { 5000, 16384, 16385, 40001, MUCH };
    struct lab *lab = *state;

    for (size_t i = 0; i < G_N_ELEMENTS(priorities); i++) {
        struct pair p;

        lab->priority = priorities[i];
        pair_init(lab, &p, false);
        pair_shake(&p);
        for (size_t j = 0; j < G_N_ELEMENTS(pieces); j++) {
            carry(p.client, p.server, MUCH, pieces[j]);
            carry(p.server, p.client, MUCH, pieces[j]);
        }
        assert_true(side(p.client)->out.own && side(p.client)->in.own);
        assert_true(side(p.server)->out.own && side(p.server)->in.own);
        pair_fini(&p);
    }
    lab->priority = NULL;
}

static void others_are_left_to_gnutls(void **state)
{
    static const char *const priorities[] = { "NORMAL:-VERS-ALL:+VERS-TLS1.2",
                                              "NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+AES-128-CCM" };
    struct lab *lab = *state;

    for (size_t i = 0; i < G_N_ELEMENTS(priorities); i++) {
        struct pair p;

        lab->priority = priorities[i];
        pair_init(lab, &p, false);
        pair_shake(&p);
        carry(p.client, p.server, MUCH, 40001);
        carry(p.server, p.client, MUCH, 40001);
        assert_false(side(p.client)->out.own || side(p.server)->in.own);
        pair_fini(&p);
    }
    lab->priority = NULL;
}

static uint64_t counter(struct fl_tls *tls, bool in)
{
    unsigned char seq[8];
    uint64_t n = 0;

    assert_int_equal(gnutls_record_get_state(tls->session, in, NULL, NULL, NULL, seq), 0);
    for (int i = 0; i < 8; i++)
        n = n << 8 | seq[i];
    return n;
}

static void a_counter_is_never_used_twice(void **state)
{
    struct pair p;
    struct fl_tls *client, *server;
    uint64_t before;
    char buf[8];

    pair_init(*state, &p, false);
    pair_shake(&p);
    client = side(p.client);
    server = side(p.server);
    carry(p.client, p.server, MUCH, MUCH);
    before = client->out.seq;
    assert_true(before >= MUCH / FL_TLS_RECORD);
    assert_int_equal(server->in.seq, before);
    assert_int_equal(fl_tls_keys_lend(client, false), 0);
    assert_int_equal(counter(client, false), before); /* GnuTLS goes on where we were */
    assert_int_equal(fl_transport_write(p.client, "\377a", 2), 2);
    assert_int_equal(counter(client, false), before + 1);
    fl_tls_keys_take(client, false);
    assert_int_equal(client->out.seq, before + 1);
    fl_tls_keys_take(client, false); /* once more is nothing */
    assert_int_equal(client->out.seq, before + 1);
    assert_int_equal(fl_transport_read(p.server, buf, sizeof(buf)), 2);
    assert_memory_equal(buf, "\377a", 2);
    carry(p.client, p.server, MUCH, 40001);
    pair_fini(&p);
}

/* "hello" and what else waits. */
static void read_hello(struct fl_transport *from, struct fl_transport *to)
{
    char buf[64];

    assert_int_equal(fl_transport_write(from, "\377hello", 6), 6);
    assert_int_equal(fl_transport_read(to, buf, sizeof(buf)), 6);
    assert_memory_equal(buf, "\377hello", 6);
}

static void keys_change_on_the_way(void **state)
{
    struct pair p;

    pair_init(*state, &p, false);
    pair_shake(&p);
    for (int i = 0; i < 4; i++) {
        carry(p.client, p.server, MUCH, 40001);
        carry(p.server, p.client, MUCH, 40001);
        assert_int_equal(fl_tls_keys_lend(side(p.client), false), 0);
        /* With the others asked, too: their next record comes with new keys. */
        assert_int_equal(gnutls_session_key_update(side(p.client)->session, i % 2 ? GNUTLS_KU_PEER : 0), 0);
        assert_int_equal(fl_tls_flush(side(p.client)), 0);
        read_hello(p.client, p.server);
        read_hello(p.server, p.client);
    }
    carry(p.client, p.server, MUCH, 16384);
    carry(p.server, p.client, MUCH, 16384);
    assert_true(side(p.server)->in.own && side(p.client)->in.own);
    pair_fini(&p);
}

static void worn_keys_are_renewed(void **state)
{
    struct pair p;

    pair_init(*state, &p, false);
    pair_shake(&p);
    carry(p.client, p.server, MUCH, MUCH);
    side(p.client)->out.seq = side(p.server)->in.seq = ((uint64_t)1 << 24) - 10;
    carry(p.client, p.server, MUCH, MUCH);
    assert_true(side(p.client)->out.seq < 1000);
    assert_int_equal(side(p.server)->in.seq, side(p.client)->out.seq);
    pair_fini(&p);
}

static void ends_are_seen(void **state)
{
    struct pair p;
    char buf[16];

    pair_init(*state, &p, false);
    pair_shake(&p);
    carry(p.client, p.server, MUCH, MUCH);
    carry(p.server, p.client, MUCH, MUCH);
    assert_int_equal(fl_transport_half_close(p.client), 0); /* the alert goes with the right number */
    assert_int_equal(fl_transport_read(p.server, buf, sizeof(buf)), 0);
    assert_int_equal(fl_transport_write(p.server, "\377x", 2), 2);
    assert_int_equal(fl_transport_read(p.client, buf, sizeof(buf)), 2);
    pair_fini(&p);

    pair_init(*state, &p, false);
    pair_shake(&p);
    carry(p.client, p.server, MUCH, MUCH);
    assert_int_equal(shutdown(p.client->below->fd, SHUT_RDWR), 0); /* without a word */
    assert_int_equal(fl_transport_read(p.server, buf, sizeof(buf)), 0);
    pair_fini(&p);
}

/* One bit anywhere in a record, or a record once more: that ends it. */
static void what_was_touched_is_refused(void **state)
{
    for (int way = 0; way < 4; way++) {
        unsigned char record[256];
        char buf[64];
        struct pair p;
        ssize_t n;

        pair_init(*state, &p, false);
        pair_shake(&p);
        carry(p.client, p.server, MUCH, MUCH);
        assert_int_equal(fl_transport_write(p.client, "\377hello", 6), 6);
        n = recv(p.server->below->fd, record, sizeof(record), 0);
        assert_int_equal(n, FL_TLS_HEADER + 6 + 1 + FL_TLS_TAG);
        if (way < 2)
            record[way ? n - 1 : FL_TLS_HEADER] ^= 1;
        else if (way == 2)
            record[3] = 0xff; /* longer than any */
        assert_int_equal(send(p.client->below->fd, record, (size_t)n, 0), n);
        if (way == 3) {
            assert_int_equal(send(p.client->below->fd, record, (size_t)n, 0), n);
            assert_int_equal(fl_transport_read(p.server, buf, 6), 6);
        }
        assert_int_equal(fl_transport_read(p.server, buf, sizeof(buf)), -1);
        assert_int_equal(fl_transport_read(p.server, buf, sizeof(buf)), -1); /* and stays so */
        pair_fini(&p);
    }
}

/* Sealed by hand: padding, nothing in it, another type. */
static void send_sealed(struct fl_tls *tls, const char *inner, size_t len)
{
    struct fl_tls_keys *k = &tls->out;
    unsigned char out[128] = { 23, 3, 3, 0, (unsigned char)(len + FL_TLS_TAG) }, nonce[12];
    size_t made = sizeof(out) - FL_TLS_HEADER;

    memcpy(nonce, k->iv, sizeof(nonce));
    for (int i = 0; i < 8; i++)
        nonce[4 + i] ^= (unsigned char)(k->seq >> (56 - 8 * i));
    k->seq++;
    assert_int_equal(gnutls_aead_cipher_encrypt(k->aead, nonce, sizeof(nonce), out, FL_TLS_HEADER, FL_TLS_TAG,
                                                inner, len, out + FL_TLS_HEADER, &made),
                     0);
    assert_int_equal(send(tls->t->below->fd, out, FL_TLS_HEADER + made, 0), FL_TLS_HEADER + made);
}

static void odd_records(void **state)
{
    struct pair p;
    char buf[64];

    pair_init(*state, &p, false);
    pair_shake(&p);
    carry(p.client, p.server, MUCH, MUCH);
    send_sealed(side(p.client), "abc\27\0\0\0\0", 8);
    send_sealed(side(p.client), "\27", 1);
    send_sealed(side(p.client), "de\27", 3);
    assert_int_equal(fl_transport_read(p.server, buf, 2), 2);
    assert_int_equal(fl_transport_pending(p.server) > 0, true);
    assert_int_equal(fl_transport_read(p.server, buf + 2, sizeof(buf) - 2), 3);
    assert_memory_equal(buf, "abcde", 5);
    carry(p.client, p.server, MUCH, 40001);
    send_sealed(side(p.client), "\2\50\25", 3); /* a fatal alert: handshake failure */
    assert_int_equal(fl_transport_read(p.server, buf, sizeof(buf)), -1);
    assert_non_null(strstr(fl_error_get()->message, "Handshake failed"));
    pair_fini(&p);

    pair_init(*state, &p, false);
    pair_shake(&p);
    carry(p.client, p.server, MUCH, MUCH);
    send_sealed(side(p.client), "\0\0\0\0", 4); /* no type at all */
    assert_int_equal(fl_transport_read(p.server, buf, sizeof(buf)), -1);
    pair_fini(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(own_records_are_the_same),      cmocka_unit_test(others_are_left_to_gnutls),
        cmocka_unit_test(a_counter_is_never_used_twice), cmocka_unit_test(keys_change_on_the_way),
        cmocka_unit_test(worn_keys_are_renewed),         cmocka_unit_test(ends_are_seen),
        cmocka_unit_test(what_was_touched_is_refused),   cmocka_unit_test(odd_records),
    };

    return cmocka_run_group_tests(tests, lab_setup, lab_teardown);
}
