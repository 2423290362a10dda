/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The bump arena of wire/arena.h. */
#include "wire/arena.h"

#include <glib.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct fl_arena_chunk {
    struct fl_arena_chunk *next;
    void *adopted; /* a foreign block to free, or NULL... */
    void *
        *list; /* ...and an array of such: not freed itself, older than this chunk where it is the arena's */
    size_t nlist;
};

#define CHUNK_MIN  ((size_t)8192)
#define CHUNK_HEAD ((sizeof(struct fl_arena_chunk) + 15u) & ~(size_t)15u)

void fl_arena_init(struct fl_arena *a)
{
    a->at = a->first;
    a->end = a->first + sizeof(a->first);
    a->chunks = NULL;
    a->total = 0;
    a->max = FL_ARENA_MAX;
}

void fl_arena_reset(struct fl_arena *a)
{
    for (struct fl_arena_chunk *c = a->chunks, *next; c; c = next) {
        next = c->next;
        for (size_t i = 0; i < c->nlist; i++)
            free(c->list[i]);
        free(c->adopted);
        free(c);
    }
    a->chunks = NULL;
    a->total = 0;
    a->at = a->first;
    a->end = a->first + sizeof(a->first);
}

void fl_arena_fini(struct fl_arena *a)
{
    if (a)
        fl_arena_reset(a);
}

/* Starts a new chunk that has room for `len`. A request larger than a chunk gets one of its own size. */
static int arena_grow(struct fl_arena *a, size_t len)
{
    size_t room = len > CHUNK_MIN ? len : CHUNK_MIN;
    struct fl_arena_chunk *c;

    if (len > a->max || a->total > a->max - len)
        return -1;
    c = malloc(CHUNK_HEAD + room);
    if (!c)
        return -1;
    c->adopted = NULL;
    c->nlist = 0;
    c->next = a->chunks;
    a->chunks = c;
    a->total += room;
    a->at = (unsigned char *)c + CHUNK_HEAD;
    a->end = a->at + room;
    return 0;
}

void *fl_arena_alloc(struct fl_arena *a, size_t len)
{
    unsigned char *p;

    if (len > SIZE_MAX - 15u)
        return NULL;
    len = (len + 15u) & ~(size_t)15u;
    if ((size_t)(a->end - a->at) < len && arena_grow(a, len) < 0)
        return NULL;
    p = a->at;
    a->at += len;
    memset(p, 0, len);
    return p;
}

static struct fl_arena_chunk *adopting(struct fl_arena *a)
{
    struct fl_arena_chunk *c = g_new0(struct fl_arena_chunk, 1);

    c->next = a->chunks;
    a->chunks = c;
    return c;
}

void fl_arena_adopt(struct fl_arena *a, void *block)
{
    adopting(a)->adopted = block;
}

void fl_arena_adopt_strings(struct fl_arena *a, char **strings, size_t n)
{
    struct fl_arena_chunk *c;

    if (!n)
        return;
    c = adopting(a);
    c->list = (void **)strings;
    c->nlist = n;
}
