/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The client of rpc/client.h: its life, and calls. Traffic is in client_io.c. */
#define FL_FROM VIR_FROM_RPC
#include "rpc/client_private.h"

#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include "base/util.h"
#include "rpc/client_again.h"
#include "transport/channel.h"
#include "wire/procs.h"

struct fl_client *fl_client_new(struct fl_transport *t, const struct fl_client_options *opts)
{
    struct fl_session_options so = { .server = false };
    struct fl_client *c = g_new0(struct fl_client, 1);

    c->refs = 1;
    g_mutex_init(&c->lock);
    g_cond_init(&c->loop_cond);
    g_cond_init(&c->handlers_cond);
    c->t = t;
    c->s = fl_session_new(&so);
    if (opts)
        c->opts = *opts;
    c->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    c->open = true;
    c->generation = 1;
    c->parallel = !t->below && t->ops->write == fl_channel_write;
    c->watch = c->resume_timer = c->alive_timer = -1;
    return c;
}

struct fl_client *fl_client_ref(struct fl_client *c)
{
    g_atomic_int_inc(&c->refs);
    return c;
}

void fl_client_unref(struct fl_client *c)
{
    if (!c || !g_atomic_int_dec_and_test(&c->refs))
        return;
    fl_transport_free(c->t);
    fl_session_free(c->s);
    fl_error_free(c->close_error);
    if (c->wake_fd >= 0)
        close(c->wake_fd);
    g_cond_clear(&c->loop_cond);
    g_cond_clear(&c->handlers_cond);
    g_mutex_clear(&c->lock);
    g_free(c);
}

void fl_client_close(struct fl_client *c, int reason)
{
    FL_ERROR_PRESERVE;

    g_mutex_lock(&c->lock);
    c->closed_told = true;
    fl_error_reset();
    fl_client_fail(c, reason);
    fl_client_unlock(c); /* wakes the waiters, whom a handler may be waiting for */
    g_mutex_lock(&c->lock);
    c->closers++;
    while ((c->in_event && c->in_event != g_thread_self()) ||
           (c->in_closed && c->in_closed != g_thread_self()))
        g_cond_wait(&c->handlers_cond, &c->lock);
    c->closers--;
    fl_client_unlock(c);
}

bool fl_client_is_open(struct fl_client *c)
{
    bool is_open;

    g_mutex_lock(&c->lock);
    is_open = c->open;
    fl_client_unlock(c);
    return is_open;
}

const char *fl_client_target(struct fl_client *c)
{
    return c->t->target ? c->t->target : "the far side";
}

bool fl_client_is_local(struct fl_client *c)
{
    bool local;

    g_mutex_lock(&c->lock);
    local = c->t->local;
    fl_client_unlock(c);
    return local;
}

bool fl_client_is_encrypted(struct fl_client *c)
{
    bool encrypted;

    g_mutex_lock(&c->lock);
    encrypted = c->t->encrypted;
    fl_client_unlock(c);
    return encrypted;
}

int fl_client_add_layer(struct fl_client *c, fl_client_layer make, void *opaque)
{
    int rc = 0;

    g_mutex_lock(&c->lock);
    while (c->open && c->writing) { /* an answer to a ping, on its way without the lock */
        fl_client_unlock(c);
        g_usleep(1000);
        g_mutex_lock(&c->lock);
    }
    if (!c->open) {
        rc = fl_client_raise_closed(c);
    } else if (fl_session_unread(c->s)) {
        rc = fl_error(VIR_ERR_RPC, "%s sent %zu bytes in clear after the answer that ends that", c->t->target,
                      fl_session_unread(c->s));
    } else {
        c->t = make(c->t, fl_session_queued(c->s), opaque);
        c->parallel = false;
    }
    fl_client_unlock(c);
    return rc;
}

/* ---- calls ---- */

static uint32_t program_version(unsigned int program)
{
    (void)program;
    return 1; /* every program of the interface is at version 1 */
}

void fl_client_set_stage(struct fl_client *c, const struct fl_client_stage *stage)
{
    static const struct fl_client_stage none;

    g_mutex_lock(&c->lock);
    c->stage = stage ? *stage : none;
    fl_client_unlock(c);
}

int64_t fl_client_call_deadline(const struct fl_client *c)
{
    if (c->stage.name)
        return c->stage.deadline_us;
    return c->opts.call_timeout_us > 0 ? g_get_monotonic_time() + c->opts.call_timeout_us : FL_NO_DEADLINE;
}

/*
 * The far side's refusal. Compat: a daemon that lacks a procedure answers VIR_ERR_RPC; to the caller that is
 * the same as a driver without the call: VIR_ERR_NO_SUPPORT.
 */
static int raise_reply(const struct fl_call *call)
{
    struct fl_frame f = { .h = call->h, .payload = call->payload, .len = call->len };
    const struct fl_proc *proc;
    virErrorPtr err;

    fl_session_raise(&f);
    err = fl_error_get();
    if (err->code != VIR_ERR_RPC || !err->message || !strstr(err->message, "unknown procedure"))
        return -1;
    proc = fl_proc_find(call->h.program, call->h.procedure);
    return fl_error_set(
        VIR_FROM_RPC, VIR_ERR_NO_SUPPORT,
        "the daemon at the other end is older than this call: it does not know procedure %u (%s)",
        call->h.procedure, proc ? fl_proc_name(proc) : "unnamed");
}

static int finish_call(const struct fl_call *call, unsigned int ret_type, void *ret)
{
    struct fl_reader r = fl_reader_over(call->payload, call->len);

    if (call->h.status == FL_FRAME_ERROR)
        return raise_reply(call);
    if (call->h.status != FL_FRAME_OK)
        return fl_error(VIR_ERR_RPC, "reply to procedure %u with unknown status %u", call->h.procedure,
                        call->h.status);
    if (ret_type == FL_XDR_VOID)
        return 0;
    /* Compat: bytes behind the result are not looked at, as the incumbent does. */
    return fl_xdr_decode(ret_type, &r, call->arena, ret);
}

/* The call is off: nothing may be delivered to its memory any more. Lock held. */
static void abandon(struct fl_client *c, struct fl_call *call, uint32_t serial)
{
    fl_session_forget(c->s, serial);
    if (c->fd_call == call)
        c->fd_call = NULL;
    while (call->nfds)
        close(call->fds[--call->nfds]);
}

/* Descriptors lie between the frames in the socket: while any may come, the session reads frame by frame. */
static void expect_fds(struct fl_client *c, int change)
{
    c->fd_calls += (unsigned int)change;
    if (c->t->local)
        fl_session_set_fds(c->s, c->fd_calls ? FL_SESSION_FDS_EXACT : FL_SESSION_FDS_NONE);
}

static int send_call(struct fl_client *c, const struct fl_call_spec *spec, struct fl_call *call,
                     uint32_t *ret_serial)
{
    if (G_UNLIKELY(!c->open || (spec->generation && spec->generation != c->generation)))
        return fl_client_raise_closed(c);
    if (fl_session_call(c->s, spec->program, program_version(spec->program), spec->proc, spec->args_type,
                        spec->args, spec->fds, spec->nfds, call, ret_serial) < 0)
        return -1;
    call->queued = true;
    call->end = fl_session_total_queued(c->s);
    if (!call->deadline)
        call->deadline = fl_client_call_deadline(c);
    return 0;
}

/* Sends, waits. The reply is left in `call`; its serial stays in call->h. Takes the lock, and keeps it when
 * it fails. */
static int do_call(struct fl_client *c, const struct fl_call_spec *spec, struct fl_call *call)
{
    uint32_t serial;

    g_mutex_lock(&c->lock);
    if (send_call(c, spec, call, &serial) < 0)
        return -1;
    if (fl_client_flush(c) < 0 || fl_client_wait_unlock(c, &call->waiter, call->deadline) < 0) {
        abandon(c, call, serial);
        return -1;
    }
    return 0;
}

static int whole_call(struct fl_client *c, const struct fl_call_spec *spec, unsigned int ret_type, void *ret,
                      struct fl_arena *arena)
{
    struct fl_call call = { .arena = arena };
    FL_ARENA(own);

    if (!arena)
        call.arena = &own;
    while (G_UNLIKELY(do_call(c, spec, &call) < 0)) {
        if (fl_client_again(c, spec, &call) < 0)
            return -1;
    }
    return finish_call(&call, ret_type, ret);
}

int fl_client_call(struct fl_client *c, unsigned int program, unsigned int proc, unsigned int args_type,
                   const void *args, unsigned int ret_type, void *ret, struct fl_arena *arena)
{
    struct fl_call_spec spec = { .program = program, .proc = proc, .args_type = args_type, .args = args };

    return whole_call(c, &spec, ret_type, ret, arena);
}

int fl_client_call_at(struct fl_client *c, unsigned int generation, unsigned int program, unsigned int proc,
                      unsigned int args_type, const void *args, unsigned int ret_type, void *ret,
                      struct fl_arena *arena)
{
    struct fl_call_spec spec = {
        .program = program, .proc = proc, .args_type = args_type, .args = args, .generation = generation
    };

    return whole_call(c, &spec, ret_type, ret, arena);
}

int fl_client_call_fds(struct fl_client *c, unsigned int program, unsigned int proc, unsigned int args_type,
                       const void *args, unsigned int ret_type, void *ret, struct fl_arena *arena,
                       struct fl_client_fds *fds)
{
    static const int none;
    struct fl_call_spec spec = { .program = program, .proc = proc, .args_type = args_type, .args = args };
    struct fl_call call = { .arena = arena, .fds = fds->out };
    FL_ARENA(own);
    int rc;

    if (!arena)
        call.arena = &own;
    if (fds->nin) {
        spec.fds = fds->in ? fds->in : &none;
        spec.nfds = fds->nin;
    }
    g_mutex_lock(&c->lock);
    rc = c->t->local
             ? 0
             : fl_error_set(VIR_FROM_REMOTE, VIR_ERR_NO_SUPPORT,
                            "%s is not a local unix socket: file descriptors cannot be passed over it",
                            c->t->target);
    if (rc == 0)
        expect_fds(c, 1);
    fl_client_unlock(c);
    if (rc < 0)
        return -1;
    while (do_call(c, &spec, &call) < 0) { /* its descriptors may still come: reading stays exact for good */
        if (fl_client_again(c, &spec, &call) < 0)
            return -1;
    }
    g_mutex_lock(&c->lock);
    expect_fds(c, -1);
    fl_client_unlock(c);
    rc = finish_call(&call, ret_type, ret);
    while (rc < 0 && call.nfds)
        close(call.fds[--call.nfds]);
    fds->nout = call.nfds;
    return rc;
}

/* The lock is kept when it fails. */
static int do_open_stream(struct fl_client *c, const struct fl_call_spec *spec, struct fl_call *call,
                          struct fl_client_stream *cs)
{
    uint32_t serial;

    g_mutex_lock(&c->lock);
    if (send_call(c, spec, call, &serial) < 0)
        return -1;
    /* Registered before the reply can come: data may follow it in the same read. */
    if (fl_client_stream_attach(cs, spec->program, spec->proc, serial) < 0 || fl_client_flush(c) < 0 ||
        fl_client_wait(c, &call->waiter, call->deadline) < 0) {
        abandon(c, call, serial);
        return -1;
    }
    fl_client_unlock(c);
    return 0;
}

int fl_client_open_stream(struct fl_client *c, unsigned int program, unsigned int proc,
                          unsigned int args_type, const void *args, unsigned int ret_type, void *ret,
                          struct fl_arena *arena, struct fl_client_stream **ret_st)
{
    struct fl_call_spec spec = { .program = program, .proc = proc, .args_type = args_type, .args = args };
    struct fl_call call = { .arena = arena };
    struct fl_client_stream *cs = fl_client_stream_new(c);
    FL_ARENA(own);

    if (!arena)
        call.arena = &own;
    while (do_open_stream(c, &spec, &call, cs) < 0) {
        int rc = fl_client_again(c, &spec, &call);

        fl_client_stream_drop(cs);
        if (rc < 0)
            return -1;
        cs = fl_client_stream_new(c);
    }
    if (finish_call(&call, ret_type, ret) < 0) {
        fl_client_stream_drop(cs);
        return -1;
    }
    *ret_st = cs;
    return 0;
}

/* ---- several at once ---- */

static void finish_request(struct fl_client_request *req, const struct fl_call *call)
{
    req->result = finish_call(call, req->ret_type, req->ret);
    if (req->result < 0) {
        req->error = fl_error_save();
        fl_error_reset();
    }
}

int fl_client_pipeline(struct fl_client *c, struct fl_client_request *reqs, size_t nreqs,
                       struct fl_arena *arena)
{
    g_autofree struct fl_call *calls = g_new0(struct fl_call, nreqs);
    g_autofree uint32_t *serials = g_new0(uint32_t, nreqs);
    int64_t deadline = fl_client_call_deadline(c);
    size_t sent, got = 0;

    g_mutex_lock(&c->lock);
    for (sent = 0; sent < nreqs; sent++) {
        struct fl_call_spec spec = { .program = reqs[sent].program,
                                     .proc = reqs[sent].proc,
                                     .args_type = reqs[sent].args_type,
                                     .args = reqs[sent].args };

        calls[sent].arena = arena;
        if (send_call(c, &spec, &calls[sent], &serials[sent]) < 0)
            break;
    }
    if (sent == nreqs && fl_client_flush(c) == 0) {
        for (; got < nreqs; got++) {
            if (reqs[got].stage)
                c->stage = *reqs[got].stage;
            if (fl_client_wait(c, &calls[got].waiter, deadline) < 0)
                break;
        }
    }
    for (size_t i = got; i < sent; i++)
        abandon(c, &calls[i], serials[i]);
    fl_client_unlock(c);
    if (got < nreqs) {
        fl_client_tell_closed(c);
        return -1;
    }
    for (size_t i = 0; i < nreqs; i++)
        finish_request(&reqs[i], &calls[i]);
    return 0;
}
