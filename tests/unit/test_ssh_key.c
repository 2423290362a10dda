/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Key files seen from outside, and what an ssh agent answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "transport/ssh_agent.h"
#include "transport/ssh_key.h"

/* A private key of OpenSSH's form up to its public half: cipher, KDF, options, one key "abcd". */
static char *openssh_key(const char *cipher, unsigned int keys)
{
    g_autoptr(GByteArray) b = g_byte_array_new();
    const guint8 count[4] = { 0, 0, 0, (guint8)keys }, zero[4] = { 0 };
    const guint8 cipher_len[4] = { 0, 0, 0, (guint8)strlen(cipher) },
                 blob[8] = { 0, 0, 0, 4, 'a', 'b', 'c', 'd' };

    g_byte_array_append(b, (const guint8 *)"openssh-key-v1", 15);
    g_byte_array_append(b, cipher_len, 4);
    g_byte_array_append(b, (const guint8 *)cipher, (guint)strlen(cipher));
    g_byte_array_append(b, zero, 4);
    g_byte_array_append(b, zero, 4);
    g_byte_array_append(b, count, 4);
    g_byte_array_append(b, blob, 8);
    g_autofree char *text = g_base64_encode(b->data, b->len);
    return g_strdup_printf("-----BEGIN OPENSSH PRIVATE KEY-----\n%s\n-----END OPENSSH PRIVATE KEY-----\n",
                           text);
}

static bool locked(const char *text)
{
    return fl_ssh_key_is_locked(text, strlen(text));
}

static void locks_are_seen(void **state)
{
    g_autofree char *open = openssh_key("none", 1), *shut = openssh_key("aes256-ctr", 1);
    (void)state;
    assert_false(locked(open));
    assert_true(locked(shut));
    assert_true(locked("-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: x\n"));
    assert_true(locked("-----BEGIN ENCRYPTED PRIVATE KEY-----\n"));
    assert_false(locked("-----BEGIN RSA PRIVATE KEY-----\nMII\n"));
    assert_false(locked(""));
}

static void public_halves_are_seen(void **state)
{
    unsigned char *blob = NULL;
    size_t len = 0;
    g_autofree char *shut = openssh_key("aes256-ctr", 1), *two = openssh_key("none", 2);
    (void)state;
    assert_true(fl_ssh_key_public_of(shut, strlen(shut), &blob, &len));
    assert_int_equal(len, 4);
    assert_memory_equal(blob, "abcd", 4);
    g_clear_pointer(&blob, g_free);
    assert_false(fl_ssh_key_public_of(two, strlen(two), &blob, &len));
    const char *line = "ssh-ed25519 YWJjZGVm me@here\n";
    assert_true(fl_ssh_key_public_of(line, strlen(line), &blob, &len));
    assert_int_equal(len, 6);
    g_clear_pointer(&blob, g_free);
    /* its one public key is empty */
    const char *empty =
        "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAAA=="
        "\n-----END OPENSSH PRIVATE KEY-----\n";
    assert_false(fl_ssh_key_public_of(empty, strlen(empty), &blob, &len));
    assert_false(fl_ssh_key_public_of("-----BEGIN RSA", 14, &blob, &len));
    assert_false(fl_ssh_key_public_of("ssh-rsa YQ==", 12, &blob, &len));
    assert_false(fl_ssh_key_public("/no/such/file", &blob, &len));
}

static void agents_are_not_believed(void **state)
{
    static const unsigned char good[] = "\x0c\0\0\0\x01\0\0\0\x02kk\0\0\0\x03\x01me";
    GPtrArray *keys = NULL;
    (void)state;
    assert_int_equal(fl_ssh_agent_parse_identities(good, sizeof(good) - 1, &keys), 0);
    assert_int_equal(keys->len, 1);
    const struct fl_ssh_identity *key = g_ptr_array_index(keys, 0);
    assert_int_equal(key->len, 2);
    assert_string_equal(key->comment, " me");
    g_ptr_array_unref(keys);
    for (size_t len = 0; len < sizeof(good) - 1; len++) /* cut off anywhere */
        assert_int_equal(fl_ssh_agent_parse_identities(good, len, &keys), -EPROTO);
    static const unsigned char many[] = "\x0c\xff\xff\xff\xff";
    assert_int_equal(fl_ssh_agent_parse_identities(many, 5, &keys), -EPROTO);
    static const unsigned char no[] = "\x05";
    assert_int_equal(fl_ssh_agent_parse_identities(no, 1, &keys), -EACCES);
}

static void signatures_are_unwrapped(void **state)
{
    static const unsigned char good[] = "\x0e\0\0\0\x0c\0\0\0\x01k\0\0\0\x03sig";
    unsigned char *sig = NULL;
    size_t len = 0;
    (void)state;
    assert_int_equal(fl_ssh_agent_parse_signature(good, sizeof(good) - 1, &sig, &len), 0);
    assert_int_equal(len, 3);
    assert_memory_equal(sig, "sig", 3);
    g_free(sig);
    for (size_t n = 0; n < sizeof(good) - 1; n++)
        assert_int_equal(fl_ssh_agent_parse_signature(good, n, &sig, &len), -EPROTO);
    assert_int_equal(fl_ssh_agent_parse_signature((const unsigned char *)"\x05", 1, &sig, &len), -EACCES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(locks_are_seen),
        cmocka_unit_test(public_halves_are_seen),
        cmocka_unit_test(agents_are_not_believed),
        cmocka_unit_test(signatures_are_unwrapped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
