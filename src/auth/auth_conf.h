/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * auth.conf: answers to the questions of a login, kept in a file.
 *
 *     # comment
 *     [credentials-NAME]             a set of answers
 *     authname=fred
 *     password=secret
 *     [auth-SERVICE-HOST]            which set serves for whom; HOST "default": for all without a section
 *     credentials=NAME
 *
 * SERVICE is "libvirt" (SASL), "ssh" or "test" (a test host with users, on "localhost"). Spaces around keys
 * and values do not count; of equal keys in a section the last counts, equal sections add up. Every error
 * says FILE:LINE and what was expected there. Called by credentials.c.
 */
#pragma once

#include <stddef.h>
#include <glib.h>

#define FL_AUTH_CONF_MAX_BYTES (256 * 1024)
#define FL_AUTH_CONF_MAX_KEYS  4096

struct fl_auth_conf;

/* Reads `len` bytes of text; `filename` is only for messages. */
int fl_auth_conf_parse(const char *filename, const char *text, size_t len, struct fl_auth_conf **ret_conf);
/* Reads a file; warns when others than its owner can read it. */
int fl_auth_conf_load(const char *path, struct fl_auth_conf **ret_conf);
void fl_auth_conf_free(struct fl_auth_conf *conf); /* wipes the values */
static inline void fl_auth_conf_clear_(struct fl_auth_conf **c)
{
    fl_auth_conf_free(*c);
}
#define fl_autoauthconf __attribute__((cleanup(fl_auth_conf_clear_)))

/* What was found, and where. */
struct fl_auth_conf_answer {
    const char *value; /* the file's; valid as long as the configuration */
    const char *set;   /* NAME of the section it stands in */
    int line;
};

/* 1: *ret_answer is written. 0: the file has no answer for this login. -1: the section for it names no set,
 * or one that is not there. `host` NULL means "localhost". */
int fl_auth_conf_find(const struct fl_auth_conf *conf, const char *service, const char *host, const char *key,
                      struct fl_auth_conf_answer *ret_answer);

/* Which file counts: LIBVIRT_AUTH_FILE, `authfile` (of the URI), the user's, the machine's. NULL: there is
 * none. The first two count even when they are not there (reading them is an error then). Free with g_free().
 * *ret_named_by, unless NULL: "LIBVIRT_AUTH_FILE", "authfile= in the URI" or NULL. */
char *fl_auth_conf_path(const char *authfile, const char **ret_named_by);
