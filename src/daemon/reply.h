/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Helpers of the generated and hand-written procedure functions: typed parameters that clean up after
 * themselves, and results that must live until the answer is encoded. */
#pragma once

#include <stdint.h>
#include <libvirt/libvirt.h>
#include "daemon/call.h"
#include "wire/types.h"

/* A list of typed parameters for a public call; freed at the end of the scope unless it went into the reply.
 */
struct fl_auto_params {
    virTypedParameterPtr list;
    int n;
};
void fl_auto_params_fini(struct fl_auto_params *p);
#define FL_AUTO_PARAMS(name)                                                                                 \
    __attribute__((cleanup(fl_auto_params_fini))) struct fl_auto_params name = { NULL, 0 }

void fl_auto_params_set(struct fl_auto_params *p, const struct fl_w_typed_param *w, uint32_t n);
void fl_auto_params_room(struct fl_auto_params *p, int n); /* n empty ones; NULL for 0 */
/* Into a reply; the arena owns what was in the list. -1 with the error set. */
int fl_auto_params_reply(struct fl_auto_params *p, struct fl_arena *arena, uint32_t *ret_n,
                         struct fl_w_typed_param **ret_w);

/* Replaces *text (NULL stays NULL) by a copy that lives until the answer is sent. -1 with the error set. */
int fl_keep_string(struct fl_call *call, char **text);
/* Zeroed room in the arena for `count` elements; NULL with the error set. */
void *fl_keep_room(struct fl_call *call, size_t count, size_t size);
