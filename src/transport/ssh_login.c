/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The login itself: which methods, with which keys, who is asked, and the record of it all. */
#include "transport/ssh_login.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/util.h"
#include "base/walk.h"
#include "transport/child.h"
#include "transport/ssh_command.h"
#include "transport/ssh_far.h"
#include "transport/ssh_known_hosts.h"
#include "uri/route.h"

#define ROUNDS_MAX    8 /* methods one after the other that a server may want together */
#define QUESTIONS_MAX 3 /* times a person is asked for the same password */

int fl_ssh_login_init(struct fl_ssh_login *l, struct fl_transport *t, const struct fl_endpoint *ep)
{
    const struct fl_route *r = ep->route;

    l->bounded = *ep;
    l->ep = ep = &l->bounded;
    l->deadline_us = ep->deadline_us;
    l->t = t;
    l->tried = g_string_new(NULL);
    if (fl_ssh_policy_of(r, &l->policy) < 0 || fl_ssh_settings_ask(ep, &l->settings) < 0)
        return -1;
    g_autofree char *user = fl_user_shown(l->settings->user);
    t->target = g_strdup_printf("%s %s@%s", l->library, user, l->settings->alias);
    t->encrypted = true;
    l->from = (struct fl_credentials){ .auth = r->no_tty ? NULL : ep->auth,
                                       .authfile = r->authfile,
                                       .service = "ssh",
                                       .host = l->settings->alias,
                                       .user = l->settings->user };
    l->known_name = l->settings->host_key_alias ? g_ascii_strdown(l->settings->host_key_alias, -1)
                                                : fl_ssh_known_name(l->settings->hostname, l->settings->port);
    return 0;
}

void fl_ssh_login_fini(struct fl_ssh_login *l)
{
    fl_ssh_settings_free(l->settings);
    l->settings = NULL;
    if (l->tried)
        g_string_free(l->tried, TRUE);
    l->tried = NULL;
    g_clear_pointer(&l->known_name, g_free);
}

void fl_ssh_login_tried(struct fl_ssh_login *l, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    g_autofree char *text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    fl_stage_note("%s", text);
    if (l->tried->len > 4096)
        return;
    g_string_append_printf(l->tried, "%s%s", l->tried->len ? "; " : "", text);
}

/* ---- who is asked ---- */

/* A secret, for free() after wiping; NULL: nobody answers. */
static char *ask_secret(struct fl_ssh_login *l, const char *prompt)
{
    int type = fl_credentials_can_answer(&l->from, VIR_CRED_PASSPHRASE) ? VIR_CRED_PASSPHRASE
                                                                        : VIR_CRED_NOECHOPROMPT;
    virConnectCredential q = { .type = type, .prompt = prompt };
    if (!fl_credentials_can_answer(&l->from, type))
        return NULL;
    if (fl_credentials_answer(&l->from, &q, 1) < 0) {
        fl_error_reset();
        fl_credentials_wipe(&q, 1);
        return NULL;
    }
    return q.result;
}

static void forget(char **secret)
{
    if (*secret)
        explicit_bzero(*secret, strlen(*secret));
    free(*secret);
    *secret = NULL;
}

static const char *why_nobody(const struct fl_ssh_login *l)
{
    return l->ep->route->no_tty ? "no_tty=1 forbids asking" : "nobody answers for it";
}

/* What a server wrote, for a terminal or a dialog: no control characters, and no colon at the end, which
 * whoever asks puts there. */
static char *shown(const char *text)
{
    char *clean = g_utf8_make_valid(text ? text : "", -1);
    for (char *p = clean; *p; p++)
        if (((unsigned char)*p < 0x20 && *p != '\n') || *p == 0x7f)
            *p = ' ';
    g_strstrip(clean);
    if (g_str_has_suffix(clean, ":"))
        clean[strlen(clean) - 1] = '\0';
    return clean;
}

int fl_ssh_login_ask(struct fl_ssh_login *l, const char *name, const char *instruction,
                     virConnectCredential *questions, unsigned int n)
{
    g_autofree char *title = shown(name);
    g_autofree char *more = shown(instruction);
    g_autofree char *challenge = g_strconcat(title, *title && *more ? "\n" : "", more, NULL);
    g_autoptr(GPtrArray) prompts = g_ptr_array_new_with_free_func(g_free);
    int rc = 0;

    if (n == 0)
        return 0;
    for (unsigned int i = 0; i < n; i++) {
        g_ptr_array_add(prompts, shown(questions[i].prompt));
        questions[i].prompt = prompts->pdata[i];
        questions[i].challenge = *challenge ? challenge : NULL;
        if (questions[i].type == VIR_CRED_NOECHOPROMPT &&
            !fl_credentials_can_answer(&l->from, VIR_CRED_NOECHOPROMPT))
            questions[i].type = VIR_CRED_PASSPHRASE; /* what some programs know only */
        if (!fl_credentials_can_answer(&l->from, questions[i].type))
            rc = -1;
    }
    if (rc == 0 && fl_credentials_answer(&l->from, questions, n) < 0) {
        fl_error_reset();
        rc = -1;
    }
    if (rc < 0)
        fl_ssh_login_tried(l, "keyboard-interactive: '%s' is asked and %s", questions[0].prompt,
                           why_nobody(l));
    for (unsigned int i = 0; i < n; i++)
        questions[i].prompt = questions[i].challenge = NULL; /* they were ours */
    return rc;
}

/* ---- the methods ---- */

static enum fl_ssh_result one_key(struct fl_ssh_login *l, const struct fl_ssh_login_ops *ops, void *session,
                                  const char *file)
{
    g_autofree char *prompt = g_strdup_printf("Passphrase of the key %s", file);
    g_autofree char *before = NULL;
    enum fl_ssh_result rc = ops->privkey(l, session, file, NULL);

    for (int i = 0; rc == FL_SSH_LOCKED && i < QUESTIONS_MAX; i++) {
        char *secret = ask_secret(l, prompt);
        if (!secret) {
            fl_ssh_login_tried(l, "privkey %s: needs a passphrase, and %s", file, why_nobody(l));
            l->locked = true;
            break;
        }
        rc = ops->privkey(l, session, file, secret);
        bool again = before && strcmp(before, secret) == 0;
        if (before)
            explicit_bzero(before, strlen(before));
        g_free(before);
        before = g_strdup(secret);
        forget(&secret);
        if (rc == FL_SSH_LOCKED && (again || i == QUESTIONS_MAX - 1)) {
            fl_ssh_login_tried(l, "privkey %s: wrong passphrase", file);
            l->locked = true;
            break;
        }
    }
    if (before)
        explicit_bzero(before, strlen(before));
    if (rc == FL_SSH_REFUSED)
        fl_ssh_login_tried(l, "privkey %s: refused", file);
    return rc;
}

static enum fl_ssh_result all_keys(struct fl_ssh_login *l, const struct fl_ssh_login_ops *ops, void *session)
{
    enum fl_ssh_result rc = FL_SSH_NOTHING, last = FL_SSH_NOTHING;
    unsigned int found = 0;

    for (char **file = l->settings->identity_files; *file; file++) {
        if (access(*file, R_OK) < 0) {
            if (l->ep->route->keyfile || errno != ENOENT)
                fl_ssh_login_tried(l, "privkey %s: %s", *file, g_strerror(errno));
            continue;
        }
        found++;
        rc = one_key(l, ops, session, *file);
        if (rc == FL_SSH_OK || rc == FL_SSH_PARTIAL || rc == FL_SSH_BROKEN)
            return rc;
        last = rc;
    }
    if (!found && !l->ep->route->keyfile) {
        g_autofree char *names = g_strjoinv(", ", l->settings->identity_files);
        fl_ssh_login_tried(l, "privkey: there is none of %s", *names ? names : "no file at all");
    }
    return last;
}

static enum fl_ssh_result by_agent(struct fl_ssh_login *l, const struct fl_ssh_login_ops *ops, void *session)
{
    if (!l->settings->identity_agent) {
        fl_ssh_login_tried(l, "agent: none (%s)", l->settings->agent_from);
        return FL_SSH_NOTHING;
    }
    return ops->agent(l, session);
}

static enum fl_ssh_result by_password(struct fl_ssh_login *l, const struct fl_ssh_login_ops *ops,
                                      void *session)
{
    g_autofree char *prompt = g_strdup_printf("Password of %s at %s", l->settings->user, l->settings->alias);
    char *before = NULL;
    enum fl_ssh_result rc = FL_SSH_NOTHING;

    for (int i = 0; i < QUESTIONS_MAX; i++) {
        char *secret = ask_secret(l, prompt);
        bool again = secret && before && strcmp(before, secret) == 0; /* a program answers, not a person */
        forget(&before);
        if (!secret) {
            if (i == 0)
                fl_ssh_login_tried(l, "password: %s", why_nobody(l));
            break;
        }
        if (again) {
            forget(&secret);
            break;
        }
        rc = ops->password(l, session, secret);
        before = secret;
        if (rc != FL_SSH_REFUSED)
            break;
        fl_ssh_login_tried(l, "password: refused");
    }
    forget(&before);
    return rc;
}

static enum fl_ssh_result by_kbdint(struct fl_ssh_login *l, const struct fl_ssh_login_ops *ops, void *session)
{
    enum fl_ssh_result rc;
    if (l->ep->route->no_tty && !fl_credentials_can_answer(&l->from, VIR_CRED_NOECHOPROMPT)) {
        fl_ssh_login_tried(l, "keyboard-interactive: %s", why_nobody(l));
        return FL_SSH_NOTHING;
    }
    rc = ops->kbdint(l, session);
    if (rc == FL_SSH_REFUSED)
        fl_ssh_login_tried(l, "keyboard-interactive: refused");
    return rc;
}

static unsigned int offer_for(enum fl_ssh_method m)
{
    static const unsigned int bits[FL_SSH_NMETHODS] = { [FL_SSH_AGENT] = FL_SSH_OFFERS_PUBLICKEY,
                                                        [FL_SSH_PRIVKEY] = FL_SSH_OFFERS_PUBLICKEY,
                                                        [FL_SSH_PASSWORD] = FL_SSH_OFFERS_PASSWORD,
                                                        [FL_SSH_KBDINT] = FL_SSH_OFFERS_KBDINT };
    return bits[m];
}

static enum fl_ssh_result try_method(struct fl_ssh_login *l, enum fl_ssh_method m,
                                     const struct fl_ssh_login_ops *ops, void *session)
{
    switch (m) {
    case FL_SSH_AGENT:
        return by_agent(l, ops, session);
    case FL_SSH_PRIVKEY:
        return all_keys(l, ops, session);
    case FL_SSH_PASSWORD:
        return by_password(l, ops, session);
    default:
        return by_kbdint(l, ops, session);
    }
}

/* ---- the end ---- */

static char *offers_text(unsigned int offers)
{
    GString *s = g_string_new(NULL);
    static const char *const names[] = { "publickey", "password", "keyboard-interactive" };
    for (unsigned int i = 0; i < G_N_ELEMENTS(names); i++)
        if (offers & (1u << i))
            g_string_append_printf(s, "%s%s", s->len ? ", " : "", names[i]);
    if (!s->len)
        g_string_append(s, "none of the methods known here");
    return g_string_free(s, FALSE);
}

/* Compat: with several methods it is the login that failed; with one, the peers tell what became of that. */
static int refusal_code(const struct fl_ssh_login *l, enum fl_ssh_result last)
{
    if (l->policy.nmethods != 1 || last == FL_SSH_LOCKED)
        return VIR_ERR_AUTH_FAILED;
    if (last == FL_SSH_REFUSED)
        return l->refused_code;
    return l->domain == VIR_FROM_LIBSSH && l->policy.methods[0] == FL_SSH_PRIVKEY ? VIR_ERR_AUTH_FAILED
                                                                                  : l->code;
}

static int not_let_in(struct fl_ssh_login *l, unsigned int offers, bool anything_tried,
                      enum fl_ssh_result last)
{
    g_autofree char *has = offers_text(offers);
    const char *todo = !anything_tried ? "name a method the server takes in sshauth="
                       : l->locked ? "put the key into an agent (ssh-add), or open the connection where the "
                                     "passphrase can be asked for"
                       : l->ep->route->keyfile
                           ? "check the user, and that its authorized_keys there has this key"
                           : "check the user, and that its authorized_keys there has one of these keys, or "
                             "name another key with keyfile=";
    return fl_error_set(l->domain, anything_tried ? refusal_code(l, last) : VIR_ERR_AUTH_FAILED,
                        "ssh-auth: %s: not let in; tried %s; the server takes %s; %s", l->t->target,
                        l->tried->str, has, todo);
}

/* 1: in, 0: try on with new offers, -1: nothing helped, or the session is over. */
static int one_round(struct fl_ssh_login *l, const struct fl_ssh_login_ops *ops, void *session,
                     unsigned int *offers)
{
    bool any = false;
    enum fl_ssh_result last = FL_SSH_NOTHING;
    for (size_t i = 0; i < l->policy.nmethods; i++) {
        enum fl_ssh_method m = l->policy.methods[i];
        if (!(*offers & offer_for(m))) {
            fl_ssh_login_tried(l, "%s: not offered by the server", fl_ssh_method_name(m));
            continue;
        }
        any = true;
        last = try_method(l, m, ops, session);
        switch (last) {
        case FL_SSH_OK:
            fl_stage_note("%s: accepted", fl_ssh_method_name(m));
            return 1;
        case FL_SSH_PARTIAL:
            fl_ssh_login_tried(l, "%s: accepted, but the server wants more", fl_ssh_method_name(m));
            switch (ops->offers(l, session, offers)) {
            case FL_SSH_OK:
                return 1;
            case FL_SSH_BROKEN:
                return -1;
            default:
                return 0;
            }
        case FL_SSH_BROKEN:
            return -1;
        default:
            break;
        }
    }
    return not_let_in(l, *offers, any, last);
}

int fl_ssh_login_run(struct fl_ssh_login *l, const struct fl_ssh_login_ops *ops, void *session)
{
    unsigned int offers = 0;

    switch (ops->offers(l, session, &offers)) {
    case FL_SSH_OK:
        fl_stage_note("none: accepted");
        return 0;
    case FL_SSH_BROKEN:
        return -1;
    default:
        break;
    }
    for (int i = 0; i < ROUNDS_MAX; i++) {
        int rc = one_round(l, ops, session, &offers);
        if (rc != 0)
            return rc > 0 ? 0 : -1;
    }
    return not_let_in(l, offers, true, FL_SSH_REFUSED);
}

char *fl_ssh_login_command(struct fl_ssh_login *l)
{
    struct fl_ssh_far_end end;
    if (fl_ssh_far_end(l->ep->route, l->ep->privileged, &end) < 0)
        return NULL;
    fl_stage_enter(FL_STAGE_HELPER, "%s at %s", end.helper ? "virt-ssh-helper" : end.netcat_program,
                   l->settings->alias);
    return fl_ssh_remote_command(l->ep->route, &end, l->ep->read_only, l->ep->privileged);
}

int fl_ssh_login_far_stage(bool spoken, const struct fl_said *stderr_said)
{
    g_autofree char *all = fl_said_text(stderr_said);
    return spoken || fl_ssh_far_reached(all) ? FL_STAGE_NONE : FL_STAGE_HELPER;
}

bool fl_ssh_login_far_said(const struct fl_said *stderr_said)
{
    g_autofree char *all = fl_said_text(stderr_said);
    g_autofree char *own = fl_ssh_far_strip(all);
    return *g_strstrip(own) != '\0';
}

int fl_ssh_login_far_ended(const struct fl_transport *t, int domain, int code, int status,
                           const struct fl_said *stderr_said)
{
    g_autofree char *all = stderr_said ? fl_said_text(stderr_said) : g_strdup("");
    g_autofree char *own = fl_ssh_far_strip(all);
    g_autofree char *said = fl_child_said(own, strlen(own));
    g_autofree char *text = fl_ssh_fault_text(fl_ssh_far_fault(status, said), t->target, status, said);
    return fl_error_set(domain, code, "%s", text);
}
