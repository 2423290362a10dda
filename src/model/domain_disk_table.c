/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* <disk> and what other devices share with it: addresses, sources, drivers of character devices. */
#include <libvirt/virterror.h>

#include "model/domain_private.h"
#include "model/rows.h"

enum { UNSUPPORTED = VIR_ERR_CONFIG_UNSUPPORTED };

ROWS(zpci_rows) = { ATTR_T("uid", HEX, .arg = "4"), ATTR_T("fid", HEX, .arg = "8"), END };

#define PCI_PARTS(cond)                                                                                      \
    ATTR_T("domain", HEX, .arg = "4", .when = cond, .def = "0x0000"),                                        \
        ATTR_T("bus", HEX, .arg = "2", .when = cond, .def = "0x00"),                                         \
        ATTR_T("slot", HEX, .arg = "2", .when = cond, .def = "0x00"),                                        \
        ATTR_T("function", HEX, .arg = "1", .when = cond, .def = "0x0"),                                     \
        ATTR_T("multifunction", ONOFF, .when = cond)

const struct fl_row fl_address_rows[] = {
    ATTR_E("type",
           "pci|drive|virtio-serial|ccid|usb|spapr-vio|virtio-s390|ccw|virtio-mmio|isa|dimm|unassigned",
           .flags = FL_REQ, .code = UNSUPPORTED),
    PCI_PARTS("type=pci"),
    ATTR_T("controller", UINT, .when = "type=drive|virtio-serial|ccid", .def = "0"),
    ATTR_T("bus", UINT, .when = "type=drive|virtio-serial|usb", .def = "0"),
    ATTR_T("target", UINT, .when = "type=drive", .def = "0"),
    ATTR_T("unit", UINT, .when = "type=drive", .def = "0"),
    ATTR("port", .when = "type=virtio-serial|usb"),
    ATTR_T("slot", UINT, .when = "type=ccid|dimm", .def = "0"),
    ATTR_T("base", HEX, .when = "type=dimm"),
    ATTR_T("reg", HEX, .arg = "8", .when = "type=spapr-vio"),
    ATTR_T("cssid", HEX, .arg = "1", .when = "type=ccw"),
    ATTR_T("ssid", HEX, .arg = "1", .when = "type=ccw"),
    ATTR_T("devno", HEX, .arg = "4", .when = "type=ccw"),
    ATTR_T("iobase", HEX, .arg = "1", .when = "type=isa"),
    ATTR_T("irq", HEX, .arg = "1", .when = "type=isa"),
    ELEM("zpci", zpci_rows, .when = "type=pci"),
    END,
};

/* The five columns every device ends in. */
const struct fl_row fl_boot_rows[] = {
    ATTR_T("order", UINT, .flags = FL_REQ | FL_POSITIVE),
    ATTR("loadparm"),
    END,
};
const struct fl_row fl_alias_rows[] = { ATTR("name", .flags = FL_REQ), END };
const struct fl_row fl_rom_rows[] = { ATTR_T("enabled", YESNO), ATTR_T("bar", ONOFF), ATTR("file"), END };
const struct fl_row fl_acpi_rows[] = { ATTR_T("index", UINT, .flags = FL_NONZERO), END };

/* Only names a user chose outlive the run. */
int fl_alias_post(struct fl_doc_ctx *ctx, const struct fl_xml_node *in, struct fl_xml_node *out)
{
    const char *name = fl_xml_get(out, "name");

    if (!(ctx->flags & FL_DOMAIN_DEF_LIVE) && !g_str_has_prefix(name, "ua-"))
        fl_xml_set(out, "name", NULL);
    return 0;
}

const struct fl_row fl_virtio_driver_rows[] = { FL_VIRTIO_ATTRS, END };

ROWS(secret_rows) = {
    ATTR("type"),
    ATTR_T("uuid", UUID),
    ATTR("usage"),
    END,
};
const struct fl_row fl_auth_rows[] = {
    ATTR("type"),
    ATTR("username", .flags = FL_REQ),
    ELEM("secret", secret_rows),
    END,
};
ROWS(enc_cipher_rows) = { ATTR("name"), ATTR_T("size", UINT), ATTR("mode"), ATTR("hash"), END };
ROWS(enc_ivgen_rows) = { ATTR("name"), ATTR("hash"), END };
const struct fl_row fl_encryption_rows[] = {
    ATTR_E("format", "default|qcow|luks|luks2|luks-any", .flags = FL_REQ),
    ATTR_E("engine", "qemu|librbd"),
    LIST("secret", secret_rows),
    ELEM("cipher", enc_cipher_rows),
    ELEM("ivgen", enc_ivgen_rows),
    END,
};
ROWS(source_seclabel_rows) = { ATTR("model"), ATTR_T("relabel", YESNO), ATTR_T("labelskip", YESNO),
                               LEAF("label", STR), END };
ROWS(host_rows) = {
    ATTR("name"), ATTR("port"), ATTR_E("transport", "tcp|unix|rdma|vsock"), ATTR("socket"), END,
};
ROWS(name_rows) = { ATTR("name", .flags = FL_REQ), END };
ROWS(file_rows) = { ATTR("file", .flags = FL_REQ), END };
ROWS(initiator_rows) = { ELEM("iqn", name_rows), END };
ROWS(ssl_rows) = { ATTR_T("verify", YESNO), END };
ROWS(readahead_rows) = { ATTR_T("size", ULL), END };
ROWS(timeout_rows) = { ATTR_T("seconds", ULL), END };
ROWS(cookie_rows) = { ATTR("name"), TEXT(STR), END };
ROWS(cookies_rows) = { LIST("cookie", cookie_rows), END };
const struct fl_row fl_reconnect_rows[] = {
    ATTR_T("enabled", YESNO),
    ATTR_T("timeout", UINT, .when = "enabled=yes"),
    END,
};
ROWS(slice_rows) = { ATTR("type"), ATTR_T("offset", ULL), ATTR_T("size", ULL), END };
ROWS(slices_rows) = { LIST("slice", slice_rows), END };
ROWS(pr_source_rows) = { ATTR("type"), ATTR("path"), ATTR("mode"), END };
ROWS(reservations_rows) = { ATTR_T("managed", YESNO, .flags = FL_REQ), ELEM("source", pr_source_rows), END };
ROWS(pci_address_rows) = { PCI_PARTS(NULL), END };

const struct fl_row fl_disk_source_rows[] = {
    /* type of the disk is copied into the input as "kind" by disk_source_kind() */
    ATTR("file"),
    ATTR("dev"),
    ATTR("dir"),
    ATTR("pool"),
    ATTR("volume"),
    ATTR_E("mode", "host|direct"),
    ATTR("type"),
    ATTR_T("managed", YESNO),
    ATTR_T("namespace", ULL),
    ATTR("path"),
    ATTR_E("protocol", "nbd|rbd|sheepdog|gluster|iscsi|http|https|ftp|ftps|tftp|ssh|vxhs|nfs"),
    ATTR("name"),
    ATTR("query"),
    ATTR_T("tls", YESNO),
    ATTR("tlsHostname"),
    ATTR_E("startupPolicy", "default|mandatory|requisite|optional"),
    ATTR_T("index", UINT, .flags = FL_LIVE),
    LIST("host", host_rows, .when = "protocol"),
    ELEM("snapshot", name_rows),
    ELEM("config", file_rows),
    ELEM("address", pci_address_rows, .when = "type=pci"),
    ELEM("reconnect", fl_reconnect_rows),
    ELEM("slices", slices_rows),
    LIST("seclabel", source_seclabel_rows),
    ELEM("initiator", initiator_rows),
    ELEM("auth", fl_auth_rows),
    ELEM("encryption", fl_encryption_rows),
    ELEM("reservations", reservations_rows),
    ELEM("ssl", ssl_rows),
    ELEM("cookies", cookies_rows, .flags = FL_SECRET),
    ELEM("readahead", readahead_rows),
    ELEM("timeout", timeout_rows),
    ANY("identity"),
    END,
};

ROWS(metadata_cache_rows) = { LEAF("max_size", BYTES), END };
#define IMAGE_FORMATS "none|raw|dir|bochs|cloop|dmg|iso|vpc|vdi|fat|vhd|ploop|luks|cow|qcow|qcow2|qed|vmdk"

ROWS(disk_driver_rows) = {
    ATTR("name"),
    ATTR_E("type", IMAGE_FORMATS, .code = UNSUPPORTED),
    ATTR_E("cache", "default|none|writethrough|writeback|directsync|unsafe"),
    ATTR_E("error_policy", "stop|report|ignore|enospace"),
    ATTR_E("rerror_policy", "stop|report|ignore"),
    ATTR_E("io", "native|threads|io_uring"),
    ATTR_T("ioeventfd", ONOFF),
    ATTR_T("event_idx", ONOFF),
    ATTR_T("copy_on_read", ONOFF),
    ATTR_E("discard", "unmap|ignore"),
    ATTR_T("iothread", UINT, .flags = FL_POSITIVE),
    ATTR_E("detect_zeroes", "off|on|unmap"),
    ATTR_T("queues", UINT, .flags = FL_POSITIVE),
    ATTR_T("queue_size", UINT, .flags = FL_POSITIVE),
    FL_VIRTIO_ATTRS,
    ELEM("metadata_cache", metadata_cache_rows),
    END,
};
const struct fl_row fl_disk_target_rows[] = {
    ATTR("dev"),
    ATTR_E("bus", "ide|fdc|scsi|virtio|xen|usb|uml|sata|sd"),
    ATTR_E("tray", "open|closed"),
    ATTR_T("removable", ONOFF),
    ATTR_T("rotation_rate", UINT, .flags = FL_POSITIVE),
    END,
};
ROWS(geometry_rows) = {
    ATTR_T("cyls", UINT), ATTR_T("heads", UINT), ATTR_T("secs", UINT), ATTR_E("trans", "auto|none|lba"), END,
};
ROWS(blockio_rows) = {
    ATTR_T("logical_block_size", UINT, .flags = FL_NONZERO),
    ATTR_T("physical_block_size", UINT, .flags = FL_NONZERO),
    END,
};
#define IOTUNE(n) LEAF(n, ULL, .flags = FL_NONZERO)
ROWS(iotune_rows) = {
    IOTUNE("total_bytes_sec"),
    IOTUNE("read_bytes_sec"),
    IOTUNE("write_bytes_sec"),
    IOTUNE("total_iops_sec"),
    IOTUNE("read_iops_sec"),
    IOTUNE("write_iops_sec"),
    IOTUNE("total_bytes_sec_max"),
    IOTUNE("read_bytes_sec_max"),
    IOTUNE("write_bytes_sec_max"),
    IOTUNE("total_iops_sec_max"),
    IOTUNE("read_iops_sec_max"),
    IOTUNE("write_iops_sec_max"),
    IOTUNE("size_iops_sec"),
    LEAF("group_name", STR),
    IOTUNE("total_bytes_sec_max_length"),
    IOTUNE("read_bytes_sec_max_length"),
    IOTUNE("write_bytes_sec_max_length"),
    IOTUNE("total_iops_sec_max_length"),
    IOTUNE("read_iops_sec_max_length"),
    IOTUNE("write_iops_sec_max_length"),
    END,
};
ROWS(format_rows) = { ATTR("type"), ELEM("metadata_cache", metadata_cache_rows), END };
ROWS(backing_rows) = {
    ATTR_E("type", "file|block|dir|network|volume|nvme|vhostuser"),
    ATTR_T("index", UINT, .flags = FL_LIVE),
    ELEM("format", format_rows),
    ELEM("source", fl_disk_source_rows),
    ELEM("backingStore", backing_rows, .flags = FL_KEEP),
    END,
};
ROWS(transient_rows) = { ATTR_T("shareBacking", YESNO), END };

const struct fl_row fl_disk_rows[] = {
    ATTR_E("type", "file|block|dir|network|volume|nvme|vhostuser|vhostvdpa", .def = "file"),
    ATTR_E("device", "disk|cdrom|floppy|lun", .def = "disk"),
    ATTR_E("model", "virtio|virtio-transitional|virtio-non-transitional"),
    ATTR_T("rawio", YESNO),
    ATTR_E("sgio", "filtered|unfiltered"),
    ATTR_E("snapshot", "no|internal|external|manual"),
    ELEM("driver", disk_driver_rows),
    ELEM("auth", fl_auth_rows),
    ELEM("source", fl_disk_source_rows),
    ELEM("backingStore", backing_rows, .flags = FL_KEEP),
    ANY("backenddomain"),
    ELEM("geometry", geometry_rows),
    ELEM("blockio", blockio_rows),
    ANY("mirror", .flags = FL_LIVE),
    ELEM("target", fl_disk_target_rows),
    ELEM("iotune", iotune_rows),
    FLAG("readonly"),
    FLAG("shareable"),
    ELEM("transient", transient_rows, .flags = FL_KEEP),
    LEAF("serial", STR),
    LEAF("wwn", STR),
    LEAF("vendor", STR),
    LEAF("product", STR),
    ELEM("encryption", fl_encryption_rows),
    FL_DEVICE_TAIL,
    END,
};
