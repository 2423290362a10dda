/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Asking the far side for an event, and telling it that nobody wants it any more; again where a connection
 * is made again. A far side without numbered events is asked through the older calls.
 */
#define FL_FROM VIR_FROM_REMOTE
#include "base/error.h"
#include "base/log.h"
#include "driver/remote/reconnect.h"
#include "driver/remote/remote.h"
#include "driver/remote/stubs.h"
#include "rpc/client_again.h"

#define REGISTERED_LEGACY (-2) /* in event_ids: by an old call, which gives no id */

/* The calls of a class that registers with (event id, optional object) and answers with a callback id. All
 * their argument structs have the same shape; "no object" is what is always asked. */
struct family {
    unsigned int register_proc, register_args, register_ret;
    unsigned int deregister_proc, deregister_args;
};

static const struct family families[] = {
    [FL_EVENT_DOMAIN] = { FL_P_CONNECT_DOMAIN_EVENT_CALLBACK_REGISTER_ANY,
                          FL_T_CONNECT_DOMAIN_EVENT_CALLBACK_REGISTER_ANY_ARGS,
                          FL_T_CONNECT_DOMAIN_EVENT_CALLBACK_REGISTER_ANY_RET,
                          FL_P_CONNECT_DOMAIN_EVENT_CALLBACK_DEREGISTER_ANY,
                          FL_T_CONNECT_DOMAIN_EVENT_CALLBACK_DEREGISTER_ANY_ARGS },
    [FL_EVENT_NETWORK] = { FL_P_CONNECT_NETWORK_EVENT_REGISTER_ANY,
                           FL_T_CONNECT_NETWORK_EVENT_REGISTER_ANY_ARGS,
                           FL_T_CONNECT_NETWORK_EVENT_REGISTER_ANY_RET,
                           FL_P_CONNECT_NETWORK_EVENT_DEREGISTER_ANY,
                           FL_T_CONNECT_NETWORK_EVENT_DEREGISTER_ANY_ARGS },
    [FL_EVENT_STORAGE_POOL] = { FL_P_CONNECT_STORAGE_POOL_EVENT_REGISTER_ANY,
                                FL_T_CONNECT_STORAGE_POOL_EVENT_REGISTER_ANY_ARGS,
                                FL_T_CONNECT_STORAGE_POOL_EVENT_REGISTER_ANY_RET,
                                FL_P_CONNECT_STORAGE_POOL_EVENT_DEREGISTER_ANY,
                                FL_T_CONNECT_STORAGE_POOL_EVENT_DEREGISTER_ANY_ARGS },
    [FL_EVENT_NODE_DEVICE] = { FL_P_CONNECT_NODE_DEVICE_EVENT_REGISTER_ANY,
                               FL_T_CONNECT_NODE_DEVICE_EVENT_REGISTER_ANY_ARGS,
                               FL_T_CONNECT_NODE_DEVICE_EVENT_REGISTER_ANY_RET,
                               FL_P_CONNECT_NODE_DEVICE_EVENT_DEREGISTER_ANY,
                               FL_T_CONNECT_NODE_DEVICE_EVENT_DEREGISTER_ANY_ARGS },
    [FL_EVENT_SECRET] = { FL_P_CONNECT_SECRET_EVENT_REGISTER_ANY, FL_T_CONNECT_SECRET_EVENT_REGISTER_ANY_ARGS,
                          FL_T_CONNECT_SECRET_EVENT_REGISTER_ANY_RET,
                          FL_P_CONNECT_SECRET_EVENT_DEREGISTER_ANY,
                          FL_T_CONNECT_SECRET_EVENT_DEREGISTER_ANY_ARGS },
};

/* Asked of, and told to, one connection: a number belongs to the connection that gave it. */
static int event_call(virConnectPtr conn, unsigned int generation, unsigned int program, unsigned int proc,
                      unsigned int args_type, const void *args, unsigned int ret_type, void *ret,
                      struct fl_arena *arena)
{
    return fl_client_call_at(fl_remote_client(conn), generation, program, proc, args_type, args, ret_type,
                             ret, arena);
}

static int ask_numbered(virConnectPtr conn, unsigned int generation, const struct fl_event_info *ev,
                        int *ret_id)
{
    const struct family *f = &families[ev->cls];
    struct fl_w_connect_domain_event_callback_register_any_args args = { .eventID = ev->id };
    struct fl_w_connect_domain_event_callback_register_any_ret ret;
    FL_ARENA(arena);

    if (event_call(conn, generation, FL_PROGRAM_REMOTE, f->register_proc, f->register_args, &args,
                   f->register_ret, &ret, &arena) < 0)
        return -1;
    if (ret.callbackID < 0)
        return fl_error(VIR_ERR_RPC, "the far side gave the callback id %d", ret.callbackID);
    *ret_id = ret.callbackID;
    return 0;
}

static int ask_legacy(virConnectPtr conn, unsigned int generation, const struct fl_event_info *ev,
                      int *ret_id)
{
    struct fl_w_connect_domain_event_register_any_args args = { .eventID = ev->id };
    struct fl_w_connect_domain_event_register_ret ret;
    FL_ARENA(arena);
    int rc;

    if (!ev->legacy_proc)
        return fl_error(VIR_ERR_NO_SUPPORT, "the far side is too old to send '%s' events", ev->name);
    if (ev->id == VIR_DOMAIN_EVENT_ID_LIFECYCLE)
        rc = event_call(conn, generation, FL_PROGRAM_REMOTE, FL_P_CONNECT_DOMAIN_EVENT_REGISTER, FL_XDR_VOID,
                        NULL, FL_T_CONNECT_DOMAIN_EVENT_REGISTER_RET, &ret, &arena);
    else
        rc = event_call(conn, generation, FL_PROGRAM_REMOTE, FL_P_CONNECT_DOMAIN_EVENT_REGISTER_ANY,
                        FL_T_CONNECT_DOMAIN_EVENT_REGISTER_ANY_ARGS, &args, FL_XDR_VOID, NULL, &arena);
    if (rc == 0)
        *ret_id = REGISTERED_LEGACY;
    return rc;
}

static int ask_monitor(virConnectPtr conn, unsigned int generation, int *ret_id)
{
    struct fl_w_connect_domain_qemu_monitor_event_register_args args = { 0 };
    struct fl_w_connect_domain_qemu_monitor_event_register_ret ret;
    FL_ARENA(arena);

    if (event_call(conn, generation, FL_PROGRAM_QEMU, FL_P_QEMU_CONNECT_DOMAIN_QEMU_MONITOR_EVENT_REGISTER,
                   FL_T_CONNECT_DOMAIN_QEMU_MONITOR_EVENT_REGISTER_ARGS, &args,
                   FL_T_CONNECT_DOMAIN_QEMU_MONITOR_EVENT_REGISTER_RET, &ret, &arena) < 0)
        return -1;
    *ret_id = ret.callbackID;
    return 0;
}

static int ask(virConnectPtr conn, unsigned int generation, const struct fl_event_info *ev, int *ret_id)
{
    if (ev->cls == FL_EVENT_QEMU_MONITOR)
        return ask_monitor(conn, generation, ret_id);
    if (ev->cls == FL_EVENT_DOMAIN && !fl_remote_has_feature(fl_remote_of(conn), FL_FEATURE_NUMBERED_EVENTS))
        return ask_legacy(conn, generation, ev, ret_id);
    return ask_numbered(conn, generation, ev, ret_id);
}

/* Whether the connection of that generation has ended and another one is to be expected. */
static bool wait_again(struct fl_remote *r, unsigned int generation)
{
    struct fl_redial *redial = g_atomic_pointer_get(&r->redial);

    if (!redial || (fl_client_is_open(r->client) && fl_client_generation(r->client) == generation))
        return false;
    return fl_redial_wait(redial, generation, 0) == 0;
}

/*
 * events_lock held. Where the connection is made again meanwhile, that has asked for all the hub knows: its
 * number is there before the connection is.
 */
int fl_remote_event_ask(virConnectPtr conn, const struct fl_event_info *ev)
{
    struct fl_remote *r = fl_remote_of(conn);
    gint *at = &r->event_ids[ev - fl_events];
    unsigned int generation;
    int id;

    do {
        generation = fl_client_generation(r->client);
        if (g_atomic_int_get(at) != -1)
            return 0;
        if (ask(conn, generation, ev, &id) == 0) {
            g_atomic_int_compare_and_exchange(at, -1, id);
            return 0;
        }
    } while (wait_again(r, generation));
    return -1;
}

int fl_remote_events_again(virConnectPtr conn)
{
    struct fl_remote *r = fl_remote_of(conn);

    for (size_t i = 0; i < FL_NEVENTS; i++) {
        const struct fl_event_info *ev = &fl_events[i];

        if (!fl_hub_count(r->hub, ev->cls, ev->id) || fl_remote_event_ask(conn, ev) == 0)
            continue;
        if (!fl_client_is_open(r->client))
            return -1;
        fl_warn("'%s' events will not come any more, the far side refused: %s", ev->name,
                fl_error_get()->message);
    }
    return 0;
}

static int tell_monitor(virConnectPtr conn, unsigned int generation, int id)
{
    struct fl_w_connect_domain_qemu_monitor_event_deregister_args args = { .callbackID = id };

    return event_call(conn, generation, FL_PROGRAM_QEMU,
                      FL_P_QEMU_CONNECT_DOMAIN_QEMU_MONITOR_EVENT_DEREGISTER,
                      FL_T_CONNECT_DOMAIN_QEMU_MONITOR_EVENT_DEREGISTER_ARGS, &args, FL_XDR_VOID, NULL, NULL);
}

static int tell_legacy(virConnectPtr conn, unsigned int generation, const struct fl_event_info *ev)
{
    struct fl_w_connect_domain_event_deregister_any_args args = { .eventID = ev->id };
    struct fl_w_connect_domain_event_deregister_ret ret;

    if (ev->id == VIR_DOMAIN_EVENT_ID_LIFECYCLE)
        return event_call(conn, generation, FL_PROGRAM_REMOTE, FL_P_CONNECT_DOMAIN_EVENT_DEREGISTER,
                          FL_XDR_VOID, NULL, FL_T_CONNECT_DOMAIN_EVENT_DEREGISTER_RET, &ret, NULL);
    return event_call(conn, generation, FL_PROGRAM_REMOTE, FL_P_CONNECT_DOMAIN_EVENT_DEREGISTER_ANY,
                      FL_T_CONNECT_DOMAIN_EVENT_DEREGISTER_ANY_ARGS, &args, FL_XDR_VOID, NULL, NULL);
}

static int tell(virConnectPtr conn, unsigned int generation, const struct fl_event_info *ev, int id)
{
    struct fl_w_connect_domain_event_callback_deregister_any_args args = { .callbackID = id };

    if (ev->cls == FL_EVENT_QEMU_MONITOR)
        return tell_monitor(conn, generation, id);
    if (id == REGISTERED_LEGACY)
        return tell_legacy(conn, generation, ev);
    return event_call(conn, generation, FL_PROGRAM_REMOTE, families[ev->cls].deregister_proc,
                      families[ev->cls].deregister_args, &args, FL_XDR_VOID, NULL, NULL);
}

/* events_lock held. Tells the far side when nobody is left; a connection that has ended needs no telling. */
int fl_remote_event_tell(virConnectPtr conn, const struct fl_event_info *ev)
{
    struct fl_remote *r = fl_remote_of(conn);
    gint *at = &r->event_ids[ev - fl_events];
    unsigned int generation = fl_client_generation(r->client);
    int id = g_atomic_int_get(at);

    if (id == -1 || fl_hub_count(r->hub, ev->cls, ev->id))
        return 0;
    g_atomic_int_set(at, -1);
    if (!fl_client_is_open(r->client))
        return 0;
    if (tell(conn, generation, ev, id) == 0)
        return 0;
    if (!g_atomic_pointer_get(&r->redial) ||
        (fl_client_is_open(r->client) && fl_client_generation(r->client) == generation))
        return -1;
    fl_error_reset(); /* it broke, and the next connection will not be asked */
    return 0;
}
