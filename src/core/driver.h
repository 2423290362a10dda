/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A driver answers the public calls for one kind of hypervisor. Its operations table, struct fl_driver_ops
 * (driver/ops.h, generated from api/), has a slot per public call, named as the call less its "vir" in
 * snake case (virDomainGetXMLDesc -> domain_get_xml_desc), with the public prototype. An empty slot means
 * "not supported" and the generated entry point says so.
 *
 * Before a slot is called, the entry point has checked objects, NULL arguments and read-only. The driver
 * checks flags with fl_check_flags(). On failure it sets the thread's error and returns -1 or NULL.
 * The entry point dispatches the error; drivers never do.
 */
#pragma once

#include <stdbool.h>
#include <libvirt/libvirt.h>
#include "core/ops.h"

struct fl_hub;
struct fl_route;

struct fl_driver {
    const char *name; /* for messages: "test" */
    const char *const
        *schemes; /* URI schemes it answers, NULL-terminated; NULL: what no other driver answers */
    const struct fl_driver_ops *ops;
    /* Default URI if this machine looks as if the driver could work here, NULL if not. Cheap; NULL slot =
     * never. */
    const char *(*probe)(void);
    /* Opens; on success conn->priv is set and close will be called once. -1 with the error set. */
    int (*open)(virConnectPtr conn, const struct fl_route *route, virConnectAuthPtr auth, unsigned int flags);
    void (*close)(virConnectPtr conn);
    /* May be NULL. A close callback was registered (on) or taken back: when the connection then ends by
     * itself the driver calls fl_connect_closed() (core/connect.h). -1 with the error set. */
    int (*watch_close)(virConnectPtr conn, bool on);
    /* May be NULL: no events. The hub the connection's events are emitted on, borrowed; the daemon subscribes
     * there for its clients. */
    struct fl_hub *(*hub)(virConnectPtr conn);
    /* May be NULL. Whether open() never waits for anything (a file, another process, a person) where `name`,
     * as the client sent it, is opened: the daemon does it where the call arrives. */
    bool (*opens_at_once)(const char *name);
    /* May be NULL. Whether a procedure of the remote program that may have to wait for a hypervisor never
     * does so in this driver: the daemon serves it where it arrives, without another thread. */
    bool (*at_once)(unsigned int procedure);
};

/* In probe order, NULL at the end: registry.c. */
extern const struct fl_driver *const fl_drivers[];
const struct fl_driver *fl_driver_by_scheme(const char *scheme); /* NULL, no error set */
const struct fl_driver *fl_driver_for_rest(void);                /* the one without schemes: remote */

/* At the head of an operation: refuses flags outside `mask` with VIR_ERR_INVALID_ARG. */
int fl_check_flags_(const char *call, unsigned int flags, unsigned int mask);
#define fl_check_flags(flags, mask) fl_check_flags_(__func__, (flags), (mask))
