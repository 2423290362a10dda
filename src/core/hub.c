/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The event hub. Registrations lie in buckets by class, event and filter, so emitting looks at those that
 * match and no others; all bookkeeping is O(1). Events for C callbacks wait in one queue per hub, which a
 * timer of the application's event loop empties in order; a registration sees only what was emitted after it
 * was made.
 *
 * Locking: hub->lock guards everything; nothing of the application or a driver is called while it is held,
 * except the event loop's add and remove of the timer.
 */
#define FL_FROM VIR_FROM_NONE
#include "core/hub.h"

#include <string.h>

#include "base/error.h"
#include "base/event.h"
#include "base/log.h"
#include "core/hub_table.h"
#include "core/objects.h"
#include "wire/xdr.h"

#define QUEUE_MAX 262144 /* events nobody fetched: the application does not run its loop */

/* One that waits; its payload and what that points to lie in the same block. */
struct hub_event {
    _Alignas(16) struct hub_event *next;
    const struct fl_event_info *info;
    int64_t seen_by; /* registrations with a lower serial */
};

struct fl_hub {
    gint refs;
    GMutex lock;
    struct hub_table table;
    struct hub_event *first, *last; /* the queue, oldest first */
    unsigned int waiting;           /* its length */
    int timer;                      /* -1: none */
    unsigned int ncallbacks, nsinks;
    bool overflowing;
};

struct fl_hub *fl_hub_new(void)
{
    struct fl_hub *hub = g_new0(struct fl_hub, 1);
    hub->refs = 1;
    hub->timer = -1;
    g_mutex_init(&hub->lock);
    return hub;
}

struct fl_hub *fl_hub_ref(struct fl_hub *hub)
{
    g_atomic_int_inc(&hub->refs);
    return hub;
}

static void *payload_of(struct hub_event *ev)
{
    return ev + 1;
}

/* With the lock held, or by the last user. */
static struct hub_event *take_first(struct fl_hub *hub)
{
    struct hub_event *ev = hub->first;
    if (!ev)
        return NULL;
    hub->first = ev->next;
    hub->waiting--;
    return ev;
}

static void queue_clear(struct fl_hub *hub)
{
    struct hub_event *ev;
    while ((ev = take_first(hub)))
        g_free(ev);
}

void fl_hub_unref(struct fl_hub *hub)
{
    if (!hub || !g_atomic_int_dec_and_test(&hub->refs))
        return;
    queue_clear(hub);
    hub_table_fini(&hub->table);
    g_mutex_clear(&hub->lock);
    g_free(hub);
}

bool fl_hub_is_new(struct fl_hub *hub)
{
    g_mutex_lock(&hub->lock);
    bool is_new = hub->table.next_serial == 0;
    g_mutex_unlock(&hub->lock);
    return is_new;
}

/* Drops a reference outside the lock; the last one tells the owner and lets the connection go. */
static void reg_unref(struct hub_reg *reg)
{
    if (!g_atomic_int_dec_and_test(&reg->refs))
        return;
    virConnectPtr conn = reg->holds_conn ? reg->conn : NULL;
    if (reg->freecb)
        reg->freecb(reg->opaque);
    hub_reg_free(reg);
    fl_connect_unref(conn);
}

static void deliver_one(struct fl_hub *hub, struct hub_event *ev, GPtrArray *regs)
{
    for (guint i = 0; i < regs->len; i++) {
        struct hub_reg *reg = g_ptr_array_index(regs, i);
        if (!g_atomic_int_get(&reg->dead))
            fl_event_invoke(ev->info, reg->conn, reg->cb, reg->opaque, payload_of(ev));
        reg_unref(reg);
    }
    g_ptr_array_set_size(regs, 0);
}

/*
 * The hub's timer. Events are taken one by one, so that a callback which runs the loop itself still sees them
 * in order; those emitted meanwhile wait for the next round, so that they cannot keep the loop from
 * everything else.
 */
static void hub_flush(int timer, void *opaque)
{
    struct fl_hub *hub = fl_hub_ref(opaque);
    g_autoptr(GPtrArray) regs = g_ptr_array_new();
    fl_event_update_timeout(timer, -1);
    g_mutex_lock(&hub->lock);
    for (unsigned int todo = hub->waiting; todo > 0; todo--) {
        struct hub_event *ev = take_first(hub);
        if (!ev)
            break;
        hub->overflowing = false;
        hub_table_match(&hub->table, ev->info, payload_of(ev), ev->seen_by, HUB_CALLBACKS, regs);
        g_mutex_unlock(&hub->lock);
        deliver_one(hub, ev, regs);
        g_free(ev);
        g_mutex_lock(&hub->lock);
    }
    int again = hub->waiting > 0 ? hub->timer : -1;
    g_mutex_unlock(&hub->lock);
    if (again >= 0)
        fl_event_update_timeout(again, 0);
    fl_hub_unref(hub);
}

static void hub_timer_gone(void *opaque)
{
    fl_hub_unref(opaque);
}

/* With the lock held. */
static int timer_need(struct fl_hub *hub)
{
    if (hub->timer >= 0)
        return 0;
    if (!fl_event_registered())
        return fl_error(VIR_ERR_INTERNAL_ERROR,
                        "events need an event loop: call virEventRegisterDefaultImpl() or "
                        "virEventRegisterImpl() before registering for them, and run it");
    hub->timer = fl_event_add_timeout(-1, hub_flush, fl_hub_ref(hub), hub_timer_gone);
    if (hub->timer >= 0)
        return 0;
    fl_hub_unref(hub);
    return fl_error(VIR_ERR_INTERNAL_ERROR, "the event loop refuses a timer for the delivery of events");
}

static void timer_drop(struct fl_hub *hub)
{
    if (hub->timer >= 0)
        fl_event_remove_timeout(hub->timer);
    hub->timer = -1;
    queue_clear(hub); /* for nobody */
}

static const struct fl_event_info *find_event(enum fl_event_class cls, int event_id)
{
    const struct fl_event_info *event = fl_event_find(cls, event_id);
    return event ? event : fl_error_null(VIR_ERR_INVALID_ARG, "there is no event with id %d", event_id);
}

static int register_any(struct fl_hub *hub, struct hub_reg *reg)
{
    g_mutex_lock(&hub->lock);
    int result = reg->sink ? 0 : timer_need(hub);
    if (result == 0)
        result = hub_table_add(&hub->table, reg);
    if (result == 0 && !reg->sink) {
        hub->ncallbacks++;
        reg->holds_conn = true;
        fl_connect_ref(reg->conn);
    } else {
        hub->nsinks += result == 0;
        if (!hub->ncallbacks)
            timer_drop(hub);
    }
    int id = reg->id;
    g_mutex_unlock(&hub->lock);
    if (result == 0)
        return id;
    hub_reg_free(reg); /* freecb is not called: the caller keeps what was not taken */
    return -1;
}

int fl_hub_register(struct fl_hub *hub, virConnectPtr conn, enum fl_event_class cls, int event_id,
                    const struct fl_hub_filter *filter, void (*cb)(void), void *opaque,
                    virFreeCallback freecb)
{
    const struct fl_event_info *event = find_event(cls, event_id);
    if (!event)
        return -1;
    struct hub_reg *reg = hub_reg_new(conn, event, filter, opaque, freecb);
    reg->cb = cb;
    return register_any(hub, reg);
}

int fl_hub_register_sink(struct fl_hub *hub, virConnectPtr conn, enum fl_event_class cls, int event_id,
                         const struct fl_hub_filter *filter, fl_hub_sink sink, void *opaque,
                         virFreeCallback freecb)
{
    const struct fl_event_info *event = find_event(cls, event_id);
    if (!event)
        return -1;
    struct hub_reg *reg = hub_reg_new(conn, event, filter, opaque, freecb);
    reg->sink = sink;
    return register_any(hub, reg);
}

/* With the lock held: out of the table; the table's reference passes to the caller. */
static void take_out(struct fl_hub *hub, struct hub_reg *reg)
{
    g_atomic_int_set(&reg->dead, 1);
    hub_table_remove(&hub->table, reg);
    if (reg->sink)
        hub->nsinks--;
    else if (--hub->ncallbacks == 0)
        timer_drop(hub);
}

int fl_hub_deregister(struct fl_hub *hub, virConnectPtr conn, int callback_id)
{
    g_mutex_lock(&hub->lock);
    struct hub_reg *reg = hub_table_by_id(&hub->table, callback_id);
    if (reg && reg->conn != conn)
        reg = NULL;
    if (reg)
        take_out(hub, reg);
    g_mutex_unlock(&hub->lock);
    if (!reg)
        return fl_error(VIR_ERR_INVALID_ARG, "this connection has no event callback with id %d", callback_id);
    reg_unref(reg);
    return 0;
}

void fl_hub_cancel(struct fl_hub *hub, virConnectPtr conn, int callback_id)
{
    g_mutex_lock(&hub->lock);
    struct hub_reg *reg = hub_table_by_id(&hub->table, callback_id);
    if (reg && reg->conn == conn) {
        reg->freecb = NULL;
        take_out(hub, reg);
    } else {
        reg = NULL;
    }
    g_mutex_unlock(&hub->lock);
    if (reg)
        reg_unref(reg);
}

int fl_hub_deregister_cb(struct fl_hub *hub, virConnectPtr conn, enum fl_event_class cls, int event_id,
                         void (*cb)(void))
{
    const struct fl_event_info *event = find_event(cls, event_id);
    if (!event)
        return -1;
    g_mutex_lock(&hub->lock);
    struct hub_reg *reg = hub_table_by_cb(&hub->table, conn, event, cb);
    if (reg)
        take_out(hub, reg);
    g_mutex_unlock(&hub->lock);
    if (!reg)
        return fl_error(VIR_ERR_INVALID_ARG,
                        "this function is not registered as an event callback of the connection");
    reg_unref(reg);
    return 0;
}

unsigned int fl_hub_count(struct fl_hub *hub, enum fl_event_class cls, int event_id)
{
    const struct fl_event_info *event = fl_event_find(cls, event_id);
    g_mutex_lock(&hub->lock);
    unsigned int n = event ? hub_table_count(&hub->table, event) : 0;
    g_mutex_unlock(&hub->lock);
    return n;
}

void fl_hub_drop_conn(struct fl_hub *hub, virConnectPtr conn)
{
    g_autoptr(GPtrArray) gone = g_ptr_array_new();
    struct hub_reg *reg;
    g_mutex_lock(&hub->lock);
    while ((reg = hub_table_of_conn(&hub->table, conn))) {
        take_out(hub, reg);
        g_ptr_array_add(gone, reg);
    }
    g_mutex_unlock(&hub->lock);
    for (guint i = 0; i < gone->len; i++)
        reg_unref(g_ptr_array_index(gone, i));
}

/* With the lock held. True if the timer must be woken. */
static bool enqueue(struct fl_hub *hub, const struct fl_event_info *event, const void *payload)
{
    if (hub->waiting >= QUEUE_MAX) {
        if (!hub->overflowing)
            fl_warn("%d events wait for an event loop that does not run; further ones are dropped",
                    QUEUE_MAX);
        hub->overflowing = true;
        return false;
    }
    struct hub_event *ev = fl_xdr_clone(event->payload, payload, sizeof(*ev));
    ev->next = NULL;
    ev->info = event;
    ev->seen_by = hub->table.next_serial;
    if (hub->first)
        hub->last->next = ev;
    else
        hub->first = ev;
    hub->last = ev;
    return ++hub->waiting == 1;
}

/* With the lock held. Those that get it at once are added to `sinks`; the timer to be woken, or -1. */
static int emit_locked(struct fl_hub *hub, const struct fl_event_info *event, const void *payload,
                       GPtrArray *sinks)
{
    bool wanted = sinks
                      ? hub_table_match(&hub->table, event, payload, hub->table.next_serial, HUB_SINKS, sinks)
                      : hub_table_wants(&hub->table, event, payload);
    return wanted && enqueue(hub, event, payload) ? hub->timer : -1;
}

static void feed(GPtrArray *sinks, const struct fl_event_info *event, const void *payload)
{
    struct fl_hub_emission emission = { .event = event, .payload = payload };
    for (guint i = 0; i < sinks->len; i++) {
        struct hub_reg *reg = g_ptr_array_index(sinks, i);
        if (!g_atomic_int_get(&reg->dead))
            reg->sink(reg->opaque, reg->id, &emission);
        reg_unref(reg);
    }
    if (emission.made)
        emission.unmake(emission.made);
}

void fl_hub_emit(struct fl_hub *hub, const struct fl_event_info *event, const void *payload)
{
    g_autoptr(GPtrArray) sinks = NULL;
    int wake = -1;
    g_mutex_lock(&hub->lock);
    if (hub_table_count(&hub->table, event) > 0) {
        sinks = hub->nsinks ? g_ptr_array_new() : NULL;
        wake = emit_locked(hub, event, payload, sinks);
    }
    g_mutex_unlock(&hub->lock);
    if (wake >= 0)
        fl_event_update_timeout(wake, 0);
    if (sinks)
        feed(sinks, event, payload);
}
