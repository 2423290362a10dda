/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Typed parameters of the older kind of call: the caller's array, asked for its size first. */
#pragma once

#include "core/typedparam.h"
#include "driver/test/domain.h"

/* A value to answer with. */
struct fl_test_param {
    const char *name;
    int type;
    union {
        unsigned long long ull;
        const char *s;
    } v;
};

/* Writes at most *nparams of the `n` values, or only their number when *nparams is 0; strings are copied. */
int fl_test_params_answer(const struct fl_test_param *values, int n, virTypedParameterPtr params,
                          int *nparams);
/* NULL if not given. */
const virTypedParameter *fl_test_params_get(virTypedParameterPtr params, int nparams, const char *name);

/* Elements that hold a number or a text. */
unsigned long long fl_test_xml_number(const struct fl_xml_node *parent, const char *child,
                                      unsigned long long absent);
unsigned long long fl_test_xml_attr_number(const struct fl_xml_node *node, const char *attr);

/* Sets of CPUs: public bit maps <-> "0-2,5" as in documents. `n` = how many CPUs there are. */
char *fl_test_cpuset_from_map(const unsigned char *map, int maplen, unsigned int n);
void fl_test_cpuset_to_map(const char *text, unsigned char *map, int maplen, unsigned int n);
/* NULL `text` = all. */
