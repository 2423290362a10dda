/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which daemon socket a route means: names and folders, no I/O. Used by the unix transport, by the ssh
 * transport for what it tells the far side, and through them by virt-ssh-helper. */
#pragma once

#include <stdbool.h>
#include "uri/route.h"

#define FL_SOCKETS_MAX 3

/* The sockets to try, in order, with the daemon that owns each. */
struct fl_sockets {
    size_t n;
    struct {
        char *path;
        char *daemon; /* "virtqemud", "libvirtd"; NULL for socket= */
    } item[FL_SOCKETS_MAX];
    size_t main; /* the one whose daemon is there by default: it is started, or advised to be */
    bool session;
};

/* Compat: an ordinary user's URI means the session daemon unless its path is /system; root's is always
 * system. */
bool fl_sockets_is_session(const struct fl_route *route, bool privileged);
/* $XDG_RUNTIME_DIR/libvirt, else the cache folder. */
char *fl_sockets_session_dir(void);
/* "virtqemud" */
char *fl_sockets_driver_daemon(const struct fl_route *route);
/* "libvirt-sock-ro": the file name of a daemon's socket. */
char *fl_sockets_file(const char *daemon, bool read_only);

void fl_sockets_init(struct fl_sockets *s, const struct fl_route *route, bool read_only, bool privileged);
void fl_sockets_fini(struct fl_sockets *s);
