/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The calls of <libvirt/fairlead.h>: a resolution in words, and an opening that is watched and told stage by
 * stage (`virsh uri --why`, `virsh doctor`). Nothing here knows how to open: it is connect_open.c, recorded.
 */
#define FL_FROM VIR_FROM_NONE
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <libvirt/fairlead.h>

#include "base/error.h"
#include "base/log.h"
#include "base/walk.h"
#include "core/connect.h"
#include "core/objects.h"
#include "core/why_probe.h"
#include "transport/sockets.h"
#include "uri/route.h"

#define OPEN_FLAGS (VIR_CONNECT_RO | VIR_CONNECT_NO_ALIASES)

static int check_flags(const char *call, unsigned int flags, unsigned int mask)
{
    if (!(flags & ~mask))
        return 0;
    return fl_error_set_argument(FL_FROM, VIR_ERR_INVALID_ARG, call, "flags", "has unknown bits: 0x%x",
                                 flags & ~mask);
}

/* ---- what a URI means ---- */

static int resolve(const char *call, const char *name, unsigned int flags, struct fl_route **ret_route)
{
    fl_error_reset();
    if (check_flags(call, flags, OPEN_FLAGS | FAIRLEAD_MAY_CHANGE) == 0 &&
        fl_connect_resolve(name, flags & OPEN_FLAGS, ret_route) == 0) {
        fl_stage_leave();
        return 0;
    }
    fl_stage_name_error();
    fl_stage_leave();
    fl_error_dispatch(NULL);
    return -1;
}

/* Where a route over a unix socket would knock. */
static void add_sockets(GPtrArray *items, const struct fl_route *route, unsigned int flags)
{
    struct fl_sockets s;

    if (!route->uri) {
        fl_why_probe(items, route, flags & VIR_CONNECT_RO);
        return;
    }
    if (route->local || (route->transport && !g_str_equal(route->transport, "unix")))
        return;
    fl_sockets_init(&s, route, flags & VIR_CONNECT_RO, geteuid() == 0);
    for (size_t i = 0; i < s.n; i++) {
        g_ptr_array_add(items, g_strdup("socket candidate"));
        g_ptr_array_add(items, g_strdup(s.item[i].path));
        g_ptr_array_add(items, s.item[i].daemon ? g_strdup_printf("of %s%s", s.item[i].daemon,
                                                                  s.session ? ", this user's" : "")
                                                : g_strdup("URI parameter socket"));
    }
    fl_sockets_fini(&s);
}

/* Key, value, why; three strings each. */
static GPtrArray *route_items(const struct fl_route *route, unsigned int flags)
{
    GPtrArray *items = g_ptr_array_new_with_free_func(g_free);
    g_autofree char *text = fl_route_explain(route);
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

    for (char **l = lines; *l; l++) {
        char *colon = strchr(*l, ':'), *why = g_strrstr(*l, "  (");
        char *value = colon ? colon + 1 + strspn(colon + 1, " ") : NULL;

        if (!value || !why || why < value)
            continue;
        g_ptr_array_add(items, g_strndup(*l, (gsize)(colon - *l)));
        g_ptr_array_add(items, g_strndup(value, (gsize)(why - value)));
        g_ptr_array_add(items, g_strndup(why + 3, strlen(why + 3) - 1));
    }
    add_sockets(items, route, flags);
    return items;
}

char *fairleadExplainURI(const char *name, unsigned int flags)
{
    fl_autoroute struct fl_route *route = NULL;
    g_autoptr(GString) text = NULL;
    g_autoptr(GPtrArray) items = NULL;

    if (resolve(__func__, name, flags, &route) < 0)
        return NULL;
    text = g_string_new(NULL);
    items = route_items(route, flags);
    for (guint i = 0; i < items->len; i += 3) {
        g_autofree char *label = g_strdup_printf("%s:", (char *)items->pdata[i]);

        g_string_append_printf(text, "%-18s %s  (%s)\n", label, (char *)items->pdata[i + 1],
                               (char *)items->pdata[i + 2]);
    }
    return strdup(text->str);
}

int fairleadRouteInfo(const char *name, unsigned int flags, fairleadItem **items)
{
    fl_autoroute struct fl_route *route = NULL;
    g_autoptr(GPtrArray) texts = NULL;
    guint n;

    if (!items) {
        fl_error_reset();
        fl_error_set_argument(FL_FROM, VIR_ERR_INVALID_ARG, __func__, "items", "must not be NULL");
        fl_error_dispatch(NULL);
        return -1;
    }
    if (resolve(__func__, name, flags, &route) < 0)
        return -1;
    texts = route_items(route, flags);
    n = texts->len / 3;
    *items = g_new0(fairleadItem, n + 1);
    for (guint i = 0; i < n; i++)
        (*items)[i] = (fairleadItem){ texts->pdata[3 * i], texts->pdata[3 * i + 1], texts->pdata[3 * i + 2] };
    g_ptr_array_set_free_func(texts, NULL);
    return (int)n;
}

void fairleadItemsFree(fairleadItem *items)
{
    for (fairleadItem *i = items; i && i->key; i++) {
        g_free((char *)i->key);
        g_free((char *)i->value);
        g_free((char *)i->why);
    }
    g_free(items);
}

/* ---- opening, watched ---- */

/* What belongs to the way of each transport, in order. */
static const struct way {
    const char *transport;
    enum fl_stage stages[FL_NSTAGES];
} ways[] = {
    { "unix", { FL_STAGE_RESOLVE, FL_STAGE_CONNECT, FL_STAGE_AUTH, FL_STAGE_OPEN } },
    { "ext", { FL_STAGE_RESOLVE, FL_STAGE_CONNECT, FL_STAGE_AUTH, FL_STAGE_OPEN } },
    { "tcp", { FL_STAGE_RESOLVE, FL_STAGE_LOOKUP, FL_STAGE_CONNECT, FL_STAGE_AUTH, FL_STAGE_OPEN } },
    { "tls",
      { FL_STAGE_RESOLVE, FL_STAGE_LOOKUP, FL_STAGE_CONNECT, FL_STAGE_TLS, FL_STAGE_AUTH, FL_STAGE_OPEN } },
    { "ssh",
      { FL_STAGE_RESOLVE, FL_STAGE_LOOKUP, FL_STAGE_CONNECT, FL_STAGE_SSH, FL_STAGE_HELPER, FL_STAGE_AUTH,
        FL_STAGE_OPEN } },
};

static const enum fl_stage *way_of(const struct fl_route *route)
{
    static const enum fl_stage local[] = { FL_STAGE_RESOLVE, FL_STAGE_OPEN, FL_STAGE_NONE };
    static const enum fl_stage unknown[] = { FL_STAGE_RESOLVE, FL_STAGE_NONE };
    const char *name = route && route->transport ? route->transport : "unix";

    if (!route || route->local)
        return route ? local : unknown;
    for (size_t i = 0; i < G_N_ELEMENTS(ways); i++)
        if (g_str_equal(name, ways[i].transport) ||
            (g_str_has_prefix(name, "libssh") && g_str_equal(ways[i].transport, "ssh")))
            return ways[i].stages;
    return unknown;
}

/* The last clause of an error is what to do: "connect: what failed; what to do". Cuts it off `text`. */
static char *take_advice(char *text)
{
    char *at = g_strrstr(text, "; ");

    if (!at)
        return NULL;
    *at = '\0';
    return g_strdup(at + 2);
}

static void tell_stage(const struct fl_walk_stage *s, fairleadStageCallback cb, void *opaque)
{
    fairleadStage told = { .name = fl_stage_name(s->stage),
                           .target = s->target,
                           .verdict = s->error ? FAIRLEAD_FAILED : FAIRLEAD_PASSED,
                           .milliseconds = (double)(s->ended - s->begun) / 1000,
                           .findings = (const char *const *)s->lines->pdata,
                           .nfindings = s->lines->len };
    g_autofree char *text = NULL, *advice = NULL;
    static const char *const none[1];

    if (!told.nfindings)
        told.findings = none;
    if (s->error) {
        const char *rest;

        fl_stage_of_error(s->error, &rest);
        text = g_strdup(rest);
        told.error = text;
        told.advice = advice = take_advice(text);
        told.code = s->error->code;
        told.domain = s->error->domain;
    }
    cb(&told, opaque);
}

static bool was_met(const struct fl_walk *walk, enum fl_stage stage)
{
    for (guint i = 0; i < walk->stages->len; i++)
        if (((const struct fl_walk_stage *)walk->stages->pdata[i])->stage == stage)
            return true;
    return false;
}

/* What the walk met, then what it would have met: all behind where it failed, and what is before that as well
 * where no connection was made (certificates are read first). */
static void tell_walk(const struct fl_walk *walk, const struct fl_route *route, fairleadStageCallback cb,
                      void *opaque)
{
    static const char *const none[1];
    enum fl_stage reached = FL_STAGE_NONE;
    bool connected = was_met(walk, FL_STAGE_CONNECT);

    for (guint i = 0; i < walk->stages->len; i++) {
        const struct fl_walk_stage *s = walk->stages->pdata[i];

        if (i >= walk->told)
            tell_stage(s, cb, opaque);
        reached = MAX(reached, s->stage);
    }
    for (const enum fl_stage *st = way_of(route); *st != FL_STAGE_NONE; st++) {
        fairleadStage told = { .name = fl_stage_name(*st),
                               .verdict = FAIRLEAD_NOT_REACHED,
                               .findings = none };

        if (*st > reached || (!connected && !was_met(walk, *st)))
            cb(&told, opaque);
    }
}

struct teller {
    fairleadStageCallback cb;
    void *opaque;
};

static void tell_live(const struct fl_walk_stage *s, bool begins, void *opaque)
{
    static const char *const none[1];
    const struct teller *t = opaque;
    fairleadStage told = {
        .name = fl_stage_name(s->stage), .target = s->target, .verdict = FAIRLEAD_BEGUN, .findings = none
    };

    if (begins)
        t->cb(&told, t->opaque);
    else
        tell_stage(s, t->cb, t->opaque);
}

int fairleadDiagnose(const char *name, virConnectAuthPtr auth, unsigned int flags, fairleadStageCallback cb,
                     void *opaque)
{
    fl_autoroute struct fl_route *route = NULL;
    struct teller live = { .cb = cb, .opaque = opaque };
    struct fl_walk walk;
    virConnectPtr conn;

    fl_error_reset();
    if (!cb)
        fl_error_set_argument(FL_FROM, VIR_ERR_INVALID_ARG, __func__, "cb", "must not be NULL");
    if (!cb || check_flags(__func__, flags, OPEN_FLAGS | FAIRLEAD_MAY_CHANGE | FAIRLEAD_LIVE) < 0) {
        fl_error_dispatch(NULL);
        return -1;
    }
    if (fl_connect_resolve(name, flags & OPEN_FLAGS, &route) < 0)
        fl_error_reset(); /* told by the walk */
    fl_stage_leave();

    fl_walk_begin(&walk);
    walk.look_only = !(flags & FAIRLEAD_MAY_CHANGE);
    walk.tell = flags & FAIRLEAD_LIVE ? tell_live : NULL;
    walk.opaque = &live;
    conn = fl_connect_open(name, auth, flags & OPEN_FLAGS, 0);
    fl_walk_end(&walk, conn ? NULL : fl_error_get());
    {
        FL_ERROR_PRESERVE; /* across the callback's calls */
        tell_walk(&walk, conn ? NULL : route, cb, opaque);
        fl_walk_fini(&walk);
        fl_connect_unref(conn);
    }
    return conn ? 0 : 1;
}

virConnectPtr fairleadOpen(const char *name, virConnectAuthPtr auth, unsigned int flags)
{
    virConnectPtr conn = NULL;
    struct fl_walk walk;

    fl_error_reset();
    if (check_flags(__func__, flags, OPEN_FLAGS | FAIRLEAD_MAY_CHANGE) == 0) {
        fl_walk_begin(&walk);
        walk.look_only = !(flags & FAIRLEAD_MAY_CHANGE);
        conn = fl_connect_open(name, auth, flags & OPEN_FLAGS, 0);
        fl_walk_end(&walk, NULL);
        fl_walk_fini(&walk);
    }
    if (conn)
        fl_error_reset();
    else
        fl_error_dispatch(NULL);
    return conn;
}
