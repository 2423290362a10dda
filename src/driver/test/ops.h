/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Every operation of the test driver, for the table in connect.c; a section per file. */
#pragma once

#include "core/driver.h"

extern const struct fl_driver fl_driver_test;

/* at_once.c */
bool fl_test_at_once(unsigned int procedure);

/* node.c */
const char *fl_test_connect_get_type(virConnectPtr conn);
int fl_test_connect_get_version(virConnectPtr conn, unsigned long *hv_ver);
char *fl_test_connect_get_hostname(virConnectPtr conn);
int fl_test_connect_get_max_vcpus(virConnectPtr conn, const char *type);
char *fl_test_connect_get_capabilities(virConnectPtr conn);
char *fl_test_connect_get_sysinfo(virConnectPtr conn, unsigned int flags);
int fl_test_connect_is_alive(virConnectPtr conn);
int fl_test_connect_is_encrypted(virConnectPtr conn);
int fl_test_connect_is_secure(virConnectPtr conn);
int fl_test_node_get_info(virConnectPtr conn, virNodeInfoPtr info);
int fl_test_node_get_cpu_stats(virConnectPtr conn, int cpu_num, virNodeCPUStatsPtr params, int *nparams,
                               unsigned int flags);
int fl_test_node_get_cpu_map(virConnectPtr conn, unsigned char **cpumap, unsigned int *online,
                             unsigned int flags);
unsigned long long fl_test_node_get_free_memory(virConnectPtr conn);
int fl_test_node_get_cells_free_memory(virConnectPtr conn, unsigned long long *free_mems, int start_cell,
                                       int max_cells);
int fl_test_node_get_free_pages(virConnectPtr conn, unsigned int npages, unsigned int *pages, int start_cell,
                                unsigned int cell_count, unsigned long long *counts, unsigned int flags);
int fl_test_node_get_security_model(virConnectPtr conn, virSecurityModelPtr secmodel);

/* cpu_models.c */
int fl_test_connect_get_cpu_model_names(virConnectPtr conn, const char *arch, char ***models,
                                        unsigned int flags);
char *fl_test_connect_baseline_cpu(virConnectPtr conn, const char **xml_cpus, unsigned int ncpus,
                                   unsigned int flags);

/* domain_define.c */
int fl_test_connect_list_domains(virConnectPtr conn, int *ids, int maxids);
int fl_test_connect_num_of_domains(virConnectPtr conn);
int fl_test_connect_list_defined_domains(virConnectPtr conn, char **names, int maxnames);
int fl_test_connect_num_of_defined_domains(virConnectPtr conn);
int fl_test_connect_list_all_domains(virConnectPtr conn, virDomainPtr **domains, unsigned int flags);
virDomainPtr fl_test_domain_lookup_by_id(virConnectPtr conn, int id);
virDomainPtr fl_test_domain_lookup_by_name(virConnectPtr conn, const char *name);
virDomainPtr fl_test_domain_lookup_by_uuid(virConnectPtr conn, const unsigned char *uuid);
virDomainPtr fl_test_domain_create_xml(virConnectPtr conn, const char *xml, unsigned int flags);
virDomainPtr fl_test_domain_create_xml_with_files(virConnectPtr conn, const char *xml, unsigned int nfiles,
                                                  int *files, unsigned int flags);
virDomainPtr fl_test_domain_define_xml(virConnectPtr conn, const char *xml);
virDomainPtr fl_test_domain_define_xml_flags(virConnectPtr conn, const char *xml, unsigned int flags);
int fl_test_domain_undefine(virDomainPtr dom);
int fl_test_domain_undefine_flags(virDomainPtr dom, unsigned int flags);
int fl_test_domain_rename(virDomainPtr dom, const char *new_name, unsigned int flags);
char *fl_test_domain_get_xml_desc(virDomainPtr dom, unsigned int flags);

/* domain_life.c */
int fl_test_domain_create(virDomainPtr dom);
int fl_test_domain_create_with_flags(virDomainPtr dom, unsigned int flags);
int fl_test_domain_create_with_files(virDomainPtr dom, unsigned int nfiles, int *files, unsigned int flags);
int fl_test_domain_suspend(virDomainPtr dom);
int fl_test_domain_resume(virDomainPtr dom);
int fl_test_domain_shutdown(virDomainPtr dom);
int fl_test_domain_shutdown_flags(virDomainPtr dom, unsigned int flags);
int fl_test_domain_reboot(virDomainPtr dom, unsigned int flags);
int fl_test_domain_reset(virDomainPtr dom, unsigned int flags);
int fl_test_domain_destroy(virDomainPtr dom);
int fl_test_domain_destroy_flags(virDomainPtr dom, unsigned int flags);
int fl_test_domain_get_state(virDomainPtr dom, int *state, int *reason, unsigned int flags);
int fl_test_domain_get_info(virDomainPtr dom, virDomainInfoPtr info);
int fl_test_domain_is_active(virDomainPtr dom);
int fl_test_domain_is_persistent(virDomainPtr dom);
int fl_test_domain_is_updated(virDomainPtr dom);
int fl_test_domain_get_autostart(virDomainPtr dom, int *autostart);
int fl_test_domain_set_autostart(virDomainPtr dom, int autostart);
char *fl_test_domain_get_os_type(virDomainPtr dom);
int fl_test_domain_set_lifecycle_action(virDomainPtr dom, unsigned int type, unsigned int action,
                                        unsigned int flags);
int fl_test_domain_get_control_info(virDomainPtr dom, virDomainControlInfoPtr info, unsigned int flags);

/* domain_save.c */
int fl_test_domain_save(virDomainPtr dom, const char *to);
int fl_test_domain_save_flags(virDomainPtr dom, const char *to, const char *dxml, unsigned int flags);
int fl_test_domain_restore(virConnectPtr conn, const char *from);
int fl_test_domain_restore_flags(virConnectPtr conn, const char *from, const char *dxml, unsigned int flags);
char *fl_test_domain_save_image_get_xml_desc(virConnectPtr conn, const char *file, unsigned int flags);
int fl_test_domain_save_image_define_xml(virConnectPtr conn, const char *file, const char *dxml,
                                         unsigned int flags);
int fl_test_domain_core_dump(virDomainPtr dom, const char *to, unsigned int flags);
int fl_test_domain_core_dump_with_format(virDomainPtr dom, const char *to, unsigned int format,
                                         unsigned int flags);
int fl_test_domain_managed_save(virDomainPtr dom, unsigned int flags);
int fl_test_domain_has_managed_save_image(virDomainPtr dom, unsigned int flags);
int fl_test_domain_managed_save_remove(virDomainPtr dom, unsigned int flags);

/* domain_memory.c */
unsigned long fl_test_domain_get_max_memory(virDomainPtr dom);
int fl_test_domain_set_max_memory(virDomainPtr dom, unsigned long memory);
int fl_test_domain_set_memory(virDomainPtr dom, unsigned long memory);
int fl_test_domain_set_memory_flags(virDomainPtr dom, unsigned long memory, unsigned int flags);
int fl_test_domain_memory_stats(virDomainPtr dom, virDomainMemoryStatPtr stats, unsigned int nr,
                                unsigned int flags);
int fl_test_domain_memory_peek(virDomainPtr dom, unsigned long long start, size_t size, void *buffer,
                               unsigned int flags);
int fl_test_domain_set_memory_stats_period(virDomainPtr dom, int period, unsigned int flags);
int fl_test_domain_get_memory_parameters(virDomainPtr dom, virTypedParameterPtr params, int *nparams,
                                         unsigned int flags);
int fl_test_domain_set_memory_parameters(virDomainPtr dom, virTypedParameterPtr params, int nparams,
                                         unsigned int flags);

/* domain_vcpu.c */
int fl_test_domain_set_vcpus(virDomainPtr dom, unsigned int nvcpus);
int fl_test_domain_set_vcpus_flags(virDomainPtr dom, unsigned int nvcpus, unsigned int flags);
int fl_test_domain_get_vcpus_flags(virDomainPtr dom, unsigned int flags);
int fl_test_domain_get_max_vcpus(virDomainPtr dom);
int fl_test_domain_get_vcpus(virDomainPtr dom, virVcpuInfoPtr info, int maxinfo, unsigned char *cpumaps,
                             int maplen);
int fl_test_domain_pin_vcpu(virDomainPtr dom, unsigned int vcpu, unsigned char *cpumap, int maplen);
int fl_test_domain_pin_vcpu_flags(virDomainPtr dom, unsigned int vcpu, unsigned char *cpumap, int maplen,
                                  unsigned int flags);
int fl_test_domain_get_vcpu_pin_info(virDomainPtr dom, int ncpumaps, unsigned char *cpumaps, int maplen,
                                     unsigned int flags);
int fl_test_domain_pin_emulator(virDomainPtr dom, unsigned char *cpumap, int maplen, unsigned int flags);
int fl_test_domain_get_emulator_pin_info(virDomainPtr dom, unsigned char *cpumap, int maplen,
                                         unsigned int flags);
int fl_test_domain_get_cpu_stats(virDomainPtr dom, virTypedParameterPtr params, unsigned int nparams,
                                 int start_cpu, unsigned int ncpus, unsigned int flags);

/* domain_iothread.c */
int fl_test_domain_get_iothread_info(virDomainPtr dom, virDomainIOThreadInfoPtr **info, unsigned int flags);
int fl_test_domain_add_iothread(virDomainPtr dom, unsigned int id, unsigned int flags);
int fl_test_domain_del_iothread(virDomainPtr dom, unsigned int id, unsigned int flags);
int fl_test_domain_pin_iothread(virDomainPtr dom, unsigned int id, unsigned char *cpumap, int maplen,
                                unsigned int flags);
int fl_test_domain_set_iothread_params(virDomainPtr dom, unsigned int id, virTypedParameterPtr params,
                                       int nparams, unsigned int flags);

/* domain_tune.c, domain_blkio.c, domain_iotune.c */
char *fl_test_domain_get_scheduler_type(virDomainPtr dom, int *nparams);
int fl_test_domain_get_scheduler_parameters(virDomainPtr dom, virTypedParameterPtr params, int *nparams);
int fl_test_domain_get_scheduler_parameters_flags(virDomainPtr dom, virTypedParameterPtr params, int *nparams,
                                                  unsigned int flags);
int fl_test_domain_set_scheduler_parameters(virDomainPtr dom, virTypedParameterPtr params, int nparams);
int fl_test_domain_set_scheduler_parameters_flags(virDomainPtr dom, virTypedParameterPtr params, int nparams,
                                                  unsigned int flags);
int fl_test_domain_get_numa_parameters(virDomainPtr dom, virTypedParameterPtr params, int *nparams,
                                       unsigned int flags);
int fl_test_domain_set_numa_parameters(virDomainPtr dom, virTypedParameterPtr params, int nparams,
                                       unsigned int flags);
int fl_test_domain_get_perf_events(virDomainPtr dom, virTypedParameterPtr *params, int *nparams,
                                   unsigned int flags);
int fl_test_domain_set_perf_events(virDomainPtr dom, virTypedParameterPtr params, int nparams,
                                   unsigned int flags);
int fl_test_domain_get_interface_parameters(virDomainPtr dom, const char *device, virTypedParameterPtr params,
                                            int *nparams, unsigned int flags);
int fl_test_domain_set_interface_parameters(virDomainPtr dom, const char *device, virTypedParameterPtr params,
                                            int nparams, unsigned int flags);
int fl_test_domain_get_blkio_parameters(virDomainPtr dom, virTypedParameterPtr params, int *nparams,
                                        unsigned int flags);
int fl_test_domain_set_blkio_parameters(virDomainPtr dom, virTypedParameterPtr params, int nparams,
                                        unsigned int flags);
int fl_test_domain_get_block_io_tune(virDomainPtr dom, const char *disk, virTypedParameterPtr params,
                                     int *nparams, unsigned int flags);
int fl_test_domain_set_block_io_tune(virDomainPtr dom, const char *disk, virTypedParameterPtr params,
                                     int nparams, unsigned int flags);

/* domain_guest.c */
char *fl_test_domain_get_hostname(virDomainPtr dom, unsigned int flags);
int fl_test_domain_get_time(virDomainPtr dom, long long *seconds, unsigned int *nseconds, unsigned int flags);
int fl_test_domain_set_time(virDomainPtr dom, long long seconds, unsigned int nseconds, unsigned int flags);
int fl_test_domain_get_fsinfo(virDomainPtr dom, virDomainFSInfoPtr **info, unsigned int flags);
int fl_test_domain_fsfreeze(virDomainPtr dom, const char **mountpoints, unsigned int nmountpoints,
                            unsigned int flags);
int fl_test_domain_fsthaw(virDomainPtr dom, const char **mountpoints, unsigned int nmountpoints,
                          unsigned int flags);
int fl_test_domain_fstrim(virDomainPtr dom, const char *mountpoint, unsigned long long minimum,
                          unsigned int flags);
int fl_test_domain_interface_addresses(virDomainPtr dom, virDomainInterfacePtr **ifaces, unsigned int source,
                                       unsigned int flags);
int fl_test_domain_set_user_password(virDomainPtr dom, const char *user, const char *password,
                                     unsigned int flags);
int fl_test_domain_send_key(virDomainPtr dom, unsigned int codeset, unsigned int holdtime,
                            unsigned int *keycodes, int nkeycodes, unsigned int flags);
int fl_test_domain_send_process_signal(virDomainPtr dom, long long pid, unsigned int signum,
                                       unsigned int flags);
int fl_test_domain_inject_nmi(virDomainPtr dom, unsigned int flags);
char *fl_test_domain_screenshot(virDomainPtr dom, virStreamPtr stream, unsigned int screen,
                                unsigned int flags);
int fl_test_domain_get_messages(virDomainPtr dom, char ***msgs, unsigned int flags);
int fl_test_domain_get_security_label(virDomainPtr dom, virSecurityLabelPtr label);
int fl_test_domain_get_launch_security_info(virDomainPtr dom, virTypedParameterPtr *params, int *nparams,
                                            unsigned int flags);

/* domain_stats.c */
int fl_test_domain_block_stats(virDomainPtr dom, const char *disk, virDomainBlockStatsPtr stats, size_t size);
int fl_test_domain_interface_stats(virDomainPtr dom, const char *device, virDomainInterfaceStatsPtr stats,
                                   size_t size);
int fl_test_domain_get_block_info(virDomainPtr dom, const char *disk, virDomainBlockInfoPtr info,
                                  unsigned int flags);
int fl_test_domain_get_disk_errors(virDomainPtr dom, virDomainDiskErrorPtr errors, unsigned int max,
                                   unsigned int flags);
int fl_test_connect_get_all_domain_stats(virConnectPtr conn, virDomainPtr *doms, unsigned int ndoms,
                                         unsigned int stats, virDomainStatsRecordPtr **records,
                                         unsigned int flags);

/* domain_metadata.c */
char *fl_test_domain_get_metadata(virDomainPtr dom, int type, const char *uri, unsigned int flags);
int fl_test_domain_set_metadata(virDomainPtr dom, int type, const char *metadata, const char *key,
                                const char *uri, unsigned int flags);

/* snapshot.c */
int fl_test_domain_snapshot_num(virDomainPtr dom, unsigned int flags);
int fl_test_domain_snapshot_list_names(virDomainPtr dom, char **names, int nameslen, unsigned int flags);
int fl_test_domain_list_all_snapshots(virDomainPtr dom, virDomainSnapshotPtr **snaps, unsigned int flags);
int fl_test_domain_snapshot_num_children(virDomainSnapshotPtr snap, unsigned int flags);
int fl_test_domain_snapshot_list_children_names(virDomainSnapshotPtr snap, char **names, int nameslen,
                                                unsigned int flags);
int fl_test_domain_snapshot_list_all_children(virDomainSnapshotPtr snap, virDomainSnapshotPtr **snaps,
                                              unsigned int flags);
virDomainSnapshotPtr fl_test_domain_snapshot_lookup_by_name(virDomainPtr dom, const char *name,
                                                            unsigned int flags);
int fl_test_domain_has_current_snapshot(virDomainPtr dom, unsigned int flags);
virDomainSnapshotPtr fl_test_domain_snapshot_get_parent(virDomainSnapshotPtr snap, unsigned int flags);
virDomainSnapshotPtr fl_test_domain_snapshot_current(virDomainPtr dom, unsigned int flags);
char *fl_test_domain_snapshot_get_xml_desc(virDomainSnapshotPtr snap, unsigned int flags);
int fl_test_domain_snapshot_is_current(virDomainSnapshotPtr snap, unsigned int flags);
int fl_test_domain_snapshot_has_metadata(virDomainSnapshotPtr snap, unsigned int flags);

/* snapshot_change.c */
virDomainSnapshotPtr fl_test_domain_snapshot_create_xml(virDomainPtr dom, const char *xml,
                                                        unsigned int flags);
int fl_test_domain_snapshot_delete(virDomainSnapshotPtr snap, unsigned int flags);
int fl_test_domain_revert_to_snapshot(virDomainSnapshotPtr snap, unsigned int flags);

/* checkpoint.c */
virDomainCheckpointPtr fl_test_domain_checkpoint_create_xml(virDomainPtr dom, const char *xml,
                                                            unsigned int flags);
char *fl_test_domain_checkpoint_get_xml_desc(virDomainCheckpointPtr chk, unsigned int flags);
int fl_test_domain_list_all_checkpoints(virDomainPtr dom, virDomainCheckpointPtr **chks, unsigned int flags);
int fl_test_domain_checkpoint_list_all_children(virDomainCheckpointPtr chk, virDomainCheckpointPtr **chks,
                                                unsigned int flags);
virDomainCheckpointPtr fl_test_domain_checkpoint_lookup_by_name(virDomainPtr dom, const char *name,
                                                                unsigned int flags);
virDomainCheckpointPtr fl_test_domain_checkpoint_get_parent(virDomainCheckpointPtr chk, unsigned int flags);
int fl_test_domain_checkpoint_delete(virDomainCheckpointPtr chk, unsigned int flags);

/* network.c */
int fl_test_connect_num_of_networks(virConnectPtr conn);
int fl_test_connect_list_networks(virConnectPtr conn, char **names, int max);
int fl_test_connect_num_of_defined_networks(virConnectPtr conn);
int fl_test_connect_list_defined_networks(virConnectPtr conn, char **names, int max);
int fl_test_connect_list_all_networks(virConnectPtr conn, virNetworkPtr **nets, unsigned int flags);
virNetworkPtr fl_test_network_lookup_by_name(virConnectPtr conn, const char *name);
virNetworkPtr fl_test_network_lookup_by_uuid(virConnectPtr conn, const unsigned char *uuid);
virNetworkPtr fl_test_network_create_xml(virConnectPtr conn, const char *xml);
virNetworkPtr fl_test_network_create_xml_flags(virConnectPtr conn, const char *xml, unsigned int flags);
virNetworkPtr fl_test_network_define_xml(virConnectPtr conn, const char *xml);
virNetworkPtr fl_test_network_define_xml_flags(virConnectPtr conn, const char *xml, unsigned int flags);
int fl_test_network_undefine(virNetworkPtr net);
int fl_test_network_update(virNetworkPtr net, unsigned int command, unsigned int section, int parent_index,
                           const char *xml, unsigned int flags);
int fl_test_network_create(virNetworkPtr net);
int fl_test_network_destroy(virNetworkPtr net);
char *fl_test_network_get_xml_desc(virNetworkPtr net, unsigned int flags);
char *fl_test_network_get_bridge_name(virNetworkPtr net);
int fl_test_network_get_autostart(virNetworkPtr net, int *autostart);
int fl_test_network_set_autostart(virNetworkPtr net, int autostart);
int fl_test_network_is_active(virNetworkPtr net);
int fl_test_network_is_persistent(virNetworkPtr net);

/* interface.c */
int fl_test_connect_num_of_interfaces(virConnectPtr conn);
int fl_test_connect_list_interfaces(virConnectPtr conn, char **names, int max);
int fl_test_connect_num_of_defined_interfaces(virConnectPtr conn);
int fl_test_connect_list_defined_interfaces(virConnectPtr conn, char **names, int max);
int fl_test_connect_list_all_interfaces(virConnectPtr conn, virInterfacePtr **ifaces, unsigned int flags);
virInterfacePtr fl_test_interface_lookup_by_name(virConnectPtr conn, const char *name);
virInterfacePtr fl_test_interface_lookup_by_mac_string(virConnectPtr conn, const char *mac);
virInterfacePtr fl_test_interface_define_xml(virConnectPtr conn, const char *xml, unsigned int flags);
int fl_test_interface_undefine(virInterfacePtr iface);
int fl_test_interface_create(virInterfacePtr iface, unsigned int flags);
int fl_test_interface_destroy(virInterfacePtr iface, unsigned int flags);
int fl_test_interface_is_active(virInterfacePtr iface);
char *fl_test_interface_get_xml_desc(virInterfacePtr iface, unsigned int flags);
int fl_test_interface_change_begin(virConnectPtr conn, unsigned int flags);
int fl_test_interface_change_commit(virConnectPtr conn, unsigned int flags);
int fl_test_interface_change_rollback(virConnectPtr conn, unsigned int flags);

/* pool.c */
int fl_test_connect_num_of_storage_pools(virConnectPtr conn);
int fl_test_connect_list_storage_pools(virConnectPtr conn, char **names, int max);
int fl_test_connect_num_of_defined_storage_pools(virConnectPtr conn);
int fl_test_connect_list_defined_storage_pools(virConnectPtr conn, char **names, int max);
int fl_test_connect_list_all_storage_pools(virConnectPtr conn, virStoragePoolPtr **pools, unsigned int flags);
char *fl_test_connect_find_storage_pool_sources(virConnectPtr conn, const char *type, const char *spec,
                                                unsigned int flags);
virStoragePoolPtr fl_test_storage_pool_lookup_by_name(virConnectPtr conn, const char *name);
virStoragePoolPtr fl_test_storage_pool_lookup_by_uuid(virConnectPtr conn, const unsigned char *uuid);
virStoragePoolPtr fl_test_storage_pool_lookup_by_volume(virStorageVolPtr vol);
virStoragePoolPtr fl_test_storage_pool_create_xml(virConnectPtr conn, const char *xml, unsigned int flags);
virStoragePoolPtr fl_test_storage_pool_define_xml(virConnectPtr conn, const char *xml, unsigned int flags);
int fl_test_storage_pool_build(virStoragePoolPtr pool, unsigned int flags);
int fl_test_storage_pool_undefine(virStoragePoolPtr pool);
int fl_test_storage_pool_create(virStoragePoolPtr pool, unsigned int flags);
int fl_test_storage_pool_destroy(virStoragePoolPtr pool);
int fl_test_storage_pool_delete(virStoragePoolPtr pool, unsigned int flags);
int fl_test_storage_pool_refresh(virStoragePoolPtr pool, unsigned int flags);
int fl_test_storage_pool_get_info(virStoragePoolPtr pool, virStoragePoolInfoPtr info);
char *fl_test_storage_pool_get_xml_desc(virStoragePoolPtr pool, unsigned int flags);
int fl_test_storage_pool_get_autostart(virStoragePoolPtr pool, int *autostart);
int fl_test_storage_pool_set_autostart(virStoragePoolPtr pool, int autostart);
int fl_test_storage_pool_is_active(virStoragePoolPtr pool);
int fl_test_storage_pool_is_persistent(virStoragePoolPtr pool);

/* vol.c */
int fl_test_storage_pool_num_of_volumes(virStoragePoolPtr pool);
int fl_test_storage_pool_list_volumes(virStoragePoolPtr pool, char **names, int max);
int fl_test_storage_pool_list_all_volumes(virStoragePoolPtr pool, virStorageVolPtr **vols,
                                          unsigned int flags);
virStorageVolPtr fl_test_storage_vol_lookup_by_name(virStoragePoolPtr pool, const char *name);
virStorageVolPtr fl_test_storage_vol_lookup_by_key(virConnectPtr conn, const char *key);
virStorageVolPtr fl_test_storage_vol_lookup_by_path(virConnectPtr conn, const char *path);
virStorageVolPtr fl_test_storage_vol_create_xml(virStoragePoolPtr pool, const char *xml, unsigned int flags);
virStorageVolPtr fl_test_storage_vol_create_xml_from(virStoragePoolPtr pool, const char *xml,
                                                     virStorageVolPtr from, unsigned int flags);
int fl_test_storage_vol_delete(virStorageVolPtr vol, unsigned int flags);
int fl_test_storage_vol_get_info(virStorageVolPtr vol, virStorageVolInfoPtr info);
char *fl_test_storage_vol_get_xml_desc(virStorageVolPtr vol, unsigned int flags);
char *fl_test_storage_vol_get_path(virStorageVolPtr vol);
int fl_test_storage_vol_download(virStorageVolPtr vol, virStreamPtr st, unsigned long long offset,
                                 unsigned long long length, unsigned int flags);
int fl_test_storage_vol_upload(virStorageVolPtr vol, virStreamPtr st, unsigned long long offset,
                               unsigned long long length, unsigned int flags);

/* nodedev.c */
int fl_test_node_num_of_devices(virConnectPtr conn, const char *cap, unsigned int flags);
int fl_test_node_list_devices(virConnectPtr conn, const char *cap, char **names, int max, unsigned int flags);
int fl_test_connect_list_all_node_devices(virConnectPtr conn, virNodeDevicePtr **devs, unsigned int flags);
virNodeDevicePtr fl_test_node_device_lookup_by_name(virConnectPtr conn, const char *name);
char *fl_test_node_device_get_xml_desc(virNodeDevicePtr dev, unsigned int flags);
char *fl_test_node_device_get_parent(virNodeDevicePtr dev);
int fl_test_node_device_num_of_caps(virNodeDevicePtr dev);
int fl_test_node_device_list_caps(virNodeDevicePtr dev, char **names, int max);
virNodeDevicePtr fl_test_node_device_create_xml(virConnectPtr conn, const char *xml, unsigned int flags);
int fl_test_node_device_destroy(virNodeDevicePtr dev);

/* event.c */
int fl_test_connect_domain_event_register(virConnectPtr conn, virConnectDomainEventCallback cb, void *opaque,
                                          virFreeCallback freecb);
int fl_test_connect_domain_event_deregister(virConnectPtr conn, virConnectDomainEventCallback cb);
int fl_test_connect_domain_event_register_any(virConnectPtr conn, virDomainPtr dom, int event_id,
                                              virConnectDomainEventGenericCallback cb, void *opaque,
                                              virFreeCallback freecb);
int fl_test_connect_domain_event_deregister_any(virConnectPtr conn, int callback_id);
int fl_test_connect_network_event_register_any(virConnectPtr conn, virNetworkPtr net, int event_id,
                                               virConnectNetworkEventGenericCallback cb, void *opaque,
                                               virFreeCallback freecb);
int fl_test_connect_network_event_deregister_any(virConnectPtr conn, int callback_id);
int fl_test_connect_storage_pool_event_register_any(virConnectPtr conn, virStoragePoolPtr pool, int event_id,
                                                    virConnectStoragePoolEventGenericCallback cb,
                                                    void *opaque, virFreeCallback freecb);
int fl_test_connect_storage_pool_event_deregister_any(virConnectPtr conn, int callback_id);
int fl_test_connect_node_device_event_register_any(virConnectPtr conn, virNodeDevicePtr dev, int event_id,
                                                   virConnectNodeDeviceEventGenericCallback cb, void *opaque,
                                                   virFreeCallback freecb);
int fl_test_connect_node_device_event_deregister_any(virConnectPtr conn, int callback_id);
