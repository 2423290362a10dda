/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Text for people and scripts; with -o json the same facts as members. */
#include "shell.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void out_va(struct fl_call *c, const char *format, va_list ap)
{
    if (fl_json(c))
        g_string_append_vprintf(c->text, format, ap);
    else
        vprintf(format, ap);
}

void fl_out(struct fl_call *c, const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    out_va(c, format, ap);
    va_end(ap);
}

void fl_extra(struct fl_call *c, const char *format, ...)
{
    va_list ap;

    if (c->sh->quiet)
        return;
    va_start(ap, format);
    out_va(c, format, ap);
    va_end(ap);
}

void fl_field(struct fl_call *c, int width, const char *label, const char *key, const char *format, ...)
{
    g_autofree char *value = NULL;
    va_list ap;

    va_start(ap, format);
    value = g_strdup_vprintf(format, ap);
    va_end(ap);
    if (fl_json(c))
        fl_json_set_text(fl_document(c), key, value);
    else
        printf("%-*s%s\n", width, label, value);
}

int fl_out_xml(struct fl_call *c, const char *xml)
{
    const char *path = fl_arg(c, "xpath");

    if (path)
        return fl_xpath(c, xml, path, fl_flag(c, "wrap"));
    if (fl_json(c))
        fl_json_set(fl_document(c), "xml", fl_json_string(xml));
    else
        printf("%s", xml);
    return 0;
}

int fl_result_(struct fl_call *c, int status, const char *what, const char *name, const char *done)
{
    if (status < 0)
        return fl_fail(c, "failed to %s '%s'", what, name);
    fl_extra(c, done, name);
    return 0;
}

int fl_take_xml(struct fl_call *c, char *xml, const char *what)
{
    int status;

    if (!xml)
        return fl_fail(c, "failed to get the XML of %s", what);
    status = fl_out_xml(c, xml);
    free(xml);
    return status;
}

const char *fl_scale(unsigned long long bytes, double *ret_value)
{
    static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
    double value = (double)bytes;
    size_t i = 0;

    while (value >= 1024 && i + 1 < G_N_ELEMENTS(units)) {
        value /= 1024;
        i++;
    }
    *ret_value = value;
    return units[i];
}

char *fl_size_text(unsigned long long bytes)
{
    double value;
    const char *unit = fl_scale(bytes, &value);

    return g_strdup_printf("%.2lf %s", value, unit);
}

char *fl_harmless(const char *text)
{
    g_autofree char *valid = g_utf8_make_valid(text, -1);
    GString *safe = g_string_sized_new(strlen(valid));

    for (const char *p = valid; *p; p = g_utf8_next_char(p)) {
        gunichar c = g_utf8_get_char(p);

        if (c != '\t' && (c < ' ' || (c >= 0x7f && c < 0xa0)))
            c = ' ';
        g_string_append_unichar(safe, c);
    }
    g_strchomp(safe->str);
    return g_string_free(safe, FALSE);
}

char *fl_without_password(const char *uri)
{
    static GRegex *password;

    if (!uri)
        return NULL;
    if (!password)
        password = g_regex_new("(//[^\\[/?#\\s:'\"][^/?#\\s:'\"]*|//):"
                               "(?:[^/?#\\s'\"]*@|(?!\\d*(?:[/?#\\s'\"]|$))[^'\"\\n]*@)",
                               G_REGEX_OPTIMIZE, 0, NULL);
    return g_regex_replace(password, uri, -1, 0, "\\1:***@", 0, NULL);
}

enum { WORD_MAX = 600, WORD_KEPT = 64 };

char *fl_shortened(const char *text)
{
    GString *out = g_string_new("");

    while (*text) {
        size_t blanks = strspn(text, " \t"), length = strcspn(text + blanks, " \t");
        const char *word = text + blanks, *end = word + length;

        g_string_append_len(out, text, (gssize)blanks);
        if (length > WORD_MAX) {
            const char *head = g_utf8_find_prev_char(word, word + WORD_KEPT),
                       *tail = g_utf8_find_next_char(end - WORD_KEPT, NULL);

            g_string_append_len(out, word, head - word);
            g_string_append_printf(out, "...(%zu bytes)...", (size_t)(tail - head));
            g_string_append_len(out, tail, end - tail);
        } else {
            g_string_append_len(out, word, (gssize)length);
        }
        text = end;
    }
    return g_string_free(out, FALSE);
}

char *fl_timestamp(void)
{
    g_autoptr(GDateTime) now = g_date_time_new_now_utc();
    g_autofree char *text = g_date_time_format(now, "%Y-%m-%d %H:%M:%S");

    return g_strdup_printf("%s.%03d+0000", text, g_date_time_get_microsecond(now) / 1000);
}
