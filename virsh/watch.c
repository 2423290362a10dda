/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Waiting for what happens elsewhere; Ctrl-C ends the wait, not the program. */
#include "shell.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

volatile int fl_interrupted;

static struct sigaction old_action;

static void on_interrupt(int number)
{
    (void)number;
    fl_interrupted = 1;
}

void fl_interrupt_watch(void)
{
    struct sigaction action = { .sa_handler = on_interrupt };

    fl_interrupted = 0;
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, &old_action);
}

void fl_interrupt_unwatch(void)
{
    sigaction(SIGINT, &old_action, NULL);
}

/* The loop thread delivers the events; this thread looks every 20 ms, far below what a person notices. */
int fl_wait(struct fl_call *c, int timeout_seconds, bool (*stop)(void *opaque), void *opaque)
{
    gint64 end = g_get_monotonic_time() + (gint64)timeout_seconds * G_USEC_PER_SEC;
    int status = 1;

    fl_loop_start(c->sh);
    fl_interrupt_watch();
    while (!stop(opaque)) {
        if (fl_interrupted)
            status = -1;
        else if (timeout_seconds > 0 && g_get_monotonic_time() >= end)
            status = 0;
        else if (virConnectIsAlive(c->conn) == 0)
            status = -1;
        if (status != 1)
            break;
        poll(NULL, 0, 20);
    }
    fl_interrupt_unwatch();
    return status;
}
