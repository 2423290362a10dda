/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Taking in clients: on the first I/O thread, which keeps who comes while nobody else is here, so that
 * opening takes no other thread; the thread with the fewest peers gets the others. Nobody is turned away for
 * want of a place: the listeners rest, and who comes waits in the kernel's queue.
 */
#pragma once

#include <stdbool.h>

struct fl_acceptor;
struct fl_io;
struct fl_listeners;
struct fl_peer;
struct fl_server;

/* Takes the listeners over. The I/O threads stay the caller's: n of them. */
struct fl_acceptor *fl_acceptor_new(struct fl_server *server, struct fl_listeners *listeners,
                                    struct fl_io *const *io, unsigned int n);
int fl_acceptor_start(struct fl_acceptor *a); /* once limits are set. -1 with the error set */
/* No more are taken in, and the sockets are gone. Any number of times. */
void fl_acceptor_end(struct fl_acceptor *a);
void fl_acceptor_free(struct fl_acceptor *a); /* the I/O threads have ended */

void fl_acceptor_set_limits(struct fl_acceptor *a, unsigned int max_clients, unsigned int max_anonymous);
unsigned int fl_acceptor_count(struct fl_acceptor *a); /* clients that are in */
/* Whether nobody is in, and nobody will be from now on. */
bool fl_acceptor_end_if_empty(struct fl_acceptor *a);
void fl_acceptor_peer_authenticated(struct fl_acceptor *a, struct fl_peer *peer);
/* `peer` may be NULL: it could not be made. true: it was the last. */
bool fl_acceptor_peer_gone(struct fl_acceptor *a, struct fl_peer *peer);

/* For the main thread, after that; `retry`: the time below is over. */
void fl_acceptor_again(struct fl_acceptor *a, bool retry);
/* Milliseconds until accepting is to be tried again, since descriptors ran out; -1: they did not. */
int fl_acceptor_retry_ms(struct fl_acceptor *a);
