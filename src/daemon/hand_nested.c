/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Calls whose result is an array of records that hold arrays: statistics, interfaces, file systems, threads,
 * leases. */
#define FL_FROM VIR_FROM_RPC
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "core/objects.h"
#include "core/params.h"
#include "daemon/call.h"
#include "daemon/dispatch.h"
#include "daemon/reply.h"

/* A copy of the driver's string that lives until the answer is sent. */
static int keep(struct fl_call *call, const char *text, char **ret_text)
{
    *ret_text = (char *)text;
    return fl_keep_string(call, ret_text);
}

/* ---- statistics of many domains ---- */

static void release_records(void *held)
{
    virDomainStatsRecordListFree(held);
}

static int get_stats(struct fl_call *call, const struct fl_w_connect_get_all_domain_stats_args *a,
                     virDomainStatsRecordPtr **ret_records)
{
    g_autofree virDomainPtr *doms = NULL;
    int n;

    if (a->n_doms == 0)
        return virConnectGetAllDomainStats(call->conn, a->stats, ret_records, a->flags);
    doms = g_new0(virDomainPtr, a->n_doms + 1);
    for (uint32_t i = 0; i < a->n_doms; i++)
        doms[i] = fl_domain_from_wire(call->conn, &a->doms[i]);
    n = virDomainListGetStats(doms, a->stats, ret_records, a->flags);
    for (uint32_t i = 0; i < a->n_doms; i++)
        fl_domain_unref(doms[i]);
    return n;
}

int fl_serve_connect_get_all_domain_stats(struct fl_call *call, void *args, void *ret)
{
    struct fl_w_connect_get_all_domain_stats_ret *r = ret;
    virDomainStatsRecordPtr *records = NULL;
    int n = get_stats(call, args, &records);
    int result = n < 0 ? -1 : 0;

    if (n > 0)
        r->retStats = fl_keep_room(call, (size_t)n, sizeof(*r->retStats));
    if (n > 0 && !r->retStats)
        result = -1;
    /* The answer is encoded from the records: nothing of them is copied before. */
    call->held = records;
    call->release = release_records;
    for (int i = 0; i < n && result == 0; i++) {
        fl_domain_to_wire(records[i]->dom, &r->retStats[i].dom);
        result = fl_params_to_wire(records[i]->params, records[i]->nparams, call->arena,
                                   &r->retStats[i].n_params, &r->retStats[i].params);
    }
    r->n_retStats = n > 0 ? (uint32_t)n : 0;
    return result;
}

/* ---- lists of records ---- */

/* Writes one of the driver's records into its place in the answer. */
typedef int (*record_fn)(struct fl_call *call, const void *record, void *place);

/* Takes the driver's list of n records, or its failure: the room they were written to, NULL where there are
 * none. */
static void *take_records(struct fl_call *call, void *list, int n, size_t size, record_fn write,
                          GDestroyNotify release, int *ret_result)
{
    void **records = list;
    char *room = records && n > 0 ? fl_keep_room(call, (size_t)n, size) : NULL;
    int result = n < 0 || (records && n > 0 && !room) ? -1 : 0;

    for (int i = 0; records && i < n; i++) {
        if (result == 0)
            result = write(call, records[i], room + (size_t)i * size);
        release(records[i]);
    }
    free(records);
    *ret_result = result;
    return room;
}

/* ---- interfaces and their addresses ---- */

static int interface_record(struct fl_call *call, const void *record, void *place)
{
    const virDomainInterface *iface = record;
    struct fl_w_domain_interface *w = place;

    if (keep(call, iface->name, &w->name) < 0 || keep(call, iface->hwaddr, &w->hwaddr) < 0)
        return -1;
    w->n_addrs = iface->naddrs;
    w->addrs = iface->naddrs ? fl_keep_room(call, iface->naddrs, sizeof(*w->addrs)) : NULL;
    if (iface->naddrs && !w->addrs)
        return -1;
    for (unsigned int i = 0; i < iface->naddrs; i++) {
        w->addrs[i].type = iface->addrs[i].type;
        w->addrs[i].prefix = iface->addrs[i].prefix;
        if (keep(call, iface->addrs[i].addr, &w->addrs[i].addr) < 0)
            return -1;
    }
    return 0;
}

int fl_serve_domain_interface_addresses(struct fl_call *call, void *args, void *ret)
{
    const struct fl_w_domain_interface_addresses_args *a = args;
    struct fl_w_domain_interface_addresses_ret *r = ret;
    fl_auto_domain dom = fl_domain_from_wire(call->conn, &a->dom);
    virDomainInterfacePtr *ifaces = NULL;
    int n = virDomainInterfaceAddresses(dom, &ifaces, a->source, a->flags);
    int result;

    r->ifaces = take_records(call, ifaces, n, sizeof(*r->ifaces), interface_record,
                             (GDestroyNotify)virDomainInterfaceFree, &result);
    r->n_ifaces = n > 0 ? (uint32_t)n : 0;
    return result;
}

/* ---- file systems of the guest ---- */

static int fs_record(struct fl_call *call, const void *record, void *place)
{
    const virDomainFSInfo *info = record;
    struct fl_w_domain_fsinfo *w = place;

    if (keep(call, info->mountpoint, &w->mountpoint) < 0 || keep(call, info->name, &w->name) < 0 ||
        keep(call, info->fstype, &w->fstype) < 0)
        return -1;
    w->n_dev_aliases = (uint32_t)info->ndevAlias;
    w->dev_aliases = info->ndevAlias ? fl_keep_room(call, info->ndevAlias, sizeof(char *)) : NULL;
    if (info->ndevAlias && !w->dev_aliases)
        return -1;
    for (size_t i = 0; i < info->ndevAlias; i++) {
        if (keep(call, info->devAlias[i], &w->dev_aliases[i]) < 0)
            return -1;
    }
    return 0;
}

int fl_serve_domain_get_fsinfo(struct fl_call *call, void *args, void *ret)
{
    const struct fl_w_domain_get_fsinfo_args *a = args;
    struct fl_w_domain_get_fsinfo_ret *r = ret;
    fl_auto_domain dom = fl_domain_from_wire(call->conn, &a->dom);
    virDomainFSInfoPtr *info = NULL;
    int n = virDomainGetFSInfo(dom, &info, a->flags);
    int result;

    r->info = take_records(call, info, n, sizeof(*r->info), fs_record, (GDestroyNotify)virDomainFSInfoFree,
                           &result);
    r->n_info = r->ret = n > 0 ? (uint32_t)n : 0;
    return result;
}

/* ---- I/O threads ---- */

static int iothread_record(struct fl_call *call, const void *record, void *place)
{
    const virDomainIOThreadInfo *info = record;
    struct fl_w_domain_iothread_info *w = place;

    w->iothread_id = info->iothread_id;
    w->n_cpumap = (uint32_t)MAX(info->cpumaplen, 0);
    w->cpumap = w->n_cpumap ? fl_keep_room(call, w->n_cpumap, 1) : NULL;
    if (w->n_cpumap && !w->cpumap)
        return -1;
    if (w->n_cpumap)
        memcpy(w->cpumap, info->cpumap, w->n_cpumap);
    return 0;
}

int fl_serve_domain_get_iothread_info(struct fl_call *call, void *args, void *ret)
{
    const struct fl_w_domain_get_iothread_info_args *a = args;
    struct fl_w_domain_get_iothread_info_ret *r = ret;
    fl_auto_domain dom = fl_domain_from_wire(call->conn, &a->dom);
    virDomainIOThreadInfoPtr *info = NULL;
    int n = virDomainGetIOThreadInfo(dom, &info, a->flags);
    int result;

    r->info = take_records(call, info, n, sizeof(*r->info), iothread_record,
                           (GDestroyNotify)virDomainIOThreadInfoFree, &result);
    r->n_info = r->ret = n > 0 ? (uint32_t)n : 0;
    return result;
}

/* ---- DHCP leases ---- */

static int lease_record(struct fl_call *call, const void *record, void *place)
{
    const virNetworkDHCPLease *lease = record;
    struct fl_w_network_dhcp_lease *w = place;

    w->expirytime = lease->expirytime;
    w->type = lease->type;
    w->prefix = lease->prefix;
    if (keep(call, lease->iface, &w->iface) < 0 || keep(call, lease->mac, &w->mac) < 0 ||
        keep(call, lease->iaid, &w->iaid) < 0 || keep(call, lease->ipaddr, &w->ipaddr) < 0 ||
        keep(call, lease->hostname, &w->hostname) < 0)
        return -1;
    return keep(call, lease->clientid, &w->clientid);
}

int fl_serve_network_get_dhcp_leases(struct fl_call *call, void *args, void *ret)
{
    const struct fl_w_network_get_dhcp_leases_args *a = args;
    struct fl_w_network_get_dhcp_leases_ret *r = ret;
    fl_auto_network net = fl_network_from_wire(call->conn, &a->net);
    virNetworkDHCPLeasePtr *leases = NULL;
    int n = virNetworkGetDHCPLeases(net, a->mac, a->need_results ? &leases : NULL, a->flags);
    int result;

    r->leases = take_records(call, leases, n, sizeof(*r->leases), lease_record,
                             (GDestroyNotify)virNetworkDHCPLeaseFree, &result);
    r->n_leases = r->leases ? (uint32_t)n : 0;
    r->ret = n > 0 ? (uint32_t)n : 0;
    return result;
}
