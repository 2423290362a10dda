/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the event commands share: counting, printing, waiting. */
#pragma once

#include "shell.h"

struct fl_events {
    struct fl_call *c;
    GMutex lock; /* callbacks run on the loop thread */
    int count;
    bool loop, timestamp;
};

struct fl_event_kind {
    const char *name;
    void (*callback)(void);
};

void fl_events_init(struct fl_events *e, struct fl_call *c);
/* One event: a line with its time when asked for; called from callbacks. */
void fl_events_line(struct fl_events *e, const char *format, ...) G_GNUC_PRINTF(2, 3);
int fl_events_wait(struct fl_call *c, struct fl_events *e);
int fl_events_list(struct fl_call *c, const struct fl_event_kind *kinds, size_t n);
int fl_events_find(struct fl_call *c, const struct fl_event_kind *kinds, size_t n, size_t *ret);
