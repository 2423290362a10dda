/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads libvirt.conf with the place of everything, for remote_edit.c. The syntax is the library's. */
#include "remote_edit.h"

#include <string.h>

#define MAX_ITEMS 4096

struct reader {
    const char *text;
    size_t at, len;
    int line;
    char **error;
};

static int wrong(struct reader *r, int line, const char *format, ...) G_GNUC_PRINTF(3, 4);

static int wrong(struct reader *r, int line, const char *format, ...)
{
    g_autofree char *what = NULL;
    va_list ap;

    va_start(ap, format);
    what = g_strdup_vprintf(format, ap);
    va_end(ap);
    *r->error = g_strdup_printf("line %d: %s", line, what);
    return -1;
}

static char here(const struct reader *r)
{
    return r->at < r->len ? r->text[r->at] : '\0';
}

static bool at_newline(const struct reader *r)
{
    return here(r) == '\n' || here(r) == '\r';
}

static void skip_newline(struct reader *r)
{
    if (here(r) == '\r' && r->at + 1 < r->len && r->text[r->at + 1] == '\n')
        r->at++;
    r->at++;
    r->line++;
}

static void skip_blanks(struct reader *r, bool newlines)
{
    for (;;) {
        if (here(r) == ' ' || here(r) == '\t')
            r->at++;
        else if (newlines && at_newline(r))
            skip_newline(r);
        else
            return;
    }
}

static void skip_comment(struct reader *r)
{
    while (r->at < r->len && !at_newline(r))
        r->at++;
}

static int read_number(struct reader *r)
{
    guint64 limit = here(r) == '-' ? (guint64)G_MAXINT64 + 1 : G_MAXINT64, n = 0;
    size_t start;

    if (here(r) == '-' || here(r) == '+')
        r->at++;
    for (start = r->at; g_ascii_isdigit(here(r)); r->at++) {
        guint64 digit = (guint64)(here(r) - '0');

        if (n > (limit - digit) / 10)
            return wrong(r, r->line, "the number does not fit in 64 bits");
        n = n * 10 + digit;
    }
    return r->at == start ? wrong(r, r->line, "expected digits after the sign") : 0;
}

/* Three quotes: everything up to the next three. */
static int read_long_text(struct reader *r, char **ret_text)
{
    size_t start = r->at + 3;
    int first = r->line;

    for (r->at = start; r->at + 3 <= r->len; r->at++) {
        if (memcmp(r->text + r->at, "\"\"\"", 3) == 0) {
            *ret_text = g_strndup(r->text + start, r->at - start);
            r->at += 3;
            return 0;
        }
        r->line += r->text[r->at] == '\n';
    }
    return wrong(r, first, "the text that starts here is never closed with \"\"\"");
}

static int read_text(struct reader *r, char **ret_text)
{
    char quote = here(r);
    size_t start = r->at + 1;

    if (quote == '"' && r->len - r->at >= 3 && memcmp(r->text + r->at, "\"\"\"", 3) == 0)
        return read_long_text(r, ret_text);
    for (r->at = start; r->at < r->len && here(r) != quote; r->at++)
        if (at_newline(r))
            break;
    if (here(r) != quote)
        return wrong(r, r->line, "expected a closing %c on the same line", quote);
    *ret_text = g_strndup(r->text + start, r->at - start);
    r->at++;
    return 0;
}

/* "name=uri" of an item; only looked at in the uri_aliases that counts. */
static int split_alias(struct reader *r, struct fl_remote *item)
{
    char *equals = item->uri ? strchr(item->uri, '=') : NULL;

    if (!equals)
        return wrong(r, item->at.line, "expected \"NAME=URI\" in uri_aliases");
    item->name = g_strndup(item->uri, (gsize)(equals - item->uri));
    memmove(item->uri, equals + 1, strlen(equals + 1) + 1);
    if (!fl_remote_name_ok(item->name))
        return wrong(r, item->at.line,
                     "expected a name of letters, digits, '_' and '-' in uri_aliases, found '%s'",
                     item->name);
    if (!*item->uri)
        return wrong(r, item->at.line, "expected a URI after '%s=' in uri_aliases", item->name);
    return 0;
}

static int read_item(struct reader *r, struct fl_remote *item)
{
    char c = here(r);
    int status;

    item->at = (struct fl_remote_span){ r->at, r->at, r->line };
    if (c == '"' || c == '\'')
        status = read_text(r, &item->uri);
    else if (c == '-' || c == '+' || g_ascii_isdigit(c))
        status = read_number(r);
    else if (c == '#')
        return wrong(r, r->line, "expected an item or ']'; a list cannot hold comments");
    else
        return wrong(r, r->line, "expected a number or \"text\" in the list");
    item->at.end = r->at;
    return status;
}

static void clear_remote(void *data)
{
    struct fl_remote *item = data;

    g_free(item->name);
    g_free(item->uri);
}

/* `aliases`: where to keep the items, NULL when they do not matter. */
static int read_list(struct reader *r, GArray *aliases)
{
    int first = r->line;

    r->at++;
    skip_blanks(r, true);
    for (int n = 0; r->at < r->len && here(r) != ']'; n++) {
        struct fl_remote item = { .name = NULL };

        if (n >= MAX_ITEMS)
            return wrong(r, r->line, "a list holds at most %d items", MAX_ITEMS);
        if (read_item(r, &item) < 0 || (aliases && split_alias(r, &item) < 0)) {
            clear_remote(&item);
            return -1;
        }
        if (aliases)
            g_array_append_val(aliases, item);
        else
            clear_remote(&item);
        skip_blanks(r, true);
        if (here(r) == ',') {
            r->at++;
            skip_blanks(r, true);
        } else if (r->at < r->len && here(r) != ']') {
            return wrong(r, r->line, "expected ',' or ']' after an item of a list");
        }
    }
    if (r->at >= r->len)
        return wrong(r, first, "the list that starts here is never closed with ]");
    r->at++;
    return 0;
}

static int read_value(struct reader *r, struct fl_remote_entry *e, GArray *aliases)
{
    char c = here(r);

    if (c == '"' || c == '\'')
        return read_text(r, &e->text);
    if (c == '[') {
        e->list = true;
        return read_list(r, aliases);
    }
    if (c == '-' || c == '+' || g_ascii_isdigit(c))
        return read_number(r);
    return wrong(r, r->line, "expected a value: a number, \"text\" in quotes or a [ list ]");
}

/* After a value nothing but a comment, or ';' and the next setting. */
static int read_separator(struct reader *r)
{
    skip_blanks(r, false);
    if (here(r) == '#')
        skip_comment(r);
    if (r->at >= r->len)
        return 0;
    if (at_newline(r))
        skip_newline(r);
    else if (here(r) == ';')
        r->at++;
    else
        return wrong(r, r->line, "expected the end of the line after a value");
    return 0;
}

static bool has(const struct fl_remotes *f, const char *name)
{
    for (guint i = 0; i < f->entries->len; i++)
        if (strcmp(g_array_index(f->entries, struct fl_remote_entry, i).name, name) == 0)
            return true;
    return false;
}

static int check_kind(struct reader *r, const struct fl_remote_entry *e)
{
    if (strcmp(e->name, "uri_aliases") == 0 && !e->list)
        return wrong(r, e->value.line, "uri_aliases must be a list: [ \"NAME=URI\" ]");
    if (strcmp(e->name, "uri_default") == 0 && !e->text)
        return wrong(r, e->value.line, "uri_default must be a \"text\"");
    return 0;
}

static int read_entry(struct reader *r, struct fl_remotes *f)
{
    struct fl_remote_entry e = { .all = { r->at, r->at, r->line } };
    bool counts;

    if (!g_ascii_isalpha(here(r)))
        return wrong(r, r->line, "expected the name of a setting");
    while (g_ascii_isalnum(here(r)) || here(r) == '_')
        r->at++;
    e.name = g_strndup(r->text + e.all.begin, r->at - e.all.begin);
    counts = !has(f, e.name);
    g_array_append_val(f->entries, e); /* owned from here on */
    struct fl_remote_entry *kept = &g_array_index(f->entries, struct fl_remote_entry, f->entries->len - 1);
    skip_blanks(r, false);
    if (here(r) != '=')
        return wrong(r, r->line, "expected '=' after '%.64s'", e.name);
    r->at++;
    skip_blanks(r, false);
    kept->value = (struct fl_remote_span){ r->at, r->at, r->line };
    if (read_value(r, kept, counts && strcmp(e.name, "uri_aliases") == 0 ? f->aliases : NULL) < 0)
        return -1;
    kept->value.end = kept->all.end = r->at;
    if (counts && check_kind(r, kept) < 0)
        return -1;
    return read_separator(r);
}

static int read_all(struct reader *r, struct fl_remotes *f)
{
    if (r->len > FL_REMOTES_MAX_BYTES)
        return wrong(r, 1, "the file is larger than the limit of %d bytes", FL_REMOTES_MAX_BYTES);
    if (memchr(r->text, '\0', r->len))
        return wrong(r, 1, "the file holds a NUL byte");
    for (;;) {
        skip_blanks(r, true);
        if (r->at >= r->len)
            return 0;
        if (here(r) == '#')
            skip_comment(r);
        else if (f->entries->len >= MAX_ITEMS)
            return wrong(r, r->line, "more than %d settings", MAX_ITEMS);
        else if (read_entry(r, f) < 0)
            return -1;
    }
}

static void clear_entry(void *data)
{
    struct fl_remote_entry *e = data;

    g_free(e->name);
    g_free(e->text);
}

static const struct fl_remote_entry *first_named(const struct fl_remotes *f, const char *name)
{
    for (guint i = 0; i < f->entries->len; i++) {
        const struct fl_remote_entry *e = &g_array_index(f->entries, struct fl_remote_entry, i);

        if (strcmp(e->name, name) == 0)
            return e;
    }
    return NULL;
}

struct fl_remotes *fl_remotes_read(const char *text, size_t len, char **ret_error)
{
    struct reader r = { .text = text, .len = len, .line = 1, .error = ret_error };
    struct fl_remotes *f = g_new0(struct fl_remotes, 1);

    f->entries = g_array_new(FALSE, TRUE, sizeof(struct fl_remote_entry));
    f->aliases = g_array_new(FALSE, TRUE, sizeof(struct fl_remote));
    g_array_set_clear_func(f->entries, clear_entry);
    g_array_set_clear_func(f->aliases, clear_remote);
    if (read_all(&r, f) < 0) {
        fl_remotes_free(f);
        return NULL;
    }
    f->list = first_named(f, "uri_aliases");
    f->choice = first_named(f, "uri_default");
    return f;
}

void fl_remotes_free(struct fl_remotes *f)
{
    if (!f)
        return;
    g_array_unref(f->entries);
    g_array_unref(f->aliases);
    g_free(f);
}
