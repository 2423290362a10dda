/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The record of a walk, one per thread that watches. */
#include "base/walk.h"

#include "base/error.h"

static __thread struct fl_walk *watched;
static __thread enum fl_stage present;

static const char *const names[FL_NSTAGES] = {
    [FL_STAGE_NONE] = "none",       [FL_STAGE_RESOLVE] = "resolve", [FL_STAGE_LOOKUP] = "lookup",
    [FL_STAGE_CONNECT] = "connect", [FL_STAGE_SSH] = "ssh-auth",    [FL_STAGE_HELPER] = "helper",
    [FL_STAGE_TLS] = "tls",         [FL_STAGE_AUTH] = "auth",       [FL_STAGE_OPEN] = "open",
};

const char *fl_stage_name(enum fl_stage stage)
{
    return names[stage];
}

enum fl_stage fl_stage_now(void)
{
    return present;
}

static void stage_free(void *data)
{
    struct fl_walk_stage *s = data;

    g_free(s->target);
    g_ptr_array_unref(s->lines);
    fl_error_free(s->error);
    g_free(s);
}

static struct fl_walk_stage *last(struct fl_walk *walk)
{
    return walk && walk->stages->len ? walk->stages->pdata[walk->stages->len - 1] : NULL;
}

void fl_walk_begin(struct fl_walk *walk)
{
    *walk = (struct fl_walk){ .stages = g_ptr_array_new_with_free_func(stage_free),
                              .outer = watched,
                              .stage = present };
    watched = walk;
    present = FL_STAGE_NONE;
}

void fl_walk_end(struct fl_walk *walk, const virError *error)
{
    struct fl_walk_stage *s = last(walk);

    if (s && !s->ended)
        s->ended = g_get_monotonic_time();
    if (s && error) {
        s->error = g_new0(virError, 1);
        fl_error_copy(error, s->error);
    }
    watched = walk->outer;
    present = walk->stage;
}

void fl_walk_fini(struct fl_walk *walk)
{
    g_clear_pointer(&walk->stages, g_ptr_array_unref);
}

void fl_stage_enter(enum fl_stage stage, const char *target_fmt, ...)
{
    struct fl_walk_stage *s = last(watched);
    int64_t now;
    va_list args;

    present = stage;
    if (!watched)
        return;
    now = g_get_monotonic_time();
    if (s && !s->ended)
        s->ended = now;
    s = g_new0(struct fl_walk_stage, 1);
    s->stage = stage;
    s->begun = now;
    s->lines = g_ptr_array_new_with_free_func(g_free);
    if (target_fmt) {
        va_start(args, target_fmt);
        s->target = g_strdup_vprintf(target_fmt, args);
        va_end(args);
    }
    g_ptr_array_add(watched->stages, s);
}

void fl_stage_note(const char *fmt, ...)
{
    struct fl_walk_stage *s = last(watched);
    va_list args;

    if (!s)
        return;
    va_start(args, fmt);
    g_ptr_array_add(s->lines, g_strdup_vprintf(fmt, args));
    va_end(args);
}
