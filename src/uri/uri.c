/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Parser and formatter of URI text: the grammar of RFC 3986 with the liberties of the peer (names in
 * brackets, a bare '%' before an IPv6 zone, scheme:name without slashes).
 */
#define FL_FROM VIR_FROM_URI

#include <string.h>

#include <glib.h>

#include "uri/uri.h"
#include "base/error.h"

#define UNRESERVED_MARKS "-._~"
#define SUB_DELIMS       "!$&'()*+,;="
#define USER_CHARS       SUB_DELIMS ":"
#define HOST_CHARS       SUB_DELIMS
#define LITERAL_CHARS    SUB_DELIMS ":"
#define PATH_CHARS       SUB_DELIMS ":@/"
#define QUERY_CHARS      SUB_DELIMS ":@/?"
#define FRAGMENT_CHARS   SUB_DELIMS ":@/?[]"

/* What is being parsed, for messages that show the place. */
struct parse {
    const char *text;
    struct fl_uri *uri;
};

static int parse_bad(const struct parse *p, const char *at, const char *what)
{
    g_autofree char *shown = g_strndup(p->text, 200);

    return fl_error(VIR_ERR_INTERNAL_ERROR, "cannot read the URI '%s', character %zu: %s", shown,
                    (size_t)(at - p->text) + 1, what);
}

static int parse_bad_char(const struct parse *p, const char *at, const char *part)
{
    unsigned char c = (unsigned char)*at;
    g_autofree char *what = NULL;

    if (c == '%')
        what = g_strdup_printf("expected two hexadecimal digits, not 00, after '%%' in the %s", part);
    else if (c == ' ')
        what = g_strdup_printf("a space cannot stand in the %s; write it as %%20", part);
    else if (g_ascii_isgraph(c))
        what = g_strdup_printf("'%c' cannot stand in the %s; write it as %%%02X", c, part, c);
    else
        what = g_strdup_printf("byte 0x%02x cannot stand in the %s; write it as %%%02X", c, part, c);
    return parse_bad(p, at, what);
}

static bool is_unreserved(char c)
{
    return g_ascii_isalnum(c) || (c && strchr(UNRESERVED_MARKS, c));
}

static bool is_escape(const char *at, const char *end)
{
    return end - at >= 3 && g_ascii_isxdigit(at[1]) && g_ascii_isxdigit(at[2]) &&
           (at[1] != '0' || at[2] != '0');
}

/* Every byte of a part is unreserved, in `extra` or a good escape. */
static int check_part(const struct parse *p, const char *start, const char *end, const char *extra,
                      const char *part)
{
    for (const char *c = start; c < end; c++) {
        if (*c == '%' && is_escape(c, end)) {
            c += 2;
            continue;
        }
        if (!is_unreserved(*c) && !strchr(extra, *c))
            return parse_bad_char(p, c, part);
    }
    return 0;
}

char *fl_uri_unescape(const char *text, size_t len)
{
    g_autofree char *out = g_malloc(len + 1);
    const char *end = text + len;
    size_t n = 0;

    for (const char *c = text; c < end; c++) {
        if (*c != '%') {
            out[n++] = *c;
            continue;
        }
        if (!is_escape(c, end))
            return NULL;
        out[n++] = (char)(g_ascii_xdigit_value(c[1]) * 16 + g_ascii_xdigit_value(c[2]));
        c += 2;
    }
    out[n] = '\0';
    return g_steal_pointer(&out);
}

char *fl_uri_escape(const char *text, const char *keep)
{
    GString *out = g_string_sized_new(strlen(text));

    for (const char *c = text; *c; c++) {
        if (is_unreserved(*c) || (keep && strchr(keep, *c)))
            g_string_append_c(out, *c);
        else
            g_string_append_printf(out, "%%%02X", (unsigned char)*c);
    }
    return g_string_free(out, FALSE);
}

/* A part that was checked and is unescaped into *into. */
static int take_part(const struct parse *p, const char *start, const char *end, const char *extra,
                     const char *part, char **into)
{
    if (check_part(p, start, end, extra, part) < 0)
        return -1;
    *into = fl_uri_unescape(start, end - start);
    return 0;
}

/* What stands between the brackets. A zone may follow as "%25eth0" (RFC 6874) or, as people type it, "%eth0".
 */
static int take_literal(const struct parse *p, const char *start, const char *end)
{
    const char *percent = memchr(start, '%', end - start);
    const char *zone = percent ? percent + 1 : end;
    g_autofree char *zone_text = NULL;

    if (start == end || percent == start)
        return parse_bad(p, start, "expected an IPv6 address between [ and ]");
    if (check_part(p, start, percent ? percent : end, LITERAL_CHARS, "address in brackets") < 0)
        return -1;
    p->uri->bracketed = true;
    if (!percent) {
        p->uri->host = g_strndup(start, end - start);
        return 0;
    }
    if (end - zone > 2 && zone[0] == '2' && zone[1] == '5') {
        zone += 2;
        if (take_part(p, zone, end, "", "zone of the address", &zone_text) < 0)
            return -1;
    } else {
        if (zone == end)
            return parse_bad(p, percent, "expected the name of a network interface after '%'");
        for (const char *c = zone; c < end; c++) {
            if (!is_unreserved(*c))
                return parse_bad_char(p, c, "zone of the address");
        }
        zone_text = g_strndup(zone, end - zone);
    }
    p->uri->host = g_strdup_printf("%.*s%%%s", (int)(percent - start), start, zone_text);
    return 0;
}

static int take_port(const struct parse *p, const char *start, const char *end)
{
    long port = 0;

    if (start == end)
        return parse_bad(p, start, "expected a port number after ':'");
    for (const char *c = start; c < end; c++) {
        if (!g_ascii_isdigit(*c))
            return parse_bad(p, c, "a port is a number; an IPv6 address needs [ ] around it");
        port = port * 10 + (*c - '0');
        if (port > 65535)
            return parse_bad(p, start, "a port is at most 65535");
    }
    p->uri->port = (int)port;
    return 0;
}

/* [user@]host[:port], from behind "//" to the next '/'. */
static int take_authority(const struct parse *p, const char *start, const char *end)
{
    const char *at = memchr(start, '@', end - start);
    const char *host = at ? at + 1 : start;
    const char *host_end;

    if (at && at > start && take_part(p, start, at, USER_CHARS, "user name", &p->uri->user) < 0)
        return -1;
    if (host < end && *host == '[') {
        host_end = memchr(host, ']', end - host);
        if (!host_end)
            return parse_bad(p, host, "the '[' is never closed");
        if (take_literal(p, host + 1, host_end) < 0)
            return -1;
        host_end++;
        if (host_end < end && *host_end != ':')
            return parse_bad(p, host_end, "expected ':' and a port, or '/', after ']'");
    } else {
        host_end = memchr(host, ':', end - host);
        if (!host_end)
            host_end = end;
        if (host_end > host && take_part(p, host, host_end, HOST_CHARS, "host name", &p->uri->host) < 0)
            return -1;
    }
    if (host_end < end && take_port(p, host_end + 1, end) < 0)
        return -1;
    /* Compat: a port without a host means nothing and is dropped. */
    if (!p->uri->host)
        p->uri->port = 0;
    return 0;
}

/* The scheme ends at the first ':' that comes before any '/'; a relative reference has none. */
static int take_scheme(const struct parse *p, const char *end, const char **ret_rest)
{
    const char *c = p->text;

    while (c < end && *c != ':' && *c != '/')
        c++;
    if (c >= end || *c != ':') {
        *ret_rest = p->text;
        return 0;
    }
    for (const char *s = p->text; s < c; s++) {
        if (!g_ascii_isalpha(*s) && (s == p->text || (!g_ascii_isdigit(*s) && !strchr("+-.", *s))))
            return parse_bad(p, s,
                             "a driver name is letters, digits, '+', '-' and '.', and starts with a letter");
    }
    if (c == p->text)
        return parse_bad(p, c, "expected a driver name before ':'");
    p->uri->scheme = g_strndup(p->text, c - p->text);
    *ret_rest = c + 1;
    return 0;
}

/* Cuts "#fragment" and then "?query" off the end; *ret_end is where the rest stops. */
static int take_tail(const struct parse *p, const char **ret_end)
{
    const char *end = p->text + strlen(p->text);
    const char *mark = strchr(p->text, '#');

    if (mark) {
        if (check_part(p, mark + 1, end, FRAGMENT_CHARS, "fragment") < 0)
            return -1;
        p->uri->fragment = g_strndup(mark + 1, end - mark - 1);
        end = mark;
    }
    mark = memchr(p->text, '?', end - p->text);
    if (mark) {
        if (check_part(p, mark + 1, end, QUERY_CHARS, "parameters") < 0)
            return -1;
        p->uri->query = g_strndup(mark + 1, end - mark - 1);
        end = mark;
    }
    *ret_end = end;
    return 0;
}

static int parse_all(const struct parse *p)
{
    const char *end;
    const char *rest;

    if (take_tail(p, &end) < 0 || take_scheme(p, end, &rest) < 0)
        return -1;
    if (end - rest >= 2 && rest[0] == '/' && rest[1] == '/') {
        const char *authority = rest + 2;

        rest = memchr(authority, '/', end - authority);
        if (!rest)
            rest = end;
        if (take_authority(p, authority, rest) < 0)
            return -1;
    }
    if (rest < end && take_part(p, rest, end, PATH_CHARS, "path", &p->uri->path) < 0)
        return -1;
    return 0;
}

int fl_uri_parse(const char *text, struct fl_uri **ret_uri)
{
    fl_autouri struct fl_uri *uri = g_new0(struct fl_uri, 1);
    struct parse p = { .text = text, .uri = uri };

    if (strnlen(text, FL_URI_MAX_BYTES + 1) > FL_URI_MAX_BYTES)
        return fl_error(VIR_ERR_INTERNAL_ERROR, "the URI is longer than the limit of %d bytes",
                        FL_URI_MAX_BYTES);
    if (parse_all(&p) < 0)
        return -1;
    *ret_uri = g_steal_pointer(&uri);
    return 0;
}

static void format_host(const struct fl_uri *uri, GString *out)
{
    const char *zone = strchr(uri->host, '%');

    if (!uri->bracketed && !strchr(uri->host, ':')) {
        g_autofree char *host = fl_uri_escape(uri->host, HOST_CHARS);

        g_string_append(out, host);
    } else if (!zone) {
        g_string_append_printf(out, "[%s]", uri->host);
    } else {
        /* A plain zone keeps its plain '%'; one that could be misread is escaped. */
        g_autofree char *escaped = fl_uri_escape(zone + 1, "");
        bool plain =
            strcmp(escaped, zone + 1) == 0 && (strncmp(escaped, "25", 2) != 0 || strlen(escaped) <= 2);

        g_string_append_printf(out, "[%.*s%%%s%s]", (int)(zone - uri->host), uri->host, plain ? "" : "25",
                               escaped);
    }
    if (uri->port)
        g_string_append_printf(out, ":%d", uri->port);
}

char *fl_uri_format(const struct fl_uri *uri)
{
    GString *out = g_string_new(NULL);

    if (uri->scheme)
        g_string_append_printf(out, "%s:", uri->scheme);
    if (uri->scheme || uri->host || uri->user)
        g_string_append(out, "//");
    if (uri->user) {
        g_autofree char *user = fl_uri_escape(uri->user, USER_CHARS);

        g_string_append_printf(out, "%s@", user);
    }
    if (uri->host)
        format_host(uri, out);
    if (uri->path) {
        /* Compat: ':' in a path is escaped though it need not be. */
        g_autofree char *path = fl_uri_escape(uri->path, SUB_DELIMS "@/");

        g_string_append(out, path);
    }
    if (uri->query)
        g_string_append_printf(out, "?%s", uri->query);
    if (uri->fragment)
        g_string_append_printf(out, "#%s", uri->fragment);
    return g_string_free(out, FALSE);
}

void fl_uri_free(struct fl_uri *uri)
{
    if (!uri)
        return;
    g_free(uri->scheme);
    g_free(uri->user);
    g_free(uri->host);
    g_free(uri->path);
    g_free(uri->query);
    g_free(uri->fragment);
    g_free(uri);
}
