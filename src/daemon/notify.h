/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The service manager: readiness (NOTIFY_SOCKET) and inherited sockets (LISTEN_FDS), in its plain protocol so
 * that no library is needed for two datagrams. sd_notify(3), sd_listen_fds(3). */
#pragma once

/* Sends "READY=1" and the like; nothing happens outside a service manager. */
void fl_notify(const char *state);

/* Number of inherited sockets, which start at descriptor 3; 0 when there are none. Clears the variables and
 * sets close-on-exec. -1 with the error set when the variables make no sense. */
#define FL_NOTIFY_FIRST_FD 3
int fl_notify_listen_fds(char ***ret_names); /* g_strfreev(); one name per socket, "" where not known */
