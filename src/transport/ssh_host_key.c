/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whether the host that answered is the one that was meant: its key against the known_hosts files, and who is
 * asked about a new one ("known_hosts_verify" of the connection URI page).
 */
#include "base/error.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/walk.h"
#include "transport/ssh_known_hosts.h"
#include "transport/ssh_login.h"
#include "uri/route.h"

static void search_begin(struct fl_ssh_login *l, struct fl_ssh_known_search *k)
{
    fl_ssh_known_search_init(k);
    k->name = l->known_name;
    if (!l->settings->host_key_alias && l->known_name[0] == '[')
        k->plain_name = l->settings->hostname;
}

static void search_files(struct fl_ssh_login *l, struct fl_ssh_known_search *k)
{
    fl_ssh_known_hosts_look(k, l->settings->known_hosts);
    fl_ssh_known_hosts_look(k, l->settings->global_known_hosts);
}

char **fl_ssh_login_key_types(struct fl_ssh_login *l)
{
    struct fl_ssh_known_search k;
    if (l->policy.verify == FL_SSH_VERIFY_IGNORE)
        return g_new0(char *, 1);
    search_begin(l, &k);
    search_files(l, &k);
    g_ptr_array_add(k.types, NULL);
    char **types = (char **)g_ptr_array_free(g_steal_pointer(&k.types), FALSE);
    fl_ssh_known_search_fini(&k);
    return types;
}

static int key_changed(struct fl_ssh_login *l, const struct fl_ssh_known_search *k, const char *fingerprint)
{
    const char *what = k->verdict == FL_SSH_HOST_REVOKED ? "is marked as revoked"
                       : k->verdict == FL_SSH_HOST_OTHER ? "is of another type than the one remembered"
                                                         : "differs from the one remembered";
    g_autofree char *todo =
        k->verdict == FL_SSH_HOST_REVOKED
            ? g_strdup("do not connect, or ask the host's administrator for its new key")
            : g_strdup_printf(
                  "if the host was set up anew (else somebody may be listening in between), remove the "
                  "old key with: ssh-keygen -f '%s' -R '%s'",
                  k->file, l->known_name);
    return fl_error_set(l->domain, VIR_ERR_AUTH_FAILED,
                        "ssh-auth: %s: the host's key %s %s: %s:%d has %s; %s", l->t->target, fingerprint,
                        what, k->file, k->line, k->fingerprint, todo);
}

static void remember(struct fl_ssh_login *l, const unsigned char *key, size_t len)
{
    const char *file = l->settings->known_hosts[0];
    FL_ERROR_PRESERVE;
    if (fl_walk_look_only()) {
        fl_stage_note("host key not remembered: this is only a look");
    } else if (!file || strcmp(file, "/dev/null") == 0) {
        fl_stage_note("host key not remembered: no file to remember it in");
    } else if (fl_ssh_known_hosts_add(file, l->known_name, l->settings->hash_known_hosts, key, len) < 0) {
        fl_warn("%s: %s", l->t->target, fl_error_get()->message);
        fl_stage_note("host key not remembered: %s", fl_error_get()->message);
    } else {
        fl_stage_note("host key remembered in %s", file);
    }
}

static bool is_yes(const char *answer)
{
    return answer && (g_ascii_strcasecmp(answer, "y") == 0 || g_ascii_strcasecmp(answer, "yes") == 0);
}

/* 1: yes, 0: no, -1: there is nobody to ask. */
static int ask_person(struct fl_ssh_login *l, const struct fl_ssh_known_search *k, const char *type,
                      const char *fingerprint)
{
    g_autofree char *other =
        k->verdict == FL_SSH_HOST_OTHER
            ? g_strdup_printf(" (%s:%d remembers a key of another type for it)", k->file, k->line)
            : g_strdup("");
    g_autofree char *prompt = g_strdup_printf("The host key of '%s' is not known yet%s: type %s, fingerprint "
                                              "%s. Connect, and remember it (yes/no)?",
                                              l->known_name, other, type, fingerprint);
    virConnectCredential q = { .type = VIR_CRED_ECHOPROMPT, .prompt = prompt, .challenge = fingerprint };
    if (l->ep->route->no_tty || !fl_credentials_can_answer(&l->from, VIR_CRED_ECHOPROMPT))
        return -1;
    int rc = fl_credentials_answer(&l->from, &q, 1) < 0 ? -1 : is_yes(q.result);
    fl_credentials_wipe(&q, 1);
    return rc;
}

static int key_not_accepted(struct fl_ssh_login *l, const char *type, const char *fingerprint,
                            const char *why)
{
    g_autofree char *files = g_strjoinv(", ", l->settings->known_hosts);
    return fl_error_set(
        l->domain, l->code,
        "ssh-auth: %s: the host's key (%s %s) is in none of the files %s, and %s; log in once with "
        "ssh to accept it, or accept new keys with known_hosts_verify=auto",
        l->t->target, type, fingerprint, *files ? files : "(none)", why);
}

static enum fl_ssh_verify verify_mode(const struct fl_ssh_login *l)
{
    if (l->policy.verify != FL_SSH_VERIFY_UNSET)
        return l->policy.verify;
    /* StrictHostKeyChecking no would let a changed key through: the page does not want that. */
    if (l->settings->strict == FL_SSH_STRICT_ACCEPT_NEW || l->settings->strict == FL_SSH_STRICT_NO)
        return FL_SSH_VERIFY_AUTO;
    return FL_SSH_VERIFY_NORMAL;
}

static int key_new(struct fl_ssh_login *l, const struct fl_ssh_known_search *k, const char *type,
                   const char *fingerprint)
{
    if (verify_mode(l) == FL_SSH_VERIFY_AUTO) {
        if (k->verdict == FL_SSH_HOST_OTHER)
            return key_changed(l, k, fingerprint);
        fl_stage_note("host key %s %s: new, accepted", type, fingerprint);
        remember(l, k->key, k->len);
        return 0;
    }
    if (l->policy.verify == FL_SSH_VERIFY_UNSET && l->settings->strict == FL_SSH_STRICT_YES)
        return key_not_accepted(l, type, fingerprint, "the ssh configuration says StrictHostKeyChecking yes");
    switch (ask_person(l, k, type, fingerprint)) {
    case 1:
        fl_stage_note("host key %s %s: new, accepted by the user", type, fingerprint);
        remember(l, k->key, k->len);
        return 0;
    case 0:
        return key_not_accepted(l, type, fingerprint, "it was not accepted when asked");
    default:
        return key_not_accepted(l, type, fingerprint,
                                l->ep->route->no_tty ? "no_tty=1 forbids asking" : "there is nobody to ask");
    }
}

int fl_ssh_login_check(struct fl_ssh_login *l, const unsigned char *key, size_t len)
{
    struct fl_ssh_known_search k;
    g_autofree char *type = fl_ssh_key_type(key, len);
    g_autofree char *fingerprint = fl_ssh_key_fingerprint(key, len);
    int rc = 0;

    l->bounded.deadline_us = l->deadline_us; /* from here on people may be asked */
    l->met = true;
    if (!type)
        return fl_ssh_login_lost(l, "host key", "the host sent something that is no key");
    if (l->policy.verify == FL_SSH_VERIFY_IGNORE) {
        fl_stage_note("host key %s %s: not checked", type, fingerprint);
        return 0;
    }
    search_begin(l, &k);
    k.key = key;
    k.len = len;
    search_files(l, &k);
    if (k.verdict == FL_SSH_HOST_KNOWN)
        fl_stage_note("host key %s %s: known (%s:%d)", type, fingerprint, k.file, k.line);
    else if (k.verdict == FL_SSH_HOST_CHANGED || k.verdict == FL_SSH_HOST_REVOKED)
        rc = key_changed(l, &k, fingerprint);
    else
        rc = key_new(l, &k, type, fingerprint);
    fl_ssh_known_search_fini(&k);
    return rc;
}
