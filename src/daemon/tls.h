/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The daemon's certificates: looked at when it listens for TLS, loaded with the first client, and again when
 * a file changes or the settings are read again. Without usable ones the daemon runs on: TLS clients are
 * turned away, and the log says why. Held by server.c; peers (peer.c) use the calls at the end.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include "config/daemon_conf.h"

struct fl_job;
struct fl_tls_host;
struct fl_transport;

/* Has module and certificates looked at by a process of its own, which ends: they are loaded here with the
 * first client. Before there are threads. */
struct fl_tls_host *fl_tls_host_new(const struct fl_daemon_conf *conf, bool privileged);
/* Once there may be threads. What to wait for until that process has something to say, then call
 * fl_tls_host_hear_check(), which closes it at the end; -1: nothing. A problem is logged and looked at again
 * when files change. */
int fl_tls_host_begin(struct fl_tls_host *host);
void fl_tls_host_hear_check(struct fl_tls_host *host);
/* New settings, for connections from now on. Any thread. */
void fl_tls_host_configure(struct fl_tls_host *host, const struct fl_daemon_conf *conf);
/* Has the job run by the thread that looks at the files, in turn. Any thread. */
void fl_tls_host_submit(struct fl_tls_host *host, struct fl_job *job);
/* Drops what waits there, and ends that thread. false: it hangs, and nothing it knows may be freed. */
bool fl_tls_host_end(struct fl_tls_host *host, int64_t wait_us);
void fl_tls_host_free(struct fl_tls_host *host);

/* In such a job: a session over an accepted socket, taken over in any case. NULL with the error set: no
 * usable certificates. */
struct fl_transport *fl_tls_host_accept(struct fl_tls_host *host, int fd);
/* One step of its handshake: 0 = done and let in, -FL_AGAIN, -1 with the error set. */
int fl_tls_handshake(struct fl_transport *transport);
/* The name in the client's certificate, or NULL: none shown, or not checked. */
const char *fl_tls_client_name(struct fl_transport *transport);
