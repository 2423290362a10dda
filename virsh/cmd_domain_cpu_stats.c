/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cpu-stats: the processor time a domain has used, in all and on each processor of the host. */
#include "shell.h"
#include "handlers.h"

/* `object`: what takes them in JSON. */
static void stats_block(struct fl_call *c, virTypedParameterPtr p, int n, void *object)
{
    if (object)
        fl_params_json(object, p, n);
    for (int i = 0; i < n; i++) {
        if (p[i].type == VIR_TYPED_PARAM_ULLONG && g_str_has_suffix(p[i].field, "_time")) {
            fl_out(c, "\t%-12s %9llu.%09llu seconds\n", p[i].field, p[i].value.ul / 1000000000,
                   p[i].value.ul % 1000000000);
        } else {
            g_autofree char *text = fl_param_text(&p[i]);

            fl_out(c, "\t%-15s %s\n", p[i].field, text);
        }
    }
}

static int stats_cpus(struct fl_call *c, int start, int count)
{
    int max = virDomainGetCPUStats(c->dom, NULL, 0, 0, 0, 0), per, stop;
    void *cpus;

    if (max < 0)
        return fl_fail(c, "failed to get the processor time of domain '%s'", virDomainGetName(c->dom));
    if (start > max)
        return fl_wrong(c, "start CPU %d is beyond the %d processors of the host", start, max);
    stop = count < 0 || count > max - start ? max : start + count;
    per = virDomainGetCPUStats(c->dom, NULL, 0, 0, 1, 0);
    if (per < 0)
        return fl_fail(c, "failed to get the processor time of domain '%s'", virDomainGetName(c->dom));
    if (per == 0) {
        fl_out(c, "No per-CPU stats available\n");
        return 0;
    }
    cpus = fl_json(c) ? fl_json_array() : NULL;
    if (cpus)
        fl_json_set(fl_document(c), "cpus", cpus);
    for (int cpu = start; cpu < stop; cpu++) {
        g_autofree virTypedParameterPtr p = g_new0(virTypedParameter, per);
        int n = virDomainGetCPUStats(c->dom, p, (unsigned int)per, cpu, 1, 0);
        void *row = NULL;

        if (n < 0)
            return fl_fail(c, "failed to get the processor time of domain '%s'", virDomainGetName(c->dom));
        fl_out(c, "CPU%d:\n", cpu);
        if (cpus) {
            row = fl_json_object();
            fl_json_set_int(row, "cpu", cpu);
            fl_json_append(cpus, row);
        }
        stats_block(c, p, n, row);
        virTypedParamsClear(p, n);
    }
    return 0;
}

static int stats_total(struct fl_call *c)
{
    int n = virDomainGetCPUStats(c->dom, NULL, 0, -1, 1, 0);
    g_autofree virTypedParameterPtr p = NULL;
    void *total = NULL;

    if (n < 0)
        return fl_fail(c, "failed to get the processor time of domain '%s'", virDomainGetName(c->dom));
    if (n == 0) {
        fl_out(c, "No total stats available\n");
        return 0;
    }
    p = g_new0(virTypedParameter, n);
    n = virDomainGetCPUStats(c->dom, p, (unsigned int)n, -1, 1, 0);
    if (n < 0)
        return fl_fail(c, "failed to get the processor time of domain '%s'", virDomainGetName(c->dom));
    fl_out(c, "Total:\n");
    if (fl_json(c)) {
        total = fl_json_object();
        fl_json_set(fl_document(c), "total", total);
    }
    stats_block(c, p, n, total);
    virTypedParamsClear(p, n);
    return 0;
}

int fl_cmd_cpu_stats(struct fl_call *c)
{
    bool total = fl_flag(c, "total");
    int start = 0, count = -1;
    int given_start = fl_arg_int(c, "start", &start), given_count = fl_arg_int(c, "count", &count);

    if (given_start < 0 || given_count < 0)
        return -1;
    if (start < 0)
        return fl_wrong(c, "--start is 0 or more");
    if (given_count && count < 0)
        return fl_wrong(c, "--count is 0 or more");
    if ((!total || given_start || given_count) && stats_cpus(c, start, count) < 0)
        return -1;
    if (!total && (given_start || given_count))
        return 0;
    return stats_total(c);
}
