/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Domain calls whose results have shapes of their own. */
#define FL_FROM VIR_FROM_REMOTE
#include "core/params.h"
#include "core/stats.h"
#include "driver/remote/check.h"
#include "driver/remote/remote.h"
#include "driver/remote/stubs.h"

int fl_remote_domain_get_block_job_info(virDomainPtr dom, const char *disk, virDomainBlockJobInfoPtr info,
                                        unsigned int flags)
{
    struct fl_w_domain_get_block_job_info_args args = { .path = (char *)disk, .flags = flags };
    struct fl_w_domain_get_block_job_info_ret ret;

    fl_domain_to_wire(dom, &args.dom);
    if (fl_remote_call(dom->conn, FL_P_DOMAIN_GET_BLOCK_JOB_INFO, FL_T_DOMAIN_GET_BLOCK_JOB_INFO_ARGS, &args,
                       FL_T_DOMAIN_GET_BLOCK_JOB_INFO_RET, &ret, NULL) < 0)
        return -1;
    if (!ret.found)
        return 0;
    info->type = ret.type;
    info->bandwidth = ret.bandwidth;
    info->cur = ret.cur;
    info->end = ret.end;
    return 1;
}

int fl_remote_domain_get_cpu_stats(virDomainPtr domain, virTypedParameterPtr params, unsigned int nparams,
                                   int start_cpu, unsigned int ncpus, unsigned int flags)
{
    FL_ARENA(arena);
    struct fl_w_domain_get_cpu_stats_args args = {
        .nparams = nparams, .start_cpu = start_cpu, .ncpus = ncpus, .flags = flags
    };
    struct fl_w_domain_get_cpu_stats_ret ret;
    uint32_t rows;

    fl_domain_to_wire(domain, &args.dom);
    if (fl_remote_call(domain->conn, FL_P_DOMAIN_GET_CPU_STATS, FL_T_DOMAIN_GET_CPU_STATS_ARGS, &args,
                       FL_T_DOMAIN_GET_CPU_STATS_RET, &ret, &arena) < 0)
        return -1;
    if (!nparams || ret.nparams <= 0) /* a question for numbers only */
        return ret.nparams;
    if (fl_remote_fits("statistics per cpu", (uint32_t)ret.nparams, nparams) < 0 ||
        fl_remote_fits("statistics", ret.n_params, (uint64_t)ret.nparams * ncpus) < 0)
        return -1;
    /* Rows come packed and go to rows of the caller's width. */
    memset(params, 0, sizeof(*params) * nparams * ncpus);
    rows = ret.n_params / (uint32_t)ret.nparams;
    for (uint32_t i = 0; i < rows; i++)
        fl_params_fill(ret.params + (size_t)i * (uint32_t)ret.nparams, (uint32_t)ret.nparams,
                       params + (size_t)i * nparams);
    return ret.nparams;
}

int fl_remote_domain_get_disk_errors(virDomainPtr dom, virDomainDiskErrorPtr errors, unsigned int maxerrors,
                                     unsigned int flags)
{
    FL_ARENA(arena);
    struct fl_w_domain_get_disk_errors_args args = { .maxerrors = maxerrors, .flags = flags };
    struct fl_w_domain_get_disk_errors_ret ret;

    fl_domain_to_wire(dom, &args.dom);
    if (fl_remote_call(dom->conn, FL_P_DOMAIN_GET_DISK_ERRORS, FL_T_DOMAIN_GET_DISK_ERRORS_ARGS, &args,
                       FL_T_DOMAIN_GET_DISK_ERRORS_RET, &ret, &arena) < 0 ||
        fl_remote_fits("disk errors", ret.n_errors, maxerrors) < 0)
        return -1;
    for (uint32_t i = 0; i < ret.n_errors; i++) {
        errors[i].disk = g_strdup(ret.errors[i].disk);
        errors[i].error = ret.errors[i].error;
    }
    return ret.nerrors;
}

int fl_remote_domain_get_emulator_pin_info(virDomainPtr domain, unsigned char *cpumap, int maplen,
                                           unsigned int flags)
{
    FL_ARENA(arena);
    struct fl_w_domain_get_emulator_pin_info_args args = { .maplen = maplen, .flags = flags };
    struct fl_w_domain_get_emulator_pin_info_ret ret;

    fl_domain_to_wire(domain, &args.dom);
    if (fl_remote_call(domain->conn, FL_P_DOMAIN_GET_EMULATOR_PIN_INFO,
                       FL_T_DOMAIN_GET_EMULATOR_PIN_INFO_ARGS, &args, FL_T_DOMAIN_GET_EMULATOR_PIN_INFO_RET,
                       &ret, &arena) < 0 ||
        fl_remote_map("bytes of cpu map", ret.cpumaps, ret.n_cpumaps, cpumap, (uint64_t)maplen) < 0)
        return -1;
    return ret.ret;
}

int fl_remote_domain_get_vcpu_pin_info(virDomainPtr domain, int ncpumaps, unsigned char *cpumaps, int maplen,
                                       unsigned int flags)
{
    FL_ARENA(arena);
    struct fl_w_domain_get_vcpu_pin_info_args args = { .ncpumaps = ncpumaps,
                                                       .maplen = maplen,
                                                       .flags = flags };
    struct fl_w_domain_get_vcpu_pin_info_ret ret;

    fl_domain_to_wire(domain, &args.dom);
    if (fl_remote_call(domain->conn, FL_P_DOMAIN_GET_VCPU_PIN_INFO, FL_T_DOMAIN_GET_VCPU_PIN_INFO_ARGS, &args,
                       FL_T_DOMAIN_GET_VCPU_PIN_INFO_RET, &ret, &arena) < 0 ||
        fl_remote_map("bytes of cpu maps", ret.cpumaps, ret.n_cpumaps, cpumaps,
                      (uint64_t)ncpumaps * (unsigned)maplen) < 0)
        return -1;
    return ret.num;
}

int fl_remote_domain_get_vcpus(virDomainPtr domain, virVcpuInfoPtr info, int maxinfo, unsigned char *cpumaps,
                               int maplen)
{
    FL_ARENA(arena);
    struct fl_w_domain_get_vcpus_args args = { .maxinfo = maxinfo, .maplen = maplen };
    struct fl_w_domain_get_vcpus_ret ret;

    fl_domain_to_wire(domain, &args.dom);
    if (fl_remote_call(domain->conn, FL_P_DOMAIN_GET_VCPUS, FL_T_DOMAIN_GET_VCPUS_ARGS, &args,
                       FL_T_DOMAIN_GET_VCPUS_RET, &ret, &arena) < 0 ||
        fl_remote_fits("vcpus", ret.n_info, (uint64_t)maxinfo) < 0 ||
        fl_remote_map("bytes of cpu maps", ret.cpumaps, ret.n_cpumaps, cpumaps,
                      (uint64_t)maxinfo * (unsigned)maplen) < 0)
        return -1;
    for (uint32_t i = 0; i < ret.n_info; i++) {
        info[i].number = ret.info[i].number;
        info[i].state = ret.info[i].state;
        info[i].cpuTime = ret.info[i].cpu_time;
        info[i].cpu = ret.info[i].cpu;
    }
    return (int)ret.n_info;
}

static virDomainFSInfoPtr fsinfo_from_wire(const struct fl_w_domain_fsinfo *w)
{
    virDomainFSInfoPtr fs = g_new0(virDomainFSInfo, 1);

    fs->mountpoint = g_strdup(w->mountpoint);
    fs->name = g_strdup(w->name);
    fs->fstype = g_strdup(w->fstype);
    fs->ndevAlias = w->n_dev_aliases;
    fs->devAlias = g_new0(char *, w->n_dev_aliases + 1);
    for (uint32_t i = 0; i < w->n_dev_aliases; i++)
        fs->devAlias[i] = g_strdup(w->dev_aliases[i]);
    return fs;
}

int fl_remote_domain_get_fsinfo(virDomainPtr dom, virDomainFSInfoPtr **info, unsigned int flags)
{
    FL_ARENA(arena);
    struct fl_w_domain_get_fsinfo_args args = { .flags = flags };
    struct fl_w_domain_get_fsinfo_ret ret;

    fl_domain_to_wire(dom, &args.dom);
    if (fl_remote_call(dom->conn, FL_P_DOMAIN_GET_FSINFO, FL_T_DOMAIN_GET_FSINFO_ARGS, &args,
                       FL_T_DOMAIN_GET_FSINFO_RET, &ret, &arena) < 0)
        return -1;
    *info = g_new0(virDomainFSInfoPtr, ret.n_info + 1);
    for (uint32_t i = 0; i < ret.n_info; i++)
        (*info)[i] = fsinfo_from_wire(&ret.info[i]);
    return (int)ret.n_info;
}

int fl_remote_domain_get_iothread_info(virDomainPtr dom, virDomainIOThreadInfoPtr **info, unsigned int flags)
{
    FL_ARENA(arena);
    struct fl_w_domain_get_iothread_info_args args = { .flags = flags };
    struct fl_w_domain_get_iothread_info_ret ret;

    fl_domain_to_wire(dom, &args.dom);
    if (fl_remote_call(dom->conn, FL_P_DOMAIN_GET_IOTHREAD_INFO, FL_T_DOMAIN_GET_IOTHREAD_INFO_ARGS, &args,
                       FL_T_DOMAIN_GET_IOTHREAD_INFO_RET, &ret, &arena) < 0)
        return -1;
    *info = g_new0(virDomainIOThreadInfoPtr, ret.n_info + 1);
    for (uint32_t i = 0; i < ret.n_info; i++) {
        virDomainIOThreadInfoPtr t = (*info)[i] = g_new0(virDomainIOThreadInfo, 1);

        t->iothread_id = ret.info[i].iothread_id;
        t->cpumaplen = (int)ret.info[i].n_cpumap;
        t->cpumap = g_memdup2(ret.info[i].cpumap, ret.info[i].n_cpumap);
    }
    return (int)ret.n_info;
}

static int label_from_wire(const struct fl_w_domain_get_security_label_ret *w, virSecurityLabelPtr label)
{
    label->enforcing = w->enforcing;
    return fl_remote_chars("characters of security label", w->label, w->n_label, label->label,
                           sizeof(label->label));
}

int fl_remote_domain_get_security_label(virDomainPtr domain, virSecurityLabelPtr seclabel)
{
    FL_ARENA(arena);
    struct fl_w_domain_get_security_label_args args;
    struct fl_w_domain_get_security_label_ret ret;

    fl_domain_to_wire(domain, &args.dom);
    if (fl_remote_call(domain->conn, FL_P_DOMAIN_GET_SECURITY_LABEL, FL_T_DOMAIN_GET_SECURITY_LABEL_ARGS,
                       &args, FL_T_DOMAIN_GET_SECURITY_LABEL_RET, &ret, &arena) < 0)
        return -1;
    return label_from_wire(&ret, seclabel);
}

int fl_remote_domain_get_security_label_list(virDomainPtr domain, virSecurityLabelPtr *seclabels)
{
    FL_ARENA(arena);
    struct fl_w_domain_get_security_label_list_args args;
    struct fl_w_domain_get_security_label_list_ret ret;
    g_autofree virSecurityLabelPtr list = NULL;

    fl_domain_to_wire(domain, &args.dom);
    if (fl_remote_call(domain->conn, FL_P_DOMAIN_GET_SECURITY_LABEL_LIST,
                       FL_T_DOMAIN_GET_SECURITY_LABEL_LIST_ARGS, &args,
                       FL_T_DOMAIN_GET_SECURITY_LABEL_LIST_RET, &ret, &arena) < 0)
        return -1;
    list = g_new0(virSecurityLabel, ret.n_labels);
    for (uint32_t i = 0; i < ret.n_labels; i++) {
        if (label_from_wire(&ret.labels[i], &list[i]) < 0)
            return -1;
    }
    *seclabels = g_steal_pointer(&list);
    return ret.ret;
}

static virDomainInterfacePtr interface_from_wire(const struct fl_w_domain_interface *w)
{
    virDomainInterfacePtr iface = g_new0(virDomainInterface, 1);

    iface->name = g_strdup(w->name);
    iface->hwaddr = g_strdup(w->hwaddr);
    iface->naddrs = w->n_addrs;
    iface->addrs = g_new0(virDomainIPAddress, w->n_addrs);
    for (uint32_t i = 0; i < w->n_addrs; i++) {
        iface->addrs[i].type = w->addrs[i].type;
        iface->addrs[i].addr = g_strdup(w->addrs[i].addr);
        iface->addrs[i].prefix = w->addrs[i].prefix;
    }
    return iface;
}

int fl_remote_domain_interface_addresses(virDomainPtr dom, virDomainInterfacePtr **ifaces,
                                         unsigned int source, unsigned int flags)
{
    FL_ARENA(arena);
    struct fl_w_domain_interface_addresses_args args = { .source = source, .flags = flags };
    struct fl_w_domain_interface_addresses_ret ret;

    fl_domain_to_wire(dom, &args.dom);
    if (fl_remote_call(dom->conn, FL_P_DOMAIN_INTERFACE_ADDRESSES, FL_T_DOMAIN_INTERFACE_ADDRESSES_ARGS,
                       &args, FL_T_DOMAIN_INTERFACE_ADDRESSES_RET, &ret, &arena) < 0)
        return -1;
    *ifaces = g_new0(virDomainInterfacePtr, ret.n_ifaces + 1);
    for (uint32_t i = 0; i < ret.n_ifaces; i++)
        (*ifaces)[i] = interface_from_wire(&ret.ifaces[i]);
    return (int)ret.n_ifaces;
}

int fl_remote_connect_get_all_domain_stats(virConnectPtr conn, virDomainPtr *doms, unsigned int ndoms,
                                           unsigned int stats, virDomainStatsRecordPtr **retStats,
                                           unsigned int flags)
{
    FL_ARENA(arena);
    g_autofree struct fl_w_domain *wire_doms = g_new0(struct fl_w_domain, ndoms);
    struct fl_w_connect_get_all_domain_stats_args args = {
        .n_doms = ndoms, .doms = wire_doms, .stats = stats, .flags = flags
    };
    struct fl_w_connect_get_all_domain_stats_ret ret;
    struct fl_stats all = { 0 };

    for (unsigned int i = 0; i < ndoms; i++)
        fl_domain_to_wire(doms[i], &wire_doms[i]);
    if (fl_remote_call(conn, FL_P_CONNECT_GET_ALL_DOMAIN_STATS, FL_T_CONNECT_GET_ALL_DOMAIN_STATS_ARGS, &args,
                       FL_T_CONNECT_GET_ALL_DOMAIN_STATS_RET, &ret, &arena) < 0)
        return -1;
    for (uint32_t i = 0; i < ret.n_retStats; i++) {
        const struct fl_w_domain_stats_record *w = &ret.retStats[i];
        virTypedParameterPtr params = fl_stats_add(&all, fl_domain_from_wire(conn, &w->dom), w->n_params);

        fl_params_fill(w->params, w->n_params, params);
    }
    return fl_stats_take(&all, retStats);
}
