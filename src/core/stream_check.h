/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The head and the tail of every public stream call; for stream.c and stream_all.c. */
#pragma once

#include "base/error.h"
#include "core/objects.h"

/* Resets the thread's error and refuses what is no stream. */
static inline bool fl_stream_enter(virStreamPtr st, const char *call)
{
    fl_error_reset();
    if (fl_stream_check(st, call) == 0)
        return true;
    fl_error_dispatch(NULL);
    return false;
}

/* At the end: -1 means an error to dispatch. -2 and -3 are answers. */
static inline int fl_stream_left(virStreamPtr st, int result)
{
    if (result == -1)
        fl_error_dispatch(st->conn);
    return result;
}

#define STREAM_ENTER(st)                                                                                     \
    if (!fl_stream_enter((st), __func__))                                                                    \
    return -1
#define STREAM_NOT_NULL(st, arg)                                                                             \
    if (!(arg)) {                                                                                            \
        fl_error_set_argument(VIR_FROM_STREAMS, VIR_ERR_INVALID_ARG, __func__, #arg, "must not be NULL");    \
        return fl_stream_left((st), -1);                                                                     \
    }
#define STREAM_NEEDS(st, slot)                                                                               \
    if (!(st)->ops || !(st)->ops->slot) {                                                                    \
        fl_error_set(VIR_FROM_STREAMS, VIR_ERR_NO_SUPPORT, "%s", __func__);                                  \
        return fl_stream_left((st), -1);                                                                     \
    }
