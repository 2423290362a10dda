/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The record of a walk, one per thread that watches. */
#include "base/walk.h"
#include "base/util.h"

#include <string.h>

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

static struct fl_walk_stage *stage_new(enum fl_stage stage, int64_t now)
{
    struct fl_walk_stage *s = g_new0(struct fl_walk_stage, 1);

    s->stage = stage;
    s->begun = now;
    s->lines = g_ptr_array_new_with_free_func(g_free);
    return s;
}

/* Where the error belongs: what was entered after its stage was not reached (ssh logs in behind the back of
 * those who open; what was sent ahead is answered later). */
static struct fl_walk_stage *failed_stage(struct fl_walk *walk, enum fl_stage named)
{
    struct fl_walk_stage *s = last(walk);
    int64_t ended = s ? s->ended : g_get_monotonic_time();

    while (s && named != FL_STAGE_NONE && s->stage > named && walk->stages->len > walk->told) {
        g_ptr_array_set_size(walk->stages, (gint)walk->stages->len - 1);
        s = last(walk);
    }
    if (!s || (named != FL_STAGE_NONE && s->stage < named)) {
        s = stage_new(named == FL_STAGE_NONE ? FL_STAGE_RESOLVE : named, s ? s->ended : ended);
        g_ptr_array_add(walk->stages, s);
    }
    s->ended = ended;
    return s;
}

void fl_walk_end(struct fl_walk *walk, const virError *error)
{
    struct fl_walk_stage *s = last(walk);

    if (s && !s->ended)
        s->ended = g_get_monotonic_time();
    if (error) {
        s = failed_stage(walk, fl_stage_of_error(error, NULL));
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

bool fl_walk_look_only(void)
{
    return watched && watched->look_only;
}

bool fl_walk_watched(void)
{
    return watched != NULL;
}

/* What is certain now; and, without a line of its own in the record, that the last one has begun. */
static void tell(struct fl_walk *walk)
{
    if (!walk->tell)
        return;
    while (walk->told + 2 < walk->stages->len)
        walk->tell(walk->stages->pdata[walk->told++], false, walk->opaque);
    walk->tell(last(walk), true, walk->opaque);
}

void fl_stage_enter(enum fl_stage stage, const char *target_fmt, ...)
{
    struct fl_walk_stage *s = last(watched);
    bool begins = !s || s->stage != stage;
    int64_t now;
    va_list args;

    present = stage;
    if (!watched)
        return;
    now = g_get_monotonic_time();
    if (begins) {
        if (s && !s->ended)
            s->ended = now;
        s = stage_new(stage, now);
        g_ptr_array_add(watched->stages, s);
    }
    if (target_fmt) {
        g_free(s->target);
        va_start(args, target_fmt);
        s->target = fl_passwords_hide(g_strdup_vprintf(target_fmt, args));
        va_end(args);
    }
    if (begins)
        tell(watched);
}

void fl_stage_leave(void)
{
    struct fl_walk_stage *s = last(watched);

    if (s && !s->ended)
        s->ended = g_get_monotonic_time();
    present = FL_STAGE_NONE;
}

void fl_stage_note(const char *fmt, ...)
{
    struct fl_walk_stage *s = last(watched);
    va_list args;

    if (!s)
        return;
    va_start(args, fmt);
    g_ptr_array_add(s->lines, fl_passwords_hide(g_strdup_vprintf(fmt, args)));
    va_end(args);
}

/* ---- errors that begin with a stage ---- */

/* The stage `text` begins with, "NAME: ". */
static enum fl_stage stage_at(const char *text, const char **ret_rest)
{
    for (int i = FL_STAGE_RESOLVE; text && i < FL_NSTAGES; i++) {
        size_t len = strlen(names[i]);

        if (strncmp(text, names[i], len) == 0 && text[len] == ':' && text[len + 1] == ' ') {
            *ret_rest = text + len + 2;
            return (enum fl_stage)i;
        }
    }
    return FL_STAGE_NONE;
}

/* The detail of a message "TITLE OF CODE: detail", or all of it where there is no title: the peer ends some
 * of its sentences with str2. */
static const char *error_detail(const virError *error)
{
    size_t all = error->message ? strlen(error->message) : 0;
    size_t len = error->str2 ? strlen(error->str2) : 0;

    if (len && len <= all && strcmp(error->message + all - len, error->str2) == 0) {
        const char *detail = error->message + all - len;

        if (all - len < 2 || strncmp(detail - 2, ": ", 2) == 0)
            return detail;
    }
    return error->message ? error->message : "";
}

enum fl_stage fl_stage_of_error(const virError *error, const char **ret_rest)
{
    const char *rest = error_detail(error);
    enum fl_stage stage = stage_at(rest, &rest);

    if (stage == FL_STAGE_NONE && error->message)
        stage = stage_at(error->message, &rest);
    if (ret_rest)
        *ret_rest = rest;
    return stage;
}

static void prefix_detail(const char *prefix)
{
    virErrorPtr err = fl_error_get();
    const char *detail = error_detail(err);
    bool second = g_strcmp0(detail, err->str2) == 0;
    char *message = g_strdup_printf("%.*s%s%s", err->message ? (int)(detail - err->message) : 0,
                                    err->message ? err->message : "", prefix, detail);

    if (second) {
        g_free(err->str2);
        err->str2 = g_strconcat(prefix, detail, NULL);
    }
    g_free(err->message);
    err->message = message;
}

void fl_stage_name_error(void)
{
    g_autofree char *prefix = NULL;

    if (present == FL_STAGE_NONE || !fl_error_get()->code ||
        fl_stage_of_error(fl_error_get(), NULL) != FL_STAGE_NONE)
        return;
    prefix = g_strdup_printf("%s: ", names[present]);
    prefix_detail(prefix);
}

void fl_stage_name_teller(enum fl_stage stage, const char *who)
{
    g_autofree char *prefix = g_strdup_printf("%s: %s: ", names[stage], who);

    prefix_detail(prefix);
}

static void cut_advice(char *text)
{
    char *at = text ? g_strrstr(text, "; ") : NULL;

    if (at)
        *at = '\0';
}

void fl_stage_unname_error(void)
{
    virErrorPtr err = fl_error_get();
    const char *detail = error_detail(err), *rest;
    bool second = g_strcmp0(detail, err->str2) == 0;
    char *message;

    if (!err->code || fl_stage_of_error(err, &rest) == FL_STAGE_NONE)
        return;
    if (rest < detail) /* the message itself began with the stage */
        detail = err->message;
    message = g_strdup_printf("%.*s%s", (int)(detail - err->message), err->message, rest);
    cut_advice(message);
    if (second) {
        g_free(err->str2);
        err->str2 = g_strdup(message + (detail - err->message));
    }
    g_free(err->message);
    err->message = message;
}

static void advise(bool instead, const char *before, const char *todo_fmt, va_list args, const char *after)
{
    virErrorPtr err = fl_error_get();
    bool second = g_strcmp0(error_detail(err), err->str2) == 0;
    g_autofree char *todo = g_strdup_vprintf(todo_fmt, args);
    g_autofree char *message = err->message, *str2 = err->str2;

    if (instead) {
        cut_advice(message);
        cut_advice(second ? str2 : NULL);
    }
    err->message = g_strconcat(message ? message : "", before, todo, after, NULL);
    err->str2 = second ? g_strconcat(str2, before, todo, after, NULL) : g_steal_pointer(&str2);
}

void fl_stage_advise(const char *todo_fmt, ...)
{
    va_list args;

    va_start(args, todo_fmt);
    advise(false, "; ", todo_fmt, args, "");
    va_end(args);
}

void fl_stage_advise_instead(const char *todo_fmt, ...)
{
    va_list args;

    va_start(args, todo_fmt);
    advise(true, "; ", todo_fmt, args, "");
    va_end(args);
}

void fl_stage_remark(const char *remark_fmt, ...)
{
    va_list args;

    va_start(args, remark_fmt);
    advise(false, " (", remark_fmt, args, ")");
    va_end(args);
}
