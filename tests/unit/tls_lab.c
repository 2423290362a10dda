/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The certificates and the two sides of tls_lab.h. */
#include "tls_lab.h"

#include <string.h>
#include <sys/socket.h>
#include <glib/gstdio.h>

/* ---- certificates ---- */

gnutls_x509_crt_t lab_issue(struct lab *lab, const char *cn, const char *dns, bool ca, time_t end)
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

char *lab_issue_file(struct lab *lab, const char *name, const char *cn, time_t end)
{
    gnutls_x509_crt_t cert = lab_issue(lab, cn, cn, false, end);
    char *path = save(lab, name, cert);

    gnutls_x509_crt_deinit(cert);
    return path;
}

int lab_setup(void **state)
{
    struct lab *lab = g_new0(struct lab, 1);

    lab->folder = g_dir_make_tmp("fltlsXXXXXX", NULL);
    gnutls_x509_privkey_init(&lab->private);
    assert_int_equal(gnutls_x509_privkey_generate(lab->private, GNUTLS_PK_ECDSA,
                                                  GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0),
                     0);
    lab->ca_cert = lab_issue(lab, "Unit CA", NULL, true, time(NULL) + 9999 * HOUR);
    lab->ca = save(lab, "ca.pem", lab->ca_cert);
    lab->key = save(lab, "key.pem", NULL);
    lab->server = lab_issue_file(lab, "server.pem", "server", time(NULL) + 9999 * HOUR);
    lab->client = lab_issue_file(lab, "client.pem", "client", time(NULL) + 9999 * HOUR);
    *state = lab;
    return 0;
}

int lab_teardown(void **state)
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

struct fl_tls_spec lab_spec_for(const struct lab *lab, bool server)
{
    return (struct fl_tls_spec){ .ca = lab->ca,
                                 .cert = server ? lab->server : lab->client,
                                 .key = lab->key,
                                 .priority = lab->priority ? lab->priority : "NORMAL",
                                 .server = server,
                                 .sanity = true,
                                 .verify = true };
}

/* ---- two sides ---- */

static void little_room(int fd)
{
    int size = 4096;

    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
}

void pair_init(const struct lab *lab, struct pair *p, bool narrow)
{
    struct fl_tls_spec server = lab_spec_for(lab, true), client = lab_spec_for(lab, false);
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

void pair_fini(struct pair *p)
{
    fl_transport_free(p->client);
    fl_transport_free(p->server);
}

/* Both sides in turn until both are through. */
void pair_shake(struct pair *p)
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
