/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Subscriptions of peers and the messages they get. */
#define FL_FROM VIR_FROM_RPC
#include "daemon/event.h"

#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "core/objects.h"
#include "daemon/call.h"
#include "daemon/peer.h"
#include "core/driver.h"
#include "wire/frame.h"
#include "wire/xdr.h"

#define SUBSCRIPTIONS_MAX 1024u /* of one peer */

struct fl_subscription {
    struct fl_subscription *next; /* in the peer's list, guarded by its lock */
    struct fl_peer *peer;         /* held */
    struct fl_hub *hub;           /* held */
    virConnectPtr conn;           /* the one it was made with: alive until all are ended */
    const struct fl_event_info *event;
    bool legacy;
    char *key; /* of the filter: UUID bytes in hex, or the name */
    int id;
};

/* The hub has let go: no message is being made any more. */
static void free_subscription(void *opaque)
{
    struct fl_subscription *sub = opaque;

    fl_peer_unref(sub->peer);
    fl_hub_unref(sub->hub);
    g_free(sub->key);
    g_free(sub);
}

static void free_encoded(void *made)
{
    struct fl_writer *w = made;

    fl_writer_fini(w);
    g_free(w);
}

/* NULL: it does not fit in a message. */
static struct fl_writer *encode(unsigned int type, const struct fl_event_info *event, const void *payload)
{
    struct fl_writer *w = g_new(struct fl_writer, 1);

    fl_writer_init(w, FL_FRAME_LENGTH_MAX);
    if (fl_xdr_encode(type, payload, w) == 0)
        return w;
    fl_warn_seldom("a %s event is sent to nobody: %s", event->name, fl_error_get()->message);
    fl_error_reset();
    free_encoded(w);
    return NULL;
}

void fl_send_event(struct fl_peer *peer, const struct fl_event_info *event, const void *payload)
{
    struct fl_writer *own = encode(event->numbered ? event->legacy_payload : event->payload, event, payload);

    if (!own)
        return;
    fl_peer_event(peer, event, NULL, own);
    free_encoded(own);
}

/* Encoded once for all who have asked for it by number, which is everybody since long. */
static const struct fl_writer *encoded(struct fl_hub_emission *e)
{
    if (!e->made) {
        e->made = encode(e->event->payload, e->event, e->payload);
        e->unmake = free_encoded;
    }
    return e->made;
}

/* In the emitting thread; driver locks may be held, so nothing here may wait. */
static void send_event(void *opaque, int callback_id, struct fl_hub_emission *e)
{
    struct fl_subscription *sub = opaque;
    const struct fl_writer *bytes;

    if (sub->legacy) {
        fl_send_event(sub->peer, e->event, e->payload);
    } else if ((bytes = encoded(e))) {
        fl_peer_event(sub->peer, e->event, &callback_id, bytes);
    }
}

static char *filter_key(const struct fl_hub_filter *filter)
{
    GString *key;

    if (!filter)
        return NULL;
    if (!filter->uuid)
        return g_strdup(filter->name);
    key = g_string_new(NULL);
    for (int i = 0; i < VIR_UUID_BUFLEN; i++)
        g_string_append_printf(key, "%02x", filter->uuid[i]);
    return g_string_free(key, FALSE);
}

/* Compat: the same subscription a second time is refused, as clients of the incumbent expect. */
static int check_new(struct fl_peer *peer, const struct fl_event_info *event, const char *key)
{
    unsigned int count = 0;

    for (struct fl_subscription *sub = peer->subscriptions; sub; sub = sub->next) {
        if (sub->event == event && g_strcmp0(sub->key, key) == 0)
            return fl_error(VIR_ERR_INVALID_ARG, "this client has subscribed to %s events already",
                            event->name);
        count++;
    }
    if (count >= SUBSCRIPTIONS_MAX)
        return fl_error(VIR_ERR_OPERATION_FAILED, "a client takes at most %u event subscriptions",
                        SUBSCRIPTIONS_MAX);
    return 0;
}

/* Into the list first: an event may come before the hub has even told us the number. */
static int enlist(struct fl_subscription *sub)
{
    struct fl_peer *peer = sub->peer;
    int result = 0;

    g_mutex_lock(&peer->lock);
    if (peer->gone)
        result = fl_error(VIR_ERR_RPC, "the client has gone");
    else
        result = check_new(peer, sub->event, sub->key);
    if (result == 0) {
        sub->next = peer->subscriptions;
        peer->subscriptions = sub;
    }
    g_mutex_unlock(&peer->lock);
    return result;
}

static void delist(struct fl_peer *peer, const struct fl_subscription *sub)
{
    struct fl_subscription **at = &peer->subscriptions;

    while (*at && *at != sub)
        at = &(*at)->next;
    if (*at)
        *at = sub->next;
}

/* A hub carries every kind of event; the driver says which of them it will ever emit. */
static bool driver_emits(virConnectPtr conn, enum fl_event_class cls)
{
    switch (cls) {
    case FL_EVENT_DOMAIN:
        return conn->ops->connect_domain_event_register_any != NULL;
    case FL_EVENT_NETWORK:
        return conn->ops->connect_network_event_register_any != NULL;
    case FL_EVENT_STORAGE_POOL:
        return conn->ops->connect_storage_pool_event_register_any != NULL;
    case FL_EVENT_NODE_DEVICE:
        return conn->ops->connect_node_device_event_register_any != NULL;
    case FL_EVENT_SECRET:
        return conn->ops->connect_secret_event_register_any != NULL;
    default:
        return true;
    }
}

int fl_subscribe(struct fl_call *call, enum fl_event_class cls, int event_id,
                 const struct fl_hub_filter *filter, bool legacy, int *ret_callback_id)
{
    const struct fl_event_info *event = fl_event_find(cls, event_id);
    struct fl_hub *hub = call->conn->driver->hub ? call->conn->driver->hub(call->conn) : NULL;
    struct fl_subscription *sub;

    if (!hub || !driver_emits(call->conn, cls))
        return fl_error(VIR_ERR_NO_SUPPORT, "the %s driver has no %sevents", call->conn->driver->name,
                        cls == FL_EVENT_SECRET ? "secret " : "");
    if (!event || (legacy && !event->legacy_proc))
        return fl_error(VIR_ERR_INVALID_ARG, "event %d is not known%s", event_id,
                        legacy ? " without a callback id" : "");
    sub = g_new0(struct fl_subscription, 1);
    sub->peer = fl_peer_ref(call->peer);
    sub->hub = fl_hub_ref(hub);
    sub->conn = call->conn;
    sub->event = event;
    sub->legacy = legacy;
    sub->key = filter_key(filter);
    sub->id = -1;
    if (enlist(sub) < 0) {
        free_subscription(sub);
        return -1;
    }
    sub->id =
        fl_hub_register_sink(hub, call->conn, cls, event_id, filter, send_event, sub, free_subscription);
    if (sub->id < 0) {
        g_mutex_lock(&call->peer->lock);
        delist(call->peer, sub);
        g_mutex_unlock(&call->peer->lock);
        free_subscription(sub);
        return -1;
    }
    *ret_callback_id = sub->id;
    return 0;
}

/* Ends the first subscription that matches; -1: none does. */
static int unsubscribe(struct fl_peer *peer, enum fl_event_class cls, bool legacy, int number)
{
    struct fl_subscription *sub;
    struct fl_hub *hub;
    virConnectPtr conn;
    int id, result;

    g_mutex_lock(&peer->lock);
    for (sub = peer->subscriptions; sub; sub = sub->next) {
        if (sub->event->cls == cls && sub->legacy == legacy && (legacy ? sub->event->id : sub->id) == number)
            break;
    }
    if (!sub) {
        g_mutex_unlock(&peer->lock);
        return fl_error(VIR_ERR_INVALID_ARG, "this client has no event subscription %s %d",
                        legacy ? "to event" : "number", number);
    }
    delist(peer, sub);
    hub = fl_hub_ref(sub->hub);
    conn = sub->conn;
    id = sub->id;
    g_mutex_unlock(&peer->lock);
    result = fl_hub_deregister(hub, conn, id);
    fl_hub_unref(hub);
    return result < 0 ? -1 : 0;
}

int fl_unsubscribe(struct fl_call *call, enum fl_event_class cls, int callback_id)
{
    return unsubscribe(call->peer, cls, false, callback_id);
}

int fl_unsubscribe_legacy(struct fl_call *call, enum fl_event_class cls, int event_id)
{
    return unsubscribe(call->peer, cls, true, event_id);
}

void fl_subscriptions_end(struct fl_peer *peer)
{
    for (;;) {
        struct fl_subscription *sub;
        enum fl_event_class cls;
        bool legacy;
        int number;

        g_mutex_lock(&peer->lock);
        sub = peer->subscriptions;
        if (sub) {
            cls = (enum fl_event_class)sub->event->cls;
            legacy = sub->legacy;
            number = legacy ? sub->event->id : sub->id;
        }
        g_mutex_unlock(&peer->lock);
        if (!sub)
            break;
        (void)unsubscribe(peer, cls, legacy, number);
    }
    fl_error_reset();
}
