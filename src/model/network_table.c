/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* <network> and <networkport>, and what is assumed when they leave it out. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

#include "base/error.h"
#include "model/domain_private.h"
#include "model/network_private.h"
#include "model/rows.h"

enum { UNSUPPORTED = VIR_ERR_CONFIG_UNSUPPORTED };

/* Addresses as 16 bytes, IPv4 mapped, so that ranges compare as memory. */
static int address_parse(const char *text, unsigned char *ret)
{
    static const unsigned char mapped[12] = { [10] = 0xff, [11] = 0xff };

    if (inet_pton(AF_INET6, text, ret) == 1)
        return 6;
    memcpy(ret, mapped, sizeof(mapped));
    return inet_pton(AF_INET, text, ret + 12) == 1 ? 4 : -1;
}

static int check_address(struct fl_doc_ctx *ctx, const struct fl_xml_node *at, const char *text,
                         const char *what)
{
    unsigned char bytes[16];

    if (!text || address_parse(text, bytes) > 0)
        return 0;
    return fl_doc_error(ctx, at, VIR_ERR_XML_ERROR, "<%s>: expected an IP address in %s, found '%s'",
                        at->name, what, text);
}

ROWS(nat_address_rows) = { ATTR("start", .flags = FL_REQ), ATTR("end", .flags = FL_REQ), END };
ROWS(nat_port_rows) = {
    ATTR_T("start", UINT, .flags = FL_REQ),
    ATTR_T("end", UINT, .flags = FL_REQ),
    END,
};
ROWS(nat_rows) = {
    ATTR_T("ipv6", YESNO),
    ELEM("address", nat_address_rows),
    ELEM("port", nat_port_rows),
    END,
};
ROWS(fwd_interface_rows) = { ATTR("dev", .flags = FL_REQ), ATTR("connections", .flags = FL_LIVE), END };
ROWS(fwd_driver_rows) = { ATTR_E("name", "kvm|vfio|xen"), END };

static int forward_post(struct fl_doc_ctx *ctx, const struct fl_xml_node *in, struct fl_xml_node *out)
{
    const char *dev = fl_xml_get(out, "dev");
    struct fl_xml_node *interface = fl_xml_child(out, "interface");

    if (dev && !interface)
        fl_xml_set(fl_xml_add(out, "interface"), "dev", dev);
    else if (dev && !fl_xml_is(interface, "dev", dev))
        return fl_doc_error(ctx, in, VIR_ERR_XML_ERROR,
                            "<forward>: expected dev='%s' to be the first <interface>, which is '%s'", dev,
                            fl_xml_get(interface, "dev"));
    if (interface)
        fl_xml_set(out, "dev", fl_xml_get(interface, "dev"));
    fl_doc_order(fl_forward_rows, out);
    return 0;
}

const struct fl_row fl_forward_rows[] = {
    ATTR("dev"),
    ATTR_E("mode", "none|nat|route|open|bridge|private|vepa|passthrough|hostdev", .def = "nat",
           .code = UNSUPPORTED),
    ATTR_T("managed", YESNO),
    ELEM("driver", fwd_driver_rows),
    ELEM("nat", nat_rows, .when = "mode=nat"),
    LIST("pf", fwd_interface_rows),
    LIST("interface", fwd_interface_rows),
    LIST("address", fl_address_rows),
    END,
};
ROWS(bridge_rows) = {
    ATTR("name"),
    ATTR("zone"),
    ATTR_T("stp", ONOFF, .flags = FL_DROP_BAD),
    ATTR_T("delay", ULL),
    ATTR_E("macTableManager", "kernel|libvirt"),
    END,
};
ROWS(mtu_rows) = { ATTR_T("size", UINT, .flags = FL_REQ), END };

static int mac_post(struct fl_doc_ctx *ctx, const struct fl_xml_node *in, struct fl_xml_node *out)
{
    unsigned char mac[6];

    if (fl_mac_parse(fl_xml_get(out, "address"), mac) == 0 && (mac[0] & 1))
        return fl_doc_error(ctx, in, VIR_ERR_XML_ERROR, "<mac>: expected no multicast address, found '%s'",
                            fl_xml_get(out, "address"));
    return 0;
}

ROWS(mac_rows) = { ATTR_T("address", MAC, .flags = FL_REQ), END };
ROWS(domain_rows) = {
    ATTR("name", .flags = FL_REQ),
    ATTR_T("localOnly", YESNO),
    ATTR_T("register", YESNO),
    END,
};
ROWS(forwarder_rows) = { ATTR("domain"), ATTR("addr"), END };

static int forwarder_post(struct fl_doc_ctx *ctx, const struct fl_xml_node *in, struct fl_xml_node *out)
{
    if (!out->attrs)
        return fl_doc_error(ctx, in, VIR_ERR_XML_ERROR, "<forwarder>: expected attribute 'addr' or 'domain'");
    return check_address(ctx, in, fl_xml_get(out, "addr"), "'addr'");
}

const struct fl_row fl_dns_txt_rows[] = { ATTR("name", .flags = FL_REQ), ATTR("value", .flags = FL_REQ),
                                          END };
const struct fl_row fl_dns_srv_rows[] = {
    ATTR("service", .flags = FL_REQ),
    ATTR("protocol", .flags = FL_REQ),
    ATTR("domain"),
    ATTR("target"),
    ATTR_T("port", UINT),
    ATTR_T("priority", UINT),
    ATTR_T("weight", UINT),
    END,
};

static int dns_host_post(struct fl_doc_ctx *ctx, const struct fl_xml_node *in, struct fl_xml_node *out)
{
    if (!fl_xml_child(out, "hostname"))
        return fl_doc_error(ctx, in, VIR_ERR_XML_DETAIL, "<host>: expected an element <hostname> inside");
    return check_address(ctx, in, fl_xml_get(out, "ip"), "'ip'");
}

const struct fl_row fl_dns_host_rows[] = {
    ATTR("ip", .flags = FL_REQ, .missing = VIR_ERR_XML_DETAIL),
    LEAVES("hostname", STR),
    END,
};
const struct fl_row fl_dns_rows[] = {
    ATTR_T("enable", YESNO),
    ATTR_T("forwardPlainNames", YESNO),
    LIST("forwarder", forwarder_rows, .post = forwarder_post),
    LIST("txt", fl_dns_txt_rows),
    LIST("srv", fl_dns_srv_rows),
    LIST("host", fl_dns_host_rows, .post = dns_host_post),
    END,
};

ROWS(lease_rows) = { ATTR_T("expiry", ULL, .flags = FL_REQ), ATTR_E("unit", "seconds|minutes|hours"), END };

static int range_post(struct fl_doc_ctx *ctx, const struct fl_xml_node *in, struct fl_xml_node *out)
{
    const char *start = fl_xml_get(out, "start"), *end = fl_xml_get(out, "end");
    unsigned char a[16], b[16];
    int fa = address_parse(start, a), fb = address_parse(end, b);

    if (fa < 0 || fb < 0)
        return check_address(ctx, in, fa < 0 ? start : end, fa < 0 ? "'start'" : "'end'");
    if (fa != fb || memcmp(a, b, sizeof(a)) > 0)
        return fl_error_set(VIR_FROM_NONE, VIR_ERR_INTERNAL_ERROR,
                            "%s:%d: <range>: expected end not below start, found %s - %s", ctx->name,
                            in->line, start, end);
    return 0;
}

const struct fl_row fl_dhcp_range_rows[] = {
    ATTR("start", .flags = FL_REQ),
    ATTR("end", .flags = FL_REQ),
    ELEM("lease", lease_rows),
    END,
};

static int dhcp_host_post(struct fl_doc_ctx *ctx, const struct fl_xml_node *in, struct fl_xml_node *out)
{
    const char *mac = fl_xml_get(out, "mac");
    unsigned char bytes[6];

    if (mac && fl_mac_parse(mac, bytes) < 0)
        return fl_doc_error(ctx, in, VIR_ERR_XML_ERROR, "<host>: expected a MAC address, found '%s'", mac);
    if (!fl_xml_get(out, "ip"))
        return fl_doc_error(ctx, in, VIR_ERR_XML_ERROR, "<host>: expected attribute 'ip'");
    if (!mac && !fl_xml_get(out, "name") && !fl_xml_get(out, "id"))
        return fl_doc_error(ctx, in, VIR_ERR_XML_ERROR, "<host>: expected attribute 'mac', 'name' or 'id'");
    return check_address(ctx, in, fl_xml_get(out, "ip"), "'ip'");
}

const struct fl_row fl_dhcp_host_rows[] = {
    ATTR("mac"), ATTR("id"), ATTR("name"), ATTR("ip"), ELEM("lease", lease_rows), END,
};
ROWS(bootp_rows) = { ATTR("file", .flags = FL_REQ), ATTR("server"), END };
ROWS(tftp_rows) = { ATTR("root", .flags = FL_REQ), END };
const struct fl_row fl_dhcp_rows[] = {
    LIST("range", fl_dhcp_range_rows, .post = range_post),
    LIST("host", fl_dhcp_host_rows, .post = dhcp_host_post),
    ELEM("bootp", bootp_rows),
    END,
};

static unsigned int prefix_of(const struct fl_xml_node *ip, unsigned int bits)
{
    const char *prefix = fl_xml_get(ip, "prefix"), *mask = fl_xml_get(ip, "netmask");
    unsigned char bytes[16];
    unsigned int n = 96;

    if (prefix)
        return MIN((unsigned int)strtoul(prefix, NULL, 10), bits) + (128 - bits);
    if (!mask || address_parse(mask, bytes) != 4)
        return 128 - bits;
    while (n < 128 && bytes[n / 8] & (0x80 >> n % 8))
        n++;
    return n;
}

static bool same_prefix(const unsigned char *a, const unsigned char *b, unsigned int bits)
{
    unsigned int whole = bits / 8, rest = bits % 8;

    if (memcmp(a, b, whole) != 0)
        return false;
    return rest == 0 || (a[whole] >> (8 - rest)) == (b[whole] >> (8 - rest));
}

static int ip_post(struct fl_doc_ctx *ctx, const struct fl_xml_node *in, struct fl_xml_node *out)
{
    const char *address = fl_xml_get(out, "address");
    unsigned char ip[16], end[16];
    int family;
    unsigned int prefix;

    if (!address || check_address(ctx, in, address, "'address'") < 0)
        return address ? -1 : 0;
    family = address_parse(address, ip);
    if (fl_xml_get(out, "netmask") && fl_xml_get(out, "prefix"))
        return fl_doc_error(ctx, in, UNSUPPORTED, "<ip>: expected netmask or prefix, found both");
    if (fl_xml_get(out, "family") && (family == 6) != fl_xml_is(out, "family", "ipv6"))
        return fl_doc_error(ctx, in, VIR_ERR_XML_ERROR, "<ip>: expected an address of family %s, found '%s'",
                            fl_xml_get(out, "family"), address);
    if (family == 6 && !fl_xml_get(out, "family"))
        return fl_doc_error(ctx, in, VIR_ERR_XML_ERROR, "<ip>: expected family='ipv6' for '%s'", address);
    prefix = prefix_of(out, family == 6 ? 128 : 32);
    for (const struct fl_xml_node *r = fl_xml_find(out, "dhcp/range"); r; r = fl_xml_next(r, "range")) {
        if (address_parse(fl_xml_get(r, "end"), end) != family || !same_prefix(ip, end, prefix) ||
            address_parse(fl_xml_get(r, "start"), end) != family || !same_prefix(ip, end, prefix))
            return fl_error_set(VIR_FROM_NONE, VIR_ERR_INTERNAL_ERROR,
                                "%s:%d: <range>: expected addresses inside the network of %s, found %s - %s",
                                ctx->name, r->line, address, fl_xml_get(r, "start"), fl_xml_get(r, "end"));
    }
    return 0;
}

ROWS(ip_rows) = {
    ATTR_E("family", "ipv4|ipv6"),
    ATTR("address"),
    ATTR("netmask"),
    ATTR_T("prefix", UINT),
    ATTR_T("localPtr", YESNO),
    ELEM("tftp", tftp_rows),
    ELEM("dhcp", fl_dhcp_rows, .flags = FL_OPEN_KEPT),
    END,
};

/* Here a port of unknown type may name its parameters: the portgroup's network decides. */
ROWS(vport_parameters_rows) = {
    ATTR_T("managerid", UINT),
    ATTR_T("typeid", UINT),
    ATTR_T("typeidversion", UINT),
    ATTR_T("instanceid", UUID),
    ATTR_T("interfaceid", UUID),
    ATTR("profileid"),
    END,
};
ROWS(vport_rows) = {
    ATTR_E("type", "none|802.1Qbg|802.1Qbh|openvswitch|midonet"),
    ELEM("parameters", vport_parameters_rows),
    END,
};
ROWS(isolated_rows) = { ATTR_T("isolated", YESNO), END };
const struct fl_row fl_portgroup_rows[] = {
    ATTR("name", .flags = FL_REQ),        ATTR_T("default", YESNO),
    ATTR_T("trustGuestRxFilters", YESNO), ELEM("vlan", fl_vlan_rows),
    ELEM("virtualport", vport_rows),      ELEM("bandwidth", fl_bandwidth_rows),
    ELEM("port", isolated_rows),          END,
};

static int bandwidth_post(struct fl_doc_ctx *ctx, const struct fl_xml_node *in, struct fl_xml_node *out)
{
    if (fl_xml_find_attr(out, "inbound", "floor"))
        return fl_error_set(VIR_FROM_NONE, UNSUPPORTED,
                            "%s:%d: <bandwidth>: expected no 'floor' in a network", ctx->name, in->line);
    return 0;
}

ROWS(metadata_rows) = { FOREIGN(), END };

/* A network of its own has a bridge with these knobs always set. */
static int network_post(struct fl_doc_ctx *ctx, const struct fl_xml_node *in, struct fl_xml_node *out)
{
    struct fl_xml_node *bridge = fl_xml_child(out, "bridge");
    const char *mode = fl_xml_find_attr(out, "forward", "mode");
    bool own = !mode || fl_word_in(mode, "none|nat|route|open");

    if (!mode || !fl_word_in(mode, "nat|route"))
        mode = mode ? mode : "none";
    if (fl_word_in(mode, "nat") && !fl_xml_child(out, "ip"))
        return fl_doc_error(ctx, in, VIR_ERR_XML_ERROR, "<network>: expected an <ip> for forward mode %s",
                            mode);
    if (!own) {
        if (bridge)
            fl_xml_set(bridge, "stp", NULL);
        if (bridge && fl_xml_is(bridge, "delay", "0"))
            fl_xml_set(bridge, "delay", NULL);
        return 0;
    }
    if (!bridge)
        bridge = fl_xml_add(out, "bridge");
    if (!fl_xml_get(bridge, "stp"))
        fl_xml_set(bridge, "stp", "on");
    if (!fl_xml_get(bridge, "delay"))
        fl_xml_set(bridge, "delay", "0");
    fl_doc_order(bridge_rows, bridge);
    fl_doc_order(fl_network_rows, out);
    return 0;
}

const struct fl_row fl_network_rows[] = {
    ATTR_T("ipv6", YESNO),
    ATTR_T("trustGuestRxFilters", YESNO),
    LEAF("name", STR),
    LEAF("uuid", STR),
    ELEM("metadata", metadata_rows, .flags = FL_KEEP, .post = fl_metadata_post),
    ELEM("forward", fl_forward_rows, .post = forward_post),
    ELEM("bridge", bridge_rows),
    ELEM("mtu", mtu_rows),
    ELEM("mac", mac_rows, .post = mac_post),
    ELEM("domain", domain_rows),
    ELEM("dns", fl_dns_rows),
    ELEM("vlan", fl_vlan_rows),
    ELEM("bandwidth", fl_bandwidth_rows, .post = bandwidth_post),
    ELEM("port", isolated_rows),
    LIST("ip", ip_rows, .flags = FL_OPEN_KEPT, .post = ip_post),
    LIST("route", fl_route_rows),
    ELEM("virtualport", vport_rows),
    LIST("portgroup", fl_portgroup_rows, .flags = FL_OPEN_KEPT),
    POST(network_post),
    END,
};

const struct fl_doc fl_network_doc = { .root = "network",
                                       .domain = VIR_FROM_NETWORK,
                                       .rows = fl_network_rows };

ROWS(owner_rows) = { LEAF("name", STR, .flags = FL_REQ), LEAF("uuid", UUID, .flags = FL_REQ), END };
ROWS(plug_rows) = {
    ATTR_E("type", "none|network|bridge|direct|hostdev-pci", .flags = FL_REQ),
    ATTR("bridge"),
    ATTR("dev"),
    ATTR("mode"),
    ATTR_T("managed", YESNO),
    ATTR("macTableManager"),
    ELEM("driver", fwd_driver_rows),
    ELEM("address", fl_address_rows),
    END,
};
ROWS(rxfilters_rows) = { ATTR_T("trustGuest", YESNO), END };
ROWS(networkport_rows) = {
    LEAF("uuid", UUID),
    ELEM("owner", owner_rows, .flags = FL_REQ),
    LEAF("group", STR),
    ELEM("mac", mac_rows, .flags = FL_REQ),
    ELEM("virtualport", vport_rows),
    ELEM("bandwidth", fl_bandwidth_rows),
    ELEM("vlan", fl_vlan_rows),
    ELEM("port", isolated_rows),
    ELEM("rxfilters", rxfilters_rows),
    ELEM("plug", plug_rows),
    END,
};
const struct fl_doc fl_network_port_doc = { .root = "networkport",
                                            .domain = VIR_FROM_NETWORK,
                                            .rows = networkport_rows };
