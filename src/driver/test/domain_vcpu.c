/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A domain's virtual CPUs: how many, where they may run, what they used. */
#define FL_FROM VIR_FROM_TEST
#include <string.h>
#include "driver/test/domain.h"
#include "driver/test/ops.h"
#include "driver/test/params.h"

#define LIVE_CONFIG    (VIR_DOMAIN_AFFECT_LIVE | VIR_DOMAIN_AFFECT_CONFIG)
#define TEST_MAX_VCPUS 32

static const char *const cputune_order[] = { "shares",
                                             "global_period",
                                             "global_quota",
                                             "period",
                                             "quota",
                                             "emulator_period",
                                             "emulator_quota",
                                             "iothread_period",
                                             "iothread_quota",
                                             "vcpupin",
                                             "emulatorpin",
                                             "iothreadpin",
                                             NULL };

static int check_max(unsigned int nvcpus, unsigned int max, const char *name)
{
    return nvcpus > max ? fl_error(VIR_ERR_INVALID_ARG, "%u CPUs are more than the maximum of '%s', %u",
                                   nvcpus, name, max)
                        : 0;
}

int fl_test_domain_set_vcpus_flags(virDomainPtr dom, unsigned int nvcpus, unsigned int flags)
{
    if (fl_check_flags(flags, LIVE_CONFIG | VIR_DOMAIN_VCPU_MAXIMUM) < 0)
        return -1;
    if (nvcpus == 0)
        return fl_error_set(VIR_FROM_DOMAIN, VIR_ERR_INVALID_ARG, "a domain cannot have 0 CPUs");
    if ((flags & VIR_DOMAIN_VCPU_MAXIMUM) && !(flags & VIR_DOMAIN_AFFECT_CONFIG))
        return fl_error_set(VIR_FROM_DOMAIN, VIR_ERR_INVALID_ARG,
                            "the maximum changes with VIR_DOMAIN_AFFECT_CONFIG only, for the next start");
    if (nvcpus > TEST_MAX_VCPUS)
        return fl_error(VIR_ERR_INVALID_ARG, "%u CPUs are more than this host gives a domain, %u", nvcpus,
                        TEST_MAX_VCPUS);
    TEST_WRITE(dom);
    struct fl_test_domain *d = fl_test_domain_of(host, dom);
    struct fl_domain_def *live, *config;
    if (!d || fl_test_domain_defs(d, flags, &live, &config) < 0)
        return -1;
    if (live && check_max(nvcpus, live->max_vcpus, dom->name) < 0)
        return -1;
    if (config && !(flags & VIR_DOMAIN_VCPU_MAXIMUM) && check_max(nvcpus, config->max_vcpus, dom->name) < 0)
        return -1;
    if (live)
        live->vcpus = nvcpus;
    if (config && (flags & VIR_DOMAIN_VCPU_MAXIMUM)) {
        config->max_vcpus = nvcpus;
        config->vcpus = MIN(config->vcpus, nvcpus);
    } else if (config) {
        config->vcpus = nvcpus;
    }
    return 0;
}

int fl_test_domain_set_vcpus(virDomainPtr dom, unsigned int nvcpus)
{
    return fl_test_domain_set_vcpus_flags(dom, nvcpus, VIR_DOMAIN_AFFECT_LIVE);
}

int fl_test_domain_get_vcpus_flags(virDomainPtr dom, unsigned int flags)
{
    if (fl_check_flags(flags, LIVE_CONFIG | VIR_DOMAIN_VCPU_MAXIMUM) < 0)
        return -1;
    TEST_READ(dom);
    struct fl_test_domain *d = fl_test_domain_of(host, dom);
    struct fl_domain_def *def;
    if (!d || fl_test_domain_one_def(d, flags, &def) < 0)
        return -1;
    return flags & VIR_DOMAIN_VCPU_MAXIMUM ? def->max_vcpus : def->vcpus;
}

int fl_test_domain_get_max_vcpus(virDomainPtr dom)
{
    return fl_test_domain_get_vcpus_flags(dom, VIR_DOMAIN_AFFECT_LIVE | VIR_DOMAIN_VCPU_MAXIMUM);
}

/* <cputune><WHAT ATTR='id'>, or the plain <WHAT> when attr is NULL. */
static struct fl_xml_node *pin_find(const struct fl_domain_def *def, const char *what, const char *attr,
                                    unsigned int id)
{
    const struct fl_xml_node *cputune = fl_xml_child(def->root, "cputune");
    struct fl_xml_node *pin = cputune ? fl_xml_child(cputune, what) : NULL;
    while (pin && attr && fl_test_xml_attr_number(pin, attr) != id)
        pin = fl_xml_next(pin, what);
    return pin;
}

/* Which CPUs vcpu `id` may use: its own pin, else the <vcpu cpuset=>, else NULL = all. */
static const char *vcpu_cpuset(const struct fl_domain_def *def, unsigned int id)
{
    const struct fl_xml_node *pin = pin_find(def, "vcpupin", "vcpu", id);
    const struct fl_xml_node *vcpu = fl_xml_child(def->root, "vcpu");
    return pin ? fl_xml_get(pin, "cpuset") : vcpu ? fl_xml_get(vcpu, "cpuset") : NULL;
}

static void pin_set(struct fl_domain_def *def, const char *what, const char *attr, unsigned int id,
                    const char *cpuset)
{
    struct fl_xml_node *pin = pin_find(def, what, attr, id);
    if (!pin) {
        struct fl_xml_node *cputune = fl_test_domain_section(def, "cputune"), *before = NULL;
        struct fl_xml_node *same = fl_xml_child(cputune, what);
        if (same) {
            /* among its like, in the order of their ids */
            while (same && fl_test_xml_attr_number(same, attr) < id) {
                before = same->next;
                same = fl_xml_next(same, what);
            }
            pin = fl_xml_new(what);
            fl_xml_insert(cputune, pin, same ? same : before);
        } else {
            pin = fl_test_xml_child_in(cputune, what, cputune_order);
        }
        if (attr)
            fl_xml_setf(pin, attr, "%u", id);
    }
    fl_xml_set(pin, "cpuset", cpuset);
}

/* Used for I/O threads too. */
void fl_test_domain_set_pin(struct fl_domain_def *def, const char *what, const char *attr, unsigned int id,
                            const char *cpuset)
{
    if (cpuset) {
        pin_set(def, what, attr, id, cpuset);
        return;
    }
    struct fl_xml_node *pin = pin_find(def, what, attr, id);
    fl_xml_free(pin);
    fl_test_domain_section_prune(def, "cputune");
}

const char *fl_test_domain_get_pin(const struct fl_domain_def *def, const char *what, const char *attr,
                                   unsigned int id)
{
    const struct fl_xml_node *pin = pin_find(def, what, attr, id);
    return pin ? fl_xml_get(pin, "cpuset") : NULL;
}

int fl_test_domain_get_vcpus(virDomainPtr dom, virVcpuInfoPtr info, int maxinfo, unsigned char *cpumaps,
                             int maplen)
{
    TEST_READ(dom);
    struct fl_test_domain *d = fl_test_domain_of(host, dom);
    if (!d)
        return -1;
    if (!fl_test_domain_active(d))
        return fl_error(VIR_ERR_OPERATION_INVALID, "domain '%s' is not running, so its CPUs are nowhere",
                        dom->name);
    unsigned long long used = (unsigned long long)g_get_real_time() / 10;
    unsigned int ncpus = fl_test_host_cpus(host), maxlen = (ncpus + 7) / 8;
    g_autofree unsigned char *map = g_malloc0(maxlen);
    if (cpumaps)
        memset(cpumaps, 0, (size_t)maxinfo * maplen);
    int n = MIN((unsigned int)maxinfo, d->def->vcpus);
    for (int i = 0; i < n; i++) {
        const char *cpuset = vcpu_cpuset(d->def, i);
        fl_test_cpuset_to_map(cpuset, map, maxlen, ncpus);
        if (cpumaps)
            memcpy(cpumaps + (size_t)i * maplen, map, MIN((unsigned int)maplen, maxlen));
        if (!info)
            continue;
        info[i].number = i;
        info[i].state = VIR_VCPU_RUNNING;
        info[i].cpuTime = used;
        info[i].cpu = -1;
        for (unsigned int c = 0; c < ncpus; c++) {
            if ((map[c / 8] >> (c % 8)) & 1)
                info[i].cpu = c;
        }
    }
    return n;
}

int fl_test_domain_pin_vcpu_flags(virDomainPtr dom, unsigned int vcpu, unsigned char *cpumap, int maplen,
                                  unsigned int flags)
{
    if (fl_check_flags(flags, 0) < 0)
        return -1;
    TEST_WRITE(dom);
    struct fl_test_domain *d = fl_test_domain_of(host, dom);
    if (!d)
        return -1;
    if (!fl_test_domain_active(d))
        return fl_error(VIR_ERR_OPERATION_INVALID, "domain '%s' is not running, so its CPUs cannot be pinned",
                        dom->name);
    if (vcpu >= d->def->vcpus)
        return fl_error(VIR_ERR_INVALID_ARG, "domain '%s' has %u CPUs, there is no CPU %d", dom->name,
                        d->def->vcpus, (int)vcpu);
    g_autofree char *cpuset = fl_test_cpuset_from_map(cpumap, maplen, fl_test_host_cpus(host));
    pin_set(d->def, "vcpupin", "vcpu", vcpu, cpuset);
    return 0;
}

int fl_test_domain_pin_vcpu(virDomainPtr dom, unsigned int vcpu, unsigned char *cpumap, int maplen)
{
    return fl_test_domain_pin_vcpu_flags(dom, vcpu, cpumap, maplen, 0);
}

int fl_test_domain_get_vcpu_pin_info(virDomainPtr dom, int ncpumaps, unsigned char *cpumaps, int maplen,
                                     unsigned int flags)
{
    if (fl_check_flags(flags, LIVE_CONFIG) < 0)
        return -1;
    TEST_READ(dom);
    struct fl_test_domain *d = fl_test_domain_of(host, dom);
    struct fl_domain_def *def;
    if (!d || fl_test_domain_one_def(d, flags, &def) < 0)
        return -1;
    int n = MIN((unsigned int)ncpumaps, def->max_vcpus);
    for (int i = 0; i < n; i++)
        fl_test_cpuset_to_map(vcpu_cpuset(def, i), cpumaps + (size_t)i * maplen, maplen,
                              fl_test_host_cpus(host));
    return n;
}

int fl_test_domain_pin_emulator(virDomainPtr dom, unsigned char *cpumap, int maplen, unsigned int flags)
{
    if (fl_check_flags(flags, LIVE_CONFIG) < 0)
        return -1;
    TEST_WRITE(dom);
    struct fl_test_domain *d = fl_test_domain_of(host, dom);
    struct fl_domain_def *defs[2];
    if (!d || fl_test_domain_defs(d, flags, &defs[0], &defs[1]) < 0)
        return -1;
    g_autofree char *cpuset = fl_test_cpuset_from_map(cpumap, maplen, fl_test_host_cpus(host));
    if (!*cpuset)
        return fl_error(VIR_ERR_INVALID_ARG, "the emulator cannot be pinned to no CPU at all");
    for (int i = 0; i < 2; i++) {
        if (defs[i])
            pin_set(defs[i], "emulatorpin", NULL, 0, cpuset);
    }
    return 0;
}

int fl_test_domain_get_emulator_pin_info(virDomainPtr dom, unsigned char *cpumap, int maplen,
                                         unsigned int flags)
{
    if (fl_check_flags(flags, LIVE_CONFIG) < 0)
        return -1;
    TEST_READ(dom);
    struct fl_test_domain *d = fl_test_domain_of(host, dom);
    struct fl_domain_def *def;
    if (!d || fl_test_domain_one_def(d, flags, &def) < 0)
        return -1;
    const struct fl_xml_node *vcpu = fl_xml_child(def->root, "vcpu");
    const char *cpuset = fl_test_domain_get_pin(def, "emulatorpin", NULL, 0);
    fl_test_cpuset_to_map(cpuset ? cpuset
                          : vcpu ? fl_xml_get(vcpu, "cpuset")
                                 : NULL,
                          cpumap, maplen, fl_test_host_cpus(host));
    return 1;
}

/* Figures a CPU is said to have used, in ns. */
#define CPU_TIME(i)  (24386308517ULL + (i))
#define VCPU_TIME(i) (23151740627ULL + (i))

static void stat_set(virTypedParameterPtr p, const char *name, unsigned long long value)
{
    memset(p, 0, sizeof(*p));
    g_strlcpy(p->field, name, sizeof(p->field));
    p->type = VIR_TYPED_PARAM_ULLONG;
    p->value.ul = value;
}

static int cpu_stats_total(const struct fl_test_domain *d, virTypedParameterPtr params, unsigned int nparams)
{
    static const char *const names[] = { VIR_DOMAIN_CPU_STATS_CPUTIME, VIR_DOMAIN_CPU_STATS_USERTIME,
                                         VIR_DOMAIN_CPU_STATS_SYSTEMTIME };
    unsigned long long values[] = { 0, 5540000000ULL, 6460000000ULL };
    if (nparams == 0)
        return G_N_ELEMENTS(names);
    unsigned long long cpus = d->def->max_vcpus;
    values[0] = cpus * CPU_TIME(0) + cpus * (cpus - 1) / 2; /* all CPU_TIME(i) together */
    int n = MIN(nparams, G_N_ELEMENTS(names));
    for (int i = 0; i < n; i++)
        stat_set(&params[i], names[i], values[i]);
    return n;
}

int fl_test_domain_get_cpu_stats(virDomainPtr dom, virTypedParameterPtr params, unsigned int nparams,
                                 int start_cpu, unsigned int ncpus, unsigned int flags)
{
    if (fl_check_flags(flags, VIR_TYPED_PARAM_STRING_OKAY) < 0)
        return -1;
    TEST_READ(dom);
    struct fl_test_domain *d = fl_test_domain_running(host, dom);
    if (!d)
        return -1;
    if (start_cpu < 0)
        return cpu_stats_total(d, params, nparams);
    if (ncpus == 0)
        return d->def->max_vcpus;
    if (nparams == 0)
        return 2;
    if ((unsigned int)start_cpu >= d->def->max_vcpus)
        return fl_error(VIR_ERR_INVALID_ARG, "domain '%s' has %u CPUs, there is no CPU %d", dom->name,
                        d->def->max_vcpus, start_cpu);
    unsigned int last = MIN((unsigned long long)start_cpu + ncpus, d->def->max_vcpus);
    for (unsigned int cpu = start_cpu; cpu < last; cpu++) {
        virTypedParameterPtr p = &params[(size_t)(cpu - start_cpu) * nparams];
        stat_set(&p[0], VIR_DOMAIN_CPU_STATS_CPUTIME, CPU_TIME(cpu));
        if (nparams > 1)
            stat_set(&p[1], VIR_DOMAIN_CPU_STATS_VCPUTIME, VCPU_TIME(cpu));
    }
    return MIN(nparams, 2u);
}
