/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The bytes of volumes: between vol.c and vol_data.c. */
#pragma once

#include "driver/test/pool.h"

void fl_test_vol_data_free(struct fl_test_vol *v);
/* NULL with the error set: no such volume, or its pool is off. */
struct fl_test_vol *fl_test_vol_of(struct fl_test_host *host, virStorageVolPtr vol);
