/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The blocking client: many threads, one transport. A thread that calls sends, then waits; one of the waiting
 * threads reads for all. One thread and one call cost one send and one recv. Used by the remote driver
 * (generated stubs and hand-written calls) and by virt-admin's library later.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <libvirt/libvirt.h>
#include "wire/xdr.h"
#include "wire/frame.h"

struct fl_client;
struct fl_transport;

/* An event message. `frame payload` must be decoded before returning. Runs on the thread that reads, without
 * the client's lock; must not call fl_client_call(). */
struct fl_frame;
typedef void (*fl_client_event)(void *opaque, const struct fl_frame *frame);
/* Called once when the connection ends other than by fl_client_close(): a VIR_CONNECT_CLOSE_REASON_*. */
typedef void (*fl_client_closed)(void *opaque, int reason);

struct fl_client_options {
    fl_client_event event;
    fl_client_closed closed;
    void *opaque;
    int64_t call_timeout_us; /* per call; 0 = none */
    /* client_again.h */
    int (*revive)(void *opaque, unsigned int generation, int64_t deadline_us);
};

/*
 * Opening and closing: until the next stage, or NULL, errors name the stage and every wait ends at the
 * deadline (FL_NO_DEADLINE: none) whatever the options say. `seconds` is how long that is, `advice` what to
 * do then; both texts stay the caller's.
 */
struct fl_client_stage {
    const char *name;
    const char *advice;
    int seconds;
    int64_t deadline_us;
    bool closing; /* once everything is answered, the far side may hang up */
};
void fl_client_set_stage(struct fl_client *c, const struct fl_client_stage *stage);

/* Takes the transport over. */
struct fl_client *fl_client_new(struct fl_transport *t, const struct fl_client_options *opts);
struct fl_client *fl_client_ref(struct fl_client *c);
void fl_client_unref(struct fl_client *c);
void fl_client_close(struct fl_client *c,
                     int reason); /* wakes every waiter with an error; closes the transport */
bool fl_client_is_open(struct fl_client *c);
const char *fl_client_target(struct fl_client *c); /* the transport's: "/run/libvirt/libvirt-sock" */
bool fl_client_is_local(struct fl_client *c);
bool fl_client_is_encrypted(struct fl_client *c);

/*
 * Puts a layer over the transport, from the next byte in either direction on; while opening, with no call
 * under way. make() takes `below` over; the first `plain` bytes it is given to write belong before it. -1
 * with the error set, and nothing is changed: the far side has sent more than it was asked for.
 */
typedef struct fl_transport *(*fl_client_layer)(struct fl_transport *below, size_t plain, void *opaque);
int fl_client_add_layer(struct fl_client *c, fl_client_layer make, void *opaque);

/*
 * One call. `args_type`/`ret_type` are XDR types (FL_XDR_VOID: none, the pointer may be NULL). The result's
 * strings and arrays live in `arena`. -1 with the thread's error set: the far side's error, or ours. The
 * usual shape:
 *
 *     FL_ARENA(arena);
 *     struct fl_w_x_args args = { ... };
 *     struct fl_w_x_ret ret;
 *     if (fl_client_call(fl_remote_client(conn), FL_PROGRAM_REMOTE, proc, FL_T_X_ARGS, &args, FL_T_X_RET,
 * &ret, &arena) < 0) return -1;
 */
int fl_client_call(struct fl_client *c, unsigned int program, unsigned int proc, unsigned int args_type,
                   const void *args, unsigned int ret_type, void *ret, struct fl_arena *arena);

/* Descriptors beside a call. `in` stay the caller's; `out` become the caller's (close-on-exec). */
struct fl_client_fds {
    const int *in;
    unsigned int nin;
    int out[FL_FRAME_FDS_MAX];
    unsigned int nout;
};
int fl_client_call_fds(struct fl_client *c, unsigned int program, unsigned int proc, unsigned int args_type,
                       const void *args, unsigned int ret_type, void *ret, struct fl_arena *arena,
                       struct fl_client_fds *fds);

/* Several calls sent back to back, then all answered (opening a connection). */
struct fl_client_request {
    unsigned int program, proc;
    unsigned int args_type, ret_type;
    const void *args;
    void *ret;
    int result;                          /* filled: 0, or -1 and `error` set */
    virErrorPtr error;                   /* filled when result < 0; virFreeError() it */
    const struct fl_client_stage *stage; /* begins when its answer is waited for; NULL: none does */
};
/* -1 only when the connection broke; otherwise look at each result. */
int fl_client_pipeline(struct fl_client *c, struct fl_client_request *reqs, size_t nreqs,
                       struct fl_arena *arena);

/* Something needs frames read while no call is waiting (events, keepalive, close callback): joins the
 * application's event loop if one is registered, else starts a private thread. Counted; idle when the count
 * returns to 0. */
int fl_client_listen(struct fl_client *c);
void fl_client_unlisten(struct fl_client *c);
/* The far side has been told that its pings are answered, and may send some. */
void fl_client_expect_pings(struct fl_client *c);
/* Keepalive has had no answer lately: the far side may be gone. */
bool fl_client_doubts(struct fl_client *c);
/* As virConnectSetKeepAlive; the caller has checked that the far side answers pings. */
int fl_client_set_keepalive(struct fl_client *c, int interval_s, unsigned int count);
