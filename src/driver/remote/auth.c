/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which way to log in, of those the daemon offers. */
#define FL_FROM VIR_FROM_REMOTE
#include "driver/remote/auth.h"

#include "base/error.h"
#include "base/walk.h"
#include "uri/route.h"

static const char *const names[] = { "none", "sasl", "polkit" };

/* What the far side offers, as text: "polkit, sasl". */
static char *offered(const struct fl_w_auth_list_ret *list)
{
    GString *s = g_string_new(NULL);

    for (uint32_t i = 0; i < list->n_types; i++) {
        int32_t type = list->types[i];

        g_string_append_printf(s, "%s%s", i ? ", " : "",
                               type >= 0 && type < (int)G_N_ELEMENTS(names) ? names[type] : "unknown");
    }
    return g_string_free(s, FALSE);
}

static bool is_wanted(const char *wanted, int32_t type)
{
    if (type < 0 || type >= (int)G_N_ELEMENTS(names))
        return false;
    return g_str_equal(wanted, names[type]) ||
           (type == FL_REMOTE_AUTH_SASL && g_str_has_prefix(wanted, "sasl.")); /* "sasl.MECHANISM" */
}

int fl_remote_auth_choose(const struct fl_route *route, const struct fl_w_auth_list_ret *list)
{
    g_autofree char *all = offered(list);
    const char *wanted = route->auth;

    fl_stage_note("the far side offers: %s", all);
    if (!list->n_types)
        return fl_error(VIR_ERR_AUTH_FAILED, "auth: the far side names no way to authenticate");
    if (!wanted)
        return list->types[0];
    for (uint32_t i = 0; i < list->n_types; i++)
        if (is_wanted(wanted, list->types[i]))
            return list->types[i];
    return fl_error(VIR_ERR_AUTH_FAILED, "auth: the URI asks for auth=%s, the far side offers: %s", wanted,
                    all);
}

bool fl_remote_auth_asks(int type)
{
    return type == FL_REMOTE_AUTH_SASL || type == FL_REMOTE_AUTH_POLKIT;
}

static int authenticate(const struct fl_remote_login *login, int type)
{
    switch (type) {
    case FL_REMOTE_AUTH_NONE:
        return 0;
    case FL_REMOTE_AUTH_POLKIT:
        return fl_remote_auth_polkit(login);
    case FL_REMOTE_AUTH_SASL:
        return fl_remote_auth_sasl(login);
    default:
        return fl_error(VIR_ERR_AUTH_FAILED, "the far side asks for authentication of unknown type %d", type);
    }
}

/* A daemon has no way to say why it closes a connection it has not let in. */
static int explain_end(virConnectPtr conn)
{
    virErrorPtr err = fl_error_get();
    g_autofree char *said = g_strdup(err->message);
    int errnum = err->int1, domain = err->domain;

    if (err->code != VIR_ERR_SYSTEM_ERROR || fl_client_is_open(fl_remote_client(conn)))
        return -1;
    fl_error_set(domain, VIR_ERR_SYSTEM_ERROR,
                 "%s; a daemon does that when a login takes it too long or too many clients wait to log in "
                 "(login_timeout and max_anonymous_clients in libvirtd.conf)",
                 said);
    fl_error_get()->int1 = errnum;
    return -1;
}

int fl_remote_authenticate(const struct fl_remote_login *login, int type)
{
    return authenticate(login, type) < 0 ? explain_end(login->conn) : 0;
}
