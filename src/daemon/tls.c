/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Certificates of the daemon. Their files are looked at with every client: four stat() calls, nothing beside
 * a handshake, and they need no descriptor and no thread. New ones serve the connections that follow; what
 * cannot be used leaves the old ones in place.
 */
#define FL_FROM VIR_FROM_RPC
#include "daemon/tls.h"

#include <string.h>
#include <sys/stat.h>
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
    struct fl_tls_creds *creds; /* NULL: none usable */
    char *problem;              /* why */
    struct stamp stamps[NFILES];
    int64_t remind_at;
};

/* Set once, by the first host, before there is a peer. */
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

static void remind(struct fl_tls_host *h)
{
    g_autofree char *soon = api->creds_expiry(h->creds);

    h->remind_at = g_get_monotonic_time() + REMIND_US;
    if (soon)
        fl_warn("tls: %s", soon);
}

static void keep_problem(struct fl_tls_host *h)
{
    g_free(h->problem);
    h->problem = g_strdup(fl_error_get()->message);
    fl_error_reset();
    if (h->creds)
        fl_warn("%s; the certificates loaded before stay in use", h->problem);
    else
        fl_warn("%s; TLS clients are turned away until that is mended, the daemon's other sockets serve",
                h->problem);
}

/* Whatever the files hold now. */
static void load(struct fl_tls_host *h)
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
    struct fl_tls_creds *creds = api->server_creds(&conf);

    fl_error_log_quietly(quiet);
    if (!creds) {
        keep_problem(h);
        return;
    }
    if (h->creds || h->problem)
        fl_info("tls: certificate '%s' was read again", h->files[FILE_CERT]);
    api->creds_unref(h->creds);
    h->creds = creds;
    g_clear_pointer(&h->problem, g_free);
    remind(h);
}

static void look_again(struct fl_tls_host *h)
{
    struct stamp now[NFILES];

    take_stamps(h, now);
    if (memcmp(now, h->stamps, sizeof(now)) != 0) {
        memcpy(h->stamps, now, sizeof(now)); /* before reading: a change meanwhile is seen the next time */
        load(h);
    } else if (h->creds && g_get_monotonic_time() >= h->remind_at) {
        remind(h);
    }
}

/* ---- for the server ---- */

struct fl_tls_host *fl_tls_host_new(const struct fl_daemon_conf *conf, bool privileged)
{
    struct fl_tls_host *h = g_new0(struct fl_tls_host, 1);

    g_mutex_init(&h->lock);
    h->privileged = privileged;
    take_settings(h, conf);
    if (!api)
        api = fl_module_load("tls", "listening for TLS");
    if (!api) {
        keep_problem(h);
        return h;
    }
    take_stamps(h, h->stamps);
    load(h);
    return h;
}

void fl_tls_host_configure(struct fl_tls_host *h, const struct fl_daemon_conf *conf)
{
    g_mutex_lock(&h->lock);
    take_settings(h, conf);
    if (api) {
        take_stamps(h, h->stamps);
        load(h);
    }
    g_mutex_unlock(&h->lock);
}

void fl_tls_host_free(struct fl_tls_host *h)
{
    if (!h)
        return;
    if (api)
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
    if (api)
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
