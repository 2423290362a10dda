/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libvirt.conf as text to be changed in one place: names for URIs (`uri_aliases`) and the default
 * (`uri_default`). Every other byte stays: comments, order, blanks, ends of lines. Pure: text in, text out.
 *
 * What the syntax is stands in docs/uri.md and in man libvirt.conf(5). A text that the library would refuse
 * is refused here too, with its line, and so is a change that would not read back as exactly what was asked.
 * Called by cmd_remote.c; the unit test and the fuzz target drive it directly.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <glib.h>

#define FL_REMOTES_MAX_BYTES (1024 * 1024)

/* Where something stands in the text: [begin, end), and its line from 1. */
struct fl_remote_span {
    size_t begin, end;
    int line;
};

struct fl_remote {
    char *name, *uri;
    struct fl_remote_span at; /* the quoted text */
};

struct fl_remote_entry {
    char *name;
    struct fl_remote_span all, value; /* "name = value"; its value */
    char *text;                       /* a text's contents, else NULL */
    bool list;
};

/* What one file says. */
struct fl_remotes {
    GArray *entries; /* struct fl_remote_entry, all settings of the file */
    GArray *aliases; /* struct fl_remote, of the uri_aliases that counts, in order */
    const struct fl_remote_entry *list, *choice; /* the uri_aliases and uri_default that count, or NULL */
};

/* NULL: *ret_error says what is wrong and in which line. */
struct fl_remotes *fl_remotes_read(const char *text, size_t len, char **ret_error);
void fl_remotes_free(struct fl_remotes *r);

bool fl_remote_name_ok(const char *name);
/* NULL: fine; else what is wrong with it. */
const char *fl_remote_uri_problem(const char *uri);
/* The one that counts of equal names. */
const struct fl_remote *fl_remotes_find(const struct fl_remotes *r, const char *name);

/* New texts; NULL with *ret_error. `replace`: the name may be there already. */
char *fl_remotes_add(const char *text, const char *name, const char *uri, bool replace, char **ret_error);
char *fl_remotes_remove(const char *text, const char *name, char **ret_error);
/* NULL removes the default. */
char *fl_remotes_use(const char *text, const char *choice, char **ret_error);
