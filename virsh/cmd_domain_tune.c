/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Parameters of a domain: memory, block I/O, NUMA, scheduler, bandwidth,
 * performance events. Each command shows them all, or sets those given.
 */
#include "shell.h"
#include "handlers.h"

#include <stdlib.h>
#include <string.h>

/* An option and the parameter it sets. */
struct tunable {
    const char *option;
    const char *field;
    int type;
    bool kib; /* a size with units, in KiB */
};

struct params {
    virTypedParameterPtr list;
    int n, max;
};

static int collect(struct fl_call *c, const struct tunable *table, size_t count, struct params *p)
{
    for (size_t i = 0; i < count; i++) {
        const char *text = fl_arg(c, table[i].option);
        unsigned long long value = 0;
        long long negative;

        if (!text)
            continue;
        if (!table[i].kib) {
            if (fl_param_from_text(c, &p->list, &p->n, &p->max, table[i].field, table[i].type, text) < 0)
                return -1;
            continue;
        }
        negative = strtoll(text, NULL, 10);
        if (negative < 0)
            value = VIR_DOMAIN_MEMORY_PARAM_UNLIMITED;
        else if (fl_arg_size(c, table[i].option, 1024, G_MAXUINT64, &value) < 0)
            return -1;
        else
            value /= 1024;
        virTypedParamsAddULLong(&p->list, &p->n, &p->max, table[i].field, value);
    }
    return 0;
}

static bool is_unlimited(const virTypedParameter *p)
{
    return p->type == VIR_TYPED_PARAM_ULLONG && p->value.ul == VIR_DOMAIN_MEMORY_PARAM_UNLIMITED;
}

static char *limit_text(const virTypedParameter *p)
{
    return is_unlimited(p) ? g_strdup("unlimited") : fl_param_text(p);
}

static void show(struct fl_call *c, virTypedParameterPtr list, int n,
                 char *(*text_of)(const virTypedParameter *p))
{
    if (fl_json(c))
        fl_params_json(fl_document(c), list, n);
    for (int i = 0; i < n; i++) {
        g_autofree char *text = text_of(&list[i]);

        if (fl_json(c) && text_of == limit_text && is_unlimited(&list[i]))
            fl_json_set_text(fl_document(c), list[i].field, "-"); /* null */
        fl_out(c, "%-15s: %s\n", list[i].field, text);
    }
}

typedef int (*get_params)(virDomainPtr dom, virTypedParameterPtr params, int *n, unsigned int flags);
typedef int (*set_params)(virDomainPtr dom, virTypedParameterPtr params, int n, unsigned int flags);

static int get_and_show(struct fl_call *c, get_params get, unsigned int flags, const char *what,
                        char *(*text_of)(const virTypedParameter *p))
{
    virTypedParameterPtr list;
    int n = 0, status = 0;

    if (get(c->dom, NULL, &n, flags) < 0)
        return fl_fail(c, "failed to get the %s of domain '%s'", what, virDomainGetName(c->dom));
    list = g_new0(virTypedParameter, n + 1);
    if (get(c->dom, list, &n, flags) < 0)
        status = fl_fail(c, "failed to get the %s of domain '%s'", what, virDomainGetName(c->dom));
    else
        show(c, list, n, text_of);
    virTypedParamsClear(list, n);
    g_free(list);
    return status;
}

static int tune(struct fl_call *c, const struct tunable *table, size_t count, get_params get, set_params set,
                const char *what, char *(*text_of)(const virTypedParameter *p))
{
    struct params p = { NULL, 0, 0 };
    unsigned int flags = 0;
    int status = fl_affect(c, &flags) < 0 || collect(c, table, count, &p) < 0 ? -1 : 0;

    if (status == 0 && p.n == 0)
        status = get_and_show(c, get, flags, what, text_of);
    else if (status == 0 && set(c->dom, p.list, p.n, flags) < 0)
        status = fl_fail(c, "failed to change the %s of domain '%s'", what, virDomainGetName(c->dom));
    virTypedParamsFree(p.list, p.n);
    return status;
}

int fl_cmd_memtune(struct fl_call *c)
{
    static const struct tunable table[] = {
        { "hard-limit", VIR_DOMAIN_MEMORY_HARD_LIMIT, VIR_TYPED_PARAM_ULLONG, true },
        { "soft-limit", VIR_DOMAIN_MEMORY_SOFT_LIMIT, VIR_TYPED_PARAM_ULLONG, true },
        { "swap-hard-limit", VIR_DOMAIN_MEMORY_SWAP_HARD_LIMIT, VIR_TYPED_PARAM_ULLONG, true },
        { "min-guarantee", VIR_DOMAIN_MEMORY_MIN_GUARANTEE, VIR_TYPED_PARAM_ULLONG, true },
    };

    return tune(c, table, G_N_ELEMENTS(table), virDomainGetMemoryParameters, virDomainSetMemoryParameters,
                "memory limits", limit_text);
}

int fl_cmd_blkiotune(struct fl_call *c)
{
    static const struct tunable table[] = {
        { "weight", VIR_DOMAIN_BLKIO_WEIGHT, VIR_TYPED_PARAM_UINT, false },
        { "device-weights", VIR_DOMAIN_BLKIO_DEVICE_WEIGHT, VIR_TYPED_PARAM_STRING, false },
        { "device-read-iops-sec", VIR_DOMAIN_BLKIO_DEVICE_READ_IOPS, VIR_TYPED_PARAM_STRING, false },
        { "device-write-iops-sec", VIR_DOMAIN_BLKIO_DEVICE_WRITE_IOPS, VIR_TYPED_PARAM_STRING, false },
        { "device-read-bytes-sec", VIR_DOMAIN_BLKIO_DEVICE_READ_BPS, VIR_TYPED_PARAM_STRING, false },
        { "device-write-bytes-sec", VIR_DOMAIN_BLKIO_DEVICE_WRITE_BPS, VIR_TYPED_PARAM_STRING, false },
    };

    int weight = 1;

    if (fl_arg_int(c, "weight", &weight) < 0)
        return -1;
    if (weight < 1)
        return fl_wrong(c, "option --weight is 1 or more, not %d", weight);
    return tune(c, table, G_N_ELEMENTS(table), virDomainGetBlkioParameters, virDomainSetBlkioParameters,
                "block I/O weights", fl_param_text);
}

static const char *const numa_modes[] = { "strict", "preferred", "interleave", "restrictive" };

static char *numa_text(const virTypedParameter *p)
{
    if (p->type == VIR_TYPED_PARAM_INT && strcmp(p->field, VIR_DOMAIN_NUMA_MODE) == 0)
        return g_strdup(FL_NAME(numa_modes, p->value.i));
    return fl_param_text(p);
}

int fl_cmd_numatune(struct fl_call *c)
{
    const char *mode = fl_arg(c, "mode"), *nodeset = fl_arg(c, "nodeset");
    struct params p = { NULL, 0, 0 };
    unsigned int flags = 0;
    int status, number = -1;

    if (fl_affect(c, &flags) < 0)
        return -1;
    if (!mode && !nodeset)
        return get_and_show(c, virDomainGetNumaParameters, flags, "NUMA placement", numa_text);
    for (int i = 0; mode && i < (int)G_N_ELEMENTS(numa_modes); i++)
        if (strcmp(numa_modes[i], mode) == 0 || (mode[0] == '0' + i && !mode[1]))
            number = i;
    if (mode && number < 0)
        return fl_wrong(c, "option --mode: '%s' is none of strict, preferred, interleave, restrictive", mode);
    if (nodeset)
        virTypedParamsAddString(&p.list, &p.n, &p.max, VIR_DOMAIN_NUMA_NODESET, nodeset);
    if (mode)
        virTypedParamsAddInt(&p.list, &p.n, &p.max, VIR_DOMAIN_NUMA_MODE, number);
    status = fl_kept(c, virDomainSetNumaParameters(c->dom, p.list, p.n, flags));
    virTypedParamsFree(p.list, p.n);
    return status < 0
               ? fl_fail(c, "failed to change the NUMA placement of domain '%s'", virDomainGetName(c->dom))
               : 0;
}

int fl_cmd_blkdeviotune(struct fl_call *c)
{
#define RATE(option, field)                                                                                  \
    {                                                                                                        \
        option, field, VIR_TYPED_PARAM_ULLONG, false                                                         \
    }
    static const struct tunable table[] = {
        RATE("total-bytes-sec", "total_bytes_sec"),
        RATE("read-bytes-sec", "read_bytes_sec"),
        RATE("write-bytes-sec", "write_bytes_sec"),
        RATE("total-iops-sec", "total_iops_sec"),
        RATE("read-iops-sec", "read_iops_sec"),
        RATE("write-iops-sec", "write_iops_sec"),
        RATE("total-bytes-sec-max", "total_bytes_sec_max"),
        RATE("read-bytes-sec-max", "read_bytes_sec_max"),
        RATE("write-bytes-sec-max", "write_bytes_sec_max"),
        RATE("total-iops-sec-max", "total_iops_sec_max"),
        RATE("read-iops-sec-max", "read_iops_sec_max"),
        RATE("write-iops-sec-max", "write_iops_sec_max"),
        RATE("size-iops-sec", "size_iops_sec"),
        { "group-name", "group_name", VIR_TYPED_PARAM_STRING, false },
        RATE("total-bytes-sec-max-length", "total_bytes_sec_max_length"),
        RATE("read-bytes-sec-max-length", "read_bytes_sec_max_length"),
        RATE("write-bytes-sec-max-length", "write_bytes_sec_max_length"),
        RATE("total-iops-sec-max-length", "total_iops_sec_max_length"),
        RATE("read-iops-sec-max-length", "read_iops_sec_max_length"),
        RATE("write-iops-sec-max-length", "write_iops_sec_max_length"),
    };
#undef RATE
    const char *disk = fl_arg(c, "device");
    struct params p = { NULL, 0, 0 };
    unsigned int flags = 0;
    int status = 0;

    if (fl_affect(c, &flags) < 0)
        return -1;
    if (collect(c, table, G_N_ELEMENTS(table), &p) < 0) {
        status = -1;
    } else if (p.n > 0) {
        if (virDomainSetBlockIoTune(c->dom, disk, p.list, p.n, flags) < 0)
            status = fl_fail(c, "failed to change the I/O limits of disk '%s'", disk);
    } else if (virDomainGetBlockIoTune(c->dom, NULL, NULL, &p.n, flags) < 0) {
        status = fl_fail(c, "failed to get the I/O limits of disk '%s'", disk);
    } else {
        p.list = calloc((size_t)p.n + 1, sizeof(*p.list));
        if (!p.list || virDomainGetBlockIoTune(c->dom, disk, p.list, &p.n, flags) < 0)
            status = fl_fail(c, "failed to get the I/O limits of disk '%s'", disk);
        else
            show(c, p.list, p.n, fl_param_text);
    }
    virTypedParamsFree(p.list, p.n);
    return status;
}

/* average[,peak[,burst[,floor]]] */
static int bandwidth(struct fl_call *c, const char *option, struct params *p)
{
    static const char *const parts[] = { "average", "peak", "burst", "floor" };
    g_auto(GStrv) words = NULL;

    if (!fl_arg(c, option))
        return 0;
    words = g_strsplit(fl_arg(c, option), ",", 0);
    if (g_strv_length(words) > 4)
        return fl_wrong(c, "option --%s is average[,peak[,burst[,floor]]]", option);
    for (guint i = 0; words[i]; i++) {
        g_autofree char *field = g_strdup_printf("%s.%s", option, parts[i]);

        if (*words[i] &&
            fl_param_from_text(c, &p->list, &p->n, &p->max, field, VIR_TYPED_PARAM_UINT, words[i]) < 0)
            return -1;
    }
    return 0;
}

int fl_cmd_domiftune(struct fl_call *c)
{
    const char *name = fl_arg(c, "interface");
    struct params p = { NULL, 0, 0 };
    unsigned int flags = 0;
    int status = 0;

    if (fl_affect(c, &flags) < 0)
        return -1;
    if (bandwidth(c, "inbound", &p) < 0 || bandwidth(c, "outbound", &p) < 0) {
        status = -1;
    } else if (p.n > 0) {
        if (virDomainSetInterfaceParameters(c->dom, name, p.list, p.n, flags) < 0)
            status = fl_fail(c, "failed to change the bandwidth of interface '%s'", name);
    } else if (virDomainGetInterfaceParameters(c->dom, name, NULL, &p.n, flags) < 0) {
        status = fl_fail(c, "failed to get the bandwidth of interface '%s'", name);
    } else {
        p.list = calloc((size_t)p.n + 1, sizeof(*p.list));
        if (!p.list || virDomainGetInterfaceParameters(c->dom, name, p.list, &p.n, flags) < 0)
            status = fl_fail(c, "failed to get the bandwidth of interface '%s'", name);
        else
            show(c, p.list, p.n, fl_param_text);
    }
    virTypedParamsFree(p.list, p.n);
    return status;
}

static char *perf_text(const virTypedParameter *p)
{
    return p->type == VIR_TYPED_PARAM_BOOLEAN ? g_strdup(p->value.b ? "enabled" : "disabled")
                                              : fl_param_text(p);
}

static int perf_words(struct fl_call *c, const char *option, int value, struct params *p)
{
    g_auto(GStrv) words = g_strsplit(fl_arg(c, option) ? fl_arg(c, option) : "", ",", 0);

    for (char **w = words; *w; w++)
        if (virTypedParamsAddBoolean(&p->list, &p->n, &p->max, *w, value) < 0)
            return fl_fail(c, "there is no performance event '%s'", *w);
    return 0;
}

int fl_cmd_perf(struct fl_call *c)
{
    struct params p = { NULL, 0, 0 };
    unsigned int flags = 0;
    int status = 0;

    if (fl_affect(c, &flags) < 0)
        return -1;
    if (perf_words(c, "enable", 1, &p) < 0 || perf_words(c, "disable", 0, &p) < 0) {
        status = -1;
    } else if (p.n > 0) {
        if (virDomainSetPerfEvents(c->dom, p.list, p.n, flags) < 0)
            status = fl_fail(c, "failed to change the performance events of domain '%s'",
                             virDomainGetName(c->dom));
        else
            show(c, p.list, p.n, perf_text);
    } else if (virDomainGetPerfEvents(c->dom, &p.list, &p.n, flags) < 0) {
        status = fl_fail(c, "failed to get the performance events of domain '%s'", virDomainGetName(c->dom));
    } else {
        show(c, p.list, p.n, perf_text);
    }
    virTypedParamsFree(p.list, p.n);
    return status;
}

/* name=value words against the scheduler's own list of parameters */
static int sched_collect(struct fl_call *c, virTypedParameterPtr known, int n_known, struct params *p)
{
    g_autoptr(GPtrArray) words = g_ptr_array_new_with_free_func(g_free);

    for (char **w = fl_argv(c, "set"); *w; w++)
        g_ptr_array_add(words, g_strdup(*w));
    if (fl_arg(c, "weight"))
        g_ptr_array_add(words, g_strdup_printf("weight=%s", fl_arg(c, "weight")));
    if (fl_arg(c, "cap"))
        g_ptr_array_add(words, g_strdup_printf("cap=%s", fl_arg(c, "cap")));
    for (guint i = 0; i < words->len; i++) {
        g_auto(GStrv) parts = g_strsplit(words->pdata[i], "=", 2);
        int k = 0;

        if (g_strv_length(parts) != 2)
            return fl_wrong(c, "'%s' is not of the form name=value", (char *)words->pdata[i]);
        while (k < n_known && strcmp(known[k].field, parts[0]) != 0)
            k++;
        if (k == n_known)
            return fl_wrong(c, "the scheduler has no parameter '%s'", parts[0]);
        if (fl_param_from_text(c, &p->list, &p->n, &p->max, parts[0], known[k].type, parts[1]) < 0)
            return -1;
    }
    return 0;
}

static int sched_get(struct fl_call *c, virTypedParameterPtr known, int *n, unsigned int flags)
{
    if (flags || fl_flag(c, "current"))
        return virDomainGetSchedulerParametersFlags(c->dom, known, n, flags);
    return virDomainGetSchedulerParameters(c->dom, known, n);
}

int fl_cmd_schedinfo(struct fl_call *c)
{
    struct params p = { NULL, 0, 0 };
    unsigned int flags = 0;
    int n = 0, status = 0;
    g_autofree char *type = NULL;
    virTypedParameterPtr known;

    if (fl_affect(c, &flags) < 0)
        return -1;
    type = virDomainGetSchedulerType(c->dom, &n);
    if (!type)
        return fl_fail(c, "failed to get the scheduler of domain '%s'", virDomainGetName(c->dom));
    fl_field(c, 0, "Scheduler      : ", "scheduler", "%s", type);
    known = g_new0(virTypedParameter, n + 1);
    if (sched_get(c, known, &n, flags) < 0)
        status =
            fl_fail(c, "failed to get the scheduler parameters of domain '%s'", virDomainGetName(c->dom));
    if (status == 0)
        status = sched_collect(c, known, n, &p);
    if (status == 0 && p.n > 0) {
        if ((flags || fl_flag(c, "current") ? virDomainSetSchedulerParametersFlags(c->dom, p.list, p.n, flags)
                                            : virDomainSetSchedulerParameters(c->dom, p.list, p.n)) < 0)
            status = fl_fail(c, "failed to change the scheduler parameters of domain '%s'",
                             virDomainGetName(c->dom));
        else if (sched_get(c, known, &n, flags) < 0)
            status =
                fl_fail(c, "failed to get the scheduler parameters of domain '%s'", virDomainGetName(c->dom));
    }
    if (status == 0)
        show(c, known, n, fl_param_text);
    virTypedParamsClear(known, n);
    g_free(known);
    virTypedParamsFree(p.list, p.n);
    return status;
}

int fl_cmd_setmem(struct fl_call *c)
{
    unsigned long long bytes = 0;
    unsigned int flags = 0;
    unsigned long kib;

    if (fl_affect(c, &flags) < 0 || fl_arg_size(c, "size", 1024, G_MAXINT64, &bytes) < 0)
        return -1;
    kib = (unsigned long)(bytes / 1024);
    if ((flags || fl_flag(c, "current") ? virDomainSetMemoryFlags(c->dom, kib, flags)
                                        : virDomainSetMemory(c->dom, kib)) < 0)
        return fl_fail(c, "failed to set the memory of domain '%s'", virDomainGetName(c->dom));
    return 0;
}

int fl_cmd_setmaxmem(struct fl_call *c)
{
    unsigned long long bytes = 0;
    unsigned int flags = 0;
    unsigned long kib;

    if (fl_affect(c, &flags) < 0 || fl_arg_size(c, "size", 1024, G_MAXINT64, &bytes) < 0)
        return -1;
    kib = (unsigned long)(bytes / 1024);
    if ((flags || fl_flag(c, "current") ? virDomainSetMemoryFlags(c->dom, kib, flags | VIR_DOMAIN_MEM_MAXIMUM)
                                        : virDomainSetMaxMemory(c->dom, kib)) < 0)
        return fl_fail(c, "failed to set the most memory domain '%s' may have", virDomainGetName(c->dom));
    return 0;
}
