/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Typed parameters: building and checking lists inside the library. The public calls are typedparam_api.c. */
#define FL_FROM VIR_FROM_NONE
#include "core/typedparam.h"

#include <string.h>

#include "base/error.h"

#define PARAMS_MAX 65536 /* in one list; the wire allows far fewer */

const char *fl_param_type_name(int type)
{
    static const char *const names[] = { "unknown", "int",    "uint",    "llong",
                                         "ullong",  "double", "boolean", "string" };
    return type > 0 && type < (int)G_N_ELEMENTS(names) ? names[type] : names[0];
}

virTypedParameterPtr fl_params_add(struct fl_params *p, const char *name, int type)
{
    if (!name)
        return fl_error_null(VIR_ERR_INVALID_ARG, "a typed parameter needs a name");
    size_t length = strlen(name);
    if (length >= VIR_TYPED_PARAM_FIELD_LENGTH)
        return fl_error_null(VIR_ERR_INTERNAL_ERROR, "parameter name '%s' is longer than %d bytes", name,
                             VIR_TYPED_PARAM_FIELD_LENGTH - 1);
    if (p->n >= PARAMS_MAX)
        return fl_error_null(VIR_ERR_OVERFLOW, "more than %d typed parameters", PARAMS_MAX);
    if (p->n >= p->room) {
        p->room = p->n + p->n / 2 + 4;
        p->list = g_renew(virTypedParameter, p->list, p->room);
    }
    virTypedParameterPtr param = &p->list[p->n++];
    memset(param, 0, sizeof(*param));
    memcpy(param->field, name, length);
    param->type = type;
    return param;
}

#define DEFINE_ADD(suffix, ctype, TYPE, member)                                                              \
    int fl_params_add_##suffix(struct fl_params *p, const char *name, ctype value)                           \
    {                                                                                                        \
        virTypedParameterPtr param = fl_params_add(p, name, VIR_TYPED_PARAM_##TYPE);                         \
        if (!param)                                                                                          \
            return -1;                                                                                       \
        param->value.member = value;                                                                         \
        return 0;                                                                                            \
    }
DEFINE_ADD(int, int, INT, i)
DEFINE_ADD(uint, unsigned int, UINT, ui)
DEFINE_ADD(llong, long long, LLONG, l)
DEFINE_ADD(ullong, unsigned long long, ULLONG, ul)
DEFINE_ADD(double, double, DOUBLE, d)
DEFINE_ADD(boolean, bool, BOOLEAN, b)

int fl_params_add_string(struct fl_params *p, const char *name, const char *value)
{
    virTypedParameterPtr param = fl_params_add(p, name, VIR_TYPED_PARAM_STRING);
    if (!param)
        return -1;
    param->value.s = g_strdup(value ? value : "");
    return 0;
}

void fl_params_fini(struct fl_params *p)
{
    for (int i = 0; i < p->n; i++)
        if (p->list[i].type == VIR_TYPED_PARAM_STRING)
            g_free(p->list[i].value.s);
    g_free(p->list);
    memset(p, 0, sizeof(*p));
}

void fl_params_take(struct fl_params *p, virTypedParameterPtr *ret_list, int *ret_n)
{
    *ret_list = p->list;
    *ret_n = p->n;
    memset(p, 0, sizeof(*p));
}

static const struct fl_param_rule *rule_of(const struct fl_param_rule *rules, const char *name)
{
    for (; rules->name; rules++)
        if (strcmp(rules->name, name) == 0)
            return rules;
    return NULL;
}

int fl_params_check(const struct _virTypedParameter *list, int n, const struct fl_param_rule *rules)
{
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
    for (int i = 0; i < n; i++) {
        const struct fl_param_rule *rule = rule_of(rules, list[i].field);
        if (!rule)
            return fl_error(VIR_ERR_ARGUMENT_UNSUPPORTED, "parameter '%s' is not known to this call",
                            list[i].field);
        if (rule->type != list[i].type)
            return fl_error(VIR_ERR_INVALID_ARG, "parameter '%s' has type '%s' where '%s' is expected",
                            list[i].field, fl_param_type_name(list[i].type), fl_param_type_name(rule->type));
        if (!g_hash_table_add(seen, (gpointer)rule->name) && !rule->repeats)
            return fl_error(VIR_ERR_INVALID_ARG, "parameter '%s' is given more than once", list[i].field);
    }
    return 0;
}
