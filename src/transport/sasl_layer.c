/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The security layer of transport/sasl_layer.h. The library encrypts a piece into one packet; a packet that
 * was begun must be sent to its end before anything else, so a write that did not fit keeps the rest here and
 * is repeated by the caller with the same bytes at its head.
 */
#define FL_FROM VIR_FROM_RPC
#include "transport/sasl_layer.h"

#include <string.h>

#include "auth/sasl.h"
#include "base/error.h"
#include "transport/transport.h"

#define READ_MAX 16384

struct layer {
    const struct fl_sasl_api *api;
    struct fl_sasl *sasl;
    size_t plain; /* bytes still to be written as they are */

    const char *out; /* of the packet being sent: the conversation's */
    size_t out_left;
    size_t out_stands_for; /* bytes of the caller that are in it */

    const char *in; /* decrypted and not read yet: the conversation's */
    size_t in_left;
};

static int layer_closed(struct fl_transport *t)
{
    return fl_error(VIR_ERR_INTERNAL_ERROR, "the connection to %s is closed",
                    t->target ? t->target : "the far side");
}

/* The packet begun: 1 = all of it is out, -FL_AGAIN, -1. */
static int send_packet(struct fl_transport *t, struct layer *l)
{
    while (l->out_left) {
        ssize_t n = fl_transport_write(t->below, l->out, l->out_left);

        if (n <= 0)
            return n < 0 ? (int)n : -FL_AGAIN;
        l->out += n;
        l->out_left -= (size_t)n;
    }
    return 1;
}

static ssize_t layer_write(struct fl_transport *t, const void *buf, size_t len)
{
    struct layer *l = t->priv;
    struct fl_sasl_data packet = { 0 };
    int rc;

    if (!l)
        return layer_closed(t);
    if (l->plain) {
        ssize_t n = fl_transport_write(t->below, buf, MIN(len, l->plain));

        if (n > 0)
            l->plain -= (size_t)n;
        return n;
    }
    if (!len)
        return 0;
    if (!l->out_stands_for) {
        size_t piece = MIN(len, FL_SASL_CHUNK_MAX);

        if (l->api->encode(l->sasl, buf, piece, &packet) < 0)
            return -1;
        l->out = packet.bytes;
        l->out_left = packet.len;
        l->out_stands_for = piece;
    }
    rc = send_packet(t, l);
    if (rc < 0)
        return rc;
    len = l->out_stands_for;
    l->out_stands_for = 0;
    return (ssize_t)len;
}

static ssize_t layer_read(struct fl_transport *t, void *buf, size_t len)
{
    struct layer *l = t->priv;
    char raw[READ_MAX];

    if (!l)
        return layer_closed(t);
    while (!l->in_left) {
        struct fl_sasl_data clear = { 0 };
        ssize_t n = fl_transport_read(t->below, raw, sizeof(raw));

        if (n <= 0)
            return n;
        if (l->api->decode(l->sasl, raw, (size_t)n, &clear) < 0)
            return -1;
        l->in = clear.bytes;
        l->in_left = clear.len;
    }
    len = MIN(len, l->in_left);
    memcpy(buf, l->in, len);
    l->in += len;
    l->in_left -= len;
    return (ssize_t)len;
}

static size_t layer_pending(struct fl_transport *t)
{
    struct layer *l = t->priv;

    return l ? l->in_left : 0;
}

static void layer_close(struct fl_transport *t)
{
    struct layer *l = t->priv;

    t->fd = -1;
    t->priv = NULL;
    if (!l)
        return;
    l->api->free(l->sasl);
    g_free(l);
}

static const struct fl_transport_ops layer_ops = {
    .name = "sasl",
    .read = layer_read,
    .write = layer_write,
    .pending = layer_pending,
    .close = layer_close,
};

struct fl_transport *fl_sasl_layer_new(struct fl_transport *below, const struct fl_sasl_api *api,
                                       struct fl_sasl *sasl, size_t plain)
{
    struct fl_transport *t = g_new0(struct fl_transport, 1);
    struct layer *l = g_new0(struct layer, 1);

    l->api = api;
    l->sasl = sasl;
    l->plain = plain;
    t->ops = &layer_ops;
    t->below = below;
    t->fd = below->fd;
    t->encrypted = true;
    t->target = g_strdup(below->target);
    t->priv = l;
    return t;
}
