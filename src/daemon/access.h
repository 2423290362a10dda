/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* May this peer make this call? Asked twice: before the arguments are decoded (nothing is done for a call
 * that is refused anyway) and after it (permissions that depend on the flags). Follows the table written from
 * api/. */
#pragma once

struct fl_call;

/* 0, or -1 with the error set. */
int fl_access_check_call(const struct fl_call *call);
int fl_access_check_args(const struct fl_call *call, const void *args);
