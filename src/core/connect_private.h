/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Between connect.c and connect_open.c. */
#pragma once

#include <libvirt/libvirt.h>

/* A connection with one reference and no driver yet. */
virConnectPtr fl_connect_new(const char *uri, unsigned int flags);
