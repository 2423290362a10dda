/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Domain calls whose arrays the caller sizes: CPU maps, per-CPU numbers, labels, errors. */
#define FL_FROM VIR_FROM_RPC
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "core/objects.h"
#include "daemon/call.h"
#include "daemon/dispatch.h"
#include "daemon/reply.h"

/* Sizes a client sends: each within its limit, and their product too. */
static int check_sizes(int count, unsigned int max_count, int length, const char *what)
{
    if (count < 0 || (unsigned int)count > max_count)
        return fl_error(VIR_ERR_RPC, "%s: %d elements asked for, at most %u are sent", what, count,
                        max_count);
    if (length < 0 || (int64_t)length * count > FL_LIMIT_CPUMAPS_MAX)
        return fl_error(VIR_ERR_RPC, "%s: maps of %d bytes for %d elements are more than %u bytes", what,
                        length, count, FL_LIMIT_CPUMAPS_MAX);
    return 0;
}

int fl_serve_domain_get_vcpus(struct fl_call *call, void *args, void *ret)
{
    const struct fl_w_domain_get_vcpus_args *a = args;
    struct fl_w_domain_get_vcpus_ret *r = ret;
    fl_auto_domain dom = fl_domain_from_wire(call->conn, &a->dom);
    g_autofree virVcpuInfoPtr info = NULL;
    int n;

    if (check_sizes(a->maxinfo, FL_LIMIT_VCPUINFO_MAX, a->maplen, "domain_get_vcpus") < 0)
        return -1;
    info = g_new0(virVcpuInfo, (size_t)a->maxinfo + 1);
    r->cpumaps = a->maplen > 0 ? fl_keep_room(call, (size_t)a->maxinfo, (size_t)a->maplen) : NULL;
    r->info = fl_keep_room(call, (size_t)a->maxinfo + 1, sizeof(*r->info));
    if ((a->maplen > 0 && !r->cpumaps) || !r->info)
        return -1;
    n = virDomainGetVcpus(dom, info, a->maxinfo, r->cpumaps, a->maplen);
    if (n < 0)
        return -1;
    for (int i = 0; i < n; i++)
        r->info[i] = (struct fl_w_vcpu_info){
            .number = info[i].number, .state = info[i].state, .cpu_time = info[i].cpuTime, .cpu = info[i].cpu
        };
    r->n_info = (uint32_t)n;
    /* Compat: the maps have their full size even when fewer CPUs were found. */
    r->n_cpumaps = r->cpumaps ? (uint32_t)(a->maxinfo * a->maplen) : 0;
    return 0;
}

int fl_serve_domain_get_vcpu_pin_info(struct fl_call *call, void *args, void *ret)
{
    const struct fl_w_domain_get_vcpu_pin_info_args *a = args;
    struct fl_w_domain_get_vcpu_pin_info_ret *r = ret;
    fl_auto_domain dom = fl_domain_from_wire(call->conn, &a->dom);

    if (check_sizes(a->ncpumaps, FL_LIMIT_VCPUINFO_MAX, a->maplen, "domain_get_vcpu_pin_info") < 0)
        return -1;
    r->cpumaps = a->maplen > 0 ? fl_keep_room(call, (size_t)a->ncpumaps, (size_t)a->maplen) : NULL;
    if (a->maplen > 0 && !r->cpumaps)
        return -1;
    r->num = virDomainGetVcpuPinInfo(dom, a->ncpumaps, r->cpumaps, a->maplen, a->flags);
    if (r->num < 0)
        return -1;
    r->n_cpumaps = (uint32_t)(r->num * a->maplen);
    return 0;
}

int fl_serve_domain_get_emulator_pin_info(struct fl_call *call, void *args, void *ret)
{
    const struct fl_w_domain_get_emulator_pin_info_args *a = args;
    struct fl_w_domain_get_emulator_pin_info_ret *r = ret;
    fl_auto_domain dom = fl_domain_from_wire(call->conn, &a->dom);

    if (check_sizes(1, 1, a->maplen, "domain_get_emulator_pin_info") < 0)
        return -1;
    r->cpumaps = a->maplen > 0 ? fl_keep_room(call, (size_t)a->maplen, 1) : NULL;
    if (a->maplen > 0 && !r->cpumaps)
        return -1;
    r->ret = virDomainGetEmulatorPinInfo(dom, r->cpumaps, a->maplen, a->flags);
    if (r->ret < 0)
        return -1;
    r->n_cpumaps = (uint32_t)a->maplen;
    return 0;
}

int fl_serve_domain_get_block_job_info(struct fl_call *call, void *args, void *ret)
{
    const struct fl_w_domain_get_block_job_info_args *a = args;
    struct fl_w_domain_get_block_job_info_ret *r = ret;
    fl_auto_domain dom = fl_domain_from_wire(call->conn, &a->dom);
    virDomainBlockJobInfo info = { 0 };

    r->found = virDomainGetBlockJobInfo(dom, a->path, &info, a->flags);
    if (r->found < 0)
        return -1;
    r->type = info.type;
    r->bandwidth = info.bandwidth;
    r->cur = info.cur;
    r->end = info.end;
    return 0;
}

/* Names of the per-CPU parameters are the same for each CPU: those a CPU lacks are empty and not sent. */
static int stats_to_wire(struct fl_call *call, struct fl_auto_params *out,
                         struct fl_w_domain_get_cpu_stats_ret *r)
{
    int used = 0;

    for (int i = 0; i < out->n; i++) {
        if (out->list[i].type == 0)
            continue;
        out->list[used++] = out->list[i];
    }
    out->n = used;
    return fl_auto_params_reply(out, call->arena, &r->n_params, &r->params);
}

int fl_serve_domain_get_cpu_stats(struct fl_call *call, void *args, void *ret)
{
    const struct fl_w_domain_get_cpu_stats_args *a = args;
    struct fl_w_domain_get_cpu_stats_ret *r = ret;
    fl_auto_domain dom = fl_domain_from_wire(call->conn, &a->dom);
    FL_AUTO_PARAMS(out);

    if (a->nparams > FL_LIMIT_NODE_CPU_STATS_MAX || a->ncpus > FL_LIMIT_DOMAIN_GET_CPU_STATS_NCPUS_MAX)
        return fl_error(VIR_ERR_RPC,
                        "domain_get_cpu_stats: %u parameters of %u CPUs asked for, at most %u of %u are sent",
                        a->nparams, a->ncpus, FL_LIMIT_NODE_CPU_STATS_MAX,
                        FL_LIMIT_DOMAIN_GET_CPU_STATS_NCPUS_MAX);
    if (a->nparams > 0)
        fl_auto_params_room(&out, (int)(a->nparams * MAX(a->ncpus, 1u)));
    r->nparams = virDomainGetCPUStats(dom, out.list, a->nparams, a->start_cpu, a->ncpus, a->flags);
    if (r->nparams < 0)
        return -1;
    return stats_to_wire(call, &out, r);
}

int fl_serve_domain_get_disk_errors(struct fl_call *call, void *args, void *ret)
{
    const struct fl_w_domain_get_disk_errors_args *a = args;
    struct fl_w_domain_get_disk_errors_ret *r = ret;
    fl_auto_domain dom = fl_domain_from_wire(call->conn, &a->dom);
    g_autofree virDomainDiskErrorPtr errors = NULL;

    if (a->maxerrors > FL_LIMIT_DOMAIN_DISK_ERRORS_MAX)
        return fl_error(VIR_ERR_RPC, "domain_get_disk_errors: %u errors asked for, at most %u are sent",
                        a->maxerrors, FL_LIMIT_DOMAIN_DISK_ERRORS_MAX);
    if (a->maxerrors > 0)
        errors = g_new0(virDomainDiskError, a->maxerrors);
    r->nerrors = virDomainGetDiskErrors(dom, errors, a->maxerrors, a->flags);
    if (r->nerrors < 0)
        return -1;
    if (!errors)
        return 0;
    r->errors = fl_keep_room(call, (size_t)r->nerrors + 1, sizeof(*r->errors));
    if (!r->errors)
        return -1;
    for (int i = 0; i < r->nerrors; i++) {
        fl_arena_adopt(call->arena, errors[i].disk);
        r->errors[i] = (struct fl_w_domain_disk_error){ .disk = errors[i].disk, .error = errors[i].error };
    }
    r->n_errors = (uint32_t)r->nerrors;
    return 0;
}

/* ---- security labels: text sent as an array of numbers ---- */

static int label_to_wire(struct fl_call *call, const virSecurityLabel *label,
                         struct fl_w_domain_get_security_label_ret *r)
{
    size_t length = strnlen(label->label, sizeof(label->label) - 1) + 1;

    r->label = fl_keep_room(call, length, 1);
    if (!r->label)
        return -1;
    memcpy(r->label, label->label, length - 1);
    r->n_label = (uint32_t)length;
    r->enforcing = label->enforcing;
    return 0;
}

int fl_serve_domain_get_security_label(struct fl_call *call, void *args, void *ret)
{
    const struct fl_w_domain_get_security_label_args *a = args;
    fl_auto_domain dom = fl_domain_from_wire(call->conn, &a->dom);
    g_autofree virSecurityLabelPtr label = g_new0(virSecurityLabel, 1); /* 4 KiB: not on the stack */

    if (virDomainGetSecurityLabel(dom, label) < 0)
        return -1;
    return label_to_wire(call, label, ret);
}

int fl_serve_domain_get_security_label_list(struct fl_call *call, void *args, void *ret)
{
    const struct fl_w_domain_get_security_label_list_args *a = args;
    struct fl_w_domain_get_security_label_list_ret *r = ret;
    fl_auto_domain dom = fl_domain_from_wire(call->conn, &a->dom);
    g_autofree virSecurityLabelPtr list = NULL;

    r->ret = virDomainGetSecurityLabelList(dom, &list);
    if (r->ret < 0)
        return -1;
    r->labels = fl_keep_room(call, (size_t)r->ret + 1, sizeof(*r->labels));
    if (!r->labels)
        return -1;
    for (int i = 0; i < r->ret; i++) {
        if (label_to_wire(call, &list[i], &r->labels[i]) < 0)
            return -1;
    }
    r->n_labels = (uint32_t)r->ret;
    return 0;
}

/* ---- descriptors ---- */

int fl_serve_domain_lxc_open_namespace(struct fl_call *call, void *args, void *ret)
{
    (void)call, (void)args, (void)ret;
    return fl_error(VIR_ERR_NO_SUPPORT, "no driver of this daemon has container namespaces");
}

int fl_serve_domain_qemu_monitor_command_with_files(struct fl_call *call, void *args, void *ret)
{
    (void)call, (void)args, (void)ret;
    return fl_error(VIR_ERR_NO_SUPPORT, "no driver of this daemon has a monitor");
}
