/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libvirtd.conf, the daemon's settings. One table (fl_daemon_keys) describes every key: name, type, default,
 * check and a line of help; reading, defaults and the manual page all come from it. Called by the daemon at
 * start and reload.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#ifndef FL_SYSCONFDIR
#define FL_SYSCONFDIR "/etc"
#endif

enum fl_daemon_auth { FL_DAEMON_AUTH_NONE, FL_DAEMON_AUTH_SASL, FL_DAEMON_AUTH_POLKIT };

enum fl_key_type {
    FL_KEY_BOOL,   /* bool */
    FL_KEY_INT,    /* int */
    FL_KEY_UINT,   /* unsigned int */
    FL_KEY_TEXT,   /* char *, NULL = not set */
    FL_KEY_LIST,   /* char **, NULL = not set (an empty list is set and empty) */
    FL_KEY_PERMS,  /* mode_t, written as "0770" */
    FL_KEY_AUTH,   /* enum fl_daemon_auth, written "none", "sasl" or "polkit" */
    FL_KEY_UNUSED, /* accepted for old files; has no effect */
};

struct fl_daemon_conf {
    char *filename;

    bool listen_tls;
    bool listen_tcp;
    char *tls_port; /* number or service name */
    char *tcp_port;
    char *listen_addr;

    char *unix_sock_group;
    mode_t unix_sock_ro_perms;
    mode_t unix_sock_rw_perms;
    mode_t unix_sock_admin_perms;
    char *unix_sock_dir;
    char **also_listen_as; /* names of daemons */

    enum fl_daemon_auth auth_unix_ro;
    enum fl_daemon_auth auth_unix_rw;
    enum fl_daemon_auth auth_tcp;
    enum fl_daemon_auth auth_tls;
    unsigned int tcp_min_ssf;
    char **access_drivers;
    char **sasl_allowed_username_list;

    char *key_file;
    char *cert_file;
    char *ca_file;
    char *crl_file;
    bool tls_no_sanity_certificate;
    bool tls_no_verify_certificate;
    char **tls_allowed_dn_list;
    char *tls_priority;

    unsigned int max_clients;
    unsigned int max_queued_clients;
    unsigned int max_anonymous_clients; /* 0 = no limit of its own */
    unsigned int login_timeout;         /* seconds */
    unsigned int min_workers;
    unsigned int max_workers;
    unsigned int prio_workers;
    unsigned int max_client_requests;

    unsigned int admin_min_workers;
    unsigned int admin_max_workers;
    unsigned int admin_max_clients;
    unsigned int admin_max_queued_clients;
    unsigned int admin_max_client_requests;

    unsigned int log_level; /* 0 = not set */
    char *log_filters;
    char *log_outputs;

    unsigned int audit_level;
    bool audit_logging;

    char *host_uuid;
    char *host_uuid_source;

    int keepalive_interval; /* seconds; -1 = the daemon never asks */
    unsigned int keepalive_count;
    int admin_keepalive_interval;
    unsigned int admin_keepalive_count;
    unsigned int ovs_timeout; /* seconds */

    char **warnings; /* NULL-terminated: "FILE:LINE: …" for unknown, unused and repeated keys */
};

struct fl_daemon_key {
    const char *name;
    enum fl_key_type type;
    size_t offset;        /* into struct fl_daemon_conf */
    const char *fallback; /* for the manual page: the default, without quotes; NULL = not set */
    long min, max;        /* numbers; max 0 = no bound beyond the type's */
    /* NULL, or what is wrong with a text ("expected a UUID …"); list items are checked one by one. */
    const char *(*check)(const char *text);
    const char *group; /* heading in the manual page */
    const char *help;
    bool network; /* about TCP and TLS: has no effect in a daemon without them */
};

/* Ends with a NULL name. */
extern const struct fl_daemon_key fl_daemon_keys[];

/*
 * Defaults depend on who runs the daemon: polkit and open sockets only when privileged. A daemon with unix
 * sockets only warns about settings for the network. `kind` is a set of these.
 */
enum { FL_DAEMON_CONF_PRIVILEGED = 1, FL_DAEMON_CONF_UNIX_ONLY = 2 };
int fl_daemon_conf_parse(const char *filename, const char *text, size_t len, unsigned int kind,
                         struct fl_daemon_conf **ret_conf);
/* With must_exist an absent file is an error (a file named on the command line), else it means defaults. */
int fl_daemon_conf_load(const char *path, bool must_exist, unsigned int kind,
                        struct fl_daemon_conf **ret_conf);
void fl_daemon_conf_free(struct fl_daemon_conf *conf);
static inline void fl_daemon_conf_clear_(struct fl_daemon_conf **c)
{
    fl_daemon_conf_free(*c);
}
#define fl_autodaemonconf __attribute__((cleanup(fl_daemon_conf_clear_)))
