/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A description into the user's editor and back. */
#include "shell.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

static int run_editor(struct fl_call *c, const char *path)
{
    const char *editor = g_getenv("VISUAL");
    g_autofree char *line = NULL, *quoted = g_shell_quote(path);
    const char *argv[4] = { "/bin/sh", "-c", NULL, NULL };
    int status = 0;

    if (!editor || !*editor)
        editor = g_getenv("EDITOR");
    if (!editor || !*editor)
        editor = "vi";
    line = g_strdup_printf("%s %s", editor, quoted);
    argv[2] = line;
    if (!g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_CHILD_INHERITS_STDIN, NULL, NULL, NULL, NULL,
                      &status, NULL))
        return fl_wrong(c, "cannot start the editor '%s'; set VISUAL or EDITOR", editor);
    if (!g_spawn_check_wait_status(status, NULL))
        return fl_wrong(c, "the editor '%s' failed; nothing was changed", editor);
    return 0;
}

/* ---- what is left when a signal ends the shell ---- */

static const int ending[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
static struct sigaction before[G_N_ELEMENTS(ending)];
static const char *volatile temporary;

/* Nothing here but what a handler may call. */
static void leave(int number)
{
    if (temporary)
        unlink(temporary);
    fl_terminal_restore();
    signal(number, SIG_DFL);
    raise(number);
    _exit(128 + number);
}

static void guard(const char *path)
{
    struct sigaction action = { .sa_handler = leave, .sa_flags = SA_NODEFER };

    sigemptyset(&action.sa_mask);
    temporary = path;
    for (size_t i = 0; i < G_N_ELEMENTS(ending); i++) {
        sigaction(ending[i], NULL, &before[i]);
        if (before[i].sa_handler != SIG_IGN)
            sigaction(ending[i], &action, NULL);
    }
}

static void unguard(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(ending); i++)
        sigaction(ending[i], &before[i], NULL);
    temporary = NULL;
}

/* Closes it in any case. */
static int write_text(struct fl_call *c, int fd, const char *path, const char *text)
{
    size_t left = strlen(text);
    int reason = 0;

    while (left && !reason) {
        ssize_t n = write(fd, text, left);

        if (n < 0 && errno != EINTR)
            reason = errno;
        if (n > 0) {
            text += n;
            left -= (size_t)n;
        }
    }
    if (close(fd) < 0 && !reason)
        reason = errno;
    if (reason)
        return fl_wrong(c, "cannot write the temporary file '%s': %s", path, g_strerror(reason));
    return 0;
}

int fl_edit_text(struct fl_call *c, const char *text, char **ret_new)
{
    g_autofree char *path = g_build_filename(g_get_tmp_dir(), "virshXXXXXX.xml", NULL), *edited = NULL;
    int fd = g_mkstemp_full(path, O_RDWR | O_CLOEXEC, 0600);
    int status = -1;

    if (fd < 0)
        return fl_wrong(c, "cannot make a temporary file in '%s': %s", g_get_tmp_dir(), g_strerror(errno));
    guard(path);
    if (write_text(c, fd, path, text) == 0 && run_editor(c, path) == 0)
        status = fl_read_file(c, path, &edited);
    unlink(path);
    unguard();
    if (status < 0)
        return -1;
    if (strcmp(edited, text) == 0)
        return 0;
    *ret_new = g_steal_pointer(&edited);
    return 1;
}
