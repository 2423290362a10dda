/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Columns as wide as their widest cell, three blanks apart, with a title and
 * a rule unless the shell is quiet. In JSON the rows are an array of objects.
 */
#include "shell.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct fl_table {
    GPtrArray *titles;
    GPtrArray *keys;
    GPtrArray *rows; /* of GPtrArray of char* */
};

struct fl_table *fl_table_new(const char *title, const char *key, ...)
{
    struct fl_table *t = g_new0(struct fl_table, 1);
    va_list ap;

    t->titles = g_ptr_array_new_with_free_func(g_free);
    t->keys = g_ptr_array_new_with_free_func(g_free);
    t->rows = g_ptr_array_new_with_free_func((GDestroyNotify)g_ptr_array_unref);
    va_start(ap, key);
    while (title) {
        g_ptr_array_add(t->titles, g_strdup(title));
        g_ptr_array_add(t->keys, g_strdup(key));
        title = va_arg(ap, const char *);
        key = title ? va_arg(ap, const char *) : NULL;
    }
    va_end(ap);
    return t;
}

void fl_table_free(struct fl_table *t)
{
    g_ptr_array_unref(t->titles);
    g_ptr_array_unref(t->keys);
    g_ptr_array_unref(t->rows);
    g_free(t);
}

/* Control characters would break the columns: shown as \xNN. */
static char *safe_cell(const char *text)
{
    GString *s = g_string_new("");

    for (; *text; text++) {
        const unsigned char *c = (const unsigned char *)text;

        if (*c == 0xc2 && c[1] >= 0x80 &&
            c[1] < 0xa0) { /* such as U+009B, which terminals take for a command */
            g_string_append_printf(s, "\\x%02x\\x%02x", c[0], c[1]);
            text++;
        } else if (*c < 0x20 || *c == 0x7f) {
            g_string_append_printf(s, "\\x%02x", *c);
        } else {
            g_string_append_c(s, *text);
        }
    }
    return g_string_free(s, FALSE);
}

void fl_table_add_row(struct fl_table *t, const char *const *cells)
{
    GPtrArray *row = g_ptr_array_new_with_free_func(g_free);

    for (guint i = 0; i < t->titles->len; i++)
        g_ptr_array_add(row, g_strdup(cells[i] ? cells[i] : "-"));
    g_ptr_array_add(t->rows, row);
}

void fl_table_add(struct fl_table *t, const char *first, ...)
{
    const char *cells[32] = { first };
    va_list ap;

    va_start(ap, first);
    for (guint i = 1; i < t->titles->len; i++)
        cells[i] = va_arg(ap, const char *);
    va_end(ap);
    fl_table_add_row(t, cells);
}

static glong cell_width(const char *text)
{
    glong width = 0;

    if (!g_utf8_validate(text, -1, NULL))
        return (glong)strlen(text);
    for (const char *p = text; *p; p = g_utf8_next_char(p))
        width += g_unichar_iszerowidth(g_utf8_get_char(p)) ? 0 : g_unichar_iswide(g_utf8_get_char(p)) ? 2 : 1;
    return width;
}

static void print_row(GPtrArray *row, const glong *widths)
{
    for (guint i = 0; i < row->len; i++) {
        const char *cell = row->pdata[i];

        fputs(i == 0 ? " " : "   ", stdout);
        fputs(cell, stdout);
        if (i + 1 < row->len)
            for (glong n = cell_width(cell); n < widths[i]; n++)
                putchar(' ');
    }
    putchar('\n');
}

/* For a terminal only: in JSON a name is what it is. */
static void make_safe(GPtrArray *rows)
{
    for (guint r = 0; r < rows->len; r++) {
        GPtrArray *row = rows->pdata[r];

        for (guint i = 0; i < row->len; i++) {
            char *cell = row->pdata[i];

            row->pdata[i] = safe_cell(cell);
            g_free(cell);
        }
    }
}

static void print_text(struct fl_call *c, struct fl_table *t)
{
    guint n = t->titles->len;
    g_autofree glong *widths = g_new0(glong, n);
    glong total = 0;

    make_safe(t->rows);
    for (guint i = 0; i < n; i++) {
        if (!c->sh->quiet)
            widths[i] = cell_width(t->titles->pdata[i]);
        for (guint r = 0; r < t->rows->len; r++)
            widths[i] = MAX(widths[i], cell_width(((GPtrArray *)t->rows->pdata[r])->pdata[i]));
        total += widths[i] + 3;
    }
    if (!c->sh->quiet) {
        print_row(t->titles, widths);
        for (glong i = 0; i < total; i++)
            putchar('-');
        putchar('\n');
    }
    for (guint r = 0; r < t->rows->len; r++)
        print_row(t->rows->pdata[r], widths);
}

static void print_json(struct fl_call *c, struct fl_table *t)
{
    void *array = fl_json_array();

    for (guint r = 0; r < t->rows->len; r++) {
        GPtrArray *row = t->rows->pdata[r];
        void *object = fl_json_object();

        for (guint i = 0; i < row->len; i++)
            fl_json_set_text(object, t->keys->pdata[i], row->pdata[i]);
        fl_json_append(array, object);
    }
    fl_document_set(c, array);
}

void fl_table_print(struct fl_call *c, struct fl_table *t)
{
    if (fl_json(c))
        print_json(c, t);
    else
        print_text(c, t);
    fl_table_free(t);
}
