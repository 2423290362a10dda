/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A test host whose file names users asks for one of them, through auth.conf or the application's
 * callback. */
#define FL_FROM VIR_FROM_TEST
#include <stdlib.h>
#include <string.h>

#include "auth/credentials.h"
#include "driver/test/state.h"

/* One credential, from auth.conf or the application; *ret is freed with free(). */
static int ask(const struct fl_credentials *from, int type, const char *prompt, char **ret)
{
    virConnectCredential q = { .type = type, .prompt = prompt, .challenge = "test" };

    if (!fl_credentials_can_answer(from, type))
        return fl_error_set(
            VIR_FROM_AUTH, VIR_ERR_INVALID_ARG,
            "this test host asks for a user, and the connection was opened without a way to ask for it");
    if (fl_credentials_answer(from, &q, 1) < 0) {
        fl_credentials_wipe(&q, 1);
        if (fl_error_get()->code != VIR_ERR_AUTH_FAILED) /* auth.conf cannot be used */
            return -1;
        return fl_error_set(VIR_FROM_AUTH, VIR_ERR_AUTH_FAILED, "the application gave no answer to '%s'",
                            prompt);
    }
    *ret = q.result;
    return 0;
}

static const struct fl_test_user *user_find(const struct fl_test_host *host, const char *name)
{
    for (guint i = 0; i < host->users->len; i++) {
        const struct fl_test_user *user = g_ptr_array_index(host->users, i);
        if (strcmp(user->name, name) == 0)
            return user;
    }
    return NULL;
}

int fl_test_host_authenticate(struct fl_test_host *host, virConnectAuthPtr auth)
{
    /* Compat: the incumbent's names in auth.conf: [auth-test-localhost] */
    const struct fl_credentials from = { .auth = auth, .service = "test", .host = "localhost" };
    char *name = NULL, *password = NULL;

    if (host->users->len == 0)
        return 0;
    if (ask(&from, VIR_CRED_AUTHNAME, "Enter username for localhost", &name) < 0)
        return -1;
    const struct fl_test_user *user = user_find(host, name);
    bool ok = user && !user->password;
    /* An unknown user is asked for a password too: who exists is nobody's business. */
    if (!ok && ask(&from, VIR_CRED_PASSPHRASE, "Enter password for localhost", &password) < 0) {
        free(name);
        return -1;
    }
    if (!ok)
        ok = user && strcmp(user->password, password) == 0;
    if (password)
        explicit_bzero(password, strlen(password));
    free(password);
    free(name);
    return ok ? 0 : fl_error(VIR_ERR_AUTH_FAILED, "the user's name or password was not accepted");
}
