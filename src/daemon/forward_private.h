/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What forward.c (bytes) and forward_open.c (the beginning) share. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fl_transport;

#define FL_FLOW_SIZE 65536u
#define FL_FLOW_FDS  32u

/* Read from one side, not yet taken by the other. */
struct fl_flow {
    unsigned char *data; /* NULL: at rest */
    size_t start, end;
    bool ended; /* nothing more will be read */
    unsigned int nfds;
    struct {
        size_t at; /* the byte it travels with */
        int fd;
    } fds[FL_FLOW_FDS];
    uint64_t total;
};

struct fl_forward {
    struct fl_transport *back; /* to the daemon behind */
    struct fl_flow up, down;
    uint32_t back_events; /* what epoll waits for there */
    bool begun;           /* the I/O thread has taken over */
    int64_t give_up;
};

/* Takes the transport over. */
struct fl_forward *fl_forward_new(struct fl_transport *back);
void fl_forward_free(struct fl_forward *fw);
void fl_flow_append(struct fl_flow *f, const void *bytes, size_t length);
