/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The library tells each thing that it tried as a line for people, "/run/x-sock: absent". Here are the shapes
 * such lines have; one of another shape is only told as the text it is.
 */
#include "findings.h"
#include "shell.h"

#include <string.h>

/* Groups: what, port, file, state; `state` stands in where the line has none. */
static const struct shape {
    const char *stage, *kind, *pattern, *state;
} shapes[] = {
    { "lookup", "address", "^(?<what>[0-9A-Fa-f:.]+(%\\S+)?)$", "found" },
    { "connect", "path", "^(?<what>/.*?): (?<state>.+)$", NULL },
    { "connect", "address", "^(connect to address )?(?<what>\\S+) port (?<port>\\d+): (?<state>.+)$", NULL },
    { "connect", "unit", "^(?<what>libvirtd|virt[a-z]+d): (?<state>.+)$", NULL },
    { "ssh-auth", "method", "^Next authentication method: (?<what>\\S+)$", "tried" },
    { "ssh-auth", "method",
      "^(?<what>none|agent|privkey|password|keyboard-interactive|certificate)( (?<file>/[^:]*))?: "
      "(?<state>.+)$",
      NULL },
    { "auth", "method", "^SASL mechanism: (?<what>\\S+)$", "tried" },
};

static const char fact[] = "^(?<key>[^:]+): +(?<value>.*)  \\((?<why>.*)\\)$";

/* One group of the match as text under its name, if it took part. */
static void put(void *object, GMatchInfo *match, const char *name, bool number)
{
    g_autofree char *value = g_match_info_fetch_named(match, name);

    if (!value || !*value)
        return;
    if (number)
        fl_json_set_int(object, name, g_ascii_strtoll(value, NULL, 10));
    else
        fl_json_set(object, name, fl_json_string(value));
}

/* The match of `line`, or NULL; freed with g_match_info_free(). */
static GMatchInfo *match_of(const char *pattern, const char *line)
{
    g_autoptr(GRegex) regex = g_regex_new(pattern, G_REGEX_DUPNAMES, 0, NULL);
    GMatchInfo *match = NULL;

    if (g_regex_match(regex, line, 0, &match))
        return match;
    g_match_info_free(match);
    return NULL;
}

/* NULL: it is of no such shape. */
static void *attempt(const char *stage, const char *line)
{
    for (size_t i = 0; i < G_N_ELEMENTS(shapes); i++) {
        GMatchInfo *match = strcmp(shapes[i].stage, stage) == 0 ? match_of(shapes[i].pattern, line) : NULL;
        void *object;

        if (!match)
            continue;
        object = fl_json_object();
        fl_json_set(object, "kind", fl_json_string(shapes[i].kind));
        put(object, match, "what", false);
        put(object, match, "port", true);
        put(object, match, "file", false);
        if (shapes[i].state)
            fl_json_set(object, "state", fl_json_string(shapes[i].state));
        else
            put(object, match, "state", false);
        g_match_info_free(match);
        return object;
    }
    return NULL;
}

static void *fact_of(const char *stage, const char *line)
{
    GMatchInfo *match = strcmp(stage, "resolve") == 0 ? match_of(fact, line) : NULL;
    void *object;

    if (!match)
        return NULL;
    object = fl_json_object();
    put(object, match, "key", false);
    put(object, match, "value", false);
    put(object, match, "why", false);
    g_match_info_free(match);
    return object;
}

/* Columns are for people: one blank is enough. */
static char *without_padding(const char *line)
{
    g_auto(GStrv) words = g_strsplit(line, " ", -1);
    GString *text = g_string_new("");

    for (char **w = words; *w; w++)
        if (**w)
            g_string_append_printf(text, "%s%s", text->len ? " " : "", *w);
    return g_string_free(text, FALSE);
}

static void add(void **array, void *object)
{
    if (!object)
        return;
    if (!*array)
        *array = fl_json_array();
    fl_json_append(*array, object);
}

void fl_findings_json(void *row, const char *stage, const char *const *lines, unsigned int n)
{
    void *findings = fl_json_array(), *facts = NULL, *tried = NULL;

    for (unsigned int i = 0; i < n; i++) {
        g_autofree char *valid = g_utf8_make_valid(lines[i], -1), *text = without_padding(valid);

        fl_json_append(findings, fl_json_string(text));
        add(&facts, fact_of(stage, valid));
        add(&tried, attempt(stage, valid));
    }
    fl_json_set(row, "findings", findings);
    if (facts)
        fl_json_set(row, "facts", facts);
    fl_json_set(row, "tried", tried ? tried : fl_json_array());
}
