/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Loaded before a daemon's libraries (LD_PRELOAD), it halts a thread that has accepted a client of the
 * network as soon as that gives back a lock of GLib's, and says so: what another thread does meanwhile is
 * tested. */
#include <dlfcn.h>
#include <glib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define HALT_US 2000000

static _Thread_local int has_accepted;

int accept4(int fd, struct sockaddr *restrict addr, socklen_t *restrict len, int flags)
{
    long got = syscall(SYS_accept4, fd, addr, len, flags);

    has_accepted = got >= 0 && addr;
    return (int)got;
}

void g_mutex_unlock(GMutex *mutex)
{
    static const char said[] = "halted\n";
    union {
        void *any;
        void (*unlock)(GMutex *mutex);
    } next = { .any = dlsym(RTLD_NEXT, "g_mutex_unlock") };

    next.unlock(mutex);
    if (!has_accepted)
        return;
    has_accepted = 0;
    if (write(STDERR_FILENO, said, sizeof(said) - 1) > 0)
        usleep(HALT_US);
}
