/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The bare limits: what the machine itself allows, with the bytes of the measured thing and nothing around
 * them. */
#pragma once

#include <netinet/in.h>
#include <stddef.h>

#define REQUEST 56 /* frames of the measured call, virDomainIsActive of "test" (tests/bench looks) */
#define REPLY   32

double bare_now_us(void);
/* Prints {"what", "n", "mean_us", "p50_us", "p99_us"}; sorts. */
void bare_report(const char *what, double *us, size_t n);
int bare_listen(struct sockaddr_in *ret_at); /* on loopback, any port */
int bare_dial(const struct sockaddr_in *to);
/* Two connected sockets: a pair of unix ones, or TCP over loopback. -1 with errno. */
int bare_pair(int tcp, int ret_fds[2]);

/* bare_threads.c: n ping-pongs of each thread, all at once. */
int bare_threads(int tcp, size_t threads, size_t n);

/* bare_copy.c: how much of FILE goes through a socket: "up" into it, "down" out of it. */
int bare_copy(const char *way, int tcp, size_t bytes, const char *file);

/* bare_tls.c: certificates are below `dir` as virsh pki lays them out flat. */
int bare_tls_pingpong(size_t n, const char *dir);
int bare_tls_handshakes(size_t n, const char *dir);
/* As bare_copy(); a file to read must be there. */
int bare_tls_copy(const char *way, size_t bytes, const char *file, const char *dir);
