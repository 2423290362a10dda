/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A client whose connection can be made again (docs/reconnect.md): what becomes of a call under which it
 * broke, and putting a new connection in the place of the old one. Who dials is the owner's business
 * (driver/remote/reconnect.c); without opts.revive nothing here does anything.
 */
#define FL_FROM VIR_FROM_RPC
#include "rpc/client_private.h"

#include "rpc/client_again.h"
#include "wire/procs.h"

#define TRIES_MAX 3 /* a call that ends the daemon each time must not do so for ever */
#define QUIET_US  500

/* ---- calls ---- */

void fl_client_set_revive(struct fl_client *c, fl_client_revive revive)
{
    g_mutex_lock(&c->lock);
    c->opts.revive = revive;
    fl_client_unlock(c);
}

void fl_client_end(struct fl_client *c, int reason)
{
    g_mutex_lock(&c->lock);
    fl_client_fail(c, reason);
    fl_client_unlock(c);
}

unsigned int fl_client_generation(struct fl_client *c)
{
    unsigned int generation;

    g_mutex_lock(&c->lock);
    generation = c->generation;
    fl_client_unlock(c);
    return generation;
}

/* An incomplete frame serves nobody: only one that left to the last byte may have been acted upon. */
static bool has_left(const struct fl_client *c, const struct fl_call *call)
{
    return call->queued && fl_session_total_sent(c->s) >= call->end;
}

static bool may_repeat(const struct fl_call_spec *spec)
{
    const struct fl_proc *proc = fl_proc_find(spec->program, spec->proc);

    return proc && proc->flags & FL_PROC_IDEMPOTENT;
}

static const char *proc_name(const struct fl_call_spec *spec)
{
    const struct fl_proc *proc = fl_proc_find(spec->program, spec->proc);

    return proc ? fl_proc_name(proc) : "a call";
}

/* What the error says, less the title of its code. */
static char *said_before(void)
{
    virErrorPtr err = fl_error_get();

    if (err->str2 && err->message && g_str_has_suffix(err->message, err->str2))
        return g_strdup(err->str2);
    return g_strdup(err->message ? err->message : "the connection broke");
}

/* Compat: codes as without reconnecting: a system error broke under this call, an internal one before it. */
static int raise_unknown(const struct fl_call_spec *spec)
{
    g_autofree char *said = said_before();

    return fl_error(VIR_ERR_SYSTEM_ERROR,
                    "%s; %s had been sent, so whether it was done is not known: look before asking again",
                    said, proc_name(spec));
}

static int raise_not_revived(const struct fl_call_spec *spec, bool left)
{
    g_autofree char *said = said_before();
    int code = fl_error_get()->code;

    if (left)
        return fl_error(code, "%s; %s had been sent before, and is safe to ask again", said, proc_name(spec));
    return fl_error(code, "%s; %s was not sent", said, proc_name(spec));
}

int fl_client_again(struct fl_client *c, const struct fl_call_spec *spec, struct fl_call *call)
{
    fl_client_revive revive = spec->generation ? NULL : c->opts.revive;
    bool broke = !c->open, left = has_left(c, call);
    unsigned int generation = c->generation;

    if (!call->deadline)
        call->deadline = fl_client_call_deadline(c);
    fl_client_unlock(c);
    fl_client_tell_closed(c);
    if (!broke || !revive)
        return -1;
    if (left && (!may_repeat(spec) || ++call->tries >= TRIES_MAX))
        return raise_unknown(spec);
    fl_error_reset();
    if (revive(c->opts.opaque, generation, call->deadline) < 0)
        return raise_not_revived(spec, left);
    *call = (struct fl_call){
        .arena = call->arena, .fds = call->fds, .deadline = call->deadline, .tries = call->tries
    };
    return 0;
}

/* ---- a new connection ---- */

/* All have been told that it ended, and leave; they see `open` before it is true again. Lock held. */
static void wait_quiet(struct fl_client *c)
{
    while (c->polling || c->reading || c->writing || c->waiters || c->senders || c->in_event) {
        fl_client_unlock(c);
        g_usleep(QUIET_US);
        g_mutex_lock(&c->lock);
    }
}

#define SWAP(field)                                                                                          \
    do {                                                                                                     \
        __typeof__(c->field) kept = c->field;                                                                \
        c->field = from->field;                                                                              \
        from->field = kept;                                                                                  \
    } while (0)

/* Streams do not live on: their far ends are gone. */
static void change_over(struct fl_client *c, struct fl_client *from)
{
    fl_client_streams_lost(c);
    SWAP(t);
    SWAP(s);
    SWAP(parallel);
    c->want_write = from->want_write;
    c->fd_call = NULL;
    c->fd_left = 0;
    c->closed_told = false;
    g_clear_pointer(&c->close_error, fl_error_free);
    if (c->t->local)
        fl_session_set_fds(c->s, c->fd_calls ? FL_SESSION_FDS_EXACT : FL_SESSION_FDS_NONE);
    c->generation++;
    c->open = true;
}

int fl_client_adopt(struct fl_client *c, struct fl_client *from)
{
    int rc = 0;

    g_mutex_lock(&from->lock);
    wait_quiet(from);
    from->closed_told = true;
    if (!from->open)
        rc = fl_client_raise_closed(from);
    from->open = false;
    fl_client_unlock(from);
    if (rc < 0)
        return -1;
    g_mutex_lock(&c->lock);
    wait_quiet(c);
    fl_client_close_if_idle(c);
    change_over(c, from);
    rc = fl_client_listen_again(c);
    fl_client_unlock(c);
    return rc;
}
