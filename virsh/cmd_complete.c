/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * complete: what the shell of a terminal offers when the tab key is pressed. It must be quick, and must ask
 * nobody: names are looked up by a child without a terminal that opens the connection only to look (nothing
 * is started or remembered), and when it is not done in time what needs no connection is offered.
 */
#include "shell.h"
#include "handlers.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATIENCE_MS = 250, PATIENCE_MAX_MS = 60000, MAX_ANSWER = 1 << 20 };

/* For far hosts a person may have more of it. */
static gint64 patience_ms(void)
{
    const char *text = g_getenv("VIRSH_COMPLETE_MS");
    gint64 given = text ? g_ascii_strtoll(text, NULL, 10) : 0;

    return given > 0 ? MIN(given, PATIENCE_MAX_MS) : PATIENCE_MS;
}

static void ask_nobody(struct fl_shell *sh)
{
    static const char *const asking[] = { "DISPLAY", "WAYLAND_DISPLAY", "SSH_ASKPASS" };

    setsid(); /* no terminal for anything that is started */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGINT, SIG_DFL);
    for (size_t i = 0; i < G_N_ELEMENTS(asking); i++)
        g_unsetenv(asking[i]);
    g_setenv("SSH_ASKPASS_REQUIRE", "never", TRUE);
    g_setenv("LIBVIRT_AUTOSTART", "0", TRUE); /* for other makes of the library */
    sh->look_only = sh->readonly = sh->no_agent = true;
    if (!freopen("/dev/null", "r", stdin) || !freopen("/dev/null", "w", stderr))
        _exit(EXIT_FAILURE);
}

static void answer(struct fl_shell *sh, const char *line, const char *word, int out)
{
    g_auto(GStrv) found = NULL;
    FILE *to = fdopen(out, "w");

    ask_nobody(sh);
    found = fl_complete(sh, line, word);
    for (char **f = found; to && *f; f++)
        fprintf(to, "%s\n", *f);
    _exit(to && fclose(to) == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
}

/* All that is said until the other end is closed; false: that took too long. */
static bool read_answer(int fd, GString *text)
{
    gint64 end = g_get_monotonic_time() + patience_ms() * 1000;

    for (;;) {
        struct pollfd p = { .fd = fd, .events = POLLIN };
        gint64 left = (end - g_get_monotonic_time()) / 1000;
        char part[4096];
        ssize_t n;

        if (left <= 0 || text->len > MAX_ANSWER || (poll(&p, 1, (int)left) < 0 && errno != EINTR))
            return false;
        if (!p.revents)
            continue;
        n = read(fd, part, sizeof(part));
        if (n > 0)
            g_string_append_len(text, part, n);
        else if (n == 0 || errno != EINTR)
            return n == 0;
    }
}

static void end_child(pid_t pid, bool done)
{
    if (!done) {
        kill(-pid, SIGKILL); /* with what it started, such as ssh */
        kill(pid, SIGKILL);
    }
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
}

/* NULL: not in time. */
static char **ask_child(struct fl_shell *sh, const char *line, const char *word)
{
    g_autoptr(GString) text = g_string_new("");
    int fds[2];
    pid_t pid;
    bool done;

    if (pipe2(fds, O_CLOEXEC) < 0)
        return NULL;
    pid = fork();
    if (pid == 0)
        answer(sh, line, word, fds[1]);
    close(fds[1]);
    done = pid > 0 && read_answer(fds[0], text);
    close(fds[0]);
    if (pid > 0)
        end_child(pid, done);
    if (!done)
        return NULL;
    if (text->len)
        g_string_truncate(text, text->len - 1);
    return g_strsplit(text->str, "\n", -1);
}

/* The words so far, the last of them unfinished: prints what it could become, a line each. */
int fl_cmd_complete(struct fl_call *c)
{
    char **words = fl_argv(c, "string");
    guint n = g_strv_length(words);
    const char *word = n ? words[n - 1] : "";
    g_autoptr(GString) line = g_string_new("");
    g_auto(GStrv) found = NULL;

    for (guint i = 0; i + 1 < n; i++) {
        g_autofree char *quoted = g_shell_quote(words[i]);

        g_string_append_printf(line, "%s ", quoted);
    }
    if (!c->sh->conn)
        found = ask_child(c->sh, line->str, word);
    if (!found) {
        c->sh->offline = !c->sh->conn;
        found = fl_complete(c->sh, line->str, word);
        c->sh->offline = false;
    }
    for (char **f = found; *f; f++)
        fl_out(c, "%s\n", *f);
    return 0;
}
