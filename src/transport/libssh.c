/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The libssh transport: an ssh session within this process, by libssh. Module "libssh". All deciding is done
 * in ssh_login.c; libssh reads no configuration, no known_hosts file and no environment of its own. The
 * session never blocks: opening waits in fl_libssh_wait(), after that each call does what it can at once.
 */
#define FL_FROM VIR_FROM_LIBSSH
#include "transport/libssh_session.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"
#include "base/module.h"
#include "base/util.h"
#include "base/walk.h"
#include "transport/tcp.h"
#include "transport/channel.h"

#define END_WAIT_MS 500     /* from the end of its output to its exit status, as of a child */
#define WRITE_MAX   1048576 /* handed to libssh at once: it copies */

/* ---- opening ---- */

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void init_library(void)
{
    ssh_init();
    ssh_set_log_level(SSH_LOG_NOLOG);
}

static short poll_events(ssh_session session)
{
    int flags = ssh_get_poll_flags(session);
    return (short)(POLLIN | (flags & SSH_WRITE_PENDING ? POLLOUT : 0));
}

int fl_libssh_wait(struct fl_ssh_login *l, struct fl_libssh *s, const char *doing)
{
    int fd = ssh_get_fd(s->session);
    if (fd < 0 || !ssh_is_connected(s->session)) /* the server hung up: nothing will come any more */
        return fl_ssh_login_lost(l, doing, ssh_get_error(s->session));
    fl_tcp_hasten(fd);
    int rc = fl_fd_wait(fd, poll_events(s->session), l->ep->deadline_us);
    if (rc >= 0)
        return 0;
    if (rc == -ETIMEDOUT)
        return fl_ssh_login_late(l, doing);
    return fl_ssh_login_lost(l, doing, g_strerror(-rc));
}

static int lost(struct fl_ssh_login *l, struct fl_libssh *s, const char *doing)
{
    return fl_ssh_login_lost(l, doing, ssh_get_error(s->session));
}

/* Types of host key that libssh knows: those remembered for the host first, so that one that is known is
 * shown. */
static char *host_key_order(char **known)
{
    static const struct {
        const char *type, *algorithms;
    } all[] = { { "ssh-ed25519", "ssh-ed25519" },
                { "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256" },
                { "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp384" },
                { "ecdsa-sha2-nistp521", "ecdsa-sha2-nistp521" },
                { "ssh-rsa", "rsa-sha2-512,rsa-sha2-256" } };
    GString *order = g_string_new(NULL);
    for (int want = 1; want >= 0; want--)
        for (size_t i = 0; i < G_N_ELEMENTS(all); i++)
            if (g_strv_contains((const char *const *)known, all[i].type) == want)
                g_string_append_printf(order, "%s%s", order->len ? "," : "", all[i].algorithms);
    return g_string_free(order, FALSE);
}

static int set_options(struct fl_ssh_login *l, struct fl_libssh *s)
{
    g_auto(GStrv) known = fl_ssh_login_key_types(l);
    g_autofree char *order = host_key_order(known);
    bool no = false;
    unsigned int port = (unsigned int)l->settings->port;
    int fd = dup(l->t->below->fd); /* libssh closes its own */

    if (fd < 0)
        return fl_error_system(errno, "cannot duplicate the connection");
    fl_fd_set_cloexec(fd, true);
    if (ssh_options_set(s->session, SSH_OPTIONS_FD, &fd) < 0) {
        close(fd);
        return lost(l, s, "setting up");
    }
    if (ssh_options_set(s->session, SSH_OPTIONS_PROCESS_CONFIG, &no) < 0 ||
        ssh_options_set(s->session, SSH_OPTIONS_HOST, l->settings->hostname) < 0 ||
        ssh_options_set(s->session, SSH_OPTIONS_PORT, &port) < 0 ||
        ssh_options_set(s->session, SSH_OPTIONS_USER, l->settings->user) < 0 ||
        ssh_options_set(s->session, SSH_OPTIONS_KNOWNHOSTS, "/dev/null") < 0 ||
        ssh_options_set(s->session, SSH_OPTIONS_GLOBAL_KNOWNHOSTS, "/dev/null") < 0 ||
        ssh_options_set(s->session, SSH_OPTIONS_HOSTKEYS, order) < 0)
        return lost(l, s, "setting up");
    return 0;
}

static int exchange_keys(struct fl_ssh_login *l, struct fl_libssh *s)
{
    int rc;
    ssh_set_blocking(s->session, 0);
    while ((rc = ssh_connect(s->session)) == SSH_AGAIN)
        if (fl_libssh_wait(l, s, "key exchange") < 0)
            return -1;
    return rc == SSH_OK ? 0 : lost(l, s, "key exchange");
}

static int check_host_key(struct fl_ssh_login *l, struct fl_libssh *s)
{
    ssh_key key = NULL;
    char *base64 = NULL;
    gsize len = 0;

    if (ssh_get_server_publickey(s->session, &key) != SSH_OK ||
        ssh_pki_export_pubkey_base64(key, &base64) != SSH_OK) {
        ssh_key_free(key);
        return lost(l, s, "host key");
    }
    g_autofree guchar *bytes = g_base64_decode(base64, &len);
    ssh_string_free_char(base64);
    ssh_key_free(key);
    return fl_ssh_login_check(l, bytes, len);
}

static void on_exit_status(ssh_session session, ssh_channel channel, int status, void *userdata)
{
    ((struct fl_libssh *)userdata)->status = status;
}

static void on_exit_signal(ssh_session session, ssh_channel channel, const char *signal, int core,
                           const char *text, const char *lang, void *userdata)
{
    ((struct fl_libssh *)userdata)->status = 128;
}

static void on_close(ssh_session session, ssh_channel channel, void *userdata)
{
    ((struct fl_libssh *)userdata)->closed = true;
}

static int run_command(struct fl_ssh_login *l, struct fl_libssh *s, const char *command)
{
    int rc;
    s->channel = ssh_channel_new(s->session);
    if (!s->channel)
        return lost(l, s, "opening a channel");
    s->callbacks.userdata = s;
    s->callbacks.channel_exit_status_function = on_exit_status;
    s->callbacks.channel_exit_signal_function = on_exit_signal;
    s->callbacks.channel_close_function = on_close;
    ssh_callbacks_init(&s->callbacks);
    ssh_set_channel_callbacks(s->channel, &s->callbacks);
    while ((rc = ssh_channel_open_session(s->channel)) == SSH_AGAIN)
        if (fl_libssh_wait(l, s, "opening a channel") < 0)
            return -1;
    if (rc != SSH_OK)
        return lost(l, s, "opening a channel");
    while ((rc = ssh_channel_request_exec(s->channel, command)) == SSH_AGAIN)
        if (fl_libssh_wait(l, s, "starting the far command") < 0)
            return -1;
    return rc == SSH_OK ? 0 : lost(l, s, "starting the far command");
}

static int login_and_run(struct fl_ssh_login *l, struct fl_libssh *s)
{
    s->session = ssh_new();
    if (!s->session)
        return fl_error(VIR_ERR_NO_MEMORY, "cannot make an ssh session");
    if (set_options(l, s) < 0 || exchange_keys(l, s) < 0 || check_host_key(l, s) < 0 ||
        fl_ssh_login_run(l, &fl_libssh_login_ops, s) < 0)
        return -1;
    g_autofree char *command = fl_ssh_login_command(l);
    if (!command || run_command(l, s, command) < 0)
        return -1;
    l->t->fd = ssh_get_fd(s->session);
    return 0;
}

static int libssh_open(struct fl_transport *t, const struct fl_endpoint *ep)
{
    struct fl_ssh_login l = {
        .library = "libssh", .domain = VIR_FROM_LIBSSH, .code = VIR_ERR_LIBSSH, .refused_code = VIR_ERR_LIBSSH
    };
    struct fl_libssh *s = g_new0(struct fl_libssh, 1);

    pthread_once(&once, init_library);
    s->status = -1;
    fl_said_init(&s->said);
    t->priv = s;
    int rc = fl_ssh_login_init(&l, t, ep);
    if (rc == 0)
        rc = fl_ssh_login_dial(&l);
    if (rc == 0)
        rc = login_and_run(&l, s);
    fl_ssh_login_fini(&l);
    return rc;
}

/* ---- the open channel ---- */

/* Always emptied, or the far command would stop when the channel's window is full. */
static void take_stderr(struct fl_libssh *s)
{
    char buf[4096];
    int n;
    while ((n = ssh_channel_read_nonblocking(s->channel, buf, sizeof(buf), 1)) > 0)
        fl_said_add(&s->said, buf, (size_t)n);
}

/* Takes in what has come. After the end of the output the reading calls look at the channel only. */
static void take_packets(struct fl_libssh *s)
{
    G_GNUC_BEGIN_IGNORE_DEPRECATIONS
    ssh_channel_get_exit_status(s->channel);
    G_GNUC_END_IGNORE_DEPRECATIONS
}

/* The exit status comes after the end of the output. */
static void await_status(struct fl_libssh *s)
{
    int64_t until = fl_deadline_in_ms(END_WAIT_MS);
    do {
        take_packets(s);
        take_stderr(s);
        if (s->status >= 0 || s->closed || !ssh_is_connected(s->session))
            return;
        fl_fd_wait(ssh_get_fd(s->session), poll_events(s->session), until);
    } while (fl_deadline_poll_ms(until) > 0);
}

static ssize_t ended(struct fl_transport *t, struct fl_libssh *s)
{
    await_status(s);
    if (s->status == 0 && (s->half_closed || !fl_ssh_login_far_said(&s->said)))
        return 0;
    return fl_ssh_login_far_ended(t, FL_FROM, VIR_ERR_LIBSSH, s->status, &s->said);
}

static int broke(struct fl_transport *t, struct fl_libssh *s, const char *doing)
{
    return fl_error(VIR_ERR_LIBSSH, "cannot %s %s: %s", doing, t->target, ssh_get_error(s->session));
}

static struct fl_libssh *opened(struct fl_transport *t)
{
    struct fl_libssh *s = t->priv;
    if (s && s->channel && t->fd >= 0)
        return s;
    fl_channel_error(EBADF, "the connection to %s is closed", t->target ? t->target : "the far side");
    return NULL;
}

static ssize_t libssh_read(struct fl_transport *t, void *buf, size_t len)
{
    struct fl_libssh *s = opened(t);
    if (!s)
        return -1;
    int n = ssh_channel_read_nonblocking(s->channel, buf, (uint32_t)MIN(len, (size_t)INT32_MAX), 0);
    s->spoken |= n > 0;
    if (n > 0)
        return n;
    take_stderr(s);
    if (n == SSH_EOF || (n == 0 && ssh_channel_is_eof(s->channel)))
        return ended(t, s);
    if (n == 0 || n == SSH_AGAIN)
        return ssh_is_connected(s->session) ? -FL_AGAIN : ended(t, s);
    if (s->status >= 0 || s->closed || ssh_channel_is_closed(s->channel))
        return ended(t, s);
    return broke(t, s, "read from");
}

static ssize_t libssh_write(struct fl_transport *t, const void *buf, size_t len)
{
    struct fl_libssh *s = opened(t);
    if (!s)
        return -1;
    int n = ssh_channel_write(s->channel, buf, (uint32_t)MIN(len, (size_t)WRITE_MAX));
    take_stderr(s);
    if (n > 0)
        return n;
    if (n == 0 || n == SSH_AGAIN)
        return len ? -FL_AGAIN : 0;
    if (ssh_channel_is_closed(s->channel) || ssh_channel_is_eof(s->channel) || s->status >= 0) {
        if (ended(t, s) == 0) /* in good order, but something was still to be said */
            fl_ssh_login_far_ended(t, FL_FROM, VIR_ERR_LIBSSH, s->status, NULL);
        return -1;
    }
    return broke(t, s, "write to");
}

/* Writing may have to wait for the far side to make room, which is heard by reading; libssh's own queue may
 * have to go out, whatever is wanted. */
static short libssh_want(struct fl_transport *t, short events)
{
    struct fl_libssh *s = t->priv;
    if (!s || !s->channel || t->fd < 0)
        return events;
    short need = (short)((events & POLLIN) | (poll_events(s->session) & POLLOUT));
    if (events & POLLOUT)
        need |= ssh_channel_window_size(s->channel) > 0 ? POLLOUT : POLLIN;
    return need;
}

static size_t libssh_pending(struct fl_transport *t)
{
    struct fl_libssh *s = t->priv;
    if (!s || !s->channel || t->fd < 0)
        return 0;
    int n = ssh_channel_poll(s->channel, 0);
    return n > 0 ? (size_t)n : n == SSH_EOF || n == SSH_ERROR ? 1 : 0; /* the end is there to be read, too */
}

static int libssh_half_close(struct fl_transport *t)
{
    struct fl_libssh *s = opened(t);
    if (!s)
        return -1;
    s->half_closed = true;
    if (ssh_channel_send_eof(s->channel) == SSH_ERROR && !ssh_channel_is_closed(s->channel))
        return broke(t, s, "end the output to");
    return 0;
}

static void libssh_close(struct fl_transport *t)
{
    struct fl_libssh *s = t->priv;
    t->fd = -1;
    t->priv = NULL;
    if (!s)
        return;
    if (s->channel)
        ssh_remove_channel_callbacks(s->channel, &s->callbacks);
    if (s->session) {
        /* The socket was given to libssh, which closes such a one in this call only. */
        ssh_silent_disconnect(s->session);
        ssh_free(s->session); /* and its channel */
    }
    fl_said_fini(&s->said);
    g_free(s);
}

static int libssh_stage(struct fl_transport *t)
{
    struct fl_libssh *s = t->priv;
    return s ? fl_ssh_login_far_stage(s->spoken, &s->said) : FL_STAGE_NONE;
}

static const struct fl_transport_ops libssh_ops = {
    .name = "libssh",
    .open = libssh_open,
    .read = libssh_read,
    .write = libssh_write,
    .want = libssh_want,
    .half_close = libssh_half_close,
    .pending = libssh_pending,
    .close = libssh_close,
    .stage = libssh_stage,
};

static const struct fl_transport_module module = { .ops = &libssh_ops };
FL_MODULE_EXPORT(module);
