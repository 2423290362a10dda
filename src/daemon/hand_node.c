/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Host calls with results of an unusual shape, and the few of other objects. */
#define FL_FROM VIR_FROM_RPC
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "core/objects.h"
#include "daemon/call.h"
#include "daemon/dispatch.h"
#include "daemon/reply.h"

int fl_serve_node_get_cpu_stats(struct fl_call *call, void *args, void *ret)
{
    const struct fl_w_node_get_cpu_stats_args *a = args;
    struct fl_w_node_get_cpu_stats_ret *r = ret;
    g_autofree virNodeCPUStatsPtr stats = NULL;
    int n = a->nparams;

    if (n < 0 || (unsigned int)n > FL_LIMIT_NODE_CPU_STATS_MAX)
        return fl_error(VIR_ERR_RPC, "node_get_cpu_stats: nparams is not between 0 and %u",
                        FL_LIMIT_NODE_CPU_STATS_MAX);
    stats = n > 0 ? g_new0(virNodeCPUStats, (size_t)n) : NULL;
    if (virNodeGetCPUStats(call->conn, a->cpuNum, stats, &n, a->flags) < 0)
        return -1;
    r->nparams = n;
    if (!stats)
        return 0;
    r->params = fl_keep_room(call, (size_t)n + 1, sizeof(*r->params));
    if (!r->params)
        return -1;
    for (int i = 0; i < n; i++) {
        r->params[i] = (struct fl_w_node_get_cpu_stats){ .field = stats[i].field, .value = stats[i].value };
        if (fl_keep_string(call, &r->params[i].field) < 0)
            return -1;
    }
    r->n_params = (uint32_t)n;
    return 0;
}

int fl_serve_node_get_memory_stats(struct fl_call *call, void *args, void *ret)
{
    const struct fl_w_node_get_memory_stats_args *a = args;
    struct fl_w_node_get_memory_stats_ret *r = ret;
    g_autofree virNodeMemoryStatsPtr stats = NULL;
    int n = a->nparams;

    if (n < 0 || (unsigned int)n > FL_LIMIT_NODE_MEMORY_STATS_MAX)
        return fl_error(VIR_ERR_RPC, "node_get_memory_stats: nparams is not between 0 and %u",
                        FL_LIMIT_NODE_MEMORY_STATS_MAX);
    stats = n > 0 ? g_new0(virNodeMemoryStats, (size_t)n) : NULL;
    if (virNodeGetMemoryStats(call->conn, a->cellNum, stats, &n, a->flags) < 0)
        return -1;
    r->nparams = n;
    if (!stats)
        return 0;
    r->params = fl_keep_room(call, (size_t)n + 1, sizeof(*r->params));
    if (!r->params)
        return -1;
    for (int i = 0; i < n; i++) {
        r->params[i] =
            (struct fl_w_node_get_memory_stats){ .field = stats[i].field, .value = stats[i].value };
        if (fl_keep_string(call, &r->params[i].field) < 0)
            return -1;
    }
    r->n_params = (uint32_t)n;
    return 0;
}

int fl_serve_node_get_cpu_map(struct fl_call *call, void *args, void *ret)
{
    const struct fl_w_node_get_cpu_map_args *a = args;
    struct fl_w_node_get_cpu_map_ret *r = ret;
    unsigned char *map = NULL;
    unsigned int online = 0;

    r->ret =
        virNodeGetCPUMap(call->conn, a->need_map ? &map : NULL, a->need_online ? &online : NULL, a->flags);
    if (r->ret < 0)
        return -1;
    r->online = online;
    if (map) {
        fl_arena_adopt(call->arena, map);
        r->cpumap = map;
        r->n_cpumap = (uint32_t)VIR_CPU_MAPLEN(r->ret);
    }
    return 0;
}

int fl_serve_node_get_free_pages(struct fl_call *call, void *args, void *ret)
{
    const struct fl_w_node_get_free_pages_args *a = args;
    struct fl_w_node_get_free_pages_ret *r = ret;
    uint64_t wanted = (uint64_t)a->n_pages * a->cellCount;
    unsigned long long *counts;
    int n;

    if (wanted > FL_LIMIT_NODE_MAX_CELLS)
        return fl_error(VIR_ERR_RPC,
                        "node_get_free_pages: %" G_GUINT64_FORMAT " counts asked for, at most %u are sent",
                        wanted, FL_LIMIT_NODE_MAX_CELLS);
    counts = fl_keep_room(call, (size_t)wanted + 1, sizeof(*counts));
    if (!counts)
        return -1;
    n = virNodeGetFreePages(call->conn, a->n_pages, a->pages, a->startCell, a->cellCount, counts, a->flags);
    if (n < 0)
        return -1;
    r->counts = (uint64_t *)counts;
    r->n_counts = (uint32_t)n;
    return 0;
}

int fl_serve_node_alloc_pages(struct fl_call *call, void *args, void *ret)
{
    const struct fl_w_node_alloc_pages_args *a = args;
    struct fl_w_node_alloc_pages_ret *r = ret;

    if (a->n_pageSizes != a->n_pageCounts)
        return fl_error(VIR_ERR_RPC, "node_alloc_pages: %u page sizes but %u counts", a->n_pageSizes,
                        a->n_pageCounts);
    r->ret = virNodeAllocPages(call->conn, a->n_pageSizes, a->pageSizes, (unsigned long long *)a->pageCounts,
                               a->startCell, a->cellCount, a->flags);
    return r->ret < 0 ? -1 : 0;
}

/* A fixed array of characters, sent as an array of numbers with its NUL. */
static int chars_to_wire(struct fl_call *call, const char *text, size_t room, uint32_t *ret_n,
                         int8_t **ret_data)
{
    size_t length = strnlen(text, room - 1) + 1;

    *ret_data = fl_keep_room(call, length, 1);
    if (!*ret_data)
        return -1;
    memcpy(*ret_data, text, length - 1);
    *ret_n = (uint32_t)length;
    return 0;
}

int fl_serve_node_get_security_model(struct fl_call *call, void *args, void *ret)
{
    struct fl_w_node_get_security_model_ret *r = ret;
    virSecurityModel model = { 0 };

    (void)args;
    if (virNodeGetSecurityModel(call->conn, &model) < 0)
        return -1;
    if (chars_to_wire(call, model.model, sizeof(model.model), &r->n_model, &r->model) < 0)
        return -1;
    return chars_to_wire(call, model.doi, sizeof(model.doi), &r->n_doi, &r->doi);
}

int fl_serve_node_device_get_parent(struct fl_call *call, void *args, void *ret)
{
    const struct fl_w_node_device_get_parent_args *a = args;
    struct fl_w_node_device_get_parent_ret *r = ret;
    fl_auto_node_device dev = fl_node_device_new(call->conn, a->name);
    const char *parent;

    fl_error_reset();
    parent = virNodeDeviceGetParent(dev);
    if (!parent && fl_error_get()->code != VIR_ERR_OK) /* no parent is an answer, not an error */
        return -1;
    r->parentName = (char *)parent;
    return fl_keep_string(call, &r->parentName);
}

int fl_serve_secret_get_value(struct fl_call *call, void *args, void *ret)
{
    const struct fl_w_secret_get_value_args *a = args;
    struct fl_w_secret_get_value_ret *r = ret;
    fl_auto_secret secret = fl_secret_from_wire(call->conn, &a->secret);
    size_t length = 0;
    unsigned char *value = virSecretGetValue(secret, &length, a->flags);

    if (!value)
        return -1;
    fl_arena_adopt(call->arena, value);
    r->value = value;
    r->n_value = (uint32_t)length;
    return 0;
}
