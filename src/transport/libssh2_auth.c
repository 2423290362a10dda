/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The single steps of a login with libssh2 (struct fl_ssh_login_ops). Which of them are taken, and with what,
 * is decided in ssh_login.c.
 *
 * libssh2 does not tell "accepted, but more is wanted" from "refused"; where a server offers one method only,
 * as it does when several are wanted one after the other, it is asked again what it offers.
 */
#define FL_FROM VIR_FROM_SSH
#include "transport/libssh2.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/util.h"
#include "transport/dial.h"
#include "transport/ssh_agent.h"
#include "transport/ssh_key.h"
#include "transport/ssh_known_hosts.h"

#define KEY_FILE_MAX 65536
#define QUESTIONS    32 /* of one round of keyboard-interactive */

static enum fl_ssh_result broken(struct ssh2 *s, int rc, const char *doing)
{
    if (rc == LIBSSH2_ERROR_TIMEOUT)
        fl_ssh_login_late(&s->login, doing);
    else
        fl_ssh_login_lost(&s->login, doing, fl_ssh2_says(s));
    return FL_SSH_BROKEN;
}

/* ---- what is offered ---- */

static enum fl_ssh_result offers(struct fl_ssh_login *l, void *session, unsigned int *ret_offers)
{
    static const struct {
        const char *name;
        unsigned int bit;
    } names[] = { { "publickey", FL_SSH_OFFERS_PUBLICKEY },
                  { "password", FL_SSH_OFFERS_PASSWORD },
                  { "keyboard-interactive", FL_SSH_OFFERS_KBDINT } };
    struct ssh2 *s = session;
    const char *user = l->settings->user, *list;

    while (!(list = libssh2_userauth_list(s->session, user, (unsigned int)strlen(user)))) {
        if (libssh2_userauth_authenticated(s->session))
            return FL_SSH_OK;
        int rc = libssh2_session_last_errno(s->session);
        if (rc == LIBSSH2_ERROR_EAGAIN && fl_ssh2_wait(s, l->ep->deadline_us) < 0)
            rc = LIBSSH2_ERROR_TIMEOUT;
        if (rc != LIBSSH2_ERROR_EAGAIN)
            return broken(s, rc, "asking which logins are offered");
    }
    g_auto(GStrv) words = g_strsplit(list, ",", 64);
    s->offers = 0;
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
        if (g_strv_contains((const gchar *const *)words, names[i].name))
            s->offers |= names[i].bit;
    *ret_offers = s->offers;
    return FL_SSH_REFUSED;
}

/* After a login that did not get us in. */
static enum fl_ssh_result refused(struct ssh2 *s)
{
    unsigned int before = s->offers, now = 0;
    if (before & (before - 1)) /* several */
        return FL_SSH_REFUSED;
    enum fl_ssh_result rc = offers(&s->login, s, &now);
    if (rc == FL_SSH_OK)
        return rc;
    return rc == FL_SSH_REFUSED && now != before ? FL_SSH_PARTIAL : rc;
}

static enum fl_ssh_result judge(struct ssh2 *s, int rc, const char *doing)
{
    if (rc == 0)
        return FL_SSH_OK;
    return fl_ssh2_is_broken(s, rc) ? broken(s, rc, doing) : refused(s);
}

/* ---- keys ---- */

/* What libssh2 cannot do with a key of this type, or NULL. */
static const char *key_trouble(const char *type)
{
    if (!type)
        return "not a public key";
    if (strstr(type, "-cert-v01@"))
        return "a certificate, which the libssh2 transport does not use";
    if (g_str_has_prefix(type, "sk-"))
        return "a key on a security token, which libssh2 " LIBSSH2_VERSION
               " cannot use: take the ssh transport";
    if (strcmp(type, "ssh-dss") == 0)
        return "a DSA key, which servers no longer take";
    return NULL;
}

/* Why an RSA key may be refused that other clients get in with. */
static const char *rsa_remark(const char *type)
{
    return type && strcmp(type, "ssh-rsa") == 0 && LIBSSH2_VERSION_NUM < 0x010b00
               ? " (libssh2 " LIBSSH2_VERSION
                 " signs with SHA-1, which most servers refuse: take another kind of key, or the ssh or "
                 "libssh transport)"
               : "";
}

static int sign_by_agent(LIBSSH2_SESSION *session, unsigned char **sig, size_t *sig_len,
                         const unsigned char *data, size_t len, void **abstract)
{
    struct ssh2 *s = *abstract;
    g_autofree unsigned char *got = NULL;
    size_t n = 0;
    (void)session;

    s->signed_it = true;
    int rc = fl_ssh_agent_sign(s->agent_fd, s->identity, data, len, s->login.ep->deadline_us, &got, &n);
    if (rc < 0)
        fl_ssh_login_tried(&s->login, "agent: it does not sign: %s", g_strerror(-rc));
    *sig = rc == 0 ? malloc(n) : NULL; /* the library's to free */
    if (!*sig)
        return -1;
    memcpy(*sig, got, n);
    *sig_len = n;
    return 0;
}

/* Only whether the server takes the key: it is asked for a signature then. */
static int sign_never(LIBSSH2_SESSION *session, unsigned char **sig, size_t *sig_len,
                      const unsigned char *data, size_t len, void **abstract)
{
    struct ssh2 *s = *abstract;
    (void)session;
    (void)data;
    (void)len;
    *sig = NULL;
    *sig_len = 0;
    s->signed_it = true;
    return -1;
}

static enum fl_ssh_result offer_key(struct ssh2 *s, const unsigned char *blob, size_t len,
                                    LIBSSH2_USERAUTH_PUBLICKEY_SIGN_FUNC((*sign)))
{
    void *self = s;
    int rc;
    s->signed_it = false;
    FL_SSH2_LOOP(s, rc,
                 libssh2_userauth_publickey(s->session, s->login.settings->user, blob, len, sign, &self));
    if (rc == 0)
        return FL_SSH_OK;
    if (fl_ssh2_is_broken(s, rc))
        return broken(s, rc, "offering a key");
    return s->signed_it && sign == sign_by_agent ? refused(s) : FL_SSH_REFUSED;
}

static enum fl_ssh_result one_identity(struct ssh2 *s, const struct fl_ssh_identity *key)
{
    g_autofree char *type = fl_ssh_key_type(key->blob, key->len);
    const char *trouble = key_trouble(type);
    if (trouble) {
        fl_ssh_login_tried(&s->login, "agent: %s is %s", key->comment, trouble);
        return FL_SSH_NOTHING;
    }
    s->identity = key;
    enum fl_ssh_result rc = offer_key(s, key->blob, key->len, sign_by_agent);
    s->identity = NULL;
    if (rc == FL_SSH_REFUSED)
        fl_ssh_login_tried(&s->login, "agent: %s %s: refused%s", type, key->comment, rsa_remark(type));
    return rc;
}

static enum fl_ssh_result agent_keys(struct ssh2 *s, GPtrArray *keys)
{
    enum fl_ssh_result last = FL_SSH_NOTHING;
    for (guint i = 0; i < keys->len; i++) {
        const struct fl_ssh_identity *key = g_ptr_array_index(keys, i);
        if (s->login.settings->identities_only &&
            !fl_ssh_key_among(s->login.settings->identity_files, key->blob, key->len))
            continue;
        enum fl_ssh_result rc = one_identity(s, key);
        if (rc == FL_SSH_OK || rc == FL_SSH_PARTIAL || rc == FL_SSH_BROKEN)
            return rc;
        if (rc == FL_SSH_REFUSED)
            last = rc;
    }
    if (last == FL_SSH_NOTHING)
        fl_ssh_login_tried(&s->login, keys->len ? "agent: none of its keys is to be used" : "agent: no keys");
    return last;
}

static enum fl_ssh_result agent(struct fl_ssh_login *l, void *session)
{
    struct ssh2 *s = session;
    const char *path = l->settings->identity_agent;
    g_autoptr(GPtrArray) keys = NULL;

    s->agent_fd = fl_dial_unix(path, l->ep->deadline_us);
    if (s->agent_fd < 0) {
        g_autofree char *why = fl_dial_explain(path, -s->agent_fd);
        fl_ssh_login_tried(l, "agent %s: %s", path, why);
        return FL_SSH_NOTHING;
    }
    enum fl_ssh_result result = FL_SSH_NOTHING;
    int rc = fl_ssh_agent_identities(s->agent_fd, l->ep->deadline_us, &keys);
    if (rc < 0)
        fl_ssh_login_tried(l, "agent %s: %s", path, g_strerror(-rc));
    else
        result = agent_keys(s, keys);
    fl_fd_close(&s->agent_fd);
    return result;
}

/* What can be seen of a key file without its passphrase. */
struct key_file {
    char *text;
    size_t text_len;
    unsigned char *blob; /* the public half; may be NULL */
    size_t blob_len;
    char *type;
    bool locked;
};

static void key_file_fini(struct key_file *k)
{
    if (k->text)
        explicit_bzero(k->text, k->text_len);
    g_free(k->text);
    g_free(k->blob);
    g_free(k->type);
}

static int key_file_look(struct fl_ssh_login *l, const char *file, struct key_file *k)
{
    g_autofree char *pub = g_strconcat(file, ".pub", NULL);
    if (fl_file_read(file, KEY_FILE_MAX, &k->text, &k->text_len) < 0) {
        fl_ssh_login_tried(l, "privkey %s: %s", file, fl_error_get()->message);
        fl_error_reset();
        return -1;
    }
    k->locked = fl_ssh_key_is_locked(k->text, k->text_len);
    if (!fl_ssh_key_public_of(k->text, k->text_len, &k->blob, &k->blob_len))
        fl_ssh_key_public(pub, &k->blob, &k->blob_len);
    k->type = k->blob ? fl_ssh_key_type(k->blob, k->blob_len) : NULL;
    const char *trouble = k->blob ? key_trouble(k->type) : NULL;
    if (trouble)
        fl_ssh_login_tried(l, "privkey %s: %s", file, trouble);
    return trouble ? -1 : 0;
}

/* What libssh2 says of a key it cannot parse, depending on where it stopped. Nothing has been sent then. */
static bool is_about_key(int rc)
{
    switch (rc) {
    case LIBSSH2_ERROR_FILE:
    case LIBSSH2_ERROR_KEYFILE_AUTH_FAILED:
    case LIBSSH2_ERROR_METHOD_NOT_SUPPORTED:
    case LIBSSH2_ERROR_PROTO:
    case LIBSSH2_ERROR_DECRYPT:
    case LIBSSH2_ERROR_OUT_OF_BOUNDARY:
    case LIBSSH2_ERROR_BUFFER_TOO_SMALL:
        return true;
    default:
        return false;
    }
}

static enum fl_ssh_result use_key_file(struct ssh2 *s, const char *file, const struct key_file *k,
                                       const char *passphrase)
{
    struct fl_ssh_login *l = &s->login;
    const char *user = l->settings->user;
    int rc;
    /* With a passphrase for one that has none, lest the library asks on the terminal. */
    FL_SSH2_LOOP(s, rc,
                 libssh2_userauth_publickey_frommemory(s->session, user, strlen(user), NULL, 0, k->text,
                                                       k->text_len, passphrase ? passphrase : ""));
    if (is_about_key(rc)) {
        if (k->locked)
            return FL_SSH_LOCKED;
        fl_ssh_login_tried(l, "privkey %s: libssh2 cannot read it: %s", file, fl_ssh2_says(s));
        return FL_SSH_NOTHING;
    }
    return judge(s, rc, "logging in with a key");
}

static enum fl_ssh_result privkey(struct fl_ssh_login *l, void *session, const char *file,
                                  const char *passphrase)
{
    struct ssh2 *s = session;
    struct key_file k = { 0 };
    enum fl_ssh_result rc = FL_SSH_NOTHING;

    if (key_file_look(l, file, &k) == 0) {
        if (k.locked && !passphrase) {
            /* Nobody is asked for the passphrase of a key that helps nothing. */
            rc = k.blob ? offer_key(s, k.blob, k.blob_len, sign_never) : FL_SSH_LOCKED;
            if (rc == FL_SSH_REFUSED && s->signed_it)
                rc = FL_SSH_LOCKED;
        } else {
            rc = use_key_file(s, file, &k, passphrase);
        }
        if (rc == FL_SSH_REFUSED && *rsa_remark(k.type))
            fl_ssh_login_tried(l, "privkey %s: an RSA key%s", file, rsa_remark(k.type));
    }
    key_file_fini(&k);
    return rc;
}

/* ---- secrets ---- */

static enum fl_ssh_result password(struct fl_ssh_login *l, void *session, const char *secret)
{
    struct ssh2 *s = session;
    const char *user = l->settings->user;
    int rc;
    FL_SSH2_LOOP(s, rc,
                 libssh2_userauth_password_ex(s->session, user, (unsigned int)strlen(user), secret,
                                              (unsigned int)strlen(secret), NULL));
    if (rc == LIBSSH2_ERROR_PASSWORD_EXPIRED) {
        fl_ssh_login_tried(l, "password: it has expired, and has to be changed by another login");
        return FL_SSH_NOTHING;
    }
    return judge(s, rc, "logging in with a password");
}

static char *question_text(const char *text, size_t len)
{
    char *valid = g_utf8_make_valid(text, (gssize)MIN(len, 1024));
    return g_strchomp(valid);
}

static void answer_round(const char *name, int name_len, const char *instruction, int instruction_len, int n,
                         const LIBSSH2_USERAUTH_KBDINT_PROMPT *prompts,
                         LIBSSH2_USERAUTH_KBDINT_RESPONSE *responses, void **abstract)
{
    struct ssh2 *s = *abstract;
    struct fl_ssh_login *l = &s->login;
    virConnectCredential q[QUESTIONS] = { 0 };
    g_autofree char *title = g_strndup(name, (gsize)MAX(name_len, 0));
    g_autofree char *more = g_strndup(instruction, (gsize)MAX(instruction_len, 0));
    g_autoptr(GPtrArray) texts = g_ptr_array_new_with_free_func(g_free);

    if (n <= 0)
        return;
    if (n > QUESTIONS || s->asked_in_vain) {
        s->asked_in_vain = true;
        return;
    }
    int hidden = fl_credentials_can_answer(&l->from, VIR_CRED_NOECHOPROMPT) ? VIR_CRED_NOECHOPROMPT
                                                                            : VIR_CRED_PASSPHRASE;
    for (int i = 0; i < n; i++) {
        g_ptr_array_add(texts, question_text(prompts[i].text, prompts[i].length));
        q[i].type = prompts[i].echo ? VIR_CRED_ECHOPROMPT : hidden;
        q[i].prompt = g_ptr_array_index(texts, i);
    }
    s->asked_in_vain = fl_ssh_login_ask(l, title, more, q, (unsigned int)n) < 0;
    for (int i = 0; i < n && !s->asked_in_vain; i++) {
        responses[i].text = q[i].result ? strdup(q[i].result) : NULL; /* the library's to free */
        responses[i].length = responses[i].text ? (unsigned int)strlen(responses[i].text) : 0;
    }
    fl_credentials_wipe(q, (unsigned int)n);
}

static enum fl_ssh_result kbdint(struct fl_ssh_login *l, void *session)
{
    struct ssh2 *s = session;
    const char *user = l->settings->user;
    int rc;
    s->asked_in_vain = false;
    FL_SSH2_LOOP(
        s, rc,
        libssh2_userauth_keyboard_interactive_ex(s->session, user, (unsigned int)strlen(user), answer_round));
    if (rc != 0 && s->asked_in_vain && !fl_ssh2_is_broken(s, rc))
        return FL_SSH_NOTHING;
    return judge(s, rc, "answering the server's questions");
}

const struct fl_ssh_login_ops fl_ssh2_login_ops = {
    .offers = offers,
    .agent = agent,
    .privkey = privkey,
    .password = password,
    .kbdint = kbdint,
};
