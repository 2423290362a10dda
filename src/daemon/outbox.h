/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The peers of an I/O thread that have events queued and not yet written. Whoever emits only appends to the
 * peers' sessions; their thread writes, taking turns with the calls it serves. So what happens meanwhile goes
 * with the same write, and one change costs its author no system call per subscriber.
 */
#pragma once

#include <stdbool.h>
#include <glib.h>

struct fl_peer;

struct fl_outbox {
    GMutex lock; /* guards the queue and every link in it */
    GQueue peers;
    gint waiting; /* atomic: its length */
};

void fl_outbox_init(struct fl_outbox *outbox);
void fl_outbox_fini(struct fl_outbox *outbox); /* lets go of those still in it */
/* Any thread, under the peer's lock; at most once per peer before it is written. */
void fl_outbox_add(struct fl_outbox *outbox, struct fl_peer *peer);
/* Its I/O thread: writes for up to `most` peers, those first that have waited longest. */
void fl_outbox_write(struct fl_outbox *outbox, unsigned int most);
static inline bool fl_outbox_is_empty(const struct fl_outbox *outbox)
{
    return g_atomic_int_get(&outbox->waiting) == 0;
}
