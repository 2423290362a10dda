/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The pid file and its lock. */
#define FL_FROM VIR_FROM_RPC
#include "daemon/pidfile.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"

static int refuse_second(const char *path, int fd)
{
    struct flock held = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
    g_autofree char *exe = NULL;
    g_autofree char *link = NULL;

    if (fcntl(fd, F_GETLK, &held) < 0 || held.l_type == F_UNLCK)
        return fl_error(VIR_ERR_OPERATION_FAILED,
                        "pid file '%s' is locked by another process; is this daemon running already?", path);
    link = g_strdup_printf("/proc/%d/exe", (int)held.l_pid);
    exe = g_file_read_link(link, NULL);
    return fl_error(
        VIR_ERR_OPERATION_FAILED,
        "already running as process %d (%s), which holds pid file '%s'; stop it, or start this one with "
        "another --pid-file and socket directory",
        (int)held.l_pid, exe ? exe : "unknown program", path);
}

/* True when `fd` still is what `path` names: the last holder may have removed the file after we opened it. */
static int still_named(const char *path, int fd)
{
    struct stat by_fd, by_path;

    return fstat(fd, &by_fd) == 0 && stat(path, &by_path) == 0 && by_fd.st_dev == by_path.st_dev &&
           by_fd.st_ino == by_path.st_ino;
}

static int open_locked(const char *path)
{
    for (int tries = 0; tries < 100; tries++) {
        struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
        int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);

        if (fd < 0)
            return fl_error_system(errno, "cannot open pid file '%s'", path);
        if (fcntl(fd, F_SETLK, &lock) < 0) {
            int saved = errno;

            if (saved == EAGAIN || saved == EACCES)
                refuse_second(path, fd);
            else
                fl_error_system(saved, "cannot lock pid file '%s'", path);
            close(fd);
            return -1;
        }
        if (still_named(path, fd))
            return fd;
        close(fd);
    }
    return fl_error(VIR_ERR_OPERATION_FAILED, "pid file '%s' keeps being replaced", path);
}

/* A full disk may take a part of it, and says so to who asks for the rest. */
static int write_whole(int fd, const char *text, size_t length)
{
    for (size_t done = 0; done < length;) {
        ssize_t n = pwrite(fd, text + done, length - done, (off_t)done);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            errno = n == 0 ? ENOSPC : errno;
            return -1;
        }
        done += (size_t)n;
    }
    return 0;
}

int fl_pidfile_acquire(const char *path)
{
    char text[32];
    int fd = open_locked(path);

    if (fd < 0)
        return -1;
    g_snprintf(text, sizeof(text), "%d", (int)getpid());
    if (ftruncate(fd, 0) < 0 || write_whole(fd, text, strlen(text)) < 0) {
        fl_error_system(errno, "cannot write pid file '%s'", path);
        fl_pidfile_release(path, fd); /* one without a number says nothing to anybody */
        return -1;
    }
    return fd;
}

void fl_pidfile_release(const char *path, int fd)
{
    if (fd < 0)
        return;
    unlink(path); /* before the lock goes: whoever waits for it sees that the name is gone */
    close(fd);
}
