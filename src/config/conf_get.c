/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Typed access to a parsed .conf file. A value of the wrong type is an error naming FILE:LINE and the type
 * wanted.
 */
#define FL_FROM VIR_FROM_CONF

#include <limits.h>
#include <string.h>

#include "config/conf.h"
#include "base/error.h"

static const char *type_name(enum fl_conf_type type)
{
    switch (type) {
    case FL_CONF_NUMBER:
        return "a number";
    case FL_CONF_TEXT:
        return "a text";
    case FL_CONF_LIST:
        return "a list";
    }
    return "something else";
}

static int wrong_type(const struct fl_conf *conf, const char *name, const struct fl_conf_value *v,
                      const char *want)
{
    return fl_error(VIR_ERR_CONF_SYNTAX, "%s:%d: '%s' must be %s, not %s", conf->filename, v->line, name,
                    want, type_name(v->type));
}

const struct fl_conf_entry *fl_conf_find(const struct fl_conf *conf, const char *name)
{
    for (guint i = 0; i < conf->entries->len; i++) {
        const struct fl_conf_entry *e = &g_array_index(conf->entries, struct fl_conf_entry, i);

        if (strcmp(e->name, name) == 0)
            return e;
    }
    return NULL;
}

int fl_conf_get_string(const struct fl_conf *conf, const char *name, char **ret_text)
{
    const struct fl_conf_entry *e = fl_conf_find(conf, name);

    if (!e)
        return 0;
    if (e->value.type != FL_CONF_TEXT)
        return wrong_type(conf, name, &e->value, "a text in quotes");
    *ret_text = g_strdup(e->value.text);
    return 1;
}

/* A number between min and max; `want` describes it. */
static int get_number(const struct fl_conf *conf, const char *name, gint64 min, gint64 max, const char *want,
                      gint64 *ret_number)
{
    const struct fl_conf_entry *e = fl_conf_find(conf, name);

    if (!e)
        return 0;
    if (e->value.type != FL_CONF_NUMBER)
        return wrong_type(conf, name, &e->value, want);
    if (e->value.number < min || e->value.number > max)
        return fl_error(VIR_ERR_CONF_SYNTAX, "%s:%d: '%s' must be %s, not %" G_GINT64_FORMAT, conf->filename,
                        e->value.line, name, want, e->value.number);
    *ret_number = e->value.number;
    return 1;
}

int fl_conf_get_int(const struct fl_conf *conf, const char *name, int *ret_number)
{
    gint64 n = 0;
    int rc = get_number(conf, name, INT_MIN, INT_MAX, "a number of 32 bits", &n);

    if (rc > 0)
        *ret_number = (int)n;
    return rc;
}

int fl_conf_get_uint(const struct fl_conf *conf, const char *name, unsigned int *ret_number)
{
    gint64 n = 0;
    int rc = get_number(conf, name, 0, UINT_MAX, "a number from 0 to 4294967295", &n);

    if (rc > 0)
        *ret_number = (unsigned int)n;
    return rc;
}

int fl_conf_get_bool(const struct fl_conf *conf, const char *name, bool *ret_flag)
{
    gint64 n = 0;
    int rc = get_number(conf, name, 0, 1, "0 or 1", &n);

    if (rc > 0)
        *ret_flag = n != 0;
    return rc;
}

int fl_conf_get_strings(const struct fl_conf *conf, const char *name, bool lone_ok, char ***ret_list)
{
    const struct fl_conf_entry *e = fl_conf_find(conf, name);
    g_autoptr(GPtrArray) list = NULL;

    if (!e)
        return 0;
    list = g_ptr_array_new_with_free_func(g_free);
    if (e->value.type == FL_CONF_TEXT && lone_ok) {
        g_ptr_array_add(list, g_strdup(e->value.text));
    } else if (e->value.type != FL_CONF_LIST) {
        return wrong_type(conf, name, &e->value, "a list of texts: [ \"one\", \"two\" ]");
    } else {
        for (guint i = 0; i < e->value.items->len; i++) {
            const struct fl_conf_value *item = &g_array_index(e->value.items, struct fl_conf_value, i);

            if (item->type != FL_CONF_TEXT)
                return fl_error(VIR_ERR_CONF_SYNTAX,
                                "%s:%d: item %u of '%s' must be a text in quotes, not %s", conf->filename,
                                item->line, i + 1, name, type_name(item->type));
            g_ptr_array_add(list, g_strdup(item->text));
        }
    }
    g_ptr_array_add(list, NULL);
    *ret_list = (char **)g_ptr_array_free(g_steal_pointer(&list), FALSE);
    return 1;
}
