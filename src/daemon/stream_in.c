/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Streams on the server, from the peer: packets wait for a thread that writes them to the driver's stream. */
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

static void give_back(struct fl_served_stream *s, struct fl_packet *p)
{
    g_mutex_lock(&s->peer->lock);
    if (p->block && s->nspares < FL_STREAM_SPARES)
        s->spares[s->nspares++] = (struct fl_spare){ g_steal_pointer(&p->block), p->capacity };
    g_mutex_unlock(&s->peer->lock);
    g_free(p->block);
    g_free(p);
}

gpointer fl_served_writer(gpointer opaque)
{
    struct fl_served_stream *s = opaque;
    struct fl_peer *peer = s->peer;
    struct fl_packet *p;

    while ((p = wait_packet(s))) {
        if (take_packet(s, p) < 0)
            fl_served_fail(s);
        give_back(s, p);
    }
    g_mutex_lock(&peer->lock);
    fl_served_unref_locked(s);
    g_mutex_unlock(&peer->lock);
    fl_peer_unref(peer);
    return NULL;
}

/* The block the frame came in, for one that has been used, or a new one. */
static void take_block(struct fl_served_stream *s, struct fl_packet *p, const struct fl_frame *frame)
{
    struct fl_session *session = s->peer->session;
    struct fl_spare fresh = { NULL, fl_session_capacity(session) };

    if (frame->len < FL_STREAM_DIRECT) {
        p->block = g_malloc(MAX(frame->len, 1));
        memcpy(p->block, frame->payload, frame->len);
        p->data = p->block;
        return;
    }
    if (s->nspares)
        fresh = s->spares[--s->nspares];
    else
        fresh.block = g_malloc(fresh.capacity);
    p->data = frame->payload;
    p->block = fl_session_swap_buffer(session, fresh.block, fresh.capacity, &p->capacity);
}

/* Lock held. NULL: no packet of this protocol. */
static struct fl_packet *packet_from_frame(struct fl_served_stream *s, const struct fl_frame *frame)
{
    struct fl_packet *p = g_new0(struct fl_packet, 1);
    uint32_t flags;

    if (frame->h.type == FL_FRAME_STREAM_HOLE) {
        p->kind = PACKET_HOLE;
        if (fl_session_read_hole(frame, &p->hole, &flags) == 0)
            return p;
        g_free(p);
        return NULL;
    }
    if (frame->h.status == FL_FRAME_CONTINUE) {
        p->kind = PACKET_DATA;
        p->length = frame->len;
        take_block(s, p, frame);
    } else {
        p->kind = frame->h.status == FL_FRAME_OK ? PACKET_FINISH : PACKET_ABORT;
    }
    return p;
}

void fl_stream_input(struct fl_peer *peer, const struct fl_frame *frame)
{
    struct fl_served_stream *s = frame->opaque;
    struct fl_packet *p = NULL;

    if (!s) /* Compat: packets behind the end of a stream are dropped without a word */
        return;
    g_mutex_lock(&peer->lock);
    if (!s->over) {
        p = packet_from_frame(s, frame);
        if (!p)
            fl_peer_shutdown(peer);
    }
    if (p) {
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
    g_mutex_unlock(&peer->lock);
}
