/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Readiness and socket activation. */
#define FL_FROM VIR_FROM_RPC
#include "daemon/notify.h"

#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"

#define MAX_INHERITED 64

void fl_notify(const char *state)
{
    const char *path = g_getenv("NOTIFY_SOCKET");
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    size_t length = path ? strlen(path) : 0;
    int fd;

    if (length < 2 || length >= sizeof(addr.sun_path) || (path[0] != '/' && path[0] != '@'))
        return;
    memcpy(addr.sun_path, path, length);
    if (path[0] == '@')
        addr.sun_path[0] = '\0';
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    if (sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&addr,
               (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length)) < 0)
        fl_debug("the service manager did not take '%s'", state);
    close(fd);
}

static int read_number(const char *name, gint64 max, gint64 *ret_value)
{
    const char *text = g_getenv(name);

    *ret_value = 0;
    if (!text || !*text)
        return 0;
    if (!g_ascii_string_to_signed(text, 10, 0, max, ret_value, NULL))
        return fl_error(VIR_ERR_INVALID_ARG, "environment variable %s is not a number in range: '%s'", name,
                        text);
    return 0;
}

/* LISTEN_FDNAMES is optional, and may be shorter than promised. */
static char **socket_names(int count)
{
    const char *text = g_getenv("LISTEN_FDNAMES");
    g_auto(GStrv) given = g_strsplit(text ? text : "", ":", -1);
    char **names = g_new0(char *, (size_t)count + 1);
    int ngiven = (int)g_strv_length(given);

    for (int i = 0; i < count; i++)
        names[i] = g_strdup(i < ngiven ? given[i] : "");
    return names;
}

int fl_notify_listen_fds(char ***ret_names)
{
    gint64 pid, count;

    if (read_number("LISTEN_PID", G_MAXINT32, &pid) < 0)
        return -1;
    if (pid != getpid()) /* meant for another process, or not set at all */
        return 0;
    if (read_number("LISTEN_FDS", MAX_INHERITED, &count) < 0)
        return -1;
    for (int i = 0; i < (int)count; i++) {
        if (fcntl(FL_NOTIFY_FIRST_FD + i, F_SETFD, FD_CLOEXEC) < 0)
            return fl_error(VIR_ERR_INVALID_ARG,
                            "LISTEN_FDS promises %d sockets but descriptor %d is not open", (int)count,
                            FL_NOTIFY_FIRST_FD + i);
    }
    if (count > 0)
        *ret_names = socket_names((int)count);
    g_unsetenv("LISTEN_PID"); /* not for children */
    g_unsetenv("LISTEN_FDS");
    g_unsetenv("LISTEN_FDNAMES");
    return (int)count;
}
