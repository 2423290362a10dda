/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Logging in by polkit: the daemon asks the machine's rules about this process, perhaps a person too. */
#define FL_FROM VIR_FROM_REMOTE
#include "driver/remote/auth.h"

#include "base/error.h"

int fl_remote_auth_polkit(const struct fl_remote_login *login)
{
    FL_ARENA(arena);
    struct fl_w_auth_polkit_ret ret;

    if (fl_remote_call(login->conn, FL_P_AUTH_POLKIT, FL_XDR_VOID, NULL, FL_T_AUTH_POLKIT_RET, &ret, &arena) <
        0)
        return -1;
    if (!ret.complete)
        return fl_error(VIR_ERR_AUTH_FAILED, "polkit did not complete the authentication");
    return 0;
}
