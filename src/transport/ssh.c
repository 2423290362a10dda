/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The ssh transport: the system's ssh, with the user's configuration, runs virt-ssh-helper or a netcat over
 * there. ssh reports everything by its exit status and stderr; this file turns the usual ones into the stage
 * that failed and one thing to do. Where ssh stands while it keeps silent is in its trace (ssh_trace.h).
 */
#define FL_FROM VIR_FROM_REMOTE
#include <errno.h>
#include <poll.h>
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "base/util.h"
#include "base/walk.h"
#include "transport/channel.h"
#include "transport/child.h"
#include "transport/ssh_command.h"
#include "transport/ssh_far.h"
#include "transport/ssh_settings.h"
#include "transport/ssh_trace.h"

#define SSH_FAILED 255 /* ssh itself, not what it ran */

/* What ssh itself says (it ends with status 255), where in the walk that is, and what helps. First match
 * counts. */
static const struct fl_ssh_fault ssh_faults[] = {
    { "REMOTE HOST IDENTIFICATION HAS CHANGED", "ssh-auth",
      "the host's key differs from the one remembered: if that is expected, remove the old one with "
      "ssh-keygen -R" },
    { "Host key verification failed", "ssh-auth",
      "this host's key is not known: log in once with ssh to accept it, or add no_verify=1 to accept new "
      "keys" },
    { "Permission denied", "ssh-auth",
      "no way of logging in was accepted: check user and key (keyfile=), and that plain ssh works" },
    { "Too many authentication failures", "ssh-auth", "name the one right key with keyfile=" },
    { "Temporary failure in name resolution", "lookup",
      "no name server answered: check /etc/resolv.conf and the network" },
    { "Could not resolve hostname", "lookup", "check the host's name" },
    { "Connection refused", "connect", "check that sshd runs there and the port is right" },
    { "No route to host", "connect", "check the network and the host's address" },
    { "Network is unreachable", "connect", "check the network and the host's address" },
    { "timed out", "connect", "the host does not answer: check its address and firewalls" },
    { "", "ssh-auth", "try the same host with plain ssh" },
};

/* What ssh was at when it ended counts more than what its complaint looks like. */
static enum fl_stage traced_stage(struct fl_transport *t)
{
    g_autofree char *trace = fl_child_stderr(t);
    return fl_ssh_trace_stage(trace);
}

static int ssh_ended(struct fl_transport *t, int status, const char *text)
{
    struct fl_ssh_fault fault = *ssh_faults;
    enum fl_stage traced = traced_stage(t);
    if (status >= FL_CHILD_SIGNAL) {
        fault.stage = fl_stage_name(traced == FL_STAGE_NONE ? FL_STAGE_SSH : MIN(traced, FL_STAGE_HELPER));
        fault.todo =
            "that was the ssh program on this machine: run plain ssh to see whether it ends there, too";
    } else if (status != SSH_FAILED) {
        fault = *fl_ssh_far_fault(status, text);
    } else {
        for (const struct fl_ssh_fault *f = ssh_faults; !strstr(text, fault.says);) /* the last row says "" */
            fault = *++f;
        if (traced != FL_STAGE_NONE) /* beyond the way is the daemon: that has not ended */
            fault.stage = fl_stage_name(MIN(traced, FL_STAGE_HELPER));
    }
    g_autofree char *what = fl_ssh_fault_text(&fault, t->target, status, text);
    return fl_channel_error(ECONNRESET, "%s", what);
}

/* Only ssh knows, and only until the far side has spoken. */
static int ssh_stage(struct fl_transport *t)
{
    enum fl_stage traced = traced_stage(t);
    if (fl_child_has_spoken(t) || traced > FL_STAGE_HELPER)
        return FL_STAGE_NONE;
    return traced == FL_STAGE_NONE ? FL_STAGE_SSH : (int)traced;
}

#define LOOK_MS 10

/* For a watcher: sees ssh through its login, mark by mark. Elsewhere nobody waits: what is sent meanwhile
 * waits in ssh's input. */
static int watch_login(struct fl_transport *t, int64_t deadline)
{
    size_t seen = 0;
    bool ended = false;
    while (!ended) {
        struct pollfd pfd = { .fd = t->fd, .events = POLLIN };
        int64_t soon = fl_deadline_min(deadline, fl_deadline_in_ms(LOOK_MS));
        ended = poll(&pfd, 1, fl_deadline_poll_ms(soon)) > 0;
        g_autofree char *trace = fl_child_stderr(t);
        seen += fl_ssh_trace_mark(trace + seen, t->target);
        if (fl_stage_now() >= FL_STAGE_HELPER)
            return 0;
        if (!ended && fl_deadline_poll_ms(deadline) == 0)
            return fl_channel_error(ETIMEDOUT,
                                    "%s: %s did not come through in time; try the same with plain ssh",
                                    fl_stage_name((enum fl_stage)ssh_stage(t)), t->target);
    }
    return 0; /* reading tells why */
}

/* UserKnownHostsFile with the files of the user's configuration behind one that keeps nothing: ssh reads them
 * all and writes the first. */
static char *known_hosts_option(const struct fl_endpoint *ep)
{
    GString *option = g_string_new("UserKnownHostsFile=/dev/null");
    g_autofree char *not_of_ssh = g_build_filename(g_get_user_config_dir(), "libvirt", "known_hosts", NULL);
    struct fl_ssh_settings *s = NULL;

    if (fl_ssh_settings_ask(ep, &s) < 0)
        fl_error_reset(); /* ssh itself will say what is wrong */
    for (char **file = s ? s->known_hosts : NULL; file && *file; file++)
        if (!strchr(*file, '"') && strcmp(*file, not_of_ssh) != 0)
            g_string_append_printf(option, " \"%s\"", *file);
    fl_ssh_settings_free(s);
    return g_string_free(option, FALSE);
}

/* For a look that leaves no trace: keys are judged as ever, and none is remembered or renewed. Of several
 * values ssh takes the first. */
static void add_look_only(const struct fl_endpoint *ep, char ***argv)
{
    bool ignored = g_strcmp0(ep->route->known_hosts_verify, "ignore") == 0; /* looks at no file */
    guint n = g_strv_length(*argv), at = 0;
    char **longer = g_new0(char *, n + 5);

    longer[at++] = (*argv)[0];
    longer[at++] = g_strdup("-o");
    longer[at++] = g_strdup("UpdateHostKeys=no");
    if (!ignored) {
        longer[at++] = g_strdup("-o");
        longer[at++] = known_hosts_option(ep);
    }
    memcpy(longer + at, *argv + 1, n * sizeof(char *));
    g_free(*argv);
    *argv = longer;
}

/* ssh says for whom it was refused, and a URI may have given it "name:password". */
static char *hide_passwords(char *text)
{
    g_auto(GStrv) words = g_strsplit(text, " ", -1);
    for (char **w = words; *w; w++) {
        char *at = strchr(*w, '@'), *colon = at ? memchr(*w, ':', (size_t)(at - *w)) : NULL;
        char *hidden = colon ? g_strdup_printf("%.*s:***%s", (int)(colon - *w), *w, at) : g_strdup(*w);
        g_free(*w);
        *w = hidden;
    }
    g_free(text);
    return g_strjoinv(" ", words);
}

static char *for_people(const char *stderr_text)
{
    g_autofree char *far = fl_ssh_far_strip(stderr_text);
    return hide_passwords(fl_ssh_trace_strip(far));
}

static int ssh_open(struct fl_transport *t, const struct fl_endpoint *ep)
{
    const struct fl_route *r = ep->route;
    g_auto(GStrv) argv = NULL;
    if (fl_ssh_argv(r, ep->read_only, ep->privileged, &argv) < 0)
        return -1;
    if (fl_walk_look_only())
        add_look_only(ep, &argv);
    const char *host = r->host && r->host[0] ? r->host : "localhost";
    g_autofree char *user = fl_user_shown(r->user);
    t->target = g_strdup_printf("ssh %s%s%s", user ? user : "", user ? "@" : "", host);
    t->encrypted = true;
    fl_debug("%s runs: %s", t->target, argv[g_strv_length(argv) - 1]);
    fl_stage_enter(FL_STAGE_LOOKUP, "%s", t->target);
    if (fl_child_spawn(t, argv, "ssh", ssh_ended) < 0)
        return -1;
    fl_child_set_strip(t, for_people);
    return fl_walk_watched() ? watch_login(t, ep->deadline_us) : 0;
}

const struct fl_transport_ops fl_transport_ssh = {
    .name = "ssh",
    .open = ssh_open,
    .read = fl_child_read,
    .write = fl_child_write,
    .half_close = fl_child_half_close,
    .close = fl_child_close,
    .stage = ssh_stage,
};
