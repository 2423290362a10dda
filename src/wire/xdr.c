/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The XDR interpreter, encoding half and decoding half: walks the generated tables of wire/types.c. Memory
 * (free, copy, equal) is in xdr_memory.c. Called by rpc/session.c, the client stubs and the daemon's
 * dispatch.
 */
#define FL_FROM VIR_FROM_RPC
#include "wire/xdr.h"

#include <glib.h>
#include <string.h>
#include "base/error.h"
#include "wire/xdr_private.h"

const char *fl_xdr_name(unsigned int type)
{
    return type < fl_xdr_ntypes ? fl_xdr_names + fl_xdr_types[type].name : "(unknown)";
}

size_t fl_xdr_element_size(const struct fl_xdr_field *f)
{
    switch (f->kind) {
    case FL_XDR_HYPER:
    case FL_XDR_UHYPER:
    case FL_XDR_DOUBLE:
        return 8;
    case FL_XDR_CHAR:
    case FL_XDR_OPAQUE:
        return 1;
    case FL_XDR_SHORT:
        return 2;
    case FL_XDR_STRING:
        return sizeof(char *);
    case FL_XDR_STRUCT:
        return fl_xdr_types[f->type].size;
    default:
        return 4;
    }
}

/* Says which field of which struct: "domain_get_info_ret, field 2: ...". */
static int field_error(const struct fl_xdr_type *t, const struct fl_xdr_field *f, const char *text)
{
    return fl_error(VIR_ERR_RPC, "%s, field %d: %s", fl_xdr_names + t->name,
                    (int)(f - &fl_xdr_fields[t->first_field]) + 1, text);
}

static int G_GNUC_PRINTF(3, 4) G_GNUC_NO_INLINE
    bad(const struct fl_xdr_type *t, const struct fl_xdr_field *f, const char *fmt, ...)
{
    char text[200];
    va_list ap;

    va_start(ap, fmt);
    g_vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    return field_error(t, f, text);
}

static uint32_t string_limit(const struct fl_xdr_field *f)
{
    return f->shape == FL_XDR_ONE ? f->limit : f->string_limit;
}

/* ---- encode ---- */

static int encode_struct(const struct fl_xdr_type *t, const unsigned char *base, struct fl_writer *w);

static int encode_string(const struct fl_xdr_type *t, const struct fl_xdr_field *f, const char *s,
                         uint32_t limit, struct fl_writer *w)
{
    size_t len;

    if (!s)
        return bad(t, f, "a string that must be present is missing");
    len = strlen(s);
    if (len > limit)
        return bad(t, f, "string of %zu bytes, the limit is %u", len, limit);
    fl_put_opaque(w, s, len);
    return 0;
}

static int encode_typed_value(const struct fl_xdr_type *t, const struct fl_xdr_field *f,
                              const unsigned char *base, struct fl_writer *w)
{
    const unsigned char *at = base + f->offset;
    int32_t type;
    uint64_t wide;
    uint32_t narrow;

    memcpy(&type, base + f->count_offset, 4);
    fl_put_u32(w, (uint32_t)type);
    switch (type) {
    case VIR_TYPED_PARAM_INT:
    case VIR_TYPED_PARAM_UINT:
    case VIR_TYPED_PARAM_BOOLEAN:
        memcpy(&narrow, at, 4);
        fl_put_u32(w, narrow);
        return 0;
    case VIR_TYPED_PARAM_LLONG:
    case VIR_TYPED_PARAM_ULLONG:
    case VIR_TYPED_PARAM_DOUBLE:
        memcpy(&wide, at, 8);
        fl_put_u64(w, wide);
        return 0;
    case VIR_TYPED_PARAM_STRING:
        return encode_string(t, f, *(char *const *)at, string_limit(f), w);
    default:
        return bad(t, f, "typed parameter of unknown type %d", type);
    }
}

static int encode_value(const struct fl_xdr_type *t, const struct fl_xdr_field *f, const unsigned char *at,
                        const unsigned char *base, struct fl_writer *w)
{
    switch (f->kind) {
    case FL_XDR_INT:
    case FL_XDR_UINT: {
        uint32_t v;
        memcpy(&v, at, 4);
        fl_put_u32(w, v);
        return 0;
    }
    case FL_XDR_HYPER:
    case FL_XDR_UHYPER:
    case FL_XDR_DOUBLE: {
        uint64_t v;
        memcpy(&v, at, 8);
        fl_put_u64(w, v);
        return 0;
    }
    case FL_XDR_CHAR:
        fl_put_u32(w, (uint32_t)(int32_t)(*(const int8_t *)at));
        return 0;
    case FL_XDR_SHORT: {
        int16_t v;
        memcpy(&v, at, 2);
        fl_put_u32(w, (uint32_t)(int32_t)v);
        return 0;
    }
    case FL_XDR_STRING:
        return encode_string(t, f, *(char *const *)at, string_limit(f), w);
    case FL_XDR_STRUCT:
        return encode_struct(&fl_xdr_types[f->type], at, w);
    case FL_XDR_VALUE:
        return encode_typed_value(t, f, base, w);
    default:
        return bad(t, f, "the table has no such kind (%d)", f->kind);
    }
}

static int encode_elements(const struct fl_xdr_type *t, const struct fl_xdr_field *f, const unsigned char *at,
                           uint32_t n, struct fl_writer *w)
{
    size_t size = fl_xdr_element_size(f);

    if (f->kind == FL_XDR_OPAQUE) {
        fl_put_bytes(w, at, n);
        return 0;
    }
    if (f->kind == FL_XDR_INT || f->kind == FL_XDR_UINT) {
        unsigned char *to = fl_writer_reserve(w, (size_t)n * 4);

        for (uint32_t i = 0; to && i < n; i++)
            fl_be32_put(to + (size_t)i * 4, ((const uint32_t *)(const void *)at)[i]);
        return fl_done(w);
    }
    for (uint32_t i = 0; i < n; i++, at += size) {
        if (encode_value(t, f, at, NULL, w) < 0)
            return -1;
    }
    return 0;
}

static int encode_field(const struct fl_xdr_type *t, const struct fl_xdr_field *f, const unsigned char *base,
                        struct fl_writer *w)
{
    const unsigned char *at = base + f->offset;
    const unsigned char *far;
    uint32_t n;

    switch (f->shape) {
    case FL_XDR_ONE:
        return encode_value(t, f, at, base, w);
    case FL_XDR_OPTIONAL:
        far = *(const unsigned char *const *)at;
        fl_put_u32(w, far != NULL);
        if (!far)
            return 0;
        return encode_value(t, f, f->kind == FL_XDR_STRING ? at : far, NULL, w);
    case FL_XDR_FIXED:
        return encode_elements(t, f, at, f->limit, w);
    default:
        memcpy(&n, base + f->count_offset, 4);
        if (n > f->limit)
            return bad(t, f, "%u elements, the limit is %u", n, f->limit);
        far = *(const unsigned char *const *)at;
        if (n && !far)
            return bad(t, f, "%u elements are announced and none given", n);
        fl_put_u32(w, n);
        return encode_elements(t, f, far, n, w);
    }
}

static int encode_struct(const struct fl_xdr_type *t, const unsigned char *base, struct fl_writer *w)
{
    const struct fl_xdr_field *f = &fl_xdr_fields[t->first_field];

    for (unsigned int i = 0; i < t->nfields; i++, f++) {
        if (encode_field(t, f, base, w) < 0)
            return -1;
    }
    return fl_done(w);
}

int fl_xdr_encode(unsigned int type, const void *data, struct fl_writer *w)
{
    if (w->failed)
        return -1;
    if (type >= fl_xdr_ntypes)
        return fl_error(VIR_ERR_RPC, "no wire struct has the number %u", type);
    if (encode_struct(&fl_xdr_types[type], data, w) < 0) {
        w->failed = true;
        return -1;
    }
    return 0;
}

/* ---- decode ---- */

/* The places of a decode that do not change on the way down. */
struct decode {
    struct fl_reader *r;
    struct fl_arena *arena;
};

static int decode_struct(const struct fl_xdr_type *t, struct decode *d, unsigned char *base);

static int too_short(const struct fl_xdr_type *t, const struct fl_xdr_field *f, const struct decode *d)
{
    return bad(t, f, "the message ends here, %zu bytes are left", fl_reader_left(d->r));
}

/* The bytes lie over their own length word, so a NUL always has room without touching what follows. */
static int decode_string(const struct fl_xdr_type *t, const struct fl_xdr_field *f, struct decode *d,
                         uint32_t limit, char **ret_s)
{
    unsigned char *p = d->r->at;
    uint32_t len;

    if (!fl_get_u32(d->r, &len))
        return too_short(t, f, d);
    if (len > limit)
        return bad(t, f, "string of %u bytes, the limit is %u", len, limit);
    if (((len + 3u) & ~3u) > fl_reader_left(d->r))
        return bad(t, f, "string of %u bytes, the message has %zu left", len, fl_reader_left(d->r));
    if (len && memchr(d->r->at, 0, len))
        return bad(t, f, "string of %u bytes with a NUL inside", len);
    d->r->at += (len + 3u) & ~3u;
    if (len % 4)
        p += 4;
    else
        memmove(p, p + 4, len);
    p[len] = '\0';
    *ret_s = (char *)p;
    return 0;
}

static int decode_bytes(const struct fl_xdr_type *t, const struct fl_xdr_field *f, struct decode *d,
                        uint32_t n, unsigned char **ret_p)
{
    if (fl_reader_left(d->r) < (((size_t)n + 3u) & ~(size_t)3u))
        return bad(t, f, "%u bytes, the message has %zu left", n, fl_reader_left(d->r));
    *ret_p = d->r->at;
    d->r->at += ((size_t)n + 3u) & ~(size_t)3u;
    return 0;
}

static int decode_typed_value(const struct fl_xdr_type *t, const struct fl_xdr_field *f, struct decode *d,
                              unsigned char *base)
{
    unsigned char *at = base + f->offset;
    uint32_t type, narrow;
    uint64_t wide;

    if (!fl_get_u32(d->r, &type))
        return too_short(t, f, d);
    memcpy(base + f->count_offset, &type, 4);
    switch (type) {
    case VIR_TYPED_PARAM_INT:
    case VIR_TYPED_PARAM_UINT:
    case VIR_TYPED_PARAM_BOOLEAN:
        if (!fl_get_u32(d->r, &narrow))
            return too_short(t, f, d);
        memcpy(at, &narrow, 4);
        return 0;
    case VIR_TYPED_PARAM_LLONG:
    case VIR_TYPED_PARAM_ULLONG:
    case VIR_TYPED_PARAM_DOUBLE:
        if (!fl_get_u64(d->r, &wide))
            return too_short(t, f, d);
        memcpy(at, &wide, 8);
        return 0;
    case VIR_TYPED_PARAM_STRING:
        return decode_string(t, f, d, string_limit(f), (char **)at);
    default:
        return bad(t, f, "typed parameter of unknown type %u", type);
    }
}

/* chars and shorts are ints on the wire; both signs of the peer's habit are taken, nothing wider. */
static int decode_small(const struct fl_xdr_type *t, const struct fl_xdr_field *f, struct decode *d,
                        unsigned char *at)
{
    uint32_t raw;
    int32_t v;

    if (!fl_get_u32(d->r, &raw))
        return too_short(t, f, d);
    v = (int32_t)raw;
    if (f->kind == FL_XDR_CHAR ? (v < -128 || v > 255) : (v < -32768 || v > 65535))
        return bad(t, f, "value %d does not fit in %s", v, f->kind == FL_XDR_CHAR ? "8 bits" : "16 bits");
    if (f->kind == FL_XDR_CHAR) {
        *at = (unsigned char)raw;
    } else {
        uint16_t s = (uint16_t)raw;
        memcpy(at, &s, 2);
    }
    return 0;
}

static int decode_value(const struct fl_xdr_type *t, const struct fl_xdr_field *f, struct decode *d,
                        unsigned char *at, unsigned char *base)
{
    switch (f->kind) {
    case FL_XDR_INT:
    case FL_XDR_UINT: {
        uint32_t v;
        if (!fl_get_u32(d->r, &v))
            return too_short(t, f, d);
        memcpy(at, &v, 4);
        return 0;
    }
    case FL_XDR_HYPER:
    case FL_XDR_UHYPER:
    case FL_XDR_DOUBLE: {
        uint64_t v;
        if (!fl_get_u64(d->r, &v))
            return too_short(t, f, d);
        memcpy(at, &v, 8);
        return 0;
    }
    case FL_XDR_CHAR:
    case FL_XDR_SHORT:
        return decode_small(t, f, d, at);
    case FL_XDR_STRING:
        return decode_string(t, f, d, string_limit(f), (char **)at);
    case FL_XDR_STRUCT:
        return decode_struct(&fl_xdr_types[f->type], d, at);
    case FL_XDR_VALUE:
        return decode_typed_value(t, f, d, base);
    default:
        return bad(t, f, "the table has no such kind (%d)", f->kind);
    }
}

static int decode_elements(const struct fl_xdr_type *t, const struct fl_xdr_field *f, struct decode *d,
                           unsigned char *at, uint32_t n)
{
    size_t size = fl_xdr_element_size(f);

    if ((f->kind == FL_XDR_INT || f->kind == FL_XDR_UINT) && fl_reader_left(d->r) / 4 >= n) {
        for (uint32_t i = 0; i < n; i++)
            ((uint32_t *)(void *)at)[i] = fl_be32(d->r->at + (size_t)i * 4);
        d->r->at += (size_t)n * 4;
        return 0;
    }
    for (uint32_t i = 0; i < n; i++, at += size) {
        if (decode_value(t, f, d, at, NULL) < 0)
            return -1;
    }
    return 0;
}

/* Fewest bytes an element takes on the wire; never 0, so a count is always bounded by the bytes behind it. */
static size_t element_min_wire(const struct fl_xdr_field *f)
{
    if (f->kind == FL_XDR_STRUCT)
        return MAX(fl_xdr_types[f->type].min_wire, 4);
    return f->kind == FL_XDR_HYPER || f->kind == FL_XDR_UHYPER || f->kind == FL_XDR_DOUBLE ? 8 : 4;
}

static int decode_counted(const struct fl_xdr_type *t, const struct fl_xdr_field *f, struct decode *d,
                          unsigned char *base)
{
    unsigned char *p = NULL;
    uint32_t n;

    if (!fl_get_u32(d->r, &n))
        return too_short(t, f, d);
    if (n > f->limit)
        return bad(t, f, "%u elements, the limit is %u", n, f->limit);
    if (f->kind == FL_XDR_OPAQUE) {
        if (decode_bytes(t, f, d, n, &p) < 0)
            return -1;
    } else if (n) {
        if (n > fl_reader_left(d->r) / element_min_wire(f))
            return bad(t, f, "%u elements do not fit in the %zu bytes left", n, fl_reader_left(d->r));
        p = fl_arena_alloc(d->arena, n * fl_xdr_element_size(f));
        if (!p)
            return bad(t, f, "%u elements take more memory than one message may (%zu bytes)", n,
                       d->arena->max);
        if (decode_elements(t, f, d, p, n) < 0)
            return -1;
    }
    memcpy(base + f->count_offset, &n, 4);
    *(unsigned char **)(base + f->offset) = p;
    return 0;
}

static int decode_optional(const struct fl_xdr_type *t, const struct fl_xdr_field *f, struct decode *d,
                           unsigned char *base)
{
    unsigned char *p;
    uint32_t there;

    if (!fl_get_u32(d->r, &there))
        return too_short(t, f, d);
    /* Any word but 0 says yes, as in the incumbent: a widespread client in Go sends 0x01000000. */
    if (!there)
        return 0;
    if (f->kind == FL_XDR_STRING)
        return decode_value(t, f, d, base + f->offset, NULL);
    p = fl_arena_alloc(d->arena, fl_xdr_element_size(f));
    if (!p)
        return bad(t, f, "more memory than one message may take (%zu bytes)", d->arena->max);
    *(unsigned char **)(base + f->offset) = p;
    return decode_value(t, f, d, p, NULL);
}

static int decode_field(const struct fl_xdr_type *t, const struct fl_xdr_field *f, struct decode *d,
                        unsigned char *base)
{
    unsigned char *bytes = NULL;

    switch (f->shape) {
    case FL_XDR_ONE:
        return decode_value(t, f, d, base + f->offset, base);
    case FL_XDR_OPTIONAL:
        return decode_optional(t, f, d, base);
    case FL_XDR_FIXED:
        if (f->kind != FL_XDR_OPAQUE)
            return decode_elements(t, f, d, base + f->offset, f->limit);
        if (decode_bytes(t, f, d, f->limit, &bytes) < 0)
            return -1;
        memcpy(base + f->offset, bytes, f->limit);
        return 0;
    default:
        return decode_counted(t, f, d, base);
    }
}

static int decode_struct(const struct fl_xdr_type *t, struct decode *d, unsigned char *base)
{
    const struct fl_xdr_field *f = &fl_xdr_fields[t->first_field];

    for (unsigned int i = 0; i < t->nfields; i++, f++) {
        if (decode_field(t, f, d, base) < 0)
            return -1;
    }
    return 0;
}

int fl_xdr_decode(unsigned int type, struct fl_reader *r, struct fl_arena *arena, void *ret_data)
{
    struct decode d = { .r = r, .arena = arena };

    if (type >= fl_xdr_ntypes)
        return fl_error(VIR_ERR_RPC, "no wire struct has the number %u", type);
    if (!fl_xdr_types[type].nfields)
        return 0;
    memset(ret_data, 0, fl_xdr_types[type].size);
    return decode_struct(&fl_xdr_types[type], &d, ret_data);
}

int fl_xdr_decode_all(unsigned int type, void *bytes, size_t len, struct fl_arena *arena, void *ret_data)
{
    struct fl_reader r = fl_reader_over(bytes, len);

    if (fl_xdr_decode(type, &r, arena, ret_data) < 0)
        return -1;
    if (fl_reader_left(&r))
        return fl_error(VIR_ERR_RPC, "%s: %zu bytes too many in a message of %zu", fl_xdr_name(type),
                        fl_reader_left(&r), len);
    return 0;
}
