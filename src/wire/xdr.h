/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * XDR (RFC 4506) by table: every wire struct is a row of fields, one interpreter encodes, decodes and
 * copies them all. The tables (wire/types.h, wire/types.c) are generated from api/; they hold indexes, no
 * pointers, so they need no relocation.
 *
 * In memory a struct is the C struct of wire/types.h:
 *   int/enum -> int32_t, unsigned int -> uint32_t, hyper -> int64_t, unsigned hyper -> uint64_t,
 *   double -> double, char (as XDR int) -> int8_t,
 *   string<>            char *       NUL-terminated, never NULL; optional string: NULL = absent
 *   opaque[n]           unsigned char x[n]
 *   opaque<max>         uint32_t n_x; unsigned char *x;   (counts always precede, named n_<field>)
 *   T x[n]              T x[n]
 *   T x<max>            uint32_t n_x; T *x;
 *   T *x (optional)     T *x         NULL = absent
 *   typed parameter     struct fl_w_typed_param { char *field; int32_t type; union fl_w_value value; }
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum fl_xdr_kind {
    FL_XDR_INT,
    FL_XDR_UINT,
    FL_XDR_HYPER,
    FL_XDR_UHYPER,
    FL_XDR_DOUBLE,
    FL_XDR_CHAR,  /* an int on the wire, int8_t in memory */
    FL_XDR_SHORT, /* an int on the wire, int16_t in memory */
    FL_XDR_STRING,
    FL_XDR_OPAQUE, /* fixed or counted bytes */
    FL_XDR_STRUCT,
    FL_XDR_VALUE, /* the typed-parameter union: an int discriminant (stored as `type` in the struct) then the
                     arm */
};

enum fl_xdr_shape {
    FL_XDR_ONE,
    FL_XDR_OPTIONAL, /* pointer */
    FL_XDR_FIXED,    /* [limit] inline */
    FL_XDR_COUNTED,  /* <limit>: uint32_t count at `count_offset`, pointer at `offset` */
};

struct fl_xdr_field {
    uint8_t kind;          /* enum fl_xdr_kind */
    uint8_t shape;         /* enum fl_xdr_shape */
    uint16_t type;         /* FL_XDR_STRUCT: index into fl_xdr_types */
    uint16_t offset;       /* of the value or pointer in the C struct */
    uint16_t count_offset; /* of the count (COUNTED) or of the discriminant's int32_t (VALUE) */
    uint32_t limit; /* COUNTED: most elements; FIXED: elements; STRING: most bytes (also inside arrays) */
    uint32_t string_limit; /* COUNTED/OPTIONAL/FIXED strings: most bytes of each */
};

struct fl_xdr_type {
    uint16_t size;        /* sizeof the C struct */
    uint16_t first_field; /* into fl_xdr_fields */
    uint16_t nfields;
    uint16_t min_wire; /* fewest bytes one takes on the wire: bounds counts before memory is taken */
    uint32_t name;     /* offset into fl_xdr_names */
};

extern const struct fl_xdr_type fl_xdr_types[];
extern const struct fl_xdr_field fl_xdr_fields[];
extern const char fl_xdr_names[];
extern const unsigned int fl_xdr_ntypes;
#define FL_XDR_VOID 0 /* type index 0: the empty struct, no bytes */

/* The interpreter: xdr.c. All failures are VIR_ERR_RPC and name the struct, the field's place in it and the
 * limit. */

#include "wire/arena.h"
#include "wire/cursor.h"

/* Appends `data`, a struct of `type`, to the writer. -1 with the error set: a limit passed, or the writer
 * full. */
int fl_xdr_encode(unsigned int type, const void *data, struct fl_writer *w);
/*
 * Reads one struct of `type`. Strings and opaques are left where they lie in the reader's bytes, which are
 * changed (a string gets its NUL, moved over its own length word where there is no padding); arrays and
 * optional values come from the arena. So the result lives as long as both. Bytes after the struct stay in
 * the reader. -1 with the error set; `ret_data` then holds nothing to free.
 */
int fl_xdr_decode(unsigned int type, struct fl_reader *r, struct fl_arena *arena, void *ret_data);
/* Decode, and refuse bytes that are left over. */
int fl_xdr_decode_all(unsigned int type, void *bytes, size_t len, struct fl_arena *arena, void *ret_data);
/* A deep copy in one block, `head` bytes into it (a multiple of 16, for the caller's own); g_free() undoes
 * it. */
void *fl_xdr_clone(unsigned int type, const void *data, size_t head);
bool fl_xdr_equal(unsigned int type, const void *a, const void *b);
/* "connect_open_args": for messages. */
const char *fl_xdr_name(unsigned int type);
