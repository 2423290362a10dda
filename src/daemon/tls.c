/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Certificates of the daemon. Their files are looked at with every client: four stat() calls, nothing beside
 * a handshake, and they need no descriptor. New ones serve the connections that follow; what cannot be used
 * leaves the old ones in place.
 *
 * All of that is done by one worker, for the files may lie where reading takes its time, or never ends: then
 * TLS clients wait, and nobody else. So what the worker knows needs no lock.
 */
#define FL_FROM VIR_FROM_RPC
#include "daemon/tls.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"
#include "base/module.h"
#include "base/util.h"
#include "daemon/pool.h"
#include "transport/tls.h"

#define REMIND_US ((int64_t)24 * 3600 * G_USEC_PER_SEC)

enum { FILE_CA, FILE_CRL, FILE_CERT, FILE_KEY, NFILES };

/* What tells states of a file apart; all zero: absent. */
struct stamp {
    dev_t dev;
    ino_t ino;
    off_t size;
    struct timespec changed;
};

struct settings {
    char *files[NFILES];
    bool crl_optional; /* nobody named it: used if it is there */
    char *priority;
    char **allowed;
    bool verify, sanity;
};

/* A pool of one thread, which is there while it has something to do. */
struct fl_tls_host {
    struct fl_pool *pool;
    struct fl_lane lane;
    pid_t checker; /* the first check is its: GnuTLS takes memory that a daemon without TLS clients spares */
    int check_fd;  /* what it finds; -1: it has none to tell, or has told it */
    GString *check_said;
    bool privileged;
    /* The worker's from here on. */
    struct settings settings;
    struct fl_tls_creds *creds; /* NULL: none usable, or none needed yet */
    char *problem;              /* why; NULL without creds: nobody has come */
    struct stamp stamps[NFILES];
    int64_t remind_at;
};

/* Set once, by the worker, before there is a TLS peer. */
static const struct fl_tls_api *api;

/* ---- settings ---- */

static char *default_file(bool privileged, const char *system, const char *name)
{
    return privileged ? g_strdup(system) : g_build_filename(g_get_home_dir(), ".pki", "libvirt", name, NULL);
}

static char *choose_file(const char *named, char *fallback)
{
    g_autofree char *otherwise = fallback;

    return named ? g_strdup(named) : g_steal_pointer(&otherwise);
}

static void settings_init(struct settings *s, const struct fl_daemon_conf *conf, bool p)
{
    s->files[FILE_CA] =
        choose_file(conf->ca_file, default_file(p, FL_SYSCONFDIR "/pki/CA/cacert.pem", "cacert.pem"));
    s->files[FILE_CRL] =
        choose_file(conf->crl_file, default_file(p, FL_SYSCONFDIR "/pki/CA/cacrl.pem", "cacrl.pem"));
    s->files[FILE_CERT] = choose_file(
        conf->cert_file, default_file(p, FL_SYSCONFDIR "/pki/libvirt/servercert.pem", "servercert.pem"));
    s->files[FILE_KEY] = choose_file(
        conf->key_file, default_file(p, FL_SYSCONFDIR "/pki/libvirt/private/serverkey.pem", "serverkey.pem"));
    s->crl_optional = !conf->crl_file;
    s->priority = g_strdup(conf->tls_priority);
    s->allowed = g_strdupv(conf->tls_allowed_dn_list);
    s->verify = !conf->tls_no_verify_certificate;
    s->sanity = !conf->tls_no_sanity_certificate;
    if (!s->verify && s->allowed)
        fl_warn("tls_allowed_dn_list is no protection with tls_no_verify_certificate = 1: anybody can make a "
                "certificate with any name");
}

static void settings_fini(struct settings *s)
{
    for (int i = 0; i < NFILES; i++)
        g_free(s->files[i]);
    g_free(s->priority);
    g_strfreev(s->allowed);
}

/* ---- files ---- */

static void take_stamps(struct fl_tls_host *h, struct stamp stamps[NFILES])
{
    struct stat st;

    memset(stamps, 0, NFILES * sizeof(*stamps));
    for (int i = 0; i < NFILES; i++) {
        if (stat(h->settings.files[i], &st) < 0)
            continue;
        stamps[i].dev = st.st_dev;
        stamps[i].ino = st.st_ino;
        stamps[i].size = st.st_size;
        stamps[i].changed = st.st_mtim;
    }
}

/* From time to time; `soon`: which certificate ends, if one does. */
static void remind(struct fl_tls_host *h, const char *soon)
{
    h->remind_at = g_get_monotonic_time() + REMIND_US;
    if (soon)
        fl_warn("tls: %s", soon);
}

static void keep_problem(struct fl_tls_host *h, const char *problem)
{
    g_free(h->problem);
    h->problem = g_strdup(problem);
    if (h->creds)
        fl_warn("%s; the certificates loaded before stay in use", h->problem);
    else
        fl_warn("%s; TLS clients are turned away until that is mended, the daemon's other sockets serve",
                h->problem);
}

/* Whatever the files hold now. NULL with the error set, which is nobody's yet. */
static struct fl_tls_creds *read_files(struct fl_tls_host *h)
{
    bool crl = !h->settings.crl_optional || access(h->settings.files[FILE_CRL], F_OK) == 0;
    struct fl_tls_server_conf conf = { .ca_file = h->settings.files[FILE_CA],
                                       .cert_file = h->settings.files[FILE_CERT],
                                       .key_file = h->settings.files[FILE_KEY],
                                       .crl_file = crl ? h->settings.files[FILE_CRL] : NULL,
                                       .priority = h->settings.priority,
                                       .allowed = h->settings.allowed,
                                       .verify = h->settings.verify,
                                       .sanity = h->settings.sanity };
    bool quiet = fl_error_log_quietly(true);
    struct fl_tls_creds *creds = NULL;

    if (!api)
        api = fl_module_load("tls", "listening for TLS");
    if (api)
        creds = api->server_creds(&conf);
    fl_error_log_quietly(quiet);
    return creds;
}

static void load(struct fl_tls_host *h)
{
    bool first = !h->creds && !h->problem; /* what was found good at the start, if it was looked at */
    struct fl_tls_creds *creds = read_files(h);
    g_autofree char *soon = NULL;

    if (!creds) {
        keep_problem(h, fl_error_get()->message);
        fl_error_reset();
        return;
    }
    if (!first)
        fl_info("tls: certificate '%s' was read again", h->settings.files[FILE_CERT]);
    if (api && h->creds)
        api->creds_unref(h->creds);
    h->creds = creds;
    g_clear_pointer(&h->problem, g_free);
    if (first && g_get_monotonic_time() < h->remind_at)
        return;
    soon = api->creds_expiry(creds);
    remind(h, soon);
}

static void look_again(struct fl_tls_host *h)
{
    struct stamp now[NFILES];

    take_stamps(h, now);
    if (memcmp(now, h->stamps, sizeof(now)) != 0) {
        memcpy(h->stamps, now, sizeof(now)); /* before reading: a change meanwhile is seen the next time */
        h->remind_at = 0;
        load(h);
    } else if (!h->creds && !h->problem) {
        load(h);
    } else if (h->creds && g_get_monotonic_time() >= h->remind_at) {
        g_autofree char *soon = api->creds_expiry(h->creds);

        remind(h, soon);
    }
}

/* ---- the check at the start ---- */

/* In the child, which ends here: the stamps, then 'P' and the problem, or 'S' and which certificate ends
 * soon, or 'G'. */
static void check_and_end(struct fl_tls_host *h, int fd)
{
    g_autofree char *soon = NULL;
    g_autofree char *text = NULL;
    struct fl_tls_creds *creds;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    take_stamps(h, h->stamps); /* before reading: a change meanwhile is seen the next time */
    creds = read_files(h);
    soon = creds ? api->creds_expiry(creds) : NULL;
    text =
        !creds ? g_strconcat("P", fl_error_get()->message, NULL) : g_strconcat(soon ? "S" : "G", soon, NULL);
    _exit(write(fd, h->stamps, sizeof(h->stamps)) < 0 || write(fd, text, strlen(text)) < 0);
}

/* Before there are threads. */
static void begin_check(struct fl_tls_host *h)
{
    int fds[2];

    if (pipe2(fds, O_CLOEXEC) < 0)
        return;
    h->checker = fork();
    if (h->checker == 0)
        check_and_end(h, fds[1]);
    close(fds[1]);
    if (h->checker > 0 && fl_fd_set_nonblock(fds[0], true) == 0)
        h->check_fd = fds[0];
    else
        close(fds[0]);
}

/* ---- the worker's jobs ---- */

/* What the first check has found. */
struct verdict {
    struct fl_job job; /* first, here and below */
    struct fl_tls_host *host;
    GString *said; /* less than the stamps: the child could not even say that */
};

static void take_verdict(struct fl_job *job)
{
    struct verdict *v = (struct verdict *)job;
    struct fl_tls_host *h = v->host;
    const char *text = v->said->len > sizeof(h->stamps) ? v->said->str + sizeof(h->stamps) : "";

    if (h->creds || h->problem) /* a client came meanwhile */
        return;
    if (*text)
        memcpy(h->stamps, v->said->str, sizeof(h->stamps));
    else
        take_stamps(h, h->stamps);
    if (*text == 'P')
        keep_problem(h, text + 1);
    else if (*text == 'S' || *text == 'G')
        remind(h, text[1] ? text + 1 : NULL);
    else
        load(h);
}

static void free_verdict(struct fl_job *job)
{
    g_string_free(((struct verdict *)job)->said, TRUE);
    g_free(job);
}

static void submit_verdict(struct fl_tls_host *h)
{
    struct verdict *v = g_new0(struct verdict, 1);

    v->job = (struct fl_job){ .run = take_verdict, .free = free_verdict };
    v->host = h;
    v->said = g_steal_pointer(&h->check_said);
    fl_tls_host_submit(h, &v->job);
}

/* New settings. */
struct change {
    struct fl_job job;
    struct fl_tls_host *host;
    struct settings settings;
};

static void take_change(struct fl_job *job)
{
    struct change *c = (struct change *)job;
    struct fl_tls_host *h = c->host;
    struct settings old = h->settings;

    h->settings = c->settings;
    c->settings = old;
    take_stamps(h, h->stamps);
    h->remind_at = 0;
    load(h);
}

static void free_change(struct fl_job *job)
{
    settings_fini(&((struct change *)job)->settings);
    g_free(job);
}

/* ---- for the server ---- */

struct fl_tls_host *fl_tls_host_new(const struct fl_daemon_conf *conf, bool privileged)
{
    struct fl_tls_host *h = g_new0(struct fl_tls_host, 1);

    h->pool = fl_pool_new(1, 1, 1);
    h->privileged = privileged;
    h->check_fd = -1;
    h->check_said = g_string_new(NULL);
    settings_init(&h->settings, conf, privileged);
    begin_check(h);
    return h;
}

int fl_tls_host_begin(struct fl_tls_host *h)
{
    if (h->check_fd < 0)
        submit_verdict(h);
    return h->check_fd;
}

void fl_tls_host_hear_check(struct fl_tls_host *h)
{
    char part[512];
    ssize_t n;

    while ((n = read(h->check_fd, part, sizeof(part))) > 0)
        g_string_append_len(h->check_said, part, n);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    fl_fd_close(&h->check_fd);
    while (waitpid(h->checker, NULL, 0) < 0 && errno == EINTR)
        ;
    submit_verdict(h);
}

void fl_tls_host_configure(struct fl_tls_host *h, const struct fl_daemon_conf *conf)
{
    struct change *c = g_new0(struct change, 1);

    c->job = (struct fl_job){ .run = take_change, .free = free_change };
    c->host = h;
    settings_init(&c->settings, conf, h->privileged);
    fl_tls_host_submit(h, &c->job);
}

void fl_tls_host_submit(struct fl_tls_host *h, struct fl_job *job)
{
    fl_pool_submit(h->pool, &h->lane, job);
}

/* A check that hangs is left to init. */
static void end_check(struct fl_tls_host *h)
{
    if (h->check_fd < 0)
        return;
    fl_fd_close(&h->check_fd);
    kill(h->checker, SIGKILL);
    waitpid(h->checker, NULL, WNOHANG);
}

bool fl_tls_host_end(struct fl_tls_host *h, int64_t wait_us)
{
    end_check(h);
    fl_pool_drop(h->pool, &h->lane);
    return fl_pool_free(h->pool, wait_us);
}

void fl_tls_host_free(struct fl_tls_host *h)
{
    if (!h)
        return;
    if (h->creds)
        api->creds_unref(h->creds);
    settings_fini(&h->settings);
    if (h->check_said)
        g_string_free(h->check_said, TRUE);
    g_free(h->problem);
    g_free(h);
}

/* ---- for peers ---- */

struct fl_transport *fl_tls_host_accept(struct fl_tls_host *h, int fd)
{
    struct fl_transport *t = NULL;

    look_again(h);
    if (h->creds)
        t = api->accept(h->creds, fl_transport_from_accepted(fd, false));
    else
        close(fd);
    if (!h->creds)
        fl_error(VIR_ERR_OPERATION_FAILED, "a TLS client is turned away: %s", h->problem);
    return t;
}

int fl_tls_handshake(struct fl_transport *transport)
{
    return api->handshake(transport);
}

const char *fl_tls_client_name(struct fl_transport *transport)
{
    return api->peer_name(transport);
}
