/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Domain definitions: parse, defaults, format, and the parts a driver reads and changes. The scalars live in
 * the struct (change them freely, format() writes them back); everything else is in the canonical tree
 * `root`, whose order and spelling are already those of the output.
 */
#pragma once

#include <stdbool.h>
#include <libvirt/libvirt.h>
#include "model/xml.h"

/* What a driver wants done at parse time beyond the checks every definition gets. */
enum fl_domain_def_flag {
    FL_DOMAIN_DEF_LIVE = 1 << 0,    /* keep what only a running guest has: id, aliases, seclabel of the run */
    FL_DOMAIN_DEF_NO_UUID = 1 << 1, /* do not invent a UUID */
};

struct fl_domain_def {
    char *virt_type; /* <domain type=> */
    int id;          /* -1 = not running */
    char *name;
    unsigned char uuid[VIR_UUID_BUFLEN];
    char *title, *description;     /* NULL = none */
    unsigned long long memory;     /* KiB, <memory>: the maximum */
    unsigned long long cur_memory; /* KiB, <currentMemory> */
    unsigned int max_vcpus, vcpus;
    char *os_type, *arch;       /* "hvm", "i686" */
    int on_poweroff, on_reboot; /* enum virDomainLifecycleAction */
    int on_crash;
    struct fl_xml_node *root;    /* canonical <domain> */
    struct fl_domain_text *text; /* what format() gave last */
};

/* `name` is for messages; NULL = "(domain_definition)". -1 with the peer's error code. */
int fl_domain_def_parse(const char *xml, const char *name, unsigned int flags,
                        struct fl_domain_def **ret_def);
/* The same from an element of a larger document (test:///file.xml); `node` stays the caller's. */
int fl_domain_def_parse_node(const struct fl_xml_node *node, const char *name, unsigned int flags,
                             struct fl_domain_def **ret_def);
/* By hand, no parser: a domain with no devices and the peer's defaults (1 vcpu, hvm, i686, clock utc). */
struct fl_domain_def *fl_domain_def_new(const char *virt_type, const char *name, const unsigned char *uuid,
                                        unsigned long long memory);
struct fl_domain_def *fl_domain_def_copy(const struct fl_domain_def *def);
void fl_domain_def_free(struct fl_domain_def *def);

/* flags: enum virDomainXMLFlags. Without SECURE passwords are left out; the id is printed if >= 0 and not
 * INACTIVE. */
char *fl_domain_def_format(const struct fl_domain_def *def, unsigned int flags);

/* The same as a tree, to be put inside another document. */
struct fl_xml_node *fl_domain_def_tree(const struct fl_domain_def *def, unsigned int flags);

/* Devices, in the order of output. kind: "disk", "interface", "graphics", ...; NULL = all. */
struct fl_xml_node *fl_domain_device_first(const struct fl_domain_def *def, const char *kind);
struct fl_xml_node *fl_domain_device_next(const struct fl_xml_node *dev, const char *kind);

const char *fl_disk_target(const struct fl_xml_node *disk); /* "vda" */
const char *fl_disk_source(const struct fl_xml_node *disk); /* path, device or "pool/volume"; NULL = empty */
struct fl_xml_node *fl_domain_disk_by(const struct fl_domain_def *def, const char *path_or_target);
const char *fl_interface_mac(const struct fl_xml_node *iface);
const char *fl_interface_target(const struct fl_xml_node *iface); /* "testnet0" or NULL */
const char *fl_interface_source(const struct fl_xml_node *iface);
struct fl_xml_node *fl_domain_interface_by(const struct fl_domain_def *def, const char *mac_or_target);

/* Gives every interface without a target the next free name ("testnet0", ...), as the peer's test driver does
 * at start; unset takes back names with that prefix. */
void fl_domain_assign_targets(struct fl_domain_def *def, const char *prefix, unsigned int *next);

/* Change devices by XML text, checked like a whole document. */
int fl_domain_attach_device(struct fl_domain_def *def, const char *xml, unsigned int flags);
int fl_domain_detach_device(struct fl_domain_def *def, const char *xml, unsigned int flags);
int fl_domain_update_device(struct fl_domain_def *def, const char *xml, unsigned int flags);
/* By alias name (virDomainDetachDeviceAlias). */
int fl_domain_detach_alias(struct fl_domain_def *def, const char *alias);

/* virDomainSetMetadata / GetMetadata. type: enum virDomainMetadataType. xml/text NULL removes. get() returns
 * a new string, or NULL with VIR_ERR_NO_DOMAIN_METADATA. */
int fl_domain_set_metadata(struct fl_domain_def *def, int type, const char *text, const char *key,
                           const char *uri);
char *fl_domain_get_metadata(const struct fl_domain_def *def, int type, const char *uri);

/* vcpus as virDomainSetVcpus means them; -1 with the peer's code when above the maximum. */
int fl_domain_set_vcpus(struct fl_domain_def *def, unsigned int vcpus, bool maximum);
