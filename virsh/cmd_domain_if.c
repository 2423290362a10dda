/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Network interfaces of a domain: list, addresses, counters, link. */
#include "shell.h"
#include "handlers.h"

#include <stdlib.h>
#include <string.h>

static struct fl_xml *tree_of(struct fl_call *c, unsigned int flags)
{
    g_autofree char *xml = virDomainGetXMLDesc(c->dom, flags);
    struct fl_xml *root = xml ? fl_xml_parse(xml) : NULL;

    if (!root)
        fl_fail(c, "failed to get the XML of domain '%s'", virDomainGetName(c->dom));
    return root;
}

static const char *source_of(struct fl_xml *node)
{
    static const char *const attrs[] = { "bridge", "dev", "network", "name", "path" };
    struct fl_xml *source = fl_xml_get(node, "source");

    for (size_t i = 0; source && i < G_N_ELEMENTS(attrs); i++)
        if (fl_xml_attr(source, attrs[i]))
            return fl_xml_attr(source, attrs[i]);
    return NULL;
}

int fl_cmd_domiflist(struct fl_call *c)
{
    struct fl_xml *root = tree_of(c, fl_flag(c, "inactive") ? VIR_DOMAIN_XML_INACTIVE : 0), *devices;
    struct fl_table *t;

    if (!root)
        return -1;
    t = fl_table_new("Interface", "interface", "Type", "type", "Source", "source", "Model", "model", "MAC",
                     "mac", NULL);
    devices = fl_xml_get(root, "devices");
    for (guint i = 0; devices && i < devices->children->len; i++) {
        struct fl_xml *node = devices->children->pdata[i];

        if (strcmp(node->name, "interface") == 0)
            fl_table_add(t, fl_xml_value(node, "target@dev"), fl_xml_attr(node, "type"), source_of(node),
                         fl_xml_value(node, "model@type"), fl_xml_value(node, "mac@address"), NULL);
    }
    fl_xml_free(root);
    fl_table_print(c, t);
    return 0;
}

/* By target device or MAC address. */
static struct fl_xml *find_interface(struct fl_xml *root, const char *name)
{
    struct fl_xml *devices = fl_xml_get(root, "devices");

    for (guint i = 0; devices && i < devices->children->len; i++) {
        struct fl_xml *node = devices->children->pdata[i];
        const char *target = fl_xml_value(node, "target@dev"), *mac = fl_xml_value(node, "mac@address");

        if (strcmp(node->name, "interface") != 0)
            continue;
        if ((target && strcmp(target, name) == 0) || (mac && g_ascii_strcasecmp(mac, name) == 0))
            return node;
    }
    return NULL;
}

int fl_cmd_domif_getlink(struct fl_call *c)
{
    const char *name = fl_arg(c, "interface"), *state;
    struct fl_xml *root = tree_of(c, fl_flag(c, "config") ? VIR_DOMAIN_XML_INACTIVE : 0), *node;

    if (!root)
        return -1;
    node = find_interface(root, name);
    if (!node) {
        fl_xml_free(root);
        return fl_wrong(c, "domain '%s' has no interface '%s'", virDomainGetName(c->dom), name);
    }
    state = fl_xml_value(node, "link@state");
    if (fl_json(c)) {
        fl_json_set_text(fl_document(c), "interface", name);
        fl_json_set_text(fl_document(c), "link", state ? state : "up");
    }
    fl_out(c, "%s %s", name, state ? state : "up");
    fl_xml_free(root);
    return 0;
}

int fl_cmd_domif_setlink(struct fl_call *c)
{
    const char *name = fl_arg(c, "interface"), *state = fl_arg(c, "state");
    unsigned int flags = fl_flag(c, "config") ? VIR_DOMAIN_AFFECT_CONFIG : VIR_DOMAIN_AFFECT_LIVE;
    struct fl_xml *root, *node, *link;
    g_autofree char *xml = NULL, *text = NULL;

    if (strcmp(state, "up") != 0 && strcmp(state, "down") != 0)
        return fl_wrong(c, "the state of a link is up or down, not '%s'", state);
    if (virDomainIsActive(c->dom) == 0)
        flags = VIR_DOMAIN_AFFECT_CONFIG;
    root = tree_of(c, fl_flag(c, "config") ? VIR_DOMAIN_XML_INACTIVE : 0);
    if (!root)
        return -1;
    node = find_interface(root, name);
    if (node) {
        link = fl_xml_get(node, "link");
        if (link)
            g_ptr_array_remove(node->children, link);
        text = g_markup_printf_escaped("<link state='%s'/>", state);
        link = fl_xml_parse(text);
        g_free(link->before);
        link->before = node->text;
        node->text = g_strdup("");
        g_ptr_array_add(node->children, link);
        xml = fl_xml_format(node);
    }
    fl_xml_free(root);
    if (!xml)
        return fl_wrong(c, "domain '%s' has no interface '%s'", virDomainGetName(c->dom), name);
    if (fl_flag(c, "print-xml")) {
        fl_out(c, "%s", xml);
        return 0;
    }
    if (virDomainUpdateDeviceFlags(c->dom, xml, flags) < 0)
        return fl_fail(c, "failed to update interface link state");
    fl_extra(c, "Device updated successfully\n");
    return 0;
}

int fl_cmd_domifstat(struct fl_call *c)
{
    const char *name = fl_arg(c, "interface");
    virDomainInterfaceStatsStruct s;

    if (virDomainInterfaceStats(c->dom, name, &s, sizeof(s)) < 0)
        return fl_fail(c, "failed to get the counters of interface '%s' of domain '%s'", name,
                       virDomainGetName(c->dom));
    {
        const struct {
            const char *key;
            long long value;
        } lines[] = { { "rx_bytes", s.rx_bytes }, { "rx_packets", s.rx_packets },
                      { "rx_errs", s.rx_errs },   { "rx_drop", s.rx_drop },
                      { "tx_bytes", s.tx_bytes }, { "tx_packets", s.tx_packets },
                      { "tx_errs", s.tx_errs },   { "tx_drop", s.tx_drop } };

        for (size_t i = 0; i < G_N_ELEMENTS(lines); i++) {
            if (lines[i].value < 0)
                continue;
            if (fl_json(c))
                fl_json_set_int(fl_document(c), lines[i].key, lines[i].value);
            fl_out(c, "%s %s %lld\n", name, lines[i].key, lines[i].value);
        }
    }
    return 0;
}

static void address_line(struct fl_call *c, virDomainInterfacePtr iface, const virDomainIPAddressPtr addr,
                         bool first, void *array)
{
    const char *mac = iface->hwaddr ? iface->hwaddr : "N/A", *type = "N/A";
    g_autofree char *text = g_strdup("N/A");

    if (addr) {
        type = addr->type == VIR_IP_ADDR_TYPE_IPV6 ? "ipv6" : "ipv4";
        g_free(text);
        text = g_strdup_printf("%s/%u", addr->addr, addr->prefix);
    }
    if (array) {
        void *object = fl_json_object();

        fl_json_set(object, "name", fl_json_string(iface->name));
        fl_json_set(object, "mac", fl_json_string(mac));
        fl_json_set(object, "protocol", fl_json_string(type));
        fl_json_set(object, "address", fl_json_string(text));
        fl_json_append(array, object);
        return;
    }
    if (!addr)
        fl_out(c, " %-10s %-17s    %-12s %s\n", iface->name, mac, "N/A", "N/A");
    else if (first || fl_flag(c, "full"))
        fl_out(c, " %-10s %-17s    %-12s %s\n", iface->name, mac, type, text);
    else
        fl_out(c, " %-10s %-17s    %-12s %s\n", "-", "-", type, text);
}

int fl_cmd_domifaddr(struct fl_call *c)
{
    static const char *const sources[] = { "lease", "agent", "arp" };
    const char *wanted = fl_arg(c, "interface"), *source = fl_arg(c, "source");
    virDomainInterfacePtr *ifaces = NULL;
    unsigned int from = 0;
    void *array = fl_json(c) ? fl_json_array() : NULL;
    int n;

    while (source && from < G_N_ELEMENTS(sources) && strcmp(sources[from], source) != 0)
        from++;
    if (from == G_N_ELEMENTS(sources))
        return fl_wrong(c, "option --source is lease, agent or arp, not '%s'", source);
    n = virDomainInterfaceAddresses(c->dom, &ifaces, from, 0);
    if (n < 0)
        return fl_fail(c, "failed to get the addresses of domain '%s'", virDomainGetName(c->dom));
    if (!array)
        fl_extra(c, " %-10s %-20s %-8s     %s\n%s%s\n", "Name", "MAC address", "Protocol", "Address",
                 "-------------------------------------------------", "------------------------------");
    for (int i = 0; i < n; i++) {
        if (!wanted || strcmp(ifaces[i]->name, wanted) == 0) {
            if (ifaces[i]->naddrs == 0)
                address_line(c, ifaces[i], NULL, true, array);
            for (unsigned int k = 0; k < ifaces[i]->naddrs; k++)
                address_line(c, ifaces[i], &ifaces[i]->addrs[k], k == 0, array);
        }
        virDomainInterfaceFree(ifaces[i]);
    }
    free(ifaces);
    if (array)
        fl_document_set(c, array);
    return 0;
}
