/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Memory that is given back. A large description takes many times its bytes while it is read, and the
 * allocator keeps what was freed. Some time after such a call the main thread has it given back; while much
 * is in use, perhaps by what such calls have defined, also after clients have gone.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <glib.h>

struct fl_trim {
    gint wanted;     /* atomic: something is to be given back */
    gint holds_much; /* atomic: much was in use the last time */
    gint64 due;      /* of the main thread; 0: not yet wanted */
};

/* Any thread. true: the main thread has to be woken. */
bool fl_trim_served(struct fl_trim *trim, size_t length);
bool fl_trim_client_gone(struct fl_trim *trim);

/* The main thread: until when it may sleep in milliseconds, -1: for ever; and what it does then. */
int fl_trim_ms(struct fl_trim *trim);
void fl_trim_if_due(struct fl_trim *trim);
