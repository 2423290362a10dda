/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The bench's client: one program for every library under test. It takes the library by path, so that both
 * see the same code. Prints one line of JSON. bench-client LIB URI call N | open N | threads T N | shared T N
 * call: N small calls (virDomainIsActive), latency percentiles; open: N times open + close; threads: T
 * threads with a connection each, N calls each; shared: T threads on one connection.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <libvirt/libvirt.h>

static struct {
    virConnectPtr (*open)(const char *);
    int (*close)(virConnectPtr);
    virDomainPtr (*lookup)(virConnectPtr, const char *);
    int (*is_active)(virDomainPtr);
    int (*free_domain)(virDomainPtr);
    const char *(*message)(void);
} lib;

static const char *uri;

static double now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void die(const char *what)
{
    fprintf(stderr, "bench-client: %s: %s\n", what, lib.message ? lib.message() : dlerror());
    exit(1);
}

static void *symbol(void *handle, const char *name)
{
    void *p = dlsym(handle, name);

    if (!p)
        die(name);
    return p;
}

static void load(const char *path)
{
    void *h = dlopen(path, RTLD_NOW | RTLD_GLOBAL);

    if (!h)
        die(path);
    lib.open = symbol(h, "virConnectOpen");
    lib.close = symbol(h, "virConnectClose");
    lib.lookup = symbol(h, "virDomainLookupByName");
    lib.is_active = symbol(h, "virDomainIsActive");
    lib.free_domain = symbol(h, "virDomainFree");
    lib.message = symbol(h, "virGetLastErrorMessage");
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static virConnectPtr must_open(void)
{
    virConnectPtr c = lib.open(uri);

    if (!c)
        die(uri);
    return c;
}

static virDomainPtr must_find(virConnectPtr c)
{
    virDomainPtr d = lib.lookup(c, "test");

    if (!d)
        die("domain 'test'");
    return d;
}

static void report(const char *what, double *us, size_t n)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += us[i];
    qsort(us, n, sizeof(*us), by_value);
    printf("{\"what\": \"%s\", \"n\": %zu, \"mean_us\": %.2f, \"p50_us\": %.2f, \"p99_us\": %.2f}\n", what, n,
           sum / (double)n, us[n / 2], us[n * 99 / 100]);
}

static void run_call(size_t n)
{
    virConnectPtr c = must_open();
    virDomainPtr d = must_find(c);
    double *us = calloc(n, sizeof(*us));

    for (size_t i = 0; i < 200; i++)
        lib.is_active(d);
    for (size_t i = 0; i < n; i++) {
        double t = now_us();

        if (lib.is_active(d) < 0)
            die("call");
        us[i] = now_us() - t;
    }
    report("call", us, n);
    free(us);
    lib.free_domain(d);
    lib.close(c);
}

static void run_open(size_t n)
{
    double *us = calloc(n, sizeof(*us));

    lib.close(must_open());
    for (size_t i = 0; i < n; i++) {
        double t = now_us();

        lib.close(must_open());
        us[i] = now_us() - t;
    }
    report("open", us, n);
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
    virConnectPtr c = w->domain ? NULL : must_open();
    virDomainPtr d = w->domain ? w->domain : must_find(c);

    pthread_barrier_wait(w->start);
    for (size_t i = 0; i < w->n; i++) {
        if (lib.is_active(d) < 0)
            die("call");
    }
    if (c) {
        lib.free_domain(d);
        lib.close(c);
    }
    return NULL;
}

static void run_threads(unsigned int threads, size_t n, int shared)
{
    pthread_t *t = calloc(threads, sizeof(*t));
    pthread_barrier_t start;
    virConnectPtr c = shared ? must_open() : NULL;
    struct work w = { shared ? must_find(c) : NULL, n, &start };
    double begun, took;

    pthread_barrier_init(&start, NULL, threads + 1);
    for (unsigned int i = 0; i < threads; i++)
        pthread_create(&t[i], NULL, worker, &w);
    pthread_barrier_wait(&start);
    begun = now_us();
    for (unsigned int i = 0; i < threads; i++)
        pthread_join(t[i], NULL);
    took = now_us() - begun;
    printf("{\"what\": \"%s\", \"threads\": %u, \"calls_per_s\": %.0f}\n", shared ? "shared" : "threads",
           threads, (double)threads * (double)n / took * 1e6);
    if (c) {
        lib.free_domain(w.domain);
        lib.close(c);
    }
    free(t);
}

int main(int argc, char **argv)
{
    size_t n = argc > 4 ? strtoul(argv[argc - 1], NULL, 10) : 0;

    if (argc < 5 || n == 0) {
        fprintf(stderr, "usage: bench-client LIB URI call N | open N | threads T N | shared T N\n");
        return 2;
    }
    load(argv[1]);
    uri = argv[2];
    if (strcmp(argv[3], "call") == 0)
        run_call(n);
    else if (strcmp(argv[3], "open") == 0)
        run_open(n);
    else if (argc == 6 && (strcmp(argv[3], "threads") == 0 || strcmp(argv[3], "shared") == 0))
        run_threads((unsigned int)strtoul(argv[4], NULL, 10), n, argv[3][0] == 's');
    else
        return 2;
    return 0;
}
