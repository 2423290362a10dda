/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the commands of snapshots and of checkpoints share. */
#pragma once

#include "shell.h"

struct fl_moment {
    void *object;
    const char *name; /* the object's */
    char *parent;     /* its name, NULL: none or not asked for */
};

void fl_moments_sort(struct fl_moment *moments, int n);
/* A tree, names or a table with what the XML of each says; the state is a column for snapshots only. */
void fl_moments_print(struct fl_call *c, struct fl_moment *moments, int n, bool states,
                      char *(*get_xml)(void *object));

/* The <disks> that --diskspec asks for, each written by put_disk. */
int fl_moment_put_disks(struct fl_call *c, GString *s,
                        int (*put_disk)(struct fl_call *c, GString *s, const char *spec));
