/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * connect() to a unix socket within a deadline, and the explanation of its failure: whether the file is
 * there, whose it is, and whether this process's groups match what the group database says.
 */
#include "transport/dial.h"

#include <errno.h>
#include <glib.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/util.h"

/* connect() on a unix socket waits only while the listener's queue is full; SO_SNDTIMEO bounds that. */
static void bound_connect(int fd, int64_t deadline_us)
{
    int ms = fl_deadline_poll_ms(deadline_us);
    if (ms < 0)
        return;
    struct timeval tv = { .tv_sec = ms / 1000, .tv_usec = (ms % 1000) * 1000 };
    if (ms == 0)
        tv.tv_usec = 1000; /* zero would mean for ever */
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
}

int fl_dial_unix(const char *path, int64_t deadline_us)
{
    struct sockaddr_un sa = { .sun_family = AF_UNIX };
    size_t len = strlen(path);
    if (len >= sizeof(sa.sun_path))
        return -ENAMETOOLONG;
    memcpy(sa.sun_path, path, len);

    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    bound_connect(fd, deadline_us);
    int rc;
    do {
        rc = connect(fd, (struct sockaddr *)&sa, sizeof(sa));
    } while (rc < 0 && errno == EINTR);
    if (rc < 0) {
        rc = errno == EAGAIN ? -ETIMEDOUT : -errno;
        close(fd);
        return rc;
    }
    fl_fd_set_nonblock(fd, true);
    return fd;
}

static bool group_has_user(const struct group *gr, const char *user)
{
    for (char **m = gr->gr_mem; *m; m++)
        if (g_str_equal(*m, user))
            return true;
    return false;
}

static bool process_in_group(gid_t gid)
{
    int n = getgroups(0, NULL);
    g_autofree gid_t *groups = g_new(gid_t, n > 0 ? n : 1);
    n = getgroups(n, groups);
    for (int i = 0; i < n; i++)
        if (groups[i] == gid)
            return true;
    return getegid() == gid;
}

static char *describe_owner(const struct stat *st)
{
    struct passwd *pw = getpwuid(st->st_uid);
    g_autofree char *owner = pw ? g_strdup(pw->pw_name) : g_strdup_printf("%u", (unsigned int)st->st_uid);
    struct group *gr = getgrgid(st->st_gid);
    g_autofree char *group = gr ? g_strdup(gr->gr_name) : g_strdup_printf("%u", (unsigned int)st->st_gid);
    return g_strdup_printf(
        "permission denied (it belongs to %s:%s with mode %04o, this process has user id %u)", owner, group,
        (unsigned int)st->st_mode & 07777, (unsigned int)geteuid());
}

char *fl_dial_explain(const char *path, int errnum)
{
    struct stat st;
    switch (errnum) {
    case ENOENT:
    case ENOTDIR:
        return g_strdup("absent");
    case ECONNREFUSED:
        if (stat(path, &st) == 0 && !S_ISSOCK(st.st_mode))
            return g_strdup("not a socket");
        return g_strdup("refused (stale: no process listens on it)");
    case EACCES:
    case EPERM:
        if (stat(path, &st) < 0)
            return g_strdup("permission denied (a folder above it is closed to this user)");
        return describe_owner(&st);
    case ETIMEDOUT:
        return g_strdup("not answering in time (its queue of waiting clients is full)");
    case ENAMETOOLONG:
        return g_strdup_printf("too long for a socket address (%zu bytes at most)",
                               sizeof(((struct sockaddr_un *)0)->sun_path) - 1);
    default:
        return g_strdup(g_strerror(errnum));
    }
}

char *fl_dial_permission_advice(const char *path)
{
    struct stat st;
    if (stat(path, &st) < 0)
        return NULL;
    struct passwd *pw = getpwuid(geteuid());
    g_autofree char *user = pw ? g_strdup(pw->pw_name) : NULL;
    struct group *gr = getgrgid(st.st_gid);
    if (!user || !gr || !(st.st_mode & S_IWGRP) || st.st_gid == 0 || process_in_group(st.st_gid))
        return NULL;
    if (group_has_user(gr, user))
        return g_strdup_printf("user '%s' joined group '%s' after this login began: log in again", user,
                               gr->gr_name);
    return g_strdup_printf("an administrator can let you in: usermod -a -G %s %s, then log in again",
                           gr->gr_name, user);
}
