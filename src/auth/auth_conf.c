/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reading auth.conf, and finding an answer in it. */
#define FL_FROM VIR_FROM_NONE /* Compat: as the peer */
#include "auth/auth_conf.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"
#include "base/util.h"
#include "base/walk.h"

#ifndef FL_SYSCONFDIR
#define FL_SYSCONFDIR "/etc"
#endif

#define SET_PREFIX  "credentials-"
#define AUTH_PREFIX "auth-"

struct entry {
    char *section;
    char *key; /* NULL: the section itself */
    char *value;
    int line;
};

struct fl_auth_conf {
    char *filename;
    GArray *entries; /* struct entry, in file order */
};

static void wipe_text(char *text)
{
    if (text)
        explicit_bzero(text, strlen(text));
    g_free(text);
}

static void entry_clear(gpointer data)
{
    struct entry *e = data;

    g_free(e->section);
    g_free(e->key);
    wipe_text(e->value);
}

void fl_auth_conf_free(struct fl_auth_conf *conf)
{
    if (!conf)
        return;
    g_array_unref(conf->entries);
    g_free(conf->filename);
    g_free(conf);
}

/* ---- reading ---- */

struct reading {
    struct fl_auth_conf *conf;
    const char *section; /* of the lines that follow; the last entry's */
    int line;
};

static int add(struct reading *r, const char *section, const char *key, const char *value)
{
    struct entry e = { .line = r->line };

    if (r->conf->entries->len >= FL_AUTH_CONF_MAX_KEYS)
        return fl_error(VIR_ERR_CONF_SYNTAX, "%s:%d: more than %d sections and keys", r->conf->filename,
                        r->line, FL_AUTH_CONF_MAX_KEYS);
    e.section = g_strdup(section);
    e.key = g_strdup(key);
    e.value = g_strdup(value);
    g_array_append_val(r->conf->entries, e);
    return 0;
}

/* "[NAME]" */
static int read_section(struct reading *r, char *text)
{
    char *end = strchr(text, ']');
    const char *name = text + 1;

    if (!end || end[1] != '\0')
        return fl_error(VIR_ERR_CONF_SYNTAX,
                        "%s:%d: expected the name of a section to end with ']' and the "
                        "line with it",
                        r->conf->filename, r->line);
    *end = '\0';
    if ((!g_str_has_prefix(name, SET_PREFIX) || !name[strlen(SET_PREFIX)]) &&
        (!g_str_has_prefix(name, AUTH_PREFIX) || !strchr(name + strlen(AUTH_PREFIX), '-')))
        fl_warn("%s:%d: section [%s] is not used; there are [credentials-NAME] and [auth-SERVICE-HOST]",
                r->conf->filename, r->line, name);
    if (add(r, name, NULL, NULL) < 0)
        return -1;
    r->section = g_array_index(r->conf->entries, struct entry, r->conf->entries->len - 1).section;
    return 0;
}

/* The text itself is never shown: a password may stand on a line that was cut. */
static int read_pair(struct reading *r, char *text)
{
    char *value = strchr(text, '=');

    if (!value || value == text)
        return fl_error(VIR_ERR_CONF_SYNTAX, "%s:%d: expected KEY=VALUE, [SECTION] or a # comment",
                        r->conf->filename, r->line);
    if (!r->section)
        return fl_error(VIR_ERR_CONF_SYNTAX, "%s:%d: expected a [SECTION] before the first key",
                        r->conf->filename, r->line);
    *value++ = '\0';
    return add(r, r->section, g_strchomp(text), g_strchug(value));
}

static int read_line(struct reading *r, char *text)
{
    text = g_strstrip(text);
    if (*text == '\0' || *text == '#' || *text == ';')
        return 0;
    return *text == '[' ? read_section(r, text) : read_pair(r, text);
}

static int read_lines(struct reading *r, char *text)
{
    while (text) {
        char *next = strchr(text, '\n');

        if (next)
            *next++ = '\0';
        r->line++;
        if (read_line(r, text) < 0)
            return -1;
        text = next;
    }
    return 0;
}

int fl_auth_conf_parse(const char *filename, const char *text, size_t len, struct fl_auth_conf **ret_conf)
{
    struct reading r = { 0 };
    char *copy;
    int rc;

    if (len > FL_AUTH_CONF_MAX_BYTES)
        return fl_error(VIR_ERR_CONF_SYNTAX, "%s: longer than %d bytes", filename, FL_AUTH_CONF_MAX_BYTES);
    if (len && memchr(text, '\0', len))
        return fl_error(VIR_ERR_CONF_SYNTAX, "%s: holds a NUL byte: not a text file", filename);
    r.conf = g_new0(struct fl_auth_conf, 1);
    r.conf->filename = g_strdup(filename);
    r.conf->entries = g_array_new(FALSE, FALSE, sizeof(struct entry));
    g_array_set_clear_func(r.conf->entries, entry_clear);
    copy = g_malloc(len + 1);
    if (len)
        memcpy(copy, text, len);
    copy[len] = '\0';
    rc = read_lines(&r, copy);
    explicit_bzero(copy, len);
    g_free(copy);
    if (rc < 0) {
        fl_auth_conf_free(r.conf);
        return -1;
    }
    *ret_conf = r.conf;
    return 0;
}

/* Once for a file: one opening may look into it several times. */
static void warn_of_mode(const char *path, unsigned int mode)
{
    static GMutex lock;
    static char *warned;
    bool again;

    g_mutex_lock(&lock);
    again = g_strcmp0(warned, path) == 0;
    if (!again) {
        g_free(warned);
        warned = g_strdup(path);
    }
    g_mutex_unlock(&lock);
    if (again)
        return;
    fl_warn("%s holds passwords and others than its owner may read it (mode %04o): chmod 600 %s", path, mode,
            path);
    fl_stage_note(
        "warning: %s holds passwords and others than its owner may read it (mode %04o): chmod 600 %s", path,
        mode, path);
}

int fl_auth_conf_load(const char *path, struct fl_auth_conf **ret_conf)
{
    struct stat st;
    char *text = NULL;
    size_t len = 0;
    int rc;

    if (fl_file_read(path, FL_AUTH_CONF_MAX_BYTES, &text, &len) < 0)
        return -1;
    if (stat(path, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & (S_IRGRP | S_IROTH)))
        warn_of_mode(path, (unsigned int)(st.st_mode & 07777));
    rc = fl_auth_conf_parse(path, text, len, ret_conf);
    explicit_bzero(text, len);
    g_free(text);
    return rc;
}

/* ---- looking ---- */

/* The last of equal ones; key NULL: the section's own line. */
static const struct entry *find(const struct fl_auth_conf *conf, const char *section, const char *key)
{
    for (guint i = conf->entries->len; i-- > 0;) {
        const struct entry *e = &g_array_index(conf->entries, struct entry, i);

        if (g_str_equal(e->section, section) && g_strcmp0(e->key, key) == 0)
            return e;
    }
    return NULL;
}

/* The section that says which set serves: the host's own, else the default. NULL: neither. */
static const struct entry *find_login(const struct fl_auth_conf *conf, const char *service, const char *host)
{
    g_autofree char *own = g_strdup_printf(AUTH_PREFIX "%s-%s", service, host ? host : "localhost");
    g_autofree char *common = g_strdup_printf(AUTH_PREFIX "%s-default", service);
    const struct entry *e = find(conf, own, NULL);

    return e ? e : find(conf, common, NULL);
}

int fl_auth_conf_find(const struct fl_auth_conf *conf, const char *service, const char *host, const char *key,
                      struct fl_auth_conf_answer *ret_answer)
{
    const struct entry *login = find_login(conf, service, host), *names, *answer;
    g_autofree char *set = NULL;

    if (!login)
        return 0;
    names = find(conf, login->section, "credentials");
    if (!names)
        return fl_error(VIR_ERR_CONF_SYNTAX, "%s:%d: section [%s] lacks credentials=NAME", conf->filename,
                        login->line, login->section);
    set = g_strconcat(SET_PREFIX, names->value, NULL);
    if (!find(conf, set, NULL))
        return fl_error(VIR_ERR_CONF_SYNTAX, "%s:%d: credentials=%s in [%s], and there is no section [%s]",
                        conf->filename, names->line, names->value, login->section, set);
    answer = find(conf, set, key);
    if (!answer)
        return 0;
    ret_answer->value = answer->value;
    ret_answer->set = names->value;
    ret_answer->line = answer->line;
    return 1;
}

char *fl_auth_conf_path(const char *authfile, const char **ret_named_by)
{
    const char *variable = secure_getenv("LIBVIRT_AUTH_FILE"), *named_by = NULL;
    g_autofree char *path = NULL;

    if (variable && *variable) {
        named_by = "LIBVIRT_AUTH_FILE";
        path = g_strdup(variable);
    } else if (authfile && *authfile) {
        named_by = "authfile= in the URI";
        path = g_strdup(authfile);
    } else {
        path = g_build_filename(g_get_user_config_dir(), "libvirt", "auth.conf", NULL);
        if (access(path, F_OK) < 0) {
            g_free(path);
            path = g_strdup(FL_SYSCONFDIR "/libvirt/auth.conf");
        }
        if (access(path, F_OK) < 0)
            return NULL;
    }
    if (ret_named_by)
        *ret_named_by = named_by;
    return g_steal_pointer(&path);
}
