/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A program whose standard input and output are the channel: behind the ext and ssh transports. */
#pragma once

#include "transport/transport.h"

#define FL_CHILD_SIGNAL                                                                                      \
    256 /* + signal, by which it was ended: no exit status, a shell's 128 + signal is one */

/* Turns "it ended" into an error: exit status (-1: not known) and what it wrote to stderr, or else to its
 * output, trimmed. Returns -1. */
typedef int (*fl_child_explain)(struct fl_transport *t, int status, const char *stderr_text);

/* Starts argv (argv[0] looked up on PATH) and makes it t's channel. `what` names it in messages: "ssh". */
int fl_child_spawn(struct fl_transport *t, char *const argv[], const char *what, fl_child_explain explain);
/* What of its stderr is meant for people: all of it until this is called. */
void fl_child_set_strip(struct fl_transport *t, char *(*strip)(const char *stderr_text));

ssize_t fl_child_read(struct fl_transport *t, void *buf, size_t len);
ssize_t fl_child_write(struct fl_transport *t, const void *buf, size_t len);
int fl_child_half_close(struct fl_transport *t);
/* Closing ends what the program has started, too. Not for ssh, whose masters outlive it. */
void fl_child_end_kin(struct fl_transport *t);
/* Bounded: closes its input, gives it a moment, then terminates, then kills; always reaps. */
void fl_child_close(struct fl_transport *t);

/* What it has written to stderr so far; free with g_free(). */
char *fl_child_stderr(struct fl_transport *t);
/* Whether anything has come from its standard output. */
bool fl_child_has_spoken(struct fl_transport *t);

/* "ended with status 1"; free with g_free(). */
char *fl_child_how(int status);
/* What a program printed, the last part of it if it is much, as one line without control characters. */
char *fl_child_said(const char *text, size_t len);
