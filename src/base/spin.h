/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Looking again for a moment before sleeping: waking a thread on another core costs more than the answer to a
 * small call takes. Whether it pays is learnt: every look that finds nothing makes the next ones rarer (down
 * to one in a thousand), only those that nearly always find something go on. One thread's own.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct fl_spin {
    unsigned int skip;    /* occasions to be passed over before the next look */
    unsigned int penalty; /* how many are passed over after each */
    int64_t until_ns;
};

/* Whether to look again now, until fl_spin_over() or something is there. Then say which it was. */
bool fl_spin_begin(struct fl_spin *spin);
bool fl_spin_over(struct fl_spin *spin);
void fl_spin_end(struct fl_spin *spin, bool found);
