/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See params.h. */
#define FL_FROM VIR_FROM_TEST
#include <stdlib.h>
#include <string.h>
#include "driver/test/params.h"

int fl_test_params_answer(const struct fl_test_param *values, int n, virTypedParameterPtr params,
                          int *nparams)
{
    if (*nparams == 0 || !params) {
        *nparams = n;
        return 0;
    }
    n = MIN(n, *nparams);
    for (int i = 0; i < n; i++) {
        memset(&params[i], 0, sizeof(params[i]));
        g_strlcpy(params[i].field, values[i].name, sizeof(params[i].field));
        params[i].type = values[i].type;
        switch (values[i].type) {
        case VIR_TYPED_PARAM_INT:
            params[i].value.i = (int)values[i].v.ull;
            break;
        case VIR_TYPED_PARAM_UINT:
            params[i].value.ui = (unsigned int)values[i].v.ull;
            break;
        case VIR_TYPED_PARAM_STRING:
            params[i].value.s = g_strdup(values[i].v.s ? values[i].v.s : "");
            break;
        default:
            params[i].value.ul = values[i].v.ull;
            break;
        }
    }
    *nparams = n;
    return 0;
}

const virTypedParameter *fl_test_params_get(virTypedParameterPtr params, int nparams, const char *name)
{
    for (int i = 0; i < nparams; i++) {
        if (strcmp(params[i].field, name) == 0)
            return &params[i];
    }
    return NULL;
}

unsigned long long fl_test_xml_number(const struct fl_xml_node *parent, const char *child,
                                      unsigned long long absent)
{
    const struct fl_xml_node *node = parent ? fl_xml_child(parent, child) : NULL;
    return node ? g_ascii_strtoull(fl_xml_text(node), NULL, 10) : absent;
}

unsigned long long fl_test_xml_attr_number(const struct fl_xml_node *node, const char *attr)
{
    const char *text = node ? fl_xml_get(node, attr) : NULL;
    return text ? g_ascii_strtoull(text, NULL, 10) : 0;
}

static bool bit(const unsigned char *map, int maplen, unsigned int i)
{
    return (int)(i / 8) < maplen && (map[i / 8] >> (i % 8)) & 1;
}

char *fl_test_cpuset_from_map(const unsigned char *map, int maplen, unsigned int n)
{
    GString *out = g_string_new("");
    for (unsigned int i = 0; i < n; i++) {
        if (!bit(map, maplen, i))
            continue;
        unsigned int last = i;
        while (last + 1 < n && bit(map, maplen, last + 1))
            last++;
        g_string_append_printf(out, last > i ? "%s%u-%u" : "%s%u", out->len ? "," : "", i, last);
        i = last;
    }
    return g_string_free(out, FALSE);
}

static void bit_set(unsigned char *map, int maplen, unsigned int i, bool on)
{
    if ((int)(i / 8) >= maplen)
        return;
    if (on)
        map[i / 8] |= 1u << (i % 8);
    else
        map[i / 8] &= ~(1u << (i % 8));
}

void fl_test_cpuset_to_map(const char *text, unsigned char *map, int maplen, unsigned int n)
{
    if (maplen <= 0)
        return;
    memset(map, 0, maplen);
    if (!text) {
        for (unsigned int i = 0; i < n; i++)
            bit_set(map, maplen, i, true);
        return;
    }
    while (*text) {
        bool on = *text != '^';
        char *end;
        if (!on)
            text++;
        unsigned long first = strtoul(text, &end, 10), last = first;
        if (end == text)
            return;
        if (*end == '-')
            last = strtoul(end + 1, &end, 10);
        for (unsigned long i = first; i <= last && i < n; i++)
            bit_set(map, maplen, i, on);
        text = *end ? end + 1 : end;
    }
}
