/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* <capabilities> of a host, built by hand: no parser runs to answer it. */
#include "model/host.h"

static void blank(struct fl_xml_node *root)
{
    struct fl_xml_node *line = fl_xml_add(root, "");

    line->flags |= FL_XML_BLANK;
}

static struct fl_xml_node *ensure(struct fl_xml_node *parent, const char *name)
{
    struct fl_xml_node *node = fl_xml_child(parent, name);

    return node ? node : fl_xml_add(parent, name);
}

struct fl_caps *fl_caps_new(const char *arch)
{
    struct fl_caps *caps = g_new0(struct fl_caps, 1);
    struct fl_xml_node *host;

    caps->root = fl_xml_new("capabilities");
    blank(caps->root);
    host = fl_xml_add(caps->root, "host");
    blank(caps->root);
    fl_xml_addf(fl_xml_add(host, "cpu"), "arch", "%s", arch);
    fl_xml_add(host, "power_management");
    fl_xml_set(fl_xml_add(host, "iommu"), "support", "no");
    return caps;
}

void fl_caps_free(struct fl_caps *caps)
{
    if (!caps)
        return;
    fl_xml_free(caps->root);
    g_free(caps);
}

void fl_caps_add_cpu_feature(struct fl_caps *caps, const char *name)
{
    fl_xml_add(ensure(fl_xml_find(caps->root, "host/cpu"), "features"), name);
}

static struct fl_xml_node *add_pages(struct fl_xml_node *parent, unsigned int kib)
{
    struct fl_xml_node *pages = fl_xml_add(parent, "pages");

    fl_xml_set(pages, "unit", "KiB");
    fl_xml_setf(pages, "size", "%u", kib);
    return pages;
}

void fl_caps_add_page_size(struct fl_caps *caps, unsigned int kib)
{
    add_pages(fl_xml_find(caps->root, "host/cpu"), kib);
}

static void add_cpu(struct fl_xml_node *cpus, unsigned int id, unsigned int socket, unsigned int core)
{
    struct fl_xml_node *cpu = fl_xml_add(cpus, "cpu");

    fl_xml_setf(cpu, "id", "%u", id);
    fl_xml_setf(cpu, "socket_id", "%u", socket);
    fl_xml_set(cpu, "die_id", "0");
    fl_xml_setf(cpu, "core_id", "%u", core);
    fl_xml_setf(cpu, "siblings", "%u", id);
}

void fl_caps_add_cell(struct fl_caps *caps, const struct fl_caps_cell *cell)
{
    struct fl_xml_node *cells = ensure(ensure(fl_xml_child(caps->root, "host"), "topology"), "cells");
    struct fl_xml_node *node = fl_xml_add(cells, "cell"), *cpus;

    fl_xml_setf(cells, "num", "%u", fl_xml_count(cells, "cell"));
    fl_xml_setf(node, "id", "%u", cell->id);
    fl_xml_set(fl_xml_addf(node, "memory", "%llu", cell->memory), "unit", "KiB");
    for (unsigned int i = 0; i < cell->n_pages && i < G_N_ELEMENTS(cell->pages); i++)
        fl_xml_set_textf(add_pages(node, cell->pages[i].size), "%llu", cell->pages[i].count);
    cpus = fl_xml_add(node, "cpus");
    fl_xml_setf(cpus, "num", "%u", cell->n_cpus);
    for (unsigned int i = 0; i < cell->n_cpus; i++)
        add_cpu(cpus, cell->first_cpu + i, cell->socket, i);
}

void fl_caps_add_secmodel(struct fl_caps *caps, const char *model, const char *doi)
{
    struct fl_xml_node *secmodel = fl_xml_add(fl_xml_child(caps->root, "host"), "secmodel");

    fl_xml_addf(secmodel, "model", "%s", model);
    fl_xml_addf(secmodel, "doi", "%s", doi)->flags |= FL_XML_EMPTY;
}

void fl_caps_add_guest(struct fl_caps *caps, const char *os_type, const char *arch, unsigned int wordsize,
                       const char *emulator, const char *virt_type, const char *const *features)
{
    struct fl_xml_node *guest = fl_xml_add(caps->root, "guest"), *node;

    blank(caps->root);
    fl_xml_addf(guest, "os_type", "%s", os_type);
    node = fl_xml_add(guest, "arch");
    fl_xml_set(node, "name", arch);
    fl_xml_addf(node, "wordsize", "%u", wordsize);
    fl_xml_addf(node, "emulator", "%s", emulator);
    fl_xml_set(fl_xml_add(node, "domain"), "type", virt_type);
    if (!features || !*features)
        return;
    node = fl_xml_add(guest, "features");
    for (; *features; features++)
        fl_xml_add(node, *features);
}

char *fl_caps_format(const struct fl_caps *caps)
{
    return fl_xml_format(caps->root);
}

struct fl_caps *fl_caps_new_test(void)
{
    static const char *const features[] = { "pae", "nonpae", NULL };
    static const unsigned int sizes[] = { 4, 8, 2048, 1024 * 1024 };
    struct fl_caps *caps = fl_caps_new("i686");

    fl_caps_add_cpu_feature(caps, "pae");
    fl_caps_add_cpu_feature(caps, "nonpae");
    for (unsigned int i = 0; i < G_N_ELEMENTS(sizes); i++)
        fl_caps_add_page_size(caps, sizes[i]);
    for (unsigned int i = 0; i < 2; i++) {
        struct fl_caps_cell cell = {
            .id = i,
            .memory = (i + 1) * 2048ULL * 1024,
            .n_pages = 3,
            .pages = { { i ? 8 : 4, 512 * 1024 }, { 2048, 0 }, { 1024 * 1024, 0 } },
            .first_cpu = i * 8,
            .n_cpus = 8,
            .socket = i,
        };

        fl_caps_add_cell(caps, &cell);
    }
    fl_caps_add_secmodel(caps, "testSecurity", "");
    fl_caps_add_guest(caps, "hvm", "i686", 32, "/usr/bin/test-hv", "test", features);
    fl_caps_add_guest(caps, "xen", "i686", 32, "/usr/bin/test-hv", "test", features);
    return caps;
}
