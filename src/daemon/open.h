/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a client's CONNECT_OPEN opens: a driver of this daemon, or the daemon that has it. hand_connect.c. */
#pragma once

#include <libvirt/libvirt.h>

struct fl_peer;

/* `name` may be NULL or empty. A new connection, or NULL with the error set. */
virConnectPtr fl_open_for(struct fl_peer *peer, const char *name, unsigned int flags);
