/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Splits and joins URI parameters. '+' stays '+'; a name without '=' has the empty value.
 */
#define FL_FROM VIR_FROM_URI

#include <string.h>

#include "uri/query.h"
#include "uri/uri.h"
#include "base/error.h"

static void param_clear(void *data)
{
    struct fl_param *param = data;

    g_free(param->name);
    g_free(param->value);
}

GArray *fl_query_new(void)
{
    GArray *params = g_array_new(FALSE, TRUE, sizeof(struct fl_param));

    g_array_set_clear_func(params, param_clear);
    return params;
}

static int add_param(const char *start, const char *end, GArray *into)
{
    const char *eq = memchr(start, '=', end - start);
    struct fl_param param;

    /* Compat: nothing, or nothing before the '=', is skipped. */
    if (start == end || eq == start)
        return 0;
    if (into->len >= FL_QUERY_MAX_PARAMS)
        return fl_error(VIR_ERR_INVALID_ARG, "the URI has more than %d parameters", FL_QUERY_MAX_PARAMS);
    param.name = fl_uri_unescape(start, (eq ? eq : end) - start);
    param.value = eq ? fl_uri_unescape(eq + 1, end - eq - 1) : g_strdup("");
    if (!param.name || !param.value) {
        param_clear(&param);
        return fl_error(VIR_ERR_INVALID_ARG, "bad escape in the URI parameter '%.*s'",
                        (int)MIN(end - start, 100), start);
    }
    g_array_append_val(into, param);
    return 0;
}

int fl_query_parse(const char *query, GArray *into)
{
    const char *start = query;

    while (start && *start) {
        /* Compat: while a '&' is left, ';' is part of the value; only what follows the last '&' is split at
         * ';'. */
        const char *end = strchr(start, '&');

        if (!end)
            end = strchr(start, ';');
        if (!end)
            end = start + strlen(start);
        if (add_param(start, end, into) < 0)
            return -1;
        start = *end ? end + 1 : end;
    }
    return 0;
}

void fl_query_append(GString *out, const struct fl_param *param)
{
    /* In a name only what would be misread is escaped; in a value everything reserved is, as the peer does.
     */
    g_autofree char *name = fl_uri_escape(param->name, "!$'()*+,:@/?");
    g_autofree char *value = fl_uri_escape(param->value, NULL);

    g_string_append_printf(out, "%s%s=%s", out->len ? "&" : "", name, value);
}
