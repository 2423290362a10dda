/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The module `sasl`: struct fl_sasl_api over Cyrus SASL. Client and server differ in how a conversation
 * begins and in who answers questions; the rest is shared.
 */
#define FL_FROM VIR_FROM_RPC /* Compat: the domain of the peer's SASL errors */
#include <stdlib.h>
#include <string.h>

#include <glib.h>
#include <sasl/sasl.h>

#include "auth/credentials.h"
#include "auth/sasl.h"
#include "auth/sasl_gss.h"
#include "auth/sasl_init.h"
#include "base/aside.h"
#include "base/error.h"
#include "base/log.h"
#include "base/module.h"
#include "base/util.h"

#define ROUNDS_MAX    8         /* of questions in one step */
#define QUESTIONS_MAX 16        /* in one round */
#define BUFFER_MAX    (1 << 16) /* of encoded bytes, as announced to the other side */

struct fl_sasl {
    sasl_conn_t *conn;
    bool server;
    bool complete;
    struct fl_sasl_options options;
    sasl_callback_t *callbacks; /* the library keeps the pointer */
    GPtrArray *answers;         /* char *: the library keeps pointers to them */
    void *credential;           /* client: what the thread that opens logs in with by Kerberos, or NULL */
};

static const char *text_of(const struct fl_sasl *s, int rc)
{
    const char *detail = s && s->conn ? sasl_errdetail(s->conn) : NULL;

    return detail && *detail ? detail : sasl_errstring(rc, NULL, NULL);
}

/* ---- a conversation ---- */

static void wipe_answer(gpointer data)
{
    explicit_bzero(data, strlen(data));
    free(data);
}

/* What there is of it but the struct itself. */
static void let_go(struct fl_sasl *s)
{
    sasl_dispose(&s->conn);
    if (s->answers)
        g_ptr_array_unref(s->answers);
    fl_gss_credential_free(s->credential);
    g_free(s->callbacks);
}

static void conversation_free(struct fl_sasl *s)
{
    if (!s)
        return;
    let_go(s);
    g_free(s);
}

static int set_property(struct fl_sasl *s, int which, const void *value, const char *what)
{
    int rc = sasl_setprop(s->conn, which, value);

    return rc == SASL_OK
               ? 0
               : fl_error(VIR_ERR_INTERNAL_ERROR, "SASL does not take %s: %s", what, text_of(s, rc));
}

static int set_properties(struct fl_sasl *s)
{
    sasl_security_properties_t security = { .min_ssf = s->options.min_ssf,
                                            .max_ssf = s->options.max_ssf,
                                            .maxbufsize = BUFFER_MAX };
    sasl_ssf_t external = s->options.external_ssf;

    if (!s->options.plaintext)
        security.security_flags = SASL_SEC_NOANONYMOUS | SASL_SEC_NOPLAINTEXT;
    if (external && set_property(s, SASL_SSF_EXTERNAL, &external, "the strength of the channel") < 0)
        return -1;
    return set_property(s, SASL_SEC_PROPS, &security, "the security that is wanted");
}

static struct fl_sasl *conversation_new(const struct fl_sasl_options *options, bool server)
{
    struct fl_sasl *s = g_new0(struct fl_sasl, 1);

    s->server = server;
    s->options = *options;
    s->answers = g_ptr_array_new_with_free_func(wipe_answer);
    return s;
}

/* Which questions there may be decides which mechanisms the library thinks of. */
static void list_callbacks(struct fl_sasl *s)
{
    static const struct {
        unsigned long id;
        int type;
    } ids[] = {
        { SASL_CB_USER, VIR_CRED_USERNAME },
        { SASL_CB_AUTHNAME, VIR_CRED_AUTHNAME },
        { SASL_CB_PASS, VIR_CRED_PASSPHRASE },
        { SASL_CB_LANGUAGE, VIR_CRED_LANGUAGE },
        { SASL_CB_CNONCE, VIR_CRED_CNONCE },
        { SASL_CB_ECHOPROMPT, VIR_CRED_ECHOPROMPT },
        { SASL_CB_NOECHOPROMPT, VIR_CRED_NOECHOPROMPT },
        { SASL_CB_GETREALM, VIR_CRED_REALM },
    };
    size_t n = 0;

    s->callbacks = g_new0(sasl_callback_t, G_N_ELEMENTS(ids) + 1);
    for (size_t i = 0; i < G_N_ELEMENTS(ids); i++)
        if (fl_credentials_can_answer(s->options.credentials, ids[i].type))
            s->callbacks[n++].id = ids[i].id;
    s->callbacks[n].id = SASL_CB_LIST_END;
}

/* The conversation, if the library took it; else it is freed, with the error set. */
static struct fl_sasl *begun(struct fl_sasl *s, int rc)
{
    if (rc != SASL_OK)
        fl_error(VIR_ERR_INTERNAL_ERROR, "SASL cannot begin: %s", text_of(s, rc));
    else if (set_properties(s) == 0)
        return s;
    conversation_free(s);
    return NULL;
}

static struct fl_sasl *client_new(const struct fl_sasl_options *options)
{
    struct fl_sasl *s = conversation_new(options, false);
    int rc = fl_sasl_init_client();

    if (rc == SASL_OK) {
        list_callbacks(s);
        rc = sasl_client_new(options->service, options->host, NULL, NULL, s->callbacks, SASL_SUCCESS_DATA,
                             &s->conn);
    }
    return begun(s, rc);
}

static struct fl_sasl *server_new(const struct fl_sasl_options *options)
{
    struct fl_sasl *s = conversation_new(options, true);
    int rc = fl_sasl_init_server();

    if (rc == SASL_OK)
        rc = sasl_server_new(options->service, options->host, NULL, NULL, NULL, NULL, SASL_SUCCESS_DATA,
                             &s->conn);
    return begun(s, rc);
}

/* ---- mechanisms ---- */

static const char *offered(struct fl_sasl *s)
{
    const char *list = NULL;
    int rc = sasl_listmech(s->conn, NULL, "", ",", "", &list, NULL, NULL);

    if (rc == SASL_OK && list && *list)
        return list;
    return fl_error_null(VIR_ERR_AUTH_FAILED,
                         "SASL has no mechanism for this connection%s%s: mech_list in "
                         "/etc/sasl2/libvirt.conf, the plug-ins that are installed and the %s encryption%s "
                         "leave none",
                         rc == SASL_OK ? "" : ": ", rc == SASL_OK ? "" : text_of(s, rc),
                         s->options.min_ssf ? "need for" : "channel's",
                         s->options.min_ssf ? " (plain TCP)" : "");
}

static char *installed(void)
{
    GString *all = g_string_new(NULL);
    const char **list = fl_sasl_init_client() == SASL_OK ? sasl_global_listmech() : NULL;

    for (; list && *list; list++)
        if (!fl_sasl_list_has(all->str, *list))
            g_string_append_printf(all, "%s%s", all->len ? "," : "", *list);
    return g_string_free(all, FALSE);
}

/* ---- questions ---- */

static int credential_type(unsigned long id)
{
    switch (id) {
    case SASL_CB_USER:
        return VIR_CRED_USERNAME;
    case SASL_CB_AUTHNAME:
        return VIR_CRED_AUTHNAME;
    case SASL_CB_PASS:
        return VIR_CRED_PASSPHRASE;
    case SASL_CB_LANGUAGE:
        return VIR_CRED_LANGUAGE;
    case SASL_CB_CNONCE:
        return VIR_CRED_CNONCE;
    case SASL_CB_ECHOPROMPT:
        return VIR_CRED_ECHOPROMPT;
    case SASL_CB_NOECHOPROMPT:
        return VIR_CRED_NOECHOPROMPT;
    case SASL_CB_GETREALM:
        return VIR_CRED_REALM;
    default:
        return 0;
    }
}

/* The library's questions are put to whoever knows; its pointers to the answers stay good. */
static int answer(struct fl_sasl *s, sasl_interact_t *asked)
{
    virConnectCredential questions[QUESTIONS_MAX] = { 0 };
    unsigned int n = 0;
    int rc;

    for (; asked && asked[n].id != SASL_CB_LIST_END; n++) {
        if (n == QUESTIONS_MAX)
            return fl_error(VIR_ERR_AUTH_FAILED, "SASL asks more than %d questions at once", QUESTIONS_MAX);
        questions[n].type = credential_type(asked[n].id);
        questions[n].prompt = asked[n].prompt;
        questions[n].challenge = asked[n].challenge;
        questions[n].defresult = asked[n].defresult;
    }
    rc = fl_credentials_answer(s->options.credentials, questions, n);
    for (unsigned int i = 0; rc == 0 && i < n; i++) {
        asked[i].result = questions[i].result;
        asked[i].len = (unsigned int)strlen(questions[i].result);
        g_ptr_array_add(s->answers, questions[i].result);
        questions[i].result = NULL;
    }
    fl_credentials_wipe(questions, n);
    return rc;
}

/* ---- steps ---- */

/* Compat: whatever goes wrong in a step is one code and domain. */
static int judge(struct fl_sasl *s, int rc, struct fl_sasl_data *out)
{
    if (rc != SASL_OK && rc != SASL_CONTINUE)
        return fl_error(VIR_ERR_AUTH_FAILED, "%s", text_of(s, rc));
    if (out->len > FL_SASL_DATA_MAX)
        return fl_error(VIR_ERR_AUTH_FAILED, "SASL wants to send %u bytes in one step, the limit is %u",
                        out->len, FL_SASL_DATA_MAX);
    s->complete = rc == SASL_OK;
    return 0;
}

/* A step of the client's side, with all that the library looks at in it: who comes too late leaves it behind.
 */
struct client_step {
    struct fl_sasl s; /* conn, callbacks and answers */
    char *mechanisms; /* NULL: not the first step */
    char *in;
    unsigned int in_len;
    sasl_interact_t *asked;
    struct fl_sasl_data out;
    const char *mechanism;
    int rc;
};

static void make_step(void *data)
{
    struct client_step *c = data;

    c->out = (struct fl_sasl_data){ 0 };
    if (c->mechanisms)
        c->rc =
            sasl_client_start(c->s.conn, c->mechanisms, &c->asked, &c->out.bytes, &c->out.len, &c->mechanism);
    else
        c->rc = sasl_client_step(c->s.conn, c->in, c->in_len, &c->asked, &c->out.bytes, &c->out.len);
}

static void drop_step(void *data)
{
    struct client_step *c = data;

    let_go(&c->s);
    g_free(c->mechanisms);
    g_free(c->in);
    g_free(c);
}

static int left_behind(struct fl_sasl *s)
{
    s->conn = NULL;
    s->callbacks = NULL;
    s->answers = NULL;
    s->credential = NULL;
    return fl_error_set(
        VIR_FROM_REMOTE, VIR_ERR_OPERATION_TIMEOUT,
        "auth: SASL on this side came to no end in time: whoever it asks does not answer, with GSSAPI "
        "the KDC; check the realm's KDC (krb5.conf), or give it longer with connect_timeout=SECONDS "
        "in the URI");
}

/* Takes `c` over. */
static int client_step(struct fl_sasl *s, struct client_step *c, const char **ret_mechanism,
                       struct fl_sasl_data *ret_out)
{
    int64_t deadline = s->options.deadline_us ? s->options.deadline_us : FL_NO_DEADLINE;
    int rc = 0;

    c->s = *s;
    c->rc = SASL_FAIL;
    for (int round = 0; rc == 0 && round < ROUNDS_MAX; round++) {
        if (fl_aside(make_step, drop_step, c, deadline) < 0)
            return left_behind(s);
        if (c->rc != SASL_INTERACT)
            break;
        rc = answer(s, c->asked);
    }
    *ret_out = c->out;
    if (ret_mechanism)
        *ret_mechanism = c->mechanism;
    if (rc == 0)
        rc = judge(s, c->rc, ret_out);
    g_free(c->mechanisms);
    g_free(c->in);
    g_free(c);
    return rc;
}

/* What is this thread's own and would not be found by the one that makes the steps. */
static void hand_over_credential(struct fl_sasl *s)
{
    if (!s->options.deadline_us || s->credential)
        return;
    s->credential = fl_gss_credential();
    if (s->credential && sasl_setprop(s->conn, SASL_GSS_CREDS, s->credential) != SASL_OK)
        fl_debug("sasl: Kerberos takes no credential of the thread's own");
}

static int client_start(struct fl_sasl *s, const char *mechanisms, const char **ret_mechanism,
                        struct fl_sasl_data *ret_out)
{
    struct client_step *c = g_new0(struct client_step, 1);

    if (fl_sasl_list_has(mechanisms, "GSSAPI") || fl_sasl_list_has(mechanisms, "GSS-SPNEGO"))
        hand_over_credential(s);
    c->mechanisms = g_strdup(mechanisms);
    return client_step(s, c, ret_mechanism, ret_out);
}

static int server_start(struct fl_sasl *s, const char *mechanism, struct fl_sasl_data in,
                        struct fl_sasl_data *ret_out)
{
    *ret_out = (struct fl_sasl_data){ 0 };
    return judge(s, sasl_server_start(s->conn, mechanism, in.bytes, in.len, &ret_out->bytes, &ret_out->len),
                 ret_out);
}

static int step(struct fl_sasl *s, struct fl_sasl_data in, struct fl_sasl_data *ret_out)
{
    struct client_step *c;

    *ret_out = (struct fl_sasl_data){ 0 };
    if (s->server)
        return judge(s, sasl_server_step(s->conn, in.bytes, in.len, &ret_out->bytes, &ret_out->len), ret_out);
    c = g_new0(struct client_step, 1);
    if (in.bytes) {
        c->in = g_malloc0(in.len + (size_t)1);
        memcpy(c->in, in.bytes, in.len);
    }
    c->in_len = in.len;
    return client_step(s, c, NULL, ret_out);
}

static bool complete(const struct fl_sasl *s)
{
    return s->complete;
}

static int ssf(struct fl_sasl *s, unsigned int *ret_ssf)
{
    const void *value = NULL;
    int rc = sasl_getprop(s->conn, SASL_SSF, &value);

    if (rc != SASL_OK || !value)
        return fl_error(VIR_ERR_AUTH_FAILED, "SASL does not tell how well it encrypts: %s", text_of(s, rc));
    *ret_ssf = *(const sasl_ssf_t *)value;
    return 0;
}

static const char *username(struct fl_sasl *s)
{
    const void *value = NULL;
    int rc = sasl_getprop(s->conn, SASL_USERNAME, &value);

    if (rc != SASL_OK || !value || !*(const char *)value)
        return fl_error_null(VIR_ERR_AUTH_FAILED, "SASL does not tell who has logged in: %s", text_of(s, rc));
    return value;
}

/* ---- the security layer ---- */

static int encode(struct fl_sasl *s, const char *in, size_t len, struct fl_sasl_data *ret_out)
{
    int rc = sasl_encode(s->conn, in, (unsigned int)len, &ret_out->bytes, &ret_out->len);

    return rc == SASL_OK ? 0
                         : fl_error(VIR_ERR_INTERNAL_ERROR, "SASL cannot encrypt what is to be sent: %s",
                                    text_of(s, rc));
}

static int decode(struct fl_sasl *s, const char *in, size_t len, struct fl_sasl_data *ret_out)
{
    int rc = sasl_decode(s->conn, in, (unsigned int)len, &ret_out->bytes, &ret_out->len);

    return rc == SASL_OK ? 0
                         : fl_error(VIR_ERR_INTERNAL_ERROR, "what came cannot be decrypted by SASL: %s",
                                    text_of(s, rc));
}

static const struct fl_sasl_api sasl_api = {
    .client_new = client_new,
    .server_new = server_new,
    .free = conversation_free,
    .offered = offered,
    .installed = installed,
    .client_start = client_start,
    .server_start = server_start,
    .step = step,
    .complete = complete,
    .ssf = ssf,
    .username = username,
    .encode = encode,
    .decode = decode,
};

FL_MODULE_EXPORT(sasl_api);
