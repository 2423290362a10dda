/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libFuzzer target: any bytes arrive at a session, in pieces of odd sizes. The first byte chooses its side,
 * how descriptors travel and the pieces. A client has calls and a stream open; a server answers every call.
 * Memory stays within what arrived, and frames lie inside the buffer.
 */
#include <glib.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "rpc/session.h"
#include "wire/procs.h"
#include "wire/types.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void client_calls(struct fl_session *s)
{
    static int tag;
    uint32_t serial;

    for (int i = 0; i < 4; i++)
        fl_session_call(s, FL_PROGRAM_REMOTE, 1, (uint32_t)i + 1, FL_XDR_VOID, NULL, NULL, 0, &tag, &serial);
    fl_session_stream_open(s, serial, &tag);
    fl_session_forget(s, 2);
}

/* Every byte of the frame is touched; what can be answered is. */
static void use_frame(struct fl_session *s, bool server, const struct fl_frame *f)
{
    volatile unsigned char sum = 0;
    int64_t length;
    uint32_t flags;

    for (size_t i = 0; i < f->len; i++)
        sum = (unsigned char)(sum + f->payload[i]);
    if (f->h.type == FL_FRAME_STREAM_HOLE)
        fl_session_read_hole(f, &length, &flags);
    else if (f->h.status == FL_FRAME_ERROR)
        fl_session_raise(f);
    if (server && f->h.type == FL_FRAME_CALL) {
        fl_error(VIR_ERR_NO_SUPPORT, "procedure %u", f->h.procedure);
        fl_session_reply_error(s, &f->h, fl_error_get());
    }
    fl_error_reset();
}

static void use_output(struct fl_session *s)
{
    size_t len;

    while (fl_session_output(s, &len), len)
        fl_session_sent(s, (len + 1) / 2);
    while (fl_session_output_fd(s) >= 0)
        fl_session_fd_sent(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fl_session_options opts = { .server = size && (data[0] & 1), .max_output = 1 << 16 };
    struct fl_session *s;
    struct fl_frame f;
    size_t step;
    int rc = 0;

    if (!size)
        return 0;
    s = fl_session_new(&opts);
    fl_session_set_fds(s, (enum fl_session_fds)((data[0] >> 1 & 3) % 3));
    step = (size_t)(data[0] >> 3) * 7 + 1;
    if (!opts.server)
        client_calls(s);
    use_output(s);
    for (size_t at = 1; at < size && rc >= 0;) {
        size_t room, n;
        unsigned char *to;

        if (fl_session_diverted(s)) {
            n = MIN(MIN(fl_session_diverted(s), step), size - at);
            fl_session_took(s, n, (int64_t)at);
            at += n;
            continue;
        }
        to = fl_session_space(s, &room);

        n = MIN(MIN(room, step), size - at);
        memcpy(to, data + at, n);
        fl_session_received(s, n, (int64_t)at);
        at += n;
        if (room > 65536 && room > 4 * size)
            abort();
        while ((rc = fl_session_next(s, &f)) == 1)
            use_frame(s, opts.server, &f);
        if (rc == 0 && fl_session_divert(s, &f, &n) && n >= f.len)
            abort();
        if (at & 1)
            use_output(s);
        fl_session_trim(s);
    }
    if (rc < 0 && fl_error_get()->code == VIR_ERR_OK)
        abort();
    fl_error_reset();
    fl_session_free(s);
    return 0;
}
