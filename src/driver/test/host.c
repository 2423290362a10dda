/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The host struct and its tables: hashed look-ups, objects kept in their order of arrival. */
#define FL_FROM VIR_FROM_TEST
#include <string.h>
#include "driver/test/domain.h"
#include "driver/test/interface.h"
#include "driver/test/network.h"
#include "driver/test/nodedev.h"
#include "driver/test/pool.h"
#include "driver/test/state.h"

int fl_test_check_flags(const char *func, unsigned int flags, unsigned int mask)
{
    if (!(flags & ~mask))
        return 0;
    return fl_error(VIR_ERR_INVALID_ARG, "flags 0x%x of %s are not supported by the test driver",
                    flags & ~mask, g_str_has_prefix(func, "fl_test_") ? func + strlen("fl_test_") : func);
}

static guint uuid_hash(gconstpointer key)
{
    const unsigned char *u = key;
    guint h = 5381;
    for (int i = 0; i < VIR_UUID_BUFLEN; i++)
        h = h * 33 + u[i];
    return h;
}

static gboolean uuid_equal(gconstpointer a, gconstpointer b)
{
    return memcmp(a, b, VIR_UUID_BUFLEN) == 0;
}

void fl_test_table_init(struct fl_test_table *table)
{
    table->by_name = g_hash_table_new(g_str_hash, g_str_equal);
    table->by_uuid = g_hash_table_new(uuid_hash, uuid_equal);
    table->by_id = g_hash_table_new(g_direct_hash, g_direct_equal);
    g_queue_init(&table->order);
}

void fl_test_table_fini(struct fl_test_table *table)
{
    g_clear_pointer(&table->by_name, g_hash_table_destroy);
    g_clear_pointer(&table->by_uuid, g_hash_table_destroy);
    g_clear_pointer(&table->by_id, g_hash_table_destroy);
    g_queue_clear(&table->order);
}

void fl_test_item_init(struct fl_test_item *item, const char *name, const unsigned char *uuid)
{
    item->name = g_strdup(name);
    item->id = -1;
    if (uuid) {
        memcpy(item->uuid, uuid, VIR_UUID_BUFLEN);
        item->has_uuid = true;
    }
}

void fl_test_item_fini(struct fl_test_item *item)
{
    g_clear_pointer(&item->name, g_free);
}

void fl_test_table_add(struct fl_test_table *table, struct fl_test_item *item)
{
    g_hash_table_insert(table->by_name, item->name, item);
    if (item->has_uuid)
        g_hash_table_insert(table->by_uuid, item->uuid, item);
    if (item->id >= 0)
        g_hash_table_insert(table->by_id, GINT_TO_POINTER(item->id), item);
    g_queue_push_tail(&table->order, item);
    item->link = table->order.tail;
}

void fl_test_table_remove(struct fl_test_table *table, struct fl_test_item *item)
{
    g_hash_table_remove(table->by_name, item->name);
    if (item->has_uuid)
        g_hash_table_remove(table->by_uuid, item->uuid);
    if (item->id >= 0)
        g_hash_table_remove(table->by_id, GINT_TO_POINTER(item->id));
    g_queue_delete_link(&table->order, item->link);
    item->link = NULL;
}

void fl_test_table_rename(struct fl_test_table *table, struct fl_test_item *item, const char *name)
{
    g_hash_table_remove(table->by_name, item->name);
    g_free(item->name);
    item->name = g_strdup(name);
    g_hash_table_insert(table->by_name, item->name, item);
}

void fl_test_table_set_id(struct fl_test_table *table, struct fl_test_item *item, int id)
{
    if (item->id >= 0)
        g_hash_table_remove(table->by_id, GINT_TO_POINTER(item->id));
    item->id = id;
    if (id >= 0)
        g_hash_table_insert(table->by_id, GINT_TO_POINTER(id), item);
}

void *fl_test_table_by_name(const struct fl_test_table *table, const char *name)
{
    return g_hash_table_lookup(table->by_name, name);
}

void *fl_test_table_by_uuid(const struct fl_test_table *table, const unsigned char *uuid)
{
    return g_hash_table_lookup(table->by_uuid, uuid);
}

void *fl_test_table_by_id(const struct fl_test_table *table, int id)
{
    return g_hash_table_lookup(table->by_id, GINT_TO_POINTER(id));
}

int fl_test_table_names(const struct fl_test_table *table, fl_test_pick pick, char **names, int max)
{
    struct fl_test_item *item;
    int n = 0;
    FL_TEST_EACH(table, struct fl_test_item *, item)
    {
        if (n >= max)
            break;
        if (!pick || pick(item))
            names[n++] = g_strdup(item->name);
    }
    return n;
}

int fl_test_table_count(const struct fl_test_table *table, fl_test_pick pick)
{
    struct fl_test_item *item;
    int n = 0;
    FL_TEST_EACH(table, struct fl_test_item *, item)
    {
        if (!pick || pick(item))
            n++;
    }
    return n;
}

static void user_free(gpointer data)
{
    struct fl_test_user *user = data;
    g_free(user->name);
    if (user->password)
        explicit_bzero(user->password, strlen(user->password));
    g_free(user->password);
    g_free(user);
}

/* What the peer's node has unless its file says otherwise. */
static void node_init(struct fl_test_host *host)
{
    g_strlcpy(host->node.model, "i686", sizeof(host->node.model));
    host->node.memory = 3145728;
    host->node.cpus = 16;
    host->node.mhz = 1400;
    host->node.nodes = 2;
    host->node.sockets = 2;
    host->node.cores = 2;
    host->node.threads = 2;
}

GRWLockReaderLocker *fl_test_host_reader(struct fl_test_host *host)
{
    if (g_atomic_int_get(&host->writers) > 0) {
        g_mutex_lock(&host->next); /* free once that one has what it waits for */
        g_mutex_unlock(&host->next);
    }
    return g_rw_lock_reader_locker_new(&host->lock);
}

GRWLockWriterLocker *fl_test_host_writer(struct fl_test_host *host)
{
    GRWLockWriterLocker *locker;

    g_atomic_int_inc(&host->writers);
    g_mutex_lock(&host->next);
    locker = g_rw_lock_writer_locker_new(&host->lock);
    g_mutex_unlock(&host->next);
    g_atomic_int_add(&host->writers, -1);
    return locker;
}

struct fl_test_host *fl_test_host_new(void)
{
    struct fl_test_host *host = g_new0(struct fl_test_host, 1);
    g_rw_lock_init(&host->lock);
    g_mutex_init(&host->next);
    host->hub = fl_hub_new();
    node_init(host);
    fl_test_table_init(&host->domains);
    fl_test_table_init(&host->networks);
    fl_test_table_init(&host->interfaces);
    fl_test_table_init(&host->pools);
    fl_test_table_init(&host->nodedevs);
    host->next_domain_id = 1;
    host->users = g_ptr_array_new_with_free_func(user_free);
    return host;
}

/* Empties a table of objects that begin with their item. */
static void table_free(struct fl_test_table *table, void (*free_item)(struct fl_test_item *item))
{
    struct fl_test_item *item;
    FL_TEST_EACH(table, struct fl_test_item *, item)
    {
        free_item(item);
    }
    fl_test_table_fini(table);
}

void fl_test_host_free(struct fl_test_host *host)
{
    if (!host)
        return;
    table_free(&host->domains, fl_test_domain_free_item);
    table_free(&host->networks, fl_test_network_free_item);
    table_free(&host->interfaces, fl_test_interface_free_item);
    table_free(&host->pools, fl_test_pool_free_item);
    table_free(&host->nodedevs, fl_test_nodedev_free_item);
    if (host->iface_backup) {
        table_free(host->iface_backup, fl_test_interface_free_item);
        g_free(host->iface_backup);
    }
    g_ptr_array_free(host->users, TRUE);
    fl_hub_unref(host->hub);
    g_rw_lock_clear(&host->lock);
    g_mutex_clear(&host->next);
    g_free(host);
}
