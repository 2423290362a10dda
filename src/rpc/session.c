/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The receiving half of the session of rpc/session.h, and its tables. */
#define FL_FROM VIR_FROM_RPC
#include "rpc/session.h"

#include <string.h>
#include "base/error.h"
#include "base/log.h"
#include "rpc/session_private.h"
#include "wire/types.h"
#include "wire/xdr.h"

#define IN_FIRST       ((size_t)16384)
#define OUTPUT_DEFAULT ((size_t)64 << 20)
#define TAKE_MIN       ((size_t)65536)

struct fl_session *fl_session_new(const struct fl_session_options *opts)
{
    struct fl_session *s = g_new0(struct fl_session, 1);

    s->server = opts->server;
    s->max_output = opts->max_output ? opts->max_output : OUTPUT_DEFAULT;
    s->spare = opts->spare;
    fl_session_set_max_frame(s, opts->max_frame);
    fl_writer_init(&s->out, SIZE_MAX);
    return s;
}

void fl_session_free(struct fl_session *s)
{
    if (!s)
        return;
    g_free(s->in);
    fl_writer_fini(&s->out);
    if (s->out_fds)
        g_array_unref(s->out_fds);
    fl_serial_map_fini(&s->calls);
    fl_serial_map_fini(&s->streams);
    g_free(s);
}

void fl_session_set_max_frame(struct fl_session *s, size_t max_frame)
{
    s->max_frame = max_frame && max_frame < FL_FRAME_LENGTH_MAX ? max_frame : FL_FRAME_LENGTH_MAX;
}

void fl_session_set_fds(struct fl_session *s, enum fl_session_fds mode)
{
    s->fds = mode;
}

/* ---- bytes in ---- */

/* Bytes the frame at the front takes in all, as far as is known; the shortest frame before its length has
 * come. */
static size_t frame_wanted(const struct fl_session *s)
{
    size_t have = s->in_len - s->in_at;
    uint32_t length;

    if (have < 4)
        return FL_FRAME_LENGTH_MIN;
    length = fl_be32(s->in + s->in_at);
    return length < FL_FRAME_LENGTH_MIN || length > s->max_frame ? have + 1 : length;
}

/* Doubling what really came: a length word alone takes no memory. */
static void in_grow(struct fl_session *s)
{
    if (!s->in && s->spare && *s->spare) {
        s->in = g_steal_pointer(s->spare);
        s->in_cap = IN_FIRST;
        return;
    }
    s->in_cap = s->in_cap ? s->in_cap * 2 : IN_FIRST;
    s->in = g_realloc(s->in, s->in_cap);
}

static void in_free(struct fl_session *s)
{
    if (s->spare && !*s->spare && s->in_cap == IN_FIRST)
        *s->spare = s->in;
    else
        g_free(s->in);
    s->in = NULL;
    s->in_at = s->in_len = s->in_cap = 0;
}

unsigned char *fl_session_space(struct fl_session *s, size_t *ret_len)
{
    size_t have = s->in_len - s->in_at, wanted, room;

    if (s->in_at) {
        memmove(s->in, s->in + s->in_at, have);
        s->in_at = 0;
        s->in_len = have;
    }
    if (s->in_len == s->in_cap)
        in_grow(s);
    room = s->in_cap - s->in_len;
    wanted = frame_wanted(s);
    /* Behind a big frame nothing is read: it would have to be moved. */
    if ((s->fds == FL_SESSION_FDS_EXACT || wanted >= TAKE_MIN) && have < wanted)
        room = MIN(room, wanted - have);
    *ret_len = room;
    return s->in + s->in_len;
}

void fl_session_received(struct fl_session *s, size_t len, int64_t now)
{
    s->in_len += len;
    s->alive_since = now;
    s->alive_unanswered = 0;
}

size_t fl_session_unread(const struct fl_session *s)
{
    return s->in_len - s->in_at;
}

void fl_session_trim(struct fl_session *s)
{
    if (s->in_at == s->in_len && s->in)
        in_free(s);
    if (s->out_at == s->out.len && s->out.data && !s->writing) {
        fl_writer_fini(&s->out);
        fl_writer_init(&s->out, SIZE_MAX);
        s->out_at = 0;
    }
}

bool fl_session_is_between(const struct fl_session *s)
{
    return s->in_at == s->in_len && s->skip == 0 && s->diverted == 0;
}

size_t fl_session_take_input(struct fl_session *s, void **ret_bytes)
{
    size_t length = s->in_len - s->in_at;

    *ret_bytes = length ? g_memdup2(s->in + s->in_at, length) : NULL;
    g_clear_pointer(&s->in, g_free);
    s->in_at = s->in_len = s->in_cap = 0;
    return length;
}

void *fl_session_take_buffer(struct fl_session *s, const struct fl_frame *frame)
{
    unsigned char *block = s->in;
    size_t left = s->in_len - s->in_at;

    if (frame->len < TAKE_MIN)
        return NULL;
    s->in_cap = MAX(IN_FIRST, left);
    s->in = g_malloc(s->in_cap);
    memcpy(s->in, block + s->in_at, left);
    s->in_at = 0;
    s->in_len = left;
    return block;
}

/* ---- frames ---- */

/* The count that stands between header and payload where descriptors travel. */
static int frame_take_fds(struct fl_session *s, struct fl_frame *f)
{
    uint32_t n;

    if (f->len < 4)
        return fl_error(VIR_ERR_RPC, "frame of type %u without its count of descriptors", f->h.type);
    n = fl_be32(f->payload);
    if (n > FL_FRAME_FDS_MAX)
        return fl_error(VIR_ERR_RPC, "frame with %u descriptors, the limit is %u", n, FL_FRAME_FDS_MAX);
    if (n && s->fds == FL_SESSION_FDS_NONE)
        return fl_error(VIR_ERR_RPC, "frame with %u descriptors on a connection that carries none", n);
    f->payload += 4;
    f->len -= 4;
    f->nfds = n;
    if (s->fds == FL_SESSION_FDS_SKIP)
        s->skip = n;
    return 0;
}

/* 1 = yield, 0 = dropped, -1 = the other side broke the protocol. */
static int frame_reply(struct fl_session *s, struct fl_frame *f)
{
    struct fl_serial_entry *e = fl_serial_map_find(&s->calls, f->h.serial);

    if (!e)
        return fl_error(VIR_ERR_RPC, "reply to serial %u, which no call waits for", f->h.serial);
    if (e->program != f->h.program || e->procedure != f->h.procedure)
        return fl_error(VIR_ERR_RPC,
                        "reply to serial %u for program 0x%x procedure %u, asked was 0x%x procedure %u",
                        f->h.serial, f->h.program, f->h.procedure, e->program, e->procedure);
    f->opaque = e->opaque;
    fl_serial_map_remove(&s->calls, f->h.serial);
    return f->opaque || f->nfds ? 1 : 0;
}

/*
 * A frame the other side has no business sending. Compat: the incumbent's daemon passes over such frames of a
 * client, its client gives a daemon up for them; so do we. Descriptors must have someone who takes them.
 */
static int frame_unexpected(const struct fl_session *s, const struct fl_frame *f)
{
    const char *who = s->server ? "client" : "server";

    if (!s->server || f->nfds)
        return fl_error(VIR_ERR_RPC, "a %s does not send frames of type %u (program 0x%x, procedure %u)", who,
                        f->h.type, f->h.program, f->h.procedure);
    fl_debug(
        "passed over a frame of type %u (program 0x%x, procedure %u, serial %u), which a %s does not send",
        f->h.type, f->h.program, f->h.procedure, f->h.serial, who);
    return 0;
}

static int frame_classify(struct fl_session *s, struct fl_frame *f)
{
    struct fl_serial_entry *e;

    if (f->h.type == FL_FRAME_CALL_WITH_FDS || f->h.type == FL_FRAME_REPLY_WITH_FDS) {
        if (frame_take_fds(s, f) < 0)
            return -1;
    }
    switch (f->h.type) {
    case FL_FRAME_CALL:
    case FL_FRAME_CALL_WITH_FDS:
        return s->server ? 1 : frame_unexpected(s, f);
    case FL_FRAME_REPLY:
    case FL_FRAME_REPLY_WITH_FDS:
        return s->server ? frame_unexpected(s, f) : frame_reply(s, f);
    case FL_FRAME_MESSAGE:
        if (f->h.program == FL_KEEPALIVE_PROGRAM) {
            fl_session_keepalive_heard(s, f);
            return 0;
        }
        return s->server ? frame_unexpected(s, f) : 1;
    case FL_FRAME_STREAM:
    case FL_FRAME_STREAM_HOLE:
        e = fl_serial_map_find(&s->streams, f->h.serial);
        f->opaque = e ? e->opaque : NULL;
        return 1;
    default:
        return frame_unexpected(s, f);
    }
}

static void drop_dummies(struct fl_session *s)
{
    size_t n = MIN(s->skip, s->in_len - s->in_at);

    s->in_at += n;
    s->skip -= (unsigned int)n;
}

/* Bytes that follow the frame at the front for its descriptors: it is yielded when all have come, so that
 * whoever reads has collected the descriptors by then. */
static size_t dummies_due(const struct fl_session *s, const struct fl_header *h, uint32_t length)
{
    uint32_t n;

    if (s->fds != FL_SESSION_FDS_SKIP || length < FL_FRAME_PREFIX + 4 ||
        (h->type != FL_FRAME_CALL_WITH_FDS && h->type != FL_FRAME_REPLY_WITH_FDS))
        return 0;
    n = fl_be32(s->in + s->in_at + FL_FRAME_PREFIX);
    return n <= FL_FRAME_FDS_MAX ? n : 0; /* too many is refused at once */
}

/* Often it is text that is no frame: a login shell's greeting, a web server. It says more than its length. */
static int bad_length(const struct fl_session *s, uint32_t length)
{
    char text[81];
    size_t n = 0;

    for (size_t at = s->in_at; at < s->in_len && n < sizeof(text) - 1 && g_ascii_isprint(s->in[at]); at++)
        text[n++] = (char)s->in[at];
    text[n] = '\0';
    if (n < 4)
        return fl_error(VIR_ERR_RPC, "frame length %u is not within %u and %zu", length, FL_FRAME_LENGTH_MIN,
                        s->max_frame);
    return fl_error(VIR_ERR_RPC, "frame length %u is not within %u and %zu: it is text, \"%s\"", length,
                    FL_FRAME_LENGTH_MIN, s->max_frame, text);
}

int fl_session_next(struct fl_session *s, struct fl_frame *ret_frame)
{
    for (;;) {
        struct fl_frame f = { 0 };
        uint32_t length;
        int rc;

        drop_dummies(s);
        if (s->skip || s->in_len - s->in_at < 4)
            return 0;
        length = fl_be32(s->in + s->in_at);
        if (length < FL_FRAME_LENGTH_MIN || length > s->max_frame)
            return bad_length(s, length);
        if (s->in_len - s->in_at < length)
            return 0;
        fl_header_unpack(s->in + s->in_at, &f.h);
        if (s->in_len - s->in_at - length < dummies_due(s, &f.h, length))
            return 0;
        f.payload = s->in + s->in_at + FL_FRAME_PREFIX;
        f.len = length - FL_FRAME_PREFIX;
        s->in_at += length;
        rc = frame_classify(s, &f);
        if (rc < 0)
            return -1;
        if (rc > 0) {
            *ret_frame = f;
            return 1;
        }
    }
}

bool fl_session_divert(struct fl_session *s, struct fl_frame *ret_frame, size_t *ret_have)
{
    size_t have = s->in_len - s->in_at;
    struct fl_frame f = { 0 };
    struct fl_serial_entry *e;
    uint32_t length;

    if (s->skip || s->diverted || have < FL_FRAME_PREFIX)
        return false;
    length = fl_header_unpack(s->in + s->in_at, &f.h);
    if (length <= have || length < FL_FRAME_PREFIX + FL_SESSION_DIVERT_MIN ||
        length > FL_FRAME_PREFIX + FL_FRAME_STREAM_MAX || length > s->max_frame ||
        f.h.type != FL_FRAME_STREAM || f.h.status != FL_FRAME_CONTINUE)
        return false;
    e = fl_serial_map_find(&s->streams, f.h.serial);
    if (!e || !e->opaque)
        return false;
    f.opaque = e->opaque;
    f.payload = s->in + s->in_at + FL_FRAME_PREFIX;
    f.len = length - FL_FRAME_PREFIX;
    s->in_at = s->in_len;
    s->diverted = length - have;
    *ret_frame = f;
    *ret_have = have - FL_FRAME_PREFIX;
    return true;
}

size_t fl_session_diverted(const struct fl_session *s)
{
    return s->diverted;
}

void fl_session_took(struct fl_session *s, size_t len, int64_t now)
{
    s->diverted -= len;
    s->alive_since = now;
    s->alive_unanswered = 0;
}

int fl_session_read_hole(const struct fl_frame *frame, int64_t *ret_length, uint32_t *ret_flags)
{
    struct fl_reader r = fl_reader_over(frame->payload, frame->len);
    uint64_t length;
    uint32_t flags;

    if (!fl_get_u64(&r, &length) || !fl_get_u32(&r, &flags) || fl_reader_left(&r))
        return fl_error(VIR_ERR_RPC, "a stream hole takes 12 bytes, not %zu", frame->len);
    if (length > INT64_MAX)
        return fl_error(VIR_ERR_RPC, "a stream hole of negative length");
    *ret_length = (int64_t)length;
    *ret_flags = flags;
    return 0;
}

int fl_session_raise(const struct fl_frame *frame)
{
    struct fl_w_error e;
    virError err = { 0 };
    struct fl_reader r = fl_reader_over(frame->payload, frame->len);
    FL_ARENA(arena);

    if (fl_xdr_decode(FL_T_ERROR, &r, &arena, &e) < 0)
        return -1;
    err.code = e.code ? e.code : VIR_ERR_INTERNAL_ERROR;
    err.domain = e.domain;
    err.level = (virErrorLevel)e.level;
    err.message = e.message;
    err.str1 = e.str1;
    err.str2 = e.str2;
    err.str3 = e.str3;
    err.int1 = e.int1;
    err.int2 = e.int2;
    return fl_error_set_raw(&err);
}

/* ---- calls and streams ---- */

void fl_session_forget(struct fl_session *s, uint32_t serial)
{
    struct fl_serial_entry *e = fl_serial_map_find(&s->calls, serial);

    if (e)
        e->opaque = NULL;
}

void fl_session_each_stream(struct fl_session *s, void (*fn)(void *opaque, void *arg), void *arg)
{
    for (size_t i = 0; i < s->streams.nslots; i++) {
        if (s->streams.slots[i].serial && s->streams.slots[i].opaque)
            fn(s->streams.slots[i].opaque, arg);
    }
}

size_t fl_session_npending(const struct fl_session *s)
{
    return s->calls.used;
}

int fl_session_stream_open(struct fl_session *s, uint32_t serial, void *opaque)
{
    if (s->streams.used >= FL_SESSION_STREAMS_MAX)
        return fl_error(VIR_ERR_RPC, "%u streams are open on this connection, the limit is %u",
                        (unsigned int)s->streams.used, FL_SESSION_STREAMS_MAX);
    if (!serial || fl_serial_map_find(&s->streams, serial))
        return fl_error(VIR_ERR_RPC, "a stream with serial %u cannot be opened again", serial);
    fl_serial_map_add(&s->streams, serial)->opaque = opaque;
    return 0;
}

void fl_session_stream_close(struct fl_session *s, uint32_t serial)
{
    fl_serial_map_remove(&s->streams, serial);
}
