/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A domain's life: starting, pausing, stopping, and what it says about its state. */
#define FL_FROM VIR_FROM_TEST
#include "driver/test/domain.h"
#include "driver/test/ops.h"

int fl_test_domain_create_with_flags(virDomainPtr dom, unsigned int flags)
{
    if (fl_check_flags(flags, 0) < 0)
        return -1;
    TEST_WRITE(dom);
    struct fl_test_domain *d = fl_test_domain_of(host, dom);
    if (!d)
        return -1;
    if (d->state != VIR_DOMAIN_SHUTOFF)
        return fl_error(VIR_ERR_INTERNAL_ERROR, "domain '%s' is running already", d->item.name);
    fl_test_domain_start(host, d, VIR_DOMAIN_RUNNING_BOOTED);
    dom->id = d->item.id;
    fl_test_domain_emit(host, d, VIR_DOMAIN_EVENT_STARTED, VIR_DOMAIN_EVENT_STARTED_BOOTED);
    return 0;
}

int fl_test_domain_create(virDomainPtr dom)
{
    return fl_test_domain_create_with_flags(dom, 0);
}

int fl_test_domain_create_with_files(virDomainPtr dom, unsigned int nfiles, int *files, unsigned int flags)
{
    return fl_test_domain_create_with_flags(dom, flags);
}

int fl_test_domain_suspend(virDomainPtr dom)
{
    TEST_WRITE(dom);
    struct fl_test_domain *d = fl_test_domain_of(host, dom);
    if (!d)
        return -1;
    if (d->state != VIR_DOMAIN_RUNNING)
        return fl_error(VIR_ERR_INTERNAL_ERROR, "domain '%s' is not running, so it cannot be paused",
                        d->item.name);
    d->state = VIR_DOMAIN_PAUSED;
    d->reason = VIR_DOMAIN_PAUSED_USER;
    fl_test_domain_emit(host, d, VIR_DOMAIN_EVENT_SUSPENDED, VIR_DOMAIN_EVENT_SUSPENDED_PAUSED);
    return 0;
}

int fl_test_domain_resume(virDomainPtr dom)
{
    TEST_WRITE(dom);
    struct fl_test_domain *d = fl_test_domain_of(host, dom);
    if (!d)
        return -1;
    if (d->state != VIR_DOMAIN_PAUSED)
        return fl_error(VIR_ERR_INTERNAL_ERROR, "domain '%s' is not paused, so it cannot be resumed",
                        d->item.name);
    d->state = VIR_DOMAIN_RUNNING;
    d->reason = VIR_DOMAIN_RUNNING_UNPAUSED;
    fl_test_domain_emit(host, d, VIR_DOMAIN_EVENT_RESUMED, VIR_DOMAIN_EVENT_RESUMED_UNPAUSED);
    return 0;
}

/* What the guest's own power-off or reboot comes to: off for good, or running again. */
static void guest_action(struct fl_test_host *host, struct fl_test_domain *d, virDomainPtr dom, int action)
{
    if (action == VIR_DOMAIN_LIFECYCLE_ACTION_RESTART ||
        action == VIR_DOMAIN_LIFECYCLE_ACTION_RESTART_RENAME) {
        d->state = VIR_DOMAIN_RUNNING;
        d->reason = VIR_DOMAIN_RUNNING_BOOTED;
        return;
    }
    dom->id = -1;
    fl_test_domain_stop(host, d, VIR_DOMAIN_SHUTOFF_SHUTDOWN, VIR_DOMAIN_EVENT_STOPPED_SHUTDOWN);
}

int fl_test_domain_shutdown_flags(virDomainPtr dom, unsigned int flags)
{
    if (fl_check_flags(flags, 0) < 0)
        return -1;
    TEST_WRITE(dom);
    struct fl_test_domain *d = fl_test_domain_of(host, dom);
    if (!d)
        return -1;
    if (d->state == VIR_DOMAIN_SHUTOFF)
        return fl_error(VIR_ERR_INTERNAL_ERROR, "domain '%s' is not running, so it cannot shut down",
                        d->item.name);
    guest_action(host, d, dom, d->def->on_poweroff);
    return 0;
}

int fl_test_domain_shutdown(virDomainPtr dom)
{
    return fl_test_domain_shutdown_flags(dom, 0);
}

int fl_test_domain_reboot(virDomainPtr dom, unsigned int flags)
{
    if (fl_check_flags(flags, 0x1f) < 0)
        return -1;
    TEST_WRITE(dom);
    struct fl_test_domain *d = fl_test_domain_running(host, dom);
    if (!d)
        return -1;
    guest_action(host, d, dom, d->def->on_reboot);
    return 0;
}

int fl_test_domain_reset(virDomainPtr dom, unsigned int flags)
{
    if (fl_check_flags(flags, 0) < 0)
        return -1;
    TEST_WRITE(dom);
    struct fl_test_domain *d = fl_test_domain_running(host, dom);
    if (!d)
        return -1;
    /* A reset leaves the state as it is: the guest starts over without anybody outside noticing. */
    return 0;
}

int fl_test_domain_destroy_flags(virDomainPtr dom, unsigned int flags)
{
    if (fl_check_flags(flags, VIR_DOMAIN_DESTROY_GRACEFUL) < 0)
        return -1;
    TEST_WRITE(dom);
    struct fl_test_domain *d = fl_test_domain_running(host, dom);
    if (!d)
        return -1;
    dom->id = -1;
    fl_test_domain_stop(host, d, VIR_DOMAIN_SHUTOFF_DESTROYED, VIR_DOMAIN_EVENT_STOPPED_DESTROYED);
    return 0;
}

int fl_test_domain_destroy(virDomainPtr dom)
{
    return fl_test_domain_destroy_flags(dom, 0);
}

int fl_test_domain_get_state(virDomainPtr dom, int *state, int *reason, unsigned int flags)
{
    if (fl_check_flags(flags, 0) < 0)
        return -1;
    TEST_READ(dom);
    struct fl_test_domain *d = fl_test_domain_of(host, dom);
    if (!d)
        return -1;
    *state = d->state;
    if (reason)
        *reason = d->reason;
    return 0;
}

int fl_test_domain_get_info(virDomainPtr dom, virDomainInfoPtr info)
{
    TEST_READ(dom);
    struct fl_test_domain *d = fl_test_domain_of(host, dom);
    if (!d)
        return -1;
    info->state = d->state;
    info->maxMem = d->def->memory;
    info->memory = d->def->cur_memory;
    info->nrVirtCpu = d->def->vcpus;
    info->cpuTime = (unsigned long long)g_get_real_time() * 1000;
    return 0;
}

int fl_test_domain_is_active(virDomainPtr dom)
{
    TEST_READ(dom);
    struct fl_test_domain *d = fl_test_domain_of(host, dom);
    return d ? fl_test_domain_active(d) : -1;
}

int fl_test_domain_is_persistent(virDomainPtr dom)
{
    TEST_READ(dom);
    struct fl_test_domain *d = fl_test_domain_of(host, dom);
    return d ? d->persistent : -1;
}

int fl_test_domain_is_updated(virDomainPtr dom)
{
    TEST_READ(dom);
    return fl_test_domain_of(host, dom) ? 0 : -1;
}

int fl_test_domain_get_autostart(virDomainPtr dom, int *autostart)
{
    TEST_READ(dom);
    struct fl_test_domain *d = fl_test_domain_of(host, dom);
    if (!d)
        return -1;
    *autostart = d->autostart;
    return 0;
}

int fl_test_domain_set_autostart(virDomainPtr dom, int autostart)
{
    TEST_WRITE(dom);
    struct fl_test_domain *d = fl_test_domain_of(host, dom);
    if (!d)
        return -1;
    d->autostart = autostart != 0;
    return 0;
}

char *fl_test_domain_get_os_type(virDomainPtr dom)
{
    /* Compat: the peer says "linux" whatever the definition says, and does not ask whether the domain is
     * there. */
    return g_strdup("linux");
}

int fl_test_domain_set_lifecycle_action(virDomainPtr dom, unsigned int type, unsigned int action,
                                        unsigned int flags)
{
    if (fl_check_flags(flags, VIR_DOMAIN_AFFECT_LIVE | VIR_DOMAIN_AFFECT_CONFIG) < 0)
        return -1;
    if (type >= VIR_DOMAIN_LIFECYCLE_LAST)
        return fl_error_set(VIR_FROM_DOMAIN, VIR_ERR_INVALID_ARG, "%u is no lifecycle event", type);
    if (action >= VIR_DOMAIN_LIFECYCLE_ACTION_LAST)
        return fl_error_set(VIR_FROM_DOMAIN, VIR_ERR_INVALID_ARG, "%u is no lifecycle action", action);
    if (type != VIR_DOMAIN_LIFECYCLE_CRASH && action >= VIR_DOMAIN_LIFECYCLE_ACTION_COREDUMP_DESTROY)
        return fl_error_set(VIR_FROM_DOMAIN, VIR_ERR_CONFIG_UNSUPPORTED,
                            "a core dump can only follow a crash, not a power-off or reboot");
    TEST_WRITE(dom);
    struct fl_test_domain *d = fl_test_domain_of(host, dom);
    struct fl_domain_def *defs[2];
    if (!d || fl_test_domain_defs(d, flags, &defs[0], &defs[1]) < 0)
        return -1;
    for (int i = 0; i < 2; i++) {
        if (!defs[i])
            continue;
        *(type == VIR_DOMAIN_LIFECYCLE_POWEROFF ? &defs[i]->on_poweroff
          : type == VIR_DOMAIN_LIFECYCLE_REBOOT ? &defs[i]->on_reboot
                                                : &defs[i]->on_crash) = action;
    }
    return 0;
}

int fl_test_domain_get_control_info(virDomainPtr dom, virDomainControlInfoPtr info, unsigned int flags)
{
    if (fl_check_flags(flags, 0) < 0)
        return -1;
    TEST_READ(dom);
    if (!fl_test_domain_running(host, dom))
        return -1;
    info->state = VIR_DOMAIN_CONTROL_OK;
    info->details = 0;
    info->stateTime = 0;
    return 0;
}
