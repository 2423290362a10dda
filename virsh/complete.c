/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What could come next: a command, an option of it, or a name the connection
 * knows. The names come from the same row of the table the parser reads.
 */
#include "remote_edit.h"
#include "remote_file.h"
#include "shell.h"

#include <stdlib.h>
#include <string.h>

/* A name comes from the other side: what has control characters cannot stand in a line to be edited. */
static bool fits_a_line(const char *word)
{
    if (!g_utf8_validate(word, -1, NULL))
        return false;
    for (; *word; word = g_utf8_next_char(word))
        if (g_unichar_iscntrl(g_utf8_get_char(word)))
            return false;
    return true;
}

static void offer(GPtrArray *out, const char *prefix, const char *word)
{
    if (g_str_has_prefix(word, prefix) && fits_a_line(word))
        g_ptr_array_add(out, g_strdup(word));
}

static void offer_commands(GPtrArray *out, const char *prefix, bool groups)
{
    for (const struct fl_group *g = fl_groups; g->title; g++) {
        if (groups)
            offer(out, prefix, g->keyword);
        for (const struct fl_command *cmd = g->commands; cmd->name; cmd++)
            if (!(cmd->flags & FL_COMMAND_ALIAS))
                offer(out, prefix, cmd->name);
    }
}

#define OFFER_ALL(function, type, list, which, name_of, free_one)                                            \
    static void function(struct fl_shell *sh, GPtrArray *out, const char *prefix)                            \
    {                                                                                                        \
        vir##type##Ptr *all = NULL;                                                                          \
        int n = list(sh->conn, &all, which);                                                                 \
        for (int i = 0; i < n; i++) {                                                                        \
            const char *name = name_of(all[i]);                                                              \
            if (name)                                                                                        \
                offer(out, prefix, name);                                                                    \
            free_one(all[i]);                                                                                \
        }                                                                                                    \
        if (n >= 0)                                                                                          \
            free(all);                                                                                       \
    }
OFFER_ALL(offer_Domain, Domain, virConnectListAllDomains, 0, virDomainGetName, virDomainFree)
OFFER_ALL(offer_stopped, Domain, virConnectListAllDomains, VIR_CONNECT_LIST_DOMAINS_INACTIVE,
          virDomainGetName, virDomainFree)
OFFER_ALL(offer_Network, Network, virConnectListAllNetworks, 0, virNetworkGetName, virNetworkFree)
OFFER_ALL(offer_StoragePool, StoragePool, virConnectListAllStoragePools, 0, virStoragePoolGetName,
          virStoragePoolFree)
OFFER_ALL(offer_Interface, Interface, virConnectListAllInterfaces, 0, virInterfaceGetName, virInterfaceFree)
OFFER_ALL(offer_NodeDevice, NodeDevice, virConnectListAllNodeDevices, 0, virNodeDeviceGetName,
          virNodeDeviceFree)
OFFER_ALL(offer_NWFilter, NWFilter, virConnectListAllNWFilters, 0, virNWFilterGetName, virNWFilterFree)

static void offer_secrets(struct fl_shell *sh, GPtrArray *out, const char *prefix)
{
    virSecretPtr *all = NULL;
    int n = virConnectListAllSecrets(sh->conn, &all, 0);

    for (int i = 0; i < n; i++) {
        char uuid[VIR_UUID_STRING_BUFLEN];

        if (virSecretGetUUIDString(all[i], uuid) == 0)
            offer(out, prefix, uuid);
        virSecretFree(all[i]);
    }
    if (n >= 0)
        free(all);
}

static void offer_files(GPtrArray *out, const char *prefix)
{
    g_autofree char *dir = strchr(prefix, '/') ? g_path_get_dirname(prefix) : g_strdup(".");
    const char *slash = strrchr(prefix, '/');
    g_autofree char *head = g_strndup(prefix, slash ? (gsize)(slash - prefix + 1) : 0);
    g_autoptr(GDir) d = g_dir_open(dir, 0, NULL);
    const char *name;

    while (d && (name = g_dir_read_name(d))) {
        g_autofree char *full = g_strconcat(head, name, NULL);

        offer(out, prefix, full);
    }
}

static void offer_words(GPtrArray *out, const char *prefix, const char *const *words)
{
    for (; *words; words++)
        offer(out, prefix, *words);
}

/* The names that libvirt.conf has for URIs. */
static void offer_remotes(GPtrArray *out, const char *prefix)
{
    struct fl_remote_file f;
    g_autofree char *error = NULL;
    struct fl_remotes *r;

    if (fl_remote_file_open(&f, FALSE, &error) < 0)
        return;
    r = fl_remotes_read(f.text, strlen(f.text), &error);
    for (guint i = 0; r && i < r->aliases->len; i++)
        offer(out, prefix, g_array_index(r->aliases, struct fl_remote, i).name);
    fl_remotes_free(r);
    fl_remote_file_close(&f);
}

/* check takes two words, show files, the others nothing that is known. */
static void offer_pki(char **words, GPtrArray *out, const char *prefix)
{
    static const char *const sides[] = { "server", "client" };

    if (g_strcmp0(words[0], "show") == 0)
        offer_files(out, prefix);
    if (g_strcmp0(words[0], "check") != 0)
        return;
    for (size_t i = 0; i < G_N_ELEMENTS(sides); i++)
        if (!g_strv_contains((const char *const *)words, sides[i]))
            offer(out, prefix, sides[i]);
}

/* Commands that need no connection get none for being completed. */
static void offer_offline(const struct fl_option *o, const char *command, char **words, GPtrArray *out,
                          const char *prefix)
{
    static const char *const remote[] = { "add", "ls", "use", "show", "test", "rm", NULL };
    static const char *const pki[] = { "init", "issue", "show", "check", NULL };

    if (strcmp(o->name, "action") == 0)
        offer_words(out, prefix, strcmp(command, "remote") == 0 ? remote : pki);
    else if (strcmp(command, "pki") == 0 && strcmp(o->name, "ca") == 0)
        offer_files(out, prefix);
    else if (strcmp(command, "pki") == 0 && strcmp(o->name, "name") == 0)
        offer_pki(words, out, prefix);
    else if (strcmp(o->name, "name") == 0 || strcmp(o->name, "uri") == 0)
        offer_remotes(out, prefix);
}

static void offer_value(struct fl_shell *sh, const struct fl_option *o, const struct fl_command *row,
                        char **words, GPtrArray *out, const char *prefix)
{
    const char *command = row->name;
    const struct {
        const char *option;
        void (*offer)(struct fl_shell *sh, GPtrArray *out, const char *prefix);
    } sources[] = {
        { "domain", strcmp(command, "start") == 0 ? offer_stopped : offer_Domain },
        { "network", offer_Network },
        { "pool", offer_StoragePool },
        { "inputpool", offer_StoragePool },
        { "device", offer_NodeDevice },
        { "nwfilter", offer_NWFilter },
        { "secret", offer_secrets },
    };

    if (strcmp(o->name, "command") == 0 && strcmp(command, "help") == 0)
        offer_commands(out, prefix, true);
    if (strstr(o->name, "file") || strcmp(o->name, "xml") == 0 || strcmp(o->name, "dir") == 0)
        offer_files(out, prefix);
    if (row->flags & FL_COMMAND_OFFLINE) {
        offer_offline(o, command, words, out, prefix);
        return;
    }
    if (fl_connect(sh) < 0)
        return;
    if (strcmp(o->name, "interface") == 0 && o->object)
        offer_Interface(sh, out, prefix);
    for (size_t i = 0; i < G_N_ELEMENTS(sources); i++)
        if (strcmp(sources[i].option, o->name) == 0 && (strcmp(o->name, "device") != 0 || o->object))
            sources[i].offer(sh, out, prefix);
}

static const struct fl_option *option_named(const struct fl_option *options, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(options[i].name, name) == 0)
            return &options[i];
    return NULL;
}

/* Walks the words so far; returns the option whose value comes next, if one must. */
static const struct fl_option *walk(char **words, const struct fl_option *options, size_t n, bool *used)
{
    const struct fl_option *waiting = NULL;

    for (char **w = words; *w; w++) {
        if (waiting) {
            waiting = NULL;
            continue;
        }
        if (g_str_has_prefix(*w, "--")) {
            g_autofree char *key = g_strndup(*w + 2, strcspn(*w + 2, "="));
            const struct fl_option *o = option_named(options, n, key);

            if (!o)
                continue;
            used[o - options] = true;
            if (o->kind != FL_OPTION_BOOL && !strchr(*w, '='))
                waiting = o;
            continue;
        }
        for (size_t i = 0; i < n; i++)
            if (!used[i] && options[i].kind != FL_OPTION_BOOL && options[i].kind != FL_OPTION_ALIAS &&
                !options[i].named_only) {
                used[i] = options[i].kind != FL_OPTION_ARGV;
                break;
            }
    }
    return waiting;
}

/* --option=VALUE, where only the value is unfinished; false: it is no such word. */
static bool offer_assigned(struct fl_shell *sh, const struct fl_command *command,
                           const struct fl_option *options, size_t n, char **words, GPtrArray *out,
                           const char *prefix)
{
    const char *value = g_str_has_prefix(prefix, "--") ? strchr(prefix, '=') : NULL;
    g_autofree char *head = value ? g_strndup(prefix, (gsize)(value - prefix + 1)) : NULL;
    g_autofree char *key = value ? g_strndup(prefix + 2, (gsize)(value - prefix - 2)) : NULL;
    const struct fl_option *o = key ? option_named(options, n, key) : NULL;

    if (!value)
        return false;
    if (o && o->kind != FL_OPTION_BOOL)
        offer_value(sh, o, command, words, out, value + 1);
    for (guint i = 0; i < out->len; i++) {
        char *found = out->pdata[i];

        out->pdata[i] = g_strconcat(head, found, NULL);
        g_free(found);
    }
    return true;
}

static void offer_in_command(struct fl_shell *sh, const struct fl_command *command, char **words,
                             GPtrArray *out, const char *prefix)
{
    size_t n;
    struct fl_option *options = fl_options_parse(command->options, &n);
    g_autofree bool *used = g_new0(bool, n + 1);
    const struct fl_option *waiting = walk(words, options, n, used);
    bool values;

    if (waiting || offer_assigned(sh, command, options, n, words, out, prefix)) {
        if (waiting)
            offer_value(sh, waiting, command, words, out, prefix);
        fl_options_free(options, n);
        return;
    }
    for (size_t i = 0; i < n && prefix[0] != '-'; i++) {
        if (used[i] || options[i].kind == FL_OPTION_BOOL || options[i].named_only)
            continue;
        offer_value(sh, &options[i], command, words, out, prefix);
        break;
    }
    for (guint i = out->len; i > 0; i--) /* a name that would be read as an option */
        if (g_str_has_prefix(out->pdata[i - 1], "--"))
            g_free(g_ptr_array_remove_index(out, i - 1));
    values = prefix[0] != '-' && out->len > 0;
    for (size_t i = 0; i < n && !values; i++) {
        g_autofree char *word = g_strdup_printf("--%s", options[i].name);

        if (!used[i] && options[i].kind != FL_OPTION_ALIAS)
            offer(out, prefix, word);
    }
    fl_options_free(options, n);
}

char **fl_complete(struct fl_shell *sh, const char *line, const char *word)
{
    g_auto(GStrv) words = fl_parse_words(line);
    GPtrArray *out = g_ptr_array_new();
    const struct fl_command *command = words[0] ? fl_command_find(words[0]) : NULL;

    if (!words[0])
        offer_commands(out, word, false);
    else if (command)
        offer_in_command(sh, command, words + 1, out, word);
    g_ptr_array_add(out, NULL);
    return (char **)g_ptr_array_free(out, FALSE);
}
