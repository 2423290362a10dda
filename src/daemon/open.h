/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a client's CONNECT_OPEN opens: a driver of this daemon, or the daemon that has it. hand_connect.c. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <libvirt/libvirt.h>

struct fl_peer;

/* Whether the opening that these arguments ask for waits for nothing. They stay as they are. */
bool fl_open_is_quick(const unsigned char *args, size_t length);
/* `name` may be NULL or empty. A new connection, or NULL with the error set. */
virConnectPtr fl_open_for(struct fl_peer *peer, const char *name, unsigned int flags);
