/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The host's processors: map, time, models, comparing descriptions. */
#include "cpus.h"
#include "shell.h"
#include "handlers.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int fl_cmd_nodecpumap(struct fl_call *c)
{
    unsigned char *map = NULL;
    unsigned int online = 0;
    int n = virNodeGetCPUMap(c->conn, &map, &online, 0);
    g_autofree char *text = NULL;

    if (n < 0)
        return fl_fail(c, "failed to get the map of the host's processors");
    fl_field(c, 16, "CPUs present:", "present#", "%d", n);
    fl_field(c, 16, "CPUs online:", "online#", "%u", online);
    if (fl_flag(c, "pretty")) {
        text = fl_cpus_text(map, n);
    } else {
        text = g_new0(char, n + 1);
        for (int i = 0; i < n; i++)
            text[i] = VIR_CPU_USED(map, i) ? 'y' : '-';
    }
    fl_field(c, 16, "CPU map:", "map", "%s", text);
    free(map);
    return 0;
}

enum { CPU_USER, CPU_SYSTEM, CPU_IDLE, CPU_IOWAIT, CPU_INTR, CPU_USAGE, CPU_LAST };

struct cpu_times {
    bool present[CPU_LAST];
    unsigned long long value[CPU_LAST];
};

static const char *const cpu_keys[] = { VIR_NODE_CPU_STATS_USER, VIR_NODE_CPU_STATS_KERNEL,
                                        VIR_NODE_CPU_STATS_IDLE, VIR_NODE_CPU_STATS_IOWAIT,
                                        VIR_NODE_CPU_STATS_INTR, VIR_NODE_CPU_STATS_UTILIZATION };
static const char *const cpu_labels[] = { "user", "system", "idle", "iowait", "intr", "usage" };

static int cpu_times(struct fl_call *c, int cpu, struct cpu_times *ret)
{
    int n = 0;
    g_autofree virNodeCPUStatsPtr stats = NULL;

    memset(ret, 0, sizeof(*ret));
    if (virNodeGetCPUStats(c->conn, cpu, NULL, &n, 0) < 0)
        return fl_fail(c, "failed to get the processor time of the host");
    stats = g_new0(virNodeCPUStats, n + 1);
    if (virNodeGetCPUStats(c->conn, cpu, stats, &n, 0) < 0)
        return fl_fail(c, "failed to get the processor time of the host");
    for (int i = 0; i < n; i++)
        for (int k = 0; k < CPU_LAST; k++)
            if (strcmp(stats[i].field, cpu_keys[k]) == 0) {
                ret->present[k] = true;
                ret->value[k] = stats[i].value;
            }
    return 0;
}

static void print_percent(struct fl_call *c, const struct cpu_times *a, const struct cpu_times *b)
{
    double total = 0, usage, part[CPU_INTR];

    if (b->present[CPU_USAGE]) {
        double u = (double)b->value[CPU_USAGE];

        fl_out(c, "%-15s %5.1lf%%\n%-15s %5.1lf%%\n", "usage:", u, "idle:", 100 - u);
        return;
    }
    for (int k = 0; k < CPU_INTR; k++) {
        part[k] = (double)(b->value[k] - a->value[k]);
        total += part[k];
    }
    usage = (part[CPU_USER] + part[CPU_SYSTEM]) / total * 100;
    fl_out(c, "%-15s %5.1lf%%\n", "usage:", usage);
    for (int k = 0; k < CPU_INTR; k++) {
        g_autofree char *label = g_strdup_printf("%s:", cpu_labels[k]);

        if (b->present[k])
            fl_out(c, "%-15s %5.1lf%%\n", label, part[k] / total * 100);
    }
}

int fl_cmd_nodecpustats(struct fl_call *c)
{
    int cpu = VIR_NODE_CPU_STATS_ALL_CPUS;
    struct cpu_times first, second;

    if (fl_arg_int(c, "cpu", &cpu) < 0 || cpu_times(c, cpu, &first) < 0)
        return -1;
    if (fl_flag(c, "percent")) {
        if (!first.present[CPU_USAGE]) {
            sleep(1);
            if (cpu_times(c, cpu, &second) < 0)
                return -1;
        } else {
            second = first;
        }
        print_percent(c, &first, &second);
        return 0;
    }
    for (int k = 0; k < CPU_USAGE; k++) {
        g_autofree char *label = g_strdup_printf("%s:", cpu_labels[k]);

        if (!first.present[k])
            continue;
        if (fl_json(c))
            fl_json_set_int(fl_document(c), cpu_labels[k], (long long)first.value[k]);
        fl_out(c, "%-15s %20llu\n", label, first.value[k]);
    }
    return 0;
}

int fl_cmd_cpu_models(struct fl_call *c)
{
    char **models = NULL;
    int n = virConnectGetCPUModelNames(c->conn, fl_arg(c, "arch"), &models, 0);
    void *array = fl_json(c) ? fl_json_array() : NULL;

    if (n < 0)
        return fl_fail(c, "failed to get the CPU models of '%s'", fl_arg(c, "arch"));
    if (n == 0 && !array)
        fl_out(c, "all CPU models are accepted\n");
    for (int i = 0; i < n; i++) {
        if (array)
            fl_json_append(array, fl_json_string(models[i]));
        else
            fl_out(c, "%s\n", models[i]);
        free(models[i]);
    }
    free(models);
    if (array)
        fl_document_set(c, array);
    return 0;
}

/* Every <cpu> of a file of CPUs, domains or capabilities, as texts of their own. */
static void collect_cpus(struct fl_xml *node, GPtrArray *out)
{
    if (strcmp(node->name, "cpu") != 0) {
        for (guint i = 0; i < node->children->len; i++)
            collect_cpus(node->children->pdata[i], out);
        return;
    }
    g_ptr_array_add(out, fl_xml_format(node));
}

static int read_cpus(struct fl_call *c, const char *path, GPtrArray *out)
{
    g_autofree char *text = NULL, *wrapped = NULL;
    struct fl_xml *root;

    if (fl_read_file(c, path, &text) < 0)
        return -1;
    if (g_str_has_prefix(text, "<?xml")) {
        char *end = strstr(text, "?>");

        memmove(text, end ? end + 2 : text, strlen(end ? end + 2 : text) + 1);
    }
    wrapped = g_strdup_printf("<container>%s</container>", text);
    root = fl_xml_parse(wrapped);
    if (!root)
        return fl_wrong(c, "the file '%s' is not well-formed XML", path);
    collect_cpus(root, out);
    fl_xml_free(root);
    if (out->len == 0)
        return fl_wrong(c, "the file '%s' holds no <cpu> element", path);
    return 0;
}

static int compare_result(struct fl_call *c, int result, bool host)
{
    const char *path = fl_arg(c, "file"),
               *other = host ? "host CPU" : "the CPU provided by hypervisor on the host";

    switch (result) {
    case VIR_CPU_COMPARE_INCOMPATIBLE:
        fl_out(c, "CPU described in %s is incompatible with %s\n", path, other);
        c->bare_error = true;
        return fl_wrong(c, "the CPUs are incompatible");
    case VIR_CPU_COMPARE_IDENTICAL:
        fl_out(c, "CPU described in %s is identical to %s\n", path, other);
        return 0;
    case VIR_CPU_COMPARE_SUPERSET:
        fl_out(c,
               host ? "Host CPU is a superset of CPU described in %s\n"
                    : "The CPU provided by hypervisor on the host is a superset of CPU described in %s\n",
               path);
        return 0;
    }
    return fl_fail(c, "failed to compare the CPU with the one in %s", path);
}

static unsigned int compare_flags(struct fl_call *c)
{
    return fl_flags(c, "error", VIR_CONNECT_COMPARE_CPU_FAIL_INCOMPATIBLE, "validate",
                    VIR_CONNECT_COMPARE_CPU_VALIDATE_XML, NULL);
}

int fl_cmd_cpu_compare(struct fl_call *c)
{
    g_autoptr(GPtrArray) cpus = g_ptr_array_new_with_free_func(g_free);

    if (read_cpus(c, fl_arg(c, "file"), cpus) < 0)
        return -1;
    return compare_result(c, virConnectCompareCPU(c->conn, cpus->pdata[0], compare_flags(c)), true);
}

int fl_cmd_hypervisor_cpu_compare(struct fl_call *c)
{
    g_autoptr(GPtrArray) cpus = g_ptr_array_new_with_free_func(g_free);

    if (read_cpus(c, fl_arg(c, "file"), cpus) < 0)
        return -1;
    return compare_result(c,
                          virConnectCompareHypervisorCPU(c->conn, fl_arg(c, "emulator"), fl_arg(c, "arch"),
                                                         fl_arg(c, "machine"), fl_arg(c, "virttype"),
                                                         cpus->pdata[0], compare_flags(c)),
                          false);
}

static unsigned int baseline_flags(struct fl_call *c)
{
    return fl_flags(c, "features", VIR_CONNECT_BASELINE_CPU_EXPAND_FEATURES, "migratable",
                    VIR_CONNECT_BASELINE_CPU_MIGRATABLE, NULL);
}

int fl_cmd_cpu_baseline(struct fl_call *c)
{
    g_autoptr(GPtrArray) cpus = g_ptr_array_new_with_free_func(g_free);
    g_autofree char *xml = NULL;

    if (read_cpus(c, fl_arg(c, "file"), cpus) < 0)
        return -1;
    xml = virConnectBaselineCPU(c->conn, (const char **)cpus->pdata, cpus->len, baseline_flags(c));
    if (!xml)
        return fl_fail(c, "failed to find what the CPUs have in common");
    fl_out(c, "%s", xml);
    return 0;
}

int fl_cmd_hypervisor_cpu_baseline(struct fl_call *c)
{
    g_autoptr(GPtrArray) cpus = g_ptr_array_new_with_free_func(g_free);
    g_autofree char *xml = NULL;

    if (fl_exclusive(c, "file", "model") < 0)
        return -1;
    if (fl_arg(c, "model"))
        g_ptr_array_add(cpus, g_markup_printf_escaped("<cpu><model>%s</model></cpu>", fl_arg(c, "model")));
    else if (!fl_arg(c, "file"))
        return fl_wrong(c, "a file with CPUs or --model is needed");
    else if (read_cpus(c, fl_arg(c, "file"), cpus) < 0)
        return -1;
    xml = virConnectBaselineHypervisorCPU(c->conn, fl_arg(c, "emulator"), fl_arg(c, "arch"),
                                          fl_arg(c, "machine"), fl_arg(c, "virttype"),
                                          (const char **)cpus->pdata, cpus->len, baseline_flags(c));
    if (!xml)
        return fl_fail(c, "failed to find a CPU the hypervisor offers on all of them");
    fl_out(c, "%s", xml);
    return 0;
}

int fl_cmd_nodesuspend(struct fl_call *c)
{
    static const char *const names[] = { "mem", "disk", "hybrid", NULL };
    unsigned long long duration = 0;
    unsigned int i = 0;

    if (fl_arg_ull(c, "duration", &duration) < 0)
        return -1;
    while (names[i] && strcmp(names[i], fl_arg(c, "target")) != 0)
        i++;
    if (!names[i])
        return fl_wrong(c, "<target> is mem, disk or hybrid, not '%s'", fl_arg(c, "target"));
    if (virNodeSuspendForDuration(c->conn, i, duration, 0) < 0)
        return fl_fail(c, "the host was not suspended");
    return 0;
}

static void print_params(struct fl_call *c, virTypedParameterPtr params, int n, int width, const char *indent)
{
    if (fl_json(c))
        fl_params_json(fl_document(c), params, n);
    for (int i = 0; i < n; i++) {
        g_autofree char *text = fl_param_text(&params[i]);

        fl_out(c, "%s%-*s %s\n", indent, width, params[i].field, text);
    }
}

int fl_cmd_node_memory_tune(struct fl_call *c)
{
    static const char *const options[][2] = {
        { "shm-pages-to-scan", VIR_NODE_MEMORY_SHARED_PAGES_TO_SCAN },
        { "shm-sleep-millisecs", VIR_NODE_MEMORY_SHARED_SLEEP_MILLISECS },
        { "shm-merge-across-nodes", VIR_NODE_MEMORY_SHARED_MERGE_ACROSS_NODES },
    };
    virTypedParameterPtr params = NULL;
    int n = 0, max = 0, status = 0;

    for (size_t i = 0; i < G_N_ELEMENTS(options); i++) {
        unsigned int value;
        int given = fl_arg_uint(c, options[i][0], &value);

        if (given < 0)
            return -1;
        if (given)
            virTypedParamsAddUInt(&params, &n, &max, options[i][1], value);
    }
    if (n > 0) {
        if (virNodeSetMemoryParameters(c->conn, params, n, 0) < 0)
            status = fl_fail(c, "failed to change the shared memory parameters of the host");
        virTypedParamsFree(params, n);
        return status;
    }
    if (virNodeGetMemoryParameters(c->conn, NULL, &n, 0) < 0)
        return fl_fail(c, "failed to get the shared memory parameters of the host");
    params = g_new0(virTypedParameter, n + 1);
    if (virNodeGetMemoryParameters(c->conn, params, &n, 0) < 0)
        status = fl_fail(c, "failed to get the shared memory parameters of the host");
    else {
        fl_out(c, "Shared memory:\n");
        print_params(c, params, n, 15, "\t");
    }
    virTypedParamsClear(params, n);
    g_free(params);
    return status;
}

int fl_cmd_nodesevinfo(struct fl_call *c)
{
    virTypedParameterPtr params = NULL;
    int n = 0;

    if (virNodeGetSEVInfo(c->conn, &params, &n, 0) < 0)
        return fl_fail(c, "failed to get the SEV facts of the host");
    if (fl_json(c))
        fl_params_json(fl_document(c), params, n);
    for (int i = 0; i < n; i++) {
        g_autofree char *text = fl_param_text(&params[i]);

        fl_out(c, "%-18s: %s\n", params[i].field, text);
    }
    virTypedParamsFree(params, n);
    return 0;
}
