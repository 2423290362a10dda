/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A host interface of the test driver. */
#pragma once

#include "driver/test/state.h"

struct fl_test_interface {
    struct fl_test_item item;
    struct fl_iface_def *def;
    bool active;
};

void fl_test_interface_free_item(struct fl_test_item *item);
/* Takes `def`, replacing one of that name. */
struct fl_test_interface *fl_test_interface_add(struct fl_test_table *table, struct fl_iface_def *def);
