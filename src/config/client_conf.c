/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reads libvirt.conf into struct fl_client_conf. Unknown names are ignored: newer files stay readable.
 */
#define FL_FROM VIR_FROM_CONF

#include <string.h>

#include <glib.h>

#include "config/client_conf.h"
#include "config/conf.h"
#include "base/error.h"

char *fl_client_conf_path(bool privileged)
{
    const char *base = g_getenv("XDG_CONFIG_HOME");
    g_autofree char *home_base = NULL;

    if (privileged)
        return g_strdup(FL_SYSCONFDIR "/libvirt/libvirt.conf");
    if (!base || !g_path_is_absolute(base))
        base = home_base = g_build_filename(g_get_home_dir(), ".config", NULL);
    return g_build_filename(base, "libvirt", "libvirt.conf", NULL);
}

bool fl_alias_name_ok(const char *text)
{
    size_t n = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");

    return n > 0 && text[n] == '\0';
}

const struct fl_alias *fl_client_conf_find_alias(const struct fl_client_conf *conf, const char *name)
{
    for (size_t i = 0; conf && i < conf->naliases; i++) {
        if (strcmp(conf->aliases[i].name, name) == 0)
            return &conf->aliases[i];
    }
    return NULL;
}

static int read_item(const struct fl_conf *conf, const char *name, struct fl_conf_item *item)
{
    int rc = fl_conf_get_string(conf, name, &item->text);

    if (rc > 0)
        item->line = fl_conf_find(conf, name)->value.line;
    return rc < 0 ? -1 : 0;
}

static int read_seconds(const struct fl_conf *conf, const char *name, struct fl_conf_seconds *item)
{
    unsigned int n = 0;
    int rc = fl_conf_get_uint(conf, name, &n);

    if (rc <= 0)
        return rc;
    item->line = fl_conf_find(conf, name)->value.line;
    if (n > FL_SECONDS_MAX)
        return fl_error(VIR_ERR_CONF_SYNTAX,
                        "%s:%d: '%s' must be a number of seconds up to %d, 0 for no limit", conf->filename,
                        item->line, name, FL_SECONDS_MAX);
    item->seconds = (int)n;
    return 0;
}

/* Splits "name=uri" into one alias; returns what is wrong with it, or NULL. */
static char *read_alias(const struct fl_conf *conf, const char *text, int line, struct fl_alias *alias)
{
    const char *eq = strchr(text, '=');
    g_autofree char *name = NULL;

    if (!eq)
        return g_strdup_printf("%s:%d: expected \"alias=URI\" in uri_aliases, found \"%s\"", conf->filename,
                               line, text);
    name = g_strndup(text, eq - text);
    if (!fl_alias_name_ok(name))
        return g_strdup_printf("%s:%d: expected an alias of letters, digits, '_' and '-', found \"%s\"",
                               conf->filename, line, name);
    if (eq[1] == '\0')
        return g_strdup_printf("%s:%d: expected a URI after \"%s=\"", conf->filename, line, name);
    alias->name = g_steal_pointer(&name);
    alias->uri = g_strdup(eq + 1);
    alias->line = line;
    return NULL;
}

static int read_aliases(const struct fl_conf *conf, struct fl_client_conf *into)
{
    const struct fl_conf_entry *e = fl_conf_find(conf, "uri_aliases");
    g_auto(GStrv) texts = NULL;
    int rc = fl_conf_get_strings(conf, "uri_aliases", false, &texts);
    guint n;

    if (rc <= 0)
        return rc;
    n = g_strv_length(texts);
    into->aliases = g_new0(struct fl_alias, n);
    for (guint i = 0; i < n && !into->alias_error; i++) {
        int line = g_array_index(e->value.items, struct fl_conf_value, i).line;

        into->alias_error = read_alias(conf, texts[i], line, &into->aliases[i]);
        into->naliases += !into->alias_error;
    }
    return 0;
}

static int from_conf(const struct fl_conf *conf, struct fl_client_conf **ret_conf)
{
    fl_autoclientconf struct fl_client_conf *c = g_new0(struct fl_client_conf, 1);

    c->filename = g_strdup(conf->filename);
    if (read_aliases(conf, c) < 0 || read_item(conf, "uri_default", &c->uri_default) < 0 ||
        read_item(conf, "remote_mode", &c->remote_mode) < 0 ||
        read_item(conf, "remote_proxy", &c->remote_proxy) < 0 ||
        read_item(conf, "tls_priority", &c->tls_priority) < 0 ||
        read_seconds(conf, "connect_timeout", &c->connect_timeout) < 0 ||
        read_seconds(conf, "call_timeout", &c->call_timeout) < 0 ||
        read_seconds(conf, "reconnect", &c->reconnect) < 0)
        return -1;
    *ret_conf = g_steal_pointer(&c);
    return 0;
}

int fl_client_conf_parse(const char *filename, const char *text, size_t len, struct fl_client_conf **ret_conf)
{
    fl_autoconf struct fl_conf *conf = NULL;

    if (fl_conf_parse(filename, text, len, &conf) < 0)
        return -1;
    return from_conf(conf, ret_conf);
}

int fl_client_conf_load_file(const char *path, struct fl_client_conf **ret_conf)
{
    fl_autoconf struct fl_conf *conf = NULL;

    if (fl_conf_load(path, &conf) < 0)
        return -1;
    return from_conf(conf, ret_conf);
}

int fl_client_conf_load(bool privileged, struct fl_client_conf **ret_conf)
{
    g_autofree char *path = fl_client_conf_path(privileged);

    return fl_client_conf_load_file(path, ret_conf);
}

void fl_client_conf_free(struct fl_client_conf *conf)
{
    if (!conf)
        return;
    for (size_t i = 0; i < conf->naliases; i++) {
        g_free(conf->aliases[i].name);
        g_free(conf->aliases[i].uri);
    }
    g_free(conf->aliases);
    g_free(conf->alias_error);
    g_free(conf->uri_default.text);
    g_free(conf->remote_mode.text);
    g_free(conf->remote_proxy.text);
    g_free(conf->tls_priority.text);
    g_free(conf->filename);
    g_free(conf);
}
