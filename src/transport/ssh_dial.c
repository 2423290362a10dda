/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The way to the ssh server, for the ssh transports in process: TCP, or what ProxyJump and ProxyCommand of
 * the ssh configuration run. It lies below the session as a transport of its own, so that it is closed and
 * reaped with it; what it prints belongs to the error when the session breaks.
 */
#include "base/error.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#include "base/util.h"
#include "base/walk.h"
#include "transport/channel.h"
#include "transport/child.h"
#include "transport/ssh_login.h"
#include "transport/tcp.h"
#include "uri/route.h"

#define GREETING_LIMIT_S                                                                                     \
    60                    /* nobody is asked before the host has shown its key, so no person is waited for */
#define PROXY_WAIT_MS 300 /* for a proxy command's last words */

static int way_ended(struct fl_transport *t, int status, const char *text)
{
    g_autofree char *how = fl_child_how(status);

    return fl_error_set(VIR_FROM_REMOTE, VIR_ERR_SYSTEM_ERROR, "%s %s%s%s", t->target, how, *text ? ": " : "",
                        text);
}

static const struct fl_transport_ops way_by_tcp = { .name = "tcp", .close = fl_channel_close };
static const struct fl_transport_ops way_by_command = { .name = "proxy",
                                                        .read = fl_child_read,
                                                        .write = fl_child_write,
                                                        .half_close = fl_child_half_close,
                                                        .close = fl_child_close };

static struct fl_transport *way_new(const struct fl_transport_ops *ops, char *target)
{
    struct fl_transport *way = g_new0(struct fl_transport, 1);
    way->ops = ops;
    way->fd = -1;
    way->target = target;
    return way;
}

/* The last host of "a,b,c" is the one that reaches the target; the ones before it reach that one. */
static char **jump_argv(const struct fl_ssh_settings *s, bool no_tty)
{
    const char *comma = strrchr(s->proxy_jump, ',');
    const char *last = comma ? comma + 1 : s->proxy_jump;
    GPtrArray *argv = g_ptr_array_new();

    g_ptr_array_add(argv, g_strdup("ssh"));
    if (comma) {
        g_ptr_array_add(argv, g_strdup("-J"));
        g_ptr_array_add(argv, g_strndup(s->proxy_jump, (gsize)(comma - s->proxy_jump)));
    }
    if (no_tty) {
        g_ptr_array_add(argv, g_strdup("-o"));
        g_ptr_array_add(argv, g_strdup("BatchMode=yes"));
    }
    g_ptr_array_add(argv, g_strdup("-W"));
    g_ptr_array_add(argv, g_strdup_printf("[%s]:%d", s->hostname, s->port));
    g_ptr_array_add(argv, g_strdup("--"));
    /* As a URI it may carry a user and a port. */
    g_ptr_array_add(argv, strstr(last, "://") ? g_strdup(last) : g_strdup_printf("ssh://%s", last));
    g_ptr_array_add(argv, NULL);
    return (char **)g_ptr_array_free(argv, FALSE);
}

static char **command_argv(struct fl_ssh_login *l)
{
    const struct fl_ssh_settings *s = l->settings;
    g_autofree struct fl_ssh_names *names = fl_ssh_names_here();
    g_autofree char *command = fl_ssh_settings_tokens(s, names, s->proxy_command);
    const char *shell = names->getenv("SHELL");

    if (!command) {
        fl_error_set(l->domain, VIR_ERR_CONFIG_UNSUPPORTED,
                     "connect: ProxyCommand %s for '%s' in the ssh configuration holds a %%token that is not "
                     "known here",
                     s->proxy_command, s->alias);
        return NULL;
    }
    char **argv = g_new0(char *, 4);
    argv[0] = g_strdup(shell && shell[0] == '/' ? shell : "/bin/sh");
    argv[1] = g_strdup("-c");
    argv[2] = g_strconcat("exec ", command, NULL);
    return argv;
}

static int dial_command(struct fl_ssh_login *l, bool jump)
{
    g_auto(GStrv) argv = jump ? jump_argv(l->settings, l->ep->route->no_tty) : command_argv(l);
    const char *what = jump ? l->settings->proxy_jump : l->settings->proxy_command;
    if (!argv)
        return -1;
    struct fl_transport *way =
        way_new(&way_by_command, g_strdup_printf("Proxy%s %s", jump ? "Jump" : "Command", what));
    l->t->below = way;
    fl_stage_enter(FL_STAGE_CONNECT, "%s", way->target);
    return fl_child_spawn(way, argv, jump ? "ssh" : "the shell", way_ended);
}

static int dial_tcp(struct fl_ssh_login *l)
{
    struct fl_transport *way = NULL;
    int fd = -1;

    if (fl_tcp_dial(l->settings->hostname, l->settings->port, l->ep->deadline_us, "sshd",
                    "check that sshd runs there and the port is right", &fd) < 0)
        return -1;
    way =
        way_new(&way_by_tcp, g_strdup_printf("host '%s' port %d", l->settings->hostname, l->settings->port));
    way->fd = fd;
    l->t->below = way;
    return 0;
}

int fl_ssh_login_dial(struct fl_ssh_login *l)
{
    const struct fl_ssh_settings *s = l->settings;
    int rc;

    int limit = s->connect_timeout > 0              ? s->connect_timeout
                : l->ep->route->connect_timeout < 0 ? GREETING_LIMIT_S
                                                    : 0;
    if (limit > 0)
        l->bounded.deadline_us = fl_deadline_min(l->deadline_us, fl_deadline_in_ms(limit * (int64_t)1000));
    if (s->proxy_use_fdpass && (s->proxy_command || s->proxy_jump))
        return fl_error_set(l->domain, VIR_ERR_CONFIG_UNSUPPORTED,
                            "connect: ProxyUseFdpass is set for '%s' in the ssh configuration, which %s "
                            "cannot follow; use the ssh transport",
                            s->alias, l->library);
    if (s->proxy_jump)
        rc = dial_command(l, true);
    else if (s->proxy_command)
        rc = dial_command(l, false);
    else
        rc = dial_tcp(l);
    if (rc == 0)
        fl_stage_enter(FL_STAGE_SSH, "%s", l->t->target);
    return rc;
}

/* What a proxy command said at its end, or NULL. */
static char *last_words(struct fl_transport *way)
{
    char buf[4096];
    ssize_t n;
    if (!way || way->ops != &way_by_command || way->fd < 0)
        return NULL;
    int64_t until = fl_deadline_in_ms(PROXY_WAIT_MS);
    do {
        n = fl_child_read(way, buf, sizeof(buf));
        if (n == -FL_AGAIN && fl_fd_wait(way->fd, POLLIN, until) < 0)
            return NULL;
    } while (n > 0 || n == -FL_AGAIN);
    return n < 0 ? g_strdup(fl_error_get()->str2 ? fl_error_get()->str2 : fl_error_get()->message) : NULL;
}

static const char *lost_advice(const char *proxy_words, const char *library_text)
{
    if (proxy_words)
        return "try the same host with plain ssh";
    if (library_text && strstr(library_text, "Too many authentication failures"))
        return "the server counts every key that is offered: name the one right key with keyfile=";
    return "look at the log of the sshd there";
}

int fl_ssh_login_lost(struct fl_ssh_login *l, const char *doing, const char *library_text)
{
    g_autofree char *words = last_words(l->t->below);
    const char *stage = fl_stage_name(fl_stage_now() == FL_STAGE_NONE ? FL_STAGE_SSH : fl_stage_now());

    if (l->ep->deadline_us <= g_get_monotonic_time())
        return fl_ssh_login_late(l, doing);
    /* Compat: until keys are exchanged it is "no connection". */
    bool tried = l->tried && l->tried->len;
    return fl_error_set(l->domain, l->met ? l->code : VIR_ERR_NO_CONNECT, "%s: %s: %s: %s%s%s%s%s; %s",
                        words ? "connect" : stage, l->t->target, doing,
                        library_text && *library_text ? library_text : "the connection ended",
                        words ? "; " : "", words ? words : "", tried ? "; tried " : "",
                        tried ? l->tried->str : "", lost_advice(words, library_text));
}

int fl_ssh_login_late(struct fl_ssh_login *l, const char *doing)
{
    return fl_error_set(
        l->domain, VIR_ERR_OPERATION_TIMEOUT,
        "%s: %s: %s: no answer before the deadline; check that an sshd is at that port, or give it "
        "longer with connect_timeout=",
        fl_stage_name(fl_stage_now() == FL_STAGE_NONE ? FL_STAGE_SSH : fl_stage_now()), l->t->target, doing);
}
