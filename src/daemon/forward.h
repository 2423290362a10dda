/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A client whose connection another daemon serves (virtproxyd). Until it is open the client is served here:
 * authentication, limits, CONNECT_OPEN. From then on its bytes and descriptors are handed on unseen both
 * ways, so calls, events, streams and pings are those of the daemon behind, known here or not. Used by
 * hand_connect.c (begin) and peer.c (bytes).
 *
 * All but fl_forward_open() are called with the peer's lock held.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct fl_forward;
struct fl_peer;

/* Whether a client that asks for `name` (may be NULL or empty) is handed on to a driver's daemon. */
bool fl_forward_wanted(const char *name);
/* Connects to that daemon and opens `name` there; from now on the peer is forwarded. -1 with the error set:
 * there is no such daemon, it cannot be reached, or what it said. Blocks, with a deadline; no lock held. */
int fl_forward_open(struct fl_peer *peer, const char *name, unsigned int flags);

/* I/O thread: one of the two sockets is ready. NULL: goes on; else why the client is to be finished. */
const char *fl_forward_ready(struct fl_peer *peer);
/* Which events the two sockets wait for, after anything has changed. */
void fl_forward_watch(struct fl_peer *peer);
/* When it is given up; INT64_MAX: never. */
int64_t fl_forward_deadline(const struct fl_peer *peer);
/* The daemon behind sees the end: its socket becomes ready. */
void fl_forward_shutdown(struct fl_peer *peer);
/* I/O thread: closes the socket of the daemon behind; what waits is dropped. */
void fl_forward_end(struct fl_peer *peer);
