/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * reconnect=1 (docs/reconnect.md). The connection that broke stays what the application holds; a second one
 * is opened as any other is, by the same code, and when it stands (authenticated, opened, events asked for)
 * its transport and session take the place of the broken ones (rpc/client_again.h).
 *
 * One thread dials, from the moment the break is noticed until it is mended or given up; calls wait for it.
 * The thread holds on to `struct fl_redial` only: the application may close at any time.
 */
#define FL_FROM VIR_FROM_RPC
#include "driver/remote/reconnect.h"

#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "base/util.h"
#include "base/walk.h"
#include "core/connect.h"
#include "core/connect_private.h"
#include "driver/remote/remote.h"
#include "driver/remote/remember.h"
#include "rpc/client_again.h"
#include "uri/route.h"

#define FIRST_PAUSE_MS 100
#define PAUSE_MAX_MS   10000
#define LAST_SECONDS   2 /* an attempt has at least these, though they end after the limit */

struct fl_redial {
    gint refs;
    GMutex lock;
    GCond cond;               /* any of the below has changed */
    struct fl_remote *remote; /* NULL: the application has closed */
    bool dialing;
    bool given_up;
    GThread *telling; /* the thread inside the close callback */
    int reason;       /* of the break */
    char *problem;    /* of the latest attempt */
    int interval;     /* keepalive; 0 = off */
    unsigned int count;

    /* these stay */
    struct fl_client *client;
    struct fl_hub *hub;
    struct fl_route *route;
    struct fl_remembered *answers;
    char *uri;
    unsigned int flags;
    bool listens; /* the event loop reads: there is who answers pings */
};

static struct fl_redial *redial_ref(struct fl_redial *d)
{
    g_atomic_int_inc(&d->refs);
    return d;
}

void fl_redial_unref(struct fl_redial *d)
{
    if (!d || !g_atomic_int_dec_and_test(&d->refs))
        return;
    fl_client_unref(d->client);
    fl_hub_unref(d->hub);
    fl_route_free(d->route);
    fl_remembered_free(d->answers);
    g_free(d->uri);
    g_free(d->problem);
    g_mutex_clear(&d->lock);
    g_cond_clear(&d->cond);
    g_free(d);
}

/* ---- one attempt ---- */

/* A daemon that forwards (virtproxyd) stays when the one behind it goes. */
static void watch_far_side(virConnectPtr conn)
{
    if (fl_remote_watch_close(conn, true) < 0)
        fl_info("the far side will not say when its own connection ends: %s", fl_error_get()->message);
    fl_error_reset();
}

/* The new connection learns what the old one had been asked. */
static int teach(struct fl_redial *d, virConnectPtr fresh)
{
    struct fl_remote *r = fl_remote_of(fresh);
    bool alive;

    g_mutex_lock(&d->lock);
    alive = d->listens || d->interval > 0;
    g_mutex_unlock(&d->lock);
    if (fl_remote_events_again(fresh) < 0)
        return -1;
    watch_far_side(fresh);
    if (alive && fl_remote_has_feature(r, FL_FEATURE_KEEPALIVE))
        fl_client_expect_pings(r->client);
    return fl_client_is_open(r->client) ? 0 : fl_error(VIR_ERR_SYSTEM_ERROR, "it broke again at once");
}

/* Lock held. */
static int install(struct fl_redial *d, virConnectPtr fresh)
{
    struct fl_remote *r = d->remote, *from = fl_remote_of(fresh);

    if (!r)
        return 0;
    /* First the numbers of the events: event.c relies on it. */
    g_mutex_lock(&r->lock);
    memcpy(r->features, from->features, sizeof(r->features));
    for (size_t i = 0; i < FL_NEVENTS; i++)
        g_atomic_int_set(&r->event_ids[i], g_atomic_int_get(&from->event_ids[i]));
    g_mutex_unlock(&r->lock);
    if (fl_client_adopt(d->client, from->client) < 0)
        return -1;
    if (d->interval > 0)
        fl_client_set_keepalive(d->client, d->interval, d->count);
    return 0;
}

/* Says that it stands, in one step with letting the calls go on. */
static int mend(struct fl_redial *d, virConnectPtr fresh)
{
    int rc;

    g_mutex_lock(&d->lock);
    rc = install(d, fresh);
    if (rc == 0) {
        d->dialing = false;
        g_cond_broadcast(&d->cond);
    }
    g_mutex_unlock(&d->lock);
    return rc;
}

static int attempt(struct fl_redial *d, int64_t until)
{
    struct fl_dialing_again again = { .hub = d->hub,
                                      .seconds = (int)((until - g_get_monotonic_time()) / G_USEC_PER_SEC) };
    virConnectPtr fresh = fl_connect_new(d->uri, d->flags);
    int rc;

    again.seconds = MAX(again.seconds, LAST_SECONDS);
    rc = fl_remote_dial(fresh, d->route, fl_remembered_auth(d->answers), d->flags, &again);

    if (rc == 0)
        rc = teach(d, fresh) == 0 ? mend(d, fresh) : -1;
    fl_stage_leave();
    if (fresh->priv) {
        FL_ERROR_PRESERVE;

        fl_remote_free(g_steal_pointer(&fresh->priv));
    }
    fl_connect_unref(fresh);
    return rc;
}

/* ---- attempts ---- */

/* Asking again would get the same answer, and may lock an account. */
static bool is_hopeless(int code)
{
    return code == VIR_ERR_AUTH_FAILED || code == VIR_ERR_AUTH_CANCELLED || code == VIR_ERR_NO_SUPPORT ||
           code == VIR_ERR_CONFIG_UNSUPPORTED || code == VIR_ERR_INVALID_ARG;
}

/* A little more or less, so that all clients of a daemon do not come back at one time. */
static int64_t pause_end(int ms, int64_t latest)
{
    return MIN(g_get_monotonic_time() + ms * (int64_t)g_random_int_range(750, 1251), latest);
}

/* false: the application has closed. */
static bool rest(struct fl_redial *d, int64_t until)
{
    bool go_on;

    g_mutex_lock(&d->lock);
    while (d->remote && g_cond_wait_until(&d->cond, &d->lock, until))
        ;
    go_on = d->remote != NULL;
    g_mutex_unlock(&d->lock);
    return go_on;
}

/* The close callback is called now, not before: until here there was hope. */
static void give_up(struct fl_redial *d)
{
    virConnectPtr conn = NULL;

    fl_info("the connection to %s is given up: %s", d->uri, d->problem ? d->problem : "closed");
    g_mutex_lock(&d->lock);
    d->dialing = false;
    d->given_up = true;
    if (d->remote) {
        conn = d->remote->conn;
        d->telling = g_thread_self();
    }
    g_cond_broadcast(&d->cond);
    g_mutex_unlock(&d->lock);
    if (!conn)
        return;
    fl_connect_closed(conn, d->reason);
    g_mutex_lock(&d->lock);
    d->telling = NULL;
    g_cond_broadcast(&d->cond);
    g_mutex_unlock(&d->lock);
}

static void note_problem(struct fl_redial *d)
{
    g_mutex_lock(&d->lock);
    g_free(d->problem);
    d->problem = g_strdup(fl_error_get()->message);
    g_mutex_unlock(&d->lock);
    fl_info("dialing %s again: %s", d->uri, d->problem);
}

static void say_mended(const struct fl_redial *d, int64_t us)
{
    bool events = false;

    for (size_t i = 0; i < FL_NEVENTS && !events; i++)
        events = fl_hub_count(d->hub, fl_events[i].cls, fl_events[i].id) > 0;
    if (events)
        fl_warn("the connection to %s was lost for %.1f s: events of that time have not been seen", d->uri,
                (double)us / G_USEC_PER_SEC);
    else
        fl_info("the connection to %s was lost for %.1f s", d->uri, (double)us / G_USEC_PER_SEC);
}

static void *redial_run(void *opaque)
{
    struct fl_redial *d = opaque;
    int64_t begun = g_get_monotonic_time(),
            until = begun + fl_route_reconnect_seconds(d->route) * G_USEC_PER_SEC;
    int ms = FIRST_PAUSE_MS / 10;

    fl_error_log_quietly(true); /* attempts fail: what matters is how it ends */
    while (rest(d, pause_end(ms, until))) {
        if (attempt(d, until) == 0) {
            say_mended(d, g_get_monotonic_time() - begun);
            break;
        }
        note_problem(d);
        if (is_hopeless(fl_error_get()->code) || g_get_monotonic_time() >= until) {
            give_up(d);
            break;
        }
        ms = MIN(MAX(ms * 2, FIRST_PAUSE_MS), PAUSE_MAX_MS);
    }
    fl_error_log_quietly(false);
    fl_redial_unref(d);
    return NULL;
}

/* ---- from the connection ---- */

/* Lock held. */
static bool start_dialing(struct fl_redial *d)
{
    GThread *thread;

    if (d->dialing)
        return true;
    d->dialing = true;
    thread = g_thread_try_new("fl-redial", redial_run, redial_ref(d), NULL);
    if (thread) {
        g_thread_unref(thread);
        return true;
    }
    d->dialing = false;
    d->given_up = true;
    g_free(d->problem);
    d->problem = g_strdup("no thread could be started to dial again");
    g_atomic_int_dec_and_test(&d->refs);
    return false;
}

bool fl_redial_begin(struct fl_redial *d, int reason)
{
    bool begun = false;

    g_mutex_lock(&d->lock);
    if (d->remote && !d->given_up) {
        d->reason = reason;
        /* It may stand again by the time that somebody comes to tell of its end. */
        begun = fl_client_is_open(d->client) || start_dialing(d);
    }
    g_mutex_unlock(&d->lock);
    return begun;
}

static int raise_late(const struct fl_redial *d)
{
    return fl_error(VIR_ERR_OPERATION_TIMEOUT,
                    "the connection to %s is lost and was not made again within call_timeout (%d s)%s%s",
                    d->uri, d->route->call_timeout, d->problem ? "; last attempt: " : "",
                    d->problem ? d->problem : "");
}

static int raise_given_up(const struct fl_redial *d)
{
    return fl_error(VIR_ERR_INTERNAL_ERROR, "the connection to %s is lost and was given up, open another%s%s",
                    d->uri, d->problem ? "; last attempt: " : "", d->problem ? d->problem : "");
}

int fl_redial_wait(struct fl_redial *d, unsigned int generation, int64_t deadline_us)
{
    int rc = 0;

    if (!deadline_us)
        deadline_us = d->route->call_timeout > 0
                          ? g_get_monotonic_time() + d->route->call_timeout * G_USEC_PER_SEC
                          : FL_NO_DEADLINE;
    g_mutex_lock(&d->lock);
    while (rc == 0 && fl_client_generation(d->client) == generation) {
        if (!d->remote || d->given_up || !start_dialing(d))
            rc = raise_given_up(d);
        else if (deadline_us == FL_NO_DEADLINE)
            g_cond_wait(&d->cond, &d->lock);
        else if (!g_cond_wait_until(&d->cond, &d->lock, deadline_us))
            rc = raise_late(d);
    }
    g_mutex_unlock(&d->lock);
    return rc;
}

bool fl_redial_hopes(struct fl_redial *d)
{
    bool hopes;

    g_mutex_lock(&d->lock);
    hopes = !d->given_up;
    g_mutex_unlock(&d->lock);
    return hopes;
}

void fl_redial_keep_alive(struct fl_redial *d, int interval, unsigned int count)
{
    g_mutex_lock(&d->lock);
    d->interval = interval;
    d->count = count;
    g_mutex_unlock(&d->lock);
}

void fl_redial_far_closed(struct fl_redial *d, int reason)
{
    fl_error(VIR_ERR_SYSTEM_ERROR, "the daemon at %s lost the connection behind it", d->uri);
    fl_client_end(d->client, reason);
}

void fl_redial_stop(struct fl_redial *d)
{
    g_mutex_lock(&d->lock);
    d->remote = NULL;
    g_cond_broadcast(&d->cond);
    while (d->telling && d->telling != g_thread_self())
        g_cond_wait(&d->cond, &d->lock);
    g_mutex_unlock(&d->lock);
}

static int revive(void *opaque, unsigned int generation, int64_t deadline_us)
{
    struct fl_remote *r = opaque;

    return fl_redial_wait(r->redial, generation, deadline_us);
}

/* ---- opening ---- */

static struct fl_redial *redial_new(virConnectPtr conn, const struct fl_route *route,
                                    struct fl_remembered *answers, unsigned int flags)
{
    struct fl_redial *d = g_new0(struct fl_redial, 1);

    d->refs = 1;
    g_mutex_init(&d->lock);
    g_cond_init(&d->cond);
    d->remote = fl_remote_of(conn);
    d->client = fl_client_ref(d->remote->client);
    d->hub = fl_hub_ref(d->remote->hub);
    d->route = fl_route_ref(route);
    d->answers = answers;
    d->uri = g_strdup(conn->uri);
    d->flags = flags;
    d->listens = d->remote->listening;
    return d;
}

int fl_remote_open(virConnectPtr conn, const struct fl_route *route, virConnectAuthPtr auth,
                   unsigned int flags)
{
    struct fl_remembered *answers;
    struct fl_remote *r;

    if (route->reconnect <= 0)
        return fl_remote_dial(conn, route, auth, flags, NULL);
    answers = fl_remembered_new(auth);
    if (fl_remote_dial(conn, route, fl_remembered_auth(answers), flags, NULL) < 0) {
        fl_remembered_free(answers);
        return -1;
    }
    fl_remembered_replay(answers); /* `auth` is the application's again */
    watch_far_side(conn);
    r = fl_remote_of(conn);
    g_atomic_pointer_set(&r->redial, redial_new(conn, route, answers, flags));
    fl_client_set_revive(r->client, revive);
    return 0;
}
