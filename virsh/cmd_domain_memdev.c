/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* update-memory-device: changes the wished size or the node of a memory device. */
#include "shell.h"
#include "handlers.h"

#include <stdlib.h>
#include <string.h>

static struct fl_xml *find_device(struct fl_call *c, struct fl_xml *root, int node)
{
    struct fl_xml *devices = fl_xml_get(root, "devices"), *found = NULL;
    const char *alias = fl_arg(c, "alias");

    for (guint i = 0; devices && i < devices->children->len; i++) {
        struct fl_xml *device = devices->children->pdata[i];
        const char *own = fl_xml_value(device, "alias@name"), *cell = fl_xml_value(device, "target/node");

        if (strcmp(device->name, "memory") != 0)
            continue;
        if (alias ? g_strcmp0(own, alias) != 0 : node >= 0 && (!cell || atoi(cell) != node))
            continue;
        if (found) {
            fl_wrong(c, "domain '%s' has several such memory devices; say which with --alias",
                     virDomainGetName(c->dom));
            return NULL;
        }
        found = device;
    }
    if (!found)
        fl_wrong(c, "domain '%s' has no such memory device", virDomainGetName(c->dom));
    return found;
}

static int set_requested(struct fl_call *c, struct fl_xml *device, unsigned long long kib)
{
    struct fl_xml *requested = fl_xml_get(device, "target/requested");

    if (!requested)
        return fl_wrong(c, "this kind of memory device has no requested size");
    g_free(requested->text);
    requested->text = g_strdup_printf("%llu", kib);
    for (char **a = requested->attrs; *a; a += 2)
        if (strcmp(a[0], "unit") == 0) {
            g_free(a[1]);
            a[1] = g_strdup("KiB");
        }
    return 0;
}

int fl_cmd_update_memory_device(struct fl_call *c)
{
    unsigned int flags = 0;
    int node = -1;
    unsigned long long bytes = 0;
    g_autofree char *xml = NULL, *device_xml = NULL;
    struct fl_xml *root, *device;
    int given;

    if (fl_affect(c, &flags) < 0 || fl_exclusive(c, "node", "alias") < 0 || fl_arg_int(c, "node", &node) < 0)
        return -1;
    given = fl_arg_size(c, "requested-size", 1024, G_MAXUINT64, &bytes);
    if (given < 0)
        return -1;
    xml = virDomainGetXMLDesc(c->dom, flags & VIR_DOMAIN_AFFECT_CONFIG ? VIR_DOMAIN_XML_INACTIVE : 0);
    root = xml ? fl_xml_parse(xml) : NULL;
    if (!root)
        return fl_fail(c, "failed to get the XML of domain '%s'", virDomainGetName(c->dom));
    device = find_device(c, root, node);
    if (device && (!given || set_requested(c, device, bytes / 1024) == 0))
        device_xml = fl_xml_format(device);
    fl_xml_free(root);
    if (!device_xml)
        return -1;
    if (fl_flag(c, "print-xml")) {
        fl_out(c, "%s", device_xml);
        return 0;
    }
    if (virDomainUpdateDeviceFlags(c->dom, device_xml, flags) < 0)
        return fl_fail(c, "failed to update the memory device of domain '%s'", virDomainGetName(c->dom));
    return 0;
}
