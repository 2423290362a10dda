/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* GnuTLS for `virsh pki`: loaded when it is asked for, so that no other command pays for it. */
#include "pki.h"
#include "shell.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_CERTS = 64, MAX_BYTES = 1024 * 1024 };

struct fl_gnutls fl_gnutls;

/* NULL, or what is missing. */
static const char *load(void)
{
    void *library = dlopen("libgnutls.so.30", RTLD_NOW | RTLD_LOCAL);

    if (!library)
        return "libgnutls.so.30";
#define LOAD(name)                                                                                           \
    *(void **)&fl_gnutls.name = dlsym(library, #name);                                                       \
    if (!fl_gnutls.name)                                                                                     \
        return #name;
    GNUTLS_FUNCTIONS(LOAD)
#undef LOAD
    fl_gnutls.free = dlsym(library, "gnutls_free");
    if (!fl_gnutls.free)
        return "gnutls_free";
    return NULL;
}

int fl_gnutls_load(struct fl_call *c)
{
    const char *missing = load();

    return missing ? fl_wrong(c, "pki needs the library libgnutls.so.30, and cannot load %s", missing) : 0;
}

int fl_gnutls_try(void)
{
    return load() ? -1 : 0;
}

int fl_gnutls_wrong(struct fl_call *c, const char *what, int status)
{
    return fl_wrong(c, "%s: %s", what, fl_gnutls.gnutls_strerror(status));
}

/* Up to `room` bytes of a file; -1 with errno set. */
static ssize_t read_all(int fd, char *buf, size_t room)
{
    size_t have = 0;

    while (have < room) {
        ssize_t n = read(fd, buf + have, room - have);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        have += (size_t)n;
    }
    return (ssize_t)have;
}

/* Regular files only: a pipe or a device would be waited for. */
static int read_file(const char *path, char **ret_text, gsize *ret_len, char **ret_error)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    ssize_t len = -1;

    *ret_text = NULL;
    if (fd >= 0 && fstat(fd, &st) == 0 && !S_ISREG(st.st_mode)) {
        *ret_error = g_strdup("it is not a regular file");
    } else {
        *ret_text = g_malloc(MAX_BYTES + 1);
        len = fd < 0 ? -1 : read_all(fd, *ret_text, MAX_BYTES + 1);
        if (len < 0)
            *ret_error = g_strdup_printf("it cannot be read: %s", g_strerror(errno));
        else if (len > MAX_BYTES)
            *ret_error = g_strdup("the file is too large");
    }
    if (fd >= 0)
        close(fd);
    if (len >= 0 && len <= MAX_BYTES) {
        (*ret_text)[len] = '\0';
        *ret_len = (gsize)len;
        return 0;
    }
    g_clear_pointer(ret_text, g_free);
    return -1;
}

int fl_certs_read(const char *path, struct fl_certs *ret, char **ret_error)
{
    g_autofree char *text = NULL;
    gsize len;
    gnutls_datum_t data;
    int status;

    *ret = (struct fl_certs){ NULL, 0 };
    if (read_file(path, &text, &len, ret_error) < 0)
        return -1;
    data = (gnutls_datum_t){ (unsigned char *)text, (unsigned int)len };
    status = fl_gnutls.gnutls_x509_crt_list_import2(&ret->list, &ret->n, &data, GNUTLS_X509_FMT_PEM, 0);
    if (status >= 0 && ret->n > 0 && ret->n <= MAX_CERTS)
        return 0;
    if (status >= 0)
        fl_certs_clear(ret);
    *ret = (struct fl_certs){ NULL, 0 };
    *ret_error = g_strdup_printf("no certificate in PEM format: %s",
                                 status < 0 ? fl_gnutls.gnutls_strerror(status) : "none or too many");
    return -1;
}

void fl_certs_clear(struct fl_certs *certs)
{
    for (unsigned int i = 0; i < certs->n; i++)
        fl_gnutls.gnutls_x509_crt_deinit(certs->list[i]);
    if (certs->list)
        (*fl_gnutls.free)(certs->list);
    *certs = (struct fl_certs){ NULL, 0 };
}

int fl_key_read(const char *path, gnutls_x509_privkey_t *ret, char **ret_error)
{
    g_autofree char *text = NULL;
    gsize len;
    gnutls_datum_t data;
    int status;

    if (read_file(path, &text, &len, ret_error) < 0)
        return -1;
    data = (gnutls_datum_t){ (unsigned char *)text, (unsigned int)len };
    status = fl_gnutls.gnutls_x509_privkey_init(ret);
    if (status >= 0)
        status = fl_gnutls.gnutls_x509_privkey_import2(*ret, &data, GNUTLS_X509_FMT_PEM, NULL, 0);
    explicit_bzero(text, len);
    if (status >= 0)
        return 0;
    *ret_error = g_strdup_printf("no private key without a password: %s", fl_gnutls.gnutls_strerror(status));
    return -1;
}

/* What a certificate says goes to the terminal. */
static char *printable(const char *text, size_t len)
{
    char *out = g_utf8_make_valid(text, (gssize)len);

    for (char *p = out; *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            *p = '?';
    return out;
}

static char *name_text(gnutls_x509_crt_t cert, __typeof__(&gnutls_x509_crt_get_dn3) get)
{
    gnutls_datum_t dn = { NULL, 0 };
    char *text;

    /* the order in which lists of allowed names are written */
    if (get(cert, &dn, GNUTLS_X509_DN_FLAG_COMPAT) < 0)
        return g_strdup("");
    text = printable((char *)dn.data, dn.size);
    (*fl_gnutls.free)(dn.data);
    return text;
}

char *fl_cert_subject(gnutls_x509_crt_t cert)
{
    return name_text(cert, fl_gnutls.gnutls_x509_crt_get_dn3);
}

char *fl_cert_issuer(gnutls_x509_crt_t cert)
{
    return name_text(cert, fl_gnutls.gnutls_x509_crt_get_issuer_dn3);
}

static void add_name(GString *out, int type, const char *value, size_t len)
{
    char address[INET6_ADDRSTRLEN];
    g_autofree char *text = NULL;

    if (type == GNUTLS_SAN_DNSNAME)
        text = printable(value, len);
    else if (type == GNUTLS_SAN_IPADDRESS && (len == 4 || len == 16) &&
             inet_ntop(len == 4 ? AF_INET : AF_INET6, value, address, sizeof(address)))
        text = g_strdup(address);
    else
        return;
    g_string_append_printf(out, "%s%s:%s", out->len ? ", " : "", type == GNUTLS_SAN_DNSNAME ? "DNS" : "IP",
                           text);
}

char *fl_cert_names(gnutls_x509_crt_t cert)
{
    GString *out = g_string_new("");

    for (unsigned int i = 0; i < MAX_CERTS; i++) {
        char value[512];
        size_t len = sizeof(value);
        int type = fl_gnutls.gnutls_x509_crt_get_subject_alt_name(cert, i, value, &len, NULL);

        if (type == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
            break;
        if (type >= 0)
            add_name(out, type, value, len);
    }
    return g_string_free(out, FALSE);
}

char *fl_cert_fingerprint(gnutls_x509_crt_t cert)
{
    unsigned char sum[64];
    size_t len = sizeof(sum);
    GString *out = g_string_new("sha256:");

    if (fl_gnutls.gnutls_x509_crt_get_fingerprint(cert, GNUTLS_DIG_SHA256, sum, &len) < 0)
        len = 0;
    for (size_t i = 0; i < len; i++)
        g_string_append_printf(out, "%02x", sum[i]);
    return g_string_free(out, FALSE);
}

char *fl_date(time_t when)
{
    g_autoptr(GDateTime) date = g_date_time_new_from_unix_utc(when);

    return date ? g_date_time_format(date, "%Y-%m-%d %H:%M:%S UTC") : g_strdup("-");
}
