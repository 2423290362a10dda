/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The bare limit of a call: two processes, one Unix socket, frames of a small call's size (request 72, reply
 * 32 bytes), nothing else. `pingpong N` prints latency percentiles as JSON. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    size_t n = argc > 1 ? strtoul(argv[1], NULL, 10) : 0;
    double *us = calloc(n + 1, sizeof(*us)), sum = 0;
    char request[72] = { 0 }, reply[32] = { 0 };
    int fds[2];

    if (n == 0 || !us || socketpair(AF_UNIX, SOCK_STREAM, 0, fds) < 0)
        return 2;
    if (fork() == 0) {
        close(fds[0]);
        while (recv(fds[1], request, sizeof(request), MSG_WAITALL) == (ssize_t)sizeof(request)) {
            if (send(fds[1], reply, sizeof(reply), 0) < 0)
                _exit(1);
        }
        _exit(0);
    }
    close(fds[1]);
    for (size_t i = 0; i < n; i++) {
        double t = now_us();

        if (send(fds[0], request, sizeof(request), 0) < 0 ||
            recv(fds[0], reply, sizeof(reply), MSG_WAITALL) < 0)
            return 1;
        us[i] = now_us() - t;
        sum += us[i];
    }
    close(fds[0]);
    wait(NULL);
    qsort(us, n, sizeof(*us), by_value);
    printf("{\"what\": \"pingpong\", \"n\": %zu, \"mean_us\": %.2f, \"p50_us\": %.2f, \"p99_us\": %.2f}\n", n,
           sum / (double)n, us[n / 2], us[n * 99 / 100]);
    return 0;
}
