/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The remaining devices of a domain, and the list of all of them in the order they are printed. */
#include <libvirt/virterror.h>

#include "model/domain_private.h"
#include "model/rows.h"

enum { UNSUPPORTED = VIR_ERR_CONFIG_UNSUPPORTED };

ROWS(virtio_driver_rows) = { FL_VIRTIO_ATTRS, END };

/* Controllers */
ROWS(ctrl_driver_rows) = {
    ATTR_T("queues", UINT),
    ATTR_T("cmd_per_lun", UINT),
    ATTR_T("max_sectors", UINT),
    ATTR_T("ioeventfd", ONOFF),
    ATTR_T("iothread", UINT),
    FL_VIRTIO_ATTRS,
    END,
};
ROWS(name_rows) = { ATTR("name", .flags = FL_REQ), END };
ROWS(ctrl_target_rows) = {
    ATTR_T("chassisNr", UINT),
    ATTR_T("chassis", UINT),
    ATTR_T("port", HEX, .arg = "1"),
    ATTR_T("busNr", UINT),
    ATTR_T("index", UINT),
    ATTR_T("hotplug", ONOFF),
    LEAF("node", UINT),
    END,
};
ROWS(master_rows) = { ATTR_T("startport", UINT), END };
const struct fl_row fl_controller_rows[] = {
    ATTR_E("type", "ide|fdc|scsi|sata|virtio-serial|ccid|usb|pci|xenbus|isa", .def = "ide"),
    ATTR_T("index", UINT),
    ATTR("model"),
    ATTR_T("ports", INT, .when = "type=virtio-serial|usb"),
    ATTR_T("vectors", INT, .when = "type=virtio-serial"),
    ATTR_T("maxGrantFrames", UINT, .when = "type=xenbus"),
    ATTR_T("maxEventChannels", UINT, .when = "type=xenbus"),
    ELEM("model", name_rows, .when = "type=pci"),
    ELEM("target", ctrl_target_rows, .when = "type=pci"),
    ELEM("driver", ctrl_driver_rows),
    ELEM("master", master_rows, .when = "type=usb"),
    LEAF("pcihole64", KIB, .when = "type=pci"),
    FL_DEVICE_TAIL,
    END,
};

ROWS(lease_target_rows) = { ATTR("path", .flags = FL_REQ), ATTR_T("offset", ULL, .flags = FL_NONZERO), END };
ROWS(lease_rows) = {
    LEAF("lockspace", STR),
    LEAF("key", STR, .flags = FL_REQ),
    ELEM("target", lease_target_rows, .flags = FL_REQ),
    END,
};

/* Filesystems */
ROWS(fs_driver_rows) = {
    ATTR_E("type", "path|handle|loop|nbd|ploop|virtiofs|mtp"),
    ATTR("format"),
    ATTR_E("wrpolicy", "immediate"),
    ATTR_T("queue", ULL),
    FL_VIRTIO_ATTRS,
    END,
};
ROWS(mode_rows) = { ATTR("mode"), END };
ROWS(fs_lock_rows) = { ATTR_T("posix", ONOFF), ATTR_T("flock", ONOFF), END };
ROWS(pool_size_rows) = { ATTR_T("size", INT), END };
ROWS(binary_rows) = {
    ATTR("path"),
    ATTR_T("xattr", ONOFF),
    ELEM("cache", mode_rows),
    ELEM("sandbox", mode_rows),
    ELEM("lock", fs_lock_rows),
    ELEM("thread_pool", pool_size_rows),
    END,
};

/* <source usage='10' units='MiB'/> of a RAM disk is a size in two attributes. */
static int fs_source_post(struct fl_doc_ctx *ctx, const struct fl_xml_node *in, struct fl_xml_node *out)
{
    const char *usage = fl_xml_get(in, "usage");
    unsigned long long bytes;

    if (!usage)
        return 0;
    if (fl_size_parse(usage, fl_xml_get(in, "units"), 1024, G_MAXUINT64, &bytes) < 0)
        return fl_doc_error(ctx, in, VIR_ERR_XML_ERROR, "<source>: expected usage='SIZE', found '%s'", usage);
    fl_xml_setf(out, "usage", "%llu", bytes / 1024);
    fl_xml_set(out, "units", "KiB");
    return 0;
}

ROWS(fs_source_rows) = {
    ATTR("dir"), ATTR("dev"), ATTR("file"), ATTR("name"), ATTR("socket"), ATTR("pool"), ATTR("volume"), END,
};
ROWS(dir_rows) = { ATTR("dir", .flags = FL_REQ), END };
ROWS(filesystem_rows) = {
    ATTR_E("type", "mount|block|file|template|ram|bind|volume", .def = "mount"),
    ATTR_E("accessmode", "passthrough|mapped|squash", .def = "passthrough"),
    ATTR_E("model", "virtio|virtio-transitional|virtio-non-transitional"),
    ATTR_E("multidevs", "remap|forbid|warn"),
    ATTR_T("fmode", OCTAL),
    ATTR_T("dmode", OCTAL),
    ELEM("driver", fs_driver_rows),
    ELEM("binary", binary_rows),
    ELEM("source", fs_source_rows, .post = fs_source_post),
    ELEM("target", dir_rows),
    FLAG("readonly"),
    FL_DEVICE_TAIL,
    LEAF("space_hard_limit", BYTES),
    LEAF("space_soft_limit", BYTES),
    END,
};

/* Input */
ROWS(input_source_rows) = {
    ATTR("evdev"), ATTR("dev"), ATTR_E("grab", "all"), ATTR("grabToggle"), ATTR_T("repeat", ONOFF), END,
};
const struct fl_row fl_input_rows[] = {
    ATTR_E("type", "mouse|tablet|keyboard|passthrough|evdev", .flags = FL_REQ, .code = UNSUPPORTED,
           .missing = VIR_ERR_INTERNAL_ERROR),
    ATTR_E("bus", "ps2|usb|xen|parallels|virtio|none", .code = UNSUPPORTED),
    ATTR_E("model", "virtio|virtio-transitional|virtio-non-transitional"),
    ELEM("driver", virtio_driver_rows),
    FL_DEVICE_TAIL,
    ELEM("source", input_source_rows),
    END,
};

/* TPM */
ROWS(path_rows) = { ATTR("path"), END };
ROWS(tpm_secret_rows) = { ATTR_T("secret", UUID), END };
ROWS(pcr_rows) = { FLAG("sha1"), FLAG("sha256"), FLAG("sha384"), FLAG("sha512"), END };
ROWS(tpm_backend_rows) = {
    ATTR_E("type", "passthrough|emulator|external", .flags = FL_REQ),
    ATTR_E("version", "1.2|2.0", .code = UNSUPPORTED),
    ATTR_T("persistent_state", YESNO),
    ELEM("device", path_rows),
    ELEM("source", fl_char_source_rows),
    ELEM("encryption", tpm_secret_rows),
    ELEM("active_pcr_banks", pcr_rows),
    END,
};
ROWS(tpm_rows) = {
    ATTR_E("model", "tpm-tis|tpm-crb|tpm-spapr|spapr-tpm-proxy"),
    ELEM("backend", tpm_backend_rows, .flags = FL_REQ),
    FL_DEVICE_TAIL,
    END,
};

/* Sound */
ROWS(codec_rows) = { ATTR_E("type", "duplex|micro|output", .flags = FL_REQ), END };
ROWS(audio_id_rows) = { ATTR_T("id", UINT, .flags = FL_REQ | FL_POSITIVE), END };
ROWS(sound_rows) = {
    ATTR_E("model", "sb16|es1370|pcspk|ac97|ich6|ich9|usb|ich7", .flags = FL_REQ),
    LIST("codec", codec_rows),
    ELEM("audio", audio_id_rows),
    FL_DEVICE_TAIL,
    END,
};
ROWS(audio_settings_rows) = { ATTR_T("frequency", UINT), ATTR_T("channels", UINT), ATTR("format"), END };
ROWS(audio_io_rows) = {
    ATTR_T("mixingEngine", YESNO),
    ATTR_T("fixedSettings", YESNO),
    ATTR_T("voices", UINT, .flags = FL_NONZERO),
    ATTR_T("bufferLength", UINT, .flags = FL_NONZERO),
    ATTR("dev"),
    ATTR_T("bufferCount", UINT),
    ATTR("name"),
    ATTR("streamName"),
    ATTR_T("latency", UINT),
    ATTR("serverName"),
    ATTR("clientName"),
    ATTR("connectPorts"),
    ATTR_T("exactName", YESNO),
    ATTR_T("tryPoll", YESNO),
    ELEM("settings", audio_settings_rows),
    END,
};
ROWS(audio_rows) = {
    ATTR_T("id", UINT, .flags = FL_REQ | FL_POSITIVE),
    ATTR_E("type", "none|alsa|coreaudio|jack|oss|pulseaudio|sdl|spice|file|dbus", .flags = FL_REQ),
    ATTR_T("timerPeriod", UINT),
    ATTR("serverName"),
    ATTR_E("driver", "esd|alsa|arts|pulseaudio"),
    ATTR("path"),
    ATTR_T("tryMMap", YESNO),
    ATTR_T("exclusive", YESNO),
    ATTR_T("dspPolicy", INT),
    ELEM("input", audio_io_rows),
    ELEM("output", audio_io_rows),
    END,
};

/* Host devices */
ROWS(hex4_rows) = { ATTR_T("id", HEX, .arg = "4", .flags = FL_REQ), END };
ROWS(hostdev_address_rows) = {
    ATTR_T("uuid", UUID),
    ATTR_T("domain", HEX, .arg = "4", .when = "slot"),
    ATTR_T("bus", HEX, .arg = "2", .when = "slot", .def = "0x00"),
    ATTR_T("slot", HEX, .arg = "2"),
    ATTR_T("function", HEX, .arg = "1"),
    ATTR_T("bus", UINT, .when = "!slot"),
    ATTR_T("device", UINT),
    ATTR_T("target", UINT),
    ATTR_T("unit", ULL),
    END,
};
ROWS(scsi_host_rows) = { ATTR("name"), ATTR("port"), ATTR("transport"), ATTR("socket"), END };
ROWS(iqn_rows) = { ELEM("iqn", name_rows), END };
ROWS(hostdev_source_rows) = {
    ATTR_E("startupPolicy", "default|mandatory|requisite|optional"),
    ATTR_E("guestReset", "uninitialized|on|off"),
    ATTR("protocol"),
    ATTR("name"),
    ATTR("wwpn"),
    LIST("host", scsi_host_rows),
    ELEM("vendor", hex4_rows),
    ELEM("product", hex4_rows),
    ELEM("initiator", iqn_rows),
    ELEM("auth", fl_auth_rows),
    ELEM("adapter", name_rows),
    ELEM("address", hostdev_address_rows),
    LEAF("block", STR),
    LEAF("char", STR),
    LEAF("interface", STR),
    END,
};
ROWS(hostdev_driver_rows) = { ATTR_E("name", "kvm|vfio|xen"), END };
ROWS(hostdev_rows) = {
    ATTR_E("mode", "subsystem|capabilities", .def = "subsystem", .code = UNSUPPORTED),
    ATTR_E("type", "usb|pci|scsi|scsi_host|mdev", .when = "mode=subsystem", .flags = FL_REQ,
           .code = UNSUPPORTED),
    ATTR_E("type", "storage|misc|net", .when = "mode=capabilities", .flags = FL_REQ, .code = UNSUPPORTED),
    ATTR_T("managed", YESNO, .when = "mode=subsystem", .def = "no"),
    ATTR("model"),
    ATTR_E("sgio", "filtered|unfiltered"),
    ATTR_T("rawio", YESNO),
    ATTR_T("display", ONOFF),
    ATTR_T("ramfb", ONOFF),
    ELEM("driver", hostdev_driver_rows),
    ELEM("source", hostdev_source_rows, .flags = FL_REQ | FL_KEEP),
    FLAG("readonly"),
    FLAG("shareable"),
    ELEM("teaming", fl_teaming_rows),
    FL_DEVICE_TAIL,
    END,
};

ROWS(usbdev_rows) = {
    ATTR_T("class", HEX, .arg = "2"),
    ATTR("vendor"),
    ATTR("product"),
    ATTR("version"),
    ATTR_T("allow", YESNO, .flags = FL_REQ),
    END,
};
ROWS(redirfilter_rows) = { LIST("usbdev", usbdev_rows), END };
ROWS(hub_rows) = { ATTR_E("type", "usb", .flags = FL_REQ, .code = UNSUPPORTED), FL_DEVICE_TAIL, END };
ROWS(watchdog_rows) = {
    ATTR_E("model", "i6300esb|ib700|diag288|itco", .flags = FL_REQ, .code = UNSUPPORTED,
           .missing = VIR_ERR_INTERNAL_ERROR),
    ATTR_E("action", "reset|shutdown|poweroff|pause|dump|none|inject-nmi", .def = "reset",
           .code = UNSUPPORTED),
    FL_DEVICE_TAIL,
    END,
};
ROWS(period_rows) = { ATTR_T("period", UINT, .flags = FL_NONZERO), END };
ROWS(memballoon_rows) = {
    ATTR_E("model", "virtio|virtio-transitional|virtio-non-transitional|xen|none", .flags = FL_REQ),
    ATTR_T("autodeflate", ONOFF),
    ATTR_T("freePageReporting", ONOFF),
    FL_DEVICE_TAIL,
    ELEM("stats", period_rows),
    ELEM("driver", virtio_driver_rows),
    END,
};
ROWS(rate_rows) = {
    ATTR_T("bytes", UINT, .flags = FL_REQ | FL_POSITIVE),
    ATTR_T("period", UINT, .flags = FL_NONZERO),
    END,
};
ROWS(rng_rows) = {
    ATTR_E("model", "virtio|virtio-transitional|virtio-non-transitional", .flags = FL_REQ,
           .code = UNSUPPORTED),
    ELEM("rate", rate_rows),
    ELEM("backend", fl_rng_backend_rows, .flags = FL_REQ | FL_KEEP),
    ELEM("driver", virtio_driver_rows),
    FL_DEVICE_TAIL,
    END,
};
ROWS(nvram_rows) = { FL_DEVICE_TAIL, END };
ROWS(panic_rows) = { ATTR_E("model", "pseries|hyperv|s390|isa|pvpanic", .code = UNSUPPORTED), FL_DEVICE_TAIL,
                     END };
ROWS(type_rows) = { ATTR("type", .flags = FL_REQ), END };
ROWS(msi_rows) = { ATTR_T("enabled", YESNO), ATTR_T("vectors", UINT), ATTR_T("ioeventfd", ONOFF), END };
ROWS(shmem_rows) = {
    ATTR("name", .flags = FL_REQ, .missing = VIR_ERR_XML_ERROR),
    ATTR_E("role", "master|peer"),
    ELEM("model", type_rows),
    LEAF("size", ULL),
    ELEM("server", path_rows),
    ELEM("msi", msi_rows),
    FL_DEVICE_TAIL,
    END,
};

static int shmem_post(struct fl_doc_ctx *ctx, const struct fl_xml_node *in, struct fl_xml_node *out)
{
    struct fl_xml_node *size = fl_xml_child(out, "size");
    unsigned long long bytes;

    if (strchr(fl_xml_get(out, "name"), '/'))
        return fl_doc_error(ctx, in, UNSUPPORTED, "<shmem>: expected a name without '/'");
    if (!fl_xml_child(out, "model"))
        fl_xml_set(out->first ? fl_xml_add(out, "model") : fl_xml_add(out, "model"), "type", "ivshmem");
    if (!size)
        return 0;
    if (fl_size_parse(fl_xml_text(size), fl_xml_find_attr(in, "size", "unit"), 1, G_MAXUINT64, &bytes) < 0)
        return fl_doc_error(ctx, in, VIR_ERR_XML_ERROR, "<size>: expected a size, found '%s'",
                            fl_xml_text(size));
    fl_xml_set(size, "unit", "M");
    fl_xml_set_textf(size, "%llu", bytes >> 20);
    return 0;
}

/* Memory modules */
ROWS(mem_source_rows) = {
    LEAF("nodemask", CPUSET), LEAF("pagesize", KIB), LEAF("path", STR),
    LEAF("alignsize", KIB),   FLAG("pmem"),          END,
};
ROWS(label_rows) = { LEAF("size", KIB), END };
ROWS(mem_target_rows) = {
    LEAF("size", KIB, .flags = FL_REQ),
    LEAF("node", UINT),
    ELEM("label", label_rows),
    LEAF("block", KIB),
    LEAF("requested", KIB),
    LEAF("current", KIB, .flags = FL_LIVE),
    FLAG("readonly"),
    END,
};
ROWS(memory_rows) = {
    ATTR_E("model", "dimm|nvdimm|virtio-pmem|virtio-mem|sgx-epc", .flags = FL_REQ),
    ATTR_E("access", "shared|private"),
    ATTR_T("discard", YESNO),
    LEAF("uuid", UUID),
    ELEM("source", mem_source_rows),
    ELEM("target", mem_target_rows, .flags = FL_REQ),
    FL_DEVICE_TAIL,
    END,
};

ROWS(iommu_driver_rows) = {
    ATTR_T("intremap", ONOFF), ATTR_T("caching_mode", ONOFF), ATTR_T("eim", ONOFF),
    ATTR_T("iotlb", ONOFF),    ATTR_T("aw_bits", UINT),       END,
};
ROWS(iommu_rows) = {
    ATTR_E("model", "intel|smmuv3|virtio", .flags = FL_REQ),
    ELEM("driver", iommu_driver_rows),
    FL_DEVICE_TAIL,
    END,
};
ROWS(cid_rows) = { ATTR_T("auto", YESNO), ATTR_T("address", UINT, .flags = FL_POSITIVE), END };
const struct fl_row fl_vsock_rows[] = {
    ATTR_E("model", "virtio|virtio-transitional|virtio-non-transitional"),
    ELEM("cid", cid_rows),
    ELEM("driver", virtio_driver_rows),
    FL_DEVICE_TAIL,
    END,
};

const struct fl_row fl_device_rows[] = {
    LEAF("emulator", STR),
    LIST("disk", fl_disk_rows),
    LIST("controller", fl_controller_rows),
    LIST("lease", lease_rows),
    LIST("filesystem", filesystem_rows),
    LIST("interface", fl_interface_rows),
    LIST("smartcard", fl_smartcard_rows),
    LIST("serial", fl_serial_rows),
    LIST("parallel", fl_parallel_rows),
    LIST("console", fl_console_rows),
    LIST("channel", fl_channel_rows),
    LIST("input", fl_input_rows),
    LIST("tpm", tpm_rows),
    LIST("graphics", fl_graphics_rows),
    LIST("sound", sound_rows),
    LIST("audio", audio_rows),
    LIST("video", fl_video_rows),
    LIST("hostdev", hostdev_rows),
    LIST("redirdev", fl_redirdev_rows, .flags = FL_OPEN_KEPT),
    LIST("redirfilter", redirfilter_rows),
    LIST("hub", hub_rows),
    LIST("watchdog", watchdog_rows),
    LIST("memballoon", memballoon_rows),
    LIST("rng", rng_rows),
    LIST("nvram", nvram_rows, .flags = FL_OPEN_KEPT),
    LIST("panic", panic_rows),
    LIST("shmem", shmem_rows, .post = shmem_post),
    LIST("memory", memory_rows),
    LIST("iommu", iommu_rows),
    LIST("vsock", fl_vsock_rows),
    END,
};
