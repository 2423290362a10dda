/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What stream.c (life), stream_in.c (from the peer) and stream_out.c (towards the peer) share. */
#pragma once

#include "core/stream.h"
#include "daemon/peer.h"
#include "daemon/stream.h"

#define FL_STREAM_DIRECT (16u << 10) /* packets from here on move without a copy */

enum fl_packet_kind { PACKET_DATA, PACKET_HOLE, PACKET_FINISH, PACKET_ABORT };

struct fl_packet {
    struct fl_packet *next;
    enum fl_packet_kind kind;
    int64_t hole;
    size_t length, room;
    unsigned char data[];
};

#define FL_STREAM_SPARES 8u /* packets kept for the next ones: fresh memory costs more than the copy */

/* Everything but `stream` is guarded by peer->lock. */
struct fl_served_stream {
    struct fl_served_stream *next; /* of the same peer */
    unsigned int refs;
    struct fl_peer *peer;
    virStreamPtr stream;
    struct fl_header header; /* of the call that opened it */
    bool to_peer;            /* the client reads it */
    bool sparse;
    bool ending; /* the peer has said so: what the reader meets from now on is no news */
    bool over;   /* no more packets either way */
    bool quick;  /* the driver's end never waits: no thread for its packets */
    bool has_writer;
    GCond input; /* a packet came, or over */
    struct fl_packet *head, *tail;
    size_t queued;
    struct fl_packet *part; /* comes past the session (peer->diverted); the reference is held by it */
    size_t part_got;
    struct fl_packet *spares;
    unsigned int nspares;
};

/* stream.c */
bool fl_served_goes_on(const struct fl_served_stream *s); /* lock held */
bool fl_served_is_over(struct fl_served_stream *s);
void fl_served_unref_locked(struct fl_served_stream *s); /* may let the lock go for a moment */
void fl_served_end_locked(struct fl_served_stream *s);
void fl_served_fail(struct fl_served_stream *s); /* with the thread's error; no lock */
void fl_served_drop_part(struct fl_peer *peer);  /* stream_in.c; lock held */

/* A thread that holds a reference of the stream's and the peer's. Lock held. */
int fl_served_start_thread(struct fl_served_stream *s, GThreadFunc function);
/* The two threads. */
gpointer fl_served_reader(gpointer opaque);
gpointer fl_served_writer(gpointer opaque);

/* stream_out.c: until nothing waits to be written before the next packet. Lock held. */
void fl_served_drain(struct fl_served_stream *s);
/* The reader met an error. No news when the stream is over: it was closed under the reader's hands then. */
void fl_served_fail_reading(struct fl_served_stream *s);

/* stream_file.c: the reader's way from a file straight to the socket. */
struct fl_file_way {
    int file, socket; /* descriptors of its own; -1: there is no such way */
};
void fl_file_way_init(struct fl_file_way *way, struct fl_served_stream *s);
void fl_file_way_fini(struct fl_file_way *way);
/* The next packet. 1 = moved, 0 = the stream has to be asked, -1 = it is over. */
int fl_file_way_step(struct fl_file_way *way, struct fl_served_stream *s);
