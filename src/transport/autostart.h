/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An ordinary user's session daemon, started by the first client that needs it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* False when LIBVIRT_AUTOSTART=0. */
bool fl_autostart_enabled(void);

/* Starts `daemon` ("libvirtd") and connects to `path`, the socket it will make. Clients racing for the same
 * daemon start one. A connected descriptor, or -1 with the error set. */
int fl_autostart_daemon(const char *daemon, const char *path, int64_t deadline_us);

/* Where `daemon` is: beside this library, in the build's sbin, on PATH. NULL when nowhere; *ret_searched then
 * names the places. Both free with g_free(). */
char *fl_autostart_find(const char *daemon, char **ret_searched);
