/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One program, several daemons: the name it is started by says which one it is. A row per name: its sockets,
 * its files, which URIs it serves and whether it listens on the network. Used by start-up, --help and by what
 * opens connections for clients. libvirtd(8).
 */
#pragma once

#include <stdbool.h>

struct fl_personality {
    const char *name;  /* "virtqemud": the program, its configuration, pid and log files */
    const char *stem;  /* "libvirt": sockets are STEM-sock and STEM-sock-ro */
    const char *title; /* for --help: what it is in a few words */
    bool network;      /* has TCP and TLS sockets: --listen, and the keys for them */
    bool forwards;     /* hands connections to the daemons of the drivers */
    /* Drivers whose URIs it serves, NULL-terminated; the test driver comes with every daemon. NULL: whatever
     * this build has. */
    const char *const *drivers;
    const char *driver_title; /* "QEMU"; NULL with drivers == NULL */
};

/* Ends with a NULL name; the first one is libvirtd. */
extern const struct fl_personality fl_personalities[];

/* By what the program is started as ("/usr/sbin/virtqemud"); libvirtd for a name it does not know. */
const struct fl_personality *fl_personality_find(const char *program);
/* Whether URIs of this scheme are its business. */
bool fl_personality_serves(const struct fl_personality *who, const char *driver);

/* Which one this process is; libvirtd until it is set. */
void fl_personality_set(const struct fl_personality *who);
const struct fl_personality *fl_personality_own(void);
