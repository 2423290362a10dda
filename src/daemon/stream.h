/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The server's end of a stream: packets of the wire on one side, a virStream of the driver on the other. A
 * driver's stream may block, so each direction in use has a thread of its own for as long as the stream
 * lives.
 */
#pragma once

#include <stddef.h>

struct fl_call;
struct fl_frame;
struct fl_peer;

/* Answers a call that has opened call->stream and starts to move data. -1 with the error set: not answered.
 */
int fl_stream_serve(struct fl_call *call, const void *args, const void *ret);
/* I/O thread: a STREAM or STREAM_HOLE frame. */
void fl_stream_input(struct fl_peer *peer, const struct fl_frame *frame);
/* I/O thread: a big packet of which a part has come is read past the session. Where the rest goes and how
 * much (lock held); so many bytes have come (without it). */
void fl_stream_divert(struct fl_peer *peer);
size_t fl_stream_room(struct fl_peer *peer, void **ret_at);
void fl_stream_came(struct fl_peer *peer, size_t len);
/* I/O thread: the peer goes; its streams are aborted. */
void fl_streams_end(struct fl_peer *peer);
