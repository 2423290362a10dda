/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * remote add|ls|use|show|test|rm: names for URIs and the default, kept in the user's libvirt.conf, so that
 * every client of any libvirt library knows them. The editing is in remote_edit.c, the file in remote_file.c.
 */
#include "shell.h"
#include "handlers.h"
#include "probe.h"
#include "remote_edit.h"
#include "remote_file.h"

#include <string.h>

enum { TEST_SECONDS = 10 };

/* What comes before uri_default, as the shell and the library ask them; NULL when nothing does. */
static const char *shadow(const char **ret_variable)
{
    static const char *const variables[] = { "VIRSH_DEFAULT_CONNECT_URI", "LIBVIRT_DEFAULT_URI" };

    for (size_t i = 0; i < G_N_ELEMENTS(variables); i++) {
        const char *value = g_getenv(variables[i]);

        if (value && *value) {
            *ret_variable = variables[i];
            return value;
        }
    }
    return NULL;
}

static int read_remotes(struct fl_call *c, char **ret_path, struct fl_remotes **ret)
{
    struct fl_remote_file f;
    g_autofree char *problem = NULL;

    if (fl_remote_file_open(&f, FALSE, &problem) < 0)
        return fl_wrong(c, "%s", problem);
    *ret = fl_remotes_read(f.text, strlen(f.text), &problem);
    *ret_path = g_strdup(f.path);
    fl_remote_file_close(&f);
    if (*ret)
        return 0;
    return fl_wrong(c, "%s: %s", *ret_path, problem);
}

enum change { ADD, REMOVE, USE };

/* Reads, changes and replaces the file, alone. */
static int change_file(struct fl_call *c, enum change what, const char *name, const char *uri)
{
    struct fl_remote_file f;
    g_autofree char *problem = NULL, *text = NULL;
    int status;

    if (fl_remote_file_open(&f, TRUE, &problem) < 0)
        return fl_wrong(c, "%s", problem);
    if (what == ADD)
        text = fl_remotes_add(f.text, name, uri, fl_flag(c, "replace"), &problem);
    else if (what == REMOVE)
        text = fl_remotes_remove(f.text, name, &problem);
    else
        text = fl_remotes_use(f.text, uri, &problem);
    if (!text)
        status = fl_wrong(c, "%s: %s", f.path, problem);
    else if (strcmp(text, f.text) == 0)
        status = 0;
    else if (fl_remote_file_replace(&f, text, &problem) < 0)
        status = fl_wrong(c, "%s", problem);
    else
        status = 0;
    fl_remote_file_close(&f);
    return status;
}

static int remote_add(struct fl_call *c, char **words, guint n)
{
    g_autofree char *shown = NULL;

    if (n != 2)
        return fl_wrong(c, "remote add takes a name and a URI: remote add NAME URI");
    if (change_file(c, ADD, words[0], words[1]) < 0)
        return -1;
    shown = fl_without_password(words[1]);
    fl_extra(c, "Remote '%s' is %s\n", words[0], shown);
    if (strcmp(shown, words[1]) != 0)
        fl_complain(c->sh, "no transport reads a password in a URI, and the file keeps it: leave it out; "
                           "auth.conf, keys and agents are for that");
    return 0;
}

static bool is_choice(const struct fl_remotes *r, const char *name)
{
    return r->choice && strcmp(r->choice->text, name) == 0;
}

static int remote_rm(struct fl_call *c, char **words, guint n)
{
    struct fl_remotes *r;
    g_autofree char *path = NULL;
    bool used;

    if (n != 1)
        return fl_wrong(c, "remote rm takes a name: remote rm NAME");
    if (read_remotes(c, &path, &r) < 0)
        return -1;
    used = is_choice(r, words[0]);
    fl_remotes_free(r);
    if (change_file(c, REMOVE, words[0], NULL) < 0)
        return -1;
    if (used)
        fl_complain(c->sh,
                    "'%s' is still the default; 'remote use NAME' names another, 'remote use --none' ends it",
                    words[0]);
    fl_extra(c, "Remote '%s' removed\n", words[0]);
    return 0;
}

/* Written, and of no effect here while a variable comes first: that is said and is no success. */
static int say_shadow(struct fl_call *c, const char *what)
{
    const char *variable, *value = shadow(&variable);

    if (value)
        return fl_wrong(c, "%s, but here %s=%s comes before it; 'unset %s' lets it count", what, variable,
                        value, variable);
    fl_extra(c, "%s\n", what);
    return 0;
}

static int remote_use(struct fl_call *c, char **words, guint n)
{
    bool none = fl_flag(c, "none");
    struct fl_remotes *r = NULL;
    g_autofree char *path = NULL, *what = NULL, *shown = NULL;

    if (n != (none ? 0 : 1))
        return fl_wrong(c, "remote use takes a name or a URI, or --none: remote use NAME");
    if (!none && fl_remote_name_ok(words[0])) {
        const struct fl_remote *found;

        if (read_remotes(c, &path, &r) < 0)
            return -1;
        found = fl_remotes_find(r, words[0]);
        what = found ? g_strdup_printf("The default is '%s', %s", words[0], found->uri) : NULL;
        fl_remotes_free(r);
        if (!found)
            return fl_wrong(c, "there is no remote '%s'; 'remote ls' lists them", words[0]);
    }
    if (change_file(c, USE, NULL, none ? NULL : words[0]) < 0)
        return -1;
    if (!what)
        what = none ? g_strdup("No default is set: the library looks for a hypervisor by itself")
                    : g_strdup_printf("The default is %s", words[0]);
    shown = fl_without_password(what);
    return say_shadow(c, shown);
}

static int remote_ls(struct fl_call *c, guint n)
{
    struct fl_remotes *r;
    g_autofree char *path = NULL;
    struct fl_table *t;
    void *array;

    if (n != 0)
        return fl_wrong(c, "remote ls takes no words");
    if (read_remotes(c, &path, &r) < 0)
        return -1;
    t = fl_table_new(" ", "", "Name", "", "URI", "", NULL);
    array = fl_json(c) ? fl_json_array() : NULL;
    for (guint i = 0; i < r->aliases->len; i++) {
        const struct fl_remote *item = &g_array_index(r->aliases, struct fl_remote, i);
        bool choice = is_choice(r, item->name);
        g_autofree char *shown = fl_without_password(item->uri);

        fl_table_add(t, choice ? "*" : " ", item->name, shown, NULL);
        if (array) {
            void *row = fl_json_object();

            fl_json_set(row, "name", fl_json_string(item->name));
            fl_json_set(row, "uri", fl_json_string(shown));
            fl_json_set_bool(row, "default", choice);
            fl_json_append(array, row);
        }
    }
    fl_remotes_free(r);
    if (!array) {
        fl_table_print(c, t);
        return 0;
    }
    fl_table_free(t);
    fl_document_set(c, array);
    return 0;
}

static int remote_show(struct fl_call *c, char **words, guint n)
{
    struct fl_remotes *r;
    g_autofree char *path = NULL;
    const char *variable = NULL, *value = n ? NULL : shadow(&variable), *name;
    const struct fl_remote *found;
    int line;

    if (n > 1)
        return fl_wrong(c, "remote show takes one name, or none for the default");
    if (read_remotes(c, &path, &r) < 0)
        return -1;
    name = n ? words[0] : value ? value : r->choice ? r->choice->text : NULL;
    found = name ? fl_remotes_find(r, name) : NULL;
    if (!name || (n && !found)) {
        fl_remotes_free(r);
        if (n)
            return fl_wrong(c, "there is no remote '%s'; 'remote ls' lists them", words[0]);
        return fl_wrong(c, "no default is set; 'remote use NAME' sets one");
    }
    line = found ? found->at.line : variable ? 0 : r->choice->value.line;
    if (found)
        fl_field(c, 12, "Name:", "name", "%s", found->name);
    fl_field(c, 12, "URI:", "uri", "%s", found ? found->uri : name);
    fl_field(c, 12, "Default:", "default?", "%s", !n || is_choice(r, name) ? "yes" : "no");
    if (variable)
        fl_field(c, 12, "Chosen by:", "variable", "%s", variable);
    if (line) {
        fl_field(c, 12, "File:", "file", "%s", path);
        fl_field(c, 12, "Line:", "line#", "%d", line);
    }
    fl_remotes_free(r);
    return 0;
}

static void test_row(struct fl_table *t, const char *name, const struct fl_probe *p)
{
    g_autofree char *ms = g_strdup_printf("%.1f ms", p->ms);
    g_autofree char *head = g_strdup_printf("%s: ", p->stage ? p->stage : "");
    const char *text =
        p->text && p->stage && g_str_has_prefix(p->text, head) ? p->text + strlen(head) : p->text;

    g_autofree char *shown = fl_without_password(p->ok ? p->uri : text);

    fl_table_add(t, name, p->ok ? "ok" : "failed", ms, p->stage, shown, NULL);
}

static void test_json(void *array, const char *name, const struct fl_probe *p)
{
    void *row = fl_json_object();
    g_autofree char *shown = fl_without_password(p->uri);

    fl_json_set(row, "name", fl_json_string(name));
    fl_json_set(row, "uri", fl_json_string(shown));
    fl_json_set_bool(row, "ok", p->ok);
    fl_json_set_ms(row, "time_ms", p->ms);
    fl_json_set_text(row, "stage", p->stage ? p->stage : "-");
    if (!p->ok) {
        fl_json_set(row, "reason", fl_json_string(p->text));
        fl_json_set_int(row, "code", p->code);
    }
    fl_json_append(array, row);
}

static int test_all(struct fl_call *c, GPtrArray *chosen, int seconds)
{
    g_autofree struct fl_probe *probes = g_new0(struct fl_probe, chosen->len + 1);
    struct fl_table *t = fl_table_new("Name", "", "Verdict", "", "Time", "", "Stage", "", "Detail", "", NULL);
    void *array = fl_json(c) ? fl_json_array() : NULL;
    int status, failed = 0;

    for (guint i = 0; i < chosen->len; i++) {
        probes[i].uri = ((const struct fl_remote *)chosen->pdata[i])->uri;
        probes[i].readonly = c->sh->readonly;
    }
    status = fl_probe_all(probes, chosen->len, seconds);
    for (guint i = 0; i < chosen->len; i++) {
        const char *name = ((const struct fl_remote *)chosen->pdata[i])->name;

        failed += !probes[i].ok;
        test_row(t, name, &probes[i]);
        if (array)
            test_json(array, name, &probes[i]);
        fl_probe_fini(&probes[i]);
    }
    if (array)
        fl_document_set(c, array), fl_table_free(t);
    else
        fl_table_print(c, t);
    if (status < 0)
        return fl_interrupt_end(c);
    c->answer_no = failed > 0;
    return 0;
}

static int remote_test(struct fl_call *c, char **words, guint n)
{
    g_autoptr(GPtrArray) chosen = g_ptr_array_new();
    struct fl_remotes *r;
    g_autofree char *path = NULL;
    int seconds = c->sh->timeout > 0 ? c->sh->timeout : TEST_SECONDS, status = 0;

    if (fl_arg_int(c, "timeout", &seconds) < 0)
        return -1;
    if (seconds < 1 || seconds > 3600)
        return fl_wrong(c, "option --timeout is a number of seconds, 1 to 3600");
    if (read_remotes(c, &path, &r) < 0)
        return -1;
    for (guint i = 0; n == 0 && i < r->aliases->len; i++)
        g_ptr_array_add(chosen, &g_array_index(r->aliases, struct fl_remote, i));
    for (guint i = 0; i < n && status == 0; i++) {
        const struct fl_remote *found = fl_remotes_find(r, words[i]);

        if (found)
            g_ptr_array_add(chosen, (gpointer)found);
        else
            status = fl_wrong(c, "there is no remote '%s'; 'remote ls' lists them", words[i]);
    }
    if (status == 0)
        status = test_all(c, chosen, seconds);
    fl_remotes_free(r);
    return status;
}

int fl_cmd_remote(struct fl_call *c)
{
    const char *action = fl_arg(c, "action");
    char **words = fl_argv(c, "name");
    guint n = g_strv_length(words);

    if (strcmp(action, "add") == 0)
        return remote_add(c, words, n);
    if (strcmp(action, "ls") == 0 || strcmp(action, "list") == 0)
        return remote_ls(c, n);
    if (strcmp(action, "use") == 0)
        return remote_use(c, words, n);
    if (strcmp(action, "show") == 0)
        return remote_show(c, words, n);
    if (strcmp(action, "test") == 0)
        return remote_test(c, words, n);
    if (strcmp(action, "rm") == 0 || strcmp(action, "remove") == 0)
        return remote_rm(c, words, n);
    return fl_wrong(c, "'%s' is nothing that remote can do: add, ls, use, show, test or rm", action);
}
