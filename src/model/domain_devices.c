/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Looking at the devices of a definition, and changing them by a piece of XML. */
#define FL_FROM VIR_FROM_DOMAIN

#include <stdlib.h>

#include <libvirt/libvirt.h>

#include "base/error.h"
#include "model/domain_private.h"

static struct fl_xml_node *devices_of(const struct fl_domain_def *def)
{
    return fl_xml_child(def->root, "devices");
}

struct fl_xml_node *fl_domain_device_first(const struct fl_domain_def *def, const char *kind)
{
    return fl_xml_child(devices_of(def), kind);
}

struct fl_xml_node *fl_domain_device_next(const struct fl_xml_node *dev, const char *kind)
{
    return fl_xml_next(dev, kind);
}

struct fl_xml_node *fl_domain_disk_by(const struct fl_domain_def *def, const char *path_or_target)
{
    struct fl_xml_node *disk;

    for (disk = fl_domain_device_first(def, "disk"); disk; disk = fl_xml_next(disk, "disk")) {
        if (g_strcmp0(fl_disk_target(disk), path_or_target) == 0)
            return disk;
    }
    for (disk = fl_domain_device_first(def, "disk"); disk; disk = fl_xml_next(disk, "disk")) {
        if (g_strcmp0(fl_disk_source(disk), path_or_target) == 0)
            return disk;
    }
    return NULL;
}

const char *fl_interface_mac(const struct fl_xml_node *iface)
{
    return fl_xml_find_attr(iface, "mac", "address");
}

const char *fl_interface_target(const struct fl_xml_node *iface)
{
    return fl_xml_find_attr(iface, "target", "dev");
}

const char *fl_interface_source(const struct fl_xml_node *iface)
{
    static const char *const attrs[] = { "network", "bridge", "dev", "path", "name", "address" };

    for (unsigned int i = 0; i < G_N_ELEMENTS(attrs); i++) {
        const char *value = fl_xml_find_attr(iface, "source", attrs[i]);

        if (value)
            return value;
    }
    return NULL;
}

struct fl_xml_node *fl_domain_interface_by(const struct fl_domain_def *def, const char *mac_or_target)
{
    unsigned char want[6], have[6];
    bool mac = fl_mac_parse(mac_or_target, want) == 0;

    for (struct fl_xml_node *it = fl_domain_device_first(def, "interface"); it;
         it = fl_xml_next(it, "interface")) {
        if (g_strcmp0(fl_interface_target(it), mac_or_target) == 0)
            return it;
        if (mac && fl_interface_mac(it) && fl_mac_parse(fl_interface_mac(it), have) == 0 &&
            memcmp(want, have, sizeof(want)) == 0)
            return it;
    }
    return NULL;
}

void fl_domain_assign_targets(struct fl_domain_def *def, const char *prefix, unsigned int *next)
{
    unsigned int own = 0, *n = next ? next : &own;

    for (struct fl_xml_node *it = fl_domain_device_first(def, "interface"); it;
         it = fl_xml_next(it, "interface")) {
        struct fl_xml_node *target = fl_xml_child(it, "target");
        g_autofree char *name = NULL;

        if (fl_xml_get(target, "dev"))
            continue;
        do {
            g_free(name);
            name = g_strdup_printf("%s%u", prefix, (*n)++);
        } while (fl_domain_interface_by(def, name));
        if (!target)
            target = fl_xml_add(it, "target");
        fl_xml_set(target, "dev", name);
        fl_doc_order(fl_interface_rows, it);
    }
}

/* One device from text: checked and completed as in a document. */
static int device_parse(const char *xml, unsigned int flags, struct fl_xml_node **ret_dev)
{
    struct fl_doc_ctx ctx = { &fl_domain_doc, "(device_definition)", flags, NULL };
    const struct fl_row *row = fl_device_rows;
    FL_XML_AUTO *in = NULL;
    FL_XML_AUTO *dev = NULL;

    if (fl_xml_parse_for(VIR_FROM_DOMAIN, xml, ctx.name, &in) < 0)
        return -1;
    while (row->kind && g_strcmp0(row->name, in->name) != 0)
        row++;
    if (!row->kind || !row->sub)
        return fl_doc_error(&ctx, in, VIR_ERR_XML_ERROR,
                            "expected a device such as <disk> or <interface>, found <%s>", in->name);
    if (fl_doc_check_row(&ctx, row, in, &dev) < 0 || fl_device_complete(&ctx, dev) < 0)
        return -1;
    *ret_dev = g_steal_pointer(&dev);
    return 0;
}

static bool address_equal(const struct fl_xml_node *a, const struct fl_xml_node *b)
{
    return !fl_xml_child(a, "address") ||
           fl_xml_equal(fl_xml_child(a, "address"), fl_xml_child(b, "address"));
}

static bool hostdev_equal(const struct fl_xml_node *a, const struct fl_xml_node *b)
{
    return fl_xml_is(a, "mode", fl_xml_get(b, "mode")) && fl_xml_is(a, "type", fl_xml_get(b, "type")) &&
           fl_xml_equal(fl_xml_child(a, "source"), fl_xml_child(b, "source"));
}

/* Every child and attribute `want` names is in `have`. */
static bool contains(const struct fl_xml_node *want, const struct fl_xml_node *have)
{
    for (const struct fl_xml_attr *a = want->attrs; a; a = a->next) {
        if (!fl_xml_is(have, a->name, a->value))
            return false;
    }
    for (const struct fl_xml_node *kid = want->first; kid; kid = kid->next) {
        const struct fl_xml_node *other = fl_xml_child(have, kid->name);

        if (!other || !contains(kid, other))
            return false;
    }
    return strcmp(fl_xml_text(want), fl_xml_text(have)) == 0;
}

/* Is `have` the device that `want` means? Disks go by target, interfaces by MAC, the rest by what is said. */
static bool same_device(const struct fl_xml_node *want, const struct fl_xml_node *have)
{
    if (strcmp(want->name, have->name) != 0)
        return false;
    if (strcmp(want->name, "disk") == 0)
        return g_strcmp0(fl_disk_target(want), fl_disk_target(have)) == 0;
    if (strcmp(want->name, "interface") == 0)
        return g_strcmp0(fl_interface_mac(want), fl_interface_mac(have)) == 0 && address_equal(want, have);
    if (strcmp(want->name, "hostdev") == 0)
        return hostdev_equal(want, have);
    if (strcmp(want->name, "controller") == 0)
        return fl_xml_is(want, "type", fl_xml_get(have, "type")) &&
               g_strcmp0(fl_xml_get(want, "index"), fl_xml_get(have, "index")) == 0;
    if (strcmp(want->name, "graphics") == 0)
        return fl_xml_is(want, "type", fl_xml_get(have, "type"));
    return contains(want, have);
}

static struct fl_xml_node *find_device(const struct fl_domain_def *def, const struct fl_xml_node *want)
{
    struct fl_xml_node *dev = fl_domain_device_first(def, want->name);

    while (dev && !same_device(want, dev))
        dev = fl_xml_next(dev, want->name);
    return dev;
}

static int not_found(const struct fl_xml_node *want)
{
    const char *id = fl_disk_target(want);

    if (!id)
        id = fl_interface_mac(want);
    return fl_error(VIR_ERR_DEVICE_MISSING, "the domain has no <%s>%s%s like the one given", want->name,
                    id ? " " : "", id ? id : "");
}

/* Works on a copy, so that a refused change leaves the definition as it was. */
static int recomplete(struct fl_domain_def *def, struct fl_xml_node *root)
{
    struct fl_doc_ctx ctx = { &fl_domain_doc, "(device_definition)", FL_DOMAIN_DEF_LIVE, NULL };

    if (fl_domain_complete_devices(&ctx, root) < 0) {
        fl_xml_free(root);
        return -1;
    }
    fl_xml_free(def->root);
    def->root = root;
    return 0;
}

int fl_domain_attach_device(struct fl_domain_def *def, const char *xml, unsigned int flags)
{
    struct fl_xml_node *dev = NULL, *root, *devices;
    const struct fl_xml_node *had;

    if (device_parse(xml, flags, &dev) < 0)
        return -1;
    had = fl_word_in(dev->name, "disk|hostdev|memballoon|interface|controller|watchdog|vsock|iommu|tpm")
              ? find_device(def, dev)
              : NULL;
    if (had) {
        int rc = strcmp(dev->name, "disk") == 0
                     ? fl_error(VIR_ERR_OPERATION_INVALID, "target %s already exists", fl_disk_target(dev))
                     : fl_error(VIR_ERR_OPERATION_INVALID, "the domain already has this <%s>", dev->name);

        fl_xml_free(dev);
        return rc;
    }
    root = fl_xml_copy(def->root);
    devices = fl_xml_child(root, "devices");
    fl_xml_append(devices, dev);
    if (strcmp(dev->name, "disk") == 0)
        fl_disk_place(devices, dev);
    return recomplete(def, root);
}

int fl_domain_detach_device(struct fl_domain_def *def, const char *xml, unsigned int flags)
{
    FL_XML_AUTO *want = NULL;
    struct fl_xml_node *dev;

    if (device_parse(xml, flags, &want) < 0)
        return -1;
    dev = find_device(def, want);
    if (!dev)
        return not_found(want);
    fl_xml_free(dev);
    return 0;
}

int fl_domain_update_device(struct fl_domain_def *def, const char *xml, unsigned int flags)
{
    FL_XML_AUTO *want = NULL;
    struct fl_xml_node *dev, *root, *devices;

    if (device_parse(xml, flags, &want) < 0)
        return -1;
    if (!fl_word_in(want->name, "disk|interface|graphics|memballoon|memory|video|input|sound|watchdog|rng"))
        return fl_error(VIR_ERR_OPERATION_UNSUPPORTED, "updating a <%s> is not supported", want->name);
    dev = strcmp(want->name, "memballoon") == 0 ? fl_domain_device_first(def, "memballoon")
                                                : find_device(def, want);
    if (!dev)
        return not_found(want);
    root = fl_xml_copy(def->root);
    devices = fl_xml_child(root, "devices");
    /* The copy has the same order: walk both to the device. */
    struct fl_xml_node *twin = devices->first;

    for (const struct fl_xml_node *it = devices_of(def)->first; it != dev; it = it->next)
        twin = twin->next;
    if (!fl_xml_child(want, "address") && fl_xml_child(twin, "address"))
        fl_xml_append(want, fl_xml_copy(fl_xml_child(twin, "address")));
    fl_xml_insert(devices, g_steal_pointer(&want), twin);
    fl_xml_free(twin);
    return recomplete(def, root);
}

int fl_domain_detach_alias(struct fl_domain_def *def, const char *alias)
{
    struct fl_xml_node *dev = fl_domain_device_first(def, NULL);

    while (dev && !fl_xml_is(fl_xml_child(dev, "alias"), "name", alias))
        dev = fl_xml_next(dev, NULL);
    if (!dev)
        return fl_error(VIR_ERR_DEVICE_MISSING, "the domain has no device with the alias '%s'", alias);
    fl_xml_free(dev);
    return 0;
}

int fl_domain_set_vcpus(struct fl_domain_def *def, unsigned int vcpus, bool maximum)
{
    if (vcpus == 0)
        return fl_error(VIR_ERR_INVALID_ARG, "expected 1 or more virtual CPUs");
    if (maximum) {
        def->max_vcpus = vcpus;
        def->vcpus = MIN(def->vcpus, vcpus);
        return 0;
    }
    if (vcpus > def->max_vcpus)
        return fl_error(VIR_ERR_INVALID_ARG, "expected at most %u virtual CPUs, the domain's maximum, got %u",
                        def->max_vcpus, vcpus);
    def->vcpus = vcpus;
    return 0;
}
