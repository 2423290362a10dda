/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the hand-written calls share: answers that must fit what the caller gave. */
#pragma once

#include <stdint.h>
#include <string.h>
#include <libvirt/libvirt.h>
#include "base/error.h"

/* 0 if `got` elements fit in `room`, else -1 with the error set. */
static inline int fl_remote_fits(const char *what, uint64_t got, uint64_t room)
{
    if (got <= room)
        return 0;
    return fl_error_set(VIR_FROM_REMOTE, VIR_ERR_RPC,
                        "the far side sent %llu %s where at most %llu were asked for",
                        (unsigned long long)got, what, (unsigned long long)room);
}

/* A wire char array into a fixed char array of `size`; always terminated. */
static inline int fl_remote_chars(const char *what, const int8_t *from, uint32_t n, char *to, size_t size)
{
    if (fl_remote_fits(what, n, size) < 0)
        return -1;
    memset(to, 0, size);
    if (n)
        memcpy(to, from, n);
    to[size - 1] = '\0';
    return 0;
}

/* Bytes of a caller's buffer of `room`; what was not sent is zeroed. */
static inline int fl_remote_map(const char *what, const unsigned char *from, uint32_t n, unsigned char *to,
                                uint64_t room)
{
    if (fl_remote_fits(what, n, room) < 0)
        return -1;
    if (!to)
        return 0;
    memset(to, 0, room);
    if (n)
        memcpy(to, from, n);
    return 0;
}
