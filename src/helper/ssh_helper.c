/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * virt-ssh-helper: what ssh clients run on a host to reach its daemon. Finds the daemon's socket for a URI as
 * a local client would (and starts a session daemon as one would), then copies bytes between it and its own
 * input and output. Run by our ssh transport and by the incumbent's; see "proxy parameter" of the connection
 * URI page.
 */
#define FL_FROM VIR_FROM_REMOTE
#include <getopt.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"
#include "base/util.h"
#include "helper/relay.h"
#include "transport/ssh_far.h"
#include "transport/transport.h"
#include "uri/route.h"

#ifndef FL_VERSION
#define FL_VERSION "unknown"
#endif

#define CONNECT_LIMIT_MS 35000 /* longer than the start of a session daemon may take */

static const char usage[] =
    "Usage:\n"
    "  virt-ssh-helper [OPTION?] URI\n"
    "\n"
    "Carries a client's connection, arriving over ssh, to the libvirt daemon of this host.\n"
    "ssh clients run it; it is of no use by hand.\n"
    "\n"
    "Options:\n"
    "  -h, --help         this text\n"
    "  -r, --readonly     use the daemon's read-only socket\n"
    "  -V, --version      the version\n"
    "\n";

/* -1 = go on with optind; else the exit status. */
static int parse_options(int argc, char **argv, bool *ret_read_only)
{
    static const struct option options[] = { { "help", no_argument, NULL, 'h' },
                                             { "readonly", no_argument, NULL, 'r' },
                                             { "version", no_argument, NULL, 'V' },
                                             { NULL, 0, NULL, 0 } };
    int c;
    while ((c = getopt_long(argc, argv, "+hrV", options, NULL)) != -1) {
        switch (c) {
        case 'h':
            fputs(usage, stdout);
            return 0;
        case 'V':
            puts("virt-ssh-helper (fairlead) " FL_VERSION);
            return 0;
        case 'r':
            *ret_read_only = true;
            break;
        default:
            return 1;
        }
    }
    if (argc - optind == 1)
        return -1;
    fprintf(stderr, "virt-ssh-helper: %s\n%s", argc == optind ? "no URI given" : "more than one URI given",
            usage);
    return 1;
}

static int check_local(const struct fl_route *r, const char *text)
{
    if ((r->transport && !g_str_equal(r->transport, "unix")) || (r->host && r->host[0]))
        return fl_error(
            VIR_ERR_INVALID_ARG,
            "URI '%s' leads away from this host; the helper takes local ones, like qemu:///system", text);
    return 0;
}

static int run(const char *text, bool read_only)
{
    bool marks = getenv(FL_SSH_FAR_VARIABLE) != NULL;
    /* A driver of this process would take no parameter: here every name is for a daemon. */
    static const char *const no_local[] = { NULL };
    struct fl_resolve_env env = { .privileged = geteuid() == 0,
                                  .read_only = read_only,
                                  .local_drivers = no_local };
    fl_autoroute struct fl_route *route = NULL;
    if (fl_route_resolve(text, &env, FL_RESOLVE_NO_ALIASES, &route) < 0 || check_local(route, text) < 0)
        return -1;
    g_free(route->transport); /* a URI of a driver in this process still means the daemon here */
    route->transport = g_strdup("unix");

    struct fl_endpoint ep = { .route = route,
                              .read_only = read_only,
                              .privileged = env.privileged,
                              .deadline_us = fl_deadline_in_ms(CONNECT_LIMIT_MS) };
    struct fl_transport *t = NULL;
    unsetenv(FL_SSH_FAR_VARIABLE); /* it is not for a daemon that is started */
    if (fl_transport_open(&ep, &t) < 0)
        return -1;
    if (marks)
        fputs(FL_SSH_FAR_MARK "\n", stderr);
    int rc = fl_relay(t, STDIN_FILENO, STDOUT_FILENO);
    fl_transport_free(t);
    return rc;
}

int main(int argc, char **argv)
{
    bool read_only = false;
    setlocale(LC_ALL, "");
    signal(SIGPIPE, SIG_IGN);
    int status = parse_options(argc, argv, &read_only);
    if (status >= 0)
        return status;
    if (run(argv[optind], read_only) == 0)
        return EXIT_SUCCESS;
    fprintf(stderr, "virt-ssh-helper: %s\n", fl_error_get()->message);
    return EXIT_FAILURE;
}
