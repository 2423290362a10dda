/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The dialogue. On a terminal libedit (loaded here and nowhere else) gives
 * line editing, history and completion; from a pipe lines are read plainly
 * and shown behind the prompt, so that a transcript reads the same.
 */
#include "shell.h"

#include <dlfcn.h>
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <editline/readline.h>

#define EDIT_FUNCTIONS(X)                                                                                    \
    X(readline)                                                                                              \
    X(add_history)                                                                                           \
    X(read_history)                                                                                          \
    X(write_history)                                                                                         \
    X(stifle_history)                                                                                        \
    X(using_history)                                                                                         \
    X(rl_completion_matches)

#define MEMBER(name) __typeof__(&name) name;
static struct {
    EDIT_FUNCTIONS(MEMBER)
    char **line_buffer;
} edit;
#undef MEMBER

static struct fl_shell *shell;
static char **matches;
static sigjmp_buf at_prompt;
static volatile sig_atomic_t reading;

static void on_interrupt(int number)
{
    (void)number;
    if (reading)
        siglongjmp(at_prompt, 1);
    /* A command is running: a call under way cannot be taken back, leaving always can. */
    fl_terminal_restore();
    if (write(STDOUT_FILENO, "\n", 1) < 0)
        _exit(1);
    _exit(130);
}

static char *next_match(const char *text, int state)
{
    static char **at;

    (void)text;
    if (state == 0)
        at = matches;
    return at && *at ? strdup(*at++) : NULL;
}

static char **complete(const char *text, int start, int end)
{
    g_autofree char *line = g_strndup(*edit.line_buffer, (gsize)start);

    (void)end;
    g_strfreev(matches);
    matches = fl_complete(shell, line, text);
    return edit.rl_completion_matches(text, next_match);
}

static char *no_files(const char *text, int state)
{
    (void)text;
    (void)state;
    return NULL;
}

static int load_edit(void)
{
    void *library = dlopen("libedit.so.2", RTLD_NOW | RTLD_LOCAL);
    rl_completion_func_t **attempted;
    const char **name, **breaks;
    __typeof__(&no_files) *entry;

    if (!library)
        return -1;
#define LOAD(name)                                                                                           \
    *(void **)&edit.name = dlsym(library, #name);                                                            \
    if (!edit.name)                                                                                          \
        return -1;
    EDIT_FUNCTIONS(LOAD)
#undef LOAD
    edit.line_buffer = dlsym(library, "rl_line_buffer");
    attempted = dlsym(library, "rl_attempted_completion_function");
    entry = dlsym(library, "rl_completion_entry_function");
    name = dlsym(library, "rl_readline_name");
    breaks = dlsym(library, "rl_basic_word_break_characters");
    if (!edit.line_buffer || !attempted || !entry || !name || !breaks)
        return -1;
    *attempted = complete;
    *entry = no_files;
    *name = "virsh";
    *breaks = " \t\n\\`@$><=;|&{(";
    return 0;
}

static char *history_path(void)
{
    g_autofree char *dir = g_build_filename(g_get_user_cache_dir(), "virsh", NULL);

    if (g_mkdir_with_parents(dir, 0755) < 0)
        return NULL;
    return g_build_filename(dir, "history", NULL);
}

static int history_size(void)
{
    const char *text = g_getenv("VIRSH_HISTSIZE");
    int size = text ? atoi(text) : 500;

    return size > 0 && size <= 500000 ? size : 500;
}

static char *read_line(const char *prompt, bool terminal)
{
    char *line = NULL;
    size_t room = 0;
    ssize_t len;

    if (terminal && edit.readline)
        return edit.readline(prompt);
    fputs(prompt, stdout);
    fflush(stdout);
    len = getline(&line, &room, stdin);
    if (len < 0) {
        free(line);
        return NULL;
    }
    if (len && line[len - 1] == '\n')
        line[--len] = '\0';
    if (strlen(line) != (size_t)len) { /* half of it would be another command */
        fl_complain(shell, "a line with a zero byte is no command");
        line[0] = '\0';
    }
    if (!terminal)
        printf("%s\n", line);
    return line;
}

static void run_line(struct fl_shell *sh, const char *line)
{
    g_autoptr(GPtrArray) commands = NULL;
    g_autofree char *error = NULL;

    if (fl_parse_text(line, &commands, &error) < 0)
        fl_complain(sh, "%s", error);
    else
        fl_run_all(sh, commands);
}

static void dialogue(struct fl_shell *sh, bool terminal)
{
    struct sigaction action = { .sa_handler = on_interrupt };

    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    while (!sh->quit) {
        char *line;

        if (sigsetjmp(at_prompt, 1))
            putchar('\n');
        reading = 1;
        line = read_line(sh->readonly ? "virsh > " : "virsh # ", terminal);
        reading = 0;
        if (!line)
            break;
        if (*line && edit.add_history)
            edit.add_history(line);
        run_line(sh, line);
        free(line);
        fflush(stdout);
    }
}

int fl_interactive(struct fl_shell *sh)
{
    bool terminal = isatty(STDIN_FILENO);
    g_autofree char *history = NULL;

    shell = sh;
    if (!sh->quiet)
        printf("Welcome to virsh, the virtualization interactive terminal.\n\n"
               "Type:  'help' for help with commands\n"
               "       'quit' to quit\n\n");
    if (terminal && load_edit() == 0) {
        history = history_path();
        edit.using_history();
        edit.stifle_history(history_size());
        if (history)
            edit.read_history(history);
    }
    dialogue(sh, terminal);
    if (history && edit.write_history)
        edit.write_history(history);
    putchar('\n');
    return 0;
}
