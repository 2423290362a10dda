/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Authentication first, then what a read-only connection may do. Finer access drivers hook in here. */
#define FL_FROM VIR_FROM_RPC
#include "daemon/access.h"

#include <string.h>

#include "base/error.h"
#include "core/objects.h"
#include "daemon/call.h"
#include "daemon/peer.h"
#include "wire/procs.h"

#define NO_FLAGS 0xffff

static bool is_read_only(const struct fl_call *call)
{
    return call->peer->read_only || (call->conn && (call->conn->flags & VIR_CONNECT_RO));
}

static int refuse_write(const struct fl_call *call, const char *what)
{
    return fl_error(VIR_ERR_OPERATION_DENIED, "%s%s changes state, and the connection is read-only",
                    fl_proc_name(call->proc), what);
}

int fl_access_check_call(const struct fl_call *call)
{
    if (!(call->proc->flags & FL_PROC_AUTH) && !g_atomic_int_get(&call->peer->authenticated))
        return fl_error(VIR_ERR_AUTH_FAILED, "%s needs authentication first", fl_proc_name(call->proc));
    if (is_read_only(call) && !(call->proc->flags & (FL_PROC_READ_ONLY | FL_PROC_AUTH)))
        return refuse_write(call, "");
    return 0;
}

static bool asked(const struct fl_acl *acl, uint32_t flags)
{
    if (acl->if_set && !(flags & acl->if_set))
        return false;
    return !(acl->if_clear && (flags & acl->if_clear));
}

int fl_access_check_args(const struct fl_call *call, const void *args)
{
    const struct fl_proc *proc = call->proc;
    uint32_t flags = 0;

    if (!is_read_only(call))
        return 0;
    if (args && proc->flags_at != NO_FLAGS)
        memcpy(&flags, (const char *)args + proc->flags_at, sizeof(flags));
    for (unsigned int i = 0; i < proc->nacl; i++) {
        const struct fl_acl *acl = &fl_acls[proc->acl + i];

        if (!acl->read && asked(acl, flags))
            return refuse_write(call, " with these flags");
    }
    return 0;
}
