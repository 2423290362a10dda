/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Users and groups: names.h. Each question has a thread of its own, left behind when it takes too long. */
#include "base/names.h"

#include <glib.h>
#include <grp.h>
#include <pwd.h>

#include "base/aside.h"

#define WAIT_US ((int64_t)5 * G_USEC_PER_SEC)
#define REST_S  30                /* the number of threads that may be left behind is bounded by time, too */
#define ROOM    ((size_t)1 << 20) /* a group may have many members */

struct question {
    enum { USER, GROUP, GROUP_BY_NAME } kind;
    id_t id;
    char *key;
    bool found;
    struct fl_user user;
    struct fl_group group;
};

static gint silent_until_s; /* atomic: nobody answered lately; 0: that is not so */

static void find_user(struct question *q, char *room)
{
    struct passwd entry, *found = NULL;

    if (getpwuid_r((uid_t)q->id, &entry, room, ROOM, &found) != 0 || !found)
        return;
    q->user = (struct fl_user){ .name = g_strdup(found->pw_name), .home = g_strdup(found->pw_dir) };
    q->found = true;
}

static void find_group(struct question *q, char *room)
{
    struct group entry, *found = NULL;
    int rc = q->kind == GROUP ? getgrgid_r((gid_t)q->id, &entry, room, ROOM, &found)
                              : getgrnam_r(q->key, &entry, room, ROOM, &found);

    if (rc != 0 || !found)
        return;
    q->group = (struct fl_group){ .gid = found->gr_gid,
                                  .name = g_strdup(found->gr_name),
                                  .members = g_strdupv(found->gr_mem) };
    q->found = true;
}

static void find(void *data)
{
    struct question *q = data;
    g_autofree char *room = g_malloc(ROOM);

    if (q->kind == USER)
        find_user(q, room);
    else
        find_group(q, room);
}

static void drop(void *data)
{
    struct question *q = data;

    fl_user_fini(&q->user);
    fl_group_fini(&q->group);
    g_free(q->key);
    g_free(q);
}

static bool is_silent(gint now_s)
{
    gint until = g_atomic_int_get(&silent_until_s);

    return until != 0 && now_s < until;
}

/* Takes `q` over. NULL: nobody knows. */
static struct question *answered(struct question *q)
{
    int64_t now = g_get_monotonic_time();
    gint now_s = (gint)(now / G_USEC_PER_SEC);

    if (!is_silent(now_s)) {
        if (fl_aside(find, drop, q, now + WAIT_US) < 0) {
            g_atomic_int_set(&silent_until_s, now_s + REST_S);
            return NULL; /* it is the thread's */
        }
        if (q->found)
            return q;
    }
    drop(q);
    return NULL;
}

static struct question *ask(int kind, id_t id, const char *key)
{
    struct question *q = g_new0(struct question, 1);

    q->kind = kind;
    q->id = id;
    q->key = g_strdup(key);
    return answered(q);
}

bool fl_user_find(uid_t uid, struct fl_user *ret)
{
    struct question *q = ask(USER, uid, NULL);

    if (!q)
        return false;
    *ret = q->user;
    q->user = (struct fl_user){ 0 };
    drop(q);
    return true;
}

static bool take_group(struct question *q, struct fl_group *ret)
{
    if (!q)
        return false;
    *ret = q->group;
    q->group = (struct fl_group){ 0 };
    drop(q);
    return true;
}

bool fl_group_find(gid_t gid, struct fl_group *ret)
{
    return take_group(ask(GROUP, gid, NULL), ret);
}

bool fl_group_find_by_name(const char *name, struct fl_group *ret)
{
    return take_group(ask(GROUP_BY_NAME, 0, name), ret);
}

void fl_user_fini(struct fl_user *user)
{
    g_free(user->name);
    g_free(user->home);
    *user = (struct fl_user){ 0 };
}

void fl_group_fini(struct fl_group *group)
{
    g_free(group->name);
    g_strfreev(group->members);
    *group = (struct fl_group){ 0 };
}
