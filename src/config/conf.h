/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The .conf syntax shared by libvirt.conf, libvirtd.conf and their kin:
 *
 *     # comment
 *     name = 5                      numbers, with an optional sign
 *     name = "text" or 'text'       one line, no escapes
 *     name = """text"""             may run over lines
 *     name = [ "a", "b", ]          may run over lines; a last comma is fine; no comments inside
 *     a = 1; b = 2                  ';' ends an entry like a line does
 *
 * Names are letters, digits and '_', starting with a letter. When a name is set twice the first one counts.
 * Every error says FILE:LINE and what was expected there. Called by the settings readers beside it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <glib.h>

#define FL_CONF_MAX_BYTES   (1024 * 1024)
#define FL_CONF_MAX_ENTRIES 4096
#define FL_CONF_MAX_ITEMS   4096

enum fl_conf_type { FL_CONF_NUMBER, FL_CONF_TEXT, FL_CONF_LIST };

struct fl_conf_value {
    enum fl_conf_type type;
    int line;      /* where it starts, from 1 */
    gint64 number; /* FL_CONF_NUMBER */
    char *text;    /* FL_CONF_TEXT */
    GArray *items; /* FL_CONF_LIST: struct fl_conf_value, never a list itself */
};

struct fl_conf_entry {
    char *name;
    struct fl_conf_value value;
};

struct fl_conf {
    char *filename;  /* as errors name it */
    GArray *entries; /* struct fl_conf_entry, in file order */
};

/* Reads `len` bytes of text; `filename` is only for messages. */
int fl_conf_parse(const char *filename, const char *text, size_t len, struct fl_conf **ret_conf);
/* Reads a file; an absent one is an empty configuration. */
int fl_conf_load(const char *path, struct fl_conf **ret_conf);
void fl_conf_free(struct fl_conf *conf);
static inline void fl_conf_clear_(struct fl_conf **c)
{
    fl_conf_free(*c);
}
#define fl_autoconf __attribute__((cleanup(fl_conf_clear_)))

/* The entry that counts for `name`, NULL when it is not set. */
const struct fl_conf_entry *fl_conf_find(const struct fl_conf *conf, const char *name);

/* Getters: 1 and *ret_x written, 0 when the name is not set (*ret_x untouched), -1 for the wrong type or
 * range. */
int fl_conf_get_string(const struct fl_conf *conf, const char *name, char **ret_text);
int fl_conf_get_int(const struct fl_conf *conf, const char *name, int *ret_number);
int fl_conf_get_uint(const struct fl_conf *conf, const char *name, unsigned int *ret_number);
int fl_conf_get_bool(const struct fl_conf *conf, const char *name, bool *ret_flag);
/* A single text counts as a list of one when `lone_ok`. The result is NULL-terminated, free with
 * g_strfreev(). */
int fl_conf_get_strings(const struct fl_conf *conf, const char *name, bool lone_ok, char ***ret_list);
