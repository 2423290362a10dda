/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Storage pools and volumes. Scalars in the struct, the rest in `root`; format() writes the scalars back. */
#pragma once

#include <libvirt/libvirt.h>
#include "model/xml.h"

struct fl_pool_def {
    char *type; /* "dir", "logical", ... */
    char *name;
    unsigned char uuid[VIR_UUID_BUFLEN];
    char *target_path;                                  /* NULL when the type has none */
    unsigned long long capacity, allocation, available; /* bytes */
    struct fl_xml_node *root;                           /* canonical <pool> */
};

int fl_pool_def_parse(const char *xml, const char *name, unsigned int flags, struct fl_pool_def **ret_def);
int fl_pool_def_parse_node(const struct fl_xml_node *node, const char *name, unsigned int flags,
                           struct fl_pool_def **ret_def);
struct fl_pool_def *fl_pool_def_new(const char *type, const char *name, const unsigned char *uuid,
                                    const char *target_path);
struct fl_pool_def *fl_pool_def_copy(const struct fl_pool_def *def);
void fl_pool_def_free(struct fl_pool_def *def);
char *fl_pool_def_format(const struct fl_pool_def *def, unsigned int flags);

/* <sources><source>..</source></sources> for virConnectFindStoragePoolSources: takes the list of <source>
 * nodes. */
char *fl_pool_sources_format(struct fl_xml_node *const *sources, unsigned int n);

struct fl_vol_def {
    char *type; /* "file", "block", "dir", "network", "netdir" */
    char *name;
    char *key; /* NULL until the driver gives one */
    char *target_path;
    unsigned long long capacity, allocation, physical; /* bytes */
    struct fl_xml_node *root;                          /* canonical <volume> */
};

/* The pool decides types and format names. */
int fl_vol_def_parse(const struct fl_pool_def *pool, const char *xml, const char *name, unsigned int flags,
                     struct fl_vol_def **ret_def);
int fl_vol_def_parse_node(const struct fl_pool_def *pool, const struct fl_xml_node *node, const char *name,
                          unsigned int flags, struct fl_vol_def **ret_def);
struct fl_vol_def *fl_vol_def_copy(const struct fl_vol_def *def);
void fl_vol_def_free(struct fl_vol_def *def);
char *fl_vol_def_format(const struct fl_pool_def *pool, const struct fl_vol_def *def);
