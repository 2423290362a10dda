/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The remote driver's private seam: what its generated stubs (stubs.c) and its hand-written files share. The
 * driver answers every call by asking a daemon over rpc/client.h.
 */
#pragma once

#include <glib.h>
#include <libvirt/libvirt.h>
#include "core/events.h"
#include "core/hub.h"
#include "core/objects.h"
#include "rpc/client.h"
#include "wire/procs.h"

/* Questions to the far side: CONNECT_SUPPORTS_FEATURE. */
#define FL_FEATURE_KEEPALIVE       10 /* it answers pings */
#define FL_FEATURE_NUMBERED_EVENTS 14 /* it registers each event callback under a number */
#define FL_FEATURE_CLOSE_CALLBACK  15 /* it tells when its own connection ends */

struct fl_redial;
struct fl_route;
struct fl_frame;

/* conn->priv. */
struct fl_remote {
    virConnectPtr conn; /* not held: it outlives this */
    struct fl_client *client;
    struct fl_hub *hub;
    GMutex lock;
    int features[16]; /* 0 = not asked yet, 1 = yes, -1 = no; index = feature */
    bool listening;
    bool alive_listening;       /* for keepalive without an event loop */
    int close_seconds;          /* how long the far side may take to confirm the close */
    char *type;                 /* as virConnectGetType gives it */
    GMutex events_lock;         /* registering at the far side, one at a time */
    gint event_ids[FL_NEVENTS]; /* atomic: the far side's callback ids, -1 = not registered */
    struct fl_redial *redial;   /* reconnect.h; NULL: what breaks stays broken */
};

/* The client behind a connection of this driver; never NULL while the connection is open. */
static inline struct fl_remote *fl_remote_of(virConnectPtr conn)
{
    return conn->priv;
}
static inline struct fl_client *fl_remote_client(virConnectPtr conn)
{
    return fl_remote_of(conn)->client;
}

/* A call of the main program. */
static inline int fl_remote_call(virConnectPtr conn, unsigned int proc, unsigned int args_type,
                                 const void *args, unsigned int ret_type, void *ret, struct fl_arena *arena)
{
    return fl_client_call(fl_remote_client(conn), FL_PROGRAM_REMOTE, proc, args_type, args, ret_type, ret,
                          arena);
}

/* As fl_client_call(), for a call that opens a stream: on success `st` is connected to it. */
int fl_remote_call_stream(struct fl_client *c, unsigned int program, unsigned int proc,
                          unsigned int args_type, const void *args, unsigned int ret_type, void *ret,
                          struct fl_arena *arena, virStreamPtr st);

/* After fl_client_call_fds() for a call that brings one descriptor: it, the caller's; or -1. */
int fl_remote_take_fd(struct fl_client_fds *fds);

/* Asks once, remembers. 1 = yes, 0 = no or it could not be asked (no error set). */
int fl_remote_has_feature(struct fl_remote *r, int feature);

/* A further opening of a connection: for one who listens already, and has so long at most. */
struct fl_dialing_again {
    struct fl_hub *hub; /* the events' */
    int seconds;
};

/* A connection's first (`again` NULL) and further openings: all of it but what reconnect= asks for. */
int fl_remote_dial(virConnectPtr conn, const struct fl_route *route, virConnectAuthPtr auth,
                   unsigned int flags, const struct fl_dialing_again *again);
void fl_remote_free(struct fl_remote *r);

/* event_ask.c; event.c holds events_lock for the first two */
int fl_remote_event_ask(virConnectPtr conn, const struct fl_event_info *ev);
/* Does something when the hub has no callback for the event any more. */
int fl_remote_event_tell(virConnectPtr conn, const struct fl_event_info *ev);
/* Asks the far side for every event that the hub has callbacks for. */
int fl_remote_events_again(virConnectPtr conn);

/* remote.c -> reconnect.c, open.c, event.c */
int fl_remote_open(virConnectPtr conn, const struct fl_route *route, virConnectAuthPtr auth,
                   unsigned int flags);
void fl_remote_close(virConnectPtr conn);
int fl_remote_watch_close(virConnectPtr conn, bool on);
void fl_remote_event(void *opaque, const struct fl_frame *frame);
