/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A bump arena: what one call's decoded message needs, given back in one go. The first kilobyte lies inside
 * the struct, so a small call on the stack takes nothing from the heap. Used by the XDR decoder, the client
 * and the daemon (which keeps one per thread and resets it between calls).
 */
#pragma once

#include <stddef.h>

struct fl_arena_chunk;

struct fl_arena {
    unsigned char *at, *end;
    struct fl_arena_chunk *chunks; /* heap chunks and adopted blocks, newest first */
    size_t total;                  /* heap bytes taken since the last reset */
    size_t max;                    /* most heap bytes: FL_ARENA_MAX unless changed after init */
    _Alignas(16) unsigned char first[1024];
};

/* Decoded memory is at most a few times the frame it came from; this bounds it whatever the tables say. */
#define FL_ARENA_MAX ((size_t)256 << 20)

void fl_arena_init(struct fl_arena *a); /* cheap: touches the pointers only */
void fl_arena_fini(struct fl_arena *a);
void fl_arena_reset(struct fl_arena *a);
/* 16-byte aligned, zeroed; NULL when `max` would be passed (no error set: the caller knows what it was for).
 */
void *fl_arena_alloc(struct fl_arena *a, size_t len);
/* The arena frees this malloc()ed block at reset. */
void fl_arena_adopt(struct fl_arena *a, void *block);
/* And these; the array stays where it is: in the arena, or adopted before. */
void fl_arena_adopt_strings(struct fl_arena *a, char **strings, size_t n);

/* Declares an arena that lives until the end of the scope. */
#define FL_ARENA(name)                                                                                       \
    struct fl_arena name __attribute__((cleanup(fl_arena_fini)));                                            \
    fl_arena_init(&name)
