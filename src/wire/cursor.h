/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Cursors over wire bytes. A writer grows its buffer up to a limit and remembers its first failure, so
 * callers put everything and check once. A reader walks bytes that may be changed in place and never passes
 * their end. Big-endian, units of four bytes (RFC 4506).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fl_writer {
    unsigned char *data;
    size_t len;
    size_t cap;
    size_t max;  /* most bytes ever */
    bool failed; /* sticky; the thread's error was set when it became true */
};

void fl_writer_init(struct fl_writer *w, size_t max);
void fl_writer_fini(struct fl_writer *w);
static inline void fl_writer_reset(struct fl_writer *w)
{
    w->len = 0;
    w->failed = false;
}
unsigned char *fl_writer_reserve_more(struct fl_writer *w, size_t len); /* the rare way of the next */
/* Room for `len` more bytes, advanced over; NULL once failed. */
static inline unsigned char *fl_writer_reserve(struct fl_writer *w, size_t len)
{
    unsigned char *p;

    if (w->failed || w->cap - w->len < len || w->max - w->len < len)
        return fl_writer_reserve_more(w, len);
    p = w->data + w->len;
    w->len += len;
    return p;
}
void fl_put_u64(struct fl_writer *w, uint64_t v);
void fl_put_bytes(struct fl_writer *w, const void *data, size_t len);  /* padded to four, no length word */
void fl_put_opaque(struct fl_writer *w, const void *data, size_t len); /* length word, bytes, padding */
static inline int fl_done(const struct fl_writer *w)
{
    return w->failed ? -1 : 0;
}

struct fl_reader {
    unsigned char *at;
    unsigned char *end;
};

static inline struct fl_reader fl_reader_over(void *data, size_t len)
{
    return (struct fl_reader){ (unsigned char *)data, (unsigned char *)data + len };
}
static inline size_t fl_reader_left(const struct fl_reader *r)
{
    return (size_t)(r->end - r->at);
}
static inline uint32_t fl_be32(const unsigned char *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}
static inline void fl_be32_put(unsigned char *p, uint32_t v)
{
    p[0] = (unsigned char)(v >> 24);
    p[1] = (unsigned char)(v >> 16);
    p[2] = (unsigned char)(v >> 8);
    p[3] = (unsigned char)v;
}

static inline void fl_put_u32(struct fl_writer *w, uint32_t v)
{
    unsigned char *p = fl_writer_reserve(w, 4);

    if (p)
        fl_be32_put(p, v);
}

/* false at the end of the bytes, no error set. */
static inline bool fl_get_u32(struct fl_reader *r, uint32_t *ret_v)
{
    if (fl_reader_left(r) < 4)
        return false;
    *ret_v = fl_be32(r->at);
    r->at += 4;
    return true;
}
bool fl_get_u64(struct fl_reader *r, uint64_t *ret_v);
