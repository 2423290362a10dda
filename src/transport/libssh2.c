/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The libssh2 transport (connection URI page, "libssh and libssh2 transport"): an ssh session within the
 * process, a channel in it, and virt-ssh-helper or a netcat at its far end. What is decided about a login is
 * decided in ssh_login.c.
 *
 * The library never meets a full socket: what it sends waits in `out` when need be. So only the other side's
 * bytes can keep it waiting, and no call has to be repeated with the same bytes before another is made.
 */
#define FL_FROM VIR_FROM_SSH
#include "transport/libssh2.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>

#include "base/error.h"
#include "base/log.h"
#include "base/module.h"
#include "base/util.h"
#include "base/walk.h"
#include "transport/child.h"
#include "transport/tcp.h"

#define OUT_MAX       262144 /* more is not taken from the caller before the socket takes some */
#define WRITE_MAX     32768
#define END_WAIT_MS   500 /* from the end of the far command's output to its exit status */
#define CLOSE_WAIT_MS 100 /* for the far command to see the end of its input */
#define FREE_TRIES    100

/* The types of host key this library knows, the best first; ssh-rsa is RSA with SHA-1, which most servers of
 * today refuse. */
#define HOST_KEY_TYPES "ssh-ed25519,ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521,ssh-rsa"

/* ---- the socket */

static void flush_out(struct ssh2 *s)
{
    size_t done = 0;
    while (done < s->out->len) {
        ssize_t n = send(s->fd, s->out->data + done, s->out->len - done, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK) {
            s->out_errno = errno;
            done = s->out->len;
        }
        if (n < 0)
            break;
        done += (size_t)n;
    }
    if (done)
        g_byte_array_remove_range(s->out, 0, (guint)done);
}

static ssize_t take_out(libssh2_socket_t fd, const void *buf, size_t len, int flags, void **abstract)
{
    struct ssh2 *s = *abstract;
    (void)fd;
    (void)flags;
    if (s->dead || s->out_errno)
        return s->dead ? -ECONNRESET : -s->out_errno;
    g_byte_array_append(s->out, buf, (guint)len);
    flush_out(s);
    return (ssize_t)len;
}

static ssize_t give_in(libssh2_socket_t fd, void *buf, size_t len, int flags, void **abstract)
{
    struct ssh2 *s = *abstract;
    ssize_t n;
    (void)fd;
    (void)flags;
    if (s->dead)
        return -ECONNRESET;
    do {
        n = recv(s->fd, buf, len, MSG_DONTWAIT);
    } while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}

int fl_ssh2_wait(struct ssh2 *s, int64_t deadline_us)
{
    flush_out(s);
    short events = (short)(POLLIN | (s->out->len ? POLLOUT : 0));
    fl_tcp_hasten(s->fd);
    return fl_fd_wait(s->fd, events, deadline_us) < 0 ? -1 : 0;
}

static void hear_goodbye(LIBSSH2_SESSION *session, int reason, const char *message, int message_len,
                         const char *language, int language_len, void **abstract)
{
    struct ssh2 *s = *abstract;
    (void)session;
    (void)reason;
    (void)language;
    (void)language_len;
    g_free(s->goodbye);
    s->goodbye = message && message_len > 0 ? fl_child_said(message, (size_t)message_len) : NULL;
}

const char *fl_ssh2_says(struct ssh2 *s)
{
    char *text = NULL;
    if (s->goodbye)
        return s->goodbye;
    libssh2_session_last_error(s->session, &text, NULL, 0);
    return text && *text ? text : "it does not say why";
}

bool fl_ssh2_is_broken(struct ssh2 *s, int rc)
{
    switch (rc) {
    case LIBSSH2_ERROR_SOCKET_NONE:
    case LIBSSH2_ERROR_SOCKET_SEND:
    case LIBSSH2_ERROR_SOCKET_RECV:
    case LIBSSH2_ERROR_SOCKET_DISCONNECT:
    case LIBSSH2_ERROR_SOCKET_TIMEOUT:
    case LIBSSH2_ERROR_TIMEOUT:
    case LIBSSH2_ERROR_BAD_SOCKET:
    case LIBSSH2_ERROR_PROTO:
    case LIBSSH2_ERROR_DECRYPT:
    case LIBSSH2_ERROR_INVALID_MAC:
        return true;
    default: /* the library calls it an answer when the server hangs up in place of one */
        return s->goodbye || s->out_errno != 0;
    }
}

/* ---- opening */

static pthread_once_t library_once = PTHREAD_ONCE_INIT;
static int library_rc;

static void library_init(void)
{
    library_rc = libssh2_init(0);
}

/* The error of a step that failed: late, or whatever the library says. */
static int step_failed(struct ssh2 *s, int rc, const char *doing)
{
    return rc == LIBSSH2_ERROR_TIMEOUT ? fl_ssh_login_late(&s->login, doing)
                                       : fl_ssh_login_lost(&s->login, doing, fl_ssh2_says(s));
}

/* Types known for this host first: a host that has several keys shall show one that can be compared. */
static void prefer_known_types(struct ssh2 *s)
{
    g_auto(GStrv) types = fl_ssh_login_key_types(&s->login);
    g_autofree char *known = types && types[0] ? g_strjoinv(",", types) : NULL;
    g_autofree char *order = g_strdup_printf("%s%s" HOST_KEY_TYPES, known ? known : "", known ? "," : "");
    if (libssh2_session_method_pref(s->session, LIBSSH2_METHOD_HOSTKEY, order) != 0)
        fl_debug("libssh2 does not take '%s': %s", order, fl_ssh2_says(s));
}

static int start_session(struct ssh2 *s)
{
    /* Between the callback's type and void * there is no other way in C. */
    union {
        LIBSSH2_SEND_FUNC((*send));
        LIBSSH2_RECV_FUNC((*recv));
        LIBSSH2_DISCONNECT_FUNC((*disconnect));
        void *any;
    } out = { .send = take_out }, in = { .recv = give_in }, end = { .disconnect = hear_goodbye };

    pthread_once(&library_once, library_init);
    s->session = library_rc == 0 ? libssh2_session_init_ex(NULL, NULL, NULL, s) : NULL;
    if (!s->session)
        return fl_error(VIR_ERR_SSH, "connect: libssh2 %s does not start", libssh2_version(0));
    libssh2_session_callback_set(s->session, LIBSSH2_CALLBACK_SEND, out.any);
    libssh2_session_callback_set(s->session, LIBSSH2_CALLBACK_RECV, in.any);
    libssh2_session_callback_set(s->session, LIBSSH2_CALLBACK_DISCONNECT, end.any);
    libssh2_session_set_blocking(s->session, 0);
    prefer_known_types(s);
    return 0;
}

static int handshake(struct ssh2 *s)
{
    int rc;
    FL_SSH2_LOOP(s, rc, libssh2_session_handshake(s->session, s->fd));
    if (rc == LIBSSH2_ERROR_KEX_FAILURE || rc == LIBSSH2_ERROR_KEY_EXCHANGE_FAILURE) {
        g_autofree char *text = g_strdup_printf(
            "%s (libssh2 %s and the server may have no way in common: a server with an RSA key only needs "
            "the ssh or libssh transport)",
            fl_ssh2_says(s), libssh2_version(0));
        return fl_ssh_login_lost(&s->login, "key exchange", text);
    }
    return rc == 0 ? 0 : step_failed(s, rc, "key exchange");
}

static int check_host_key(struct ssh2 *s)
{
    size_t len = 0;
    int type;
    const char *key = libssh2_session_hostkey(s->session, &len, &type);
    if (!key)
        return fl_ssh_login_lost(&s->login, "host key", fl_ssh2_says(s));
    fl_stage_note("host key algorithm %s, cipher %s",
                  libssh2_session_methods(s->session, LIBSSH2_METHOD_HOSTKEY),
                  libssh2_session_methods(s->session, LIBSSH2_METHOD_CRYPT_CS));
    return fl_ssh_login_check(&s->login, (const unsigned char *)key, len);
}

static int run_command(struct ssh2 *s)
{
    g_autofree char *command = fl_ssh_login_command(&s->login);
    int rc = 0;
    if (!command)
        return -1;
    fl_debug("%s runs: %s", s->t->target, command);
    while (!(s->channel = libssh2_channel_open_session(s->session))) {
        rc = libssh2_session_last_errno(s->session);
        if (rc == LIBSSH2_ERROR_EAGAIN && fl_ssh2_wait(s, s->login.ep->deadline_us) < 0)
            rc = LIBSSH2_ERROR_TIMEOUT;
        if (rc != LIBSSH2_ERROR_EAGAIN)
            return step_failed(s, rc, "opening a channel");
    }
    FL_SSH2_LOOP(s, rc, libssh2_channel_exec(s->channel, command));
    return rc == 0 ? 0 : step_failed(s, rc, "running the command");
}

static int ssh2_open(struct fl_transport *t, const struct fl_endpoint *ep)
{
    struct ssh2 *s = g_new0(struct ssh2, 1);
    struct fl_ssh_login *l = &s->login;

    *s = (struct ssh2){ .t = t, .fd = -1, .agent_fd = -1, .status = -1 };
    s->out = g_byte_array_new();
    fl_said_init(&s->err);
    t->priv = s;
    l->library = "libssh2";
    l->domain = VIR_FROM_SSH;
    l->code = VIR_ERR_SSH;
    l->refused_code = VIR_ERR_AUTH_FAILED;
    int rc = fl_ssh_login_init(l, t, ep);
    if (rc == 0)
        rc = fl_ssh_login_dial(l);
    if (rc == 0) {
        t->fd = s->fd = t->below->fd;
        t->encrypted = true;
        rc = start_session(s) < 0 || handshake(s) < 0 || check_host_key(s) < 0 ||
                     fl_ssh_login_run(l, &fl_ssh2_login_ops, s) < 0 || run_command(s) < 0
                 ? -1
                 : 0;
    }
    fl_ssh_login_fini(l);
    l->ep = NULL;
    return rc;
}

/* ---- afterwards */

static int lost(struct ssh2 *s, const char *what)
{
    return fl_error(VIR_ERR_SSH, "cannot %s %s: %s", what, s->t->target,
                    s->out_errno ? g_strerror(s->out_errno) : fl_ssh2_says(s));
}

/* What the far command writes to its stderr is taken as it comes. */
static void collect_stderr(struct ssh2 *s)
{
    char buf[4096];
    ssize_t n;
    while ((n = libssh2_channel_read_stderr(s->channel, buf, sizeof(buf))) > 0)
        fl_said_add(&s->err, buf, (size_t)n);
}

/* Its exit status comes after the end of its output. */
static void learn_status(struct ssh2 *s)
{
    int64_t deadline = fl_deadline_in_ms(END_WAIT_MS);
    int rc;
    while ((rc = libssh2_channel_wait_closed(s->channel)) == LIBSSH2_ERROR_EAGAIN)
        if (fl_ssh2_wait(s, deadline) < 0)
            break;
    char *name = NULL;
    libssh2_channel_get_exit_signal(s->channel, &name, NULL, NULL, NULL, NULL, NULL);
    s->status = name ? -1 : rc == 0 ? libssh2_channel_get_exit_status(s->channel) : -1;
    if (name) {
        g_autofree char *text = g_strdup_printf("\nsignal %s", name);
        fl_said_add(&s->err, text, strlen(text));
    }
    libssh2_free(s->session, name);
}

static int explain_end(struct ssh2 *s)
{
    return fl_ssh_login_far_ended(s->t, VIR_FROM_SSH, VIR_ERR_SSH, s->status, &s->err);
}

static ssize_t far_ended(struct ssh2 *s)
{
    collect_stderr(s);
    if (!s->ended)
        learn_status(s);
    s->ended = true;
    if (s->status == 0 && (s->half_closed || !fl_ssh_login_far_said(&s->err)))
        return 0;
    return explain_end(s);
}

static int closed(struct fl_transport *t)
{
    return fl_error(VIR_ERR_SSH, "the connection to %s is closed", t->target ? t->target : "the far side");
}

/* What was owed when something stood in the way. */
static int send_eof(struct ssh2 *s)
{
    if (!s->eof_owed)
        return 0;
    int rc = libssh2_channel_send_eof(s->channel);
    s->eof_owed = rc == LIBSSH2_ERROR_EAGAIN;
    return rc == 0 || s->eof_owed || rc == LIBSSH2_ERROR_CHANNEL_CLOSED ? 0 : lost(s, "end the output to");
}

static ssize_t ssh2_read(struct fl_transport *t, void *buf, size_t len)
{
    struct ssh2 *s = t->priv;
    if (!s || !s->channel)
        return closed(t);
    s->stalled = false;
    if (send_eof(s) < 0)
        return -1;
    flush_out(s);
    ssize_t n = libssh2_channel_read(s->channel, buf, len);
    s->spoken |= n > 0;
    if (n > 0)
        return n;
    if (n < 0 && n != LIBSSH2_ERROR_EAGAIN && n != LIBSSH2_ERROR_CHANNEL_CLOSED)
        return lost(s, "read from");
    collect_stderr(s);
    return libssh2_channel_eof(s->channel) ? far_ended(s) : -FL_AGAIN;
}

static ssize_t ssh2_write(struct fl_transport *t, const void *buf, size_t len)
{
    struct ssh2 *s = t->priv;
    if (!s || !s->channel || s->half_closed)
        return closed(t);
    flush_out(s);
    if (s->out_errno)
        return lost(s, "write to");
    if (s->out->len > OUT_MAX)
        return -FL_AGAIN;
    ssize_t n = libssh2_channel_write(s->channel, buf, MIN(len, WRITE_MAX));
    s->stalled = n == LIBSSH2_ERROR_EAGAIN &&
                 (libssh2_session_block_directions(s->session) & LIBSSH2_SESSION_BLOCK_INBOUND);
    if (n > 0)
        return n;
    if (n == 0 || n == LIBSSH2_ERROR_EAGAIN) { /* the far side lets no more be sent; has it ended? */
        if (!libssh2_channel_eof(s->channel))
            return -FL_AGAIN;
    } else if (n != LIBSSH2_ERROR_CHANNEL_CLOSED && n != LIBSSH2_ERROR_CHANNEL_EOF_SENT) {
        return lost(s, "write to");
    }
    if (far_ended(s) == 0) /* in good order, but something was still to be said */
        explain_end(s);
    return -1;
}

static short ssh2_want(struct fl_transport *t, short events)
{
    struct ssh2 *s = t->priv;
    if (!s || !s->channel)
        return events;
    if (s->eof_owed && libssh2_channel_send_eof(s->channel) == 0)
        s->eof_owed = false; /* what fails is told by the next read */
    flush_out(s);
    short wanted = events & POLLIN;
    if (events & POLLOUT) /* what lets us send more comes in by a message */
        wanted |= libssh2_channel_window_write(s->channel) > 0 && !s->stalled ? POLLOUT : POLLIN;
    return (short)(wanted | (s->out->len ? POLLOUT : 0));
}

static size_t ssh2_pending(struct fl_transport *t)
{
    struct ssh2 *s = t->priv;
    unsigned long n = 0;
    if (!s || !s->channel || s->ended)
        return 0;
    libssh2_channel_window_read_ex(s->channel, &n, NULL);
    if (n == 0 && libssh2_channel_eof(s->channel)) /* the end, too, waits to be read */
        n = 1;
    return n;
}

static int ssh2_half_close(struct fl_transport *t)
{
    struct ssh2 *s = t->priv;
    if (!s || !s->channel)
        return closed(t);
    if (s->half_closed)
        return 0;
    s->half_closed = s->eof_owed = true;
    return send_eof(s);
}

/* The far command gets a moment to see the end of its input; nothing is awaited beyond that. */
static void take_leave(struct ssh2 *s)
{
    int64_t deadline = fl_deadline_in_ms(CLOSE_WAIT_MS);
    if (s->channel && !s->ended) {
        libssh2_channel_send_eof(s->channel);
        while (libssh2_channel_close(s->channel) == LIBSSH2_ERROR_EAGAIN)
            if (fl_ssh2_wait(s, deadline) < 0)
                break;
    }
    libssh2_session_disconnect(s->session, "done");
    for (flush_out(s); s->out->len && !s->out_errno; flush_out(s))
        if (fl_fd_wait(s->fd, POLLOUT, deadline) < 0)
            break;
}

static void ssh2_close(struct fl_transport *t)
{
    struct ssh2 *s = t->priv;
    t->fd = -1;
    if (!s)
        return;
    t->priv = NULL;
    FL_ERROR_PRESERVE;
    if (s->session) {
        take_leave(s);
        s->dead = true;
        for (int i = 0; s->channel && i < FREE_TRIES; i++)
            if (libssh2_channel_free(s->channel) != LIBSSH2_ERROR_EAGAIN)
                s->channel = NULL;
        for (int i = 0; i < FREE_TRIES && libssh2_session_free(s->session) == LIBSSH2_ERROR_EAGAIN; i++)
            ;
    }
    g_byte_array_free(s->out, TRUE);
    fl_said_fini(&s->err);
    g_free(s->goodbye);
    g_free(s);
}

static int ssh2_stage(struct fl_transport *t)
{
    struct ssh2 *s = t->priv;
    return s ? fl_ssh_login_far_stage(s->spoken, &s->err) : FL_STAGE_NONE;
}

static const struct fl_transport_ops fl_transport_libssh2 = {
    .name = "libssh2",
    .open = ssh2_open,
    .read = ssh2_read,
    .write = ssh2_write,
    .want = ssh2_want,
    .half_close = ssh2_half_close,
    .pending = ssh2_pending,
    .close = ssh2_close,
    .stage = ssh2_stage,
};

static const struct fl_transport_module libssh2_module = { &fl_transport_libssh2 };
FL_MODULE_EXPORT(libssh2_module);
