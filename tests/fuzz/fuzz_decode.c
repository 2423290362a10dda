/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libFuzzer target: two bytes choose a wire struct, the rest is decoded as it. What decodes must encode to as
 * many bytes, survive a deep copy and compare equal to it; what does not must say why.
 */
#include <glib.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "wire/types.h"
#include "wire/xdr.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_decoded(unsigned int type, void *value, size_t used)
{
    g_autofree unsigned char *copy = NULL;
    struct fl_writer w;

    fl_writer_init(&w, FL_ARENA_MAX);
    if (fl_xdr_encode(type, value, &w) < 0 || w.len != used)
        abort();
    fl_writer_fini(&w);
    copy = fl_xdr_clone(type, value, 16);
    if (!fl_xdr_equal(type, value, copy + 16))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned char *bytes;
    unsigned int type;
    struct fl_reader r;
    void *value;
    FL_ARENA(arena);

    if (size < 2)
        return 0;
    type = (unsigned int)(data[0] << 8 | data[1]) % fl_xdr_ntypes;
    bytes = malloc(size - 2 + !(size - 2)); /* exactly as long: a byte too far is seen */
    memcpy(bytes, data + 2, size - 2);
    value = g_malloc0(fl_xdr_types[type].size + 1u);
    r = fl_reader_over(bytes, size - 2);
    if (fl_xdr_decode(type, &r, &arena, value) == 0)
        check_decoded(type, value, size - 2 - fl_reader_left(&r));
    else if (fl_error_get()->code != VIR_ERR_RPC)
        abort();
    fl_error_reset();
    g_free(value);
    free(bytes);
    return 0;
}
