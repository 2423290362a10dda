/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Streams on the server: one thread reads the driver's stream into packets, one writes packets to it. */
#define FL_FROM VIR_FROM_STREAMS
#include "daemon/stream.h"

#include <poll.h>
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "core/stream.h"
#include "daemon/call.h"
#include "daemon/peer.h"
#include "transport/transport.h"
#include "wire/procs.h"

#define INPUT_HIGH  (2u << 20)   /* packets waiting for the driver: the peer is not read beyond this... */
#define INPUT_LOW   (512u << 10) /* ...until they are this few */
#define OUTPUT_WAIT (1u << 20)   /* packets waiting for the peer: the driver is not read beyond this */
#define DIRECT      (16u << 10)  /* packets from here on are written without a copy */
#define DRAIN_MS    1000         /* until it is looked whether the stream still lives */

enum packet_kind { PACKET_DATA, PACKET_HOLE, PACKET_FINISH, PACKET_ABORT };

struct packet {
    struct packet *next;
    enum packet_kind kind;
    int64_t hole;
    size_t length;
    const unsigned char *data; /* in `block` */
    unsigned char *block;      /* what the session received it in */
    size_t capacity;
};

/* Blocks that have been written go back to the session for the next packets. */
#define SPARES 4
struct spare {
    unsigned char *block;
    size_t capacity;
};

/* Everything but `stream` is guarded by peer->lock. */
struct fl_served_stream {
    struct fl_served_stream *next; /* of the same peer */
    unsigned int refs;
    struct fl_peer *peer;
    virStreamPtr stream;
    struct fl_header header; /* of the call that opened it */
    bool to_peer;            /* the client reads it */
    bool sparse;
    bool over; /* no more packets either way */
    bool has_writer;
    GCond input; /* a packet came, or over */
    struct packet *head, *tail;
    size_t queued;
    struct spare spares[SPARES];
    unsigned int nspares;
};

static void free_packets(struct packet *p)
{
    while (p) {
        struct packet *next = p->next;

        g_free(p->block);
        g_free(p);
        p = next;
    }
}

static void unref_locked(struct fl_served_stream *s)
{
    struct fl_peer *peer = s->peer;

    if (--s->refs > 0)
        return;
    free_packets(s->head);
    while (s->nspares)
        g_free(s->spares[--s->nspares].block);
    g_cond_clear(&s->input);
    g_mutex_unlock(&peer->lock); /* a driver's stream may take its time to go */
    virStreamFree(s->stream);
    g_free(s);
    g_mutex_lock(&peer->lock);
}

/* Out of the peer's list and the session; the threads find out by `over`. */
static void end_locked(struct fl_served_stream *s)
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
static void fail(struct fl_served_stream *s)
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
    end_locked(s);
    g_mutex_unlock(&peer->lock);
    fl_error_reset();
}

/* ---- towards the peer ---- */

static bool goes_on(const struct fl_served_stream *s)
{
    return !s->over && !s->peer->gone;
}

static void wait_room(struct fl_served_stream *s, size_t most)
{
    struct fl_peer *peer = s->peer;

    peer->room_waiters++;
    while (goes_on(s) && fl_session_queued(peer->session) > most)
        g_cond_wait(&peer->room, &peer->lock);
    peer->room_waiters--;
}

/* Writes what is queued from this thread, so that the next packet need not be copied behind it. */
static void drain(struct fl_served_stream *s)
{
    struct fl_peer *peer = s->peer;

    peer->drainers++;
    while (goes_on(s) && fl_session_queued(peer->session) > 0) {
        struct pollfd pfd = { .fd = peer->transport->fd, .events = POLLOUT };

        g_mutex_unlock(&peer->lock);
        (void)poll(&pfd, 1, DRAIN_MS);
        g_mutex_lock(&peer->lock);
        fl_peer_flush_locked(peer);
        if (pfd.revents & (POLLERR | POLLHUP | POLLNVAL))
            break; /* the I/O thread ends it */
    }
    peer->drainers--;
    if (goes_on(s) && fl_session_queued(peer->session) > 0) {
        fl_peer_flush_locked(peer);
        wait_room(s, 0);
    }
}

/* 0: not possible; 1: out, or what did not fit is queued. */
static int send_direct(struct fl_served_stream *s, const char *data, size_t length)
{
    struct fl_peer *peer = s->peer;
    unsigned char head[FL_FRAME_PREFIX];
    struct iovec iov[2] = { { head, sizeof(head) }, { (void *)data, length } };
    ssize_t n;

    if (!fl_session_stream_head(peer->session, &s->header, length, head))
        return 0;
    n = fl_transport_write2(peer->transport, iov);
    if (n < 0) {
        if (n != -FL_AGAIN)
            fl_error_reset(); /* flushing the copy meets it again */
        return 0;
    }
    return fl_session_stream_rest(peer->session, head, data, length, (size_t)n) < 0 ? -1 : 1;
}

static int queue_packet(struct fl_served_stream *s, const char *data, size_t length, int64_t hole)
{
    struct fl_session *session = s->peer->session;
    int result;

    if (hole > 0)
        return fl_session_stream_hole(session, &s->header, hole, 0);
    result =
        length >= DIRECT && fl_transport_has_write2(s->peer->transport) ? send_direct(s, data, length) : 0;
    if (result != 0)
        return result < 0 ? -1 : 0;
    return fl_session_stream_data(session, &s->header, data, length);
}

/* Sends one packet, waiting until the peer has read what is before it. false: the stream is over. */
static bool send_packet(struct fl_served_stream *s, const char *data, size_t length, int64_t hole)
{
    struct fl_peer *peer = s->peer;
    int result = -1;

    g_mutex_lock(&peer->lock);
    if (length >= DIRECT && fl_transport_has_write2(peer->transport))
        drain(s);
    else
        wait_room(s, OUTPUT_WAIT);
    if (goes_on(s)) {
        result = queue_packet(s, data, length, hole);
        fl_peer_flush_locked(peer);
    }
    g_mutex_unlock(&peer->lock);
    return result == 0;
}

static bool is_over(struct fl_served_stream *s)
{
    bool over;

    g_mutex_lock(&s->peer->lock);
    over = s->over || s->peer->gone;
    g_mutex_unlock(&s->peer->lock);
    return over;
}

static bool send_hole(struct fl_served_stream *s)
{
    long long hole = 0;

    if (virStreamRecvHole(s->stream, &hole, 0) < 0) {
        fail(s);
        return false;
    }
    return send_packet(s, NULL, 0, hole);
}

/* One step; false: nothing more will come. */
static bool read_step(struct fl_served_stream *s, char *buffer)
{
    int n =
        virStreamRecvFlags(s->stream, buffer, FL_STREAM_CHUNK, s->sparse ? VIR_STREAM_RECV_STOP_AT_HOLE : 0);

    if (n == FL_STREAM_AT_HOLE)
        return send_hole(s);
    if (n == FL_STREAM_WOULD_BLOCK) { /* not asked for, but a driver may insist */
        g_usleep(10000);
        return true;
    }
    if (n < 0) {
        if (!is_over(s))
            fail(s);
        return false;
    }
    return send_packet(s, buffer, (size_t)n, 0) && n > 0; /* an empty packet marks the end */
}

static gpointer reader_thread(gpointer opaque)
{
    struct fl_served_stream *s = opaque;
    struct fl_peer *peer = s->peer;
    g_autofree char *buffer = g_malloc(FL_STREAM_CHUNK);

    while (!is_over(s) && read_step(s, buffer))
        ;
    g_mutex_lock(&peer->lock);
    unref_locked(s);
    g_mutex_unlock(&peer->lock);
    fl_peer_unref(peer);
    return NULL;
}

/* ---- from the peer ---- */

static int write_data(struct fl_served_stream *s, const struct packet *p)
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
    end_locked(s);
    g_mutex_unlock(&peer->lock);
    return 0;
}

static int take_packet(struct fl_served_stream *s, const struct packet *p)
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
static struct packet *wait_packet(struct fl_served_stream *s)
{
    struct fl_peer *peer = s->peer;
    struct packet *p = NULL;

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

static void give_back(struct fl_served_stream *s, struct packet *p)
{
    g_mutex_lock(&s->peer->lock);
    if (p->block && s->nspares < SPARES)
        s->spares[s->nspares++] = (struct spare){ g_steal_pointer(&p->block), p->capacity };
    g_mutex_unlock(&s->peer->lock);
    g_free(p->block);
    g_free(p);
}

static gpointer writer_thread(gpointer opaque)
{
    struct fl_served_stream *s = opaque;
    struct fl_peer *peer = s->peer;
    struct packet *p;

    while ((p = wait_packet(s))) {
        if (take_packet(s, p) < 0)
            fail(s);
        give_back(s, p);
    }
    g_mutex_lock(&peer->lock);
    unref_locked(s);
    g_mutex_unlock(&peer->lock);
    fl_peer_unref(peer);
    return NULL;
}

/* ---- beginning, packets, end ---- */

static int start_thread(struct fl_served_stream *s, GThreadFunc function)
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
    s->has_writer = !s->to_peer;
    g_cond_init(&s->input);
    g_mutex_lock(&peer->lock);
    result = open_locked(s, call, ret);
    /* After the answer is queued a failure can only be told on the stream itself. */
    if (result == 0 && start_thread(s, s->to_peer ? reader_thread : writer_thread) < 0) {
        (void)fl_session_stream_abort(peer->session, &s->header, fl_error_get());
        end_locked(s);
    }
    unref_locked(s);
    g_mutex_unlock(&peer->lock);
    return result;
}

/* The block the frame came in, for one that has been used, or a new one. */
static void take_block(struct fl_served_stream *s, struct packet *p, const struct fl_frame *frame)
{
    struct fl_session *session = s->peer->session;
    struct spare fresh = { NULL, fl_session_capacity(session) };

    if (frame->len < DIRECT) {
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
static struct packet *packet_from_frame(struct fl_served_stream *s, const struct fl_frame *frame)
{
    struct packet *p = g_new0(struct packet, 1);
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
    struct packet *p = NULL;

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
        if (!s->has_writer && start_thread(s, writer_thread) == 0)
            s->has_writer = true;
        else if (!s->has_writer)
            fl_peer_shutdown(peer);
    }
    g_mutex_unlock(&peer->lock);
}

void fl_streams_end(struct fl_peer *peer)
{
    g_mutex_lock(&peer->lock);
    while (peer->streams) {
        struct fl_served_stream *s = peer->streams;

        s->refs++;
        end_locked(s);
        g_mutex_unlock(&peer->lock);
        virStreamAbort(s->stream); /* wakes a thread that waits in the driver */
        g_mutex_lock(&peer->lock);
        unref_locked(s);
    }
    g_mutex_unlock(&peer->lock);
    fl_error_reset();
}
