/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Storage volumes: listing, facts, creating, deleting. */
#include "shell.h"
#include "handlers.h"
#include "list.h"

#include <string.h>

FL_LIST_HELPERS(StorageVol)

static const char *type_name(int type)
{
    static const char *const names[] = { "file", "block", "dir", "network", "net-dir", "ploop" };

    return FL_NAME(names, type);
}

int fl_cmd_vol_list(struct fl_call *c)
{
    virStorageVolPtr *vols = NULL;
    bool details = fl_flag(c, "details");
    int n = virStoragePoolListAllVolumes(c->pool, &vols, 0);
    struct fl_table *t;

    if (n < 0)
        return fl_fail(c, "failed to list the volumes of pool '%s'", virStoragePoolGetName(c->pool));
    sort_StorageVol(vols, n);
    t = details ? fl_table_new("Name", "name", "Path", "path", "Type", "type", "Capacity", "capacity",
                               "Allocation", "allocation", NULL)
                : fl_table_new("Name", "name", "Path", "path", NULL);
    for (int i = 0; i < n; i++) {
        g_autofree char *path = virStorageVolGetPath(vols[i]), *capacity = NULL, *allocation = NULL;
        virStorageVolInfo info;
        const char *type = fl_json(c) ? NULL : "unknown";

        if (!path)
            fl_tell_failed(c, "failed to get the path of volume '%s'", virStorageVolGetName(vols[i]));
        if (details && virStorageVolGetInfo(vols[i], &info) < 0) {
            fl_tell_failed(c, "failed to get information about volume '%s'", virStorageVolGetName(vols[i]));
        } else if (details) {
            capacity = fl_size_text(info.capacity);
            allocation = fl_size_text(info.allocation);
            type = type_name(info.type);
        }
        fl_table_add(t, virStorageVolGetName(vols[i]), path, type, capacity, allocation, NULL);
    }
    virResetLastError();
    fl_table_print(c, t);
    free_StorageVol(vols, n);
    return 0;
}

static void size_field(struct fl_call *c, const char *label, const char *key, unsigned long long bytes)
{
    g_autofree char *text = fl_size_text(bytes);

    if (fl_json(c))
        fl_field(c, 16, label, key, "%llu", bytes);
    else if (fl_flag(c, "bytes"))
        fl_field(c, 16, label, key, "%llu bytes", bytes);
    else
        fl_field(c, 16, label, key, "%s", text);
}

int fl_cmd_vol_info(struct fl_call *c)
{
    bool physical = fl_flag(c, "physical");
    virStorageVolInfo info;

    fl_field(c, 16, "Name:", "name", "%s", virStorageVolGetName(c->vol));
    if ((physical ? virStorageVolGetInfoFlags(c->vol, &info, VIR_STORAGE_VOL_GET_PHYSICAL)
                  : virStorageVolGetInfo(c->vol, &info)) < 0)
        return fl_fail(c, "failed to get information about volume '%s'", virStorageVolGetName(c->vol));
    fl_field(c, 16, "Type:", "type", "%s", type_name(info.type));
    size_field(c, "Capacity:", "capacity_bytes#", info.capacity);
    size_field(c, physical ? "Physical:" : "Allocation:", physical ? "physical_bytes#" : "allocation_bytes#",
               info.allocation);
    return 0;
}

int fl_cmd_vol_key(struct fl_call *c)
{
    fl_out(c, "%s\n", virStorageVolGetKey(c->vol));
    return 0;
}

int fl_cmd_vol_name(struct fl_call *c)
{
    fl_out(c, "%s\n", virStorageVolGetName(c->vol));
    return 0;
}

int fl_cmd_vol_path(struct fl_call *c)
{
    g_autofree char *path = virStorageVolGetPath(c->vol);

    if (!path)
        return fl_fail(c, "failed to get the path of the volume");
    fl_out(c, "%s\n", path);
    return 0;
}

int fl_cmd_vol_pool(struct fl_call *c)
{
    g_autoptr(virStoragePool) pool = virStoragePoolLookupByVolume(c->vol);
    char uuid[VIR_UUID_STRING_BUFLEN] = "";

    if (!pool)
        return fl_fail(c, "failed to get the pool of the volume");
    virStoragePoolGetUUIDString(pool, uuid);
    fl_out(c, "%s\n", fl_flag(c, "uuid") ? uuid : virStoragePoolGetName(pool));
    return 0;
}

int fl_cmd_vol_dumpxml(struct fl_call *c)
{
    return fl_take_xml(c, virStorageVolGetXMLDesc(c->vol, 0), "the volume");
}

int fl_cmd_vol_delete(struct fl_call *c)
{
    unsigned int flags = fl_flags(c, "delete-snapshots", VIR_STORAGE_VOL_DELETE_WITH_SNAPSHOTS, NULL);
    const char *name = fl_arg(c, "vol");

    return fl_result(c, virStorageVolDelete(c->vol, flags), "delete vol", name, "Vol %s deleted\n");
}

int fl_cmd_vol_wipe(struct fl_call *c)
{
    static const char *const names[] = { "zero",      "nnsa",       "dod",    "bsi",  "gutmann", "schneier",
                                         "pfitzner7", "pfitzner33", "random", "trim", NULL };
    const char *wanted = fl_arg(c, "algorithm");
    unsigned int i = 0;
    int status;

    while (wanted && names[i] && strcmp(names[i], wanted) != 0)
        i++;
    if (!names[i])
        return fl_wrong(c, "option --algorithm: '%s' is unknown", wanted);
    status = wanted ? virStorageVolWipePattern(c->vol, i, 0) : virStorageVolWipe(c->vol, 0);
    return fl_result(c, status, "wipe vol", virStorageVolGetName(c->vol), "Vol %s wiped\n");
}

int fl_cmd_vol_resize(struct fl_call *c)
{
    const char *text = fl_arg(c, "capacity"), *name = virStorageVolGetName(c->vol);
    unsigned int flags =
        fl_flags(c, "allocate", VIR_STORAGE_VOL_RESIZE_ALLOCATE, "delta", VIR_STORAGE_VOL_RESIZE_DELTA,
                 "shrink", VIR_STORAGE_VOL_RESIZE_SHRINK, NULL);
    unsigned long long capacity;

    if (fl_arg_size(c, "capacity", 1, G_MAXUINT64, &capacity) < 0)
        return -1;
    if (virStorageVolResize(c->vol, capacity, flags) < 0)
        return fl_fail(c, "failed to change the size of volume '%s' %s %s", name,
                       fl_flag(c, "delta") ? "by" : "to", text);
    fl_extra(c,
             fl_flag(c, "delta") ? "Size of volume '%s' successfully changed by %s\n"
                                 : "Size of volume '%s' successfully changed to %s\n",
             name, text);
    return 0;
}

static int backing_xml(struct fl_call *c, GString *s)
{
    const char *name = fl_arg(c, "backing-vol");
    g_autoptr(virStorageVol) vol = NULL;
    g_autofree char *path = NULL, *text = NULL;

    if (!name)
        return 0;
    vol = virStorageVolLookupByName(c->pool, name);
    if (!vol)
        vol = virStorageVolLookupByKey(c->conn, name);
    if (!vol)
        vol = virStorageVolLookupByPath(c->conn, name);
    path = vol ? virStorageVolGetPath(vol) : NULL;
    if (!path)
        return fl_fail(c, "failed to get the backing vol '%s'", name);
    virResetLastError();
    text = g_markup_printf_escaped("  <backingStore>\n    <path>%s</path>\n", path);
    g_string_append(s, text);
    if (fl_arg(c, "backing-vol-format")) {
        g_autofree char *format =
            g_markup_printf_escaped("    <format type='%s'/>\n", fl_arg(c, "backing-vol-format"));

        g_string_append(s, format);
    }
    g_string_append(s, "  </backingStore>\n");
    return 0;
}

static char *volume_xml(struct fl_call *c)
{
    GString *s = g_string_new("<volume>\n");
    unsigned long long capacity = 0, allocation = 0;
    g_autofree char *name = g_markup_printf_escaped("  <name>%s</name>\n", fl_arg(c, "name"));

    g_string_append(s, name);
    if (fl_arg_size(c, "capacity", 1, G_MAXUINT64, &capacity) < 0 ||
        fl_arg_size(c, "allocation", 1, G_MAXUINT64, &allocation) < 0)
        goto fail;
    g_string_append_printf(s, "  <capacity>%llu</capacity>\n", capacity);
    if (fl_arg(c, "allocation"))
        g_string_append_printf(s, "  <allocation>%llu</allocation>\n", allocation);
    if (fl_arg(c, "format")) {
        g_autofree char *format = g_markup_printf_escaped(
            "  <target>\n    <format type='%s'/>\n  </target>\n", fl_arg(c, "format"));

        g_string_append(s, format);
    }
    if (backing_xml(c, s) < 0)
        goto fail;
    g_string_append(s, "</volume>\n");
    return g_string_free(s, FALSE);
fail:
    g_string_free(s, TRUE);
    return NULL;
}

static unsigned int create_flags(struct fl_call *c)
{
    return fl_flags(c, "prealloc-metadata", VIR_STORAGE_VOL_CREATE_PREALLOC_METADATA, "reflink",
                    VIR_STORAGE_VOL_CREATE_REFLINK, "validate", VIR_STORAGE_VOL_CREATE_VALIDATE, NULL);
}

int fl_cmd_vol_create_as(struct fl_call *c)
{
    g_autofree char *xml = volume_xml(c);
    g_autoptr(virStorageVol) vol = NULL;

    if (!xml)
        return -1;
    if (fl_flag(c, "print-xml")) {
        fl_out(c, "%s", xml);
        return 0;
    }
    vol = virStorageVolCreateXML(c->pool, xml, create_flags(c));
    return fl_result(c, vol ? 0 : -1, "create vol", fl_arg(c, "name"), "Vol %s created\n");
}

int fl_cmd_vol_create(struct fl_call *c)
{
    g_autofree char *xml = NULL;
    g_autoptr(virStorageVol) vol = NULL;

    if (fl_arg_file(c, "file", &xml) < 0)
        return -1;
    vol = virStorageVolCreateXML(c->pool, xml, create_flags(c));
    if (!vol)
        return fl_fail(c, "failed to create a vol from '%s'", fl_arg(c, "file"));
    fl_extra(c, "Vol %s created from %s\n", virStorageVolGetName(vol), fl_arg(c, "file"));
    return 0;
}

int fl_cmd_vol_create_from(struct fl_call *c)
{
    g_autofree char *xml = NULL;
    g_autoptr(virStorageVol) input = NULL, vol = NULL;

    if (fl_arg_file(c, "file", &xml) < 0)
        return -1;
    input = fl_volume_by(c, fl_arg(c, "vol"), fl_arg(c, "inputpool"));
    if (!input)
        return -1;
    vol = virStorageVolCreateXMLFrom(c->pool, xml, input, create_flags(c));
    if (!vol)
        return fl_fail(c, "failed to create a vol from '%s'", fl_arg(c, "vol"));
    fl_extra(c, "Vol %s created from input vol %s\n", virStorageVolGetName(vol), virStorageVolGetName(input));
    return 0;
}

/* The XML of the volume under its new name and without its identity. */
static char *clone_xml(const char *xml, const char *name)
{
    struct fl_xml *root = fl_xml_parse(xml), *node;
    static const char *const drop[] = { "key", NULL };
    char *text;

    if (!root)
        return NULL;
    node = fl_xml_get(root, "name");
    if (node) {
        g_free(node->text);
        node->text = g_strdup(name);
    }
    for (const char *const *d = drop; *d; d++) {
        node = fl_xml_get(root, *d);
        if (node)
            g_ptr_array_remove(root->children, node);
    }
    node = fl_xml_get(root, "target/path");
    if (node)
        g_ptr_array_remove(node->parent->children, node);
    text = fl_xml_format(root);
    fl_xml_free(root);
    return text;
}

int fl_cmd_vol_clone(struct fl_call *c)
{
    g_autoptr(virStoragePool) pool = virStoragePoolLookupByVolume(c->vol);
    g_autofree char *xml = NULL, *new_xml = NULL;
    g_autoptr(virStorageVol) vol = NULL;

    if (!pool)
        return fl_fail(c, "failed to get the pool of the volume");
    xml = virStorageVolGetXMLDesc(c->vol, 0);
    new_xml = xml ? clone_xml(xml, fl_arg(c, "newname")) : NULL;
    if (!new_xml)
        return fl_fail(c, "failed to get the XML of the volume");
    if (fl_flag(c, "print-xml")) {
        fl_out(c, "%s", new_xml);
        return 0;
    }
    vol = virStorageVolCreateXMLFrom(pool, new_xml, c->vol, create_flags(c));
    if (!vol)
        return fl_fail(c, "failed to clone vol from '%s'", virStorageVolGetName(c->vol));
    fl_extra(c, "Vol %s cloned from %s\n", virStorageVolGetName(vol), virStorageVolGetName(c->vol));
    return 0;
}
