/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Node devices: listing, finding, and virtual HBAs made and destroyed. */
#define FL_FROM VIR_FROM_TEST
#include <string.h>
#include "driver/test/nodedev.h"
#include "driver/test/ops.h"

#define VHBA_TEMPLATE "scsi_host11" /* every virtual HBA is made in the image of this one ... */
#define VHBA_NAME     "scsi_host12" /* ... under this name */

void fl_test_nodedev_free_item(struct fl_test_item *item)
{
    struct fl_test_nodedev *d = (struct fl_test_nodedev *)item;
    fl_nodedev_def_free(d->def);
    fl_test_item_fini(item);
    g_free(d);
}

struct fl_test_nodedev *fl_test_nodedev_add(struct fl_test_host *host, struct fl_nodedev_def *def)
{
    struct fl_test_nodedev *d = fl_test_table_by_name(&host->nodedevs, def->name);
    if (d) {
        fl_nodedev_def_free(d->def);
        d->def = def;
        return d;
    }
    d = g_new0(struct fl_test_nodedev, 1);
    fl_test_item_init(&d->item, def->name, NULL);
    d->def = def;
    fl_test_table_add(&host->nodedevs, &d->item);
    return d;
}

static bool has_cap(const struct fl_test_nodedev *d, const char *cap)
{
    if (!cap)
        return true;
    /* "vports" in a list call is "vport_ops" in the document. */
    return fl_nodedev_has_cap(d->def, cap) ||
           (strcmp(cap, "vports") == 0 && fl_nodedev_has_cap(d->def, "vport_ops"));
}

int fl_test_node_num_of_devices(virConnectPtr conn, const char *cap, unsigned int flags)
{
    if (fl_check_flags(flags, 0) < 0)
        return -1;
    TEST_READ_CONN(conn);
    struct fl_test_nodedev *d;
    int n = 0;
    FL_TEST_EACH(&host->nodedevs, struct fl_test_nodedev *, d)
    {
        n += has_cap(d, cap);
    }
    return n;
}

int fl_test_node_list_devices(virConnectPtr conn, const char *cap, char **names, int max, unsigned int flags)
{
    if (fl_check_flags(flags, 0) < 0)
        return -1;
    TEST_READ_CONN(conn);
    struct fl_test_nodedev *d;
    int n = 0;
    FL_TEST_EACH(&host->nodedevs, struct fl_test_nodedev *, d)
    {
        if (n < max && has_cap(d, cap))
            names[n++] = g_strdup(d->item.name);
    }
    return n;
}

/* The capability filters in the order of their flags. */
static bool list_match(const struct fl_test_nodedev *d, unsigned int flags)
{
    static const char *const caps[] = { "system",    "pci",          "usb_device", "usb",        "net",
                                        "scsi_host", "scsi_target",  "scsi",       "storage",    "fc_host",
                                        "vports",    "scsi_generic", "drm",        "mdev_types", "mdev",
                                        "ccw",       "css",          "vdpa",       "ap_card",    "ap_queue",
                                        "ap_matrix", "vpd" };
    if (!flags)
        return true;
    for (gsize i = 0; i < G_N_ELEMENTS(caps); i++) {
        if ((flags & (1u << i)) && has_cap(d, caps[i]))
            return true;
    }
    return false;
}

int fl_test_connect_list_all_node_devices(virConnectPtr conn, virNodeDevicePtr **devs, unsigned int flags)
{
    if (fl_check_flags(flags, 0x3fffff) < 0)
        return -1;
    TEST_READ_CONN(conn);
    virNodeDevicePtr *list =
        devs ? FL_TEST_ARRAY(virNodeDevicePtr, g_queue_get_length(&host->nodedevs.order)) : NULL;
    struct fl_test_nodedev *d;
    int n = 0;
    FL_TEST_EACH(&host->nodedevs, struct fl_test_nodedev *, d)
    {
        if (!list_match(d, flags))
            continue;
        if (list)
            list[n] = fl_node_device_new(conn, d->item.name);
        n++;
    }
    if (devs)
        *devs = list;
    return n;
}

static struct fl_test_nodedev *nodedev_by_name(struct fl_test_host *host, const char *name)
{
    struct fl_test_nodedev *d = fl_test_table_by_name(&host->nodedevs, name);
    return d ? d : fl_error_null(VIR_ERR_NO_NODE_DEVICE, "this test host has no device '%s'", name);
}

virNodeDevicePtr fl_test_node_device_lookup_by_name(virConnectPtr conn, const char *name)
{
    TEST_READ_CONN(conn);
    return nodedev_by_name(host, name) ? fl_node_device_new(conn, name) : NULL;
}

char *fl_test_node_device_get_xml_desc(virNodeDevicePtr dev, unsigned int flags)
{
    if (fl_check_flags(flags, 0) < 0)
        return NULL;
    TEST_READ(dev);
    struct fl_test_nodedev *d = nodedev_by_name(host, dev->name);
    return d ? fl_nodedev_def_format(d->def) : NULL;
}

char *fl_test_node_device_get_parent(virNodeDevicePtr dev)
{
    TEST_READ(dev);
    struct fl_test_nodedev *d = nodedev_by_name(host, dev->name);
    if (!d)
        return NULL;
    if (!d->def->parent)
        return fl_error_null(VIR_ERR_INTERNAL_ERROR, "device '%s' has no parent", dev->name);
    return g_strdup(d->def->parent);
}

/* Only the capabilities directly below <device>, as the peer counts them. */
static int list_caps(const struct fl_nodedev_def *def, char **names, int max)
{
    int n = 0;
    for (const struct fl_xml_node *c = fl_xml_child(def->root, "capability"); c && n < max;
         c = fl_xml_next(c, "capability"), n++) {
        if (names)
            names[n] = g_strdup(fl_xml_get(c, "type"));
    }
    return n;
}

int fl_test_node_device_num_of_caps(virNodeDevicePtr dev)
{
    TEST_READ(dev);
    struct fl_test_nodedev *d = nodedev_by_name(host, dev->name);
    return d ? list_caps(d->def, NULL, G_MAXINT) : -1;
}

int fl_test_node_device_list_caps(virNodeDevicePtr dev, char **names, int max)
{
    TEST_READ(dev);
    struct fl_test_nodedev *d = nodedev_by_name(host, dev->name);
    return d ? list_caps(d->def, names, max) : -1;
}

static struct fl_xml_node *fc_host_of(const struct fl_nodedev_def *def)
{
    struct fl_xml_node *host_cap = fl_xml_child(def->root, "capability");
    for (struct fl_xml_node *c = fl_xml_child(host_cap, "capability"); c; c = fl_xml_next(c, "capability")) {
        if (fl_xml_is(c, "type", "fc_host"))
            return c;
    }
    return NULL;
}

struct fl_test_nodedev *fl_test_nodedev_make_vhba(struct fl_test_host *host, const char *wwnn,
                                                  const char *wwpn)
{
    const struct fl_test_nodedev *model = fl_test_table_by_name(&host->nodedevs, VHBA_TEMPLATE);
    if (!model)
        return fl_error_null(VIR_ERR_NO_NODE_DEVICE,
                             "virtual HBAs are made after '%s', which this test host lacks", VHBA_TEMPLATE);
    struct fl_nodedev_def *def = fl_nodedev_def_copy(model->def);
    struct fl_xml_node *name = fl_xml_child(def->root, "name"), *fc = fc_host_of(def);
    g_free(def->name);
    def->name = g_strdup(VHBA_NAME);
    if (name)
        fl_xml_set_text(name, VHBA_NAME);
    if (fc && wwnn)
        fl_xml_set_text(fl_xml_child(fc, "wwnn"), wwnn);
    if (fc && wwpn)
        fl_xml_set_text(fl_xml_child(fc, "wwpn"), wwpn);
    struct fl_test_nodedev *d = fl_test_nodedev_add(host, def);
    fl_test_event_nodedev(host, &d->item, VIR_NODE_DEVICE_EVENT_CREATED, 0);
    return d;
}

void fl_test_nodedev_drop(struct fl_test_host *host, struct fl_test_nodedev *dev)
{
    fl_test_event_nodedev(host, &dev->item, VIR_NODE_DEVICE_EVENT_DELETED, 0);
    fl_test_table_remove(&host->nodedevs, &dev->item);
    fl_test_nodedev_free_item(&dev->item);
}

/* A description for creation: what only a device that exists has is filled in, so that the rest can be
 * checked. */
static int parse_new(const char *xml, struct fl_nodedev_def **ret_def)
{
    FL_XML_AUTO *root = NULL;
    if (fl_xml_parse_for(VIR_FROM_NODEDEV, xml, "(node_device_definition)", &root) < 0)
        return -1;
    struct fl_xml_node *cap = fl_xml_child(root, "capability");
    if (cap && fl_xml_is(cap, "type", "scsi_host") && !fl_xml_child(cap, "host")) {
        struct fl_xml_node *host = fl_xml_new("host");
        fl_xml_set_text(host, "0");
        fl_xml_insert(cap, host, cap->first);
    }
    return fl_nodedev_def_parse_node(root, "(node_device_definition)", 0, ret_def);
}

/* What a creation must name: the two world-wide names, and a parent that is there if any is named. */
static int check_vhba(struct fl_test_host *host, const struct fl_nodedev_def *def)
{
    if (!fl_nodedev_wwnn(def))
        return fl_error_set(VIR_FROM_NODEDEV, VIR_ERR_INTERNAL_ERROR,
                            "a new device needs <wwnn> in its fc_host capability");
    if (!fl_nodedev_wwpn(def))
        return fl_error_set(VIR_FROM_NODEDEV, VIR_ERR_INTERNAL_ERROR,
                            "a new device needs <wwpn> in its fc_host capability");
    if (def->parent && !fl_test_table_by_name(&host->nodedevs, def->parent))
        return fl_error_set(VIR_FROM_NODEDEV, VIR_ERR_INTERNAL_ERROR,
                            "this test host has no parent device '%s'", def->parent);
    return 0;
}

virNodeDevicePtr fl_test_node_device_create_xml(virConnectPtr conn, const char *xml, unsigned int flags)
{
    struct fl_nodedev_def *def;
    if (fl_check_flags(flags, 1) < 0 || parse_new(xml, &def) < 0)
        return NULL;
    TEST_WRITE_CONN(conn);
    struct fl_test_nodedev *d = NULL;
    if (check_vhba(host, def) == 0)
        d = fl_test_nodedev_make_vhba(host, fl_nodedev_wwnn(def), fl_nodedev_wwpn(def));
    fl_nodedev_def_free(def);
    return d ? fl_node_device_new(conn, d->item.name) : NULL;
}

int fl_test_node_device_destroy(virNodeDevicePtr dev)
{
    TEST_WRITE(dev);
    struct fl_test_nodedev *d = nodedev_by_name(host, dev->name);
    if (!d)
        return -1;
    if (!fl_nodedev_wwnn(d->def))
        return fl_error_set(VIR_FROM_NODEDEV, VIR_ERR_INTERNAL_ERROR,
                            "device '%s' is no fibre channel HBA, so it cannot be destroyed", dev->name);
    fl_test_nodedev_drop(host, d);
    return 0;
}
