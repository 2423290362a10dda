/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The phases of migration between two daemons: no driver of this daemon migrates, and each phase says so. */
#define FL_FROM VIR_FROM_RPC
#include "base/error.h"
#include "daemon/call.h"
#include "daemon/dispatch.h"
#include "wire/procs.h"

static int refuse(const struct fl_call *call)
{
    return fl_error(VIR_ERR_NO_SUPPORT, "%s: no driver of this daemon migrates domains",
                    fl_proc_name(call->proc));
}

#define MIGRATION_PHASE(name)                                                                                \
    int fl_serve_domain_migrate_##name(struct fl_call *call, void *args, void *ret)                          \
    {                                                                                                        \
        (void)args, (void)ret;                                                                               \
        return refuse(call);                                                                                 \
    }

MIGRATION_PHASE(prepare)
MIGRATION_PHASE(perform)
MIGRATION_PHASE(finish)
MIGRATION_PHASE(prepare2)
MIGRATION_PHASE(finish2)
MIGRATION_PHASE(prepare_tunnel)
MIGRATION_PHASE(begin3)
MIGRATION_PHASE(prepare3)
MIGRATION_PHASE(prepare_tunnel3)
MIGRATION_PHASE(perform3)
MIGRATION_PHASE(finish3)
MIGRATION_PHASE(confirm3)
MIGRATION_PHASE(begin3_params)
MIGRATION_PHASE(prepare3_params)
MIGRATION_PHASE(prepare_tunnel3_params)
MIGRATION_PHASE(perform3_params)
MIGRATION_PHASE(finish3_params)
MIGRATION_PHASE(confirm3_params)
