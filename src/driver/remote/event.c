/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Events from the far side. Application callbacks live in the connection's hub; the far side is asked for an
 * event when the first of them comes and told when the last has gone (event_ask.c). Each event message is
 * decoded and emitted into the hub.
 */
#define FL_FROM VIR_FROM_REMOTE
#include "base/error.h"
#include "base/log.h"
#include "core/connect.h"
#include "driver/remote/reconnect.h"
#include "driver/remote/remote.h"
#include "driver/remote/stubs.h"
#include "rpc/session.h"

/* ---- registering ---- */

static int event_register(virConnectPtr conn, enum fl_event_class cls, int event_id,
                          const struct fl_hub_filter *filter, void (*cb)(void), void *opaque,
                          virFreeCallback freecb)
{
    const struct fl_event_info *ev = fl_event_find(cls, event_id);
    struct fl_remote *r = fl_remote_of(conn);
    int id = -1;

    if (!ev)
        return fl_error(VIR_ERR_INVALID_ARG, "there is no event with id %d", event_id);
    g_mutex_lock(&r->events_lock);
    /* Here first: an event may follow the far side's answer at once. */
    id = fl_hub_register(r->hub, conn, cls, event_id, filter, cb, opaque, freecb);
    if (id >= 0 && fl_remote_event_ask(conn, ev) < 0) {
        fl_hub_cancel(r->hub, conn, id);
        id = -1;
    }
    g_mutex_unlock(&r->events_lock);
    return id;
}

/* Which events lost their last callback is not known from an id: all of the class are looked at. */
static int class_sweep(virConnectPtr conn, enum fl_event_class cls)
{
    int rc = 0;

    for (size_t i = 0; i < FL_NEVENTS; i++) {
        if (fl_events[i].cls == cls && fl_remote_event_tell(conn, &fl_events[i]) < 0)
            rc = -1;
    }
    return rc;
}

static int event_deregister(virConnectPtr conn, enum fl_event_class cls, int callback_id)
{
    struct fl_remote *r = fl_remote_of(conn);
    int rc;

    /* Frees the application's data, which may call back into here: not under the lock. */
    if (fl_hub_deregister(r->hub, conn, callback_id) < 0)
        return -1;
    g_mutex_lock(&r->events_lock);
    rc = class_sweep(conn, cls);
    g_mutex_unlock(&r->events_lock);
    return rc;
}

int fl_remote_connect_domain_event_register(virConnectPtr conn, virConnectDomainEventCallback cb,
                                            void *opaque, virFreeCallback freecb)
{
    return event_register(conn, FL_EVENT_DOMAIN, VIR_DOMAIN_EVENT_ID_LIFECYCLE, NULL, (void (*)(void))cb,
                          opaque, freecb) < 0
               ? -1
               : 0;
}

int fl_remote_connect_domain_event_deregister(virConnectPtr conn, virConnectDomainEventCallback cb)
{
    struct fl_remote *r = fl_remote_of(conn);
    int rc;

    if (fl_hub_deregister_cb(r->hub, conn, FL_EVENT_DOMAIN, VIR_DOMAIN_EVENT_ID_LIFECYCLE,
                             (void (*)(void))cb) < 0)
        return -1;
    g_mutex_lock(&r->events_lock);
    rc = class_sweep(conn, FL_EVENT_DOMAIN);
    g_mutex_unlock(&r->events_lock);
    return rc;
}

int fl_remote_connect_domain_event_register_any(virConnectPtr conn, virDomainPtr dom, int eventID,
                                                virConnectDomainEventGenericCallback cb, void *opaque,
                                                virFreeCallback freecb)
{
    struct fl_hub_filter filter = { .uuid = dom ? dom->uuid : NULL };

    return event_register(conn, FL_EVENT_DOMAIN, eventID, &filter, (void (*)(void))cb, opaque, freecb);
}

int fl_remote_connect_domain_event_deregister_any(virConnectPtr conn, int callbackID)
{
    return event_deregister(conn, FL_EVENT_DOMAIN, callbackID);
}

int fl_remote_connect_network_event_register_any(virConnectPtr conn, virNetworkPtr net, int eventID,
                                                 virConnectNetworkEventGenericCallback cb, void *opaque,
                                                 virFreeCallback freecb)
{
    struct fl_hub_filter filter = { .uuid = net ? net->uuid : NULL };

    return event_register(conn, FL_EVENT_NETWORK, eventID, &filter, (void (*)(void))cb, opaque, freecb);
}

int fl_remote_connect_network_event_deregister_any(virConnectPtr conn, int callbackID)
{
    return event_deregister(conn, FL_EVENT_NETWORK, callbackID);
}

int fl_remote_connect_storage_pool_event_register_any(virConnectPtr conn, virStoragePoolPtr pool, int eventID,
                                                      virConnectStoragePoolEventGenericCallback cb,
                                                      void *opaque, virFreeCallback freecb)
{
    struct fl_hub_filter filter = { .uuid = pool ? pool->uuid : NULL };

    return event_register(conn, FL_EVENT_STORAGE_POOL, eventID, &filter, (void (*)(void))cb, opaque, freecb);
}

int fl_remote_connect_storage_pool_event_deregister_any(virConnectPtr conn, int callbackID)
{
    return event_deregister(conn, FL_EVENT_STORAGE_POOL, callbackID);
}

int fl_remote_connect_node_device_event_register_any(virConnectPtr conn, virNodeDevicePtr dev, int eventID,
                                                     virConnectNodeDeviceEventGenericCallback cb,
                                                     void *opaque, virFreeCallback freecb)
{
    struct fl_hub_filter filter = { .name = dev ? dev->name : NULL };

    return event_register(conn, FL_EVENT_NODE_DEVICE, eventID, &filter, (void (*)(void))cb, opaque, freecb);
}

int fl_remote_connect_node_device_event_deregister_any(virConnectPtr conn, int callbackID)
{
    return event_deregister(conn, FL_EVENT_NODE_DEVICE, callbackID);
}

int fl_remote_connect_secret_event_register_any(virConnectPtr conn, virSecretPtr secret, int eventID,
                                                virConnectSecretEventGenericCallback cb, void *opaque,
                                                virFreeCallback freecb)
{
    struct fl_hub_filter filter = { .uuid = secret ? secret->uuid : NULL };

    return event_register(conn, FL_EVENT_SECRET, eventID, &filter, (void (*)(void))cb, opaque, freecb);
}

int fl_remote_connect_secret_event_deregister_any(virConnectPtr conn, int callbackID)
{
    return event_deregister(conn, FL_EVENT_SECRET, callbackID);
}

/* ---- monitor events: filtered here by the event's name ---- */

struct monitor_filter {
    char *name;    /* NULL: all */
    GRegex *regex; /* instead of name */
    bool nocase;
    virConnectDomainQemuMonitorEventCallback cb;
    void *opaque;
    virFreeCallback freecb;
};

static bool monitor_wanted(const struct monitor_filter *f, const char *event)
{
    if (f->regex)
        return g_regex_match(f->regex, event, 0, NULL);
    if (!f->name)
        return true;
    return f->nocase ? g_ascii_strcasecmp(f->name, event) == 0 : g_str_equal(f->name, event);
}

static void monitor_pass(virConnectPtr conn, virDomainPtr dom, const char *event, long long seconds,
                         unsigned int micros, const char *details, void *opaque)
{
    const struct monitor_filter *f = opaque;

    if (monitor_wanted(f, event))
        f->cb(conn, dom, event, seconds, micros, details, f->opaque);
}

static void monitor_filter_free(void *opaque)
{
    struct monitor_filter *f = opaque;

    if (f->freecb)
        f->freecb(f->opaque);
    g_clear_pointer(&f->regex, g_regex_unref);
    g_free(f->name);
    g_free(f);
}

static int monitor_filter_name(struct monitor_filter *f, const char *event, unsigned int flags)
{
    g_autoptr(GError) err = NULL;

    f->nocase = flags & VIR_CONNECT_DOMAIN_QEMU_MONITOR_EVENT_REGISTER_NOCASE;
    if (!event || !(flags & VIR_CONNECT_DOMAIN_QEMU_MONITOR_EVENT_REGISTER_REGEX)) {
        f->name = g_strdup(event);
        return 0;
    }
    f->regex = g_regex_new(event, f->nocase ? G_REGEX_CASELESS : 0, 0, &err);
    if (!f->regex)
        return fl_error(VIR_ERR_INVALID_ARG, "'%s' is not a regular expression: %s", event, err->message);
    return 0;
}

int fl_remote_connect_domain_qemu_monitor_event_register(virConnectPtr conn, virDomainPtr dom,
                                                         const char *event,
                                                         virConnectDomainQemuMonitorEventCallback cb,
                                                         void *opaque, virFreeCallback freecb,
                                                         unsigned int flags)
{
    struct fl_hub_filter filter = { .uuid = dom ? dom->uuid : NULL };
    struct monitor_filter *f = g_new0(struct monitor_filter, 1);
    int id = -1;

    f->cb = cb;
    f->opaque = opaque;
    if (monitor_filter_name(f, event, flags) == 0)
        id = event_register(conn, FL_EVENT_QEMU_MONITOR, 0, &filter, (void (*)(void))monitor_pass, f,
                            monitor_filter_free);
    if (id < 0)
        monitor_filter_free(f); /* freecb is not set yet: what was not taken stays the caller's */
    else
        f->freecb = freecb;
    return id;
}

int fl_remote_connect_domain_qemu_monitor_event_deregister(virConnectPtr conn, int callbackID)
{
    return event_deregister(conn, FL_EVENT_QEMU_MONITOR, callbackID);
}

/* ---- from the far side ---- */

static int event_decode(const struct fl_event_info *ev, bool legacy, const struct fl_frame *frame,
                        struct fl_arena *arena, void *payload, uint32_t *ret_id)
{
    struct fl_reader r = fl_reader_over(frame->payload, frame->len);

    if (ev->numbered && !legacy && !fl_get_u32(&r, ret_id))
        return fl_error(VIR_ERR_RPC, "event '%s' without its callback id", ev->name);
    return fl_xdr_decode(legacy ? ev->legacy_payload : ev->payload, &r, arena, payload);
}

/* A registration may be left over where the connection was made again while it was taken back. */
static bool is_left_over(struct fl_remote *r, const struct fl_event_info *ev, uint32_t id)
{
    int known = g_atomic_int_get(&r->event_ids[ev - fl_events]);

    return g_atomic_pointer_get(&r->redial) && known >= 0 && known != (int)id;
}

static void far_closed(struct fl_remote *r, int reason)
{
    struct fl_redial *redial = g_atomic_pointer_get(&r->redial);

    if (redial)
        fl_redial_far_closed(redial, reason);
    else
        fl_connect_closed(r->conn, reason);
}

void fl_remote_event(void *opaque, const struct fl_frame *frame)
{
    FL_ERROR_PRESERVE;
    FL_ARENA(arena);
    struct fl_remote *r = opaque;
    bool legacy = false;
    const struct fl_event_info *ev = fl_event_by_proc(frame->h.program, frame->h.procedure, &legacy);
    uint32_t id = 0;
    void *payload;

    if (!ev) {
        fl_debug("event message %u of program 0x%x is not known here", frame->h.procedure, frame->h.program);
        return;
    }
    payload = fl_arena_alloc(&arena, fl_xdr_types[ev->payload].size);
    if (event_decode(ev, legacy, frame, &arena, payload, &id) < 0 ||
        (ev->numbered && !legacy && is_left_over(r, ev, id)))
        return;
    if (ev == FL_EV_CONNECT_CLOSED)
        far_closed(r, ((struct fl_w_event_connect_closed *)payload)->reason);
    else
        fl_hub_emit(r->hub, ev, payload);
}
