/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Loading the library under test, time, and the shape of a report. */
#include "lib.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct bench_lib lib;
const char *bench_uri;

double bench_now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

void bench_die(const char *what)
{
    fprintf(stderr, "bench-client: %s: %s\n", what,
            lib.virGetLastErrorMessage ? lib.virGetLastErrorMessage() : dlerror());
    exit(1);
}

static void ignore_error(void *opaque, virErrorPtr error)
{
    (void)opaque, (void)error;
}

#define RESOLVE(call)                                                                                        \
    lib.call = (__typeof__(lib.call))dlsym(handle, #call);                                                   \
    if (!lib.call)                                                                                           \
        bench_die(#call);

void bench_load(const char *path)
{
    void *handle = dlopen(path, RTLD_NOW | RTLD_GLOBAL);

    if (!handle)
        bench_die(path);
    BENCH_CALLS(RESOLVE)
    lib.virSetErrorFunc(NULL, ignore_error);
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

void bench_report(const char *what, double *us, size_t n)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += us[i];
    qsort(us, n, sizeof(*us), by_value);
    printf("{\"what\": \"%s\", \"n\": %zu, \"mean_us\": %.2f, \"p50_us\": %.2f, \"p99_us\": %.2f}\n", what, n,
           sum / (double)n, us[n / 2], us[n * 99 / 100]);
}

virConnectPtr bench_open(void)
{
    virConnectPtr c = lib.virConnectOpen(bench_uri);

    if (!c)
        bench_die(bench_uri);
    return c;
}

virDomainPtr bench_find(virConnectPtr c, const char *name)
{
    virDomainPtr d = lib.virDomainLookupByName(c, name);

    if (!d)
        bench_die(name);
    return d;
}
