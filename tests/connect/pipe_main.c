/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A transport as a command: opens a URI's transport and copies standard input and output through it. The
 * tests of tests/connect/ use it to try transports without the protocol above.
 *
 *     pipe_main [-r] [-u] [-t MILLISECONDS] [-A FILE] [-n TIMES] [-j THREADS] [-a] URI
 *
 * -u: as an ordinary user even for root; -t: the deadline of the open; -a: print the ssh command line
 * instead, a word per line. -A: an application that can be asked: each line of FILE is a pattern, a tab and
 * the answer to one question that matches it; what is asked is printed on stderr, a question without a line
 * left is refused. -n: open, say hello, hear it and close that often, in each of -j threads; printed are
 * descriptors and memory in use after the first tenth and at the end. Exit status: 0 ended in order, 1 not
 * opened, 2 broke later; the error is one line on stderr.
 */
#include <dirent.h>
#include <fnmatch.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/util.h"
#include "helper/relay.h"
#include "transport/ssh_command.h"
#include "transport/transport.h"
#include "uri/route.h"

static int fail(int status)
{
    virErrorPtr err = fl_error_get();
    fprintf(stderr, "error %d/%d/%d: %s\n", err->code, err->domain, err->int1, err->message);
    return status;
}

/* ---- a person, played by a file */

static char **answers; /* "PATTERN\tANSWER"; used up ones are "" */

static char *answer_to(const char *prompt)
{
    for (char **line = answers; *line; line++) {
        char *tab = strchr(*line, '\t');
        if (!tab)
            continue;
        g_autofree char *pattern = g_strndup(*line, (size_t)(tab - *line));
        if (fnmatch(pattern, prompt, FNM_CASEFOLD | FNM_EXTMATCH) != 0)
            continue;
        char *answer = strdup(tab + 1);
        **line = '\0'; /* used up */
        return answer;
    }
    return NULL;
}

static int ask(virConnectCredentialPtr cred, unsigned int n, void *unused)
{
    (void)unused;
    for (unsigned int i = 0; i < n; i++) {
        fprintf(stderr, "asked %d: %s\n", cred[i].type, cred[i].prompt);
        cred[i].result = answer_to(cred[i].prompt);
        if (!cred[i].result)
            return -1;
        cred[i].resultlen = (unsigned int)strlen(cred[i].result);
    }
    return 0;
}

static int asked_types[] = { VIR_CRED_ECHOPROMPT, VIR_CRED_NOECHOPROMPT, VIR_CRED_PASSPHRASE };
static virConnectAuth person = { asked_types, G_N_ELEMENTS(asked_types), ask, NULL };

static int read_answers(const char *path)
{
    g_autofree char *text = NULL;
    if (!g_file_get_contents(path, &text, NULL, NULL))
        return -1;
    answers = g_strsplit(text, "\n", -1);
    return 0;
}

/* ---- over and over */

struct rounds {
    const struct fl_endpoint *ep;
    int n;
    bool measure;
    int failed;
};

static int open_descriptors(void)
{
    int n = 0;
    DIR *dir = opendir("/proc/self/fd");
    while (dir && readdir(dir))
        n++;
    if (dir)
        closedir(dir);
    return n - 3; /* "." and ".." and its own */
}

static long resident_kib(void)
{
    long pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (f && fscanf(f, "%*d %ld", &pages) != 1)
        pages = -1;
    if (f)
        fclose(f);
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

/* "hello" there and back. */
static int exchange(struct fl_transport *t)
{
    char seen[8];
    size_t sent = 0, got = 0;
    int64_t deadline = fl_deadline_in_ms(20000);
    while (got < 5) {
        bool sending = sent < 5;
        ssize_t n = sending ? fl_transport_write(t, &"hello"[sent], 5 - sent)
                            : fl_transport_read(t, seen + got, sizeof(seen) - got);
        if (n == -FL_AGAIN && !sending && fl_transport_pending(t) > 0)
            continue; /* came while it looked at something else: the descriptor does not tell */
        if (n == -FL_AGAIN) {
            if (!sending && fl_transport_pending(t) > 0) /* it came meanwhile: the descriptor is silent */
                continue;
            int got_events = fl_fd_wait(t->fd, fl_transport_want(t, sending ? POLLOUT : POLLIN), deadline);
            if (got_events < 0)
                return fl_error_system(-got_events, "no hello came back");
        } else if (n <= 0) {
            return n == 0 ? fl_error(VIR_ERR_INTERNAL_ERROR, "it ended before hello came back") : -1;
        } else if (sending) {
            sent += (size_t)n;
        } else {
            got += (size_t)n;
        }
    }
    return 0;
}

static void *run_rounds(void *opaque)
{
    struct rounds *r = opaque;
    for (int i = 0; i < r->n; i++) {
        struct fl_transport *t = NULL;
        if (fl_transport_open(r->ep, &t) < 0 || exchange(t) < 0) {
            r->failed++;
            fail(1);
        }
        fl_transport_free(t);
        if (r->measure && (i == r->n / 10 || i == r->n - 1))
            printf("%d descriptors, %ld KiB\n", open_descriptors(), resident_kib());
    }
    return NULL;
}

static int repeat(const struct fl_endpoint *ep, int n, int threads)
{
    struct rounds r[64];
    pthread_t thread[64];
    int failed = 0;
    threads = threads < 1 ? 1 : threads > 64 ? 64 : threads;
    for (int i = 0; i < threads; i++) {
        r[i] = (struct rounds){ .ep = ep, .n = n, .measure = threads == 1 };
        if (pthread_create(&thread[i], NULL, run_rounds, &r[i]) != 0)
            abort();
    }
    for (int i = 0; i < threads; i++) {
        pthread_join(thread[i], NULL);
        failed += r[i].failed;
    }
    return failed ? 1 : 0;
}

static int print_argv(const struct fl_endpoint *ep)
{
    g_auto(GStrv) argv = NULL;
    if (fl_ssh_argv(ep->route, ep->read_only, ep->privileged, &argv) < 0)
        return fail(1);
    for (char **word = argv; *word; word++)
        puts(*word);
    return 0;
}

int main(int argc, char **argv)
{
    struct fl_endpoint ep = { .privileged = geteuid() == 0, .deadline_us = FL_NO_DEADLINE };
    bool show_argv = false;
    int c, times = 0, threads = 1;
    while ((c = getopt(argc, argv, "rut:aA:n:j:")) != -1) {
        if (c == 'r')
            ep.read_only = true;
        else if (c == 'u')
            ep.privileged = false;
        else if (c == 't')
            ep.deadline_us = fl_deadline_in_ms(atoi(optarg));
        else if (c == 'a')
            show_argv = true;
        else if (c == 'A' && read_answers(optarg) == 0)
            ep.auth = &person;
        else if (c == 'n')
            times = atoi(optarg);
        else if (c == 'j')
            threads = atoi(optarg);
        else
            return 64;
    }
    if (optind != argc - 1)
        return 64;

    struct fl_resolve_env env = { .privileged = ep.privileged, .read_only = ep.read_only };
    fl_autoroute struct fl_route *route = NULL;
    struct fl_transport *t = NULL;
    if (fl_route_resolve(argv[optind], &env, 0, &route) < 0)
        return fail(1);
    ep.route = route;
    if (show_argv)
        return print_argv(&ep);
    if (times > 0)
        return repeat(&ep, times, threads);
    if (fl_transport_open(&ep, &t) < 0)
        return fail(1);
    int status = fl_relay(t, STDIN_FILENO, STDOUT_FILENO) < 0 ? fail(2) : 0;
    fl_transport_free(t);
    return status;
}
