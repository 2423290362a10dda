/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Storage pools of the test driver and the volumes in them. */
#pragma once

#include "driver/test/state.h"

struct fl_test_vol {
    struct fl_test_item item;
    struct fl_vol_def *def;
    int data; /* what was uploaded (vol_data.c); 0 = nothing */
};

struct fl_test_pool {
    struct fl_test_item item;
    struct fl_pool_def *def;
    struct fl_pool_def *next; /* defined while active: what the next start takes */
    bool active, persistent, autostart;
    struct fl_test_table vols;
    GHashTable *by_key; /* key, which is also the path -> struct fl_test_vol */
};

void fl_test_pool_free_item(struct fl_test_item *item);
struct fl_test_pool *fl_test_pool_add(struct fl_test_host *host, struct fl_pool_def *def, bool live);
struct fl_test_pool *fl_test_pool_by_name(struct fl_test_host *host, const char *name);
int fl_test_pool_need_active(const struct fl_test_pool *p);
void fl_test_vol_free(struct fl_test_vol *v);
/* Takes `def`: completes key and path, takes its space. NULL with the error set. */
struct fl_test_vol *fl_test_vol_add(struct fl_test_pool *p, struct fl_vol_def *def);
