/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The bare limits of the bench: prints one line of JSON. usage() names what it does. */
#include "bare.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

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

/* ---- a connection, one question, one answer, the end ---- */

static int listen_unix(struct sockaddr_un *ret_at, socklen_t *ret_len)
{
    int listener = socket(AF_UNIX, SOCK_STREAM, 0);

    *ret_at = (struct sockaddr_un){ .sun_family = AF_UNIX };
    *ret_len = sizeof(*ret_at);
    /* Without a path the kernel names it. */
    if (bind(listener, (struct sockaddr *)ret_at, sizeof(sa_family_t)) < 0 || listen(listener, 16) < 0 ||
        getsockname(listener, (struct sockaddr *)ret_at, ret_len) < 0)
        return -1;
    return listener;
}

static void serve_opens(int listener, int tcp)
{
    char request[REQUEST], reply[REPLY] = { 0 };
    int fd;

    while ((fd = accept(listener, NULL, NULL)) >= 0) {
        if (tcp)
            no_delay(fd);
        if (recv(fd, request, sizeof(request), MSG_WAITALL) == (ssize_t)sizeof(request) &&
            send(fd, reply, sizeof(reply), 0) > 0)
            (void)!recv(fd, request, sizeof(request), 0); /* the end */
        close(fd);
    }
    _exit(0);
}

static int open_once(int tcp, const struct sockaddr_in *inet, const struct sockaddr_un *un, socklen_t len)
{
    char request[REQUEST] = { 0 }, reply[REPLY];
    int fd = tcp ? bare_dial(inet) : socket(AF_UNIX, SOCK_STREAM, 0);
    ssize_t n;

    if (fd < 0 || (!tcp && connect(fd, (const struct sockaddr *)un, len) < 0))
        return -1;
    n = send(fd, request, sizeof(request), 0) < 0 ? -1 : recv(fd, reply, sizeof(reply), MSG_WAITALL);
    close(fd);
    return n == (ssize_t)sizeof(reply) ? 0 : -1;
}

static int reopen(int tcp, size_t n)
{
    double *us = calloc(n + 1, sizeof(*us));
    struct sockaddr_in inet = { 0 };
    struct sockaddr_un un = { 0 };
    socklen_t len = 0;
    int listener = tcp ? bare_listen(&inet) : listen_unix(&un, &len);
    pid_t server;

    if (!us || listener < 0)
        return 2;
    server = fork();
    if (server == 0)
        serve_opens(listener, tcp);
    for (size_t i = 0; i < n; i++) {
        double t = bare_now_us();

        if (open_once(tcp, &inet, &un, len) < 0)
            return 1;
        us[i] = bare_now_us() - t;
    }
    kill(server, SIGKILL);
    wait(NULL);
    bare_report("reopen", us, n);
    free(us);
    return 0;
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
    if (strcmp(what, "open") == 0)
        return reopen(tcp, strtoul(argv[3], NULL, 10));
    if (strcmp(what, "threads") == 0 && argc > 4)
        return bare_threads(tcp, strtoul(argv[3], NULL, 10), strtoul(argv[4], NULL, 10));
    if (strcmp(what, "copy") == 0 && strcmp(argv[2], "tls") == 0 && argc > 6)
        return bare_tls_copy(argv[3], strtoul(argv[4], NULL, 10), argv[5], argv[6]);
    if (strcmp(what, "copy") == 0 && argc > 5)
        return bare_copy(argv[3], tcp, strtoul(argv[4], NULL, 10), argv[5]);
    fprintf(stderr, "usage: bench-bare pingpong unix|tcp N\n"
                    "       bench-bare pingpong tls N DIR\n"
                    "       bench-bare threads unix|tcp THREADS N\n"
                    "       bench-bare open unix|tcp N\n"
                    "       bench-bare handshake N DIR\n"
                    "       bench-bare copy unix|tcp up|down BYTES FILE\n"
                    "       bench-bare copy tls up|down BYTES FILE DIR\n");
    return 2;
}
