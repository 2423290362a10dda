/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Times whole processes: `bench-spawn N PROGRAM ARG...` runs the program N times, its output thrown away, and
 * prints the median wall time and its peak memory as JSON. A small program of its own, since a child's peak
 * memory counts what it shared with its parent before exec.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static int run(char **argv, double *ret_ms, long *ret_kib)
{
    struct rusage usage;
    double begun = now_ms();
    pid_t pid = vfork();
    int status;

    if (pid == 0) {
        int null = open("/dev/null", O_WRONLY);

        dup2(null, 1);
        execvp(argv[0], argv);
        _exit(127);
    }
    if (pid < 0 || wait4(pid, &status, 0, &usage) != pid || status != 0)
        return -1;
    *ret_ms = now_ms() - begun;
    if (usage.ru_maxrss > *ret_kib)
        *ret_kib = usage.ru_maxrss;
    return 0;
}

int main(int argc, char **argv)
{
    size_t n = argc > 2 ? strtoul(argv[1], NULL, 10) : 0;
    double *ms = calloc(n + 1, sizeof(*ms)), warm;
    long kib = 0;

    if (n == 0 || !ms) {
        fprintf(stderr, "usage: bench-spawn N PROGRAM ARG...\n");
        return 2;
    }
    if (run(argv + 2, &warm, &kib) < 0) {
        fprintf(stderr, "bench-spawn: %s did not end well\n", argv[2]);
        return 1;
    }
    for (size_t i = 0; i < n; i++) {
        if (run(argv + 2, &ms[i], &kib) < 0)
            return 1;
    }
    qsort(ms, n, sizeof(*ms), by_value);
    printf("{\"what\": \"spawn\", \"n\": %zu, \"p50_ms\": %.3f, \"peak_kib\": %ld}\n", n, ms[n / 2], kib);
    free(ms);
    return 0;
}
