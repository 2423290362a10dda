/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Storage pools: listing, finding, defining, starting. Volumes are vol.c. */
#define FL_FROM VIR_FROM_TEST
#include <string.h>
#include "driver/test/nodedev.h"
#include "driver/test/ops.h"
#include "driver/test/pool.h"

#define POOL_CAPACITY (100ULL << 30)
#define POOL_TYPES    "dir|fs|netfs|logical|disk|iscsi|scsi|mpath|rbd|sheepdog|gluster|zfs|vstorage|iscsi-direct"

void fl_test_pool_free_item(struct fl_test_item *item)
{
    struct fl_test_pool *p = (struct fl_test_pool *)item;
    struct fl_test_vol *v;
    FL_TEST_EACH(&p->vols, struct fl_test_vol *, v)
    {
        fl_test_vol_free(v);
    }
    fl_test_table_fini(&p->vols);
    g_hash_table_destroy(p->by_key);
    fl_pool_def_free(p->def);
    fl_pool_def_free(p->next);
    fl_test_item_fini(item);
    g_free(p);
}

static bool pick_active(const struct fl_test_item *item)
{
    return ((const struct fl_test_pool *)item)->active;
}

static bool pick_inactive(const struct fl_test_item *item)
{
    return !pick_active(item);
}

int fl_test_connect_num_of_storage_pools(virConnectPtr conn)
{
    TEST_READ_CONN(conn);
    return fl_test_table_count(&host->pools, pick_active);
}

int fl_test_connect_list_storage_pools(virConnectPtr conn, char **names, int max)
{
    TEST_READ_CONN(conn);
    return fl_test_table_names(&host->pools, pick_active, names, max);
}

int fl_test_connect_num_of_defined_storage_pools(virConnectPtr conn)
{
    TEST_READ_CONN(conn);
    return fl_test_table_count(&host->pools, pick_inactive);
}

int fl_test_connect_list_defined_storage_pools(virConnectPtr conn, char **names, int max)
{
    TEST_READ_CONN(conn);
    return fl_test_table_names(&host->pools, pick_inactive, names, max);
}

static bool pair_ok(unsigned int flags, unsigned int yes, unsigned int no, bool holds)
{
    return !(flags & (yes | no)) || (flags & (holds ? yes : no));
}

/* The type filters begin at _DIR, in this order. */
static bool type_ok(unsigned int flags, const char *type)
{
    const unsigned int first = VIR_CONNECT_LIST_STORAGE_POOLS_DIR;
    int i = fl_word_index(type, POOL_TYPES);
    return !(flags & ~(first - 1)) || (i >= 0 && (flags & (first << i)));
}

static virStoragePoolPtr pool_public(virConnectPtr conn, const struct fl_test_pool *p)
{
    return fl_storage_pool_new(conn, p->item.name, p->item.uuid);
}

int fl_test_connect_list_all_storage_pools(virConnectPtr conn, virStoragePoolPtr **pools, unsigned int flags)
{
    if (fl_check_flags(flags, 0xfffff) < 0)
        return -1;
    TEST_READ_CONN(conn);
    virStoragePoolPtr *list =
        pools ? FL_TEST_ARRAY(virStoragePoolPtr, g_queue_get_length(&host->pools.order)) : NULL;
    struct fl_test_pool *p;
    int n = 0;
    FL_TEST_EACH(&host->pools, struct fl_test_pool *, p)
    {
        if (!pair_ok(flags, VIR_CONNECT_LIST_STORAGE_POOLS_ACTIVE, VIR_CONNECT_LIST_STORAGE_POOLS_INACTIVE,
                     p->active) ||
            !pair_ok(flags, VIR_CONNECT_LIST_STORAGE_POOLS_PERSISTENT,
                     VIR_CONNECT_LIST_STORAGE_POOLS_TRANSIENT, p->persistent) ||
            !pair_ok(flags, VIR_CONNECT_LIST_STORAGE_POOLS_AUTOSTART,
                     VIR_CONNECT_LIST_STORAGE_POOLS_NO_AUTOSTART, p->autostart) ||
            !type_ok(flags, p->def->type))
            continue;
        if (list)
            list[n] = pool_public(conn, p);
        n++;
    }
    if (pools)
        *pools = list;
    return n;
}

static char *netfs_sources(const char *spec)
{
    FL_XML_AUTO *root = NULL;
    if (!spec)
        return fl_error_null(VIR_ERR_INVALID_ARG,
                             "looking for netfs sources needs a <source> with the <host>");
    if (fl_xml_parse(spec, "(storage_source_specification)", &root) < 0)
        return NULL;
    const char *name = fl_xml_find_attr(root, "host", "name");
    if (!name)
        return fl_error_null(VIR_ERR_INVALID_ARG,
                             "looking for netfs sources needs a <host name='…'/> in <source>");
    GString *out = g_string_new("<sources>\n  <source>\n    <host name='");
    fl_xml_escape(out, name);
    g_string_append(out,
                    "'/>\n    <dir path='/testshare'/>\n    <format type='nfs'/>\n  </source>\n</sources>\n");
    return g_string_free(out, FALSE);
}

char *fl_test_connect_find_storage_pool_sources(virConnectPtr conn, const char *type, const char *spec,
                                                unsigned int flags)
{
    static const char logical[] = "<sources>\n"
                                  "  <source>\n    <device path='/dev/sda20'/>\n    <name>testvg1</name>\n"
                                  "    <format type='lvm2'/>\n  </source>\n"
                                  "  <source>\n    <device path='/dev/sda21'/>\n    <name>testvg2</name>\n"
                                  "    <format type='lvm2'/>\n  </source>\n"
                                  "</sources>\n";
    if (fl_check_flags(flags, 0) < 0)
        return NULL;
    if (strcmp(type, "logical") == 0)
        return g_strdup(logical);
    if (strcmp(type, "netfs") == 0)
        return netfs_sources(spec);
    /* Compat: "dir" and, with a specification, what is no type at all have their own code. */
    bool odd = strcmp(type, "dir") == 0 || (spec && fl_word_index(type, POOL_TYPES) < 0);
    return fl_error_null(odd ? VIR_ERR_INTERNAL_ERROR : VIR_ERR_NO_SUPPORT,
                         "sources of pools of type '%s' cannot be looked for", type);
}

struct fl_test_pool *fl_test_pool_by_name(struct fl_test_host *host, const char *name)
{
    struct fl_test_pool *p = fl_test_table_by_name(&host->pools, name);
    return p ? p : fl_error_null(VIR_ERR_NO_STORAGE_POOL, "no storage pool is called '%s'", name);
}

static struct fl_test_pool *pool_of(struct fl_test_host *host, virStoragePoolPtr pool)
{
    struct fl_test_pool *p = fl_test_table_by_uuid(&host->pools, pool->uuid);
    return p ? p
             : fl_error_null(VIR_ERR_NO_STORAGE_POOL, "'%s' is not defined on this test host any more",
                             pool->name);
}

int fl_test_pool_need_active(const struct fl_test_pool *p)
{
    return p->active ? 0
                     : fl_error(VIR_ERR_OPERATION_INVALID, "storage pool '%s' is not active", p->item.name);
}

static struct fl_test_pool *pool_inactive_of(struct fl_test_host *host, virStoragePoolPtr pool)
{
    struct fl_test_pool *p = pool_of(host, pool);
    if (p && p->active)
        return fl_error_null(VIR_ERR_OPERATION_INVALID, "storage pool '%s' is active: destroy it first",
                             pool->name);
    return p;
}

static struct fl_test_pool *pool_active_of(struct fl_test_host *host, virStoragePoolPtr pool)
{
    struct fl_test_pool *p = pool_of(host, pool);
    return p && fl_test_pool_need_active(p) == 0 ? p : NULL;
}

virStoragePoolPtr fl_test_storage_pool_lookup_by_name(virConnectPtr conn, const char *name)
{
    TEST_READ_CONN(conn);
    struct fl_test_pool *p = fl_test_pool_by_name(host, name);
    return p ? pool_public(conn, p) : NULL;
}

virStoragePoolPtr fl_test_storage_pool_lookup_by_uuid(virConnectPtr conn, const unsigned char *uuid)
{
    TEST_READ_CONN(conn);
    struct fl_test_pool *p = fl_test_table_by_uuid(&host->pools, uuid);
    char text[VIR_UUID_STRING_BUFLEN];
    fl_uuid_format(uuid, text);
    return p ? pool_public(conn, p)
             : fl_error_null(VIR_ERR_NO_STORAGE_POOL, "no storage pool has UUID %s", text);
}

virStoragePoolPtr fl_test_storage_pool_lookup_by_volume(virStorageVolPtr vol)
{
    return fl_test_storage_pool_lookup_by_name(vol->conn, vol->pool);
}

static int check_clash(struct fl_test_host *host, const struct fl_test_pool *same,
                       const struct fl_pool_def *def, bool live)
{
    struct fl_test_pool *other;
    if (same && strcmp(same->item.name, def->name) != 0)
        return fl_error_set(VIR_FROM_STORAGE, VIR_ERR_OPERATION_FAILED,
                            "the UUID of '%s' already belongs to storage pool '%s'", def->name,
                            same->item.name);
    if (same && live && same->active)
        return fl_error_set(VIR_FROM_STORAGE, VIR_ERR_OPERATION_INVALID,
                            "storage pool '%s' is active already", def->name);
    if (!same && fl_test_table_by_name(&host->pools, def->name))
        return fl_error_set(VIR_FROM_STORAGE, VIR_ERR_OPERATION_FAILED,
                            "the name '%s' is taken by a storage pool with another UUID", def->name);
    FL_TEST_EACH(&host->pools, struct fl_test_pool *, other)
    {
        if (other != same && strcmp(def->type, "dir") == 0 && strcmp(other->def->type, "dir") == 0 &&
            g_strcmp0(def->target_path, other->def->target_path) == 0)
            return fl_error_set(VIR_FROM_STORAGE, VIR_ERR_OPERATION_FAILED,
                                "storage pool '%s' already manages '%s'", other->item.name, def->target_path);
    }
    return 0;
}

struct fl_test_pool *fl_test_pool_add(struct fl_test_host *host, struct fl_pool_def *def, bool live)
{
    struct fl_test_pool *p = fl_test_table_by_uuid(&host->pools, def->uuid);
    if (check_clash(host, p, def, live) < 0) {
        fl_pool_def_free(def);
        return NULL;
    }
    def->capacity = POOL_CAPACITY;
    def->allocation = 0;
    def->available = POOL_CAPACITY;
    if (p && p->active) {
        fl_pool_def_free(p->next);
        p->next = def;
    } else if (p) {
        fl_pool_def_free(p->def);
        p->def = def;
    } else {
        p = g_new0(struct fl_test_pool, 1);
        fl_test_item_init(&p->item, def->name, def->uuid);
        fl_test_table_init(&p->vols);
        p->by_key = g_hash_table_new(g_str_hash, g_str_equal);
        p->def = def;
        fl_test_table_add(&host->pools, &p->item);
    }
    return p;
}

static void pool_drop(struct fl_test_host *host, struct fl_test_pool *p)
{
    fl_test_table_remove(&host->pools, &p->item);
    fl_test_pool_free_item(&p->item);
}

/* Starting a pool on a virtual HBA makes that HBA. */
static int pool_start(struct fl_test_host *host, struct fl_test_pool *p)
{
    const struct fl_xml_node *adapter = fl_xml_find(p->def->root, "source/adapter");
    if (fl_xml_is(adapter, "type", "fc_host") &&
        !fl_test_nodedev_make_vhba(host, fl_xml_get(adapter, "wwnn"), fl_xml_get(adapter, "wwpn")))
        return -1;
    p->active = true;
    fl_test_event_pool(host, &p->item, VIR_STORAGE_POOL_EVENT_STARTED, 0);
    return 0;
}

virStoragePoolPtr fl_test_storage_pool_create_xml(virConnectPtr conn, const char *xml, unsigned int flags)
{
    struct fl_pool_def *def;
    if (fl_check_flags(flags, 0) < 0 || fl_pool_def_parse(xml, NULL, 0, &def) < 0)
        return NULL;
    TEST_WRITE_CONN(conn);
    struct fl_test_pool *p = fl_test_pool_add(host, def, true);
    if (!p)
        return NULL;
    if (pool_start(host, p) < 0) {
        if (!p->persistent)
            pool_drop(host, p);
        return NULL;
    }
    return pool_public(conn, p);
}

virStoragePoolPtr fl_test_storage_pool_define_xml(virConnectPtr conn, const char *xml, unsigned int flags)
{
    struct fl_pool_def *def;
    if (fl_check_flags(flags, VIR_STORAGE_POOL_DEFINE_VALIDATE) < 0 ||
        fl_pool_def_parse(xml, NULL, 0, &def) < 0)
        return NULL;
    TEST_WRITE_CONN(conn);
    struct fl_test_pool *p = fl_test_pool_add(host, def, false);
    if (!p)
        return NULL;
    p->persistent = true;
    fl_test_event_pool(host, &p->item, VIR_STORAGE_POOL_EVENT_DEFINED, 0);
    return pool_public(conn, p);
}

int fl_test_storage_pool_undefine(virStoragePoolPtr pool)
{
    TEST_WRITE(pool);
    struct fl_test_pool *p = pool_inactive_of(host, pool);
    if (!p)
        return -1;
    fl_test_event_pool(host, &p->item, VIR_STORAGE_POOL_EVENT_UNDEFINED, 0);
    pool_drop(host, p);
    return 0;
}

/* What is made and deleted is not there: it is only announced. */
static int announce(virStoragePoolPtr pool, int event)
{
    TEST_WRITE(pool);
    struct fl_test_pool *p = pool_inactive_of(host, pool);
    if (!p)
        return -1;
    fl_test_event_pool(host, &p->item, event, 0);
    return 0;
}

int fl_test_storage_pool_build(virStoragePoolPtr pool, unsigned int flags)
{
    return fl_check_flags(flags, 0) < 0 ? -1 : announce(pool, VIR_STORAGE_POOL_EVENT_CREATED);
}

int fl_test_storage_pool_delete(virStoragePoolPtr pool, unsigned int flags)
{
    return fl_check_flags(flags, 0) < 0 ? -1 : announce(pool, VIR_STORAGE_POOL_EVENT_DELETED);
}

int fl_test_storage_pool_create(virStoragePoolPtr pool, unsigned int flags)
{
    if (fl_check_flags(flags, 0) < 0)
        return -1;
    TEST_WRITE(pool);
    struct fl_test_pool *p = pool_inactive_of(host, pool);
    return p ? pool_start(host, p) : -1;
}

int fl_test_storage_pool_destroy(virStoragePoolPtr pool)
{
    TEST_WRITE(pool);
    struct fl_test_pool *p = pool_active_of(host, pool);
    if (!p)
        return -1;
    const struct fl_xml_node *adapter = fl_xml_find(p->def->root, "source/adapter");
    struct fl_test_nodedev *vhba = fl_test_table_by_name(&host->nodedevs, "scsi_host12");
    if (fl_xml_is(adapter, "type", "fc_host") && vhba)
        fl_test_nodedev_drop(host, vhba);
    p->active = false;
    if (p->next) {
        fl_pool_def_free(p->def);
        p->def = g_steal_pointer(&p->next);
    }
    fl_test_event_pool(host, &p->item, VIR_STORAGE_POOL_EVENT_STOPPED, 0);
    if (!p->persistent)
        pool_drop(host, p);
    return 0;
}

int fl_test_storage_pool_refresh(virStoragePoolPtr pool, unsigned int flags)
{
    if (fl_check_flags(flags, 0) < 0)
        return -1;
    TEST_WRITE(pool);
    struct fl_test_pool *p = pool_active_of(host, pool);
    if (!p)
        return -1;
    fl_test_event_pool_refresh(host, &p->item);
    return 0;
}

int fl_test_storage_pool_get_info(virStoragePoolPtr pool, virStoragePoolInfoPtr info)
{
    TEST_READ(pool);
    struct fl_test_pool *p = pool_of(host, pool);
    if (!p)
        return -1;
    info->state = p->active ? VIR_STORAGE_POOL_RUNNING : VIR_STORAGE_POOL_INACTIVE;
    info->capacity = p->def->capacity;
    info->allocation = p->def->allocation;
    info->available = p->def->available;
    return 0;
}

char *fl_test_storage_pool_get_xml_desc(virStoragePoolPtr pool, unsigned int flags)
{
    if (fl_check_flags(flags, 0) < 0)
        return NULL;
    TEST_READ(pool);
    struct fl_test_pool *p = pool_of(host, pool);
    return p ? fl_pool_def_format(p->def, flags) : NULL;
}

int fl_test_storage_pool_get_autostart(virStoragePoolPtr pool, int *autostart)
{
    TEST_READ(pool);
    struct fl_test_pool *p = pool_of(host, pool);
    if (!p)
        return -1;
    *autostart = p->autostart;
    return 0;
}

int fl_test_storage_pool_set_autostart(virStoragePoolPtr pool, int autostart)
{
    TEST_WRITE(pool);
    struct fl_test_pool *p = pool_of(host, pool);
    if (!p)
        return -1;
    if (!p->persistent)
        return fl_error(VIR_ERR_INVALID_ARG, "storage pool '%s' is transient, so it cannot start by itself",
                        pool->name);
    p->autostart = autostart != 0;
    return 0;
}

int fl_test_storage_pool_is_active(virStoragePoolPtr pool)
{
    TEST_READ(pool);
    struct fl_test_pool *p = pool_of(host, pool);
    return p ? p->active : -1;
}

int fl_test_storage_pool_is_persistent(virStoragePoolPtr pool)
{
    TEST_READ(pool);
    struct fl_test_pool *p = pool_of(host, pool);
    return p ? p->persistent : -1;
}
