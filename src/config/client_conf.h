/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libvirt.conf, the client's settings: which URI to open by default, names for URIs, and how to reach
 * daemons. Loaded by the core when a connection is opened and handed to the URI resolver; every item keeps
 * its line so that the resolver can say where a choice came from.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#ifndef FL_SYSCONFDIR
#define FL_SYSCONFDIR "/etc"
#endif

struct fl_alias {
    char *name; /* letters, digits, '_' and '-' */
    char *uri;
    int line;
};

/* A text and the line that set it; text is NULL when it is not set. */
struct fl_conf_item {
    char *text;
    int line;
};

#define FL_SECONDS_MAX 1000000000 /* of any limit on time: as microseconds it fits 64 bits */

/* A number and the line that set it; line 0: it is not set. */
struct fl_conf_seconds {
    int seconds;
    int line;
};

struct fl_client_conf {
    char *filename;
    struct fl_alias *aliases; /* in file order; of equal names the first counts */
    size_t naliases;
    char *alias_error; /* what is wrong with the alias after those; judged when the search gets that far */
    struct fl_conf_item uri_default;
    struct fl_conf_item remote_mode;  /* "auto", "direct", "legacy"; judged when a remote route needs it */
    struct fl_conf_item remote_proxy; /* "auto", "netcat", "native" */
    struct fl_conf_item tls_priority;
    struct fl_conf_seconds connect_timeout; /* of ours: other clients pass over them */
    struct fl_conf_seconds call_timeout;
    struct fl_conf_seconds reconnect;
};

/* FL_SYSCONFDIR/libvirt/libvirt.conf for the super-user, else $XDG_CONFIG_HOME/libvirt/libvirt.conf
 * (~/.config when that variable is unset or relative). Free with g_free(). */
char *fl_client_conf_path(bool privileged);

/* From the file at fl_client_conf_path(), from any file, from text. An absent file gives empty settings. */
int fl_client_conf_load(bool privileged, struct fl_client_conf **ret_conf);
int fl_client_conf_load_file(const char *path, struct fl_client_conf **ret_conf);
int fl_client_conf_parse(const char *filename, const char *text, size_t len,
                         struct fl_client_conf **ret_conf);
void fl_client_conf_free(struct fl_client_conf *conf);
static inline void fl_client_conf_clear_(struct fl_client_conf **c)
{
    fl_client_conf_free(*c);
}
#define fl_autoclientconf __attribute__((cleanup(fl_client_conf_clear_)))

/* Whether all of `text` could name an alias (letters, digits, '_', '-'; not empty). */
bool fl_alias_name_ok(const char *text);
/* NULL when there is none; conf may be NULL. */
const struct fl_alias *fl_client_conf_find_alias(const struct fl_client_conf *conf, const char *name);
