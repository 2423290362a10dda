/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The ssh family's parameters that choose a policy. A wrong one is an error of the RPC layer, as the peer's.
 */
#define FL_FROM VIR_FROM_RPC
#include "transport/ssh_policy.h"

#include <string.h>

#include "base/error.h"
#include "uri/route.h"

static const char *const method_names[FL_SSH_NMETHODS] = { "agent", "privkey", "password",
                                                           "keyboard-interactive" };

const char *fl_ssh_method_name(enum fl_ssh_method method)
{
    return method_names[method];
}

bool fl_ssh_policy_has(const struct fl_ssh_policy *policy, enum fl_ssh_method method)
{
    for (size_t i = 0; i < policy->nmethods; i++)
        if (policy->methods[i] == method)
            return true;
    return false;
}

static int set_methods(struct fl_ssh_policy *p, const char *text)
{
    g_auto(GStrv) words = g_strsplit(text, ",", 0);

    for (char **w = words; *w; w++) {
        enum fl_ssh_method m = FL_SSH_AGENT;
        while (m < FL_SSH_NMETHODS && strcmp(method_names[m], *w) != 0)
            m++;
        if (m == FL_SSH_NMETHODS)
            return fl_error(VIR_ERR_INVALID_ARG,
                            "sshauth=%.100s: there is no way of logging in called '%.50s'; there are agent, "
                            "privkey, password and keyboard-interactive, with commas between them",
                            text, *w);
        if (!fl_ssh_policy_has(p, m))
            p->methods[p->nmethods++] = m;
    }
    return 0;
}

static int set_verify(struct fl_ssh_policy *p, const struct fl_route *route)
{
    const char *text = route->known_hosts_verify;

    if (!text)
        p->verify = route->no_verify ? FL_SSH_VERIFY_AUTO : FL_SSH_VERIFY_UNSET;
    else if (strcmp(text, "normal") == 0)
        p->verify = FL_SSH_VERIFY_NORMAL;
    else if (strcmp(text, "auto") == 0)
        p->verify = FL_SSH_VERIFY_AUTO;
    else if (strcmp(text, "ignore") == 0)
        p->verify = FL_SSH_VERIFY_IGNORE;
    else
        return fl_error(VIR_ERR_INVALID_ARG, "known_hosts_verify=%.100s: expected normal, auto or ignore",
                        text);
    return 0;
}

int fl_ssh_policy_of(const struct fl_route *route, struct fl_ssh_policy *ret_policy)
{
    struct fl_ssh_policy p = { .methods_given = route->sshauth != NULL };

    if (set_methods(&p, route->sshauth ? route->sshauth : "agent,privkey,password,keyboard-interactive") <
            0 ||
        set_verify(&p, route) < 0)
        return -1;
    *ret_policy = p;
    return 0;
}
