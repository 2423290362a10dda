/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reader of the .conf syntax: a cursor over the text and one function per construct. See conf.h for the
 * syntax.
 */
#define FL_FROM VIR_FROM_CONF

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "config/conf.h"
#include "base/error.h"
#include "base/util.h"

struct reader {
    const char *file;
    const char *p;
    const char *end;
    int line;
};

static void value_fini(struct fl_conf_value *v)
{
    g_clear_pointer(&v->text, g_free);
    g_clear_pointer(&v->items, g_array_unref);
}

static void value_clear(void *v)
{
    value_fini(v);
}

static void entry_clear(void *data)
{
    struct fl_conf_entry *e = data;

    g_free(e->name);
    value_fini(&e->value);
}

/* What stands at the cursor, for "…, found X". */
static char *reader_sees(const struct reader *r)
{
    size_t n = 0;

    if (r->p >= r->end)
        return g_strdup("the end of the file");
    if (*r->p == '\n' || *r->p == '\r')
        return g_strdup("the end of the line");
    if (*r->p == '#')
        return g_strdup("a comment");
    while (r->p + n < r->end && n < 24 && (g_ascii_isalnum(r->p[n]) || r->p[n] == '_'))
        n++;
    if (n > 0)
        return g_strdup_printf("'%.*s'", (int)n, r->p);
    if (g_ascii_isgraph(*r->p))
        return g_strdup_printf("'%c'", *r->p);
    return g_strdup_printf("byte 0x%02x", (unsigned char)*r->p);
}

static int reader_expected(const struct reader *r, const char *what)
{
    g_autofree char *sees = reader_sees(r);

    return fl_error(VIR_ERR_CONF_SYNTAX, "%s:%d: expected %s, found %s", r->file, r->line, what, sees);
}

static bool at_newline(const struct reader *r)
{
    return r->p < r->end && (*r->p == '\n' || *r->p == '\r');
}

static void skip_blanks(struct reader *r)
{
    while (r->p < r->end && (*r->p == ' ' || *r->p == '\t'))
        r->p++;
}

static void skip_newline(struct reader *r)
{
    if (r->p + 1 < r->end && r->p[0] == '\r' && r->p[1] == '\n')
        r->p++;
    r->line++;
    r->p++;
}

static void skip_blanks_and_newlines(struct reader *r)
{
    skip_blanks(r);
    while (at_newline(r)) {
        skip_newline(r);
        skip_blanks(r);
    }
}

static void skip_comment(struct reader *r)
{
    while (r->p < r->end && !at_newline(r))
        r->p++;
}

static int read_name(struct reader *r, char **ret_name)
{
    const char *start = r->p;

    if (r->p >= r->end || !g_ascii_isalpha(*r->p))
        return reader_expected(r, "the name of a setting");
    while (r->p < r->end && (g_ascii_isalnum(*r->p) || *r->p == '_'))
        r->p++;
    *ret_name = g_strndup(start, r->p - start);
    return 0;
}

static int read_number(struct reader *r, struct fl_conf_value *v)
{
    bool negative = *r->p == '-';
    guint64 limit = negative ? (guint64)G_MAXINT64 + 1 : G_MAXINT64;
    guint64 n = 0;

    if (*r->p == '-' || *r->p == '+')
        r->p++;
    if (r->p >= r->end || !g_ascii_isdigit(*r->p))
        return reader_expected(r, "digits after the sign");
    for (; r->p < r->end && g_ascii_isdigit(*r->p); r->p++) {
        unsigned int digit = *r->p - '0';

        if (n > (limit - digit) / 10)
            return fl_error(VIR_ERR_CONF_SYNTAX, "%s:%d: the number does not fit in 64 bits", r->file,
                            r->line);
        n = n * 10 + digit;
    }
    v->type = FL_CONF_NUMBER;
    v->number = negative ? (gint64)(0 - n) : (gint64)n;
    return 0;
}

/* """text""": everything up to the next three quotes, newlines included. */
static int read_long_text(struct reader *r, struct fl_conf_value *v)
{
    const char *start = r->p + 3;

    for (r->p = start; r->p + 3 <= r->end; r->p++) {
        if (memcmp(r->p, "\"\"\"", 3) == 0) {
            v->type = FL_CONF_TEXT;
            v->text = g_strndup(start, r->p - start);
            r->p += 3;
            return 0;
        }
        if (*r->p == '\n')
            r->line++;
    }
    return fl_error(VIR_ERR_CONF_SYNTAX, "%s:%d: the text that starts here is never closed with \"\"\"",
                    r->file, v->line);
}

static int read_text(struct reader *r, struct fl_conf_value *v)
{
    char quote = *r->p;
    const char *start = r->p + 1;

    if (quote == '"' && r->end - r->p >= 3 && memcmp(r->p, "\"\"\"", 3) == 0)
        return read_long_text(r, v);
    for (r->p = start; r->p < r->end && *r->p != quote; r->p++) {
        if (at_newline(r))
            break;
    }
    if (r->p >= r->end || *r->p != quote)
        return fl_error(VIR_ERR_CONF_SYNTAX, "%s:%d: expected a closing %c on the same line", r->file,
                        r->line, quote);
    v->type = FL_CONF_TEXT;
    v->text = g_strndup(start, r->p - start);
    r->p++;
    return 0;
}

static int read_value(struct reader *r, bool in_list, struct fl_conf_value *v);

static int read_list(struct reader *r, struct fl_conf_value *v)
{
    v->type = FL_CONF_LIST;
    v->items = g_array_new(FALSE, TRUE, sizeof(struct fl_conf_value));
    g_array_set_clear_func(v->items, value_clear);

    r->p++;
    skip_blanks_and_newlines(r);
    while (r->p < r->end && *r->p != ']') {
        struct fl_conf_value item = { 0 };

        if (v->items->len >= FL_CONF_MAX_ITEMS)
            return fl_error(VIR_ERR_CONF_SYNTAX, "%s:%d: a list holds at most %d items", r->file, r->line,
                            FL_CONF_MAX_ITEMS);
        if (read_value(r, true, &item) < 0) {
            value_fini(&item);
            return -1;
        }
        g_array_append_val(v->items, item);
        skip_blanks_and_newlines(r);
        if (r->p < r->end && *r->p == ',') {
            r->p++;
            skip_blanks_and_newlines(r);
        } else if (r->p < r->end && *r->p != ']') {
            return reader_expected(r, "',' or ']' after an item of a list");
        }
    }
    if (r->p >= r->end)
        return fl_error(VIR_ERR_CONF_SYNTAX, "%s:%d: the list that starts here is never closed with ]",
                        r->file, v->line);
    r->p++;
    return 0;
}

static int read_value(struct reader *r, bool in_list, struct fl_conf_value *v)
{
    v->line = r->line;
    if (r->p < r->end) {
        if (*r->p == '"' || *r->p == '\'')
            return read_text(r, v);
        if (*r->p == '[' && !in_list)
            return read_list(r, v);
        if (*r->p == '-' || *r->p == '+' || g_ascii_isdigit(*r->p))
            return read_number(r, v);
        if (in_list && *r->p == '#')
            return fl_error(VIR_ERR_CONF_SYNTAX,
                            "%s:%d: expected an item or ']'; a list cannot hold comments", r->file, r->line);
    }
    if (in_list)
        return reader_expected(r, "a number or \"text\" in the list");
    return reader_expected(r, "a value: a number, \"text\" in quotes or a [ list ]");
}

/* After a value: nothing more on the line but a comment, or ';' and the next entry. */
static int read_separator(struct reader *r)
{
    skip_blanks(r);
    if (r->p < r->end && *r->p == '#')
        skip_comment(r);
    if (r->p >= r->end)
        return 0;
    if (at_newline(r)) {
        skip_newline(r);
        return 0;
    }
    if (*r->p != ';')
        return reader_expected(r, "the end of the line after a value");
    r->p++;
    return 0;
}

static int read_entry(struct reader *r, struct fl_conf *conf)
{
    struct fl_conf_entry e = { 0 };

    if (read_name(r, &e.name) < 0)
        return -1;
    skip_blanks(r);
    if (r->p >= r->end || *r->p != '=') {
        g_autofree char *what = g_strdup_printf("'=' after '%.64s'", e.name);

        entry_clear(&e);
        return reader_expected(r, what);
    }
    r->p++;
    skip_blanks(r);
    if (read_value(r, false, &e.value) < 0 || read_separator(r) < 0) {
        entry_clear(&e);
        return -1;
    }
    if (conf->entries->len >= FL_CONF_MAX_ENTRIES) {
        entry_clear(&e);
        return fl_error(VIR_ERR_CONF_SYNTAX, "%s:%d: more than %d settings", r->file, r->line,
                        FL_CONF_MAX_ENTRIES);
    }
    g_array_append_val(conf->entries, e);
    return 0;
}

int fl_conf_parse(const char *filename, const char *text, size_t len, struct fl_conf **ret_conf)
{
    struct reader r = { .file = filename, .p = text, .end = text + len, .line = 1 };
    fl_autoconf struct fl_conf *conf = NULL;

    if (len > FL_CONF_MAX_BYTES)
        return fl_error(VIR_ERR_CONF_SYNTAX, "%s: larger than the limit of %d bytes", filename,
                        FL_CONF_MAX_BYTES);

    conf = g_new0(struct fl_conf, 1);
    conf->filename = g_strdup(filename);
    conf->entries = g_array_new(FALSE, TRUE, sizeof(struct fl_conf_entry));
    g_array_set_clear_func(conf->entries, entry_clear);

    /* Texts are C strings from here on: a NUL would silently cut one. */
    for (const char *p = text; p < r.end; p++) {
        r.line += *p == '\n';
        if (*p == '\0')
            return fl_error(VIR_ERR_CONF_SYNTAX, "%s:%d: expected text, found a NUL byte", filename, r.line);
    }
    r.line = 1;

    for (;;) {
        skip_blanks_and_newlines(&r);
        if (r.p < r.end && *r.p == '#') {
            skip_comment(&r);
            continue;
        }
        if (r.p >= r.end)
            break;
        if (read_entry(&r, conf) < 0)
            return -1;
    }
    *ret_conf = g_steal_pointer(&conf);
    return 0;
}

int fl_conf_load(const char *path, struct fl_conf **ret_conf)
{
    g_autofree char *text = NULL;
    size_t len = 0;

    /* in a folder that is closed to this user (HOME is somebody else's) nothing is there for it, either */
    if (access(path, F_OK) < 0 && (errno == ENOENT || errno == ENOTDIR || errno == EACCES))
        return fl_conf_parse(path, "", 0, ret_conf);
    if (fl_file_read(path, FL_CONF_MAX_BYTES, &text, &len) < 0)
        return -1;
    return fl_conf_parse(path, text, len, ret_conf);
}

void fl_conf_free(struct fl_conf *conf)
{
    if (!conf)
        return;
    g_clear_pointer(&conf->entries, g_array_unref);
    g_free(conf->filename);
    g_free(conf);
}
