/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The *LookupByUUIDString calls: text to UUID, then the lookup by UUID. */
#define FL_FROM VIR_FROM_DOM
#include "base/error.h"
#include "base/util.h"
#include "core/objects.h"

/* -1 after dispatching. */
static int uuid_of(virConnectPtr conn, const char *call, const char *uuidstr, unsigned char *uuid)
{
    if (!uuidstr)
        fl_error_set_argument(FL_FROM, VIR_ERR_INVALID_ARG, call, "uuidstr", "must not be NULL");
    else if (!fl_uuid_parse(uuidstr, uuid))
        fl_error_set_argument(FL_FROM, VIR_ERR_INVALID_ARG, call, "uuidstr", "'%.64s' is not a UUID",
                              uuidstr);
    else
        return 0;
    fl_error_dispatch(conn);
    return -1;
}

#define DEFINE_LOOKUP(Object)                                                                                \
    vir##Object##Ptr vir##Object##LookupByUUIDString(virConnectPtr conn, const char *uuidstr)                \
    {                                                                                                        \
        unsigned char uuid[VIR_UUID_BUFLEN];                                                                 \
        fl_error_reset();                                                                                    \
        if (fl_connect_check(conn, __func__) < 0) {                                                          \
            fl_error_dispatch(NULL);                                                                         \
            return NULL;                                                                                     \
        }                                                                                                    \
        return uuid_of(conn, __func__, uuidstr, uuid) < 0 ? NULL : vir##Object##LookupByUUID(conn, uuid);    \
    }
DEFINE_LOOKUP(Domain)
DEFINE_LOOKUP(Network)
DEFINE_LOOKUP(StoragePool)
DEFINE_LOOKUP(Secret)
DEFINE_LOOKUP(NWFilter)

virNetworkPortPtr virNetworkPortLookupByUUIDString(virNetworkPtr net, const char *uuidstr)
{
    unsigned char uuid[VIR_UUID_BUFLEN];
    fl_error_reset();
    if (fl_network_check(net, __func__) < 0) {
        fl_error_dispatch(NULL);
        return NULL;
    }
    return uuid_of(net->conn, __func__, uuidstr, uuid) < 0 ? NULL : virNetworkPortLookupByUUID(net, uuid);
}
