/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Keeps the registered event loop and forwards to it. */
#define FL_FROM VIR_FROM_EVENT
#include "base/event.h"

#include "base/error.h"
#include "base/log.h"

static struct fl_event_impl impl;
static gint registered; /* atomic: 0 none, 1 being stored, 2 usable */

bool fl_event_register(const struct fl_event_impl *new_impl)
{
    if (!g_atomic_int_compare_and_exchange(&registered, 0, 1)) {
        fl_warn("an event loop is registered already; the new one is not used");
        return false;
    }
    impl = *new_impl;
    g_atomic_int_set(&registered, 2);
    return true;
}

bool fl_event_registered(void)
{
    return g_atomic_int_get(&registered) == 2;
}

static bool must_have_loop(const void *slot)
{
    if (fl_event_registered() && slot)
        return true;
    fl_error(VIR_ERR_INTERNAL_ERROR, "no event loop is registered: call virEventRegisterDefaultImpl() or "
                                     "virEventRegisterImpl() first, and run it");
    return false;
}

int fl_event_add_handle(int fd, int events, virEventHandleCallback cb, void *opaque, virFreeCallback ff)
{
    return must_have_loop((const void *)impl.add_handle) ? impl.add_handle(fd, events, cb, opaque, ff) : -1;
}

void fl_event_update_handle(int watch, int events)
{
    if (fl_event_registered() && impl.update_handle)
        impl.update_handle(watch, events);
}

int fl_event_remove_handle(int watch)
{
    return fl_event_registered() && impl.remove_handle ? impl.remove_handle(watch) : -1;
}

int fl_event_add_timeout(int ms, virEventTimeoutCallback cb, void *opaque, virFreeCallback ff)
{
    return must_have_loop((const void *)impl.add_timeout) ? impl.add_timeout(ms, cb, opaque, ff) : -1;
}

void fl_event_update_timeout(int timer, int ms)
{
    if (fl_event_registered() && impl.update_timeout)
        impl.update_timeout(timer, ms);
}

int fl_event_remove_timeout(int timer)
{
    return fl_event_registered() && impl.remove_timeout ? impl.remove_timeout(timer) : -1;
}
