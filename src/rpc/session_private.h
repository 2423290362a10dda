/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What session.c (bytes in), session_out.c (frames out) and session_alive.c (keepalive) share. */
#pragma once

#include <glib.h>
#include "rpc/serial_map.h"
#include "rpc/session.h"

/* A descriptor due when `at` bytes of the connection have been sent. */
struct fl_session_fd {
    uint64_t at;
    int fd;
};

struct fl_session {
    bool server;
    size_t max_frame;
    size_t max_output;
    enum fl_session_fds fds;

    void **spare;      /* fl_session_options */
    unsigned char *in; /* received: [in_at, in_len) is not yet parsed */
    size_t in_at, in_len, in_cap;
    unsigned int skip; /* dummy bytes of descriptors still to drop (SKIP) */
    size_t diverted;   /* bytes of a frame's that its owner still reads himself */

    struct fl_writer out; /* queued: [out_at, out.len) is not yet sent */
    size_t out_at;
    size_t frame_at; /* where the frame being written starts */
    bool writing;
    uint64_t total_queued, total_sent;
    size_t passing;  /* bytes of a frame that its owner still writes himself */
    GArray *out_fds; /* struct fl_session_fd, or NULL */
    unsigned int frame_nfds;

    uint32_t serial; /* last one given */
    struct fl_serial_map calls;
    struct fl_serial_map streams;

    int64_t alive_interval; /* 0 = off */
    unsigned int alive_count;
    unsigned int alive_unanswered; /* pings since the last byte */
    int64_t alive_since;           /* last byte, or last ping if later */
    bool expect_pings;             /* fl_session_expect_pings() */
    bool unread;                   /* fl_session_set_unread() */
    uint64_t pong_at;              /* the last pong is out once total_sent passes this */
};

#define FL_SESSION_STREAMS_MAX 1024u
#define FL_SESSION_CALLS_MAX   65536u

int fl_session_keepalive_send(struct fl_session *s, uint32_t proc);
void fl_session_keepalive_heard(struct fl_session *s, const struct fl_frame *f);
