/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Scheduler, NUMA memory, performance events and interface bandwidth. */
#define FL_FROM VIR_FROM_TEST
#include <string.h>
#include "driver/test/domain.h"
#include "driver/test/ops.h"
#include "driver/test/params.h"

#define LIVE_CONFIG (VIR_DOMAIN_AFFECT_LIVE | VIR_DOMAIN_AFFECT_CONFIG)

char *fl_test_domain_get_scheduler_type(virDomainPtr dom, int *nparams)
{
    if (nparams)
        *nparams = 1;
    return g_strdup("fair");
}

int fl_test_domain_get_scheduler_parameters_flags(virDomainPtr dom, virTypedParameterPtr params, int *nparams,
                                                  unsigned int flags)
{
    static const struct fl_test_param weight = { VIR_DOMAIN_SCHEDULER_WEIGHT,
                                                 VIR_TYPED_PARAM_UINT,
                                                 { .ull = 50 } };
    if (fl_check_flags(flags, 0) < 0)
        return -1;
    TEST_READ(dom);
    return fl_test_domain_of(host, dom) ? fl_test_params_answer(&weight, 1, params, nparams) : -1;
}

int fl_test_domain_get_scheduler_parameters(virDomainPtr dom, virTypedParameterPtr params, int *nparams)
{
    return fl_test_domain_get_scheduler_parameters_flags(dom, params, nparams, 0);
}

int fl_test_domain_set_scheduler_parameters_flags(virDomainPtr dom, virTypedParameterPtr params, int nparams,
                                                  unsigned int flags)
{
    static const struct fl_param_rule rules[] = {
        { VIR_DOMAIN_SCHEDULER_WEIGHT, VIR_TYPED_PARAM_UINT, false }, { NULL, 0, false }
    };
    if (fl_check_flags(flags, 0) < 0 || fl_params_check(params, nparams, rules) < 0)
        return -1;
    /* Compat: the peer takes a weight and keeps answering 50. */
    TEST_READ(dom);
    return fl_test_domain_of(host, dom) ? 0 : -1;
}

int fl_test_domain_set_scheduler_parameters(virDomainPtr dom, virTypedParameterPtr params, int nparams)
{
    return fl_test_domain_set_scheduler_parameters_flags(dom, params, nparams, 0);
}

static const char *const numa_modes[] = { "strict", "preferred", "interleave", "restrictive" };

static struct fl_xml_node *numa_memory(const struct fl_domain_def *def)
{
    const struct fl_xml_node *numatune = fl_xml_child(def->root, "numatune");
    return numatune ? fl_xml_child(numatune, "memory") : NULL;
}

static int numa_mode_of(const struct fl_xml_node *memory)
{
    for (gsize i = 0; memory && i < G_N_ELEMENTS(numa_modes); i++) {
        if (fl_xml_is(memory, "mode", numa_modes[i]))
            return i;
    }
    return 0;
}

int fl_test_domain_get_numa_parameters(virDomainPtr dom, virTypedParameterPtr params, int *nparams,
                                       unsigned int flags)
{
    if (fl_check_flags(flags, LIVE_CONFIG | VIR_TYPED_PARAM_STRING_OKAY) < 0)
        return -1;
    TEST_READ(dom);
    struct fl_test_domain *d = fl_test_domain_of(host, dom);
    struct fl_domain_def *def;
    if (!d || fl_test_domain_one_def(d, flags, &def) < 0)
        return -1;
    const struct fl_xml_node *memory = numa_memory(def);
    const struct fl_test_param values[] = {
        { VIR_DOMAIN_NUMA_MODE, VIR_TYPED_PARAM_INT, { .ull = numa_mode_of(memory) } },
        { VIR_DOMAIN_NUMA_NODESET,
          VIR_TYPED_PARAM_STRING,
          { .s = memory ? fl_xml_get(memory, "nodeset") : "" } },
    };
    return fl_test_params_answer(values, G_N_ELEMENTS(values), params, nparams);
}

/* "0-1,3" and nothing else; domain of the error is nobody's, as with the peer. */
static int check_nodeset(const char *text)
{
    if (*text && strspn(text, "0123456789-,^") == strlen(text) && g_ascii_isdigit(text[strlen(text) - 1]) &&
        text[0] != '-' && text[0] != ',')
        return 0;
    return fl_error_set(VIR_FROM_NONE, VIR_ERR_INVALID_ARG, "'%s' is no set of NUMA nodes such as 0-1,3",
                        text);
}

int fl_test_domain_set_numa_parameters(virDomainPtr dom, virTypedParameterPtr params, int nparams,
                                       unsigned int flags)
{
    static const struct fl_param_rule rules[] = { { VIR_DOMAIN_NUMA_MODE, VIR_TYPED_PARAM_INT, false },
                                                  { VIR_DOMAIN_NUMA_NODESET, VIR_TYPED_PARAM_STRING, false },
                                                  { NULL, 0, false } };
    if (fl_check_flags(flags, LIVE_CONFIG) < 0 || fl_params_check(params, nparams, rules) < 0)
        return -1;
    const virTypedParameter *mode = fl_test_params_get(params, nparams, VIR_DOMAIN_NUMA_MODE);
    const virTypedParameter *nodeset = fl_test_params_get(params, nparams, VIR_DOMAIN_NUMA_NODESET);
    if (mode && (mode->value.i < 0 || mode->value.i >= (int)G_N_ELEMENTS(numa_modes)))
        return fl_error(VIR_ERR_INVALID_ARG, "%d is no NUMA memory mode", mode->value.i);
    if (nodeset && check_nodeset(nodeset->value.s) < 0)
        return -1;
    TEST_WRITE(dom);
    struct fl_test_domain *d = fl_test_domain_of(host, dom);
    struct fl_domain_def *def;
    if (!d || fl_test_domain_one_def(d, flags, &def) < 0)
        return -1;
    const struct fl_xml_node *old = numa_memory(def);
    if (mode && fl_test_domain_active(d) && def == d->def && mode->value.i != numa_mode_of(old))
        return fl_error(VIR_ERR_OPERATION_INVALID, "the NUMA memory mode of '%s' cannot change while it runs",
                        dom->name);
    if (!nodeset && !(old && fl_xml_get(old, "nodeset")))
        return fl_error(VIR_ERR_CONFIG_UNSUPPORTED,
                        "a NUMA memory mode needs numa_nodeset, the nodes it is about");
    struct fl_xml_node *memory = numa_memory(def);
    if (!memory)
        memory = fl_xml_add(fl_test_domain_section(def, "numatune"), "memory");
    if (mode || !fl_xml_get(memory, "mode"))
        fl_xml_set(memory, "mode", numa_modes[mode ? mode->value.i : 0]);
    if (nodeset)
        fl_xml_set(memory, "nodeset", nodeset->value.s);
    return 0;
}

/* In the order of answer; their element is <event name= enabled=/>. */
static const char *const perf_events[] = {
    VIR_PERF_PARAM_CMT,
    VIR_PERF_PARAM_MBMT,
    VIR_PERF_PARAM_MBML,
    VIR_PERF_PARAM_CPU_CYCLES,
    VIR_PERF_PARAM_INSTRUCTIONS,
    VIR_PERF_PARAM_CACHE_REFERENCES,
    VIR_PERF_PARAM_CACHE_MISSES,
    VIR_PERF_PARAM_BRANCH_INSTRUCTIONS,
    VIR_PERF_PARAM_BRANCH_MISSES,
    VIR_PERF_PARAM_BUS_CYCLES,
    VIR_PERF_PARAM_STALLED_CYCLES_FRONTEND,
    VIR_PERF_PARAM_STALLED_CYCLES_BACKEND,
    VIR_PERF_PARAM_REF_CPU_CYCLES,
    VIR_PERF_PARAM_CPU_CLOCK,
    VIR_PERF_PARAM_TASK_CLOCK,
    VIR_PERF_PARAM_PAGE_FAULTS,
    VIR_PERF_PARAM_CONTEXT_SWITCHES,
    VIR_PERF_PARAM_CPU_MIGRATIONS,
    VIR_PERF_PARAM_PAGE_FAULTS_MIN,
    VIR_PERF_PARAM_PAGE_FAULTS_MAJ,
    VIR_PERF_PARAM_ALIGNMENT_FAULTS,
    VIR_PERF_PARAM_EMULATION_FAULTS,
};

static struct fl_xml_node *perf_find(const struct fl_domain_def *def, const char *name)
{
    const struct fl_xml_node *perf = fl_xml_child(def->root, "perf");
    struct fl_xml_node *event = perf ? fl_xml_child(perf, "event") : NULL;
    while (event && !fl_xml_is(event, "name", name))
        event = fl_xml_next(event, "event");
    return event;
}

int fl_test_domain_get_perf_events(virDomainPtr dom, virTypedParameterPtr *params, int *nparams,
                                   unsigned int flags)
{
    if (fl_check_flags(flags, LIVE_CONFIG | VIR_TYPED_PARAM_STRING_OKAY) < 0)
        return -1;
    TEST_READ(dom);
    struct fl_test_domain *d = fl_test_domain_of(host, dom);
    struct fl_domain_def *def;
    if (!d || fl_test_domain_one_def(d, flags, &def) < 0)
        return -1;
    struct fl_params list = { 0 };
    for (gsize i = 0; i < G_N_ELEMENTS(perf_events); i++) {
        const struct fl_xml_node *event = perf_find(def, perf_events[i]);
        fl_params_add_boolean(&list, perf_events[i], event && fl_xml_is(event, "enabled", "yes"));
    }
    fl_params_take(&list, params, nparams);
    return 0;
}

int fl_test_domain_set_perf_events(virDomainPtr dom, virTypedParameterPtr params, int nparams,
                                   unsigned int flags)
{
    struct fl_param_rule rules[G_N_ELEMENTS(perf_events) + 1] = { 0 };
    for (gsize i = 0; i < G_N_ELEMENTS(perf_events); i++)
        rules[i] = (struct fl_param_rule){ perf_events[i], VIR_TYPED_PARAM_BOOLEAN, false };
    if (fl_check_flags(flags, LIVE_CONFIG) < 0 || fl_params_check(params, nparams, rules) < 0)
        return -1;
    TEST_WRITE(dom);
    struct fl_test_domain *d = fl_test_domain_of(host, dom);
    struct fl_domain_def *defs[2];
    if (!d || fl_test_domain_defs(d, flags, &defs[0], &defs[1]) < 0)
        return -1;
    for (int i = 0; i < 2 * nparams; i++) {
        struct fl_domain_def *def = defs[i % 2];
        if (!def)
            continue;
        struct fl_xml_node *event = perf_find(def, params[i / 2].field);
        if (!event)
            event = fl_xml_add(fl_test_domain_section(def, "perf"), "event");
        fl_xml_set(event, "name", params[i / 2].field);
        fl_xml_set(event, "enabled", params[i / 2].value.b ? "yes" : "no");
    }
    return 0;
}

/* The parameters and the <bandwidth> attributes they are. */
static const struct {
    const char *param, *element, *attr;
} bandwidth[] = {
    { VIR_DOMAIN_BANDWIDTH_IN_AVERAGE, "inbound", "average" },
    { VIR_DOMAIN_BANDWIDTH_IN_PEAK, "inbound", "peak" },
    { VIR_DOMAIN_BANDWIDTH_IN_BURST, "inbound", "burst" },
    { VIR_DOMAIN_BANDWIDTH_IN_FLOOR, "inbound", "floor" },
    { VIR_DOMAIN_BANDWIDTH_OUT_AVERAGE, "outbound", "average" },
    { VIR_DOMAIN_BANDWIDTH_OUT_PEAK, "outbound", "peak" },
    { VIR_DOMAIN_BANDWIDTH_OUT_BURST, "outbound", "burst" },
};

static struct fl_xml_node *interface_find(const struct fl_domain_def *def, const char *device)
{
    struct fl_xml_node *iface = fl_domain_interface_by(def, device);
    if (!iface)
        fl_error_set(VIR_FROM_DOMAIN, VIR_ERR_INVALID_ARG, "domain '%s' has no interface '%s'", def->name,
                     device);
    return iface;
}

static struct fl_xml_node *bandwidth_side(const struct fl_xml_node *iface, const char *side)
{
    const struct fl_xml_node *bw = fl_xml_child(iface, "bandwidth");
    return bw ? fl_xml_child(bw, side) : NULL;
}

int fl_test_domain_get_interface_parameters(virDomainPtr dom, const char *device, virTypedParameterPtr params,
                                            int *nparams, unsigned int flags)
{
    if (fl_check_flags(flags, LIVE_CONFIG | VIR_TYPED_PARAM_STRING_OKAY) < 0)
        return -1;
    TEST_READ(dom);
    struct fl_test_domain *d = fl_test_domain_of(host, dom);
    struct fl_domain_def *def;
    struct fl_xml_node *iface;
    if (!d || fl_test_domain_one_def(d, flags, &def) < 0 || !(iface = interface_find(def, device)))
        return -1;
    struct fl_test_param values[G_N_ELEMENTS(bandwidth)];
    for (gsize i = 0; i < G_N_ELEMENTS(bandwidth); i++) {
        unsigned long long v =
            fl_test_xml_attr_number(bandwidth_side(iface, bandwidth[i].element), bandwidth[i].attr);
        values[i] = (struct fl_test_param){ bandwidth[i].param, VIR_TYPED_PARAM_UINT, { .ull = v } };
    }
    return fl_test_params_answer(values, G_N_ELEMENTS(values), params, nparams);
}

/* <inbound> with its attributes in the order of output. */
static void side_write(struct fl_xml_node *bw, const char *side, const unsigned int *v)
{
    static const char *const attrs[] = { "average", "peak", "floor", "burst" };
    struct fl_xml_node *old = fl_xml_child(bw, side);
    fl_xml_free(old);
    if (!v[0] && !v[2])
        return;
    struct fl_xml_node *node = fl_xml_new(side);
    fl_xml_insert(bw, node, strcmp(side, "inbound") == 0 ? bw->first : NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(attrs); i++) {
        if (v[i])
            fl_xml_setf(node, attrs[i], "%u", v[i]);
    }
}

/* One direction: what is given replaces what is there; an average of 0 takes the direction away. */
static void side_update(struct fl_xml_node *bw, const char *side, virTypedParameterPtr params, int nparams)
{
    static const char *const attrs[] = { "average", "peak", "floor", "burst" };
    unsigned int v[4];
    bool given[4] = { false }, any = false;
    const struct fl_xml_node *node = fl_xml_child(bw, side);
    for (int a = 0; a < 4; a++) {
        v[a] = fl_test_xml_attr_number(node, attrs[a]);
        for (gsize i = 0; i < G_N_ELEMENTS(bandwidth); i++) {
            const virTypedParameter *p =
                strcmp(bandwidth[i].element, side) == 0 && strcmp(bandwidth[i].attr, attrs[a]) == 0
                    ? fl_test_params_get(params, nparams, bandwidth[i].param)
                    : NULL;
            if (p) {
                given[a] = any = true;
                v[a] = p->value.ui;
            }
        }
    }
    /* Compat: without an average or a floor among what is given, nothing changes. */
    if (any && (given[0] || given[2]))
        side_write(bw, side, v);
}

/* Where <bandwidth> stands in <interface>: after these. */
static struct fl_xml_node *bandwidth_make(struct fl_xml_node *iface)
{
    static const char *const order[] = {
        "mac",           "source",    "virtualport", "ip",   "route",  "script",  "downscript",
        "backenddomain", "bandwidth", "vlan",        "port", "target", "guest",   "model",
        "driver",        "backend",   "filterref",   "tune", "link",   "mtu",     "coalesce",
        "teaming",       "boot",      "rom",         "acpi", "alias",  "address", NULL
    };
    struct fl_xml_node *bw = fl_test_xml_child_in(iface, "bandwidth", order);
    bw->flags |= FL_XML_OPEN;
    return bw;
}

int fl_test_domain_set_interface_parameters(virDomainPtr dom, const char *device, virTypedParameterPtr params,
                                            int nparams, unsigned int flags)
{
    struct fl_param_rule rules[G_N_ELEMENTS(bandwidth) + 1] = { 0 };
    for (gsize i = 0; i < G_N_ELEMENTS(bandwidth); i++)
        rules[i] = (struct fl_param_rule){ bandwidth[i].param, VIR_TYPED_PARAM_UINT, false };
    if (fl_check_flags(flags, LIVE_CONFIG) < 0 || fl_params_check(params, nparams, rules) < 0)
        return -1;
    TEST_WRITE(dom);
    struct fl_test_domain *d = fl_test_domain_of(host, dom);
    struct fl_domain_def *def;
    struct fl_xml_node *iface;
    if (!d || fl_test_domain_one_def(d, flags, &def) < 0 || !(iface = interface_find(def, device)))
        return -1;
    struct fl_xml_node *bw = bandwidth_make(iface);
    side_update(bw, "inbound", params, nparams);
    side_update(bw, "outbound", params, nparams);
    return 0;
}
