/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What stands behind a virStream: the call that opened it (remote client, local file) sets st->ops and
 * st->priv. Every slot runs in the caller's thread, after the public call has checked its arguments, and sets
 * the thread's error when it returns -1. An empty slot is "not supported".
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>
#include <libvirt/libvirt.h>

#define FL_STREAM_WOULD_BLOCK (-2)   /* non-blocking stream: nothing can move now */
#define FL_STREAM_AT_HOLE     (-3)   /* recv with VIR_STREAM_RECV_STOP_AT_HOLE: ask recv_hole */
#define FL_STREAM_CHUNK       262120 /* bytes the *All calls move at once: what one frame carries */

struct fl_stream_ops {
    int (*send)(virStreamPtr st, const char *data, size_t nbytes); /* bytes taken, maybe fewer; or -1, -2 */
    int (*recv)(virStreamPtr st, char *data, size_t nbytes,
                unsigned int flags); /* bytes, 0 = end; -1, -2, -3 */
    int (*send_hole)(virStreamPtr st, long long length, unsigned int flags);
    int (*recv_hole)(virStreamPtr st, long long *length, unsigned int flags);
    int (*finish)(virStreamPtr st); /* everything has arrived, or -1 */
    int (*abort)(virStreamPtr st);
    /* For who reads a regular file himself, and only while recv would give its bytes as they are: a
     * descriptor of his own, or -1... */
    int (*file)(virStreamPtr st);
    /* ...and the next bytes, at most `most`, which count as received: their number and place. 0: ask recv. */
    ssize_t (*pass)(virStreamPtr st, size_t most, unsigned int flags, off_t *ret_at);
    /* True: none of the slots above ever waits for anything but memory. */
    bool (*quick)(virStreamPtr st);
    int (*event_add)(virStreamPtr st, int events, virStreamEventCallback cb, void *opaque,
                     virFreeCallback ff);
    int (*event_update)(virStreamPtr st, int events);
    int (*event_remove)(virStreamPtr st);
    void (*free)(virStreamPtr st); /* the last reference went: give up priv, in whatever state */
};

/* A new stream with one reference; holds its connection. */
virStreamPtr fl_stream_new(virConnectPtr conn, unsigned int flags);
void fl_stream_ref(virStreamPtr st);
void fl_stream_unref(virStreamPtr st); /* NULL is fine */
