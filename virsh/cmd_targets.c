/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * targets: every instance of this machine, whether it answers and how many domains it has. Nothing is
 * started, nobody is asked for a password, and no socket keeps it longer than its deadline. Also the hint
 * of `list`.
 */
#include "local.h"
#include "probe.h"
#include "shell.h"
#include "handlers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TARGET_SECONDS = 5, HINT_SECONDS = 1 };

static const struct place {
    const char *uri, *daemon;
    bool session;
} places[] = {
    { "qemu:///system", "virtqemud", false }, { "qemu:///system", "libvirtd", false },
    { "xen:///system", "virtxend", false },   { "xen:///system", "libvirtd", false },
    { "lxc:///system", "virtlxcd", false },   { "lxc:///system", "libvirtd", false },
    { "ch:///system", "virtchd", false },     { "vz:///system", "virtvzd", false },
    { "test:///default", "libvirtd", false }, { "qemu:///session", "virtqemud", true },
    { "qemu:///session", "libvirtd", true },  { "vbox:///session", "virtvboxd", true },
    { "test:///default", "libvirtd", true },
};

struct target {
    const struct place *place;
    char *socket, *uri;
    enum fl_door door;
    struct fl_probe *probe; /* NULL: was not asked */
    int pid;                /* who listens, 0 when that is not known */
};

static bool is_legacy(const struct place *p)
{
    return strcmp(p->daemon, "libvirtd") == 0;
}

/* "libvirt-sock" is libvirtd's, or virtproxyd's where the daemons are many. */
static const char *program_of(const struct place *p)
{
    return is_legacy(p) && !fl_local_runs("libvirtd") ? "virtproxyd" : p->daemon;
}

static void targets_free(struct target *t, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (t[i].probe)
            fl_probe_fini(t[i].probe);
        g_free(t[i].socket);
        g_free(t[i].uri);
    }
}

static const char *state_of(const struct target *t)
{
    if (!t->probe)
        return fl_door_word(t->door);
    if (t->probe->ok)
        return "reachable";
    if (t->probe->code == VIR_ERR_OPERATION_TIMEOUT)
        return "no answer";
    return t->probe->code == VIR_ERR_NO_CONNECT ? "no driver" : "failed";
}

/* Root's session URIs lead to the machine's daemons, which have their rows: those of the same URI say nothing
 * new, and a URI its daemon does not take is worth a row only to who wants to see all. */
static bool said_before(const struct target *all, const struct target *t, bool everything)
{
    for (const struct target *o = all; o < t; o++)
        if (t->place->session && strcmp(o->socket, t->socket) == 0 &&
            (!everything || strcmp(o->place->uri, t->place->uri) == 0))
            return true;
    return false;
}

/* A daemon of many drivers has a row for each driver it has; virtproxyd says again what the others said. */
static bool worth_a_row(const struct target *all, size_t n, const struct target *t, bool everything)
{
    if (said_before(all, t, everything))
        return false;
    if (everything)
        return true;
    if (t->door == FL_DOOR_ABSENT)
        return false;
    if (!is_legacy(t->place))
        return true;
    for (size_t i = 0; i < n; i++) {
        bool same_uri =
            strcmp(all[i].place->uri, t->place->uri) == 0 && all[i].place->session == t->place->session;

        if (same_uri && !is_legacy(all[i].place) && all[i].probe && all[i].probe->ok &&
            !fl_local_runs("libvirtd"))
            return false;
    }
    if (t->probe && t->probe->code == VIR_ERR_NO_CONNECT)
        return false;
    /* what is wrong with the socket is said once */
    return (t->probe && t->probe->ok) || g_str_has_prefix(t->place->uri, "qemu:");
}

static char *count_text(const struct target *t, int n)
{
    return t->probe && t->probe->ok && n >= 0 ? g_strdup_printf("%d", n) : g_strdup("-");
}

/* One that is only stopped is no failure of opening: who it is and how to look is what helps. */
static char *reason_of(const struct target *t)
{
    if (!t->probe && t->door == FL_DOOR_STUCK)
        return fl_local_silence(program_of(t->place), 0, true);
    if (!t->probe || t->probe->ok)
        return g_strdup("");
    if (t->probe->code == VIR_ERR_OPERATION_TIMEOUT)
        return fl_local_silence(program_of(t->place), t->pid, false);
    return g_strdup(t->probe->text);
}

static void add_row(struct fl_table *table, const struct target *t)
{
    g_autofree char *reason = reason_of(t);
    g_autofree char *running = count_text(t, t->probe ? t->probe->running : -1);
    g_autofree char *total = count_text(t, t->probe ? t->probe->total : -1);

    fl_table_add(table, t->place->uri, state_of(t), running, total, t->socket, reason, NULL);
}

static void find_all(struct target *targets, struct fl_probe *probes, size_t *ret_n_probes)
{
    size_t n = 0;

    for (size_t i = 0; i < G_N_ELEMENTS(places); i++) {
        struct target *t = &targets[i];

        t->place = &places[i];
        t->socket = fl_local_socket(places[i].uri, places[i].session, places[i].daemon);
        t->door = fl_local_knock(t->socket, program_of(&places[i]), &t->pid);
        if (t->door != FL_DOOR_OPEN)
            continue;
        t->uri = fl_local_uri(places[i].uri, t->socket);
        t->probe = &probes[n++];
        *t->probe = (struct fl_probe){ .uri = t->uri, .readonly = true, .counts = true };
    }
    *ret_n_probes = n;
}

int fl_cmd_targets(struct fl_call *c)
{
    struct target targets[G_N_ELEMENTS(places)] = { { NULL } };
    struct fl_probe probes[G_N_ELEMENTS(places)] = { { NULL } };
    struct fl_table *table;
    int seconds = c->sh->timeout > 0 ? c->sh->timeout : TARGET_SECONDS, status;
    size_t n_probes, rows = 0;

    if (fl_arg_int(c, "timeout", &seconds) < 0)
        return -1;
    if (seconds < 1 || seconds > 3600)
        return fl_wrong(c, "option --timeout is a number of seconds, 1 to 3600");
    find_all(targets, probes, &n_probes);
    status = fl_probe_all(probes, n_probes, seconds);
    table = fl_table_new("URI", "uri", "State", "state", "Running", "running#", "Total", "total#", "Socket",
                         "socket", "Reason", "reason", NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(places); i++)
        if (worth_a_row(targets, G_N_ELEMENTS(places), &targets[i], fl_flag(c, "all"))) {
            add_row(table, &targets[i]);
            rows++;
        }
    if (status < 0 || (!rows && !fl_json(c)))
        fl_table_free(table);
    else
        fl_table_print(c, table);
    if (status == 0 && !rows && !fl_json(c))
        fl_extra(c, "No daemon of this machine has a socket; --all says where was looked\n");
    targets_free(targets, G_N_ELEMENTS(places));
    return status < 0 ? fl_interrupt_end(c) : 0;
}

/* How many domains qemu:///system has, 0 when it does not say at once. */
static int system_domains(void)
{
    static const char *const daemons[] = { "virtqemud", "libvirtd" };
    struct place p = { .uri = "qemu:///system" };
    int total = 0;

    for (size_t i = 0; i < G_N_ELEMENTS(daemons) && total <= 0; i++) {
        g_autofree char *socket = fl_local_socket(p.uri, false, daemons[i]),
                        *uri = fl_local_uri(p.uri, socket);
        struct fl_probe probe = { .uri = uri, .readonly = true, .counts = true };

        p.daemon = daemons[i];
        if (fl_local_knock(socket, program_of(&p), NULL) != FL_DOOR_OPEN ||
            fl_probe_all(&probe, 1, HINT_SECONDS) < 0)
            continue;
        total = probe.ok ? probe.total : 0;
        fl_probe_fini(&probe);
    }
    return MAX(total, 0);
}

/* For a person who sees an empty list and looks at the wrong instance; never for a script. */
void fl_hint_empty_list(struct fl_call *c)
{
    g_autofree char *uri = NULL;
    int n;

    if (c->sh->quiet || fl_json(c) || !isatty(STDOUT_FILENO) || !isatty(STDERR_FILENO))
        return;
    uri = virConnectGetURI(c->conn);
    if (g_strcmp0(uri, "qemu:///session") != 0 || virConnectListAllDomains(c->conn, NULL, 0) != 0)
        return;
    n = system_domains();
    if (!n)
        return;
    fflush(stdout);
    fprintf(
        stderr,
        "hint: qemu:///session has no domains; qemu:///system has %d: virsh -c qemu:///system list --all\n",
        n);
}
