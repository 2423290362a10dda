/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The parameters of a URI: "name=value" pairs between '&' (or ';'), in order, and back to text.
 */
#pragma once

#include <stddef.h>
#include <glib.h>

#define FL_QUERY_MAX_PARAMS 256

struct fl_param {
    char *name; /* unescaped, as written (case counts when it is passed on) */
    char *value;
};

/* Adds the parameters of a raw query (may be NULL) to an array of struct fl_param. */
int fl_query_parse(const char *query, GArray *into);
/* An array for fl_query_parse() that frees what it holds. */
GArray *fl_query_new(void);
/* Appends "name=value", after a '&' when `out` is not empty. */
void fl_query_append(GString *out, const struct fl_param *param);
