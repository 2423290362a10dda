/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The remote driver's row in the registry. It answers every URI no driver of this process does. */
#include "driver/remote/remote.h"

#include "core/driver.h"
#include "driver/remote/stubs.h"

extern const struct fl_driver fl_driver_remote;

const struct fl_driver fl_driver_remote = {
    .name = "remote",
    .schemes = NULL,
    .ops = &fl_remote_ops,
    .open = fl_remote_open,
    .close = fl_remote_close,
    .watch_close = fl_remote_watch_close,
};
