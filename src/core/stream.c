/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The public stream calls: argument checks, then the operation of whoever opened the stream. The *All loops
 * are stream_all.c. */
#define FL_FROM VIR_FROM_STREAMS
#include "core/stream.h"

#include "base/error.h"
#include "core/objects.h"
#include "core/stream_check.h"

virStreamPtr fl_stream_new(virConnectPtr conn, unsigned int flags)
{
    virStreamPtr st = g_new0(virStream, 1);
    st->object.magic = FL_MAGIC_STREAM;
    st->object.refs = 1;
    st->flags = flags;
    st->conn = conn;
    fl_connect_ref(conn);
    return st;
}

void fl_stream_ref(virStreamPtr st)
{
    g_atomic_int_inc(&st->object.refs);
}

void fl_stream_unref(virStreamPtr st)
{
    if (!st || !g_atomic_int_dec_and_test(&st->object.refs))
        return;
    if (st->ops && st->ops->free)
        st->ops->free(st);
    fl_connect_unref(st->conn);
    st->object.magic = 0;
    g_free(st);
}

int fl_stream_check(virStreamPtr stream, const char *call)
{
    if (G_LIKELY(stream && stream->object.magic == FL_MAGIC_STREAM))
        return 0;
    return fl_error(VIR_ERR_INVALID_STREAM, "%s was given no valid stream", call);
}

virStreamPtr virStreamNew(virConnectPtr conn, unsigned int flags)
{
    fl_error_reset();
    if (fl_connect_check(conn, __func__) < 0) {
        fl_error_dispatch(NULL);
        return NULL;
    }
    return fl_stream_new(conn, flags);
}

int virStreamRef(virStreamPtr stream)
{
    STREAM_ENTER(stream);
    fl_stream_ref(stream);
    return 0;
}

int virStreamFree(virStreamPtr stream)
{
    STREAM_ENTER(stream);
    fl_stream_unref(stream);
    return 0;
}

int virStreamSend(virStreamPtr stream, const char *data, size_t nbytes)
{
    STREAM_ENTER(stream);
    STREAM_NOT_NULL(stream, data);
    STREAM_NEEDS(stream, send);
    return fl_stream_left(stream, stream->ops->send(stream, data, nbytes));
}

int virStreamSendHole(virStreamPtr stream, long long length, unsigned int flags)
{
    STREAM_ENTER(stream);
    STREAM_NEEDS(stream, send_hole);
    if (length < 0) {
        fl_error_set_argument(FL_FROM, VIR_ERR_INVALID_ARG, __func__, "length", "must not be negative");
        return fl_stream_left(stream, -1);
    }
    return fl_stream_left(stream, stream->ops->send_hole(stream, length, flags));
}

int virStreamRecv(virStreamPtr stream, char *data, size_t nbytes)
{
    STREAM_ENTER(stream);
    STREAM_NOT_NULL(stream, data);
    STREAM_NEEDS(stream, recv);
    return fl_stream_left(stream, stream->ops->recv(stream, data, nbytes, 0));
}

int virStreamRecvFlags(virStreamPtr stream, char *data, size_t nbytes, unsigned int flags)
{
    STREAM_ENTER(stream);
    STREAM_NOT_NULL(stream, data);
    STREAM_NEEDS(stream, recv);
    if (flags & ~(unsigned int)VIR_STREAM_RECV_STOP_AT_HOLE) {
        fl_error_set_argument(FL_FROM, VIR_ERR_INVALID_ARG, __func__, "flags", "has unknown bits: 0x%x",
                              flags);
        return fl_stream_left(stream, -1);
    }
    return fl_stream_left(stream, stream->ops->recv(stream, data, nbytes, flags));
}

int virStreamRecvHole(virStreamPtr stream, long long *length, unsigned int flags)
{
    STREAM_ENTER(stream);
    STREAM_NOT_NULL(stream, length);
    STREAM_NEEDS(stream, recv_hole);
    return fl_stream_left(stream, stream->ops->recv_hole(stream, length, flags));
}

int virStreamFinish(virStreamPtr stream)
{
    STREAM_ENTER(stream);
    STREAM_NEEDS(stream, finish);
    return fl_stream_left(stream, stream->ops->finish(stream));
}

int virStreamAbort(virStreamPtr stream)
{
    STREAM_ENTER(stream);
    if (!stream->ops || !stream->ops->abort) /* Compat: nothing was begun, so nothing is left to abort */
        return 0;
    return fl_stream_left(stream, stream->ops->abort(stream));
}

int virStreamEventAddCallback(virStreamPtr stream, int events, virStreamEventCallback cb, void *opaque,
                              virFreeCallback ff)
{
    STREAM_ENTER(stream);
    STREAM_NOT_NULL(stream, cb);
    STREAM_NEEDS(stream, event_add);
    return fl_stream_left(stream, stream->ops->event_add(stream, events, cb, opaque, ff));
}

int virStreamEventUpdateCallback(virStreamPtr stream, int events)
{
    STREAM_ENTER(stream);
    STREAM_NEEDS(stream, event_update);
    return fl_stream_left(stream, stream->ops->event_update(stream, events));
}

int virStreamEventRemoveCallback(virStreamPtr stream)
{
    STREAM_ENTER(stream);
    STREAM_NEEDS(stream, event_remove);
    return fl_stream_left(stream, stream->ops->event_remove(stream));
}
