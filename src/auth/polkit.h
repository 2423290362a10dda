/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * polkit: may the process at the other end of a unix socket do this? The daemon (daemon/auth_polkit.c) asks
 * over the system bus through the module `polkit` (GIO). A process is named by number, start time and user:
 * the number alone could be another's by the time it is looked at (CVE-2013-4311).
 */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#define FL_POLKIT_MANAGE  "org.libvirt.unix.manage"
#define FL_POLKIT_MONITOR "org.libvirt.unix.monitor"

struct fl_polkit_subject {
    pid_t pid;
    uint64_t start_time; /* fl_polkit_start_time() */
    uid_t uid;
};

/* One question, which another thread may cancel. */
struct fl_polkit_ask;

struct fl_polkit_api {
    struct fl_polkit_ask *(*ask_new)(void);
    void (*ask_free)(struct fl_polkit_ask *ask);
    void (*cancel)(struct fl_polkit_ask *ask); /* any thread, before or during check() */
    /* 0: it may. -1 with the error set. A person may be asked, so this may take until the deadline. */
    int (*check)(struct fl_polkit_ask *ask, const char *action, const struct fl_polkit_subject *subject,
                 int64_t deadline_us);
};

/* The module's; NULL with the error set when it cannot be loaded. */
const struct fl_polkit_api *fl_polkit_load(void);

/* When the process began, in the kernel's ticks. -1 with the error set: there is no such process. */
int fl_polkit_start_time(pid_t pid, uint64_t *ret_ticks);
