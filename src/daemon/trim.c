/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Giving memory back: trim.h. */
#include "daemon/trim.h"

#include <malloc.h>

#include "base/log.h"

#define LARGE_CALL ((size_t)256 << 10)
#define MUCH       ((size_t)32 << 20)
#define WAIT_US    G_USEC_PER_SEC /* so that many calls are one occasion */

static bool want(struct fl_trim *trim)
{
    return g_atomic_int_compare_and_exchange(&trim->wanted, 0, 1);
}

bool fl_trim_served(struct fl_trim *trim, size_t length)
{
    return length >= LARGE_CALL && want(trim);
}

bool fl_trim_client_gone(struct fl_trim *trim)
{
    return g_atomic_int_get(&trim->holds_much) && want(trim);
}

int fl_trim_ms(struct fl_trim *trim)
{
    gint64 now, left;

    if (!g_atomic_int_get(&trim->wanted))
        return -1;
    now = g_get_monotonic_time();
    if (trim->due == 0)
        trim->due = now + WAIT_US;
    left = trim->due - now;
    return left <= 0 ? 0 : (int)((left + 999) / 1000);
}

void fl_trim_if_due(struct fl_trim *trim)
{
    if (trim->due == 0 || g_get_monotonic_time() < trim->due)
        return;
    trim->due = 0;
    g_atomic_int_set(&trim->wanted, 0);
#ifdef __GLIBC__
    int given = malloc_trim(0);
    size_t used = mallinfo2().uordblks;

    g_atomic_int_set(&trim->holds_much, used > MUCH);
    fl_debug("memory is given back%s, %zu KiB are in use", given ? "" : ": there was none", used >> 10);
#endif
}
