/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libFuzzer target: any text as libvirt.conf, changed as `virsh remote` does. The shell's reader accepts what
 * the library's accepts and nothing else; a changed text reads back as the old one with exactly the change.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../virsh/remote_edit.h"
#include "base/error.h"
#include "config/client_conf.h"
#include "config/conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool true_thing)
{
    if (!true_thing)
        abort();
}

/* The aliases of the library's reading, without those of one name. */
static char *told(const char *text, const char *without, char **ret_default)
{
    fl_autoclientconf struct fl_client_conf *conf = NULL;
    GString *s = g_string_new("");

    must(fl_client_conf_parse("fuzz.conf", text, strlen(text), &conf) == 0);
    for (size_t i = 0; i < conf->naliases; i++)
        if (strcmp(conf->aliases[i].name, without) != 0)
            g_string_append_printf(s, "%s=%s\n", conf->aliases[i].name, conf->aliases[i].uri);
    *ret_default = g_strdup(conf->uri_default.text);
    return g_string_free(s, FALSE);
}

/* `uri`: what `name` must be now, NULL for none. `def`: what the default must be. */
static void check(const char *old, const char *new, const char *name, const char *uri, const char *def)
{
    g_autofree char *old_default = NULL, *new_default = NULL;
    g_autofree char *before = told(old, name, &old_default), *after = told(new, name, &new_default);
    fl_autoclientconf struct fl_client_conf *conf = NULL;
    const struct fl_alias *alias;

    must(strcmp(before, after) == 0);
    must(g_strcmp0(new_default, def) == 0);
    must(fl_client_conf_parse("fuzz.conf", new, strlen(new), &conf) == 0);
    alias = fl_client_conf_find_alias(conf, name);
    must(g_strcmp0(alias ? alias->uri : NULL, uri) == 0);
}

static void change(const char *text, const char *name, const char *old_uri, const char *def)
{
    g_autofree char *error = NULL, *added = NULL, *used = NULL, *unused = NULL, *removed = NULL;

    added = fl_remotes_add(text, name, "qemu://new/system", true, &error);
    must((added != NULL) == (strcmp(name, "xen") != 0)); /* a bare word with a meaning of its own */
    if (added)
        check(text, added, name, "qemu://new/system", def);
    used = fl_remotes_use(text, name, &error);
    must(used != NULL);
    check(text, used, name, old_uri, name);
    unused = fl_remotes_use(text, NULL, &error);
    must(unused != NULL);
    check(text, unused, name, old_uri, NULL);
    removed = fl_remotes_remove(text, name, &error);
    must((removed != NULL) == (old_uri != NULL));
    if (removed)
        check(text, removed, name, NULL, def);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *text = g_strndup((const char *)data, size);
    g_autofree char *error = NULL;
    fl_autoclientconf struct fl_client_conf *conf = NULL;
    struct fl_remotes *r;

    if (size > 65536 || strlen(text) != size)
        return 0;
    r = fl_remotes_read(text, size, &error);
    if (fl_client_conf_parse("fuzz.conf", text, size, &conf) < 0 || conf->alias_error) {
        /* it also judges settings that are none of the shell's business, and an alias when it is looked for
         */
        fl_autoconf struct fl_conf *plain = NULL;

        if (fl_conf_parse("fuzz.conf", text, size, &plain) < 0)
            must(!r);
    } else {
        must(r != NULL && r->aliases->len == conf->naliases);
        change(text, "new",
               fl_client_conf_find_alias(conf, "new") ? fl_client_conf_find_alias(conf, "new")->uri : NULL,
               conf->uri_default.text);
        for (size_t i = 0; i < conf->naliases && i < 3; i++)
            change(text, conf->aliases[i].name, fl_client_conf_find_alias(conf, conf->aliases[i].name)->uri,
                   conf->uri_default.text);
    }
    fl_remotes_free(r);
    fl_error_reset();
    return 0;
}
