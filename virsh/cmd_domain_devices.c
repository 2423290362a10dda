/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Adding, changing and removing devices. */
#include "shell.h"
#include "handlers.h"

#include <stdlib.h>
#include <string.h>

/* --persistent: the stored definition, and the running domain if it runs */
static int device_flags(struct fl_call *c, unsigned int *flags)
{
    *flags = 0;
    if (fl_exclusive(c, "persistent", "current") < 0 || fl_affect(c, flags) < 0)
        return -1;
    if (fl_flag(c, "persistent")) {
        *flags |= VIR_DOMAIN_AFFECT_CONFIG;
        if (virDomainIsActive(c->dom) > 0)
            *flags |= VIR_DOMAIN_AFFECT_LIVE;
    }
    return 0;
}

static bool plain(struct fl_call *c, unsigned int flags)
{
    return !flags && !fl_flag(c, "current");
}

int fl_cmd_attach_device(struct fl_call *c)
{
    g_autofree char *xml = NULL;
    unsigned int flags;

    if (device_flags(c, &flags) < 0 || fl_arg_file(c, "file", &xml) < 0)
        return -1;
    if ((plain(c, flags) ? virDomainAttachDevice(c->dom, xml)
                         : virDomainAttachDeviceFlags(c->dom, xml, flags)) < 0)
        return fl_fail(c, "failed to attach the device of '%s'", fl_arg(c, "file"));
    fl_extra(c, "Device attached successfully\n");
    return 0;
}

int fl_cmd_detach_device(struct fl_call *c)
{
    g_autofree char *xml = NULL;
    unsigned int flags;

    if (device_flags(c, &flags) < 0 || fl_arg_file(c, "file", &xml) < 0)
        return -1;
    if ((plain(c, flags) ? virDomainDetachDevice(c->dom, xml)
                         : virDomainDetachDeviceFlags(c->dom, xml, flags)) < 0)
        return fl_fail(c, "failed to detach the device of '%s'", fl_arg(c, "file"));
    fl_extra(c, "Device detached successfully\n");
    return 0;
}

int fl_cmd_detach_device_alias(struct fl_call *c)
{
    unsigned int flags = 0;

    if (fl_affect(c, &flags) < 0)
        return -1;
    if (virDomainDetachDeviceAlias(c->dom, fl_arg(c, "alias"), flags) < 0)
        return fl_fail(c, "failed to detach the device with alias '%s'", fl_arg(c, "alias"));
    fl_extra(c, "Device detach request sent successfully\n");
    return 0;
}

int fl_cmd_update_device(struct fl_call *c)
{
    g_autofree char *xml = NULL;
    unsigned int flags;

    if (device_flags(c, &flags) < 0 || fl_arg_file(c, "file", &xml) < 0)
        return -1;
    flags |= fl_flags(c, "force", VIR_DOMAIN_DEVICE_MODIFY_FORCE, NULL);
    if (virDomainUpdateDeviceFlags(c->dom, xml, flags) < 0)
        return fl_fail(c, "failed to update the device of '%s'", fl_arg(c, "file"));
    fl_extra(c, "Device updated successfully\n");
    return 0;
}

static int apply(struct fl_call *c, const char *xml, unsigned int flags, bool attach, const char *what,
                 const char *done)
{
    int status;

    if (fl_flag(c, "print-xml")) {
        fl_out(c, "%s", xml);
        return 0;
    }
    if (plain(c, flags))
        status = attach ? virDomainAttachDevice(c->dom, xml) : virDomainDetachDevice(c->dom, xml);
    else
        status = attach ? virDomainAttachDeviceFlags(c->dom, xml, flags)
                        : virDomainDetachDeviceFlags(c->dom, xml, flags);
    if (status < 0)
        return fl_fail(c, "failed to %s", what);
    fl_extra(c, "%s\n", done);
    return 0;
}

/* pci:0000.00.05.0, drive, usb:1.2, ccw:fe.0.0001, scsi:0.0.1, sata:, ide: */
static int put_address(struct fl_call *c, GString *s, const char *text)
{
    const char *colon = strchr(text, ':');
    g_autofree char *type = g_strndup(text, colon ? (gsize)(colon - text) : strlen(text));
    g_auto(GStrv) p = g_strsplit(colon ? colon + 1 : "", ".", 0);
    guint n = g_strv_length(p);

    if (strcmp(type, "pci") == 0 && n == 4) {
        g_string_append_printf(s,
                               "  <address type='pci' domain='0x%s' bus='0x%s' slot='0x%s' function='0x%s'",
                               p[0], p[1], p[2], p[3]);
        g_string_append(s, fl_flag(c, "multifunction") ? " multifunction='on'/>\n" : "/>\n");
    } else if (strcmp(type, "ccw") == 0 && n == 3) {
        g_string_append_printf(s, "  <address type='ccw' cssid='0x%s' ssid='0x%s' devno='0x%s'/>\n", p[0],
                               p[1], p[2]);
    } else if (strcmp(type, "usb") == 0 && n == 2) {
        g_string_append_printf(s, "  <address type='usb' bus='%s' port='%s'/>\n", p[0], p[1]);
    } else if ((strcmp(type, "scsi") == 0 || strcmp(type, "ide") == 0 || strcmp(type, "sata") == 0) &&
               n == 3) {
        g_string_append_printf(s, "  <address type='drive' controller='%s' bus='%s' unit='%s'/>\n", p[0],
                               p[1], p[2]);
    } else {
        return fl_wrong(c,
                        "option --address: '%s' is not of the form pci:0000.00.05.0, scsi:0.0.1, usb:1.2 or "
                        "ccw:fe.0.0001",
                        text);
    }
    return 0;
}

static const char *disk_source_type(struct fl_call *c)
{
    const char *type = fl_arg(c, "sourcetype");

    if (type)
        return type;
    if (fl_arg(c, "source-protocol"))
        return "network";
    return g_str_has_prefix(fl_arg(c, "source"), "/dev/") ? "block" : "file";
}

static void put_source(struct fl_call *c, GString *s, const char *type)
{
    const char *source = fl_arg(c, "source");

    if (strcmp(type, "network") == 0) {
        fl_xml_put(s, "  <source protocol='%s'", fl_arg(c, "source-protocol"));
        fl_xml_put(s, " name='%s'", source);
        if (!fl_arg(c, "source-host-name") && !fl_arg(c, "source-host-socket")) {
            g_string_append(s, "/>\n");
            return;
        }
        g_string_append(s, ">\n    <host");
        fl_xml_put(s, " transport='%s'", fl_arg(c, "source-host-transport"));
        fl_xml_put(s, " name='%s'", fl_arg(c, "source-host-name"));
        fl_xml_put(s, " socket='%s'", fl_arg(c, "source-host-socket"));
        g_string_append(s, "/>\n  </source>\n");
    } else if (*source) {
        fl_xml_put(s, strcmp(type, "block") == 0 ? "  <source dev='%s'/>\n" : "  <source file='%s'/>\n",
                   source);
    }
}

static void put_driver(struct fl_call *c, GString *s)
{
    if (!fl_arg(c, "driver") && !fl_arg(c, "subdriver") && !fl_arg(c, "iothread") && !fl_arg(c, "cache") &&
        !fl_arg(c, "io"))
        return;
    g_string_append(s, "  <driver");
    fl_xml_put(s, " name='%s'", fl_arg(c, "driver"));
    fl_xml_put(s, " type='%s'", fl_arg(c, "subdriver"));
    fl_xml_put(s, " iothread='%s'", fl_arg(c, "iothread"));
    fl_xml_put(s, " cache='%s'", fl_arg(c, "cache"));
    fl_xml_put(s, " io='%s'", fl_arg(c, "io"));
    g_string_append(s, "/>\n");
}

static int disk_xml(struct fl_call *c, GString *s)
{
    const char *mode = fl_arg(c, "mode"), *type = disk_source_type(c);

    if (mode && strcmp(mode, "readonly") != 0 && strcmp(mode, "shareable") != 0)
        return fl_wrong(c, "option --mode is readonly or shareable, not '%s'", mode);
    fl_xml_put(s, "<disk type='%s'", type);
    fl_xml_put(s, " device='%s'", fl_arg(c, "type"));
    g_string_append(s, fl_flag(c, "rawio") ? " rawio='yes'>\n" : ">\n");
    put_driver(c, s);
    put_source(c, s, type);
    fl_xml_put(s, "  <target dev='%s'", fl_arg(c, "target"));
    fl_xml_put(s, " bus='%s'", fl_arg(c, "targetbus"));
    g_string_append(s, "/>\n");
    if (mode)
        g_string_append_printf(s, "  <%s/>\n", mode);
    fl_xml_put(s, "  <serial>%s</serial>\n", fl_arg(c, "serial"));
    fl_xml_put(s, "  <alias name='%s'/>\n", fl_arg(c, "alias"));
    fl_xml_put(s, "  <wwn>%s</wwn>\n", fl_arg(c, "wwn"));
    if (fl_arg(c, "address") && put_address(c, s, fl_arg(c, "address")) < 0)
        return -1;
    g_string_append(s, "</disk>\n");
    return 0;
}

int fl_cmd_attach_disk(struct fl_call *c)
{
    g_autoptr(GString) s = g_string_new("");
    unsigned int flags;

    if (device_flags(c, &flags) < 0 || disk_xml(c, s) < 0)
        return -1;
    return apply(c, s->str, flags, true, "attach disk", "Disk attached successfully");
}

static void put_bandwidth(GString *s, const char *name, const char *text)
{
    static const char *const keys[] = { "average", "peak", "burst", "floor" };
    g_auto(GStrv) p = NULL;

    if (!text)
        return;
    p = g_strsplit(text, ",", 4);
    g_string_append_printf(s, "    <%s", name);
    for (guint i = 0; p[i]; i++)
        if (*p[i] && atoi(p[i]) > 0)
            g_string_append_printf(s, " %s='%d'", keys[i], atoi(p[i]));
    g_string_append(s, "/>\n");
}

static int interface_xml(struct fl_call *c, GString *s)
{
    const char *type = fl_arg(c, "type"), *source = fl_arg(c, "source");
    const char *format;

    if (strcmp(type, "network") == 0)
        format = "  <source network='%s'/>\n";
    else if (strcmp(type, "bridge") == 0)
        format = "  <source bridge='%s'/>\n";
    else if (strcmp(type, "direct") == 0)
        format = "  <source dev='%s'";
    else if (strcmp(type, "hostdev") == 0)
        format = "";
    else
        return fl_wrong(c, "attach-interface knows the types network, bridge, direct and hostdev, not '%s'",
                        type);
    fl_xml_put(s, "<interface type='%s'", type);
    g_string_append(s, strcmp(type, "hostdev") == 0 && fl_flag(c, "managed") ? " managed='yes'>\n" : ">\n");
    if (*format) {
        fl_xml_put(s, format, source);
    } else {
        unsigned int a, b, d, f;

        if (sscanf(source, "%x:%x:%x.%x", &a, &b, &d, &f) != 4)
            return fl_wrong(c, "'%s' is not a PCI address such as 0000:00:05.0", source);
        g_string_append_printf(s,
                               "  <source>\n    <address type='pci' domain='0x%.4x' bus='0x%.2x' "
                               "slot='0x%.2x' function='0x%x'/>\n  </source>\n",
                               a, b, d, f);
    }
    if (strcmp(type, "direct") == 0) {
        fl_xml_put(s, " mode='%s'", fl_arg(c, "source-mode"));
        g_string_append(s, "/>\n");
    }
    fl_xml_put(s, "  <target dev='%s'/>\n", fl_arg(c, "target"));
    fl_xml_put(s, "  <mac address='%s'/>\n", fl_arg(c, "mac"));
    fl_xml_put(s, "  <script path='%s'/>\n", fl_arg(c, "script"));
    fl_xml_put(s, "  <model type='%s'/>\n", fl_arg(c, "model"));
    fl_xml_put(s, "  <alias name='%s'/>\n", fl_arg(c, "alias"));
    if (fl_arg(c, "inbound") || fl_arg(c, "outbound")) {
        g_string_append(s, "  <bandwidth>\n");
        put_bandwidth(s, "inbound", fl_arg(c, "inbound"));
        put_bandwidth(s, "outbound", fl_arg(c, "outbound"));
        g_string_append(s, "  </bandwidth>\n");
    }
    g_string_append(s, "</interface>\n");
    return 0;
}

int fl_cmd_attach_interface(struct fl_call *c)
{
    g_autoptr(GString) s = g_string_new("");
    unsigned int flags;

    if (device_flags(c, &flags) < 0 || interface_xml(c, s) < 0)
        return -1;
    return apply(c, s->str, flags, true, "attach interface", "Interface attached successfully");
}

/* The devices of the running domain, or with --config those of its definition. */
static struct fl_xml *domain_tree(struct fl_call *c, unsigned int flags)
{
    g_autofree char *xml =
        virDomainGetXMLDesc(c->dom, flags & VIR_DOMAIN_AFFECT_CONFIG ? VIR_DOMAIN_XML_INACTIVE : 0);
    struct fl_xml *root = xml ? fl_xml_parse(xml) : NULL;

    if (!root)
        fl_fail(c, "failed to get the XML of domain '%s'", virDomainGetName(c->dom));
    return root;
}

static struct fl_xml *find_interface(struct fl_call *c, struct fl_xml *devices, int *count)
{
    const char *mac = fl_arg(c, "mac"), *type = fl_arg(c, "type");
    struct fl_xml *found = NULL;

    *count = 0;
    for (guint i = 0; devices && i < devices->children->len; i++) {
        struct fl_xml *node = devices->children->pdata[i];
        const char *own = fl_xml_value(node, "mac@address"), *kind = fl_xml_attr(node, "type");

        if (strcmp(node->name, "interface") != 0 || !kind || strcmp(kind, type) != 0)
            continue;
        if (mac && (!own || g_ascii_strcasecmp(own, mac) != 0))
            continue;
        found = node;
        (*count)++;
    }
    return found;
}

int fl_cmd_detach_interface(struct fl_call *c)
{
    unsigned int flags;
    struct fl_xml *root, *node;
    g_autofree char *xml = NULL;
    int count;

    if (device_flags(c, &flags) < 0 || !(root = domain_tree(c, flags)))
        return -1;
    node = find_interface(c, fl_xml_get(root, "devices"), &count);
    if (node && (count == 1 || fl_arg(c, "mac")))
        xml = fl_xml_format(node);
    fl_xml_free(root);
    if (!node && fl_arg(c, "mac"))
        return fl_wrong(c, "domain '%s' has no '%s' interface with MAC address '%s'",
                        virDomainGetName(c->dom), fl_arg(c, "type"), fl_arg(c, "mac"));
    if (!node)
        return fl_wrong(c, "domain '%s' has no interface of type '%s'", virDomainGetName(c->dom),
                        fl_arg(c, "type"));
    if (!xml || count > 1)
        return fl_wrong(c, "domain '%s' has %d such interfaces; say which with --mac",
                        virDomainGetName(c->dom), count);
    return apply(c, xml, flags, false, "detach interface", "Interface detached successfully");
}

static struct fl_xml *find_disk(struct fl_xml *root, const char *path)
{
    static const char *const sources[] = { "target@dev", "source@file", "source@dev", "source@dir",
                                           "source@name" };
    struct fl_xml *devices = fl_xml_get(root, "devices");

    for (guint i = 0; devices && i < devices->children->len; i++) {
        struct fl_xml *node = devices->children->pdata[i];

        for (size_t k = 0; strcmp(node->name, "disk") == 0 && k < G_N_ELEMENTS(sources); k++) {
            const char *value = fl_xml_value(node, sources[k]);

            if (value && strcmp(value, path) == 0)
                return node;
        }
    }
    return NULL;
}

int fl_cmd_detach_disk(struct fl_call *c)
{
    unsigned int flags;
    struct fl_xml *root, *node;
    g_autofree char *xml = NULL;

    if (device_flags(c, &flags) < 0 || !(root = domain_tree(c, flags)))
        return -1;
    node = find_disk(root, fl_arg(c, "target"));
    xml = node ? fl_xml_format(node) : NULL;
    fl_xml_free(root);
    if (!xml)
        return fl_wrong(c, "domain '%s' has no disk '%s'", virDomainGetName(c->dom), fl_arg(c, "target"));
    return apply(c, xml, flags, false, "detach disk", "Disk detached successfully");
}

/* Replaces the source of the drive's XML; NULL takes the medium out. */
static int exchange_source(struct fl_call *c, struct fl_xml *disk, const char *source, bool insert)
{
    struct fl_xml *old = fl_xml_get(disk, "source");
    const char *device = fl_xml_attr(disk, "device");
    bool block = fl_flag(c, "block");

    if (!device || (strcmp(device, "cdrom") != 0 && strcmp(device, "floppy") != 0))
        return fl_wrong(c, "'%s' is no drive with a medium to change", fl_arg(c, "path"));
    if (insert && old)
        return fl_wrong(c, "the drive '%s' already holds a medium", fl_arg(c, "path"));
    if (!source && !old)
        return fl_wrong(c, "the drive '%s' holds no medium", fl_arg(c, "path"));
    if (old)
        g_ptr_array_remove(disk->children, old);
    if (source) {
        g_autofree char *text =
            g_markup_printf_escaped(block ? "<source dev='%s'/>" : "<source file='%s'/>", source);

        struct fl_xml *node = fl_xml_parse(text),
                      *first = disk->children->len ? disk->children->pdata[0] : NULL;

        if (first) {
            g_free(node->before);
            node->before = g_strdup(first->before);
        }
        g_ptr_array_insert(disk->children, 0, node);
        for (char **a = disk->attrs; *a; a += 2)
            if (strcmp(a[0], "type") == 0) {
                g_free(a[1]);
                a[1] = g_strdup(block ? "block" : "file");
            }
    }
    return 0;
}

int fl_cmd_change_media(struct fl_call *c)
{
    const char *source = fl_arg(c, "source");
    bool eject = fl_flag(c, "eject"), insert = fl_flag(c, "insert");
    unsigned int flags = 0;
    struct fl_xml *root, *disk;
    g_autofree char *xml = NULL;
    const char *action = eject ? "ejected" : insert ? "inserted" : "updated";

    if (fl_exclusive(c, "eject", "insert") < 0 || fl_exclusive(c, "eject", "update") < 0 ||
        fl_exclusive(c, "insert", "update") < 0 || fl_exclusive(c, "eject", "block") < 0 ||
        fl_affect(c, &flags) < 0)
        return -1;
    if ((insert || (!eject && !fl_flag(c, "update"))) && !source)
        return fl_wrong(c, "which medium? give its source, or --eject");
    if (fl_flag(c, "force"))
        flags |= VIR_DOMAIN_DEVICE_MODIFY_FORCE;
    if (!(root = domain_tree(c, flags)))
        return -1;
    disk = find_disk(root, fl_arg(c, "path"));
    if (!disk)
        fl_wrong(c, "domain '%s' has no disk '%s'", virDomainGetName(c->dom), fl_arg(c, "path"));
    else if (exchange_source(c, disk, eject ? NULL : source, insert) == 0)
        xml = fl_xml_format(disk);
    fl_xml_free(root);
    if (!xml)
        return -1;
    if (fl_flag(c, "print-xml")) {
        fl_out(c, "%s", xml);
        return 0;
    }
    if (virDomainUpdateDeviceFlags(c->dom, xml, flags) < 0)
        return fl_fail(c, "failed to complete action %s on media",
                       eject    ? "eject"
                       : insert ? "insert"
                                : "update");
    fl_extra(c, "Successfully %s media.\n", action);
    return 0;
}
