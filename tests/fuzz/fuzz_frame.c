/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* libFuzzer target: any bytes as a frame header; packed again they are the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "wire/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned char again[FL_FRAME_PREFIX];
    struct fl_header h;
    uint32_t length;

    if (size < FL_FRAME_PREFIX)
        return 0;
    length = fl_header_unpack(data, &h);
    fl_header_pack(again, length, &h);
    if (memcmp(again, data, FL_FRAME_PREFIX) != 0)
        abort();
    if (fl_frame_length_ok(length) != (length >= 28 && length <= 33554436))
        abort();
    return 0;
}
