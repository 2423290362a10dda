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
    enum fl_event_class cls;
    int event_id;
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

struct hub_reg *hub_reg_new(virConnectPtr conn, enum fl_event_class cls, int event_id,
                            const struct fl_hub_filter *filter, void *opaque, virFreeCallback freecb)
{
    struct hub_reg *reg = g_new0(struct hub_reg, 1);
    reg->refs = 1;
    reg->id = -1;
    reg->conn = conn;
    reg->cls = cls;
    reg->event_id = event_id;
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

static gpointer event_key(enum fl_event_class cls, int event_id)
{
    return GUINT_TO_POINTER(((guint)cls << 20) + (guint)event_id + 1);
}

static guint bucket_hash(gconstpointer p)
{
    const struct hub_bucket *b = p;
    return g_str_hash(b->filter) ^ GPOINTER_TO_UINT(event_key(b->cls, b->event_id)) * 2654435761u;
}

static gboolean bucket_equal(gconstpointer pa, gconstpointer pb)
{
    const struct hub_bucket *a = pa, *b = pb;
    return a->cls == b->cls && a->event_id == b->event_id && strcmp(a->filter, b->filter) == 0;
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
           GPOINTER_TO_UINT(event_key(r->cls, r->event_id)) * 2654435761u;
}

static gboolean reg_equal(gconstpointer pa, gconstpointer pb)
{
    const struct hub_reg *a = pa, *b = pb;
    return a->cb == b->cb && a->conn == b->conn && a->cls == b->cls && a->event_id == b->event_id &&
           strcmp(a->filter, b->filter) == 0;
}

static void conn_queue_free(gpointer p)
{
    g_free(p); /* its links live in the registrations */
}

/* Most hubs never have a registration. */
static void need_indexes(struct hub_table *t)
{
    if (t->by_id)
        return;
    t->by_id = g_hash_table_new(NULL, NULL);
    t->by_cb = g_hash_table_new(reg_hash, reg_equal);
    t->buckets = g_hash_table_new_full(bucket_hash, bucket_equal, bucket_free, NULL);
    t->by_conn = g_hash_table_new_full(NULL, NULL, NULL, conn_queue_free);
    t->counts = g_hash_table_new(NULL, NULL);
}

void hub_table_fini(struct hub_table *t)
{
    GHashTableIter iter;
    gpointer reg;
    if (!t->by_id)
        return;
    g_hash_table_iter_init(&iter, t->by_id);
    while (g_hash_table_iter_next(&iter, NULL, &reg)) /* sinks whose owner never took them back */
        hub_reg_free(reg);
    g_hash_table_destroy(t->by_id);
    g_hash_table_destroy(t->by_cb);
    g_hash_table_destroy(t->buckets);
    g_hash_table_destroy(t->by_conn);
    g_hash_table_destroy(t->counts);
}

static struct hub_bucket *bucket_find(struct hub_table *t, enum fl_event_class cls, int event_id,
                                      const char *filter)
{
    const struct hub_bucket key = { .cls = cls, .event_id = event_id, .filter = (char *)filter };
    return t->buckets ? g_hash_table_lookup(t->buckets, &key) : NULL;
}

static struct hub_bucket *bucket_need(struct hub_table *t, const struct hub_reg *reg)
{
    struct hub_bucket *b = bucket_find(t, reg->cls, reg->event_id, reg->filter);
    if (b)
        return b;
    b = g_new0(struct hub_bucket, 1);
    b->cls = reg->cls;
    b->event_id = reg->event_id;
    b->filter = g_strdup(reg->filter);
    g_queue_init(&b->regs);
    g_hash_table_add(t->buckets, b);
    return b;
}

static void count_add(struct hub_table *t, const struct hub_reg *reg, int step)
{
    gpointer key = event_key(reg->cls, reg->event_id);
    int n = GPOINTER_TO_INT(g_hash_table_lookup(t->counts, key)) + step;
    if (n > 0)
        g_hash_table_insert(t->counts, key, GINT_TO_POINTER(n));
    else
        g_hash_table_remove(t->counts, key);
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
    g_queue_push_tail_link(&bucket_need(t, reg)->regs, &reg->in_bucket);
    g_hash_table_insert(t->by_id, GINT_TO_POINTER(reg->id), reg);
    if (reg->cb)
        g_hash_table_add(t->by_cb, reg);
    count_add(t, reg, 1);
    return 0;
}

void hub_table_remove(struct hub_table *t, struct hub_reg *reg)
{
    struct hub_bucket *b = bucket_find(t, reg->cls, reg->event_id, reg->filter);
    GQueue *of_conn = g_hash_table_lookup(t->by_conn, reg->conn);
    g_hash_table_remove(t->by_id, GINT_TO_POINTER(reg->id));
    if (reg->cb)
        g_hash_table_remove(t->by_cb, reg);
    g_queue_unlink(&b->regs, &reg->in_bucket);
    if (g_queue_is_empty(&b->regs))
        g_hash_table_remove(t->buckets, b);
    g_queue_unlink(of_conn, &reg->in_conn);
    if (g_queue_is_empty(of_conn))
        g_hash_table_remove(t->by_conn, reg->conn);
    count_add(t, reg, -1);
}

struct hub_reg *hub_table_by_id(struct hub_table *t, int id)
{
    return t->by_id ? g_hash_table_lookup(t->by_id, GINT_TO_POINTER(id)) : NULL;
}

struct hub_reg *hub_table_by_cb(struct hub_table *t, virConnectPtr conn, enum fl_event_class cls,
                                int event_id, void (*cb)(void))
{
    const struct hub_reg key = {
        .conn = conn, .cls = cls, .event_id = event_id, .cb = cb, .filter = (char *)""
    };
    return t->by_cb ? g_hash_table_lookup(t->by_cb, &key) : NULL;
}

struct hub_reg *hub_table_of_conn(struct hub_table *t, virConnectPtr conn)
{
    GQueue *of_conn = t->by_conn ? g_hash_table_lookup(t->by_conn, conn) : NULL;
    return of_conn ? g_queue_peek_head(of_conn) : NULL;
}

unsigned int hub_table_count(struct hub_table *t, enum fl_event_class cls, int event_id)
{
    return t->counts ? GPOINTER_TO_UINT(g_hash_table_lookup(t->counts, event_key(cls, event_id))) : 0;
}

bool hub_table_match(struct hub_table *t, const struct fl_event_info *event, const void *payload,
                     int64_t seen_by, enum hub_kind kind, GPtrArray *into)
{
    const unsigned char *uuid;
    const char *name;
    bool others = false;
    fl_event_object(event, payload, &uuid, &name);
    g_autofree char *filter = filter_text(uuid, name);
    struct hub_bucket *all = bucket_find(t, event->cls, event->id, "");
    struct hub_bucket *own = *filter ? bucket_find(t, event->cls, event->id, filter) : NULL;
    GList *a = all ? all->regs.head : NULL, *b = own ? own->regs.head : NULL;
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
