/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a child process has started in its turn, so that it can be ended together with it. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

struct fl_kin;

/* The descendants of a child of ours that belong to its process group: whoever has left the group or the
 * session (a daemon, a master of ssh's ControlPersist) lives on. Adds to `kin` (NULL: nobody yet) and returns
 * it. */
struct fl_kin *fl_kin_gather(struct fl_kin *kin, pid_t child);
/* True once all of them have ended. */
bool fl_kin_wait(struct fl_kin *kin, int timeout_ms);
void fl_kin_signal(struct fl_kin *kin, int number);
void fl_kin_free(struct fl_kin *kin);
