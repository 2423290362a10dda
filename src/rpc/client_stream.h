/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The client's end of a stream: a bounded queue of received packets, and sending with back-pressure. The
 * public virStream operations over it are driver/remote/stream.c.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include "rpc/client.h"

#define FL_CLIENT_STREAM_AGAIN (-2) /* nothing can move now (nonblock) */
#define FL_CLIENT_STREAM_HOLE  (-3) /* recv with stop_at_hole: ask recv_hole */

struct fl_client_stream;

/* As fl_client_call(), for a call that opens a stream. */
int fl_client_open_stream(struct fl_client *c, unsigned int program, unsigned int proc,
                          unsigned int args_type, const void *args, unsigned int ret_type, void *ret,
                          struct fl_arena *arena, struct fl_client_stream **ret_st);
/* Holes may be sent and received: the call asked for a sparse stream. */
void fl_client_stream_set_sparse(struct fl_client_stream *st);
bool fl_client_stream_ended(struct fl_client_stream *st); /* finished, aborted or failed */
/* Aborts what is not finished. NULL is fine. */
void fl_client_stream_free(struct fl_client_stream *st);

/* Bytes taken (maybe fewer than len), -1 with the error set, or _AGAIN. */
int fl_client_stream_send(struct fl_client_stream *st, const void *data, size_t len, bool nonblock);
int fl_client_stream_send_hole(struct fl_client_stream *st, long long length, unsigned int flags);
/* Bytes, 0 at the end, -1, _AGAIN or _HOLE. Without stop_at_hole a hole reads as zeros. */
int fl_client_stream_recv(struct fl_client_stream *st, void *data, size_t len, bool nonblock,
                          bool stop_at_hole);
int fl_client_stream_recv_hole(struct fl_client_stream *st, long long *ret_length); /* 0: data comes next */
/* Tells the far side that all is done and waits for it to agree. */
int fl_client_stream_finish(struct fl_client_stream *st);
int fl_client_stream_abort(struct fl_client_stream *st);

/* VIR_STREAM_EVENT_* that hold now. */
int fl_client_stream_ready(struct fl_client_stream *st);
/* `fn` is called, with the client's lock held, when the answer may have changed. It must only note the fact.
 */
void fl_client_stream_set_notify(struct fl_client_stream *st, void (*fn)(void *opaque), void *opaque);
