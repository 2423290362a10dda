/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The six migration calls. They steer several procedures on two hosts; that is not built. Each checks what it
 * is given as the built call would and then says so, so that callers take their "not supported" path.
 */
#define FL_FROM VIR_FROM_DOMAIN
#include <libvirt/libvirt.h>

#include "base/error.h"
#include "core/objects.h"

static int not_built(virDomainPtr domain, const char *call)
{
    fl_error_reset();
    if (fl_domain_check(domain, call) < 0) {
        fl_error_dispatch(NULL);
        return -1;
    }
    if (domain->conn->flags & VIR_CONNECT_RO)
        fl_error(VIR_ERR_OPERATION_DENIED, "read only access prevents %s; open the connection for writing",
                 call);
    else
        fl_error(VIR_ERR_NO_SUPPORT,
                 "%s: this library does not migrate domains; shut the domain down and define it on "
                 "the other host, or migrate with another libvirt client",
                 call);
    fl_error_dispatch(domain->conn);
    return -1;
}

static virDomainPtr not_built_to(virDomainPtr domain, virConnectPtr dconn, const char *call)
{
    fl_error_reset();
    if (fl_domain_check(domain, call) == 0 && fl_connect_check(dconn, call) < 0)
        fl_error_dispatch(domain->conn);
    else
        not_built(domain, call);
    return NULL;
}

virDomainPtr virDomainMigrate(virDomainPtr domain, virConnectPtr dconn, unsigned long flags,
                              const char *dname, const char *uri, unsigned long bandwidth)
{
    return not_built_to(domain, dconn, __func__);
}

virDomainPtr virDomainMigrate2(virDomainPtr domain, virConnectPtr dconn, const char *dxml,
                               unsigned long flags, const char *dname, const char *uri,
                               unsigned long bandwidth)
{
    return not_built_to(domain, dconn, __func__);
}

virDomainPtr virDomainMigrate3(virDomainPtr domain, virConnectPtr dconn, virTypedParameterPtr params,
                               unsigned int nparams, unsigned int flags)
{
    return not_built_to(domain, dconn, __func__);
}

int virDomainMigrateToURI(virDomainPtr domain, const char *duri, unsigned long flags, const char *dname,
                          unsigned long bandwidth)
{
    return not_built(domain, __func__);
}

int virDomainMigrateToURI2(virDomainPtr domain, const char *dconnuri, const char *miguri, const char *dxml,
                           unsigned long flags, const char *dname, unsigned long bandwidth)
{
    return not_built(domain, __func__);
}

int virDomainMigrateToURI3(virDomainPtr domain, const char *dconnuri, virTypedParameterPtr params,
                           unsigned int nparams, unsigned int flags)
{
    return not_built(domain, __func__);
}
