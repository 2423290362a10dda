/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A client that lives on when its connection breaks: its owner dials and hands the new connection over. For
 * the remote driver with reconnect=1.
 */
#pragma once

#include "rpc/client.h"

/*
 * A call found that connection `generation` has ended. 0: there is a newer one. -1 with the error set: there
 * will be none, or the deadline has passed. Any thread, without the client's lock.
 */
typedef int (*fl_client_revive)(void *opaque, unsigned int generation, int64_t deadline_us);

/*
 * From now on a call under which the connection breaks, or that finds it broken, asks for it to be revived.
 * Then it is sent if it had not left, sent again if its procedure is idempotent (api/), and fails otherwise
 * with VIR_ERR_SYSTEM_ERROR: sent, outcome unknown. Streams end with an error.
 */
void fl_client_set_revive(struct fl_client *c, fl_client_revive revive);

/* The connection ended, in whatever way its owner knows of, with the thread's error. Also from an event. */
void fl_client_end(struct fl_client *c, int reason);

/* Counts the connections this client has had, from 1. */
unsigned int fl_client_generation(struct fl_client *c);
/* As fl_client_call(), on that connection only: never revived, never sent again. */
int fl_client_call_at(struct fl_client *c, unsigned int generation, unsigned int program, unsigned int proc,
                      unsigned int args_type, const void *args, unsigned int ret_type, void *ret,
                      struct fl_arena *arena);

/*
 * Takes the connection of `from`, whom nobody else uses and who is left without one, in place of the one of
 * `c`, which has ended. Whoever listened does so again. -1 with the error set: that of `from` has ended too.
 */
int fl_client_adopt(struct fl_client *c, struct fl_client *from);
