/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The sending half of the session of rpc/session.h: frames are encoded straight into the queue of bytes to
 * send. */
#define FL_FROM VIR_FROM_RPC
#include "rpc/session.h"

#include <string.h>
#include "base/error.h"
#include "rpc/session_private.h"
#include "wire/types.h"
#include "wire/xdr.h"

/* Sent bytes at the front are dropped when they are most of the buffer, so that it does not creep. */
static void out_compact(struct fl_session *s)
{
    size_t left = s->out.len - s->out_at;

    if (!s->out_at || (left && s->out_at < left))
        return;
    memmove(s->out.data, s->out.data + s->out_at, left);
    s->out.len = left;
    s->out_at = 0;
}

struct fl_writer *fl_session_begin(struct fl_session *s, const struct fl_header *h, const int *fds,
                                   unsigned int nfds)
{
    unsigned char *at;

    if (nfds > FL_FRAME_FDS_MAX) {
        fl_error(VIR_ERR_RPC, "%u descriptors in one message, the limit is %u", nfds, FL_FRAME_FDS_MAX);
        return NULL;
    }
    if (nfds && s->fds == FL_SESSION_FDS_NONE) {
        fl_error(VIR_ERR_NO_SUPPORT, "file descriptors can be passed over a local unix socket only");
        return NULL;
    }
    if (s->out.len - s->out_at >= s->max_output) {
        fl_error(VIR_ERR_RPC, "%zu bytes wait to be sent, the limit is %zu: the other side does not read",
                 s->out.len - s->out_at, s->max_output);
        return NULL;
    }
    out_compact(s);
    s->out.failed = false;
    s->out.max = s->out.len + FL_FRAME_LENGTH_MAX;
    s->frame_at = s->out.len;
    s->frame_nfds = nfds;
    s->writing = true;
    at = fl_writer_reserve(&s->out, FL_FRAME_PREFIX);
    fl_header_pack(at, 0, h);
    if (h->type == FL_FRAME_CALL_WITH_FDS || h->type == FL_FRAME_REPLY_WITH_FDS)
        fl_put_u32(&s->out, nfds);
    if (nfds && !s->out_fds)
        s->out_fds = g_array_new(FALSE, FALSE, sizeof(struct fl_session_fd));
    for (unsigned int i = 0; i < nfds; i++) {
        struct fl_session_fd due = { .fd = fds[i] };
        g_array_append_val(s->out_fds, due);
    }
    return &s->out;
}

int fl_session_end(struct fl_session *s)
{
    size_t length = s->out.len - s->frame_at;

    if (s->out.failed) {
        fl_session_cancel(s);
        return -1;
    }
    fl_be32_put(s->out.data + s->frame_at, (uint32_t)length);
    s->total_queued += length;
    for (unsigned int i = 0; i < s->frame_nfds; i++)
        g_array_index(s->out_fds, struct fl_session_fd, s->out_fds->len - 1 - i).at = s->total_queued;
    s->writing = false;
    return 0;
}

void fl_session_cancel(struct fl_session *s)
{
    s->out.len = s->frame_at;
    s->out.failed = false;
    s->writing = false;
    if (s->frame_nfds)
        g_array_set_size(s->out_fds, s->out_fds->len - s->frame_nfds);
}

/* A whole frame whose payload is one wire struct. */
static int frame_queue(struct fl_session *s, const struct fl_header *h, unsigned int type, const void *data,
                       const int *fds, unsigned int nfds)
{
    struct fl_writer *w = fl_session_begin(s, h, fds, nfds);

    if (!w)
        return -1;
    if (type != FL_XDR_VOID && fl_xdr_encode(type, data, w) < 0) {
        fl_session_cancel(s);
        return -1;
    }
    return fl_session_end(s);
}

static uint32_t next_serial(struct fl_session *s)
{
    do {
        s->serial++;
    } while (!s->serial || fl_serial_map_find(&s->calls, s->serial) ||
             fl_serial_map_find(&s->streams, s->serial));
    return s->serial;
}

int fl_session_call(struct fl_session *s, uint32_t program, uint32_t version, uint32_t proc,
                    unsigned int args_type, const void *args, const int *fds, unsigned int nfds, void *opaque,
                    uint32_t *ret_serial)
{
    struct fl_header h = { .program = program, .version = version, .procedure = proc };
    struct fl_serial_entry *e;

    if (s->calls.used >= FL_SESSION_CALLS_MAX)
        return fl_error(VIR_ERR_RPC, "%zu calls wait for their reply, the limit is %u", s->calls.used,
                        FL_SESSION_CALLS_MAX);
    h.type = fds ? FL_FRAME_CALL_WITH_FDS : FL_FRAME_CALL;
    h.serial = next_serial(s);
    if (frame_queue(s, &h, args_type, args, fds, nfds) < 0)
        return -1;
    e = fl_serial_map_add(&s->calls, h.serial);
    e->program = program;
    e->procedure = proc;
    e->opaque = opaque;
    *ret_serial = h.serial;
    return 0;
}

static struct fl_header answer_to(const struct fl_header *call, uint32_t type, uint32_t status)
{
    struct fl_header h = *call;

    h.type = type;
    h.status = status;
    return h;
}

int fl_session_reply(struct fl_session *s, const struct fl_header *call, unsigned int ret_type,
                     const void *ret)
{
    struct fl_header h = answer_to(call, FL_FRAME_REPLY, FL_FRAME_OK);

    return frame_queue(s, &h, ret_type, ret, NULL, 0);
}

int fl_session_reply_fds(struct fl_session *s, const struct fl_header *call, unsigned int ret_type,
                         const void *ret, const int *fds, unsigned int nfds)
{
    struct fl_header h = answer_to(call, FL_FRAME_REPLY_WITH_FDS, FL_FRAME_OK);

    return frame_queue(s, &h, ret_type, ret, fds, nfds);
}

static int frame_error(struct fl_session *s, const struct fl_header *h, const virError *err)
{
    struct fl_w_error e = {
        .code = err->code,
        .domain = err->domain,
        .message = err->message,
        .level = (int32_t)err->level,
        .str1 = err->str1,
        .str2 = err->str2,
        .str3 = err->str3,
        .int1 = err->int1,
        .int2 = err->int2,
    };

    return frame_queue(s, h, FL_T_ERROR, &e, NULL, 0);
}

int fl_session_reply_error(struct fl_session *s, const struct fl_header *call, const virError *err)
{
    struct fl_header h = answer_to(call, FL_FRAME_REPLY, FL_FRAME_ERROR);

    return frame_error(s, &h, err);
}

int fl_session_event(struct fl_session *s, uint32_t program, uint32_t version, uint32_t proc,
                     unsigned int type, const void *payload)
{
    struct fl_header h = {
        .program = program, .version = version, .procedure = proc, .type = FL_FRAME_MESSAGE
    };

    /* Compat: the peer gives its events serial 1; tests/wire/domain_event_lifecycle.hex */
    h.serial = program != FL_KEEPALIVE_PROGRAM;
    return frame_queue(s, &h, type, payload, NULL, 0);
}

int fl_session_keepalive_send(struct fl_session *s, uint32_t proc)
{
    return fl_session_event(s, FL_KEEPALIVE_PROGRAM, FL_KEEPALIVE_VERSION, proc, FL_XDR_VOID, NULL);
}

/* ---- streams ---- */

int fl_session_stream_data(struct fl_session *s, const struct fl_header *call, const void *data, size_t len)
{
    struct fl_header h = answer_to(call, FL_FRAME_STREAM, FL_FRAME_CONTINUE);
    struct fl_writer *w;
    unsigned char *p;

    if (len > FL_FRAME_STREAM_MAX)
        return fl_error(VIR_ERR_RPC, "stream packet of %zu bytes, the limit is %u", len, FL_FRAME_STREAM_MAX);
    w = fl_session_begin(s, &h, NULL, 0);
    if (!w)
        return -1;
    /* Stream bytes are raw: no length word, no padding. */
    p = len ? fl_writer_reserve(w, len) : NULL;
    if (p)
        memcpy(p, data, len);
    return fl_session_end(s);
}

bool fl_session_stream_head(struct fl_session *s, const struct fl_header *call, size_t len,
                            unsigned char ret_head[FL_FRAME_PREFIX])
{
    struct fl_header h = answer_to(call, FL_FRAME_STREAM, FL_FRAME_CONTINUE);

    if (s->writing || s->total_queued != s->total_sent || (s->out_fds && s->out_fds->len) ||
        len > FL_FRAME_STREAM_MAX)
        return false;
    fl_header_pack(ret_head, (uint32_t)(FL_FRAME_PREFIX + len), &h);
    return true;
}

int fl_session_stream_rest(struct fl_session *s, const unsigned char head[FL_FRAME_PREFIX], const void *data,
                           size_t len, size_t written)
{
    size_t total = FL_FRAME_PREFIX + len, of_head = MIN(written, FL_FRAME_PREFIX);
    size_t of_data = written - of_head;
    unsigned char *p;

    s->total_sent += written;
    s->total_queued += written;
    if (written == total)
        return 0;
    s->out.failed = false;
    s->out.max = s->out.len + FL_FRAME_LENGTH_MAX;
    p = fl_writer_reserve(&s->out, total - written);
    if (!p)
        return -1;
    memcpy(p, head + of_head, FL_FRAME_PREFIX - of_head);
    memcpy(p + FL_FRAME_PREFIX - of_head, (const char *)data + of_data, len - of_data);
    s->total_queued += total - written;
    return 0;
}

bool fl_session_pass(struct fl_session *s, const struct fl_header *call, size_t len,
                     unsigned char ret_head[FL_FRAME_PREFIX])
{
    if (!fl_session_stream_head(s, call, len, ret_head))
        return false;
    s->passing = FL_FRAME_PREFIX + len;
    s->total_queued += s->passing;
    return true;
}

size_t fl_session_passing(const struct fl_session *s)
{
    return s->passing;
}

void fl_session_passed(struct fl_session *s, size_t len)
{
    s->passing -= len;
    s->total_sent += len;
}

int fl_session_pass_zeros(struct fl_session *s)
{
    size_t n = s->passing, before = s->out.len - s->out_at;

    if (!n)
        return 0;
    s->out.failed = false;
    s->out.max = s->out.len + n;
    if (!fl_writer_reserve(&s->out, n))
        return -1;
    memmove(s->out.data + s->out_at + n, s->out.data + s->out_at, before);
    memset(s->out.data + s->out_at, 0, n);
    s->passing = 0;
    return 0;
}

int fl_session_stream_hole(struct fl_session *s, const struct fl_header *call, int64_t length, uint32_t flags)
{
    struct fl_header h = answer_to(call, FL_FRAME_STREAM_HOLE, FL_FRAME_CONTINUE);
    struct fl_writer *w = fl_session_begin(s, &h, NULL, 0);

    if (!w)
        return -1;
    fl_put_u64(w, (uint64_t)length);
    fl_put_u32(w, flags);
    return fl_session_end(s);
}

int fl_session_stream_finish(struct fl_session *s, const struct fl_header *call)
{
    struct fl_header h = answer_to(call, FL_FRAME_STREAM, FL_FRAME_OK);

    return frame_queue(s, &h, FL_XDR_VOID, NULL, NULL, 0);
}

int fl_session_stream_abort(struct fl_session *s, const struct fl_header *call, const virError *err)
{
    struct fl_header h = answer_to(call, FL_FRAME_STREAM, FL_FRAME_ERROR);

    return err ? frame_error(s, &h, err) : frame_queue(s, &h, FL_XDR_VOID, NULL, NULL, 0);
}

/* ---- bytes out ---- */

const unsigned char *fl_session_output(const struct fl_session *s, size_t *ret_len)
{
    size_t len = s->writing ? s->frame_at - s->out_at : s->out.len - s->out_at;

    if (s->out_fds && s->out_fds->len)
        len = MIN(len, g_array_index(s->out_fds, struct fl_session_fd, 0).at - s->total_sent);
    if (s->passing)
        len = 0;
    *ret_len = len;
    return len ? s->out.data + s->out_at : NULL; /* before the first frame there is no buffer */
}

void fl_session_sent(struct fl_session *s, size_t len)
{
    s->out_at += len;
    s->total_sent += len;
    if (s->out_at == s->out.len && !s->writing)
        s->out_at = s->out.len = 0;
}

int fl_session_output_fd(const struct fl_session *s)
{
    if (!s->out_fds || !s->out_fds->len)
        return -1;
    if (g_array_index(s->out_fds, struct fl_session_fd, 0).at > s->total_sent)
        return -1;
    return g_array_index(s->out_fds, struct fl_session_fd, 0).fd;
}

void fl_session_fd_sent(struct fl_session *s)
{
    g_array_remove_index(s->out_fds, 0);
}

size_t fl_session_queued(const struct fl_session *s)
{
    return (size_t)(s->total_queued - s->total_sent);
}

uint64_t fl_session_total_queued(const struct fl_session *s)
{
    return s->total_queued;
}

uint64_t fl_session_total_sent(const struct fl_session *s)
{
    return s->total_sent;
}
