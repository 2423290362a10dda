/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Devices get what was left out: buses, addresses, ports, the controllers others need, a console for a serial
 * port, a video card for a screen. Disks are in domain_disk.c, graphics and video in domain_graphics.c,
 * order and numbers of controllers in domain_controllers.c.
 */
#include <stdlib.h>

#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

#include "base/error.h"
#include "model/domain_private.h"

enum { DEVICES_MAX = 16384 };

static unsigned int number_attr(const struct fl_xml_node *node, const char *attr, unsigned int fallback)
{
    const char *value = fl_xml_get(node, attr);

    return value ? (unsigned int)strtoul(value, NULL, 10) : fallback;
}

#define EACH(var, parent, kind)                                                                              \
    for (struct fl_xml_node *var = fl_xml_child(parent, kind); var; var = fl_xml_next(var, kind))

/* Controllers */

static bool controller_exists(struct fl_xml_node *devices, const char *type, unsigned int index)
{
    EACH(c, devices, "controller")
    {
        if (fl_xml_is(c, "type", type) && number_attr(c, "index", G_MAXUINT32) == index)
            return true;
    }
    return false;
}

static void controller_add(struct fl_xml_node *devices, const char *type, unsigned int index)
{
    struct fl_xml_node *c;

    if (controller_exists(devices, type, index))
        return;
    c = fl_xml_add(devices, "controller");
    fl_xml_set(c, "type", type);
    fl_xml_setf(c, "index", "%u", index);
}

/* All up to the highest one a drive address names. */
static void controllers_for_drives(struct fl_xml_node *devices, const char *bus)
{
    long max = -1;

    EACH(disk, devices, "disk")
    {
        const struct fl_xml_node *address = fl_xml_child(disk, "address");

        if (fl_xml_is(address, "type", "drive") && fl_xml_is(fl_xml_child(disk, "target"), "bus", bus))
            max = MAX(max, (long)MIN(number_attr(address, "controller", 0), 1023));
    }
    for (long i = 0; i <= max; i++)
        controller_add(devices, bus, (unsigned int)i);
}

static void controllers_for_ports(struct fl_xml_node *devices, const char *kind)
{
    EACH(dev, devices, kind)
    {
        const struct fl_xml_node *address = fl_xml_child(dev, "address");

        if (fl_xml_is(fl_xml_child(dev, "target"), "type", "virtio") &&
            (!address || fl_xml_is(address, "type", "virtio-serial")))
            controller_add(devices, "virtio-serial", number_attr(address, "controller", 0));
    }
}

static bool slot_taken(struct fl_xml_node *devices, unsigned int slot)
{
    EACH(card, devices, "smartcard")
    {
        const struct fl_xml_node *address = fl_xml_child(card, "address");

        if (address && number_attr(address, "controller", 0) == 0 && number_attr(address, "slot", 0) == slot)
            return true;
    }
    return false;
}

static void complete_smartcards(struct fl_xml_node *devices)
{
    EACH(card, devices, "smartcard")
    {
        struct fl_xml_node *address = fl_xml_child(card, "address");
        unsigned int slot = 0;

        if (!address) {
            while (slot_taken(devices, slot))
                slot++;
            address = fl_xml_add(card, "address");
            fl_xml_set(address, "type", "ccid");
            fl_xml_set(address, "controller", "0");
            fl_xml_setf(address, "slot", "%u", slot);
        }
        controller_add(devices, "ccid", number_attr(address, "controller", 0));
    }
}

static bool drive_taken(struct fl_xml_node *devices, unsigned int controller, unsigned int unit)
{
    static const char *const kinds[] = { "disk", "hostdev" };

    for (unsigned int i = 0; i < G_N_ELEMENTS(kinds); i++) {
        EACH(dev, devices, kinds[i])
        {
            const struct fl_xml_node *address = fl_xml_child(dev, "address");
            bool scsi = i == 1 || fl_xml_is(fl_xml_child(dev, "target"), "bus", "scsi");

            if (scsi && fl_xml_is(address, "type", "drive") && number_attr(address, "target", 0) == 0 &&
                number_attr(address, "controller", 0) == controller &&
                number_attr(address, "unit", 0) == unit)
                return true;
        }
    }
    return false;
}

static void complete_hostdevs(struct fl_xml_node *devices)
{
    EACH(dev, devices, "hostdev")
    {
        struct fl_xml_node *address = fl_xml_child(dev, "address");
        unsigned int place = 0;

        if (!fl_xml_is(dev, "type", "scsi"))
            continue;
        if (!address) {
            while (drive_taken(devices, place / 7, place % 7))
                place++;
            address = fl_xml_add(dev, "address");
            fl_xml_set(address, "type", "drive");
            fl_xml_setf(address, "controller", "%u", place / 7);
            fl_xml_set(address, "bus", "0");
            fl_xml_set(address, "target", "0");
            fl_xml_setf(address, "unit", "%u", place % 7);
        }
        for (unsigned int i = 0; i <= MIN(number_attr(address, "controller", 0), 1023); i++)
            controller_add(devices, "scsi", i);
    }
}

/* Character devices */

/* Ports not given: serial ones go on after the highest given, others by their place in the list. */
static void number_ports(struct fl_xml_node *devices, const char *kind, const struct fl_row *rows,
                         bool by_place)
{
    long max = -1, place = -1;

    EACH(dev, devices, kind)
    {
        const char *port = fl_xml_find_attr(dev, "target", "port");

        max = MAX(max, port ? strtol(port, NULL, 10) : -1);
    }
    EACH(dev, devices, kind)
    {
        struct fl_xml_node *target = fl_xml_child(dev, "target");

        place++;
        if (!target) {
            target = fl_xml_add(dev, "target");
            fl_doc_order(rows, dev);
        }
        if (!fl_xml_get(target, "port"))
            fl_xml_setf(target, "port", "%ld", by_place ? place : ++max);
    }
}

static bool serial_is_console(const struct fl_xml_node *serial)
{
    const char *type = fl_xml_find_attr(serial, "target", "type");

    return !type || fl_word_in(type, "none|isa-serial");
}

/* The first console is another view of the first serial port. */
static void mirror_serial(struct fl_xml_node *console, const struct fl_xml_node *serial)
{
    FL_XML_AUTO *copy = fl_xml_copy(serial);
    struct fl_xml_node *target = fl_xml_child(copy, "target");
    g_autofree char *port = g_strdup(fl_xml_get(target, "port"));

    while (console->first)
        fl_xml_free(console->first);
    fl_xml_set(console, "type", fl_xml_get(serial, "type"));
    fl_xml_free(target);
    while (copy->first)
        fl_xml_append(console, copy->first);
    target = fl_xml_add(console, "target");
    fl_xml_set(target, "type", "serial");
    fl_xml_set(target, "port", port);
    fl_doc_order(fl_console_rows, console);
}

static struct fl_xml_node *serial_from_console(struct fl_xml_node *devices, const struct fl_xml_node *console)
{
    struct fl_xml_node *serial = fl_xml_copy(console);

    g_free(serial->name);
    serial->name = g_strdup("serial");
    fl_xml_set(serial, "tty", NULL);
    fl_xml_free(fl_xml_child(serial, "target"));
    fl_xml_set(fl_xml_add(serial, "target"), "port", "0");
    fl_doc_order(fl_serial_rows, serial);
    fl_xml_append(devices, serial);
    return serial;
}

static int complete_consoles(struct fl_doc_ctx *ctx, struct fl_xml_node *root, struct fl_xml_node *devices)
{
    bool hvm = strcmp(fl_xml_text(fl_xml_find(root, "os/type")), "hvm") == 0;
    struct fl_xml_node *first = fl_xml_child(devices, "console"), *serial;

    EACH(console, devices, "console")
    {
        struct fl_xml_node *target = fl_xml_child(console, "target");

        if (!target)
            target = fl_xml_add(console, "target");
        if (!fl_xml_get(target, "type")) {
            fl_xml_set(target, "type", "serial");
            fl_doc_order(fl_console_target_rows, target);
        }
        if (hvm && console != first && fl_xml_is(target, "type", "serial"))
            return fl_doc_error(ctx, console, VIR_ERR_CONFIG_UNSUPPORTED,
                                "<console>: expected only the first one to be a serial port");
    }
    number_ports(devices, "serial", fl_serial_rows, false);
    number_ports(devices, "parallel", fl_parallel_rows, true);
    number_ports(devices, "console", fl_console_rows, true);
    serial = fl_xml_child(devices, "serial");
    if (!hvm || (first && !fl_xml_is(fl_xml_child(first, "target"), "type", "serial")))
        return 0;
    if (first && !serial)
        serial = serial_from_console(devices, first);
    if (!first && serial && serial_is_console(serial))
        first = fl_xml_add(devices, "console");
    if (first && serial && serial_is_console(serial))
        mirror_serial(first, serial);
    return 0;
}

/* The rest */

static int check_interface_parts(struct fl_doc_ctx *ctx, const struct fl_xml_node *iface)
{
    const char *mac = fl_xml_find_attr(iface, "mac", "address"),
               *model = fl_xml_find_attr(iface, "model", "type");
    const struct fl_xml_node *port = fl_xml_child(iface, "virtualport");

    if (mac && (strtoul(mac, NULL, 16) & 1))
        return fl_doc_error(ctx, iface, VIR_ERR_XML_ERROR, "<mac>: expected no multicast address, found '%s'",
                            mac);
    for (const char *p = model; p && *p; p++) {
        if (!g_ascii_isalnum(*p) && *p != '-' && *p != '_')
            return fl_doc_error(ctx, iface, VIR_ERR_INVALID_ARG,
                                "<model>: expected letters, digits, - and _, found '%s'", model);
    }
    for (const struct fl_xml_node *tag = fl_xml_find(iface, "vlan/tag"); tag; tag = fl_xml_next(tag, "tag")) {
        if (strtoul(fl_xml_get(tag, "id"), NULL, 10) > 4095)
            return fl_error_set(VIR_FROM_NONE, VIR_ERR_XML_ERROR, "%s:%d: <tag>: expected an id up to 4095",
                                ctx->name, tag->line);
    }
    if (fl_xml_find_attr(iface, "bandwidth/inbound", "floor") && !fl_xml_is(iface, "type", "network"))
        return fl_error_set(VIR_FROM_NONE, VIR_ERR_CONFIG_UNSUPPORTED,
                            "%s:%d: <bandwidth>: 'floor' is for interfaces of a network", ctx->name,
                            iface->line);
    if (port && !fl_xml_get(port, "type") && !fl_xml_is(iface, "type", "network"))
        return fl_error_set(VIR_FROM_NONE, VIR_ERR_XML_ERROR,
                            "%s:%d: <virtualport>: expected attribute 'type'", ctx->name, port->line);
    if (fl_xml_find(iface, "port") && fl_xml_is(port, "type", "openvswitch"))
        return fl_doc_error(ctx, iface, VIR_ERR_CONFIG_UNSUPPORTED,
                            "<port isolated='…'/>: expected no virtualport of Open vSwitch");
    return 0;
}

static int complete_interface(struct fl_doc_ctx *ctx, struct fl_xml_node *iface)
{
    struct fl_xml_node *mac = fl_xml_child(iface, "mac"), *target = fl_xml_child(iface, "target");
    const char *dev = fl_xml_get(target, "dev");
    const char *type = fl_xml_get(iface, "type");
    const struct fl_xml_node *source = fl_xml_child(iface, "source");
    char address[18];

    if ((strcmp(type, "network") == 0 && !fl_xml_get(source, "network")) ||
        (strcmp(type, "bridge") == 0 && !fl_xml_get(source, "bridge")) ||
        (strcmp(type, "direct") == 0 && !fl_xml_get(source, "dev")) ||
        (strcmp(type, "internal") == 0 && !fl_xml_get(source, "name")))
        return fl_doc_error(ctx, iface, VIR_ERR_XML_ERROR,
                            "<interface type='%s'>: expected a <source> with what to connect to", type);
    if (fl_word_in(type, "server|client|mcast|udp|vhostuser|vdpa") && !source)
        return fl_doc_error(ctx, iface, VIR_ERR_XML_ERROR,
                            "<interface type='%s'>: expected an element <source>", type);
    if (check_interface_parts(ctx, iface) < 0)
        return -1;
    if (!mac) {
        mac = fl_xml_add(iface, "mac");
        fl_mac_generate("52:54:00", address);
        fl_xml_set(mac, "address", address);
    }
    /* Names the hypervisor makes up are not part of the definition. */
    if (dev && !(ctx->flags & FL_DOMAIN_DEF_LIVE) && (g_str_has_prefix(dev, "vnet"))) {
        fl_xml_set(target, "dev", NULL);
        if (!target->attrs)
            fl_xml_free(target);
    }
    fl_doc_order(fl_interface_rows, iface);
    return 0;
}

bool fl_devices_are_xen(const struct fl_xml_node *devices)
{
    return devices && devices->parent &&
           strcmp(fl_xml_text(fl_xml_find(devices->parent, "os/type")), "xen") == 0;
}

static void complete_input(struct fl_xml_node *input)
{
    if (fl_xml_get(input, "bus") || fl_xml_is(input, "type", "evdev"))
        return;
    fl_xml_set(input, "bus",
               fl_xml_is(input, "type", "tablet")        ? "usb"
               : fl_xml_is(input, "type", "passthrough") ? "virtio"
               : fl_devices_are_xen(input->parent)       ? "xen"
                                                         : "ps2");
    fl_doc_order(fl_input_rows, input);
}

static int complete_vsock(struct fl_doc_ctx *ctx, struct fl_xml_node *vsock)
{
    struct fl_xml_node *cid = fl_xml_child(vsock, "cid");
    const char *address = fl_xml_get(cid, "address");

    if (address && strtoul(address, NULL, 10) < 3)
        return fl_doc_error(ctx, vsock, VIR_ERR_CONFIG_UNSUPPORTED,
                            "<cid>: expected an address of 3 or more, found %s", address);

    if (!cid && (cid = fl_xml_add(vsock, "cid"))) {
        fl_xml_set(cid, "auto", "yes");
        fl_doc_order(fl_vsock_rows, vsock);
    }
    return 0;
}

int fl_device_complete(struct fl_doc_ctx *ctx, struct fl_xml_node *dev)
{
    if (strcmp(dev->name, "disk") == 0)
        return fl_disk_complete(ctx, dev);
    if (strcmp(dev->name, "interface") == 0)
        return complete_interface(ctx, dev);
    if (strcmp(dev->name, "graphics") == 0)
        return fl_graphics_complete(ctx, dev);
    if (strcmp(dev->name, "video") == 0)
        fl_video_complete(dev, fl_devices_are_xen(dev->parent));
    if (strcmp(dev->name, "input") == 0)
        complete_input(dev);
    if (strcmp(dev->name, "vsock") == 0)
        return complete_vsock(ctx, dev);
    return 0;
}

/* At most one of a kind. */
static int check_single(struct fl_doc_ctx *ctx, const struct fl_xml_node *devices, const char *kind)
{
    if (fl_xml_count(devices, kind) > 1)
        return fl_doc_error(ctx, fl_xml_child(devices, kind), VIR_ERR_INTERNAL_ERROR,
                            "<devices>: expected at most one <%s>", kind);
    return 0;
}

static int check_targets(struct fl_doc_ctx *ctx, struct fl_xml_node *devices)
{
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);

    EACH(disk, devices, "disk")
    {
        char *target = (char *)fl_disk_target(disk);

        if (target && !g_hash_table_add(seen, target))
            return fl_doc_error(ctx, disk, VIR_ERR_XML_ERROR,
                                "<disk>: expected another target than '%s', which is taken", target);
    }
    return 0;
}

/* Boot orders and aliases are names: each once. */
static int check_unique(struct fl_doc_ctx *ctx, struct fl_xml_node *devices, const char *child,
                        const char *attr)
{
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
    bool alias = strcmp(child, "alias") == 0;

    EACH(dev, devices, NULL)
    {
        char *value = (char *)fl_xml_find_attr(dev, child, attr);

        /* A console shares the alias of the serial port it mirrors. */
        if (!value || (alias && strcmp(dev->name, "console") == 0))
            continue;
        if (!g_hash_table_add(seen, value))
            return fl_doc_error(ctx, dev, VIR_ERR_CONFIG_UNSUPPORTED,
                                "<%s %s='%s'>: expected a value no other device has", child, attr, value);
    }
    return 0;
}

int fl_domain_complete_devices(struct fl_doc_ctx *ctx, struct fl_xml_node *root)
{
    static const char *const singles[] = { "memballoon", "redirfilter", "nvram" };
    static const char *const buses[] = { "scsi", "fdc", "ide", "sata" };
    struct fl_xml_node *devices = fl_xml_child(root, "devices"), *next;

    if (!devices) {
        devices = fl_xml_add(root, "devices");
        devices->flags |= FL_XML_OPEN;
    }
    if (fl_xml_count(devices, NULL) > DEVICES_MAX)
        return fl_doc_error(ctx, devices, VIR_ERR_XML_ERROR, "<devices>: expected at most %d devices",
                            DEVICES_MAX);
    for (unsigned int i = 0; i < G_N_ELEMENTS(singles); i++) {
        if (check_single(ctx, devices, singles[i]) < 0)
            return -1;
    }
    fl_disks_sort(devices);
    for (struct fl_xml_node *dev = fl_xml_child(devices, NULL); dev; dev = next) {
        next = fl_xml_next(dev, NULL);
        if (fl_device_complete(ctx, dev) < 0)
            return -1;
    }
    if (check_targets(ctx, devices) < 0 || check_unique(ctx, devices, "boot", "order") < 0 ||
        check_unique(ctx, devices, "alias", "name") < 0 || complete_consoles(ctx, root, devices) < 0)
        return -1;
    if (fl_videos_complete(ctx, devices) < 0 || fl_controllers_complete(ctx, devices) < 0)
        return -1;
    for (unsigned int i = 0; i < G_N_ELEMENTS(buses); i++)
        controllers_for_drives(devices, buses[i]);
    controllers_for_ports(devices, "channel");
    controllers_for_ports(devices, "console");
    complete_smartcards(devices);
    complete_hostdevs(devices);
    fl_doc_order(fl_device_rows, devices);
    return 0;
}
