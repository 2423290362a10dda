/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One end of an RPC connection as a state machine without I/O: bytes in, frames out; frames in, bytes out.
 * The client (rpc/client.c), the daemon and the fuzzers drive the same code. It owns no descriptor, takes no
 * lock, starts no thread and reads no clock: `now` is always handed in (microseconds, any monotonic scale).
 *
 * Reading:  fl_session_space() -> read into it -> fl_session_received() -> fl_session_next() until it returns
 * 0. Writing:  fl_session_call()/reply()/event()/... append frames; fl_session_output() -> write ->
 * fl_session_sent().
 *
 * Keepalive and the book-keeping of serials are answered inside; the driver of the session sees only calls
 * (server), replies to its own calls (client), events and stream packets.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <libvirt/virterror.h>
#include "wire/arena.h"
#include "wire/cursor.h"
#include "wire/frame.h"

struct fl_session;

struct fl_session_options {
    bool server;
    size_t max_frame;  /* longest frame accepted; 0 = FL_FRAME_LENGTH_MAX. Less for peers not yet
                          authenticated. */
    size_t max_output; /* most bytes queued to be sent before frames are refused; 0 = 64 MiB */
    /* Where fl_session_trim() leaves its block for the next of the sessions that share this place and one
     * thread for reading and trimming; whoever owns the place frees what is left. NULL: nowhere. */
    void **spare;
};

struct fl_session *fl_session_new(const struct fl_session_options *opts);
void fl_session_free(struct fl_session *s);
void fl_session_set_max_frame(struct fl_session *s, size_t max_frame);

/* A received frame. `payload` points into the session's buffer: may be changed in place (fl_xdr_decode),
 * valid until the next fl_session_next(), fl_session_space() or fl_session_free(). */
struct fl_frame {
    struct fl_header h;
    unsigned char *payload; /* after the descriptor count, where there is one */
    size_t len;
    unsigned int nfds; /* descriptors that follow the frame: fetch them before handling it */
    void *opaque;      /* what the pending call (replies) or the stream was registered with; else NULL */
};

/* ---- bytes in ---- */

/*
 * Where to put the next bytes and how many fit (at least one). Memory grows with what really arrived, never
 * with what a length word promises. In exact mode it never reaches past the end of the current frame, so
 * descriptors that follow a frame stay in the socket for fl_transport_recv_fd().
 */
unsigned char *fl_session_space(struct fl_session *s, size_t *ret_len);
void fl_session_received(struct fl_session *s, size_t len, int64_t now);
/* What comes next begins a frame: all that has come before is taken. */
bool fl_session_is_between(const struct fl_session *s);
/* Bytes that have come and are in no frame that was yielded: none may be there when a layer is put below. */
size_t fl_session_unread(const struct fl_session *s);
/*
 * How descriptors travel beside the bytes:
 *  NONE    not on this transport: frames with descriptors are a protocol error (default)
 *  EXACT   read frame by frame; fetch fl_frame.nfds with fl_transport_recv_fd() after the frame
 *  SKIP    whoever reads collects descriptors in the order they come; their dummy bytes are in the
 *          stream and the session drops them
 */
enum fl_session_fds { FL_SESSION_FDS_NONE, FL_SESSION_FDS_EXACT, FL_SESSION_FDS_SKIP };
void fl_session_set_fds(struct fl_session *s, enum fl_session_fds mode);
/*
 * 1: *ret_frame is the next frame for the driver. 0: more bytes are needed. -1 with the error set: the peer
 * broke the protocol, close. Server: yields CALL, CALL_WITH_FDS, STREAM, STREAM_HOLE. Client: REPLY,
 * REPLY_WITH_FDS with their pending entry (now removed), MESSAGE, STREAM, STREAM_HOLE with opaque = the
 * stream (NULL: unknown or closed, ignore or abort it). Replies to forgotten calls are dropped inside, and
 * so is what a server gets that no client sends.
 */
int fl_session_next(struct fl_session *s, struct fl_frame *ret_frame);
/* Hands over the block the current frame lies in (for big payloads kept beyond the next read): the caller's
 * arena adopts it, or NULL when copying is cheaper and the caller must copy. frame->payload stays valid in
 * the block. */
void *fl_session_take_buffer(struct fl_session *s, const struct fl_frame *frame);
/* What has been received behind the last frame, out of the session for good: the caller frees *ret_bytes
 * (NULL for none) and hands the bytes on to whoever speaks the protocol from here. Their number. */
size_t fl_session_take_input(struct fl_session *s, void **ret_bytes);
/*
 * A big packet of a known stream, of which only a part has come: all that is left of it is read by the
 * driver, straight to where it is wanted. false: there is none. `ret_frame->len` is the whole, `ret_have` how
 * much of it is at `payload`. Until fl_session_diverted() bytes have been told to fl_session_took(),
 * fl_session_received() is for what follows the frame.
 */
#define FL_SESSION_DIVERT_MIN ((size_t)16 << 10)
bool fl_session_divert(struct fl_session *s, struct fl_frame *ret_frame, size_t *ret_have);
size_t fl_session_diverted(const struct fl_session *s);
void fl_session_took(struct fl_session *s, size_t len, int64_t now);
/* Gives idle memory back (after the loop that drained it); a connection at rest then costs a few hundred
 * bytes. */
void fl_session_trim(struct fl_session *s);

/* ---- frames out; each appends whole frames or, returning -1 with the error set, nothing ---- */

/* Starts a frame: header is packed, the payload goes to the returned writer, then end (or cancel). For what
 * the functions below do not cover. `fds`/`nfds`: descriptors to travel after it; only their numbers are
 * kept, the caller closes them once sent (fl_session_output). */
struct fl_writer *fl_session_begin(struct fl_session *s, const struct fl_header *h, const int *fds,
                                   unsigned int nfds);
int fl_session_end(struct fl_session *s); /* -1 with the error set: frame dropped (limit, encoder failure) */
void fl_session_cancel(struct fl_session *s);

/* Client: a call with a fresh serial (never 0), pending under it with `opaque`. */
int fl_session_call(struct fl_session *s, uint32_t program, uint32_t version, uint32_t proc,
                    unsigned int args_type, const void *args, const int *fds, unsigned int nfds, void *opaque,
                    uint32_t *ret_serial);
/* Client: nobody waits for this serial any more; a late reply is dropped (and its descriptors must still be
 * fetched by the reader: fl_session_next yields it with opaque NULL if nfds > 0). */
void fl_session_forget(struct fl_session *s, uint32_t serial);
/* Every open stream's opaque, for the end of a connection. */
void fl_session_each_stream(struct fl_session *s, void (*fn)(void *opaque, void *arg), void *arg);
size_t fl_session_npending(const struct fl_session *s);

/* Server: the answer to `call` (program, version, procedure and serial come from it). */
int fl_session_reply(struct fl_session *s, const struct fl_header *call, unsigned int ret_type,
                     const void *ret);
int fl_session_reply_fds(struct fl_session *s, const struct fl_header *call, unsigned int ret_type,
                         const void *ret, const int *fds, unsigned int nfds);
int fl_session_reply_error(struct fl_session *s, const struct fl_header *call, const virError *err);
/* An event message. */
int fl_session_event(struct fl_session *s, uint32_t program, uint32_t version, uint32_t proc,
                     unsigned int type, const void *payload);

/* ---- streams: same program, procedure and serial as the call that opened them ---- */

/* Frames of this serial come with `opaque` from now on. -1 with the error set: too many, or already there. */
int fl_session_stream_open(struct fl_session *s, uint32_t serial, void *opaque);
void fl_session_stream_close(struct fl_session *s, uint32_t serial);
/* `call` is the header of the opening call. len 0 = end of data; at most FL_FRAME_STREAM_MAX. */
int fl_session_stream_data(struct fl_session *s, const struct fl_header *call, const void *data, size_t len);
/* A packet the driver writes himself, without a copy: its head, if nothing waits to be sent before it. Then
 * he tells how many bytes of head and data went; the rest is queued. */
bool fl_session_stream_head(struct fl_session *s, const struct fl_header *call, size_t len,
                            unsigned char ret_head[FL_FRAME_PREFIX]);
int fl_session_stream_rest(struct fl_session *s, const unsigned char head[FL_FRAME_PREFIX], const void *data,
                           size_t len, size_t written);
/* The same for one whose writing takes several steps: what others queue meanwhile waits for it (there is no
 * output). Told of every byte, head and data, until none is left, or given up: zeros are queued for the rest.
 */
bool fl_session_pass(struct fl_session *s, const struct fl_header *call, size_t len,
                     unsigned char ret_head[FL_FRAME_PREFIX]);
size_t fl_session_passing(const struct fl_session *s);
void fl_session_passed(struct fl_session *s, size_t len);
int fl_session_pass_zeros(struct fl_session *s);
int fl_session_stream_hole(struct fl_session *s, const struct fl_header *call, int64_t length,
                           uint32_t flags);
int fl_session_stream_finish(struct fl_session *s, const struct fl_header *call);
/* Client: err NULL. Server: the reason. */
int fl_session_stream_abort(struct fl_session *s, const struct fl_header *call, const virError *err);
/* Payload of a STREAM_HOLE. */
int fl_session_read_hole(const struct fl_frame *frame, int64_t *ret_length, uint32_t *ret_flags);

/* ---- bytes out ---- */

/* The bytes to write next (*ret_len 0: none). They end where descriptors are due. */
const unsigned char *fl_session_output(const struct fl_session *s, size_t *ret_len);
void fl_session_sent(struct fl_session *s, size_t len);
/* The descriptor due now, before any further byte, or -1. After fl_transport_send_fd() succeeded: _fd_sent().
 */
int fl_session_output_fd(const struct fl_session *s);
void fl_session_fd_sent(struct fl_session *s);
size_t fl_session_queued(const struct fl_session *s);
/* Bytes ever queued: when fl_session_total_sent() has passed what it was after a frame, that frame is out. */
uint64_t fl_session_total_queued(const struct fl_session *s);
uint64_t fl_session_total_sent(const struct fl_session *s);

/* ---- errors ---- */

/* Decodes the payload of a frame with status ERROR into the thread's error (the peer's text is kept). Returns
 * -1. */
int fl_session_raise(const struct fl_frame *frame);

/* ---- keepalive ---- */

/* Ping after `interval_us` of silence; dead after `count` more intervals without a byte. interval 0 = off.
 * Both ends may call it; pings of the other side are always answered. */
void fl_session_set_keepalive(struct fl_session *s, int64_t interval_us, unsigned int count, int64_t now);
/* While nobody reads what the other side sends (its queues are full, it asked for too much at once): its
 * silence counts for nothing, and signs of life go out unasked, for its pings are not answered either. */
void fl_session_expect_pings(struct fl_session *s); /* the other side has been told that we answer them */
void fl_session_set_unread(struct fl_session *s, bool unread, int64_t now);
/* A ping is unanswered for an interval: the other side may not be there any more. */
bool fl_session_doubts(const struct fl_session *s);
int64_t fl_session_deadline(const struct fl_session *s); /* when tick is wanted next; INT64_MAX = never */
/* 0, or -1 with the error set: the other side is dead. May queue a ping. */
int fl_session_tick(struct fl_session *s, int64_t now);
