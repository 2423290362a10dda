/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What client_stream.c (the caller's side) and client_stream_in.c (the reader's side) share. All of it under
 * the client's lock. */
#pragma once

#include "rpc/client_private.h"

struct fl_packet {
    struct fl_packet *next;
    size_t len, at, room;
    int64_t hole; /* > 0: a hole of this length, no data */
    unsigned char data[];
};

/* A thread that waits for this stream. */
struct fl_stream_waiter {
    struct fl_waiter w;
    struct fl_stream_waiter *next;
};

#define FL_SPARES 8u /* blocks of packets kept for the next ones: fresh memory costs more than the copy */

struct fl_client_stream {
    struct fl_client *c;
    struct fl_header h; /* of the opening call */
    bool attached;      /* the session knows it */
    bool eof;           /* the far side's data has ended */
    bool finished;      /* the far side agreed that all is done */
    bool closed;        /* our side finished or aborted */
    bool sparse;
    bool full;
    virErrorPtr error;
    struct fl_packet *first, **last;
    size_t queued;
    struct fl_packet *spares;
    unsigned int nspares;
    unsigned char *into; /* a receiver waits with nothing queued: bytes go to him at once */
    size_t into_len, into_got;
    /* A packet of which a part has come (client->diverted is this stream): where it is put together. */
    unsigned char *part;
    size_t part_len, part_got;
    struct fl_packet *part_packet; /* NULL: in the receiver's memory */
    struct fl_stream_waiter *waiting;
    void (*notify)(void *opaque);
    void *notify_opaque;
};

/* client_stream_in.c */
void fl_stream_drop_packet(struct fl_client_stream *st);
void fl_stream_drop_queue(struct fl_client_stream *st);
void fl_stream_free_packets(struct fl_client_stream *st);
void fl_stream_set_full(struct fl_client_stream *st, bool full);
void fl_stream_detach(struct fl_client_stream *st);
/* A receiver waits, and of the packet for him only the beginning has come, behind the one before it: the rest
 * goes to his memory. */
void fl_stream_join_part(struct fl_client_stream *st);
/* The receiver takes his memory back: what has come of a packet goes on in one of the stream's own. */
void fl_stream_leave_part(struct fl_client_stream *st);
