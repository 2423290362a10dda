/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A proxy says for whom it acts: CONNECT_SET_IDENTITY, which virtproxyd sends when it has opened a connection
 * for a client of its own. Believed of root and of this daemon's own user only; the log has it. Rules about
 * what an identity may do are not built.
 */
#define FL_FROM VIR_FROM_RPC
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include <glib.h>

#include "base/error.h"
#include "base/log.h"
#include "daemon/call.h"
#include "daemon/dispatch.h"
#include "daemon/peer.h"
#include "wire/types.h"

static const struct {
    const char *name;
    int type;
} fields[] = {
    { VIR_CONNECT_IDENTITY_USER_NAME, VIR_TYPED_PARAM_STRING },
    { VIR_CONNECT_IDENTITY_UNIX_USER_ID, VIR_TYPED_PARAM_ULLONG },
    { VIR_CONNECT_IDENTITY_GROUP_NAME, VIR_TYPED_PARAM_STRING },
    { VIR_CONNECT_IDENTITY_UNIX_GROUP_ID, VIR_TYPED_PARAM_ULLONG },
    { VIR_CONNECT_IDENTITY_PROCESS_ID, VIR_TYPED_PARAM_LLONG },
    { VIR_CONNECT_IDENTITY_PROCESS_TIME, VIR_TYPED_PARAM_ULLONG },
    { VIR_CONNECT_IDENTITY_SASL_USER_NAME, VIR_TYPED_PARAM_STRING },
    { VIR_CONNECT_IDENTITY_X509_DISTINGUISHED_NAME, VIR_TYPED_PARAM_STRING },
    { VIR_CONNECT_IDENTITY_SELINUX_CONTEXT, VIR_TYPED_PARAM_STRING },
};

static int check_trusted(const struct fl_peer *peer)
{
    if (peer->local && (peer->uid == 0 || peer->uid == geteuid()))
        return 0;
    return fl_error(
        VIR_ERR_ACCESS_DENIED,
        "client %s may not act for somebody else: root and the daemon's own user are believed, over a unix "
        "socket",
        peer->name);
}

static int check_field(const struct fl_w_typed_param *p, const struct fl_w_connect_set_identity_args *a)
{
    for (size_t i = 0; i < G_N_ELEMENTS(fields); i++) {
        if (strcmp(p->field, fields[i].name) != 0)
            continue;
        if (p->type != fields[i].type)
            return fl_error(VIR_ERR_INVALID_ARG, "identity parameter '%s' has type %d instead of %d",
                            p->field, p->type, fields[i].type);
        for (const struct fl_w_typed_param *other = a->params; other != p; other++) {
            if (strcmp(other->field, p->field) == 0)
                return fl_error(VIR_ERR_INVALID_ARG, "identity parameter '%s' is given twice", p->field);
        }
        return 0;
    }
    return fl_error(VIR_ERR_INVALID_ARG, "there is no identity parameter '%s'", p->field);
}

static void append(GString *text, const struct fl_w_typed_param *p)
{
    g_autofree char *quoted = NULL;

    g_string_append_printf(text, "%s%s=", text->len ? " " : "", p->field);
    if (p->type == VIR_TYPED_PARAM_STRING) {
        quoted = g_strescape(p->value.s ? p->value.s : "", NULL); /* one line in the log, whatever it says */
        g_string_append_printf(text, "'%s'", quoted);
    } else if (p->type == VIR_TYPED_PARAM_LLONG) {
        g_string_append_printf(text, "%" PRId64, (int64_t)p->value.l);
    } else {
        g_string_append_printf(text, "%" PRIu64, (uint64_t)p->value.ul);
    }
}

int fl_serve_connect_set_identity(struct fl_call *call, void *args, void *ret)
{
    const struct fl_w_connect_set_identity_args *a = args;
    g_autoptr(GString) text = g_string_new(NULL);

    (void)ret;
    if (a->flags)
        return fl_error(VIR_ERR_INVALID_ARG, "no flags are known for an identity: 0x%x", a->flags);
    if (check_trusted(call->peer) < 0)
        return -1;
    for (uint32_t i = 0; i < a->n_params; i++) {
        if (check_field(&a->params[i], a) < 0)
            return -1;
        append(text, &a->params[i]);
    }
    fl_info("client %" PRIu64 " (%s) acts for %s", call->peer->id, call->peer->name, text->str);
    return 0;
}
