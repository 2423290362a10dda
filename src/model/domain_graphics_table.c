/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* <graphics> and <video>. */
#include <libvirt/virterror.h>

#include "model/domain_private.h"
#include "model/rows.h"

enum { UNSUPPORTED = VIR_ERR_CONFIG_UNSUPPORTED };

ROWS(listen_rows) = {
    ATTR_E("type", "none|address|network|socket", .flags = FL_REQ),
    ATTR("address", .when = "type=address"),
    ATTR("network", .when = "type=network"),
    ATTR("socket", .when = "type=socket"),
    END,
};
ROWS(channel_rows) = {
    ATTR_E("name", "main|display|inputs|cursor|playback|record|smartcard|usbredir", .flags = FL_REQ),
    ATTR_E("mode", "any|secure|insecure", .flags = FL_REQ),
    END,
};
#define COMPRESSION(n, list) ROWS(n##_rows) = { ATTR_E("compression", list, .flags = FL_REQ), END }
COMPRESSION(image, "auto_glz|auto_lz|quic|glz|lz|off");
COMPRESSION(jpeg, "auto|never|always");
COMPRESSION(playback, "on|off");
ROWS(streaming_rows) = { ATTR_E("mode", "filter|all|off", .flags = FL_REQ), END };
ROWS(mouse_rows) = { ATTR_E("mode", "server|client", .flags = FL_REQ), END };
ROWS(copypaste_rows) = { ATTR_T("copypaste", YESNO, .flags = FL_REQ), END };
ROWS(enable_rows) = { ATTR_T("enable", YESNO, .flags = FL_REQ), END };
ROWS(gl_rows) = { ATTR_T("enable", YESNO), ATTR("rendernode"), END };
ROWS(audio_rows) = { ATTR_T("id", UINT, .flags = FL_REQ), END };

#define NETWORKED "type=vnc|spice|rdp"
const struct fl_row fl_graphics_rows[] = {
    ATTR_E("type", "sdl|vnc|rdp|desktop|spice|egl-headless|dbus", .flags = FL_REQ),
    ATTR_T("port", INT, .when = NETWORKED, .code = VIR_ERR_INTERNAL_ERROR),
    ATTR_T("tlsPort", INT, .when = "type=spice", .code = VIR_ERR_INTERNAL_ERROR),
    ATTR_T("autoport", YESNO, .when = NETWORKED, .flags = FL_DROP_BAD),
    ATTR_T("websocket", INT, .when = "type=vnc"),
    ATTR_T("websocketGenerated", YESNO, .when = "type=vnc", .flags = FL_LIVE),
    ATTR_T("replaceUser", YESNO, .when = "type=rdp"),
    ATTR_T("multiUser", YESNO, .when = "type=rdp"),
    ATTR("address", .when = "type=dbus"),
    ATTR_T("p2p", YESNO, .when = "type=dbus"),
    ATTR("display", .when = "type=sdl|desktop"),
    ATTR("xauth", .when = "type=sdl"),
    ATTR_T("fullscreen", YESNO, .when = "type=sdl|desktop"),
    ATTR("listen", .when = NETWORKED),
    ATTR("socket", .when = "type=vnc"),
    ATTR("keymap", .when = "type=vnc|spice"),
    ATTR_E("sharePolicy", "allow-exclusive|force-shared|ignore", .when = "type=vnc"),
    ATTR_T("powerControl", YESNO, .when = "type=vnc"),
    ATTR_E("defaultMode", "any|secure|insecure", .when = "type=spice"),
    ATTR("passwd", .when = "type=vnc|spice", .flags = FL_SECRET),
    ATTR("passwdValidTo", .when = "type=vnc|spice"),
    ATTR_E("connected", "fail|disconnect|keep", .when = "type=vnc|spice"),
    LIST("listen", listen_rows, .when = NETWORKED),
    LIST("channel", channel_rows, .when = "type=spice"),
    ELEM("image", image_rows, .when = "type=spice"),
    ELEM("jpeg", jpeg_rows, .when = "type=spice"),
    ELEM("zlib", jpeg_rows, .when = "type=spice"),
    ELEM("playback", playback_rows, .when = "type=spice"),
    ELEM("streaming", streaming_rows, .when = "type=spice"),
    ELEM("mouse", mouse_rows, .when = "type=spice"),
    ELEM("clipboard", copypaste_rows, .when = "type=spice"),
    ELEM("filetransfer", enable_rows, .when = "type=spice"),
    ELEM("gl", gl_rows, .when = "type=spice|sdl|egl-headless|dbus"),
    ELEM("audio", audio_rows, .when = "type=vnc|dbus"),
    END,
};

ROWS(acceleration_rows) = {
    ATTR_T("accel3d", YESNO),
    ATTR_T("accel2d", YESNO),
    ATTR("rendernode"),
    END,
};
ROWS(resolution_rows) = {
    ATTR_T("x", UINT, .flags = FL_REQ | FL_POSITIVE),
    ATTR_T("y", UINT, .flags = FL_REQ | FL_POSITIVE),
    END,
};
const struct fl_row fl_video_model_rows[] = {
    ATTR_E("type", "default|vga|cirrus|vmvga|xen|vbox|qxl|parallels|virtio|gop|none|bochs|ramfb",
           .flags = FL_REQ, .code = UNSUPPORTED),
    ATTR_T("ram", UINT, .code = VIR_ERR_INTERNAL_ERROR),
    ATTR_T("vram", UINT, .code = VIR_ERR_INTERNAL_ERROR),
    ATTR_T("vram64", UINT, .code = VIR_ERR_INTERNAL_ERROR),
    ATTR_T("vgamem", UINT, .code = VIR_ERR_INTERNAL_ERROR),
    ATTR_T("heads", UINT, .code = VIR_ERR_INTERNAL_ERROR),
    ATTR_T("primary", YESNO),
    ELEM("acceleration", acceleration_rows),
    ELEM("resolution", resolution_rows),
    END,
};
ROWS(driver_rows) = {
    FL_VIRTIO_ATTRS,
    ATTR_E("name", "qemu|vhostuser"),
    ATTR_E("vgaconf", "io|on|off"),
    END,
};
const struct fl_row fl_video_rows[] = {
    ELEM("driver", driver_rows),
    ELEM("model", fl_video_model_rows),
    FL_DEVICE_TAIL,
    END,
};
