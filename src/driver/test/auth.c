/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A test host whose file names users asks for one of them, through the application's callback. */
#define FL_FROM VIR_FROM_TEST
#include <stdlib.h>
#include <string.h>
#include "driver/test/state.h"

/* One credential from the application; *ret is freed with free(). */
static int ask(virConnectAuthPtr auth, int type, const char *prompt, char **ret)
{
    virConnectCredential cred = { .type = type, .prompt = prompt, .challenge = "test" };
    bool can = false;
    for (unsigned int i = 0; auth && i < auth->ncredtype; i++)
        can = can || auth->credtype[i] == type;
    if (!auth || !auth->cb || !can)
        return fl_error_set(
            VIR_FROM_AUTH, VIR_ERR_INVALID_ARG,
            "this test host asks for a user, and the connection was opened without a way to ask for it");
    if (auth->cb(&cred, 1, auth->cbdata) < 0 || !cred.result)
        return fl_error_set(VIR_FROM_AUTH, VIR_ERR_AUTH_FAILED, "the application gave no answer to '%s'",
                            prompt);
    *ret = cred.result;
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
    char *name = NULL, *password = NULL;
    if (host->users->len == 0)
        return 0;
    if (ask(auth, VIR_CRED_AUTHNAME, "Enter username for localhost", &name) < 0)
        return -1;
    const struct fl_test_user *user = user_find(host, name);
    bool ok = user && !user->password;
    /* An unknown user is asked for a password too: who exists is nobody's business. */
    if (!ok && ask(auth, VIR_CRED_PASSPHRASE, "Enter password for localhost", &password) < 0) {
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
