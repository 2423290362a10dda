/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The six public migration calls: their arguments and flags, and by which of the ways both sides know the
 * guest goes. Steered by this program, step by step (migrate_steps.c); peer to peer, where the source's
 * daemon steers; direct, where the hypervisor does it alone.
 */
#define FL_FROM VIR_FROM_DOMAIN
#include <libvirt/libvirt.h>

#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "core/migrate_steps.h"
#include "core/objects.h"
#include "core/ops.h"
#include "core/driver.h"
#include "uri/uri.h"

/* Questions to a driver, numbered as on the wire. */
enum {
    FEATURE_PEER2PEER = 4,
    FEATURE_DIRECT = 5,
    FEATURE_STEPS = 6, /* the five steps */
    FEATURE_CHANGE_PROTECTION = 7,
    FEATURE_OFFLINE = 12,
    FEATURE_PARAMS = 13, /* the five steps, with typed parameters */
};

/* What a call was given, however it was given. */
struct wish {
    virDomainPtr domain;
    virConnectPtr dconn;
    unsigned long flags;
    virTypedParameterPtr params; /* of the calls that take them */
    int nparams;
    bool by_params;
    const char *uri, *dname, *dxml; /* of the others; and from the parameters */
    unsigned long long bandwidth;
    bool extended; /* parameters that the plain calls cannot express */
};

static int bad(const char *call, const char *argument, const char *what)
{
    return fl_error_set_argument(FL_FROM, VIR_ERR_INVALID_ARG, call, argument, "%s", what);
}

/* 1 = yes, 0 = no, -1 = it could not be asked. A driver that cannot be asked has no features. */
static int can(virConnectPtr conn, int feature)
{
    return conn->ops->connect_supports_feature ? conn->ops->connect_supports_feature(conn, feature) : 0;
}

/* 1 if both sides can. */
static int both_can(const struct wish *w, int feature)
{
    int here = can(w->domain->conn, feature), there;

    if (here < 0)
        return -1;
    there = can(w->dconn, feature);
    return there < 0 ? -1 : here && there;
}

/* ---- what every call checks ---- */

static int check_objects(virDomainPtr domain, const char *call)
{
    fl_debug("%s", call);
    fl_error_reset();
    if (fl_domain_check(domain, call) == 0)
        return 0;
    fl_error_dispatch(NULL);
    return -1;
}

static int check_writable(virConnectPtr conn, const char *call)
{
    if (!(conn->flags & VIR_CONNECT_RO))
        return 0;
    return fl_error(VIR_ERR_OPERATION_DENIED, "read only access prevents %s; open the connection for writing",
                    call);
}

static int check_flags(const struct wish *w, const char *call)
{
    const unsigned long full = VIR_MIGRATE_NON_SHARED_DISK, inc = VIR_MIGRATE_NON_SHARED_INC;

    if ((w->flags & full) && (w->flags & inc))
        return bad(call, "flags",
                   "VIR_MIGRATE_NON_SHARED_DISK and VIR_MIGRATE_NON_SHARED_INC exclude each other");
    if ((w->flags & VIR_MIGRATE_NON_SHARED_SYNCHRONOUS_WRITES) && !(w->flags & (full | inc)))
        return bad(call, "flags",
                   "VIR_MIGRATE_NON_SHARED_SYNCHRONOUS_WRITES is of use with VIR_MIGRATE_NON_SHARED_DISK or "
                   "VIR_MIGRATE_NON_SHARED_INC only");
    return 0;
}

/* Reads what this side has to know; names it does not know are the drivers' business. */
static int take_params(struct wish *w, const char *call)
{
    struct {
        const char *name;
        const char **to;
    } texts[] = { { VIR_MIGRATE_PARAM_URI, &w->uri },
                  { VIR_MIGRATE_PARAM_DEST_NAME, &w->dname },
                  { VIR_MIGRATE_PARAM_DEST_XML, &w->dxml } };

    for (int i = 0; i < w->nparams; i++) {
        const struct _virTypedParameter *p = &w->params[i];
        size_t t = 0;
        int type = VIR_TYPED_PARAM_STRING;

        while (t < G_N_ELEMENTS(texts) && strcmp(p->field, texts[t].name) != 0)
            t++;
        if (strcmp(p->field, VIR_MIGRATE_PARAM_BANDWIDTH) == 0)
            type = VIR_TYPED_PARAM_ULLONG;
        else if (t == G_N_ELEMENTS(texts)) {
            w->extended = true;
            continue;
        }
        if (p->type != type)
            return fl_error(VIR_ERR_INVALID_ARG, "%s: parameter '%s' is of type '%s', not '%s'", call,
                            p->field, fl_param_type_name(p->type), fl_param_type_name(type));
        if (type == VIR_TYPED_PARAM_ULLONG)
            w->bandwidth = p->value.ul;
        else
            *texts[t].to = p->value.s;
    }
    return 0;
}

static int check_params(struct wish *w, unsigned int nparams, const char *call)
{
    w->by_params = true;
    w->nparams = (int)nparams;
    if (nparams && !w->params)
        return bad(call, "params", "must not be NULL");
    if (nparams > INT_MAX)
        return bad(call, "nparams", "is more than there can be");
    return take_params(w, call);
}

/* A list of its own of what the caller gave, as parameters. */
static int params_of(const struct wish *w, struct fl_params *ret)
{
    if (!w->by_params) {
        if ((w->uri && fl_params_add_string(ret, VIR_MIGRATE_PARAM_URI, w->uri) < 0) ||
            (w->dname && fl_params_add_string(ret, VIR_MIGRATE_PARAM_DEST_NAME, w->dname) < 0) ||
            (w->dxml && fl_params_add_string(ret, VIR_MIGRATE_PARAM_DEST_XML, w->dxml) < 0))
            return -1;
        return fl_params_add_ullong(ret, VIR_MIGRATE_PARAM_BANDWIDTH, w->bandwidth);
    }
    for (int i = 0; i < w->nparams; i++) {
        const struct _virTypedParameter *from = &w->params[i];
        virTypedParameterPtr to;

        if (from->type == VIR_TYPED_PARAM_STRING) {
            if (fl_params_add_string(ret, from->field, from->value.s) < 0)
                return -1;
        } else if ((to = fl_params_add(ret, from->field, from->type))) {
            to->value = from->value;
        } else {
            return -1;
        }
    }
    return 0;
}

static int only_params(void)
{
    return fl_error(
        VIR_ERR_ARGUMENT_UNSUPPORTED,
        "parameters other than '%s', '%s', '%s' and '%s' need daemons on both hosts that take typed "
        "parameters for migration; at least one is too old",
        VIR_MIGRATE_PARAM_URI, VIR_MIGRATE_PARAM_DEST_NAME, VIR_MIGRATE_PARAM_DEST_XML,
        VIR_MIGRATE_PARAM_BANDWIDTH);
}

/* ---- the source's daemon or hypervisor does it all ---- */

/* The source's daemon reads this URI: what means "here" for it is no destination. */
static int check_peer_uri(const char *uri, const char *call)
{
    fl_autouri struct fl_uri *parsed = NULL;

    if (!uri)
        return bad(call, "dconnuri", "must not be NULL: the source's daemon has to know where to connect");
    if (fl_uri_parse(uri, &parsed) < 0)
        return -1;
    if (parsed->host && g_ascii_strcasecmp(parsed->host, "localhost") != 0)
        return 0;
    return fl_error(VIR_ERR_INVALID_ARG,
                    "%s: '%s' leads the source's daemon to its own host; name the destination's host in it",
                    call, uri);
}

static int perform_params(const struct wish *w, const char *dconnuri)
{
    const struct fl_driver_ops *ops = w->domain->conn->ops;
    struct fl_params params = { 0 };
    unsigned char *cookie = NULL;
    int len = 0, result = -1;

    if (!ops->domain_migrate_perform3_params)
        fl_error(VIR_ERR_NO_SUPPORT, "the '%s' driver does not migrate", w->domain->conn->driver->name);
    else if (params_of(w, &params) == 0)
        result = ops->domain_migrate_perform3_params(w->domain, dconnuri, params.list, params.n, NULL, 0,
                                                     &cookie, &len, (unsigned int)w->flags);
    fl_params_fini(&params);
    g_free(cookie);
    return result;
}

/* By the plain calls: those of the five steps, or what was before them. */
static int perform_plain(const struct wish *w, const char *dconnuri, const char *uri, const char *call)
{
    const struct fl_driver_ops *ops = w->domain->conn->ops;
    unsigned char *cookie = NULL;
    int len = 0, result, steps;

    steps = can(w->domain->conn, FEATURE_STEPS);
    if (steps < 0)
        return -1;
    if (w->extended)
        return only_params();
    if (steps && ops->domain_migrate_perform3) {
        result = ops->domain_migrate_perform3(w->domain, w->dxml, NULL, 0, &cookie, &len, dconnuri, uri,
                                              w->flags, w->dname, (unsigned long)w->bandwidth);
        g_free(cookie);
        return result;
    }
    if (w->dxml || (dconnuri && uri))
        return fl_error(VIR_ERR_ARGUMENT_UNSUPPORTED,
                        "%s: the source's daemon is too old to be given a description or a migration URI",
                        call);
    if (!ops->domain_migrate_perform)
        return fl_error(VIR_ERR_NO_SUPPORT, "the '%s' driver does not migrate",
                        w->domain->conn->driver->name);
    return ops->domain_migrate_perform(w->domain, NULL, 0, dconnuri ? dconnuri : uri, w->flags, w->dname,
                                       (unsigned long)w->bandwidth);
}

static int refuse(const char *what)
{
    return fl_error(VIR_ERR_ARGUMENT_UNSUPPORTED, "the source host does not migrate %s", what);
}

static int peer2peer(const struct wish *w, const char *dconnuri, const char *call)
{
    virConnectPtr conn = w->domain->conn;
    int yes = can(conn, FEATURE_PEER2PEER);

    if (yes <= 0)
        return yes < 0 ? -1 : refuse("peer to peer");
    if (check_peer_uri(dconnuri, call) < 0)
        return -1;
    yes = can(conn, FEATURE_PARAMS);
    if (yes < 0)
        return -1;
    return yes ? perform_params(w, dconnuri) : perform_plain(w, dconnuri, w->uri, call);
}

static int direct(const struct wish *w, const char *uri, const char *call)
{
    int yes = can(w->domain->conn, FEATURE_DIRECT);

    if (yes <= 0)
        return yes < 0 ? -1
                       : refuse("without a daemon at the destination (VIR_MIGRATE_PEER2PEER is not set)");
    if (!uri)
        return bad(call, "uri", "must not be NULL: the hypervisor has to know where to send the guest");
    return perform_plain(w, NULL, uri, call);
}

/* `dconnuri` is where the source's daemon connects, `uri` where the hypervisor does without one. */
static int to_uri(const struct wish *w, const char *dconnuri, const char *uri, const char *call)
{
    int result = -1;

    if (check_writable(w->domain->conn, call) == 0 && check_flags(w, call) == 0)
        result = w->flags & VIR_MIGRATE_PEER2PEER ? peer2peer(w, dconnuri, call) : direct(w, uri, call);
    if (result < 0)
        fl_error_dispatch(w->domain->conn);
    return result;
}

/* ---- this program steers ---- */

static int check_steered(const struct wish *w, const char *call)
{
    int yes = 1;

    if (w->flags & VIR_MIGRATE_TUNNELLED)
        return fl_error(VIR_ERR_OPERATION_INVALID,
                        "%s: VIR_MIGRATE_TUNNELLED needs VIR_MIGRATE_PEER2PEER: it is the daemons that carry "
                        "the guest",
                        call);
    if (w->flags & VIR_MIGRATE_CHANGE_PROTECTION)
        yes = can(w->domain->conn, FEATURE_CHANGE_PROTECTION);
    if (yes <= 0)
        return yes < 0 ? -1 : refuse("under VIR_MIGRATE_CHANGE_PROTECTION");
    if (w->flags & VIR_MIGRATE_OFFLINE)
        yes = both_can(w, FEATURE_OFFLINE);
    if (yes == 0)
        fl_error(VIR_ERR_ARGUMENT_UNSUPPORTED,
                 "%s: VIR_MIGRATE_OFFLINE is not known at the source, or not at the destination", call);
    return yes > 0 ? 0 : -1;
}

/* 1 = by parameters, 0 = by the plain calls. */
static int choose(const struct wish *w, const char *call)
{
    int yes = w->by_params ? both_can(w, FEATURE_PARAMS) : 0;

    if (yes)
        return yes;
    if (w->extended)
        return only_params();
    yes = both_can(w, FEATURE_STEPS);
    if (yes == 0)
        return fl_error(
            VIR_ERR_NO_SUPPORT,
            "%s: the '%s' driver at the source and the '%s' driver at the destination know no common "
            "way to migrate domains (protocol version 3)",
            call, w->domain->conn->driver->name, w->dconn->driver->name);
    return yes < 0 ? -1 : 0;
}

static virDomainPtr steered(const struct wish *w, const char *call)
{
    struct fl_migration m = { .domain = w->domain, .dconn = w->dconn, .flags = w->flags };
    virDomainPtr there = NULL;
    int yes;

    if (check_steered(w, call) < 0 || (yes = choose(w, call)) < 0)
        return NULL;
    m.by_params = yes > 0;
    if ((yes = can(w->domain->conn, FEATURE_CHANGE_PROTECTION)) < 0)
        return NULL;
    if (yes)
        m.flags |= VIR_MIGRATE_CHANGE_PROTECTION;
    m.uri = g_strdup(w->uri);
    m.dname = w->dname;
    m.dxml = w->dxml;
    m.bandwidth = (unsigned long)w->bandwidth;
    if (!m.by_params || params_of(w, &m.params) == 0)
        there = fl_migration_run(&m);
    fl_migration_fini(&m);
    return there;
}

/* The daemons did it: the domain is looked for at the destination. */
static virDomainPtr by_peers(const struct wish *w, const char *dconnuri, const char *call)
{
    const struct fl_driver_ops *ops = w->dconn->ops;

    if (peer2peer(w, dconnuri, call) < 0)
        return NULL;
    if (ops->domain_lookup_by_name)
        return ops->domain_lookup_by_name(w->dconn, w->dname ? w->dname : w->domain->name);
    return fl_error_null(VIR_ERR_NO_SUPPORT, "the '%s' driver finds no domain by its name",
                         w->dconn->driver->name);
}

static virDomainPtr to_conn(const struct wish *w, const char *dconnuri, const char *call)
{
    virDomainPtr there = NULL;

    if (check_writable(w->domain->conn, call) == 0 && check_writable(w->dconn, call) == 0 &&
        check_flags(w, call) == 0)
        there = w->flags & VIR_MIGRATE_PEER2PEER ? by_peers(w, dconnuri, call) : steered(w, call);
    if (!there)
        fl_error_dispatch(w->domain->conn);
    return there;
}

static int check_both(virDomainPtr domain, virConnectPtr dconn, const char *call)
{
    if (check_objects(domain, call) < 0)
        return -1;
    if (fl_connect_check(dconn, call) == 0)
        return 0;
    fl_error_dispatch(domain->conn);
    return -1;
}

/* ---- the calls ---- */

virDomainPtr virDomainMigrate(virDomainPtr domain, virConnectPtr dconn, unsigned long flags,
                              const char *dname, const char *uri, unsigned long bandwidth)
{
    struct wish w = {
        .domain = domain, .dconn = dconn, .flags = flags, .dname = dname, .bandwidth = bandwidth
    };

    if (check_both(domain, dconn, __func__) < 0)
        return NULL;
    if (flags & VIR_MIGRATE_PEER2PEER) /* Compat: here `uri` is the daemons' */
        return to_conn(&w, uri ? uri : dconn->uri, __func__);
    w.uri = uri;
    return to_conn(&w, NULL, __func__);
}

virDomainPtr virDomainMigrate2(virDomainPtr domain, virConnectPtr dconn, const char *dxml,
                               unsigned long flags, const char *dname, const char *uri,
                               unsigned long bandwidth)
{
    struct wish w = { .domain = domain,
                      .dconn = dconn,
                      .flags = flags,
                      .dname = dname,
                      .dxml = dxml,
                      .uri = uri,
                      .bandwidth = bandwidth };

    if (check_both(domain, dconn, __func__) < 0)
        return NULL;
    return to_conn(&w, dconn->uri, __func__);
}

virDomainPtr virDomainMigrate3(virDomainPtr domain, virConnectPtr dconn, virTypedParameterPtr params,
                               unsigned int nparams, unsigned int flags)
{
    struct wish w = { .domain = domain, .dconn = dconn, .flags = flags, .params = params };

    if (check_both(domain, dconn, __func__) < 0)
        return NULL;
    if (flags & VIR_MIGRATE_PEER2PEER)
        bad(__func__, "flags", "holds VIR_MIGRATE_PEER2PEER, which is virDomainMigrateToURI3()'s");
    else if (check_params(&w, nparams, __func__) == 0)
        return to_conn(&w, NULL, __func__);
    fl_error_dispatch(domain->conn);
    return NULL;
}

int virDomainMigrateToURI(virDomainPtr domain, const char *duri, unsigned long flags, const char *dname,
                          unsigned long bandwidth)
{
    struct wish w = { .domain = domain, .flags = flags, .dname = dname, .bandwidth = bandwidth };

    if (check_objects(domain, __func__) < 0)
        return -1;
    if (!duri) {
        bad(__func__, "duri", "must not be NULL");
        fl_error_dispatch(domain->conn);
        return -1;
    }
    return to_uri(&w, duri, duri, __func__);
}

int virDomainMigrateToURI2(virDomainPtr domain, const char *dconnuri, const char *miguri, const char *dxml,
                           unsigned long flags, const char *dname, unsigned long bandwidth)
{
    struct wish w = {
        .domain = domain, .flags = flags, .dname = dname, .dxml = dxml, .uri = miguri, .bandwidth = bandwidth
    };

    if (check_objects(domain, __func__) < 0)
        return -1;
    return to_uri(&w, dconnuri, miguri, __func__);
}

int virDomainMigrateToURI3(virDomainPtr domain, const char *dconnuri, virTypedParameterPtr params,
                           unsigned int nparams, unsigned int flags)
{
    struct wish w = { .domain = domain, .flags = flags, .params = params };

    if (check_objects(domain, __func__) < 0)
        return -1;
    if (check_params(&w, nparams, __func__) == 0)
        return to_uri(&w, dconnuri, w.uri, __func__);
    fl_error_dispatch(domain->conn);
    return -1;
}
