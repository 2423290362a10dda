/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* virConnectAuthPtrDefault: asks on the terminal for what an authentication wants. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include <glib.h>
#include <libvirt/libvirt.h>

#define ANSWER_MAX 4096

/* A line from `in` without its newline; NULL at end of input. */
static char *read_line(FILE *in)
{
    char buf[ANSWER_MAX];
    char *line = fgets(buf, sizeof(buf), in) ? g_strdup(g_strchomp(buf)) : NULL;
    explicit_bzero(buf, sizeof(buf));
    return line;
}

static char *ask(const char *prompt)
{
    printf("%s: ", prompt);
    fflush(stdout);
    return read_line(stdin);
}

/* A program without a terminal is answered by whoever feeds its input, line by line. */
static char *ask_hidden(const char *prompt)
{
    g_autofree char *line = NULL;
    struct termios before, silent;
    FILE *tty = fopen("/dev/tty", "r+e");
    if (!tty && !isatty(STDIN_FILENO))
        return ask(prompt);
    if (!tty || tcgetattr(fileno(tty), &before) < 0) {
        if (tty)
            fclose(tty);
        return NULL; /* a secret is not read where it would be shown */
    }
    silent = before;
    silent.c_lflag &= ~(tcflag_t)ECHO;
    setbuf(tty, NULL);
    fprintf(tty, "%s: ", prompt);
    tcsetattr(fileno(tty), TCSAFLUSH, &silent);
    line = read_line(tty);
    tcsetattr(fileno(tty), TCSAFLUSH, &before);
    fputc('\n', tty);
    fclose(tty);
    return g_steal_pointer(&line);
}

/* -1: nobody answered. */
static int answer_one(virConnectCredentialPtr cred)
{
    const char *prompt = cred->prompt ? cred->prompt : "";
    g_autofree char *line = NULL;
    switch (cred->type) {
    case VIR_CRED_EXTERNAL: /* settled outside, by an agent of the desktop or terminal */
        return cred->challenge && strcmp(cred->challenge, "PolicyKit") == 0 ? 0 : -1;
    case VIR_CRED_USERNAME:
    case VIR_CRED_AUTHNAME:
    case VIR_CRED_ECHOPROMPT:
    case VIR_CRED_REALM:
        line = ask(prompt);
        break;
    case VIR_CRED_PASSPHRASE:
    case VIR_CRED_NOECHOPROMPT:
        line = ask_hidden(prompt);
        break;
    default:
        return -1;
    }
    if (!line)
        return -1;
    if (!*line && cred->defresult) {
        g_free(line);
        line = g_strdup(cred->defresult);
    }
    cred->resultlen = strlen(line);
    cred->result = g_steal_pointer(&line);
    return 0;
}

static int ask_terminal(virConnectCredentialPtr cred, unsigned int ncred, void *cbdata)
{
    for (unsigned int i = 0; i < ncred; i++)
        if (answer_one(&cred[i]) < 0)
            return -1;
    return 0;
}

static int types[] = { VIR_CRED_AUTHNAME,   VIR_CRED_ECHOPROMPT,   VIR_CRED_REALM,
                       VIR_CRED_PASSPHRASE, VIR_CRED_NOECHOPROMPT, VIR_CRED_EXTERNAL };

static virConnectAuth terminal_auth = { types, G_N_ELEMENTS(types), ask_terminal, NULL };

virConnectAuthPtr virConnectAuthPtrDefault = &terminal_auth;
