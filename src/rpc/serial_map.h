/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A small open-addressing table by serial number: pending calls and open streams of a session. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct fl_serial_entry {
    uint32_t serial; /* 0 = empty slot: serial 0 is never used for calls */
    uint32_t program;
    uint32_t procedure;
    void *opaque;
};

struct fl_serial_map {
    struct fl_serial_entry *slots;
    size_t nslots; /* a power of two, or 0 */
    size_t used;
};

void fl_serial_map_fini(struct fl_serial_map *m);
struct fl_serial_entry *fl_serial_map_find(const struct fl_serial_map *m, uint32_t serial);
/* The serial must not be there yet. The entry moves with the next add or remove. */
struct fl_serial_entry *fl_serial_map_add(struct fl_serial_map *m, uint32_t serial);
void fl_serial_map_remove(struct fl_serial_map *m, uint32_t serial);
