/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Questions and answers. */
#define FL_FROM VIR_FROM_AUTH
#include "auth/credentials.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"

bool fl_credentials_can_answer(const struct fl_credentials *from, int type)
{
    if (!from->auth || !from->auth->cb)
        return false;
    for (unsigned int i = 0; i < from->auth->ncredtype; i++)
        if (from->auth->credtype[i] == type)
            return true;
    return false;
}

int fl_credentials_answer(const struct fl_credentials *from, virConnectCredential *questions, unsigned int n)
{
    for (unsigned int i = 0; i < n; i++)
        if (!fl_credentials_can_answer(from, questions[i].type))
            return fl_error(VIR_ERR_AUTH_FAILED,
                            "the login wants an answer to '%s', and this program asks nobody",
                            questions[i].prompt);
    if (from->auth->cb(questions, n, from->auth->cbdata) < 0)
        return fl_error(VIR_ERR_AUTH_CANCELLED, "the questions of the login were not answered");
    return 0;
}

void fl_credentials_wipe(virConnectCredential *questions, unsigned int n)
{
    for (unsigned int i = 0; i < n; i++) {
        if (questions[i].result)
            explicit_bzero(questions[i].result, strlen(questions[i].result));
        free(questions[i].result);
        questions[i].result = NULL;
    }
}
