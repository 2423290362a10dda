/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Data records of TLS 1.3 (RFC 8446, 5.2), sealed and opened here with the session's own keys and GnuTLS's
 * own ciphers: from the caller's bytes to what is sent and from what came to the caller's memory, where
 * GnuTLS's record layer has memory of its own for each record, and copies in and out of it. Only for sessions
 * that move much; everything that is not plainly data (alerts, new keys, tickets, what does not open) is
 * GnuTLS's to handle.
 *
 * Each direction's counter has one owner: who takes the keys has it until it is lent back. So no two records
 * are ever sealed with the same number.
 */
#define FL_FROM VIR_FROM_RPC
#include <string.h>

#include "transport/tls_private.h"
#include "wire/cursor.h"

#define TYPE_DATA   23
#define CIPHER_MORE 256                 /* what a sealed record may be longer than its data */
#define REKEY       ((uint64_t)1 << 24) /* RFC 8446, 5.5: AES-GCM is good for a few more under one key */

static struct fl_tls_keys *keys_of(struct fl_tls *tls, bool in)
{
    return in ? &tls->in : &tls->out;
}

static bool is_known(gnutls_cipher_algorithm_t cipher)
{
    return cipher == GNUTLS_CIPHER_AES_256_GCM || cipher == GNUTLS_CIPHER_AES_128_GCM ||
           cipher == GNUTLS_CIPHER_CHACHA20_POLY1305;
}

void fl_tls_keys_take(struct fl_tls *tls, bool in)
{
    struct fl_tls_keys *k = keys_of(tls, in);
    gnutls_cipher_algorithm_t cipher = gnutls_cipher_get(tls->session);
    gnutls_datum_t iv, key;
    unsigned char seq[8];

    if (k->own || gnutls_protocol_get_version(tls->session) != GNUTLS_TLS1_3 || !is_known(cipher))
        return;
    if (gnutls_record_get_state(tls->session, in, NULL, &iv, &key, seq) < 0 || iv.size != sizeof(k->iv))
        return;
    if (gnutls_aead_cipher_init(&k->aead, cipher, &key) < 0)
        return;
    memcpy(k->iv, iv.data, sizeof(k->iv));
    k->seq = (uint64_t)fl_be32(seq) << 32 | fl_be32(seq + 4);
    k->own = true;
}

int fl_tls_keys_lend(struct fl_tls *tls, bool in)
{
    struct fl_tls_keys *k = keys_of(tls, in);
    unsigned char seq[8];
    int rc;

    if (!k->own)
        return 0;
    fl_be32_put(seq, (uint32_t)(k->seq >> 32));
    fl_be32_put(seq + 4, (uint32_t)k->seq);
    rc = gnutls_record_set_state(tls->session, in, seq);
    if (rc < 0) /* the counter stays here: nobody may go on */
        return tls->failed = rc;
    gnutls_aead_cipher_deinit(k->aead);
    gnutls_memset(k, 0, sizeof(*k));
    return 0;
}

void fl_tls_keys_drop(struct fl_tls *tls)
{
    for (int in = 0; in < 2; in++) {
        struct fl_tls_keys *k = keys_of(tls, in);

        if (k->own)
            gnutls_aead_cipher_deinit(k->aead);
        gnutls_memset(k, 0, sizeof(*k));
    }
}

static void make_nonce(const struct fl_tls_keys *k, unsigned char nonce[12])
{
    memcpy(nonce, k->iv, sizeof(k->iv));
    for (unsigned int i = 0; i < 8; i++)
        nonce[4 + i] ^= (unsigned char)(k->seq >> (56 - 8 * i));
}

static void make_header(unsigned char *at, size_t size)
{
    at[0] = TYPE_DATA;
    at[1] = 3; /* "1.2", for whoever looks on */
    at[2] = 3;
    at[3] = (unsigned char)(size >> 8);
    at[4] = (unsigned char)size;
}

int fl_tls_seal(struct fl_tls *tls, const void *data, size_t len)
{
    struct fl_tls_keys *k = &tls->out;
    size_t size = len + 1 + FL_TLS_TAG, made = size;
    unsigned char *at = fl_tls_reserve(tls, FL_TLS_HEADER + size), *body = at + FL_TLS_HEADER;
    unsigned char nonce[12];
    int rc;

    if (!at)
        return GNUTLS_E_PUSH_ERROR;
    make_header(at, size);
    memcpy(body, data, len);
    body[len] = TYPE_DATA;
    make_nonce(k, nonce);
    k->seq++; /* whatever comes of it: never again */
    rc = gnutls_aead_cipher_encrypt(k->aead, nonce, sizeof(nonce), at, FL_TLS_HEADER, FL_TLS_TAG, body,
                                    len + 1, body, &made);
    if (rc < 0)
        return tls->failed = rc;
    tls->tx_len += FL_TLS_HEADER + size;
    return 0;
}

bool fl_tls_is_worn(const struct fl_tls *tls)
{
    return tls->out.own && tls->out.seq >= REKEY;
}

/* The length of what was sealed without the padding, or 0 if it is not data. */
static size_t data_length(const unsigned char *plain, size_t len)
{
    while (len > 0 && plain[len - 1] == 0)
        len--;
    return len > 0 && plain[len - 1] == TYPE_DATA ? len - 1 : 0;
}

size_t fl_tls_record_size(const unsigned char header[FL_TLS_HEADER])
{
    size_t size = (size_t)header[3] << 8 | header[4];

    return size > FL_TLS_RECORD + CIPHER_MORE ? 0 : size;
}

size_t fl_tls_unseal(struct fl_tls *tls, const unsigned char *record, void *plain)
{
    struct fl_tls_keys *k = &tls->in;
    size_t size = fl_tls_record_size(record), len;
    unsigned char nonce[12];

    if (record[0] != TYPE_DATA || size <= FL_TLS_TAG + 1)
        return 0;
    len = size - FL_TLS_TAG;
    make_nonce(k, nonce);
    if (gnutls_aead_cipher_decrypt(k->aead, nonce, sizeof(nonce), record, FL_TLS_HEADER, FL_TLS_TAG,
                                   record + FL_TLS_HEADER, size, plain, &len) < 0)
        return 0;
    len = data_length(plain, len);
    if (len == 0 || len > FL_TLS_RECORD)
        return 0;
    k->seq++;
    return len;
}
