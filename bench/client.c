/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The bench's client, one program for every library under test: bench-client LIB URI MEASURE ARG... prints
 * one line of JSON. The measures are named in lib.h; here are the small ones: a call, opening, calls from
 * threads.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib.h"

static size_t number(const char *text)
{
    size_t n = strtoul(text, NULL, 10);

    if (n == 0) {
        fprintf(stderr, "bench-client: '%s' is not a count\n", text);
        exit(2);
    }
    return n;
}

void bench_call(char **args)
{
    size_t n = number(args[0]);
    virConnectPtr c = bench_open();
    virDomainPtr d = bench_find(c, "test");
    double *us = calloc(n, sizeof(*us));

    for (size_t i = 0; i < 200; i++)
        lib.virDomainIsActive(d);
    for (size_t i = 0; i < n; i++) {
        double t = bench_now_us();

        if (lib.virDomainIsActive(d) < 0)
            bench_die("call");
        us[i] = bench_now_us() - t;
    }
    bench_report("call", us, n);
    free(us);
    lib.virDomainFree(d);
    lib.virConnectClose(c);
}

void bench_reopen(char **args)
{
    size_t n = number(args[0]);
    double *us = calloc(n, sizeof(*us));

    lib.virConnectClose(bench_open());
    for (size_t i = 0; i < n; i++) {
        double t = bench_now_us();

        lib.virConnectClose(bench_open());
        us[i] = bench_now_us() - t;
    }
    bench_report("open", us, n);
    free(us);
}

struct work {
    virDomainPtr domain; /* NULL: opens its own connection */
    size_t n;
    pthread_barrier_t *start;
};

static void *worker(void *arg)
{
    struct work *w = arg;
    virConnectPtr c = w->domain ? NULL : bench_open();
    virDomainPtr d = w->domain ? w->domain : bench_find(c, "test");

    pthread_barrier_wait(w->start);
    for (size_t i = 0; i < w->n; i++) {
        if (lib.virDomainIsActive(d) < 0)
            bench_die("call");
    }
    if (c) {
        lib.virDomainFree(d);
        lib.virConnectClose(c);
    }
    return NULL;
}

static void run_threads(size_t threads, size_t n, int shared)
{
    pthread_t *t = calloc(threads, sizeof(*t));
    pthread_barrier_t start;
    virConnectPtr c = shared ? bench_open() : NULL;
    struct work w = { shared ? bench_find(c, "test") : NULL, n, &start };
    double begun, took;

    pthread_barrier_init(&start, NULL, (unsigned int)threads + 1);
    for (size_t i = 0; i < threads; i++)
        pthread_create(&t[i], NULL, worker, &w);
    pthread_barrier_wait(&start);
    begun = bench_now_us();
    for (size_t i = 0; i < threads; i++)
        pthread_join(t[i], NULL);
    took = bench_now_us() - begun;
    printf("{\"what\": \"%s\", \"threads\": %zu, \"calls_per_s\": %.0f}\n", shared ? "shared" : "threads",
           threads, (double)threads * (double)n / took * 1e6);
    if (c) {
        lib.virDomainFree(w.domain);
        lib.virConnectClose(c);
    }
    free(t);
}

void bench_threads(char **args)
{
    run_threads(number(args[0]), number(args[1]), 0);
}

void bench_shared(char **args)
{
    run_threads(number(args[0]), number(args[1]), 1);
}

static const struct {
    const char *name;
    int nargs;
    void (*run)(char **args);
    const char *usage;
} measures[] = {
    { "call", 1, bench_call, "N" },
    { "open", 1, bench_reopen, "N" },
    { "threads", 2, bench_threads, "THREADS N" },
    { "shared", 2, bench_shared, "THREADS N" },
    { "hold", 1, bench_hold, "N" },
    { "many", 2, bench_many, "DOMAINS ROUNDS" },
    { "events", 2, bench_events, "SUBSCRIBERS EVENTS" },
    { "stream", 3, bench_stream, "up|down VOLUME BYTES" },
    { "block", 1, bench_block, "CONNECTIONS" },
    { "during", 2, bench_during, "call|define|stats|open SECONDS" },
};

int main(int argc, char **argv)
{
    for (size_t i = 0; argc > 3 && i < sizeof(measures) / sizeof(measures[0]); i++) {
        if (strcmp(argv[3], measures[i].name) != 0 || argc != 4 + measures[i].nargs)
            continue;
        bench_load(argv[1]);
        bench_uri = argv[2];
        measures[i].run(argv + 4);
        return 0;
    }
    fprintf(stderr, "usage: bench-client LIB URI MEASURE ARG...\n");
    for (size_t i = 0; i < sizeof(measures) / sizeof(measures[0]); i++)
        fprintf(stderr, "  %s %s\n", measures[i].name, measures[i].usage);
    return 2;
}
