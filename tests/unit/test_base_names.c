/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A name service that does not answer is left behind, and not asked again for a while. This program's is its
 * own. */
#include "base/names.h"

#include <errno.h>
#include <glib.h>
#include <grp.h>
#include <pwd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#define FRED  4711
#define CREW  4712
#define STUCK 4713

static GMutex gate; /* held by the test: who is asked about the last one waits for it */
static gint asked;

static char name_of_fred[] = "fred", home_of_fred[] = "/home/fred", name_of_crew[] = "crew";

int getpwuid_r(uid_t uid, struct passwd *entry, char *room, size_t size, struct passwd **ret)
{
    (void)room, (void)size;
    g_atomic_int_inc(&asked);
    if (uid == STUCK) {
        g_mutex_lock(&gate);
        g_mutex_unlock(&gate);
    }
    *entry = (struct passwd){ .pw_name = name_of_fred, .pw_dir = home_of_fred };
    *ret = uid == FRED ? entry : NULL;
    return 0;
}

static int crew(bool found, struct group *entry, struct group **ret)
{
    static char *members[] = { name_of_fred, NULL };

    g_atomic_int_inc(&asked);
    *entry = (struct group){ .gr_name = name_of_crew, .gr_gid = CREW, .gr_mem = members };
    *ret = found ? entry : NULL;
    return 0;
}

int getgrgid_r(gid_t gid, struct group *entry, char *room, size_t size, struct group **ret)
{
    (void)room, (void)size;
    return crew(gid == CREW, entry, ret);
}

int getgrnam_r(const char *name, struct group *entry, char *room, size_t size, struct group **ret)
{
    (void)room, (void)size;
    return crew(strcmp(name, name_of_crew) == 0, entry, ret);
}

static void test_known(void **state)
{
    struct fl_user user;
    struct fl_group group;

    (void)state;
    assert_true(fl_user_find(FRED, &user));
    assert_string_equal(user.name, "fred");
    assert_string_equal(user.home, "/home/fred");
    fl_user_fini(&user);
    assert_true(fl_group_find(CREW, &group));
    assert_string_equal(group.name, "crew");
    fl_group_fini(&group);
    assert_true(fl_group_find_by_name("crew", &group));
    assert_int_equal(group.gid, CREW);
    assert_string_equal(group.members[0], "fred");
    assert_null(group.members[1]);
    fl_group_fini(&group);
}

static void test_unknown(void **state)
{
    struct fl_user user;
    struct fl_group group;

    (void)state;
    assert_false(fl_user_find(FRED + 100, &user));
    assert_false(fl_group_find(CREW + 100, &group));
    assert_false(fl_group_find_by_name("none", &group));
}

static void test_no_answer(void **state)
{
    struct fl_user user;
    struct fl_group group;
    gint before = g_atomic_int_get(&asked);

    (void)state;
    g_mutex_lock(&gate);
    assert_false(fl_user_find(STUCK, &user));
    assert_false(fl_user_find(FRED, &user));
    assert_false(fl_group_find(CREW, &group));
    g_mutex_unlock(&gate);
    assert_in_range(g_atomic_int_get(&asked), before, before + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known), cmocka_unit_test(test_unknown),
        cmocka_unit_test(test_no_answer), /* the last one: nobody is asked for a while */
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
