/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Key files, from outside (OpenSSH's PROTOCOL.key; RFC 1421 headers; PKCS#8). */
#include "transport/ssh_key.h"
#include "transport/ssh_bytes.h"

#include <glib.h>
#include <stdint.h>
#include <string.h>

#include "base/error.h"
#include "base/util.h"

#define FILE_MAX 65536
#define BEGIN    "-----BEGIN OPENSSH PRIVATE KEY-----"
#define END      "-----END"
#define MAGIC    "openssh-key-v1" /* and its NUL */

/* The bytes between BEGIN and END; NULL: it is not of this form. */
static unsigned char *openssh_bytes(const char *text, size_t len, size_t *ret_len)
{
    const char *begin = g_strstr_len(text, (gssize)len, BEGIN);
    if (!begin)
        return NULL;
    begin += strlen(BEGIN);
    const char *end = g_strstr_len(begin, (gssize)(len - (size_t)(begin - text)), END);
    if (!end)
        return NULL;
    g_autofree char *inner = g_strndup(begin, (gsize)(end - begin));
    return g_base64_decode(inner, ret_len);
}

/* The cipher's name and the first public key. */
static bool openssh_head(const unsigned char *bytes, size_t len, bool *ret_locked,
                         const unsigned char **ret_blob, size_t *ret_blob_len)
{
    struct fl_ssh_bytes c = { bytes, len };
    const unsigned char *cipher, *skip;
    size_t cipher_len, skip_len;
    uint32_t n = 0;

    if (len < sizeof(MAGIC) || memcmp(bytes, MAGIC, sizeof(MAGIC)) != 0)
        return false;
    c.at += sizeof(MAGIC);
    c.left -= sizeof(MAGIC);
    if (!fl_ssh_take_string(&c, &cipher, &cipher_len) || !fl_ssh_take_string(&c, &skip, &skip_len) ||
        !fl_ssh_take_string(&c, &skip, &skip_len) || !fl_ssh_take_number(&c, &n) || n != 1 ||
        !fl_ssh_take_string(&c, ret_blob, ret_blob_len))
        return false;
    *ret_locked = !(cipher_len == 4 && memcmp(cipher, "none", 4) == 0);
    return true;
}

bool fl_ssh_key_is_locked(const char *text, size_t len)
{
    size_t n = 0, blob_len;
    const unsigned char *blob;
    bool locked = false;
    g_autofree unsigned char *bytes = openssh_bytes(text, len, &n);

    if (bytes)
        return openssh_head(bytes, n, &locked, &blob, &blob_len) && locked;
    return g_strstr_len(text, (gssize)len, "BEGIN ENCRYPTED PRIVATE KEY") ||
           (g_strstr_len(text, (gssize)len, "Proc-Type:") && g_strstr_len(text, (gssize)len, "ENCRYPTED"));
}

/* "ssh-ed25519 AAAA... comment" */
static bool public_line(const char *text, size_t len, unsigned char **ret_blob, size_t *ret_len)
{
    g_autofree char *line = g_strndup(text, len);
    line[strcspn(line, "\r\n")] = '\0';
    g_auto(GStrv) words = g_strsplit(line, " ", 3);
    if (!words[0] || !words[1] || !strchr(words[0], '-') || g_str_has_prefix(words[0], "-----"))
        return false;
    *ret_blob = g_base64_decode(words[1], ret_len);
    if (*ret_len > 4)
        return true;
    g_clear_pointer(ret_blob, g_free);
    return false;
}

bool fl_ssh_key_public_of(const char *text, size_t len, unsigned char **ret_blob, size_t *ret_len)
{
    size_t n = 0, blob_len = 0;
    const unsigned char *blob = NULL;
    bool locked;
    g_autofree unsigned char *bytes = openssh_bytes(text, len, &n);

    if (!bytes)
        return public_line(text, len, ret_blob, ret_len);
    if (!openssh_head(bytes, n, &locked, &blob, &blob_len) || blob_len == 0)
        return false;
    *ret_blob = g_memdup2(blob, blob_len);
    *ret_len = blob_len;
    return true;
}

bool fl_ssh_key_public(const char *file, unsigned char **ret_blob, size_t *ret_len)
{
    g_autofree char *text = NULL;
    size_t len = 0;
    FL_ERROR_PRESERVE;
    bool quiet = fl_error_log_quietly(true); /* it is looked for, and need not be there */
    int rc = fl_file_read(file, FILE_MAX, &text, &len);
    fl_error_log_quietly(quiet);
    if (rc < 0)
        return false;
    bool found = fl_ssh_key_public_of(text, len, ret_blob, ret_len);
    explicit_bzero(text, len);
    return found;
}

bool fl_ssh_key_among(char *const *files, const unsigned char *blob, size_t len)
{
    for (char *const *file = files; *file; file++) {
        g_autofree char *pub = g_strconcat(*file, ".pub", NULL);
        g_autofree unsigned char *other = NULL;
        size_t n = 0;
        if ((fl_ssh_key_public(pub, &other, &n) || fl_ssh_key_public(*file, &other, &n)) && n == len &&
            memcmp(other, blob, len) == 0)
            return true;
    }
    return false;
}

/* After its type and a nonce a certificate goes on as the key does after its type. */
bool fl_ssh_key_is_certified(const unsigned char *cert, size_t cert_len, const unsigned char *key, size_t len)
{
    struct fl_ssh_bytes c = { cert, cert_len }, k = { key, len };
    const unsigned char *kind, *type, *nonce;
    size_t kind_len, type_len, nonce_len;

    if (!fl_ssh_take_string(&c, &kind, &kind_len) || !fl_ssh_take_string(&c, &nonce, &nonce_len) ||
        !fl_ssh_take_string(&k, &type, &type_len))
        return false;
    return kind_len > type_len && memcmp(kind, type, type_len) == 0 && kind[type_len] == '-' && k.left > 0 &&
           c.left > k.left && memcmp(c.at, k.at, k.left) == 0;
}
