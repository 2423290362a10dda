/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A peer: one connection to the daemon, from accept to close. Its bytes go through rpc/session.h; frames
 * become calls (call.h), stream packets (stream.h) or answers made here.
 *
 * Locks: `lock` guards the session, the transport and what is marked below. It is never held while a call is
 * served, and fl_io_tick_by() is never called under it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <glib.h>
#include <libvirt/libvirt.h>
#include "daemon/pool.h"
#include "rpc/session.h"

struct fl_forward;
struct fl_io;
struct fl_listener;
struct fl_login;
struct fl_served_stream;
struct fl_server;
struct fl_subscription;
struct fl_transport;
struct fl_writer;

enum fl_auth_kind { FL_AUTH_NONE = 0, FL_AUTH_SASL = 1, FL_AUTH_POLKIT = 2 }; /* the wire's numbers */

struct fl_peer {
    gint refs;
    gint authenticated; /* atomic */
    struct fl_server *server;
    struct fl_io *io;
    GList link;        /* in the I/O thread's list */
    GList unsent_link; /* in its outbox */
    uint64_t id;
    bool read_only;
    bool local;
    bool tls;
    bool shaking;        /* I/O thread: the TLS handshake is not over */
    bool close_callback; /* I/O thread: told when `conn` breaks */
    enum fl_auth_kind auth;
    pid_t pid; /* local peers: SO_PEERCRED; -1 otherwise */
    uid_t uid;
    gid_t gid;
    uint64_t start_time; /* of process `pid`, where polkit will be asked about it; 0 otherwise */
    char *name;          /* for the log: "uid 0 pid 123" or "10.0.0.1 port 4711" */
    char *origin;        /* for limits: "uid 1000", "10.0.0.1", "2001:db8:0:1::/64" */
    char *user;          /* lock: who has logged in by SASL; NULL otherwise */
    char *identity;      /* the name in its certificate, once it is checked; or NULL */
    int64_t since;
    int64_t login_by; /* INT64_MAX: no login is wanted */

    GMutex lock;
    struct fl_session *session;            /* lock; input side: I/O thread */
    struct fl_transport *transport;        /* lock */
    uint32_t events;                       /* lock: what epoll waits for */
    bool gone;                             /* lock: finished, write nothing more */
    bool closing;                          /* lock: close once all is written... */
    bool ended;                            /* lock: ...which it is, and its thread will finish it */
    bool unsent;                           /* lock: in the outbox of its I/O thread */
    unsigned int holds;                    /* lock: reasons not to read, see fl_peer_hold() */
    uint64_t sent_before;                  /* lock: of the transport, at the last tick... */
    int unread_before;                     /* lock: ...and bytes that waited to be read */
    uint64_t taken_before;                 /* lock: of the transport, when many events waited first... */
    int64_t taken_at;                      /* lock: ...which was then... */
    int unread_then;                       /* lock: ...and what waited to be read when that was long ago */
    bool stalled;                          /* lock: frames that have come wait for the last reason to go */
    GCond room;                            /* with lock: less is queued for output than was, or gone */
    unsigned int room_waiters;             /* lock: threads that wait for it */
    unsigned int drainers;                 /* lock: threads that write what is queued */
    virConnectPtr conn;                    /* lock */
    struct fl_forward *forward;            /* lock: instead of conn, another daemon serves it */
    struct fl_subscription *subscriptions; /* lock */
    struct fl_served_stream *streams;      /* lock */
    struct fl_served_stream *diverted;     /* lock: whose packet comes past the session */

    unsigned int queued_calls; /* lock: waiting for or with a worker... */
    size_t queued_bytes;       /* lock: ...and the size of their arguments */
    struct fl_lane lane;       /* the pool's */
    struct fl_lane login_lane; /* the login workers' */
    struct fl_login *login;    /* the login job's; NULL before the first */
    gint ncalls;               /* atomic, for the log */
    int *fds;                  /* I/O thread: received, not yet claimed by a frame */
    unsigned int nfds;
};

/* Takes the descriptor, which neither blocks nor is inherited, over in any case. `addr`: whose it is, of a
 * network socket. NULL with the error set. Starts with one reference. */
struct sockaddr;
struct fl_peer *fl_peer_new(struct fl_server *server, struct fl_io *io, const struct fl_listener *from,
                            int fd, const struct sockaddr *addr);
struct fl_peer *fl_peer_ref(struct fl_peer *peer);
void fl_peer_unref(struct fl_peer *peer);
static inline GList *fl_peer_link(struct fl_peer *peer)
{
    return &peer->link;
}

/* I/O thread: epoll events; the next deadline; the end, with the reason for the log. */
void fl_peer_ready(struct fl_peer *peer, uint32_t events);
int64_t fl_peer_tick(struct fl_peer *peer, int64_t now);
void fl_peer_finish(struct fl_peer *peer, const char *reason);

/* Any thread. Answers are dropped when the peer is gone. The caller has no lock. */
int fl_peer_reply(struct fl_peer *peer, const struct fl_header *call, unsigned int type, const void *ret,
                  const int *fds, unsigned int nfds);
void fl_peer_reply_error(struct fl_peer *peer, const struct fl_header *call); /* the thread's error */
/* An event message, its payload encoded; callback_id NULL: without a number. Queued: the I/O thread writes
 * it. */
struct fl_event_info;
void fl_peer_event(struct fl_peer *peer, const struct fl_event_info *event, const int *callback_id,
                   const struct fl_writer *payload);
void fl_peer_write_events(struct fl_peer *peer); /* I/O thread */
/* Signs of life of a peer that is not read, taken from before whatever else it has sent: its socket has room
 * for a few hundred of them. I/O thread, with the lock. */
void fl_peer_take_signs(struct fl_peer *peer);
/* Writes what is queued; what does not fit now follows when the socket takes it. Under the lock: after frames
 * were appended to the session by hand. */
void fl_peer_flush_locked(struct fl_peer *peer);
/* Closes the connection from any thread: its I/O thread will see the end. */
void fl_peer_shutdown(struct fl_peer *peer);
/* Under the lock: close once everything queued is written. */
void fl_peer_close_after_flush(struct fl_peer *peer);

/* Back-pressure: while any reason holds, nothing is read from this peer. Under the lock. */
enum { FL_HOLD_CALLS = 1, FL_HOLD_STREAM = 2, FL_HOLD_OUTPUT = 4, FL_HOLD_OPEN = 8 };
void fl_peer_hold(struct fl_peer *peer, unsigned int reason);
void fl_peer_release(struct fl_peer *peer, unsigned int reason);

void fl_close_callback_end(struct fl_peer *peer); /* hand_connect.c */
void fl_peer_set_authenticated(struct fl_peer *peer);
/* Any thread: closed unless it has logged in meanwhile; lets go of a reference. */
void fl_peer_make_room(struct fl_peer *peer);
void fl_peer_set_user(struct fl_peer *peer, const char *user);
/* A new reference to the peer's connection, or NULL with the error set when none is open. */
virConnectPtr fl_peer_conn(struct fl_peer *peer);
