/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Storage volumes: each has its key, which is its path, below its pool's target. */
#define FL_FROM VIR_FROM_TEST
#include "driver/test/ops.h"
#include "driver/test/pool.h"
#include "driver/test/vol_data.h"

void fl_test_vol_free(struct fl_test_vol *v)
{
    fl_test_vol_data_free(v);
    fl_vol_def_free(v->def);
    fl_test_item_fini(&v->item);
    g_free(v);
}

/* The pool with its volumes at hand; NULL with the error set when it is gone or off. */
static struct fl_test_pool *pool_ready(struct fl_test_host *host, const char *name)
{
    struct fl_test_pool *p = fl_test_pool_by_name(host, name);
    return p && fl_test_pool_need_active(p) == 0 ? p : NULL;
}

static struct fl_test_vol *vol_by_name(struct fl_test_pool *p, const char *name)
{
    struct fl_test_vol *v = fl_test_table_by_name(&p->vols, name);
    return v ? v
             : fl_error_null(VIR_ERR_NO_STORAGE_VOL, "storage pool '%s' has no volume '%s'", p->item.name,
                             name);
}

static struct fl_test_vol *vol_of(struct fl_test_host *host, virStorageVolPtr vol,
                                  struct fl_test_pool **ret_pool)
{
    struct fl_test_pool *p = pool_ready(host, vol->pool);
    if (!p)
        return NULL;
    *ret_pool = p;
    return vol_by_name(p, vol->name);
}

struct fl_test_vol *fl_test_vol_of(struct fl_test_host *host, virStorageVolPtr vol)
{
    struct fl_test_pool *p;

    return vol_of(host, vol, &p);
}

static virStorageVolPtr vol_public(virConnectPtr conn, const struct fl_test_pool *p,
                                   const struct fl_test_vol *v)
{
    return fl_storage_vol_new(conn, p->item.name, v->item.name, v->def->key);
}

int fl_test_storage_pool_num_of_volumes(virStoragePoolPtr pool)
{
    TEST_READ(pool);
    struct fl_test_pool *p = pool_ready(host, pool->name);
    return p ? (int)g_queue_get_length(&p->vols.order) : -1;
}

int fl_test_storage_pool_list_volumes(virStoragePoolPtr pool, char **names, int max)
{
    TEST_READ(pool);
    struct fl_test_pool *p = pool_ready(host, pool->name);
    return p ? fl_test_table_names(&p->vols, NULL, names, max) : -1;
}

int fl_test_storage_pool_list_all_volumes(virStoragePoolPtr pool, virStorageVolPtr **vols, unsigned int flags)
{
    if (fl_check_flags(flags, 0) < 0)
        return -1;
    TEST_READ(pool);
    struct fl_test_pool *p = pool_ready(host, pool->name);
    if (!p)
        return -1;
    int n = g_queue_get_length(&p->vols.order), i = 0;
    if (vols) {
        struct fl_test_vol *v;
        *vols = FL_TEST_ARRAY(virStorageVolPtr, n);
        FL_TEST_EACH(&p->vols, struct fl_test_vol *, v)
        {
            (*vols)[i++] = vol_public(pool->conn, p, v);
        }
    }
    return n;
}

virStorageVolPtr fl_test_storage_vol_lookup_by_name(virStoragePoolPtr pool, const char *name)
{
    TEST_READ(pool);
    struct fl_test_pool *p = pool_ready(host, pool->name);
    struct fl_test_vol *v = p ? vol_by_name(p, name) : NULL;
    return v ? vol_public(pool->conn, p, v) : NULL;
}

static virStorageVolPtr lookup_by_key(virConnectPtr conn, const char *key, const char *what)
{
    TEST_READ_CONN(conn);
    struct fl_test_pool *p;
    FL_TEST_EACH(&host->pools, struct fl_test_pool *, p)
    {
        struct fl_test_vol *v = p->active ? g_hash_table_lookup(p->by_key, key) : NULL;
        if (v)
            return vol_public(conn, p, v);
    }
    return fl_error_null(VIR_ERR_NO_STORAGE_VOL, "no volume in an active pool has the %s '%s'", what, key);
}

virStorageVolPtr fl_test_storage_vol_lookup_by_key(virConnectPtr conn, const char *key)
{
    return lookup_by_key(conn, key, "key");
}

virStorageVolPtr fl_test_storage_vol_lookup_by_path(virConnectPtr conn, const char *path)
{
    return lookup_by_key(conn, path, "path");
}

struct fl_test_vol *fl_test_vol_add(struct fl_test_pool *p, struct fl_vol_def *def)
{
    if (fl_test_table_by_name(&p->vols, def->name)) {
        fl_error(VIR_ERR_OPERATION_FAILED, "storage pool '%s' has a volume '%s' already", p->item.name,
                 def->name);
    } else if (def->allocation > p->def->available) {
        fl_error(VIR_ERR_INTERNAL_ERROR,
                 "volume '%s' takes %llu bytes, but storage pool '%s' has only %llu free", def->name,
                 def->allocation, p->item.name, p->def->available);
    } else {
        struct fl_test_vol *v = g_new0(struct fl_test_vol, 1);
        fl_test_item_init(&v->item, def->name, NULL);
        g_free(def->target_path);
        def->target_path =
            g_strdup_printf("%s/%s", p->def->target_path ? p->def->target_path : "", def->name);
        g_free(def->key);
        def->key = g_strdup(def->target_path);
        v->def = def;
        p->def->allocation += def->allocation;
        p->def->available = p->def->capacity - p->def->allocation;
        fl_test_table_add(&p->vols, &v->item);
        g_hash_table_insert(p->by_key, def->key, v);
        return v;
    }
    fl_vol_def_free(def);
    return NULL;
}

static virStorageVolPtr vol_create(virStoragePoolPtr pool, const char *xml, const char *from)
{
    struct fl_vol_def *def;
    TEST_WRITE(pool);
    struct fl_test_pool *p = pool_ready(host, pool->name);
    if (!p || fl_vol_def_parse(p->def, xml, NULL, 0, &def) < 0)
        return NULL;
    if (from && !vol_by_name(p, from)) {
        fl_vol_def_free(def);
        return NULL;
    }
    struct fl_test_vol *v = fl_test_vol_add(p, def);
    return v ? vol_public(pool->conn, p, v) : NULL;
}

virStorageVolPtr fl_test_storage_vol_create_xml(virStoragePoolPtr pool, const char *xml, unsigned int flags)
{
    return fl_check_flags(flags, VIR_STORAGE_VOL_CREATE_VALIDATE) < 0 ? NULL : vol_create(pool, xml, NULL);
}

virStorageVolPtr fl_test_storage_vol_create_xml_from(virStoragePoolPtr pool, const char *xml,
                                                     virStorageVolPtr from, unsigned int flags)
{
    return fl_check_flags(flags, VIR_STORAGE_VOL_CREATE_VALIDATE) < 0 ? NULL
                                                                      : vol_create(pool, xml, from->name);
}

int fl_test_storage_vol_delete(virStorageVolPtr vol, unsigned int flags)
{
    if (fl_check_flags(flags, 0) < 0)
        return -1;
    TEST_WRITE(vol);
    struct fl_test_pool *p;
    struct fl_test_vol *v = vol_of(host, vol, &p);
    if (!v)
        return -1;
    p->def->allocation -= v->def->allocation;
    p->def->available = p->def->capacity - p->def->allocation;
    g_hash_table_remove(p->by_key, v->def->key);
    fl_test_table_remove(&p->vols, &v->item);
    fl_test_vol_free(v);
    return 0;
}

int fl_test_storage_vol_get_info(virStorageVolPtr vol, virStorageVolInfoPtr info)
{
    TEST_READ(vol);
    struct fl_test_pool *p;
    struct fl_test_vol *v = vol_of(host, vol, &p);
    if (!v)
        return -1;
    int type = v->def->type ? fl_word_index(v->def->type, "file|block|dir|network|netdir|ploop") : 0;
    info->type = MAX(type, 0);
    info->capacity = v->def->capacity;
    info->allocation = v->def->allocation;
    return 0;
}

char *fl_test_storage_vol_get_xml_desc(virStorageVolPtr vol, unsigned int flags)
{
    if (fl_check_flags(flags, 0) < 0)
        return NULL;
    TEST_READ(vol);
    struct fl_test_pool *p;
    struct fl_test_vol *v = vol_of(host, vol, &p);
    return v ? fl_vol_def_format(p->def, v->def) : NULL;
}

char *fl_test_storage_vol_get_path(virStorageVolPtr vol)
{
    TEST_READ(vol);
    struct fl_test_pool *p;
    struct fl_test_vol *v = vol_of(host, vol, &p);
    return v ? g_strdup(v->def->target_path) : NULL;
}
