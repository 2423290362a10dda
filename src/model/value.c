/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The values documents hold: UUIDs, MAC addresses, sizes with units, words of a list, sets of CPUs. */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "model/doc.h"

void fl_uuid_generate(unsigned char *uuid)
{
    g_autofree char *text = g_uuid_string_random();

    (void)fl_uuid_parse(text, uuid);
}

void fl_mac_generate(const char *prefix3, char *buf)
{
    guint32 r = g_random_int();

    g_snprintf(buf, 18, "%s:%02x:%02x:%02x", prefix3, r & 0xff, (r >> 8) & 0xff, (r >> 16) & 0xff);
}

int fl_mac_parse(const char *text, unsigned char *mac)
{
    const char *p = text;

    for (unsigned int i = 0; i < 6; i++) {
        unsigned int digits = 0, byte = 0;

        for (; digits < 2 && isxdigit((unsigned char)*p); digits++)
            byte = byte << 4 | (unsigned int)g_ascii_xdigit_value(*p++);
        if (digits == 0 || (i < 5 && *p++ != ':'))
            return -1;
        mac[i] = (unsigned char)byte;
    }
    return *p ? -1 : 0;
}

int fl_u64_parse(const char *text, unsigned int base, unsigned long long max, unsigned long long *ret)
{
    unsigned long long value;
    const char *p = text;
    char *end = NULL;

    while (isspace((unsigned char)*p))
        p++;
    if (!isxdigit((unsigned char)*p))
        return -1;
    errno = 0;
    value = strtoull(p, &end, (int)base);
    if (errno || end == p || value > max)
        return -1;
    while (isspace((unsigned char)*end))
        end++;
    if (*end)
        return -1;
    *ret = value;
    return 0;
}

int fl_s64_parse(const char *text, long long min, long long max, long long *ret)
{
    long long value;
    char *end = NULL;

    errno = 0;
    value = strtoll(text, &end, 10);
    if (errno || end == text || *end || value < min || value > max)
        return -1;
    *ret = value;
    return 0;
}

static int unit_scale(const char *unit, unsigned long long *ret_scale)
{
    static const char letters[] = "KMGTPE";
    unsigned long long base = 1024, scale = 1;
    const char *found;

    if (g_ascii_strcasecmp(unit, "b") == 0 || g_ascii_strcasecmp(unit, "byte") == 0 ||
        g_ascii_strcasecmp(unit, "bytes") == 0) {
        *ret_scale = 1;
        return 0;
    }
    if (unit[1] && g_ascii_strcasecmp(unit + 1, "iB") != 0) {
        if (g_ascii_strcasecmp(unit + 1, "B") != 0)
            return -1;
        base = 1000;
    }
    found = strchr(letters, g_ascii_toupper(unit[0]));
    if (!found || !*found)
        return -1;
    for (const char *p = letters; p <= found; p++)
        scale *= base;
    *ret_scale = scale;
    return 0;
}

int fl_size_parse(const char *text, const char *unit, unsigned long long scale, unsigned long long max,
                  unsigned long long *ret_bytes)
{
    unsigned long long value;

    if (fl_u64_parse(text, 10, G_MAXUINT64, &value) < 0)
        return -1;
    if (unit && *unit && unit_scale(unit, &scale) < 0)
        return -1;
    if (scale && value > max / scale)
        return -1;
    *ret_bytes = value * scale;
    return 0;
}

int fl_word_index(const char *word, const char *list)
{
    size_t len = strlen(word);
    int index = 0;

    for (const char *p = list; p; index++) {
        const char *bar = strchrnul(p, '|');

        if ((size_t)(bar - p) == len && strncmp(p, word, len) == 0)
            return index;
        p = *bar ? bar + 1 : NULL;
    }
    return -1;
}

bool fl_word_in(const char *word, const char *list)
{
    return fl_word_index(word, list) >= 0;
}

enum { CPUSET_MAX = 16384 };

/* One "N", "N-M" or "^N" at *p. */
static int cpuset_item(const char **p, unsigned char *bits)
{
    bool off = **p == '^';
    char *end = NULL;
    unsigned long from, to;

    if (off)
        (*p)++;
    if (!isdigit((unsigned char)**p))
        return -1;
    from = to = strtoul(*p, &end, 10);
    while (*end == ' ')
        end++;
    if (*end == '-') {
        if (off || !isdigit((unsigned char)end[1]))
            return -1;
        to = strtoul(end + 1, &end, 10);
    }
    if (to < from || to >= CPUSET_MAX)
        return -1;
    for (unsigned long i = from; i <= to; i++)
        bits[i] = !off;
    while (*end == ' ')
        end++;
    *p = end;
    return 0;
}

/* New string in the shortest form, NULL if it is no set. */
char *fl_cpuset_normal(const char *text)
{
    g_autofree unsigned char *bits = g_malloc0(CPUSET_MAX + 1);
    GString *out;
    const char *p = text;

    for (;;) {
        while (*p == ' ')
            p++;
        if (cpuset_item(&p, bits) < 0)
            return NULL;
        if (!*p)
            break;
        if (*p++ != ',')
            return NULL;
    }
    out = g_string_new(NULL);
    for (unsigned int i = 0; i < CPUSET_MAX; i++) {
        unsigned int from = i;

        if (!bits[i])
            continue;
        while (bits[i + 1])
            i++;
        g_string_append_printf(out, from == i ? "%s%u" : "%s%u-%u", out->len ? "," : "", from, i);
    }
    return g_string_free(out, FALSE);
}
