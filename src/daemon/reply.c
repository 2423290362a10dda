/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Helpers of the generated dispatch. See reply.h. */
#define FL_FROM VIR_FROM_RPC
#include "daemon/reply.h"

#include <string.h>
#include <glib.h>
#include "base/error.h"

int fl_keep_string(struct fl_call *call, char **s)
{
    size_t len = strlen(*s) + 1;
    char *copy = fl_arena_alloc(call->arena, len);

    if (!copy)
        return fl_error(VIR_ERR_RPC, "no room for a string of %zu bytes", len);
    *s = memcpy(copy, *s, len);
    return 0;
}

void fl_auto_params_fini(struct fl_auto_params *p)
{
    virTypedParamsFree(p->list, p->room < 0 ? p->n : p->room);
}

void fl_auto_params_set(struct fl_auto_params *p, const struct fl_w_typed_param *w, uint32_t n)
{
    p->list = fl_params_from_wire(w, n);
    p->n = (int)n;
}

void fl_auto_params_room(struct fl_auto_params *p, int n)
{
    p->list = n ? g_new0(virTypedParameter, n) : NULL;
    p->n = p->room = n;
}

int fl_auto_params_reply(struct fl_auto_params *p, struct fl_arena *arena, uint32_t *ret_n,
                         struct fl_w_typed_param **ret_w)
{
    if (fl_params_to_wire(p->list, p->n, arena, ret_n, ret_w) < 0)
        return -1;
    for (int i = 0; i < p->n; i++) {
        if (p->list[i].type != VIR_TYPED_PARAM_STRING || !p->list[i].value.s)
            continue;
        fl_arena_adopt(arena, p->list[i].value.s);
        p->list[i].value.s = NULL;
    }
    return 0;
}
