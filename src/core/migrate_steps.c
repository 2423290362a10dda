/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The five steps of a migration that the calling program steers, and what undoes them: see migrate_steps.h.
 */
#define FL_FROM VIR_FROM_DOMAIN
#include "core/migrate_steps.h"

#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "core/objects.h"
#include "core/ops.h"
#include "core/driver.h"

/* What only the source is concerned with. */
#define SOURCE_ONLY (VIR_MIGRATE_CHANGE_PROTECTION | VIR_MIGRATE_ABORT_ON_ERROR | VIR_MIGRATE_AUTO_CONVERGE)

/* A step whose slot is empty says so. */
#define NEEDS(conn, slot)                                                                                    \
    ((conn)->ops->slot                                                                                       \
         ? 0                                                                                                 \
         : fl_error(VIR_ERR_NO_SUPPORT, "the '%s' driver has no %s", (conn)->driver->name, #slot))

/* The answer's cookie takes the place of the one that went out. */
static void cookie_set(struct fl_migration *m, unsigned char *cookie, int len)
{
    g_free(m->cookie);
    m->cookie = cookie;
    m->cookie_len = cookie ? len : 0;
}

void fl_migration_fini(struct fl_migration *m)
{
    fl_params_fini(&m->params);
    cookie_set(m, NULL, 0);
    g_clear_pointer(&m->uri, g_free);
    g_clear_pointer(&m->xml, g_free);
}

static unsigned long far_flags(const struct fl_migration *m)
{
    return m->flags & ~(unsigned long)SOURCE_ONLY;
}

/* The parameter of that name, where it stands or as a new one. */
static int put(struct fl_migration *m, const char *name, const char *value)
{
    for (int i = 0; i < m->params.n; i++) {
        virTypedParameterPtr p = &m->params.list[i];
        if (strcmp(p->field, name) == 0 && p->type == VIR_TYPED_PARAM_STRING) {
            free(p->value.s);
            p->value.s = g_strdup(value);
            return 0;
        }
    }
    return fl_params_add_string(&m->params, name, value);
}

static bool has(const struct fl_migration *m, const char *name)
{
    for (int i = 0; i < m->params.n; i++)
        if (strcmp(m->params.list[i].field, name) == 0)
            return true;
    return false;
}

static int begin(struct fl_migration *m)
{
    virConnectPtr conn = m->domain->conn;
    unsigned char *cookie = NULL;
    int len = 0;

    if (m->by_params) {
        if (NEEDS(conn, domain_migrate_begin3_params) < 0)
            return -1;
        m->xml = conn->ops->domain_migrate_begin3_params(m->domain, m->params.list, m->params.n, &cookie,
                                                         &len, (unsigned int)m->flags);
    } else {
        if (NEEDS(conn, domain_migrate_begin3) < 0)
            return -1;
        m->xml = conn->ops->domain_migrate_begin3(m->domain, m->dxml, &cookie, &len, m->flags, m->dname,
                                                  m->bandwidth);
    }
    cookie_set(m, cookie, len);
    return m->xml ? 0 : -1;
}

/* A guest that stands still is not set going by its journey. */
static int keep_paused(struct fl_migration *m)
{
    virConnectPtr conn = m->domain->conn;
    int state = 0, reason = 0;

    if (NEEDS(conn, domain_get_state) < 0 || conn->ops->domain_get_state(m->domain, &state, &reason, 0) < 0)
        return -1;
    if (state == VIR_DOMAIN_PAUSED)
        m->flags |= VIR_MIGRATE_PAUSED;
    return 0;
}

/* Where the destination waits, into m->uri and the parameters. */
static int take_uri(struct fl_migration *m, char *uri_out)
{
    if (uri_out) {
        g_free(m->uri);
        m->uri = uri_out;
    }
    if (!m->uri && !(m->flags & VIR_MIGRATE_OFFLINE))
        return fl_error(VIR_ERR_INTERNAL_ERROR,
                        "the destination prepared for domain '%s' but did not say at which address it waits",
                        m->domain->name);
    return m->by_params && uri_out ? put(m, VIR_MIGRATE_PARAM_URI, uri_out) : 0;
}

static int prepare(struct fl_migration *m, char **ret_uri)
{
    const struct fl_driver_ops *ops = m->dconn->ops;
    unsigned char *cookie = NULL;
    int len = 0, result;

    if (m->by_params) {
        if (put(m, VIR_MIGRATE_PARAM_DEST_XML, m->xml) < 0 ||
            NEEDS(m->dconn, domain_migrate_prepare3_params) < 0)
            return -1;
        result = ops->domain_migrate_prepare3_params(m->dconn, m->params.list, m->params.n, m->cookie,
                                                     m->cookie_len, &cookie, &len, ret_uri,
                                                     (unsigned int)far_flags(m));
    } else {
        if (NEEDS(m->dconn, domain_migrate_prepare3) < 0)
            return -1;
        result = ops->domain_migrate_prepare3(m->dconn, m->cookie, m->cookie_len, &cookie, &len, m->uri,
                                              ret_uri, far_flags(m), m->dname, m->bandwidth, m->xml);
    }
    cookie_set(m, cookie, len);
    return result;
}

static int perform(struct fl_migration *m)
{
    virConnectPtr conn = m->domain->conn;
    unsigned char *cookie = NULL;
    int len = 0, result = -1;

    if (m->by_params) {
        if (NEEDS(conn, domain_migrate_perform3_params) == 0)
            result = conn->ops->domain_migrate_perform3_params(m->domain, NULL, m->params.list, m->params.n,
                                                               m->cookie, m->cookie_len, &cookie, &len,
                                                               (unsigned int)m->flags);
    } else if (NEEDS(conn, domain_migrate_perform3) == 0) {
        result = conn->ops->domain_migrate_perform3(m->domain, NULL, m->cookie, m->cookie_len, &cookie, &len,
                                                    NULL, m->uri, m->flags, m->dname, m->bandwidth);
    }
    cookie_set(m, cookie, len);
    return result;
}

static virDomainPtr finish(struct fl_migration *m, bool cancelled)
{
    const struct fl_driver_ops *ops = m->dconn->ops;
    virDomainPtr there = NULL;
    unsigned char *cookie = NULL;
    int len = 0;

    if (m->by_params) {
        if ((has(m, VIR_MIGRATE_PARAM_DEST_NAME) ||
             fl_params_add_string(&m->params, VIR_MIGRATE_PARAM_DEST_NAME, m->domain->name) == 0) &&
            NEEDS(m->dconn, domain_migrate_finish3_params) == 0)
            there = ops->domain_migrate_finish3_params(m->dconn, m->params.list, m->params.n, m->cookie,
                                                       m->cookie_len, &cookie, &len,
                                                       (unsigned int)far_flags(m), cancelled);
    } else if (NEEDS(m->dconn, domain_migrate_finish3) == 0) {
        there =
            ops->domain_migrate_finish3(m->dconn, m->dname ? m->dname : m->domain->name, m->cookie,
                                        m->cookie_len, &cookie, &len, NULL, m->uri, far_flags(m), cancelled);
    }
    cookie_set(m, cookie, len);
    return there;
}

/* What the source answers changes nothing for the caller: the guest is where it is. It keeps the present
 * error. */
static void confirm(struct fl_migration *m, bool cancelled)
{
    FL_ERROR_PRESERVE;
    virConnectPtr conn = m->domain->conn;
    int result = -1;

    if (m->by_params) {
        if (NEEDS(conn, domain_migrate_confirm3_params) == 0)
            result =
                conn->ops->domain_migrate_confirm3_params(m->domain, m->params.list, m->params.n, m->cookie,
                                                          m->cookie_len, (unsigned int)m->flags, cancelled);
    } else if (NEEDS(conn, domain_migrate_confirm3) == 0) {
        result = conn->ops->domain_migrate_confirm3(m->domain, m->cookie, m->cookie_len, m->flags, cancelled);
    }
    if (result < 0)
        fl_warn("migration of domain '%s' %s, but the source did not take note: %s", m->domain->name,
                cancelled ? "failed" : "succeeded", fl_error_get()->message);
}

/* After a failed perform the source has put itself right: the destination alone is told. */
static void give_up(struct fl_migration *m)
{
    FL_ERROR_PRESERVE;
    virDomainPtr there = finish(m, true);
    fl_domain_unref(there);
}

virDomainPtr fl_migration_run(struct fl_migration *m)
{
    virDomainPtr there;
    char *uri_out = NULL;

    if (begin(m) < 0)
        return NULL;
    if (keep_paused(m) < 0 || prepare(m, &uri_out) < 0) {
        cookie_set(m, NULL, 0);
        confirm(m, true);
        return NULL;
    }
    if (take_uri(m, uri_out) < 0) { /* prepared already: both are told */
        cookie_set(m, NULL, 0);
        give_up(m);
        confirm(m, true);
        return NULL;
    }
    if (perform(m) < 0) {
        give_up(m);
        return NULL;
    }
    there = finish(m, false);
    confirm(m, !there);
    return there;
}
