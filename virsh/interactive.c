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
#include <wchar.h>
#include <editline/readline.h>

#define EDIT_FUNCTIONS(X)                                                                                    \
    X(readline)                                                                                              \
    X(add_history)                                                                                           \
    X(read_history)                                                                                          \
    X(write_history)                                                                                         \
    X(stifle_history)                                                                                        \
    X(using_history)

#define MEMBER(name) __typeof__(&name) name;
static struct {
    EDIT_FUNCTIONS(MEMBER)
    char **line_buffer;
} edit;
#undef MEMBER

static struct fl_shell *shell;
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

/* libedit counts characters, the line has bytes. */
static size_t bytes_of(const char *line, int characters)
{
    mbstate_t state = { 0 };
    const char *p = line;

    while (characters-- > 0 && *p) {
        size_t n = mbrlen(p, MB_CUR_MAX, &state);

        if (n == (size_t)-1 || n == (size_t)-2) {
            memset(&state, 0, sizeof(state));
            n = 1;
        }
        p += n;
    }
    return (size_t)(p - line);
}

/* What all of them begin with, in whole characters. */
static char *common_part(GPtrArray *found)
{
    const char *first = found->pdata[0], *p = first;

    for (; *p; p = g_utf8_next_char(p))
        for (guint i = 1; i < found->len; i++)
            if (strncmp(first, found->pdata[i], (size_t)(g_utf8_next_char(p) - first)) != 0)
                return g_strndup(first, (gsize)(p - first));
    return g_strdup(first);
}

/* What is typed stays; the rest of a name is put behind it so that this shell's parser reads the name back.
 */
static char *as_typed(const char *typed, const char *rest, char quote, bool begins, bool whole)
{
    g_autoptr(GString) text = g_string_new(typed);
    char *copy;

    fl_parse_quote(text, rest, quote, begins);
    if (whole && quote)
        g_string_append_c(text, quote);
    copy = strdup(text->str); /* libedit frees it */
    return copy;
}

/* libedit parts words without knowing of quotes: it is told what to put for the part of the word that it
 * sees. */
static char **complete(const char *text, int start, int end)
{
    g_autofree char *line = g_strndup(*edit.line_buffer, bytes_of(*edit.line_buffer, end));
    g_autofree char *word = NULL, *before = NULL, *common = NULL;
    g_autoptr(GPtrArray) found = g_ptr_array_new_with_free_func(g_free);
    const char *typed = line + bytes_of(line, start);
    g_autofree char **all = NULL;
    char quote, **matches;
    size_t at;

    (void)text;
    quote = fl_parse_unfinished(line, &at, &word);
    before = g_strndup(line, at);
    if (quote != '\\')
        all = fl_complete(shell, before, word);
    for (char **a = all; a && *a; a++)
        if (mbstowcs(NULL, *a, 0) != (size_t)-1) /* else the terminal's locale has no such characters */
            g_ptr_array_add(found, *a);
        else
            g_free(*a);
    matches = found->len ? calloc(found->len + 2, sizeof(*matches)) : NULL;
    if (!matches)
        return NULL;
    common = common_part(found);
    matches[0] = as_typed(typed, common + strlen(word), quote, !line[at], found->len == 1);
    for (guint i = 0; i < found->len; i++)
        matches[i + 1] =
            as_typed(typed, (char *)found->pdata[i] + strlen(word), quote, !line[at], found->len == 1);
    return matches;
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
