/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of login.h share. */
#pragma once

#include <stdbool.h>
#include <glib.h>

struct fl_peer;
struct fl_polkit_api;
struct fl_polkit_ask;
struct fl_sasl;
struct fl_sasl_api;

struct fl_login {
    const struct fl_sasl_api *api;
    struct fl_sasl *sasl; /* NULL before INIT, and when its security layer has taken it */
    bool exposed;         /* neither a unix socket nor TLS */
    bool started;
    unsigned int steps, data_max;

    const struct fl_polkit_api *polkit; /* peer's lock, as the next */
    struct fl_polkit_ask *ask;          /* under way */
};

/* The peer's, made when it is first wanted. */
struct fl_login *fl_login_of(struct fl_peer *peer);
