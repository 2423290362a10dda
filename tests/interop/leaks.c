/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Loaded before a daemon's libraries (LD_PRELOAD), it loses 64 bytes with every connection that is accepted:
 * what the tests that look for leaks must find. */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

int accept4(int fd, struct sockaddr *restrict addr, socklen_t *restrict len, int flags)
{
    static void *volatile lost;
    long got = syscall(SYS_accept4, fd, addr, len, flags);

    if (got >= 0) {
        lost = malloc(64);
        if (lost)
            memset(lost, 1, 64);
    }
    return (int)got;
}
