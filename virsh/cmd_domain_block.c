/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Disks of a domain: list, sizes, counters. */
#include "shell.h"
#include "handlers.h"

#include <stdlib.h>
#include <string.h>

/* Where a disk's data is: the first attribute that says so. */
static const char *disk_source(struct fl_xml *disk)
{
    static const char *const attrs[] = { "file", "dev", "dir", "name", "volume", "path" };
    struct fl_xml *source = fl_xml_get(disk, "source");

    for (size_t i = 0; source && i < G_N_ELEMENTS(attrs); i++)
        if (fl_xml_attr(source, attrs[i]))
            return fl_xml_attr(source, attrs[i]);
    return NULL;
}

static struct fl_xml *devices_of(struct fl_call *c, unsigned int flags, struct fl_xml **ret_root)
{
    g_autofree char *xml = virDomainGetXMLDesc(c->dom, flags);

    *ret_root = xml ? fl_xml_parse(xml) : NULL;
    if (!*ret_root)
        fl_fail(c, "failed to get the XML of domain '%s'", virDomainGetName(c->dom));
    return *ret_root ? fl_xml_get(*ret_root, "devices") : NULL;
}

static struct fl_xml *next_disk(struct fl_xml *devices, guint *at)
{
    while (devices && *at < devices->children->len) {
        struct fl_xml *node = devices->children->pdata[(*at)++];

        if (strcmp(node->name, "disk") == 0)
            return node;
    }
    return NULL;
}

int fl_cmd_domblklist(struct fl_call *c)
{
    bool details = fl_flag(c, "details");
    unsigned int flags = fl_flag(c, "inactive") ? VIR_DOMAIN_XML_INACTIVE : 0;
    struct fl_xml *root, *devices = devices_of(c, flags, &root), *disk;
    struct fl_table *t;
    guint at = 0;

    if (!root)
        return -1;
    t = details
            ? fl_table_new("Type", "type", "Device", "device", "Target", "target", "Source", "source", NULL)
            : fl_table_new("Target", "target", "Source", "source", NULL);
    while ((disk = next_disk(devices, &at))) {
        const char *target = fl_xml_value(disk, "target@dev"), *device = fl_xml_attr(disk, "device");

        if (details)
            fl_table_add(t, fl_xml_attr(disk, "type"), device ? device : "disk", target, disk_source(disk),
                         NULL);
        else
            fl_table_add(t, target, disk_source(disk), NULL);
    }
    fl_xml_free(root);
    fl_table_print(c, t);
    return 0;
}

static char *size_cell(unsigned long long bytes, bool human)
{
    double value;
    const char *unit;

    if (!human)
        return g_strdup_printf("%llu", bytes);
    unit = fl_scale(bytes, &value);
    return g_strdup_printf("%.3f %s", value, unit);
}

static int info_all(struct fl_call *c, bool human)
{
    struct fl_xml *root, *devices = devices_of(c, 0, &root), *disk;
    struct fl_table *t;
    guint at = 0;
    int status = 0;

    if (!root)
        return -1;
    t = fl_table_new("Target", "target", "Capacity", "capacity", "Allocation", "allocation", "Physical",
                     "physical", NULL);
    while (status == 0 && (disk = next_disk(devices, &at))) {
        const char *target = fl_xml_value(disk, "target@dev");
        virDomainBlockInfo info = { 0 };
        g_autofree char *capacity = NULL, *allocation = NULL, *physical = NULL;

        if (!fl_xml_get(disk, "source")) {
            fl_table_add(t, target, "-", "-", "-", NULL);
            continue;
        }
        if (virDomainGetBlockInfo(c->dom, target, &info, 0) < 0) {
            status = fl_fail(c, "failed to get the sizes of disk '%s'", target);
            continue;
        }
        capacity = size_cell(info.capacity, human);
        allocation = size_cell(info.allocation, human);
        physical = size_cell(info.physical, human);
        fl_table_add(t, target, capacity, allocation, physical, NULL);
    }
    fl_xml_free(root);
    fl_table_print(c, t);
    return status;
}

int fl_cmd_domblkinfo(struct fl_call *c)
{
    const char *device = fl_arg(c, "device");
    bool human = fl_flag(c, "human") && !fl_json(c);
    virDomainBlockInfo info;
    g_autofree char *capacity = NULL, *allocation = NULL, *physical = NULL;

    if (fl_exclusive(c, "all", "device") < 0)
        return -1;
    if (fl_flag(c, "all"))
        return info_all(c, human);
    if (!device)
        return fl_wrong(c, "which disk? give its target or path, or --all");
    if (virDomainGetBlockInfo(c->dom, device, &info, 0) < 0)
        return fl_fail(c, "failed to get the sizes of disk '%s'", device);
    capacity = size_cell(info.capacity, human);
    allocation = size_cell(info.allocation, human);
    physical = size_cell(info.physical, human);
    fl_field(c, 16, "Capacity:", "capacity_bytes#", "%s", capacity);
    fl_field(c, 16, "Allocation:", "allocation_bytes#", "%s", allocation);
    fl_field(c, 16, "Physical:", "physical_bytes#", "%s", physical);
    return 0;
}

/* Parameter, the word scripts know, the words for people; in the order printed. */
static const struct {
    const char *field, *brief, *human;
} block_fields[] = {
    { VIR_DOMAIN_BLOCK_STATS_READ_REQ, "rd_req", "number of read operations:" },
    { VIR_DOMAIN_BLOCK_STATS_READ_BYTES, "rd_bytes", "number of bytes read:" },
    { VIR_DOMAIN_BLOCK_STATS_WRITE_REQ, "wr_req", "number of write operations:" },
    { VIR_DOMAIN_BLOCK_STATS_WRITE_BYTES, "wr_bytes", "number of bytes written:" },
    { VIR_DOMAIN_BLOCK_STATS_ERRS, "errs", "error count:" },
    { VIR_DOMAIN_BLOCK_STATS_FLUSH_REQ, "flush_operations", "number of flush operations:" },
    { VIR_DOMAIN_BLOCK_STATS_READ_TOTAL_TIMES, "rd_total_times", "total duration of reads (ns):" },
    { VIR_DOMAIN_BLOCK_STATS_WRITE_TOTAL_TIMES, "wr_total_times", "total duration of writes (ns):" },
    { VIR_DOMAIN_BLOCK_STATS_FLUSH_TOTAL_TIMES, "flush_total_times", "total duration of flushes (ns):" },
};

static void block_line(struct fl_call *c, const char *device, size_t i, const char *value)
{
    g_autofree char *key = g_strdup_printf("%s#", block_fields[i].brief);

    if (fl_json(c))
        fl_json_set_text(fl_document(c), key, value);
    else if (fl_flag(c, "human"))
        fl_out(c, " %-31s %s\n", block_fields[i].human, value);
    else
        fl_out(c, "%s %s %s\n", device, block_fields[i].brief, value);
}

static int stats_old(struct fl_call *c, const char *device)
{
    virDomainBlockStatsStruct s;
    long long values[5];

    if (virDomainBlockStats(c->dom, device, &s, sizeof(s)) < 0)
        return fl_fail(c, "failed to get the counters of disk '%s' of domain '%s'", device,
                       virDomainGetName(c->dom));
    values[0] = s.rd_req;
    values[1] = s.rd_bytes;
    values[2] = s.wr_req;
    values[3] = s.wr_bytes;
    values[4] = s.errs;
    if (fl_flag(c, "human"))
        fl_out(c, "Device: %s\n", device);
    for (size_t i = 0; i < 5; i++) {
        g_autofree char *text = g_strdup_printf("%lld", values[i]);

        if (values[i] >= 0)
            block_line(c, device, i, text);
    }
    return 0;
}

static void stats_new(struct fl_call *c, const char *device, virTypedParameterPtr params, int n)
{
    if (fl_flag(c, "human"))
        fl_out(c, "Device: %s\n", device);
    for (size_t i = 0; i < G_N_ELEMENTS(block_fields); i++)
        for (int k = 0; k < n; k++) {
            g_autofree char *text = NULL;

            if (strcmp(params[k].field, block_fields[i].field) != 0)
                continue;
            text = fl_param_text(&params[k]);
            block_line(c, device, i, text);
            params[k].field[0] = '\0';
        }
    for (int k = 0; k < n; k++) {
        g_autofree char *text = params[k].field[0] ? fl_param_text(&params[k]) : NULL;

        if (text)
            fl_out(c, "%s %s %s\n", device, params[k].field, text);
    }
}

int fl_cmd_domblkstat(struct fl_call *c)
{
    const char *device = fl_arg(c, "device") ? fl_arg(c, "device") : "";
    virTypedParameterPtr params;
    int n = 0, status = 0;

    if (virDomainBlockStatsFlags(c->dom, device, NULL, &n, 0) < 0) {
        if (virGetLastErrorCode() != VIR_ERR_NO_SUPPORT)
            return fl_fail(c, "failed to get the counters of disk '%s' of domain '%s'", device,
                           virDomainGetName(c->dom));
        virResetLastError();
        return stats_old(c, device);
    }
    params = g_new0(virTypedParameter, n + 1);
    if (virDomainBlockStatsFlags(c->dom, device, params, &n, 0) < 0)
        status = fl_fail(c, "failed to get the counters of disk '%s' of domain '%s'", device,
                         virDomainGetName(c->dom));
    else
        stats_new(c, device, params, n);
    virTypedParamsClear(params, n);
    g_free(params);
    return status;
}

int fl_cmd_blockresize(struct fl_call *c)
{
    unsigned long long size = 0;
    unsigned int flags = VIR_DOMAIN_BLOCK_RESIZE_BYTES;

    if (fl_arg_size(c, "size", 1024, G_MAXUINT64, &size) < 0)
        return -1;
    if (size % 1024 == 0) {
        size /= 1024;
        flags = 0;
    }
    if (virDomainBlockResize(c->dom, fl_arg(c, "path"), size, flags) < 0)
        return fl_fail(c, "failed to resize block device '%s'", fl_arg(c, "path"));
    fl_extra(c, "Block device '%s' is resized", fl_arg(c, "path"));
    return 0;
}

int fl_cmd_domblkthreshold(struct fl_call *c)
{
    unsigned long long threshold = 0;

    if (fl_arg_size(c, "threshold", 1, G_MAXUINT64, &threshold) < 0)
        return -1;
    if (virDomainSetBlockThreshold(c->dom, fl_arg(c, "dev"), threshold, 0) < 0)
        return fl_fail(c, "failed to set the threshold of '%s'", fl_arg(c, "dev"));
    return 0;
}
