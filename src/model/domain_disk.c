/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Disks: what is assumed about one, where its drive sits, and their order. */
#include <stdlib.h>

#include <libvirt/virterror.h>

#include "base/error.h"
#include "model/domain_private.h"

const char *fl_disk_target(const struct fl_xml_node *disk)
{
    return fl_xml_find_attr(disk, "target", "dev");
}

const char *fl_disk_source(const struct fl_xml_node *disk)
{
    static const char *const attrs[] = { "file", "dev", "dir", "volume", "path", "name" };
    const struct fl_xml_node *source = fl_xml_child(disk, "source");

    for (unsigned int i = 0; i < G_N_ELEMENTS(attrs); i++) {
        if (fl_xml_get(source, attrs[i]))
            return fl_xml_get(source, attrs[i]);
    }
    return NULL;
}

/* "sda" -> 0, "sdab" -> 27, "xvdb3" -> 1. */
int fl_disk_index(const char *target)
{
    static const char *const prefixes[] = { "fd", "hd", "vd", "sd", "xvd", "ubd" };
    int index = -1;

    for (unsigned int i = 0; target && i < G_N_ELEMENTS(prefixes); i++) {
        if (!g_str_has_prefix(target, prefixes[i]))
            continue;
        target += strlen(prefixes[i]);
        if (!g_ascii_islower(*target))
            return -1;
        for (; g_ascii_islower(*target) && index < 1 << 20; target++)
            index = (index + 1) * 26 + (*target - 'a');
        return index;
    }
    return -1;
}

static const char *bus_of_name(const char *target)
{
    static const char *const table[][2] = {
        { "fd", "fdc" },    { "hd", "ide" },  { "sd", "scsi" },
        { "vd", "virtio" }, { "xvd", "xen" }, { "ubd", "uml" },
    };

    for (unsigned int i = 0; i < G_N_ELEMENTS(table); i++) {
        if (g_str_has_prefix(target, table[i][0]))
            return table[i][1];
    }
    return "ide";
}

/* Before the first of the same bus with a higher name; else after the last of the same bus; else last. */
void fl_disk_place(struct fl_xml_node *devices, struct fl_xml_node *disk)
{
    const char *bus = fl_xml_find_attr(disk, "target", "bus");
    int index = fl_disk_index(fl_disk_target(disk));
    struct fl_xml_node *before = NULL;
    bool placed = false;

    for (struct fl_xml_node *it = devices->last; it; it = it->prev) {
        if (it == disk || strcmp(it->name, "disk") != 0 ||
            g_strcmp0(fl_xml_find_attr(it, "target", "bus"), bus) != 0)
            continue;
        if (fl_disk_index(fl_disk_target(it)) > index) {
            before = it;
            placed = true;
        } else if (!placed) {
            before = it->next == disk ? disk->next : it->next;
            placed = true;
        }
    }
    fl_xml_insert(devices, disk, before);
}

void fl_disks_sort(struct fl_xml_node *devices)
{
    FL_XML_AUTO *sorted = fl_xml_new("devices");
    struct fl_xml_node *disk;

    while ((disk = fl_xml_child(devices, "disk"))) {
        fl_xml_append(sorted, disk);
        fl_disk_place(sorted, disk);
    }
    while (sorted->first)
        fl_xml_append(devices, sorted->first);
}

static void assign_drive(struct fl_xml_node *disk, const char *bus, int index)
{
    static const struct {
        const char *bus;
        int units, buses;
    } layout[] = { { "scsi", 7, 1 }, { "ide", 2, 2 }, { "sata", 6, 1 }, { "fdc", 2, 1 } };
    struct fl_xml_node *address;

    if (index < 0 || fl_xml_child(disk, "address"))
        return;
    for (unsigned int i = 0; i < G_N_ELEMENTS(layout); i++) {
        int per = layout[i].units * layout[i].buses;

        if (strcmp(layout[i].bus, bus) != 0)
            continue;
        address = fl_xml_add(disk, "address");
        fl_xml_set(address, "type", "drive");
        fl_xml_setf(address, "controller", "%d", index / per);
        fl_xml_setf(address, "bus", "%d", index % per / layout[i].units);
        fl_xml_set(address, "target", "0");
        fl_xml_setf(address, "unit", "%d", index % layout[i].units);
    }
}

/* A <source> has the attributes of its disk's type and no others. */
static void filter_source(struct fl_xml_node *disk)
{
    static const char *const table[][2] = {
        { "file", "file|startupPolicy|index" },
        { "block", "dev|startupPolicy|index" },
        { "dir", "dir|startupPolicy|index" },
        { "volume", "pool|volume|mode|startupPolicy|index" },
        { "network", "protocol|name|query|tls|tlsHostname|startupPolicy|index" },
        { "nvme", "type|managed|namespace|index" },
        { "vhostuser", "type|path|index" },
        { "vhostvdpa", "dev|index" },
    };
    struct fl_xml_node *source = fl_xml_child(disk, "source");

    for (unsigned int i = 0; source && i < G_N_ELEMENTS(table); i++) {
        struct fl_xml_attr *next;

        if (!fl_xml_is(disk, "type", table[i][0]))
            continue;
        for (struct fl_xml_attr *a = source->attrs; a; a = next) {
            next = a->next;
            if (!fl_word_in(a->name, table[i][1]))
                fl_xml_set(source, a->name, NULL);
        }
    }
}

static bool source_is_empty(const struct fl_xml_node *disk)
{
    const struct fl_xml_node *source = fl_xml_child(disk, "source");

    return !source ||
           (!fl_disk_source(disk) && !fl_xml_get(source, "protocol") && !fl_xml_child(source, "address"));
}

static int complete_source(struct fl_doc_ctx *ctx, struct fl_xml_node *disk, bool removable)
{
    const struct fl_xml_node *source;

    filter_source(disk);
    source = fl_xml_child(disk, "source");
    if (fl_xml_is(disk, "type", "volume") && source &&
        (!fl_xml_get(source, "pool") || !fl_xml_get(source, "volume")))
        return fl_doc_error(ctx, source, VIR_ERR_XML_ERROR,
                            "<source>: expected attributes 'pool' and 'volume'");
    if (source_is_empty(disk)) {
        if (!removable)
            return fl_doc_error(ctx, disk, VIR_ERR_NO_SOURCE, "<disk>: expected a <source> for %s",
                                fl_disk_target(disk) ? fl_disk_target(disk) : "it");
        fl_xml_free((struct fl_xml_node *)source);
        fl_xml_set(disk, "type",
                   fl_xml_is(disk, "type", "block") || fl_xml_is(disk, "type", "network")
                       ? "file"
                       : fl_xml_get(disk, "type"));
        return 0;
    }
    if (fl_xml_is(disk, "type", "network") && !fl_xml_get(source, "protocol"))
        return fl_error_set(VIR_FROM_XML, VIR_ERR_XML_ERROR,
                            "%s:%d: <source> of a network disk: expected attribute 'protocol'", ctx->name,
                            source->line);
    return 0;
}

static int check_parts(struct fl_doc_ctx *ctx, const struct fl_xml_node *disk)
{
    static const char *const totals[][3] = {
        { "total_bytes_sec", "read_bytes_sec", "write_bytes_sec" },
        { "total_iops_sec", "read_iops_sec", "write_iops_sec" },
        { "total_bytes_sec_max", "read_bytes_sec_max", "write_bytes_sec_max" },
        { "total_iops_sec_max", "read_iops_sec_max", "write_iops_sec_max" },
    };
    const struct fl_xml_node *tune = fl_xml_child(disk, "iotune"), *source = fl_xml_child(disk, "source");
    const char *wwn = fl_xml_find_text(disk, "wwn");

    for (unsigned int i = 0; tune && i < G_N_ELEMENTS(totals); i++) {
        if (fl_xml_child(tune, totals[i][0]) &&
            (fl_xml_child(tune, totals[i][1]) || fl_xml_child(tune, totals[i][2])))
            return fl_doc_error(ctx, tune, VIR_ERR_XML_ERROR,
                                "<iotune>: expected %s or %s and %s, found both", totals[i][0], totals[i][1],
                                totals[i][2]);
    }
    if (wwn && (strlen(wwn) != 16 || strspn(wwn, "0123456789abcdefABCDEF") != 16))
        return fl_error_set(VIR_FROM_NONE, VIR_ERR_INTERNAL_ERROR,
                            "%s:%d: <wwn>: expected 16 hexadecimal digits, found '%s'", ctx->name, disk->line,
                            wwn);
    if (fl_disk_index(fl_disk_target(disk)) < 0 && !fl_xml_child(disk, "address"))
        return fl_doc_error(ctx, disk, VIR_ERR_XML_ERROR,
                            "<target>: expected a name such as vda, or an <address>; found '%s'",
                            fl_disk_target(disk));
    if (fl_xml_child(source, "reservations") && !fl_xml_is(disk, "device", "lun"))
        return fl_doc_error(ctx, disk, VIR_ERR_CONFIG_UNSUPPORTED, "<reservations>: expected device='lun'");
    if (fl_xml_is(fl_xml_child(disk, "address"), "type", "unassigned"))
        return fl_doc_error(ctx, disk, VIR_ERR_CONFIG_UNSUPPORTED,
                            "<address type='unassigned'>: only for a hostdev");
    return 0;
}

int fl_disk_complete(struct fl_doc_ctx *ctx, struct fl_xml_node *disk)
{
    struct fl_xml_node *target = fl_xml_child(disk, "target");
    const char *name = fl_disk_target(disk), *device = fl_xml_get(disk, "device"), *bus;
    bool floppy = strcmp(device, "floppy") == 0, removable = floppy || strcmp(device, "cdrom") == 0;

    if (complete_source(ctx, disk, removable) < 0)
        return -1;
    if (!name) {
        const struct fl_xml_node *source = fl_xml_child(disk, "source");

        return fl_doc_error(ctx, disk, VIR_ERR_NO_TARGET, "<disk>: expected <target dev='…'/>%s%s",
                            source ? " for " : "",
                            source && fl_disk_source(disk) ? fl_disk_source(disk) : "");
    }
    if (!fl_xml_get(target, "bus")) {
        fl_xml_set(target, "bus", floppy ? "fdc" : bus_of_name(name));
        fl_doc_order(fl_disk_target_rows, target);
    }
    bus = fl_xml_get(target, "bus");
    if (floppy && strcmp(bus, "fdc") != 0)
        return fl_doc_error(ctx, disk, VIR_ERR_INTERNAL_ERROR,
                            "<target>: expected bus fdc for a floppy, found '%s'", bus);
    if (!floppy && strcmp(bus, "fdc") == 0)
        return fl_doc_error(ctx, disk, VIR_ERR_INTERNAL_ERROR,
                            "<target>: bus fdc is for a floppy, found a '%s'", device);
    if (strcmp(device, "cdrom") == 0 && !fl_xml_child(disk, "readonly"))
        fl_xml_add(disk, "readonly");
    if (fl_xml_is(disk, "type", "vhostuser") && !fl_xml_get(disk, "snapshot"))
        fl_xml_set(disk, "snapshot", "no");
    if (fl_xml_is(disk, "sgio", "unfiltered"))
        return fl_doc_error(ctx, disk, VIR_ERR_CONFIG_UNSUPPORTED,
                            "<disk>: expected sgio filtered, found unfiltered");
    if (check_parts(ctx, disk) < 0)
        return -1;
    assign_drive(disk, bus, fl_disk_index(name));
    fl_doc_order(fl_disk_rows, disk);
    return 0;
}
