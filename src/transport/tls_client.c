/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The tls transport: a client's session over TCP, port 16514, or over the unix socket (socket=) or command
 * (command=) that the URI names. Opening ends when the server has said that it accepts this client.
 *
 * Codes as the peer's: files, priorities and a server that hangs up are system errors; a handshake or a
 * certificate that fails is an authentication error.
 */
#define FL_FROM VIR_FROM_RPC
#include <errno.h>
#include <poll.h>
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "base/module.h"
#include "base/util.h"
#include "base/walk.h"
#include "transport/channel.h"
#include "transport/tls_pin.h"
#include "transport/tls_private.h"
#include "uri/route.h"

#define TLS_PORT         16514
#define DEFAULT_PRIORITY "NORMAL"

/* One opening. */
struct opening {
    struct fl_transport *t;
    const struct fl_route *route;
    struct fl_tls_files files;
    struct fl_tls_creds *creds;
    char *host; /* the name the certificate has to be for */
    bool pinned;
    unsigned char pin[FL_TLS_SUM];
    int64_t deadline;
};

/* ---- files ---- */

/* A folder that was named for this connection is not half used. */
static int check_folder(const struct opening *o)
{
    const char *missing = o->files.missing;
    g_autofree char *cert = NULL, *key = NULL;

    if (!o->route->pkipath || !missing)
        return 0;
    cert = g_build_filename(o->route->pkipath, "clientcert.pem", NULL);
    key = g_build_filename(o->route->pkipath, "clientkey.pem", NULL);
    if (!g_file_test(cert, G_FILE_TEST_EXISTS) && !g_file_test(key, G_FILE_TEST_EXISTS))
        return 0; /* the server may not ask for one */
    return fl_channel_error(ENOENT, "tls: '%s' %s, and '%s' is of no use without it; put it there", missing,
                            o->files.why, g_str_equal(missing, key) ? cert : key);
}

static int load_creds(struct opening *o, bool privileged)
{
    const struct fl_route *route = o->route;
    bool need_ca = !o->pinned && !route->no_verify;

    fl_tls_client_files(route, privileged, &o->files);
    if (check_folder(o) < 0)
        return -1;
    struct fl_tls_spec spec = { .ca = o->files.ca,
                                .crl = o->files.crl,
                                .cert = o->files.cert,
                                .key = o->files.key,
                                .priority = route->tls_priority ? route->tls_priority : DEFAULT_PRIORITY,
                                .sanity = !route->no_sanity };
    if (o->pinned || (!need_ca && !g_file_test(spec.ca, G_FILE_TEST_EXISTS)))
        spec.ca = spec.crl = NULL;
    o->creds = fl_tls_creds_get(&spec);
    return o->creds ? 0 : -1;
}

/* ---- the way there ---- */

static int open_below(struct opening *o, const struct fl_endpoint *ep)
{
    struct fl_endpoint below = *ep;
    struct fl_route route = *o->route;
    const char *name = route.command ? "ext" : route.socket ? "unix" : "tcp";

    if (route.socket) /* the host is only a name in a certificate then */
        route.host = NULL;
    below.route = &route;

    below.default_port = TLS_PORT;
    if (fl_transport_open_below(o->t, name, &below) < 0)
        return -1;
    o->t->target = g_strdup(o->t->below->target);
    return 0;
}

/* ---- the handshake ---- */

static int too_late(const struct opening *o, const char *during)
{
    return fl_channel_error(
        ETIMEDOUT, "tls: %s did not answer in time during %s; check that a daemon with TLS listens there",
        o->t->target, during);
}

/* 0, or -1 with the error set. */
static int wait_for(const struct opening *o, const char *during)
{
    short events = fl_transport_want(o->t, POLLIN);
    int rc = fl_fd_wait(o->t->fd, events, o->deadline);

    if (rc == -ETIMEDOUT)
        return too_late(o, during);
    return rc < 0 ? fl_channel_error(-rc, "tls: cannot wait for %s: %s", o->t->target, g_strerror(-rc)) : 0;
}

static int shake_alert(const struct opening *o, struct fl_tls *tls)
{
    const char *alert = fl_tls_alert(tls);

    return fl_error(
        VIR_ERR_AUTH_FAILED,
        "tls: %s refused the handshake: %s; our priority string is '%s' (tls_priority), its log says more",
        o->t->target, alert ? alert : "without a reason", o->creds->priority_text);
}

static int shake_failed(const struct opening *o, struct fl_tls *tls, int code)
{
    if (tls->rx_failed) {
        g_autofree char *said = g_strdup(fl_error_get()->message);
        return fl_error(VIR_ERR_AUTH_FAILED, "tls: the handshake with %s was cut off: %s", o->t->target,
                        said);
    }
    switch (code) {
    case GNUTLS_E_FATAL_ALERT_RECEIVED:
        return shake_alert(o, tls);
    case GNUTLS_E_PREMATURE_TERMINATION:
    case GNUTLS_E_UNEXPECTED_PACKET_LENGTH:
        return fl_error(
            VIR_ERR_AUTH_FAILED,
            "tls: %s closed the connection during the handshake; check that its port is the one for TLS "
            "(%d), and its log",
            o->t->target, TLS_PORT);
    case GNUTLS_E_UNEXPECTED_PACKET:
    case GNUTLS_E_UNSUPPORTED_VERSION_PACKET:
    case GNUTLS_E_RECORD_OVERFLOW:
        return fl_error(VIR_ERR_AUTH_FAILED,
                        "tls: %s answers, but not with TLS (%s); check that its port is the one "
                        "for TLS (%d)",
                        o->t->target, gnutls_strerror(code), TLS_PORT);
    default:
        return fl_error(VIR_ERR_AUTH_FAILED,
                        "tls: the handshake with %s failed: %s; our priority string is '%s'", o->t->target,
                        gnutls_strerror(code), o->creds->priority_text);
    }
}

static int shake(const struct opening *o, struct fl_tls *tls)
{
    int rc;

    while ((rc = fl_tls_shake(tls)) != 0) {
        if (rc != -FL_AGAIN)
            return shake_failed(o, tls, rc);
        if (wait_for(o, "the handshake") < 0)
            return -1;
    }
    fl_stage_note("%s, %s", gnutls_protocol_get_name(gnutls_protocol_get_version(tls->session)),
                  gnutls_cipher_get_name(gnutls_cipher_get(tls->session)));
    return 0;
}

static int check_server(const struct opening *o, struct fl_tls *tls)
{
    struct fl_tls_wanted wanted = { .target = o->t->target,
                                    .host = o->host,
                                    .pin = o->pinned ? o->pin : NULL,
                                    .verify = !o->route->no_verify };

    return fl_tls_check_server(tls, &wanted);
}

/* ---- what the server says to us ---- */

static char *our_certificate(const struct opening *o)
{
    if (o->creds->cert)
        return g_strdup_printf("our certificate '%s' (%s)", o->creds->cert, o->creds->name);
    return g_strdup_printf("we show no certificate, '%s' %s; put certificate and key there%s%s",
                           o->files.missing, o->files.why, o->files.user ? " or into " : "",
                           o->files.user ? o->files.user : "");
}

/* Only an alert is an answer; a daemon that makes room for others closes without one, as many do who refuse.
 */
static int refused(const struct opening *o, struct fl_tls *tls)
{
    const char *alert = fl_tls_alert(tls);
    g_autofree char *shown = our_certificate(o);

    if (alert)
        return fl_channel_error(EIO, "tls: %s ended the connection after the handshake with %s: %s%s",
                                o->t->target, alert, o->creds->cert ? "it does not accept " : "", shown);
    return fl_channel_error(EIO,
                            "tls: %s ended the connection after the handshake without a reason: either it "
                            "does not let us in (%s: "
                            "not of an authority it trusts, or not in its list of allowed names), or it has "
                            "no room for more clients "
                            "that are not logged in; its log says which",
                            o->t->target, shown);
}

static int read_acceptance(const struct opening *o, struct fl_tls *tls)
{
    unsigned char byte = 0;
    ssize_t n;

    for (;;) {
        bool quiet = fl_error_log_quietly(true);

        n = fl_tls_read(o->t, &byte, 1);
        fl_error_log_quietly(quiet);
        if (n != -FL_AGAIN)
            break;
        if (wait_for(o, "its check of our certificate") < 0)
            return -1;
    }
    if (n != 1)
        return refused(o, tls);
    if (byte != 1)
        return fl_error(VIR_ERR_AUTH_FAILED,
                        "tls: %s answers %u instead of accepting this client; is it libvirtd?", o->t->target,
                        byte);
    return 0;
}

/* ---- all of it ---- */

static void name_server(const struct opening *o, struct fl_tls *tls)
{
    if (!g_hostname_is_ip_address(o->host))
        gnutls_server_name_set(tls->session, GNUTLS_NAME_DNS, o->host, strlen(o->host));
}

static int secure(struct opening *o)
{
    struct fl_tls *tls;

    if (o->creds->cert)
        fl_stage_note("our certificate: %s, %s", o->creds->cert, o->creds->name);
    else
        fl_stage_note("our certificate: none, '%s' %s", o->files.missing, o->files.why);
    if (fl_tls_attach(o->t, o->creds) < 0)
        return -1;
    tls = o->t->priv;
    name_server(o, tls);
    if (shake(o, tls) < 0 || check_server(o, tls) < 0 || read_acceptance(o, tls) < 0)
        return -1;
    o->t->encrypted = true;
    return 0;
}

static void opening_clear(struct opening *o)
{
    FL_ERROR_PRESERVE;
    fl_tls_files_clear(&o->files);
    fl_tls_creds_unref(o->creds);
    g_free(o->host);
}

static int tls_open(struct fl_transport *t, const struct fl_endpoint *ep)
{
    const struct fl_route *route = ep->route;
    struct opening o = { .t = t, .route = route, .deadline = ep->deadline_us };
    int rc = -1;

    o.host = g_strdup(route->host && *route->host ? route->host : "localhost");
    if (strchr(o.host, '%')) /* an address's zone is this machine's affair */
        *strchr(o.host, '%') = '\0';
    o.pinned = route->tls_fingerprint != NULL;
    if (o.pinned && fl_tls_fingerprint_parse(route->tls_fingerprint, o.pin) < 0)
        goto out;
    if (load_creds(&o, ep->privileged) < 0) {
        fl_stage_enter(FL_STAGE_TLS, "host '%s'", o.host);
        goto out;
    }
    if (open_below(&o, ep) < 0)
        goto out;
    fl_stage_enter(FL_STAGE_TLS, "%s", t->target);
    rc = secure(&o);
out:
    opening_clear(&o);
    return rc;
}

const struct fl_transport_ops fl_transport_tls = {
    .name = "tls",
    .open = tls_open,
    .read = fl_tls_read,
    .write = fl_tls_write,
    .write2 = fl_tls_write2,
    .want = fl_tls_want,
    .half_close = fl_tls_half_close,
    .pending = fl_tls_pending,
    .close = fl_tls_close,
};

static const struct fl_tls_api api = {
    .transport = { &fl_transport_tls },
    .server_creds = fl_tls_server_creds,
    .creds_unref = fl_tls_creds_unref,
    .creds_expiry = fl_tls_creds_expiry,
    .accept = fl_tls_accept,
    .handshake = fl_tls_server_handshake,
    .peer_name = fl_tls_server_peer_name,
};
FL_MODULE_EXPORT(api);
