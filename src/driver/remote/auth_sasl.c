/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Logging in by SASL: the daemon names mechanisms, one is begun, data goes to and fro until both sides are
 * content. On an unprotected channel the mechanism must encrypt everything after that: a layer is put below.
 */
#define FL_FROM VIR_FROM_REMOTE
#include "driver/remote/auth.h"

#include <string.h>

#include "auth/credentials.h"
#include "auth/sasl.h"
#include "base/error.h"
#include "base/walk.h"
#include "transport/sasl_layer.h"
#include "uri/route.h"

struct conversation {
    const struct fl_remote_login *login;
    const struct fl_sasl_api *api;
    struct fl_sasl *sasl;
    struct fl_credentials credentials;
    enum channel { PLAIN_TCP, UNIX_SOCKET, ENCRYPTED, COMMAND } channel;
    char *offered;
    const char *mechanism;
    bool far_complete;
    unsigned int steps;
};

/*
 * What lies below, and what it asks of a mechanism. Where a command leads only its author knows: it is not
 * shown a password unless the URI says so, and a layer is put on it where the far end wants one.
 */
static const struct {
    const char *text;
    unsigned int external_ssf, min_ssf, max_ssf;
    bool plaintext;
} channels[] = {
    [PLAIN_TCP] = { "plain TCP, so only mechanisms that encrypt the connection", 0, FL_SASL_TCP_MIN_SSF,
                    FL_SASL_MAX_SSF, false },
    [UNIX_SOCKET] = { "unix socket, any mechanism", FL_SASL_LOCAL_SSF, 0, 0, true },
    [ENCRYPTED] = { "encrypted channel, any mechanism", FL_SASL_TLS_SSF, 0, FL_SASL_MAX_SSF, true },
    [COMMAND] = { "a command, so no mechanism that shows the password unless auth=sasl.MECHANISM says so", 0,
                  0, FL_SASL_MAX_SSF, false },
};

static enum channel find_channel(const struct fl_remote_login *login)
{
    struct fl_client *client = fl_remote_client(login->conn);

    if (fl_client_is_encrypted(client))
        return ENCRYPTED;
    if (fl_client_is_local(client))
        return UNIX_SOCKET;
    return g_strcmp0(login->route->transport, "tcp") == 0 ? PLAIN_TCP : COMMAND;
}

static const char *channel(const struct conversation *c)
{
    return channels[c->channel].text;
}

/* The mechanism of auth=sasl.MECHANISM, or NULL. */
static char *wanted_mechanism(const struct fl_route *route)
{
    const char *dot = route->auth ? strchr(route->auth, '.') : NULL;

    return dot ? g_ascii_strup(dot + 1, -1) : NULL;
}

/* ---- why there is no mechanism ---- */

/* "; there is no plug-in for X here: install P" for every one offered that is not installed. */
static void add_missing(GString *text, const char *offered, const char *installed)
{
    g_auto(GStrv) names = g_strsplit_set(offered, ", ", 64);

    for (char **name = names; *name; name++) {
        const char *package = fl_sasl_package(*name);

        if (!**name || fl_sasl_list_has(installed, *name))
            continue;
        g_string_append_printf(text, "; there is no plug-in for %s here", *name);
        if (package)
            g_string_append_printf(text, ": install %s", package);
    }
}

/* The library prefers Kerberos where it is offered, also without a ticket. */
static void advise_ticket(GString *text, const char *said, const char *offered, const char *installed)
{
    g_auto(GStrv) names = g_strsplit_set(offered, ", ", 64);

    if (!strstr(said, "GSSAPI"))
        return;
    g_string_append(text, "; get a ticket with kinit");
    for (char **name = names; *name; name++) {
        if (**name && !g_str_has_prefix(*name, "GS") && fl_sasl_list_has(installed, *name)) {
            g_string_append_printf(text, ", or log in another way with auth=sasl.%s", *name);
            return;
        }
    }
}

#define OFFERED_SHOWN 200

/* What the daemon offers, for people: it is the far side's text, of any length. */
static char *offered(const struct conversation *c)
{
    g_autofree char *shown =
        g_strdup_printf("%.*s%s", OFFERED_SHOWN, c->offered, strlen(c->offered) > OFFERED_SHOWN ? "..." : "");

    for (char *p = shown; *p; p++)
        if (*p < ' ' || *p > '~')
            *p = '?';
    return g_steal_pointer(&shown);
}

static int nothing_offered(const struct conversation *c)
{
    return fl_error_set(VIR_FROM_RPC, VIR_ERR_AUTH_FAILED,
                        "auth: the daemon at %s wants a login by SASL and offers no mechanism (%s); look at "
                        "mech_list in its /etc/sasl2/libvirt.conf and at the plug-ins installed there",
                        fl_client_target(fl_remote_client(c->login->conn)), channel(c));
}

/* The thread's error, with everything one must know to choose another mechanism. */
static int no_mechanism(struct conversation *c)
{
    g_autofree char *names = offered(c);
    g_autofree char *said = g_strdup(fl_error_get()->str2 ? fl_error_get()->str2 : "");
    g_autofree char *installed = c->api->installed();
    GString *text = g_string_new(NULL);
    int domain = fl_error_get()->domain;

    g_string_printf(text, "auth: SASL cannot begin at %s (%s): %s; the daemon offers %s, installed here: %s",
                    fl_client_target(fl_remote_client(c->login->conn)), channel(c), said, names,
                    *installed ? installed : "none");
    add_missing(text, names, installed);
    if (!fl_credentials_can_answer(&c->credentials, VIR_CRED_PASSPHRASE))
        g_string_append(text, "; nobody can answer for a password: neither auth.conf nor the program "
                              "(virConnectOpenAuth)");
    advise_ticket(text, said, c->offered, installed);
    fl_error_set(domain, VIR_ERR_AUTH_FAILED, "%s", text->str);
    g_string_free(text, TRUE);
    return -1;
}

static int not_offered(const struct conversation *c, const char *wanted)
{
    g_autofree char *installed = c->api->installed();
    g_autofree char *names = offered(c);
    GString *text = g_string_new(NULL);

    g_string_printf(text, "auth: the URI asks for auth=sasl.%s, the daemon at %s offers %s (%s)", wanted,
                    fl_client_target(fl_remote_client(c->login->conn)), names, channel(c));
    if (!fl_sasl_list_has(installed, wanted))
        add_missing(text, wanted, installed);
    if (c->channel == PLAIN_TCP && fl_sasl_list_has(installed, wanted))
        g_string_append_printf(text, "; if %s does not encrypt, use tls, ssh or a unix socket", wanted);
    fl_error(VIR_ERR_AUTH_FAILED,
             "%s; leave auth= out, or add it to mech_list in the daemon's /etc/sasl2/libvirt.conf",
             text->str);
    g_string_free(text, TRUE);
    return -1;
}

/* ---- the exchange ---- */

/* The far side's refusal, which says little on purpose. */
static int refused(const struct conversation *c)
{
    if (fl_error_get()->code != VIR_ERR_AUTH_FAILED)
        return -1;
    fl_stage_name_teller(FL_STAGE_AUTH, fl_client_target(fl_remote_client(c->login->conn)));
    fl_stage_advise("check the user and what proves it (a password, a ticket); the daemon's log says more");
    return -1;
}

static int ask_mechanisms(struct conversation *c)
{
    struct fl_w_auth_sasl_init_ret ret;
    FL_ARENA(arena);

    if (fl_remote_call(c->login->conn, FL_P_AUTH_SASL_INIT, FL_XDR_VOID, NULL, FL_T_AUTH_SASL_INIT_RET, &ret,
                       &arena) < 0)
        return refused(c);
    c->offered = g_strdup(ret.mechlist);
    fl_stage_note("SASL mechanisms offered: %.*s (%s)", OFFERED_SHOWN, c->offered, channel(c));
    return 0;
}

/* What a reply says, copied out of its arena by the library's next step. */
struct reply {
    struct fl_sasl_data data;
    bool complete;
};

static void fill(struct fl_sasl_data from, int32_t *nil, uint32_t *n, int8_t **data)
{
    *nil = from.bytes ? 0 : 1;
    *n = from.len;
    *data = (int8_t *)(uintptr_t)from.bytes;
}

static void take(struct reply *reply, int32_t complete, int32_t nil, uint32_t n, const int8_t *data)
{
    reply->complete = complete != 0;
    reply->data.bytes = nil ? NULL : n ? (const char *)data : "";
    reply->data.len = nil ? 0 : n;
}

static int send_start(struct conversation *c, struct fl_sasl_data out, struct reply *reply,
                      struct fl_arena *arena)
{
    struct fl_w_auth_sasl_start_args args = { .mech = (char *)(uintptr_t)c->mechanism };
    struct fl_w_auth_sasl_start_ret ret;

    fill(out, &args.nil, &args.n_data, &args.data);
    if (fl_remote_call(c->login->conn, FL_P_AUTH_SASL_START, FL_T_AUTH_SASL_START_ARGS, &args,
                       FL_T_AUTH_SASL_START_RET, &ret, arena) < 0)
        return refused(c);
    take(reply, ret.complete, ret.nil, ret.n_data, ret.data);
    return 0;
}

static int send_step(struct conversation *c, struct fl_sasl_data out, struct reply *reply,
                     struct fl_arena *arena)
{
    struct fl_w_auth_sasl_step_args args = { 0 };
    struct fl_w_auth_sasl_step_ret ret;

    fill(out, &args.nil, &args.n_data, &args.data);
    if (fl_remote_call(c->login->conn, FL_P_AUTH_SASL_STEP, FL_T_AUTH_SASL_STEP_ARGS, &args,
                       FL_T_AUTH_SASL_STEP_RET, &ret, arena) < 0)
        return refused(c);
    take(reply, ret.complete, ret.nil, ret.n_data, ret.data);
    return 0;
}

/* Our next step on the far side's data, and its answer. */
static int one_step(struct conversation *c, struct reply *reply, struct fl_arena *arena)
{
    struct fl_sasl_data out = { 0 };

    if (++c->steps > FL_SASL_STEPS_MAX)
        return fl_error(VIR_ERR_AUTH_FAILED, "auth: %s did not come to an end in %u steps", c->mechanism,
                        FL_SASL_STEPS_MAX);
    if (!c->api->complete(c->sasl) && c->api->step(c->sasl, reply->data, &out) < 0)
        return -1;
    if (reply->complete) {
        if (c->api->complete(c->sasl))
            return 0;
        return fl_error(VIR_ERR_AUTH_FAILED, "auth: the daemon holds %s for complete, and it is not",
                        c->mechanism);
    }
    return send_step(c, out, reply, arena);
}

static int exchange(struct conversation *c)
{
    g_autofree char *wanted = wanted_mechanism(c->login->route);
    struct fl_sasl_data out = { 0 };
    struct reply reply = { 0 };
    FL_ARENA(arena);

    if (!c->offered[strspn(c->offered, ", ")])
        return nothing_offered(c);
    if (wanted && !fl_sasl_list_has(c->offered, wanted))
        return not_offered(c, wanted);
    if (c->api->client_start(c->sasl, wanted ? wanted : c->offered, &c->mechanism, &out) < 0)
        return fl_error_get()->domain == VIR_FROM_RPC ? no_mechanism(c) : -1;
    fl_stage_note("SASL mechanism: %s", c->mechanism);
    if (send_start(c, out, &reply, &arena) < 0)
        return -1;
    while (!reply.complete || !c->api->complete(c->sasl)) {
        if (one_step(c, &reply, &arena) < 0)
            return -1;
    }
    return 0;
}

/* ---- the whole ---- */

static struct fl_transport *make_layer(struct fl_transport *below, size_t plain, void *opaque)
{
    struct conversation *c = opaque;

    return fl_sasl_layer_new(below, c->api, g_steal_pointer(&c->sasl), plain);
}

static int secure(struct conversation *c)
{
    unsigned int ssf;

    if (c->api->ssf(c->sasl, &ssf) < 0)
        return -1;
    fl_stage_note("logged in; SASL encrypts with strength %u", ssf);
    if (c->channel == PLAIN_TCP && ssf < FL_SASL_TCP_MIN_SSF)
        return fl_error(VIR_ERR_AUTH_FAILED,
                        "auth: %s encrypts with strength %u on a plain TCP connection, the least is %u; use "
                        "tls or ssh, or another mechanism",
                        c->mechanism, ssf, FL_SASL_TCP_MIN_SSF);
    return ssf ? fl_client_add_layer(fl_remote_client(c->login->conn), make_layer, c) : 0;
}

/* Compat: who calls without a host is "localhost", also in auth.conf. */
static void conversation_init(struct conversation *c, const struct fl_remote_login *login)
{
    const struct fl_route *route = login->route;

    *c = (struct conversation){ .login = login };
    c->channel = find_channel(login);
    c->credentials = (struct fl_credentials){ .auth = login->auth,
                                              .authfile = route->authfile,
                                              .service = "libvirt",
                                              .host = route->host && *route->host ? route->host : "localhost",
                                              .user = route->user };
}

static int begin(struct conversation *c)
{
    g_autofree char *wanted = wanted_mechanism(c->login->route);
    struct fl_sasl_options options = {
        .service = "libvirt",
        .host = c->credentials.host,
        .external_ssf = channels[c->channel].external_ssf,
        .min_ssf = channels[c->channel].min_ssf,
        .max_ssf = channels[c->channel].max_ssf,
        .plaintext = channels[c->channel].plaintext || (c->channel == COMMAND && wanted),
        .credentials = &c->credentials,
        .deadline_us = c->login->deadline_us,
    };

    c->api = fl_sasl_load();
    if (!c->api)
        return -1;
    c->sasl = c->api->client_new(&options);
    return c->sasl ? 0 : -1;
}

int fl_remote_auth_sasl(const struct fl_remote_login *login)
{
    struct conversation c;
    int rc = -1;

    conversation_init(&c, login);
    if (fl_credentials_check(&c.credentials) == 0 && begin(&c) == 0 && ask_mechanisms(&c) == 0 &&
        exchange(&c) == 0)
        rc = secure(&c);
    if (c.sasl)
        c.api->free(c.sasl);
    g_free(c.offered);
    return rc;
}
