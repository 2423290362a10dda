/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Between pools and volumes. */
#pragma once

#include "model/doc.h"

enum fl_pool_kind_flag {
    FL_POOL_HOST = 1 << 0,
    FL_POOL_DEVICE = 1 << 1,
    FL_POOL_DIR = 1 << 2,
    FL_POOL_ADAPTER = 1 << 3,
    FL_POOL_NAMED = 1 << 4, /* the source has a name, the pool's unless given */
    FL_POOL_INITIATOR = 1 << 5,
    FL_POOL_NO_TARGET = 1 << 6,
    FL_POOL_DIR_DEFAULT = 1 << 7,
};

struct fl_pool_kind {
    const char *type;
    unsigned int flags;
    const char *formats; /* of the source; NULL = none */
    const char *format;  /* when not given */
    const char *target;  /* where its volumes appear whatever is asked for */
};

const struct fl_pool_kind *fl_pool_kind_by_type(const char *type);
extern const struct fl_pool_kind fl_pool_kinds[];
extern const struct fl_row fl_pool_source_rows[];

void fl_bytes_set(struct fl_xml_node *root, const char *name, unsigned long long bytes);
