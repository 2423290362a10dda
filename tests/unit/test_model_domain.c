/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What drivers do with definitions: builders, setters, devices, metadata, network updates, snapshots. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/error.h"
#include "model/domain.h"
#include "model/host.h"
#include "model/network.h"
#include "model/storage.h"

static const unsigned char uuid[VIR_UUID_BUFLEN] = { 0xdd, 0x8f, 0xe8, 0x84, 0x6c, 0x02, 0x60, 0x1e,
                                                     0x75, 0x51, 0xcc, 0xa9, 0x7d, 0xf1, 0xc5, 0xdf };

static const char two_disks[] =
    "<domain type='test'><name>d</name><uuid>dd8fe884-6c02-601e-7551-cca97df1c5df</uuid><memory>1024</memory>"
    "<os><type>hvm</type></os><devices>"
    "<disk><source file='/a'/><target dev='vda' bus='virtio'/></disk>"
    "<disk><source file='/c'/><target dev='vdc' bus='virtio'/></disk>"
    "<interface type='user'><mac address='52:54:00:00:00:01'/></interface>"
    "<graphics type='vnc' passwd='secret'/></devices></domain>";

static struct fl_domain_def *must_parse(const char *xml)
{
    struct fl_domain_def *def = NULL;

    if (fl_domain_def_parse(xml, NULL, 0, &def) < 0)
        fail_msg("%s", fl_error_get()->message);
    return def;
}

static void built_and_parsed_are_the_same(void **state)
{
    struct fl_domain_def *built = fl_domain_def_new("test", "n", uuid, 2048), *parsed;
    struct fl_network_def *net = fl_network_def_new_nat("default", uuid, "virbr0", "192.168.122.1",
                                                        "255.255.255.0", "192.168.122.2", "192.168.122.254"),
                          *net2 = NULL;
    struct fl_pool_def *pool = fl_pool_def_new("dir", "default-pool", uuid, "/default-pool"), *pool2 = NULL;
    struct fl_iface_def *iface = fl_iface_def_new_ethernet("eth1", "aa:bb:cc:dd:ee:ff", 1492, "192.168.0.5",
                                                           24, "192.168.0.1"),
                        *iface2 = NULL;
    struct fl_nodedev_def *dev = fl_nodedev_def_new_computer(), *dev2 = NULL;
    g_autofree char *a = fl_domain_def_format(built, 0), *b = NULL, *c = fl_network_def_format(net, 0),
                    *d = NULL;
    g_autofree char *e = fl_pool_def_format(pool, 0), *f = NULL, *g = fl_iface_def_format(iface), *h = NULL;
    g_autofree char *i = fl_nodedev_def_format(dev), *j = NULL;

    parsed = must_parse(a);
    b = fl_domain_def_format(parsed, 0);
    assert_string_equal(a, b);
    assert_int_equal(fl_network_def_parse(c, NULL, 0, &net2), 0);
    d = fl_network_def_format(net2, 0);
    assert_string_equal(c, d);
    assert_int_equal(fl_pool_def_parse(e, NULL, 0, &pool2), 0);
    f = fl_pool_def_format(pool2, 0);
    assert_string_equal(e, f);
    assert_int_equal(fl_iface_def_parse(g, NULL, 0, &iface2), 0);
    h = fl_iface_def_format(iface2);
    assert_string_equal(g, h);
    assert_int_equal(fl_nodedev_def_parse(i, NULL, 0, &dev2), 0);
    j = fl_nodedev_def_format(dev2);
    assert_string_equal(i, j);
    fl_domain_def_free(built);
    fl_domain_def_free(parsed);
    fl_network_def_free(net);
    fl_network_def_free(net2);
    fl_pool_def_free(pool);
    fl_pool_def_free(pool2);
    fl_iface_def_free(iface);
    fl_iface_def_free(iface2);
    fl_nodedev_def_free(dev);
    fl_nodedev_def_free(dev2);
}

static void scalars_are_written_back(void **state)
{
    struct fl_domain_def *def = must_parse(two_disks);
    g_autofree char *out = NULL;

    assert_int_equal(def->memory, 1024);
    assert_int_equal(fl_domain_set_vcpus(def, 4, true), 0);
    assert_int_equal(fl_domain_set_vcpus(def, 2, false), 0);
    assert_int_equal(fl_domain_set_vcpus(def, 5, false), -1);
    assert_int_equal(fl_error_get()->code, VIR_ERR_INVALID_ARG);
    def->cur_memory = 512;
    def->id = 7;
    def->title = g_strdup("a < b");
    out = fl_domain_def_format(def, 0);
    assert_non_null(strstr(out, "<domain type='test' id='7'>"));
    assert_non_null(strstr(out, "<title>a &lt; b</title>\n  <memory"));
    assert_non_null(strstr(out, "<currentMemory unit='KiB'>512</currentMemory>"));
    assert_non_null(strstr(out, "<vcpu placement='static' current='2'>4</vcpu>"));
    fl_domain_def_free(def);
}

static void secrets_and_ids_are_shown_on_request_only(void **state)
{
    struct fl_domain_def *def = must_parse(two_disks);
    g_autofree char *plain = fl_domain_def_format(def, 0);
    g_autofree char *secure = fl_domain_def_format(def, VIR_DOMAIN_XML_SECURE);
    g_autofree char *inactive = NULL;

    assert_null(strstr(plain, "secret"));
    assert_non_null(strstr(secure, "passwd='secret'"));
    def->id = 3;
    inactive = fl_domain_def_format(def, VIR_DOMAIN_XML_INACTIVE);
    assert_null(strstr(inactive, "id='3'"));
    fl_domain_def_free(def);
}

static void devices_come_and_go(void **state)
{
    struct fl_domain_def *def = must_parse(two_disks);
    struct fl_xml_node *disk;

    assert_int_equal(fl_domain_attach_device(def, "<disk><source file='/b'/><target dev='vdb'/></disk>", 0),
                     0);
    disk = fl_domain_device_next(fl_domain_device_first(def, "disk"), "disk");
    assert_string_equal(fl_disk_target(disk), "vdb");
    assert_int_equal(fl_domain_attach_device(def, "<disk><source file='/x'/><target dev='vda'/></disk>", 0),
                     -1);
    assert_int_equal(fl_error_get()->code, VIR_ERR_OPERATION_INVALID);
    assert_int_equal(
        fl_domain_update_device(def, "<disk><source file='/new'/><target dev='vdb' bus='virtio'/></disk>", 0),
        0);
    assert_string_equal(fl_disk_source(fl_domain_disk_by(def, "vdb")), "/new");
    assert_int_equal(fl_domain_detach_device(def, "<disk><source file='/new'/><target dev='vdb'/></disk>", 0),
                     0);
    assert_null(fl_domain_disk_by(def, "vdb"));
    assert_int_equal(fl_domain_detach_device(def, "<disk><source file='/new'/><target dev='vdb'/></disk>", 0),
                     -1);
    assert_int_equal(fl_error_get()->code, VIR_ERR_DEVICE_MISSING);
    assert_int_equal(fl_domain_attach_device(def, "<zz/>", 0), -1);
    assert_int_equal(fl_domain_attach_device(def, "<disk", 0), -1);
    assert_int_equal(fl_error_get()->code, VIR_ERR_XML_DETAIL);
    assert_non_null(fl_domain_interface_by(def, "52:54:00:0:0:1"));
    fl_domain_def_free(def);
}

static void targets_are_given_in_turn(void **state)
{
    struct fl_domain_def *def = must_parse(two_disks);
    const struct fl_xml_node *iface = fl_domain_device_first(def, "interface");

    assert_null(fl_interface_target(iface));
    fl_domain_assign_targets(def, "testnet", NULL);
    assert_string_equal(fl_interface_target(iface), "testnet0");
    assert_ptr_equal(fl_domain_interface_by(def, "testnet0"), iface);
    fl_domain_def_free(def);
}

static void metadata_goes_in_and_comes_out(void **state)
{
    struct fl_domain_def *def = must_parse(two_disks);
    g_autofree char *got = NULL, *out = NULL;
    int element = VIR_DOMAIN_METADATA_ELEMENT;

    assert_int_equal(fl_domain_set_metadata(def, element, "<a x='1'><b/>t</a>", "k", "u:1"), 0);
    got = fl_domain_get_metadata(def, element, "u:1");
    assert_string_equal(got, "<a x=\"1\"><b/>t</a>");
    out = fl_domain_def_format(def, 0);
    assert_non_null(strstr(out, "    <k:a xmlns:k=\"u:1\" x=\"1\"><k:b/>t</k:a>\n"));
    assert_null(fl_domain_get_metadata(def, element, "u:2"));
    assert_int_equal(fl_error_get()->code, VIR_ERR_NO_DOMAIN_METADATA);
    assert_int_equal(fl_domain_set_metadata(def, element, NULL, NULL, "u:1"), 0);
    assert_null(fl_domain_get_metadata(def, element, "u:1"));
    assert_int_equal(fl_domain_set_metadata(def, VIR_DOMAIN_METADATA_TITLE, "a\nb", NULL, NULL), -1);
    fl_domain_def_free(def);
}

static void networks_are_updated_in_place(void **state)
{
    struct fl_network_def *net = fl_network_def_new_nat("n", uuid, "virbr0", "192.168.122.1", "255.255.255.0",
                                                        "192.168.122.2", "192.168.122.254");
    const char *host = "<host mac='52:54:00:00:00:01' ip='192.168.122.5'/>";
    g_autofree char *out = NULL;

    assert_int_equal(fl_network_def_update(net, VIR_NETWORK_UPDATE_COMMAND_ADD_LAST,
                                           VIR_NETWORK_SECTION_IP_DHCP_HOST, -1, host),
                     0);
    assert_int_equal(fl_network_def_update(net, VIR_NETWORK_UPDATE_COMMAND_ADD_LAST,
                                           VIR_NETWORK_SECTION_IP_DHCP_HOST, -1, host),
                     -1);
    assert_int_equal(fl_error_get()->code, VIR_ERR_OPERATION_INVALID);
    assert_int_equal(fl_network_def_update(net, VIR_NETWORK_UPDATE_COMMAND_ADD_LAST,
                                           VIR_NETWORK_SECTION_IP_DHCP_RANGE, -1,
                                           "<range start='192.168.122.9' end='192.168.122.3'/>"),
                     -1);
    assert_int_equal(fl_network_def_update(net, VIR_NETWORK_UPDATE_COMMAND_ADD_LAST,
                                           VIR_NETWORK_SECTION_BRIDGE, -1, "<bridge/>"),
                     -1);
    assert_int_equal(fl_error_get()->code, VIR_ERR_OPERATION_UNSUPPORTED);
    out = fl_network_def_format(net, 0);
    assert_non_null(strstr(out, "      <host mac='52:54:00:00:00:01' ip='192.168.122.5'/>\n    </dhcp>"));
    fl_network_def_free(net);
}

static void snapshots_list_the_disks(void **state)
{
    struct fl_snapshot_def *snap = NULL;
    g_autofree char *out = NULL;

    assert_int_equal(fl_snapshot_def_parse("<domainsnapshot><name>s</name></domainsnapshot>", NULL, 0, &snap),
                     0);
    snap->dom = must_parse(two_disks);
    snap->state = VIR_DOMAIN_RUNNING;
    snap->creation_time = 5;
    snap->parent = g_strdup("p");
    assert_int_equal(fl_snapshot_def_align_disks(snap, 0), 0);
    out = fl_snapshot_def_format(snap, 0, -1);
    assert_true(g_str_has_prefix(out,
                                 "<domainsnapshot>\n  <name>s</name>\n  <state>running</state>\n  <parent>\n"
                                 "    <name>p</name>\n  </parent>\n  <creationTime>5</creationTime>\n"
                                 "  <memory snapshot='internal'/>\n  <disks>\n"
                                 "    <disk name='vda' snapshot='internal'/>\n"
                                 "    <disk name='vdc' snapshot='internal'/>\n  </disks>\n"
                                 "  <domain type='test'>\n    <name>d</name>\n"));
    fl_snapshot_def_free(snap);
    snap = NULL;
    assert_int_equal(fl_snapshot_def_parse("<domainsnapshot/>", NULL, FL_SNAPSHOT_REDEFINE, &snap), -1);
    assert_null(snap);
}

static void faults_name_file_line_and_what_was_expected(void **state)
{
    struct fl_domain_def *def = NULL;

    assert_int_equal(
        fl_domain_def_parse("<domain type='test'>\n<name>n</name>\n<memory unit='zz'>5</memory></domain>",
                            "my.xml", 0, &def),
        -1);
    assert_non_null(strstr(fl_error_get()->message, "my.xml:3: <memory>: expected a size"));
    assert_int_equal(fl_domain_def_parse("<!DOCTYPE d [<!ENTITY x SYSTEM 'file:///etc/passwd'>]>"
                                         "<domain type='test'><name>&x;</name></domain>",
                                         "my.xml", 0, &def),
                     -1);
    assert_non_null(strstr(fl_error_get()->message, "document type"));
    assert_null(def);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(built_and_parsed_are_the_same),
        cmocka_unit_test(scalars_are_written_back),
        cmocka_unit_test(secrets_and_ids_are_shown_on_request_only),
        cmocka_unit_test(devices_come_and_go),
        cmocka_unit_test(targets_are_given_in_turn),
        cmocka_unit_test(metadata_goes_in_and_comes_out),
        cmocka_unit_test(networks_are_updated_in_place),
        cmocka_unit_test(snapshots_list_the_disks),
        cmocka_unit_test(faults_name_file_line_and_what_was_expected),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
