/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the handlers ask about the words they were given. */
#include "shell.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int option_index(struct fl_call *c, const char *name)
{
    for (size_t i = 0; i < c->args->n_options; i++)
        if (strcmp(c->args->options[i].name, name) == 0)
            return (int)i;
    return -1;
}

const char *fl_arg(struct fl_call *c, const char *name)
{
    int i = option_index(c, name);

    return i < 0 ? NULL : c->args->values[i];
}

bool fl_flag(struct fl_call *c, const char *name)
{
    return fl_arg(c, name) != NULL;
}

char **fl_argv(struct fl_call *c, const char *name)
{
    GPtrArray *argv = c->args->argv;

    (void)name;
    if (argv->len == 0 || argv->pdata[argv->len - 1])
        g_ptr_array_add(argv, NULL);
    return (char **)argv->pdata;
}

static int bad_number(struct fl_call *c, const char *name, const char *text, const char *want)
{
    return fl_wrong(c, "option <%s>: '%s' is not %s", name, text, want);
}

static int out_of_range(struct fl_call *c, const char *name, const char *text, long long least,
                        unsigned long long most)
{
    return fl_wrong(c, "option <%s>: '%s' is out of range: it takes whole numbers from %lld to %llu", name,
                    text, least, most);
}

int fl_arg_int(struct fl_call *c, const char *name, int *ret)
{
    const char *text = fl_arg(c, name);
    char *end;
    long value;

    if (!text)
        return 0;
    errno = 0;
    value = strtol(text, &end, 10);
    if (end == text || *end)
        return bad_number(c, name, text, "a whole number");
    if (errno || value < G_MININT || value > G_MAXINT)
        return out_of_range(c, name, text, G_MININT, G_MAXINT);
    *ret = (int)value;
    return 1;
}

int fl_arg_ll(struct fl_call *c, const char *name, long long *ret)
{
    const char *text = fl_arg(c, name);
    char *end;

    if (!text)
        return 0;
    errno = 0;
    *ret = strtoll(text, &end, 10);
    if (end == text || *end)
        return bad_number(c, name, text, "a whole number");
    if (errno)
        return out_of_range(c, name, text, G_MININT64, G_MAXINT64);
    return 1;
}

static int from_zero(struct fl_call *c, const char *name, unsigned long long most, unsigned long long *ret)
{
    const char *text = fl_arg(c, name);
    char *end;

    if (!text)
        return 0;
    errno = 0;
    *ret = strtoull(text, &end, 10);
    if (end == text || *end || strchr(text, '-'))
        return bad_number(c, name, text, "a whole number of 0 or more");
    if (errno || *ret > most)
        return out_of_range(c, name, text, 0, most);
    return 1;
}

int fl_arg_ull(struct fl_call *c, const char *name, unsigned long long *ret)
{
    return from_zero(c, name, ULLONG_MAX, ret);
}

int fl_arg_uint(struct fl_call *c, const char *name, unsigned int *ret)
{
    unsigned long long value;
    int rc = from_zero(c, name, G_MAXUINT, &value);

    if (rc > 0)
        *ret = (unsigned int)value;
    return rc;
}

/* b, k, KiB, KB, m … : powers of 1024, or of 1000 with "B" behind the letter */
static int unit_scale(const char *suffix, unsigned long long *ret)
{
    static const char letters[] = "kmgtpe";
    const char *at;
    unsigned long long base = 1024, scale = 1;

    if (g_ascii_strcasecmp(suffix, "b") == 0 || strcmp(suffix, "byte") == 0 || strcmp(suffix, "bytes") == 0) {
        *ret = 1;
        return 0;
    }
    at = strchr(letters, g_ascii_tolower(suffix[0]));
    if (!suffix[0] || !at)
        return -1;
    if (g_ascii_strcasecmp(suffix + 1, "b") == 0)
        base = 1000;
    else if (suffix[1] && g_ascii_strcasecmp(suffix + 1, "ib") != 0)
        return -1;
    for (long i = at - letters; i >= 0; i--)
        scale *= base;
    *ret = scale;
    return 0;
}

int fl_arg_size(struct fl_call *c, const char *name, unsigned long long unit, unsigned long long max,
                unsigned long long *ret)
{
    static const char want[] = "a size such as 512, 512MiB or 2G";
    const char *text = fl_arg(c, name);
    char *end;
    unsigned long long value, scale = unit;

    if (!text)
        return 0;
    errno = 0;
    value = strtoull(text, &end, 10);
    if (end == text || strchr(text, '-') || (*end && unit_scale(end, &scale) < 0))
        return bad_number(c, name, text, want);
    if (errno || (value && scale > max / value))
        return fl_wrong(c, "option <%s>: '%s' is too large: it takes %llu bytes at most", name, text, max);
    *ret = value * scale;
    return 1;
}

unsigned int fl_flags(struct fl_call *c, ...)
{
    unsigned int flags = 0;
    const char *name;
    va_list ap;

    va_start(ap, c);
    while ((name = va_arg(ap, const char *))) {
        unsigned int bit = va_arg(ap, unsigned int);

        if (fl_flag(c, name))
            flags |= bit;
    }
    va_end(ap);
    return flags;
}

int fl_exclusive(struct fl_call *c, const char *a, const char *b)
{
    if (!fl_flag(c, a) || !fl_flag(c, b))
        return 0;
    return fl_wrong(c, "options --%s and --%s exclude each other", a, b);
}

int fl_needs(struct fl_call *c, const char *option, const char *other)
{
    if (!fl_flag(c, option) || fl_flag(c, other))
        return 0;
    return fl_wrong(c, "option --%s needs --%s", option, other);
}

int fl_affect(struct fl_call *c, unsigned int *ret_flags)
{
    if (fl_exclusive(c, "current", "live") < 0 || fl_exclusive(c, "current", "config") < 0)
        return -1;
    *ret_flags |= fl_flags(c, "config", VIR_DOMAIN_AFFECT_CONFIG, "live", VIR_DOMAIN_AFFECT_LIVE, NULL);
    return 0;
}

bool fl_affect_given(struct fl_call *c)
{
    return fl_flag(c, "current") || fl_flag(c, "live") || fl_flag(c, "config");
}

enum { FILE_MAX = 10 * 1024 * 1024 };

int fl_read_file(struct fl_call *c, const char *path, char **ret_text)
{
    /* Not more than is allowed, whatever it is: some things in /dev have no end. */
    g_autofree char *text = g_malloc(FILE_MAX + 2);
    FILE *file = fopen(path, "re");
    size_t size = file ? fread(text, 1, FILE_MAX + 1, file) : 0;
    bool failed = !file || ferror(file);
    int reason = errno;

    if (file)
        fclose(file);
    if (failed)
        return fl_wrong(c, "cannot read the file '%s': %s", path, g_strerror(reason));
    if (size > FILE_MAX)
        return fl_wrong(c, "the file '%s' is larger than 10 MiB, too large for a description", path);
    text[size] = '\0';
    *ret_text = g_realloc(g_steal_pointer(&text), size + 1);
    return 0;
}

int fl_arg_file(struct fl_call *c, const char *name, char **ret_text)
{
    return fl_read_file(c, fl_arg(c, name), ret_text);
}

int fl_arg_fds(struct fl_call *c, const char *name, int **ret_fds, unsigned int *ret_n)
{
    g_auto(GStrv) words = NULL;
    g_autofree int *fds = NULL;
    unsigned int n = 0;

    *ret_fds = NULL;
    *ret_n = 0;
    if (!fl_arg(c, name))
        return 0;
    words = g_strsplit(fl_arg(c, name), ",", 0);
    fds = g_new0(int, g_strv_length(words) + 1);
    for (; words[n]; n++) {
        char *end;
        long fd = strtol(words[n], &end, 10);

        if (end == words[n] || *end || fd < 0 || fd > G_MAXINT)
            return fl_wrong(c, "option --%s: '%s' is not a file descriptor number", name, words[n]);
        fds[n] = (int)fd;
    }
    *ret_fds = g_steal_pointer(&fds);
    *ret_n = n;
    return 0;
}
