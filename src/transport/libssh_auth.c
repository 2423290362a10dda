/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The single steps of a login by libssh. What is tried, in which order and with what, is ssh_login.c's
 * business. */
#define FL_FROM VIR_FROM_LIBSSH
#include "transport/libssh_session.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/walk.h"
#include "transport/ssh_key.h"

#define ROUNDS_MAX  16 /* of keyboard-interactive */
#define PROMPTS_MAX 16

static enum fl_ssh_result result_of(struct fl_ssh_login *l, struct fl_libssh *s, int rc, const char *doing)
{
    switch (rc) {
    case SSH_AUTH_SUCCESS:
        return FL_SSH_OK;
    case SSH_AUTH_PARTIAL:
        return FL_SSH_PARTIAL;
    case SSH_AUTH_DENIED:
        return FL_SSH_REFUSED;
    default:
        fl_ssh_login_lost(l, doing, ssh_get_error(s->session));
        return FL_SSH_BROKEN;
    }
}

/* Repeats `call` until it is through. */
#define UNTIL_DONE(rc, l, s, doing, call)                                                                    \
    while (((rc) = (call)) == SSH_AUTH_AGAIN)                                                                \
        if (fl_libssh_wait((l), (s), (doing)) < 0)                                                           \
            return FL_SSH_BROKEN;

static enum fl_ssh_result offers(struct fl_ssh_login *l, void *session, unsigned int *ret_offers)
{
    struct fl_libssh *s = session;
    int rc;
    if (!s->asked_none) {
        s->asked_none = true;
        UNTIL_DONE(rc, l, s, "asking how to log in", ssh_userauth_none(s->session, NULL));
        if (rc == SSH_AUTH_SUCCESS || rc == SSH_AUTH_ERROR)
            return result_of(l, s, rc, "asking how to log in");
    }
    int methods = ssh_userauth_list(s->session, NULL);
    *ret_offers = (methods & (int)SSH_AUTH_METHOD_PUBLICKEY ? FL_SSH_OFFERS_PUBLICKEY : 0) |
                  (methods & (int)SSH_AUTH_METHOD_PASSWORD ? FL_SSH_OFFERS_PASSWORD : 0) |
                  (methods & (int)SSH_AUTH_METHOD_INTERACTIVE ? FL_SSH_OFFERS_KBDINT : 0);
    return FL_SSH_REFUSED;
}

static enum fl_ssh_result agent(struct fl_ssh_login *l, void *session)
{
    return fl_libssh_agent(l, session);
}

/* libssh asks for a passphrase: remembered, and answered with nothing. */
static int wants_passphrase(const char *prompt, char *buf, size_t len, int echo, int verify, void *userdata)
{
    *(bool *)userdata = true;
    return -1;
}

/* libssh opens what it is told to: a pipe would be waited for without end. */
static bool is_file(const char *path)
{
    return g_file_test(path, G_FILE_TEST_IS_REGULAR);
}

/* Whether the server would take the key whose public half lies beside the file. NOTHING: there is none. */
static enum fl_ssh_result probe_public(struct fl_ssh_login *l, struct fl_libssh *s, const char *file)
{
    g_autofree char *path = g_strconcat(file, ".pub", NULL);
    ssh_key key = NULL;
    int rc;
    if (!is_file(path) || ssh_pki_import_pubkey_file(path, &key) != SSH_OK)
        return FL_SSH_NOTHING;
    while ((rc = ssh_userauth_try_publickey(s->session, NULL, key)) == SSH_AUTH_AGAIN) {
        if (fl_libssh_wait(l, s, "offering a key") < 0) {
            ssh_key_free(key);
            return FL_SSH_BROKEN;
        }
    }
    ssh_key_free(key);
    return result_of(l, s, rc, "offering a key");
}

static enum fl_ssh_result use_key(struct fl_ssh_login *l, struct fl_libssh *s, ssh_key key)
{
    int rc;
    UNTIL_DONE(rc, l, s, "logging in with a key", ssh_userauth_publickey(s->session, NULL, key));
    return result_of(l, s, rc, "logging in with a key");
}

/* libssh itself does not see that they belong together. */
static bool is_certificate_for(const char *path, ssh_key key)
{
    g_autofree unsigned char *cert = NULL;
    gsize cert_len = 0, len = 0;
    char *base64 = NULL;
    if (!fl_ssh_key_public(path, &cert, &cert_len) || ssh_pki_export_pubkey_base64(key, &base64) != SSH_OK)
        return false;
    g_autofree guchar *blob = g_base64_decode(base64, &len);
    ssh_string_free_char(base64);
    return fl_ssh_key_is_certified(cert, cert_len, blob, len);
}

/* With a certificate for the key, if the file has one. NOTHING: it has none. */
static enum fl_ssh_result use_certificate(struct fl_ssh_login *l, struct fl_libssh *s, ssh_key key,
                                          const char *path)
{
    ssh_key cert = NULL, both = NULL;
    enum fl_ssh_result rc = FL_SSH_NOTHING;
    if (!is_file(path) || !is_certificate_for(path, key) || ssh_pki_import_cert_file(path, &cert) != SSH_OK)
        return FL_SSH_NOTHING;
    if ((both = ssh_key_dup(key)) && ssh_pki_copy_cert_to_privkey(cert, both) == SSH_OK) {
        rc = use_key(l, s, both);
        if (rc == FL_SSH_REFUSED)
            fl_ssh_login_tried(l, "certificate %s: refused", path);
    }
    ssh_key_free(both);
    ssh_key_free(cert);
    return rc;
}

static enum fl_ssh_result use_certificates(struct fl_ssh_login *l, struct fl_libssh *s, ssh_key key,
                                           const char *file)
{
    g_autofree char *beside = g_strconcat(file, "-cert.pub", NULL);
    enum fl_ssh_result rc = use_certificate(l, s, key, beside);
    for (char **c = l->settings->certificate_files; *c && (rc == FL_SSH_NOTHING || rc == FL_SSH_REFUSED); c++)
        rc = use_certificate(l, s, key, *c);
    return rc;
}

static enum fl_ssh_result load_key(struct fl_ssh_login *l, const char *file, const char *passphrase,
                                   ssh_key *ret_key)
{
    bool asked = false;
    if (!is_file(file)) {
        fl_ssh_login_tried(l, "privkey %s: not a file", file);
        return FL_SSH_NOTHING;
    }
    if (ssh_pki_import_privkey_file(file, passphrase, wants_passphrase, &asked, ret_key) == SSH_OK)
        return FL_SSH_OK;
    if (asked || passphrase)
        return FL_SSH_LOCKED;
    fl_ssh_login_tried(l, "privkey %s: not a key that libssh reads", file);
    return FL_SSH_NOTHING;
}

static enum fl_ssh_result privkey(struct fl_ssh_login *l, void *session, const char *file,
                                  const char *passphrase)
{
    struct fl_libssh *s = session;
    ssh_key key = NULL;
    enum fl_ssh_result rc = load_key(l, file, passphrase, &key);
    g_autofree char *cert = g_strconcat(file, "-cert.pub", NULL);

    if (rc == FL_SSH_LOCKED && !passphrase && !l->settings->certificate_files[0] && !is_file(cert)) {
        /* Nobody is asked for the passphrase of a key that would be refused. */
        enum fl_ssh_result would = probe_public(l, s, file);
        return would == FL_SSH_REFUSED || would == FL_SSH_BROKEN ? would : FL_SSH_LOCKED;
    }
    if (rc != FL_SSH_OK)
        return rc;
    rc = use_certificates(l, s, key, file);
    if (rc == FL_SSH_NOTHING || rc == FL_SSH_REFUSED)
        rc = use_key(l, s, key);
    ssh_key_free(key);
    return rc;
}

static enum fl_ssh_result password(struct fl_ssh_login *l, void *session, const char *secret)
{
    struct fl_libssh *s = session;
    int rc;
    UNTIL_DONE(rc, l, s, "password", ssh_userauth_password(s->session, NULL, secret));
    return result_of(l, s, rc, "password");
}

/* One round of questions. -1: nobody answers. */
static int answer_round(struct fl_ssh_login *l, struct fl_libssh *s)
{
    virConnectCredential q[PROMPTS_MAX] = { 0 };
    int n = ssh_userauth_kbdint_getnprompts(s->session);
    if (n < 0 || n > PROMPTS_MAX) {
        fl_ssh_login_tried(l, "keyboard-interactive: the server asks %d questions at once", n);
        return -1;
    }
    for (int i = 0; i < n; i++) {
        char echo = 0;
        q[i].prompt = ssh_userauth_kbdint_getprompt(s->session, (unsigned int)i, &echo);
        q[i].type = echo ? VIR_CRED_ECHOPROMPT : VIR_CRED_NOECHOPROMPT;
    }
    int rc = fl_ssh_login_ask(l, ssh_userauth_kbdint_getname(s->session),
                              ssh_userauth_kbdint_getinstruction(s->session), q, (unsigned int)n);
    for (int i = 0; rc == 0 && i < n; i++)
        if (ssh_userauth_kbdint_setanswer(s->session, (unsigned int)i, q[i].result) < 0)
            rc = -1;
    fl_credentials_wipe(q, (unsigned int)n);
    return rc;
}

static enum fl_ssh_result kbdint(struct fl_ssh_login *l, void *session)
{
    struct fl_libssh *s = session;
    int rc;
    for (int i = 0; i < ROUNDS_MAX; i++) {
        UNTIL_DONE(rc, l, s, "keyboard-interactive", ssh_userauth_kbdint(s->session, NULL, NULL));
        if (rc != SSH_AUTH_INFO)
            return result_of(l, s, rc, "keyboard-interactive");
        if (answer_round(l, s) < 0)
            return FL_SSH_NOTHING;
    }
    fl_ssh_login_tried(l, "keyboard-interactive: given up after %d rounds of questions", ROUNDS_MAX);
    return FL_SSH_NOTHING;
}

const struct fl_ssh_login_ops fl_libssh_login_ops = {
    .offers = offers,
    .agent = agent,
    .privkey = privkey,
    .password = password,
    .kbdint = kbdint,
};
