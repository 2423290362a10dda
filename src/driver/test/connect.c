/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Opening test:/// URIs. Every open of test:///default shares one host for as long as any of them lasts;
 * every open of test:///path/to/file.xml gets a host of its own. A shared host that nobody has changed is as
 * good as a new one, and is kept for who comes next.
 */
#define FL_FROM VIR_FROM_TEST
#include <string.h>
#include "driver/test/ops.h"
#include "driver/test/state.h"
#include "uri/route.h"

static GMutex shared_lock;               /* guards shared_host and every host's refs */
static struct fl_test_host *shared_host; /* without refs: as new */

static struct fl_test_host *shared_get(void)
{
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&shared_lock);
    if (!shared_host) {
        struct fl_test_host *host = fl_test_host_new();
        host->shared = true;
        if (fl_test_host_fill_default(host) < 0) {
            fl_test_host_free(host);
            return NULL;
        }
        host->changed = false; /* filling it is none */
        shared_host = host;
    }
    shared_host->refs++;
    return shared_host;
}

/* A hub that had a registration would give the next one another number than a new hub does. */
static bool as_new(const struct fl_test_host *host)
{
    return !host->changed && fl_hub_is_new(host->hub);
}

static void host_put(struct fl_test_host *host)
{
    g_mutex_lock(&shared_lock);
    bool last = --host->refs == 0, keep = last && host->shared && as_new(host);
    if (last && host->shared && !keep)
        shared_host = NULL;
    g_mutex_unlock(&shared_lock);
    if (last && !keep)
        fl_test_host_free(host);
}

static int test_open(virConnectPtr conn, const struct fl_route *route, virConnectAuthPtr auth,
                     unsigned int flags)
{
    const char *path = route->path;
    struct fl_test_host *host;
    if (!path || !*path || strcmp(path, "/") == 0)
        return fl_error(VIR_ERR_INVALID_ARG,
                        "'%s' names no test host: open test:///default or test:///path/to/file.xml",
                        route->uri ? route->uri : "test://");
    if (strcmp(path, "/default") == 0) {
        host = shared_get();
        if (!host)
            return -1;
    } else {
        host = fl_test_host_new();
        if (fl_test_host_load(host, path) < 0) {
            fl_test_host_free(host);
            return -1;
        }
        host->refs = 1;
    }
    if (fl_test_host_authenticate(host, auth) < 0) {
        host_put(host);
        return -1;
    }
    conn->priv = host;
    return 0;
}

/* The host in memory, unlike those from files. */
static bool test_opens_at_once(const char *name)
{
    return strcmp(name, "test:///default") == 0;
}

static void test_close(virConnectPtr conn)
{
    struct fl_test_host *host = g_steal_pointer(&conn->priv);
    if (!host)
        return;
    fl_hub_drop_conn(host->hub, conn);
    host_put(host);
}

static const struct fl_driver_ops test_ops = {
    /* Every operation of the test driver, for the table in connect.c; a section per file. */
    /* node.c */
    .connect_get_type = fl_test_connect_get_type,
    .connect_get_version = fl_test_connect_get_version,
    .connect_get_hostname = fl_test_connect_get_hostname,
    .connect_get_max_vcpus = fl_test_connect_get_max_vcpus,
    .connect_get_capabilities = fl_test_connect_get_capabilities,
    .connect_get_sysinfo = fl_test_connect_get_sysinfo,
    .connect_is_alive = fl_test_connect_is_alive,
    .connect_is_encrypted = fl_test_connect_is_encrypted,
    .connect_is_secure = fl_test_connect_is_secure,
    .node_get_info = fl_test_node_get_info,
    .node_get_cpu_stats = fl_test_node_get_cpu_stats,
    .node_get_cpu_map = fl_test_node_get_cpu_map,
    .node_get_free_memory = fl_test_node_get_free_memory,
    .node_get_cells_free_memory = fl_test_node_get_cells_free_memory,
    .node_get_free_pages = fl_test_node_get_free_pages,
    .node_get_security_model = fl_test_node_get_security_model,
    /* cpu_models.c */
    .connect_get_cpu_model_names = fl_test_connect_get_cpu_model_names,
    .connect_baseline_cpu = fl_test_connect_baseline_cpu,
    /* domain_define.c */
    .connect_list_domains = fl_test_connect_list_domains,
    .connect_num_of_domains = fl_test_connect_num_of_domains,
    .connect_list_defined_domains = fl_test_connect_list_defined_domains,
    .connect_num_of_defined_domains = fl_test_connect_num_of_defined_domains,
    .connect_list_all_domains = fl_test_connect_list_all_domains,
    .domain_lookup_by_id = fl_test_domain_lookup_by_id,
    .domain_lookup_by_name = fl_test_domain_lookup_by_name,
    .domain_lookup_by_uuid = fl_test_domain_lookup_by_uuid,
    .domain_create_xml = fl_test_domain_create_xml,
    .domain_create_xml_with_files = fl_test_domain_create_xml_with_files,
    .domain_define_xml = fl_test_domain_define_xml,
    .domain_define_xml_flags = fl_test_domain_define_xml_flags,
    .domain_undefine = fl_test_domain_undefine,
    .domain_undefine_flags = fl_test_domain_undefine_flags,
    .domain_rename = fl_test_domain_rename,
    .domain_get_xml_desc = fl_test_domain_get_xml_desc,
    /* domain_life.c */
    .domain_create = fl_test_domain_create,
    .domain_create_with_flags = fl_test_domain_create_with_flags,
    .domain_create_with_files = fl_test_domain_create_with_files,
    .domain_suspend = fl_test_domain_suspend,
    .domain_resume = fl_test_domain_resume,
    .domain_shutdown = fl_test_domain_shutdown,
    .domain_shutdown_flags = fl_test_domain_shutdown_flags,
    .domain_reboot = fl_test_domain_reboot,
    .domain_reset = fl_test_domain_reset,
    .domain_destroy = fl_test_domain_destroy,
    .domain_destroy_flags = fl_test_domain_destroy_flags,
    .domain_get_state = fl_test_domain_get_state,
    .domain_get_info = fl_test_domain_get_info,
    .domain_is_active = fl_test_domain_is_active,
    .domain_is_persistent = fl_test_domain_is_persistent,
    .domain_is_updated = fl_test_domain_is_updated,
    .domain_get_autostart = fl_test_domain_get_autostart,
    .domain_set_autostart = fl_test_domain_set_autostart,
    .domain_get_os_type = fl_test_domain_get_os_type,
    .domain_set_lifecycle_action = fl_test_domain_set_lifecycle_action,
    .domain_get_control_info = fl_test_domain_get_control_info,
    /* domain_save.c */
    .domain_save = fl_test_domain_save,
    .domain_save_flags = fl_test_domain_save_flags,
    .domain_restore = fl_test_domain_restore,
    .domain_restore_flags = fl_test_domain_restore_flags,
    .domain_save_image_get_xml_desc = fl_test_domain_save_image_get_xml_desc,
    .domain_save_image_define_xml = fl_test_domain_save_image_define_xml,
    .domain_core_dump = fl_test_domain_core_dump,
    .domain_core_dump_with_format = fl_test_domain_core_dump_with_format,
    .domain_managed_save = fl_test_domain_managed_save,
    .domain_has_managed_save_image = fl_test_domain_has_managed_save_image,
    .domain_managed_save_remove = fl_test_domain_managed_save_remove,
    /* domain_memory.c */
    .domain_get_max_memory = fl_test_domain_get_max_memory,
    .domain_set_max_memory = fl_test_domain_set_max_memory,
    .domain_set_memory = fl_test_domain_set_memory,
    .domain_set_memory_flags = fl_test_domain_set_memory_flags,
    .domain_memory_stats = fl_test_domain_memory_stats,
    .domain_memory_peek = fl_test_domain_memory_peek,
    .domain_set_memory_stats_period = fl_test_domain_set_memory_stats_period,
    .domain_get_memory_parameters = fl_test_domain_get_memory_parameters,
    .domain_set_memory_parameters = fl_test_domain_set_memory_parameters,
    /* domain_vcpu.c */
    .domain_set_vcpus = fl_test_domain_set_vcpus,
    .domain_set_vcpus_flags = fl_test_domain_set_vcpus_flags,
    .domain_get_vcpus_flags = fl_test_domain_get_vcpus_flags,
    .domain_get_max_vcpus = fl_test_domain_get_max_vcpus,
    .domain_get_vcpus = fl_test_domain_get_vcpus,
    .domain_pin_vcpu = fl_test_domain_pin_vcpu,
    .domain_pin_vcpu_flags = fl_test_domain_pin_vcpu_flags,
    .domain_get_vcpu_pin_info = fl_test_domain_get_vcpu_pin_info,
    .domain_pin_emulator = fl_test_domain_pin_emulator,
    .domain_get_emulator_pin_info = fl_test_domain_get_emulator_pin_info,
    .domain_get_cpu_stats = fl_test_domain_get_cpu_stats,
    /* domain_iothread.c */
    .domain_get_iothread_info = fl_test_domain_get_iothread_info,
    .domain_add_iothread = fl_test_domain_add_iothread,
    .domain_del_iothread = fl_test_domain_del_iothread,
    .domain_pin_iothread = fl_test_domain_pin_iothread,
    .domain_set_iothread_params = fl_test_domain_set_iothread_params,
    /* domain_tune.c, domain_blkio.c, domain_iotune.c */
    .domain_get_scheduler_type = fl_test_domain_get_scheduler_type,
    .domain_get_scheduler_parameters = fl_test_domain_get_scheduler_parameters,
    .domain_get_scheduler_parameters_flags = fl_test_domain_get_scheduler_parameters_flags,
    .domain_set_scheduler_parameters = fl_test_domain_set_scheduler_parameters,
    .domain_set_scheduler_parameters_flags = fl_test_domain_set_scheduler_parameters_flags,
    .domain_get_numa_parameters = fl_test_domain_get_numa_parameters,
    .domain_set_numa_parameters = fl_test_domain_set_numa_parameters,
    .domain_get_perf_events = fl_test_domain_get_perf_events,
    .domain_set_perf_events = fl_test_domain_set_perf_events,
    .domain_get_interface_parameters = fl_test_domain_get_interface_parameters,
    .domain_set_interface_parameters = fl_test_domain_set_interface_parameters,
    .domain_get_blkio_parameters = fl_test_domain_get_blkio_parameters,
    .domain_set_blkio_parameters = fl_test_domain_set_blkio_parameters,
    .domain_get_block_io_tune = fl_test_domain_get_block_io_tune,
    .domain_set_block_io_tune = fl_test_domain_set_block_io_tune,
    /* domain_guest.c */
    .domain_get_hostname = fl_test_domain_get_hostname,
    .domain_get_time = fl_test_domain_get_time,
    .domain_set_time = fl_test_domain_set_time,
    .domain_get_fsinfo = fl_test_domain_get_fsinfo,
    .domain_fsfreeze = fl_test_domain_fsfreeze,
    .domain_fsthaw = fl_test_domain_fsthaw,
    .domain_fstrim = fl_test_domain_fstrim,
    .domain_interface_addresses = fl_test_domain_interface_addresses,
    .domain_set_user_password = fl_test_domain_set_user_password,
    .domain_send_key = fl_test_domain_send_key,
    .domain_send_process_signal = fl_test_domain_send_process_signal,
    .domain_inject_nmi = fl_test_domain_inject_nmi,
    .domain_screenshot = fl_test_domain_screenshot,
    .domain_get_messages = fl_test_domain_get_messages,
    .domain_get_security_label = fl_test_domain_get_security_label,
    .domain_get_launch_security_info = fl_test_domain_get_launch_security_info,
    /* domain_stats.c */
    .domain_block_stats = fl_test_domain_block_stats,
    .domain_interface_stats = fl_test_domain_interface_stats,
    .domain_get_block_info = fl_test_domain_get_block_info,
    .domain_get_disk_errors = fl_test_domain_get_disk_errors,
    .connect_get_all_domain_stats = fl_test_connect_get_all_domain_stats,
    /* domain_metadata.c */
    .domain_get_metadata = fl_test_domain_get_metadata,
    .domain_set_metadata = fl_test_domain_set_metadata,
    /* snapshot.c */
    .domain_snapshot_num = fl_test_domain_snapshot_num,
    .domain_snapshot_list_names = fl_test_domain_snapshot_list_names,
    .domain_list_all_snapshots = fl_test_domain_list_all_snapshots,
    .domain_snapshot_num_children = fl_test_domain_snapshot_num_children,
    .domain_snapshot_list_children_names = fl_test_domain_snapshot_list_children_names,
    .domain_snapshot_list_all_children = fl_test_domain_snapshot_list_all_children,
    .domain_snapshot_lookup_by_name = fl_test_domain_snapshot_lookup_by_name,
    .domain_has_current_snapshot = fl_test_domain_has_current_snapshot,
    .domain_snapshot_get_parent = fl_test_domain_snapshot_get_parent,
    .domain_snapshot_current = fl_test_domain_snapshot_current,
    .domain_snapshot_get_xml_desc = fl_test_domain_snapshot_get_xml_desc,
    .domain_snapshot_is_current = fl_test_domain_snapshot_is_current,
    .domain_snapshot_has_metadata = fl_test_domain_snapshot_has_metadata,
    /* snapshot_change.c */
    .domain_snapshot_create_xml = fl_test_domain_snapshot_create_xml,
    .domain_snapshot_delete = fl_test_domain_snapshot_delete,
    .domain_revert_to_snapshot = fl_test_domain_revert_to_snapshot,
    /* checkpoint.c */
    .domain_checkpoint_create_xml = fl_test_domain_checkpoint_create_xml,
    .domain_checkpoint_get_xml_desc = fl_test_domain_checkpoint_get_xml_desc,
    .domain_list_all_checkpoints = fl_test_domain_list_all_checkpoints,
    .domain_checkpoint_list_all_children = fl_test_domain_checkpoint_list_all_children,
    .domain_checkpoint_lookup_by_name = fl_test_domain_checkpoint_lookup_by_name,
    .domain_checkpoint_get_parent = fl_test_domain_checkpoint_get_parent,
    .domain_checkpoint_delete = fl_test_domain_checkpoint_delete,
    /* network.c */
    .connect_num_of_networks = fl_test_connect_num_of_networks,
    .connect_list_networks = fl_test_connect_list_networks,
    .connect_num_of_defined_networks = fl_test_connect_num_of_defined_networks,
    .connect_list_defined_networks = fl_test_connect_list_defined_networks,
    .connect_list_all_networks = fl_test_connect_list_all_networks,
    .network_lookup_by_name = fl_test_network_lookup_by_name,
    .network_lookup_by_uuid = fl_test_network_lookup_by_uuid,
    .network_create_xml = fl_test_network_create_xml,
    .network_create_xml_flags = fl_test_network_create_xml_flags,
    .network_define_xml = fl_test_network_define_xml,
    .network_define_xml_flags = fl_test_network_define_xml_flags,
    .network_undefine = fl_test_network_undefine,
    .network_update = fl_test_network_update,
    .network_create = fl_test_network_create,
    .network_destroy = fl_test_network_destroy,
    .network_get_xml_desc = fl_test_network_get_xml_desc,
    .network_get_bridge_name = fl_test_network_get_bridge_name,
    .network_get_autostart = fl_test_network_get_autostart,
    .network_set_autostart = fl_test_network_set_autostart,
    .network_is_active = fl_test_network_is_active,
    .network_is_persistent = fl_test_network_is_persistent,
    /* interface.c */
    .connect_num_of_interfaces = fl_test_connect_num_of_interfaces,
    .connect_list_interfaces = fl_test_connect_list_interfaces,
    .connect_num_of_defined_interfaces = fl_test_connect_num_of_defined_interfaces,
    .connect_list_defined_interfaces = fl_test_connect_list_defined_interfaces,
    .connect_list_all_interfaces = fl_test_connect_list_all_interfaces,
    .interface_lookup_by_name = fl_test_interface_lookup_by_name,
    .interface_lookup_by_mac_string = fl_test_interface_lookup_by_mac_string,
    .interface_define_xml = fl_test_interface_define_xml,
    .interface_undefine = fl_test_interface_undefine,
    .interface_create = fl_test_interface_create,
    .interface_destroy = fl_test_interface_destroy,
    .interface_is_active = fl_test_interface_is_active,
    .interface_get_xml_desc = fl_test_interface_get_xml_desc,
    .interface_change_begin = fl_test_interface_change_begin,
    .interface_change_commit = fl_test_interface_change_commit,
    .interface_change_rollback = fl_test_interface_change_rollback,
    /* pool.c */
    .connect_num_of_storage_pools = fl_test_connect_num_of_storage_pools,
    .connect_list_storage_pools = fl_test_connect_list_storage_pools,
    .connect_num_of_defined_storage_pools = fl_test_connect_num_of_defined_storage_pools,
    .connect_list_defined_storage_pools = fl_test_connect_list_defined_storage_pools,
    .connect_list_all_storage_pools = fl_test_connect_list_all_storage_pools,
    .connect_find_storage_pool_sources = fl_test_connect_find_storage_pool_sources,
    .storage_pool_lookup_by_name = fl_test_storage_pool_lookup_by_name,
    .storage_pool_lookup_by_uuid = fl_test_storage_pool_lookup_by_uuid,
    .storage_pool_lookup_by_volume = fl_test_storage_pool_lookup_by_volume,
    .storage_pool_create_xml = fl_test_storage_pool_create_xml,
    .storage_pool_define_xml = fl_test_storage_pool_define_xml,
    .storage_pool_build = fl_test_storage_pool_build,
    .storage_pool_undefine = fl_test_storage_pool_undefine,
    .storage_pool_create = fl_test_storage_pool_create,
    .storage_pool_destroy = fl_test_storage_pool_destroy,
    .storage_pool_delete = fl_test_storage_pool_delete,
    .storage_pool_refresh = fl_test_storage_pool_refresh,
    .storage_pool_get_info = fl_test_storage_pool_get_info,
    .storage_pool_get_xml_desc = fl_test_storage_pool_get_xml_desc,
    .storage_pool_get_autostart = fl_test_storage_pool_get_autostart,
    .storage_pool_set_autostart = fl_test_storage_pool_set_autostart,
    .storage_pool_is_active = fl_test_storage_pool_is_active,
    .storage_pool_is_persistent = fl_test_storage_pool_is_persistent,
    /* vol.c */
    .storage_pool_num_of_volumes = fl_test_storage_pool_num_of_volumes,
    .storage_pool_list_volumes = fl_test_storage_pool_list_volumes,
    .storage_pool_list_all_volumes = fl_test_storage_pool_list_all_volumes,
    .storage_vol_lookup_by_name = fl_test_storage_vol_lookup_by_name,
    .storage_vol_lookup_by_key = fl_test_storage_vol_lookup_by_key,
    .storage_vol_lookup_by_path = fl_test_storage_vol_lookup_by_path,
    .storage_vol_create_xml = fl_test_storage_vol_create_xml,
    .storage_vol_create_xml_from = fl_test_storage_vol_create_xml_from,
    .storage_vol_delete = fl_test_storage_vol_delete,
    .storage_vol_get_info = fl_test_storage_vol_get_info,
    .storage_vol_get_xml_desc = fl_test_storage_vol_get_xml_desc,
    .storage_vol_get_path = fl_test_storage_vol_get_path,
    .storage_vol_download = fl_test_storage_vol_download,
    .storage_vol_upload = fl_test_storage_vol_upload,
    /* nodedev.c */
    .node_num_of_devices = fl_test_node_num_of_devices,
    .node_list_devices = fl_test_node_list_devices,
    .connect_list_all_node_devices = fl_test_connect_list_all_node_devices,
    .node_device_lookup_by_name = fl_test_node_device_lookup_by_name,
    .node_device_get_xml_desc = fl_test_node_device_get_xml_desc,
    .node_device_get_parent = fl_test_node_device_get_parent,
    .node_device_num_of_caps = fl_test_node_device_num_of_caps,
    .node_device_list_caps = fl_test_node_device_list_caps,
    .node_device_create_xml = fl_test_node_device_create_xml,
    .node_device_destroy = fl_test_node_device_destroy,
    /* event.c */
    .connect_domain_event_register = fl_test_connect_domain_event_register,
    .connect_domain_event_deregister = fl_test_connect_domain_event_deregister,
    .connect_domain_event_register_any = fl_test_connect_domain_event_register_any,
    .connect_domain_event_deregister_any = fl_test_connect_domain_event_deregister_any,
    .connect_network_event_register_any = fl_test_connect_network_event_register_any,
    .connect_network_event_deregister_any = fl_test_connect_network_event_deregister_any,
    .connect_storage_pool_event_register_any = fl_test_connect_storage_pool_event_register_any,
    .connect_storage_pool_event_deregister_any = fl_test_connect_storage_pool_event_deregister_any,
    .connect_node_device_event_register_any = fl_test_connect_node_device_event_register_any,
    .connect_node_device_event_deregister_any = fl_test_connect_node_device_event_deregister_any,
};

static struct fl_hub *test_hub(virConnectPtr conn)
{
    struct fl_test_host *host = conn->priv;

    return host->hub;
}

static const char *const test_schemes[] = { "test", NULL };

const struct fl_driver fl_driver_test = {
    .name = "test",
    .schemes = test_schemes,
    .ops = &test_ops,
    .open = test_open,
    .close = test_close,
    .hub = test_hub,
    .opens_at_once = test_opens_at_once,
    .at_once = fl_test_at_once,
};
