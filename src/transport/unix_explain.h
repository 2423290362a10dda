/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Why no daemon of this machine answered, and what to do about it. Used by the unix transport. */
#pragma once

#include <stdbool.h>
#include "transport/sockets.h"

/* `errs`: the errno of each socket. Sets the error of the failed connect() that matters most; its text has
 * every socket with its state, what else was found, and one thing to do. Returns -1. */
int fl_unix_failed(const struct fl_sockets *s, const struct fl_route *route, bool read_only, const int *errs);
