/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The hub's registrations and the ways to find them. Only hub.c uses this, with the hub's lock held. */
#pragma once

#include <stdint.h>
#include <glib.h>

#include "core/hub.h"

/* A registration. One reference is the table's, one each delivery in progress. */
struct hub_reg {
    gint refs;
    gint dead; /* atomic: deregistered, must not be called any more */
    int id;
    int64_t serial; /* ids come round again after 2^31 registrations, serials do not */
    virConnectPtr conn;
    bool holds_conn;
    const struct fl_event_info *event;
    char *filter; /* the UUID in hexadecimal or the name; "" = every object */
    void (*cb)(void);
    fl_hub_sink sink;
    void *opaque;
    virFreeCallback freecb;
    GList in_bucket, in_conn; /* links: data points here */
};

/* Who wants one kind of event. */
struct hub_slot {
    unsigned int count;
    GQueue all;       /* those without a filter, oldest first */
    GHashTable *some; /* set of struct hub_bucket; NULL: nobody filters */
};

struct hub_table {          /* all zero: empty */
    struct hub_slot *slots; /* one per event, by its place in fl_events; NULL before the first registration */
    GHashTable *by_id;      /* id -> reg */
    GHashTable *by_cb;   /* set of callback registrations, equal by connection, event, filter and function */
    GHashTable *by_conn; /* connection -> GQueue of regs */
    int next_id;
    int64_t next_serial;
};

enum hub_kind { HUB_CALLBACKS, HUB_SINKS };

struct hub_reg *hub_reg_new(virConnectPtr conn, const struct fl_event_info *event,
                            const struct fl_hub_filter *filter, void *opaque, virFreeCallback freecb);
void hub_reg_free(struct hub_reg *reg); /* memory only */

void hub_table_fini(struct hub_table *t);
/* Gives the id; -1 with the error set when the same callback is registered for the same already. */
int hub_table_add(struct hub_table *t, struct hub_reg *reg);
void hub_table_remove(struct hub_table *t, struct hub_reg *reg);
struct hub_reg *hub_table_by_id(struct hub_table *t, int id);
struct hub_reg *hub_table_by_cb(struct hub_table *t, virConnectPtr conn, const struct fl_event_info *event,
                                void (*cb)(void));                          /* one without filter */
struct hub_reg *hub_table_of_conn(struct hub_table *t, virConnectPtr conn); /* any, NULL = none left */
unsigned int hub_table_count(const struct hub_table *t, const struct fl_event_info *event);
/* Whether anybody wants this event, of whatever kind. */
bool hub_table_wants(const struct hub_table *t, const struct fl_event_info *event, const void *payload);
/* Appends, in order of registration and with a reference each, those of `kind` that want this event and have
 * a serial below `seen_by`. True if there are any of the other kind. */
bool hub_table_match(struct hub_table *t, const struct fl_event_info *event, const void *payload,
                     int64_t seen_by, enum hub_kind kind, GPtrArray *into);
