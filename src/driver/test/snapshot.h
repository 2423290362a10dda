/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Snapshots and what their two files share. */
#pragma once

#include "driver/test/domain.h"

struct fl_test_moment *fl_test_snapshot_of(struct fl_test_host *host, virDomainSnapshotPtr snap,
                                           struct fl_test_domain **ret_dom);
static inline struct fl_snapshot_def *fl_test_snapshot_def(const struct fl_test_moment *moment)
{
    return moment->def;
}
/* Adds a redefinition: takes `def`; parent by name, which must be there. `current` = make it the current one.
 */
struct fl_test_moment *fl_test_snapshot_redefine(struct fl_test_domain *d, struct fl_snapshot_def *def,
                                                 bool current);
