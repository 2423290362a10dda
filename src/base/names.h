/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Users and groups as this machine's name service has them, which may be a directory on the network that does
 * not answer: whoever opens a connection waits five seconds for it, and it is not asked again for a while.
 * What is wanted is only told to people, or has something to take its place.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

struct fl_user {
    char *name, *home;
};

struct fl_group {
    gid_t gid;
    char *name;
    char **members;
};

/* false: there is none, or nobody knows in time; nothing to free then. */
bool fl_user_find(uid_t uid, struct fl_user *ret);
bool fl_group_find(gid_t gid, struct fl_group *ret);
bool fl_group_find_by_name(const char *name, struct fl_group *ret);
void fl_user_fini(struct fl_user *user);
void fl_group_fini(struct fl_group *group);
