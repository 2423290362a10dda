/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The hub's registrations: indexes that keep adding, removing and matching independent of how many there are.
 */
#define FL_FROM VIR_FROM_NONE
#include "core/hub_table.h"

#include <string.h>

#include "base/error.h"
#include "base/util.h"

/* All registrations of one event with one filter, oldest first. */
struct hub_bucket {
    char *filter;
    GQueue regs;
};

static char *filter_text(const unsigned char *uuid, const char *name)
{
    char text[37];
    if (!uuid)
        return g_strdup(name ? name : "");
    fl_uuid_format(uuid, text);
    return g_strdup(text);
}

struct hub_reg *hub_reg_new(virConnectPtr conn, const struct fl_event_info *event,
                            const struct fl_hub_filter *filter, void *opaque, virFreeCallback freecb)
{
    struct hub_reg *reg = g_new0(struct hub_reg, 1);
    reg->refs = 1;
    reg->id = -1;
    reg->conn = conn;
    reg->event = event;
    reg->filter = filter ? filter_text(filter->uuid, filter->name) : g_strdup("");
    reg->opaque = opaque;
    reg->freecb = freecb;
    reg->in_bucket.data = reg->in_conn.data = reg;
    return reg;
}

void hub_reg_free(struct hub_reg *reg)
{
    g_free(reg->filter);
    g_free(reg);
}

static guint bucket_hash(gconstpointer p)
{
    const struct hub_bucket *b = p;
    return g_str_hash(b->filter);
}

static gboolean bucket_equal(gconstpointer pa, gconstpointer pb)
{
    const struct hub_bucket *a = pa, *b = pb;
    return strcmp(a->filter, b->filter) == 0;
}

static void bucket_free(gpointer p)
{
    struct hub_bucket *b = p;
    g_free(b->filter);
    g_free(b);
}

static guint reg_hash(gconstpointer p)
{
    const struct hub_reg *r = p;
    return g_str_hash(r->filter) ^ g_direct_hash(r->conn) ^ (guint)(guintptr)r->cb ^
           (guint)(r->event - fl_events) * 2654435761u;
}

static gboolean reg_equal(gconstpointer pa, gconstpointer pb)
{
    const struct hub_reg *a = pa, *b = pb;
    return a->cb == b->cb && a->conn == b->conn && a->event == b->event && strcmp(a->filter, b->filter) == 0;
}

static void conn_queue_free(gpointer p)
{
    g_free(p); /* its links live in the registrations */
}

/* Most hubs never have a registration. */
static void need_indexes(struct hub_table *t)
{
    if (t->slots)
        return;
    t->slots = g_new0(struct hub_slot, FL_NEVENTS);
    t->by_id = g_hash_table_new(NULL, NULL);
    t->by_cb = g_hash_table_new(reg_hash, reg_equal);
    t->by_conn = g_hash_table_new_full(NULL, NULL, NULL, conn_queue_free);
}

void hub_table_fini(struct hub_table *t)
{
    GHashTableIter iter;
    gpointer reg;
    if (!t->slots)
        return;
    g_hash_table_iter_init(&iter, t->by_id);
    while (g_hash_table_iter_next(&iter, NULL, &reg)) /* sinks whose owner never took them back */
        hub_reg_free(reg);
    g_hash_table_destroy(t->by_id);
    g_hash_table_destroy(t->by_cb);
    g_hash_table_destroy(t->by_conn);
    for (int i = 0; i < FL_NEVENTS; i++)
        g_clear_pointer(&t->slots[i].some, g_hash_table_destroy);
    g_free(t->slots);
}

static struct hub_slot *slot_of(const struct hub_table *t, const struct fl_event_info *event)
{
    return &t->slots[event - fl_events];
}

/* NULL: nobody has this filter. */
static struct hub_bucket *bucket_find(const struct hub_slot *slot, const char *filter)
{
    const struct hub_bucket key = { .filter = (char *)filter };
    return slot->some ? g_hash_table_lookup(slot->some, &key) : NULL;
}

static void slot_add(struct hub_slot *slot, struct hub_reg *reg)
{
    GQueue *queue = &slot->all;
    if (*reg->filter) {
        struct hub_bucket *b = bucket_find(slot, reg->filter);
        if (!slot->some)
            slot->some = g_hash_table_new_full(bucket_hash, bucket_equal, bucket_free, NULL);
        if (!b) {
            b = g_new0(struct hub_bucket, 1);
            b->filter = g_strdup(reg->filter);
            g_hash_table_add(slot->some, b);
        }
        queue = &b->regs;
    }
    g_queue_push_tail_link(queue, &reg->in_bucket);
    slot->count++;
}

static void slot_remove(struct hub_slot *slot, struct hub_reg *reg)
{
    struct hub_bucket *b = *reg->filter ? bucket_find(slot, reg->filter) : NULL;
    g_queue_unlink(b ? &b->regs : &slot->all, &reg->in_bucket);
    slot->count--;
    if (b && g_queue_is_empty(&b->regs))
        g_hash_table_remove(slot->some, b);
    if (slot->some && g_hash_table_size(slot->some) == 0)
        g_clear_pointer(&slot->some, g_hash_table_destroy);
}

int hub_table_add(struct hub_table *t, struct hub_reg *reg)
{
    need_indexes(t);
    if (reg->cb && g_hash_table_contains(t->by_cb, reg))
        return fl_error(VIR_ERR_INVALID_ARG,
                        "this function is registered for this event already; deregister it, "
                        "or register another function");
    while (g_hash_table_contains(t->by_id, GINT_TO_POINTER(t->next_id)))
        t->next_id = t->next_id == G_MAXINT ? 0 : t->next_id + 1;
    reg->id = t->next_id;
    t->next_id = t->next_id == G_MAXINT ? 0 : t->next_id + 1;
    reg->serial = t->next_serial++;

    GQueue *of_conn = g_hash_table_lookup(t->by_conn, reg->conn);
    if (!of_conn) {
        of_conn = g_new0(GQueue, 1);
        g_hash_table_insert(t->by_conn, reg->conn, of_conn);
    }
    g_queue_push_tail_link(of_conn, &reg->in_conn);
    slot_add(slot_of(t, reg->event), reg);
    g_hash_table_insert(t->by_id, GINT_TO_POINTER(reg->id), reg);
    if (reg->cb)
        g_hash_table_add(t->by_cb, reg);
    return 0;
}

void hub_table_remove(struct hub_table *t, struct hub_reg *reg)
{
    GQueue *of_conn = g_hash_table_lookup(t->by_conn, reg->conn);
    g_hash_table_remove(t->by_id, GINT_TO_POINTER(reg->id));
    if (reg->cb)
        g_hash_table_remove(t->by_cb, reg);
    slot_remove(slot_of(t, reg->event), reg);
    g_queue_unlink(of_conn, &reg->in_conn);
    if (g_queue_is_empty(of_conn))
        g_hash_table_remove(t->by_conn, reg->conn);
}

struct hub_reg *hub_table_by_id(struct hub_table *t, int id)
{
    return t->by_id ? g_hash_table_lookup(t->by_id, GINT_TO_POINTER(id)) : NULL;
}

struct hub_reg *hub_table_by_cb(struct hub_table *t, virConnectPtr conn, const struct fl_event_info *event,
                                void (*cb)(void))
{
    const struct hub_reg key = { .conn = conn, .event = event, .cb = cb, .filter = (char *)"" };
    return t->by_cb ? g_hash_table_lookup(t->by_cb, &key) : NULL;
}

struct hub_reg *hub_table_of_conn(struct hub_table *t, virConnectPtr conn)
{
    GQueue *of_conn = t->by_conn ? g_hash_table_lookup(t->by_conn, conn) : NULL;
    return of_conn ? g_queue_peek_head(of_conn) : NULL;
}

unsigned int hub_table_count(const struct hub_table *t, const struct fl_event_info *event)
{
    return t->slots ? slot_of(t, event)->count : 0;
}

/* Those that want events of this object only. */
static GList *own_regs(const struct hub_slot *slot, const struct fl_event_info *event, const void *payload)
{
    const unsigned char *uuid;
    const char *name;
    if (!slot->some)
        return NULL;
    fl_event_object(event, payload, &uuid, &name);
    g_autofree char *filter = filter_text(uuid, name);
    struct hub_bucket *own = bucket_find(slot, filter);
    return own ? own->regs.head : NULL;
}

bool hub_table_wants(const struct hub_table *t, const struct fl_event_info *event, const void *payload)
{
    const struct hub_slot *slot = t->slots ? slot_of(t, event) : NULL;
    return slot && slot->count && (slot->all.head || own_regs(slot, event, payload));
}

bool hub_table_match(struct hub_table *t, const struct fl_event_info *event, const void *payload,
                     int64_t seen_by, enum hub_kind kind, GPtrArray *into)
{
    const struct hub_slot *slot = t->slots ? slot_of(t, event) : NULL;
    bool others = false;
    if (!slot || !slot->count)
        return false;
    GList *a = slot->all.head, *b = own_regs(slot, event, payload);
    while (a || b) { /* merge the two by age */
        const struct hub_reg *ra = a ? a->data : NULL, *rb = b ? b->data : NULL;
        GList **next = ra && (!rb || ra->serial < rb->serial) ? &a : &b;
        struct hub_reg *reg = (*next)->data;
        *next = (*next)->next;
        if (reg->serial >= seen_by)
            break;
        if (!reg->sink != (kind == HUB_CALLBACKS)) {
            others = true;
            continue;
        }
        g_atomic_int_inc(&reg->refs);
        g_ptr_array_add(into, reg);
    }
    return others;
}
