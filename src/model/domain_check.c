/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Checks that need more than one row of a table: things that may be there once, things that need each other.
 * Runs on the complete canonical tree.
 */
#include <stdlib.h>

#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

#include "base/error.h"
#include "model/domain_private.h"

enum { UNSUPPORTED = VIR_ERR_CONFIG_UNSUPPORTED };

#define EACH(var, parent, kind)                                                                              \
    for (const struct fl_xml_node *var = fl_xml_child(parent, kind); var; var = fl_xml_next(var, kind))

/* Values of `attr` (NULL = the text) among children `kind`, each once. */
static const struct fl_xml_node *find_twin(const struct fl_xml_node *parent, const char *kind,
                                           const char *attr)
{
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);

    EACH(kid, parent, kind)
    {
        const char *value = attr ? fl_xml_get(kid, attr) : fl_xml_text(kid);

        if (value && !g_hash_table_add(seen, (char *)value))
            return kid;
    }
    return NULL;
}

static int check_tuning(struct fl_doc_ctx *ctx, const struct fl_xml_node *root)
{
    const struct fl_xml_node *twin = find_twin(fl_xml_child(root, "cputune"), "vcpupin", "vcpu");
    g_autoptr(GHashTable) paths = g_hash_table_new(g_str_hash, g_str_equal);

    if (twin)
        return fl_doc_error(ctx, twin, VIR_ERR_INTERNAL_ERROR, "<vcpupin>: expected vcpu %s once",
                            fl_xml_get(twin, "vcpu"));
    twin = find_twin(fl_xml_child(root, "iothreadids"), "iothread", "id");
    if (twin)
        return fl_doc_error(ctx, twin, VIR_ERR_XML_ERROR, "<iothread>: expected id %s once",
                            fl_xml_get(twin, "id"));
    EACH(device, fl_xml_child(root, "blkiotune"), "device")
    {
        if (!g_hash_table_add(paths, (char *)fl_xml_find_text(device, "path")))
            return fl_doc_error(ctx, device, UNSUPPORTED, "<blkiotune>: expected the device '%s' once",
                                fl_xml_find_text(device, "path"));
    }
    return 0;
}

static unsigned int cpuset_highest(const char *set)
{
    const char *last = set ? set + strlen(set) : NULL;

    while (last && last > set && g_ascii_isdigit(last[-1]))
        last--;
    return last ? (unsigned int)strtoul(last, NULL, 10) : 0;
}

static int check_cpu(struct fl_doc_ctx *ctx, const struct fl_xml_node *root)
{
    const struct fl_xml_node *cpu = fl_xml_child(root, "cpu"), *twin = find_twin(cpu, "feature", "name");
    unsigned long vcpus = strtoul(fl_xml_text(fl_xml_child(root, "vcpu")), NULL, 10);

    if (twin)
        return fl_error_set(VIR_FROM_CPU, VIR_ERR_XML_ERROR, "%s:%d: <feature>: expected '%s' once",
                            ctx->name, twin->line, fl_xml_get(twin, "name"));
    if (fl_xml_child(cpu, "feature") && !fl_xml_child(cpu, "model") &&
        (!fl_xml_get(cpu, "mode") || fl_xml_is(cpu, "mode", "custom")))
        return fl_error_set(VIR_FROM_CPU, VIR_ERR_XML_ERROR,
                            "%s:%d: <cpu>: expected a <model> for its features", ctx->name, cpu->line);
    EACH(cell, fl_xml_child(cpu, "numa"), "cell")
    {
        if (fl_xml_get(cell, "cpus") && cpuset_highest(fl_xml_get(cell, "cpus")) >= vcpus)
            return fl_doc_error(ctx, cell, VIR_ERR_INTERNAL_ERROR,
                                "<cell>: expected CPUs below %lu, found '%s'", vcpus,
                                fl_xml_get(cell, "cpus"));
    }
    return 0;
}

/* Controllers by type and index; several USB 1 companions share an index. */
static int check_controllers(struct fl_doc_ctx *ctx, const struct fl_xml_node *devices)
{
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

    EACH(c, devices, "controller")
    {
        const char *type = fl_xml_get(c, "type"), *index = fl_xml_get(c, "index");

        if (strcmp(type, "usb") == 0)
            continue;
        if (!g_hash_table_add(seen, g_strdup_printf("%s/%s", type, index)))
            return fl_doc_error(ctx, c, VIR_ERR_XML_ERROR, "<controller>: expected index %s of type %s once",
                                index, type);
    }
    return 0;
}

static int check_model(struct fl_doc_ctx *ctx, const struct fl_xml_node *devices)
{
    static const char *const models[][2] = {
        { "scsi",
          "auto|buslogic|lsilogic|lsisas1068|vmpvscsi|ibmvscsi|virtio-scsi|lsisas1078|virtio-transitional|"
          "virtio-non-transitional|ncr53c90|dc390|am53c974" },
        { "usb",
          "piix3-uhci|piix4-uhci|ehci|ich9-ehci1|ich9-uhci1|ich9-uhci2|ich9-uhci3|vt82c686b-uhci|pci-ohci|"
          "nec-xhci|qusb1|qusb2|qemu-xhci|none" },
        { "pci", "pci-root|pcie-root|pci-bridge|dmi-to-pci-bridge|pcie-to-pci-bridge|pcie-root-port|"
                 "pcie-switch-upstream-port|pcie-switch-downstream-port|pci-expander-bus|pcie-expander-bus" },
        { "ide", "piix3|piix4|ich6" },
        { "virtio-serial", "virtio|virtio-transitional|virtio-non-transitional" },
    };

    EACH(c, devices, "controller")
    {
        const char *model = fl_xml_get(c, "model");

        for (unsigned int i = 0; model && i < G_N_ELEMENTS(models); i++) {
            if (fl_xml_is(c, "type", models[i][0]) && !fl_word_in(model, models[i][1]))
                return fl_doc_error(ctx, c, UNSUPPORTED,
                                    "attribute 'model' of <controller>: expected %s, found '%s'",
                                    models[i][1], model);
        }
    }
    return 0;
}

static int check_drives(struct fl_doc_ctx *ctx, const struct fl_xml_node *devices)
{
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

    EACH(disk, devices, "disk")
    {
        const struct fl_xml_node *a = fl_xml_child(disk, "address");

        if (fl_xml_is(a, "type", "drive") &&
            !g_hash_table_add(seen, g_strdup_printf("%s %s %s %s %s", fl_xml_find_attr(disk, "target", "bus"),
                                                    fl_xml_get(a, "controller"), fl_xml_get(a, "bus"),
                                                    fl_xml_get(a, "target"), fl_xml_get(a, "unit"))))
            return fl_doc_error(ctx, disk, UNSUPPORTED,
                                "<address> of disk '%s': expected one no other disk has",
                                fl_disk_target(disk));
    }
    return 0;
}

static int check_pci(struct fl_doc_ctx *ctx, const struct fl_xml_node *devices)
{
    EACH(dev, devices, NULL)
    {
        const struct fl_xml_node *a = fl_xml_child(dev, "address");

        if (!fl_xml_is(a, "type", "pci"))
            continue;
        if (strtoul(fl_xml_get(a, "slot"), NULL, 16) > 0x1f ||
            strtoul(fl_xml_get(a, "function"), NULL, 16) > 7 ||
            strtoul(fl_xml_get(a, "bus"), NULL, 16) > 0xff ||
            strtoul(fl_xml_get(a, "domain"), NULL, 16) > 0xffff)
            return fl_error_set(
                VIR_FROM_NONE, VIR_ERR_XML_ERROR,
                "%s:%d: <address type='pci'>: expected bus up to 0xff, slot up to 0x1f, function up to 7",
                ctx->name, a->line);
    }
    return 0;
}

static int check_hostdevs(struct fl_doc_ctx *ctx, const struct fl_xml_node *devices)
{
    unsigned int n = 0;

    EACH(a, devices, "hostdev")
    {
        /* Each against those before it; the number of host devices is bounded like that of all devices. */
        if (++n > 256)
            return 0;
        EACH(b, devices, "hostdev")
        {
            if (a == b)
                break;
            if (fl_xml_is(a, "type", fl_xml_get(b, "type")) &&
                fl_xml_equal(fl_xml_child(a, "source"), fl_xml_child(b, "source")))
                return fl_doc_error(ctx, a, VIR_ERR_XML_ERROR, "<hostdev>: expected each host device once");
        }
    }
    return 0;
}

static int check_chars(struct fl_doc_ctx *ctx, const struct fl_xml_node *devices)
{
    static const char *const kinds[] = { "serial", "parallel", "console", "channel" };

    for (unsigned int i = 0; i < G_N_ELEMENTS(kinds); i++) {
        EACH(dev, devices, kinds[i])
        {
            const struct fl_xml_node *source = fl_xml_child(dev, "source"),
                                     *target = fl_xml_child(dev, "target");
            const char *type = fl_xml_get(dev, "type");

            if (fl_word_in(type, "dev|file|pipe") && !fl_xml_get(source, "path"))
                return fl_doc_error(ctx, dev, VIR_ERR_INTERNAL_ERROR,
                                    "<%s type='%s'>: expected <source path='…'/>", dev->name, type);
            if (strcmp(type, "unix") == 0 && i < 3 && !fl_xml_get(source, "path"))
                return fl_doc_error(ctx, dev, VIR_ERR_INTERNAL_ERROR,
                                    "<%s type='unix'>: expected <source path='…'/>", dev->name);
            if (strcmp(type, "tcp") == 0 && !fl_xml_get(source, "host"))
                return fl_doc_error(ctx, dev, VIR_ERR_INTERNAL_ERROR,
                                    "<%s type='tcp'>: expected <source host='…' service='…'/>", dev->name);
            if (strcmp(type, "spicevmc") == 0 && !(i == 3 && fl_xml_is(target, "type", "virtio")))
                return fl_doc_error(ctx, dev, UNSUPPORTED,
                                    "<%s type='spicevmc'>: expected a <target type='virtio'>", dev->name);
            if (fl_xml_is(target, "type", "guestfwd") && !fl_xml_get(target, "address"))
                return fl_doc_error(ctx, dev, VIR_ERR_XML_ERROR,
                                    "<target type='guestfwd'>: expected attribute 'address'");
        }
    }
    EACH(card, devices, "smartcard")
    {
        if (fl_xml_is(card, "mode", "host-certificates") && fl_xml_count(card, "certificate") != 3)
            return fl_doc_error(ctx, card, VIR_ERR_XML_ERROR, "<smartcard>: expected three <certificate>");
    }
    return 0;
}

static int check_filesystems(struct fl_doc_ctx *ctx, const struct fl_xml_node *devices)
{
    EACH(fs, devices, "filesystem")
    {
        if (!fl_xml_child(fs, "source") && !fl_xml_is(fs, "type", "ram"))
            return fl_doc_error(ctx, fs, VIR_ERR_NO_SOURCE, "<filesystem>: expected an element <source>");
        if (!fl_xml_child(fs, "target"))
            return fl_doc_error(ctx, fs, VIR_ERR_NO_TARGET, "<filesystem>: expected <target dir='…'/>");
    }
    return 0;
}

/* Memory modules are part of the total. */
static int check_memory(struct fl_doc_ctx *ctx, const struct fl_xml_node *root,
                        const struct fl_xml_node *devices)
{
    unsigned long long total = strtoull(fl_xml_text(fl_xml_child(root, "memory")), NULL, 10), sum = 0;

    EACH(module, devices, "memory")
    {
        sum += strtoull(fl_xml_text(fl_xml_find(module, "target/size")), NULL, 10);
        if (fl_xml_is(module, "model", "nvdimm") && fl_xml_child(module, "uuid"))
            return fl_doc_error(ctx, module, UNSUPPORTED, "<memory model='nvdimm'>: expected no <uuid>");
    }
    if (sum > total)
        return fl_doc_error(ctx, devices, VIR_ERR_XML_ERROR,
                            "<memory>: expected at least the %llu KiB of the memory devices, found %llu", sum,
                            total);
    return 0;
}

static int check_seclabels(struct fl_doc_ctx *ctx, const struct fl_xml_node *root)
{
    const struct fl_xml_node *twin = find_twin(root, "seclabel", "model");

    if (twin)
        return fl_doc_error(ctx, twin, VIR_ERR_XML_DETAIL, "<seclabel>: expected the model '%s' once",
                            fl_xml_get(twin, "model"));
    EACH(label, root, "seclabel")
    {
        if (fl_xml_is(label, "type", "static") && !fl_xml_child(label, "label"))
            return fl_doc_error(ctx, label, VIR_ERR_XML_ERROR,
                                "<seclabel type='static'>: expected an element <label>");
    }
    return 0;
}

static int check_identity(struct fl_doc_ctx *ctx, const struct fl_xml_node *root)
{
    const char *title = fl_xml_find_text(root, "title"), *uuid = fl_xml_find_text(root, "uuid");
    const struct fl_xml_node *loader = fl_xml_find(root, "os/loader");

    if (title && strchr(title, '\n'))
        return fl_doc_error(ctx, fl_xml_child(root, "title"), VIR_ERR_XML_ERROR,
                            "<title>: expected no newline");
    EACH(entry, fl_xml_find(root, "sysinfo/system"), "entry")
    {
        if (fl_xml_is(entry, "name", "uuid") && uuid && g_ascii_strcasecmp(fl_xml_text(entry), uuid) != 0)
            return fl_doc_error(ctx, entry, VIR_ERR_XML_DETAIL,
                                "<entry name='uuid'>: expected the domain's, %s", uuid);
    }
    if (fl_xml_find(root, "os/nvram") && !loader && !fl_xml_find_attr(root, "os", "firmware"))
        return fl_doc_error(ctx, root, VIR_ERR_XML_DETAIL,
                            "<nvram>: expected a <loader> or <os firmware='efi'>");
    if (fl_xml_find_attr(root, "os", "firmware") && fl_xml_get(loader, "secure"))
        return fl_doc_error(ctx, loader, VIR_ERR_XML_DETAIL,
                            "<loader>: expected no 'secure' with <os firmware='…'>");
    return 0;
}

static int check_usb(struct fl_doc_ctx *ctx, const struct fl_xml_node *root,
                     const struct fl_xml_node *devices)
{
    const struct fl_xml_node *driver = fl_xml_find(devices, "iommu/driver");

    if (fl_xml_child(devices, "redirdev")) {
        const struct fl_xml_node *c = fl_xml_child(devices, "controller");

        while (c && !fl_xml_is(c, "type", "usb"))
            c = fl_xml_next(c, "controller");
        if (!c || fl_xml_is(c, "model", "none"))
            return fl_doc_error(ctx, fl_xml_child(devices, "redirdev"), UNSUPPORTED,
                                "<redirdev>: expected a <controller type='usb'>");
    }
    if (fl_xml_is(driver, "intremap", "on") &&
        !fl_xml_is(fl_xml_find(root, "features/ioapic"), "driver", "qemu"))
        return fl_doc_error(ctx, driver, UNSUPPORTED,
                            "<iommu> with intremap='on': expected <ioapic driver='qemu'/>");
    return 0;
}

int fl_domain_def_check(struct fl_doc_ctx *ctx, const struct fl_xml_node *root)
{
    const struct fl_xml_node *devices = fl_xml_child(root, "devices");
    const struct fl_xml_node *twin = find_twin(devices, "panic", "model");

    if (twin)
        return fl_doc_error(ctx, twin, VIR_ERR_XML_ERROR, "<panic>: expected the model '%s' once",
                            fl_xml_get(twin, "model"));
    if (check_identity(ctx, root) < 0 || check_tuning(ctx, root) < 0 || check_cpu(ctx, root) < 0 ||
        check_memory(ctx, root, devices) < 0 || check_seclabels(ctx, root) < 0)
        return -1;
    if (check_controllers(ctx, devices) < 0 || check_model(ctx, devices) < 0 ||
        check_drives(ctx, devices) < 0 || check_pci(ctx, devices) < 0 || check_hostdevs(ctx, devices) < 0 ||
        check_chars(ctx, devices) < 0 || check_filesystems(ctx, devices) < 0)
        return -1;
    return check_usb(ctx, root, devices);
}
