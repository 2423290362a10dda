/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Character devices: serial, parallel, console, channel, smartcard, redirdev, and the sources they share. */
#include <libvirt/virterror.h>

#include "model/domain_private.h"
#include "model/rows.h"

enum { UNSUPPORTED = VIR_ERR_CONFIG_UNSUPPORTED };

#define CHAR_TYPES "null|vc|pty|dev|file|pipe|stdio|udp|tcp|unix|spicevmc|spiceport|nmdm|qemu-vdagent|dbus"

ROWS(clipboard_rows) = { ATTR_T("copypaste", YESNO), END };
ROWS(mouse_rows) = { ATTR_E("mode", "server|client"), END };
ROWS(char_seclabel_rows) = { ATTR("model"), ATTR_T("relabel", YESNO), ATTR_T("labelskip", YESNO),
                             LEAF("label", STR), END };
const struct fl_row fl_char_source_rows[] = {
    ATTR("type"),
    ATTR("channel"),
    ATTR("master"),
    ATTR("slave"),
    ATTR_E("mode", "bind|connect"),
    ATTR("host"),
    ATTR("service"),
    ATTR_T("tls", YESNO),
    ATTR("path"),
    ATTR_T("append", ONOFF),
    ELEM("clipboard", clipboard_rows),
    ELEM("mouse", mouse_rows),
    LIST("seclabel", char_seclabel_rows),
    ELEM("reconnect", fl_reconnect_rows),
    END,
};
ROWS(protocol_rows) = { ATTR_E("type", "raw|telnet|telnets|tls"), END };
ROWS(log_rows) = { ATTR("file", .flags = FL_REQ), ATTR_T("append", ONOFF), END };

/* A source that says only how to listen is no source: the path is made at start. */
static int source_post(struct fl_doc_ctx *ctx, const struct fl_xml_node *in, struct fl_xml_node *out)
{
    if (fl_xml_get(out, "mode") && !fl_xml_get(out, "path") && !fl_xml_get(out, "host") &&
        !fl_xml_get(out, "service") && !out->first)
        fl_xml_set(out, "mode", NULL);
    return 0;
}

#define CHAR_SOURCE                                                                                          \
    LIST("source", fl_char_source_rows, .when = "!type=null|vc|stdio|spicevmc|pty", .post = source_post),    \
        ELEM("source", pty_source_rows, .when = "type=pty"),                                                 \
        ELEM("protocol", protocol_rows, .when = "type=tcp"), ELEM("log", log_rows)

ROWS(pty_source_rows) = { ATTR("path", .flags = FL_LIVE), END };
ROWS(name_rows) = { ATTR("name", .flags = FL_REQ), END };
ROWS(serial_target_rows) = {
    ATTR_E("type",
           "none|isa-serial|pci-serial|usb-serial|spapr-vio-serial|system-serial|sclp-serial|isa-debug"),
    ATTR_T("port", UINT),
    ELEM("model", name_rows),
    END,
};
ROWS(parallel_target_rows) = { ATTR_T("port", UINT), END };
const struct fl_row fl_console_target_rows[] = {
    ATTR_E("type", "none|serial|xen|uml|virtio|lxc|openvz|sclp|sclplm", .code = UNSUPPORTED),
    ATTR_T("port", UINT),
    END,
};
ROWS(channel_target_rows) = {
    ATTR_E("type", "none|guestfwd|virtio|xen", .flags = FL_REQ, .code = UNSUPPORTED),
    ATTR("address", .when = "type=guestfwd"),
    ATTR_T("port", UINT, .when = "type=guestfwd"),
    ATTR("name", .when = "type=virtio|xen"),
    ATTR_E("state", "connected|disconnected", .flags = FL_LIVE),
    END,
};

const struct fl_row fl_serial_rows[] = {
    ATTR_E("type", CHAR_TYPES, .def = "pty", .code = UNSUPPORTED),
    CHAR_SOURCE,
    ELEM("target", serial_target_rows),
    FL_DEVICE_TAIL,
    END,
};
const struct fl_row fl_parallel_rows[] = {
    ATTR_E("type", CHAR_TYPES, .def = "pty", .code = UNSUPPORTED),
    CHAR_SOURCE,
    ELEM("target", parallel_target_rows),
    FL_DEVICE_TAIL,
    END,
};
const struct fl_row fl_console_rows[] = {
    ATTR_E("type", CHAR_TYPES, .def = "pty", .code = UNSUPPORTED),
    ATTR("tty", .flags = FL_LIVE),
    CHAR_SOURCE,
    ELEM("target", fl_console_target_rows),
    FL_DEVICE_TAIL,
    END,
};
const struct fl_row fl_channel_rows[] = {
    ATTR_E("type", CHAR_TYPES, .def = "pty", .code = UNSUPPORTED),
    CHAR_SOURCE,
    ELEM("target", channel_target_rows, .flags = FL_REQ),
    FL_DEVICE_TAIL,
    END,
};
const struct fl_row fl_smartcard_rows[] = {
    ATTR_E("mode", "host|host-certificates|passthrough", .flags = FL_REQ),
    ATTR_E("type", CHAR_TYPES, .when = "mode=passthrough", .flags = FL_REQ),
    LEAVES("certificate", STR, .when = "mode=host-certificates"),
    LEAF("database", STR, .when = "mode=host-certificates"),
    CHAR_SOURCE,
    FL_DEVICE_TAIL,
    END,
};
const struct fl_row fl_redirdev_rows[] = {
    ATTR_E("bus", "usb", .def = "usb", .code = UNSUPPORTED),
    ATTR_E("type", CHAR_TYPES, .flags = FL_REQ, .code = UNSUPPORTED, .missing = VIR_ERR_INTERNAL_ERROR),
    CHAR_SOURCE,
    FL_DEVICE_TAIL,
    END,
};
const struct fl_row fl_rng_backend_rows[] = {
    ATTR_E("model", "random|egd|builtin", .flags = FL_REQ, .code = UNSUPPORTED),
    ATTR_E("type", CHAR_TYPES, .when = "model=egd", .flags = FL_REQ),
    LIST("source", fl_char_source_rows, .when = "model=egd"),
    ELEM("protocol", protocol_rows, .when = "model=egd"),
    TEXT(STR, .when = "model=random", .def = "/dev/random"),
    END,
};
