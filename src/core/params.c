/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Typed parameters between the public struct and the wire's. See params.h. */
#define FL_FROM VIR_FROM_RPC
#include "core/params.h"

#include <string.h>
#include "base/error.h"

static int value_to_wire(const virTypedParameter *p, struct fl_w_typed_param *w)
{
    switch (p->type) {
    case VIR_TYPED_PARAM_INT:
        w->value.i = p->value.i;
        return 0;
    case VIR_TYPED_PARAM_UINT:
        w->value.ui = p->value.ui;
        return 0;
    case VIR_TYPED_PARAM_LLONG:
        w->value.l = p->value.l;
        return 0;
    case VIR_TYPED_PARAM_ULLONG:
        w->value.ul = p->value.ul;
        return 0;
    case VIR_TYPED_PARAM_DOUBLE:
        w->value.d = p->value.d;
        return 0;
    case VIR_TYPED_PARAM_BOOLEAN:
        w->value.b = p->value.b;
        return 0;
    case VIR_TYPED_PARAM_STRING:
        w->value.s = p->value.s ? p->value.s : (char *)"";
        return 0;
    default:
        return fl_error(VIR_ERR_INVALID_ARG, "parameter '%s' has the unknown type %d", p->field, p->type);
    }
}

int fl_params_to_wire(virTypedParameterPtr params, int nparams, struct fl_arena *arena, uint32_t *ret_n,
                      struct fl_w_typed_param **ret_w)
{
    struct fl_w_typed_param *w;

    if (nparams <= 0 || !params) {
        *ret_n = 0;
        *ret_w = NULL;
        return 0;
    }
    w = fl_arena_alloc(arena, sizeof(*w) * (size_t)nparams);
    if (!w)
        return fl_error(VIR_ERR_RPC, "%d parameters are more than one message holds", nparams);
    for (int i = 0; i < nparams; i++) {
        if (!memchr(params[i].field, 0, VIR_TYPED_PARAM_FIELD_LENGTH))
            return fl_error(VIR_ERR_INVALID_ARG, "the name of parameter %d is not terminated", i);
        w[i].field = params[i].field;
        w[i].type = params[i].type;
        if (value_to_wire(&params[i], &w[i]) < 0)
            return -1;
    }
    *ret_n = (uint32_t)nparams;
    *ret_w = w;
    return 0;
}

void fl_params_fill(const struct fl_w_typed_param *w, uint32_t n, virTypedParameterPtr params)
{
    memset(params, 0, sizeof(*params) * n);
    for (uint32_t i = 0; i < n; i++) {
        memcpy(params[i].field, w[i].field, strnlen(w[i].field, sizeof(params[i].field) - 1));
        params[i].type = w[i].type;
        switch (w[i].type) {
        case VIR_TYPED_PARAM_INT:
            params[i].value.i = w[i].value.i;
            break;
        case VIR_TYPED_PARAM_UINT:
            params[i].value.ui = w[i].value.ui;
            break;
        case VIR_TYPED_PARAM_LLONG:
            params[i].value.l = w[i].value.l;
            break;
        case VIR_TYPED_PARAM_ULLONG:
            params[i].value.ul = w[i].value.ul;
            break;
        case VIR_TYPED_PARAM_DOUBLE:
            params[i].value.d = w[i].value.d;
            break;
        case VIR_TYPED_PARAM_BOOLEAN:
            params[i].value.b = w[i].value.b != 0;
            break;
        default:
            params[i].value.s = g_strdup(w[i].value.s);
            break;
        }
    }
}

virTypedParameterPtr fl_params_from_wire(const struct fl_w_typed_param *w, uint32_t n)
{
    virTypedParameterPtr params = n ? g_new0(virTypedParameter, n) : NULL;

    if (n)
        fl_params_fill(w, n, params);
    return params;
}
