/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a program says on its stderr, however much that is: the beginning and the end are kept. A listener
 * takes it from a pipe all the time, for a program whose stderr nobody takes stops at its next word.
 */
#pragma once

#include <glib.h>
#include <stddef.h>

struct fl_said {
    GString *head, *tail;
    gboolean cut; /* something between them is lost */
};

void fl_said_init(struct fl_said *s);
void fl_said_add(struct fl_said *s, const char *text, size_t len);
char *fl_said_text(const struct fl_said *s); /* free with g_free() */
void fl_said_fini(struct fl_said *s);

struct fl_said_listener;

/* *ret_fd: the program's end, close-on-exec, for the caller to close. Returns an errno. */
int fl_said_listen(struct fl_said_listener **ret_l, int *ret_fd);
/* All that has been said up to now. Any thread. */
char *fl_said_heard(struct fl_said_listener *l);
/* Whoever goes on saying something meets a closed pipe. */
void fl_said_listener_free(struct fl_said_listener *l);
