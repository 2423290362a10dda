/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Words to commands. A single text follows the shell's quoting: '…' takes
 * everything, "…" and \ quote, ; and a newline end a command, # starts a
 * comment where a word could start. Words of the program's own command line
 * are taken as they are and make exactly one command.
 */
#include "shell.h"

#include <string.h>

enum token { TOKEN_WORD, TOKEN_END, TOKEN_SEPARATOR, TOKEN_BAD };

struct words {
    const char *text; /* quoted text, or */
    char **argv;      /* words as they are */
};

void fl_args_free(struct fl_args *args)
{
    if (!args)
        return;
    for (size_t i = 0; i < args->n_options; i++)
        g_free(args->values[i]);
    g_free(args->values);
    g_ptr_array_unref(args->argv);
    fl_options_free(args->options, args->n_options);
    g_free(args);
}

static const char *skip_blank(const char *p)
{
    for (;;) {
        if (*p == ' ' || *p == '\t')
            p++;
        else if (p[0] == '\\' && p[1] == '\n')
            p += 2;
        else if (*p == '#')
            p += strcspn(p, "\n");
        else
            return p;
    }
}

/* One word without its quotes. Returns the quote left open, a backslash that quotes nothing, or 0. */
static char take_word(const char **text, GString *word)
{
    const char *p = *text;
    char quote = 0;

    for (; *p && (quote || !strchr(" \t;\n", *p)); p++) {
        if (*p == '\'' && quote != '"') {
            quote = quote ? 0 : '\'';
        } else if (*p == '"' && quote != '\'') {
            quote = quote ? 0 : '"';
        } else if (*p == '\\' && quote != '\'') {
            if (!*++p) {
                quote = '\\';
                break;
            }
            if (*p != '\n')
                g_string_append_c(word, *p);
        } else {
            g_string_append_c(word, *p);
        }
    }
    *text = p;
    return quote;
}

static enum token text_next(const char **text, char **ret_word, char **ret_error)
{
    const char *p = skip_blank(*text);
    g_autoptr(GString) word = g_string_new("");
    char quote;

    if (!*p || *p == ';' || *p == '\n') {
        *text = *p ? p + 1 : p;
        return *p ? TOKEN_SEPARATOR : TOKEN_END;
    }
    *text = p;
    quote = take_word(text, word);
    if (quote == '\\')
        *ret_error = g_strdup("the line ends in a backslash that quotes nothing");
    else if (quote == '"')
        *ret_error = g_strdup("a double quote is opened and not closed");
    if (quote == '\\' || quote == '"')
        return TOKEN_BAD;
    *ret_word = g_string_free(g_steal_pointer(&word), FALSE);
    return TOKEN_WORD;
}

char fl_parse_unfinished(const char *line, size_t *ret_start, char **ret_word)
{
    const char *p = line;

    for (;;) {
        g_autoptr(GString) word = g_string_new("");
        char quote;

        p = skip_blank(p);
        *ret_start = (size_t)(p - line);
        if (*p == ';' || *p == '\n') {
            p++;
            continue;
        }
        quote = take_word(&p, word);
        if (!*p) {
            *ret_word = g_string_free(g_steal_pointer(&word), FALSE);
            return quote;
        }
    }
}

void fl_parse_quote(GString *out, const char *text, char quote, bool begins)
{
    const char *special = quote == '"' ? "\"\\" : quote ? "" : " \t\n;'\"\\";

    for (const char *p = text; *p; p++) {
        if (quote == '\'' && *p == '\'') {
            g_string_append(out, "'\\''");
            continue;
        }
        if (strchr(special, *p) || (begins && !quote && p == text && *p == '#'))
            g_string_append_c(out, '\\');
        g_string_append_c(out, *p);
    }
}

static enum token next_token(struct words *w, char **ret_word, char **ret_error)
{
    if (w->text)
        return text_next(&w->text, ret_word, ret_error);
    if (!*w->argv)
        return TOKEN_END;
    *ret_word = g_strdup(*w->argv++);
    return TOKEN_WORD;
}

char **fl_parse_words(const char *line)
{
    g_autoptr(GPtrArray) words = g_ptr_array_new();
    const char *p = line;
    enum token t;

    do {
        char *word = NULL;
        g_autofree char *error = NULL;

        t = text_next(&p, &word, &error);
        if (t == TOKEN_WORD)
            g_ptr_array_add(words, word);
        else if (t == TOKEN_SEPARATOR)
            g_ptr_array_set_size(words, 0);
    } while (t == TOKEN_WORD || t == TOKEN_SEPARATOR);
    g_ptr_array_add(words, NULL);
    return (char **)g_ptr_array_free(g_steal_pointer(&words), FALSE);
}

static struct fl_args *args_new(const struct fl_command *command)
{
    struct fl_args *args = g_new0(struct fl_args, 1);

    args->command = command;
    args->options = fl_options_parse(command->options, &args->n_options);
    args->values = g_new0(char *, args->n_options + 1);
    args->argv = g_ptr_array_new_with_free_func(g_free);
    return args;
}

static int find_option(struct fl_args *args, const char *name)
{
    for (size_t i = 0; i < args->n_options; i++) {
        if (strcmp(args->options[i].name, name) != 0)
            continue;
        if (args->options[i].kind == FL_OPTION_ALIAS)
            return find_option(args, args->options[i].target);
        return (int)i;
    }
    return -1;
}

static void store(struct fl_args *args, size_t i, char *value)
{
    if (args->options[i].kind == FL_OPTION_ARGV)
        g_ptr_array_add(args->argv, value);
    else
        args->values[i] = value;
    if (!args->values[i])
        args->values[i] = g_strdup("");
}

/* An option of virsh itself, given behind the command: the word that is too many, or one taken for a name. */
static const char *misplaced(struct fl_args *args, const char *word)
{
    for (size_t i = 0; i <= args->n_options; i++) {
        const char *text = i < args->n_options ? args->values[i] : word;

        if (text && text[0] == '-' && text[1] && strchr("cdekKloqrt", text[1]) && !text[2])
            return text;
    }
    return NULL;
}

/* A word that stands alone goes to the first option still waiting for one. */
static int take_data(struct fl_args *args, char *word, char **ret_error)
{
    for (size_t i = 0; i < args->n_options; i++) {
        const struct fl_option *o = &args->options[i];

        if (o->kind == FL_OPTION_BOOL || o->kind == FL_OPTION_ALIAS || o->named_only)
            continue;
        if (args->values[i] && o->kind != FL_OPTION_ARGV)
            continue;
        store(args, i, word);
        return 0;
    }
    const char *option = misplaced(args, word), *name = args->command->name;

    *ret_error = option
                     ? g_strdup_printf("'%s' is an option of virsh, not of '%s': it goes before the command",
                                       option, name)
                     : g_strdup_printf("'%s' is one word too many for '%s'; see 'help %s'", word, name, name);
    g_free(word);
    return -1;
}

static int take_option(struct fl_args *args, const char *text, struct words *w, char **ret_error)
{
    const char *name = args->command->name;
    g_autofree char *key = g_strndup(text, strcspn(text, "="));
    const char *value = strchr(text, '=');
    int i = find_option(args, key);
    char *word = NULL;

    if (i < 0) {
        *ret_error = g_strdup_printf("'%s' has no option --%s; see 'help %s'", name, key, name);
        return -1;
    }
    if (args->values[i] && args->options[i].kind != FL_OPTION_ARGV) {
        *ret_error = g_strdup_printf("option --%s is given twice to '%s'", key, name);
        return -1;
    }
    if (args->options[i].kind == FL_OPTION_BOOL) {
        if (value) {
            *ret_error = g_strdup_printf("option --%s is a switch and takes no value", key);
            return -1;
        }
        store(args, (size_t)i, g_strdup(""));
        return 0;
    }
    if (value) {
        word = g_strdup(value + 1);
    } else if (next_token(w, &word, ret_error) != TOKEN_WORD) {
        if (!*ret_error)
            *ret_error = g_strdup_printf("option --%s needs a value: --%s <%s>", key, key,
                                         args->options[i].kind == FL_OPTION_INT ? "number" : "string");
        return -1;
    }
    store(args, (size_t)i, word);
    return 0;
}

static int check_required(struct fl_args *args, char **ret_error)
{
    for (size_t i = 0; i < args->n_options; i++)
        if (args->options[i].required && !args->values[i]) {
            *ret_error = g_strdup_printf("'%s' needs <%s>; see 'help %s'", args->command->name,
                                         args->options[i].name, args->command->name);
            return -1;
        }
    return 0;
}

/* "list --help" is "help list" */
static void become_help(struct fl_args **args)
{
    struct fl_args *help = args_new(fl_command_find("help"));

    store(help, 0, g_strdup((*args)->command->name));
    fl_args_free(*args);
    *args = help;
}

static bool is_option(const char *word)
{
    return word[0] == '-' && word[1] == '-' && g_ascii_isalnum(word[2]);
}

/* One command up to its separator. Returns the token that ended it. */
static enum token parse_one(struct words *w, const char *name, GPtrArray *commands, char **ret_error)
{
    const struct fl_command *command = fl_command_find(name);
    struct fl_args *args;
    bool data_only = false, help = false;
    int status = 0;
    enum token t;
    char *word = NULL;

    if (!command) {
        *ret_error = g_strdup_printf("there is no command '%s'; 'help' lists them all", name);
        return TOKEN_BAD;
    }
    args = args_new(command);
    while (status == 0 && (t = next_token(w, &word, ret_error)) == TOKEN_WORD) {
        if (data_only || word[0] != '-' || word[1] != '-') {
            status = take_data(args, word, ret_error);
            continue;
        }
        if (word[2] == '\0') {
            data_only = true;
        } else if (strcmp(word, "--help") == 0) {
            help = true;
        } else if (is_option(word)) {
            status = take_option(args, word + 2, w, ret_error);
        } else {
            status = take_data(args, g_strdup(word), ret_error);
        }
        g_free(word);
    }
    if (help && status == 0)
        become_help(&args);
    if (status < 0 || t == TOKEN_BAD || check_required(args, ret_error) < 0) {
        fl_args_free(args);
        return TOKEN_BAD;
    }
    g_ptr_array_add(commands, args);
    return t;
}

static int parse_all(struct words *w, GPtrArray **ret_commands, char **ret_error)
{
    g_autoptr(GPtrArray) commands = g_ptr_array_new_with_free_func((GDestroyNotify)fl_args_free);
    enum token t = TOKEN_SEPARATOR;

    *ret_error = NULL;
    while (t == TOKEN_SEPARATOR) {
        g_autofree char *name = NULL;

        t = next_token(w, &name, ret_error);
        if (t == TOKEN_WORD)
            t = parse_one(w, name, commands, ret_error);
    }
    if (t == TOKEN_BAD)
        return -1;
    *ret_commands = g_steal_pointer(&commands);
    return 0;
}

int fl_parse_text(const char *line, GPtrArray **ret_commands, char **ret_error)
{
    struct words w = { .text = line };

    return parse_all(&w, ret_commands, ret_error);
}

int fl_parse_argv(char **argv, GPtrArray **ret_commands, char **ret_error)
{
    struct words w = { .argv = argv };

    return parse_all(&w, ret_commands, ret_error);
}
