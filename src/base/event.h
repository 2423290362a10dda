/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The application's event loop, as it registered it. Rooms that need a descriptor or a timer watched (client,
 * event hub, streams) call these; the public virEvent* functions and the default implementation are
 * core/event_loop.c. Without a registered loop every add fails with -1 and the thread's error set: ask
 * fl_event_registered() first.
 */
#pragma once

#include <stdbool.h>
#include <libvirt/libvirt.h>

struct fl_event_impl {
    virEventAddHandleFunc add_handle;
    virEventUpdateHandleFunc update_handle;
    virEventRemoveHandleFunc remove_handle;
    virEventAddTimeoutFunc add_timeout;
    virEventUpdateTimeoutFunc update_timeout;
    virEventRemoveTimeoutFunc remove_timeout;
};

/* The first registration stays for the life of the process; false when there was one already. */
bool fl_event_register(const struct fl_event_impl *impl);
bool fl_event_registered(void);

/* Callbacks run in the thread that runs the loop. `ff` is called once, after removal, never inside remove. */
int fl_event_add_handle(int fd, int events, virEventHandleCallback cb, void *opaque, virFreeCallback ff);
void fl_event_update_handle(int watch, int events);
int fl_event_remove_handle(int watch);
int fl_event_add_timeout(int ms, virEventTimeoutCallback cb, void *opaque,
                         virFreeCallback ff); /* ms -1: asleep */
void fl_event_update_timeout(int timer, int ms);
int fl_event_remove_timeout(int timer);
