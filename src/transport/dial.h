/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Dialling one unix socket, and saying in words how that went. Used by unix.c and autostart.c. */
#pragma once

#include <stdint.h>

/* A connected, non-blocking, close-on-exec socket, or -errno (-ETIMEDOUT: the listener's queue stayed full).
 */
int fl_dial_unix(const char *path, int64_t deadline_us);

/* What the errno of a failed dial means for this path: "absent", "refused (stale: ...)", "permission denied
 * (...)". Looks at the file and at this process's groups. Free with g_free(). */
char *fl_dial_explain(const char *path, int errnum);

/* The one thing to do about a permission problem on `path`, or NULL. */
char *fl_dial_permission_advice(const char *path);
