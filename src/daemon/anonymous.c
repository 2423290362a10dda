/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The book of peers that have not logged in. */
#define FL_FROM VIR_FROM_RPC
#include "daemon/anonymous.h"

#include "base/log.h"
#include "daemon/peer.h"

#define SHARE     4 /* of the whole, for one origin */
#define SHARE_MIN 2

struct fl_anonymous {
    GMutex lock;
    GHashTable *origins; /* name -> GQueue of struct fl_peer *, the oldest first; no references */
    unsigned int count;
};

struct fl_anonymous *fl_anonymous_new(void)
{
    struct fl_anonymous *all = g_new0(struct fl_anonymous, 1);

    g_mutex_init(&all->lock);
    all->origins = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_queue_free);
    return all;
}

void fl_anonymous_free(struct fl_anonymous *all)
{
    if (!all)
        return;
    g_hash_table_unref(all->origins);
    g_mutex_clear(&all->lock);
    g_free(all);
}

static unsigned int share(unsigned int max)
{
    return MIN(max, MAX(max / SHARE, SHARE_MIN));
}

/* ---- who has to go; with the lock ---- */

/* Whether `a` is the one to close rather than `b` (NULL: nobody yet): silent before busy, old before new. */
static bool goes_first(struct fl_peer *a, struct fl_peer *b)
{
    bool a_busy = g_atomic_int_get(&a->ncalls) > 0, b_busy;

    if (!b)
        return true;
    b_busy = g_atomic_int_get(&b->ncalls) > 0;
    return a_busy != b_busy ? b_busy : a->id < b->id;
}

static struct fl_peer *first_of(const GQueue *queue, struct fl_peer *than)
{
    for (GList *l = queue->head; l; l = l->next)
        if (goes_first(l->data, than))
            than = l->data;
    return than;
}

static struct fl_peer *first_of_largest(struct fl_anonymous *all)
{
    struct fl_peer *found = NULL;
    unsigned int most = 0;
    GHashTableIter iter;
    gpointer queue;

    g_hash_table_iter_init(&iter, all->origins);
    while (g_hash_table_iter_next(&iter, NULL, &queue))
        most = MAX(most, ((GQueue *)queue)->length);
    g_hash_table_iter_init(&iter, all->origins);
    while (g_hash_table_iter_next(&iter, NULL, &queue))
        if (((GQueue *)queue)->length == most)
            found = first_of(queue, found);
    return found;
}

static void strike(struct fl_anonymous *all, struct fl_peer *peer)
{
    GQueue *queue = g_hash_table_lookup(all->origins, peer->origin);

    if (!queue || !g_queue_remove(queue, peer))
        return;
    all->count--;
    if (queue->length == 0)
        g_hash_table_remove(all->origins, peer->origin);
}

static struct fl_peer *make_room(struct fl_anonymous *all, const char *origin, unsigned int max)
{
    GQueue *own = g_hash_table_lookup(all->origins, origin);
    struct fl_peer *victim = NULL;

    if (own && own->length >= share(max))
        victim = first_of(own, NULL);
    else if (all->count >= max)
        victim = first_of_largest(all);
    if (victim) {
        fl_peer_ref(victim); /* who is in the book is not yet unreferenced by its I/O thread */
        strike(all, victim);
    }
    return victim;
}

/* ---- coming and going ---- */

void fl_anonymous_enter(struct fl_anonymous *all, struct fl_peer *peer, unsigned int max,
                        struct fl_peer **ret_victim)
{
    GQueue *queue;

    g_mutex_lock(&all->lock);
    *ret_victim = max ? make_room(all, peer->origin, max) : NULL;
    queue = g_hash_table_lookup(all->origins, peer->origin);
    if (!queue) {
        queue = g_queue_new();
        g_hash_table_insert(all->origins, g_strdup(peer->origin), queue);
    }
    g_queue_push_tail(queue, peer);
    all->count++;
    g_mutex_unlock(&all->lock);
}

void fl_anonymous_leave(struct fl_anonymous *all, struct fl_peer *peer)
{
    g_mutex_lock(&all->lock);
    strike(all, peer);
    g_mutex_unlock(&all->lock);
}

unsigned int fl_anonymous_count(struct fl_anonymous *all)
{
    unsigned int count;

    g_mutex_lock(&all->lock);
    count = all->count;
    g_mutex_unlock(&all->lock);
    return count;
}
