/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the make-believe machine says about itself. The figures are the peer's, so that scripts see no
 * difference. */
#define FL_FROM VIR_FROM_TEST
#include <netdb.h>
#include <string.h>
#include <unistd.h>
#include "driver/test/ops.h"
#include "driver/test/state.h"

#define TEST_MAX_VCPUS 32

const char *fl_test_connect_get_type(virConnectPtr conn)
{
    return "TEST";
}

int fl_test_connect_get_version(virConnectPtr conn, unsigned long *hv_ver)
{
    *hv_ver = 2;
    return 0;
}

char *fl_test_connect_get_hostname(virConnectPtr conn)
{
    char name[256];
    if (gethostname(name, sizeof(name)) < 0)
        return fl_error_null(VIR_ERR_INTERNAL_ERROR, "cannot read the host's name");
    name[sizeof(name) - 1] = '\0';
    return g_strdup(name);
}

int fl_test_connect_get_max_vcpus(virConnectPtr conn, const char *type)
{
    return TEST_MAX_VCPUS;
}

int fl_test_connect_is_alive(virConnectPtr conn)
{
    return 1;
}

int fl_test_connect_is_encrypted(virConnectPtr conn)
{
    return 0;
}

int fl_test_connect_is_secure(virConnectPtr conn)
{
    return 1;
}

/* A host from a file has no cells of its own: the peer shows the topology empty. */
static struct fl_caps *caps_without_cells(void)
{
    static const char *const features[] = { "pae", "nonpae", NULL };
    static const unsigned int pages[] = { 4, 8, 2048, 1048576 };
    struct fl_caps *caps = fl_caps_new("i686");
    fl_caps_add_cpu_feature(caps, "pae");
    fl_caps_add_cpu_feature(caps, "nonpae");
    for (gsize i = 0; i < G_N_ELEMENTS(pages); i++)
        fl_caps_add_page_size(caps, pages[i]);
    struct fl_xml_node *cells = fl_xml_add(fl_xml_add(fl_xml_child(caps->root, "host"), "topology"), "cells");
    fl_xml_set(cells, "num", "0");
    cells->flags |= FL_XML_OPEN;
    fl_caps_add_secmodel(caps, "testSecurity", "");
    fl_caps_add_guest(caps, "hvm", "i686", 32, "/usr/bin/test-hv", "test", features);
    fl_caps_add_guest(caps, "xen", "i686", 32, "/usr/bin/test-hv", "test", features);
    return caps;
}

char *fl_test_connect_get_capabilities(virConnectPtr conn)
{
    TEST_READ_CONN(conn);
    struct fl_caps *caps = host->n_cells ? fl_caps_new_test() : caps_without_cells();
    char *xml = fl_caps_format(caps);
    fl_caps_free(caps);
    return xml;
}

char *fl_test_connect_get_sysinfo(virConnectPtr conn, unsigned int flags)
{
    static const char text[] = "<sysinfo type='smbios'>\n"
                               "  <bios>\n"
                               "    <entry name='vendor'>LENOVO</entry>\n"
                               "    <entry name='version'>G4ETA1WW (2.61 )</entry>\n"
                               "    <entry name='date'>05/07/2014</entry>\n"
                               "    <entry name='release'>2.61</entry>\n"
                               "  </bios>\n"
                               "</sysinfo>\n";
    return fl_check_flags(flags, 0) < 0 ? NULL : g_strdup(text);
}

int fl_test_node_get_info(virConnectPtr conn, virNodeInfoPtr info)
{
    TEST_READ_CONN(conn);
    *info = host->node;
    return 0;
}

int fl_test_node_get_cpu_stats(virConnectPtr conn, int cpu_num, virNodeCPUStatsPtr params, int *nparams,
                               unsigned int flags)
{
    static const struct {
        const char *field;
        unsigned long long value;
    } stats[] = {
        { VIR_NODE_CPU_STATS_USER, 9797400000ULL },
        { VIR_NODE_CPU_STATS_KERNEL, 34678723400000ULL },
        { VIR_NODE_CPU_STATS_IDLE, 87264900000ULL },
        { VIR_NODE_CPU_STATS_IOWAIT, 763600000ULL },
    };
    if (fl_check_flags(flags, 0) < 0)
        return -1;
    if (cpu_num < VIR_NODE_CPU_STATS_ALL_CPUS)
        return fl_error_set(VIR_FROM_DOMAIN, VIR_ERR_INVALID_ARG, "there is no CPU %d; -1 means all",
                            cpu_num);
    if (!params || *nparams == 0) {
        *nparams = G_N_ELEMENTS(stats);
        return 0;
    }
    int n = MIN(*nparams, (int)G_N_ELEMENTS(stats));
    for (int i = 0; i < n; i++) {
        g_strlcpy(params[i].field, stats[i].field, sizeof(params[i].field));
        params[i].value = stats[i].value;
    }
    *nparams = n;
    return 0;
}

int fl_test_node_get_cpu_map(virConnectPtr conn, unsigned char **cpumap, unsigned int *online,
                             unsigned int flags)
{
    if (fl_check_flags(flags, 0) < 0)
        return -1;
    if (cpumap) {
        *cpumap = g_malloc(1);
        (*cpumap)[0] = 0x15;
    }
    if (online)
        *online = 3;
    return 8;
}

unsigned long long fl_test_node_get_free_memory(virConnectPtr conn)
{
    TEST_READ_CONN(conn);
    unsigned long long free_kib = 0;
    for (unsigned int i = 0; i < host->n_cells; i++)
        free_kib += host->cells[i].free;
    return free_kib;
}

int fl_test_node_get_cells_free_memory(virConnectPtr conn, unsigned long long *free_mems, int start_cell,
                                       int max_cells)
{
    TEST_READ_CONN(conn);
    if (start_cell < 0 || (unsigned int)start_cell >= host->n_cells)
        return fl_error(VIR_ERR_INVALID_ARG, "there is no NUMA cell %d: this host has %u", start_cell,
                        host->n_cells);
    int n = 0;
    for (unsigned int i = start_cell; i < host->n_cells && n < max_cells; i++)
        free_mems[n++] = host->cells[i].memory;
    return n;
}

int fl_test_node_get_free_pages(virConnectPtr conn, unsigned int npages, unsigned int *pages, int start_cell,
                                unsigned int cell_count, unsigned long long *counts, unsigned int flags)
{
    if (fl_check_flags(flags, 0) < 0)
        return -1;
    TEST_READ_CONN(conn);
    if (start_cell < 0 || (unsigned int)start_cell >= host->n_cells)
        return fl_error(VIR_ERR_OPERATION_FAILED, "there is no NUMA cell %d: this host has %u", start_cell,
                        host->n_cells);
    unsigned int last = MIN((unsigned long long)start_cell + cell_count, host->n_cells), n = 0;
    for (unsigned int c = start_cell; c < last; c++) {
        for (unsigned int p = 0; p < npages; p++, n++) {
            counts[n] = 0;
            for (gsize i = 0; i < G_N_ELEMENTS(host->cells[c].pages); i++) {
                if (host->cells[c].pages[i].size == pages[p])
                    counts[n] = host->cells[c].pages[i].free;
            }
        }
    }
    return n;
}

int fl_test_node_get_security_model(virConnectPtr conn, virSecurityModelPtr secmodel)
{
    memset(secmodel, 0, sizeof(*secmodel));
    g_strlcpy(secmodel->model, "testSecurity", sizeof(secmodel->model));
    return 0;
}
