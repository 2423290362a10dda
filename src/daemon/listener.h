/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The sockets the daemon accepts on: its own unix and TCP sockets, or those inherited from the service
 * manager. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

enum fl_listener_kind { FL_LISTENER_UNIX, FL_LISTENER_TCP, FL_LISTENER_TLS };

struct fl_listener {
    int fd;
    enum fl_listener_kind kind;
    bool read_only;
    char *name;  /* the path, or "host port N": for messages */
    bool unlink; /* made by us: removed at the end */
    dev_t dev;   /* of the socket file we made, so that nobody else's is removed */
    ino_t ino;
};

/* Grows by one entry per socket; entries are owned. */
struct fl_listeners {
    struct fl_listener *list;
    unsigned int count;
};

struct fl_unix_access {
    mode_t mode;
    gid_t group; /* (gid_t)-1: leave */
};

/* Replaces a socket file nobody answers on; refuses to take over a live one. -1 with the error set. */
int fl_listeners_add_unix(struct fl_listeners *all, const char *path, bool read_only,
                          const struct fl_unix_access *access, int backlog);
/* Every address `host` (NULL: all interfaces) resolves to. */
int fl_listeners_add_tcp(struct fl_listeners *all, const char *host, const char *port, int backlog);
int fl_listeners_add_tls(struct fl_listeners *all, const char *host, const char *port, int backlog);
bool fl_listeners_have(const struct fl_listeners *all, enum fl_listener_kind kind);
/* Sockets inherited from the service manager; says nothing and adds none when there are none. */
int fl_listeners_add_inherited(struct fl_listeners *all, const char *tls_port);
/* Closes all and removes the socket files we made; what is known of them stays. */
void fl_listeners_close(struct fl_listeners *all);
void fl_listeners_fini(struct fl_listeners *all);
