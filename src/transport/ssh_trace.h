/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What ssh tells about itself while it logs in (LogLevel=DEBUG1): where it stands, apart from what it and the
 * far side have to say. Pure text. */
#pragma once

#include <stdbool.h>
#include "base/walk.h"

/* The stage a login has come to by what ssh has written so far; FL_STAGE_NONE: it has written no trace. */
enum fl_stage fl_ssh_trace_stage(const char *text);
/* Everything but the trace: for the messages of people. Free with g_free(). */
char *fl_ssh_trace_strip(const char *text);
/* Marks the stages and findings of whole lines from `text` on; `target` names the login. Returns how far it
 * has come: what follows has no end of line yet. */
size_t fl_ssh_trace_mark(const char *text, const char *target);
