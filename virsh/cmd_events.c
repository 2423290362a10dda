/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * event, net-event, pool-event, nodedev-event, secret-event: print what
 * happens until the first event, --timeout, or Ctrl-C.
 */
#include "events.h"
#include "handlers.h"

#include <string.h>

void fl_events_line(struct fl_events *e, const char *format, ...)
{
    g_autofree char *text = NULL, *when = fl_timestamp();
    va_list ap;

    va_start(ap, format);
    text = g_strdup_vprintf(format, ap);
    va_end(ap);
    g_mutex_lock(&e->lock);
    /* after the last event wanted, what is still on its way is neither printed nor counted */
    if (e->loop || e->count == 0) {
        e->count++;
        if (fl_json(e->c)) {
            void *object = fl_json_object();
            g_autofree char *line = NULL;

            fl_json_set(object, "time", fl_json_string(when));
            fl_json_set(object, "text", fl_json_string(text));
            line = fl_json_line(object);
            printf("%s\n", line);
            fl_json_free(object);
        } else {
            printf(e->timestamp ? "%s: %s\n" : "%s%s\n", e->timestamp ? when : "", text);
        }
        fflush(stdout);
    }
    g_mutex_unlock(&e->lock);
}

static bool enough(void *opaque)
{
    struct fl_events *e = opaque;
    bool answer;

    g_mutex_lock(&e->lock);
    answer = e->count > 0 && !e->loop;
    g_mutex_unlock(&e->lock);
    return answer;
}

int fl_events_wait(struct fl_call *c, struct fl_events *e)
{
    int timeout = 0, given = fl_arg_int(c, "timeout", &timeout), status;

    if (given < 0)
        return -1;
    if (given && timeout < 1)
        return fl_wrong(c, "option --timeout is a number of seconds, 1 or more");
    status = fl_wait(c, timeout, enough, e);
    if (status == 0)
        fl_out(c, "event loop timed out\n");
    else if (status < 0)
        fl_out(c, "event loop interrupted\n");
    fl_out(c, "events received: %d\n", e->count);
    if (fl_json(c))
        fl_json_set_int(fl_document(c), "events_received", e->count);
    if (status < 0 && virConnectIsAlive(c->conn) == 0)
        return fl_wrong(c, "the connection to the hypervisor was lost");
    return e->count ? 0 : fl_wrong(c, "no event was received");
}

void fl_events_init(struct fl_events *e, struct fl_call *c)
{
    memset(e, 0, sizeof(*e));
    g_mutex_init(&e->lock);
    e->c = c;
    e->loop = fl_flag(c, "loop");
    e->timestamp = fl_flag(c, "timestamp");
}

int fl_events_find(struct fl_call *c, const struct fl_event_kind *kinds, size_t n, size_t *ret)
{
    const char *name = fl_arg(c, "event");

    if (!name)
        return fl_wrong(c, "either --list or --event <type> is required");
    for (size_t i = 0; i < n; i++)
        if (strcmp(kinds[i].name, name) == 0) {
            *ret = i;
            return 0;
        }
    return fl_wrong(c, "there is no kind of event '%s'; --list shows them", name);
}

int fl_events_list(struct fl_call *c, const struct fl_event_kind *kinds, size_t n)
{
    void *array = fl_json(c) ? fl_json_array() : NULL;

    for (size_t i = 0; i < n; i++) {
        if (array)
            fl_json_append(array, fl_json_string(kinds[i].name));
        else
            fl_out(c, "%s\n", kinds[i].name);
    }
    if (array)
        fl_document_set(c, array);
    return 0;
}

/* ---- networks, storage pools, node devices, secrets ---- */

/* 1: go on with the kind asked for, whose id is its place; 0: --list was, done. */
static int begin(struct fl_call *c, struct fl_events *e, const struct fl_event_kind *kinds, size_t n,
                 size_t *ret_kind)
{
    if (fl_flag(c, "list"))
        return fl_events_list(c, kinds, n);
    if (fl_events_find(c, kinds, n, ret_kind) < 0)
        return -1;
    fl_events_init(e, c);
    return 1;
}

static int finish(struct fl_call *c, struct fl_events *e, int id, const char *noun,
                  int (*deregister)(virConnectPtr conn, int id))
{
    int status;

    if (id < 0)
        return fl_fail(c, "failed to register for %s events", noun);
    status = fl_events_wait(c, e);
    deregister(c->conn, id);
    return status;
}

static void on_network(virConnectPtr conn, virNetworkPtr net, int event, int detail, void *opaque)
{
    static const char *const names[] = { "Defined", "Undefined", "Started", "Stopped" };

    (void)conn;
    (void)detail;
    fl_events_line(opaque, "event 'lifecycle' for network %s: %s", virNetworkGetName(net),
                   FL_NAME(names, event));
}

int fl_cmd_net_event(struct fl_call *c)
{
    static const struct fl_event_kind kinds[] = { { "lifecycle", (void (*)(void))on_network } };
    struct fl_events e;
    g_autoptr(virNetwork) net = NULL;
    size_t kind = 0;
    int rc = begin(c, &e, kinds, G_N_ELEMENTS(kinds), &kind);

    if (rc <= 0)
        return rc;
    if (fl_arg(c, "network") && !(net = fl_network_by(c, fl_arg(c, "network"), FL_BY_ANY)))
        return -1;
    rc = virConnectNetworkEventRegisterAny(
        c->conn, net, (int)kind, (virConnectNetworkEventGenericCallback)kinds[kind].callback, &e, NULL);
    return finish(c, &e, rc, "network", virConnectNetworkEventDeregisterAny);
}

static void on_pool(virConnectPtr conn, virStoragePoolPtr pool, int event, int detail, void *opaque)
{
    static const char *const names[] = { "Defined", "Undefined", "Started", "Stopped", "Created", "Deleted" };

    (void)conn;
    (void)detail;
    fl_events_line(opaque, "event 'lifecycle' for storage pool %s: %s", virStoragePoolGetName(pool),
                   FL_NAME(names, event));
}

static void on_pool_refresh(virConnectPtr conn, virStoragePoolPtr pool, void *opaque)
{
    (void)conn;
    fl_events_line(opaque, "event 'refresh' for storage pool %s", virStoragePoolGetName(pool));
}

int fl_cmd_pool_event(struct fl_call *c)
{
    static const struct fl_event_kind kinds[] = { { "lifecycle", (void (*)(void))on_pool },
                                                  { "refresh", (void (*)(void))on_pool_refresh } };
    struct fl_events e;
    g_autoptr(virStoragePool) pool = NULL;
    size_t kind = 0;
    int rc = begin(c, &e, kinds, G_N_ELEMENTS(kinds), &kind);

    if (rc <= 0)
        return rc;
    if (fl_arg(c, "pool") && !(pool = fl_pool_by(c, fl_arg(c, "pool"), FL_BY_ANY)))
        return -1;
    rc = virConnectStoragePoolEventRegisterAny(
        c->conn, pool, (int)kind, (virConnectStoragePoolEventGenericCallback)kinds[kind].callback, &e, NULL);
    return finish(c, &e, rc, "storage pool", virConnectStoragePoolEventDeregisterAny);
}

static void on_device(virConnectPtr conn, virNodeDevicePtr dev, int event, int detail, void *opaque)
{
    static const char *const names[] = { "Created", "Deleted", "Defined", "Undefined" };

    (void)conn;
    (void)detail;
    fl_events_line(opaque, "event 'lifecycle' for node device %s: %s", virNodeDeviceGetName(dev),
                   FL_NAME(names, event));
}

static void on_device_update(virConnectPtr conn, virNodeDevicePtr dev, void *opaque)
{
    (void)conn;
    fl_events_line(opaque, "event 'update' for node device %s", virNodeDeviceGetName(dev));
}

int fl_cmd_nodedev_event(struct fl_call *c)
{
    static const struct fl_event_kind kinds[] = { { "lifecycle", (void (*)(void))on_device },
                                                  { "update", (void (*)(void))on_device_update } };
    struct fl_events e;
    g_autoptr(virNodeDevice) dev = NULL;
    size_t kind = 0;
    int rc = begin(c, &e, kinds, G_N_ELEMENTS(kinds), &kind);

    if (rc <= 0)
        return rc;
    if (fl_arg(c, "device") && !(dev = virNodeDeviceLookupByName(c->conn, fl_arg(c, "device"))))
        return fl_fail(c, "failed to get node device '%s'", fl_arg(c, "device"));
    rc = virConnectNodeDeviceEventRegisterAny(
        c->conn, dev, (int)kind, (virConnectNodeDeviceEventGenericCallback)kinds[kind].callback, &e, NULL);
    return finish(c, &e, rc, "node device", virConnectNodeDeviceEventDeregisterAny);
}

static void on_secret(virConnectPtr conn, virSecretPtr secret, int event, int detail, void *opaque)
{
    static const char *const names[] = { "Defined", "Undefined" };
    char uuid[VIR_UUID_STRING_BUFLEN] = "";

    (void)conn;
    (void)detail;
    virSecretGetUUIDString(secret, uuid);
    fl_events_line(opaque, "event 'lifecycle' for secret %s: %s", uuid, FL_NAME(names, event));
}

static void on_secret_value(virConnectPtr conn, virSecretPtr secret, void *opaque)
{
    char uuid[VIR_UUID_STRING_BUFLEN] = "";

    (void)conn;
    virSecretGetUUIDString(secret, uuid);
    fl_events_line(opaque, "event 'value-changed' for secret %s", uuid);
}

int fl_cmd_secret_event(struct fl_call *c)
{
    static const struct fl_event_kind kinds[] = { { "lifecycle", (void (*)(void))on_secret },
                                                  { "value-changed", (void (*)(void))on_secret_value } };
    struct fl_events e;
    g_autoptr(virSecret) secret = NULL;
    size_t kind = 0;
    int rc = begin(c, &e, kinds, G_N_ELEMENTS(kinds), &kind);

    if (rc <= 0)
        return rc;
    if (fl_arg(c, "secret") && !(secret = virSecretLookupByUUIDString(c->conn, fl_arg(c, "secret"))))
        return fl_fail(c, "failed to get secret '%s'", fl_arg(c, "secret"));
    rc = virConnectSecretEventRegisterAny(
        c->conn, secret, (int)kind, (virConnectSecretEventGenericCallback)kinds[kind].callback, &e, NULL);
    return finish(c, &e, rc, "secret", virConnectSecretEventDeregisterAny);
}
