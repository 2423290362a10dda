/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Subscribing to events: the numbered families of every object and the two older ones of domains. */
#define FL_FROM VIR_FROM_RPC
#include "base/error.h"
#include "daemon/call.h"
#include "daemon/dispatch.h"
#include "daemon/event.h"

/* ---- the oldest: lifecycle of all domains; then any event of all domains; both without numbers ---- */

int fl_serve_connect_domain_event_register(struct fl_call *call, void *args, void *ret)
{
    struct fl_w_connect_domain_event_register_ret *r = ret;
    int id;

    (void)args;
    /* Compat: the result has always been 0, whatever its name says. */
    r->cb_registered = 0;
    return fl_subscribe(call, FL_EVENT_DOMAIN, VIR_DOMAIN_EVENT_ID_LIFECYCLE, NULL, true, &id);
}

int fl_serve_connect_domain_event_deregister(struct fl_call *call, void *args, void *ret)
{
    struct fl_w_connect_domain_event_deregister_ret *r = ret;

    (void)args;
    r->cb_registered = 0;
    return fl_unsubscribe_legacy(call, FL_EVENT_DOMAIN, VIR_DOMAIN_EVENT_ID_LIFECYCLE);
}

int fl_serve_connect_domain_event_register_any(struct fl_call *call, void *args, void *ret)
{
    const struct fl_w_connect_domain_event_register_any_args *a = args;
    int id;

    (void)ret;
    return fl_subscribe(call, FL_EVENT_DOMAIN, a->eventID, NULL, true, &id);
}

int fl_serve_connect_domain_event_deregister_any(struct fl_call *call, void *args, void *ret)
{
    const struct fl_w_connect_domain_event_deregister_any_args *a = args;

    (void)ret;
    return fl_unsubscribe_legacy(call, FL_EVENT_DOMAIN, a->eventID);
}

/* ---- the numbered ones: an event of one object or of all ---- */

int fl_serve_connect_domain_event_callback_register_any(struct fl_call *call, void *args, void *ret)
{
    const struct fl_w_connect_domain_event_callback_register_any_args *a = args;
    struct fl_w_connect_domain_event_callback_register_any_ret *r = ret;
    struct fl_hub_filter filter = { .uuid = a->dom ? a->dom->uuid : NULL };

    return fl_subscribe(call, FL_EVENT_DOMAIN, a->eventID, a->dom ? &filter : NULL, false, &r->callbackID);
}

int fl_serve_connect_domain_event_callback_deregister_any(struct fl_call *call, void *args, void *ret)
{
    const struct fl_w_connect_domain_event_callback_deregister_any_args *a = args;

    (void)ret;
    return fl_unsubscribe(call, FL_EVENT_DOMAIN, a->callbackID);
}

int fl_serve_connect_network_event_register_any(struct fl_call *call, void *args, void *ret)
{
    const struct fl_w_connect_network_event_register_any_args *a = args;
    struct fl_w_connect_network_event_register_any_ret *r = ret;
    struct fl_hub_filter filter = { .uuid = a->net ? a->net->uuid : NULL };

    return fl_subscribe(call, FL_EVENT_NETWORK, a->eventID, a->net ? &filter : NULL, false, &r->callbackID);
}

int fl_serve_connect_network_event_deregister_any(struct fl_call *call, void *args, void *ret)
{
    const struct fl_w_connect_network_event_deregister_any_args *a = args;

    (void)ret;
    return fl_unsubscribe(call, FL_EVENT_NETWORK, a->callbackID);
}

int fl_serve_connect_storage_pool_event_register_any(struct fl_call *call, void *args, void *ret)
{
    const struct fl_w_connect_storage_pool_event_register_any_args *a = args;
    struct fl_w_connect_storage_pool_event_register_any_ret *r = ret;
    struct fl_hub_filter filter = { .uuid = a->pool ? a->pool->uuid : NULL };

    return fl_subscribe(call, FL_EVENT_STORAGE_POOL, a->eventID, a->pool ? &filter : NULL, false,
                        &r->callbackID);
}

int fl_serve_connect_storage_pool_event_deregister_any(struct fl_call *call, void *args, void *ret)
{
    const struct fl_w_connect_storage_pool_event_deregister_any_args *a = args;

    (void)ret;
    return fl_unsubscribe(call, FL_EVENT_STORAGE_POOL, a->callbackID);
}

int fl_serve_connect_node_device_event_register_any(struct fl_call *call, void *args, void *ret)
{
    const struct fl_w_connect_node_device_event_register_any_args *a = args;
    struct fl_w_connect_node_device_event_register_any_ret *r = ret;
    struct fl_hub_filter filter = { .name = a->dev ? a->dev->name : NULL };

    return fl_subscribe(call, FL_EVENT_NODE_DEVICE, a->eventID, a->dev ? &filter : NULL, false,
                        &r->callbackID);
}

int fl_serve_connect_node_device_event_deregister_any(struct fl_call *call, void *args, void *ret)
{
    const struct fl_w_connect_node_device_event_deregister_any_args *a = args;

    (void)ret;
    return fl_unsubscribe(call, FL_EVENT_NODE_DEVICE, a->callbackID);
}

int fl_serve_connect_secret_event_register_any(struct fl_call *call, void *args, void *ret)
{
    const struct fl_w_connect_secret_event_register_any_args *a = args;
    struct fl_w_connect_secret_event_register_any_ret *r = ret;
    struct fl_hub_filter filter = { .uuid = a->secret ? a->secret->uuid : NULL };

    return fl_subscribe(call, FL_EVENT_SECRET, a->eventID, a->secret ? &filter : NULL, false, &r->callbackID);
}

int fl_serve_connect_secret_event_deregister_any(struct fl_call *call, void *args, void *ret)
{
    const struct fl_w_connect_secret_event_deregister_any_args *a = args;

    (void)ret;
    return fl_unsubscribe(call, FL_EVENT_SECRET, a->callbackID);
}

/* Filtering by pattern belongs to the driver that has a monitor, and none has yet. */
int fl_serve_connect_domain_qemu_monitor_event_register(struct fl_call *call, void *args, void *ret)
{
    (void)call, (void)args, (void)ret;
    return fl_error(VIR_ERR_NO_SUPPORT, "no driver of this daemon has monitor events");
}

int fl_serve_connect_domain_qemu_monitor_event_deregister(struct fl_call *call, void *args, void *ret)
{
    (void)call, (void)args, (void)ret;
    return fl_error(VIR_ERR_NO_SUPPORT, "no driver of this daemon has monitor events");
}
