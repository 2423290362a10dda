/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Writer and reader of wire/cursor.h. */
#define FL_FROM VIR_FROM_RPC
#include "wire/cursor.h"

#include <glib.h>
#include <string.h>
#include "base/error.h"

#define WRITER_FIRST 256u

void fl_writer_init(struct fl_writer *w, size_t max)
{
    *w = (struct fl_writer){ .max = max };
}

void fl_writer_fini(struct fl_writer *w)
{
    if (!w)
        return;
    g_free(w->data);
    *w = (struct fl_writer){ .failed = true };
}

static int writer_grow(struct fl_writer *w, size_t len)
{
    size_t cap = w->cap ? w->cap : WRITER_FIRST;

    if (len > w->max || w->len > w->max - len) {
        w->failed = true;
        return fl_error(VIR_ERR_RPC, "message of more than %zu bytes: the limit is %zu", w->len + len,
                        w->max);
    }
    while (cap - w->len < len)
        cap *= 2;
    w->data = g_realloc(w->data, cap);
    w->cap = cap;
    return 0;
}

unsigned char *fl_writer_reserve_more(struct fl_writer *w, size_t len)
{
    unsigned char *p;

    if (w->failed)
        return NULL;
    if ((w->cap - w->len < len || w->max - w->len < len) && writer_grow(w, len) < 0)
        return NULL;
    p = w->data + w->len;
    w->len += len;
    return p;
}

void fl_put_u64(struct fl_writer *w, uint64_t v)
{
    unsigned char *p = fl_writer_reserve(w, 8);

    if (!p)
        return;
    fl_be32_put(p, (uint32_t)(v >> 32));
    fl_be32_put(p + 4, (uint32_t)v);
}

void fl_put_bytes(struct fl_writer *w, const void *data, size_t len)
{
    size_t pad = (4u - len % 4u) % 4u;
    unsigned char *p = fl_writer_reserve(w, len + pad);

    if (!p)
        return;
    if (len)
        memcpy(p, data, len);
    memset(p + len, 0, pad);
}

void fl_put_opaque(struct fl_writer *w, const void *data, size_t len)
{
    fl_put_u32(w, (uint32_t)len);
    fl_put_bytes(w, data, len);
}

bool fl_get_u64(struct fl_reader *r, uint64_t *ret_v)
{
    if (fl_reader_left(r) < 8)
        return false;
    *ret_v = (uint64_t)fl_be32(r->at) << 32 | fl_be32(r->at + 4);
    r->at += 8;
    return true;
}
