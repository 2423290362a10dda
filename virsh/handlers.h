/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Prototypes of the handlers that commands.def names. */
#pragma once

struct fl_call;

#define GROUP(id, title)
#define ROW(name, handler, flags, options, info) int fl_cmd_##handler(struct fl_call *c);
#define END
#include "commands.def"
#undef GROUP
#undef ROW
#undef END
