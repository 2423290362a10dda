/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* libFuzzer target: any bytes as tls_fingerprint=. What is taken is written so that it reads the same again.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "transport/tls_pin.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *text = g_strndup((const char *)data, size);
    g_autofree char *written = NULL;
    unsigned char sum[FL_TLS_SUM], again[FL_TLS_SUM];

    if (fl_tls_fingerprint_parse(text, sum) < 0) {
        if (fl_error_get()->code != VIR_ERR_INVALID_ARG)
            abort();
        fl_error_reset();
        return 0;
    }
    written = fl_tls_fingerprint_format(sum);
    if (fl_tls_fingerprint_parse(written, again) < 0 || memcmp(sum, again, sizeof(sum)) != 0)
        abort();
    return 0;
}
