/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The bare limit of a stream: one process with the bytes in memory, another with a file, a socket in between.
 * "up" ends when the file has all of it and says so with a byte, "down" when memory has. The file's end is
 * done by each way the kernel knows, and the fastest is the limit.
 */
#include "bare.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHUNK (256 * 1024)

static char buf[CHUNK];

static size_t at_most(size_t left, size_t limit)
{
    return left < limit ? left : limit;
}

/* Each moves up to `left` bytes. */

static ssize_t plain(int from, int to, size_t left)
{
    ssize_t n = read(from, buf, at_most(left, sizeof(buf)));

    for (ssize_t done = 0, m; done < n; done += m) {
        m = write(to, buf + done, (size_t)(n - done));
        if (m < 0)
            return -1;
    }
    return n;
}

static ssize_t by_splice(int from, int to, size_t left)
{
    static int tube[2] = { -1, -1 };
    ssize_t n;

    if (tube[0] < 0 && (pipe(tube) < 0 || fcntl(tube[1], F_SETPIPE_SZ, 1 << 20) < 0))
        return -1;
    n = splice(from, NULL, tube[1], NULL, at_most(left, 1 << 20), SPLICE_F_MOVE);
    for (ssize_t done = 0, m; done < n; done += m) {
        m = splice(tube[0], NULL, to, NULL, (size_t)(n - done), SPLICE_F_MOVE);
        if (m <= 0)
            return -1;
    }
    return n;
}

static ssize_t by_sendfile(int from, int to, size_t left)
{
    return sendfile(to, from, NULL, at_most(left, 1 << 20));
}

typedef ssize_t (*mover)(int from, int to, size_t left);

static const struct {
    const char *name;
    mover move;
    int down_only;
} movers[] = { { "plain", plain, 0 }, { "splice", by_splice, 0 }, { "sendfile", by_sendfile, 1 } };

static void file_end(mover move, int up, int fd, const char *file, size_t bytes)
{
    int f = open(file, up ? O_WRONLY | O_CREAT : O_RDONLY, 0600);
    ssize_t n;

    for (size_t left = bytes; left > 0; left -= (size_t)n) {
        n = up ? move(fd, f, left) : move(f, fd, left);
        if (n <= 0)
            _exit(1);
    }
    if (up && send(fd, "", 1, 0) < 0)
        _exit(1);
    _exit(0);
}

static int memory_end(int up, int fd, size_t bytes)
{
    char last;
    ssize_t n;

    for (size_t left = bytes; left > 0; left -= (size_t)n) {
        n = up ? send(fd, buf, at_most(left, sizeof(buf)), 0) : recv(fd, buf, sizeof(buf), 0);
        if (n <= 0)
            return -1;
    }
    return up && recv(fd, &last, 1, 0) != 1 ? -1 : 0;
}

/* MiB/s, or -1 when this way is not possible here. */
static double run(mover move, int up, int tcp, const char *file, size_t bytes)
{
    double begun, took;
    int fds[2], rc;

    if (bare_pair(tcp, fds) < 0)
        return -1;
    begun = bare_now_us();
    fflush(stdout);
    if (fork() == 0) {
        close(fds[0]);
        file_end(move, up, fds[1], file, bytes);
    }
    close(fds[1]);
    rc = memory_end(up, fds[0], bytes);
    took = bare_now_us() - begun;
    close(fds[0]);
    wait(NULL);
    return rc < 0 ? -1 : (double)bytes / 1048576 / (took / 1e6);
}

int bare_copy(const char *way, int tcp, size_t bytes, const char *file)
{
    int up = strcmp(way, "up") == 0;
    double best = 0;
    struct stat st;

    memset(buf, 'x', sizeof(buf));
    /* The file is there from the first time on: nobody measures how the kernel finds fresh pages. */
    if ((stat(file, &st) < 0 || (size_t)st.st_size < bytes) && run(plain, 1, tcp, file, bytes) < 0)
        return 1;
    printf("{\"what\": \"copy\", \"bytes\": %zu", bytes);
    for (size_t i = 0; i < sizeof(movers) / sizeof(movers[0]); i++) {
        double speed = up && movers[i].down_only ? -1 : run(movers[i].move, up, tcp, file, bytes);

        if (speed > 0)
            printf(", \"%s\": %.1f", movers[i].name, speed);
        best = speed > best ? speed : best;
    }
    printf(", \"mib_per_s\": %.1f}\n", best);
    return best > 0 ? 0 : 1;
}
