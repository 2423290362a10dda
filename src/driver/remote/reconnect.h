/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * reconnect=1: a connection that breaks is dialed again behind the same virConnectPtr (docs/reconnect.md).
 * Between open.c, event.c and reconnect.c.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <libvirt/libvirt.h>

struct fl_redial;
struct fl_remote;

/* The connection has broken: dials, in a thread of its own. false: no more of that, the application may be
 * told. */
bool fl_redial_begin(struct fl_redial *d, int reason);
/* The application closes: nothing of `fl_remote` is touched any more. */
void fl_redial_stop(struct fl_redial *d);
void fl_redial_unref(struct fl_redial *d);
/* False once it has been given up. */
bool fl_redial_hopes(struct fl_redial *d);
/* Waits for a connection newer than `generation`; as fl_client_revive. Deadline 0: as call_timeout= says. */
int fl_redial_wait(struct fl_redial *d, unsigned int generation, int64_t deadline_us);

/* What the application asked for, to be asked for again. */
void fl_redial_keep_alive(struct fl_redial *d, int interval, unsigned int count);
/* The far side lost the connection behind it, and says so: ours is of no use any more. */
void fl_redial_far_closed(struct fl_redial *d, int reason);
