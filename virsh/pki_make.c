/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An authority of one's own, and keys with certificates signed by it. */
#include "pki.h"
#include "shell.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    CA_DAYS = 3650,
    DAYS = 1095,
    MAX_DAYS = 36500,
    SKEW_SECONDS = 3600,
    NAME_MAX_CHARS = 64,
    RSA_BITS = 3072
};

/* One certificate with its key on the way to files. */
struct work {
    gnutls_x509_crt_t cert;
    gnutls_x509_privkey_t key;
    gnutls_datum_t cert_text, key_text;
};

static void work_clear(struct work *w)
{
    if (w->cert)
        fl_gnutls.gnutls_x509_crt_deinit(w->cert);
    if (w->key)
        fl_gnutls.gnutls_x509_privkey_deinit(w->key);
    if (w->cert_text.data)
        (*fl_gnutls.free)(w->cert_text.data);
    if (w->key_text.data) {
        memset(w->key_text.data, 0, w->key_text.size);
        (*fl_gnutls.free)(w->key_text.data);
    }
    memset(w, 0, sizeof(*w));
}

static int make_key(struct fl_call *c, struct work *w)
{
    int status = fl_gnutls.gnutls_x509_privkey_init(&w->key);

    if (status >= 0 && fl_flag(c, "rsa"))
        status = fl_gnutls.gnutls_x509_privkey_generate(w->key, GNUTLS_PK_RSA, RSA_BITS, 0);
    else if (status >= 0)
        status = fl_gnutls.gnutls_x509_privkey_generate(w->key, GNUTLS_PK_ECDSA,
                                                        GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0);
    return status < 0 ? fl_gnutls_wrong(c, "cannot make a key", status) : 0;
}

static int set_serial(gnutls_x509_crt_t cert)
{
    unsigned char serial[20];
    int status = fl_gnutls.gnutls_rnd(GNUTLS_RND_NONCE, serial, sizeof(serial));

    serial[0] = (serial[0] & 0x3f) | 0x40; /* positive, and always 20 bytes */
    return status < 0 ? status : fl_gnutls.gnutls_x509_crt_set_serial(cert, serial, sizeof(serial));
}

static int set_key_ids(gnutls_x509_crt_t cert, gnutls_x509_crt_t signer)
{
    unsigned char id[64];
    size_t len = sizeof(id);
    int status = fl_gnutls.gnutls_x509_crt_get_key_id(cert, GNUTLS_KEYID_USE_SHA1, id, &len);

    if (status >= 0)
        status = fl_gnutls.gnutls_x509_crt_set_subject_key_id(cert, id, len);
    len = sizeof(id);
    if (status >= 0 && signer != cert) {
        status = fl_gnutls.gnutls_x509_crt_get_key_id(signer, GNUTLS_KEYID_USE_SHA1, id, &len);
        if (status >= 0)
            status = fl_gnutls.gnutls_x509_crt_set_authority_key_id(cert, id, len);
    }
    return status;
}

/* X.509 has 64 characters for a common name; longer names of hosts are common, and are read by their others.
 */
static int check_name(struct fl_call *c, const char *name, glong most)
{
    if (!*name)
        return fl_wrong(c, "a certificate needs a name");
    if (!g_utf8_validate(name, -1, NULL))
        return fl_wrong(c, "the name for a certificate is no UTF-8");
    for (const char *p = name; *p; p = g_utf8_next_char(p))
        if (g_unichar_iscntrl(g_utf8_get_char(p)))
            return fl_wrong(c, "the name for a certificate has a control character in it");
    if (most && g_utf8_strlen(name, -1) > most)
        return fl_wrong(c, "the name for a certificate is longer than %ld characters", most);
    return 0;
}

/* What every certificate has. */
static int begin_cert(struct fl_call *c, struct work *w, const char *name, time_t until, unsigned int usage)
{
    time_t now = time(NULL);
    int status = fl_gnutls.gnutls_x509_crt_init(&w->cert);

    if (status >= 0)
        status = fl_gnutls.gnutls_x509_crt_set_version(w->cert, 3);
    if (status >= 0)
        status = set_serial(w->cert);
    if (status >= 0)
        status = fl_gnutls.gnutls_x509_crt_set_key(w->cert, w->key);
    if (status >= 0)
        status = fl_gnutls.gnutls_x509_crt_set_dn_by_oid(w->cert, GNUTLS_OID_X520_COMMON_NAME, 0, name,
                                                         (unsigned int)strlen(name));
    if (status >= 0) /* clocks differ a little */
        status = fl_gnutls.gnutls_x509_crt_set_activation_time(w->cert, now - SKEW_SECONDS);
    if (status >= 0)
        status = fl_gnutls.gnutls_x509_crt_set_expiration_time(w->cert, until);
    if (status >= 0)
        status = fl_gnutls.gnutls_x509_crt_set_key_usage(w->cert, usage);
    return status < 0 ? fl_gnutls_wrong(c, "cannot make a certificate", status) : 0;
}

/* The certificate as others will read it: what was set can only be asked then. */
static int read_back(struct work *w)
{
    int status;

    fl_gnutls.gnutls_x509_crt_deinit(w->cert);
    w->cert = NULL;
    status = fl_gnutls.gnutls_x509_crt_init(&w->cert);
    return status < 0 ? status
                      : fl_gnutls.gnutls_x509_crt_import(w->cert, &w->cert_text, GNUTLS_X509_FMT_PEM);
}

static int finish_cert(struct fl_call *c, struct work *w, gnutls_x509_crt_t signer,
                       gnutls_x509_privkey_t signer_key)
{
    int status = set_key_ids(w->cert, signer);

    if (status >= 0)
        status = fl_gnutls.gnutls_x509_crt_sign2(w->cert, signer, signer_key, GNUTLS_DIG_SHA256, 0);
    if (status >= 0)
        status = fl_gnutls.gnutls_x509_crt_export2(w->cert, GNUTLS_X509_FMT_PEM, &w->cert_text);
    if (status >= 0)
        status = fl_gnutls.gnutls_x509_privkey_export2_pkcs8(w->key, GNUTLS_X509_FMT_PEM, NULL,
                                                             GNUTLS_PKCS_PLAIN, &w->key_text);
    if (status >= 0)
        status = read_back(w);
    return status < 0 ? fl_gnutls_wrong(c, "cannot sign the certificate", status) : 0;
}

static int days_given(struct fl_call *c, int otherwise, int *ret)
{
    *ret = otherwise;
    if (fl_arg_int(c, "days", ret) < 0)
        return -1;
    if (*ret < 1 || *ret > MAX_DAYS)
        return fl_wrong(c, "option --days is a number from 1 to %d", MAX_DAYS);
    return 0;
}

static void tell(struct fl_call *c, const char *what, const char *path, gnutls_x509_crt_t cert)
{
    g_autofree char *subject = fl_cert_subject(cert), *print = fl_cert_fingerprint(cert);
    g_autofree char *until = fl_date(fl_gnutls.gnutls_x509_crt_get_expiration_time(cert));

    fl_field(c, 14, what, "file", "%s", path);
    fl_field(c, 14, "Subject:", "subject", "%s", subject);
    fl_field(c, 14, "Valid until:", "valid_until", "%s", until);
    fl_field(c, 14, "Fingerprint:", "fingerprint", "%s", print);
}

int fl_pki_init(struct fl_call *c, const struct fl_pki *pki, const char *name)
{
    struct work w = { NULL };
    g_autofree char *cn =
        name ? g_strdup(name) : g_strdup_printf("libvirt authority of %s", g_get_host_name());
    int days, status = days_given(c, CA_DAYS, &days);

    if (status == 0 && name)
        status = check_name(c, name, NAME_MAX_CHARS);
    if (status == 0)
        status = make_key(c, &w);
    if (status == 0)
        status = begin_cert(c, &w, cn, time(NULL) + (time_t)days * 86400,
                            GNUTLS_KEY_KEY_CERT_SIGN | GNUTLS_KEY_CRL_SIGN);
    if (status == 0 && fl_gnutls.gnutls_x509_crt_set_basic_constraints(w.cert, 1, -1) < 0)
        status = fl_wrong(c, "cannot make an authority's certificate");
    if (status == 0)
        status = finish_cert(c, &w, w.cert, w.key);
    if (status == 0) {
        struct fl_pki_file files[] = {
            { pki->ca_key, (char *)w.key_text.data, w.key_text.size, true },
            { pki->ca_cert, (char *)w.cert_text.data, w.cert_text.size, false },
        };

        status = fl_pki_write(c, files, G_N_ELEMENTS(files), fl_flag(c, "force"));
    }
    if (status == 0) {
        tell(c, "Authority:", pki->ca_cert, w.cert);
        fl_field(c, 14, "Key:", "key_file", "%s", pki->ca_key);
        fl_extra(c, "Keep the key where only you can read it; every host gets a copy of %s\n", pki->ca_cert);
    }
    work_clear(&w);
    return status;
}

/* Names and addresses a client may know the server by. */
static int add_names(struct fl_call *c, gnutls_x509_crt_t cert, char **names)
{
    for (char **n = names; *n; n++) {
        unsigned char address[16];
        int family = strchr(*n, ':') ? AF_INET6 : AF_INET, status;

        if (!**n)
            return fl_wrong(c, "a name of the server is empty");
        if (inet_pton(family, *n, address) == 1)
            status = fl_gnutls.gnutls_x509_crt_set_subject_alt_name(
                cert, GNUTLS_SAN_IPADDRESS, address, family == AF_INET6 ? 16 : 4, GNUTLS_FSAN_APPEND);
        else if (strspn(*n, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_*") !=
                 strlen(*n))
            return fl_wrong(c, "'%s' is neither the name of a host nor an address", *n);
        else
            status = fl_gnutls.gnutls_x509_crt_set_subject_alt_name(
                cert, GNUTLS_SAN_DNSNAME, *n, (unsigned int)strlen(*n), GNUTLS_FSAN_APPEND);
        if (status < 0)
            return fl_gnutls_wrong(c, "cannot write a name into the certificate", status);
    }
    return 0;
}

static int make_leaf(struct fl_call *c, struct work *w, bool server, char **names, char **addresses,
                     const struct fl_certs *ca, gnutls_x509_privkey_t ca_key)
{
    int days, status = days_given(c, DAYS, &days);
    time_t until = time(NULL) + (time_t)days * 86400;
    time_t last = fl_gnutls.gnutls_x509_crt_get_expiration_time(ca->list[0]);

    if (last < time(NULL))
        return fl_wrong(c, "the authority has expired; 'pki init --force' makes a new one");
    if (status == 0)
        status = make_key(c, w);
    if (status == 0) /* Compat: libvirt before 11.6 insists on the second, whatever the kind of key */
        status = begin_cert(c, w, names[0], MIN(until, last),
                            GNUTLS_KEY_DIGITAL_SIGNATURE | GNUTLS_KEY_KEY_ENCIPHERMENT);
    if (status == 0 && (fl_gnutls.gnutls_x509_crt_set_basic_constraints(w->cert, 0, -1) < 0 ||
                        fl_gnutls.gnutls_x509_crt_set_key_purpose_oid(
                            w->cert, server ? GNUTLS_KP_TLS_WWW_SERVER : GNUTLS_KP_TLS_WWW_CLIENT, 0) < 0))
        status = fl_wrong(c, "cannot write the purpose into the certificate");
    if (status == 0 && server)
        status = add_names(c, w->cert, names);
    if (status == 0 && server)
        status = add_names(c, w->cert, addresses);
    return status == 0 ? finish_cert(c, w, ca->list[0], ca_key) : -1;
}

/* A copy of the authority's certificate goes along when it is not there yet. */
static int write_leaf(struct fl_call *c, const struct fl_pki *from, const struct fl_pki *pki, bool server,
                      const struct work *w)
{
    g_autofree char *ca = NULL;
    gsize ca_len = 0;
    struct fl_pki_file files[] = {
        { server ? pki->server_key : pki->client_key, (char *)w->key_text.data, w->key_text.size, true },
        { server ? pki->server_cert : pki->client_cert, (char *)w->cert_text.data, w->cert_text.size, false },
        { pki->ca_cert, NULL, 0, false },
    };

    if (access(pki->ca_cert, F_OK) == 0 && strcmp(from->ca_cert, pki->ca_cert) != 0) {
        g_autofree char *there = NULL;

        if (g_file_get_contents(from->ca_cert, &ca, &ca_len, NULL) &&
            g_file_get_contents(pki->ca_cert, &there, NULL, NULL) && strcmp(ca, there) != 0 &&
            !fl_flag(c, "force"))
            return fl_wrong(c, "'%s' is of another authority; --force replaces it", pki->ca_cert);
    }
    if (access(pki->ca_cert, F_OK) < 0 || (ca && fl_flag(c, "force"))) {
        if (!ca && !g_file_get_contents(from->ca_cert, &ca, &ca_len, NULL))
            return fl_wrong(c, "cannot read '%s'", from->ca_cert);
        files[2].text = ca;
        files[2].len = ca_len;
    }
    return fl_pki_write(c, files, files[2].text ? 3 : 2, fl_flag(c, "force"));
}

static int issue_from(struct fl_call *c, const struct fl_pki *from, const struct fl_pki *pki, bool server)
{
    /* a client has one name, whatever is in it */
    g_auto(GStrv) names = g_strsplit(fl_arg(c, server ? "server" : "client"), ",", server ? -1 : 1);
    g_auto(GStrv) addresses = g_strsplit(fl_arg(c, "ip") ? fl_arg(c, "ip") : "", ",", -1);
    struct fl_certs ca = { NULL, 0 };
    gnutls_x509_privkey_t ca_key = NULL;
    struct work w = { NULL };
    g_autofree char *problem = NULL;
    int status = 0;

    if (check_name(c, names[0] ? names[0] : "", server ? 0 : NAME_MAX_CHARS) < 0)
        return -1;
    for (char **a = addresses; *a; a++) {
        unsigned char address[16];

        if (inet_pton(strchr(*a, ':') ? AF_INET6 : AF_INET, *a, address) != 1)
            return fl_wrong(c, "option --ip: '%s' is no address; host names go with --server", *a);
    }
    if (fl_certs_read(from->ca_cert, &ca, &problem) < 0)
        status = fl_wrong(c, "the authority '%s' cannot be used: %s; 'pki init' makes one", from->ca_cert,
                          problem);
    else if (fl_key_read(from->ca_key, &ca_key, &problem) < 0)
        status = fl_wrong(c, "the authority's key '%s' cannot be used: %s", from->ca_key, problem);
    if (status == 0)
        status = make_leaf(c, &w, server, names, addresses, &ca, ca_key);
    if (status == 0)
        status = write_leaf(c, from, pki, server, &w);
    if (status == 0) {
        g_autofree char *said = fl_cert_names(w.cert);

        tell(c, server ? "Server:" : "Client:", server ? pki->server_cert : pki->client_cert, w.cert);
        if (*said)
            fl_field(c, 14, "Names:", "names", "%s", said);
        fl_field(c, 14, "Key:", "key_file", "%s", server ? pki->server_key : pki->client_key);
    }
    work_clear(&w);
    if (ca_key)
        fl_gnutls.gnutls_x509_privkey_deinit(ca_key);
    fl_certs_clear(&ca);
    return status;
}

int fl_pki_issue(struct fl_call *c, const struct fl_pki *pki)
{
    struct fl_pki from = { .ca_cert = g_strdup(pki->ca_cert), .ca_key = g_strdup(pki->ca_key) };
    const char *ca = fl_arg(c, "ca");
    bool server = fl_arg(c, "server") != NULL, client = fl_arg(c, "client") != NULL;
    int status = 0;

    if (server == client)
        status = fl_wrong(c, "pki issue takes --server NAME or --client NAME%s", server ? ", not both" : "");
    else if (fl_arg(c, "ip") && !server)
        status = fl_wrong(c, "option --ip goes with --server");
    else if (ca)
        status = fl_pki_authority(c, ca, &from);
    if (status == 0)
        status = issue_from(c, &from, pki, server);
    fl_pki_clear(&from);
    return status;
}
