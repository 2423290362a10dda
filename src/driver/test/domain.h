/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A domain of the test driver, and what its files share. The host's lock is held in all of these. */
#pragma once

#include "driver/test/moment.h"
#include "driver/test/state.h"

struct fl_test_iothread {
    unsigned int id;
    unsigned long long poll_max_ns;
    unsigned int poll_grow, poll_shrink;
};

struct fl_test_domain {
    struct fl_test_item item;
    struct fl_domain_def *def;  /* as it is now */
    struct fl_domain_def *next; /* while running: what the next start takes; NULL for a transient one */
    int state, reason;
    bool persistent, autostart, managed_save;
    bool frozen[2];    /* the file systems "/" and "/boot" */
    GArray *iothreads; /* struct fl_test_iothread */
    struct fl_test_moments snapshots, checkpoints;
};

void fl_test_domain_free_item(struct fl_test_item *item);
bool fl_test_domain_active(const struct fl_test_domain *d);

/* The domain behind a public object; NULL with VIR_ERR_NO_DOMAIN. _running also refuses one that is off. */
struct fl_test_domain *fl_test_domain_of(struct fl_test_host *host, virDomainPtr dom);
struct fl_test_domain *fl_test_domain_running(struct fl_test_host *host, virDomainPtr dom);
int fl_test_domain_need_active(const struct fl_test_domain *d);
virDomainPtr fl_test_domain_public(virConnectPtr conn, const struct fl_test_domain *d);

/*
 * Which definitions flags VIR_DOMAIN_AFFECT_LIVE, _CONFIG (neither = as it is now) name. defs() fills both
 * that apply and leaves the other NULL; one_def() refuses the combination.
 */
int fl_test_domain_defs(struct fl_test_domain *d, unsigned int flags, struct fl_domain_def **ret_live,
                        struct fl_domain_def **ret_config);
int fl_test_domain_one_def(struct fl_test_domain *d, unsigned int flags, struct fl_domain_def **ret_def);

/* Takes `def` in; `live` = it is about to run. NULL with VIR_ERR_OPERATION_FAILED/_INVALID when it clashes.
 */
enum fl_test_add { FL_TEST_ADD_DEFINE, FL_TEST_ADD_LIVE, FL_TEST_ADD_NEW };
struct fl_test_domain *fl_test_domain_add(struct fl_test_host *host, struct fl_domain_def *def,
                                          enum fl_test_add how);
void fl_test_domain_drop(struct fl_test_host *host, struct fl_test_domain *d);
void fl_test_domain_start(struct fl_test_host *host, struct fl_test_domain *d, int reason);
/* Turns it off and emits STOPPED; a transient one is gone afterwards. */
void fl_test_domain_stop(struct fl_test_host *host, struct fl_test_domain *d, int reason, int detail);
/* The same without event and without dropping. */
void fl_test_domain_off(struct fl_test_host *host, struct fl_test_domain *d, int reason);
void fl_test_domain_emit(struct fl_test_host *host, const struct fl_test_domain *d, int event, int detail);

/* A child of <domain>, made at its proper place in the order of output if it is not there. */
struct fl_xml_node *fl_test_domain_section(struct fl_domain_def *def, const char *name);
/* A child of `parent`, made at its place among `order` ("a|b|c") if it is not there. */
struct fl_xml_node *fl_test_xml_child_in(struct fl_xml_node *parent, const char *name,
                                         const char *const *order);
/* Drops <domain>'s child if nothing is left in it. */
void fl_test_domain_section_prune(struct fl_domain_def *def, const char *name);

/* Pins in <cputune>: "vcpupin"/"vcpu", "iothreadpin"/"iothread", "emulatorpin"/NULL. cpuset NULL removes. */
void fl_test_domain_set_pin(struct fl_domain_def *def, const char *what, const char *attr, unsigned int id,
                            const char *cpuset);
const char *fl_test_domain_get_pin(const struct fl_domain_def *def, const char *what, const char *attr,
                                   unsigned int id);
