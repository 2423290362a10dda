/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The client's side of a login, between AUTH_LIST and CONNECT_OPEN. Called by open.c. */
#pragma once

#include "driver/remote/remote.h"
#include "driver/remote/stubs.h"

struct fl_remote_login {
    virConnectPtr conn;
    const struct fl_route *route;
    virConnectAuthPtr auth; /* the application's callback; may be NULL */
    int64_t deadline_us;
};

/* The wire's numbers. */
enum fl_remote_auth { FL_REMOTE_AUTH_NONE, FL_REMOTE_AUTH_SASL, FL_REMOTE_AUTH_POLKIT };

/* The auth parameter of the URI chooses among what is offered; without it the first is taken. The type, or -1
 * with the error set. */
int fl_remote_auth_choose(const struct fl_route *route, const struct fl_w_auth_list_ret *list);
/* Whether a person may be asked in it: opening may take longer then. */
bool fl_remote_auth_asks(int type);
int fl_remote_authenticate(const struct fl_remote_login *login, int type);

/* auth_sasl.c */
int fl_remote_auth_sasl(const struct fl_remote_login *login);
/* auth_polkit.c */
int fl_remote_auth_polkit(const struct fl_remote_login *login);
