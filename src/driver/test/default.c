/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is on test:///default: a running domain, a network, an interface, a pool, four devices. Built by hand,
 * so that opening it takes no XML parser. */
#define FL_FROM VIR_FROM_TEST
#include <string.h>
#include "driver/test/domain.h"
#include "driver/test/interface.h"
#include "driver/test/network.h"
#include "driver/test/nodedev.h"
#include "driver/test/pool.h"

static void pci_address(struct fl_xml_node *dev, const char *bus, const char *slot)
{
    struct fl_xml_node *address = fl_xml_add(dev, "address");
    fl_xml_set(address, "type", "pci");
    fl_xml_set(address, "domain", "0x0000");
    fl_xml_set(address, "bus", bus);
    fl_xml_set(address, "slot", slot);
    fl_xml_set(address, "function", "0x0");
}

static struct fl_xml_node *add_with(struct fl_xml_node *parent, const char *name, const char *attr,
                                    const char *value)
{
    struct fl_xml_node *node = fl_xml_add(parent, name);
    fl_xml_set(node, attr, value);
    return node;
}

static void domain_devices(struct fl_domain_def *def)
{
    struct fl_xml_node *devices = fl_test_domain_section(def, "devices");
    struct fl_xml_node *disk = add_with(devices, "disk", "type", "file");
    fl_xml_set(disk, "device", "disk");
    add_with(disk, "source", "file", "/guest/diskimage1");
    fl_xml_set(add_with(disk, "target", "dev", "vda"), "bus", "virtio");
    pci_address(disk, "0x01", "0x00");
    struct fl_xml_node *iface = add_with(devices, "interface", "type", "network");
    add_with(iface, "mac", "address", "aa:bb:cc:dd:ee:ff");
    add_with(iface, "source", "network", "default");
    add_with(iface, "target", "dev", "testnet0");
    pci_address(iface, "0x00", "0x01");
    pci_address(add_with(devices, "memballoon", "model", "virtio"), "0x00", "0x02");
}

static int fill_domain(struct fl_test_host *host)
{
    unsigned char uuid[VIR_UUID_BUFLEN];
    fl_uuid_parse("6695eb01-f6a4-8304-79aa-97f2502e193f", uuid);
    struct fl_domain_def *def = fl_domain_def_new("test", "test", uuid, 8388608);
    def->cur_memory = 2097152;
    def->max_vcpus = def->vcpus = 2;
    domain_devices(def);
    struct fl_test_domain *d = fl_test_domain_add(host, def, FL_TEST_ADD_NEW);
    if (!d)
        return -1;
    d->persistent = true;
    fl_test_domain_start(host, d, VIR_DOMAIN_RUNNING_UNKNOWN);
    return 0;
}

static int fill_network(struct fl_test_host *host)
{
    unsigned char uuid[VIR_UUID_BUFLEN];
    fl_uuid_parse("dd8fe884-6c02-601e-7551-cca97df1c5df", uuid);
    struct fl_test_network *net =
        fl_test_network_add(host,
                            fl_network_def_new_nat("default", uuid, "virbr0", "192.168.122.1",
                                                   "255.255.255.0", "192.168.122.2", "192.168.122.254"),
                            false);
    if (!net)
        return -1;
    net->persistent = net->active = true;
    return 0;
}

static int fill_pool(struct fl_test_host *host)
{
    unsigned char uuid[VIR_UUID_BUFLEN];
    fl_uuid_parse("dfe224cb-28fb-8dd0-c4b2-64eb3f0f4566", uuid);
    struct fl_test_pool *pool =
        fl_test_pool_add(host, fl_pool_def_new("dir", "default-pool", uuid, "/default-pool"), false);
    if (!pool)
        return -1;
    pool->persistent = pool->active = true;
    return 0;
}

struct hba {
    const char *name, *parent, *host, *unique_id, *wwnn, *wwpn, *fabric;
    bool vports;
};

static struct fl_nodedev_def *hba_def(const struct hba *h)
{
    struct fl_nodedev_def *def = g_new0(struct fl_nodedev_def, 1);
    def->name = g_strdup(h->name);
    def->parent = g_strdup(h->parent);
    def->root = fl_xml_new("device");
    fl_xml_addf(def->root, "name", "%s", h->name);
    fl_xml_addf(def->root, "parent", "%s", h->parent);
    struct fl_xml_node *cap = add_with(def->root, "capability", "type", "scsi_host");
    fl_xml_addf(cap, "host", "%s", h->host);
    fl_xml_addf(cap, "unique_id", "%s", h->unique_id);
    struct fl_xml_node *fc = add_with(cap, "capability", "type", "fc_host");
    fl_xml_addf(fc, "wwnn", "%s", h->wwnn);
    fl_xml_addf(fc, "wwpn", "%s", h->wwpn);
    fl_xml_addf(fc, "fabric_wwn", "%s", h->fabric);
    if (h->vports) {
        struct fl_xml_node *vports = add_with(cap, "capability", "type", "vport_ops");
        fl_xml_addf(vports, "max_vports", "0");
        fl_xml_addf(vports, "vports", "0");
    }
    return def;
}

static void fill_nodedevs(struct fl_test_host *host)
{
    static const struct hba hbas[] = {
        { "scsi_host1", "computer", "1", "0", "2000000012341234", "1000000012341234", "2000000043214321",
          true },
        { "scsi_host2", "computer", "2", "1", "2000000056785678", "1000000056785678", "2000000087658765",
          true },
        { "scsi_host11", "scsi_host1", "11", "10", "2000000034563456", "1000000034563456", "2000000043214321",
          false },
    };
    fl_test_nodedev_add(host, fl_nodedev_def_new_computer());
    for (gsize i = 0; i < G_N_ELEMENTS(hbas); i++)
        fl_test_nodedev_add(host, hba_def(&hbas[i]));
}

static void fill_cells(struct fl_test_host *host)
{
    static const unsigned long long memory[] = { 2097152, 4194304 };
    static const unsigned int sizes[] = { 4, 8, 2048, 1048576 };
    static const unsigned long long pages_free[] = { 19, 45, 97, 201 };
    host->n_cells = G_N_ELEMENTS(memory);
    for (unsigned int c = 0; c < host->n_cells; c++) {
        host->cells[c].memory = memory[c];
        host->cells[c].free = memory[c] / 2;
        for (gsize i = 0; i < G_N_ELEMENTS(sizes); i++) {
            host->cells[c].pages[i].size = sizes[i];
            host->cells[c].pages[i].free = pages_free[i];
        }
    }
}

int fl_test_host_fill_default(struct fl_test_host *host)
{
    fill_cells(host);
    if (fill_domain(host) < 0 || fill_network(host) < 0 || fill_pool(host) < 0)
        return -1;
    fl_test_interface_add(&host->interfaces, fl_iface_def_new_ethernet("eth1", "aa:bb:cc:dd:ee:ff", 1492,
                                                                       "192.168.0.5", 24, "192.168.0.1"))
        ->active = true;
    fill_nodedevs(host);
    return 0;
}
