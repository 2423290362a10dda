/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libFuzzer target: a SASL login as a stranger would drive it, through our module and the library behind it.
 * The first byte chooses side and mechanism; then come steps, each a length byte and as much data. Nobody
 * may get in, for there is nobody who could, and no step may leave more than the wire carries.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <glib.h>

#include "auth/credentials.h"
#include "auth/sasl.h"
#include "base/error.h"
#include "base/module.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

extern const struct fl_module fl_module; /* the module's own, linked in */

/* Some of the library's plug-ins lose a few bytes by themselves when they are told nonsense. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:sasl2/lib\n";
}

static const char *const mechanisms[] = { "PLAIN", "SCRAM-SHA-256", "DIGEST-MD5", "CRAM-MD5", "LOGIN" };

static int answer(virConnectCredentialPtr q, unsigned int n, void *opaque)
{
    (void)opaque;
    for (unsigned int i = 0; i < n; i++) {
        q[i].result = strdup("x");
        q[i].resultlen = 1;
    }
    return 0;
}

static struct fl_sasl *begin(const struct fl_sasl_api *api, bool server)
{
    static int types[] = { VIR_CRED_AUTHNAME, VIR_CRED_PASSPHRASE, VIR_CRED_USERNAME, VIR_CRED_REALM };
    static virConnectAuth auth = { types, G_N_ELEMENTS(types), answer, NULL };
    static const struct fl_credentials credentials = { .auth = &auth, .service = "fuzz", .host = "h" };
    struct fl_sasl_options options = {
        .service = "libvirt", .max_ssf = 0, .plaintext = true, .external_ssf = 56
    };

    if (!server) {
        options.host = "h";
        options.credentials = &credentials;
    }
    return server ? api->server_new(&options) : api->client_new(&options);
}

static struct fl_sasl_data next(const uint8_t **data, size_t *size)
{
    struct fl_sasl_data in = { 0 };

    if (!*size)
        return in;
    in.bytes = (const char *)*data + 1;
    in.len = (unsigned int)MIN((size_t) * *data, *size - 1);
    *data += in.len + 1;
    *size -= in.len + 1;
    return in;
}

/* The library's buffer is copied, so that reading past its end is seen. */
static int step(const struct fl_sasl_api *api, struct fl_sasl *s, struct fl_sasl_data in, const char *start,
                struct fl_sasl_data *out)
{
    g_autofree char *copy = g_malloc(in.len + 1);
    int rc;

    if (in.len)
        memcpy(copy, in.bytes, in.len);
    copy[in.len] = '\0'; /* as the wire's decoder leaves it */
    in.bytes = copy;
    rc = start ? api->server_start(s, start, in, out) : api->step(s, in, out);
    if (rc < 0 && fl_error_get()->code == VIR_ERR_OK)
        abort();
    if (rc == 0 && out->len > FL_SASL_DATA_MAX)
        abort();
    return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct fl_sasl_api *api = fl_module.table;
    struct fl_sasl_data out = { 0 };
    const char *mechanism;
    struct fl_sasl *s;
    bool server;
    int rc;

    if (!size)
        return 0;
    g_setenv("SASL_CONF_PATH", "/nonexistent", TRUE); /* no database, every mechanism */
    server = data[0] & 1;
    mechanism = mechanisms[(data[0] >> 1) % G_N_ELEMENTS(mechanisms)];
    data++;
    size--;
    s = begin(api, server);
    if (!s)
        return 0;
    if (server)
        rc = step(api, s, next(&data, &size), mechanism, &out);
    else
        rc = api->client_start(s, mechanism, &mechanism, &out);
    for (unsigned int i = 0; rc == 0 && size && i < FL_SASL_STEPS_MAX && !api->complete(s); i++)
        rc = step(api, s, next(&data, &size), NULL, &out);
    if (rc == 0 && server && api->complete(s))
        abort();
    fl_error_reset();
    api->free(s);
    return 0;
}
