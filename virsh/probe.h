/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Asking many URIs at once without hanging on any: each is opened by a child of its own (this program
 * again, without a terminal, so that nothing can ask for a password), and all are over at the deadline.
 * Works with any library. Called by `remote test`, `targets` and the hint of `list`.
 */
#pragma once

#include <stdbool.h>
#include <glib.h>

struct fl_shell;

struct fl_probe {
    const char *uri;
    bool readonly, counts; /* counts: also how many domains there are */

    bool ok;
    double ms;
    char *stage; /* where it failed: "connect"; NULL when unknown */
    char *text;  /* the error, or the URI of the connection */
    int code;    /* virErrorNumber of the error */
    int running, total;

    /* private */
    int pid, fd;
    GString *said;
};

/* -1: interrupted by Ctrl-C, the children are gone. Free each with fl_probe_fini(). */
int fl_probe_all(struct fl_probe *probes, size_t n, int timeout_seconds);
void fl_probe_fini(struct fl_probe *p);
