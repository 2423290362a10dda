/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the transport files share among themselves: the slots of a plain socket, the tables in the list, and
 * the error of a failed connect. Nobody outside this folder includes it. */
#pragma once

#include <glib.h>
#include "transport/transport.h"

/* Slots for a transport whose `fd` is a non-blocking socket. */
ssize_t fl_channel_read(struct fl_transport *t, void *buf, size_t len);
ssize_t fl_channel_write(struct fl_transport *t, const void *buf, size_t len);
ssize_t fl_channel_read2(struct fl_transport *t, const struct iovec iov[2]);
ssize_t fl_channel_write2(struct fl_transport *t, const struct iovec iov[2]);
int fl_channel_send_fd(struct fl_transport *t, int fd);
int fl_channel_recv_fd(struct fl_transport *t, int *ret_fd);
int fl_channel_half_close(struct fl_transport *t);
void fl_channel_close(struct fl_transport *t);

/* Compat: a connection that fails is VIR_ERR_SYSTEM_ERROR from VIR_FROM_RPC with the errno in int1 (-1:
 * none), its message the text alone. Returns -1. */
int fl_channel_error(int errnum, const char *fmt, ...) G_GNUC_PRINTF(2, 3);

extern const struct fl_transport_ops fl_transport_unix;
extern const struct fl_transport_ops fl_transport_tcp;
extern const struct fl_transport_ops fl_transport_ext;
extern const struct fl_transport_ops fl_transport_ssh;
