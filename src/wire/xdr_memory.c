/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Heap-owned wire structs: free, deep copy, compare. Results the daemon sends and event payloads are such. */
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

/* ---- free ---- */

static void free_struct(const struct fl_xdr_type *t, unsigned char *base);

static void free_elements(const struct fl_xdr_field *f, unsigned char *at, uint32_t n)
{
    if (f->kind == FL_XDR_STRING) {
        for (uint32_t i = 0; i < n; i++)
            g_free(((char **)at)[i]);
    } else if (f->kind == FL_XDR_STRUCT) {
        for (uint32_t i = 0; i < n; i++)
            free_struct(&fl_xdr_types[f->type], at + (size_t)i * fl_xdr_types[f->type].size);
    }
}

static void free_field(const struct fl_xdr_field *f, unsigned char *base)
{
    unsigned char *at = base + f->offset;
    unsigned char *far;

    switch (f->shape) {
    case FL_XDR_ONE:
        if (f->kind != FL_XDR_VALUE)
            free_elements(f, at, 1);
        else if (value_is_string(f, base))
            g_free(*(char **)at);
        return;
    case FL_XDR_FIXED:
        free_elements(f, at, f->limit);
        return;
    case FL_XDR_OPTIONAL:
        far = *(unsigned char **)at;
        if (far && f->kind == FL_XDR_STRUCT)
            free_elements(f, far, 1);
        g_free(far);
        return;
    default:
        far = *(unsigned char **)at;
        if (far)
            free_elements(f, far, counted(f, base));
        g_free(far);
    }
}

static void free_struct(const struct fl_xdr_type *t, unsigned char *base)
{
    for (unsigned int i = 0; i < t->nfields; i++)
        free_field(&fl_xdr_fields[t->first_field + i], base);
}

void fl_xdr_free(unsigned int type, void *data)
{
    if (!data || type >= fl_xdr_ntypes)
        return;
    free_struct(&fl_xdr_types[type], data);
    if (fl_xdr_types[type].nfields)
        memset(data, 0, fl_xdr_types[type].size);
}

/* ---- copy: the struct's bytes were copied flat; now every pointer in it gets a block of its own ---- */

static void own_struct(const struct fl_xdr_type *t, unsigned char *base);

static void own_elements(const struct fl_xdr_field *f, unsigned char *at, uint32_t n)
{
    if (f->kind == FL_XDR_STRING) {
        for (uint32_t i = 0; i < n; i++)
            ((char **)at)[i] = g_strdup(((char **)at)[i]);
    } else if (f->kind == FL_XDR_STRUCT) {
        for (uint32_t i = 0; i < n; i++)
            own_struct(&fl_xdr_types[f->type], at + (size_t)i * fl_xdr_types[f->type].size);
    }
}

static void own_far(const struct fl_xdr_field *f, unsigned char **at, uint32_t n)
{
    if (!n || !*at) {
        *at = NULL;
        return;
    }
    *at = g_memdup2(*at, n * fl_xdr_element_size(f));
    own_elements(f, *at, n);
}

static void own_field(const struct fl_xdr_field *f, unsigned char *base)
{
    unsigned char *at = base + f->offset;

    switch (f->shape) {
    case FL_XDR_ONE:
        if (f->kind != FL_XDR_VALUE)
            own_elements(f, at, 1);
        else if (value_is_string(f, base))
            *(char **)at = g_strdup(*(char **)at);
        return;
    case FL_XDR_FIXED:
        own_elements(f, at, f->limit);
        return;
    case FL_XDR_OPTIONAL:
        if (f->kind == FL_XDR_STRING)
            *(char **)at = g_strdup(*(char **)at);
        else
            own_far(f, (unsigned char **)at, 1);
        return;
    default:
        own_far(f, (unsigned char **)at, counted(f, base));
    }
}

static void own_struct(const struct fl_xdr_type *t, unsigned char *base)
{
    for (unsigned int i = 0; i < t->nfields; i++)
        own_field(&fl_xdr_fields[t->first_field + i], base);
}

void fl_xdr_copy(unsigned int type, const void *data, void *ret_data)
{
    g_return_if_fail(type < fl_xdr_ntypes);
    if (!fl_xdr_types[type].nfields)
        return;
    memcpy(ret_data, data, fl_xdr_types[type].size);
    own_struct(&fl_xdr_types[type], ret_data);
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
