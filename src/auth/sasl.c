/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The part of SASL that needs no library: names, lists, and the way to the module. */
#define FL_FROM VIR_FROM_AUTH
#include "auth/sasl.h"

#include <string.h>

#include <glib.h>

#include "base/module.h"

#define NAME_MAX_LENGTH 20 /* RFC 4422 */

const struct fl_sasl_api *fl_sasl_load(void)
{
    return fl_module_load("sasl", "SASL authentication");
}

bool fl_sasl_list_has(const char *list, const char *mechanism)
{
    size_t want = strlen(mechanism);

    while (want && *list) {
        size_t n = strcspn(list, ", ");

        if (n == want && g_ascii_strncasecmp(list, mechanism, n) == 0)
            return true;
        list += n;
        list += strspn(list, ", ");
    }
    return false;
}

bool fl_sasl_mechanism_ok(const char *mechanism)
{
    size_t n = strlen(mechanism);

    return n > 0 && n <= NAME_MAX_LENGTH && strspn(mechanism, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") == n;
}

const char *fl_sasl_package(const char *mechanism)
{
    static const struct {
        const char *prefix, *package;
    } packages[] = {
        { "GSS", "libsasl2-modules-gssapi-mit (Debian), cyrus-sasl-gssapi (Fedora)" },
        { "GS2", "libsasl2-modules-gssapi-mit (Debian), cyrus-sasl-gs2 (Fedora)" },
        { "SCRAM-", "libsasl2-modules (Debian), cyrus-sasl-scram (Fedora)" },
        { "DIGEST-", "libsasl2-modules (Debian), cyrus-sasl-md5 (Fedora)" },
        { "CRAM-", "libsasl2-modules (Debian), cyrus-sasl-md5 (Fedora)" },
        { "PLAIN", "libsasl2-modules (Debian), cyrus-sasl-plain (Fedora)" },
        { "LOGIN", "libsasl2-modules (Debian), cyrus-sasl-plain (Fedora)" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(packages); i++)
        if (g_ascii_strncasecmp(mechanism, packages[i].prefix, strlen(packages[i].prefix)) == 0)
            return packages[i].package;
    return NULL;
}
