/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which calls another driver may have to ask a hypervisor about, while here they only look at or change the
 * host in memory. What reads or writes files, moves a volume's bytes or walks over every domain is not among
 * them.
 */
#include "driver/test/ops.h"
#include "wire/procs.h"

bool fl_test_at_once(unsigned int procedure)
{
    switch (procedure) {
    /* what a domain is and does */
    case FL_P_DOMAIN_GET_XML_DESC:
    case FL_P_DOMAIN_GET_INFO:
    case FL_P_DOMAIN_GET_VCPUS_FLAGS:
    case FL_P_DOMAIN_GET_VCPU_PIN_INFO:
    case FL_P_DOMAIN_GET_EMULATOR_PIN_INFO:
    case FL_P_DOMAIN_GET_CPU_STATS:
    case FL_P_DOMAIN_GET_TIME:
    case FL_P_DOMAIN_GET_HOSTNAME:
    case FL_P_DOMAIN_GET_METADATA:
    case FL_P_DOMAIN_GET_MESSAGES:
    case FL_P_DOMAIN_GET_FSINFO:
    case FL_P_DOMAIN_GET_IOTHREAD_INFO:
    case FL_P_DOMAIN_GET_DISK_ERRORS:
    case FL_P_DOMAIN_GET_BLOCK_INFO:
    case FL_P_DOMAIN_BLOCK_STATS:
    case FL_P_DOMAIN_MEMORY_STATS:
    case FL_P_DOMAIN_INTERFACE_ADDRESSES:
    case FL_P_DOMAIN_HAS_MANAGED_SAVE_IMAGE:
    case FL_P_DOMAIN_HAS_CURRENT_SNAPSHOT:
    case FL_P_DOMAIN_SNAPSHOT_CURRENT:
    case FL_P_DOMAIN_SNAPSHOT_IS_CURRENT:
    case FL_P_DOMAIN_SNAPSHOT_HAS_METADATA:
    case FL_P_DOMAIN_CHECKPOINT_GET_XML_DESC:
    /* its settings */
    case FL_P_DOMAIN_GET_BLKIO_PARAMETERS:
    case FL_P_DOMAIN_GET_BLOCK_IO_TUNE:
    case FL_P_DOMAIN_GET_INTERFACE_PARAMETERS:
    case FL_P_DOMAIN_GET_LAUNCH_SECURITY_INFO:
    case FL_P_DOMAIN_GET_MEMORY_PARAMETERS:
    case FL_P_DOMAIN_GET_NUMA_PARAMETERS:
    case FL_P_DOMAIN_GET_PERF_EVENTS:
    case FL_P_DOMAIN_GET_SCHEDULER_PARAMETERS:
    case FL_P_DOMAIN_GET_SCHEDULER_PARAMETERS_FLAGS:
    case FL_P_DOMAIN_GET_SCHEDULER_TYPE:
    case FL_P_DOMAIN_SET_MEMORY:
    case FL_P_DOMAIN_SET_MEMORY_FLAGS:
    case FL_P_DOMAIN_SET_VCPUS:
    case FL_P_DOMAIN_SET_VCPUS_FLAGS:
    /* its life */
    case FL_P_DOMAIN_CREATE:
    case FL_P_DOMAIN_CREATE_WITH_FLAGS:
    case FL_P_DOMAIN_SUSPEND:
    case FL_P_DOMAIN_RESUME:
    case FL_P_DOMAIN_REBOOT:
    case FL_P_DOMAIN_RESET:
    case FL_P_DOMAIN_SHUTDOWN:
    case FL_P_DOMAIN_SHUTDOWN_FLAGS:
    /* the host and everything else on it */
    case FL_P_CONNECT_GET_CAPABILITIES:
    case FL_P_NODE_GET_CPU_MAP:
    case FL_P_INTERFACE_CREATE:
    case FL_P_INTERFACE_GET_XML_DESC:
    case FL_P_NETWORK_CREATE:
    case FL_P_NETWORK_CREATE_XML:
    case FL_P_NODE_DEVICE_GET_XML_DESC:
    case FL_P_STORAGE_POOL_CREATE:
    case FL_P_STORAGE_POOL_REFRESH:
        return true;
    default:
        return false;
    }
}
