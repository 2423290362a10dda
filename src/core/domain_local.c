/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Domain calls that no driver sees: freeing results, old names, statistics of a list of domains. */
#define FL_FROM VIR_FROM_DOMAIN
#include <stdlib.h>
#include <libvirt/libvirt.h>

#include "base/error.h"
#include "core/objects.h"
#include "core/ops.h"
#include "core/driver.h"

#define STATS_DOMAINS_MAX 65536 /* in one call; the wire allows fewer */

virDomainPtr virDomainCreateLinux(virConnectPtr conn, const char *xmlDesc, unsigned int flags)
{
    return virDomainCreateXML(conn, xmlDesc, flags);
}

void virDomainFSInfoFree(virDomainFSInfoPtr info)
{
    if (!info)
        return;
    free(info->mountpoint);
    free(info->name);
    free(info->fstype);
    for (size_t i = 0; i < info->ndevAlias; i++)
        free(info->devAlias[i]);
    free(info->devAlias);
    free(info);
}

void virDomainIOThreadInfoFree(virDomainIOThreadInfoPtr info)
{
    if (!info)
        return;
    free(info->cpumap);
    free(info);
}

void virDomainInterfaceFree(virDomainInterfacePtr iface)
{
    if (!iface)
        return;
    free(iface->name);
    free(iface->hwaddr);
    for (unsigned int i = 0; i < iface->naddrs; i++)
        free(iface->addrs[i].addr);
    free(iface->addrs);
    free(iface);
}

/* Records, or -1 after dispatching. */
static int get_stats(virConnectPtr conn, const char *call, virDomainPtr *doms, unsigned int ndoms,
                     unsigned int stats, virDomainStatsRecordPtr **retStats, unsigned int flags)
{
    int n = -1;
    if (!conn->ops->connect_get_all_domain_stats)
        fl_error(VIR_ERR_NO_SUPPORT, "%s is not supported by the '%s' driver", call, conn->driver->name);
    else
        n = conn->ops->connect_get_all_domain_stats(conn, doms, ndoms, stats, retStats, flags);
    if (n < 0)
        fl_error_dispatch(conn);
    return n;
}

static int refuse(virConnectPtr conn, const char *call, const char *argument, const char *why)
{
    fl_error_set_argument(FL_FROM, VIR_ERR_INVALID_ARG, call, argument, "%s", why);
    fl_error_dispatch(conn);
    return -1;
}

int virConnectGetAllDomainStats(virConnectPtr conn, unsigned int stats, virDomainStatsRecordPtr **retStats,
                                unsigned int flags)
{
    fl_error_reset();
    if (fl_connect_check(conn, __func__) < 0) {
        fl_error_dispatch(NULL);
        return -1;
    }
    if (!retStats)
        return refuse(conn, __func__, "retStats", "must not be NULL");
    return get_stats(conn, __func__, NULL, 0, stats, retStats, flags);
}

int virDomainListGetStats(virDomainPtr *doms, unsigned int stats, virDomainStatsRecordPtr **retStats,
                          unsigned int flags)
{
    unsigned int n = 0;
    fl_error_reset();
    if (!doms)
        return refuse(NULL, __func__, "doms", "must not be NULL");
    if (!*doms)
        return refuse(NULL, __func__, "doms", "must hold at least one domain");
    if (fl_domain_check(doms[0], __func__) < 0) {
        fl_error_dispatch(NULL);
        return -1;
    }
    virConnectPtr conn = doms[0]->conn;
    if (!retStats)
        return refuse(conn, __func__, "retStats", "must not be NULL");
    for (; doms[n]; n++) {
        if (n == STATS_DOMAINS_MAX)
            return refuse(conn, __func__, "doms", "holds more domains than one call takes");
        if (fl_domain_check(doms[n], __func__) < 0) {
            fl_error_dispatch(conn);
            return -1;
        }
        if (doms[n]->conn != conn)
            return refuse(conn, __func__, "doms", "must hold domains of one connection only");
    }
    return get_stats(conn, __func__, doms, n, stats, retStats, flags);
}
