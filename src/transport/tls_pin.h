/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The text of tls_fingerprint=. Needs no TLS library: in the library itself, so that a bad one is refused
 * anywhere.
 */
#pragma once

#include <glib.h>

#define FL_TLS_SUM 32 /* bytes of a SHA-256 */

/* "sha256:HEX", capital or small, with or without colons between the bytes. -1 with the error set. */
int fl_tls_fingerprint_parse(const char *text, unsigned char ret_sum[FL_TLS_SUM]);
char *fl_tls_fingerprint_format(const unsigned char sum[FL_TLS_SUM]); /* for g_free() */
