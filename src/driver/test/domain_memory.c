/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A domain's memory: sizes, statistics, peeking, limits. */
#define FL_FROM VIR_FROM_TEST
#include "driver/test/domain.h"
#include "driver/test/ops.h"
#include "driver/test/params.h"

#define LIVE_CONFIG (VIR_DOMAIN_AFFECT_LIVE | VIR_DOMAIN_AFFECT_CONFIG)

unsigned long fl_test_domain_get_max_memory(virDomainPtr dom)
{
    TEST_READ(dom);
    struct fl_test_domain *d = fl_test_domain_of(host, dom);
    return d ? d->def->memory : 0;
}

int fl_test_domain_set_memory_flags(virDomainPtr dom, unsigned long memory, unsigned int flags)
{
    if (fl_check_flags(flags, LIVE_CONFIG | VIR_DOMAIN_MEM_MAXIMUM) < 0)
        return -1;
    if (memory == 0)
        return fl_error_set(VIR_FROM_DOMAIN, VIR_ERR_INVALID_ARG, "a domain cannot have 0 KiB of memory");
    TEST_WRITE(dom);
    struct fl_test_domain *d = fl_test_domain_of(host, dom);
    struct fl_domain_def *def;
    if (!d || fl_test_domain_one_def(d, flags, &def) < 0)
        return -1;
    if (flags & VIR_DOMAIN_MEM_MAXIMUM) {
        if (fl_test_domain_active(d) && def == d->def)
            return fl_error(VIR_ERR_OPERATION_INVALID,
                            "the maximum memory of '%s' cannot change while it runs", dom->name);
        def->memory = memory;
        def->cur_memory = MIN(def->cur_memory, def->memory);
        return 0;
    }
    if (memory > def->memory)
        return fl_error(VIR_ERR_INVALID_ARG, "%lu KiB are more than the maximum of '%s', %llu KiB", memory,
                        dom->name, def->memory);
    def->cur_memory = memory;
    return 0;
}

int fl_test_domain_set_memory(virDomainPtr dom, unsigned long memory)
{
    return fl_test_domain_set_memory_flags(dom, memory, VIR_DOMAIN_AFFECT_LIVE);
}

int fl_test_domain_set_max_memory(virDomainPtr dom, unsigned long memory)
{
    return fl_test_domain_set_memory_flags(dom, memory, VIR_DOMAIN_MEM_MAXIMUM);
}

int fl_test_domain_memory_stats(virDomainPtr dom, virDomainMemoryStatPtr stats, unsigned int nr,
                                unsigned int flags)
{
    if (fl_check_flags(flags, 0) < 0)
        return -1;
    TEST_READ(dom);
    struct fl_test_domain *d = fl_test_domain_running(host, dom);
    if (!d)
        return -1;
    unsigned long long cur = d->def->cur_memory;
    const virDomainMemoryStatStruct all[] = {
        { VIR_DOMAIN_MEMORY_STAT_ACTUAL_BALLOON, cur },
        { VIR_DOMAIN_MEMORY_STAT_SWAP_IN, 0 },
        { VIR_DOMAIN_MEMORY_STAT_SWAP_OUT, 0 },
        { VIR_DOMAIN_MEMORY_STAT_MAJOR_FAULT, 0 },
        { VIR_DOMAIN_MEMORY_STAT_MINOR_FAULT, 0 },
        { VIR_DOMAIN_MEMORY_STAT_UNUSED, cur / 2 },
        { VIR_DOMAIN_MEMORY_STAT_AVAILABLE, cur },
        { VIR_DOMAIN_MEMORY_STAT_USABLE, cur / 2 },
        { VIR_DOMAIN_MEMORY_STAT_LAST_UPDATE, 627319920 },
        { VIR_DOMAIN_MEMORY_STAT_DISK_CACHES, cur / 8 },
        { VIR_DOMAIN_MEMORY_STAT_HUGETLB_PGALLOC, 0 },
        { VIR_DOMAIN_MEMORY_STAT_HUGETLB_PGFAIL, 0 },
        { VIR_DOMAIN_MEMORY_STAT_RSS, cur / 2 },
    };
    unsigned int n = MIN(nr, G_N_ELEMENTS(all));
    for (unsigned int i = 0; i < n; i++)
        stats[i] = all[i];
    return n;
}

int fl_test_domain_memory_peek(virDomainPtr dom, unsigned long long start, size_t size, void *buffer,
                               unsigned int flags)
{
    if (fl_check_flags(flags, VIR_MEMORY_VIRTUAL | VIR_MEMORY_PHYSICAL) < 0)
        return -1;
    TEST_READ(dom);
    if (!fl_test_domain_running(host, dom))
        return -1;
    for (size_t i = 0; i < size; i++)
        ((unsigned char *)buffer)[i] = (start + i) % 256;
    return 0;
}

int fl_test_domain_set_memory_stats_period(virDomainPtr dom, int period, unsigned int flags)
{
    if (fl_check_flags(flags, LIVE_CONFIG) < 0)
        return -1;
    if (period < 0)
        return fl_error_set(VIR_FROM_DOMAIN, VIR_ERR_INVALID_ARG,
                            "a collection period of %d seconds is negative", period);
    TEST_WRITE(dom);
    struct fl_test_domain *d = fl_test_domain_of(host, dom);
    struct fl_domain_def *defs[2];
    if (!d || fl_test_domain_defs(d, flags, &defs[0], &defs[1]) < 0)
        return -1;
    for (int i = 0; i < 2; i++) {
        struct fl_xml_node *balloon = defs[i] ? fl_domain_device_first(defs[i], "memballoon") : NULL;
        if (!defs[i])
            continue;
        if (!balloon || fl_xml_is(balloon, "model", "none"))
            return fl_error(VIR_ERR_INTERNAL_ERROR,
                            "'%s' has no memory balloon, whose statistics are what the period is for",
                            dom->name);
        struct fl_xml_node *stats = fl_xml_child(balloon, "stats");
        if (!stats) {
            stats = fl_xml_new("stats");
            fl_xml_insert(balloon, stats, balloon->first);
        }
        fl_xml_setf(stats, "period", "%d", period);
        if (period == 0)
            fl_xml_free(stats);
    }
    return 0;
}

/* <memtune>'s children in the order of output, and the parameters they are. */
static const struct {
    const char *param, *element;
} limits[] = {
    { VIR_DOMAIN_MEMORY_HARD_LIMIT, "hard_limit" },
    { VIR_DOMAIN_MEMORY_SOFT_LIMIT, "soft_limit" },
    { VIR_DOMAIN_MEMORY_SWAP_HARD_LIMIT, "swap_hard_limit" },
};
static const char *const memtune_order[] = { "hard_limit", "soft_limit", "min_guarantee", "swap_hard_limit",
                                             NULL };

int fl_test_domain_get_memory_parameters(virDomainPtr dom, virTypedParameterPtr params, int *nparams,
                                         unsigned int flags)
{
    if (fl_check_flags(flags, LIVE_CONFIG | VIR_TYPED_PARAM_STRING_OKAY) < 0)
        return -1;
    TEST_READ(dom);
    struct fl_test_domain *d = fl_test_domain_of(host, dom);
    struct fl_domain_def *def;
    if (!d || fl_test_domain_one_def(d, flags, &def) < 0)
        return -1;
    const struct fl_xml_node *memtune = fl_xml_child(def->root, "memtune");
    struct fl_test_param values[G_N_ELEMENTS(limits)];
    for (gsize i = 0; i < G_N_ELEMENTS(limits); i++)
        values[i] = (struct fl_test_param){
            limits[i].param,
            VIR_TYPED_PARAM_ULLONG,
            { .ull = fl_test_xml_number(memtune, limits[i].element, VIR_DOMAIN_MEMORY_PARAM_UNLIMITED) }
        };
    return fl_test_params_answer(values, G_N_ELEMENTS(values), params, nparams);
}

static void limit_set(struct fl_domain_def *def, const char *element, unsigned long long kib)
{
    struct fl_xml_node *memtune = fl_test_domain_section(def, "memtune");
    struct fl_xml_node *node = fl_test_xml_child_in(memtune, element, memtune_order);
    fl_xml_set(node, "unit", "KiB");
    fl_xml_set_textf(node, "%llu", kib);
    if (kib >= VIR_DOMAIN_MEMORY_PARAM_UNLIMITED)
        fl_xml_free(node);
    fl_test_domain_section_prune(def, "memtune");
}

int fl_test_domain_set_memory_parameters(virDomainPtr dom, virTypedParameterPtr params, int nparams,
                                         unsigned int flags)
{
    static const struct fl_param_rule rules[] = {
        { VIR_DOMAIN_MEMORY_HARD_LIMIT, VIR_TYPED_PARAM_ULLONG, false },
        { VIR_DOMAIN_MEMORY_SOFT_LIMIT, VIR_TYPED_PARAM_ULLONG, false },
        { VIR_DOMAIN_MEMORY_SWAP_HARD_LIMIT, VIR_TYPED_PARAM_ULLONG, false },
        { NULL, 0, false },
    };
    if (fl_check_flags(flags, LIVE_CONFIG) < 0 || fl_params_check(params, nparams, rules) < 0)
        return -1;
    TEST_WRITE(dom);
    struct fl_test_domain *d = fl_test_domain_of(host, dom);
    struct fl_domain_def *def;
    if (!d || fl_test_domain_one_def(d, flags, &def) < 0)
        return -1;
    const struct fl_xml_node *memtune = fl_xml_child(def->root, "memtune");
    const virTypedParameter *hard = fl_test_params_get(params, nparams, VIR_DOMAIN_MEMORY_HARD_LIMIT);
    const virTypedParameter *swap = fl_test_params_get(params, nparams, VIR_DOMAIN_MEMORY_SWAP_HARD_LIMIT);
    unsigned long long none = VIR_DOMAIN_MEMORY_PARAM_UNLIMITED;
    unsigned long long hard_kib = hard ? hard->value.ul : fl_test_xml_number(memtune, "hard_limit", none);
    unsigned long long swap_kib =
        swap ? swap->value.ul : fl_test_xml_number(memtune, "swap_hard_limit", none);
    if ((hard || swap) && hard_kib > swap_kib)
        return fl_error(VIR_ERR_INVALID_ARG,
                        "hard_limit (%llu KiB) must not exceed swap_hard_limit (%llu KiB)", hard_kib,
                        swap_kib);
    for (gsize i = 0; i < G_N_ELEMENTS(limits); i++) {
        const virTypedParameter *p = fl_test_params_get(params, nparams, limits[i].param);
        if (p)
            limit_set(def, limits[i].element, p->value.ul);
    }
    return 0;
}
