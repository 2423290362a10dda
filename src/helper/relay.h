/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copies bytes both ways between a pair of descriptors and a transport until both directions have ended. */
#pragma once

#include "transport/transport.h"

/* in_fd: what comes from the client; out_fd: what goes to it. 0 when the far side ended the conversation in
 * order, -1 with the error set. The end of in_fd is passed on; a far side that then stays silent is left
 * after a while. */
int fl_relay(struct fl_transport *t, int in_fd, int out_fd);
