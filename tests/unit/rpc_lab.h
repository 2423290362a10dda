/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A little server on a thread of its own, over a socket pair, for tests of the client. */
#pragma once

#include <glib.h>

#include "rpc/client.h"

#define LAB_EVENT_PROC 362 /* connect_event_connection_closed */

/*
 * What the server does with a call:
 *   CONNECT_OPEN               answers; "silent": never, "hangup": closes, "late": when lab_goes_on,
 *                              "fail": an error
 *   CONNECT_GET_MAX_VCPUS      the number in the argument, plus one
 *   9998                       "unknown procedure"
 *   DOMAIN_SCREENSHOT          a stream of five packets with a hole, then the end
 *   STORAGE_VOL_UPLOAD         takes a stream; finish is answered when it has come
 *   DOMAIN_OPEN_GRAPHICS_FD    with a descriptor (a pipe's end)
 *   DOMAIN_CREATE_WITH_FILES   takes a descriptor, writes a byte into it
 *   CONNECT_CLOSE              an event message, then the answer
 */
struct lab_server {
    int fd;
    struct fl_transport *t;
    struct fl_session *s;
    GThread *thread;
    size_t uploaded;
    int got_fd;
};

extern gint lab_goes_on;  /* answers what is late */
extern gint lab_pause_us; /* before every 16th number */

/* A client of a new server. */
struct fl_client *lab_start(struct lab_server *sv, const struct fl_client_options *opts);
void lab_stop(struct lab_server *sv, struct fl_client *c);
/* CONNECT_OPEN with that name. */
int lab_open(struct fl_client *c, const char *name);
/* CONNECT_GET_MAX_VCPUS: n + 1, or -1. */
int lab_ask(struct fl_client *c, int n);
