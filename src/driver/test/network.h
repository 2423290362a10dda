/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A virtual network of the test driver. */
#pragma once

#include "driver/test/state.h"

struct fl_test_network {
    struct fl_test_item item;
    struct fl_network_def *def;  /* as it is now */
    struct fl_network_def *next; /* while active: what the next start takes, if that differs */
    bool active, persistent, autostart;
};

void fl_test_network_free_item(struct fl_test_item *item);
/* Takes `def`; NULL with the error set when it clashes. `live` = to be active. */
struct fl_test_network *fl_test_network_add(struct fl_test_host *host, struct fl_network_def *def, bool live);
