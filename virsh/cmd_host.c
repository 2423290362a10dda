/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The host and the connection: names, versions, memory, capabilities. */
#include "shell.h"
#include "handlers.h"

#include <stdlib.h>
#include <string.h>

int fl_cmd_uri(struct fl_call *c)
{
    g_autofree char *uri = NULL;

    if (fl_flag(c, "why"))
        return fl_uri_why(c);
    if (fl_connect(c->sh) < 0)
        return fl_fail(c, "failed to connect to the hypervisor");
    uri = virConnectGetURI(c->sh->conn);
    if (!uri)
        return fl_fail(c, "failed to get the URI of the connection");
    if (fl_json(c))
        fl_json_set_text(fl_document(c), "uri", uri);
    fl_out(c, "%s\n", uri);
    return 0;
}

int fl_cmd_hostname(struct fl_call *c)
{
    g_autofree char *name = virConnectGetHostname(c->conn);

    if (!name)
        return fl_fail(c, "failed to get the host name of the hypervisor");
    if (fl_json(c))
        fl_json_set_text(fl_document(c), "hostname", name);
    fl_out(c, "%s\n", name);
    return 0;
}

static void version_line(struct fl_call *c, const char *label, const char *name, const char *key,
                         unsigned long v)
{
    g_autofree char *text = g_strdup_printf("%lu.%lu.%lu", v / 1000000, v / 1000 % 1000, v % 1000);

    if (fl_json(c))
        fl_json_set_text(fl_document(c), key, text);
    fl_out(c, "%s: %s %s\n", label, name, text);
}

int fl_cmd_version(struct fl_call *c)
{
    const char *type = virConnectGetType(c->conn);
    unsigned long lib = 0, api = 0, hv = 0, daemon = 0;

    if (!type)
        return fl_fail(c, "failed to get the type of the hypervisor");
    if (virGetVersion(&lib, type, &api) < 0)
        return fl_fail(c, "failed to get the version of the library");
    if (fl_json(c))
        fl_json_set(fl_document(c), "schema", fl_json_string("fairlead.output/1"));
    version_line(c, "Compiled against library", "libvirt", "compiled_against", LIBVIR_VERSION_NUMBER);
    version_line(c, "Using library", "libvirt", "library", lib);
    version_line(c, "Using API", type, "api", api);
    if (virConnectGetVersion(c->conn, &hv) < 0) {
        if (virGetLastErrorCode() != VIR_ERR_NO_SUPPORT)
            return fl_fail(c, "failed to get the version of the hypervisor");
        virResetLastError();
    } else if (hv == 0) {
        fl_out(c, "Cannot extract running %s hypervisor version\n", type);
    } else {
        version_line(c, "Running hypervisor", type, "hypervisor", hv);
    }
    if (!fl_flag(c, "daemon"))
        return 0;
    if (virConnectGetLibVersion(c->conn, &daemon) < 0)
        return fl_fail(c, "failed to get the version of the daemon");
    if (fl_json(c))
        fl_json_set_int(fl_document(c), "daemon", (long long)daemon);
    fl_out(c, "Running against daemon: %lu.%lu.%lu\n", daemon / 1000000, daemon / 1000 % 1000, daemon % 1000);
    return 0;
}

int fl_cmd_capabilities(struct fl_call *c)
{
    g_autofree char *xml = virConnectGetCapabilities(c->conn);

    if (!xml)
        return fl_fail(c, "failed to get the capabilities of the host");
    if (fl_json(c))
        fl_json_set_text(fl_document(c), "xml", xml);
    fl_out(c, "%s\n", xml);
    return 0;
}

int fl_cmd_domcapabilities(struct fl_call *c)
{
    g_autofree char *xml = virConnectGetDomainCapabilities(
        c->conn, fl_arg(c, "emulatorbin"), fl_arg(c, "arch"), fl_arg(c, "machine"), fl_arg(c, "virttype"), 0);

    if (!xml)
        return fl_fail(c, "failed to get what domains may use on this host");
    if (fl_json(c))
        fl_json_set_text(fl_document(c), "xml", xml);
    fl_out(c, "%s\n", xml);
    return 0;
}

int fl_cmd_sysinfo(struct fl_call *c)
{
    g_autofree char *xml = virConnectGetSysinfo(c->conn, 0);

    if (!xml)
        return fl_fail(c, "failed to get the system information of the host");
    if (fl_json(c))
        fl_json_set_text(fl_document(c), "xml", xml);
    fl_out(c, "%s", xml);
    return 0;
}

int fl_cmd_maxvcpus(struct fl_call *c)
{
    const char *type = fl_arg(c, "type");
    g_autofree char *xml = virConnectGetDomainCapabilities(c->conn, NULL, NULL, NULL, type, 0);
    struct fl_xml *root = xml ? fl_xml_parse(xml) : NULL;
    const char *max = root ? fl_xml_value(root, "vcpu@max") : NULL;
    int n = max ? atoi(max) : 0;

    fl_xml_free(root);
    virResetLastError();
    if (n <= 0)
        n = virConnectGetMaxVcpus(c->conn, type);
    if (n < 0)
        return fl_fail(c, "failed to get the largest number of virtual processors");
    if (fl_json(c))
        fl_json_set_int(fl_document(c), "max_vcpus", n);
    fl_out(c, "%d\n", n);
    return 0;
}

enum { NODE_WIDTH = 21 };

int fl_cmd_nodeinfo(struct fl_call *c)
{
    virNodeInfo info;

    if (virNodeGetInfo(c->conn, &info) < 0)
        return fl_fail(c, "failed to get information about the host");
    fl_field(c, NODE_WIDTH, "CPU model:", "model", "%s", info.model);
    fl_field(c, NODE_WIDTH, "CPU(s):", "cpus#", "%u", info.cpus);
    if (info.mhz)
        fl_field(c, NODE_WIDTH, "CPU frequency:", "mhz#", "%u MHz", info.mhz);
    fl_field(c, NODE_WIDTH, "CPU socket(s):", "sockets#", "%u", info.sockets);
    fl_field(c, NODE_WIDTH, "Core(s) per socket:", "cores#", "%u", info.cores);
    fl_field(c, NODE_WIDTH, "Thread(s) per core:", "threads#", "%u", info.threads);
    fl_field(c, NODE_WIDTH, "NUMA cell(s):", "numa_cells#", "%u", info.nodes);
    fl_field(c, NODE_WIDTH, "Memory size:", "memory_kib#", "%lu KiB", info.memory);
    return 0;
}

static int memory_stats(struct fl_call *c, int cell)
{
    int n = 0;
    g_autofree virNodeMemoryStatsPtr stats = NULL;

    if (virNodeGetMemoryStats(c->conn, cell, NULL, &n, 0) < 0)
        return fl_fail(c, "failed to get the memory counters of the host");
    if (n == 0)
        return 0;
    stats = g_new0(virNodeMemoryStats, n);
    if (virNodeGetMemoryStats(c->conn, cell, stats, &n, 0) < 0)
        return fl_fail(c, "failed to get the memory counters of the host");
    for (int i = 0; i < n; i++) {
        if (fl_json(c))
            fl_json_set_int(fl_document(c), stats[i].field, (long long)stats[i].value);
        fl_out(c, "%-7s: %20llu KiB\n", stats[i].field, stats[i].value);
    }
    return 0;
}

int fl_cmd_nodememstats(struct fl_call *c)
{
    int cell = VIR_NODE_MEMORY_STATS_ALL_CELLS;

    if (fl_arg_int(c, "cell", &cell) < 0)
        return -1;
    return memory_stats(c, cell);
}

static struct fl_xml *read_capabilities(struct fl_call *c)
{
    g_autofree char *xml = virConnectGetCapabilities(c->conn);
    struct fl_xml *root = xml ? fl_xml_parse(xml) : NULL;

    if (!xml)
        fl_fail(c, "failed to get the capabilities of the host");
    else if (!root)
        fl_wrong(c, "the capabilities of the host are no well-formed XML");
    return root;
}

/* The cells the capabilities name, by id; NULL after fl_fail(). */
static GArray *cell_ids(struct fl_call *c)
{
    struct fl_xml *root = read_capabilities(c), *cells = NULL;
    GArray *ids;

    if (!root)
        return NULL;
    ids = g_array_new(FALSE, FALSE, sizeof(int));
    cells = fl_xml_get(root, "host/topology/cells");
    for (guint i = 0; cells && i < cells->children->len; i++) {
        const char *text = fl_xml_attr(cells->children->pdata[i], "id");
        int id = text ? atoi(text) : 0;

        g_array_append_val(ids, id);
    }
    fl_xml_free(root);
    return ids;
}

static int freecell_all(struct fl_call *c)
{
    g_autoptr(GArray) ids = cell_ids(c);
    unsigned long long total = 0;

    if (!ids)
        return -1;
    for (guint i = 0; i < ids->len; i++) {
        int id = g_array_index(ids, int, i);
        unsigned long long free_bytes;

        if (virNodeGetCellsFreeMemory(c->conn, &free_bytes, id, 1) != 1)
            return fl_fail(c, "failed to get the free memory of NUMA cell %d", id);
        fl_out(c, "%5d: %10llu KiB\n", id, free_bytes / 1024);
        total += free_bytes / 1024;
    }
    fl_out(c, "--------------------\n%5s: %10llu KiB\n", "Total", total);
    return 0;
}

int fl_cmd_freecell(struct fl_call *c)
{
    int cell = -1, given;
    unsigned long long free_bytes;

    if (fl_exclusive(c, "all", "cellno") < 0)
        return -1;
    if (fl_flag(c, "all"))
        return freecell_all(c);
    given = fl_arg_int(c, "cellno", &cell);
    if (given < 0)
        return -1;
    if (!given) {
        free_bytes = virNodeGetFreeMemory(c->conn);
        if (free_bytes == 0)
            return fl_fail(c, "failed to get the free memory of the host");
        fl_out(c, "Total: %llu KiB\n", free_bytes / 1024);
        return 0;
    }
    if (virNodeGetCellsFreeMemory(c->conn, &free_bytes, cell, 1) != 1)
        return fl_fail(c, "failed to get the free memory of NUMA cell %d", cell);
    fl_out(c, "%d: %llu KiB\n", cell, free_bytes / 1024);
    return 0;
}

/* Page sizes the capabilities name: of the host's CPU, then of the cells; NULL after fl_fail(). */
static GArray *page_sizes(struct fl_call *c)
{
    struct fl_xml *root = read_capabilities(c);
    struct fl_xml *cells = root ? fl_xml_get(root, "host/topology/cells") : NULL;
    struct fl_xml *holders[2] = { root ? fl_xml_get(root, "host/cpu") : NULL,
                                  cells && cells->children->len ? cells->children->pdata[0] : NULL };
    GArray *sizes;

    if (!root)
        return NULL;
    sizes = g_array_new(FALSE, FALSE, sizeof(unsigned int));
    for (int h = 0; h < 2 && sizes->len == 0; h++)
        for (guint i = 0; holders[h] && i < holders[h]->children->len; i++) {
            struct fl_xml *pages = holders[h]->children->pdata[i];
            const char *text = fl_xml_attr(pages, "size");
            unsigned int size = text ? (unsigned int)atoi(text) : 0;

            if (strcmp(pages->name, "pages") == 0 && size)
                g_array_append_val(sizes, size);
        }
    fl_xml_free(root);
    if (sizes->len == 0) {
        g_array_unref(sizes);
        fl_wrong(c, "the capabilities of the host name no size of pages; give --pagesize");
        return NULL;
    }
    return sizes;
}

static int free_pages_of(struct fl_call *c, int cell, GArray *sizes)
{
    g_autofree unsigned long long *counts = g_new0(unsigned long long, sizes->len);

    if (virNodeGetFreePages(c->conn, sizes->len, (unsigned int *)(void *)sizes->data, cell, 1, counts, 0) < 0)
        return fl_fail(c, "failed to get the free pages of NUMA cell %d", cell);
    for (guint i = 0; i < sizes->len; i++)
        fl_out(c, "%uKiB: %lld\n", g_array_index(sizes, unsigned int, i), (long long)counts[i]);
    return 0;
}

int fl_cmd_freepages(struct fl_call *c)
{
    unsigned long long bytes = 0;
    int cell = -1, given_cell = fl_arg_int(c, "cellno", &cell);
    int given_size = fl_arg_size(c, "pagesize", 1024, (unsigned long long)G_MAXUINT * 1024, &bytes);
    g_autoptr(GArray) sizes = NULL, cells = NULL;

    if (given_cell < 0 || given_size < 0 || fl_exclusive(c, "all", "cellno") < 0)
        return -1;
    if (!fl_flag(c, "all") && !given_cell)
        return fl_wrong(c, "which NUMA cell? give --cellno or --all");
    if (!fl_flag(c, "all") && !given_size)
        return fl_wrong(c, "which page size? give --pagesize or --all");
    if (given_size) {
        unsigned int kib = (unsigned int)(bytes / 1024);

        sizes = g_array_new(FALSE, FALSE, sizeof(unsigned int));
        g_array_append_val(sizes, kib);
    } else {
        sizes = page_sizes(c);
        if (!sizes)
            return -1;
    }
    if (given_cell)
        return free_pages_of(c, cell, sizes);
    cells = cell_ids(c);
    if (!cells)
        return -1;
    for (guint i = 0; i < cells->len; i++) {
        fl_out(c, "Node %d:\n", g_array_index(cells, int, i));
        if (free_pages_of(c, g_array_index(cells, int, i), sizes) < 0)
            return -1;
        fl_out(c, "\n");
    }
    return 0;
}

int fl_cmd_allocpages(struct fl_call *c)
{
    unsigned long long bytes = 0, count = 0;
    unsigned int flags = fl_flags(c, "add", VIR_NODE_ALLOC_PAGES_ADD, NULL), kib;
    int cell = -1, cells = 1;

    if (fl_exclusive(c, "all", "cellno") < 0 || fl_arg_int(c, "cellno", &cell) < 0 ||
        fl_arg_size(c, "pagesize", 1024, (unsigned long long)G_MAXUINT * 1024, &bytes) < 0 ||
        fl_arg_ull(c, "pagecount", &count) < 0)
        return -1;
    kib = (unsigned int)(bytes / 1024);
    if (fl_flag(c, "all")) {
        g_autoptr(GArray) ids = cell_ids(c);

        if (!ids)
            return -1;
        cell = 0;
        cells = (int)ids->len;
    }
    if (virNodeAllocPages(c->conn, 1, &kib, &count, cell, (unsigned int)cells, flags) < 0)
        return fl_fail(c, "failed to change the number of huge pages");
    return 0;
}
