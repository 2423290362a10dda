/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Waiting for what happens elsewhere; Ctrl-C ends the wait, not the program. */
#include "shell.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

volatile int fl_interrupted;

static struct sigaction old_action;
static volatile unsigned int grace;
static struct termios terminal;
static bool terminal_known;

void fl_terminal_restore(void)
{
    if (terminal_known)
        tcsetattr(STDIN_FILENO, TCSANOW, &terminal);
}

/* By the signal itself, so that a script around it stops too. Nothing here but what a handler may call. */
static void leave(int number)
{
    (void)number;
    fl_terminal_restore();
    signal(SIGINT, SIG_DFL);
    raise(SIGINT);
    _exit(130);
}

static void set_handler(int number, void (*handler)(int number), struct sigaction *ret_old)
{
    struct sigaction action = { .sa_handler = handler, .sa_flags = SA_NODEFER };

    sigemptyset(&action.sa_mask);
    sigaction(number, &action, ret_old);
}

void fl_interrupt_init(void)
{
    struct sigaction old;

    /* a reader of passwords or a console may have changed it by then */
    terminal_known = tcgetattr(STDIN_FILENO, &terminal) == 0;
    sigaction(SIGINT, NULL, &old);
    if (old.sa_handler != SIG_IGN) /* a job in the background stays deaf */
        set_handler(SIGINT, leave, NULL);
}

static void on_interrupt(int number)
{
    if (fl_interrupted)
        leave(number);
    fl_interrupted = 1;
    alarm(grace);
}

void fl_interrupt_watch(unsigned int grace_seconds)
{
    fl_interrupted = 0;
    grace = grace_seconds;
    set_handler(SIGINT, on_interrupt, &old_action);
    set_handler(SIGALRM, leave, NULL);
}

void fl_interrupt_unwatch(void)
{
    sigaction(SIGINT, &old_action, NULL);
}

int fl_interrupt_end(struct fl_call *c)
{
    if (!c->sh->interactive)
        leave(SIGINT);
    return fl_wrong(c, "interrupted");
}

void fl_interrupt_grace(unsigned int seconds)
{
    if (seconds)
        set_handler(SIGALRM, leave, NULL);
    alarm(seconds);
    if (!seconds)
        signal(SIGALRM, SIG_DFL);
}

/* The loop thread delivers the events; this thread looks every 20 ms, far below what a person notices. */
int fl_wait(struct fl_call *c, int timeout_seconds, bool (*stop)(void *opaque), void *opaque)
{
    gint64 end = g_get_monotonic_time() + (gint64)timeout_seconds * G_USEC_PER_SEC;
    int status = 1;

    fl_loop_start(c->sh);
    fl_interrupt_watch(FL_GRACE_WAIT);
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
