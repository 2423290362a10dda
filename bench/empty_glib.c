/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What starting a program that is linked to GLib costs. */
#include <glib.h>

int main(void)
{
    return g_get_monotonic_time() > 0 ? 0 : 1;
}
