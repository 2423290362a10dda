/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Streams on the server, from the peer: packets wait for a thread that writes them to the driver's stream.
 * One that never waits itself (memory) takes them on the I/O thread, where they are still in the core's
 * cache. */
#define FL_FROM VIR_FROM_STREAMS
#include <string.h>

#include "base/error.h"
#include "daemon/stream_private.h"

#define INPUT_HIGH (2u << 20)   /* packets waiting for the driver: the peer is not read beyond this... */
#define INPUT_LOW  (512u << 10) /* ...until they are this few */

static int write_data(struct fl_served_stream *s, const struct fl_packet *p)
{
    size_t done = 0;

    while (done < p->length) {
        int n = virStreamSend(s->stream, (const char *)p->data + done, p->length - done);

        if (n == FL_STREAM_WOULD_BLOCK)
            g_usleep(10000);
        else if (n < 0)
            return -1;
        else
            done += (size_t)n;
    }
    return 0;
}

/* The peer ends the stream: both ways of ending are confirmed by an empty OK packet. */
static int end_by_peer(struct fl_served_stream *s, bool orderly)
{
    struct fl_peer *peer = s->peer;

    g_mutex_lock(&peer->lock);
    s->ending = true;
    g_mutex_unlock(&peer->lock);
    if (orderly && virStreamFinish(s->stream) < 0)
        return -1;
    if (!orderly && virStreamAbort(s->stream) < 0)
        fl_error_reset();
    g_mutex_lock(&peer->lock);
    if (!s->over && !peer->gone) {
        if (fl_session_stream_finish(peer->session, &s->header) < 0)
            fl_peer_shutdown(peer);
        fl_peer_flush_locked(peer);
    }
    fl_served_end_locked(s);
    g_mutex_unlock(&peer->lock);
    return 0;
}

static int take_packet(struct fl_served_stream *s, const struct fl_packet *p)
{
    switch (p->kind) {
    case PACKET_DATA:
        return write_data(s, p);
    case PACKET_HOLE:
        return virStreamSendHole(s->stream, p->hole, 0);
    case PACKET_FINISH:
        return end_by_peer(s, true);
    case PACKET_ABORT:
        return end_by_peer(s, false);
    }
    return 0;
}

/* The next packet, or NULL when the stream is over. */
static struct fl_packet *wait_packet(struct fl_served_stream *s)
{
    struct fl_peer *peer = s->peer;
    struct fl_packet *p = NULL;

    g_mutex_lock(&peer->lock);
    while (!s->over && !peer->gone && !s->head)
        g_cond_wait(&s->input, &peer->lock);
    if (!s->over && !peer->gone) {
        p = s->head;
        s->head = p->next;
        if (!s->head)
            s->tail = NULL;
        s->queued -= p->length;
        if (s->queued <= INPUT_LOW)
            fl_peer_release(peer, FL_HOLD_STREAM);
    }
    g_mutex_unlock(&peer->lock);
    return p;
}

/* Lock held. */
static struct fl_packet *new_packet(struct fl_served_stream *s, enum fl_packet_kind kind, size_t length)
{
    struct fl_packet *p = s->spares;

    if (p && p->room >= length) {
        s->spares = p->next;
        s->nspares--;
    } else {
        p = g_malloc(sizeof(*p) + length);
        p->room = length;
    }
    *p = (struct fl_packet){ .kind = kind, .length = length, .room = p->room };
    return p;
}

static void give_back(struct fl_served_stream *s, struct fl_packet *p)
{
    g_mutex_lock(&s->peer->lock);
    if (p->room >= FL_STREAM_DIRECT && s->nspares < FL_STREAM_SPARES) {
        p->next = s->spares;
        s->spares = g_steal_pointer(&p);
        s->nspares++;
    }
    g_mutex_unlock(&s->peer->lock);
    g_free(p);
}

static void handle_packet(struct fl_served_stream *s, struct fl_packet *p)
{
    if (take_packet(s, p) < 0)
        fl_served_fail(s);
    give_back(s, p);
}

gpointer fl_served_writer(gpointer opaque)
{
    struct fl_served_stream *s = opaque;
    struct fl_peer *peer = s->peer;
    struct fl_packet *p;

    while ((p = wait_packet(s)))
        handle_packet(s, p);
    g_mutex_lock(&peer->lock);
    fl_served_unref_locked(s);
    g_mutex_unlock(&peer->lock);
    fl_peer_unref(peer);
    return NULL;
}

/* For the writer, which starts with the first. Lock held. */
static void push_packet(struct fl_served_stream *s, struct fl_packet *p)
{
    struct fl_peer *peer = s->peer;

    if (s->tail)
        s->tail->next = p;
    else
        s->head = p;
    s->tail = p;
    s->queued += p->length;
    if (s->queued > INPUT_HIGH)
        fl_peer_hold(peer, FL_HOLD_STREAM);
    g_cond_signal(&s->input);
    if (!s->has_writer && fl_served_start_thread(s, fl_served_writer) == 0)
        s->has_writer = true;
    else if (!s->has_writer)
        fl_peer_shutdown(peer);
}

/* I/O thread. Lock held, but not while a stream that never waits takes the packet here and now. */
static void take_in(struct fl_served_stream *s, struct fl_packet *p)
{
    if (s->over) {
        g_free(p);
    } else if (!s->quick) {
        push_packet(s, p);
    } else {
        g_mutex_unlock(&s->peer->lock);
        handle_packet(s, p);
        g_mutex_lock(&s->peer->lock);
    }
}

/* ---- packets that come past the session ---- */

void fl_stream_divert(struct fl_peer *peer)
{
    struct fl_served_stream *s;
    struct fl_frame f;
    size_t have;

    if (!fl_session_divert(peer->session, &f, &have))
        return;
    s = f.opaque;
    s->part = new_packet(s, PACKET_DATA, f.len);
    memcpy(s->part->data, f.payload, have);
    s->part_got = have;
    s->refs++;
    peer->diverted = s;
}

size_t fl_stream_room(struct fl_peer *peer, void **ret_at)
{
    struct fl_served_stream *s = peer->diverted;

    *ret_at = s->part->data + s->part_got;
    return s->part->length - s->part_got;
}

void fl_stream_came(struct fl_peer *peer, size_t len)
{
    struct fl_served_stream *s = peer->diverted;

    s->part_got += len;
    if (s->part_got < s->part->length)
        return;
    g_mutex_lock(&peer->lock);
    peer->diverted = NULL;
    take_in(s, g_steal_pointer(&s->part));
    fl_served_unref_locked(s);
    g_mutex_unlock(&peer->lock);
}

void fl_served_drop_part(struct fl_peer *peer)
{
    struct fl_served_stream *s = g_steal_pointer(&peer->diverted);

    if (!s)
        return;
    g_clear_pointer(&s->part, g_free);
    fl_served_unref_locked(s);
}

/* ---- whole frames ---- */

/* Lock held. NULL: no packet of this protocol. */
static struct fl_packet *packet_from_frame(struct fl_served_stream *s, const struct fl_frame *frame)
{
    struct fl_packet *p;
    int64_t hole = 0;
    uint32_t flags;

    if (frame->h.type == FL_FRAME_STREAM_HOLE) {
        if (fl_session_read_hole(frame, &hole, &flags) < 0)
            return NULL;
        p = new_packet(s, PACKET_HOLE, 0);
        p->hole = hole;
        return p;
    }
    if (frame->h.status != FL_FRAME_CONTINUE)
        return new_packet(s, frame->h.status == FL_FRAME_OK ? PACKET_FINISH : PACKET_ABORT, 0);
    p = new_packet(s, PACKET_DATA, frame->len);
    memcpy(p->data, frame->payload, frame->len);
    return p;
}

void fl_stream_input(struct fl_peer *peer, const struct fl_frame *frame)
{
    struct fl_served_stream *s = frame->opaque;
    struct fl_packet *p;

    if (!s) /* Compat: packets behind the end of a stream are dropped without a word */
        return;
    g_mutex_lock(&peer->lock);
    if (!s->over) {
        p = packet_from_frame(s, frame);
        s->refs++;
        if (p)
            take_in(s, p);
        else
            fl_peer_shutdown(peer);
        fl_served_unref_locked(s);
    }
    g_mutex_unlock(&peer->lock);
}
