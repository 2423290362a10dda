/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * I/O threads: each owns an epoll set and the peers in it. A peer's bytes are read and its quick calls served
 * by its thread only; writing happens wherever a frame is ready, under the peer's lock.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct fl_io;
struct fl_peer;

struct fl_io *fl_io_new(unsigned int number); /* starts the thread; NULL with the error set */
/* Ends every peer of the thread, then the thread. What a worker is about to say to one of them may still
 * come, and is for nobody: freed once there are no workers. */
void fl_io_stop(struct fl_io *io);
void fl_io_free(struct fl_io *io);

/* Takes the caller's reference: the thread lets go of it when the peer is gone. -1 with the error set. */
int fl_io_add(struct fl_io *io, struct fl_peer *peer, int fd);
unsigned int fl_io_count(const struct fl_io *io);

/* A descriptor of somebody else's in the thread's set: ready() is called there when it can be read. It stays
 * until it is closed. From any thread. */
struct fl_io_guest {
    int fd;
    void (*ready)(struct fl_io_guest *guest);
};
int fl_io_add_guest(struct fl_io *io, struct fl_io_guest *guest); /* -1 with the error set */
void fl_io_want_guest(struct fl_io *io, struct fl_io_guest *guest, uint32_t events);

/* From any thread, with the peer's lock held: which of EPOLLIN and EPOLLOUT the peer waits for. */
void fl_io_want(struct fl_io *io, struct fl_peer *peer, int fd, uint32_t events);
/* The same where nothing may be waited for (the socket is then not watched at all), of the peer's own socket
 * or a second one: `was` and `events` are what it waited for and shall, 0 at first. */
void fl_io_watch(struct fl_io *io, struct fl_peer *peer, bool second, int fd, uint32_t was, uint32_t events);
/* From any thread: fl_peer_tick() is due at this time, no later. */
void fl_io_tick_by(struct fl_io *io, int64_t when_us);
/* From any thread: the peer has events queued, fl_peer_write_events() is due. */
void fl_io_write_soon(struct fl_io *io, struct fl_peer *peer);
/* From the peer's thread: takes it out of the set; it is finished once the present round is over. */
void fl_io_remove(struct fl_io *io, struct fl_peer *peer, int fd);
/* Which peer the thread is handling, NULL for none; and whether it is that one, asked from any thread. */
void fl_io_set_handling(struct fl_io *io, struct fl_peer *peer);
bool fl_io_is_handling(const struct fl_io *io, const struct fl_peer *peer);
void **fl_io_spare(struct fl_io *io);          /* fl_session_options.spare of its peers */
bool fl_io_is_current(const struct fl_io *io); /* called on its thread */
