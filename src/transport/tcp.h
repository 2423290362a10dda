/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A TCP connection to whichever address of a name answers first: for tcp, and what stands on it (libssh*). */
#pragma once

#include <stdint.h>

/*
 * Stages lookup and connect. `who` is expected there, for messages ("daemon", "sshd"); `todo` is what helps
 * when the port refuses. *ret_fd: connected, non-blocking, without delay. -1 with the error set.
 */
int fl_tcp_dial(const char *host, int port, int64_t deadline_us, const char *who, const char *todo,
                int *ret_fd);
/* Before waiting for an answer that may come in two parts: a sender that holds the second one back until the
 * first is acknowledged (sshd) is not kept waiting. Harmless on other descriptors. */
void fl_tcp_hasten(int fd);
