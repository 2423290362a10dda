/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Lists of the host's processors, "0-3,^2": from text to a map and back. */
#pragma once

struct fl_call;

/* How many the host has, running or not; -1 and the error of the call. */
int fl_cpus_of_host(struct fl_call *c);
/* "0-3,^2,7", or "r" for all, into a map of `max` processors that was empty. */
int fl_cpus_parse(struct fl_call *c, const char *text, int max, unsigned char *map);
/* "0-1,3,7"; new. */
char *fl_cpus_text(const unsigned char *map, int n);
