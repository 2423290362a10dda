/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Pack and unpack of the frame header, wire/frame.h. */
#include "wire/frame.h"

#include "wire/cursor.h"

void fl_header_pack(unsigned char *at, uint32_t length, const struct fl_header *h)
{
    fl_be32_put(at, length);
    fl_be32_put(at + 4, h->program);
    fl_be32_put(at + 8, h->version);
    fl_be32_put(at + 12, h->procedure);
    fl_be32_put(at + 16, h->type);
    fl_be32_put(at + 20, h->serial);
    fl_be32_put(at + 24, h->status);
}

uint32_t fl_header_unpack(const unsigned char *at, struct fl_header *ret_h)
{
    ret_h->program = fl_be32(at + 4);
    ret_h->version = fl_be32(at + 8);
    ret_h->procedure = fl_be32(at + 12);
    ret_h->type = fl_be32(at + 16);
    ret_h->serial = fl_be32(at + 20);
    ret_h->status = fl_be32(at + 24);
    return fl_be32(at);
}
