/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libFuzzer target: any bytes as a URI. What can be read must be written so that it reads the same again, and
 * resolving must end in a route or an error.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "uri/route.h"
#include "uri/uri.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_round_trip(const struct fl_uri *uri)
{
    g_autofree char *once = fl_uri_format(uri);
    g_autofree char *twice = NULL;
    fl_autouri struct fl_uri *again = NULL;

    /* scheme:name is written scheme://name, which reads differently: a habit of the peer. */
    if (uri->scheme && uri->path && uri->path[0] != '/')
        return;
    /* A path that begins with two slashes needs a host or a scheme in front of it. */
    if (!uri->scheme && !uri->host && uri->path && strncmp(uri->path, "//", 2) == 0)
        return;
    if (fl_uri_parse(once, &again) < 0)
        abort();
    twice = fl_uri_format(again);
    if (strcmp(once, twice) != 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *text = g_strndup((const char *)data, size);
    fl_autouri struct fl_uri *uri = NULL;
    fl_autoroute struct fl_route *route = NULL;
    struct fl_resolve_env env = { 0 };

    if (fl_uri_parse(text, &uri) == 0)
        check_round_trip(uri);
    if (fl_route_resolve(text, &env, 0, &route) == 0) {
        g_autofree char *words = fl_route_explain(route);

        if (!route->uri != !*text || !strstr(words, "URI:"))
            abort();
    } else if (fl_error_get()->code == VIR_ERR_OK) {
        abort();
    }
    fl_error_reset();
    return 0;
}
