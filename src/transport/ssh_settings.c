/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reading and expanding what `ssh -G` prints: a line per option, "name value", names in small letters.
 * OpenSSH expands some values before it prints them and others not; a list of files is printed with blanks
 * between them and no quotes. Pure: who asks ssh is ssh_ask.c.
 */
#define FL_FROM VIR_FROM_REMOTE
#include "transport/ssh_settings.h"

#include <glib.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

#define TEXT_MAX   262144
#define LIST_MAX   64
#define EXPAND_MAX 4096

enum value_kind { TEXT, ONE_PER_LINE, FILES, YES_NO, SECONDS, PORT, STRICT };

struct option {
    const char *name;
    enum value_kind kind;
    size_t offset;
};

#define AT(field) offsetof(struct fl_ssh_settings, field)

static const struct option options[] = {
    { "hostname", TEXT, AT(hostname) },
    { "user", TEXT, AT(user) },
    { "port", PORT, AT(port) },
    { "identityfile", ONE_PER_LINE, AT(identity_files) },
    { "certificatefile", ONE_PER_LINE, AT(certificate_files) },
    { "identityagent", TEXT, AT(identity_agent) },
    { "userknownhostsfile", FILES, AT(known_hosts) },
    { "globalknownhostsfile", FILES, AT(global_known_hosts) },
    { "hostkeyalias", TEXT, AT(host_key_alias) },
    { "proxyjump", TEXT, AT(proxy_jump) },
    { "proxycommand", TEXT, AT(proxy_command) },
    { "stricthostkeychecking", STRICT, AT(strict) },
    { "identitiesonly", YES_NO, AT(identities_only) },
    { "hashknownhosts", YES_NO, AT(hash_known_hosts) },
    { "proxyusefdpass", YES_NO, AT(proxy_use_fdpass) },
    { "connecttimeout", SECONDS, AT(connect_timeout) },
};

static bool is_none(const char *value)
{
    return g_ascii_strcasecmp(value, "none") == 0;
}

static bool is_yes(const char *value)
{
    return g_ascii_strcasecmp(value, "yes") == 0 || g_ascii_strcasecmp(value, "true") == 0;
}

static void list_add(char ***list, char *word)
{
    guint n = *list ? g_strv_length(*list) : 0;
    if (n >= LIST_MAX) {
        g_free(word);
        return;
    }
    *list = g_renew(char *, *list, n + 2);
    (*list)[n] = word;
    (*list)[n + 1] = NULL;
}

/* Blanks part the files and may also be in their names: a new one begins where a path can begin. */
static void add_files(char ***list, const char *value)
{
    g_auto(GStrv) words = g_strsplit(value, " ", 0);
    g_autoptr(GString) path = g_string_new(NULL);

    for (char **w = words; *w; w++) {
        bool begins = **w == '/' || **w == '~' || **w == '$' || **w == '%' || is_none(*w);
        if (begins && path->len) {
            list_add(list, g_strdup(path->str));
            g_string_truncate(path, 0);
        } else if (w != words) {
            g_string_append_c(path, ' ');
        }
        g_string_append(path, *w);
    }
    g_strstrip(path->str);
    if (path->str[0])
        list_add(list, g_strdup(path->str));
}

static enum fl_ssh_strict strict_from(const char *value)
{
    if (is_yes(value))
        return FL_SSH_STRICT_YES;
    if (g_ascii_strcasecmp(value, "accept-new") == 0)
        return FL_SSH_STRICT_ACCEPT_NEW;
    if (g_ascii_strcasecmp(value, "no") == 0 || g_ascii_strcasecmp(value, "false") == 0 ||
        g_ascii_strcasecmp(value, "off") == 0)
        return FL_SSH_STRICT_NO;
    return FL_SSH_STRICT_ASK;
}

static void set_option(struct fl_ssh_settings *s, const struct option *o, const char *value)
{
    char *at = (char *)s + o->offset;
    guint64 n = g_ascii_strtoull(value, NULL, 10);

    switch (o->kind) {
    case TEXT:
        g_free(*(char **)at);
        *(char **)at = g_strdup(value);
        break;
    case ONE_PER_LINE:
        list_add((char ***)at, g_strdup(value));
        break;
    case FILES:
        add_files((char ***)at, value);
        break;
    case YES_NO:
        *(bool *)at = is_yes(value);
        break;
    case SECONDS:
        *(int *)at = n <= 1000000 ? (int)n : 0;
        break;
    case PORT:
        *(int *)at = n <= 65535 ? (int)n : 0;
        break;
    case STRICT:
        s->strict = strict_from(value);
        break;
    }
}

static void read_line(struct fl_ssh_settings *s, const char *line, size_t len)
{
    const char *blank = memchr(line, ' ', len);
    if (!blank)
        return;
    size_t n = (size_t)(blank - line);
    for (size_t i = 0; i < G_N_ELEMENTS(options); i++) {
        if (strlen(options[i].name) == n && g_ascii_strncasecmp(options[i].name, line, n) == 0) {
            g_autofree char *value = g_strndup(blank + 1, len - n - 1);
            g_strstrip(value);
            if (*value)
                set_option(s, &options[i], value);
            return;
        }
    }
}

static void drop_none(char **text)
{
    if (*text && is_none(*text))
        g_clear_pointer(text, g_free);
}

static void drop_list(char ***list)
{
    if (*list && (*list)[0] && is_none((*list)[0]))
        g_clear_pointer(list, g_strfreev);
    if (!*list)
        *list = g_new0(char *, 1);
}

int fl_ssh_settings_parse(const char *text, size_t len, struct fl_ssh_settings **ret_s)
{
    if (len > TEXT_MAX || memchr(text, '\0', len))
        return fl_error(VIR_ERR_CONFIG_UNSUPPORTED, "ssh -G printed %s, which is no list of settings",
                        len > TEXT_MAX ? "more than 256 KiB" : "a zero byte");
    struct fl_ssh_settings *s = g_new0(struct fl_ssh_settings, 1);
    for (const char *p = text, *end = text + len; p < end;) {
        const char *nl = memchr(p, '\n', (size_t)(end - p));
        size_t n = (size_t)((nl ? nl : end) - p);
        read_line(s, p, n);
        p += n + 1;
    }
    if (!s->hostname || s->port == 0) {
        fl_ssh_settings_free(s);
        return fl_error(VIR_ERR_CONFIG_UNSUPPORTED,
                        "ssh -G named no host and port: is this ssh not OpenSSH 6.8 or later?");
    }
    drop_none(&s->proxy_jump);
    drop_none(&s->proxy_command);
    drop_none(&s->host_key_alias);
    drop_list(&s->identity_files);
    drop_list(&s->certificate_files);
    drop_list(&s->known_hosts);
    drop_list(&s->global_known_hosts);
    *ret_s = s;
    return 0;
}

/* One %token; false when there is no such. */
static bool append_token(GString *out, const struct fl_ssh_settings *s, const struct fl_ssh_names *names,
                         char c)
{
    const char *text = NULL;
    g_autofree char *short_name = NULL;

    switch (c) {
    case '%':
        text = "%";
        break;
    case 'd':
        text = names->home;
        break;
    case 'h':
        text = s->hostname;
        break;
    case 'i':
        g_string_append_printf(out, "%u", names->uid);
        return true;
    case 'k':
        text = s->host_key_alias ? s->host_key_alias : s->alias;
        break;
    case 'L':
        text = short_name = g_strndup(names->hostname, strcspn(names->hostname, "."));
        break;
    case 'l':
        text = names->hostname;
        break;
    case 'n':
        text = s->alias;
        break;
    case 'p':
        g_string_append_printf(out, "%d", s->port);
        return true;
    case 'r':
        text = s->user;
        break;
    case 'u':
        text = names->user;
        break;
    default:
        break;
    }
    if (text)
        g_string_append(out, text);
    return text != NULL;
}

char *fl_ssh_settings_tokens(const struct fl_ssh_settings *s, const struct fl_ssh_names *names,
                             const char *text)
{
    g_autoptr(GString) out = g_string_new(NULL);

    for (const char *p = text; *p; p++) {
        if (*p != '%')
            g_string_append_c(out, *p);
        else if (!append_token(out, s, names, p[1]))
            return NULL;
        else
            p++;
        if (out->len > EXPAND_MAX)
            return NULL;
    }
    return g_strdup(out->str);
}

/* ${NAME} anywhere; NULL when a variable is not set. */
static char *expand_variables(const struct fl_ssh_names *names, const char *text)
{
    g_autoptr(GString) out = g_string_new(NULL);

    for (const char *p = text; *p; p++) {
        const char *close = p[0] == '$' && p[1] == '{' ? strchr(p, '}') : NULL;
        if (close) {
            g_autofree char *name = g_strndup(p + 2, (size_t)(close - p) - 2);
            const char *value = names->getenv(name);
            if (!value)
                return NULL;
            g_string_append(out, value);
            p = close;
        } else {
            g_string_append_c(out, *p);
        }
        if (out->len > EXPAND_MAX)
            return NULL;
    }
    return g_strdup(out->str);
}

static char *expand_path(const struct fl_ssh_settings *s, const struct fl_ssh_names *names, const char *text)
{
    g_autofree char *tilde = g_str_has_prefix(text, "~/") ? g_strconcat(names->home, text + 1, NULL) : NULL;
    g_autofree char *plain = expand_variables(names, tilde ? tilde : text);
    return plain ? fl_ssh_settings_tokens(s, names, plain) : NULL;
}

static void expand_list(const struct fl_ssh_settings *s, const struct fl_ssh_names *names, char **list)
{
    char **to = list;
    for (char **from = list; *from; from++) {
        char *path = expand_path(s, names, *from);
        g_free(*from);
        if (path)
            *to++ = path;
    }
    *to = NULL;
}

/* Agent: "none", the word SSH_AUTH_SOCK, $NAME, or a path; not set means the word. */
static void expand_agent(struct fl_ssh_settings *s, const struct fl_ssh_names *names)
{
    g_autofree char *said = g_steal_pointer(&s->identity_agent);
    g_free(s->agent_from);
    if (!said || strcmp(said, "SSH_AUTH_SOCK") == 0) {
        s->identity_agent = g_strdup(names->getenv("SSH_AUTH_SOCK"));
        s->agent_from = g_strdup("SSH_AUTH_SOCK");
        return;
    }
    s->agent_from = g_strdup_printf("IdentityAgent %s", said);
    if (is_none(said))
        return;
    s->identity_agent =
        said[0] == '$' && said[1] != '{' ? g_strdup(names->getenv(said + 1)) : expand_path(s, names, said);
}

void fl_ssh_settings_expand(struct fl_ssh_settings *s, const struct fl_ssh_names *names)
{
    if (!s->user)
        s->user = g_strdup(names->user);
    expand_agent(s, names);
    if (s->identity_agent && !s->identity_agent[0])
        g_clear_pointer(&s->identity_agent, g_free);
    expand_list(s, names, s->identity_files);
    expand_list(s, names, s->certificate_files);
    expand_list(s, names, s->known_hosts);
    expand_list(s, names, s->global_known_hosts);
}

void fl_ssh_settings_free(struct fl_ssh_settings *s)
{
    if (!s)
        return;
    g_free(s->alias);
    g_free(s->hostname);
    g_free(s->user);
    g_strfreev(s->identity_files);
    g_strfreev(s->certificate_files);
    g_free(s->identity_agent);
    g_free(s->agent_from);
    g_strfreev(s->known_hosts);
    g_strfreev(s->global_known_hosts);
    g_free(s->host_key_alias);
    g_free(s->proxy_jump);
    g_free(s->proxy_command);
    g_free(s);
}
