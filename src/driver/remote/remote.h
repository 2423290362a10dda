/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The remote driver's private seam: what its generated stubs (stubs.c) and its hand-written files share. The
 * driver answers every call by asking a daemon over rpc/client.h.
 */
#pragma once

#include <libvirt/libvirt.h>
#include "rpc/client.h"

/* The client behind a connection of this driver; never NULL while the connection is open. */
struct fl_client *fl_remote_client(virConnectPtr conn);
