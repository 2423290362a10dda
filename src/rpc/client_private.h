/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the client's files share: client.c (life and calls), client_io.c (bytes, the end of a connection),
 * client_wait.c (who sleeps and who reads), client_listen.c (event loop, private thread, keepalive),
 * client_stream.c.
 *
 * One lock. It is held over everything but poll(), small writes, event handlers and the close callback.
 * `reading` marks the one thread that may take bytes from the transport and look into the session's receive
 * buffer; it is kept while the lock is dropped for poll() or an event handler. `writing` marks the one that
 * writes; what others queue meanwhile goes with its next write.
 */
#pragma once

#include <glib.h>
#include "base/error.h"
#include "base/spin.h"
#include "rpc/client.h"
#include "rpc/client_stream.h"
#include "rpc/session.h"
#include "transport/transport.h"

/*
 * A thread that waits for something the reader will do. Lives on its stack, linked while it waits. `done` is
 * the last thing written to it: the owner may see it without the lock and be gone.
 */
struct fl_waiter {
    struct fl_waiter *next, **link; /* among the client's; link NULL: not there */
    struct fl_waiter *next_woken;
    bool parked; /* sleeps, or is about to */
    bool waking; /* listed to be woken */
    int word;    /* park.h */
    int done;    /* atomic */
};

/* One call under way. */
struct fl_call {
    struct fl_waiter waiter;
    struct fl_arena *arena; /* the reply's bytes go here */
    struct fl_header h;     /* of the reply */
    unsigned char *payload;
    size_t len;
    int *fds; /* FL_FRAME_FDS_MAX slots, or NULL: none expected */
    unsigned int nfds;
    int64_t deadline; /* 0 = not begun */
    bool queued;      /* the frame is among those to be sent... */
    uint64_t end;     /* ...and has left when this many bytes have */
    unsigned int tries;
};

/* What is called. */
struct fl_call_spec {
    unsigned int program, proc, args_type;
    const void *args;
    const int *fds;
    unsigned int nfds;
    unsigned int generation; /* only on this connection; 0 = on any */
};

/* A stream writer waiting for the queue of output to shrink. */
struct fl_sender {
    struct fl_waiter w;
    struct fl_sender *next;
    size_t resume; /* goes on when no more than this is queued */
};

struct fl_client_stream;

struct fl_client {
    gint refs;
    GMutex lock;
    struct fl_transport *t;
    struct fl_session *s;
    struct fl_client_options opts;
    int wake_fd;                  /* eventfd: makes the reader look again */
    struct fl_client_stage stage; /* of opening or closing; no name otherwise */

    bool open;
    unsigned int generation; /* which connection this is, from 1 */
    bool reading;
    struct fl_spin spin; /* the reader's */
    bool writing;
    bool parallel;        /* the transport can be written without the lock while another thread reads */
    unsigned int polling; /* threads inside poll() or write(): the transport must not be closed under them */
    bool want_write;      /* output is left and the transport took no more */
    bool closed_told;     /* the close callback has been called, or is not wanted */
    GThread *in_event;    /* the thread inside the event handler */
    GThread *in_closed;   /* the thread inside the close callback */
    GCond handlers_cond;  /* one of the two has become NULL... */
    unsigned int
        closers; /* ...and so many wait for it: waking nobody would cost a system call all the same */
    int close_reason;
    virErrorPtr close_error;
    struct fl_waiter *waiters; /* the latest first */
    struct fl_waiter *woken;   /* to be woken when the lock is given back */
    unsigned int waits; /* counts every wait: tells the loops whether callers are busy reading anyway */
    struct fl_sender *senders;

    /* A frame whose descriptors are still coming. */
    struct fl_call *fd_call; /* NULL with fd_left > 0: nobody wants them */
    unsigned int fd_left;
    unsigned int fd_calls; /* calls under way that exchange descriptors */

    /* client_listen.c */
    unsigned int listeners;
    int watch;         /* in the application's loop, or -1 */
    int watch_events;  /* as last told to it */
    bool watch_rests;  /* a caller reads: the loop looks again when the resume timer fires */
    int resume_timer;  /* in the application's loop, or -1 */
    int alive_timer;   /* keepalive, in the application's loop, or -1 */
    bool loop_running; /* the private thread */
    GCond loop_cond;
    unsigned int full_streams; /* receive queues at their bound: no reading ahead for nobody */
    bool room_wanted;          /* a stream was told that it cannot send now, and is told when it can */
    struct fl_client_stream *diverted; /* whose packet is coming past the session; NULL: nobody's any more */
};

/* client_io.c; all with the lock held */
int fl_client_flush(struct fl_client *c); /* as much as goes; -1: connection failed, error set */
/* The reader: what is there, or until `w` (may be NULL) is done; -1: connection failed */
int fl_client_read_some(struct fl_client *c, const struct fl_waiter *w);
void fl_client_fail(struct fl_client *c, int reason); /* ends it with the thread's error */
int fl_client_raise_closed(struct fl_client *c);      /* -1: it was closed before this call */
int fl_client_raise_broken(struct fl_client *c);      /* -1: it ended while this call was waiting */
/* What opening or closing was at; NULL when neither goes on. */
const char *fl_client_stage_name(const struct fl_client *c);
int fl_client_tick(struct fl_client *c);
void fl_client_close_if_idle(struct fl_client *c);
/* Lock not held: calls the close callback if it is due. */
void fl_client_tell_closed(struct fl_client *c);

/* client_wait.c; all with the lock held */
int fl_client_wait(struct fl_client *c, struct fl_waiter *w,
                   int64_t deadline); /* 0, or -1 with the error set */
/* The same, giving the lock back when it returns 0. */
int fl_client_wait_unlock(struct fl_client *c, struct fl_waiter *w, int64_t deadline);
void fl_client_handover(struct fl_client *c); /* the reader has stopped: another waiter takes over */
void fl_client_wake(struct fl_client *c, struct fl_waiter *w);  /* it is done */
void fl_client_rouse(struct fl_client *c, struct fl_waiter *w); /* it looks again */
void fl_client_unlock(struct fl_client *c);                     /* and wakes who has been told to be woken */
void fl_client_kick(struct fl_client *c);                       /* the thread in poll() looks again */

/* client_listen.c; lock held */
void fl_client_watch_update(struct fl_client *c); /* after want_write, full_streams or the deadline changed */
void fl_client_alive_update(struct fl_client *c); /* after the session's deadline changed */
void fl_client_watch_remove(struct fl_client *c);
void fl_client_loop_notify(struct fl_client *c);

int fl_client_listen_again(struct fl_client *c); /* after a new connection took the old one's place */

/* client.c; lock held */
int64_t fl_client_call_deadline(const struct fl_client *c);
/* client_again.c: after a call failed. Gives the lock back. 0 = send it once more, -1 with the error set. */
int fl_client_again(struct fl_client *c, const struct fl_call_spec *spec, struct fl_call *call);

/* client.c: until when a call that begins now may wait; a stream's sending, receiving and finishing are
 * calls.
 */
int64_t fl_client_call_deadline(const struct fl_client *c);

/* client_stream.c, client_stream_in.c */
struct fl_client_stream *fl_client_stream_new(struct fl_client *c);
void fl_client_stream_drop(struct fl_client_stream *st); /* never connected: unregisters, frees */
/* the rest with the lock held */
int fl_client_stream_attach(struct fl_client_stream *st, uint32_t program, uint32_t proc, uint32_t serial);
void fl_client_stream_frame(struct fl_client *c, struct fl_client_stream *st, const struct fl_frame *f);
/* After the session has no whole frame: a big packet's rest goes past it... */
void fl_client_stream_divert(struct fl_client *c);
/* ...while fl_session_diverted(). As fl_transport_read(); `*ret_full`: all that was asked for has come. */
ssize_t fl_client_stream_read(struct fl_client *c, bool *ret_full);
void fl_client_streams_room(struct fl_client *c); /* output has left */
void fl_client_streams_closed(struct fl_client *c);
void fl_client_streams_lost(struct fl_client *c); /* with close_error; the session may go */
