/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Changes libvirt.conf in one place and reads the result back; see remote_edit.h. */
#include "remote_edit.h"

#include <string.h>

bool fl_remote_name_ok(const char *name)
{
    size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");

    return n > 0 && name[n] == '\0';
}

const char *fl_remote_uri_problem(const char *uri)
{
    const char *p = uri;

    if (!g_ascii_isalpha(*p))
        return "a URI begins with the name of a driver, such as qemu:///system";
    while (g_ascii_isalnum(*p) || *p == '+' || *p == '-' || *p == '.')
        p++;
    if (*p != ':' || !p[1])
        return "a URI has the form DRIVER[+TRANSPORT]://[USER@][HOST][:PORT]/[PATH][?PARAMETERS]";
    for (p = uri; *p; p++)
        if ((unsigned char)*p <= ' ' || *p == 0x7f || *p == '"')
            return "blanks, quotes and control characters are written as %XX in a URI";
    return NULL;
}

const struct fl_remote *fl_remotes_find(const struct fl_remotes *r, const char *name)
{
    for (guint i = 0; i < r->aliases->len; i++) {
        const struct fl_remote *item = &g_array_index(r->aliases, struct fl_remote, i);

        if (strcmp(item->name, name) == 0)
            return item;
    }
    return NULL;
}

static struct fl_remote *item_at(const struct fl_remotes *r, guint i)
{
    return &g_array_index(r->aliases, struct fl_remote, i);
}

/* The end of lines this file has. */
static const char *newline_of(const char *text)
{
    const char *end = strpbrk(text, "\r\n");

    if (!end || *end == '\n')
        return "\n";
    return end[1] == '\n' ? "\r\n" : "\r";
}

static char *replaced(const char *text, size_t begin, size_t end, const char *with)
{
    return g_strdup_printf("%.*s%s%s", (int)begin, text, with, text + end);
}

static char *appended(const char *text, const char *line)
{
    size_t len = strlen(text);
    const char *nl = newline_of(text);
    bool open = len && text[len - 1] != '\n' && text[len - 1] != '\r';

    return g_strconcat(text, open ? nl : "", line, nl, NULL);
}

static bool is_newline(char c)
{
    return c == '\n' || c == '\r';
}

/* Start of the blanks before `at`; *ret_first: nothing else is before it on its line. */
static size_t blanks_before(const char *text, size_t at, bool *ret_first)
{
    while (at > 0 && (text[at - 1] == ' ' || text[at - 1] == '\t'))
        at--;
    *ret_first = at == 0 || is_newline(text[at - 1]);
    return at;
}

static size_t skip_blanks(const char *text, size_t at)
{
    return at + strspn(text + at, " \t");
}

/* The comma after an item, if it has one: the place behind it; else 0. Blanks and lines may be between. */
static size_t behind_comma(const char *text, size_t at)
{
    at += strspn(text + at, " \t\r\n");
    return text[at] == ',' ? at + 1 : 0;
}

static char *add_to_empty(const char *text, const struct fl_remotes *r, const char *item)
{
    const char *nl = newline_of(text);
    g_autofree char *list = g_strdup_printf("[%s  %s,%s]", nl, item, nl);

    return replaced(text, r->list->value.begin, r->list->value.end, list);
}

/* Behind the last item, written as that one is: on a line of its own with the same indent, or beside it. */
static char *add_to_list(const char *text, const struct fl_remotes *r, const char *item)
{
    const struct fl_remote_span *last = &item_at(r, r->aliases->len - 1)->at;
    bool own_line;
    size_t blanks = blanks_before(text, last->begin, &own_line);
    size_t comma = behind_comma(text, last->end);
    g_autofree char *gap =
        own_line ? g_strdup_printf("%s%.*s", newline_of(text), (int)(last->begin - blanks), text + blanks)
                 : g_strdup(" ");
    g_autofree char *piece = g_strdup_printf("%s%s%s%s", comma ? "" : ",", gap, item, comma ? "," : "");
    size_t at = comma ? comma : last->end;

    return replaced(text, at, at, piece);
}

static char *added(const char *text, const struct fl_remotes *r, const char *name, const char *uri)
{
    const struct fl_remote *old = fl_remotes_find(r, name);
    g_autofree char *item = g_strdup_printf("\"%s=%s\"", name, uri);

    if (old)
        return replaced(text, old->at.begin, old->at.end, item);
    if (!r->list) {
        const char *nl = newline_of(text);
        g_autofree char *entry = g_strdup_printf("uri_aliases = [%s  %s,%s]", nl, item, nl);

        return appended(text, entry);
    }
    return r->aliases->len ? add_to_list(text, r, item) : add_to_empty(text, r, item);
}

/* Item i, its comma, and its line when it has one to itself. */
static char *without_item(const char *text, const struct fl_remotes *r, guint i)
{
    size_t begin = item_at(r, i)->at.begin, end = item_at(r, i)->at.end, comma = behind_comma(text, end);
    bool own_line;
    size_t blanks = blanks_before(text, begin, &own_line);

    if (comma)
        end = comma;
    if (own_line && is_newline(text[skip_blanks(text, end)])) {
        begin = blanks;
        end = skip_blanks(text, end);
        end += text[end] == '\r' && text[end + 1] == '\n' ? 2 : 1;
    } else if (comma) {
        end = skip_blanks(text, end);
    } else if (i > 0) {
        begin = item_at(r, i - 1)->at.end;
    }
    return replaced(text, begin, end, "");
}

/* A whole setting; a comment behind it stays, and so does what ';' joins to it. */
static char *without_entry(const char *text, const struct fl_remote_entry *e)
{
    size_t begin = e->all.begin, end = skip_blanks(text, e->all.end);
    bool own_line;
    size_t blanks = blanks_before(text, begin, &own_line);

    if (text[end] == ';')
        end = skip_blanks(text, end + 1);
    else if (own_line && (is_newline(text[end]) || !text[end])) {
        begin = blanks;
        if (text[end])
            end += text[end] == '\r' && text[end + 1] == '\n' ? 2 : 1;
    }
    return replaced(text, begin, end, "");
}

/* What the aliases and the default are, a line each: for comparing before and after. */
static char *summary(const char *text, const struct fl_remotes *r, const char *skip, bool with_default)
{
    GString *s = g_string_new("");

    for (guint i = 0; i < r->aliases->len; i++)
        if (g_strcmp0(item_at(r, i)->name, skip) != 0)
            g_string_append_printf(s, "%s=%s\n", item_at(r, i)->name, item_at(r, i)->uri);
    if (with_default && r->choice)
        g_string_append_printf(s, "default %s\n", r->choice->text);
    for (guint i = 0; i < r->entries->len; i++) {
        const struct fl_remote_entry *e = &g_array_index(r->entries, struct fl_remote_entry, i);

        if (e != r->list && strcmp(e->name, "uri_default") != 0)
            g_string_append_printf(s, "setting %s %.*s\n", e->name, (int)(e->value.end - e->value.begin),
                                   text + e->value.begin);
    }
    return g_string_free(s, FALSE);
}

/* The changed text must read back as the old one but for this. Takes and returns `changed`. */
static char *checked(const char *text, const struct fl_remotes *before, char *changed, const char *name,
                     const char *uri, bool choice, char **ret_error)
{
    g_autofree char *problem = NULL, *old = NULL, *new = NULL;
    struct fl_remotes *after = fl_remotes_read(changed, strlen(changed), &problem);
    bool good = false;

    if (after) {
        const struct fl_remote *found = name ? fl_remotes_find(after, name) : NULL;

        old = summary(text, before, name, !choice);
        new = summary(changed, after, name, !choice);
        good = strcmp(old, new) == 0;
        if (choice)
            good = good && g_strcmp0(after->choice ? after->choice->text : NULL, uri) == 0;
        else
            good = good && g_strcmp0(found ? found->uri : NULL, uri) == 0;
    }
    fl_remotes_free(after);
    if (good)
        return changed;
    *ret_error =
        g_strdup_printf("the file is written in a way that cannot be changed safely (%s); edit it by hand",
                        problem ? problem : "the change would not read back");
    g_free(changed);
    return NULL;
}

char *fl_remotes_add(const char *text, const char *name, const char *uri, bool replace, char **ret_error)
{
    struct fl_remotes *r;
    const struct fl_remote *old;
    const char *problem = fl_remote_uri_problem(uri);
    char *changed = NULL;

    if (!fl_remote_name_ok(name)) {
        *ret_error = g_strdup_printf("'%s' cannot be a name: letters, digits, '_' and '-' are allowed", name);
        return NULL;
    }
    if (strcmp(name, "xen") == 0) { /* the library takes the bare word before it looks among the aliases */
        *ret_error = g_strdup("'xen' always means xen:///system: choose another name");
        return NULL;
    }
    if (problem) {
        *ret_error = g_strdup_printf("'%s' is no URI: %s", uri, problem);
        return NULL;
    }
    r = fl_remotes_read(text, strlen(text), ret_error);
    if (!r)
        return NULL;
    old = fl_remotes_find(r, name);
    if (old && !replace)
        *ret_error = g_strdup_printf("line %d: the name '%s' is there already, for '%s'; --replace gives it "
                                     "the new URI",
                                     old->at.line, name, old->uri);
    else
        changed = checked(text, r, added(text, r, name, uri), name, uri, false, ret_error);
    fl_remotes_free(r);
    return changed;
}

/* Of equal names all go: otherwise the next one would come into force. */
char *fl_remotes_remove(const char *text, const char *name, char **ret_error)
{
    struct fl_remotes *r = fl_remotes_read(text, strlen(text), ret_error);
    char *changed = NULL;

    if (!r)
        return NULL;
    for (guint i = r->aliases->len; i-- > 0;) {
        g_autofree char *before = changed;

        if (strcmp(item_at(r, i)->name, name) == 0)
            changed = without_item(before ? before : text, r, i);
        else
            changed = g_steal_pointer(&before);
    }
    if (changed)
        changed = checked(text, r, changed, name, NULL, false, ret_error);
    else
        *ret_error = g_strdup_printf("there is no remote '%s'; 'remote ls' lists them", name);
    fl_remotes_free(r);
    return changed;
}

static char *without_default(const char *text, const struct fl_remotes *r)
{
    char *changed = g_strdup(text);

    for (guint i = r->entries->len; i-- > 0;) {
        const struct fl_remote_entry *e = &g_array_index(r->entries, struct fl_remote_entry, i);
        g_autofree char *before = changed;

        changed = strcmp(e->name, "uri_default") == 0 ? without_entry(before, e) : g_steal_pointer(&before);
    }
    return changed;
}

char *fl_remotes_use(const char *text, const char *choice, char **ret_error)
{
    struct fl_remotes *r = fl_remotes_read(text, strlen(text), ret_error);
    const char *problem = choice && !fl_remote_name_ok(choice) ? fl_remote_uri_problem(choice) : NULL;
    g_autofree char *quoted = g_strdup_printf("\"%s\"", choice ? choice : "");
    g_autofree char *line = g_strdup_printf("uri_default = %s", quoted);
    char *changed = NULL;

    if (!r)
        return NULL;
    if (problem)
        *ret_error = g_strdup_printf("'%s' is no URI: %s", choice, problem);
    else if (!choice)
        changed = without_default(text, r);
    else if (r->choice)
        changed = replaced(text, r->choice->value.begin, r->choice->value.end, quoted);
    else
        changed = appended(text, line);
    if (changed)
        changed = checked(text, r, changed, NULL, choice, true, ret_error);
    fl_remotes_free(r);
    return changed;
}
