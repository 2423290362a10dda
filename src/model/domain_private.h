/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Between the files of the domain model: tables, and what is worked out after the tables have spoken. */
#pragma once

#include <string.h>

#include "base/util.h"
#include "model/doc.h"
#include "model/domain.h"

extern const struct fl_doc fl_domain_doc;
extern const struct fl_row fl_domain_rows[];
extern const struct fl_row fl_device_rows[]; /* inside <devices> */

extern const struct fl_row fl_controller_rows[], fl_input_rows[], fl_vsock_rows[], fl_console_target_rows[];
extern const struct fl_row fl_disk_target_rows[], fl_video_model_rows[];
extern const struct fl_row fl_blkiotune_rows[], fl_memtune_rows[], fl_memory_backing_rows[],
    fl_cputune_rows[];
extern const struct fl_row fl_numatune_rows[];
extern const struct fl_row fl_os_rows[], fl_cpu_rows[], fl_cpu_model_rows[];

/* Pieces shared between tables. */
extern const struct fl_row fl_address_rows[];
extern const struct fl_row fl_disk_rows[];
extern const struct fl_row fl_disk_source_rows[];
extern const struct fl_row fl_seclabel_rows[];
extern const struct fl_row fl_interface_rows[], fl_graphics_rows[], fl_video_rows[];
extern const struct fl_row fl_serial_rows[], fl_parallel_rows[], fl_console_rows[], fl_channel_rows[];
extern const struct fl_row fl_smartcard_rows[], fl_redirdev_rows[], fl_rng_backend_rows[],
    fl_char_source_rows[];
extern const struct fl_row fl_bandwidth_rows[], fl_vlan_rows[], fl_virtualport_row[], fl_route_rows[];
extern const struct fl_row fl_filterref_rows[], fl_teaming_rows[];
extern const struct fl_row fl_auth_rows[];
extern const struct fl_row fl_encryption_rows[];
extern const struct fl_row fl_reconnect_rows[];
extern const struct fl_row fl_virtio_driver_rows[];
extern const struct fl_row fl_boot_rows[], fl_alias_rows[], fl_rom_rows[], fl_acpi_rows[];
int fl_alias_post(struct fl_doc_ctx *ctx, const struct fl_xml_node *in, struct fl_xml_node *out);

/* What every device ends in. */
#define FL_DEVICE_TAIL                                                                                       \
    ELEM("boot", fl_boot_rows), ELEM("alias", fl_alias_rows, .post = fl_alias_post),                         \
        ELEM("rom", fl_rom_rows), ELEM("acpi", fl_acpi_rows), ELEM("address", fl_address_rows)

/* Knobs of every virtio device's <driver>. */
#define FL_VIRTIO_ATTRS                                                                                      \
    ATTR_T("iommu", ONOFF), ATTR_T("ats", ONOFF), ATTR_T("packed", ONOFF), ATTR_T("page_per_vq", ONOFF)

/* Completes a canonical <domain> as the peer does; -1 with the error set. */
int fl_domain_complete(struct fl_doc_ctx *ctx, struct fl_xml_node *root);
/* What rows alone cannot see, on the complete tree. */
int fl_domain_def_check(struct fl_doc_ctx *ctx, const struct fl_xml_node *root);
/* Completes the devices only (after attach too). */
int fl_domain_complete_devices(struct fl_doc_ctx *ctx, struct fl_xml_node *root);
int fl_device_complete(struct fl_doc_ctx *ctx, struct fl_xml_node *dev);
int fl_controllers_complete(struct fl_doc_ctx *ctx, struct fl_xml_node *devices); /* order, indexes, USB */
int fl_disk_complete(struct fl_doc_ctx *ctx, struct fl_xml_node *disk);
int fl_disk_index(const char *target); /* "vdb" -> 1, -1 if it has no letters */
void fl_disk_place(struct fl_xml_node *devices, struct fl_xml_node *disk); /* moves it to its place */
void fl_disks_sort(struct fl_xml_node *devices);
int fl_graphics_complete(struct fl_doc_ctx *ctx, struct fl_xml_node *graphics);
void fl_video_complete(struct fl_xml_node *video, bool xen);
bool fl_devices_are_xen(const struct fl_xml_node *devices); /* of a paravirtualized guest */
int fl_videos_complete(struct fl_doc_ctx *ctx, struct fl_xml_node *devices);

int fl_metadata_post(struct fl_doc_ctx *ctx, const struct fl_xml_node *in, struct fl_xml_node *out);
void fl_metadata_qualify(struct fl_xml_node *node, const char *key, const char *uri);

/* Leaves out what older receivers of a migration would stumble over. */
void fl_domain_make_migratable(struct fl_xml_node *root);

/* Snapshots and checkpoints: name, description, parent and time into `root`. */
void fl_moment_store(struct fl_xml_node *root, const char *name, const char *description, const char *parent,
                     long long creation_time);

/* The text format() gave last (domain_text.c). */
struct fl_domain_text *fl_domain_text_new(void);
void fl_domain_text_free(struct fl_domain_text *t);
/* A copy, or NULL when it no longer fits or was never asked for with these flags. */
char *fl_domain_text_get(const struct fl_domain_def *def, unsigned int flags);
void fl_domain_text_keep(const struct fl_domain_def *def, unsigned int flags, const char *text);
