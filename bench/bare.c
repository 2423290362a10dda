/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bench-bare pingpong unix|tcp N | pingpong tls N DIR | copy unix|tcp BYTES | handshake N DIR: one line of
 * JSON. */
#include "bare.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CHUNK (256 * 1024)

double bare_now_us(void)
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

void bare_report(const char *what, double *us, size_t n)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += us[i];
    qsort(us, n, sizeof(*us), by_value);
    printf("{\"what\": \"%s\", \"n\": %zu, \"mean_us\": %.2f, \"p50_us\": %.2f, \"p99_us\": %.2f}\n", what, n,
           sum / (double)n, us[n / 2], us[n * 99 / 100]);
}

int bare_listen(struct sockaddr_in *ret_at)
{
    socklen_t len = sizeof(*ret_at);
    int listener = socket(AF_INET, SOCK_STREAM, 0);

    *ret_at = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    if (bind(listener, (struct sockaddr *)ret_at, len) < 0 || listen(listener, 16) < 0 ||
        getsockname(listener, (struct sockaddr *)ret_at, &len) < 0)
        return -1;
    return listener;
}

static void no_delay(int fd)
{
    int on = 1;

    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

int bare_dial(const struct sockaddr_in *to)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    if (connect(fd, (const struct sockaddr *)to, sizeof(*to)) < 0)
        return -1;
    no_delay(fd);
    return fd;
}

static int tcp_pair(int fds[2])
{
    struct sockaddr_in at;
    int listener = bare_listen(&at);

    fds[0] = bare_dial(&at);
    fds[1] = accept(listener, NULL, NULL);
    close(listener);
    no_delay(fds[1]);
    return fds[0] < 0 || fds[1] < 0 ? -1 : 0;
}

int bare_pair(int tcp, int ret_fds[2])
{
    return tcp ? tcp_pair(ret_fds) : socketpair(AF_UNIX, SOCK_STREAM, 0, ret_fds);
}

static int pingpong(int tcp, size_t n)
{
    double *us = calloc(n + 1, sizeof(*us));
    char request[REQUEST] = { 0 }, reply[REPLY] = { 0 };
    int fds[2];

    if (!us || bare_pair(tcp, fds) < 0)
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
        double t = bare_now_us();

        if (send(fds[0], request, sizeof(request), 0) < 0 ||
            recv(fds[0], reply, sizeof(reply), MSG_WAITALL) < 0)
            return 1;
        us[i] = bare_now_us() - t;
    }
    close(fds[0]);
    wait(NULL);
    bare_report("pingpong", us, n);
    free(us);
    return 0;
}

/* One process writes, one reads, nothing in between. */
static int copy(int tcp, size_t bytes)
{
    static char buf[CHUNK];
    size_t got = 0;
    double begun;
    ssize_t n;
    int fds[2];

    memset(buf, 'x', sizeof(buf));
    if (bare_pair(tcp, fds) < 0)
        return 2;
    begun = bare_now_us();
    if (fork() == 0) {
        close(fds[0]);
        for (size_t left = bytes; left > 0; left -= (size_t)n) {
            n = send(fds[1], buf, left < sizeof(buf) ? left : sizeof(buf), 0);
            if (n < 0)
                _exit(1);
        }
        _exit(0);
    }
    close(fds[1]);
    while ((n = recv(fds[0], buf, sizeof(buf), 0)) > 0)
        got += (size_t)n;
    printf("{\"what\": \"copy\", \"bytes\": %zu, \"mib_per_s\": %.1f}\n", got,
           (double)got / 1048576 / ((bare_now_us() - begun) / 1e6));
    wait(NULL);
    return got == bytes ? 0 : 1;
}

int main(int argc, char **argv)
{
    const char *what = argc > 3 ? argv[1] : "";
    int tcp = argc > 3 && strcmp(argv[2], "tcp") == 0;

    if (strcmp(what, "handshake") == 0)
        return bare_tls_handshakes(strtoul(argv[2], NULL, 10), argv[3]);
    if (strcmp(what, "pingpong") == 0 && strcmp(argv[2], "tls") == 0 && argc > 4)
        return bare_tls_pingpong(strtoul(argv[3], NULL, 10), argv[4]);
    if (strcmp(what, "pingpong") == 0)
        return pingpong(tcp, strtoul(argv[3], NULL, 10));
    if (strcmp(what, "copy") == 0)
        return copy(tcp, strtoul(argv[3], NULL, 10));
    fprintf(stderr,
            "usage: bench-bare pingpong unix|tcp N | pingpong tls N DIR | copy unix|tcp BYTES | handshake N "
            "DIR\n");
    return 2;
}
