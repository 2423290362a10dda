/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The bare limit of calls from threads: each has a socket of its own and at the other end, in another
 * process, a thread that answers nobody else. */
#include "bare.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static size_t calls;

static void *answer(void *fd)
{
    char request[REQUEST], reply[REPLY] = { 0 };

    while (recv(*(int *)fd, request, sizeof(request), MSG_WAITALL) == (ssize_t)sizeof(request)) {
        if (send(*(int *)fd, reply, sizeof(reply), 0) < 0)
            break;
    }
    return NULL;
}

static void *ask(void *fd)
{
    char request[REQUEST] = { 0 }, reply[REPLY];

    for (size_t i = 0; i < calls; i++) {
        if (send(*(int *)fd, request, sizeof(request), 0) < 0 ||
            recv(*(int *)fd, reply, sizeof(reply), MSG_WAITALL) != (ssize_t)sizeof(reply))
            return fd;
    }
    return NULL;
}

static int run_each(void *(*what)(void *fd), int *fds, size_t threads)
{
    pthread_t *t = calloc(threads, sizeof(*t));
    void *failed;
    int rc = 0;

    for (size_t i = 0; i < threads; i++) {
        if (!t || pthread_create(&t[i], NULL, what, &fds[i]) != 0)
            exit(2);
    }
    for (size_t i = 0; i < threads; i++) {
        pthread_join(t[i], &failed);
        if (failed)
            rc = 1;
    }
    free(t);
    return rc;
}

int bare_threads(int tcp, size_t threads, size_t n)
{
    int *ours = calloc(threads, sizeof(int)), *theirs = calloc(threads, sizeof(int)), rc;
    double begun;
    pid_t server;

    if (!ours || !theirs)
        return 2;
    for (size_t i = 0; i < threads; i++) {
        int fds[2];

        if (bare_pair(tcp, fds) < 0)
            return 2;
        ours[i] = fds[0];
        theirs[i] = fds[1];
    }
    server = fork();
    if (server == 0)
        _exit(run_each(answer, theirs, threads));
    calls = n;
    begun = bare_now_us();
    rc = run_each(ask, ours, threads);
    printf("{\"what\": \"threads\", \"threads\": %zu, \"calls_per_s\": %.0f}\n", threads,
           (double)threads * (double)n / (bare_now_us() - begun) * 1e6);
    kill(server, SIGKILL);
    wait(NULL);
    free(ours);
    free(theirs);
    return rc;
}
