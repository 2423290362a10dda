/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The daemon as a whole: its listeners, I/O threads, worker pool, limits and settings. The main thread takes
 * signals and waits for what is seldom; clients are taken in by accept.h. Made and run by main.c.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include "config/daemon_conf.h"
#include "daemon/listener.h"
#include "daemon/peer.h"

struct fl_server;
struct fl_tls_host;

struct fl_server_options {
    bool privileged;
    unsigned int conf_kind; /* FL_DAEMON_CONF_… */
    bool verbose;
    bool daemonize;          /* the log cannot go to stderr */
    int timeout;             /* seconds without clients before the end; 0 = stay */
    const char *config_file; /* read again at SIGHUP */
    bool config_given;
};

/* Takes the settings and the listeners over. NULL with the error set. */
struct fl_server *fl_server_new(const struct fl_server_options *options, struct fl_daemon_conf *conf,
                                struct fl_listeners *listeners);
/* Blocks the signals the server takes: before any thread is started. */
void fl_server_block_signals(void);
/* Log level, filters and outputs as the settings and options say; -1: an output they name cannot be opened.
 */
int fl_server_configure_log(const struct fl_server_options *options, const struct fl_daemon_conf *conf);
/* Until a signal or the timeout ends it. */
int fl_server_run(struct fl_server *server);
/* false: a thread hangs in something, with all it knows: the process has to end without looking back. */
bool fl_server_free(struct fl_server *server);

/* For peers. */
struct fl_pool *fl_server_pool(struct fl_server *server);
struct fl_pool *fl_server_logins(struct fl_server *server); /* workers for those who are not let in yet */
int64_t fl_server_login_us(struct fl_server *server);       /* how long a login may take */
unsigned int fl_server_tcp_min_ssf(struct fl_server *server);
bool fl_server_sasl_user_allowed(struct fl_server *server, const char *user);
enum fl_auth_kind fl_server_auth_for(struct fl_server *server, const struct fl_peer *peer);
struct fl_tls_host *fl_server_tls(struct fl_server *server); /* where it listens for TLS */
void fl_server_keepalive(struct fl_server *server, int *ret_interval_s, unsigned int *ret_count);
void fl_server_peer_authenticated(struct fl_server *server, struct fl_peer *peer);
void fl_server_served(struct fl_server *server, size_t length); /* a call with so many bytes of arguments */
void fl_server_wake(struct fl_server *server);                  /* the main thread looks what is due */
/* `peer` NULL: one that was taken in and could not be made. */
void fl_server_peer_gone(struct fl_server *server, struct fl_peer *peer);
