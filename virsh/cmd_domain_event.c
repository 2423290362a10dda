/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* event: every kind of domain event, as the line scripts know. */
#include "events.h"
#include "handlers.h"

#include <string.h>

#define FOR(dom) virDomainGetName(dom)

static void on_lifecycle(virConnectPtr conn, virDomainPtr dom, int event, int detail, void *opaque)
{
    static const char *const events[] = { "Defined", "Undefined", "Started",     "Suspended", "Resumed",
                                          "Stopped", "Shutdown",  "PMSuspended", "Crashed" };
    static const char *const details[][12] = {
        { "Added", "Updated", "Renamed", "Snapshot" },
        { "Removed", "Renamed" },
        { "Booted", "Migrated", "Restored", "Snapshot", "Event wakeup" },
        { "Paused", "Migrated", "I/O Error", "Watchdog", "Restored", "Snapshot", "API error", "Post-copy",
          "Post-copy Error" },
        { "Unpaused", "Migrated", "Snapshot", "Post-copy", "Post-copy Error" },
        { "Shutdown", "Destroyed", "Crashed", "Migrated", "Saved", "Failed", "Snapshot" },
        { "Finished", "Finished after guest request", "Finished after host request" },
        { "Memory", "Disk" },
        { "Panicked", "Crashloaded" },
    };
    const char *what = "unknown";

    if (event >= 0 && (size_t)event < G_N_ELEMENTS(details) && detail >= 0 && detail < 12 &&
        details[event][detail])
        what = details[event][detail];
    fl_events_line(opaque, "event 'lifecycle' for domain '%s': %s %s", FOR(dom), FL_NAME(events, event),
                   what);
}

static void on_generic(virDomainPtr dom, const char *name, void *opaque)
{
    fl_events_line(opaque, "event '%s' for domain '%s'", name, FOR(dom));
}

static void on_reboot(virConnectPtr conn, virDomainPtr dom, void *opaque)
{
    on_generic(dom, "reboot", opaque);
}

static void on_control_error(virConnectPtr conn, virDomainPtr dom, void *opaque)
{
    on_generic(dom, "control-error", opaque);
}

static void on_rtc(virConnectPtr conn, virDomainPtr dom, long long offset, void *opaque)
{
    fl_events_line(opaque, "event 'rtc-change' for domain '%s': %lld", FOR(dom), offset);
}

static void on_watchdog(virConnectPtr conn, virDomainPtr dom, int action, void *opaque)
{
    static const char *const actions[] = { "none",     "pause", "reset",     "poweroff",
                                           "shutdown", "debug", "inject-nmi" };

    fl_events_line(opaque, "event 'watchdog' for domain '%s': %s", FOR(dom), FL_NAME(actions, action));
}

static const char *const io_actions[] = { "none", "pause", "report" };

static void on_io_error(virConnectPtr conn, virDomainPtr dom, const char *path, const char *alias, int action,
                        void *opaque)
{
    fl_events_line(opaque, "event 'io-error' for domain '%s': %s (%s) %s", FOR(dom), path, alias,
                   FL_NAME(io_actions, action));
}

static void on_io_reason(virConnectPtr conn, virDomainPtr dom, const char *path, const char *alias,
                         int action, const char *reason, void *opaque)
{
    fl_events_line(opaque, "event 'io-error-reason' for domain '%s': %s (%s) %s due to %s", FOR(dom), path,
                   alias, FL_NAME(io_actions, action), reason);
}

static void on_graphics(virConnectPtr conn, virDomainPtr dom, int phase,
                        const virDomainEventGraphicsAddress *local,
                        const virDomainEventGraphicsAddress *remote, const char *scheme,
                        const virDomainEventGraphicsSubject *subject, void *opaque)
{
    static const char *const phases[] = { "connect", "initialize", "disconnect" };
    static const char *const families[] = { "IPv4", "IPv6", "unix" };
    g_autoptr(GString) s = g_string_new("");

    for (int i = 0; i < subject->nidentity; i++)
        g_string_append_printf(s, "\n\t%s=%s", subject->identities[i].type, subject->identities[i].name);
    fl_events_line(opaque, "event 'graphics' for domain '%s': %s local[%s %s %s] remote[%s %s %s] %s%s",
                   FOR(dom), FL_NAME(phases, phase), FL_NAME(families, local->family), local->node,
                   local->service, FL_NAME(families, remote->family), remote->node, remote->service, scheme,
                   s->str);
}

static const char *const block_types[] = { "unknown",      "Block Pull",          "Block Copy",
                                           "Block Commit", "Active Block Commit", "Backup" };
static const char *const block_states[] = { "completed", "failed", "canceled", "ready" };

static void on_block_job(virConnectPtr conn, virDomainPtr dom, const char *disk, int type, int status,
                         void *opaque)
{
    fl_events_line(opaque, "event 'block-job' for domain '%s': %s for %s %s", FOR(dom),
                   FL_NAME(block_types, type), disk, FL_NAME(block_states, status));
}

static void on_block_job_2(virConnectPtr conn, virDomainPtr dom, const char *disk, int type, int status,
                           void *opaque)
{
    fl_events_line(opaque, "event 'block-job-2' for domain '%s': %s for %s %s", FOR(dom),
                   FL_NAME(block_types, type), disk, FL_NAME(block_states, status));
}

static void on_disk_change(virConnectPtr conn, virDomainPtr dom, const char *before, const char *after,
                           const char *alias, int reason, void *opaque)
{
    static const char *const reasons[] = { "changed", "dropped" };

    fl_events_line(opaque, "event 'disk-change' for domain '%s' disk %s: %s -> %s: %s", FOR(dom), alias,
                   before ? before : "", after ? after : "", FL_NAME(reasons, reason));
}

static void on_tray(virConnectPtr conn, virDomainPtr dom, const char *alias, int reason, void *opaque)
{
    static const char *const reasons[] = { "opened", "closed" };

    fl_events_line(opaque, "event 'tray-change' for domain '%s' disk %s: %s", FOR(dom), alias,
                   FL_NAME(reasons, reason));
}

static void on_pm_wakeup(virConnectPtr conn, virDomainPtr dom, int reason, void *opaque)
{
    on_generic(dom, "pm-wakeup", opaque);
}

static void on_pm_suspend(virConnectPtr conn, virDomainPtr dom, int reason, void *opaque)
{
    on_generic(dom, "pm-suspend", opaque);
}

static void on_pm_suspend_disk(virConnectPtr conn, virDomainPtr dom, int reason, void *opaque)
{
    on_generic(dom, "pm-suspend-disk", opaque);
}

static void on_balloon(virConnectPtr conn, virDomainPtr dom, unsigned long long actual, void *opaque)
{
    fl_events_line(opaque, "event 'balloon-change' for domain '%s': %lluKiB", FOR(dom), actual);
}

static void on_removed(virConnectPtr conn, virDomainPtr dom, const char *alias, void *opaque)
{
    fl_events_line(opaque, "event 'device-removed' for domain '%s': %s", FOR(dom), alias);
}

static void on_added(virConnectPtr conn, virDomainPtr dom, const char *alias, void *opaque)
{
    fl_events_line(opaque, "event 'device-added' for domain '%s': %s", FOR(dom), alias);
}

static void on_removal_failed(virConnectPtr conn, virDomainPtr dom, const char *alias, void *opaque)
{
    fl_events_line(opaque, "event 'device-removal-failed' for domain '%s': %s", FOR(dom), alias);
}

static char *params_text(virTypedParameterPtr params, int n)
{
    GString *s = g_string_new("");

    for (int i = 0; i < n; i++) {
        g_autofree char *text = fl_param_text(&params[i]);

        g_string_append_printf(s, "\n\t%s: %s", params[i].field, text);
    }
    return g_string_free(s, FALSE);
}

static void on_tunable(virConnectPtr conn, virDomainPtr dom, virTypedParameterPtr params, int n, void *opaque)
{
    g_autofree char *text = params_text(params, n);

    fl_events_line(opaque, "event 'tunable' for domain '%s':%s", FOR(dom), text);
}

static void on_job_completed(virConnectPtr conn, virDomainPtr dom, virTypedParameterPtr params, int n,
                             void *opaque)
{
    g_autofree char *text = params_text(params, n);

    fl_events_line(opaque, "event 'job-completed' for domain '%s':%s", FOR(dom), text);
}

static void on_agent(virConnectPtr conn, virDomainPtr dom, int state, int reason, void *opaque)
{
    static const char *const states[] = { "unknown", "connected", "disconnected" };
    static const char *const reasons[] = { "unknown", "domain started", "channel event" };

    fl_events_line(opaque, "event 'agent-lifecycle' for domain '%s': state: '%s' reason: '%s'", FOR(dom),
                   FL_NAME(states, state), FL_NAME(reasons, reason));
}

static void on_iteration(virConnectPtr conn, virDomainPtr dom, int iteration, void *opaque)
{
    fl_events_line(opaque, "event 'migration-iteration' for domain '%s': iteration: '%d'", FOR(dom),
                   iteration);
}

static void on_metadata(virConnectPtr conn, virDomainPtr dom, int type, const char *uri, void *opaque)
{
    static const char *const types[] = { "description", "title", "element" };

    fl_events_line(opaque, "event 'metadata-change' for domain '%s': type %s, uri %s", FOR(dom),
                   FL_NAME(types, type), uri ? uri : "(none)");
}

static void on_threshold(virConnectPtr conn, virDomainPtr dom, const char *dev, const char *path,
                         unsigned long long threshold, unsigned long long excess, void *opaque)
{
    fl_events_line(opaque, "event 'block-threshold' for domain '%s': dev: %s(%s) %llu %llu", FOR(dom), dev,
                   path ? path : "", threshold, excess);
}

static void on_memory_failure(virConnectPtr conn, virDomainPtr dom, int recipient, int action,
                              unsigned int flags, void *opaque)
{
    static const char *const recipients[] = { "hypervisor", "guest" };
    static const char *const actions[] = { "ignore", "inject", "fatal", "reset" };

    fl_events_line(opaque,
                   "event 'memory-failure' for domain '%s':\nrecipient: %s\naction: %s\nflags:\n"
                   "\taction required: %d\n\trecursive: %d",
                   FOR(dom), FL_NAME(recipients, recipient), FL_NAME(actions, action),
                   !!(flags & VIR_DOMAIN_MEMORY_FAILURE_ACTION_REQUIRED),
                   !!(flags & VIR_DOMAIN_MEMORY_FAILURE_RECURSIVE));
}

static void on_memory_size(virConnectPtr conn, virDomainPtr dom, const char *alias, unsigned long long size,
                           void *opaque)
{
    fl_events_line(opaque, "event 'memory-device-size-change' for domain '%s':\nalias: %s\nsize: %llu",
                   FOR(dom), alias, size);
}

static void on_mac(virConnectPtr conn, virDomainPtr dom, const char *alias, const char *before,
                   const char *after, void *opaque)
{
    fl_events_line(opaque, "event 'nic-mac-change' for domain '%s': alias: %s, old MAC: %s, new MAC: %s",
                   FOR(dom), alias, before, after);
}

#define EVENT(name, function)                                                                                \
    {                                                                                                        \
        name, (void (*)(void))function                                                                       \
    }
static const struct fl_event_kind kinds[] = {
    /* at the place of its VIR_DOMAIN_EVENT_ID */
    EVENT("lifecycle", on_lifecycle),
    EVENT("reboot", on_reboot),
    EVENT("rtc-change", on_rtc),
    EVENT("watchdog", on_watchdog),
    EVENT("io-error", on_io_error),
    EVENT("graphics", on_graphics),
    EVENT("io-error-reason", on_io_reason),
    EVENT("control-error", on_control_error),
    EVENT("block-job", on_block_job),
    EVENT("disk-change", on_disk_change),
    EVENT("tray-change", on_tray),
    EVENT("pm-wakeup", on_pm_wakeup),
    EVENT("pm-suspend", on_pm_suspend),
    EVENT("balloon-change", on_balloon),
    EVENT("pm-suspend-disk", on_pm_suspend_disk),
    EVENT("device-removed", on_removed),
    EVENT("block-job-2", on_block_job_2),
    EVENT("tunable", on_tunable),
    EVENT("agent-lifecycle", on_agent),
    EVENT("device-added", on_added),
    EVENT("migration-iteration", on_iteration),
    EVENT("job-completed", on_job_completed),
    EVENT("device-removal-failed", on_removal_failed),
    EVENT("metadata-change", on_metadata),
    EVENT("block-threshold", on_threshold),
    EVENT("memory-failure", on_memory_failure),
    EVENT("memory-device-size-change", on_memory_size),
    EVENT("nic-mac-change", on_mac),
};

static void unregister(struct fl_call *c, const int *ids)
{
    for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++)
        if (ids[i] >= 0)
            virConnectDomainEventDeregisterAny(c->conn, ids[i]);
}

int fl_cmd_event(struct fl_call *c)
{
    struct fl_events e;
    g_autoptr(virDomain) dom = NULL;
    int ids[G_N_ELEMENTS(kinds)], status = 0, registered = 0;
    size_t only = 0;
    bool all = fl_flag(c, "all");

    if (fl_exclusive(c, "all", "event") < 0 || fl_exclusive(c, "list", "all") < 0 ||
        fl_exclusive(c, "list", "event") < 0)
        return -1;
    if (fl_flag(c, "list"))
        return fl_events_list(c, kinds, G_N_ELEMENTS(kinds));
    if (!all && !fl_arg(c, "event"))
        return fl_wrong(c, "one of --list, --all or --event <type> is required");
    if (!all && fl_events_find(c, kinds, G_N_ELEMENTS(kinds), &only) < 0)
        return -1;
    if (fl_arg(c, "domain") && !(dom = fl_domain_by(c, fl_arg(c, "domain"), FL_BY_ANY)))
        return -1;
    fl_events_init(&e, c);
    for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
        ids[i] = -1;
        if (!all && i != only)
            continue;
        ids[i] = virConnectDomainEventRegisterAny(
            c->conn, dom, (int)i, (virConnectDomainEventGenericCallback)kinds[i].callback, &e, NULL);
        registered += ids[i] >= 0;
    }
    if (registered == 0)
        return fl_fail(c, "failed to register for domain events");
    virResetLastError(); /* with --all an older peer may lack some kinds */
    status = fl_events_wait(c, &e);
    unregister(c, ids);
    return status;
}
