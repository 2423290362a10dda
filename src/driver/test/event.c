/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Events: payloads for the hub, and the registration calls. */
#define FL_FROM VIR_FROM_TEST
#include <string.h>
#include "driver/test/ops.h"
#include "driver/test/state.h"

void fl_test_event_domain(struct fl_test_host *host, const char *name, const unsigned char *uuid, int id,
                          int event, int detail)
{
    struct fl_w_event_domain_lifecycle p = { .dom = { .name = (char *)name, .id = id },
                                             .event = event,
                                             .detail = detail };
    memcpy(p.dom.uuid, uuid, VIR_UUID_BUFLEN);
    fl_hub_emit(host->hub, FL_EV_DOMAIN_LIFECYCLE, &p);
}

void fl_test_event_metadata(struct fl_test_host *host, const struct fl_test_item *dom, int type,
                            const char *uri)
{
    struct fl_w_event_domain_metadata_change p = { .dom = { .name = dom->name, .id = dom->id },
                                                   .type = type };
    memcpy(p.dom.uuid, dom->uuid, VIR_UUID_BUFLEN);
    p.nsuri = (char *)uri;
    fl_hub_emit(host->hub, FL_EV_DOMAIN_METADATA_CHANGE, &p);
}

void fl_test_event_network(struct fl_test_host *host, const struct fl_test_item *net, int event, int detail)
{
    struct fl_w_event_network_lifecycle p = { .net = { .name = net->name },
                                              .event = event,
                                              .detail = detail };
    memcpy(p.net.uuid, net->uuid, VIR_UUID_BUFLEN);
    fl_hub_emit(host->hub, FL_EV_NETWORK_LIFECYCLE, &p);
}

void fl_test_event_pool(struct fl_test_host *host, const struct fl_test_item *pool, int event, int detail)
{
    struct fl_w_event_storage_pool_lifecycle p = { .pool = { .name = pool->name },
                                                   .event = event,
                                                   .detail = detail };
    memcpy(p.pool.uuid, pool->uuid, VIR_UUID_BUFLEN);
    fl_hub_emit(host->hub, FL_EV_STORAGE_POOL_LIFECYCLE, &p);
}

void fl_test_event_pool_refresh(struct fl_test_host *host, const struct fl_test_item *pool)
{
    struct fl_w_event_storage_pool_refresh p = { .pool = { .name = pool->name } };
    memcpy(p.pool.uuid, pool->uuid, VIR_UUID_BUFLEN);
    fl_hub_emit(host->hub, FL_EV_STORAGE_POOL_REFRESH, &p);
}

void fl_test_event_nodedev(struct fl_test_host *host, const struct fl_test_item *dev, int event, int detail)
{
    struct fl_w_event_node_device_lifecycle p = { .dev = { .name = dev->name },
                                                  .event = event,
                                                  .detail = detail };
    fl_hub_emit(host->hub, FL_EV_NODE_DEVICE_LIFECYCLE, &p);
}

static int event_register(virConnectPtr conn, enum fl_event_class cls, int event_id,
                          const unsigned char *uuid, const char *name, void (*cb)(void), void *opaque,
                          virFreeCallback freecb)
{
    struct fl_test_host *host = conn->priv;
    struct fl_hub_filter filter = { .uuid = uuid, .name = name };
    if (!fl_event_find(cls, event_id))
        return fl_error(VIR_ERR_INVALID_ARG, "there is no event number %d of this kind", event_id);
    return fl_hub_register(host->hub, conn, cls, event_id, uuid || name ? &filter : NULL, cb, opaque, freecb);
}

static int event_deregister(virConnectPtr conn, int callback_id)
{
    struct fl_test_host *host = conn->priv;
    return fl_hub_deregister(host->hub, conn, callback_id);
}

int fl_test_connect_domain_event_register(virConnectPtr conn, virConnectDomainEventCallback cb, void *opaque,
                                          virFreeCallback freecb)
{
    int id = event_register(conn, FL_EVENT_DOMAIN, VIR_DOMAIN_EVENT_ID_LIFECYCLE, NULL, NULL,
                            (void (*)(void))cb, opaque, freecb);
    return id < 0 ? -1 : 0;
}

int fl_test_connect_domain_event_deregister(virConnectPtr conn, virConnectDomainEventCallback cb)
{
    struct fl_test_host *host = conn->priv;
    return fl_hub_deregister_cb(host->hub, conn, FL_EVENT_DOMAIN, VIR_DOMAIN_EVENT_ID_LIFECYCLE,
                                (void (*)(void))cb) < 0
               ? -1
               : 0;
}

int fl_test_connect_domain_event_register_any(virConnectPtr conn, virDomainPtr dom, int event_id,
                                              virConnectDomainEventGenericCallback cb, void *opaque,
                                              virFreeCallback freecb)
{
    return event_register(conn, FL_EVENT_DOMAIN, event_id, dom ? dom->uuid : NULL, NULL, (void (*)(void))cb,
                          opaque, freecb);
}

int fl_test_connect_domain_event_deregister_any(virConnectPtr conn, int callback_id)
{
    return event_deregister(conn, callback_id);
}

int fl_test_connect_network_event_register_any(virConnectPtr conn, virNetworkPtr net, int event_id,
                                               virConnectNetworkEventGenericCallback cb, void *opaque,
                                               virFreeCallback freecb)
{
    return event_register(conn, FL_EVENT_NETWORK, event_id, net ? net->uuid : NULL, NULL, (void (*)(void))cb,
                          opaque, freecb);
}

int fl_test_connect_network_event_deregister_any(virConnectPtr conn, int callback_id)
{
    return event_deregister(conn, callback_id);
}

int fl_test_connect_storage_pool_event_register_any(virConnectPtr conn, virStoragePoolPtr pool, int event_id,
                                                    virConnectStoragePoolEventGenericCallback cb,
                                                    void *opaque, virFreeCallback freecb)
{
    return event_register(conn, FL_EVENT_STORAGE_POOL, event_id, pool ? pool->uuid : NULL, NULL,
                          (void (*)(void))cb, opaque, freecb);
}

int fl_test_connect_storage_pool_event_deregister_any(virConnectPtr conn, int callback_id)
{
    return event_deregister(conn, callback_id);
}

int fl_test_connect_node_device_event_register_any(virConnectPtr conn, virNodeDevicePtr dev, int event_id,
                                                   virConnectNodeDeviceEventGenericCallback cb, void *opaque,
                                                   virFreeCallback freecb)
{
    return event_register(conn, FL_EVENT_NODE_DEVICE, event_id, NULL, dev ? dev->name : NULL,
                          (void (*)(void))cb, opaque, freecb);
}

int fl_test_connect_node_device_event_deregister_any(virConnectPtr conn, int callback_id)
{
    return event_deregister(conn, callback_id);
}
