/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a running guest answers or is told: its name, clock, file systems, addresses, keys, signals. */
#define FL_FROM VIR_FROM_TEST
#include <stdio.h>
#include <string.h>
#include "driver/test/domain.h"
#include "driver/test/network.h"
#include "driver/test/ops.h"

static const char *const mounts[] = { "/", "/boot" };

char *fl_test_domain_get_hostname(virDomainPtr dom, unsigned int flags)
{
    if (fl_check_flags(flags, 0) < 0)
        return NULL;
    TEST_READ(dom);
    struct fl_test_domain *d = fl_test_domain_running(host, dom);
    return d ? g_strdup_printf("%shost", d->item.name) : NULL;
}

int fl_test_domain_get_time(virDomainPtr dom, long long *seconds, unsigned int *nseconds, unsigned int flags)
{
    if (fl_check_flags(flags, 0) < 0)
        return -1;
    TEST_READ(dom);
    struct fl_test_domain *d = fl_test_domain_of(host, dom);
    if (!d)
        return -1;
    if (!fl_test_domain_active(d))
        return fl_error(VIR_ERR_OPERATION_INVALID, "domain '%s' is not running", dom->name);
    if (seconds)
        *seconds = 627319920;
    if (nseconds)
        *nseconds = 0;
    return 0;
}

int fl_test_domain_set_time(virDomainPtr dom, long long seconds, unsigned int nseconds, unsigned int flags)
{
    if (fl_check_flags(flags, VIR_DOMAIN_TIME_SYNC) < 0)
        return -1;
    TEST_READ(dom);
    return fl_test_domain_running(host, dom) ? 0 : -1;
}

/* The first disk carries the guest's file systems. */
static const char *system_disk(const struct fl_test_domain *d)
{
    for (const struct fl_xml_node *disk = fl_domain_device_first(d->def, "disk"); disk;
         disk = fl_domain_device_next(disk, "disk")) {
        if (!fl_xml_get(disk, "device") || fl_xml_is(disk, "device", "disk"))
            return fl_disk_target(disk);
    }
    return NULL;
}

int fl_test_domain_get_fsinfo(virDomainPtr dom, virDomainFSInfoPtr **info, unsigned int flags)
{
    if (fl_check_flags(flags, 0) < 0)
        return -1;
    TEST_READ(dom);
    struct fl_test_domain *d = fl_test_domain_running(host, dom);
    if (!d)
        return -1;
    const char *disk = system_disk(d);
    *info = NULL;
    if (!disk)
        return 0;
    *info = FL_TEST_ARRAY(virDomainFSInfoPtr, G_N_ELEMENTS(mounts));
    for (gsize i = 0; i < G_N_ELEMENTS(mounts); i++) {
        virDomainFSInfoPtr fs = g_new0(virDomainFSInfo, 1);
        fs->name = g_strdup_printf("%s%zu", disk, i + 1);
        fs->mountpoint = g_strdup(mounts[i]);
        fs->fstype = g_strdup("ext4");
        fs->ndevAlias = 1;
        fs->devAlias = g_new0(char *, 2);
        fs->devAlias[0] = g_strdup(disk);
        (*info)[i] = fs;
    }
    return G_N_ELEMENTS(mounts);
}

static int mount_index(const char *path)
{
    for (gsize i = 0; i < G_N_ELEMENTS(mounts); i++) {
        if (strcmp(mounts[i], path) == 0)
            return i;
    }
    return fl_error(VIR_ERR_OPERATION_INVALID, "the guest has nothing mounted at '%s'", path);
}

/* Freezes or thaws what is named, or everything; returns how many changed. All names are checked first. */
static int freeze_set(virDomainPtr dom, const char **paths, unsigned int n, bool freeze)
{
    bool pick[G_N_ELEMENTS(mounts)] = { false };
    TEST_WRITE(dom);
    struct fl_test_domain *d = fl_test_domain_running(host, dom);
    if (!d)
        return -1;
    for (unsigned int i = 0; i < n; i++) {
        int m = mount_index(paths[i] ? paths[i] : "");
        if (m < 0)
            return -1;
        pick[m] = true;
    }
    int changed = 0;
    for (gsize m = 0; m < G_N_ELEMENTS(mounts); m++) {
        if ((n == 0 || pick[m]) && d->frozen[m] != freeze) {
            d->frozen[m] = freeze;
            changed++;
        }
    }
    return changed;
}

int fl_test_domain_fsfreeze(virDomainPtr dom, const char **mountpoints, unsigned int nmountpoints,
                            unsigned int flags)
{
    return fl_check_flags(flags, 0) < 0 ? -1 : freeze_set(dom, mountpoints, nmountpoints, true);
}

int fl_test_domain_fsthaw(virDomainPtr dom, const char **mountpoints, unsigned int nmountpoints,
                          unsigned int flags)
{
    return fl_check_flags(flags, 0) < 0 ? -1 : freeze_set(dom, mountpoints, nmountpoints, false);
}

int fl_test_domain_fstrim(virDomainPtr dom, const char *mountpoint, unsigned long long minimum,
                          unsigned int flags)
{
    if (fl_check_flags(flags, 0) < 0)
        return -1;
    TEST_READ(dom);
    if (!fl_test_domain_running(host, dom))
        return -1;
    return mountpoint && mount_index(mountpoint) < 0 ? -1 : 0;
}

/* The n-th address of the interface's network: the first of its DHCP range plus the domain's id; without a
 * known network 192.168.0.N, N from the interface's place. */
static char *guest_address(struct fl_test_host *host, const struct fl_test_domain *d,
                           const struct fl_xml_node *iface, unsigned int n, unsigned int *ret_prefix)
{
    const char *source = fl_xml_is(iface, "type", "network") ? fl_interface_source(iface) : NULL;
    const struct fl_test_network *net = source ? fl_test_table_by_name(&host->networks, source) : NULL;
    const struct fl_xml_node *ip = net ? fl_xml_child(net->def->root, "ip") : NULL;
    const char *start = ip ? fl_xml_find_attr(ip, "dhcp/range", "start") : NULL;
    unsigned int a, b, c, e;
    *ret_prefix = 24;
    if (!start || sscanf(start, "%u.%u.%u.%u", &a, &b, &c, &e) != 4)
        return g_strdup_printf("192.168.0.%u", 1 + n);
    const char *mask = fl_xml_get(ip, "netmask"), *prefix = fl_xml_get(ip, "prefix");
    unsigned int m[4];
    if (prefix) {
        *ret_prefix = g_ascii_strtoull(prefix, NULL, 10);
    } else if (mask && sscanf(mask, "%u.%u.%u.%u", &m[0], &m[1], &m[2], &m[3]) == 4) {
        *ret_prefix = 0;
        for (int i = 0; i < 4; i++)
            *ret_prefix += __builtin_popcount(m[i]);
    }
    unsigned int address = (a << 24 | b << 16 | c << 8 | e) + (unsigned int)d->item.id;
    return g_strdup_printf("%u.%u.%u.%u", address >> 24, (address >> 16) & 255, (address >> 8) & 255,
                           address & 255);
}

int fl_test_domain_interface_addresses(virDomainPtr dom, virDomainInterfacePtr **ifaces, unsigned int source,
                                       unsigned int flags)
{
    if (fl_check_flags(flags, 0) < 0)
        return -1;
    if (source > VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_ARP)
        return fl_error(VIR_ERR_ARGUMENT_UNSUPPORTED, "%u is no source of interface addresses", source);
    TEST_READ(dom);
    struct fl_test_domain *d = fl_test_domain_running(host, dom);
    if (!d)
        return -1;
    GPtrArray *list = g_ptr_array_new();
    for (const struct fl_xml_node *i = fl_domain_device_first(d->def, "interface"); i;
         i = fl_domain_device_next(i, "interface")) {
        virDomainInterfacePtr one = g_new0(virDomainInterface, 1);
        one->name = g_strdup(fl_interface_target(i));
        one->hwaddr = g_strdup(fl_interface_mac(i));
        one->naddrs = 1;
        one->addrs = g_new0(virDomainIPAddress, 1);
        one->addrs->type = VIR_IP_ADDR_TYPE_IPV4;
        one->addrs->addr = guest_address(host, d, i, list->len, &one->addrs->prefix);
        g_ptr_array_add(list, one);
    }
    int n = list->len;
    g_ptr_array_add(list, NULL);
    *ifaces = (virDomainInterfacePtr *)g_ptr_array_free(list, FALSE);
    return n;
}

int fl_test_domain_set_user_password(virDomainPtr dom, const char *user, const char *password,
                                     unsigned int flags)
{
    if (fl_check_flags(flags, VIR_DOMAIN_PASSWORD_ENCRYPTED) < 0)
        return -1;
    TEST_READ(dom);
    return fl_test_domain_running(host, dom) ? 0 : -1;
}

int fl_test_domain_send_key(virDomainPtr dom, unsigned int codeset, unsigned int holdtime,
                            unsigned int *keycodes, int nkeycodes, unsigned int flags)
{
    /* The highest code of each set, in the order of virKeycodeSet. */
    static const unsigned int highest[] = { 0x2ff, 0x7e, 0xff, 0xff,   0x7f, 0x7f,
                                            0xff,  0xff, 0xff, 0xffff, 0x2ff };
    if (fl_check_flags(flags, 0) < 0)
        return -1;
    if (codeset >= VIR_KEYCODE_SET_LAST)
        return fl_error_set(VIR_FROM_DOMAIN, VIR_ERR_INVALID_ARG, "%u is no set of key codes", codeset);
    if (nkeycodes < 1)
        return fl_error_set(VIR_FROM_DOMAIN, VIR_ERR_INVALID_ARG, "no key to send");
    TEST_READ(dom);
    if (!fl_test_domain_running(host, dom))
        return -1;
    for (int i = 0; i < nkeycodes; i++) {
        if (codeset < G_N_ELEMENTS(highest) && keycodes[i] > highest[codeset])
            return fl_error(VIR_ERR_INTERNAL_ERROR, "%u is no key code of set number %u", keycodes[i],
                            codeset);
    }
    return 0;
}

int fl_test_domain_send_process_signal(virDomainPtr dom, long long pid, unsigned int signum,
                                       unsigned int flags)
{
    if (fl_check_flags(flags, 0) < 0)
        return -1;
    if (pid != 1)
        return fl_error(VIR_ERR_INVALID_ARG, "only the guest's process 1 can be sent a signal, not %lld",
                        pid);
    if (signum >= VIR_DOMAIN_PROCESS_SIGNAL_LAST)
        return fl_error(VIR_ERR_INVALID_ARG, "%u is no signal", signum);
    /* Compat: the peer takes the signal of a domain that is off as well, and nothing comes of it. */
    TEST_READ(dom);
    return fl_test_domain_of(host, dom) ? 0 : -1;
}

int fl_test_domain_inject_nmi(virDomainPtr dom, unsigned int flags)
{
    if (fl_check_flags(flags, 0) < 0)
        return -1;
    TEST_READ(dom);
    return fl_test_domain_running(host, dom) ? 0 : -1;
}

int fl_test_domain_get_messages(virDomainPtr dom, char ***msgs, unsigned int flags)
{
    if (fl_check_flags(flags, VIR_DOMAIN_MESSAGE_DEPRECATION | VIR_DOMAIN_MESSAGE_TAINTING) < 0)
        return -1;
    TEST_READ(dom);
    if (!fl_test_domain_of(host, dom))
        return -1;
    *msgs = g_new0(char *, 1);
    return 0;
}

int fl_test_domain_get_security_label(virDomainPtr dom, virSecurityLabelPtr label)
{
    memset(label, 0, sizeof(*label));
    TEST_READ(dom);
    struct fl_test_domain *d = fl_test_domain_of(host, dom);
    if (!d)
        return -1;
    if (fl_test_domain_active(d)) {
        g_strlcpy(label->label, "libvirt-test", sizeof(label->label));
        label->enforcing = 1;
    }
    return 0;
}

int fl_test_domain_get_launch_security_info(virDomainPtr dom, virTypedParameterPtr *params, int *nparams,
                                            unsigned int flags)
{
    if (fl_check_flags(flags, 0) < 0)
        return -1;
    TEST_READ(dom);
    if (!fl_test_domain_of(host, dom))
        return -1;
    return fl_error(VIR_ERR_INVALID_ARG, "the test driver has no domains with launch security");
}
