/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Logging in by polkit: the daemon asks the machine's rules about this process, perhaps a person too. The
 * refusal is the daemon's; what it cannot know, how to get in from here, is added.
 */
#define FL_FROM VIR_FROM_REMOTE
#include "driver/remote/auth.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/names.h"
#include "base/walk.h"
#include "core/objects.h"

#define ADMIN_GROUP "libvirt" /* the one that rules of polkit let in, on most systems */
#define AGENT       "/usr/bin/pkttyagent"

static bool has_group(gid_t gid)
{
    gid_t list[256];
    int n = getgroups(G_N_ELEMENTS(list), list);

    for (int i = 0; i < n; i++)
        if (list[i] == gid)
            return true;
    return getegid() == gid;
}

static void add_group(GString *text, const char *user)
{
    struct fl_group group;
    bool is_member;

    if (!fl_group_find_by_name(ADMIN_GROUP, &group))
        return;
    /* or a member by the database, which is what polkit's rules look at */
    is_member = has_group(group.gid) || g_strv_contains((const char *const *)group.members, user);
    fl_group_fini(&group);
    if (!is_member)
        g_string_append_printf(text,
                               "; or become a member of group '%s' (usermod -aG %s %s), which most rules "
                               "let in",
                               ADMIN_GROUP, ADMIN_GROUP, user);
}

/* "user 'fred' (uid 1000, process 4711)" */
static char *who_am_i(char **ret_user)
{
    unsigned int uid = (unsigned int)geteuid();
    struct fl_user user = { 0 };

    *ret_user = fl_user_find(uid, &user) ? g_strdup(user.name) : g_strdup_printf("%u", uid);
    fl_user_fini(&user);
    return g_strdup_printf("user '%s' (uid %u, process %d)", *ret_user, uid, (int)getpid());
}

/* No agent: who could ask for the password, and how to do without. */
static void add_agent(GString *text)
{
    if (access(AGENT, X_OK) == 0)
        g_string_append_printf(text,
                               "; start one with 'pkttyagent --process %d' and try again, or log in to "
                               "a desktop that has one",
                               (int)getpid());
    else
        g_string_append(text, "; pkttyagent, the agent for terminals, is not installed either (package "
                              "polkitd or polkit)");
}

static int explain(virConnectPtr conn)
{
    virErrorPtr err = fl_error_get();
    g_autofree char *said = g_strdup(err->str2 ? err->str2 : err->message);
    g_autofree char *user = NULL;
    g_autofree char *who = who_am_i(&user);
    GString *text = g_string_new(NULL);
    int code = err->code, domain = err->domain;

    g_string_printf(text, "auth: the daemon asked polkit about %s: %s", who, said ? said : "refused");
    if (code == VIR_ERR_AUTH_UNAVAILABLE)
        add_agent(text);
    add_group(text, user);
    if (!(conn->flags & VIR_CONNECT_RO))
        g_string_append(text, "; reading alone may be allowed without (virsh --readonly)");
    fl_error_set(domain, code, "%s", text->str);
    g_string_free(text, TRUE);
    return -1;
}

int fl_remote_auth_polkit(const struct fl_remote_login *login)
{
    FL_ARENA(arena);
    struct fl_w_auth_polkit_ret ret;

    fl_stage_note("polkit is asked about this process; it may ask a person");
    if (fl_remote_call(login->conn, FL_P_AUTH_POLKIT, FL_XDR_VOID, NULL, FL_T_AUTH_POLKIT_RET, &ret, &arena) <
        0)
        return fl_error_get()->domain == VIR_FROM_POLKIT ? explain(login->conn) : -1;
    if (!ret.complete)
        return fl_error(VIR_ERR_AUTH_FAILED, "auth: polkit did not complete the authentication");
    fl_stage_note("polkit lets this process in");
    return 0;
}
