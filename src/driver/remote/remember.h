/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What was answered to the questions of the first authentication, for those of later ones: by then the
 * application's callback may be gone, and nobody may be there to ask. For reconnect.c.
 */
#pragma once

#include <libvirt/libvirt.h>

struct fl_remembered;

/* NULL for no `auth`. */
struct fl_remembered *fl_remembered_new(virConnectAuthPtr auth);
/* Asks `auth`, keeping the answers; after fl_remembered_replay() gives what was kept, or fails. */
virConnectAuthPtr fl_remembered_auth(struct fl_remembered *m);
void fl_remembered_replay(struct fl_remembered *m);
void fl_remembered_free(struct fl_remembered *m); /* wipes */
