/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The serial console: keys go into a stream, what the stream brings goes to
 * the terminal, until the escape key. Reading and writing wait on the same
 * loop thread that serves events.
 */
#include "shell.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

struct console {
    virStreamPtr st;
    GMutex lock;
    GString *pending; /* keys on their way to the guest */
    bool ended;
};

static void want_events(struct console *con)
{
    int events = VIR_STREAM_EVENT_READABLE | (con->pending->len ? VIR_STREAM_EVENT_WRITABLE : 0);

    virStreamEventUpdateCallback(con->st, events);
}

static void write_all(const char *data, int n)
{
    while (n > 0) {
        ssize_t done = write(STDOUT_FILENO, data, (size_t)n);

        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return;
        data += done;
        n -= (int)done;
    }
}

static void on_stream(virStreamPtr st, int events, void *opaque)
{
    struct console *con = opaque;
    char data[4096];
    int n;

    g_mutex_lock(&con->lock);
    if (events & VIR_STREAM_EVENT_READABLE) {
        n = virStreamRecv(st, data, sizeof(data));
        if (n > 0)
            write_all(data, n);
        else if (n != -2)
            con->ended = true;
    }
    if ((events & VIR_STREAM_EVENT_WRITABLE) && con->pending->len) {
        n = virStreamSend(st, con->pending->str, con->pending->len);
        if (n > 0)
            g_string_erase(con->pending, 0, n);
        else if (n != -2)
            con->ended = true;
    }
    if (events & (VIR_STREAM_EVENT_ERROR | VIR_STREAM_EVENT_HANGUP))
        con->ended = true;
    if (!con->ended)
        want_events(con);
    g_mutex_unlock(&con->lock);
}

static bool ended(struct console *con)
{
    bool answer;

    g_mutex_lock(&con->lock);
    answer = con->ended;
    g_mutex_unlock(&con->lock);
    return answer;
}

static void pump_keys(struct console *con, int escape)
{
    while (!ended(con)) {
        struct pollfd fd = { .fd = STDIN_FILENO, .events = POLLIN };
        char keys[256];
        ssize_t n;

        if (poll(&fd, 1, 100) <= 0)
            continue;
        n = read(STDIN_FILENO, keys, sizeof(keys));
        if (n <= 0 || memchr(keys, escape, (size_t)n))
            return;
        g_mutex_lock(&con->lock);
        if (con->pending->len < 65536)
            g_string_append_len(con->pending, keys, n);
        want_events(con);
        g_mutex_unlock(&con->lock);
    }
}

static void run_raw(struct fl_call *c, struct console *con)
{
    struct termios before, raw;
    bool terminal = tcgetattr(STDIN_FILENO, &before) == 0;

    fflush(stdout);
    if (terminal) {
        raw = before;
        cfmakeraw(&raw);
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &raw);
    }
    pump_keys(con, c->sh->escape);
    if (terminal)
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
}

static void announce(struct fl_call *c, const char *name)
{
    int e = c->sh->escape;

    fl_extra(c, "Connected to domain '%s'\n", name);
    if (e < ' ')
        fl_extra(c, "Escape character is ^%c (Ctrl + %c)\n", e + '@', e + '@');
    else
        fl_extra(c, "Escape character is %c\n", e);
}

int fl_console(struct fl_call *c, virDomainPtr dom, const char *device, unsigned int flags)
{
    struct console con = { .pending = NULL };
    const char *name = virDomainGetName(dom);

    if (!isatty(STDIN_FILENO))
        return fl_wrong(c, "a console needs a terminal to talk from");
    fl_loop_start(c->sh);
    con.st = virStreamNew(c->conn, VIR_STREAM_NONBLOCK);
    if (!con.st || virDomainOpenConsole(dom, device, con.st, flags) < 0) {
        fl_keep_reason(c);
        if (con.st)
            virStreamFree(con.st);
        return fl_fail(c, "failed to open the console of domain '%s'", name);
    }
    announce(c, name);
    g_mutex_init(&con.lock);
    con.pending = g_string_new("");
    virStreamEventAddCallback(con.st, VIR_STREAM_EVENT_READABLE, on_stream, &con, NULL);
    run_raw(c, &con);
    virStreamEventRemoveCallback(con.st);
    virStreamAbort(con.st);
    virStreamFree(con.st);
    g_string_free(con.pending, TRUE);
    fl_out(c, "\n");
    return 0;
}
