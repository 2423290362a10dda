/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Wire structs in memory: deep copies and comparing them. An event that waits to be delivered is such a copy.
 */
#include "wire/xdr.h"

#include <glib.h>
#include <libvirt/libvirt.h>
#include <string.h>
#include "wire/xdr_private.h"

static uint32_t counted(const struct fl_xdr_field *f, const unsigned char *base)
{
    uint32_t n;

    memcpy(&n, base + f->count_offset, 4);
    return n;
}

static bool value_is_string(const struct fl_xdr_field *f, const unsigned char *base)
{
    int32_t type;

    memcpy(&type, base + f->count_offset, 4);
    return type == VIR_TYPED_PARAM_STRING;
}

/* ---- clone: one block holds the struct and everything it points to ---- */

#define ALIGNED(n) (((n) + 7u) & ~(size_t)7u)

static size_t far_struct(const struct fl_xdr_type *t, const unsigned char *base);

static size_t far_string(const char *s)
{
    return s ? ALIGNED(strlen(s) + 1) : 0;
}

static size_t far_elements(const struct fl_xdr_field *f, const unsigned char *at, uint32_t n)
{
    size_t size = 0;

    if (f->kind == FL_XDR_STRING) {
        for (uint32_t i = 0; i < n; i++)
            size += far_string(((char *const *)at)[i]);
    } else if (f->kind == FL_XDR_STRUCT) {
        for (uint32_t i = 0; i < n; i++)
            size += far_struct(&fl_xdr_types[f->type], at + (size_t)i * fl_xdr_types[f->type].size);
    }
    return size;
}

static size_t far_block(const struct fl_xdr_field *f, const unsigned char *far, uint32_t n)
{
    return n && far ? ALIGNED(n * fl_xdr_element_size(f)) + far_elements(f, far, n) : 0;
}

static size_t far_field(const struct fl_xdr_field *f, const unsigned char *base)
{
    const unsigned char *at = base + f->offset;

    switch (f->shape) {
    case FL_XDR_ONE:
        if (f->kind == FL_XDR_VALUE)
            return value_is_string(f, base) ? far_string(*(char *const *)at) : 0;
        return far_elements(f, at, 1);
    case FL_XDR_FIXED:
        return far_elements(f, at, f->limit);
    case FL_XDR_OPTIONAL:
        if (f->kind == FL_XDR_STRING)
            return far_string(*(char *const *)at);
        return far_block(f, *(const unsigned char *const *)at, 1);
    default:
        return far_block(f, *(const unsigned char *const *)at, counted(f, base));
    }
}

/* Bytes behind pointers, each piece aligned. */
static size_t far_struct(const struct fl_xdr_type *t, const unsigned char *base)
{
    size_t size = 0;

    for (unsigned int i = 0; i < t->nfields; i++)
        size += far_field(&fl_xdr_fields[t->first_field + i], base);
    return size;
}

/* The struct's bytes were copied flat; now what its pointers lead to moves behind it, to *end. */
static void own_struct(const struct fl_xdr_type *t, unsigned char *base, unsigned char **end);

static void own_piece(void *pointer, size_t size, unsigned char **end)
{
    void **at = pointer;

    *at = memcpy(*end, *at, size);
    *end += ALIGNED(size);
}

static void own_string(char **at, unsigned char **end)
{
    if (*at)
        own_piece(at, strlen(*at) + 1, end);
}

static void own_elements(const struct fl_xdr_field *f, unsigned char *at, uint32_t n, unsigned char **end)
{
    if (f->kind == FL_XDR_STRING) {
        for (uint32_t i = 0; i < n; i++)
            own_string(&((char **)at)[i], end);
    } else if (f->kind == FL_XDR_STRUCT) {
        for (uint32_t i = 0; i < n; i++)
            own_struct(&fl_xdr_types[f->type], at + (size_t)i * fl_xdr_types[f->type].size, end);
    }
}

static void own_block(const struct fl_xdr_field *f, unsigned char **at, uint32_t n, unsigned char **end)
{
    if (!n || !*at) {
        *at = NULL;
        return;
    }
    own_piece(at, n * fl_xdr_element_size(f), end);
    own_elements(f, *at, n, end);
}

static void own_field(const struct fl_xdr_field *f, unsigned char *base, unsigned char **end)
{
    unsigned char *at = base + f->offset;

    switch (f->shape) {
    case FL_XDR_ONE:
        if (f->kind != FL_XDR_VALUE)
            own_elements(f, at, 1, end);
        else if (value_is_string(f, base))
            own_string((char **)at, end);
        return;
    case FL_XDR_FIXED:
        own_elements(f, at, f->limit, end);
        return;
    case FL_XDR_OPTIONAL:
        if (f->kind == FL_XDR_STRING)
            own_string((char **)at, end);
        else
            own_block(f, (unsigned char **)at, 1, end);
        return;
    default:
        own_block(f, (unsigned char **)at, counted(f, base), end);
    }
}

static void own_struct(const struct fl_xdr_type *t, unsigned char *base, unsigned char **end)
{
    for (unsigned int i = 0; i < t->nfields; i++)
        own_field(&fl_xdr_fields[t->first_field + i], base, end);
}

void *fl_xdr_clone(unsigned int type, const void *data, size_t head)
{
    const struct fl_xdr_type *t = &fl_xdr_types[type];
    unsigned char *block, *end;

    block = g_malloc(head + ALIGNED(t->size) + far_struct(t, data));
    end = block + head + ALIGNED(t->size);
    memcpy(block + head, data, t->size);
    own_struct(t, block + head, &end);
    return block;
}

/* ---- equal ---- */

static bool equal_struct(const struct fl_xdr_type *t, const unsigned char *a, const unsigned char *b);

static bool equal_elements(const struct fl_xdr_field *f, const unsigned char *a, const unsigned char *b,
                           uint32_t n)
{
    size_t size = fl_xdr_element_size(f);

    if (n && (!a || !b))
        return a == b;
    for (uint32_t i = 0; i < n; i++, a += size, b += size) {
        if (f->kind == FL_XDR_STRING) {
            if (g_strcmp0(*(char *const *)a, *(char *const *)b) != 0)
                return false;
        } else if (f->kind == FL_XDR_STRUCT) {
            if (!equal_struct(&fl_xdr_types[f->type], a, b))
                return false;
        } else if (memcmp(a, b, size) != 0) {
            return false;
        }
    }
    return true;
}

static bool equal_typed_value(const struct fl_xdr_field *f, const unsigned char *a, const unsigned char *b)
{
    int32_t type, other;

    memcpy(&type, a + f->count_offset, 4);
    memcpy(&other, b + f->count_offset, 4);
    if (type != other)
        return false;
    a += f->offset;
    b += f->offset;
    if (type == VIR_TYPED_PARAM_STRING)
        return g_strcmp0(*(char *const *)a, *(char *const *)b) == 0;
    if (type == VIR_TYPED_PARAM_LLONG || type == VIR_TYPED_PARAM_ULLONG || type == VIR_TYPED_PARAM_DOUBLE)
        return memcmp(a, b, 8) == 0;
    return memcmp(a, b, 4) == 0;
}

static bool equal_field(const struct fl_xdr_field *f, const unsigned char *a, const unsigned char *b)
{
    const unsigned char *far_a, *far_b;

    if (f->kind == FL_XDR_VALUE)
        return equal_typed_value(f, a, b);
    if (f->shape == FL_XDR_ONE)
        return equal_elements(f, a + f->offset, b + f->offset, 1);
    if (f->shape == FL_XDR_FIXED)
        return equal_elements(f, a + f->offset, b + f->offset, f->limit);
    if (f->shape == FL_XDR_OPTIONAL && f->kind == FL_XDR_STRING)
        return equal_elements(f, a + f->offset, b + f->offset, 1);
    far_a = *(const unsigned char *const *)(a + f->offset);
    far_b = *(const unsigned char *const *)(b + f->offset);
    if (f->shape == FL_XDR_OPTIONAL)
        return (!far_a == !far_b) && (!far_a || equal_elements(f, far_a, far_b, 1));
    return counted(f, a) == counted(f, b) && equal_elements(f, far_a, far_b, counted(f, a));
}

static bool equal_struct(const struct fl_xdr_type *t, const unsigned char *a, const unsigned char *b)
{
    for (unsigned int i = 0; i < t->nfields; i++) {
        if (!equal_field(&fl_xdr_fields[t->first_field + i], a, b))
            return false;
    }
    return true;
}

bool fl_xdr_equal(unsigned int type, const void *a, const void *b)
{
    return type < fl_xdr_ntypes && equal_struct(&fl_xdr_types[type], a, b);
}
