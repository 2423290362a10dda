/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Moving domains to other hosts, and tuning how. */
#include "shell.h"
#include "handlers.h"

#include <stdlib.h>
#include <string.h>

static unsigned int migrate_flags(struct fl_call *c)
{
    return fl_flags(c, "live", VIR_MIGRATE_LIVE, "p2p", VIR_MIGRATE_PEER2PEER, "tunnelled",
                    VIR_MIGRATE_TUNNELLED, "persistent", VIR_MIGRATE_PERSIST_DEST, "undefinesource",
                    VIR_MIGRATE_UNDEFINE_SOURCE, "suspend", VIR_MIGRATE_PAUSED, "copy-storage-all",
                    VIR_MIGRATE_NON_SHARED_DISK, "copy-storage-inc", VIR_MIGRATE_NON_SHARED_INC,
                    "copy-storage-synchronous-writes", VIR_MIGRATE_NON_SHARED_SYNCHRONOUS_WRITES,
                    "change-protection", VIR_MIGRATE_CHANGE_PROTECTION, "unsafe", VIR_MIGRATE_UNSAFE,
                    "compressed", VIR_MIGRATE_COMPRESSED, "auto-converge", VIR_MIGRATE_AUTO_CONVERGE,
                    "rdma-pin-all", VIR_MIGRATE_RDMA_PIN_ALL, "offline", VIR_MIGRATE_OFFLINE,
                    "abort-on-error", VIR_MIGRATE_ABORT_ON_ERROR, "postcopy", VIR_MIGRATE_POSTCOPY,
                    "postcopy-resume", VIR_MIGRATE_POSTCOPY_RESUME, "zerocopy", VIR_MIGRATE_ZEROCOPY, "tls",
                    VIR_MIGRATE_TLS, "parallel", VIR_MIGRATE_PARALLEL, NULL);
}

struct params {
    virTypedParameterPtr list;
    int n, max;
};

static int simple_params(struct fl_call *c, struct params *p)
{
    static const struct {
        const char *option, *field;
        int type;
    } table[] = {
        { "migrateuri", VIR_MIGRATE_PARAM_URI, VIR_TYPED_PARAM_STRING },
        { "graphicsuri", VIR_MIGRATE_PARAM_GRAPHICS_URI, VIR_TYPED_PARAM_STRING },
        { "listen-address", VIR_MIGRATE_PARAM_LISTEN_ADDRESS, VIR_TYPED_PARAM_STRING },
        { "dname", VIR_MIGRATE_PARAM_DEST_NAME, VIR_TYPED_PARAM_STRING },
        { "disks-port", VIR_MIGRATE_PARAM_DISKS_PORT, VIR_TYPED_PARAM_INT },
        { "disks-uri", VIR_MIGRATE_PARAM_DISKS_URI, VIR_TYPED_PARAM_STRING },
        { "comp-mt-level", VIR_MIGRATE_PARAM_COMPRESSION_MT_LEVEL, VIR_TYPED_PARAM_INT },
        { "comp-mt-threads", VIR_MIGRATE_PARAM_COMPRESSION_MT_THREADS, VIR_TYPED_PARAM_INT },
        { "comp-mt-dthreads", VIR_MIGRATE_PARAM_COMPRESSION_MT_DTHREADS, VIR_TYPED_PARAM_INT },
        { "comp-xbzrle-cache", VIR_MIGRATE_PARAM_COMPRESSION_XBZRLE_CACHE, VIR_TYPED_PARAM_ULLONG },
        { "auto-converge-initial", VIR_MIGRATE_PARAM_AUTO_CONVERGE_INITIAL, VIR_TYPED_PARAM_INT },
        { "auto-converge-increment", VIR_MIGRATE_PARAM_AUTO_CONVERGE_INCREMENT, VIR_TYPED_PARAM_INT },
        { "postcopy-bandwidth", VIR_MIGRATE_PARAM_BANDWIDTH_POSTCOPY, VIR_TYPED_PARAM_ULLONG },
        { "parallel-connections", VIR_MIGRATE_PARAM_PARALLEL_CONNECTIONS, VIR_TYPED_PARAM_INT },
        { "bandwidth", VIR_MIGRATE_PARAM_BANDWIDTH, VIR_TYPED_PARAM_ULLONG },
        { "tls-destination", VIR_MIGRATE_PARAM_TLS_DESTINATION, VIR_TYPED_PARAM_STRING },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(table); i++)
        if (fl_arg(c, table[i].option) && fl_param_from_text(c, &p->list, &p->n, &p->max, table[i].field,
                                                             table[i].type, fl_arg(c, table[i].option)) < 0)
            return -1;
    return 0;
}

static void list_params(struct fl_call *c, const char *option, const char *field, struct params *p)
{
    g_auto(GStrv) words = g_strsplit(fl_arg(c, option) ? fl_arg(c, option) : "", ",", 0);

    for (char **w = words; *w; w++)
        virTypedParamsAddString(&p->list, &p->n, &p->max, field, *w);
}

static int file_params(struct fl_call *c, struct params *p)
{
    static const char *const files[][2] = { { "xml", VIR_MIGRATE_PARAM_DEST_XML },
                                            { "persistent-xml", VIR_MIGRATE_PARAM_PERSIST_XML } };

    for (size_t i = 0; i < G_N_ELEMENTS(files); i++) {
        g_autofree char *xml = NULL;

        if (!fl_arg(c, files[i][0]))
            continue;
        if (fl_arg_file(c, files[i][0], &xml) < 0)
            return -1;
        virTypedParamsAddString(&p->list, &p->n, &p->max, files[i][1], xml);
    }
    return 0;
}

/* The migration blocks; this thread of its own lets Ctrl-C and --timeout act meanwhile. */
struct migration {
    struct fl_call *c;
    struct params *p;
    unsigned int flags;
    char *error;
    int status;
    gint over;
};

static int migrate_direct(struct migration *m)
{
    virConnectPtr target;
    virDomainPtr moved;

    target = virConnectOpenAuth(fl_arg(m->c, "desturi"), fl_credentials(m->c->sh), 0);
    if (!target)
        return -1;
    moved = virDomainMigrate3(m->c->dom, target, m->p->list, (unsigned int)m->p->n, m->flags);
    if (!moved)
        m->error = g_strdup(virGetLastErrorMessage());
    else
        virDomainFree(moved);
    virConnectClose(target);
    return moved ? 0 : -1;
}

static gpointer migrate_thread(gpointer opaque)
{
    struct migration *m = opaque;
    const char *uri = fl_arg(m->c, "desturi");

    if ((m->flags & VIR_MIGRATE_PEER2PEER) || fl_flag(m->c, "direct"))
        m->status = virDomainMigrateToURI3(m->c->dom, fl_flag(m->c, "direct") ? NULL : uri, m->p->list,
                                           (unsigned int)m->p->n, m->flags);
    else
        m->status = migrate_direct(m);
    if (m->status < 0 && !m->error)
        m->error = g_strdup(virGetLastErrorMessage());
    g_atomic_int_set(&m->over, 1);
    return NULL;
}

static void time_is_over(struct fl_call *c)
{
    if (fl_flag(c, "timeout-postcopy"))
        virDomainMigrateStartPostCopy(c->dom, 0);
    else
        virDomainSuspend(c->dom);
}

static void watch(struct migration *m, int timeout)
{
    gint64 end = g_get_monotonic_time() + (gint64)timeout * G_USEC_PER_SEC;
    bool acted = false, aborted = false;

    fl_interrupt_watch(FL_GRACE_JOB);
    while (!g_atomic_int_get(&m->over)) {
        if (fl_interrupted && !aborted) {
            aborted = true;
            virDomainAbortJob(m->c->dom);
        }
        if (timeout > 0 && !acted && g_get_monotonic_time() > end) {
            acted = true;
            time_is_over(m->c);
        }
        g_usleep(20000);
    }
    fl_interrupt_unwatch();
}

static int migrate(struct fl_call *c, struct params *p, int timeout)
{
    struct migration m = { .c = c, .p = p, .flags = migrate_flags(c) };
    GThread *thread = g_thread_new("migrate", migrate_thread, &m);

    watch(&m, timeout);
    g_thread_join(thread);
    if (m.status < 0)
        fl_wrong(c, "failed to migrate domain '%s' to %s: %s", virDomainGetName(c->dom), fl_arg(c, "desturi"),
                 m.error);
    g_free(m.error);
    return m.status;
}

int fl_cmd_migrate(struct fl_call *c)
{
    static const char *const pairs[][2] = { { "live", "offline" },
                                            { "timeout-suspend", "timeout-postcopy" },
                                            { "copy-storage-all", "copy-storage-inc" } };
    struct params p = { NULL, 0, 0 };
    int timeout = 0, status;

    for (size_t i = 0; i < G_N_ELEMENTS(pairs); i++)
        if (fl_exclusive(c, pairs[i][0], pairs[i][1]) < 0)
            return -1;
    if (fl_arg_int(c, "timeout", &timeout) < 0)
        return -1;
    if (fl_flag(c, "postcopy-after-precopy"))
        return fl_wrong(c,
                        "--postcopy-after-precopy is not supported; use --timeout with --timeout-postcopy");
    if (fl_flag(c, "timeout") && (timeout < 1 || !fl_flag(c, "live")))
        return fl_wrong(c, "--timeout is 1 or more seconds and needs --live");
    list_params(c, "migrate-disks", VIR_MIGRATE_PARAM_MIGRATE_DISKS, &p);
    list_params(c, "comp-methods", VIR_MIGRATE_PARAM_COMPRESSION, &p);
    status = simple_params(c, &p) < 0 || file_params(c, &p) < 0 ? -1 : migrate(c, &p, timeout);
    virTypedParamsFree(p.list, p.n);
    return status;
}

int fl_cmd_migrate_setmaxdowntime(struct fl_call *c)
{
    long long ms = strtoll(fl_arg(c, "downtime"), NULL, 10);

    if (ms < 1)
        return fl_wrong(c, "the longest pause is 1 or more milliseconds");
    if (virDomainMigrateSetMaxDowntime(c->dom, (unsigned long long)ms, 0) < 0)
        return fl_fail(c, "failed to set the longest pause");
    return 0;
}

int fl_cmd_migrate_getmaxdowntime(struct fl_call *c)
{
    unsigned long long ms;

    if (virDomainMigrateGetMaxDowntime(c->dom, &ms, 0) < 0)
        return fl_fail(c, "failed to get the longest pause");
    fl_out(c, "%llu\n", ms);
    return 0;
}

int fl_cmd_migrate_compcache(struct fl_call *c)
{
    unsigned long long size = 0;
    double value;
    const char *unit;
    int given = fl_arg_size(c, "size", 1, G_MAXUINT64, &size);

    if (given < 0)
        return -1;
    if (given && virDomainMigrateSetCompressionCache(c->dom, size, 0) < 0)
        return fl_fail(c, "failed to set the size of the compression cache");
    if (virDomainMigrateGetCompressionCache(c->dom, &size, 0) < 0)
        return fl_fail(c, "failed to get the size of the compression cache");
    unit = fl_scale(size, &value);
    fl_out(c, "Compression cache: %.3lf %s", value, unit);
    return 0;
}

int fl_cmd_migrate_setspeed(struct fl_call *c)
{
    unsigned int flags = fl_flags(c, "postcopy", VIR_DOMAIN_MIGRATE_MAX_SPEED_POSTCOPY, NULL);
    unsigned long long speed = 0;

    if (fl_arg_ull(c, "bandwidth", &speed) < 0)
        return -1;
    if (virDomainMigrateSetMaxSpeed(c->dom, (unsigned long)speed, flags) < 0)
        return fl_fail(c, "failed to set the bandwidth of migrations");
    return 0;
}

int fl_cmd_migrate_getspeed(struct fl_call *c)
{
    unsigned int flags = fl_flags(c, "postcopy", VIR_DOMAIN_MIGRATE_MAX_SPEED_POSTCOPY, NULL);
    unsigned long speed;

    if (virDomainMigrateGetMaxSpeed(c->dom, &speed, flags) < 0)
        return fl_fail(c, "failed to get the bandwidth of migrations");
    fl_out(c, "%lu\n", speed);
    return 0;
}

int fl_cmd_migrate_postcopy(struct fl_call *c)
{
    if (virDomainMigrateStartPostCopy(c->dom, 0) < 0)
        return fl_fail(c, "failed to switch the migration to post-copy");
    return 0;
}

int fl_cmd_domsetlaunchsecstate(struct fl_call *c)
{
    g_autofree char *header = NULL, *secret = NULL;
    unsigned long long address = 0;
    virTypedParameterPtr params = NULL;
    int n = 0, max = 0, status, given = fl_arg_ull(c, "set-address", &address);

    if (given < 0)
        return -1;
    if (!fl_arg(c, "secrethdr") || !fl_arg(c, "secret"))
        return fl_wrong(c, "--secrethdr and --secret are both needed");
    if (fl_arg_file(c, "secrethdr", &header) < 0 || fl_arg_file(c, "secret", &secret) < 0)
        return -1;
    virTypedParamsAddString(&params, &n, &max, VIR_DOMAIN_LAUNCH_SECURITY_SEV_SECRET_HEADER, header);
    virTypedParamsAddString(&params, &n, &max, VIR_DOMAIN_LAUNCH_SECURITY_SEV_SECRET, secret);
    if (given)
        virTypedParamsAddULLong(&params, &n, &max, VIR_DOMAIN_LAUNCH_SECURITY_SEV_SECRET_SET_ADDRESS,
                                address);
    status = fl_kept(c, virDomainSetLaunchSecurityState(c->dom, params, n, 0));
    explicit_bzero(secret, strlen(secret));
    virTypedParamsFree(params, n);
    return status < 0
               ? fl_fail(c, "failed to hand the launch secret to domain '%s'", virDomainGetName(c->dom))
               : 0;
}
