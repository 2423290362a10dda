/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The shell's own commands: cd, echo, help, pwd, quit, connect. */
#include "shell.h"
#include "handlers.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int fl_cmd_cd(struct fl_call *c)
{
    const char *dir = fl_arg(c, "dir");

    if (!c->sh->interactive)
        return fl_wrong(c, "cd makes sense in a dialogue only");
    if (!dir)
        dir = g_get_home_dir();
    if (chdir(dir) < 0)
        return fl_wrong(c, "cannot change to '%s': %s", dir, g_strerror(errno));
    return 0;
}

int fl_cmd_pwd(struct fl_call *c)
{
    g_autofree char *dir = g_get_current_dir();

    fl_out(c, "%s\n", dir);
    return 0;
}

static char *quote_shell(const char *text)
{
    g_auto(GStrv) parts = NULL;
    g_autofree char *inner = NULL;

    if (*text && !strpbrk(text, "\r\t\n !\"#$&'()*;<>?[\\]^`{|}~"))
        return g_strdup(text);
    parts = g_strsplit(text, "'", 0);
    inner = g_strjoinv("'\\''", parts);
    return g_strdup_printf("'%s'", inner);
}

static char *quote_xml(const char *text)
{
    GString *s = g_string_new("");

    for (; *text; text++) {
        switch (*text) {
        case '<':
            g_string_append(s, "&lt;");
            break;
        case '>':
            g_string_append(s, "&gt;");
            break;
        case '&':
            g_string_append(s, "&amp;");
            break;
        case '"':
            g_string_append(s, "&quot;");
            break;
        case '\'':
            g_string_append(s, "&apos;");
            break;
        default:
            g_string_append_c(s, *text);
        }
    }
    return g_string_free(s, FALSE);
}

/* Parts between commas; two commas stand for one. */
static void split_words(struct fl_call *c, const char *text)
{
    g_autoptr(GString) part = g_string_new("");

    for (;; text++) {
        if (text[0] == ',' && text[1] == ',') {
            g_string_append_c(part, *text++);
        } else if (*text == ',' || !*text) {
            fl_out(c, "%s\n", part->str);
            g_string_truncate(part, 0);
            if (!*text)
                return;
        } else {
            g_string_append_c(part, *text);
        }
    }
}

int fl_cmd_echo(struct fl_call *c)
{
    g_autoptr(GString) line = g_string_new("");
    bool shell = fl_flag(c, "shell"), xml = fl_flag(c, "xml");
    char **words = fl_argv(c, "string");

    if (fl_exclusive(c, "shell", "xml") < 0 || fl_exclusive(c, "split", "err") < 0)
        return -1;
    for (char **w = words; *w; w++) {
        g_autofree char *word = shell ? quote_shell(*w) : xml ? quote_xml(*w) : g_strdup(*w);

        if (fl_flag(c, "split")) {
            split_words(c, word);
            continue;
        }
        g_string_append_printf(line, "%s%s", w == words ? "" : " ", word);
    }
    if (fl_flag(c, "err"))
        fl_complain_as_is(c->sh, line->str);
    else
        fl_out(c, "%s", line->str);
    return 0;
}

int fl_cmd_quit(struct fl_call *c)
{
    c->sh->quit = true;
    return 0;
}

int fl_cmd_exit(struct fl_call *c)
{
    return fl_cmd_quit(c);
}

/* Without a URI: the present one again. What could not be opened is forgotten, so the next command goes back
 * to the connection there was. */
int fl_cmd_connect(struct fl_call *c)
{
    struct fl_shell *sh = c->sh;
    const char *name = fl_arg(c, "name");
    g_autofree char *uri = g_strdup(sh->uri);
    bool readonly = sh->readonly;

    fl_disconnect(sh);
    if (name) {
        g_free(sh->uri);
        sh->uri = g_strdup(name);
        sh->uri_from = "command connect";
    }
    sh->readonly = fl_flag(c, "readonly");
    if (fl_connect(sh) == 0)
        return 0;
    g_free(sh->uri);
    sh->uri = g_steal_pointer(&uri);
    sh->readonly = readonly;
    return fl_fail(c, "failed to connect to the hypervisor");
}

static void help_group_json(struct fl_call *c, const struct fl_group *g)
{
    void *list = fl_json_array();

    for (const struct fl_command *cmd = g->commands; cmd->name; cmd++) {
        void *row = fl_json_object();

        fl_json_set(row, "name", fl_json_string(cmd->name));
        fl_json_set(row, "info", fl_json_string(cmd->info));
        fl_json_append(list, row);
    }
    fl_json_set(fl_document(c), g->keyword, list);
}

static void help_group(struct fl_call *c, const struct fl_group *g)
{
    if (fl_json(c)) {
        help_group_json(c, g);
        return;
    }
    fl_out(c, " %s (help keyword '%s'):\n", g->title, g->keyword);
    for (const struct fl_command *cmd = g->commands; cmd->name; cmd++)
        if (!(cmd->flags & FL_COMMAND_ALIAS))
            fl_out(c, "    %-30s %s\n", cmd->name, cmd->info);
}

static void option_synopsis(GString *s, const struct fl_option *o)
{
    const char *type = o->kind == FL_OPTION_INT ? "number" : "string";

    if (o->kind == FL_OPTION_BOOL)
        g_string_append_printf(s, " [--%s]", o->name);
    else if (o->kind == FL_OPTION_ARGV && o->required)
        g_string_append_printf(s, " {[--%s] <%s>}...", o->name, type);
    else if (o->kind == FL_OPTION_ARGV && strcmp(o->name, "string") == 0)
        g_string_append_printf(s, " [<%s>]...", o->name);
    else if (o->kind == FL_OPTION_ARGV)
        g_string_append_printf(s, " [[--%s] <%s>]...", o->name, type);
    else if (o->required)
        g_string_append_printf(s, " <%s>", o->name);
    else if (o->kind != FL_OPTION_ALIAS)
        g_string_append_printf(s, " [--%s <%s>]", o->name, type);
}

static char *option_label(const struct fl_option *o)
{
    const char *type = o->kind == FL_OPTION_INT ? "number" : "string";

    if (o->kind == FL_OPTION_BOOL)
        return g_strdup_printf("--%s", o->name);
    if (o->kind == FL_OPTION_ARGV || o->required)
        return g_strdup_printf("[--%s] <%s>", o->name, type);
    return g_strdup_printf("--%s <%s>", o->name, type);
}

static void help_command(struct fl_call *c, const struct fl_command *cmd)
{
    size_t n;
    struct fl_option *options = fl_options_parse(cmd->options, &n);
    g_autoptr(GString) synopsis = g_string_new(cmd->name);

    for (size_t i = 0; i < n; i++)
        option_synopsis(synopsis, &options[i]);
    fl_out(c, "  NAME\n    %s - %s\n\n  SYNOPSIS\n    %s\n", cmd->name, cmd->info, synopsis->str);
    if (n)
        fl_out(c, "\n  OPTIONS\n");
    for (size_t i = 0; i < n; i++) {
        g_autofree char *label = option_label(&options[i]);

        if (options[i].kind != FL_OPTION_ALIAS)
            fl_out(c, "    %-24s  %s\n", label, fl_option_help(cmd, options[i].name));
    }
    fl_out(c, "\n");
    fl_options_free(options, n);
}

int fl_cmd_help(struct fl_call *c)
{
    const char *given = fl_arg(c, "command"), *name = given && *given ? given : NULL;
    const struct fl_command *cmd = name ? fl_command_find(name) : NULL;
    const struct fl_group *group = name ? fl_group_find(name) : NULL;

    if (cmd) {
        help_command(c, cmd);
    } else if (group) {
        help_group(c, group);
    } else if (name) {
        return fl_wrong(c, "there is no command or group of commands '%s'; 'help' lists them all", name);
    } else {
        fl_out(c, "Grouped commands:\n\n");
        for (const struct fl_group *g = fl_groups; g->title; g++) {
            help_group(c, g);
            fl_out(c, "\n");
        }
    }
    return 0;
}
