/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The smaller documents: host interfaces, node devices, secrets, network filters and their bindings,
 * snapshots, checkpoints, host and domain capabilities. Same shape as domain.h.
 */
#pragma once

#include <libvirt/libvirt.h>
#include "model/xml.h"
#include "model/domain.h"

struct fl_iface_def {
    char *name;
    char *mac; /* NULL = none */
    struct fl_xml_node *root;
};

int fl_iface_def_parse(const char *xml, const char *name, unsigned int flags, struct fl_iface_def **ret_def);
int fl_iface_def_parse_node(const struct fl_xml_node *node, const char *name, unsigned int flags,
                            struct fl_iface_def **ret_def);
struct fl_iface_def *fl_iface_def_new_ethernet(const char *name, const char *mac, unsigned int mtu,
                                               const char *address, unsigned int prefix, const char *gateway);
struct fl_iface_def *fl_iface_def_copy(const struct fl_iface_def *def);
void fl_iface_def_free(struct fl_iface_def *def);
char *fl_iface_def_format(const struct fl_iface_def *def);

struct fl_nodedev_def {
    char *name;   /* NULL allowed for creation (the driver names it) */
    char *parent; /* NULL = none */
    struct fl_xml_node *root;
};

int fl_nodedev_def_parse(const char *xml, const char *name, unsigned int flags,
                         struct fl_nodedev_def **ret_def);
int fl_nodedev_def_parse_node(const struct fl_xml_node *node, const char *name, unsigned int flags,
                              struct fl_nodedev_def **ret_def);
struct fl_nodedev_def *fl_nodedev_def_new_computer(void); /* the peer's "computer" */
struct fl_nodedev_def *fl_nodedev_def_copy(const struct fl_nodedev_def *def);
void fl_nodedev_def_free(struct fl_nodedev_def *def);
char *fl_nodedev_def_format(const struct fl_nodedev_def *def);
/* Capability types, nested ones included ("system", "scsi_host", "fc_host", "vport_ops"); the strings belong
 * to def. Returns how many there are; fills at most `max`. */
unsigned int fl_nodedev_caps(const struct fl_nodedev_def *def, const char **ret_caps, unsigned int max);
bool fl_nodedev_has_cap(const struct fl_nodedev_def *def, const char *cap);
/* NULL if it is no fc_host. */
const char *fl_nodedev_wwnn(const struct fl_nodedev_def *def);
const char *fl_nodedev_wwpn(const struct fl_nodedev_def *def);
const char *fl_nodedev_fabric_wwn(const struct fl_nodedev_def *def);

struct fl_secret_def {
    unsigned char uuid[VIR_UUID_BUFLEN];
    bool is_ephemeral, is_private;
    int usage_type; /* virSecretUsageType */
    char *usage_id; /* NULL for none */
    struct fl_xml_node *root;
};

int fl_secret_def_parse(const char *xml, const char *name, unsigned int flags,
                        struct fl_secret_def **ret_def);
struct fl_secret_def *fl_secret_def_copy(const struct fl_secret_def *def);
void fl_secret_def_free(struct fl_secret_def *def);
char *fl_secret_def_format(const struct fl_secret_def *def);

struct fl_nwfilter_def {
    char *name;
    unsigned char uuid[VIR_UUID_BUFLEN];
    struct fl_xml_node *root;
};

int fl_nwfilter_def_parse(const char *xml, const char *name, unsigned int flags,
                          struct fl_nwfilter_def **ret_def);
void fl_nwfilter_def_free(struct fl_nwfilter_def *def);
char *fl_nwfilter_def_format(const struct fl_nwfilter_def *def);

/* Snapshots. State is a virDomainState, or FL_SNAPSHOT_DISK. */
enum { FL_SNAPSHOT_DISK = VIR_DOMAIN_PMSUSPENDED + 1 };

enum fl_snapshot_flag {
    FL_SNAPSHOT_REDEFINE = 1 << 0, /* take state, times, parent and <domain> from the XML */
    FL_SNAPSHOT_DISK_ONLY = 1 << 1,
};

struct fl_snapshot_def {
    char *name;
    char *description;
    char *parent; /* name, NULL = a root */
    int state;
    long long creation_time;
    struct fl_domain_def *dom; /* may be NULL right after parse without REDEFINE: the driver gives a copy */
    struct fl_xml_node *root;  /* canonical <domainsnapshot> without the domain */
};

int fl_snapshot_def_parse(const char *xml, const char *name, unsigned int flags,
                          struct fl_snapshot_def **ret_def);
int fl_snapshot_def_parse_node(const struct fl_xml_node *node, const char *name, unsigned int flags,
                               struct fl_snapshot_def **ret_def);
/* Completes <memory> and <disks> from def->dom and def->state (set both first) as the peer does at creation.
 */
int fl_snapshot_def_align_disks(struct fl_snapshot_def *def, unsigned int flags);
void fl_snapshot_def_free(struct fl_snapshot_def *def);
/* flags: virDomainSnapshotXMLFlags; `current`: -1 = leave out <active>. */
char *fl_snapshot_def_format(const struct fl_snapshot_def *def, unsigned int flags, int current);
const char *fl_snapshot_state_name(int state); /* "running", ... */

struct fl_checkpoint_def {
    char *name;
    char *description;
    char *parent;
    long long creation_time;
    struct fl_domain_def *dom;
    struct fl_xml_node *root;
};

int fl_checkpoint_def_parse(const char *xml, const char *name, unsigned int flags,
                            struct fl_checkpoint_def **ret_def);
/* Completes <disks> from def->dom, as at creation. */
int fl_checkpoint_def_align_disks(struct fl_checkpoint_def *def);
void fl_checkpoint_def_free(struct fl_checkpoint_def *def);
/* flags: virDomainCheckpointXMLFlags */
char *fl_checkpoint_def_format(const struct fl_checkpoint_def *def, unsigned int flags);

/* <capabilities>: build with these, or give `root` whatever else a driver knows. */
struct fl_caps {
    struct fl_xml_node *root; /* <capabilities> with <host> */
};

struct fl_caps_cell {
    unsigned int id;
    unsigned long long memory; /* KiB */
    unsigned int n_pages;
    struct {
        unsigned int size; /* KiB */
        unsigned long long count;
    } pages[4];
    unsigned int first_cpu, n_cpus, socket;
};

struct fl_caps *fl_caps_new(const char *arch);
void fl_caps_free(struct fl_caps *caps);
void fl_caps_add_cpu_feature(struct fl_caps *caps, const char *name);
void fl_caps_add_page_size(struct fl_caps *caps, unsigned int kib);
void fl_caps_add_cell(struct fl_caps *caps, const struct fl_caps_cell *cell);
void fl_caps_add_secmodel(struct fl_caps *caps, const char *model, const char *doi);
/* features: NULL-terminated names of empty elements. */
void fl_caps_add_guest(struct fl_caps *caps, const char *os_type, const char *arch, unsigned int wordsize,
                       const char *emulator, const char *virt_type, const char *const *features);
char *fl_caps_format(const struct fl_caps *caps);
/* What the peer's test driver prints: i686, two cells of eight CPUs, hvm and xen guests. */
struct fl_caps *fl_caps_new_test(void);
