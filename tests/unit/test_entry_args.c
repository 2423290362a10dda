/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Arguments no driver should ever see: NULL where something is to be stored, sizes that are nothing or do not
 * fit together. Calls whose arrays are bound by hand say what they need with `require` in api/. */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

static virConnectPtr conn;
static virDomainPtr dom;

static void ignore(void *opaque, virErrorPtr error)
{
    (void)opaque, (void)error;
}

static int set_up(void **state)
{
    (void)state;
    virSetErrorFunc(NULL, ignore);
    conn = virConnectOpen("test:///default");
    dom = conn ? virDomainLookupByName(conn, "test") : NULL;
    return dom ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    virDomainFree(dom);
    return virConnectClose(conn) < 0 ? -1 : 0;
}

#define assert_refused(call)                                                                                 \
    do {                                                                                                     \
        assert_int_equal((call), -1);                                                                        \
        assert_int_equal(virGetLastErrorCode(), VIR_ERR_INVALID_ARG);                                        \
    } while (0)

static void nothing_to_store_in(void **state)
{
    unsigned long long counts[8];
    unsigned int pages[2] = { 4, 8 };
    int n = 1;

    (void)state;
    assert_refused(virDomainGetFSInfo(dom, NULL, 0));
    assert_refused(virDomainInterfaceAddresses(dom, NULL, 0, 0));
    assert_refused(virDomainGetIOThreadInfo(dom, NULL, 0));
    assert_refused(virDomainGetSecurityLabel(dom, NULL));
    assert_refused(virDomainGetDiskErrors(dom, NULL, 1, 0));
    assert_refused(virConnectGetAllDomainStats(conn, 0, NULL, 0));
    assert_refused(virNodeGetSecurityModel(conn, NULL));
    assert_refused(virNodeGetCPUStats(conn, -1, NULL, &n, 0));
    assert_refused(virNodeGetCPUStats(conn, -1, NULL, NULL, 0));
    assert_refused(virNodeGetFreePages(conn, 2, NULL, 0, 2, counts, 0));
    assert_refused(virNodeGetFreePages(conn, 2, pages, 0, 2, NULL, 0));
    assert_refused(virDomainGetVcpus(dom, NULL, 2, NULL, 0));
    assert_refused(virDomainGetVcpuPinInfo(dom, 2, NULL, 1, 0));
    assert_refused(virDomainGetEmulatorPinInfo(dom, NULL, 1, 0));
}

static void sizes_that_cannot_be(void **state)
{
    unsigned char map[8] = { 0 };
    virVcpuInfo info[2];
    virTypedParameter params[4];
    unsigned int key = 1;
    int n = 0;

    (void)state;
    assert_refused(virDomainGetVcpus(dom, info, 0, NULL, 0));
    assert_refused(virDomainGetVcpus(dom, info, -1, NULL, 0));
    assert_refused(virDomainGetVcpus(dom, info, 2, map, 0));
    assert_refused(virDomainGetVcpus(dom, info, 2, NULL, 4));
    assert_refused(virDomainGetVcpus(dom, info, INT_MAX, map, INT_MAX));
    assert_refused(virDomainPinVcpu(dom, 0, map, 0));
    assert_refused(virDomainPinEmulator(dom, map, 0, 0));
    assert_refused(virDomainGetVcpuPinInfo(dom, 0, map, 1, 0));
    assert_refused(virDomainGetVcpuPinInfo(dom, INT_MAX, map, 8, 0));
    assert_refused(virDomainGetSchedulerParameters(dom, params, &n));
    assert_refused(virDomainSendKey(dom, 0, 0, &key, 0, 0));
    assert_refused(virDomainGetCPUStats(dom, params, 0, -1, 1, 0));
    assert_refused(virDomainGetCPUStats(dom, NULL, 1, 0, 1, 0));
    assert_refused(virDomainGetCPUStats(dom, params, 1, -1, 2, 0));
    assert_refused(virDomainGetCPUStats(dom, params, 1, 0, 0, 0));
    assert_int_equal(virDomainGetVcpus(dom, info, 2, map, 4), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_to_store_in),
        cmocka_unit_test(sizes_that_cannot_be),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
