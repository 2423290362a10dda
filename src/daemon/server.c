/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The main thread: signals, settings, the idle timeout, reloading, the end. */
#define FL_FROM VIR_FROM_RPC
#include "daemon/server.h"

#include <errno.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"
#include "daemon/accept.h"
#include "daemon/io.h"
#include "daemon/notify.h"
#include "daemon/personality.h"
#include "daemon/tls.h"
#include "daemon/trim.h"

#ifndef FL_LOCALSTATEDIR
#define FL_LOCALSTATEDIR "/var"
#endif

#define STUCK_GROWTH   8 /* times max_workers, when those wait for something */
#define LOGIN_WORKERS  32
#define IO_THREADS_MIN 2
#define IO_THREADS_MAX 4
#define END_WAIT_US    (5 * G_USEC_PER_SEC) /* for calls still being served when the daemon stops */

struct fl_server {
    struct fl_server_options options;
    GMutex lock; /* guards conf */
    struct fl_daemon_conf *conf;
    struct fl_tls_host *tls; /* NULL: no listener for TLS */
    struct fl_io *io[IO_THREADS_MAX];
    unsigned int nio;
    struct fl_pool *pool;
    struct fl_pool *logins;
    int epoll_fd, signal_fd, wake_fd;
    struct fl_acceptor *acceptor;
    bool stopping;
    gint was_used; /* atomic: somebody has been here since `idle_since` */
    int64_t idle_since;
    struct fl_trim trim;
};

static void signals(sigset_t *ret_set)
{
    sigemptyset(ret_set);
    sigaddset(ret_set, SIGTERM);
    sigaddset(ret_set, SIGINT);
    sigaddset(ret_set, SIGQUIT);
    sigaddset(ret_set, SIGHUP);
}

void fl_server_block_signals(void)
{
    sigset_t set;

    signals(&set);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
}

/* ---- for peers ---- */

struct fl_pool *fl_server_pool(struct fl_server *server)
{
    return server->pool;
}

struct fl_pool *fl_server_logins(struct fl_server *server)
{
    return server->logins;
}

int64_t fl_server_login_us(struct fl_server *server)
{
    unsigned int seconds;

    g_mutex_lock(&server->lock);
    seconds = server->conf->login_timeout;
    g_mutex_unlock(&server->lock);
    return seconds * G_USEC_PER_SEC;
}

unsigned int fl_server_tcp_min_ssf(struct fl_server *server)
{
    unsigned int ssf;

    g_mutex_lock(&server->lock);
    ssf = server->conf->tcp_min_ssf;
    g_mutex_unlock(&server->lock);
    return ssf;
}

bool fl_server_sasl_user_allowed(struct fl_server *server, const char *user)
{
    bool allowed;

    g_mutex_lock(&server->lock);
    allowed = !server->conf->sasl_allowed_username_list;
    for (char **p = server->conf->sasl_allowed_username_list; !allowed && p && *p; p++)
        allowed = g_pattern_match_simple(*p, user);
    g_mutex_unlock(&server->lock);
    return allowed;
}

static enum fl_auth_kind auth_kind(enum fl_daemon_auth auth)
{
    switch (auth) {
    case FL_DAEMON_AUTH_SASL:
        return FL_AUTH_SASL;
    case FL_DAEMON_AUTH_POLKIT:
        return FL_AUTH_POLKIT;
    case FL_DAEMON_AUTH_NONE:
        break;
    }
    return FL_AUTH_NONE;
}

enum fl_auth_kind fl_server_auth_for(struct fl_server *server, const struct fl_peer *peer)
{
    enum fl_daemon_auth auth;

    g_mutex_lock(&server->lock);
    if (!peer->local)
        auth = peer->tls ? server->conf->auth_tls : server->conf->auth_tcp;
    else
        auth = peer->read_only ? server->conf->auth_unix_ro : server->conf->auth_unix_rw;
    g_mutex_unlock(&server->lock);
    /* polkit would let root in unasked; it may not even run where only root is. */
    if (auth == FL_DAEMON_AUTH_POLKIT && peer->uid == 0)
        return FL_AUTH_NONE;
    return auth_kind(auth);
}

struct fl_tls_host *fl_server_tls(struct fl_server *server)
{
    return server->tls;
}

void fl_server_keepalive(struct fl_server *server, int *ret_interval_s, unsigned int *ret_count)
{
    g_mutex_lock(&server->lock);
    *ret_interval_s = server->conf->keepalive_interval;
    *ret_count = server->conf->keepalive_count;
    g_mutex_unlock(&server->lock);
}

void fl_server_wake(struct fl_server *server)
{
    uint64_t one = 1;

    if (write(server->wake_fd, &one, sizeof(one)) < 0)
        fl_debug("the main thread is awake already");
}

void fl_server_peer_authenticated(struct fl_server *server, struct fl_peer *peer)
{
    fl_acceptor_peer_authenticated(server->acceptor, peer);
}

void fl_server_served(struct fl_server *server, size_t length)
{
    if (fl_trim_served(&server->trim, length))
        fl_server_wake(server);
}

void fl_server_peer_gone(struct fl_server *server, struct fl_peer *peer)
{
    bool is_last = fl_acceptor_peer_gone(server->acceptor, peer) && server->options.timeout > 0;

    g_atomic_int_set(&server->was_used, 1);
    if (fl_trim_client_gone(&server->trim) || is_last)
        fl_server_wake(server);
}

/* ---- reloading and ending ---- */

/* Where lines go that no setting sends anywhere. */
static char *default_outputs(const struct fl_server_options *options)
{
    g_autofree char *folder = NULL;

    if (!options->daemonize)
        return g_strdup("1:stderr");
    if (g_file_test("/run/systemd/journal/socket", G_FILE_TEST_EXISTS))
        return g_strdup("1:journald");
    folder = options->privileged ? g_strdup(FL_LOCALSTATEDIR "/log/libvirt")
                                 : g_build_filename(g_get_user_cache_dir(), "libvirt", NULL);
    if (g_mkdir_with_parents(folder, 0755) < 0)
        return g_strdup_printf("1:syslog:%s", fl_personality_own()->name);
    return g_strdup_printf("1:file:%s/%s.log", folder, fl_personality_own()->name);
}

int fl_server_configure_log(const struct fl_server_options *options, const struct fl_daemon_conf *conf)
{
    int level = conf->log_level ? (int)conf->log_level : options->verbose ? FL_LOG_INFO : FL_LOG_WARN;
    g_autofree char *outputs = conf->log_outputs ? g_strdup(conf->log_outputs) : default_outputs(options);

    if (fl_log_configure(level, conf->log_filters, outputs) < 0) {
        if (conf->log_outputs)
            return -1;
        fl_warn("log settings are not used: %s", fl_error_get()->message);
        fl_error_reset();
    }
    for (char **w = conf->warnings; w && *w; w++)
        fl_warn("%s", *w);
    return 0;
}

static void reload(struct fl_server *server)
{
    struct fl_daemon_conf *conf = NULL;

    if (fl_daemon_conf_load(server->options.config_file, server->options.config_given,
                            server->options.conf_kind, &conf) < 0) {
        fl_warn("settings are kept as they were: %s", fl_error_get()->message);
        fl_error_reset();
        return;
    }
    g_mutex_lock(&server->lock);
    fl_daemon_conf_free(server->conf);
    server->conf = conf;
    g_mutex_unlock(&server->lock);
    if (server->tls)
        fl_tls_host_configure(server->tls, conf);
    if (fl_server_configure_log(&server->options, conf) < 0) {
        fl_warn("logging goes on as before: %s", fl_error_get()->message);
        fl_error_reset();
    }
    fl_pool_set_limits(server->pool, conf->max_workers, conf->max_client_requests);
    fl_acceptor_set_limits(server->acceptor, conf->max_clients, conf->max_anonymous_clients);
    fl_acceptor_again(server->acceptor, false);
    fl_info("settings read again from %s; sockets stay as they are", server->options.config_file);
}

static void take_signal(struct fl_server *server)
{
    struct signalfd_siginfo info;

    if (read(server->signal_fd, &info, sizeof(info)) != sizeof(info))
        return;
    if (info.ssi_signo == SIGHUP) {
        reload(server);
        return;
    }
    fl_info("stopping on signal %u from process %u", info.ssi_signo, info.ssi_pid);
    server->stopping = true;
}

/* Milliseconds until the daemon has had no clients for long enough; -1: that is not coming. */
static int idle_ms(struct fl_server *server)
{
    int64_t left;

    if (server->options.timeout == 0 || fl_acceptor_count(server->acceptor) > 0) {
        server->idle_since = 0;
        return -1;
    }
    if (g_atomic_int_compare_and_exchange(&server->was_used, 1, 0) || server->idle_since == 0)
        server->idle_since = g_get_monotonic_time();
    left = server->idle_since + server->options.timeout * G_USEC_PER_SEC - g_get_monotonic_time();
    return left <= 0 ? 0 : (int)((left + 999) / 1000);
}

/* The sooner of two times to wait, of which -1 is for ever. */
static int sooner(int a, int b)
{
    return a < 0 ? b : b < 0 ? a : MIN(a, b);
}

/* Milliseconds until something is due in the main thread; -1: nothing is. */
static int wait_ms(struct fl_server *server)
{
    int retry = fl_acceptor_retry_ms(server->acceptor);

    return sooner(fl_trim_ms(&server->trim), retry >= 0 ? retry : idle_ms(server));
}

static void check_idle(struct fl_server *server)
{
    if (server->options.timeout == 0 || server->idle_since == 0 || g_atomic_int_get(&server->was_used) ||
        g_get_monotonic_time() - server->idle_since < server->options.timeout * G_USEC_PER_SEC)
        return;
    if (!fl_acceptor_end_if_empty(server->acceptor)) {
        server->idle_since = 0; /* somebody is about to come in */
        return;
    }
    fl_info("stopping after %d seconds without a client", server->options.timeout);
    server->stopping = true;
}

static void handle(struct fl_server *server, void *what)
{
    uint64_t count;

    if (what == &server->signal_fd) {
        take_signal(server);
    } else if (what == &server->tls) {
        fl_tls_host_hear_check(server->tls);
    } else if (what == &server->wake_fd) {
        if (read(server->wake_fd, &count, sizeof(count)) < 0)
            fl_debug("nothing woke the main thread");
        fl_acceptor_again(server->acceptor, false);
    }
}

int fl_server_run(struct fl_server *server)
{
    struct epoll_event ready[16];

    while (!server->stopping) {
        int n = epoll_wait(server->epoll_fd, ready, G_N_ELEMENTS(ready), wait_ms(server));

        if (n == 0)
            fl_acceptor_again(server->acceptor, true);
        for (int i = 0; i < n && !server->stopping; i++)
            handle(server, ready[i].data.ptr);
        fl_trim_if_due(&server->trim);
        check_idle(server);
    }
    fl_notify("STOPPING=1");
    return 0;
}

/* ---- making and freeing ---- */

static int watch(struct fl_server *server, int fd, void *what)
{
    struct epoll_event event = { .events = EPOLLIN, .data.ptr = what };

    if (fd < 0 || epoll_ctl(server->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
        return fl_error_system(errno, "cannot watch the daemon's own descriptors");
    return 0;
}

/* It may take its time, and is for nobody to wait for. */
static int watch_check(struct fl_server *server)
{
    int fd = server->tls ? fl_tls_host_begin(server->tls) : -1;

    return fd < 0 ? 0 : watch(server, fd, &server->tls);
}

static int start(struct fl_server *server, struct fl_listeners *listeners)
{
    sigset_t set;
    unsigned int want = CLAMP(g_get_num_processors(), IO_THREADS_MIN, IO_THREADS_MAX);

    signals(&set);
    server->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    server->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    server->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (watch(server, server->signal_fd, &server->signal_fd) < 0 ||
        watch(server, server->wake_fd, &server->wake_fd) < 0)
        return -1;
    server->pool = fl_pool_new(server->conf->max_workers, server->conf->max_client_requests, STUCK_GROWTH);
    server->logins = fl_pool_new(LOGIN_WORKERS, 1, 1);
    while (server->nio < want) {
        server->io[server->nio] = fl_io_new(server->nio);
        if (!server->io[server->nio])
            return -1;
        server->nio++;
    }
    server->acceptor = fl_acceptor_new(server, listeners, server->io, server->nio);
    fl_acceptor_set_limits(server->acceptor, server->conf->max_clients, server->conf->max_anonymous_clients);
    return fl_acceptor_start(server->acceptor) < 0 || watch_check(server) < 0 ? -1 : 0;
}

struct fl_server *fl_server_new(const struct fl_server_options *options, struct fl_daemon_conf *conf,
                                struct fl_listeners *listeners)
{
    struct fl_server *server = g_new0(struct fl_server, 1);

    server->options = *options;
    g_mutex_init(&server->lock);
    server->conf = conf;
    server->epoll_fd = server->signal_fd = server->wake_fd = -1;
    if (fl_listeners_have(listeners, FL_LISTENER_TLS))
        server->tls = fl_tls_host_new(conf, options->privileged);
    if (start(server, listeners) < 0) {
        fl_server_free(server);
        return NULL;
    }
    return server;
}

bool fl_server_free(struct fl_server *server)
{
    bool at_rest;

    if (!server)
        return true;
    if (server->acceptor)
        fl_acceptor_end(server->acceptor);
    at_rest = !server->tls || fl_tls_host_end(server->tls, END_WAIT_US); /* it takes clients in, too */
    for (unsigned int i = 0; i < server->nio; i++)
        fl_io_stop(server->io[i]);
    at_rest = fl_pool_free(server->logins, END_WAIT_US) && at_rest;
    at_rest = fl_pool_free(server->pool, END_WAIT_US) && at_rest;
    if (!at_rest)
        return false;
    for (unsigned int i = 0; i < server->nio; i++)
        fl_io_free(server->io[i]);
    if (server->epoll_fd >= 0)
        close(server->epoll_fd);
    if (server->signal_fd >= 0)
        close(server->signal_fd);
    if (server->wake_fd >= 0)
        close(server->wake_fd);
    fl_acceptor_free(server->acceptor);
    fl_daemon_conf_free(server->conf);
    fl_tls_host_free(server->tls);
    g_mutex_clear(&server->lock);
    g_free(server);
    return true;
}
