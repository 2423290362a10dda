/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A node device of the test driver. */
#pragma once

#include "driver/test/state.h"

struct fl_test_nodedev {
    struct fl_test_item item;
    struct fl_nodedev_def *def;
};

void fl_test_nodedev_free_item(struct fl_test_item *item);
/* Takes `def`, replacing one of that name. */
struct fl_test_nodedev *fl_test_nodedev_add(struct fl_test_host *host, struct fl_nodedev_def *def);
/* Makes the virtual HBA the peer makes for a create or for an fc_host pool; emits the event. NULL + error. */
struct fl_test_nodedev *fl_test_nodedev_make_vhba(struct fl_test_host *host, const char *wwnn,
                                                  const char *wwpn);
void fl_test_nodedev_drop(struct fl_test_host *host, struct fl_test_nodedev *dev);
