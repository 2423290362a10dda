/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Devices of the host. */
#include "shell.h"
#include "handlers.h"
#include "list.h"

#include <string.h>

FL_LIST_HELPERS(NodeDevice)

static int cap_flags(struct fl_call *c, unsigned int *ret)
{
    static const struct {
        const char *name;
        unsigned int flag;
    } caps[] = {
        { "system", VIR_CONNECT_LIST_NODE_DEVICES_CAP_SYSTEM },
        { "pci", VIR_CONNECT_LIST_NODE_DEVICES_CAP_PCI_DEV },
        { "usb_device", VIR_CONNECT_LIST_NODE_DEVICES_CAP_USB_DEV },
        { "usb", VIR_CONNECT_LIST_NODE_DEVICES_CAP_USB_INTERFACE },
        { "net", VIR_CONNECT_LIST_NODE_DEVICES_CAP_NET },
        { "scsi_host", VIR_CONNECT_LIST_NODE_DEVICES_CAP_SCSI_HOST },
        { "scsi_target", VIR_CONNECT_LIST_NODE_DEVICES_CAP_SCSI_TARGET },
        { "scsi", VIR_CONNECT_LIST_NODE_DEVICES_CAP_SCSI },
        { "storage", VIR_CONNECT_LIST_NODE_DEVICES_CAP_STORAGE },
        { "fc_host", VIR_CONNECT_LIST_NODE_DEVICES_CAP_FC_HOST },
        { "vports", VIR_CONNECT_LIST_NODE_DEVICES_CAP_VPORTS },
        { "scsi_generic", VIR_CONNECT_LIST_NODE_DEVICES_CAP_SCSI_GENERIC },
        { "drm", VIR_CONNECT_LIST_NODE_DEVICES_CAP_DRM },
        { "mdev_types", VIR_CONNECT_LIST_NODE_DEVICES_CAP_MDEV_TYPES },
        { "mdev", VIR_CONNECT_LIST_NODE_DEVICES_CAP_MDEV },
        { "ccw", VIR_CONNECT_LIST_NODE_DEVICES_CAP_CCW_DEV },
        { "css", VIR_CONNECT_LIST_NODE_DEVICES_CAP_CSS_DEV },
        { "vdpa", VIR_CONNECT_LIST_NODE_DEVICES_CAP_VDPA },
        { "ap_card", VIR_CONNECT_LIST_NODE_DEVICES_CAP_AP_CARD },
        { "ap_queue", VIR_CONNECT_LIST_NODE_DEVICES_CAP_AP_QUEUE },
        { "ap_matrix", VIR_CONNECT_LIST_NODE_DEVICES_CAP_AP_MATRIX },
        { "vpd", VIR_CONNECT_LIST_NODE_DEVICES_CAP_VPD },
    };
    g_auto(GStrv) words = g_strsplit(fl_arg(c, "cap") ? fl_arg(c, "cap") : "", ",", 0);

    for (char **w = words; *w; w++) {
        size_t i = 0;

        while (i < G_N_ELEMENTS(caps) && strcmp(caps[i].name, *w) != 0)
            i++;
        if (i == G_N_ELEMENTS(caps))
            return fl_wrong(c, "option --cap: there is no kind of device '%s'", *w);
        *ret |= caps[i].flag;
    }
    return 0;
}

static const char *name_at(void *opaque, int i)
{
    return virNodeDeviceGetName(((virNodeDevicePtr *)opaque)[i]);
}

static const char *parent_at(void *opaque, int i)
{
    return virNodeDeviceGetParent(((virNodeDevicePtr *)opaque)[i]);
}

/* One at the top has none: that is no error here, though the test driver (Compat: on either side) makes one
 * of it. */
static int know_parents(struct fl_call *c, virNodeDevicePtr *all, int n)
{
    for (int i = 0; i < n; i++) {
        virResetLastError();
        if (!virNodeDeviceGetParent(all[i]) && virGetLastErrorCode() != VIR_ERR_OK &&
            virGetLastErrorCode() != VIR_ERR_INTERNAL_ERROR)
            return fl_fail(c, "failed to get the parent of node device '%s'", virNodeDeviceGetName(all[i]));
    }
    virResetLastError();
    return 0;
}

static void print_names(struct fl_call *c, virNodeDevicePtr *all, int n)
{
    void *array = fl_json(c) ? fl_json_array() : NULL;

    for (int i = 0; i < n; i++) {
        void *object;

        if (!array) {
            fl_out(c, "%s\n", virNodeDeviceGetName(all[i]));
            continue;
        }
        object = fl_json_object();
        fl_json_set(object, "name", fl_json_string(virNodeDeviceGetName(all[i])));
        fl_json_set_text(object, "parent",
                         virNodeDeviceGetParent(all[i]) ? virNodeDeviceGetParent(all[i]) : "-");
        fl_json_append(array, object);
    }
    if (array)
        fl_document_set(c, array);
}

int fl_cmd_nodedev_list(struct fl_call *c)
{
    virNodeDevicePtr *all = NULL;
    unsigned int flags = 0, state = 0;
    int n, status = 0;

    if (fl_flag(c, "tree") && (fl_flag(c, "cap") || fl_flag(c, "inactive")))
        return fl_wrong(c, "option --tree excludes --cap and --inactive");
    if (cap_flags(c, &flags) < 0)
        return -1;
    if (fl_flag(c, "inactive") || fl_flag(c, "all"))
        state |= VIR_CONNECT_LIST_NODE_DEVICES_INACTIVE;
    if (!fl_flag(c, "inactive"))
        state |= VIR_CONNECT_LIST_NODE_DEVICES_ACTIVE;
    n = virConnectListAllNodeDevices(c->conn, &all, flags | state);
    /* Older drivers and daemons do not know active from inactive: all their devices are active. */
    if (n < 0 && virGetLastErrorCode() == VIR_ERR_INVALID_ARG && !fl_flag(c, "inactive")) {
        virResetLastError();
        n = virConnectListAllNodeDevices(c->conn, &all, flags);
    }
    if (n < 0)
        return fl_fail(c, "failed to list node devices");
    sort_NodeDevice(all, n);
    if (fl_flag(c, "tree") || fl_json(c))
        status = know_parents(c, all, n);
    if (status < 0)
        ; /* a tree or a list that would be wrong */
    else if (fl_flag(c, "tree") && !fl_json(c))
        fl_tree_print(c, n, name_at, parent_at, all);
    else
        print_names(c, all, n);
    free_NodeDevice(all, n);
    return status;
}

/* Compat: a driver that cannot tell counts as yes, but not in JSON. */
static const char *yes_no(struct fl_call *c, int value)
{
    return value < 0 && fl_json(c) ? "unknown" : value ? "yes" : "no";
}

int fl_cmd_nodedev_info(struct fl_call *c)
{
    const char *parent = virNodeDeviceGetParent(c->dev);
    int autostart;

    fl_field(c, 16, "Name:", "name", "%s", virNodeDeviceGetName(c->dev));
    fl_field(c, 16, "Parent:", "parent", "%s", parent ? parent : "");
    fl_field(c, 16, "Active:", "active?", "%s", yes_no(c, virNodeDeviceIsActive(c->dev)));
    fl_field(c, 16, "Persistent:", "persistent?", "%s", yes_no(c, virNodeDeviceIsPersistent(c->dev)));
    if (virNodeDeviceGetAutostart(c->dev, &autostart) < 0)
        fl_field(c, 16, "Autostart:", "autostart?", "no autostart");
    else
        fl_field(c, 16, "Autostart:", "autostart?", "%s", autostart ? "yes" : "no");
    virResetLastError();
    return 0;
}

int fl_cmd_nodedev_dumpxml(struct fl_call *c)
{
    return fl_take_xml(c, virNodeDeviceGetXMLDesc(c->dev, 0), "the node device");
}

int fl_cmd_nodedev_create(struct fl_call *c)
{
    unsigned int flags = fl_flags(c, "validate", VIR_NODE_DEVICE_CREATE_XML_VALIDATE, NULL);
    g_autofree char *xml = NULL;
    g_autoptr(virNodeDevice) dev = NULL;

    if (fl_arg_file(c, "file", &xml) < 0)
        return -1;
    dev = virNodeDeviceCreateXML(c->conn, xml, flags);
    if (!dev)
        return fl_fail(c, "failed to create a node device from '%s'", fl_arg(c, "file"));
    fl_extra(c, "Node device %s created from %s\n", virNodeDeviceGetName(dev), fl_arg(c, "file"));
    return 0;
}

int fl_cmd_nodedev_define(struct fl_call *c)
{
    unsigned int flags = fl_flags(c, "validate", VIR_NODE_DEVICE_DEFINE_XML_VALIDATE, NULL);
    g_autofree char *xml = NULL;
    g_autoptr(virNodeDevice) dev = NULL;

    if (fl_arg_file(c, "file", &xml) < 0)
        return -1;
    dev = virNodeDeviceDefineXML(c->conn, xml, flags);
    if (!dev)
        return fl_fail(c, "failed to define a node device from '%s'", fl_arg(c, "file"));
    fl_extra(c, "Node device '%s' defined from '%s'\n", virNodeDeviceGetName(dev), fl_arg(c, "file"));
    return 0;
}

int fl_cmd_nodedev_destroy(struct fl_call *c)
{
    return fl_result(c, virNodeDeviceDestroy(c->dev), "destroy node device", fl_arg(c, "device"),
                     "Destroyed node device '%s'\n");
}

int fl_cmd_nodedev_undefine(struct fl_call *c)
{
    return fl_result(c, virNodeDeviceUndefine(c->dev, 0), "undefine node device", fl_arg(c, "device"),
                     "Undefined node device '%s'\n");
}

int fl_cmd_nodedev_start(struct fl_call *c)
{
    return fl_result(c, virNodeDeviceCreate(c->dev, 0), "start node device", fl_arg(c, "device"),
                     "Device %s started\n");
}

int fl_cmd_nodedev_autostart(struct fl_call *c)
{
    bool off = fl_flag(c, "disable");

    return fl_result(c, virNodeDeviceSetAutostart(c->dev, !off), "change autostart of node device",
                     fl_arg(c, "device"),
                     off ? "Device %s unmarked as autostarted\n" : "Device %s marked as autostarted\n");
}

int fl_cmd_nodedev_detach(struct fl_call *c)
{
    const char *driver = fl_arg(c, "driver");
    int status = driver ? virNodeDeviceDetachFlags(c->dev, driver, 0) : virNodeDeviceDettach(c->dev);

    return fl_result(c, status, "detach device", fl_arg(c, "device"), "Device %s detached\n");
}

int fl_cmd_nodedev_reattach(struct fl_call *c)
{
    return fl_result(c, virNodeDeviceReAttach(c->dev), "re-attach device", fl_arg(c, "device"),
                     "Device %s re-attached\n");
}

int fl_cmd_nodedev_reset(struct fl_call *c)
{
    return fl_result(c, virNodeDeviceReset(c->dev), "reset device", fl_arg(c, "device"), "Device %s reset\n");
}
