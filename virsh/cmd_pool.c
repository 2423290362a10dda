/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Storage pools. */
#include "shell.h"
#include "handlers.h"
#include "list.h"

#include <string.h>

FL_LIST_HELPERS(StoragePool)

static const char *state_name(int state)
{
    static const char *const names[] = { "inactive", "building", "running", "degraded", "inaccessible" };

    return FL_NAME(names, state);
}

static int pool_type_flags(struct fl_call *c, unsigned int *ret)
{
    static const char *const types[] = { "dir",     "fs",   "netfs",    "logical",     "disk",
                                         "iscsi",   "scsi", "mpath",    "rbd",         "sheepdog",
                                         "gluster", "zfs",  "vstorage", "iscsi-direct" };
    g_auto(GStrv) words = g_strsplit(fl_arg(c, "type") ? fl_arg(c, "type") : "", ",", 0);

    for (char **w = words; *w; w++) {
        size_t i = 0;

        while (i < G_N_ELEMENTS(types) && strcmp(types[i], *w) != 0)
            i++;
        if (i == G_N_ELEMENTS(types))
            return fl_wrong(c, "option --type: there are no pools of type '%s'", *w);
        *ret |= 1u << (6 + i); /* VIR_CONNECT_LIST_STORAGE_POOLS_DIR and so on */
    }
    return 0;
}

static void list_short(struct fl_call *c, virStoragePoolPtr *pools, int n)
{
    struct fl_table *t = fl_table_new("Name", "name", "State", "state", "Autostart", "autostart?", NULL);

    for (int i = 0; i < n; i++) {
        int autostart, active;
        const char *text = "no autostart", *unknown = fl_json(c) ? NULL : "unknown";

        if (virStoragePoolGetAutostart(pools[i], &autostart) == 0)
            text = autostart ? "yes" : "no";
        active = virStoragePoolIsActive(pools[i]);
        fl_table_add(t, virStoragePoolGetName(pools[i]),
                     active < 0 ? unknown
                     : active   ? "active"
                                : "inactive",
                     text, NULL);
    }
    virResetLastError();
    fl_table_print(c, t);
}

static void list_details(struct fl_call *c, virStoragePoolPtr *pools, int n)
{
    struct fl_table *t =
        fl_table_new("Name", "name", "State", "state", "Autostart", "autostart?", "Persistent", "persistent?",
                     "Capacity", "capacity", "Allocation", "allocation", "Available", "available", NULL);

    for (int i = 0; i < n; i++) {
        virStoragePoolInfo info = { .state = 0 };
        int autostart, persistent = virStoragePoolIsPersistent(pools[i]);
        const char *text = "no autostart", *state = fl_json(c) ? NULL : "unknown", *none = state;
        g_autofree char *capacity = NULL, *allocation = NULL, *available = NULL;

        if (virStoragePoolGetAutostart(pools[i], &autostart) == 0)
            text = autostart ? "yes" : "no";
        if (virStoragePoolGetInfo(pools[i], &info) < 0) {
            fl_tell_failed(c, "failed to get information about pool '%s'", virStoragePoolGetName(pools[i]));
        } else {
            state = state_name(info.state);
            none = NULL;
        }
        if (info.state != VIR_STORAGE_POOL_INACTIVE && info.state != VIR_STORAGE_POOL_BUILDING) {
            capacity = fl_size_text(info.capacity);
            allocation = fl_size_text(info.allocation);
            available = fl_size_text(info.available);
        }
        fl_table_add(t, virStoragePoolGetName(pools[i]), state, text,
                     persistent < 0 ? "unknown"
                     : persistent   ? "yes"
                                    : "no",
                     capacity ? capacity : none, allocation ? allocation : none, available ? available : none,
                     NULL);
    }
    virResetLastError();
    fl_table_print(c, t);
}

static void list_words(struct fl_call *c, virStoragePoolPtr *pools, int n)
{
    void *array = fl_json(c) ? fl_json_array() : NULL;

    for (int i = 0; i < n; i++) {
        char uuid[VIR_UUID_STRING_BUFLEN] = "";
        g_autofree char *line = NULL;

        virStoragePoolGetUUIDString(pools[i], uuid);
        if (fl_flag(c, "uuid") && fl_flag(c, "name"))
            line = g_strdup_printf("%s %-20s", uuid, virStoragePoolGetName(pools[i]));
        else if (fl_flag(c, "uuid"))
            line = g_strdup(uuid);
        else
            line = g_strdup_printf("%-20s", virStoragePoolGetName(pools[i]));
        if (array)
            fl_json_append(array, fl_json_string(g_strchomp(line)));
        else
            fl_out(c, "%s\n", line);
    }
    if (array)
        fl_document_set(c, array);
}

int fl_cmd_pool_list(struct fl_call *c)
{
    virStoragePoolPtr *pools = NULL;
    unsigned int flags = fl_flags(
        c, "inactive", VIR_CONNECT_LIST_STORAGE_POOLS_INACTIVE, "all",
        VIR_CONNECT_LIST_STORAGE_POOLS_ACTIVE | VIR_CONNECT_LIST_STORAGE_POOLS_INACTIVE, "persistent",
        VIR_CONNECT_LIST_STORAGE_POOLS_PERSISTENT, "transient", VIR_CONNECT_LIST_STORAGE_POOLS_TRANSIENT,
        "autostart", VIR_CONNECT_LIST_STORAGE_POOLS_AUTOSTART, "no-autostart",
        VIR_CONNECT_LIST_STORAGE_POOLS_NO_AUTOSTART, NULL);
    int n;

    if (!fl_flag(c, "inactive"))
        flags |= VIR_CONNECT_LIST_STORAGE_POOLS_ACTIVE;
    if (pool_type_flags(c, &flags) < 0)
        return -1;
    if (fl_exclusive(c, "details", "uuid") < 0 || fl_exclusive(c, "details", "name") < 0)
        return -1;
    n = virConnectListAllStoragePools(c->conn, &pools, flags);
    if (n < 0)
        return fl_fail(c, "failed to list pools");
    sort_StoragePool(pools, n);
    if (fl_flag(c, "uuid") || fl_flag(c, "name"))
        list_words(c, pools, n);
    else if (fl_flag(c, "details"))
        list_details(c, pools, n);
    else
        list_short(c, pools, n);
    free_StoragePool(pools, n);
    return 0;
}

static void size_field(struct fl_call *c, const char *label, const char *key, unsigned long long bytes,
                       bool exact)
{
    g_autofree char *text = fl_size_text(bytes);

    if (exact || fl_json(c))
        fl_field(c, 16, label, key, "%llu", bytes);
    else
        fl_field(c, 16, label, key, "%s", text);
}

int fl_cmd_pool_info(struct fl_call *c)
{
    virStoragePoolInfo info;
    char uuid[VIR_UUID_STRING_BUFLEN];
    int persistent, autostart;
    bool bytes = fl_flag(c, "bytes");

    fl_field(c, 16, "Name:", "name", "%s", virStoragePoolGetName(c->pool));
    if (virStoragePoolGetUUIDString(c->pool, uuid) == 0)
        fl_field(c, 16, "UUID:", "uuid", "%s", uuid);
    if (virStoragePoolGetInfo(c->pool, &info) < 0)
        return fl_fail(c, "failed to get information about pool '%s'", virStoragePoolGetName(c->pool));
    fl_field(c, 16, "State:", "state", "%s", state_name(info.state));
    persistent = virStoragePoolIsPersistent(c->pool);
    fl_field(c, 16, "Persistent:", "persistent?", "%s",
             persistent < 0 ? "unknown"
             : persistent   ? "yes"
                            : "no");
    if (virStoragePoolGetAutostart(c->pool, &autostart) < 0)
        fl_field(c, 16, "Autostart:", "autostart?", "no autostart");
    else
        fl_field(c, 16, "Autostart:", "autostart?", "%s", autostart ? "yes" : "no");
    virResetLastError();
    if (info.state == VIR_STORAGE_POOL_RUNNING || info.state == VIR_STORAGE_POOL_DEGRADED) {
        size_field(c, "Capacity:", "capacity_bytes#", info.capacity, bytes);
        size_field(c, "Allocation:", "allocation_bytes#", info.allocation, bytes);
        size_field(c, "Available:", "available_bytes#", info.available, bytes);
    }
    return 0;
}

int fl_cmd_pool_name(struct fl_call *c)
{
    fl_out(c, "%s\n", virStoragePoolGetName(c->pool));
    return 0;
}

int fl_cmd_pool_uuid(struct fl_call *c)
{
    char uuid[VIR_UUID_STRING_BUFLEN];

    if (virStoragePoolGetUUIDString(c->pool, uuid) < 0)
        return fl_fail(c, "failed to get the UUID of the pool");
    fl_out(c, "%s\n", uuid);
    return 0;
}

int fl_cmd_pool_autostart(struct fl_call *c)
{
    bool off = fl_flag(c, "disable");

    return fl_result(c, virStoragePoolSetAutostart(c->pool, !off),
                     off ? "unmark as autostarted pool" : "mark as autostarted pool",
                     virStoragePoolGetName(c->pool),
                     off ? "Pool %s unmarked as autostarted\n" : "Pool %s marked as autostarted\n");
}

static int build_flags(struct fl_call *c, unsigned int *ret)
{
    if (fl_exclusive(c, "overwrite", "no-overwrite") < 0)
        return -1;
    *ret = fl_flags(c, "build", VIR_STORAGE_POOL_CREATE_WITH_BUILD, "overwrite",
                    VIR_STORAGE_POOL_CREATE_WITH_BUILD_OVERWRITE, "no-overwrite",
                    VIR_STORAGE_POOL_CREATE_WITH_BUILD_NO_OVERWRITE, NULL);
    return 0;
}

int fl_cmd_pool_build(struct fl_call *c)
{
    unsigned int flags = fl_flags(c, "overwrite", VIR_STORAGE_POOL_BUILD_OVERWRITE, "no-overwrite",
                                  VIR_STORAGE_POOL_BUILD_NO_OVERWRITE, NULL);

    if (fl_exclusive(c, "overwrite", "no-overwrite") < 0)
        return -1;
    return fl_result(c, virStoragePoolBuild(c->pool, flags), "build pool", virStoragePoolGetName(c->pool),
                     "Pool %s built\n");
}

int fl_cmd_pool_start(struct fl_call *c)
{
    unsigned int flags;

    if (build_flags(c, &flags) < 0)
        return -1;
    return fl_result(c, virStoragePoolCreate(c->pool, flags), "start pool", virStoragePoolGetName(c->pool),
                     "Pool %s started\n");
}

int fl_cmd_pool_destroy(struct fl_call *c)
{
    return fl_result(c, virStoragePoolDestroy(c->pool), "destroy pool", virStoragePoolGetName(c->pool),
                     "Pool %s destroyed\n");
}

int fl_cmd_pool_delete(struct fl_call *c)
{
    return fl_result(c, virStoragePoolDelete(c->pool, 0), "delete pool", virStoragePoolGetName(c->pool),
                     "Pool %s deleted\n");
}

int fl_cmd_pool_undefine(struct fl_call *c)
{
    return fl_result(c, virStoragePoolUndefine(c->pool), "undefine pool", virStoragePoolGetName(c->pool),
                     "Pool %s has been undefined\n");
}

int fl_cmd_pool_refresh(struct fl_call *c)
{
    return fl_result(c, virStoragePoolRefresh(c->pool, 0), "refresh pool", virStoragePoolGetName(c->pool),
                     "Pool %s refreshed\n");
}

int fl_cmd_pool_dumpxml(struct fl_call *c)
{
    unsigned int flags = fl_flags(c, "inactive", VIR_STORAGE_XML_INACTIVE, NULL);

    return fl_take_xml(c, virStoragePoolGetXMLDesc(c->pool, flags), "the pool");
}

int fl_cmd_pool_edit(struct fl_call *c)
{
    const char *name = virStoragePoolGetName(c->pool);
    g_autofree char *xml = virStoragePoolGetXMLDesc(c->pool, VIR_STORAGE_XML_INACTIVE), *edited = NULL;
    g_autoptr(virStoragePool) pool = NULL;
    int changed;

    if (!xml)
        return fl_fail(c, "failed to get the XML of pool '%s'", name);
    changed = fl_edit_text(c, xml, &edited);
    if (changed <= 0) {
        if (changed == 0)
            fl_extra(c, "Pool %s XML configuration not changed.\n", name);
        return changed;
    }
    pool = virStoragePoolDefineXML(c->conn, edited, 0);
    if (!pool)
        return fl_fail(c, "the edited XML of pool '%s' was refused; the definition is unchanged", name);
    fl_extra(c, "Pool %s XML configuration edited.\n", virStoragePoolGetName(pool));
    return 0;
}

int fl_cmd_pool_create(struct fl_call *c)
{
    unsigned int flags;
    g_autofree char *xml = NULL;
    g_autoptr(virStoragePool) pool = NULL;

    if (build_flags(c, &flags) < 0 || fl_arg_file(c, "file", &xml) < 0)
        return -1;
    pool = virStoragePoolCreateXML(c->conn, xml, flags);
    if (!pool)
        return fl_fail(c, "failed to create a pool from '%s'", fl_arg(c, "file"));
    fl_extra(c, "Pool %s created from %s\n", virStoragePoolGetName(pool), fl_arg(c, "file"));
    return 0;
}

int fl_cmd_pool_define(struct fl_call *c)
{
    unsigned int flags = fl_flags(c, "validate", VIR_STORAGE_POOL_DEFINE_VALIDATE, NULL);
    g_autofree char *xml = NULL;
    g_autoptr(virStoragePool) pool = NULL;

    if (fl_arg_file(c, "file", &xml) < 0)
        return -1;
    pool = virStoragePoolDefineXML(c->conn, xml, flags);
    if (!pool)
        return fl_fail(c, "failed to define a pool from '%s'", fl_arg(c, "file"));
    fl_extra(c, "Pool %s defined from %s\n", virStoragePoolGetName(pool), fl_arg(c, "file"));
    return 0;
}

static void put_adapter(struct fl_call *c, GString *s)
{
    if (fl_arg(c, "adapter-wwnn") || fl_arg(c, "adapter-wwpn")) {
        g_string_append(s, "    <adapter type='fc_host'");
        fl_xml_put(s, " parent='%s'", fl_arg(c, "adapter-parent"));
        fl_xml_put(s, " parent_wwnn='%s'", fl_arg(c, "adapter-parent-wwnn"));
        fl_xml_put(s, " parent_wwpn='%s'", fl_arg(c, "adapter-parent-wwpn"));
        fl_xml_put(s, " parent_fabric_wwn='%s'", fl_arg(c, "adapter-parent-fabric-wwn"));
        fl_xml_put(s, " wwnn='%s'", fl_arg(c, "adapter-wwnn"));
        fl_xml_put(s, " wwpn='%s'", fl_arg(c, "adapter-wwpn"));
        g_string_append(s, "/>\n");
    } else {
        fl_xml_put(s, "    <adapter type='scsi_host' name='%s'/>\n", fl_arg(c, "adapter-name"));
    }
}

static void put_auth(struct fl_call *c, GString *s)
{
    if (!fl_arg(c, "auth-type"))
        return;
    fl_xml_put(s, "    <auth type='%s'", fl_arg(c, "auth-type"));
    fl_xml_put(s, " username='%s'", fl_arg(c, "auth-username"));
    g_string_append(s, ">\n");
    if (fl_arg(c, "secret-usage"))
        fl_xml_put(s, "      <secret usage='%s'/>\n", fl_arg(c, "secret-usage"));
    else
        fl_xml_put(s, "      <secret uuid='%s'/>\n", fl_arg(c, "secret-uuid"));
    g_string_append(s, "    </auth>\n");
}

static char *pool_xml(struct fl_call *c)
{
    GString *s = g_string_new("");
    static const char *const in_source[] = {
        "source-host", "source-path",  "source-dev",   "source-name",         "source-format",
        "auth-type",   "adapter-name", "adapter-wwnn", "source-protocol-ver", "source-initiator",
        NULL
    };
    bool source = false;

    for (const char *const *o = in_source; *o; o++)
        source = source || fl_arg(c, *o);
    fl_xml_put(s, "<pool type='%s'>\n", fl_arg(c, "type"));
    fl_xml_put(s, "  <name>%s</name>\n", fl_arg(c, "name"));
    if (source) {
        g_string_append(s, "  <source>\n");
        fl_xml_put(s, "    <host name='%s'/>\n", fl_arg(c, "source-host"));
        fl_xml_put(s, "    <dir path='%s'/>\n", fl_arg(c, "source-path"));
        fl_xml_put(s, "    <device path='%s'/>\n", fl_arg(c, "source-dev"));
        put_adapter(c, s);
        put_auth(c, s);
        fl_xml_put(s, "    <initiator>\n      <iqn name='%s'/>\n    </initiator>\n",
                   fl_arg(c, "source-initiator"));
        fl_xml_put(s, "    <format type='%s'/>\n", fl_arg(c, "source-format"));
        fl_xml_put(s, "    <name>%s</name>\n", fl_arg(c, "source-name"));
        fl_xml_put(s, "    <protocol ver='%s'/>\n", fl_arg(c, "source-protocol-ver"));
        g_string_append(s, "  </source>\n");
    }
    fl_xml_put(s, "  <target>\n    <path>%s</path>\n  </target>\n", fl_arg(c, "target"));
    g_string_append(s, "</pool>\n");
    return g_string_free(s, FALSE);
}

int fl_cmd_pool_create_as(struct fl_call *c)
{
    unsigned int flags;
    g_autofree char *xml = NULL;
    g_autoptr(virStoragePool) pool = NULL;

    if (build_flags(c, &flags) < 0)
        return -1;
    xml = pool_xml(c);
    if (fl_flag(c, "print-xml")) {
        fl_out(c, "%s", xml);
        return 0;
    }
    pool = virStoragePoolCreateXML(c->conn, xml, flags);
    return fl_result(c, pool ? 0 : -1, "create pool", fl_arg(c, "name"), "Pool %s created\n");
}

int fl_cmd_pool_define_as(struct fl_call *c)
{
    g_autofree char *xml = pool_xml(c);
    g_autoptr(virStoragePool) pool = NULL;

    if (fl_flag(c, "print-xml")) {
        fl_out(c, "%s", xml);
        return 0;
    }
    pool = virStoragePoolDefineXML(c->conn, xml, 0);
    return fl_result(c, pool ? 0 : -1, "define pool", fl_arg(c, "name"), "Pool %s defined\n");
}

static int print_sources(struct fl_call *c, const char *spec)
{
    g_autofree char *xml = virConnectFindStoragePoolSources(c->conn, fl_arg(c, "type"), spec, 0);

    if (!xml)
        return fl_fail(c, "failed to find sources of '%s' pools", fl_arg(c, "type"));
    fl_out(c, "%s", xml);
    return 0;
}

int fl_cmd_find_storage_pool_sources_as(struct fl_call *c)
{
    g_autoptr(GString) s = g_string_new(NULL);

    if (!fl_arg(c, "host"))
        return print_sources(c, NULL);
    g_string_append(s, "<source>\n");
    fl_xml_put(s, "  <host name='%s'", fl_arg(c, "host"));
    fl_xml_put(s, " port='%s'", fl_arg(c, "port"));
    g_string_append(s, "/>\n");
    fl_xml_put(s, "  <initiator>\n    <iqn name='%s'/>\n  </initiator>\n", fl_arg(c, "initiator"));
    g_string_append(s, "</source>\n");
    return print_sources(c, s->str);
}

int fl_cmd_find_storage_pool_sources(struct fl_call *c)
{
    g_autofree char *spec = NULL;

    if (fl_arg(c, "srcSpec") && fl_arg_file(c, "srcSpec", &spec) < 0)
        return -1;
    return print_sources(c, spec);
}

int fl_cmd_pool_capabilities(struct fl_call *c)
{
    g_autofree char *xml = virConnectGetStoragePoolCapabilities(c->conn, 0);

    if (!xml)
        return fl_fail(c, "failed to get the kinds of pools offered");
    fl_out(c, "%s\n", xml);
    return 0;
}
