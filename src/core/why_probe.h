/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What an opening without any URI would find. Called by fairlead.c; nothing is opened or started. */
#pragma once

#include <stdbool.h>
#include <glib.h>
#include "uri/route.h"

/* Adds to `items`, three strings each (key, value, why): every socket with its state as "socket candidate",
 * and "would open". */
void fl_why_probe(GPtrArray *items, const struct fl_route *route, bool read_only);
