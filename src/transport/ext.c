/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The ext transport: command= names a program that carries the protocol on its standard input and output. It
 * is run as it is, without arguments and without a shell.
 */
#define FL_FROM VIR_FROM_REMOTE
#include <errno.h>

#include "base/error.h"
#include "base/walk.h"
#include "transport/channel.h"
#include "transport/child.h"
#include "uri/route.h"

static int ext_ended(struct fl_transport *t, int status, const char *text)
{
    g_autofree char *how = fl_child_how(status);

    return fl_channel_error(ECONNRESET, "connect: %s %s%s%s; run it by hand to see why", t->target, how,
                            *text ? ": " : "", text);
}

static int ext_open(struct fl_transport *t, const struct fl_endpoint *ep)
{
    const char *command = ep->route->command;
    if (!command || !*command)
        return fl_error(VIR_ERR_INVALID_ARG,
                        "transport 'ext' needs the program to run: add command=/path/to/program");
    char *argv[] = { (char *)command, NULL };
    t->target = g_strdup_printf("command '%s'", command);
    fl_stage_enter(FL_STAGE_CONNECT, "%s", t->target);
    if (fl_child_spawn(t, argv, "the program of command=", ext_ended) < 0)
        return -1;
    fl_child_end_kin(t);
    return 0;
}

const struct fl_transport_ops fl_transport_ext = {
    .name = "ext",
    .open = ext_open,
    .read = fl_child_read,
    .write = fl_child_write,
    .half_close = fl_child_half_close,
    .close = fl_child_close,
};
