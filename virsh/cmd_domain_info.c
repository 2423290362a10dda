/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* dominfo, domstats, memory and clock of a domain. */
#include "shell.h"
#include "handlers.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { INFO_WIDTH = 16 };

static int info_basics(struct fl_call *c)
{
    char uuid[VIR_UUID_STRING_BUFLEN];
    unsigned int id = virDomainGetID(c->dom);
    g_autofree char *os = NULL;

    if (id == (unsigned int)-1)
        fl_field(c, INFO_WIDTH, "Id:", "id#", "-");
    else
        fl_field(c, INFO_WIDTH, "Id:", "id#", "%u", id);
    fl_field(c, INFO_WIDTH, "Name:", "name", "%s", virDomainGetName(c->dom));
    if (virDomainGetUUIDString(c->dom, uuid) == 0)
        fl_field(c, INFO_WIDTH, "UUID:", "uuid", "%s", uuid);
    os = virDomainGetOSType(c->dom);
    if (!os && fl_json(c))
        fl_json_set_text(fl_document(c), "os_type", "-"); /* null */
    if (os)
        fl_field(c, INFO_WIDTH, "OS Type:", "os_type", "%s", os);
    return 0;
}

static int info_resources(struct fl_call *c)
{
    virDomainInfo info;

    if (virDomainGetInfo(c->dom, &info) < 0)
        return fl_fail(c, "failed to get information about domain '%s'", virDomainGetName(c->dom));
    fl_field(c, INFO_WIDTH, "State:", "state", "%s", fl_domain_state_name(info.state));
    fl_field(c, INFO_WIDTH, "CPU(s):", "cpus#", "%d", info.nrVirtCpu);
    if (info.cpuTime && fl_json(c))
        fl_json_set_double(fl_document(c), "cpu_time_seconds", (double)info.cpuTime / 1e9);
    else if (info.cpuTime)
        fl_field(c, INFO_WIDTH, "CPU time:", "cpu_time", "%.1lfs", (double)info.cpuTime / 1e9);
    if (info.maxMem == (unsigned long)G_MAXUINT)
        fl_field(c, INFO_WIDTH, "Max memory:", "max_memory_kib", "no limit");
    else
        fl_field(c, INFO_WIDTH, "Max memory:", "max_memory_kib#", "%lu KiB", info.maxMem);
    fl_field(c, INFO_WIDTH, "Used memory:", "used_memory_kib#", "%lu KiB", info.memory);
    return 0;
}

static void info_settings(struct fl_call *c)
{
    int persistent = virDomainIsPersistent(c->dom), autostart, saved;

    if (persistent < 0)
        fl_field(c, INFO_WIDTH, "Persistent:", "persistent?", "unknown");
    else
        fl_field(c, INFO_WIDTH, "Persistent:", "persistent?", persistent ? "yes" : "no");
    if (virDomainGetAutostart(c->dom, &autostart) == 0)
        fl_field(c, INFO_WIDTH, "Autostart:", "autostart?", autostart ? "enable" : "disable");
    else if (fl_json(c))
        fl_json_set_text(fl_document(c), "autostart", "-"); /* null */
    saved = virDomainHasManagedSaveImage(c->dom, 0);
    if (saved < 0)
        fl_field(c, INFO_WIDTH, "Managed save:", "managed_save?", "unknown");
    else
        fl_field(c, INFO_WIDTH, "Managed save:", "managed_save?", saved ? "yes" : "no");
    virResetLastError();
}

static int info_security(struct fl_call *c)
{
    virSecurityModel model;
    g_autofree virSecurityLabel *label = g_new0(virSecurityLabel, 1);

    if (virNodeGetSecurityModel(c->conn, &model) < 0) {
        virErrorPtr error = virGetLastError();

        if (error && error->code != VIR_ERR_NO_SUPPORT)
            return fl_fail(c, "failed to get the security model of the host");
        virResetLastError();
        return 0;
    }
    if (!model.model[0])
        return 0;
    fl_field(c, INFO_WIDTH, "Security model:", "security_model", "%s", model.model);
    fl_field(c, INFO_WIDTH, "Security DOI:", "security_doi", "%s", model.doi);
    if (virDomainGetSecurityLabel(c->dom, label) < 0)
        return fl_fail(c, "failed to get the security label of the domain");
    if (label->label[0])
        fl_field(c, INFO_WIDTH, "Security label:", "security_label", "%s (%s)", label->label,
                 label->enforcing ? "enforcing" : "permissive");
    return 0;
}

static void info_messages(struct fl_call *c)
{
    char **messages = NULL;
    int n = virDomainGetMessages(c->dom, &messages, 0);

    for (int i = 0; i < n; i++) {
        if (!fl_json(c))
            fl_field(c, INFO_WIDTH, i == 0 ? "Messages:" : "", "messages", "%s", messages[i]);
        free(messages[i]);
    }
    if (n >= 0)
        free(messages);
    virResetLastError();
}

int fl_cmd_dominfo(struct fl_call *c)
{
    info_basics(c);
    if (info_resources(c) < 0)
        return -1;
    info_settings(c);
    if (info_security(c) < 0)
        return -1;
    info_messages(c);
    return 0;
}

static unsigned int stats_wanted(struct fl_call *c)
{
    return fl_flags(c, "state", VIR_DOMAIN_STATS_STATE, "cpu-total", VIR_DOMAIN_STATS_CPU_TOTAL, "balloon",
                    VIR_DOMAIN_STATS_BALLOON, "vcpu", VIR_DOMAIN_STATS_VCPU, "interface",
                    VIR_DOMAIN_STATS_INTERFACE, "block", VIR_DOMAIN_STATS_BLOCK, "perf",
                    VIR_DOMAIN_STATS_PERF, "iothread", VIR_DOMAIN_STATS_IOTHREAD, "memory",
                    VIR_DOMAIN_STATS_MEMORY, "dirtyrate", VIR_DOMAIN_STATS_DIRTYRATE, "vm",
                    VIR_DOMAIN_STATS_VM, NULL);
}

static unsigned int stats_filter(struct fl_call *c)
{
    return fl_flags(
        c, "list-active", VIR_CONNECT_GET_ALL_DOMAINS_STATS_ACTIVE, "list-inactive",
        VIR_CONNECT_GET_ALL_DOMAINS_STATS_INACTIVE, "list-persistent",
        VIR_CONNECT_GET_ALL_DOMAINS_STATS_PERSISTENT, "list-transient",
        VIR_CONNECT_GET_ALL_DOMAINS_STATS_TRANSIENT, "list-running",
        VIR_CONNECT_GET_ALL_DOMAINS_STATS_RUNNING, "list-paused", VIR_CONNECT_GET_ALL_DOMAINS_STATS_PAUSED,
        "list-shutoff", VIR_CONNECT_GET_ALL_DOMAINS_STATS_SHUTOFF, "list-other",
        VIR_CONNECT_GET_ALL_DOMAINS_STATS_OTHER, "enforce", VIR_CONNECT_GET_ALL_DOMAINS_STATS_ENFORCE_STATS,
        "backing", VIR_CONNECT_GET_ALL_DOMAINS_STATS_BACKING, "nowait",
        VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT, NULL);
}

static void stats_print(struct fl_call *c, virDomainStatsRecordPtr *records)
{
    void *array = fl_json(c) ? fl_json_array() : NULL;

    for (; *records; records++) {
        virDomainStatsRecordPtr r = *records;

        if (array) {
            void *object = fl_json_object(), *stats = fl_json_object();

            fl_json_set(object, "domain", fl_json_string(virDomainGetName(r->dom)));
            fl_params_json(stats, r->params, r->nparams);
            fl_json_set(object, "stats", stats);
            fl_json_append(array, object);
            continue;
        }
        fl_out(c, "Domain: '%s'\n", virDomainGetName(r->dom));
        for (int i = 0; i < r->nparams; i++) {
            g_autofree char *text = fl_param_text(&r->params[i]);

            fl_out(c, "  %s=%s\n", r->params[i].field, text);
        }
        if (records[1])
            fl_out(c, "\n");
    }
    if (array)
        fl_document_set(c, array);
}

static void free_domain(gpointer dom)
{
    virDomainFree(dom);
}

int fl_cmd_domstats(struct fl_call *c)
{
    char **names = fl_argv(c, "domain");
    virDomainStatsRecordPtr *records = NULL;
    g_autoptr(GPtrArray) doms = g_ptr_array_new_with_free_func(free_domain);
    unsigned int filter = stats_filter(c);
    int n;

    for (char **name = names; *name; name++) {
        virDomainPtr dom = fl_domain_by(c, *name, FL_BY_ANY);

        if (!dom)
            return -1;
        g_ptr_array_add(doms, dom);
    }
    if (doms->len) {
        g_ptr_array_add(doms, NULL);
        g_ptr_array_set_free_func(doms, NULL);
        n = fl_kept(c, virDomainListGetStats((virDomainPtr *)doms->pdata, stats_wanted(c), &records, filter));
        for (guint i = 0; i + 1 < doms->len; i++)
            virDomainFree(doms->pdata[i]);
    } else {
        n = virConnectGetAllDomainStats(c->conn, stats_wanted(c), &records, filter);
    }
    if (n < 0)
        return fl_fail(c, "failed to get the counters of domains");
    if (n > 0)
        stats_print(c, records);
    virDomainStatsRecordListFree(records);
    return 0;
}

int fl_cmd_dommemstat(struct fl_call *c)
{
    static const char *const names[] = { "swap_in",       "swap_out",    "major_fault", "minor_fault",
                                         "unused",        "available",   "actual",      "rss",
                                         "usable",        "last_update", "disk_caches", "hugetlb_pgalloc",
                                         "hugetlb_pgfail" };
    virDomainMemoryStatStruct stats[VIR_DOMAIN_MEMORY_STAT_NR];
    unsigned int flags = 0;
    int period = 0, n;
    int given = fl_arg_int(c, "period", &period);

    if (given < 0 || fl_affect(c, &flags) < 0)
        return -1;
    if (given) {
        if (virDomainSetMemoryStatsPeriod(c->dom, period, flags) < 0)
            return fl_fail(c, "failed to set how often memory counters are collected");
        return 0;
    }
    n = virDomainMemoryStats(c->dom, stats, VIR_DOMAIN_MEMORY_STAT_NR, 0);
    if (n < 0)
        return fl_fail(c, "failed to get the memory counters of domain '%s'", virDomainGetName(c->dom));
    for (int i = 0; i < n; i++) {
        if (stats[i].tag < 0 || (size_t)stats[i].tag >= G_N_ELEMENTS(names))
            continue;
        if (fl_json(c))
            fl_json_set_int(fl_document(c), names[stats[i].tag], (long long)stats[i].val);
        fl_out(c, "%s %llu\n", names[stats[i].tag], stats[i].val);
    }
    return 0;
}

static int time_set(struct fl_call *c, bool now, bool sync)
{
    long long seconds = 0;
    unsigned int nanoseconds = 0;

    if (fl_arg_ll(c, "time", &seconds) < 0)
        return -1;
    if (now) {
        gint64 t = g_get_real_time();

        seconds = t / G_USEC_PER_SEC;
        nanoseconds = (unsigned int)(t % G_USEC_PER_SEC) * 1000;
    }
    if (virDomainSetTime(c->dom, seconds, nanoseconds, sync ? VIR_DOMAIN_TIME_SYNC : 0) < 0)
        return fl_fail(c, "failed to set the clock of domain '%s'", virDomainGetName(c->dom));
    return 0;
}

int fl_cmd_domtime(struct fl_call *c)
{
    bool now = fl_flag(c, "now"), sync = fl_flag(c, "sync");
    long long seconds;
    unsigned int nanoseconds;

    if (fl_exclusive(c, "time", "now") < 0 || fl_exclusive(c, "time", "sync") < 0 ||
        fl_exclusive(c, "now", "sync") < 0)
        return -1;
    if (now || sync || fl_flag(c, "time"))
        return time_set(c, now, sync);
    if (virDomainGetTime(c->dom, &seconds, &nanoseconds, 0) < 0)
        return fl_fail(c, "failed to read the clock of domain '%s'", virDomainGetName(c->dom));
    if (fl_json(c)) {
        fl_json_set_int(fl_document(c), "seconds", seconds);
        fl_json_set_int(fl_document(c), "nanoseconds", nanoseconds);
    }
    if (fl_flag(c, "pretty")) {
        g_autoptr(GDateTime) t = g_date_time_new_from_unix_utc(seconds);
        g_autofree char *text = t ? g_date_time_format(t, "%Y-%m-%d %H:%M:%S") : NULL;

        if (!text)
            return fl_wrong(c, "the clock of the domain shows no valid time: %lld", seconds);
        fl_out(c, "Time: %s", text);
    } else {
        fl_out(c, "Time: %lld", seconds);
    }
    return 0;
}

int fl_cmd_domhostname(struct fl_call *c)
{
    const char *source = fl_arg(c, "source");
    unsigned int flags = 0;
    g_autofree char *name = NULL;

    if (source && strcmp(source, "agent") == 0)
        flags = VIR_DOMAIN_GET_HOSTNAME_AGENT;
    else if (source && strcmp(source, "lease") == 0)
        flags = VIR_DOMAIN_GET_HOSTNAME_LEASE;
    else if (source)
        return fl_wrong(c, "option --source is 'agent' or 'lease', not '%s'", source);
    name = virDomainGetHostname(c->dom, flags);
    if (!name)
        return fl_fail(c, "failed to get the host name of domain '%s'", virDomainGetName(c->dom));
    if (fl_json(c))
        fl_json_set_text(fl_document(c), "hostname", name);
    fl_out(c, "%s\n", name);
    return 0;
}

int fl_cmd_domblkerror(struct fl_call *c)
{
    static const char *const names[] = { "no error", "unspecified error", "no space" };
    int n = virDomainGetDiskErrors(c->dom, NULL, 0, 0);
    g_autofree virDomainDiskErrorPtr errors = NULL;
    void *rows;

    if (n < 0)
        return fl_fail(c, "failed to get the disk errors of domain '%s'", virDomainGetName(c->dom));
    if (n > 0) {
        errors = g_new0(virDomainDiskError, n);
        n = virDomainGetDiskErrors(c->dom, errors, (unsigned int)n, 0);
        if (n < 0)
            return fl_fail(c, "failed to get the disk errors of domain '%s'", virDomainGetName(c->dom));
    }
    if (n == 0)
        fl_out(c, "No errors found\n");
    rows = fl_json(c) ? fl_json_array() : NULL;
    if (rows)
        fl_document_set(c, rows);
    for (int i = 0; i < n; i++) {
        if (rows) {
            void *row = fl_json_object();

            fl_json_set(row, "target", fl_json_string(errors[i].disk));
            fl_json_set(row, "error", fl_json_string(FL_NAME(names, errors[i].error)));
            fl_json_append(rows, row);
        }
        fl_out(c, "%s: %s\n", errors[i].disk, FL_NAME(names, errors[i].error));
        free(errors[i].disk);
    }
    return 0;
}
