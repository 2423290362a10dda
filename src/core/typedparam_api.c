/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The public virTypedParams*: lookup by name and type, lists that grow, values from text. */
#define FL_FROM VIR_FROM_NONE
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "core/typedparam.h"

static int failed(void)
{
    fl_error_dispatch(NULL);
    return -1;
}

virTypedParameterPtr virTypedParamsGet(virTypedParameterPtr params, int nparams, const char *name)
{
    fl_error_reset();
    if (!params || !name) /* Compat: asking nothing finds nothing */
        return NULL;
    for (int i = 0; i < nparams; i++)
        if (strncmp(params[i].field, name, sizeof(params[i].field)) == 0)
            return &params[i];
    return NULL;
}

/* 1 found, 0 not there, -1 another type. */
static int find(virTypedParameterPtr params, int nparams, const char *name, int type,
                virTypedParameterPtr *ret_param)
{
    virTypedParameterPtr param = virTypedParamsGet(params, nparams, name);
    if (!param)
        return 0;
    if (param->type != type) {
        fl_error(VIR_ERR_INVALID_ARG, "parameter '%s' is of type '%s', not '%s'", name,
                 fl_param_type_name(param->type), fl_param_type_name(type));
        return failed();
    }
    *ret_param = param;
    return 1;
}

#define DEFINE_GET(Suffix, ctype, TYPE, member)                                                              \
    int virTypedParamsGet##Suffix(virTypedParameterPtr params, int nparams, const char *name, ctype *value)  \
    {                                                                                                        \
        virTypedParameterPtr param;                                                                          \
        int r = find(params, nparams, name, VIR_TYPED_PARAM_##TYPE, &param);                                 \
        if (r == 1 && value)                                                                                 \
            *value = param->value.member;                                                                    \
        return r;                                                                                            \
    }
DEFINE_GET(Int, int, INT, i)
DEFINE_GET(UInt, unsigned int, UINT, ui)
DEFINE_GET(LLong, long long, LLONG, l)
DEFINE_GET(ULLong, unsigned long long, ULLONG, ul)
DEFINE_GET(Double, double, DOUBLE, d)
DEFINE_GET(String, const char *, STRING, s)

int virTypedParamsGetBoolean(virTypedParameterPtr params, int nparams, const char *name, int *value)
{
    virTypedParameterPtr param;
    int r = find(params, nparams, name, VIR_TYPED_PARAM_BOOLEAN, &param);
    if (r == 1 && value)
        *value = !!param->value.b;
    return r;
}

/* The caller's three variables as a list; -1 when one is missing. */
static int list_begin(struct fl_params *p, const char *call, virTypedParameterPtr *params, const int *nparams,
                      const int *maxparams)
{
    fl_error_reset();
    if (!params || !nparams || !maxparams) {
        fl_error_set_argument(FL_FROM, VIR_ERR_INVALID_ARG, call,
                              !params    ? "params"
                              : !nparams ? "nparams"
                                         : "maxparams",
                              "must not be NULL");
        return failed();
    }
    *p = (struct fl_params){ *params, *nparams, *maxparams };
    return 0;
}

static int list_end(const struct fl_params *p, virTypedParameterPtr *params, int *nparams, int *maxparams,
                    int result)
{
    *params = p->list;
    *nparams = p->n;
    *maxparams = p->room;
    return result < 0 ? failed() : 0;
}

#define DEFINE_ADD(Suffix, suffix, ctype)                                                                    \
    int virTypedParamsAdd##Suffix(virTypedParameterPtr *params, int *nparams, int *maxparams,                \
                                  const char *name, ctype value)                                             \
    {                                                                                                        \
        struct fl_params p;                                                                                  \
        if (list_begin(&p, __func__, params, nparams, maxparams) < 0)                                        \
            return -1;                                                                                       \
        return list_end(&p, params, nparams, maxparams, fl_params_add_##suffix(&p, name, value));            \
    }
DEFINE_ADD(Int, int, int)
DEFINE_ADD(UInt, uint, unsigned int)
DEFINE_ADD(LLong, llong, long long)
DEFINE_ADD(ULLong, ullong, unsigned long long)
DEFINE_ADD(Double, double, double)
DEFINE_ADD(Boolean, boolean, int)
DEFINE_ADD(String, string, const char *)

int virTypedParamsAddStringList(virTypedParameterPtr *params, int *nparams, int *maxparams, const char *name,
                                const char **values)
{
    struct fl_params p;
    if (list_begin(&p, __func__, params, nparams, maxparams) < 0)
        return -1;
    int r = 0;
    for (; r == 0 && values && *values; values++)
        r = fl_params_add_string(&p, name, *values);
    return list_end(&p, params, nparams, maxparams, r);
}

/* Decimal, all of it. Compat: an unsigned takes "-1" as its largest value. */
static int parse_signed(const char *text, long long min, long long max, long long *ret)
{
    char *end;
    errno = 0;
    long long v = strtoll(text, &end, 10);
    if (errno || end == text || *end || v < min || v > max)
        return -1;
    *ret = v;
    return 0;
}

static int parse_unsigned(const char *text, unsigned long long max, unsigned long long *ret)
{
    char *end;
    errno = 0;
    unsigned long long v = strtoull(text, &end, 10);
    if (errno || end == text || *end)
        return -1;
    if (max == UINT_MAX && v > max && (unsigned long long)-v <= max && strchr(text, '-'))
        v = (unsigned int)v;
    if (v > max)
        return -1;
    *ret = v;
    return 0;
}

static int parse_double(const char *text, double *ret)
{
    char *end;
    errno = 0;
    double v = g_ascii_strtod(text, &end);
    if (errno || end == text || *end)
        return -1;
    *ret = v;
    return 0;
}

static int parse_boolean(const char *text, int *ret)
{
    if (strcmp(text, "1") == 0 || g_ascii_strcasecmp(text, "true") == 0)
        *ret = 1;
    else if (strcmp(text, "0") == 0 || g_ascii_strcasecmp(text, "false") == 0)
        *ret = 0;
    else
        return -1;
    return 0;
}

/* -2: the text does not fit the type. */
static int add_from_text(struct fl_params *p, const char *name, int type, const char *text)
{
    long long l;
    unsigned long long ul;
    double d;
    int b;
    switch (type) {
    case VIR_TYPED_PARAM_INT:
        return parse_signed(text, INT_MIN, INT_MAX, &l) < 0 ? -2 : fl_params_add_int(p, name, (int)l);
    case VIR_TYPED_PARAM_UINT:
        return parse_unsigned(text, UINT_MAX, &ul) < 0 ? -2 : fl_params_add_uint(p, name, (unsigned int)ul);
    case VIR_TYPED_PARAM_LLONG:
        return parse_signed(text, LLONG_MIN, LLONG_MAX, &l) < 0 ? -2 : fl_params_add_llong(p, name, l);
    case VIR_TYPED_PARAM_ULLONG:
        return parse_unsigned(text, ULLONG_MAX, &ul) < 0 ? -2 : fl_params_add_ullong(p, name, ul);
    case VIR_TYPED_PARAM_DOUBLE:
        return parse_double(text, &d) < 0 ? -2 : fl_params_add_double(p, name, d);
    case VIR_TYPED_PARAM_BOOLEAN:
        return parse_boolean(text, &b) < 0 ? -2 : fl_params_add_boolean(p, name, b);
    case VIR_TYPED_PARAM_STRING:
        return fl_params_add_string(p, name, text);
    default:
        return fl_error(VIR_ERR_INTERNAL_ERROR, "parameter '%s': %d is no parameter type", name, type);
    }
}

int virTypedParamsAddFromString(virTypedParameterPtr *params, int *nparams, int *maxparams, const char *name,
                                int type, const char *value)
{
    struct fl_params p;
    if (list_begin(&p, __func__, params, nparams, maxparams) < 0)
        return -1;
    int r = -1;
    if (!name)
        fl_error(VIR_ERR_INVALID_ARG, "a typed parameter needs a name");
    else if (!value)
        fl_error(VIR_ERR_INVALID_ARG, "parameter '%s' needs a value", name);
    else if ((r = add_from_text(&p, name, type, value)) == -2)
        fl_error(VIR_ERR_INVALID_ARG, "parameter '%s' takes a value of type '%s', not '%s'", name,
                 fl_param_type_name(type), value);
    return list_end(&p, params, nparams, maxparams, r);
}

void virTypedParamsClear(virTypedParameterPtr params, int nparams)
{
    if (!params)
        return;
    for (int i = 0; i < nparams; i++)
        if (params[i].type == VIR_TYPED_PARAM_STRING)
            g_clear_pointer(&params[i].value.s, g_free);
}

void virTypedParamsFree(virTypedParameterPtr params, int nparams)
{
    virTypedParamsClear(params, nparams);
    g_free(params);
}
