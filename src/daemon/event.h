/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Events for a peer: what it has subscribed to, numbered or in the old un-numbered way, and the messages
 * sent. */
#pragma once

#include <stdbool.h>
#include "core/hub.h"

struct fl_call;
struct fl_peer;

/* Subscribes the caller to an event. `legacy`: messages without a callback id, no filter. -1 with the error
 * set. */
int fl_subscribe(struct fl_call *call, enum fl_event_class cls, int event_id,
                 const struct fl_hub_filter *filter, bool legacy, int *ret_callback_id);
/* By the number subscribing gave. */
int fl_unsubscribe(struct fl_call *call, enum fl_event_class cls, int callback_id);
/* The un-numbered one of this event. */
int fl_unsubscribe_legacy(struct fl_call *call, enum fl_event_class cls, int event_id);
/* To one peer, without a number. */
void fl_send_event(struct fl_peer *peer, const struct fl_event_info *event, const void *payload);
/* The peer goes. */
void fl_subscriptions_end(struct fl_peer *peer);
