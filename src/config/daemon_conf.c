/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reads libvirtd.conf by walking the table of keys. Bad values are errors naming FILE:LINE; unknown, unused
 * and repeated keys are collected as warnings for the daemon to log.
 */
#define FL_FROM VIR_FROM_CONF

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <glib.h>

#include "config/conf.h"
#include "config/daemon_conf.h"
#include "base/error.h"

static const char *const auth_names[] = { "none", "sasl", "polkit" };

/* The typed slot of a key inside the settings. */
#define SLOT(type, conf, key) (*(type *)((char *)(conf) + (key)->offset))

static int line_of(const struct fl_conf *conf, const char *name)
{
    return fl_conf_find(conf, name)->value.line;
}

static int bad_value(const struct fl_conf *conf, const struct fl_daemon_key *key, const char *want,
                     const char *got)
{
    return fl_error(VIR_ERR_CONF_SYNTAX, "%s:%d: expected %s for '%s', found \"%s\"", conf->filename,
                    line_of(conf, key->name), want, key->name, got);
}

static bool auth_from_text(const char *text, enum fl_daemon_auth *ret_auth)
{
    for (size_t i = 0; i < G_N_ELEMENTS(auth_names); i++) {
        if (strcmp(text, auth_names[i]) == 0) {
            *ret_auth = (enum fl_daemon_auth)i;
            return true;
        }
    }
    return false;
}

static bool perms_from_text(const char *text, mode_t *ret_mode)
{
    size_t len = strspn(text, "01234567");
    unsigned long mode = strtoul(text, NULL, 8);

    if (len == 0 || len > 8 || text[len] != '\0' || mode > 07777)
        return false;
    *ret_mode = (mode_t)mode;
    return true;
}

static int read_text(const struct fl_conf *conf, const struct fl_daemon_key *key, struct fl_daemon_conf *into)
{
    g_autofree char *text = NULL;
    const char *want;
    int rc = fl_conf_get_string(conf, key->name, &text);

    if (rc <= 0)
        return rc;
    want = key->check ? key->check(text) : NULL;
    if (want)
        return bad_value(conf, key, want, text);

    switch (key->type) {
    case FL_KEY_PERMS:
        if (!perms_from_text(text, &SLOT(mode_t, into, key)))
            return bad_value(conf, key, "a mode in octal digits such as \"0770\"", text);
        break;
    case FL_KEY_AUTH:
        if (!auth_from_text(text, &SLOT(enum fl_daemon_auth, into, key)))
            return bad_value(conf, key, "\"none\", \"sasl\" or \"polkit\"", text);
        break;
    default:
        g_free(SLOT(char *, into, key));
        SLOT(char *, into, key) = g_steal_pointer(&text);
        break;
    }
    return 0;
}

static int read_list(const struct fl_conf *conf, const struct fl_daemon_key *key, struct fl_daemon_conf *into)
{
    g_auto(GStrv) list = NULL;
    int rc = fl_conf_get_strings(conf, key->name, false, &list);

    if (rc <= 0)
        return rc;
    for (size_t i = 0; key->check && list[i]; i++) {
        const char *want = key->check(list[i]);

        if (want)
            return bad_value(conf, key, want, list[i]);
    }
    g_strfreev(SLOT(char **, into, key));
    SLOT(char **, into, key) = g_steal_pointer(&list);
    return 0;
}

static int read_number(const struct fl_conf *conf, const struct fl_daemon_key *key,
                       struct fl_daemon_conf *into)
{
    unsigned int u = 0;
    int i = 0;
    gint64 n;
    int rc;

    if (key->type == FL_KEY_INT) {
        rc = fl_conf_get_int(conf, key->name, &i);
        n = i;
    } else {
        rc = fl_conf_get_uint(conf, key->name, &u);
        n = u;
    }
    if (rc <= 0)
        return rc;
    if (n < key->min || (key->max && n > key->max)) {
        g_autofree char *got = g_strdup_printf("%" G_GINT64_FORMAT, n);
        g_autofree char *want = key->max ? g_strdup_printf("a number from %ld to %ld", key->min, key->max)
                                         : g_strdup_printf("a number of at least %ld", key->min);

        return bad_value(conf, key, want, got);
    }
    if (key->type == FL_KEY_INT)
        SLOT(int, into, key) = i;
    else
        SLOT(unsigned int, into, key) = u;
    return 0;
}

static int read_bool(const struct fl_conf *conf, const struct fl_daemon_key *key, struct fl_daemon_conf *into)
{
    return fl_conf_get_bool(conf, key->name, &SLOT(bool, into, key));
}

static int read_key(const struct fl_conf *conf, const struct fl_daemon_key *key, struct fl_daemon_conf *into)
{
    int rc = 0;

    switch (key->type) {
    case FL_KEY_BOOL:
        rc = read_bool(conf, key, into);
        break;
    case FL_KEY_INT:
    case FL_KEY_UINT:
        rc = read_number(conf, key, into);
        break;
    case FL_KEY_LIST:
        rc = read_list(conf, key, into);
        break;
    case FL_KEY_TEXT:
    case FL_KEY_PERMS:
    case FL_KEY_AUTH:
        rc = read_text(conf, key, into);
        break;
    case FL_KEY_UNUSED:
        break;
    }
    return rc < 0 ? -1 : 0;
}

static void set_default(const struct fl_daemon_key *key, struct fl_daemon_conf *into)
{
    if (!key->fallback)
        return;
    switch (key->type) {
    case FL_KEY_BOOL:
        SLOT(bool, into, key) = key->fallback[0] == '1';
        break;
    case FL_KEY_INT:
        SLOT(int, into, key) = atoi(key->fallback);
        break;
    case FL_KEY_UINT:
        SLOT(unsigned int, into, key) = (unsigned int)strtoul(key->fallback, NULL, 10);
        break;
    case FL_KEY_TEXT:
        SLOT(char *, into, key) = g_strdup(key->fallback);
        break;
    case FL_KEY_PERMS:
        perms_from_text(key->fallback, &SLOT(mode_t, into, key));
        break;
    case FL_KEY_AUTH:
        auth_from_text(key->fallback, &SLOT(enum fl_daemon_auth, into, key));
        break;
    case FL_KEY_LIST:
    case FL_KEY_UNUSED:
        break;
    }
}

static const struct fl_daemon_key *find_key(const char *name)
{
    for (const struct fl_daemon_key *k = fl_daemon_keys; k->name; k++) {
        if (strcmp(k->name, name) == 0)
            return k;
    }
    return NULL;
}

static char **collect_warnings(const struct fl_conf *conf, unsigned int kind)
{
    g_autoptr(GPtrArray) list = g_ptr_array_new();

    for (guint i = 0; i < conf->entries->len; i++) {
        const struct fl_conf_entry *e = &g_array_index(conf->entries, struct fl_conf_entry, i);
        const struct fl_daemon_key *key = find_key(e->name);
        const char *why = NULL;

        if (!key)
            why = "is no setting of this daemon and is ignored";
        else if (key->type == FL_KEY_UNUSED)
            why = "has no effect any more";
        else if (key->network && kind & FL_DAEMON_CONF_UNIX_ONLY)
            why = "is for network sockets and has no effect: this daemon has unix sockets only; set it in "
                  "virtproxyd.conf";
        else if (fl_conf_find(conf, e->name) != e)
            why = "is set a second time; the first value counts";
        if (why)
            g_ptr_array_add(list,
                            g_strdup_printf("%s:%d: '%s' %s", conf->filename, e->value.line, e->name, why));
    }
    g_ptr_array_add(list, NULL);
    return (char **)g_ptr_array_free(g_steal_pointer(&list), FALSE);
}

/* Rules between keys. */
static int check_together(const struct fl_daemon_conf *c)
{
    if (c->max_anonymous_clients > c->max_clients)
        return fl_error(VIR_ERR_CONF_SYNTAX,
                        "%s: max_anonymous_clients (%u) must not be larger than max_clients (%u)",
                        c->filename, c->max_anonymous_clients, c->max_clients);
    return 0;
}

static int from_conf(const struct fl_conf *conf, unsigned int kind, struct fl_daemon_conf **ret_conf)
{
    fl_autodaemonconf struct fl_daemon_conf *c = g_new0(struct fl_daemon_conf, 1);

    c->filename = g_strdup(conf->filename);
    for (const struct fl_daemon_key *k = fl_daemon_keys; k->name; k++)
        set_default(k, c);
    if (kind & FL_DAEMON_CONF_PRIVILEGED)
        c->auth_unix_ro = c->auth_unix_rw = FL_DAEMON_AUTH_POLKIT;

    for (const struct fl_daemon_key *k = fl_daemon_keys; k->name; k++) {
        if (read_key(conf, k, c) < 0)
            return -1;
    }
    /* Who has to authenticate may knock; without authentication the mode is the only guard. The peer opens
     * the socket to everybody even then, against its own documentation. */
    if (!fl_conf_find(conf, "unix_sock_rw_perms") && c->auth_unix_rw != FL_DAEMON_AUTH_NONE)
        c->unix_sock_rw_perms = 0777;
    if (check_together(c) < 0)
        return -1;
    c->warnings = collect_warnings(conf, kind);
    *ret_conf = g_steal_pointer(&c);
    return 0;
}

int fl_daemon_conf_parse(const char *filename, const char *text, size_t len, unsigned int kind,
                         struct fl_daemon_conf **ret_conf)
{
    fl_autoconf struct fl_conf *conf = NULL;

    if (fl_conf_parse(filename, text, len, &conf) < 0)
        return -1;
    return from_conf(conf, kind, ret_conf);
}

int fl_daemon_conf_load(const char *path, bool must_exist, unsigned int kind,
                        struct fl_daemon_conf **ret_conf)
{
    fl_autoconf struct fl_conf *conf = NULL;

    if (must_exist && access(path, F_OK) < 0)
        return fl_error_system(errno, "cannot open %s", path);
    if (fl_conf_load(path, &conf) < 0)
        return -1;
    return from_conf(conf, kind, ret_conf);
}

void fl_daemon_conf_free(struct fl_daemon_conf *conf)
{
    if (!conf)
        return;
    for (const struct fl_daemon_key *k = fl_daemon_keys; k->name; k++) {
        if (k->type == FL_KEY_TEXT)
            g_free(SLOT(char *, conf, k));
        else if (k->type == FL_KEY_LIST)
            g_strfreev(SLOT(char **, conf, k));
    }
    g_strfreev(conf->warnings);
    g_free(conf->filename);
    g_free(conf);
}
