/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The TLS layer without a network: both sides over a socket pair in one thread, sockets that take little at a
 * time, frames and records, ends; and what certificates say. The certificates are made here. */
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <glib/gstdio.h>

#include "base/error.h"
#include "base/util.h"
#include "transport/tls_pin.h"
#include "transport/tls_private.h"

#define HOUR 3600

struct lab {
    char *folder, *ca, *server, *client, *key;
    gnutls_x509_privkey_t private;
    gnutls_x509_crt_t ca_cert;
};

/* ---- certificates ---- */

static gnutls_x509_crt_t issue(struct lab *lab, const char *cn, const char *dns, bool ca, time_t end)
{
    static unsigned char serial = 1;
    gnutls_x509_crt_t cert;
    time_t now = time(NULL);

    assert_int_equal(gnutls_x509_crt_init(&cert), 0);
    gnutls_x509_crt_set_version(cert, 3);
    gnutls_x509_crt_set_serial(cert, &serial, 1);
    serial++;
    gnutls_x509_crt_set_activation_time(cert, now - 2 * HOUR);
    gnutls_x509_crt_set_expiration_time(cert, end);
    gnutls_x509_crt_set_dn_by_oid(cert, GNUTLS_OID_X520_ORGANIZATION_NAME, 0, "Unit", 4);
    gnutls_x509_crt_set_dn_by_oid(cert, GNUTLS_OID_X520_COMMON_NAME, 0, cn, (unsigned int)strlen(cn));
    if (dns)
        gnutls_x509_crt_set_subject_alt_name(cert, GNUTLS_SAN_DNSNAME, dns, (unsigned int)strlen(dns),
                                             GNUTLS_FSAN_SET);
    gnutls_x509_crt_set_key(cert, lab->private);
    gnutls_x509_crt_set_basic_constraints(cert, ca, -1);
    gnutls_x509_crt_set_key_usage(cert, ca ? GNUTLS_KEY_KEY_CERT_SIGN : GNUTLS_KEY_DIGITAL_SIGNATURE);
    assert_int_equal(
        gnutls_x509_crt_sign2(cert, ca ? cert : lab->ca_cert, lab->private, GNUTLS_DIG_SHA256, 0), 0);
    return cert;
}

static char *save(struct lab *lab, const char *name, gnutls_x509_crt_t cert)
{
    char *path = g_build_filename(lab->folder, name, NULL);
    gnutls_datum_t out = { 0 };

    if (cert)
        gnutls_x509_crt_export2(cert, GNUTLS_X509_FMT_PEM, &out);
    else
        gnutls_x509_privkey_export2(lab->private, GNUTLS_X509_FMT_PEM, &out);
    assert_true(g_file_set_contents(path, (char *)out.data, (gssize)out.size, NULL));
    gnutls_free(out.data);
    return path;
}

static char *issue_file(struct lab *lab, const char *name, const char *cn, time_t end)
{
    gnutls_x509_crt_t cert = issue(lab, cn, cn, false, end);
    char *path = save(lab, name, cert);

    gnutls_x509_crt_deinit(cert);
    return path;
}

static int setup(void **state)
{
    struct lab *lab = g_new0(struct lab, 1);

    lab->folder = g_dir_make_tmp("fltlsXXXXXX", NULL);
    gnutls_x509_privkey_init(&lab->private);
    assert_int_equal(gnutls_x509_privkey_generate(lab->private, GNUTLS_PK_ECDSA,
                                                  GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0),
                     0);
    lab->ca_cert = issue(lab, "Unit CA", NULL, true, time(NULL) + 9999 * HOUR);
    lab->ca = save(lab, "ca.pem", lab->ca_cert);
    lab->key = save(lab, "key.pem", NULL);
    lab->server = issue_file(lab, "server.pem", "server", time(NULL) + 9999 * HOUR);
    lab->client = issue_file(lab, "client.pem", "client", time(NULL) + 9999 * HOUR);
    *state = lab;
    return 0;
}

static int teardown(void **state)
{
    struct lab *lab = *state;
    char *files[] = { lab->ca, lab->server, lab->client, lab->key };

    for (size_t i = 0; i < G_N_ELEMENTS(files); i++) {
        g_unlink(files[i]);
        g_free(files[i]);
    }
    g_rmdir(lab->folder);
    g_free(lab->folder);
    gnutls_x509_crt_deinit(lab->ca_cert);
    gnutls_x509_privkey_deinit(lab->private);
    g_free(lab);
    return 0;
}

static struct fl_tls_spec spec_for(const struct lab *lab, bool server)
{
    return (struct fl_tls_spec){ .ca = lab->ca,
                                 .cert = server ? lab->server : lab->client,
                                 .key = lab->key,
                                 .priority = "NORMAL",
                                 .server = server,
                                 .sanity = true,
                                 .verify = true };
}

/* ---- two sides ---- */

struct pair {
    struct fl_transport *client, *server;
};

static void little_room(int fd)
{
    int size = 4096;

    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
}

static void pair_init(const struct lab *lab, struct pair *p, bool narrow)
{
    struct fl_tls_spec server = spec_for(lab, true), client = spec_for(lab, false);
    struct fl_tls_creds *sc = fl_tls_creds_new(&server), *cc = fl_tls_creds_new(&client);
    int sv[2];

    assert_non_null(sc);
    assert_non_null(cc);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, sv), 0);
    if (narrow) {
        little_room(sv[0]);
        little_room(sv[1]);
    }
    p->server = fl_tls_accept(sc, fl_transport_from_fd(sv[0]));
    p->client = g_new0(struct fl_transport, 1);
    p->client->ops = &fl_transport_tls;
    p->client->below = fl_transport_from_fd(sv[1]);
    assert_int_equal(fl_tls_attach(p->client, cc), 0);
    fl_tls_creds_unref(sc);
    fl_tls_creds_unref(cc);
}

static void pair_fini(struct pair *p)
{
    fl_transport_free(p->client);
    fl_transport_free(p->server);
}

/* Both sides in turn until both are through. */
static void pair_shake(struct pair *p)
{
    int client = -FL_AGAIN, server = -FL_AGAIN;
    unsigned char byte = 0;

    for (int i = 0; i < 200 && (client || server); i++) {
        if (client)
            client = fl_tls_shake(p->client->priv);
        assert_true(client == 0 || client == -FL_AGAIN);
        if (server)
            server = fl_tls_server_handshake(p->server);
        assert_true(server == 0 || server == -FL_AGAIN);
    }
    assert_int_equal(client, 0);
    assert_int_equal(server, 0);
    assert_int_equal(fl_transport_read(p->client, &byte, 1), 1);
    assert_int_equal(byte, 1);
}

static void hands_are_shaken_and_bytes_pass(void **state)
{
    struct pair p;
    char buf[16];

    pair_init(*state, &p, false);
    assert_int_equal(fl_transport_want(p.server, POLLOUT), POLLIN);
    pair_shake(&p);
    assert_string_equal(fl_tls_server_peer_name(p.server), "O=Unit,CN=client");
    assert_int_equal(fl_transport_read(p.server, buf, sizeof(buf)), -FL_AGAIN);
    assert_int_equal(fl_transport_want(p.server, POLLIN), POLLIN);
    assert_int_equal(fl_transport_write(p.client, "hello", 5), 5);
    assert_int_equal(fl_transport_read(p.server, buf, 2), 2);
    assert_int_equal(fl_transport_pending(p.server), 3); /* the socket is empty by now */
    assert_int_equal(fl_transport_read(p.server, buf + 2, sizeof(buf) - 2), 3);
    assert_memory_equal(buf, "hello", 5);
    assert_int_equal(fl_transport_pending(p.server), 0);

    assert_int_equal(fl_transport_half_close(p.client), 0);
    assert_int_equal(fl_transport_read(p.server, buf, sizeof(buf)), 0);
    assert_int_equal(fl_transport_read(p.server, buf, sizeof(buf)), 0);
    assert_int_equal(fl_transport_write(p.server, "x", 1), 1);
    assert_int_equal(fl_transport_read(p.client, buf, sizeof(buf)), 1);
    fl_transport_close(p.client);
    fl_transport_close(p.client);
    assert_int_equal(fl_transport_read(p.client, buf, 1), -1);
    pair_fini(&p);
}

/* Writes as a client of a transport does: what could not be written is offered again, with more or with less.
 */
static void move(struct pair *p, const unsigned char *data, size_t len)
{
    g_autofree unsigned char *got = g_malloc(len);
    size_t sent = 0, have = 0, refused = 0;

    for (int idle = 0; have < len; idle++) {
        ssize_t n = sent < len ? fl_transport_write(p->client, data + sent,
                                                    MIN(len - sent, refused % 2 ? 3000 : 8192 + refused * 7))
                               : -FL_AGAIN;

        assert_true(n > 0 || n == -FL_AGAIN);
        if (n > 0)
            sent += (size_t)n;
        else
            refused++;
        n = fl_transport_read(p->server, got + have, MIN(len - have, 5000));
        assert_true(n > 0 || n == -FL_AGAIN);
        if (n > 0) {
            have += (size_t)n;
            idle = 0;
        }
        assert_true(idle < 1000);
    }
    assert_true(refused > 0); /* or the test does not test it */
    assert_memory_equal(got, data, len);
}

static void much_goes_through_little_room(void **state)
{
    const size_t len = 700000;
    g_autofree unsigned char *data = g_malloc(len);
    struct pair p;

    for (size_t i = 0; i < len; i++)
        data[i] = (unsigned char)(i * 31 + (i >> 9));
    data[0] = 0xff; /* no frame */
    pair_init(*state, &p, true);
    pair_shake(&p);
    move(&p, data, len);
    pair_fini(&p);

    /* Frames of 30 bytes and of 60000. */
    memset(data, 0, len);
    for (size_t at = 0, big = 0; at + 60000 <= len; big ^= 1) {
        size_t size = big ? 60000 : 30;
        data[at] = 0, data[at + 1] = 0, data[at + 2] = (unsigned char)(size >> 8),
        data[at + 3] = (unsigned char)size;
        at += size;
    }
    pair_init(*state, &p, true);
    pair_shake(&p);
    move(&p, data, len);
    pair_fini(&p);
}

static void large_buffers_are_given_back(void **state)
{
    const size_t len = 1500000;
    g_autofree unsigned char *data = g_malloc0(len);
    struct pair p;

    data[0] = 0xff;
    pair_init(*state, &p, false);
    pair_shake(&p);
    move(&p, data, len);
    const struct fl_tls *server = p.server->priv;
    size_t large = server->rx_room;
    for (int i = 0; i < 600; i++) {
        unsigned char byte = (unsigned char)i, got = 0;
        assert_int_equal(fl_transport_write(p.client, &byte, 1), 1);
        assert_int_equal(fl_transport_read(p.server, &got, 1), 1);
        assert_int_equal(got, byte);
    }
    assert_true(large > 8192);
    assert_true(server->rx_room <= 8192);
    pair_fini(&p);
}

/* What goes over the wire below, as lengths of its records. */
static size_t record_lengths(int fd, size_t lengths[], size_t max)
{
    unsigned char buf[4096];
    ssize_t n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT | MSG_PEEK);
    size_t count = 0;

    for (ssize_t at = 0; at + 5 <= n && count < max; at += 5 + (buf[at + 3] << 8 | buf[at + 4]))
        lengths[count++] = (size_t)(buf[at + 3] << 8 | buf[at + 4]);
    return count;
}

static void a_record_holds_one_frame(void **state)
{
    unsigned char frames[28 + 40 + 28] = { [3] = 28, [28 + 3] = 40, [68 + 3] = 28 };
    size_t lengths[8];
    struct pair p;

    pair_init(*state, &p, false);
    pair_shake(&p);
    assert_int_equal(fl_transport_write(p.client, frames, 30), 30); /* ends within the second one's length */
    assert_int_equal(fl_transport_write(p.client, frames + 30, sizeof(frames) - 30), sizeof(frames) - 30);
    assert_int_equal(record_lengths(p.server->fd, lengths, 8), 4);
    const size_t more = lengths[0] - 28; /* of each record: type and tag */
    assert_int_equal(lengths[1], 2 + more);
    assert_int_equal(lengths[2], 38 + more);
    assert_int_equal(lengths[3], 28 + more);
    pair_fini(&p);
}

static void who_hangs_up_is_noticed(void **state)
{
    struct pair p;
    char buf[8];

    pair_init(*state, &p, false);
    pair_shake(&p);
    assert_int_equal(shutdown(p.client->below->fd, SHUT_RDWR), 0); /* without a word */
    assert_int_equal(fl_transport_read(p.server, buf, sizeof(buf)), 0);
    assert_int_equal(fl_transport_write(p.server, "x", 1), -1);
    pair_fini(&p);

    pair_init(*state, &p, false);
    fl_transport_free(p.client);
    p.client = NULL;
    assert_int_equal(fl_tls_server_handshake(p.server), -1);
    assert_non_null(strstr(fl_error_get()->message, "hung up"));
    pair_fini(&p);
}

static void garbage_ends_the_session(void **state)
{
    struct pair p;
    char buf[8];

    pair_init(*state, &p, false);
    assert_int_equal(write(p.client->below->fd, "GET / HTTP/1.0\r\n\r\n", 18), 18);
    assert_int_equal(fl_tls_server_handshake(p.server), -1);
    assert_int_equal(fl_error_get()->code, VIR_ERR_AUTH_FAILED);
    pair_fini(&p);

    pair_init(*state, &p, false);
    pair_shake(&p);
    assert_int_equal(write(p.client->below->fd, "\27\3\3\0\24aaaaaaaaaaaaaaaaaaaa", 25), 25);
    assert_int_equal(fl_transport_read(p.server, buf, sizeof(buf)), -1);
    assert_int_equal(fl_transport_read(p.server, buf, sizeof(buf)), -1); /* and stays so */
    pair_fini(&p);
}

/* ---- certificates ---- */

/* As one that has come over the wire. */
static gnutls_x509_crt_t received(gnutls_x509_crt_t cert, gnutls_x509_privkey_t key)
{
    gnutls_datum_t der = { 0 };
    gnutls_x509_crt_t other;

    assert_int_equal(gnutls_x509_crt_sign2(cert, cert, key, GNUTLS_DIG_SHA256, 0), 0);
    assert_int_equal(gnutls_x509_crt_export2(cert, GNUTLS_X509_FMT_DER, &der), 0);
    gnutls_x509_crt_deinit(cert);
    gnutls_x509_crt_init(&other);
    assert_int_equal(gnutls_x509_crt_import(other, &der, GNUTLS_X509_FMT_DER), 0);
    gnutls_free(der.data);
    return other;
}

static void names_and_dates_in_words(void **state)
{
    struct lab *lab = *state;
    static const unsigned char v4[] = { 10, 1, 2, 3 }, v6[16] = { [15] = 1 };
    gnutls_x509_crt_t cert = issue(lab, "a\nb", "dns.example", false, time(NULL) + HOUR);

    gnutls_x509_crt_set_subject_alt_name(cert, GNUTLS_SAN_IPADDRESS, v4, sizeof(v4), GNUTLS_FSAN_APPEND);
    gnutls_x509_crt_set_subject_alt_name(cert, GNUTLS_SAN_IPADDRESS, v6, sizeof(v6), GNUTLS_FSAN_APPEND);
    cert = received(cert, lab->private);
    g_autofree char *names = fl_tls_cert_names(cert), *name = fl_tls_cert_name(cert),
                    *dates = fl_tls_cert_dates(cert);
    assert_string_equal(names, "DNS dns.example, IP 10.1.2.3, IP ::1, CN a?b");
    assert_null(strchr(name, '\n'));
    assert_true(g_str_has_suffix(dates, " UTC"));
    g_autofree char *why = fl_tls_verify_reasons(GNUTLS_CERT_EXPIRED | GNUTLS_CERT_REVOKED);
    assert_string_equal(why, "it is revoked; it has expired");
    gnutls_x509_crt_deinit(cert);
}

static void refused(const struct fl_tls_spec *spec, const char *word)
{
    assert_null(fl_tls_creds_new(spec));
    assert_int_equal(fl_error_get()->code, VIR_ERR_SYSTEM_ERROR);
    assert_non_null(strstr(fl_error_get()->message, word));
}

static void our_own_files_are_checked(void **state)
{
    struct lab *lab = *state;
    struct fl_tls_spec good = spec_for(lab, true), spec = good;
    g_autofree char *old = issue_file(lab, "old.pem", "server", time(NULL) - HOUR);
    struct fl_tls_creds *creds;

    spec.cert = old;
    refused(&spec, "has expired");
    spec.sanity = false;
    creds = fl_tls_creds_new(&spec);
    assert_non_null(creds);
    g_autofree char *late = fl_tls_creds_expiry(creds);
    assert_non_null(strstr(late, "old.pem' (O=Unit,CN=server) expired on"));
    fl_tls_creds_unref(creds);
    spec = good;
    spec.cert = lab->ca;
    refused(&spec, "is an authority's");
    spec = good;
    spec.ca = lab->server;
    refused(&spec, "not an authority's");
    spec = good;
    spec.key = "/nowhere/key.pem";
    refused(&spec, "'/nowhere/key.pem'");
    assert_int_equal(fl_error_get()->int1, 2);
    spec = good;
    spec.priority = "NO-SUCH";
    refused(&spec, "'NO-SUCH'");
    g_unlink(old);
}

static void clients_share_what_they_have_read(void **state)
{
    struct lab *lab = *state;
    struct fl_tls_spec spec = spec_for(lab, false);
    struct fl_tls_creds *first = fl_tls_creds_get(&spec), *second = fl_tls_creds_get(&spec), *third;

    assert_non_null(first);
    assert_ptr_equal(first, second);
    g_autofree char *text = NULL;
    assert_true(g_file_get_contents(lab->client, &text, NULL, NULL));
    assert_true(g_file_set_contents(lab->client, text, -1, NULL)); /* another file of the same name */
    third = fl_tls_creds_get(&spec);
    assert_non_null(third);
    assert_ptr_not_equal(first, third);
    fl_tls_creds_unref(first);
    fl_tls_creds_unref(second);
    fl_tls_creds_unref(third);
    for (int i = 0; i < 20; i++) { /* more than are kept */
        g_autofree char *priority = g_strdup_printf("NORMAL%s", i % 2   ? ":-VERS-TLS1.1"
                                                                : i % 3 ? ":-VERS-TLS1.0"
                                                                        : "");
        spec.priority = priority;
        fl_tls_creds_unref(fl_tls_creds_get(&spec));
    }
}

static void fingerprints(void **state)
{
    unsigned char sum[FL_TLS_SUM], again[FL_TLS_SUM];
    const char *text = "sha256:000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1eff";
    static const char *const bad[] = {
        "",
        "sha256",
        "sha256:",
        "sha1:00",
        "sha256:00:",
        "sha256::00",
        "sha256:000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1ef",
        "sha256:000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1eff0",
        "sha256:000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1eff:",
        "sha256:0:00102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1eff",
    };

    assert_int_equal(fl_tls_fingerprint_parse(text, sum), 0);
    assert_int_equal(sum[1], 1);
    assert_int_equal(sum[31], 0xff);
    g_autofree char *out = fl_tls_fingerprint_format(sum);
    assert_string_equal(out, text);
    assert_int_equal(
        fl_tls_fingerprint_parse("SHA256:00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:10:11:12:13:14:15:"
                                 "16:17:18:19:1A:1B:1C:1D:1E:FF",
                                 again),
        0);
    assert_memory_equal(sum, again, sizeof(sum));
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
        assert_int_equal(fl_tls_fingerprint_parse(bad[i], sum), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hands_are_shaken_and_bytes_pass),
        cmocka_unit_test(much_goes_through_little_room),
        cmocka_unit_test(a_record_holds_one_frame),
        cmocka_unit_test(who_hangs_up_is_noticed),
        cmocka_unit_test(garbage_ends_the_session),
        cmocka_unit_test(names_and_dates_in_words),
        cmocka_unit_test(our_own_files_are_checked),
        cmocka_unit_test(clients_share_what_they_have_read),
        cmocka_unit_test(fingerprints),
        cmocka_unit_test(large_buffers_are_given_back),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
