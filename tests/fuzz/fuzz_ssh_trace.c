/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libFuzzer target: any bytes as what ssh wrote to its standard error, which far hosts have a say in. Read
 * at once or in two pieces, the same stages are marked, and what is left for people has no line of the trace.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <glib.h>

#include "transport/ssh_trace.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void mark(const char *text, struct fl_walk *walk, size_t cut)
{
    g_autofree char *first = g_strndup(text, cut);
    size_t seen;

    fl_walk_begin(walk);
    seen = fl_ssh_trace_mark(first, "h");
    if (seen > strlen(first))
        abort();
    fl_ssh_trace_mark(text + seen, "h");
    fl_stage_leave();
    fl_walk_end(walk, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *text = g_strndup((const char *)data, size);
    g_autofree char *left = fl_ssh_trace_strip(text);
    size_t len = strlen(text);
    struct fl_walk once, twice;

    if (fl_ssh_trace_stage(text) > FL_STAGE_AUTH || fl_ssh_trace_stage(left) != FL_STAGE_NONE)
        abort();
    mark(text, &once, len);
    mark(text, &twice, len / 2);
    if (once.stages->len != twice.stages->len)
        abort();
    for (guint i = 0; i < once.stages->len; i++) {
        const struct fl_walk_stage *a = once.stages->pdata[i], *b = twice.stages->pdata[i];

        if (a->stage != b->stage || a->lines->len != b->lines->len)
            abort();
    }
    fl_walk_fini(&once);
    fl_walk_fini(&twice);
    return 0;
}
