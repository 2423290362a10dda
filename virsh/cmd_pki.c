/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pki init|issue|show|check: the words of the command; the work is in the pki_*.c files. */
#include "pki.h"
#include "shell.h"
#include "handlers.h"

#include <string.h>

static int pki_check(struct fl_call *c, const struct fl_pki *pki, char **words)
{
    bool server = false, client = false;

    for (char **w = words; *w; w++) {
        if (strcmp(*w, "server") == 0)
            server = true;
        else if (strcmp(*w, "client") == 0)
            client = true;
        else
            return fl_wrong(c, "pki check takes 'server' or 'client', not '%s'", *w);
    }
    return fl_pki_check(c, pki, server, client);
}

int fl_cmd_pki(struct fl_call *c)
{
    const char *action = fl_arg(c, "action");
    char **words = fl_argv(c, "name");
    guint n = g_strv_length(words);
    struct fl_pki pki = { NULL };
    int status = -1;

    if (fl_gnutls_load(c) < 0 || fl_pki_places(c, &pki) < 0)
        status = -1;
    else if (strcmp(action, "init") == 0 && n <= 1)
        status = fl_pki_init(c, &pki, words[0]);
    else if (strcmp(action, "issue") == 0 && n == 0)
        status = fl_pki_issue(c, &pki);
    else if (strcmp(action, "show") == 0)
        status = fl_pki_show(c, &pki, words);
    else if (strcmp(action, "check") == 0)
        status = pki_check(c, &pki, words);
    else if (strcmp(action, "init") == 0 || strcmp(action, "issue") == 0)
        fl_wrong(c, "'%s' is one word too many for pki %s", words[n - 1], action);
    else
        fl_wrong(c, "'%s' is nothing that pki can do: init, issue, show or check", action);
    fl_pki_clear(&pki);
    return status;
}
