/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Typed parameters and strings on their way into a reply. */
#define FL_FROM VIR_FROM_RPC
#include "daemon/reply.h"

#include <string.h>

#include "base/error.h"
#include "core/params.h"

void fl_auto_params_fini(struct fl_auto_params *p)
{
    if (p->list)
        virTypedParamsFree(p->list, p->n);
    p->list = NULL;
    p->n = 0;
}

void fl_auto_params_set(struct fl_auto_params *p, const struct fl_w_typed_param *w, uint32_t n)
{
    p->list = fl_params_from_wire(w, n);
    p->n = (int)n;
}

void fl_auto_params_room(struct fl_auto_params *p, int n)
{
    p->list = n > 0 ? g_new0(virTypedParameter, (size_t)n) : NULL;
    p->n = n;
}

int fl_auto_params_reply(struct fl_auto_params *p, struct fl_arena *arena, uint32_t *ret_n,
                         struct fl_w_typed_param **ret_w)
{
    if (fl_params_to_wire(p->list, p->n, arena, ret_n, ret_w) < 0)
        return -1;
    for (int i = 0; p->list && i < p->n; i++) {
        if (p->list[i].type == VIR_TYPED_PARAM_STRING && p->list[i].value.s)
            fl_arena_adopt(arena, p->list[i].value.s);
    }
    if (p->list)
        fl_arena_adopt(arena, p->list); /* the names lie in it */
    p->list = NULL;
    p->n = 0;
    return 0;
}

int fl_keep_string(struct fl_call *call, char **text)
{
    size_t length;
    char *copy;

    if (!*text)
        return 0;
    length = strlen(*text) + 1;
    copy = fl_keep_room(call, length, 1);
    if (!copy)
        return -1;
    *text = memcpy(copy, *text, length);
    return 0;
}

void *fl_keep_room(struct fl_call *call, size_t count, size_t size)
{
    void *room = fl_arena_alloc(call->arena, count * size);

    if (!room)
        fl_error(VIR_ERR_RPC, "no room for %zu elements in the answer", count);
    return room;
}
