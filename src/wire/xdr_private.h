/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What xdr.c and xdr_memory.c share. */
#pragma once

#include "wire/xdr.h"

/* Bytes one element of the field takes in memory: in an array, or behind an optional's pointer. */
size_t fl_xdr_element_size(const struct fl_xdr_field *f);
