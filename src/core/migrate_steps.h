/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A migration that the calling program steers: what is known of it, and its five steps. The two daemons do
 * not talk to each other: each answer carries a cookie that the next question takes to the other side.
 *
 *   begin    source        what the destination is to run; the source refuses changes from now on
 *   prepare  destination   it waits for the guest at an address
 *   perform  source        the guest moves
 *   finish   destination   the guest runs there, or what was prepared is dropped
 *   confirm  source        the guest is forgotten there, or runs on
 *
 * Called by migrate.c. Follows the protocol as the public documentation of migration describes it.
 */
#pragma once

#include <stdbool.h>
#include <libvirt/libvirt.h>
#include "core/typedparam.h"

struct fl_migration {
    virDomainPtr domain;
    virConnectPtr dconn;
    unsigned long flags;     /* VIR_MIGRATE_…, for the source */
    bool by_params;          /* both daemons take typed parameters; else the members below go one by one */
    struct fl_params params; /* grows as answers come */
    const char *dname, *dxml;
    unsigned long bandwidth; /* MiB/s, 0 = no limit */
    char *uri;               /* where the hypervisors meet: the caller's, then the destination's; or NULL */
    char *xml;               /* begin's answer */
    unsigned char *cookie;   /* the last answer's */
    int cookie_len;
};

/* All five; the new domain at the destination, or NULL with the error of the step that failed. */
virDomainPtr fl_migration_run(struct fl_migration *m);
void fl_migration_fini(struct fl_migration *m);
