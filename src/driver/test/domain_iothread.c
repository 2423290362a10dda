/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A domain's I/O threads: <iothreads>, <iothreadids>, their pins and polling figures. */
#define FL_FROM VIR_FROM_TEST
#include <string.h>
#include "driver/test/domain.h"
#include "driver/test/ops.h"
#include "driver/test/params.h"

#define LIVE_CONFIG (VIR_DOMAIN_AFFECT_LIVE | VIR_DOMAIN_AFFECT_CONFIG)
#define POLL_MAX_NS 32768
#define MAX_THREADS 4096

/* The ids in order: those listed, and for <iothreads>N</iothreads> without a list, 1 to N. */
static GArray *ids_of(const struct fl_domain_def *def)
{
    GArray *ids = g_array_new(FALSE, FALSE, sizeof(unsigned int));
    const struct fl_xml_node *list = fl_xml_child(def->root, "iothreadids");
    for (const struct fl_xml_node *t = list ? fl_xml_child(list, "iothread") : NULL; t;
         t = fl_xml_next(t, "iothread")) {
        unsigned int id = fl_test_xml_attr_number(t, "id");
        g_array_append_val(ids, id);
    }
    unsigned long long total = MIN(fl_test_xml_number(def->root, "iothreads", 0), MAX_THREADS);
    for (unsigned int id = 1; ids->len < total; id++) {
        bool used = false;
        for (guint i = 0; i < ids->len && !used; i++)
            used = g_array_index(ids, unsigned int, i) == id;
        if (!used)
            g_array_append_val(ids, id);
    }
    return ids;
}

static bool ids_have(const GArray *ids, unsigned int id)
{
    for (guint i = 0; i < ids->len; i++) {
        if (g_array_index(ids, unsigned int, i) == id)
            return true;
    }
    return false;
}

static int id_cmp(gconstpointer a, gconstpointer b)
{
    unsigned int x = *(const unsigned int *)a, y = *(const unsigned int *)b;
    return x < y ? -1 : x > y;
}

/* Writes the ids back: both elements, or neither when there are none. */
static void ids_write(struct fl_domain_def *def, GArray *ids)
{
    struct fl_xml_node *count = fl_xml_child(def->root, "iothreads"),
                       *list = fl_xml_child(def->root, "iothreadids");
    fl_xml_free(count);
    fl_xml_free(list);
    if (ids->len == 0)
        return;
    fl_xml_set_textf(fl_test_domain_section(def, "iothreads"), "%u", ids->len);
    list = fl_test_domain_section(def, "iothreadids");
    for (guint i = 0; i < ids->len; i++)
        fl_xml_setf(fl_xml_add(list, "iothread"), "id", "%u", g_array_index(ids, unsigned int, i));
}

int fl_test_domain_get_iothread_info(virDomainPtr dom, virDomainIOThreadInfoPtr **info, unsigned int flags)
{
    if (fl_check_flags(flags, LIVE_CONFIG) < 0)
        return -1;
    TEST_READ(dom);
    struct fl_test_domain *d = fl_test_domain_of(host, dom);
    struct fl_domain_def *def;
    if (!d || fl_test_domain_one_def(d, flags, &def) < 0)
        return -1;
    g_autoptr(GArray) ids = ids_of(def);
    int n = ids->len, maplen = (fl_test_host_cpus(host) + 7) / 8;
    virDomainIOThreadInfoPtr *list = FL_TEST_ARRAY(virDomainIOThreadInfoPtr, n);
    for (int i = 0; i < n; i++) {
        unsigned int id = g_array_index(ids, unsigned int, i);
        const char *cpuset = fl_test_domain_get_pin(def, "iothreadpin", "iothread", id);
        list[i] = g_new0(virDomainIOThreadInfo, 1);
        list[i]->iothread_id = id;
        list[i]->cpumap = g_malloc0(maplen);
        list[i]->cpumaplen = maplen;
        /* Compat: an unpinned one is shown on as many CPUs as the domain has virtual ones. */
        fl_test_cpuset_to_map(cpuset, list[i]->cpumap, maplen, cpuset ? fl_test_host_cpus(host) : def->vcpus);
    }
    *info = list;
    return n;
}

static int add_to(struct fl_domain_def *def, unsigned int id)
{
    g_autoptr(GArray) ids = ids_of(def);
    if (ids_have(ids, id))
        return fl_error_set(VIR_FROM_DOMAIN, VIR_ERR_INVALID_ARG, "domain '%s' has an I/O thread %u already",
                            def->name, id);
    if (ids->len >= MAX_THREADS)
        return fl_error(VIR_ERR_INVALID_ARG, "domain '%s' has %d I/O threads, the most there can be",
                        def->name, MAX_THREADS);
    g_array_append_val(ids, id);
    g_array_sort(ids, id_cmp);
    ids_write(def, ids);
    return 0;
}

static struct fl_test_iothread *thread_find(struct fl_test_domain *d, unsigned int id, guint *ret_index)
{
    for (guint i = 0; i < d->iothreads->len; i++) {
        struct fl_test_iothread *t = &g_array_index(d->iothreads, struct fl_test_iothread, i);
        if (t->id != id)
            continue;
        if (ret_index)
            *ret_index = i;
        return t;
    }
    return NULL;
}

int fl_test_domain_add_iothread(virDomainPtr dom, unsigned int id, unsigned int flags)
{
    if (fl_check_flags(flags, LIVE_CONFIG) < 0)
        return -1;
    if (id == 0)
        return fl_error(VIR_ERR_INVALID_ARG, "I/O threads are numbered from 1, there is no number 0");
    TEST_WRITE(dom);
    struct fl_test_domain *d = fl_test_domain_of(host, dom);
    struct fl_domain_def *def;
    if (!d || fl_test_domain_one_def(d, flags, &def) < 0 || add_to(def, id) < 0)
        return -1;
    struct fl_test_iothread thread = { .id = id, .poll_max_ns = POLL_MAX_NS };
    if (!thread_find(d, id, NULL))
        g_array_append_val(d->iothreads, thread);
    return 0;
}

int fl_test_domain_del_iothread(virDomainPtr dom, unsigned int id, unsigned int flags)
{
    if (fl_check_flags(flags, LIVE_CONFIG) < 0)
        return -1;
    if (id == 0)
        return fl_error(VIR_ERR_INVALID_ARG, "I/O threads are numbered from 1, there is no number 0");
    TEST_WRITE(dom);
    struct fl_test_domain *d = fl_test_domain_of(host, dom);
    struct fl_domain_def *def;
    if (!d || fl_test_domain_one_def(d, flags, &def) < 0)
        return -1;
    g_autoptr(GArray) ids = ids_of(def);
    if (!ids_have(ids, id))
        return fl_error_set(VIR_FROM_DOMAIN, VIR_ERR_INVALID_ARG, "domain '%s' has no I/O thread %u",
                            dom->name, id);
    for (guint i = 0; i < ids->len; i++) {
        if (g_array_index(ids, unsigned int, i) == id)
            g_array_remove_index(ids, i--);
    }
    ids_write(def, ids);
    fl_test_domain_set_pin(def, "iothreadpin", "iothread", id, NULL);
    guint index;
    if (thread_find(d, id, &index))
        g_array_remove_index(d->iothreads, index);
    return 0;
}

int fl_test_domain_pin_iothread(virDomainPtr dom, unsigned int id, unsigned char *cpumap, int maplen,
                                unsigned int flags)
{
    if (fl_check_flags(flags, LIVE_CONFIG) < 0)
        return -1;
    TEST_WRITE(dom);
    struct fl_test_domain *d = fl_test_domain_of(host, dom);
    struct fl_domain_def *defs[2];
    if (!d || fl_test_domain_defs(d, flags, &defs[0], &defs[1]) < 0)
        return -1;
    g_autofree char *cpuset = fl_test_cpuset_from_map(cpumap, maplen, fl_test_host_cpus(host));
    if (!*cpuset)
        return fl_error(VIR_ERR_INVALID_ARG, "an I/O thread cannot be pinned to no CPU at all");
    for (int i = 0; i < 2; i++) {
        g_autoptr(GArray) ids = defs[i] ? ids_of(defs[i]) : NULL;
        if (ids && !ids_have(ids, id))
            return fl_error(VIR_ERR_INVALID_ARG, "domain '%s' has no I/O thread %u", dom->name, id);
    }
    for (int i = 0; i < 2; i++) {
        if (defs[i])
            fl_test_domain_set_pin(defs[i], "iothreadpin", "iothread", id, cpuset);
    }
    return 0;
}

int fl_test_domain_set_iothread_params(virDomainPtr dom, unsigned int id, virTypedParameterPtr params,
                                       int nparams, unsigned int flags)
{
    static const struct fl_param_rule rules[] = {
        { VIR_DOMAIN_IOTHREAD_POLL_MAX_NS, VIR_TYPED_PARAM_ULLONG, false },
        { VIR_DOMAIN_IOTHREAD_POLL_GROW, VIR_TYPED_PARAM_UINT, false },
        { VIR_DOMAIN_IOTHREAD_POLL_SHRINK, VIR_TYPED_PARAM_UINT, false },
        { NULL, 0, false },
    };
    if (fl_check_flags(flags, VIR_DOMAIN_AFFECT_LIVE) < 0 || fl_params_check(params, nparams, rules) < 0)
        return -1;
    TEST_WRITE(dom);
    struct fl_test_domain *d = fl_test_domain_of(host, dom);
    struct fl_domain_def *def;
    if (!d || fl_test_domain_one_def(d, flags, &def) < 0)
        return -1;
    struct fl_test_iothread *t = thread_find(d, id, NULL);
    if (!t)
        return fl_error(VIR_ERR_INVALID_ARG, "domain '%s' has no I/O thread %u", dom->name, id);
    const virTypedParameter *max = fl_test_params_get(params, nparams, VIR_DOMAIN_IOTHREAD_POLL_MAX_NS);
    const virTypedParameter *grow = fl_test_params_get(params, nparams, VIR_DOMAIN_IOTHREAD_POLL_GROW);
    const virTypedParameter *shrink = fl_test_params_get(params, nparams, VIR_DOMAIN_IOTHREAD_POLL_SHRINK);
    if (max)
        t->poll_max_ns = max->value.ul;
    if (grow)
        t->poll_grow = grow->value.ui;
    if (shrink)
        t->poll_shrink = shrink->value.ui;
    return 0;
}
