/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A call into a library that may wait for somebody for as long as it likes: made by a thread of its own,
 * which is left behind when the deadline comes. */
#pragma once

#include <glib.h>
#include <stdint.h>

/*
 * Has call(data) made. 0: it is done, and data is the caller's as before. -ETIMEDOUT: it is not, and data has
 * become the thread's, which drops it once it is. Without a deadline, or a thread, it is made here.
 */
int fl_aside(void (*call)(void *data), void (*drop)(void *data), void *data, int64_t deadline_us);

/* A thread of the library's own, in which no handler of the application runs: signals are for its threads.
 * NULL: there can be no more. */
GThread *fl_thread_start(const char *name, GThreadFunc what, void *data);
