/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Typed parameters between the public struct and the wire's. Used by the generated stubs, dispatch and
 * events. */
#pragma once

#include <libvirt/libvirt.h>
#include "wire/arena.h"
#include "wire/types.h"

/* Borrows the strings; the array comes from the arena. -1 with the error set: a name too long, a bad type, no
 * room. */
int fl_params_to_wire(virTypedParameterPtr params, int nparams, struct fl_arena *arena, uint32_t *ret_n,
                      struct fl_w_typed_param **ret_w);
/* A new array of n (NULL for 0) with copies of the strings; free with virTypedParamsFree(). */
virTypedParameterPtr fl_params_from_wire(const struct fl_w_typed_param *w, uint32_t n);
/* Into the caller's array, which has room for n. Strings are copies. */
void fl_params_fill(const struct fl_w_typed_param *w, uint32_t n, virTypedParameterPtr params);
