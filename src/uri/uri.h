/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * URI text (RFC 3986) to its parts and back. Called by route.c; knows nothing of drivers or transports.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define FL_URI_MAX_BYTES 65536

/* Strings are owned by the URI and NULL when the part is absent. */
struct fl_uri {
    char *scheme;   /* as written, e.g. "qemu+ssh" */
    char *user;     /* unescaped; an empty one counts as absent */
    char *host;     /* unescaped, no brackets; an IPv6 zone is kept after '%' */
    bool bracketed; /* the host was written in [ ] */
    int port;       /* 0 = none */
    char *path;     /* unescaped: "/system", "system" for qemu:system */
    char *query;    /* raw, without '?'; "" when there is a bare '?' */
    char *fragment; /* raw, without '#' */
};

/* *ret_uri is new; -1 with an error that names the place and what was expected there. */
int fl_uri_parse(const char *text, struct fl_uri **ret_uri);
/* The text as virConnectGetURI gives it back: parts escaped where needed, query and fragment as they came. */
char *fl_uri_format(const struct fl_uri *uri);
void fl_uri_free(struct fl_uri *uri);
static inline void fl_uri_clear_(struct fl_uri **u)
{
    fl_uri_free(*u);
}
#define fl_autouri __attribute__((cleanup(fl_uri_clear_)))

/* Resolves %XX in `len` bytes; NULL for a bad escape or an escaped NUL, without setting an error. */
char *fl_uri_unescape(const char *text, size_t len);
/* Escapes every byte that is neither unreserved nor in `keep` (may be NULL). */
char *fl_uri_escape(const char *text, const char *keep);
