/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The *LookupByUUIDString calls: text to UUID, then the lookup by UUID. */
#include "base/error.h"
#include "base/util.h"
#include "core/objects.h"

/* -1 after dispatching. */
static int uuid_of(virConnectPtr conn, int from, const char *call, const char *uuidstr, unsigned char *uuid)
{
    if (!uuidstr)
        fl_error_set_argument(from, VIR_ERR_INVALID_ARG, call, "uuidstr", "must not be NULL");
    else if (!fl_uuid_parse(uuidstr, uuid))
        fl_error_set_argument(from, VIR_ERR_INVALID_ARG, call, "uuidstr", "'%.64s' is not a UUID", uuidstr);
    else
        return 0;
    fl_error_dispatch(conn);
    return -1;
}

#define DEFINE_LOOKUP(Object, FROM)                                                                          \
    vir##Object##Ptr vir##Object##LookupByUUIDString(virConnectPtr conn, const char *uuidstr)                \
    {                                                                                                        \
        unsigned char uuid[VIR_UUID_BUFLEN];                                                                 \
        fl_error_reset();                                                                                    \
        if (fl_connect_check(conn, __func__) < 0) {                                                          \
            fl_error_dispatch(NULL);                                                                         \
            return NULL;                                                                                     \
        }                                                                                                    \
        return uuid_of(conn, VIR_FROM_##FROM, __func__, uuidstr, uuid) < 0                                   \
                   ? NULL                                                                                    \
                   : vir##Object##LookupByUUID(conn, uuid);                                                  \
    }
DEFINE_LOOKUP(Domain, DOMAIN)
DEFINE_LOOKUP(Network, NETWORK)
DEFINE_LOOKUP(StoragePool, STORAGE)
DEFINE_LOOKUP(Secret, SECRET)
DEFINE_LOOKUP(NWFilter, NWFILTER)

virNetworkPortPtr virNetworkPortLookupByUUIDString(virNetworkPtr net, const char *uuidstr)
{
    unsigned char uuid[VIR_UUID_BUFLEN];
    fl_error_reset();
    if (fl_network_check(net, __func__) < 0) {
        fl_error_dispatch(NULL);
        return NULL;
    }
    return uuid_of(net->conn, VIR_FROM_NETWORK, __func__, uuidstr, uuid) < 0
               ? NULL
               : virNetworkPortLookupByUUID(net, uuid);
}
