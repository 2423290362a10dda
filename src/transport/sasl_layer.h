/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The security layer of a SASL login as a transport over another: what is written is encrypted, what is read
 * decrypted. Used by the client and by the daemon, from the first byte after the login on. */
#pragma once

#include <stddef.h>

struct fl_sasl;
struct fl_sasl_api;
struct fl_transport;

/* Takes `below` and the conversation over. The first `plain` bytes written belong before the layer: they go
 * as they are. */
struct fl_transport *fl_sasl_layer_new(struct fl_transport *below, const struct fl_sasl_api *api,
                                       struct fl_sasl *sasl, size_t plain);
