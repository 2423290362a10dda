/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Opening and ending a connection, as drivers and the daemon see it. fl_connect_ref/unref/check:
 * core/objects.h. */
#pragma once

#include <stdbool.h>
#include <glib.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

/* What conn->core points to. */
struct fl_connect_core {
    GMutex lock;
    virError error; /* of the last failed call on this connection */
    virErrorFunc error_handler;
    void *error_data;
    virConnectCloseFunc close_cb; /* holds a reference to the connection while set */
    void *close_opaque;
    virFreeCallback close_free;
    int close_reason;
};

/* Only drivers of this process: a daemon must not connect to itself. */
#define FL_CONNECT_LOCAL_ONLY 1u

/* Resolves, chooses the driver, opens; logs of the library are configured. NULL with the error set, not
 * dispatched. */
virConnectPtr fl_connect_open(const char *name, virConnectAuthPtr auth, unsigned int flags, unsigned int how);

/* The first stage of that alone: what `name` means, probing for a driver where nothing gives a URI. */
struct fl_route;
int fl_connect_resolve(const char *name, unsigned int flags, struct fl_route **ret_route);

/* The driver's connection ended by itself: the close callback is told once, from the event loop if there is
 * one. */
void fl_connect_closed(virConnectPtr conn, int reason);
