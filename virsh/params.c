/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Typed parameters as text, as JSON, and from text. */
#include "shell.h"

#include <stdlib.h>
#include <string.h>

char *fl_param_text(const virTypedParameter *p)
{
    switch (p->type) {
    case VIR_TYPED_PARAM_INT:
        return g_strdup_printf("%d", p->value.i);
    case VIR_TYPED_PARAM_UINT:
        return g_strdup_printf("%u", p->value.ui);
    case VIR_TYPED_PARAM_LLONG:
        return g_strdup_printf("%lld", p->value.l);
    case VIR_TYPED_PARAM_ULLONG:
        return g_strdup_printf("%llu", p->value.ul);
    case VIR_TYPED_PARAM_DOUBLE:
        return g_strdup_printf("%f", p->value.d);
    case VIR_TYPED_PARAM_BOOLEAN:
        return g_strdup(p->value.b ? "yes" : "no");
    case VIR_TYPED_PARAM_STRING:
        return g_strdup(p->value.s);
    }
    return g_strdup_printf("(type %d)", p->type);
}

int fl_param_from_text(struct fl_call *c, virTypedParameterPtr *params, int *n, int *max, const char *name,
                       int type, const char *text)
{
    if (virTypedParamsAddFromString(params, n, max, name, type, text) < 0)
        return fl_fail(c, "'%s' is not a value for '%s'", text, name);
    return 0;
}

void fl_params_json(void *object, virTypedParameterPtr params, int n)
{
    for (int i = 0; i < n; i++) {
        const virTypedParameter *p = &params[i];
        g_autofree char *text = fl_param_text(p);
        g_autofree char *number = g_strdup_printf("%s#", p->field);

        if (p->type == VIR_TYPED_PARAM_STRING && !*p->value.s)
            fl_json_set_text(object, p->field, "-"); /* null */
        else if (p->type == VIR_TYPED_PARAM_STRING)
            fl_json_set(object, p->field, fl_json_string(p->value.s));
        else if (p->type == VIR_TYPED_PARAM_BOOLEAN)
            fl_json_set_bool(object, p->field, p->value.b);
        else if (p->type == VIR_TYPED_PARAM_DOUBLE)
            fl_json_set_double(object, p->field, p->value.d);
        else
            fl_json_set_text(object, number, text);
    }
}
