/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Linear probing with backward-shift deletion; serials count up, so they hash to themselves. */
#include "rpc/serial_map.h"

#include <glib.h>

#define SLOTS_FIRST 8u

void fl_serial_map_fini(struct fl_serial_map *m)
{
    g_free(m->slots);
    *m = (struct fl_serial_map){ 0 };
}

struct fl_serial_entry *fl_serial_map_find(const struct fl_serial_map *m, uint32_t serial)
{
    if (!m->nslots || !serial)
        return NULL;
    for (size_t i = serial & (m->nslots - 1); m->slots[i].serial; i = (i + 1) & (m->nslots - 1)) {
        if (m->slots[i].serial == serial)
            return &m->slots[i];
    }
    return NULL;
}

static struct fl_serial_entry *map_free_slot(struct fl_serial_map *m, uint32_t serial)
{
    size_t i = serial & (m->nslots - 1);

    while (m->slots[i].serial)
        i = (i + 1) & (m->nslots - 1);
    return &m->slots[i];
}

static void map_grow(struct fl_serial_map *m)
{
    struct fl_serial_map bigger = { .nslots = m->nslots ? m->nslots * 2 : SLOTS_FIRST, .used = m->used };

    bigger.slots = g_new0(struct fl_serial_entry, bigger.nslots);
    for (size_t i = 0; i < m->nslots; i++) {
        if (m->slots[i].serial)
            *map_free_slot(&bigger, m->slots[i].serial) = m->slots[i];
    }
    g_free(m->slots);
    *m = bigger;
}

struct fl_serial_entry *fl_serial_map_add(struct fl_serial_map *m, uint32_t serial)
{
    struct fl_serial_entry *e;

    if (m->used + 1 > m->nslots / 4 * 3)
        map_grow(m);
    e = map_free_slot(m, serial);
    *e = (struct fl_serial_entry){ .serial = serial };
    m->used++;
    return e;
}

void fl_serial_map_remove(struct fl_serial_map *m, uint32_t serial)
{
    struct fl_serial_entry *e = fl_serial_map_find(m, serial);
    size_t hole, i, mask = m->nslots - 1;

    if (!e)
        return;
    m->used--;
    hole = (size_t)(e - m->slots);
    for (i = (hole + 1) & mask; m->slots[i].serial; i = (i + 1) & mask) {
        size_t home = m->slots[i].serial & mask;

        /* Move back what could not be found past the hole. */
        if (((i - home) & mask) >= ((i - hole) & mask)) {
            m->slots[hole] = m->slots[i];
            hole = i;
        }
    }
    m->slots[hole].serial = 0;
}
