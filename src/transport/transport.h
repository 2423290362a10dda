/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A transport: a byte pipe to a daemon. One file and one table each, listed in transport.c.
 * Layers stack and call only `below`; an empty slot passes through to it.
 * After open nothing blocks: -FL_AGAIN means wait for `fd` as fl_transport_want() says, then try again.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <libvirt/libvirt.h>

#define FL_AGAIN 11 /* read/write return -FL_AGAIN: not now */

struct fl_route;
struct fl_transport;

/* What open needs beyond the route. */
struct fl_endpoint {
    const struct fl_route *route;
    bool read_only;
    bool privileged;        /* system sockets by default, session otherwise */
    int64_t deadline_us;    /* g_get_monotonic_time() scale; INT64_MAX = none */
    virConnectAuthPtr auth; /* may be NULL */
    int default_port;       /* tcp: where the URI has none; 0 = 16509 */
};

struct fl_transport_ops {
    const char *name; /* as written after '+' in a URI */
    /* Connects; may block until the deadline; may set t->below first. -1 with the error set. */
    int (*open)(struct fl_transport *t, const struct fl_endpoint *ep);
    /* Bytes moved, 0 = end of stream, -FL_AGAIN, or -1 with the error set. */
    ssize_t (*read)(struct fl_transport *t, void *buf, size_t len);
    ssize_t (*write)(struct fl_transport *t, const void *buf, size_t len);
    /* The same with two places; NULL where that would be two reads or writes. */
    ssize_t (*write2)(struct fl_transport *t, const struct iovec iov[2]);
    ssize_t (*read2)(struct fl_transport *t, const struct iovec iov[2]);
    /* Descriptors over the byte pipe (unix only): each travels with one dummy byte. 0, -FL_AGAIN or -1. */
    int (*send_fd)(struct fl_transport *t, int fd);
    int (*recv_fd)(struct fl_transport *t, int *ret_fd);
    /* POLLIN/POLLOUT the layer needs before it can go on in the wanted direction (TLS may turn it round). */
    short (*want)(struct fl_transport *t, short events);
    /* Nothing more will be written: the far side sees the end of its input, reading goes on. 0 or -1. */
    int (*half_close)(struct fl_transport *t);
    /* Bytes already decoded inside the layer, readable without the descriptor becoming ready. Looking may
     * decode more and make answers due: ask it before want. */
    size_t (*pending)(struct fl_transport *t);
    void (*close)(struct fl_transport *t); /* any state, any number of times */
    /* After open: the stage the way there is still in (enum fl_stage, base/walk.h), where a program logs in
     * behind open's back; FL_STAGE_NONE: it is through. */
    int (*stage)(struct fl_transport *t);
};

struct fl_transport {
    const struct fl_transport_ops *ops;
    struct fl_transport *below;
    int fd;     /* what to poll; -1 when closed */
    bool local; /* unix socket to this machine: descriptors and peer credentials work */
    bool encrypted;
    char *target; /* for messages: "/run/libvirt/libvirt-sock", "host port 16509", "ssh root@host" */
    void *priv;
};

/* What the table of a module with a transport begins with (base/module.h). */
struct fl_transport_module {
    const struct fl_transport_ops *ops;
};

const struct fl_transport_ops *
fl_transport_by_name(const char *name); /* NULL + error: unknown, or its module cannot be loaded */
/* Until ep's deadline or the route's connect_timeout, whichever comes first. */
int fl_transport_open(const struct fl_endpoint *ep, struct fl_transport **ret_t);
/* For a layer's open: opens transport `name` as t->below. */
int fl_transport_open_below(struct fl_transport *t, const char *name, const struct fl_endpoint *ep);
/* Wraps a connected descriptor (server side, tests); takes it over. */
struct fl_transport *fl_transport_from_fd(int fd);
/* The same for one that is known not to block and not to be inherited; `local`: a unix socket. */
struct fl_transport *fl_transport_from_accepted(int fd, bool local);
void fl_transport_free(struct fl_transport *t);

ssize_t fl_transport_read(struct fl_transport *t, void *buf, size_t len);
ssize_t fl_transport_write(struct fl_transport *t, const void *buf, size_t len);
/* The first place, and the second if that costs nothing more. */
ssize_t fl_transport_read2(struct fl_transport *t, const struct iovec iov[2]);
/* Only where fl_transport_has_write2(). */
ssize_t fl_transport_write2(struct fl_transport *t, const struct iovec iov[2]);
bool fl_transport_has_write2(const struct fl_transport *t);
/* Much is going to be sent. A unix socket's room does not grow by itself, as that of tcp does. */
void fl_transport_widen(struct fl_transport *t);
int fl_transport_send_fd(struct fl_transport *t, int fd);
int fl_transport_recv_fd(struct fl_transport *t, int *ret_fd);
short fl_transport_want(struct fl_transport *t, short events);
int fl_transport_half_close(struct fl_transport *t);
size_t fl_transport_pending(struct fl_transport *t);
void fl_transport_close(struct fl_transport *t);
int fl_transport_stage(struct fl_transport *t);
