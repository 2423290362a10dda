/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Virtual processors: how many, where, how busy. */
#include "cpus.h"
#include "shell.h"
#include "handlers.h"

#include <stdlib.h>
#include <string.h>

static void print_vcpu(struct fl_call *c, int i, const virVcpuInfo *info, const unsigned char *map, int max,
                       void *array)
{
    g_autofree char *affinity = NULL, *cpu = NULL;

    if (fl_flag(c, "pretty")) {
        g_autofree char *list = fl_cpus_text(map, max);

        affinity = g_strdup_printf("%s (out of %d)", list, max);
    } else {
        affinity = g_strnfill((gsize)max, '-');
        for (int k = 0; k < max; k++)
            if (VIR_CPU_USED(map, k))
                affinity[k] = 'y';
    }
    cpu = info ? g_strdup_printf("%d", info->cpu) : g_strdup("N/A");
    if (array) {
        void *object = fl_json_object();

        fl_json_set_int(object, "vcpu", i);
        if (info) {
            fl_json_set_int(object, "cpu", info->cpu);
            fl_json_set(object, "state", fl_json_string(fl_vcpu_state_name(info->state)));
            fl_json_set_double(object, "cpu_time_seconds", (double)info->cpuTime / 1e9);
        }
        fl_json_set(object, "affinity", fl_json_string(affinity));
        fl_json_append(array, object);
        return;
    }
    fl_out(c, "%-15s %d\n%-15s %s\n", "VCPU:", i, "CPU:", cpu);
    fl_out(c, "%-15s %s\n", "State:", info ? fl_vcpu_state_name(info->state) : "N/A");
    if (info && info->cpuTime)
        fl_out(c, "%-15s %.1lfs\n", "CPU time:", (double)info->cpuTime / 1e9);
    else if (!info)
        fl_out(c, "%-15s %s\n", "CPU time", "N/A");
    fl_out(c, "%-15s %s\n", "CPU Affinity:", affinity);
}

int fl_cmd_vcpuinfo(struct fl_call *c)
{
    virDomainInfo dominfo;
    int max = fl_cpus_of_host(c), n;
    g_autofree virVcpuInfo *infos = NULL;
    g_autofree unsigned char *maps = NULL;
    bool running = true;
    void *array = fl_json(c) ? fl_json_array() : NULL;

    if (max < 0 || virDomainGetInfo(c->dom, &dominfo) < 0)
        return fl_fail(c, "failed to get information about domain '%s'", virDomainGetName(c->dom));
    infos = g_new0(virVcpuInfo, dominfo.nrVirtCpu + 1);
    maps = g_new0(unsigned char, (gsize)dominfo.nrVirtCpu *(gsize)VIR_CPU_MAPLEN(max) + 1);
    n = virDomainGetVcpus(c->dom, infos, dominfo.nrVirtCpu, maps, VIR_CPU_MAPLEN(max));
    if (n < 0) {
        if (virDomainIsActive(c->dom) != 0)
            return fl_fail(c, "failed to get the virtual processors of domain '%s'",
                           virDomainGetName(c->dom));
        virResetLastError();
        running = false;
        n = virDomainGetVcpuPinInfo(c->dom, dominfo.nrVirtCpu, maps, VIR_CPU_MAPLEN(max),
                                    VIR_DOMAIN_AFFECT_CONFIG);
        if (n < 0)
            return fl_fail(c, "failed to get the virtual processors of domain '%s'",
                           virDomainGetName(c->dom));
    }
    for (int i = 0; i < n; i++) {
        print_vcpu(c, i, running ? &infos[i] : NULL, VIR_GET_CPUMAP(maps, VIR_CPU_MAPLEN(max), i), max,
                   array);
        if (i + 1 < n && !array)
            fl_out(c, "\n");
    }
    if (array)
        fl_document_set(c, array);
    return 0;
}

/* A daemon too old for the call, or for its flags. */
static bool is_not_known(void)
{
    return virGetLastErrorCode() == VIR_ERR_NO_SUPPORT || virGetLastErrorCode() == VIR_ERR_INVALID_ARG;
}

static int maximum_of_definition(struct fl_call *c)
{
    g_autofree char *xml = virDomainGetXMLDesc(c->dom, VIR_DOMAIN_XML_INACTIVE);
    struct fl_xml *root = xml ? fl_xml_parse(xml) : NULL;
    const char *text = root ? fl_xml_value(root, "vcpu") : NULL;
    int n = text ? atoi(text) : -1;

    fl_xml_free(root);
    return n > 0 ? n : -1;
}

static int vcpu_count(struct fl_call *c, unsigned int flags)
{
    const unsigned int of_definition = VIR_DOMAIN_VCPU_MAXIMUM | VIR_DOMAIN_AFFECT_CONFIG;
    int n = virDomainGetVcpusFlags(c->dom, flags);
    virDomainInfo info;

    if (n >= 0 || !is_not_known() || (flags & VIR_DOMAIN_VCPU_GUEST))
        return n;
    if (flags & VIR_DOMAIN_AFFECT_LIVE)
        return flags & VIR_DOMAIN_VCPU_MAXIMUM       ? virDomainGetMaxVcpus(c->dom)
               : virDomainGetInfo(c->dom, &info) < 0 ? -1
                                                     : info.nrVirtCpu;
    return flags == of_definition ? maximum_of_definition(c) : -1;
}

/* All that applies to the domain, or nothing where one of them cannot be had. */
static int count_all(struct fl_call *c)
{
    static const struct {
        const char *kind, *where;
        unsigned int flags;
    } rows[] = {
        { "maximum", "config", VIR_DOMAIN_VCPU_MAXIMUM | VIR_DOMAIN_AFFECT_CONFIG },
        { "maximum", "live", VIR_DOMAIN_VCPU_MAXIMUM | VIR_DOMAIN_AFFECT_LIVE },
        { "current", "config", VIR_DOMAIN_AFFECT_CONFIG },
        { "current", "live", VIR_DOMAIN_AFFECT_LIVE },
    };
    int counts[G_N_ELEMENTS(rows)];
    int persistent = virDomainIsPersistent(c->dom), active = persistent < 0 ? -1 : virDomainIsActive(c->dom);

    if (persistent < 0 || active < 0)
        return fl_fail(c, "failed to get the state of domain '%s'", virDomainGetName(c->dom));
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        bool applies = rows[i].flags & VIR_DOMAIN_AFFECT_CONFIG ? persistent : active;

        counts[i] = applies ? vcpu_count(c, rows[i].flags) : -1;
        if (applies && counts[i] < 0)
            return fl_fail(c, "failed to count the virtual processors of domain '%s'",
                           virDomainGetName(c->dom));
    }
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *key = g_strdup_printf("%s_%s", rows[i].kind, rows[i].where);

        if (counts[i] < 0)
            continue;
        if (fl_json(c))
            fl_json_set_int(fl_document(c), key, counts[i]);
        fl_out(c, "%-12s %-12s %3d\n", rows[i].kind, rows[i].where, counts[i]);
    }
    return 0;
}

int fl_cmd_vcpucount(struct fl_call *c)
{
    bool maximum = fl_flag(c, "maximum"), active = fl_flag(c, "active"), guest = fl_flag(c, "guest");
    bool all = !maximum && !active && !fl_affect_given(c) && !guest;
    unsigned int flags = 0;
    int n;

    if (fl_exclusive(c, "active", "maximum") < 0 || fl_exclusive(c, "live", "config") < 0 ||
        fl_exclusive(c, "guest", "config") < 0)
        return -1;
    if (!all) { /* --current beside one of the others says nothing more here, and is let be */
        flags |= fl_flags(c, "config", VIR_DOMAIN_AFFECT_CONFIG, "live", VIR_DOMAIN_AFFECT_LIVE, NULL);
        flags |= (maximum ? VIR_DOMAIN_VCPU_MAXIMUM : 0) | (guest ? VIR_DOMAIN_VCPU_GUEST : 0);
        n = vcpu_count(c, flags);
        if (n < 0)
            return fl_fail(c, "failed to count the virtual processors of domain '%s'",
                           virDomainGetName(c->dom));
        if (fl_json(c))
            fl_json_set_int(fl_document(c), "count", n);
        fl_out(c, "%d\n", n);
        return 0;
    }
    return count_all(c);
}

/* The most it may have: pins of those not plugged in are shown too. */
static int pin_count(struct fl_call *c, unsigned int flags)
{
    int n = virDomainGetVcpusFlags(c->dom, flags | VIR_DOMAIN_VCPU_MAXIMUM);
    virDomainInfo info;

    if (n > 0)
        return n;
    if (n < 0 && !is_not_known())
        return fl_fail(c, "failed to count the virtual processors of domain '%s'", virDomainGetName(c->dom));
    virResetLastError();
    if (virDomainGetInfo(c->dom, &info) < 0)
        return fl_fail(c, "failed to get information about domain '%s'", virDomainGetName(c->dom));
    return info.nrVirtCpu;
}

static int print_pins(struct fl_call *c, int only, unsigned int flags, int max)
{
    g_autofree unsigned char *maps = NULL;
    struct fl_table *t;
    int n = pin_count(c, flags), maplen = VIR_CPU_MAPLEN(max);

    if (n < 0)
        return -1;
    maps = g_new0(unsigned char, (gsize)n *(gsize)maplen + 1);
    n = virDomainGetVcpuPinInfo(c->dom, n, maps, maplen, flags);
    if (n < 0)
        return fl_fail(c, "failed to get where the processors of domain '%s' run", virDomainGetName(c->dom));
    if (only >= n)
        return fl_wrong(c, "domain '%s' has no virtual processor %d", virDomainGetName(c->dom), only);
    t = fl_table_new("VCPU", "vcpu#", "CPU Affinity", "affinity", NULL);
    for (int i = 0; i < n; i++) {
        g_autofree char *list = fl_cpus_text(VIR_GET_CPUMAP(maps, maplen, i), max);
        g_autofree char *number = g_strdup_printf("%d", i);

        if (only < 0 || only == i)
            fl_table_add(t, number, list, NULL);
    }
    fl_table_print(c, t);
    return 0;
}

int fl_cmd_vcpupin(struct fl_call *c)
{
    unsigned int flags = 0, vcpu = 0;
    int max, given = fl_arg_uint(c, "vcpu", &vcpu);
    const char *list = fl_arg(c, "cpulist");
    g_autofree unsigned char *map = NULL;

    if (given < 0 || fl_affect(c, &flags) < 0)
        return -1;
    if (fl_flag(c, "live") && fl_flag(c, "config") && !list)
        return fl_wrong(c, "to show where processors run, choose --live or --config");
    max = fl_cpus_of_host(c);
    if (max < 0)
        return -1;
    if (!list)
        return print_pins(c, given ? (int)vcpu : -1, flags, max);
    if (!given)
        return fl_wrong(c, "which virtual processor? give --vcpu beside --cpulist");
    map = g_new0(unsigned char, VIR_CPU_MAPLEN(max));
    if (fl_cpus_parse(c, list, max, map) < 0)
        return -1;
    if ((flags || fl_flag(c, "current") ? virDomainPinVcpuFlags(c->dom, vcpu, map, VIR_CPU_MAPLEN(max), flags)
                                        : virDomainPinVcpu(c->dom, vcpu, map, VIR_CPU_MAPLEN(max))) < 0)
        return fl_fail(c, "failed to change where virtual processor %u runs", vcpu);
    return 0;
}

int fl_cmd_emulatorpin(struct fl_call *c)
{
    unsigned int flags = 0;
    const char *list = fl_arg(c, "cpulist");
    g_autofree unsigned char *map = NULL;
    g_autofree char *text = NULL;
    int max;

    if (fl_affect(c, &flags) < 0 || (max = fl_cpus_of_host(c)) < 0)
        return -1;
    map = g_new0(unsigned char, VIR_CPU_MAPLEN(max));
    if (list) {
        if (fl_cpus_parse(c, list, max, map) < 0)
            return -1;
        if (virDomainPinEmulator(c->dom, map, VIR_CPU_MAPLEN(max), flags) < 0)
            return fl_fail(c, "failed to change where the emulator runs");
        return 0;
    }
    if (virDomainGetEmulatorPinInfo(c->dom, map, VIR_CPU_MAPLEN(max), flags) < 0)
        return fl_fail(c, "failed to get where the emulator runs");
    text = fl_cpus_text(map, max);
    if (fl_json(c))
        fl_json_set_text(fl_document(c), "affinity", text);
    fl_extra(c, "%s %s\n", "emulator:", "CPU Affinity");
    fl_extra(c, "----------------------------------\n");
    fl_out(c, "       *: %s\n", text);
    return 0;
}

int fl_cmd_setvcpus(struct fl_call *c)
{
    unsigned int count = 0,
                 flags = fl_flags(c, "guest", VIR_DOMAIN_VCPU_GUEST, "maximum", VIR_DOMAIN_VCPU_MAXIMUM,
                                  "hotpluggable", VIR_DOMAIN_VCPU_HOTPLUGGABLE, NULL);

    if (fl_affect(c, &flags) < 0 || fl_exclusive(c, "guest", "config") < 0 ||
        fl_exclusive(c, "guest", "maximum") < 0 || fl_arg_uint(c, "count", &count) < 0)
        return -1;
    if (fl_flag(c, "maximum") && !fl_flag(c, "config"))
        return fl_wrong(c, "--maximum needs --config: the most a running domain can have is fixed");
    if (count == 0)
        return fl_wrong(c, "a domain needs at least one virtual processor");
    if ((flags || fl_flag(c, "current") ? virDomainSetVcpusFlags(c->dom, count, flags)
                                        : virDomainSetVcpus(c->dom, count)) < 0)
        return fl_fail(c, "failed to set the number of virtual processors of domain '%s'",
                       virDomainGetName(c->dom));
    return 0;
}

static int on_or_off(struct fl_call *c, int *ret)
{
    if (fl_exclusive(c, "enable", "disable") < 0)
        return -1;
    *ret = fl_flag(c, "enable") ? 1 : fl_flag(c, "disable") ? 0 : -1;
    return 0;
}

int fl_cmd_setvcpu(struct fl_call *c)
{
    unsigned int flags = 0;
    int state;

    if (fl_affect(c, &flags) < 0 || on_or_off(c, &state) < 0)
        return -1;
    if (state < 0)
        return fl_wrong(c, "one of --enable and --disable is needed");
    if (virDomainSetVcpu(c->dom, fl_arg(c, "vcpulist"), state, flags) < 0)
        return fl_fail(c, "failed to plug or unplug virtual processors of domain '%s'",
                       virDomainGetName(c->dom));
    return 0;
}

int fl_cmd_guestvcpus(struct fl_call *c)
{
    const char *list = fl_arg(c, "cpulist");
    virTypedParameterPtr params = NULL;
    unsigned int n = 0;
    int state;

    if (on_or_off(c, &state) < 0)
        return -1;
    if (list) {
        if (state < 0)
            return fl_wrong(c, "one of --enable and --disable is needed with --cpulist");
        if (virDomainSetGuestVcpus(c->dom, list, state, 0) < 0)
            return fl_fail(c, "failed to change processors in the guest");
        return 0;
    }
    if (virDomainGetGuestVcpus(c->dom, &params, &n, 0) < 0)
        return fl_fail(c, "failed to get the processors the guest sees");
    if (fl_json(c))
        fl_params_json(fl_document(c), params, (int)n);
    for (unsigned int i = 0; i < n; i++) {
        g_autofree char *text = fl_param_text(&params[i]);

        fl_out(c, "%-15s: %s\n", params[i].field, text);
    }
    virTypedParamsFree(params, (int)n);
    return 0;
}

int fl_cmd_iothreadinfo(struct fl_call *c)
{
    g_autofree virDomainIOThreadInfoPtr *infos = NULL;
    unsigned int flags = 0;
    int n, max;
    struct fl_table *t;

    if (fl_affect(c, &flags) < 0)
        return -1;
    n = virDomainGetIOThreadInfo(c->dom, &infos, flags);
    if (n < 0)
        return fl_fail(c, "failed to get the I/O threads of domain '%s'", virDomainGetName(c->dom));
    if (n == 0) {
        if (fl_json(c))
            fl_document_set(c, fl_json_array());
        fl_extra(c, "No IOThreads found for the domain");
        return 0;
    }
    max = fl_cpus_of_host(c);
    t = fl_table_new("IOThread ID", "iothread#", "CPU Affinity", "affinity", NULL);
    for (int i = 0; i < n; i++) {
        g_autofree char *id = g_strdup_printf("%u", infos[i]->iothread_id);
        g_autofree char *list =
            fl_cpus_text(infos[i]->cpumap, MIN(max < 0 ? 0 : max, infos[i]->cpumaplen * 8));

        fl_table_add(t, id, list, NULL);
        virDomainIOThreadInfoFree(infos[i]);
    }
    fl_table_print(c, t);
    return max < 0 ? -1 : 0;
}

int fl_cmd_iothreadpin(struct fl_call *c)
{
    unsigned int flags = 0, id = 0;
    g_autofree unsigned char *map = NULL;
    int max;

    if (fl_affect(c, &flags) < 0 || fl_arg_uint(c, "iothread", &id) < 0 || (max = fl_cpus_of_host(c)) < 0)
        return -1;
    map = g_new0(unsigned char, VIR_CPU_MAPLEN(max));
    if (fl_cpus_parse(c, fl_arg(c, "cpulist"), max, map) < 0)
        return -1;
    if (virDomainPinIOThread(c->dom, id, map, VIR_CPU_MAPLEN(max), flags) < 0)
        return fl_fail(c, "failed to change where I/O thread %u runs", id);
    return 0;
}

static int iothread_id(struct fl_call *c, unsigned int *id, unsigned int *flags)
{
    *flags = 0;
    if (fl_affect(c, flags) < 0 || fl_arg_uint(c, "id", id) < 0)
        return -1;
    if (*id == 0)
        return fl_wrong(c, "the id of an I/O thread is 1 or more");
    return 0;
}

int fl_cmd_iothreadadd(struct fl_call *c)
{
    unsigned int id, flags;

    if (iothread_id(c, &id, &flags) < 0)
        return -1;
    if (virDomainAddIOThread(c->dom, id, flags) < 0)
        return fl_fail(c, "failed to add I/O thread %u", id);
    return 0;
}

int fl_cmd_iothreaddel(struct fl_call *c)
{
    unsigned int id, flags;

    if (iothread_id(c, &id, &flags) < 0)
        return -1;
    if (virDomainDelIOThread(c->dom, id, flags) < 0)
        return fl_fail(c, "failed to remove I/O thread %u", id);
    return 0;
}

int fl_cmd_iothreadset(struct fl_call *c)
{
    static const struct {
        const char *option, *field;
        int type;
    } fields[] = {
        { "poll-max-ns", VIR_DOMAIN_IOTHREAD_POLL_MAX_NS, VIR_TYPED_PARAM_ULLONG },
        { "poll-grow", VIR_DOMAIN_IOTHREAD_POLL_GROW, VIR_TYPED_PARAM_UINT },
        { "poll-shrink", VIR_DOMAIN_IOTHREAD_POLL_SHRINK, VIR_TYPED_PARAM_UINT },
        { "thread-pool-min", VIR_DOMAIN_IOTHREAD_THREAD_POOL_MIN, VIR_TYPED_PARAM_INT },
        { "thread-pool-max", VIR_DOMAIN_IOTHREAD_THREAD_POOL_MAX, VIR_TYPED_PARAM_INT },
    };
    unsigned int id, flags;
    virTypedParameterPtr params = NULL;
    int n = 0, max = 0, status = 0;

    if (iothread_id(c, &id, &flags) < 0)
        return -1;
    for (size_t i = 0; i < G_N_ELEMENTS(fields) && status == 0; i++)
        if (fl_arg(c, fields[i].option))
            status = fl_param_from_text(c, &params, &n, &max, fields[i].field, fields[i].type,
                                        fl_arg(c, fields[i].option));
    if (status == 0 && n == 0)
        status = fl_wrong(c, "nothing to set: give --poll-max-ns or another of the values");
    if (status == 0 && virDomainSetIOThreadParams(c->dom, id, params, n, flags) < 0)
        status = fl_fail(c, "failed to tune I/O thread %u", id);
    virTypedParamsFree(params, n);
    return status;
}
