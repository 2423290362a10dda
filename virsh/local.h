/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The daemons of this machine as far as they can be seen without waking one: sockets, processes, units.
 * Called by `targets`, `doctor` and the hint of `list`.
 */
#pragma once

#include <stdbool.h>
#include <glib.h>

enum fl_door {
    FL_DOOR_OPEN,    /* somebody listens */
    FL_DOOR_IDLE,    /* systemd listens; knocking would start the daemon, so nobody did */
    FL_DOOR_ABSENT,  /* no such socket */
    FL_DOOR_REFUSED, /* a socket without a listener */
    FL_DOOR_DENIED,  /* not for this user */
    FL_DOOR_STUCK,   /* nobody takes connections: the backlog is full */
};

/* `daemon`: the program behind it when it runs. *ret_pid (may be NULL): its process, 0 where that is not
 * known. */
enum fl_door fl_local_knock(const char *path, const char *daemon, int *ret_pid);
/* What is the matter with a daemon that takes connections and says nothing, or (`full`) takes no more of
 * them, and how to look; new. `pid` 0: not known. */
char *fl_local_silence(const char *daemon, int pid, bool full);
const char *fl_door_word(enum fl_door door);
/* Whether a process of this name runs that this user can see. */
bool fl_local_runs(const char *name);
/* The socket of `daemon` that `uri` leads this user to, as the library says; freed with g_free(). For reading
 * where there is one for that, so no password is needed for system ones. */
char *fl_local_socket(const char *uri, bool session, const char *daemon);
/* What is odd about the daemons of this machine; texts are added to `notes`. */
void fl_local_daemon_notes(GPtrArray *notes);
/* "qemu:///system" and a socket as one URI. */
char *fl_local_uri(const char *uri, const char *socket);
