/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A transport as a command: opens a URI's transport and copies standard input and output through it. The
 * tests of tests/connect/ use it to try transports without the protocol above.
 *
 *     pipe_main [-r] [-u] [-t MILLISECONDS] [-a] URI
 *
 * -u: as an ordinary user even for root; -t: the deadline of the open; -a: print the ssh command line
 * instead, a word per line. Exit status: 0 ended in order, 1 not opened, 2 broke later; the error is one line
 * on stderr.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/error.h"
#include "base/util.h"
#include "helper/relay.h"
#include "transport/ssh_command.h"
#include "transport/transport.h"
#include "uri/route.h"

static int fail(int status)
{
    virErrorPtr err = fl_error_get();
    fprintf(stderr, "error %d/%d/%d: %s\n", err->code, err->domain, err->int1, err->message);
    return status;
}

static int print_argv(const struct fl_endpoint *ep)
{
    g_auto(GStrv) argv = NULL;
    if (fl_ssh_argv(ep->route, ep->read_only, ep->privileged, &argv) < 0)
        return fail(1);
    for (char **word = argv; *word; word++)
        puts(*word);
    return 0;
}

int main(int argc, char **argv)
{
    struct fl_endpoint ep = { .privileged = geteuid() == 0, .deadline_us = FL_NO_DEADLINE };
    bool show_argv = false;
    int c;
    while ((c = getopt(argc, argv, "rut:a")) != -1) {
        if (c == 'r')
            ep.read_only = true;
        else if (c == 'u')
            ep.privileged = false;
        else if (c == 't')
            ep.deadline_us = fl_deadline_in_ms(atoi(optarg));
        else if (c == 'a')
            show_argv = true;
        else
            return 64;
    }
    if (optind != argc - 1)
        return 64;

    struct fl_resolve_env env = { .privileged = ep.privileged, .read_only = ep.read_only };
    fl_autoroute struct fl_route *route = NULL;
    struct fl_transport *t = NULL;
    if (fl_route_resolve(argv[optind], &env, 0, &route) < 0)
        return fail(1);
    ep.route = route;
    if (show_argv)
        return print_argv(&ep);
    if (fl_transport_open(&ep, &t) < 0)
        return fail(1);
    int status = fl_relay(t, STDIN_FILENO, STDOUT_FILENO) < 0 ? fail(2) : 0;
    fl_transport_free(t);
    return status;
}
