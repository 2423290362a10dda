/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A call being served. The dispatch loop (call.c) looks the procedure up, checks authentication, read-only
 * and access, decodes the arguments, runs the procedure's function and sends its answer. The functions come
 * from daemon/dispatch.c (generated from api/) and, for the irregular calls, from hand_*.c.
 */
#pragma once

#include <stdbool.h>
#include <libvirt/libvirt.h>
#include "wire/arena.h"
#include "wire/frame.h"

struct fl_peer;
struct fl_proc; /* wire/procs.h: the row of the procedure */
struct fl_served_stream;

struct fl_call {
    struct fl_peer *peer;
    virConnectPtr conn; /* the peer's connection, one reference held; NULL before CONNECT_OPEN */
    const struct fl_proc *proc;
    struct fl_header header;
    /* Arguments, result and whatever the result points to. fl_arena_adopt(call->arena, ptr) hands malloc()ed
     * results of the drivers over: freed after the answer is encoded. */
    struct fl_arena *arena;
    /* Passed in with the call: closed after it unless the function sets an entry to -1. */
    int fds[FL_FRAME_FDS_MAX];
    unsigned int nfds;
    /* To be passed back beside the answer: taken over by the dispatch loop. */
    int out_fds[FL_FRAME_FDS_MAX];
    unsigned int nout_fds;
    /* Procedures marked as stream: a new stream of `conn`, connected to the frames once the call has
     * succeeded. */
    virStreamPtr stream;
    /* What the result points into besides the arena: given back when the call is over. */
    void *held;
    void (*release)(void *held);
    void (*after)(struct fl_call *call); /* once the answer is queued; not after an error */
    bool last;                           /* close the connection once the answer is out */
};

/*
 * Serves one call. `args` is the decoded argument struct, `ret` a zeroed result struct (NULL where the
 * procedure has none). 0, or -1 with the thread's error set, which becomes the error reply.
 */
typedef int (*fl_serve)(struct fl_call *call, void *args, void *ret);

/* From the peer's I/O thread: a CALL frame. `fds` (frame->nfds of them) are taken over. */
struct fl_frame;
void fl_call_input(struct fl_peer *peer, const struct fl_frame *frame, const int *fds);
