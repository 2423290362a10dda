/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * connect() to a unix socket within a deadline, and the explanation of its failure: whether the file is
 * there, whose it is, and whether this process's groups match what the group database says.
 */
#include "transport/dial.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/names.h"
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

/* The queue was full: once more, waiting. */
static int wait_connect(int fd, const struct sockaddr_un *sa, int64_t deadline_us)
{
    int rc;

    fl_fd_set_nonblock(fd, false);
    bound_connect(fd, deadline_us);
    do {
        rc = connect(fd, (const struct sockaddr *)sa, sizeof(*sa));
    } while (rc < 0 && errno == EINTR);
    if (rc < 0)
        return errno == EAGAIN ? -ETIMEDOUT : -errno;
    fl_fd_set_nonblock(fd, true);
    return 0;
}

int fl_dial_unix(const char *path, int64_t deadline_us)
{
    struct sockaddr_un sa = { .sun_family = AF_UNIX };
    size_t len = strlen(path);
    if (len >= sizeof(sa.sun_path))
        return -ENAMETOOLONG;
    memcpy(sa.sun_path, path, len);

    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    int rc = connect(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0 ? 0 : -errno;
    if (rc == -EAGAIN || rc == -EINTR)
        rc = wait_connect(fd, &sa, deadline_us);
    if (rc < 0) {
        close(fd);
        return rc;
    }
    return fd;
}

/* ---- users and groups ---- */

#define GROUPS_MAX 12 /* named */

static char *user_name(uid_t uid)
{
    struct fl_user user;
    char *name;

    if (!fl_user_find(uid, &user))
        return g_strdup_printf("%u", (unsigned int)uid);
    name = g_steal_pointer(&user.name);
    fl_user_fini(&user);
    return name;
}

/* The name of a group; *ret_member (may be NULL): whether the database counts `user` in. */
static char *group_name(gid_t gid, const char *user, bool *ret_member)
{
    struct fl_group group;
    char *name;

    if (!fl_group_find(gid, &group))
        return g_strdup_printf("%u", (unsigned int)gid);
    if (ret_member)
        *ret_member = g_strv_contains((const char *const *)group.members, user);
    name = g_steal_pointer(&group.name);
    fl_group_fini(&group);
    return name;
}

/* The groups of this process, the effective one first; n of them in a block of the caller's. */
static gid_t *own_groups(int *ret_n)
{
    int n = getgroups(0, NULL);
    gid_t *groups = g_new(gid_t, (n > 0 ? n : 0) + 1);

    groups[0] = getegid();
    n = n > 0 ? getgroups(n, groups + 1) : 0;
    *ret_n = 1 + (n > 0 ? n : 0);
    return groups;
}

static bool process_in_group(gid_t gid)
{
    int n;
    g_autofree gid_t *groups = own_groups(&n);

    for (int i = 0; i < n; i++)
        if (groups[i] == gid)
            return true;
    return false;
}

/* "user 'u' (1000) in the groups u, cdrom" */
static char *describe_self(void)
{
    int n;
    g_autofree gid_t *groups = own_groups(&n);
    g_autofree char *user = user_name(geteuid());
    GString *text = g_string_new(NULL);

    g_string_append_printf(text, "user '%s' (%u) in the groups ", user, (unsigned int)geteuid());
    for (int i = 0; i < n && i < GROUPS_MAX; i++) {
        g_autofree char *name = i > 0 && groups[i] == groups[0] ? NULL : group_name(groups[i], user, NULL);
        if (name)
            g_string_append_printf(text, "%s%s", i ? ", " : "", name);
    }
    if (n > GROUPS_MAX)
        g_string_append(text, ", ...");
    return g_string_free(text, FALSE);
}

/* "root:libvirt with mode 0770" */
static char *describe_owner(const struct stat *st)
{
    g_autofree char *owner = user_name(st->st_uid);
    g_autofree char *group = group_name(st->st_gid, NULL, NULL);

    return g_strdup_printf("%s:%s with mode %04o", owner, group, (unsigned int)st->st_mode & 07777);
}

/* The first folder on the way to `path` that does not let this process through; NULL: all do. */
static char *closed_folder(const char *path, struct stat *st)
{
    for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        g_autofree char *folder = g_strndup(path, (gsize)(slash - path));
        if (stat(folder, st) == 0 && faccessat(AT_FDCWD, folder, X_OK, AT_EACCESS) < 0)
            return g_steal_pointer(&folder);
    }
    return NULL;
}

static char *describe_denied(const char *path)
{
    struct stat st;
    g_autofree char *folder = closed_folder(path, &st);
    g_autofree char *self = describe_self();
    g_autofree char *owner = NULL;

    if (!folder && stat(path, &st) < 0)
        return g_strdup_printf("permission denied (this process is %s)", self);
    owner = describe_owner(&st);
    if (folder)
        return g_strdup_printf("permission denied (its folder %s belongs to %s, this process is %s)", folder,
                               owner, self);
    return g_strdup_printf("permission denied (it belongs to %s, this process is %s)", owner, self);
}

char *fl_dial_explain(const char *path, int errnum)
{
    struct stat st;
    switch (errnum) {
    case ENOENT:
        return g_strdup(lstat(path, &st) == 0 ? "a link to something absent" : "absent");
    case ENOTDIR:
        return g_strdup("absent (a part of its path is no folder)");
    case ELOOP:
        return g_strdup("a link that leads back to itself");
    case EPROTOTYPE:
        return g_strdup("a socket of another kind than daemons listen on (a datagram socket, say)");
    case ECONNREFUSED:
        if (stat(path, &st) == 0 && !S_ISSOCK(st.st_mode))
            return g_strdup(S_ISDIR(st.st_mode) ? "not a socket but a folder" : "not a socket");
        return g_strdup("refused (stale: no process listens on it)");
    case EACCES:
    case EPERM:
        return describe_denied(path);
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
    bool member = false;
    g_autofree char *user = user_name(geteuid());
    g_autofree char *folder = closed_folder(path, &st);
    g_autofree char *group = NULL;

    if (!folder && stat(path, &st) < 0)
        return NULL;
    if (!(st.st_mode & (folder ? S_IXGRP : S_IWGRP)) || st.st_gid == 0 || process_in_group(st.st_gid))
        return NULL;
    group = group_name(st.st_gid, user, &member);
    if (member)
        return g_strdup_printf("user '%s' joined group '%s' after this login began: log in again", user,
                               group);
    return g_strdup_printf("an administrator can let you in: usermod -a -G %s %s, then log in again", group,
                           user);
}
