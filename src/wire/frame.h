/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The frame: u32 length (counting itself), six u32 of header, payload. Constants of the wire and pack/unpack
 * of the header; what frames mean to each other is rpc/session.h.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FL_FRAME_PREFIX     28u /* length word and header */
#define FL_FRAME_LENGTH_MIN 28u
#define FL_FRAME_LENGTH_MAX 33554436u /* 4 + 32 MiB */
#define FL_FRAME_STREAM_MAX 262120u   /* data bytes of one stream packet */
#define FL_FRAME_FDS_MAX    32u

#define FL_KEEPALIVE_PROGRAM 0x6b656570u
#define FL_KEEPALIVE_VERSION 1u
#define FL_KEEPALIVE_PING    1u
#define FL_KEEPALIVE_PONG    2u

enum fl_frame_type {
    FL_FRAME_CALL,
    FL_FRAME_REPLY,
    FL_FRAME_MESSAGE, /* event or keepalive: no serial, no answer */
    FL_FRAME_STREAM,
    FL_FRAME_CALL_WITH_FDS,
    FL_FRAME_REPLY_WITH_FDS,
    FL_FRAME_STREAM_HOLE,
};

enum fl_frame_status {
    FL_FRAME_OK,
    FL_FRAME_ERROR,
    FL_FRAME_CONTINUE,
};

struct fl_header {
    uint32_t program;
    uint32_t version;
    uint32_t procedure;
    uint32_t type; /* enum fl_frame_type */
    uint32_t serial;
    uint32_t status; /* enum fl_frame_status */
};

/* Both move FL_FRAME_PREFIX bytes. */
void fl_header_pack(unsigned char *at, uint32_t length, const struct fl_header *h);
uint32_t fl_header_unpack(const unsigned char *at,
                          struct fl_header *ret_h); /* returns the length word, unchecked */
static inline bool fl_frame_length_ok(uint32_t length)
{
    return length >= FL_FRAME_LENGTH_MIN && length <= FL_FRAME_LENGTH_MAX;
}
