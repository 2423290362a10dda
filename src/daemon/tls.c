/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Certificates of the daemon. Their files are looked at with every client: four stat() calls, nothing beside
 * a handshake, and they need no descriptor and no thread. New ones serve the connections that follow; what
 * cannot be used leaves the old ones in place.
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

struct fl_tls_host {
    GMutex lock; /* guards all below */
    bool privileged;
    char *files[NFILES];
    bool crl_optional; /* nobody named it: used if it is there */
    char *priority;
    char **allowed;
    bool verify, sanity;
    struct fl_tls_creds *creds; /* NULL: none usable, or none needed yet */
    char *problem;              /* why; NULL without creds: nobody has come */
    struct stamp stamps[NFILES];
    int64_t remind_at;
    pid_t checker; /* the first check is its: GnuTLS takes memory that a daemon without TLS clients spares */
    int check_fd;  /* what it finds; -1: it has none to tell */
};

/* Set once, under the lock of the host, before there is a TLS peer. */
static const struct fl_tls_api *api;

/* ---- settings ---- */

static char *default_file(bool privileged, const char *system, const char *name)
{
    return privileged ? g_strdup(system) : g_build_filename(g_get_home_dir(), ".pki", "libvirt", name, NULL);
}

static void take_file(char **to, const char *named, char *fallback)
{
    g_free(*to);
    *to = named ? g_strdup(named) : g_strdup(fallback);
    g_free(fallback);
}

static void take_settings(struct fl_tls_host *h, const struct fl_daemon_conf *conf)
{
    bool p = h->privileged;

    take_file(&h->files[FILE_CA], conf->ca_file,
              default_file(p, FL_SYSCONFDIR "/pki/CA/cacert.pem", "cacert.pem"));
    take_file(&h->files[FILE_CRL], conf->crl_file,
              default_file(p, FL_SYSCONFDIR "/pki/CA/cacrl.pem", "cacrl.pem"));
    take_file(&h->files[FILE_CERT], conf->cert_file,
              default_file(p, FL_SYSCONFDIR "/pki/libvirt/servercert.pem", "servercert.pem"));
    take_file(&h->files[FILE_KEY], conf->key_file,
              default_file(p, FL_SYSCONFDIR "/pki/libvirt/private/serverkey.pem", "serverkey.pem"));
    h->crl_optional = !conf->crl_file;
    g_free(h->priority);
    h->priority = g_strdup(conf->tls_priority);
    g_strfreev(h->allowed);
    h->allowed = g_strdupv(conf->tls_allowed_dn_list);
    h->verify = !conf->tls_no_verify_certificate;
    h->sanity = !conf->tls_no_sanity_certificate;
    if (!h->verify && h->allowed)
        fl_warn("tls_allowed_dn_list is no protection with tls_no_verify_certificate = 1: anybody can make a "
                "certificate with any name");
}

/* ---- files ---- */

static void take_stamps(struct fl_tls_host *h, struct stamp stamps[NFILES])
{
    struct stat st;

    memset(stamps, 0, NFILES * sizeof(*stamps));
    for (int i = 0; i < NFILES; i++) {
        if (stat(h->files[i], &st) < 0)
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
    bool crl = !h->crl_optional || access(h->files[FILE_CRL], F_OK) == 0;
    struct fl_tls_server_conf conf = { .ca_file = h->files[FILE_CA],
                                       .cert_file = h->files[FILE_CERT],
                                       .key_file = h->files[FILE_KEY],
                                       .crl_file = crl ? h->files[FILE_CRL] : NULL,
                                       .priority = h->priority,
                                       .allowed = h->allowed,
                                       .verify = h->verify,
                                       .sanity = h->sanity };
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
        fl_info("tls: certificate '%s' was read again", h->files[FILE_CERT]);
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

/* In the child, which ends here: 'P' and the problem, or 'S' and which certificate ends soon, or 'G'. */
static void check_and_end(struct fl_tls_host *h, int fd)
{
    g_autofree char *soon = NULL;
    g_autofree char *text = NULL;
    struct fl_tls_creds *creds;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    creds = read_files(h);
    soon = creds ? api->creds_expiry(creds) : NULL;
    text =
        !creds ? g_strconcat("P", fl_error_get()->message, NULL) : g_strconcat(soon ? "S" : "G", soon, NULL);
    _exit(write(fd, text, strlen(text)) < 0);
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
    if (h->checker > 0)
        h->check_fd = fds[0];
    else
        close(fds[0]);
}

/* What the child has to say; empty: it could not even say that. Waits for its end. */
static char *hear_check(struct fl_tls_host *h)
{
    GString *text = g_string_new(NULL);
    char part[512];
    ssize_t n;

    while ((n = read(h->check_fd, part, sizeof(part))) > 0 || (n < 0 && errno == EINTR))
        g_string_append_len(text, part, MAX(n, 0));
    close(h->check_fd);
    h->check_fd = -1;
    while (waitpid(h->checker, NULL, 0) < 0 && errno == EINTR)
        ;
    return g_string_free(text, FALSE);
}

/* ---- for the server ---- */

struct fl_tls_host *fl_tls_host_new(const struct fl_daemon_conf *conf, bool privileged)
{
    struct fl_tls_host *h = g_new0(struct fl_tls_host, 1);

    g_mutex_init(&h->lock);
    h->privileged = privileged;
    h->check_fd = -1;
    take_settings(h, conf);
    take_stamps(h, h->stamps);
    begin_check(h);
    return h;
}

void fl_tls_host_checked(struct fl_tls_host *h)
{
    g_autofree char *text = h->check_fd >= 0 ? hear_check(h) : g_strdup("");

    g_mutex_lock(&h->lock);
    if (h->creds || h->problem) { /* a client came meanwhile, and its thread knows */
        g_mutex_unlock(&h->lock);
        return;
    }
    if (text[0] == 'P')
        keep_problem(h, text + 1);
    else if (text[0] == 'S' || text[0] == 'G')
        remind(h, text[1] ? text + 1 : NULL);
    else
        load(h);
    g_mutex_unlock(&h->lock);
}

void fl_tls_host_configure(struct fl_tls_host *h, const struct fl_daemon_conf *conf)
{
    g_mutex_lock(&h->lock);
    take_settings(h, conf);
    take_stamps(h, h->stamps);
    h->remind_at = 0;
    load(h);
    g_mutex_unlock(&h->lock);
}

void fl_tls_host_free(struct fl_tls_host *h)
{
    if (!h)
        return;
    if (h->check_fd >= 0)
        g_free(hear_check(h));
    if (h->creds)
        api->creds_unref(h->creds);
    for (int i = 0; i < NFILES; i++)
        g_free(h->files[i]);
    g_free(h->priority);
    g_free(h->problem);
    g_strfreev(h->allowed);
    g_mutex_clear(&h->lock);
    g_free(h);
}

/* ---- for peers ---- */

struct fl_transport *fl_tls_host_accept(struct fl_tls_host *h, int fd)
{
    struct fl_transport *t = NULL;

    g_mutex_lock(&h->lock);
    look_again(h);
    if (h->creds)
        t = api->accept(h->creds, fl_transport_from_accepted(fd, false));
    else
        close(fd);
    if (!h->creds)
        fl_error(VIR_ERR_OPERATION_FAILED, "a TLS client is turned away: %s", h->problem);
    g_mutex_unlock(&h->lock);
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
