/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The test driver's host: everything a make-believe machine holds, in memory. One lock per host guards it
 * all; operations take it with TEST_READ or TEST_WRITE and never call the application while holding it
 * (events are queued in the hub). Look-ups by name, UUID and id are hashed.
 */
#pragma once

#include "base/error.h"
#include "base/util.h"
#include "core/hub.h"
#include "core/objects.h"
#include "core/driver.h"
#include "model/doc.h"
#include "model/domain.h"
#include "model/host.h"
#include "model/network.h"
#include "model/storage.h"

/* The head of every named object, first in its struct. */
struct fl_test_item {
    char *name;
    unsigned char uuid[VIR_UUID_BUFLEN];
    bool has_uuid;
    int id;      /* -1 = none; only domains have one */
    GList *link; /* in the table's order of arrival */
};

struct fl_test_table {
    GHashTable *by_name, *by_uuid, *by_id;
    GQueue order;
};

void fl_test_table_init(struct fl_test_table *table);
void fl_test_table_fini(struct fl_test_table *table); /* items stay the caller's */
void fl_test_item_init(struct fl_test_item *item, const char *name, const unsigned char *uuid);
void fl_test_item_fini(struct fl_test_item *item);
void fl_test_table_add(struct fl_test_table *table, struct fl_test_item *item);
void fl_test_table_remove(struct fl_test_table *table, struct fl_test_item *item);
void fl_test_table_rename(struct fl_test_table *table, struct fl_test_item *item, const char *name);
void fl_test_table_set_id(struct fl_test_table *table, struct fl_test_item *item, int id);
void *fl_test_table_by_name(const struct fl_test_table *table, const char *name);
void *fl_test_table_by_uuid(const struct fl_test_table *table, const unsigned char *uuid);
void *fl_test_table_by_id(const struct fl_test_table *table, int id);
#define FL_TEST_EACH(table, type, var)                                                                       \
    for (GList *link_##var = (table)->order.head, *next_##var;                                               \
         link_##var && (next_##var = link_##var->next, (var) = (type)link_##var->data, true);                \
         link_##var = next_##var)

struct fl_test_cell {
    unsigned long long memory, free; /* KiB */
    struct {
        unsigned int size; /* KiB */
        unsigned long long free;
    } pages[4];
};

struct fl_test_user {
    char *name, *password; /* password NULL = none needed */
};

struct fl_test_host {
    GRWLock lock;      /* taken by fl_test_host_reader() and fl_test_host_writer() only, and not twice */
    GMutex next;       /* held by a writer that waits for those who read */
    gint writers;      /* atomic: waiting */
    unsigned int refs; /* open connections; guarded by the driver's own lock */
    bool shared;       /* the one behind test:///default */
    bool changed;      /* lock: somebody has held it for writing */
    struct fl_hub *hub;
    virNodeInfo node; /* memory in KiB */
    unsigned int n_cells;
    struct fl_test_cell cells[2];
    struct fl_test_table domains, networks, interfaces, pools, nodedevs;
    struct fl_test_table *iface_backup; /* interfaces as they were at interface_change_begin, or NULL */
    int next_domain_id;
    GPtrArray *users; /* struct fl_test_user; empty = no authentication */
};

struct fl_test_host *fl_test_host_new(void); /* the node of the default host, nothing on it */
void fl_test_host_free(struct fl_test_host *host);
int fl_test_host_fill_default(struct fl_test_host *host);
int fl_test_host_load(struct fl_test_host *host, const char *path);
/* The CPUs by the node's shape, as the peer counts where guests may run; at least 1. */
static inline unsigned int fl_test_host_cpus(const struct fl_test_host *host)
{
    unsigned int n = host->node.nodes * host->node.sockets * host->node.cores * host->node.threads;
    return MAX(n, 1u);
}
int fl_test_host_authenticate(struct fl_test_host *host, virConnectAuthPtr auth);

/* Flags nobody knows are refused in this driver's name. */
#undef fl_check_flags
#define fl_check_flags(flags, mask) fl_test_check_flags(__func__, (flags), (mask))
int fl_test_check_flags(const char *func, unsigned int flags, unsigned int mask);

/* Readers let a writer in before them that has come before them. The lock alone would prefer readers, and as
 * long as some come one after the other a writer would wait, with all that waits for it in turn. */
GRWLockReaderLocker *fl_test_host_reader(struct fl_test_host *host);
GRWLockWriterLocker *fl_test_host_writer(struct fl_test_host *host);
#define TEST_READ_CONN(c)                                                                                    \
    struct fl_test_host *host = (c)->priv;                                                                   \
    G_GNUC_UNUSED g_autoptr(GRWLockReaderLocker) locker_ = fl_test_host_reader(host)
#define TEST_WRITE_CONN(c)                                                                                   \
    struct fl_test_host *host = (c)->priv;                                                                   \
    G_GNUC_UNUSED g_autoptr(GRWLockWriterLocker) locker_ = fl_test_host_writer(host);                        \
    host->changed = true
#define TEST_READ(obj)  TEST_READ_CONN((obj)->conn)
#define TEST_WRITE(obj) TEST_WRITE_CONN((obj)->conn)

/* Events (event.c); the host's lock may be held. */
void fl_test_event_domain(struct fl_test_host *host, const char *name, const unsigned char *uuid, int id,
                          int event, int detail);
void fl_test_event_metadata(struct fl_test_host *host, const struct fl_test_item *dom, int type,
                            const char *uri);
void fl_test_event_network(struct fl_test_host *host, const struct fl_test_item *net, int event, int detail);
void fl_test_event_pool(struct fl_test_host *host, const struct fl_test_item *pool, int event, int detail);
void fl_test_event_pool_refresh(struct fl_test_host *host, const struct fl_test_item *pool);
void fl_test_event_nodedev(struct fl_test_host *host, const struct fl_test_item *dev, int event, int detail);

/* A list-all answer: an array with room for `n` objects and the closing NULL. */
#define FL_TEST_ARRAY(type, n) g_new0(type, (gsize)(n) + 1)

/* Lists of names for the old calls: copies at most `max` names picked by `pick`; returns how many. */
typedef bool (*fl_test_pick)(const struct fl_test_item *item);
int fl_test_table_names(const struct fl_test_table *table, fl_test_pick pick, char **names, int max);
int fl_test_table_count(const struct fl_test_table *table, fl_test_pick pick);
