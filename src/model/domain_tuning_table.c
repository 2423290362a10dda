/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How a domain shares its host: block I/O, memory, CPUs, NUMA nodes. Rows of <domain>: domain_table.c. */
#include <libvirt/virterror.h>

#include "model/domain_private.h"
#include "model/rows.h"

enum { UNSUPPORTED = VIR_ERR_CONFIG_UNSUPPORTED };

ROWS(blkio_device_rows) = {
    LEAF("path", STR, .flags = FL_REQ, .missing = UNSUPPORTED),
    LEAF("weight", UINT, .flags = FL_NONZERO),
    LEAF("read_iops_sec", UINT, .flags = FL_NONZERO),
    LEAF("write_iops_sec", UINT, .flags = FL_NONZERO),
    LEAF("read_bytes_sec", ULL, .flags = FL_NONZERO),
    LEAF("write_bytes_sec", ULL, .flags = FL_NONZERO),
    END,
};
const struct fl_row fl_blkiotune_rows[] = { LEAF("weight", UINT, .flags = FL_NONZERO),
                                            LIST("device", blkio_device_rows), END };

const struct fl_row fl_memtune_rows[] = {
    LEAF("hard_limit", KIB),
    LEAF("soft_limit", KIB),
    LEAF("min_guarantee", KIB),
    LEAF("swap_hard_limit", KIB),
    END,
};

ROWS(page_rows) = { ATTR_T("nodeset", CPUSET), END };

/* <page size='1' unit='G'/> has its size in an attribute. */
static int page_post(struct fl_doc_ctx *ctx, const struct fl_xml_node *in, struct fl_xml_node *out)
{
    g_autofree char *nodeset = g_strdup(fl_xml_get(out, "nodeset"));
    unsigned long long bytes;
    const char *size = fl_xml_get(in, "size");

    if (!size || fl_size_parse(size, fl_xml_get(in, "unit"), 1024, G_MAXUINT64, &bytes) < 0)
        return fl_doc_error(ctx, in, VIR_ERR_XML_ERROR, "<page>: expected a size, found '%s'",
                            size ? size : "");
    fl_xml_set(out, "nodeset", NULL);
    fl_xml_setf(out, "size", "%llu", bytes / 1024);
    fl_xml_set(out, "unit", "KiB");
    fl_xml_set(out, "nodeset", nodeset);
    return 0;
}

ROWS(hugepages_rows) = { LIST("page", page_rows, .post = page_post), END };
ROWS(backing_source_rows) = { ATTR_E("type", "file|anonymous|memfd", .flags = FL_REQ, .code = UNSUPPORTED),
                              END };
ROWS(backing_access_rows) = { ATTR_E("mode", "shared|private", .flags = FL_REQ, .code = UNSUPPORTED), END };
ROWS(allocation_rows) = {
    ATTR_E("mode", "immediate|ondemand", .code = UNSUPPORTED),
    ATTR_T("threads", UINT, .flags = FL_NONZERO),
    END,
};
const struct fl_row fl_memory_backing_rows[] = {
    ELEM("hugepages", hugepages_rows, .flags = FL_KEEP),
    FLAG("nosharepages"),
    FLAG("locked"),
    ELEM("source", backing_source_rows),
    ELEM("access", backing_access_rows),
    ELEM("allocation", allocation_rows),
    FLAG("discard"),
    END,
};

ROWS(vcpupin_rows) = { ATTR_T("vcpu", UINT, .flags = FL_REQ), ATTR_T("cpuset", CPUSET, .flags = FL_REQ),
                       END };
ROWS(emulatorpin_rows) = { ATTR_T("cpuset", CPUSET, .flags = FL_REQ), END };
ROWS(iothreadpin_rows) = {
    ATTR_T("iothread", UINT, .flags = FL_REQ | FL_POSITIVE),
    ATTR_T("cpuset", CPUSET, .flags = FL_REQ),
    END,
};
#define SCHED_ROWS                                                                                           \
    ATTR_E("scheduler", "other|batch|idle|fifo|rr", .flags = FL_REQ),                                        \
        ATTR_T("priority", INT, .when = "scheduler=fifo|rr", .flags = FL_REQ)
ROWS(emulatorsched_rows) = { SCHED_ROWS, END };
ROWS(vcpusched_rows) = { ATTR_T("vcpus", CPUSET, .flags = FL_REQ), SCHED_ROWS, END };
ROWS(iothreadsched_rows) = { ATTR_T("iothreads", CPUSET, .flags = FL_REQ), SCHED_ROWS, END };
ROWS(cache_rows) = {
    ATTR_T("id", UINT, .flags = FL_REQ),
    ATTR_T("level", UINT, .flags = FL_REQ),
    ATTR_E("type", "both|code|data", .flags = FL_REQ),
    ATTR_T("size", ULL, .flags = FL_REQ),
    ATTR("unit"),
    END,
};
ROWS(cache_monitor_rows) = { ATTR_T("level", UINT), ATTR_T("vcpus", CPUSET, .flags = FL_REQ), END };
ROWS(cachetune_rows) = {
    ATTR_T("vcpus", CPUSET, .flags = FL_REQ), ATTR("id"), LIST("cache", cache_rows),
    LIST("monitor", cache_monitor_rows),      END,
};
ROWS(memorytune_node_rows) = {
    ATTR_T("id", UINT, .flags = FL_REQ),
    ATTR_T("bandwidth", UINT, .flags = FL_REQ),
    END,
};
ROWS(memorytune_rows) = {
    ATTR_T("vcpus", CPUSET, .flags = FL_REQ),
    LIST("node", memorytune_node_rows),
    LIST("monitor", cache_monitor_rows),
    END,
};
const struct fl_row fl_cputune_rows[] = {
    LEAF("shares", ULL),
    LEAF("period", ULL, .flags = FL_NONZERO),
    LEAF("quota", LL),
    LEAF("global_period", ULL, .flags = FL_NONZERO),
    LEAF("global_quota", LL),
    LEAF("emulator_period", ULL, .flags = FL_NONZERO),
    LEAF("emulator_quota", LL),
    LEAF("iothread_period", ULL, .flags = FL_NONZERO),
    LEAF("iothread_quota", LL),
    LIST("vcpupin", vcpupin_rows),
    ELEM("emulatorpin", emulatorpin_rows),
    LIST("iothreadpin", iothreadpin_rows),
    ELEM("emulatorsched", emulatorsched_rows),
    LIST("vcpusched", vcpusched_rows),
    LIST("iothreadsched", iothreadsched_rows),
    LIST("cachetune", cachetune_rows),
    LIST("memorytune", memorytune_rows),
    END,
};

ROWS(numa_memory_rows) = {
    ATTR_E("mode", "strict|preferred|interleave|restrictive", .code = UNSUPPORTED, .def = "strict"),
    ATTR_T("nodeset", CPUSET),
    ATTR_E("placement", "static|auto", .code = UNSUPPORTED),
    END,
};
ROWS(memnode_rows) = {
    ATTR_T("cellid", UINT, .flags = FL_REQ),
    ATTR_E("mode", "strict|preferred|interleave|restrictive", .def = "strict"),
    ATTR_T("nodeset", CPUSET, .flags = FL_REQ),
    END,
};
const struct fl_row fl_numatune_rows[] = { ELEM("memory", numa_memory_rows), LIST("memnode", memnode_rows),
                                           END };
