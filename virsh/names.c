/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Numbers of the interface as the words that scripts know. */
#include "shell.h"

const char *fl_name_of(const char *const *names, size_t n, int value)
{
    return value >= 0 && (size_t)value < n && names[value] ? names[value] : "unknown";
}

const char *fl_domain_state_name(int state)
{
    static const char *const names[] = { "no state",    "running",  "idle",    "paused",
                                         "in shutdown", "shut off", "crashed", "pmsuspended" };

    return state >= 0 && (size_t)state < G_N_ELEMENTS(names) ? names[state] : "no state";
}

const char *fl_vcpu_state_name(int state)
{
    static const char *const names[] = { "offline", "running", "blocked" };

    return state >= 0 && (size_t)state < G_N_ELEMENTS(names) ? names[state] : "no state";
}

#define REASONS(name, ...) static const char *const name[] = { "unknown", __VA_ARGS__ }

REASONS(running, "booted", "migrated", "restored", "from snapshot", "unpaused", "migration canceled",
        "save canceled", "event wakeup", "crashed", "post-copy", "post-copy failed");
REASONS(paused, "user", "migrating", "saving", "dumping", "I/O error", "watchdog", "from snapshot",
        "shutting down", "creating snapshot", "crashed", "starting up", "post-copy", "post-copy failed",
        "api error");
REASONS(shutdown_, "user");
REASONS(shutoff, "shutdown", "destroyed", "crashed", "migrated", "saved", "failed", "from snapshot",
        "daemon");
REASONS(crashed, "panicked");
REASONS(plain, NULL);

const char *fl_domain_reason_name(int state, int reason)
{
    static const struct {
        const char *const *names;
        size_t n;
    } all[] = {
        [VIR_DOMAIN_NOSTATE] = { plain, 1 },
        [VIR_DOMAIN_RUNNING] = { running, G_N_ELEMENTS(running) },
        [VIR_DOMAIN_BLOCKED] = { plain, 1 },
        [VIR_DOMAIN_PAUSED] = { paused, G_N_ELEMENTS(paused) },
        [VIR_DOMAIN_SHUTDOWN] = { shutdown_, G_N_ELEMENTS(shutdown_) },
        [VIR_DOMAIN_SHUTOFF] = { shutoff, G_N_ELEMENTS(shutoff) },
        [VIR_DOMAIN_CRASHED] = { crashed, G_N_ELEMENTS(crashed) },
        [VIR_DOMAIN_PMSUSPENDED] = { plain, 1 },
    };

    if (state < 0 || (size_t)state >= G_N_ELEMENTS(all))
        return "unknown";
    return fl_name_of(all[state].names, all[state].n, reason);
}
