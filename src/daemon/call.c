/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The dispatch loop: frame to procedure, checks, decoding, serving, answering. Quick procedures are served on
 * the peer's I/O thread, the others by the worker pool. */
#define FL_FROM VIR_FROM_RPC
#include "daemon/call.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"
#include "core/driver.h"
#include "core/objects.h"
#include "daemon/access.h"
#include "daemon/dispatch.h"
#include "daemon/open.h"
#include "daemon/peer.h"
#include "daemon/personality.h"
#include "daemon/server.h"
#include "daemon/stream.h"
#include "wire/procs.h"
#include "wire/xdr.h"

/* A peer with this much waiting for a worker is not read until half of it is done. */
#define QUEUE_CALLS 4096u
#define QUEUE_BYTES ((size_t)64 << 20)

struct queued_call {
    struct fl_job job;
    struct fl_peer *peer;
    const struct fl_proc *proc;
    struct fl_header header;
    unsigned char *payload;
    void *block; /* owns the payload */
    size_t length;
    unsigned int nfds;
    int fds[];
};

/* ---- serving one call ---- */

static bool needs_conn(const struct fl_call *call)
{
    if (call->proc->flags & FL_PROC_AUTH)
        return false;
    if (call->header.program != FL_PROGRAM_REMOTE)
        return true;
    switch (call->header.procedure) {
    case FL_P_CONNECT_OPEN:
    case FL_P_CONNECT_CLOSE:
    case FL_P_CONNECT_SUPPORTS_FEATURE: /* some features are the connection's own: decided there */
        return false;
    default:
        return true;
    }
}

static int decode_args(struct fl_call *call, unsigned char *payload, size_t length, void **ret_args)
{
    struct fl_reader reader = fl_reader_over(payload, length);

    *ret_args = NULL;
    if (call->proc->args == FL_XDR_VOID)
        return 0;
    *ret_args = fl_arena_alloc(call->arena, fl_xdr_types[call->proc->args].size);
    /* Compat: bytes behind the arguments are not looked at, as the incumbent does. */
    return fl_xdr_decode(call->proc->args, &reader, call->arena, *ret_args);
}

static int prepare(struct fl_call *call, fl_serve *ret_serve)
{
    *ret_serve = fl_dispatch_find(call->header.program, call->header.procedure);
    if (needs_conn(call) && g_atomic_int_get(&call->peer->authenticated)) {
        call->conn = fl_peer_conn(call->peer);
        if (!call->conn)
            return -1;
    }
    if (fl_access_check_call(call) < 0)
        return -1;
    if (!*ret_serve)
        return fl_error(VIR_ERR_NO_SUPPORT, "this daemon does not serve %s", fl_proc_name(call->proc));
    return 0;
}

static int reply(struct fl_call *call, const void *ret)
{
    unsigned int nfds = call->nout_fds;

    call->nout_fds = 0; /* the peer takes them over, whatever happens */
    return fl_peer_reply(call->peer, &call->header, call->proc->ret, ret, call->out_fds, nfds);
}

static int serve(struct fl_call *call, unsigned char *payload, size_t length)
{
    fl_serve function;
    void *args, *ret = NULL;

    if (prepare(call, &function) < 0 || decode_args(call, payload, length, &args) < 0 ||
        fl_access_check_args(call, args) < 0)
        return -1;
    if (call->proc->ret != FL_XDR_VOID)
        ret = fl_arena_alloc(call->arena, fl_xdr_types[call->proc->ret].size);
    if (call->proc->flags & (FL_PROC_STREAM_READ | FL_PROC_STREAM_WRITE)) {
        call->stream = virStreamNew(call->conn, 0);
        if (!call->stream)
            return -1;
    }
    if (function(call, args, ret) < 0)
        return -1;
    if (call->stream)
        return fl_stream_serve(call, args, ret);
    return reply(call, ret);
}

static void close_fds(const int *fds, unsigned int nfds)
{
    for (unsigned int i = 0; i < nfds; i++) {
        if (fds[i] >= 0)
            close(fds[i]);
    }
}

static void serve_and_answer(struct fl_peer *peer, const struct fl_proc *proc, const struct fl_header *header,
                             unsigned char *payload, size_t length, const int *fds, unsigned int nfds)
{
    FL_ARENA(arena);
    struct fl_call call = { .peer = peer, .proc = proc, .header = *header, .arena = &arena, .nfds = nfds };
    bool quiet = fl_error_log_quietly(true);

    if (nfds)
        memcpy(call.fds, fds, nfds * sizeof(int));
    fl_error_reset();
    if (serve(&call, payload, length) < 0) {
        fl_debug("client %" G_GUINT64_FORMAT ": %s failed: %s", peer->id, fl_proc_name(proc),
                 fl_error_get()->message);
        close_fds(call.out_fds, call.nout_fds);
        fl_peer_reply_error(peer, header);
    } else if (call.after) {
        call.after(&call);
    }
    if (call.last) {
        g_mutex_lock(&peer->lock);
        fl_peer_close_after_flush(peer);
        fl_peer_flush_locked(peer);
        g_mutex_unlock(&peer->lock);
    }
    close_fds(call.fds, call.nfds);
    if (call.release)
        call.release(call.held);
    if (call.stream)
        virStreamFree(call.stream);
    if (call.conn)
        fl_connect_unref(call.conn);
    fl_server_served(peer->server, length);
    fl_error_log_quietly(quiet);
    fl_error_reset();
}

/* ---- calls that wait for a worker ---- */

/* Opening may read files or wait for a hypervisor: a worker does it then, and what the client has sent after
 * it (a fast client sends all at once) waits until there is a connection or an error. */
static bool is_open_call(const struct fl_header *h)
{
    return h->program == FL_PROGRAM_REMOTE && h->procedure == FL_P_CONNECT_OPEN;
}

/* A step of a login may wait for another daemon or a person. It has workers of its own: those who are not
 * let in yet take none from those who are. */
static bool is_login_call(const struct fl_header *h)
{
    return h->program == FL_PROGRAM_REMOTE &&
           (h->procedure == FL_P_AUTH_SASL_INIT || h->procedure == FL_P_AUTH_SASL_START ||
            h->procedure == FL_P_AUTH_SASL_STEP || h->procedure == FL_P_AUTH_POLKIT);
}

static bool holds_input(const struct fl_header *h)
{
    return is_open_call(h) || is_login_call(h);
}

static void run_queued(struct fl_job *job)
{
    struct queued_call *q = (struct queued_call *)job;

    serve_and_answer(q->peer, q->proc, &q->header, q->payload, q->length, q->fds, q->nfds);
    q->nfds = 0;
}

static void free_queued(struct fl_job *job)
{
    struct queued_call *q = (struct queued_call *)job;
    struct fl_peer *peer = q->peer;

    g_mutex_lock(&peer->lock);
    peer->queued_calls--;
    peer->queued_bytes -= q->length;
    if (peer->queued_calls <= QUEUE_CALLS / 2 && peer->queued_bytes <= QUEUE_BYTES / 2)
        fl_peer_release(peer, FL_HOLD_CALLS);
    if (holds_input(&q->header))
        fl_peer_release(peer, FL_HOLD_OPEN);
    g_mutex_unlock(&peer->lock);
    close_fds(q->fds, q->nfds);
    g_free(q->block);
    g_free(q);
    fl_peer_unref(peer);
}

/* Opening at another daemon waits for that one: if it is stuck, as many threads wait as there are such
 * clients, and none of the workers. */
static bool opens_elsewhere(const struct fl_header *h)
{
    return fl_personality_own()->forwards && is_open_call(h);
}

static gpointer run_alone(gpointer job)
{
    run_queued(job);
    free_queued(job);
    return NULL;
}

static int start_alone(struct fl_job *job)
{
    GThread *thread = g_thread_try_new("open", run_alone, job, NULL);

    if (!thread)
        return -1;
    g_thread_unref(thread);
    return 0;
}

static void queue_call(struct fl_peer *peer, const struct fl_proc *proc, const struct fl_frame *frame,
                       const int *fds)
{
    struct queued_call *q = g_malloc0(sizeof(*q) + frame->nfds * sizeof(int));

    q->job = (struct fl_job){ .run = run_queued, .free = free_queued };
    q->peer = fl_peer_ref(peer);
    q->proc = proc;
    q->header = frame->h;
    q->length = frame->len;
    q->nfds = frame->nfds;
    if (frame->nfds)
        memcpy(q->fds, fds, frame->nfds * sizeof(int));
    g_mutex_lock(&peer->lock);
    q->payload = frame->payload;
    q->block = fl_session_take_buffer(peer->session, frame);
    if (!q->block)
        q->payload = q->block = g_memdup2(frame->payload, frame->len);
    peer->queued_calls++;
    peer->queued_bytes += q->length;
    if (peer->queued_calls >= QUEUE_CALLS || peer->queued_bytes >= QUEUE_BYTES)
        fl_peer_hold(peer, FL_HOLD_CALLS);
    if (holds_input(&q->header))
        fl_peer_hold(peer, FL_HOLD_OPEN);
    g_mutex_unlock(&peer->lock);
    if (is_login_call(&q->header))
        fl_pool_submit(fl_server_logins(peer->server), &peer->login_lane, &q->job);
    else if (!opens_elsewhere(&q->header) || start_alone(&q->job) < 0)
        fl_pool_submit(fl_server_pool(peer->server), &peer->lane, &q->job);
}

/* ---- from the frame ---- */

static int find_proc(const struct fl_frame *frame, const struct fl_proc **ret_proc)
{
    const struct fl_header *h = &frame->h;
    const struct fl_proc *proc;

    if ((h->program != FL_PROGRAM_REMOTE && h->program != FL_PROGRAM_QEMU && h->program != FL_PROGRAM_LXC) ||
        h->version != 1)
        return fl_error(VIR_ERR_RPC, "program 0x%x version %u is not served here", h->program, h->version);
    proc = fl_proc_find(h->program, h->procedure);
    if (!proc || (proc->flags & FL_PROC_EVENT))
        return fl_error(VIR_ERR_RPC, "unknown procedure %u of program 0x%x", h->procedure, h->program);
    if (h->status != FL_FRAME_OK)
        return fl_error(VIR_ERR_RPC, "a call of %s with status %u instead of 0", fl_proc_name(proc),
                        h->status);
    *ret_proc = proc;
    return 0;
}

/* Where a call is served says what may hold it up: the procedure itself, or what its driver does for it. */
static bool is_quick(const struct fl_peer *peer, const struct fl_proc *proc, const struct fl_frame *frame)
{
    const struct fl_header *h = &frame->h;

    if (is_open_call(h))
        return fl_open_is_quick(frame->payload, frame->len);
    if (proc->flags & FL_PROC_QUICK)
        return true;
    /* Set before the hold of the opening call was released, and until the peer's end. */
    return peer->conn && h->program == FL_PROGRAM_REMOTE && peer->conn->driver->at_once &&
           peer->conn->driver->at_once(h->procedure);
}

void fl_call_input(struct fl_peer *peer, const struct fl_frame *frame, const int *fds)
{
    const struct fl_proc *proc;
    int found;

    g_atomic_int_inc(&peer->ncalls);
    fl_error_reset();
    found = find_proc(frame, &proc);
    if (found < 0) {
        close_fds(fds, frame->nfds);
        fl_peer_reply_error(peer, &frame->h);
    } else if (g_atomic_int_get(&peer->authenticated) ? is_quick(peer, proc, frame)
                                                      : !is_login_call(&frame->h)) {
        serve_and_answer(peer, proc, &frame->h, frame->payload, frame->len, fds, frame->nfds);
    } else {
        queue_call(peer, proc, frame, fds);
    }
}
