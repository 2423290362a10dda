/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Typed parameters inside the library: what the public virTypedParams* do, without dispatching errors. */
#pragma once

#include <stdbool.h>
#include <libvirt/libvirt.h>

/* A growing array; init to zero. Hand over with fl_params_take(), or drop with fl_params_fini(). */
struct fl_params {
    virTypedParameterPtr list;
    int n, room;
};

/* Appends a zeroed parameter; NULL + error when the name is empty-handed or longer than the field. */
virTypedParameterPtr fl_params_add(struct fl_params *p, const char *name, int type);
int fl_params_add_int(struct fl_params *p, const char *name, int value);
int fl_params_add_uint(struct fl_params *p, const char *name, unsigned int value);
int fl_params_add_llong(struct fl_params *p, const char *name, long long value);
int fl_params_add_ullong(struct fl_params *p, const char *name, unsigned long long value);
int fl_params_add_double(struct fl_params *p, const char *name, double value);
int fl_params_add_boolean(struct fl_params *p, const char *name, bool value);
int fl_params_add_string(struct fl_params *p, const char *name, const char *value); /* NULL becomes "" */
void fl_params_fini(struct fl_params *p);
void fl_params_take(struct fl_params *p, virTypedParameterPtr *ret_list, int *ret_n);

/* A row per name a call takes; ended by a NULL name. */
struct fl_param_rule {
    const char *name;
    int type;
    bool repeats; /* may be given more than once */
};
/* Refuses unknown names (VIR_ERR_ARGUMENT_UNSUPPORTED), wrong types and repetitions (VIR_ERR_INVALID_ARG). */
int fl_params_check(const struct _virTypedParameter *list, int n, const struct fl_param_rule *rules);

const char *fl_param_type_name(int type); /* "int", "string", …; "unknown" */
