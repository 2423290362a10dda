/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* tls_fingerprint=sha256:HEX: the one certificate a server may show, whoever signed it. */
#define FL_FROM VIR_FROM_REMOTE
#include <string.h>

#include "base/error.h"
#include "transport/tls_pin.h"

static int bad(const char *text, const char *why)
{
    return fl_error(VIR_ERR_INVALID_ARG,
                    "tls_fingerprint='%.200s' %s; expected sha256: and 64 hexadecimal digits, as `certtool "
                    "--fingerprint --hash sha256` prints them",
                    text, why);
}

int fl_tls_fingerprint_parse(const char *text, unsigned char ret_sum[FL_TLS_SUM])
{
    const char *p = text;
    unsigned char sum[FL_TLS_SUM];

    if (g_ascii_strncasecmp(p, "sha256:", 7) != 0)
        return bad(text, "does not begin with sha256:");
    p += 7;
    for (size_t i = 0; i < FL_TLS_SUM; i++) {
        if (i > 0 && *p == ':')
            p++;
        int high = g_ascii_xdigit_value(p[0]);
        int low = high < 0 ? -1 : g_ascii_xdigit_value(p[1]);
        if (low < 0)
            return bad(text, *p && high < 0 ? "has a character that is no digit" : "is too short");
        sum[i] = (unsigned char)(high << 4 | low);
        p += 2;
    }
    if (*p)
        return bad(text, "is too long");
    memcpy(ret_sum, sum, sizeof(sum));
    return 0;
}

char *fl_tls_fingerprint_format(const unsigned char sum[FL_TLS_SUM])
{
    GString *out = g_string_new("sha256:");

    for (size_t i = 0; i < FL_TLS_SUM; i++)
        g_string_append_printf(out, "%02x", sum[i]);
    return g_string_free(out, FALSE);
}
