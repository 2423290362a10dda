/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Screens and video cards: ports and listeners worked out, one card for a screen, the primary card first. */
#include <stdlib.h>

#include <libvirt/virterror.h>

#include "model/domain_private.h"

/* -1 = none given. */
static long port_attr(const struct fl_xml_node *node, const char *attr)
{
    const char *value = fl_xml_get(node, attr);

    return value ? strtol(value, NULL, 10) : -1;
}

/* Without a listener there is one on the address of the attribute. */
static void complete_listens(struct fl_xml_node *g)
{
    struct fl_xml_node *first = fl_xml_child(g, "listen");
    const char *address = fl_xml_get(g, "listen"), *socket = fl_xml_get(g, "socket");

    if (!first) {
        first = fl_xml_add(g, "listen");
        fl_xml_set(first, "type", socket ? "socket" : "address");
        if (socket)
            fl_xml_set(first, "socket", socket);
        else if (address)
            fl_xml_set(first, "address", address);
    } else if (fl_xml_is(first, "type", "address") && address && !fl_xml_get(first, "address")) {
        fl_xml_set(first, "address", address);
    }
    fl_xml_set(g, "listen", fl_xml_is(first, "type", "address") ? fl_xml_get(first, "address") : NULL);
    fl_xml_set(g, "socket", fl_xml_is(first, "type", "socket") ? fl_xml_get(first, "socket") : NULL);
}

/* No port means one is found at start, and so does -1; 0 means none. */
static void ports_vnc(struct fl_xml_node *g)
{
    bool given = fl_xml_get(g, "port");
    long port = given ? port_attr(g, "port") : 0;
    bool automatic =
        fl_xml_is(g, "autoport", "yes") || port == -1 || (!given && !fl_xml_is(g, "autoport", "no"));

    fl_xml_set(g, "port", NULL);
    if (automatic || port != 0)
        fl_xml_setf(g, "port", "%ld", automatic ? -1 : port);
    fl_xml_set(g, "autoport", automatic ? "yes" : "no");
}

/* Without any port there is nothing to listen on. */
static void ports_spice(struct fl_xml_node *g)
{
    long port = fl_xml_get(g, "port") ? port_attr(g, "port") : 0;
    long tls = fl_xml_get(g, "tlsPort") ? port_attr(g, "tlsPort") : 0;
    bool automatic = fl_xml_is(g, "autoport", "yes") || (port == -1 && tls == -1);
    struct fl_xml_node *listen = fl_xml_child(g, "listen");

    if (automatic || port == 0)
        fl_xml_set(g, "port", NULL);
    if (automatic || tls == 0)
        fl_xml_set(g, "tlsPort", NULL);
    fl_xml_set(g, "autoport", automatic ? "yes" : "no");
    if (automatic || port != 0 || tls != 0 || !fl_xml_is(listen, "type", "address"))
        return;
    fl_xml_set(listen, "type", "none");
    fl_xml_set(listen, "address", NULL);
    fl_xml_set(g, "listen", NULL);
    fl_xml_set(g, "autoport", NULL);
}

/* 2011-07-05T15:33:51 */
static int check_valid_to(struct fl_doc_ctx *ctx, const struct fl_xml_node *g)
{
    static const char shape[] = "dddd-dd-ddTdd:dd:dd";
    const char *to = fl_xml_get(g, "passwdValidTo");
    bool good = !to || strlen(to) >= strlen(shape);

    for (unsigned int i = 0; to && good && shape[i]; i++)
        good = shape[i] == 'd' ? g_ascii_isdigit(to[i]) : to[i] == shape[i];
    if (good)
        return 0;
    return fl_doc_error(ctx, g, VIR_ERR_INTERNAL_ERROR,
                        "attribute 'passwdValidTo' of <graphics>: expected YYYY-MM-DDTHH:MM:SS, found '%s'",
                        to);
}

int fl_graphics_complete(struct fl_doc_ctx *ctx, struct fl_xml_node *g)
{
    const char *type = fl_xml_get(g, "type"), *attr = fl_xml_get(g, "listen");
    const struct fl_xml_node *listen = fl_xml_child(g, "listen");

    if (!fl_word_in(type, "vnc|spice|rdp"))
        return 0;
    if (attr && fl_xml_get(listen, "address") && !fl_xml_is(listen, "address", attr))
        return fl_doc_error(ctx, g, VIR_ERR_CONFIG_UNSUPPORTED,
                            "<graphics>: expected listen='%s' to be the address of its first <listen>, '%s'",
                            attr, fl_xml_get(listen, "address"));
    if (check_valid_to(ctx, g) < 0)
        return -1;
    complete_listens(g);
    if (fl_word_in(fl_xml_get(fl_xml_child(g, "listen"), "type"), "socket|none")) {
        fl_xml_set(g, "port", NULL);
        fl_xml_set(g, "tlsPort", NULL);
        fl_xml_set(g, "autoport", NULL);
    } else if (strcmp(type, "vnc") == 0) {
        ports_vnc(g);
    } else if (strcmp(type, "spice") == 0) {
        ports_spice(g);
    } else {
        bool automatic = fl_xml_is(g, "autoport", "yes") || port_attr(g, "port") <= 0;

        fl_xml_setf(g, "port", "%ld", automatic ? 0 : port_attr(g, "port"));
        fl_xml_set(g, "autoport", automatic ? "yes" : NULL);
    }
    fl_doc_order(fl_graphics_rows, g);
    return 0;
}

static unsigned int power_of_two(unsigned long value)
{
    unsigned int power = 1;

    while (power < value && power < 1U << 31)
        power <<= 1;
    return power;
}

static void round_up(struct fl_xml_node *model, const char *attr)
{
    if (fl_xml_get(model, attr))
        fl_xml_setf(model, attr, "%u", power_of_two(strtoul(fl_xml_get(model, attr), NULL, 10)));
}

void fl_video_complete(struct fl_xml_node *video, bool xen)
{
    static const char *const vram[][2] = {
        { "cirrus", "16384" }, { "vga", "16384" }, { "vmvga", "16384" },
        { "bochs", "16384" },  { "xen", "4096" },  { "qxl", "65536" },
    };
    struct fl_xml_node *model = fl_xml_child(video, "model");
    bool made = !model;

    if (made)
        model = fl_xml_add(video, "model");
    if (!fl_xml_get(model, "type") || fl_xml_is(model, "type", "default"))
        fl_xml_set(model, "type", xen ? "xen" : "cirrus");
    for (unsigned int i = 0; i < G_N_ELEMENTS(vram); i++) {
        if (fl_xml_is(model, "type", vram[i][0]) && !fl_xml_get(model, "vram"))
            fl_xml_set(model, "vram", vram[i][1]);
    }
    if (fl_xml_is(model, "type", "qxl")) {
        if (!fl_xml_get(model, "ram"))
            fl_xml_set(model, "ram", "65536");
    } else {
        fl_xml_set(model, "ram", NULL);
        fl_xml_set(model, "vram64", NULL);
        fl_xml_set(model, "vgamem", NULL);
    }
    round_up(model, "ram");
    round_up(model, "vram");
    if (!fl_xml_get(model, "heads") && !fl_xml_is(model, "type", "none"))
        fl_xml_set(model, "heads", "1");
    fl_doc_order(fl_video_model_rows, model);
    fl_doc_order(fl_video_rows, video);
}

/* One primary card, ... */
static int check_primary(struct fl_doc_ctx *ctx, const struct fl_xml_node *devices)
{
    unsigned int n = 0;

    for (const struct fl_xml_node *v = fl_xml_child(devices, "video"); v; v = fl_xml_next(v, "video"))
        n += fl_xml_is(fl_xml_child(v, "model"), "primary", "yes");
    if (n > 1)
        return fl_doc_error(ctx, devices, VIR_ERR_CONFIG_UNSUPPORTED,
                            "<video>: expected one primary card, found %u", n);
    return 0;
}

/* ... which is the first; and a screen needs a card. */
int fl_videos_complete(struct fl_doc_ctx *ctx, struct fl_xml_node *devices)
{
    struct fl_xml_node *first = fl_xml_child(devices, "video"), *primary = NULL;

    if (check_primary(ctx, devices) < 0)
        return -1;
    if (!first && fl_xml_child(devices, "graphics")) {
        first = fl_xml_add(devices, "video");
        fl_video_complete(first, fl_devices_are_xen(devices));
    }
    if (!first)
        return 0;
    for (struct fl_xml_node *v = first; v; v = fl_xml_next(v, "video")) {
        if (!primary && fl_xml_is(fl_xml_child(v, "model"), "primary", "yes"))
            primary = v;
        fl_xml_set(fl_xml_child(v, "model"), "primary", NULL);
    }
    if (!primary)
        primary = first;
    fl_xml_insert(devices, primary, primary == first ? first->next : first);
    if (!fl_xml_is(fl_xml_child(primary, "model"), "type", "none"))
        fl_xml_set(fl_xml_child(primary, "model"), "primary", "yes");
    fl_doc_order(fl_video_model_rows, fl_xml_child(primary, "model"));
    return 0;
}

void fl_domain_make_migratable(struct fl_xml_node *root)
{
    struct fl_xml_node *devices = fl_xml_child(root, "devices"), *next;

    for (struct fl_xml_node *dev = fl_xml_child(devices, "input"); dev; dev = next) {
        next = fl_xml_next(dev, "input");
        if (fl_xml_is(dev, "bus", "ps2") && fl_xml_is(dev, "type", "keyboard"))
            fl_xml_free(dev);
    }
    for (struct fl_xml_node *g = fl_xml_child(devices, "graphics"); g; g = fl_xml_next(g, "graphics")) {
        struct fl_xml_node *listen = fl_xml_child(g, "listen");

        if (fl_xml_is(g, "type", "vnc") && fl_xml_is(listen, "type", "socket"))
            fl_xml_free(listen);
    }
}
