/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Host, network, device and secret calls whose results have shapes of their own. */
#define FL_FROM VIR_FROM_REMOTE
#include <unistd.h>

#include "core/params.h"
#include "driver/remote/check.h"
#include "driver/remote/remote.h"
#include "driver/remote/stubs.h"

/* What is asked here is asked once per call and may fail; what the driver itself goes by is
 * fl_remote_has_feature().
 */
int fl_remote_connect_supports_feature(virConnectPtr conn, int feature)
{
    struct fl_w_connect_supports_feature_args args = { .feature = feature };
    struct fl_w_connect_supports_feature_ret ret = { 0 };

    if (fl_remote_call(conn, FL_P_CONNECT_SUPPORTS_FEATURE, FL_T_CONNECT_SUPPORTS_FEATURE_ARGS, &args,
                       FL_T_CONNECT_SUPPORTS_FEATURE_RET, &ret, NULL) < 0)
        return -1;
    return ret.supported;
}

int fl_remote_node_alloc_pages(virConnectPtr conn, unsigned int npages, unsigned int *pageSizes,
                               unsigned long long *pageCounts, int startCell, unsigned int cellCount,
                               unsigned int flags)
{
    g_autofree uint64_t *counts = g_new(uint64_t, npages);
    struct fl_w_node_alloc_pages_args args = { .n_pageSizes = npages,
                                               .pageSizes = pageSizes,
                                               .n_pageCounts = npages,
                                               .pageCounts = counts,
                                               .startCell = startCell,
                                               .cellCount = cellCount,
                                               .flags = flags };
    struct fl_w_node_alloc_pages_ret ret;

    for (unsigned int i = 0; i < npages; i++)
        counts[i] = pageCounts[i];
    if (fl_remote_call(conn, FL_P_NODE_ALLOC_PAGES, FL_T_NODE_ALLOC_PAGES_ARGS, &args,
                       FL_T_NODE_ALLOC_PAGES_RET, &ret, NULL) < 0)
        return -1;
    return ret.ret;
}

int fl_remote_node_get_free_pages(virConnectPtr conn, unsigned int npages, unsigned int *pages, int startCell,
                                  unsigned int cellCount, unsigned long long *counts, unsigned int flags)
{
    FL_ARENA(arena);
    struct fl_w_node_get_free_pages_args args = {
        .n_pages = npages, .pages = pages, .startCell = startCell, .cellCount = cellCount, .flags = flags
    };
    struct fl_w_node_get_free_pages_ret ret;

    if (fl_remote_call(conn, FL_P_NODE_GET_FREE_PAGES, FL_T_NODE_GET_FREE_PAGES_ARGS, &args,
                       FL_T_NODE_GET_FREE_PAGES_RET, &ret, &arena) < 0 ||
        fl_remote_fits("page counts", ret.n_counts, (uint64_t)npages * cellCount) < 0)
        return -1;
    for (uint32_t i = 0; i < ret.n_counts; i++)
        counts[i] = ret.counts[i];
    return (int)ret.n_counts;
}

int fl_remote_node_get_cpu_map(virConnectPtr conn, unsigned char **cpumap, unsigned int *online,
                               unsigned int flags)
{
    FL_ARENA(arena);
    struct fl_w_node_get_cpu_map_args args = { .need_map = cpumap != NULL,
                                               .need_online = online != NULL,
                                               .flags = flags };
    struct fl_w_node_get_cpu_map_ret ret;

    if (fl_remote_call(conn, FL_P_NODE_GET_CPU_MAP, FL_T_NODE_GET_CPU_MAP_ARGS, &args,
                       FL_T_NODE_GET_CPU_MAP_RET, &ret, &arena) < 0)
        return -1;
    if (cpumap)
        *cpumap = g_memdup2(ret.cpumap, ret.n_cpumap);
    if (online)
        *online = ret.online;
    return ret.ret;
}

static int copy_field(const char *from, char *to, size_t size)
{
    if (g_strlcpy(to, from, size) < size)
        return 0;
    return fl_error(VIR_ERR_RPC, "the far side sent a statistic with the name '%s', the limit is %zu bytes",
                    from, size - 1);
}

int fl_remote_node_get_cpu_stats(virConnectPtr conn, int cpuNum, virNodeCPUStatsPtr params, int *nparams,
                                 unsigned int flags)
{
    FL_ARENA(arena);
    struct fl_w_node_get_cpu_stats_args args = { .cpuNum = cpuNum, .nparams = *nparams, .flags = flags };
    struct fl_w_node_get_cpu_stats_ret ret;

    if (fl_remote_call(conn, FL_P_NODE_GET_CPU_STATS, FL_T_NODE_GET_CPU_STATS_ARGS, &args,
                       FL_T_NODE_GET_CPU_STATS_RET, &ret, &arena) < 0)
        return -1;
    if (!*nparams) {
        *nparams = ret.nparams;
        return 0;
    }
    if (fl_remote_fits("cpu statistics", ret.n_params, (uint64_t)*nparams) < 0)
        return -1;
    for (uint32_t i = 0; i < ret.n_params; i++) {
        if (copy_field(ret.params[i].field, params[i].field, sizeof(params[i].field)) < 0)
            return -1;
        params[i].value = ret.params[i].value;
    }
    *nparams = (int)ret.n_params;
    return 0;
}

int fl_remote_node_get_memory_stats(virConnectPtr conn, int cellNum, virNodeMemoryStatsPtr params,
                                    int *nparams, unsigned int flags)
{
    FL_ARENA(arena);
    struct fl_w_node_get_memory_stats_args args = { .nparams = *nparams, .cellNum = cellNum, .flags = flags };
    struct fl_w_node_get_memory_stats_ret ret;

    if (fl_remote_call(conn, FL_P_NODE_GET_MEMORY_STATS, FL_T_NODE_GET_MEMORY_STATS_ARGS, &args,
                       FL_T_NODE_GET_MEMORY_STATS_RET, &ret, &arena) < 0)
        return -1;
    if (!*nparams) {
        *nparams = ret.nparams;
        return 0;
    }
    if (fl_remote_fits("memory statistics", ret.n_params, (uint64_t)*nparams) < 0)
        return -1;
    for (uint32_t i = 0; i < ret.n_params; i++) {
        if (copy_field(ret.params[i].field, params[i].field, sizeof(params[i].field)) < 0)
            return -1;
        params[i].value = ret.params[i].value;
    }
    *nparams = (int)ret.n_params;
    return 0;
}

int fl_remote_node_get_security_model(virConnectPtr conn, virSecurityModelPtr secmodel)
{
    FL_ARENA(arena);
    struct fl_w_node_get_security_model_ret ret;

    if (fl_remote_call(conn, FL_P_NODE_GET_SECURITY_MODEL, FL_XDR_VOID, NULL,
                       FL_T_NODE_GET_SECURITY_MODEL_RET, &ret, &arena) < 0 ||
        fl_remote_chars("characters of security model", ret.model, ret.n_model, secmodel->model,
                        sizeof(secmodel->model)) < 0)
        return -1;
    return fl_remote_chars("characters of security DOI", ret.doi, ret.n_doi, secmodel->doi,
                           sizeof(secmodel->doi));
}

static virNetworkDHCPLeasePtr lease_from_wire(const struct fl_w_network_dhcp_lease *w)
{
    virNetworkDHCPLeasePtr l = g_new0(virNetworkDHCPLease, 1);

    l->iface = g_strdup(w->iface);
    l->expirytime = w->expirytime;
    l->type = w->type;
    l->mac = g_strdup(w->mac);
    l->iaid = g_strdup(w->iaid);
    l->ipaddr = g_strdup(w->ipaddr);
    l->prefix = w->prefix;
    l->hostname = g_strdup(w->hostname);
    l->clientid = g_strdup(w->clientid);
    return l;
}

int fl_remote_network_get_dhcp_leases(virNetworkPtr network, const char *mac, virNetworkDHCPLeasePtr **leases,
                                      unsigned int flags)
{
    FL_ARENA(arena);
    struct fl_w_network_get_dhcp_leases_args args = { .mac = (char *)mac,
                                                      .need_results = leases != NULL,
                                                      .flags = flags };
    struct fl_w_network_get_dhcp_leases_ret ret;

    fl_network_to_wire(network, &args.net);
    if (fl_remote_call(network->conn, FL_P_NETWORK_GET_DHCP_LEASES, FL_T_NETWORK_GET_DHCP_LEASES_ARGS, &args,
                       FL_T_NETWORK_GET_DHCP_LEASES_RET, &ret, &arena) < 0)
        return -1;
    if (leases) {
        *leases = g_new0(virNetworkDHCPLeasePtr, ret.n_leases + 1);
        for (uint32_t i = 0; i < ret.n_leases; i++)
            (*leases)[i] = lease_from_wire(&ret.leases[i]);
    }
    return (int)ret.ret;
}

char *fl_remote_node_device_get_parent(virNodeDevicePtr dev)
{
    FL_ARENA(arena);
    struct fl_w_node_device_get_parent_args args = { .name = dev->name };
    struct fl_w_node_device_get_parent_ret ret;

    if (fl_remote_call(dev->conn, FL_P_NODE_DEVICE_GET_PARENT, FL_T_NODE_DEVICE_GET_PARENT_ARGS, &args,
                       FL_T_NODE_DEVICE_GET_PARENT_RET, &ret, &arena) < 0)
        return NULL;
    return g_strdup(ret.parentName);
}

unsigned char *fl_remote_secret_get_value(virSecretPtr secret, size_t *value_size, unsigned int flags)
{
    FL_ARENA(arena);
    struct fl_w_secret_get_value_args args = { .flags = flags };
    struct fl_w_secret_get_value_ret ret;
    unsigned char *value;

    fl_secret_to_wire(secret, &args.secret);
    if (fl_remote_call(secret->conn, FL_P_SECRET_GET_VALUE, FL_T_SECRET_GET_VALUE_ARGS, &args,
                       FL_T_SECRET_GET_VALUE_RET, &ret, &arena) < 0)
        return NULL;
    value = g_malloc(ret.n_value + 1u); /* never NULL, even for an empty secret */
    if (ret.n_value) {
        memcpy(value, ret.value, ret.n_value);
        explicit_bzero(ret.value, ret.n_value);
    }
    *value_size = ret.n_value;
    return value;
}

int fl_remote_take_fd(struct fl_client_fds *fds)
{
    unsigned int came = fds->nout;

    if (came == 1)
        return fds->out[0];
    while (fds->nout)
        close(fds->out[--fds->nout]);
    return fl_error(VIR_ERR_RPC, "the far side sent %u descriptors where one was due", came);
}

int fl_remote_domain_lxc_open_namespace(virDomainPtr domain, int **fdlist, unsigned int flags)
{
    struct fl_w_domain_lxc_open_namespace_args args = { .flags = flags };
    struct fl_client_fds fds = { 0 };

    fl_domain_to_wire(domain, &args.dom);
    if (fl_client_call_fds(fl_remote_client(domain->conn), FL_PROGRAM_LXC, FL_P_LXC_DOMAIN_LXC_OPEN_NAMESPACE,
                           FL_T_DOMAIN_LXC_OPEN_NAMESPACE_ARGS, &args, FL_XDR_VOID, NULL, NULL, &fds) < 0)
        return -1;
    *fdlist = g_memdup2(fds.out, fds.nout * sizeof(int));
    return (int)fds.nout;
}

int fl_remote_domain_qemu_monitor_command_with_files(virDomainPtr domain, const char *cmd,
                                                     unsigned int ninfiles, int *infiles,
                                                     unsigned int *noutfiles, int **outfiles, char **result,
                                                     unsigned int flags)
{
    FL_ARENA(arena);
    struct fl_w_domain_qemu_monitor_command_with_files_args args = { .cmd = (char *)cmd, .flags = flags };
    struct fl_w_domain_qemu_monitor_command_with_files_ret ret;
    struct fl_client_fds fds = { .in = infiles, .nin = ninfiles };

    fl_domain_to_wire(domain, &args.dom);
    if (fl_client_call_fds(fl_remote_client(domain->conn), FL_PROGRAM_QEMU,
                           FL_P_QEMU_DOMAIN_QEMU_MONITOR_COMMAND_WITH_FILES,
                           FL_T_DOMAIN_QEMU_MONITOR_COMMAND_WITH_FILES_ARGS, &args,
                           FL_T_DOMAIN_QEMU_MONITOR_COMMAND_WITH_FILES_RET, &ret, &arena, &fds) < 0)
        return -1;
    *result = g_strdup(ret.result);
    if (noutfiles && outfiles) {
        *noutfiles = fds.nout;
        *outfiles = g_memdup2(fds.out, fds.nout * sizeof(int));
    } else {
        while (fds.nout)
            close(fds.out[--fds.nout]);
    }
    return 0;
}

int fl_remote_connect_set_identity(virConnectPtr conn, virTypedParameterPtr params, int nparams,
                                   unsigned int flags)
{
    FL_ARENA(arena);
    struct fl_w_connect_set_identity_args args = { .flags = flags };

    if (fl_params_to_wire(params, nparams, &arena, &args.n_params, &args.params) < 0)
        return -1;
    return fl_remote_call(conn, FL_P_CONNECT_SET_IDENTITY, FL_T_CONNECT_SET_IDENTITY_ARGS, &args, FL_XDR_VOID,
                          NULL, &arena);
}
