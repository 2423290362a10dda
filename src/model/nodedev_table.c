/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* <device> of a node: a table per capability. */
#include <libvirt/virterror.h>

#include "base/error.h"
#include "model/nodedev_private.h"
#include "model/rows.h"

enum { MISSING = VIR_ERR_INTERNAL_ERROR };

#define TYPES                                                                                                \
    "system|pci|usb_device|usb|net|scsi_host|scsi_target|scsi|storage|fc_host|vports|scsi_generic|drm|mdev_" \
    "types|"                                                                                                 \
    "mdev|ccw|css|vdpa|ap_card|ap_queue|ap_matrix|vpd"

#define IN(t)        .when = "type=" t
#define STR(n, t)    LEAF(n, STR, IN(t))
#define NEED(n, t)   LEAF(n, UINT, IN(t), .flags = FL_REQ, .missing = MISSING)
#define NEED_S(n, t) LEAF(n, STR, IN(t), .flags = FL_REQ, .missing = MISSING)

ROWS(hardware_rows) = {
    LEAF("vendor", STR), LEAF("version", STR), LEAF("serial", STR), LEAF("uuid", UUID), END,
};
ROWS(firmware_rows) = { LEAF("vendor", STR), LEAF("version", STR), LEAF("release_date", STR), END };
ROWS(id_rows) = { ATTR_T("id", HEX, .arg = "4", .flags = FL_REQ), TEXT(STR), END };
ROWS(pci_address_rows) = {
    ATTR_T("domain", HEX, .arg = "4"),
    ATTR_T("bus", HEX, .arg = "2"),
    ATTR_T("slot", HEX, .arg = "2"),
    ATTR_T("function", HEX, .arg = "1"),
    END,
};
ROWS(iommu_group_rows) = { ATTR_T("number", UINT, .flags = FL_REQ), LIST("address", pci_address_rows), END };
ROWS(numa_rows) = { ATTR_T("node", INT, .flags = FL_REQ), END };
ROWS(pcie_link_rows) = {
    ATTR_E("validity", "cap|sta", .flags = FL_REQ),
    ATTR_T("port", UINT),
    ATTR_E("speed", "2.5|5|8|16|32|64"),
    ATTR_T("width", UINT, .flags = FL_REQ),
    END,
};
ROWS(pcie_rows) = { LIST("link", pcie_link_rows), END };
ROWS(mdev_type_rows) = {
    ATTR("id", .flags = FL_REQ),
    LEAF("name", STR),
    LEAF("deviceAPI", STR),
    LEAF("availableInstances", UINT),
    END,
};
ROWS(link_rows) = {
    ATTR_T("speed", UINT, .flags = FL_NONZERO),
    ATTR_E("state", "unknown|notpresent|down|lowerlayerdown|testing|dormant|up"),
    END,
};
ROWS(name_rows) = { ATTR("name", .flags = FL_REQ), END };
ROWS(mdev_id_rows) = { ATTR("id", .flags = FL_REQ), END };
ROWS(attr_rows) = { ATTR("name", .flags = FL_REQ), ATTR("value", .flags = FL_REQ), END };

/* Capabilities inside capabilities. They come in a fixed order: a row each, told apart by type. */
ROWS(sub_rows) = {
    ATTR("type", .flags = FL_REQ),
    ATTR_T("maxCount", UINT),
    LEAF("name", STR),
    ANYS("fields", IN("vpd")),
    LEAF("wwnn", STR),
    LEAF("rport", STR),
    LEAF("wwpn", STR),
    LEAF("fabric_wwn", STR),
    LEAF("max_vports", UINT),
    LEAF("vports", UINT),
    LEAF("media_available", UINT),
    LEAF("media_size", ULL),
    LEAF("media_label", STR),
    LEAF("logical_block_size", ULL),
    LEAF("num_blocks", ULL),
    LIST("address", pci_address_rows),
    LIST("type", mdev_type_rows),
    END,
};

static int sub_order(struct fl_doc_ctx *ctx, const struct fl_xml_node *in, struct fl_xml_node *out)
{
    static const char *const order[] = { "phys_function",  "virt_functions", "pci-bridge",
                                         "cardbus-bridge", "mdev_types",     "vpd",
                                         "fc_host",        "vport_ops",      "removable",
                                         "hotpluggable",   "fc_remote_port" };

    for (unsigned int i = 0; i < G_N_ELEMENTS(order); i++) {
        struct fl_xml_node *next;

        for (struct fl_xml_node *kid = fl_xml_child(out, "capability"); kid; kid = next) {
            next = fl_xml_next(kid, "capability");
            if (fl_xml_is(kid, "type", order[i])) {
                fl_xml_append(out, kid);
                break;
            }
        }
    }
    return 0;
}

/* A host bus adapter that can make ports says how many, even when it says nothing. */
static int vports_post(struct fl_doc_ctx *ctx, const struct fl_xml_node *in, struct fl_xml_node *out)
{
    struct fl_xml_node *max;

    if (!fl_xml_is(out, "type", "vport_ops"))
        return 0;
    max = fl_xml_child(out, "max_vports");
    fl_xml_set_text(max ? max : fl_xml_add(out, "max_vports"), "0");
    max = fl_xml_child(out, "vports");
    fl_xml_set_text(max ? max : fl_xml_add(out, "vports"), "0");
    return 0;
}

ROWS(capability_rows) = {
    ATTR_E("type", TYPES, .flags = FL_REQ),
    /* system */
    STR("product", "system"),
    ELEM("hardware", hardware_rows, IN("system")),
    ELEM("firmware", firmware_rows, IN("system")),
    /* pci */
    STR("class", "pci"),
    NEED("domain", "pci"),
    NEED("bus", "pci"),
    NEED("slot", "pci"),
    NEED("function", "pci"),
    /* usb_device, usb */
    NEED("bus", "usb_device"),
    NEED("device", "usb_device"),
    NEED("number", "usb"),
    NEED("class", "usb"),
    NEED("subclass", "usb"),
    NEED("protocol", "usb"),
    STR("description", "usb"),
    ELEM("product", id_rows, IN("pci|usb_device")),
    ELEM("vendor", id_rows, IN("pci|usb_device")),
    /* net */
    NEED_S("interface", "net"),
    STR("address", "net"),
    ELEM("link", link_rows, IN("net")),
    LIST("feature", name_rows, IN("net")),
    /* scsi */
    NEED("host", "scsi_host"),
    LEAF("unique_id", UINT, IN("scsi_host")),
    NEED_S("target", "scsi_target"),
    NEED("host", "scsi"),
    NEED("bus", "scsi"),
    NEED("target", "scsi"),
    NEED("lun", "scsi"),
    STR("type", "scsi"),
    STR("char", "scsi_generic"),
    /* storage */
    NEED_S("block", "storage"),
    STR("bus", "storage"),
    STR("drive_type", "storage"),
    STR("model", "storage"),
    STR("vendor", "storage"),
    STR("serial", "storage"),
    LEAF("size", ULL, IN("storage")),
    /* drm, mdev, ccw, css, vdpa, ap */
    NEED_S("type", "drm"),
    ELEM("type", mdev_id_rows, IN("mdev")),
    LEAF("uuid", UUID, IN("mdev")),
    LEAF("cssid", HEX, .arg = "1", IN("ccw|css"), .flags = FL_REQ, .missing = MISSING),
    LEAF("ssid", HEX, .arg = "1", IN("ccw|css"), .flags = FL_REQ, .missing = MISSING),
    LEAF("devno", HEX, .arg = "4", IN("ccw|css"), .flags = FL_REQ, .missing = MISSING),
    NEED_S("chardev", "vdpa"),
    LEAF("ap-adapter", HEX, .arg = "2", IN("ap_card|ap_queue"), .flags = FL_REQ, .missing = MISSING),
    LEAF("ap-domain", HEX, .arg = "4", IN("ap_queue"), .flags = FL_REQ, .missing = MISSING),
    LIST("capability", sub_rows, .post = vports_post),
    POST(sub_order),
    ELEM("iommuGroup", iommu_group_rows, IN("pci|mdev")),
    LIST("attr", attr_rows, IN("mdev")),
    ELEM("numa", numa_rows, IN("pci")),
    ELEM("pci-express", pcie_rows, IN("pci")),
    END,
};

static int type_check(struct fl_doc_ctx *ctx, const struct fl_xml_node *in, struct fl_xml_node *out)
{
    for (const struct fl_xml_node *cap = fl_xml_child(in, "capability"); cap;
         cap = fl_xml_next(cap, "capability")) {
        const char *type = fl_xml_get(cap, "type");

        if (!type || !fl_word_in(type, TYPES))
            return fl_error_set(VIR_FROM_XML, VIR_ERR_XML_ERROR,
                                "%s:%d: attribute 'type' of <capability>: expected one of %s, found '%s'",
                                ctx->name, cap->line, TYPES, type ? type : "");
    }
    return 0;
}

ROWS(devnode_rows) = { ATTR_E("type", "dev|link", .flags = FL_REQ), TEXT(STR), END };
ROWS(device_rows) = {
    POST(type_check),
    LEAF("name", STR),
    LEAF("path", STR),
    LIST("devnode", devnode_rows),
    LEAF("parent", STR),
    ANY("driver", .flags = FL_LIVE),
    LIST("capability", capability_rows, .flags = FL_OPEN_KEPT),
    END,
};
const struct fl_doc fl_nodedev_doc = { .root = "device", .domain = VIR_FROM_NODEDEV, .rows = device_rows };
