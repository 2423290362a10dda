/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Questions and answers: the URI's user, then auth.conf, then one call of the application. */
#define FL_FROM VIR_FROM_REMOTE /* Compat: as the peer, whoever asks */
#include "auth/credentials.h"

#include <stdlib.h>
#include <string.h>

#include "auth/auth_conf.h"
#include "base/error.h"
#include "base/walk.h"

#define QUESTIONS_MAX 64u

/* How auth.conf calls the answer, and what it is called in messages. */
static const struct {
    int type;
    const char *key, *also; /* `also`: the same under a second name */
    const char *name;
} kinds[] = {
    { VIR_CRED_USERNAME, "username", "authname", "a user name" },
    { VIR_CRED_AUTHNAME, "authname", "username", "a login name" },
    { VIR_CRED_LANGUAGE, NULL, NULL, "a language" },
    { VIR_CRED_CNONCE, NULL, NULL, "a nonce" },
    { VIR_CRED_PASSPHRASE, "password", "passphrase", "a password" },
    { VIR_CRED_ECHOPROMPT, NULL, NULL, "an answer" },
    { VIR_CRED_NOECHOPROMPT, "password", "passphrase", "a secret answer" },
    { VIR_CRED_REALM, "realm", NULL, "a realm" },
    { VIR_CRED_EXTERNAL, NULL, NULL, "a decision made elsewhere" },
};

static const char *kind_name(int type)
{
    for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++)
        if (kinds[i].type == type)
            return kinds[i].name;
    return "an answer of an unknown kind";
}

static void give(virConnectCredential *q, const char *answer)
{
    q->result = strdup(answer);
    q->resultlen = (unsigned int)strlen(answer);
}

/* ---- the URI and the file ---- */

static bool asks_user(int type)
{
    return type == VIR_CRED_USERNAME || type == VIR_CRED_AUTHNAME;
}

/* A set that names its user serves no other one: the URI's may be somebody else. */
static int belongs_to_another(const struct fl_credentials *from, const struct fl_auth_conf *conf)
{
    struct fl_auth_conf_answer name = { 0 };
    int rc;

    if (!from->user || !*from->user)
        return 0;
    rc = fl_auth_conf_find(conf, from->service, from->host, "authname", &name);
    if (rc == 0)
        rc = fl_auth_conf_find(conf, from->service, from->host, "username", &name);
    if (rc <= 0 || g_str_equal(name.value, from->user))
        return rc < 0 ? -1 : 0;
    fl_stage_note("[credentials-%s] in auth.conf is for '%s', the URI names '%s'", name.set, name.value,
                  from->user);
    return 1;
}

/* 1: *ret_found is the answer, under *ret_key; 0: not here, -1 with the error set. */
static int find_in_file(const struct fl_credentials *from, const struct fl_auth_conf *conf, int type,
                        struct fl_auth_conf_answer *ret_found, const char **ret_key)
{
    for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
        const char *names[] = { kinds[i].key, kinds[i].also };

        if (kinds[i].type != type)
            continue;
        for (size_t n = 0; n < G_N_ELEMENTS(names) && names[n]; n++) {
            int rc = fl_auth_conf_find(conf, from->service, from->host, names[n], ret_found);

            *ret_key = names[n];
            if (rc != 0)
                return rc;
        }
    }
    return 0;
}

static int answer_from_file(const struct fl_credentials *from, const struct fl_auth_conf *conf,
                            virConnectCredential *q)
{
    struct fl_auth_conf_answer found = { 0 };
    const char *key;
    int rc = find_in_file(from, conf, q->type, &found, &key);

    if (rc == 1 && (rc = belongs_to_another(from, conf)) >= 0)
        rc = !rc;
    if (rc <= 0)
        return rc;
    fl_stage_note("%s: %s of [credentials-%s] in auth.conf", kind_name(q->type), key, found.set);
    give(q, found.value);
    return 1;
}

/* 0: *ret_conf is the file's content, or NULL where there is no file. */
static int load_file(const struct fl_credentials *from, struct fl_auth_conf **ret_conf, char **ret_path)
{
    const char *named_by = NULL;
    g_autofree char *path = fl_auth_conf_path(from->authfile, &named_by);
    g_autofree char *said = NULL;

    *ret_conf = NULL;
    if (!path)
        return 0;
    if (fl_auth_conf_load(path, ret_conf) < 0) {
        if (!named_by)
            return -1;
        said = g_strdup(fl_error_get()->str2 ? fl_error_get()->str2 : fl_error_get()->message);
        return fl_error_set(fl_error_get()->domain, fl_error_get()->code, "%s (named by %s)", said, named_by);
    }
    *ret_path = g_steal_pointer(&path);
    return 0;
}

/* ---- the application ---- */

static bool application_takes(const struct fl_credentials *from, int type)
{
    if (!from->auth || !from->auth->cb)
        return false;
    for (unsigned int i = 0; i < from->auth->ncredtype; i++)
        if (from->auth->credtype[i] == type)
            return true;
    return false;
}

static int nobody_answers(const struct fl_credentials *from, const virConnectCredential *q, const char *path)
{
    g_autofree char *where = path ? g_strdup(path) : g_strdup("auth.conf (none was found)");

    return fl_error(
        VIR_ERR_AUTH_FAILED,
        "the login at '%s' asks for %s ('%s'); there is none in the URI and in %s, and %s; put it "
        "in auth.conf, or open the connection with virConnectOpenAuth",
        from->host ? from->host : "localhost", kind_name(q->type), q->prompt ? q->prompt : "", where,
        from->auth && from->auth->cb ? "the program has no way to ask for it" : "the program asks nobody");
}

/* All that is left, in one call. */
static int ask_application(const struct fl_credentials *from, virConnectCredential *questions, unsigned int n,
                           const char *path)
{
    virConnectCredential left[QUESTIONS_MAX];
    unsigned int index[QUESTIONS_MAX], nleft = 0;
    int rc;

    for (unsigned int i = 0; i < n; i++) {
        if (questions[i].result)
            continue;
        if (!application_takes(from, questions[i].type))
            return nobody_answers(from, &questions[i], path);
        index[nleft] = i;
        left[nleft++] = questions[i];
    }
    if (!nleft)
        return 0;
    rc = from->auth->cb(left, nleft, from->auth->cbdata);
    for (unsigned int i = 0; i < nleft; i++)
        questions[index[i]] = left[i];
    explicit_bzero(left, sizeof(left));
    if (rc < 0)
        return fl_error(VIR_ERR_AUTH_FAILED,
                        "the questions of the login at '%s' were not answered; answer them, or put user and "
                        "password in auth.conf",
                        from->host ? from->host : "localhost");
    for (unsigned int i = 0; i < nleft; i++) {
        virConnectCredential *q = &questions[index[i]];

        fl_stage_note("%s: asked through the application", kind_name(q->type));
        if (!q->result && q->defresult)
            give(q, q->defresult);
        if (!q->result)
            return fl_error(VIR_ERR_AUTH_FAILED, "the login at '%s' asked for %s ('%s') and got no answer",
                            from->host ? from->host : "localhost", kind_name(q->type),
                            q->prompt ? q->prompt : "");
    }
    return 0;
}

int fl_credentials_answer(const struct fl_credentials *from, virConnectCredential *questions, unsigned int n)
{
    fl_autoauthconf struct fl_auth_conf *conf = NULL;
    g_autofree char *path = NULL;

    if (n > QUESTIONS_MAX)
        return fl_error(VIR_ERR_AUTH_FAILED, "the login at '%s' asks %u questions, the limit is %u",
                        from->host ? from->host : "localhost", n, QUESTIONS_MAX);
    if (load_file(from, &conf, &path) < 0)
        return -1;
    for (unsigned int i = 0; i < n; i++) {
        virConnectCredential *q = &questions[i];

        if (q->result)
            continue;
        if (asks_user(q->type) && from->user && *from->user) {
            fl_stage_note("%s: '%s' of the URI", kind_name(q->type), from->user);
            give(q, from->user);
        } else if (conf && answer_from_file(from, conf, q) < 0) {
            return -1;
        }
    }
    return ask_application(from, questions, n, path);
}

int fl_credentials_check(const struct fl_credentials *from)
{
    fl_autoauthconf struct fl_auth_conf *conf = NULL;
    g_autofree char *path = NULL;

    return load_file(from, &conf, &path);
}

bool fl_credentials_can_answer(const struct fl_credentials *from, int type)
{
    FL_ERROR_PRESERVE;
    fl_autoauthconf struct fl_auth_conf *conf = NULL;
    struct fl_auth_conf_answer found;
    g_autofree char *path = NULL;
    const char *key;

    if (application_takes(from, type) || (asks_user(type) && from->user && *from->user))
        return true;
    return load_file(from, &conf, &path) == 0 && conf && find_in_file(from, conf, type, &found, &key) > 0;
}

void fl_credentials_wipe(virConnectCredential *questions, unsigned int n)
{
    for (unsigned int i = 0; i < n; i++) {
        if (questions[i].result)
            explicit_bzero(questions[i].result, strlen(questions[i].result));
        free(questions[i].result);
        questions[i].result = NULL;
        questions[i].resultlen = 0;
    }
}
