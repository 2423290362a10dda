/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Network and node device calls with a life of their own: results that stay with the object, and freeing. */
#define FL_FROM VIR_FROM_NODEDEV
#include <stdlib.h>
#include <libvirt/libvirt.h>

#include "base/error.h"
#include "core/objects.h"
#include "core/ops.h"
#include "core/driver.h"

/* The answer stays valid as long as the object, so the first one is kept. NULL without an error: no parent.
 */
const char *virNodeDeviceGetParent(virNodeDevicePtr dev)
{
    fl_error_reset();
    if (fl_node_device_check(dev, __func__) < 0) {
        fl_error_dispatch(NULL);
        return NULL;
    }
    char *parent = g_atomic_pointer_get(&dev->parentName);
    if (parent)
        return parent;
    if (!dev->conn->ops->node_device_get_parent) {
        fl_error(VIR_ERR_NO_SUPPORT, "%s is not supported by the '%s' driver", __func__,
                 dev->conn->driver->name);
        fl_error_dispatch(dev->conn);
        return NULL;
    }
    parent = dev->conn->ops->node_device_get_parent(dev);
    if (!parent) /* Compat: a device without parent leaves an error that no handler is told */
        return NULL;
    if (!g_atomic_pointer_compare_and_exchange(&dev->parentName, (char *)NULL, parent))
        free(parent); /* another thread was faster */
    return g_atomic_pointer_get(&dev->parentName);
}

void virNetworkDHCPLeaseFree(virNetworkDHCPLeasePtr lease)
{
    if (!lease)
        return;
    free(lease->iface);
    free(lease->mac);
    free(lease->iaid);
    free(lease->ipaddr);
    free(lease->hostname);
    free(lease->clientid);
    free(lease);
}
