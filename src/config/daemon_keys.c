/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Every key of libvirtd.conf: one row each. Reading (daemon_conf.c) and the manual page follow this table.
 */
#include <stdlib.h>
#include <string.h>

#include <glib.h>

#include "config/daemon_conf.h"
#include "base/log.h"
#include "base/util.h"

static const char *check_uuid(const char *text)
{
    unsigned char uuid[16];
    bool all_same = true;

    if (!fl_uuid_parse(text, uuid))
        return "a UUID like 4d1e8d4c-6f2a-4c57-9f0e-3b6d2a9c1f55";
    for (size_t i = 0; i < sizeof(uuid); i++)
        all_same = all_same && uuid[i] == uuid[0] && uuid[i] >> 4 == (uuid[i] & 15);
    return all_same ? "a UUID whose digits are not all the same" : NULL;
}

static const char *check_uuid_source(const char *text)
{
    return strcmp(text, "smbios") == 0 || strcmp(text, "machine-id") == 0 ? NULL
                                                                          : "\"smbios\" or \"machine-id\"";
}

/* A number is a port; anything else is left to the services database. */
static const char *check_port(const char *text)
{
    if (*text == '\0')
        return "a port number or service name";
    if (text[strspn(text, "0123456789")] != '\0')
        return NULL;
    return strlen(text) > 5 || atol(text) > 65535 ? "a port from 0 to 65535" : NULL;
}

static const char *check_access(const char *text)
{
    return strcmp(text, "polkit") == 0 || strcmp(text, "nop") == 0 || strcmp(text, "none") == 0
               ? NULL
               : "\"polkit\"";
}

/* polkit asks about the process at the other end of a UNIX socket; a network peer has none to ask about. */
static const char *check_network_auth(const char *text)
{
    return strcmp(text, "polkit") == 0 ? "\"none\" or \"sasl\" (polkit works on UNIX sockets only)" : NULL;
}

#define KEY(name_, type_, fallback_, ...)                                                                    \
    {                                                                                                        \
        .name = #name_, .type = FL_KEY_##type_, .offset = offsetof(struct fl_daemon_conf, name_),            \
        .fallback = fallback_, __VA_ARGS__                                                                   \
    }
#define OLD_KEY(name_, help_)                                                                                \
    {                                                                                                        \
        .name = name_, .type = FL_KEY_UNUSED, .group = "Keepalive", .help = help_                            \
    }
#define NET   .group = "Network", .network = true
#define SOCK  .group = "UNIX sockets"
#define AUTH  .group = "Authentication"
#define CERTS .group = "TLS certificates", .network = true
#define LIMIT .group = "Limits"
#define ADMIN .group = "Administration interface (not built: read, without effect)"
#define LOG   .group = "Logging"
#define AUDIT .group = "Auditing (not built: read, without effect)"
#define HOST  .group = "Host identity (not built: read, without effect)"
#define ALIVE .group = "Keepalive"
#define OVS   .group = "Open vSwitch (not built: read, without effect)"

/* clang-format off */
const struct fl_daemon_key fl_daemon_keys[] = {
    KEY(listen_tls, BOOL, "1", NET, .help = "accept TLS connections, with --listen"),
    KEY(listen_tcp, BOOL, "0", NET, .help = "accept unencrypted TCP connections, with --listen"),
    KEY(tls_port, TEXT, "16514", NET, .check = check_port, .help = "port or service for TLS"),
    KEY(tcp_port, TEXT, "16509", NET, .check = check_port, .help = "port or service for TCP"),
    KEY(listen_addr, TEXT, NULL, NET, .help = "address or host name to bind to; all addresses when not set"),

    KEY(unix_sock_group, TEXT, NULL, SOCK, .help = "group that owns the sockets"),
    KEY(unix_sock_ro_perms, PERMS, "0777", SOCK, .help = "mode of the read-only socket"),
    KEY(unix_sock_rw_perms, PERMS, "0700", SOCK, .help = "mode of the socket; 0777 unless auth_unix_rw is none"),
    KEY(unix_sock_admin_perms, PERMS, "0700", SOCK, .help = "mode of the administration socket, which there is none of yet"),
    KEY(also_listen_as, LIST, NULL, SOCK, .help = "daemons whose sockets are served, too, such as [ \"virtqemud\" ]; not one of the incumbent's keys"),
    KEY(unix_sock_dir, TEXT, NULL, SOCK, .help = "folder of the sockets; the run-time folder when not set"),

    KEY(auth_unix_ro, AUTH, "polkit in the system daemon, none elsewhere", AUTH, .help = "read-only socket: none, sasl or polkit"),
    KEY(auth_unix_rw, AUTH, "polkit in the system daemon, none elsewhere", AUTH, .help = "socket: none, sasl or polkit"),
    KEY(auth_tcp, AUTH, "sasl", AUTH, .network = true, .check = check_network_auth, .help = "TCP connections: none or sasl"),
    KEY(auth_tls, AUTH, "none", AUTH, .network = true, .check = check_network_auth, .help = "TLS connections: none or sasl"),
    KEY(tcp_min_ssf, UINT, "56", AUTH, .network = true, .min = 112, .max = 100000, .help = "least strength of SASL encryption on TCP, in bits; 56 lets in what is too weak by now, so whoever sets it sets 112 at least"),
    KEY(access_drivers, LIST, NULL, AUTH, .check = check_access, .help = "access control beyond authentication; not built: a name such as \"polkit\" stops the daemon"),
    KEY(sasl_allowed_username_list, LIST, NULL, AUTH, .help = "patterns of SASL user names let in; all when not set"),

    KEY(key_file, TEXT, NULL, CERTS, .help = "private key of the server"),
    KEY(cert_file, TEXT, NULL, CERTS, .help = "certificate of the server"),
    KEY(ca_file, TEXT, NULL, CERTS, .help = "certificate of the authority"),
    KEY(crl_file, TEXT, NULL, CERTS, .help = "revoked certificates"),
    KEY(tls_no_sanity_certificate, BOOL, "0", CERTS, .help = "do not check our own certificates at start"),
    KEY(tls_no_verify_certificate, BOOL, "0", CERTS, .help = "do not check the certificates of clients"),
    KEY(tls_allowed_dn_list, LIST, NULL, CERTS, .help = "patterns of distinguished names let in; all when not set"),
    KEY(tls_priority, TEXT, NULL, CERTS, .help = "GnuTLS priority string"),

    KEY(max_clients, UINT, "5000", LIMIT, .min = 1, .help = "connections at one time"),
    KEY(max_queued_clients, UINT, "1000", LIMIT, .help = "connections waiting to be accepted"),
    KEY(max_anonymous_clients, UINT, "20", LIMIT, .help = "connections not yet authenticated, a quarter of them from one user or address; 0 for no limit"),
    KEY(login_timeout, UINT, "120", LIMIT, .min = 1, .max = 86400, .help = "seconds a login may take (libvirtd of libvirt does not know it)"),
    KEY(min_workers, UINT, "5", LIMIT, .help = "no effect: worker threads are made as they are needed"),
    KEY(max_workers, UINT, "20", LIMIT, .min = 1, .help = "worker threads at most, those not counted that are stuck in a call"),
    KEY(prio_workers, UINT, "5", LIMIT, .help = "no effect: calls that never wait take no worker"),
    KEY(max_client_requests, UINT, "5", LIMIT, .min = 1, .help = "calls one client may have in progress"),

    KEY(admin_min_workers, UINT, "1", ADMIN, .help = "as min_workers"),
    KEY(admin_max_workers, UINT, "5", ADMIN, .min = 1, .help = "as max_workers"),
    KEY(admin_max_clients, UINT, "5", ADMIN, .min = 1, .help = "as max_clients"),
    KEY(admin_max_queued_clients, UINT, "5", ADMIN, .help = "as max_queued_clients"),
    KEY(admin_max_client_requests, UINT, "5", ADMIN, .min = 1, .help = "as max_client_requests"),

    KEY(log_level, UINT, "0", LOG, .max = 4, .help = "1 debug, 2 information, 3 warnings, 4 errors"),
    KEY(log_filters, TEXT, NULL, LOG, .check = fl_log_check_filters, .help = "\"level:match level:match …\""),
    KEY(log_outputs, TEXT, NULL, LOG, .check = fl_log_check_outputs, .help = "\"level:stderr\", \"level:file:PATH\", \"level:syslog:NAME\", \"level:journald\""),

    KEY(audit_level, UINT, "1", AUDIT, .max = 2, .help = "0 off, 1 when the host has it, 2 required"),
    KEY(audit_logging, BOOL, "0", AUDIT, .help = "copy audit messages to the log"),

    KEY(host_uuid, TEXT, NULL, HOST, .check = check_uuid, .help = "UUID of this host"),
    KEY(host_uuid_source, TEXT, NULL, HOST, .check = check_uuid_source, .help = "where the UUID comes from: smbios or machine-id"),

    KEY(keepalive_interval, INT, "5", ALIVE, .min = -1, .max = 86400, .help = "seconds of silence before a client is asked; -1 never"),
    KEY(keepalive_count, UINT, "5", ALIVE, .help = "unanswered questions before the connection is closed"),
    KEY(admin_keepalive_interval, INT, "5", ADMIN, .min = -1, .max = 86400, .help = "as keepalive_interval"),
    KEY(admin_keepalive_count, UINT, "5", ADMIN, .help = "as keepalive_count"),
    OLD_KEY("keepalive_required", "no longer used"),
    OLD_KEY("admin_keepalive_required", "no longer used"),

    KEY(ovs_timeout, UINT, "5", OVS, .help = "seconds an ovs-vsctl call may take"),
    { .name = NULL },
};
/* clang-format on */
