/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Children that open one URI each; see probe.h. A child says lines "key<TAB>value" and leaves. */
#include "probe.h"

#include "handlers.h"
#include "shell.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MAX_SAID = 65536, MAX_TOGETHER = 64 };

/* ---- in the child ---- */

static void say(const char *key, const char *value)
{
    g_autofree char *line = g_strdelimit(g_strdup(value), "\n\t", ' ');

    printf("%s\t%s\n", key, line);
}

static void say_number(const char *key, long long value)
{
    printf("%s\t%lld\n", key, value);
}

/* The library begins the detail of a failed opening with the stage. */
static void say_stage(const virError *e)
{
    static const char *const stages[] = { "resolve", "lookup", "connect", "ssh-auth",
                                          "helper",  "tls",    "auth",    "open" };
    const char *texts[] = { e->str2, e->str1, e->message };

    for (size_t t = 0; t < G_N_ELEMENTS(texts); t++)
        for (size_t i = 0; texts[t] && i < G_N_ELEMENTS(stages); i++) {
            size_t len = strlen(stages[i]);

            if (g_str_has_prefix(texts[t], stages[i]) && texts[t][len] == ':') {
                say("stage", stages[i]);
                return;
            }
        }
}

static void say_counts(virConnectPtr conn)
{
    int running = virConnectNumOfDomains(conn), others = virConnectNumOfDefinedDomains(conn);

    say_number("running", running);
    say_number("total", running < 0 || others < 0 ? -1 : running + others);
}

/* Counting only looks; a remote that is tested is opened as a command would. */
static virConnectPtr open_quietly(struct fl_call *c)
{
    unsigned int flags = c->sh->readonly ? VIR_CONNECT_RO : 0;

    if (fl_flag(c, "counts"))
        return fl_open_to_look(c->sh->uri, flags);
    return virConnectOpenAuth(c->sh->uri, NULL, flags);
}

/* Hidden: opens the connection of -c and tells how it went. */
int fl_cmd_probe(struct fl_call *c)
{
    gint64 start = g_get_monotonic_time();
    virConnectPtr conn = open_quietly(c);
    virErrorPtr error = conn ? NULL : virGetLastError();
    g_autofree char *uri = conn ? virConnectGetURI(conn) : NULL;

    say_number("us", g_get_monotonic_time() - start);
    if (conn) {
        say("text", uri ? uri : "");
        if (fl_flag(c, "counts"))
            say_counts(conn);
        say("ok", "1");
        fflush(stdout);
        virConnectClose(conn);
        return 0;
    }
    if (error) {
        say_number("code", error->code);
        say("text", error->message ? error->message : "the library gave no reason");
        say_stage(error);
    }
    return 0;
}

/* ---- in the parent ---- */

static void become_child(const struct fl_probe *p, int out, const char *timeout)
{
    const char *argv[16] = { "virsh", "-q", "-k0", "-c", p->uri };
    int n = 5, null = open("/dev/null", O_RDWR | O_CLOEXEC);

    if (p->readonly)
        argv[n++] = "-r";
    if (timeout)
        argv[n++] = timeout;
    argv[n++] = "probe";
    if (p->counts)
        argv[n++] = "--counts";
    argv[n] = NULL;
    setsid(); /* nobody to ask for a password */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGINT, SIG_DFL);
    if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0 ||
        dup2(null, STDERR_FILENO) < 0)
        _exit(127);
    execv("/proc/self/exe", (char *const *)argv);
    _exit(127);
}

static void start(struct fl_probe *p, int timeout_seconds)
{
    g_autofree char *timeout =
        fl_library_timeouts() ? g_strdup_printf("--timeout=%d", timeout_seconds) : NULL;
    int fds[2];

    p->fd = p->pid = -1;
    p->running = p->total = -1;
    p->said = g_string_new("");
    if (pipe2(fds, O_CLOEXEC) < 0)
        return;
    p->pid = fork();
    if (p->pid == 0)
        become_child(p, fds[1], timeout);
    close(fds[1]);
    p->fd = fds[0];
    if (p->pid < 0) {
        close(p->fd);
        p->fd = -1;
    }
}

static void stop(struct fl_probe *p)
{
    if (p->fd >= 0)
        close(p->fd);
    p->fd = -1;
    if (p->pid > 0) {
        kill(-p->pid, SIGKILL); /* with what it started, such as ssh */
        kill(p->pid, SIGKILL);
        while (waitpid(p->pid, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    p->pid = -1;
}

static void read_some(struct fl_probe *p)
{
    char part[4096];
    ssize_t n = read(p->fd, part, sizeof(part));

    if (n > 0 && p->said->len < MAX_SAID)
        g_string_append_len(p->said, part, n);
    else if (n >= 0 || errno != EINTR)
        stop(p);
}

static void take_line(struct fl_probe *p, const char *key, const char *value)
{
    if (strcmp(key, "ok") == 0)
        p->ok = true;
    else if (strcmp(key, "us") == 0)
        p->ms = (double)atoll(value) / 1000;
    else if (strcmp(key, "code") == 0)
        p->code = atoi(value);
    else if (strcmp(key, "running") == 0)
        p->running = atoi(value);
    else if (strcmp(key, "total") == 0)
        p->total = atoi(value);
    else if (strcmp(key, "stage") == 0 && !p->stage)
        p->stage = g_strdup(value);
    else if (strcmp(key, "text") == 0 && !p->text)
        p->text = g_strdup(value);
}

static void conclude(struct fl_probe *p, double waited_ms, int timeout_seconds)
{
    g_auto(GStrv) lines = g_strsplit(p->said->str, "\n", 0);

    p->ms = waited_ms;
    for (char **l = lines; *l; l++) {
        char *tab = strchr(*l, '\t');

        if (!tab)
            continue;
        *tab = '\0';
        take_line(p, *l, tab + 1);
    }
    if (!p->ok && !p->text && waited_ms >= timeout_seconds * 1000.0) {
        p->text = g_strdup_printf("no answer within %d s", timeout_seconds);
        p->code = VIR_ERR_OPERATION_TIMEOUT;
    } else if (!p->ok && !p->text) {
        p->text = g_strdup("the attempt ended without a word");
    }
}

/* Until all have said what they know, the time is over, or Ctrl-C. */
static void collect(struct fl_probe *probes, size_t n, gint64 start_time, gint64 end)
{
    for (;;) {
        struct pollfd fds[MAX_TOGETHER];
        nfds_t open_ones = 0;
        gint64 left = (end - g_get_monotonic_time()) / 1000;

        for (size_t i = 0; i < n; i++) {
            if (probes[i].fd >= 0)
                fds[open_ones++] = (struct pollfd){ .fd = probes[i].fd, .events = POLLIN };
        }
        if (!open_ones || left <= 0 || fl_interrupted)
            return;
        if (poll(fds, open_ones, (int)MIN(left, 200)) <= 0)
            continue;
        for (nfds_t k = 0; k < open_ones; k++)
            for (size_t i = 0; i < n; i++)
                if (probes[i].fd == fds[k].fd && fds[k].revents) {
                    read_some(&probes[i]);
                    if (probes[i].fd < 0)
                        probes[i].ms = (double)(g_get_monotonic_time() - start_time) / 1000;
                }
    }
}

static int probe_some(struct fl_probe *probes, size_t n, int timeout_seconds)
{
    gint64 begin = g_get_monotonic_time();
    bool interrupted;

    fl_interrupt_watch(FL_GRACE_WAIT);
    for (size_t i = 0; i < n; i++)
        start(&probes[i], timeout_seconds);
    /* the library's own deadline comes first: it knows the stage */
    collect(probes, n, begin, begin + (gint64)timeout_seconds * G_USEC_PER_SEC + G_USEC_PER_SEC / 2);
    interrupted = fl_interrupted;
    for (size_t i = 0; i < n; i++) {
        if (probes[i].fd >= 0)
            probes[i].ms = (double)(g_get_monotonic_time() - begin) / 1000;
        stop(&probes[i]);
        conclude(&probes[i], probes[i].ms, timeout_seconds);
    }
    fl_interrupt_unwatch();
    return interrupted ? -1 : 0;
}

int fl_probe_all(struct fl_probe *probes, size_t n, int timeout_seconds)
{
    for (size_t i = 0; i < n; i += MAX_TOGETHER)
        if (probe_some(probes + i, MIN(n - i, MAX_TOGETHER), timeout_seconds) < 0)
            return -1;
    return 0;
}

void fl_probe_fini(struct fl_probe *p)
{
    g_clear_pointer(&p->stage, g_free);
    g_clear_pointer(&p->text, g_free);
    if (p->said)
        g_string_free(p->said, TRUE);
    p->said = NULL;
}
