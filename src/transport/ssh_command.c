/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The command line of the ssh transport and what it runs on the far side ("ssh transport", "proxy parameter",
 * "socket parameter" of the connection URI page). Every value of a URI is untrusted text: in the far side's
 * command it is quoted for the shell at each level, and on the local command line it cannot become an option.
 */
#define FL_FROM VIR_FROM_REMOTE
#include "transport/ssh_command.h"

#include <glib.h>
#include <string.h>

#include "base/error.h"
#include "transport/sockets.h"
#include "transport/ssh_far.h"
#include "transport/ssh_policy.h"

/* Compat: a far machine may have no /run, and every machine that has it links /var/run there. */
#define FAR_RUN_DIR "/var/run/libvirt"

static bool is_given(const struct fl_origin *o)
{
    return o->kind == FL_ORIGIN_PARAMETER || o->kind == FL_ORIGIN_CONFIG || o->kind == FL_ORIGIN_ENVIRONMENT;
}

int fl_ssh_far_end(const struct fl_route *route, bool privileged, struct fl_ssh_far_end *ret_end)
{
    struct fl_ssh_far_end end = { .netcat_program = route->netcat ? route->netcat : "nc" };
    if (is_given(&route->proxy_origin)) {
        /* Compat: naming a netcat settles "auto". */
        end.helper = route->proxy == FL_PROXY_NATIVE || (route->proxy == FL_PROXY_AUTO && !route->netcat);
        end.netcat = route->proxy != FL_PROXY_NATIVE;
    } else if (route->socket) {
        end.netcat = true;
    } else if (fl_sockets_is_session(route, privileged)) {
        end.helper =
            true; /* only the far side knows its session's folder, and may have to start the daemon */
    } else {
        end.helper = !route->netcat;
        end.netcat = true;
    }
    if (route->netcat && !end.netcat)
        return fl_error(
            VIR_ERR_INVALID_ARG,
            "netcat=%s does not go with the native proxy, which %s; use proxy=netcat, or leave netcat= out",
            route->netcat, is_given(&route->proxy_origin) ? "proxy=native asks for" : "session URIs use");
    if (end.netcat_program[0] == '\0' || end.netcat_program[0] == '-')
        return fl_error(VIR_ERR_INVALID_ARG, "netcat='%s' is not a program: give its name or path",
                        end.netcat_program);
    if (route->socket && end.helper && route->remote_name &&
        !*route->remote_name) { /* asks with no URI at all */
        if (!end.netcat)
            return fl_error(
                VIR_ERR_INVALID_ARG,
                "socket=%s does not go with proxy=native where the driver is left to the far side; "
                "name the driver, or use proxy=netcat",
                route->socket);
        end.helper = false;
    }
    if (route->socket && !route->socket[0])
        return fl_error(VIR_ERR_INVALID_ARG,
                        "parameter socket= is empty; give the path of the far daemon's socket");
    *ret_end = end;
    return 0;
}

/* For the script, which is quoted once more as a whole: without a backslash, which some login shells (fish)
 * read inside single quotes, too. */
static char *script_quote(const char *text)
{
    g_auto(GStrv) parts = g_strsplit(text, "'", -1);
    g_autofree char *joined = g_strjoinv("'\"'\"'", parts);

    return g_strconcat("'", joined, "'", NULL);
}

static void append_param(GString *uri, const char *name, const char *value)
{
    g_autofree char *escaped = g_uri_escape_string(value, "/", FALSE);
    g_string_append_printf(uri, "%c%s=%s", strchr(uri->str, '?') ? '&' : '?', name, escaped);
}

/* The URI for the helper: what to open over there, with what must be decided over there. */
static char *helper_uri(const struct fl_route *route)
{
    GString *uri = g_string_new(route->remote_name);
    if (uri->len && route->mode != FL_MODE_AUTO)
        append_param(uri, "mode", route->mode == FL_MODE_DIRECT ? "direct" : "legacy");
    if (uri->len && route->socket)
        append_param(uri, "socket", route->socket);
    return g_string_free(uri, FALSE);
}

/* A shell word, for use inside double quotes or alone, that expands to the socket's folder over there. */
static const char *far_folder(bool session)
{
    return session ? "${XDG_RUNTIME_DIR:-$HOME/.cache}/libvirt" : FAR_RUN_DIR;
}

/* Sets S to the socket. Which daemons the far side runs is only known there: it looks. */
static void append_socket_choice(GString *sh, const struct fl_route *route, bool read_only, bool privileged)
{
    if (route->socket) {
        g_autofree char *quoted = script_quote(route->socket);
        g_string_append_printf(sh, "S=%s; ", quoted);
        return;
    }
    bool session = fl_sockets_is_session(route, privileged);
    bool ro = read_only && !session;
    g_autofree char *daemon = fl_sockets_driver_daemon(route);
    g_autofree char *own = daemon ? fl_sockets_file(daemon, ro) : NULL;
    g_autofree char *legacy = fl_sockets_file("libvirtd", ro);
    const char *first = route->mode == FL_MODE_DIRECT && own ? own : legacy;
    g_string_append_printf(sh, "S=\"%s/%s\"; ", far_folder(session), first);
    if (route->mode == FL_MODE_AUTO && own)
        g_string_append_printf(sh, "if ! test -S \"$S\" && test -S \"%s/%s\"; then S=\"%s/%s\"; fi; ",
                               far_folder(session), own, far_folder(session), own);
}

/* Some netcats stay after the end of their input unless told -q 0, others do not know -q. */
static void append_netcat(GString *sh, const char *program)
{
    g_autofree char *nc = script_quote(program);
    g_string_append_printf(sh,
                           "if %s -q 2>&1 </dev/null | grep \"requires an argument\" >/dev/null 2>&1; "
                           "then Q=-q0; else Q=; fi; echo \"" FL_SSH_FAR_MARK "\" >&2; exec %s $Q -U \"$S\"",
                           nc, nc);
}

/* The login shell need not be a POSIX shell: for fish a backslash means something between single quotes, so
 * none is put there. */
static char *quote_for_any_shell(const char *text)
{
    GString *out = g_string_new("'");
    for (const char *p = text; *p; p++) {
        if (*p == '\'' || *p == '\\')
            g_string_append_printf(out, "'\\%c'", *p);
        else
            g_string_append_c(out, *p);
    }
    g_string_append_c(out, '\'');
    return g_string_free(out, FALSE);
}

/* The incumbent's helper goes to its usual socket whatever the URI says. */
#define TAKES_SOCKET "virt-ssh-helper --version 2>/dev/null | grep fairlead >/dev/null 2>&1"

char *fl_ssh_remote_command(const struct fl_route *route, const struct fl_ssh_far_end *end, bool read_only,
                            bool privileged)
{
    g_autoptr(GString) sh = g_string_new(NULL);
    if (end->helper) {
        g_autofree char *uri = helper_uri(route);
        g_autofree char *quoted = script_quote(uri);
        if (end->netcat && route->socket)
            g_string_append(sh, "if " TAKES_SOCKET "; then ");
        else if (end->netcat)
            g_string_append(sh, "if command -v virt-ssh-helper >/dev/null 2>&1; then ");
        else if (route->socket)
            g_string_append(sh, "if command -v virt-ssh-helper >/dev/null 2>&1 && ! " TAKES_SOCKET
                                "; then echo \"" FL_SSH_NO_SOCKET "\" >&2; exit 1; fi; ");
        g_string_append_printf(
            sh, FL_SSH_FAR_VARIABLE "=1; export " FL_SSH_FAR_VARIABLE "; exec virt-ssh-helper %s%s",
            read_only ? "-r " : "", quoted);
        if (end->netcat)
            g_string_append(sh, "; fi; ");
    }
    if (end->netcat) {
        append_socket_choice(sh, route, read_only, privileged);
        append_netcat(sh, end->netcat_program);
    }
    g_autofree char *quoted = quote_for_any_shell(sh->str);
    return g_strconcat("sh -c ", quoted, NULL);
}

/* An option in disguise or a control character in a name is an attack or a slip, never a host or user. */
static int check_word(const char *what, const char *value)
{
    if (value && (value[0] == '-' || value[0] == '\0'))
        return fl_error(VIR_ERR_INVALID_ARG, "%s '%s' in the URI: it may not be empty or begin with '-'",
                        what, value);
    for (const char *p = value; p && *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            return fl_error(VIR_ERR_INVALID_ARG, "the %s in the URI holds a control character", what);
    return 0;
}

static void add(GPtrArray *argv, const char *word)
{
    g_ptr_array_add(argv, g_strdup(word));
}

static void add_pair(GPtrArray *argv, const char *option, const char *value)
{
    add(argv, option);
    add(argv, value);
}

/* -o NAME="VALUE", so that a value is one word to ssh's configuration parser, and no %token. */
static void add_file_option(GPtrArray *argv, const char *name, const char *value)
{
    GString *o = g_string_new(name);
    g_string_append(o, "=\"");
    for (const char *p = value; *p; p++) {
        if (*p == '"' || *p == '\\')
            g_string_append_c(o, '\\');
        else if (*p == '%')
            g_string_append_c(o, '%');
        g_string_append_c(o, *p);
    }
    g_string_append_c(o, '"');
    add(argv, "-o");
    g_ptr_array_add(argv, g_string_free(o, FALSE));
}

/* The key is the file of that name: ssh takes %h in one for the host, also behind -i, which knows no %%. */
static void add_keyfile(GPtrArray *argv, const char *file)
{
    if (strchr(file, '%'))
        add_file_option(argv, "IdentityFile", file);
    else
        add_pair(argv, "-i", file);
}

/* known_hosts=, known_hosts_verify= and no_verify=, as libssh and libssh2 have them. */
static void add_host_key_options(GPtrArray *argv, const struct fl_route *route,
                                 const struct fl_ssh_policy *policy)
{
    if (route->known_hosts && policy->verify != FL_SSH_VERIFY_IGNORE)
        add_file_option(argv, "UserKnownHostsFile", route->known_hosts);
    switch (policy->verify) {
    case FL_SSH_VERIFY_UNSET:
        break;
    case FL_SSH_VERIFY_NORMAL:
        add_pair(argv, "-o", route->no_tty ? "StrictHostKeyChecking=yes" : "StrictHostKeyChecking=ask");
        break;
    case FL_SSH_VERIFY_AUTO:
        /* The page: new keys are accepted, known ones still checked. "no", which the incumbent passes for
         * no_verify, would let a changed key through. */
        add_pair(argv, "-o", "StrictHostKeyChecking=accept-new");
        break;
    case FL_SSH_VERIFY_IGNORE:
        add_pair(argv, "-o", "StrictHostKeyChecking=no");
        add_pair(argv, "-o", "UserKnownHostsFile=/dev/null");
        add_pair(argv, "-o", "GlobalKnownHostsFile=/dev/null");
        add_pair(argv, "-o", "LogLevel=ERROR"); /* or ssh says each time that it remembered the key */
        break;
    }
}

/* sshauth=. ssh has one method for keys and chooses itself between those of the agent and those in files. */
static void add_login_options(GPtrArray *argv, const struct fl_ssh_policy *policy)
{
    static const char *const names[FL_SSH_NMETHODS] = { "publickey", "publickey", "password",
                                                        "keyboard-interactive" };
    g_autoptr(GString) order = g_string_new("PreferredAuthentications=");
    bool agent = fl_ssh_policy_has(policy, FL_SSH_AGENT), files = fl_ssh_policy_has(policy, FL_SSH_PRIVKEY);

    for (size_t i = 0; i < policy->nmethods; i++) {
        const char *name = names[policy->methods[i]];
        if (!strstr(order->str, name))
            g_string_append_printf(order, "%s%s", i ? "," : "", name);
    }
    add_pair(argv, "-o", order->str);
    if (!agent)
        add_pair(argv, "-o", "IdentityAgent=none");
    if (!files) {
        add_pair(argv, "-o", "IdentityFile=none");
        add_pair(argv, "-o", "IdentitiesOnly=no");
    }
}

int fl_ssh_check_route(const struct fl_route *route)
{
    if (check_word("host", route->host && route->host[0] ? route->host : "localhost") < 0 ||
        check_word("user", route->user) < 0 || check_word("command=", route->command) < 0)
        return -1;
    return check_word("keyfile=", route->keyfile);
}

int fl_ssh_argv(const struct fl_route *route, bool read_only, bool privileged, char ***ret_argv)
{
    const char *host = route->host && route->host[0] ? route->host : "localhost";
    struct fl_ssh_policy policy;
    struct fl_ssh_far_end end;
    if (fl_ssh_check_route(route) < 0 || fl_ssh_policy_of(route, &policy) < 0 ||
        fl_ssh_far_end(route, privileged, &end) < 0)
        return -1;

    GPtrArray *argv = g_ptr_array_new();
    add(argv, route->command ? route->command : "ssh");
    if (route->port > 0) {
        add(argv, "-p");
        g_ptr_array_add(argv, g_strdup_printf("%d", route->port));
    }
    if (route->user)
        add_pair(argv, "-l", route->user);
    if (route->keyfile && fl_ssh_policy_has(&policy, FL_SSH_PRIVKEY))
        add_keyfile(argv, route->keyfile);
    add(argv, "-T"); /* no terminal over there, and no escape character: the stream is binary */
    add_pair(argv, "-e", "none");
    add_pair(argv, "-o", "LogLevel=DEBUG1"); /* says where it stands: ssh_trace.h */
    if (route->no_tty)
        add_pair(argv, "-o", "BatchMode=yes");
    add_host_key_options(argv, route, &policy);
    if (policy.methods_given)
        add_login_options(argv, &policy);
    if (route->connect_timeout >
        0) { /* only when asked for: the user's ssh configuration has a say otherwise */
        add(argv, "-o");
        /* ours strikes first, and says more */
        g_ptr_array_add(argv, g_strdup_printf("ConnectTimeout=%d", route->connect_timeout + 1));
    }
    add_pair(argv, "--", host);
    g_ptr_array_add(argv, fl_ssh_remote_command(route, &end, read_only, privileged));
    g_ptr_array_add(argv, NULL);
    *ret_argv = (char **)g_ptr_array_free(argv, FALSE);
    return 0;
}
