/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Statistics of disks, interfaces and whole domains. Counters follow the clock, at the peer's rates. */
#define FL_FROM VIR_FROM_TEST
#include <string.h>
#include "core/stats.h"
#include "core/typedparam.h"
#include "driver/test/domain.h"
#include "driver/test/ops.h"

/* Tenths of microseconds by the clock: what every counter is a fraction of. */
static long long clock_base(void)
{
    return g_get_real_time() / 10;
}

int fl_test_domain_block_stats(virDomainPtr dom, const char *disk, virDomainBlockStatsPtr stats, size_t size)
{
    TEST_READ(dom);
    if (!*disk)
        return fl_error(VIR_ERR_OPERATION_UNSUPPORTED,
                        "there are no statistics over all disks together: name one");
    struct fl_test_domain *d = fl_test_domain_running(host, dom);
    if (!d)
        return -1;
    if (!fl_domain_disk_by(d->def, disk))
        return fl_error(VIR_ERR_INVALID_ARG, "domain '%s' has no disk '%s'", dom->name, disk);
    long long base = clock_base();
    virDomainBlockStatsStruct all = {
        .rd_req = base, .rd_bytes = base / 2, .wr_req = base / 3, .wr_bytes = base / 4, .errs = base / 200000
    };
    memcpy(stats, &all, MIN(size, sizeof(all)));
    return 0;
}

int fl_test_domain_interface_stats(virDomainPtr dom, const char *device, virDomainInterfaceStatsPtr stats,
                                   size_t size)
{
    TEST_READ(dom);
    struct fl_test_domain *d = fl_test_domain_running(host, dom);
    if (!d)
        return -1;
    if (!fl_domain_interface_by(d->def, device))
        return fl_error_set(VIR_FROM_DOMAIN, VIR_ERR_INVALID_ARG, "domain '%s' has no interface '%s'",
                            dom->name, device);
    long long base = clock_base();
    virDomainInterfaceStatsStruct all = {
        .rx_bytes = base,
        .rx_packets = base / 10,
        .rx_errs = base / 100000,
        .rx_drop = base / 200000,
        .tx_bytes = base / 2,
        .tx_packets = base / 11,
        .tx_errs = base / 300000,
        .tx_drop = base / 400000,
    };
    memcpy(stats, &all, MIN(size, sizeof(all)));
    return 0;
}

int fl_test_domain_get_block_info(virDomainPtr dom, const char *disk, virDomainBlockInfoPtr info,
                                  unsigned int flags)
{
    if (fl_check_flags(flags, 0) < 0)
        return -1;
    TEST_READ(dom);
    struct fl_test_domain *d = fl_test_domain_of(host, dom);
    if (!d)
        return -1;
    const struct fl_xml_node *node = fl_domain_disk_by(d->def, disk);
    if (!node)
        return fl_error(VIR_ERR_INVALID_ARG, "domain '%s' has no disk '%s'", dom->name, disk);
    if (!fl_disk_source(node))
        return fl_error(VIR_ERR_INVALID_ARG, "nothing is inserted in disk '%s'", disk);
    info->capacity = 1099506450432ULL;
    info->allocation = 1099511627776ULL;
    info->physical = 1099511627776ULL;
    return 0;
}

int fl_test_domain_get_disk_errors(virDomainPtr dom, virDomainDiskErrorPtr errors, unsigned int max,
                                   unsigned int flags)
{
    if (fl_check_flags(flags, 0) < 0)
        return -1;
    TEST_READ(dom);
    struct fl_test_domain *d = fl_test_domain_running(host, dom);
    if (!d)
        return -1;
    unsigned int n = 0;
    for (const struct fl_xml_node *disk = fl_domain_device_first(d->def, "disk"); disk;
         disk = fl_domain_device_next(disk, "disk"), n++) {
        if (!errors)
            continue;
        if (n >= max)
            break;
        /* Compat: the disks fail in turn: unspecified, then out of space. */
        errors[n].disk = g_strdup(fl_disk_target(disk));
        errors[n].error = n % (VIR_DOMAIN_DISK_ERROR_LAST - 1) + 1;
    }
    return n;
}

#define KNOWN_STATS (VIR_DOMAIN_STATS_STATE | VIR_DOMAIN_STATS_IOTHREAD)

static void stats_iothread(const struct fl_test_domain *d, struct fl_params *list)
{
    if (!fl_test_domain_active(d) || d->iothreads->len == 0)
        return;
    fl_params_add_uint(list, "iothread.count", d->iothreads->len);
    for (guint i = 0; i < d->iothreads->len; i++) {
        const struct fl_test_iothread *t = &g_array_index(d->iothreads, struct fl_test_iothread, i);
        char name[VIR_TYPED_PARAM_FIELD_LENGTH];
        g_snprintf(name, sizeof(name), "iothread.%u.poll-max-ns", t->id);
        fl_params_add_ullong(list, name, t->poll_max_ns);
        g_snprintf(name, sizeof(name), "iothread.%u.poll-grow", t->id);
        fl_params_add_uint(list, name, t->poll_grow);
        g_snprintf(name, sizeof(name), "iothread.%u.poll-shrink", t->id);
        fl_params_add_uint(list, name, t->poll_shrink);
    }
}

/* `list` is used for one record after the other. */
static void add_record(struct fl_stats *all, struct fl_params *list, virConnectPtr conn,
                       const struct fl_test_domain *d, unsigned int stats)
{
    virTypedParameterPtr params;
    list->n = 0;
    if (stats & VIR_DOMAIN_STATS_STATE) {
        fl_params_add_int(list, "state.state", d->state);
        fl_params_add_int(list, "state.reason", d->reason);
    }
    if (stats & VIR_DOMAIN_STATS_IOTHREAD)
        stats_iothread(d, list);
    params = fl_stats_add(all, fl_test_domain_public(conn, d), list->n);
    if (list->n)
        memcpy(params, list->list, list->n * sizeof(*params));
}

/* The list-all filters that the call takes: active, persistent and state. */
static bool stats_match(const struct fl_test_domain *d, unsigned int flags)
{
    bool active = fl_test_domain_active(d);
    unsigned int state = d->state == VIR_DOMAIN_RUNNING   ? VIR_CONNECT_GET_ALL_DOMAINS_STATS_RUNNING
                         : d->state == VIR_DOMAIN_PAUSED  ? VIR_CONNECT_GET_ALL_DOMAINS_STATS_PAUSED
                         : d->state == VIR_DOMAIN_SHUTOFF ? VIR_CONNECT_GET_ALL_DOMAINS_STATS_SHUTOFF
                                                          : VIR_CONNECT_GET_ALL_DOMAINS_STATS_OTHER;
    return (!(flags & 0x3) || (flags & (active ? VIR_CONNECT_GET_ALL_DOMAINS_STATS_ACTIVE
                                               : VIR_CONNECT_GET_ALL_DOMAINS_STATS_INACTIVE))) &&
           (!(flags & 0xc) || (flags & (d->persistent ? VIR_CONNECT_GET_ALL_DOMAINS_STATS_PERSISTENT
                                                      : VIR_CONNECT_GET_ALL_DOMAINS_STATS_TRANSIENT))) &&
           (!(flags & 0xf0) || (flags & state));
}

int fl_test_connect_get_all_domain_stats(virConnectPtr conn, virDomainPtr *doms, unsigned int ndoms,
                                         unsigned int stats, virDomainStatsRecordPtr **records,
                                         unsigned int flags)
{
    const unsigned int mask = 0xff | VIR_CONNECT_GET_ALL_DOMAINS_STATS_ENFORCE_STATS |
                              VIR_CONNECT_GET_ALL_DOMAINS_STATS_BACKING |
                              VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT;
    if (fl_check_flags(flags, mask) < 0)
        return -1;
    if (stats == 0)
        stats = KNOWN_STATS;
    else if ((flags & VIR_CONNECT_GET_ALL_DOMAINS_STATS_ENFORCE_STATS) && (stats & ~KNOWN_STATS))
        return fl_error(VIR_ERR_ARGUMENT_UNSUPPORTED,
                        "the statistics groups 0x%x are not kept by the test driver", stats & ~KNOWN_STATS);
    TEST_READ_CONN(conn);
    struct fl_stats all = { 0 };
    struct fl_params list = { 0 };
    struct fl_test_domain *d;
    for (unsigned int i = 0; i < ndoms; i++) {
        d = fl_test_table_by_uuid(&host->domains, doms[i]->uuid);
        if (d && stats_match(d, flags))
            add_record(&all, &list, conn, d, stats);
    }
    FL_TEST_EACH(&host->domains, struct fl_test_domain *, d)
    {
        if (ndoms == 0 && stats_match(d, flags))
            add_record(&all, &list, conn, d, stats);
    }
    g_free(list.list); /* its strings, if there were any, are the records' */
    return fl_stats_take(&all, records);
}
