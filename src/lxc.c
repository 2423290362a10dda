/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* libvirt-lxc.so.0: the calls that act on the calling process instead of asking a driver. */
#define FL_FROM VIR_FROM_LXC
#include <sched.h>
#include <unistd.h>
#include <libvirt/libvirt.h>
#include <libvirt/libvirt-lxc.h>
#include "base/error.h"
#include "core/objects.h"

static int enter_all(unsigned int n, const int *fds)
{
    for (unsigned int i = 0; i < n; i++) {
        if (fds[i] >= 0 && setns(fds[i], 0) < 0)
            return fl_error_system(errno, "namespace %u of %u cannot be entered", i + 1, n);
    }
    return 0;
}

/* The old namespaces are not kept: asked for, they are refused rather than silently missing. */
int virDomainLxcEnterNamespace(virDomainPtr domain, unsigned int nfdlist, int *fdlist,
                               unsigned int *noldfdlist, int **oldfdlist, unsigned int flags)
{
    int rc = -1;

    fl_error_reset();
    if (fl_domain_check(domain, __func__) < 0) {
        fl_error_dispatch(NULL);
        return -1;
    }
    if (flags)
        fl_error(VIR_ERR_INVALID_ARG, "%s knows no flags 0x%x", __func__, flags);
    else if (noldfdlist || oldfdlist)
        fl_error(VIR_ERR_NO_SUPPORT, "%s does not hand back the namespaces that are left", __func__);
    else if (!fdlist && nfdlist)
        fl_error(VIR_ERR_INVALID_ARG, "%s: 'fdlist' must not be NULL", __func__);
    else
        rc = enter_all(nfdlist, fdlist);
    if (rc < 0)
        fl_error_dispatch(domain->conn);
    return rc;
}

int virDomainLxcEnterSecurityLabel(virSecurityModelPtr model, virSecurityLabelPtr label,
                                   virSecurityLabelPtr oldlabel, unsigned int flags)
{
    (void)model, (void)label, (void)oldlabel, (void)flags;
    fl_error_reset();
    fl_error(VIR_ERR_NO_SUPPORT, "entering a security label is not supported by this build");
    fl_error_dispatch(NULL);
    return -1;
}

int virDomainLxcEnterCGroup(virDomainPtr domain, unsigned int flags)
{
    (void)flags;
    fl_error_reset();
    if (fl_domain_check(domain, __func__) == 0)
        fl_error(VIR_ERR_NO_SUPPORT, "entering a control group is not supported by this build");
    fl_error_dispatch(NULL);
    return -1;
}
