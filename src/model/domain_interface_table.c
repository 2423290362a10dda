/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* <interface> of a domain, and the parts networks share with it: bandwidth, vlan, virtualport. */
#include <arpa/inet.h>

#include <libvirt/virterror.h>

#include "base/error.h"
#include "model/domain_private.h"
#include "model/rows.h"

enum { UNSUPPORTED = VIR_ERR_CONFIG_UNSUPPORTED };

/* A share without its middle value says nothing. */
static int inbound_post(struct fl_doc_ctx *ctx, const struct fl_xml_node *in, struct fl_xml_node *out)
{
    if (fl_xml_get(out, "average") || fl_xml_get(out, "floor"))
        return 0;
    return fl_error_set(VIR_FROM_NONE, VIR_ERR_XML_DETAIL,
                        "%s:%d: <%s>: expected attribute 'average' or 'floor'", ctx->name, in->line,
                        in->name);
}

ROWS(inbound_rows) = {
    ATTR_T("average", ULL), ATTR_T("peak", ULL), ATTR_T("burst", ULL), ATTR_T("floor", ULL), END,
};
const struct fl_row fl_bandwidth_rows[] = { ELEM("inbound", inbound_rows, .post = inbound_post),
                                            ELEM("outbound", inbound_rows, .post = inbound_post), END };

ROWS(tag_rows) = { ATTR_T("id", UINT, .flags = FL_REQ), ATTR_E("nativeMode", "tagged|untagged"), END };
const struct fl_row fl_vlan_rows[] = { ATTR_T("trunk", YESNO), LIST("tag", tag_rows), END };

ROWS(vport_parameters_rows) = {
    ATTR_T("managerid", UINT),
    ATTR_T("typeid", UINT),
    ATTR_T("typeidversion", UINT),
    ATTR_T("instanceid", UUID),
    ATTR_T("interfaceid", UUID),
    ATTR("profileid"),
    END,
};

/* Ports of Open vSwitch and midonet have a name; one is invented when none is given. */
static int virtualport_post(struct fl_doc_ctx *ctx, const struct fl_xml_node *in, struct fl_xml_node *out)
{
    struct fl_xml_node *parameters = fl_xml_child(out, "parameters");
    unsigned char uuid[VIR_UUID_BUFLEN];
    char text[VIR_UUID_STRING_BUFLEN];

    if (!fl_xml_is(out, "type", "openvswitch"))
        return 0;
    if (!parameters)
        parameters = fl_xml_add(out, "parameters");
    if (!fl_xml_get(parameters, "interfaceid")) {
        g_autofree char *profile = g_strdup(fl_xml_get(parameters, "profileid"));

        fl_uuid_generate(uuid);
        fl_uuid_format(uuid, text);
        fl_xml_set(parameters, "profileid", NULL);
        fl_xml_set(parameters, "interfaceid", text);
        fl_xml_set(parameters, "profileid", profile);
    }
    return 0;
}

ROWS(vport_rows) = {
    ATTR_E("type", "none|802.1Qbg|802.1Qbh|openvswitch|midonet"),
    ELEM("parameters", vport_parameters_rows),
    END,
};
const struct fl_row fl_virtualport_row[] = { ELEM("virtualport", vport_rows, .post = virtualport_post), END };

ROWS(mac_rows) = {
    ATTR_T("address", MAC, .flags = FL_REQ, .code = VIR_ERR_XML_ERROR),
    ATTR_E("type", "generated|static"),
    ATTR_T("check", YESNO),
    END,
};
ROWS(udp_local_rows) = { ATTR("address"), ATTR_T("port", UINT), END };
ROWS(if_source_rows) = {
    ATTR("network"),
    ATTR_T("portid", UUID, .flags = FL_LIVE),
    ATTR("portgroup"),
    ATTR("bridge"),
    ATTR("type"),
    ATTR("path"),
    ATTR("name"),
    ATTR("switchid"),
    ATTR("portgroupid"),
    ATTR("address"),
    ATTR_T("port", UINT),
    ATTR("dev"),
    ATTR("mode"),
    ELEM("local", udp_local_rows),
    ELEM("address", fl_address_rows),
    ELEM("reconnect", fl_reconnect_rows),
    END,
};

static int ip_post(struct fl_doc_ctx *ctx, const struct fl_xml_node *in, struct fl_xml_node *out)
{
    const char *address = fl_xml_get(out, "address");
    unsigned char bytes[16];

    if (inet_pton(AF_INET, address, bytes) != 1 && inet_pton(AF_INET6, address, bytes) != 1)
        return fl_doc_error(ctx, in, VIR_ERR_XML_ERROR, "<ip>: expected an IP address, found '%s'", address);
    if (!fl_xml_is(out, "family", "ipv6") && strchr(fl_xml_get(out, "address"), ':'))
        fl_xml_set(out, "family", "ipv6");
    return 0;
}

ROWS(ip_rows) = {
    ATTR("address", .flags = FL_REQ),
    ATTR_E("family", "ipv4|ipv6", .def = "ipv4"),
    ATTR_T("prefix", UINT),
    ATTR("peer"),
    END,
};
const struct fl_row fl_route_rows[] = {
    ATTR_E("family", "ipv4|ipv6"),
    ATTR("address", .flags = FL_REQ),
    ATTR("netmask"),
    ATTR_T("prefix", UINT),
    ATTR("gateway", .flags = FL_REQ),
    ATTR_T("metric", UINT, .flags = FL_POSITIVE),
    END,
};
ROWS(script_rows) = { ATTR("path", .flags = FL_REQ), END };
ROWS(if_target_rows) = { ATTR("dev"), ATTR_T("managed", YESNO), END };
ROWS(guest_dev_rows) = { ATTR("dev"), ATTR("actual"), END };
ROWS(if_model_rows) = { ATTR("type", .flags = FL_REQ), END };
ROWS(offload_rows) = {
    ATTR_T("csum", ONOFF), ATTR_T("gso", ONOFF), ATTR_T("tso4", ONOFF),      ATTR_T("tso6", ONOFF),
    ATTR_T("ecn", ONOFF),  ATTR_T("ufo", ONOFF), ATTR_T("mrg_rxbuf", ONOFF), END,
};
ROWS(if_driver_rows) = {
    ATTR("name"),
    ATTR_E("txmode", "iothread|timer"),
    ATTR_T("ioeventfd", ONOFF),
    ATTR_T("event_idx", ONOFF),
    ATTR_T("queues", UINT, .flags = FL_NONZERO),
    ATTR_T("rx_queue_size", UINT, .flags = FL_NONZERO),
    ATTR_T("tx_queue_size", UINT, .flags = FL_NONZERO),
    ATTR_T("rss", ONOFF),
    ATTR_T("rss_hash_report", ONOFF),
    FL_VIRTIO_ATTRS,
    ELEM("host", offload_rows),
    ELEM("guest", offload_rows),
    END,
};
ROWS(if_backend_rows) = { ATTR("type"), ATTR("tap"), ATTR("vhost"), ATTR("logFile"), END };
ROWS(parameter_rows) = { ATTR("name", .flags = FL_REQ), ATTR("value", .flags = FL_REQ), END };
const struct fl_row fl_filterref_rows[] = { ATTR("filter"), LIST("parameter", parameter_rows), END };
ROWS(tune_rows) = { LEAF("sndbuf", ULL), END };
const struct fl_row fl_teaming_rows[] = {
    ATTR_E("type", "persistent|transient", .flags = FL_REQ),
    ATTR("persistent"),
    END,
};
ROWS(link_rows) = { ATTR_E("state", "up|down", .flags = FL_REQ, .code = UNSUPPORTED), END };
ROWS(size_rows) = { ATTR_T("size", UINT, .flags = FL_REQ, .code = VIR_ERR_XML_ERROR), END };
ROWS(frames_rows) = { ATTR_T("max", UINT), END };
ROWS(rx_rows) = { ELEM("frames", frames_rows), END };
ROWS(coalesce_rows) = { ELEM("rx", rx_rows), END };
ROWS(isolated_rows) = { ATTR_T("isolated", YESNO), END };

const struct fl_row fl_interface_rows[] = {
    ATTR_E("type",
           "user|ethernet|vhostuser|server|client|mcast|network|bridge|internal|direct|hostdev|udp|vdpa|null|"
           "vds",
           .def = "user"),
    ATTR_T("managed", YESNO, .when = "type=hostdev"),
    ATTR_T("trustGuestRxFilters", YESNO),
    ELEM("mac", mac_rows),
    ELEM("driver", if_driver_rows, .when = "type=hostdev"),
    ELEM("source", if_source_rows, .when = "!type=user"),
    LIST("ip", ip_rows, .post = ip_post),
    LIST("route", fl_route_rows),
    ELEM("vlan", fl_vlan_rows),
    ELEM("virtualport", vport_rows, .post = virtualport_post),
    ELEM("bandwidth", fl_bandwidth_rows),
    ELEM("script", script_rows),
    ELEM("downscript", script_rows),
    ANY("backenddomain"),
    ELEM("target", if_target_rows),
    ELEM("guest", guest_dev_rows),
    ELEM("model", if_model_rows),
    ELEM("driver", if_driver_rows, .when = "!type=hostdev"),
    ELEM("backend", if_backend_rows),
    ELEM("filterref", fl_filterref_rows, .when = "type=network|bridge|ethernet"),
    ELEM("tune", tune_rows),
    ELEM("teaming", fl_teaming_rows),
    ELEM("link", link_rows),
    ELEM("mtu", size_rows),
    ELEM("coalesce", coalesce_rows),
    ELEM("port", isolated_rows),
    FL_DEVICE_TAIL,
    END,
};
