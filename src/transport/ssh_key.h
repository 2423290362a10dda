/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What can be seen of an ssh key file without its passphrase: whether it has one, and the public half. Pure
 * but for the file. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* A private key that is encrypted: OpenSSH's form, PEM or PKCS#8. */
bool fl_ssh_key_is_locked(const char *text, size_t len);
/* The public key in a private key of OpenSSH's form, or in a line of a .pub file; for g_free(). False: none
 * is to be seen. */
bool fl_ssh_key_public_of(const char *text, size_t len, unsigned char **ret_blob, size_t *ret_len);
/* The same for a file, which may be absent. */
bool fl_ssh_key_public(const char *file, unsigned char **ret_blob, size_t *ret_len);
/* Whether the public key is that of one of these key files. */
bool fl_ssh_key_among(char *const *files, const unsigned char *blob, size_t len);
/* Whether the certificate (both as they go over the wire) is one for this public key. */
bool fl_ssh_key_is_certified(const unsigned char *cert, size_t cert_len, const unsigned char *key,
                             size_t len);
