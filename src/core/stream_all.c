/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * virStreamSendAll and its three relatives: move a whole stream through the application's handlers, blocking.
 * Any failure aborts the stream, so that the caller need only free it; the error of what failed first is
 * kept.
 */
#define FL_FROM VIR_FROM_STREAMS
#include <errno.h>

#include "core/stream.h"
#include "core/stream_check.h"

static int refuse_nonblocking(virStreamPtr st, const char *call)
{
    if (!(st->flags & VIR_STREAM_NONBLOCK))
        return 0;
    fl_error(VIR_ERR_OPERATION_INVALID, "%s waits, but the stream was made with VIR_STREAM_NONBLOCK", call);
    fl_error_dispatch(st->conn);
    return -1;
}

/* A handler's -1, unless it left an error of ours behind. */
static int handler_failed(const char *what, int errnum)
{
    if (fl_error_get()->code != VIR_ERR_OK)
        return -1;
    if (errnum)
        return fl_error_system(errnum, "the %s handler failed", what);
    return fl_error(VIR_ERR_OPERATION_ABORTED, "the %s handler gave up", what);
}

/* The loop's result: on failure abort, and dispatch the first error. */
static int all_done(virStreamPtr st, int result)
{
    if (result == 0)
        return 0;
    FL_ERROR_PRESERVE;
    if (st->ops && st->ops->abort)
        st->ops->abort(st);
    fl_error_restore(&fl_saved_error_);
    fl_error_dispatch(st->conn);
    return -1;
}

static int send_whole(virStreamPtr st, const char *data, size_t n)
{
    if (!st->ops || !st->ops->send)
        return fl_error(VIR_ERR_NO_SUPPORT, "virStreamSend");
    for (size_t done = 0; done < n;) {
        int r = st->ops->send(st, data + done, n - done);
        if (r < 0)
            return -1;
        done += r;
    }
    return 0;
}

int virStreamSendAll(virStreamPtr stream, virStreamSourceFunc handler, void *opaque)
{
    STREAM_ENTER(stream);
    STREAM_NOT_NULL(stream, handler);
    if (refuse_nonblocking(stream, __func__) < 0)
        return -1;
    g_autofree char *buf = g_malloc(FL_STREAM_CHUNK);
    for (;;) {
        errno = 0;
        int got = handler(stream, buf, FL_STREAM_CHUNK, opaque);
        if (got < 0)
            return all_done(stream, handler_failed("source", errno));
        if (got == 0)
            return 0;
        if (send_whole(stream, buf, MIN(got, FL_STREAM_CHUNK)) < 0)
            return all_done(stream, -1);
    }
}

/* One hole: told to the far side, skipped at the source. */
static int send_one_hole(virStreamPtr st, long long length, virStreamSourceSkipFunc skip, void *opaque)
{
    if (!st->ops || !st->ops->send_hole)
        return fl_error(VIR_ERR_NO_SUPPORT, "virStreamSendHole");
    if (st->ops->send_hole(st, length, 0) < 0)
        return -1;
    errno = 0;
    return skip(st, length, opaque) < 0 ? handler_failed("skip", errno) : 0;
}

int virStreamSparseSendAll(virStreamPtr stream, virStreamSourceFunc handler,
                           virStreamSourceHoleFunc holeHandler, virStreamSourceSkipFunc skipHandler,
                           void *opaque)
{
    STREAM_ENTER(stream);
    STREAM_NOT_NULL(stream, handler);
    STREAM_NOT_NULL(stream, holeHandler);
    STREAM_NOT_NULL(stream, skipHandler);
    if (refuse_nonblocking(stream, __func__) < 0)
        return -1;
    g_autofree char *buf = g_malloc(FL_STREAM_CHUNK);
    long long section = 0; /* bytes of data left before the next question */
    for (;;) {
        if (section == 0) {
            int in_data = 0;
            errno = 0;
            if (holeHandler(stream, &in_data, &section, opaque) < 0)
                return all_done(stream, handler_failed("hole", errno));
            if (!in_data && section > 0) {
                if (send_one_hole(stream, section, skipHandler, opaque) < 0)
                    return all_done(stream, -1);
                section = 0;
                continue;
            }
        }
        errno = 0;
        int got = handler(stream, buf, (size_t)CLAMP(section, 0, FL_STREAM_CHUNK), opaque);
        if (got < 0)
            return all_done(stream, handler_failed("source", errno));
        if (got == 0)
            return 0;
        if (send_whole(stream, buf, MIN(got, FL_STREAM_CHUNK)) < 0)
            return all_done(stream, -1);
        section = MAX(section - got, 0);
    }
}

static int sink_whole(virStreamPtr st, const char *data, size_t n, virStreamSinkFunc handler, void *opaque)
{
    for (size_t done = 0; done < n;) {
        errno = 0;
        int r = handler(st, data + done, n - done, opaque);
        if (r <= 0) /* one that takes nothing would be asked for ever */
            return handler_failed("sink", r < 0 ? errno : 0);
        done += r;
    }
    return 0;
}

int virStreamRecvAll(virStreamPtr stream, virStreamSinkFunc handler, void *opaque)
{
    STREAM_ENTER(stream);
    STREAM_NOT_NULL(stream, handler);
    if (refuse_nonblocking(stream, __func__) < 0)
        return -1;
    if (!stream->ops || !stream->ops->recv)
        return all_done(stream, fl_error(VIR_ERR_NO_SUPPORT, "virStreamRecv"));
    g_autofree char *buf = g_malloc(FL_STREAM_CHUNK);
    for (;;) {
        int got = stream->ops->recv(stream, buf, FL_STREAM_CHUNK, 0);
        if (got == 0)
            return 0;
        if (got < 0 || sink_whole(stream, buf, got, handler, opaque) < 0)
            return all_done(stream, -1);
    }
}

static int receive_hole(virStreamPtr st, virStreamSinkHoleFunc handler, void *opaque)
{
    long long length = 0;
    if (!st->ops->recv_hole)
        return fl_error(VIR_ERR_NO_SUPPORT, "virStreamRecvHole");
    if (st->ops->recv_hole(st, &length, 0) < 0)
        return -1;
    errno = 0;
    return handler(st, length, opaque) < 0 ? handler_failed("hole", errno) : 0;
}

int virStreamSparseRecvAll(virStreamPtr stream, virStreamSinkFunc handler, virStreamSinkHoleFunc holeHandler,
                           void *opaque)
{
    STREAM_ENTER(stream);
    STREAM_NOT_NULL(stream, handler);
    STREAM_NOT_NULL(stream, holeHandler);
    if (refuse_nonblocking(stream, __func__) < 0)
        return -1;
    if (!stream->ops || !stream->ops->recv)
        return all_done(stream, fl_error(VIR_ERR_NO_SUPPORT, "virStreamRecvFlags"));
    g_autofree char *buf = g_malloc(FL_STREAM_CHUNK);
    for (;;) {
        int got = stream->ops->recv(stream, buf, FL_STREAM_CHUNK, VIR_STREAM_RECV_STOP_AT_HOLE);
        if (got == 0)
            return 0;
        int r = got == FL_STREAM_AT_HOLE ? receive_hole(stream, holeHandler, opaque)
                : got < 0                ? -1
                                         : sink_whole(stream, buf, got, handler, opaque);
        if (r < 0)
            return all_done(stream, -1);
    }
}
