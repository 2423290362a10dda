/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Streams on the server: their beginning and their end. One thread reads the driver's stream into packets
 * (stream_out.c, stream_file.c), one writes packets to it, if it may have to wait (stream_in.c). */
#define FL_FROM VIR_FROM_STREAMS
#include <string.h>

#include "base/error.h"
#include "core/objects.h"
#include "daemon/call.h"
#include "daemon/stream_private.h"
#include "transport/transport.h"
#include "wire/procs.h"

static void free_packets(struct fl_packet *p)
{
    while (p) {
        struct fl_packet *next = p->next;

        g_free(p);
        p = next;
    }
}

void fl_served_unref_locked(struct fl_served_stream *s)
{
    struct fl_peer *peer = s->peer;

    if (--s->refs > 0)
        return;
    free_packets(s->head);
    free_packets(s->spares);
    g_cond_clear(&s->input);
    g_mutex_unlock(&peer->lock); /* a driver's stream may take its time to go */
    virStreamFree(s->stream);
    g_free(s);
    g_mutex_lock(&peer->lock);
}

/* Out of the peer's list and the session; the threads find out by `over`. */
void fl_served_end_locked(struct fl_served_stream *s)
{
    struct fl_served_stream **at = &s->peer->streams;

    if (s->over)
        return;
    s->over = true;
    while (*at && *at != s)
        at = &(*at)->next;
    if (*at)
        *at = s->next;
    s->refs--; /* the list's; whoever calls has one of its own */
    fl_session_stream_close(s->peer->session, s->header.serial);
    fl_peer_release(s->peer, FL_HOLD_STREAM);
    g_cond_broadcast(&s->input);
    g_cond_broadcast(&s->peer->room);
}

/* The driver failed: the peer is told why, with the thread's error. */
void fl_served_fail(struct fl_served_stream *s)
{
    struct fl_peer *peer = s->peer;

    {
        FL_ERROR_PRESERVE;
        virStreamAbort(s->stream);
    }
    g_mutex_lock(&peer->lock);
    if (!s->over && !peer->gone) {
        if (fl_session_stream_abort(peer->session, &s->header, fl_error_get()) < 0)
            fl_peer_shutdown(peer);
        fl_peer_flush_locked(peer);
    }
    fl_served_end_locked(s);
    g_mutex_unlock(&peer->lock);
    fl_error_reset();
}

bool fl_served_goes_on(const struct fl_served_stream *s)
{
    return !s->over && !s->peer->gone;
}

bool fl_served_is_over(struct fl_served_stream *s)
{
    bool over;

    g_mutex_lock(&s->peer->lock);
    over = s->over || s->ending || s->peer->gone;
    g_mutex_unlock(&s->peer->lock);
    return over;
}

/* ---- beginning and end ---- */

int fl_served_start_thread(struct fl_served_stream *s, GThreadFunc function)
{
    g_autoptr(GError) error = NULL;
    GThread *thread;

    s->refs++;
    fl_peer_ref(s->peer);
    thread = g_thread_try_new("stream", function, s, &error);
    if (!thread) {
        s->refs--;
        fl_peer_unref(s->peer);
        return fl_error(VIR_ERR_OPERATION_FAILED, "cannot start a thread for the stream: %s", error->message);
    }
    g_thread_unref(thread);
    return 0;
}

/* Whoever opened the stream asked for holes to be told apart. */
static bool wants_holes(const struct fl_call *call, const void *args)
{
    uint32_t flags;

    if (call->header.program != FL_PROGRAM_REMOTE || call->header.procedure != FL_P_STORAGE_VOL_DOWNLOAD ||
        !args)
        return false;
    memcpy(&flags, (const char *)args + call->proc->flags_at, sizeof(flags));
    return (flags & VIR_STORAGE_VOL_DOWNLOAD_SPARSE_STREAM) != 0;
}

static int open_locked(struct fl_served_stream *s, const struct fl_call *call, const void *ret)
{
    struct fl_peer *peer = s->peer;

    if (peer->gone)
        return fl_error(VIR_ERR_RPC, "the client has gone");
    if (fl_session_stream_open(peer->session, s->header.serial, s) < 0)
        return -1;
    if (fl_session_reply(peer->session, &call->header, call->proc->ret, ret) < 0) {
        fl_session_stream_close(peer->session, s->header.serial);
        return -1;
    }
    fl_transport_widen(peer->transport);
    s->next = peer->streams;
    peer->streams = s;
    s->refs++;
    fl_peer_flush_locked(peer);
    return 0;
}

int fl_stream_serve(struct fl_call *call, const void *args, const void *ret)
{
    struct fl_peer *peer = call->peer;
    struct fl_served_stream *s = g_new0(struct fl_served_stream, 1);
    int result;

    s->refs = 1;
    s->peer = peer;
    s->stream = call->stream;
    virStreamRef(s->stream);
    s->header = call->header;
    s->to_peer = (call->proc->flags & FL_PROC_STREAM_READ) != 0;
    s->sparse = wants_holes(call, args);
    s->quick = s->stream->ops && s->stream->ops->quick && s->stream->ops->quick(s->stream);
    s->has_writer = !s->to_peer;
    g_cond_init(&s->input);
    g_mutex_lock(&peer->lock);
    result = open_locked(s, call, ret);
    /* After the answer is queued a failure can only be told on the stream itself. */
    if (result == 0 && (s->to_peer || !s->quick) &&
        fl_served_start_thread(s, s->to_peer ? fl_served_reader : fl_served_writer) < 0) {
        (void)fl_session_stream_abort(peer->session, &s->header, fl_error_get());
        fl_served_end_locked(s);
    }
    fl_served_unref_locked(s);
    g_mutex_unlock(&peer->lock);
    return result;
}

void fl_streams_end(struct fl_peer *peer)
{
    g_mutex_lock(&peer->lock);
    fl_served_drop_part(peer);
    if (peer->streams) /* a thread may be writing to it */
        fl_peer_shutdown(peer);
    while (peer->streams) {
        struct fl_served_stream *s = peer->streams;

        s->refs++;
        fl_served_end_locked(s);
        g_mutex_unlock(&peer->lock);
        virStreamAbort(s->stream); /* wakes a thread that waits in the driver */
        g_mutex_lock(&peer->lock);
        fl_served_unref_locked(s);
    }
    g_mutex_unlock(&peer->lock);
    fl_error_reset();
}
