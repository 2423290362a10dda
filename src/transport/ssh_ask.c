/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Asking the system's ssh what the user's configuration says about a host (`ssh -G`): ssh prints and ends, it
 * connects to nobody. Bounded in time and size, as a "Match exec" of the configuration may run anything.
 */
#define FL_FROM VIR_FROM_REMOTE
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"
#include "base/names.h"
#include "base/util.h"
#include "base/walk.h"
#include "transport/channel.h"
#include "transport/child.h"
#include "transport/ssh_command.h"
#include "transport/ssh_settings.h"
#include "uri/route.h"

#define ANSWER_MAX      262144
#define ANSWER_LIMIT_MS 20000
#define SSH_PORT        22

struct here {
    struct fl_ssh_names names;
    char hostname[256];
    char text[]; /* home and user */
};

static const char *environment(const char *name)
{
    return g_getenv(name);
}

struct fl_ssh_names *fl_ssh_names_here(void)
{
    struct fl_user account = { 0 };
    bool found = fl_user_find(geteuid(), &account);
    /* As OpenSSH: the account's folder, whatever HOME says. */
    const char *home = found ? account.home : g_getenv("HOME");
    const char *user = found ? account.name : g_getenv("LOGNAME");
    home = home ? home : "/";
    user = user ? user : "nobody";
    size_t n = strlen(home) + 1, m = strlen(user) + 1;
    struct here *here = g_malloc0(sizeof(*here) + n + m);
    memcpy(here->text, home, n);
    memcpy(here->text + n, user, m);
    if (gethostname(here->hostname, sizeof(here->hostname) - 1) < 0)
        here->hostname[0] = '\0';
    here->names = (struct fl_ssh_names){ .home = here->text,
                                         .user = here->text + n,
                                         .hostname = here->hostname,
                                         .uid = (unsigned int)geteuid(),
                                         .getenv = environment };
    fl_user_fini(&account);
    return &here->names; /* the first member */
}

static int ask_ended(struct fl_transport *t, int status, const char *text)
{
    g_autofree char *how = fl_child_how(status);

    return fl_channel_error(status ? EINVAL : EPIPE,
                            "resolve: %s %s%s%s; mend the ssh configuration it complains about, and try "
                            "plain ssh",
                            t->target, how, *text ? ": " : "", text);
}

static const struct fl_transport_ops ask_ops = {
    .name = "ssh -G", .read = fl_child_read, .half_close = fl_child_half_close, .close = fl_child_close
};

static int read_answer(struct fl_transport *t, int64_t deadline, GString *answer)
{
    char buf[4096];
    for (;;) {
        ssize_t n = fl_child_read(t, buf, sizeof(buf));
        if (n == 0)
            return 0;
        if (n == -FL_AGAIN) {
            if (fl_fd_wait(t->fd, POLLIN, deadline) < 0)
                return fl_channel_error(ETIMEDOUT,
                                        "resolve: %s did not end in time; look for a \"Match exec\" in the "
                                        "ssh configuration that waits",
                                        t->target);
        } else if (n < 0) {
            return -1;
        } else {
            g_string_append_len(answer, buf, n);
            if (answer->len > ANSWER_MAX)
                return fl_channel_error(EFBIG, "resolve: %s printed more than %d bytes", t->target,
                                        ANSWER_MAX);
        }
    }
}

static int run_ssh(const struct fl_endpoint *ep, const char *host, GString *answer)
{
    const struct fl_route *r = ep->route;
    char port[12];
    const char *argv[10];
    size_t n = 0;
    g_snprintf(port, sizeof(port), "%d", r->port);
    argv[n++] = r->command ? r->command : "ssh";
    argv[n++] = "-G";
    argv[n++] = "-T";
    if (r->port > 0) {
        argv[n++] = "-p";
        argv[n++] = port;
    }
    if (r->user) {
        argv[n++] = "-l";
        argv[n++] = r->user;
    }
    argv[n++] = "--";
    argv[n++] = host;
    argv[n] = NULL;

    struct fl_transport *t = g_new0(struct fl_transport, 1);
    t->ops = &ask_ops;
    t->fd = -1;
    t->target = g_strdup_printf("'ssh -G %s'", host);
    int rc = fl_child_spawn(t, (char *const *)argv, "ssh", ask_ended);
    if (rc == 0) {
        fl_transport_half_close(t);
        rc = read_answer(t, fl_deadline_min(ep->deadline_us, fl_deadline_in_ms(ANSWER_LIMIT_MS)), answer);
    }
    FL_ERROR_PRESERVE;
    fl_transport_free(t);
    return rc;
}

/* What OpenSSH does without any configuration. */
static void defaults(GString *text, const char *host)
{
    g_string_append_printf(text, "hostname %s\nport %d\nhashknownhosts no\n", host, SSH_PORT);
    for (const char *const *k = (const char *const[]){ "rsa", "ecdsa", "ed25519", NULL }; *k; k++)
        g_string_append_printf(text, "identityfile ~/.ssh/id_%s\n", *k);
    g_string_append(text, "userknownhostsfile ~/.ssh/known_hosts ~/.ssh/known_hosts2\n"
                          "globalknownhostsfile /etc/ssh/ssh_known_hosts /etc/ssh/ssh_known_hosts2\n");
}

static void only(char ***list, const char *file)
{
    g_strfreev(*list);
    *list = g_new0(char *, 2);
    (*list)[0] = g_strdup(file);
}

/* Compat: where the incumbent's libssh and libssh2 remember keys; read, not written. */
static void add_libvirt_known_hosts(char ***list)
{
    guint n = g_strv_length(*list);
    if (n == 0 || strcmp((*list)[0], "/dev/null") == 0)
        return; /* the user wants nothing remembered */
    *list = g_renew(char *, *list, n + 2);
    (*list)[n] = g_build_filename(g_get_user_config_dir(), "libvirt", "known_hosts", NULL);
    (*list)[n + 1] = NULL;
}

/* The URI has the last word. */
static void lay_over(struct fl_ssh_settings *s, const struct fl_route *r)
{
    if (r->user) {
        g_free(s->user);
        s->user = g_strdup(r->user);
    }
    if (r->port > 0)
        s->port = r->port;
    if (r->keyfile)
        only(&s->identity_files, r->keyfile);
    if (r->known_hosts)
        only(&s->known_hosts, r->known_hosts);
    else
        add_libvirt_known_hosts(&s->known_hosts);
    if (r->connect_timeout >= 0)
        s->connect_timeout = r->connect_timeout;
}

int fl_ssh_settings_ask(const struct fl_endpoint *ep, struct fl_ssh_settings **ret_s)
{
    const struct fl_route *r = ep->route;
    const char *host = r->host && r->host[0] ? r->host : "localhost";
    g_autofree char *program = g_find_program_in_path(r->command ? r->command : "ssh");
    g_autofree struct fl_ssh_names *names = fl_ssh_names_here();
    g_autoptr(GString) text = g_string_new(NULL);
    struct fl_ssh_settings *s = NULL;

    if (fl_ssh_check_route(r) < 0)
        return -1;
    if (!program)
        defaults(text, host);
    else if (run_ssh(ep, host, text) < 0)
        return -1;
    if (fl_ssh_settings_parse(text->str, text->len, &s) < 0)
        return -1;
    g_free(s->alias);
    s->alias = g_strdup(host);
    if (r->user) { /* before %r is expanded */
        g_free(s->user);
        s->user = g_strdup(r->user);
    }
    fl_ssh_settings_expand(s, names);
    lay_over(s, r);
    g_autofree char *user = fl_user_shown(s->user);
    fl_debug("ssh settings of '%s': %s@%s port %d, agent %s, jump %s, command %s", host, user, s->hostname,
             s->port, s->identity_agent, s->proxy_jump, s->proxy_command);
    fl_stage_note("%s: %s@%s port %d%s%s",
                  program ? "ssh configuration" : "no ssh program here, OpenSSH's defaults", user,
                  s->hostname, s->port,
                  s->proxy_jump      ? " by ProxyJump "
                  : s->proxy_command ? " by ProxyCommand "
                                     : "",
                  s->proxy_jump      ? s->proxy_jump
                  : s->proxy_command ? s->proxy_command
                                     : "");
    *ret_s = s;
    return 0;
}
