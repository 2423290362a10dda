/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Virtual network definitions and their ports. Same shape as domain.h: scalars in the struct, the rest in
 * `root`. */
#pragma once

#include <libvirt/libvirt.h>
#include "model/xml.h"

struct fl_network_def {
    char *name;
    unsigned char uuid[VIR_UUID_BUFLEN];
    char *bridge;             /* NULL = none */
    char *forward;            /* "nat", ... NULL = isolated */
    struct fl_xml_node *root; /* canonical <network> */
};

int fl_network_def_parse(const char *xml, const char *name, unsigned int flags,
                         struct fl_network_def **ret_def);
int fl_network_def_parse_node(const struct fl_xml_node *node, const char *name, unsigned int flags,
                              struct fl_network_def **ret_def);
/* By hand: <forward mode='nat'/>, a bridge and one IPv4 range, as the peer's "default". */
struct fl_network_def *fl_network_def_new_nat(const char *name, const unsigned char *uuid, const char *bridge,
                                              const char *address, const char *netmask, const char *from,
                                              const char *to);
struct fl_network_def *fl_network_def_copy(const struct fl_network_def *def);
void fl_network_def_free(struct fl_network_def *def);
/* flags: virNetworkXMLFlags */
char *fl_network_def_format(const struct fl_network_def *def, unsigned int flags);

/* virNetworkUpdate: command, section and parent index as in the public call. */
int fl_network_def_update(struct fl_network_def *def, unsigned int command, unsigned int section,
                          int parent_index, const char *xml);

struct fl_network_port_def {
    unsigned char uuid[VIR_UUID_BUFLEN];
    struct fl_xml_node *root; /* canonical <networkport> */
};

int fl_network_port_def_parse(const char *xml, const char *name, struct fl_network_port_def **ret_def);
void fl_network_port_def_free(struct fl_network_port_def *def);
char *fl_network_port_def_format(const struct fl_network_port_def *def);
