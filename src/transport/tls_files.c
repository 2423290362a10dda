/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where a client's certificates are, as the peer looks for them. pkipath= names one folder for all. Otherwise
 * an ordinary user's folder goes before the machine's for each of: the authority, the list of revoked
 * certificates, and certificate and key together. Root looks at the machine's only.
 */
#include <errno.h>
#include <unistd.h>

#include "transport/tls_private.h"
#include "uri/route.h"

#ifndef FL_SYSCONFDIR
#define FL_SYSCONFDIR "/etc"
#endif

static bool exists(const char *path)
{
    return access(path, F_OK) == 0;
}

static char *first(const char *folder, const char *name, const char *fallback)
{
    char *path = folder ? g_build_filename(folder, name, NULL) : NULL;

    if (path && exists(path))
        return path;
    g_free(path);
    return g_strdup(fallback);
}

/* Certificate and key go together or not at all. */
static void take_pair(struct fl_tls_files *files, char *cert, char *key)
{
    files->cert = cert;
    files->key = key;
    if (exists(cert) && exists(key)) {
        g_clear_pointer(&files->missing, g_free);
        return;
    }
    g_free(files->missing);
    files->missing = g_strdup(exists(cert) ? key : cert);
    files->why = access(files->missing, F_OK) < 0 && errno == EACCES ? "is in a folder closed to this user"
                                                                     : "is missing";
    g_clear_pointer(&files->cert, g_free);
    g_clear_pointer(&files->key, g_free);
}

static void from_folder(const char *folder, struct fl_tls_files *files)
{
    files->ca = g_build_filename(folder, "cacert.pem", NULL);
    files->crl = g_build_filename(folder, "cacrl.pem", NULL);
    take_pair(files, g_build_filename(folder, "clientcert.pem", NULL),
              g_build_filename(folder, "clientkey.pem", NULL));
}

void fl_tls_client_files(const struct fl_route *route, bool privileged, struct fl_tls_files *ret)
{
    g_autofree char *user = NULL;

    *ret = (struct fl_tls_files){ 0 };
    if (route->pkipath && *route->pkipath) {
        from_folder(route->pkipath, ret);
    } else {
        if (!privileged)
            user = g_build_filename(g_get_home_dir(), ".pki", "libvirt", NULL);
        ret->ca = first(user, "cacert.pem", FL_SYSCONFDIR "/pki/CA/cacert.pem");
        ret->crl = first(user, "cacrl.pem", FL_SYSCONFDIR "/pki/CA/cacrl.pem");
        if (user)
            take_pair(ret, g_build_filename(user, "clientcert.pem", NULL),
                      g_build_filename(user, "clientkey.pem", NULL));
        if (!ret->cert)
            take_pair(ret, g_strdup(FL_SYSCONFDIR "/pki/libvirt/clientcert.pem"),
                      g_strdup(FL_SYSCONFDIR "/pki/libvirt/private/clientkey.pem"));
        ret->user = g_steal_pointer(&user);
    }
    if (!exists(ret->crl))
        g_clear_pointer(&ret->crl, g_free);
}

void fl_tls_files_clear(struct fl_tls_files *files)
{
    g_free(files->ca);
    g_free(files->crl);
    g_free(files->cert);
    g_free(files->key);
    g_free(files->missing);
    g_free(files->user);
    *files = (struct fl_tls_files){ 0 };
}
