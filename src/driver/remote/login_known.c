/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The guesses of login_known.h, for the whole process. */
#include "driver/remote/login_known.h"

#include <glib.h>

#define TARGETS_MAX 256u /* beyond which all is forgotten: it is soon learnt again */

static GMutex lock; /* guards the table */
static GHashTable *known;

static char *key_of(const char *transport, const char *target)
{
    return g_strconcat(transport ? transport : "", " ", target, NULL);
}

enum fl_login_known fl_login_known(const char *transport, const char *target)
{
    g_autofree char *key = key_of(transport, target);
    enum fl_login_known answer;

    g_mutex_lock(&lock);
    answer = known ? GPOINTER_TO_INT(g_hash_table_lookup(known, key)) : FL_LOGIN_UNKNOWN;
    g_mutex_unlock(&lock);
    return answer;
}

void fl_login_learn(const char *transport, const char *target, bool wanted)
{
    char *key = key_of(transport, target);

    g_mutex_lock(&lock);
    if (!known)
        known = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    if (g_hash_table_size(known) >= TARGETS_MAX)
        g_hash_table_remove_all(known);
    g_hash_table_insert(known, key, GINT_TO_POINTER(wanted ? FL_LOGIN_WANTED : FL_LOGIN_NONE));
    g_mutex_unlock(&lock);
}
