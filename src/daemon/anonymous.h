/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who has connected and not logged in yet, by where from: a user of this machine, an address (IPv6: its /64).
 * Nobody is kept waiting for them: when one origin has its share (a quarter of max_anonymous_clients, at
 * least two), or all have the whole, a connection that waits is closed for the one that comes: of the origin
 * with the most, the oldest that has asked for nothing yet, else the oldest. So silent clients of one origin
 * take places from each other, and never from another origin.
 */
#pragma once

struct fl_anonymous;
struct fl_peer;

struct fl_anonymous *fl_anonymous_new(void);
void fl_anonymous_free(struct fl_anonymous *all); /* all have left */

/* Before the peer is handed to its I/O thread. `max` 0: no limit. *ret_victim, unless NULL, is a reference:
 * close it. */
void fl_anonymous_enter(struct fl_anonymous *all, struct fl_peer *peer, unsigned int max,
                        struct fl_peer **ret_victim);
/* It has logged in, or is gone. Any number of times. */
void fl_anonymous_leave(struct fl_anonymous *all, struct fl_peer *peer);
unsigned int fl_anonymous_count(struct fl_anonymous *all);
