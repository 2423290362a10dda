/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The calls for QEMU only, from libvirt-qemu.so.0, loaded when one is used. */
#include "events.h"
#include "handlers.h"

#include <stdlib.h>
#include <string.h>
#include <libvirt/libvirt-qemu.h>

static void *qemu_call(struct fl_call *c, const char *name)
{
    return fl_library_call(c, "libvirt-qemu.so.0", name);
}

/* The line's end is the shell's own, but for a reply as it came. */
static void print_reply(struct fl_call *c, const char *text, bool whole)
{
    g_autofree char *pretty = fl_flag(c, "pretty") ? fl_json_pretty(text) : NULL;

    fl_out(c, whole && !pretty ? "%s\n" : "%s", pretty ? g_strchomp(pretty) : text);
}

/* A command that is no JSON object is a name and its arguments: '"a":1' '"b":2', or one object. */
static char *qmp_text(char **words)
{
    g_autofree char *joined = NULL;

    if (g_strstrip(words[0])[0] == '{')
        return g_strjoinv(" ", words);
    if (!words[1])
        return g_strdup_printf("{\"execute\":\"%s\"}", words[0]);
    if (g_strstrip(words[1])[0] == '{') {
        joined = g_strjoinv(" ", words + 1);
        return g_strdup_printf("{\"execute\":\"%s\", \"arguments\":%s}", words[0], joined);
    }
    joined = g_strjoinv(",", words + 1);
    return g_strdup_printf("{\"execute\":\"%s\", \"arguments\":{%s}}", words[0], joined);
}

int fl_cmd_qemu_monitor_command(struct fl_call *c)
{
    __typeof__(&virDomainQemuMonitorCommandWithFiles) with_files;
    __typeof__(&virDomainQemuMonitorCommand) command;
    unsigned int flags = fl_flags(c, "hmp", VIR_DOMAIN_QEMU_MONITOR_COMMAND_HMP, NULL), n_in = 0, n_out = 0;
    g_autofree char *text =
        fl_flag(c, "hmp") ? g_strjoinv(" ", fl_argv(c, "cmd")) : qmp_text(fl_argv(c, "cmd"));
    g_autofree char *reply = NULL;
    g_autofree int *in = NULL, *out = NULL;
    int status;

    if (fl_exclusive(c, "hmp", "pretty") < 0 || fl_exclusive(c, "hmp", "return-value") < 0 ||
        fl_arg_fds(c, "pass-fds", &in, &n_in) < 0)
        return -1;
    command = qemu_call(c, "virDomainQemuMonitorCommand");
    if (!command)
        return -1;
    if (n_in) {
        with_files = qemu_call(c, "virDomainQemuMonitorCommandWithFiles");
        status = with_files ? with_files(c->dom, text, n_in, in, &n_out, &out, &reply, flags) : -1;
    } else {
        status = command(c->dom, text, &reply, flags);
    }
    if (status < 0)
        return fl_fail(c, "the monitor of domain '%s' was not reached", virDomainGetName(c->dom));
    if (fl_flag(c, "return-value")) {
        char *value = strstr(reply, "\"return\":");
        char *end = value ? strrchr(value, ',') : NULL;

        if (!value)
            return fl_wrong(c, "the reply of the monitor has no return value");
        value += strlen("\"return\":");
        if (end && strstr(end, "\"id\""))
            *end = '\0';
        else
            value[strlen(value) - 1] = '\0';
        print_reply(c, value, false);
        return 0;
    }
    print_reply(c, reply, true);
    return 0;
}

int fl_cmd_qemu_agent_command(struct fl_call *c)
{
    __typeof__(&virDomainQemuAgentCommand) command = qemu_call(c, "virDomainQemuAgentCommand");
    g_autofree char *text = g_strjoinv(" ", fl_argv(c, "cmd")), *reply = NULL;
    int timeout = VIR_DOMAIN_QEMU_AGENT_COMMAND_BLOCK, given = fl_arg_int(c, "timeout", &timeout);

    if (given < 0 || !command)
        return -1;
    if (given && timeout < 1)
        return fl_wrong(c, "option --timeout is 1 or more");
    if (given + fl_flag(c, "async") + fl_flag(c, "block") > 1)
        return fl_wrong(c, "options --timeout, --async and --block exclude each other");
    if (fl_flag(c, "async"))
        timeout = VIR_DOMAIN_QEMU_AGENT_COMMAND_NOWAIT;
    reply = command(c->dom, text, timeout, 0);
    if (!reply)
        return fl_fail(c, "the guest agent of domain '%s' did not answer", virDomainGetName(c->dom));
    print_reply(c, reply, true);
    return 0;
}

int fl_cmd_qemu_attach(struct fl_call *c)
{
    __typeof__(&virDomainQemuAttach) attach = qemu_call(c, "virDomainQemuAttach");
    unsigned int pid = 0;
    g_autoptr(virDomain) dom = NULL;

    if (!attach || fl_arg_uint(c, "pid", &pid) < 0)
        return -1;
    dom = attach(c->conn, pid, 0);
    if (!dom)
        return fl_fail(c, "failed to adopt process %u", pid);
    fl_extra(c, "Domain '%s' attached to pid %u\n", virDomainGetName(dom), pid);
    return 0;
}

static void on_event(virConnectPtr conn, virDomainPtr dom, const char *event, long long seconds,
                     unsigned int micros, const char *details, void *opaque)
{
    struct fl_events *e = opaque;
    g_autofree char *pretty = NULL;

    if (details && fl_flag(e->c, "pretty"))
        pretty = fl_json_pretty(details);
    if (e->timestamp)
        fl_events_line(e, "event %s for domain '%s': %s", event, virDomainGetName(dom),
                       pretty    ? pretty
                       : details ? details
                                 : "<null>");
    else
        fl_events_line(e, "event %s at %lld.%06u for domain '%s': %s", event, seconds, micros,
                       virDomainGetName(dom),
                       pretty    ? pretty
                       : details ? details
                                 : "<null>");
}

int fl_cmd_qemu_monitor_event(struct fl_call *c)
{
    __typeof__(&virConnectDomainQemuMonitorEventRegister) add =
        qemu_call(c, "virConnectDomainQemuMonitorEventRegister");
    __typeof__(&virConnectDomainQemuMonitorEventDeregister) drop =
        qemu_call(c, "virConnectDomainQemuMonitorEventDeregister");
    unsigned int flags = fl_flags(c, "regex", VIR_CONNECT_DOMAIN_QEMU_MONITOR_EVENT_REGISTER_REGEX, "no-case",
                                  VIR_CONNECT_DOMAIN_QEMU_MONITOR_EVENT_REGISTER_NOCASE, NULL);
    struct fl_events e;
    g_autoptr(virDomain) dom = NULL;
    int id, status;

    if (!add || !drop)
        return -1;
    if (fl_arg(c, "domain") && !(dom = fl_domain_by(c, fl_arg(c, "domain"), FL_BY_ANY)))
        return -1;
    fl_events_init(&e, c);
    id = add(c->conn, dom, fl_arg(c, "event"), on_event, &e, NULL, flags);
    if (id < 0)
        return fl_fail(c, "failed to register for events of the QEMU monitor");
    status = fl_events_wait(c, &e);
    drop(c->conn, id);
    return status;
}
