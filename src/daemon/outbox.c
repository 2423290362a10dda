/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Peers with events to be written: outbox.h. */
#include "daemon/outbox.h"

#include "daemon/peer.h"

void fl_outbox_init(struct fl_outbox *outbox)
{
    g_mutex_init(&outbox->lock);
    g_queue_init(&outbox->peers);
}

static struct fl_peer *take(struct fl_outbox *outbox)
{
    GList *link;

    g_mutex_lock(&outbox->lock);
    link = g_queue_pop_head_link(&outbox->peers);
    if (link)
        g_atomic_int_add(&outbox->waiting, -1);
    g_mutex_unlock(&outbox->lock);
    return link ? link->data : NULL;
}

void fl_outbox_fini(struct fl_outbox *outbox)
{
    struct fl_peer *peer;

    while ((peer = take(outbox)))
        fl_peer_unref(peer);
    g_mutex_clear(&outbox->lock);
}

void fl_outbox_add(struct fl_outbox *outbox, struct fl_peer *peer)
{
    fl_peer_ref(peer);
    g_mutex_lock(&outbox->lock);
    g_queue_push_tail_link(&outbox->peers, &peer->unsent_link);
    g_atomic_int_inc(&outbox->waiting);
    g_mutex_unlock(&outbox->lock);
}

void fl_outbox_write(struct fl_outbox *outbox, unsigned int most)
{
    struct fl_peer *peer;

    for (; most > 0 && (peer = take(outbox)); most--) {
        fl_peer_write_events(peer);
        fl_peer_unref(peer);
    }
}
