/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the generated dispatch needs to build answers: strings kept until the answer is encoded, typed parameters in
 * and out. */
#pragma once

#include <libvirt/libvirt.h>
#include "core/params.h"
#include "daemon/call.h"

/* Replaces *s by a copy that lives as long as the call's arena. -1 with the error set when there is no room. */
int fl_keep_string(struct fl_call *call, char **s);

/* Typed parameters owned by a scope. */
struct fl_auto_params {
    virTypedParameterPtr list;
    int n;    /* what the call reports */
    int room; /* entries of `list` to clear; -1: the call allocated the list itself, `n` entries */
};

void fl_auto_params_fini(struct fl_auto_params *p);
#define FL_AUTO_PARAMS(name)                                                                                           \
    struct fl_auto_params name __attribute__((cleanup(fl_auto_params_fini))) = { NULL, 0, -1 }

/* Arguments: copies of what came in. */
void fl_auto_params_set(struct fl_auto_params *p, const struct fl_w_typed_param *w, uint32_t n);
/* Results of a fixed number: room for n; p->n becomes n. */
void fl_auto_params_room(struct fl_auto_params *p, int n);
/* Puts the results into the reply; their strings go over to the arena. */
int fl_auto_params_reply(struct fl_auto_params *p, struct fl_arena *arena, uint32_t *ret_n,
                         struct fl_w_typed_param **ret_w);
