/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Event hub: who wants which event, and delivery to them. A driver's state owns one hub (the remote driver:
 * one per connection; the test driver: one per host) and emits payloads; the hub finds the registrations.
 *
 * A payload is the wire struct of the event (wire/types.h, without a callback id): the same bytes of memory
 * serve the C callback (generated fl_event_invoke), the daemon's encoder and the remote client's decoder.
 */
#pragma once

#include <stdbool.h>
#include <libvirt/libvirt.h>
#include "core/events.h" /* generated: enum fl_event_class, struct fl_event_info, fl_event_invoke() */

struct fl_hub;

struct fl_hub *fl_hub_new(void);
struct fl_hub *fl_hub_ref(struct fl_hub *hub);
void fl_hub_unref(struct fl_hub *hub);
bool fl_hub_is_new(struct fl_hub *hub); /* nobody has registered yet */

/* What identifies the object a registration filters on; NULL key = all objects of the class. */
struct fl_hub_filter {
    const unsigned char *uuid; /* 16 bytes, or NULL */
    const char *name;          /* for classes without a UUID (node devices), or NULL */
};

/* One emission on its way through the sinks. What the first makes of it the others may use: it is given to
 * `unmake` when all have had it. */
struct fl_hub_emission {
    const struct fl_event_info *event;
    const void *payload;
    void *made; /* NULL: nothing yet */
    void (*unmake)(void *made);
};
/* A raw sink gets the payload itself, in the emitting thread, with no hub lock held (the daemon uses this).
 */
typedef void (*fl_hub_sink)(void *opaque, int callback_id, struct fl_hub_emission *emission);

/*
 * Registers; returns the callback id (>= 0) or -1. `cb` is called from the application's event loop. freecb
 * is called once, after deregistration, when no call is in flight.
 */
int fl_hub_register(struct fl_hub *hub, virConnectPtr conn, enum fl_event_class cls, int event_id,
                    const struct fl_hub_filter *filter, void (*cb)(void), void *opaque,
                    virFreeCallback freecb);
int fl_hub_register_sink(struct fl_hub *hub, virConnectPtr conn, enum fl_event_class cls, int event_id,
                         const struct fl_hub_filter *filter, fl_hub_sink sink, void *opaque,
                         virFreeCallback freecb);
/* -1 + VIR_ERR_INVALID_ARG if unknown. */
int fl_hub_deregister(struct fl_hub *hub, virConnectPtr conn, int callback_id);
/* Takes a registration back as if it had failed: freecb is not called. For a driver that could not start what
 * it registered for. */
void fl_hub_cancel(struct fl_hub *hub, virConnectPtr conn, int callback_id);
/* Old API: by callback pointer. */
int fl_hub_deregister_cb(struct fl_hub *hub, virConnectPtr conn, enum fl_event_class cls, int event_id,
                         void (*cb)(void));
/* Registrations left for this class+event over all connections (the remote driver asks the server when 0 <->
 * 1). */
unsigned int fl_hub_count(struct fl_hub *hub, enum fl_event_class cls, int event_id);
/* All of a connection's registrations, at close. */
void fl_hub_drop_conn(struct fl_hub *hub, virConnectPtr conn);

/* Queues for delivery; the payload is copied (deeply, by its XDR type). Any thread; driver locks may be held.
 */
void fl_hub_emit(struct fl_hub *hub, const struct fl_event_info *event, const void *payload);
