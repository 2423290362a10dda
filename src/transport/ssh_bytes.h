/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reading what ssh packs: numbers of four bytes and strings behind their length (RFC 4251, section 5). Bytes
 * that are not there end it. Used for agents' answers and key files. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fl_ssh_bytes {
    const unsigned char *at;
    size_t left;
};

static inline bool fl_ssh_take_number(struct fl_ssh_bytes *c, uint32_t *ret_n)
{
    if (c->left < 4)
        return false;
    *ret_n = (uint32_t)c->at[0] << 24 | (uint32_t)c->at[1] << 16 | (uint32_t)c->at[2] << 8 | c->at[3];
    c->at += 4;
    c->left -= 4;
    return true;
}

static inline bool fl_ssh_take_string(struct fl_ssh_bytes *c, const unsigned char **ret_text, size_t *ret_len)
{
    uint32_t n = 0;
    if (!fl_ssh_take_number(c, &n) || n > c->left)
        return false;
    *ret_text = c->at;
    *ret_len = n;
    c->at += n;
    c->left -= n;
    return true;
}
