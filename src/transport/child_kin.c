/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A child keeps our process group, or it could not ask on the terminal and Ctrl-C would not reach it; so the
 * group cannot be killed. Its descendants are found in /proc instead and held by a pidfd each: a number that
 * another process has taken meanwhile is never signalled. Without /proc nobody is found.
 */
#include "transport/child_kin.h"

#include <fcntl.h>
#include <glib.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "base/util.h"

#define MOST 256 /* of a child that starts without end, these */

struct member {
    pid_t pid;
    int fd;
};

struct fl_kin {
    GArray *members; /* struct member */
};

/* Parent and process group of a process. */
static bool look_at(pid_t pid, pid_t *ret_parent, pid_t *ret_group)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/stat", (int)pid);
    g_autofree char *text = NULL;
    int parent = 0, group = 0;

    if (!g_file_get_contents(path, &text, NULL, NULL))
        return false;
    const char *end = strrchr(text, ')'); /* of the name, which may hold anything */
    if (!end || sscanf(end + 1, " %*c %d %d", &parent, &group) != 2)
        return false;
    *ret_parent = parent;
    *ret_group = group;
    return true;
}

static bool is_known(struct fl_kin *kin, pid_t pid)
{
    for (guint i = 0; i < kin->members->len; i++)
        if (g_array_index(kin->members, struct member, i).pid == pid)
            return true;
    return false;
}

/* Held first, then looked at: what is seen then is of the process that is held. */
static void add(struct fl_kin *kin, pid_t pid, pid_t parent, pid_t group)
{
    pid_t now_parent, now_group;
    int fd = kin->members->len < MOST && !is_known(kin, pid) ? pidfd_open(pid, 0) : -1;

    if (fd < 0)
        return;
    if (!look_at(pid, &now_parent, &now_group) || now_parent != parent || now_group != group) {
        close(fd);
        return;
    }
    struct member m = { .pid = pid, .fd = fd };
    g_array_append_val(kin->members, m);
}

static void add_children(struct fl_kin *kin, pid_t parent, pid_t group)
{
    g_autofree char *folder = g_strdup_printf("/proc/%d/task", (int)parent);
    GDir *tasks = g_dir_open(folder, 0, NULL);
    const char *name;

    while (tasks && (name = g_dir_read_name(tasks))) {
        g_autofree char *path = g_strdup_printf("%s/%s/children", folder, name);
        g_autofree char *text = NULL;
        if (!g_file_get_contents(path, &text, NULL, NULL))
            continue;
        for (char *p = text, *end; *p; p = end) {
            long pid = strtol(p, &end, 10);
            if (end == p)
                break;
            add(kin, (pid_t)pid, parent, group);
        }
    }
    if (tasks)
        g_dir_close(tasks);
}

struct fl_kin *fl_kin_gather(struct fl_kin *kin, pid_t child)
{
    pid_t parent, group;

    if (!kin) {
        kin = g_new0(struct fl_kin, 1);
        kin->members = g_array_new(FALSE, FALSE, sizeof(struct member));
    }
    if (!look_at(child, &parent, &group) || parent != getpid())
        return kin;
    add_children(kin, child, group);
    for (guint i = 0; i < kin->members->len; i++) /* it grows meanwhile */
        add_children(kin, g_array_index(kin->members, struct member, i).pid, group);
    return kin;
}

static void drop_ended(struct fl_kin *kin)
{
    for (guint i = kin->members->len; i-- > 0;) {
        struct pollfd p = { .fd = g_array_index(kin->members, struct member, i).fd, .events = POLLIN };
        if (poll(&p, 1, 0) > 0) {
            close(p.fd);
            g_array_remove_index_fast(kin->members, i);
        }
    }
}

bool fl_kin_wait(struct fl_kin *kin, int timeout_ms)
{
    int64_t deadline = fl_deadline_in_ms(timeout_ms);
    int left = 0;

    for (;;) {
        drop_ended(kin);
        if (kin->members->len == 0)
            return true;
        left = fl_deadline_poll_ms(deadline);
        if (left == 0)
            return false;
        struct pollfd p = { .fd = g_array_index(kin->members, struct member, 0).fd, .events = POLLIN };
        poll(&p, 1, left);
    }
}

void fl_kin_signal(struct fl_kin *kin, int number)
{
    for (guint i = 0; i < kin->members->len; i++)
        pidfd_send_signal(g_array_index(kin->members, struct member, i).fd, number, NULL, 0);
}

void fl_kin_free(struct fl_kin *kin)
{
    if (!kin)
        return;
    for (guint i = 0; i < kin->members->len; i++)
        close(g_array_index(kin->members, struct member, i).fd);
    g_array_free(kin->members, TRUE);
    g_free(kin);
}
