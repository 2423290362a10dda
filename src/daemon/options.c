/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The command line of libvirtd(8) and its other names: options and the two texts it can print. */
#include "daemon/options.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include <libvirt/libvirt.h>

#include "daemon/personality.h"

#ifndef FL_SYSCONFDIR
#define FL_SYSCONFDIR "/etc"
#endif
#ifndef FL_RUNSTATEDIR
#define FL_RUNSTATEDIR "/run"
#endif
#ifndef FL_VERSION
#define FL_VERSION "unversioned"
#endif

static void print_options(const char *program, const struct fl_personality *who)
{
    printf("\n"
           "Usage:\n"
           "  %s [options]\n"
           "\n"
           "Options:\n"
           "  -h | --help            Display program help\n"
           "  -v | --verbose         Verbose messages\n"
           "  -d | --daemon          Run as a daemon & write PID file\n",
           program);
    if (who->network)
        printf("  -l | --listen          Listen for TCP/IP connections\n");
    printf("  -t | --timeout <secs>  Exit after timeout period\n"
           "  -f | --config <file>   Configuration file\n"
           "  -V | --version         Display version information\n"
           "  -p | --pid-file <file> Change name of PID file\n"
           "\n"
           "%s management daemon:\n"
           "\n",
           who->title);
}

static void print_system_paths(const struct fl_personality *who)
{
    printf("  Default paths:\n"
           "\n"
           "    Configuration file (unless overridden by -f):\n"
           "      " FL_SYSCONFDIR "/libvirt/%s.conf\n"
           "\n"
           "    Sockets:\n"
           "      " FL_RUNSTATEDIR "/libvirt/%s-sock\n"
           "      " FL_RUNSTATEDIR "/libvirt/%s-sock-ro\n"
           "\n",
           who->name, who->stem, who->stem);
    if (who->network)
        printf("    TLS:\n"
               "      CA certificate: " FL_SYSCONFDIR "/pki/CA/cacert.pem\n"
               "      Server certificate: " FL_SYSCONFDIR "/pki/libvirt/servercert.pem\n"
               "      Server private key: " FL_SYSCONFDIR "/pki/libvirt/private/serverkey.pem\n"
               "\n");
    printf("    PID file (unless overridden by -p):\n"
           "      " FL_RUNSTATEDIR "/%s.pid\n"
           "\n",
           who->name);
}

static void print_session_paths(const struct fl_personality *who)
{
    printf("  Default paths:\n"
           "\n"
           "    Configuration file (unless overridden by -f):\n"
           "      $XDG_CONFIG_HOME/libvirt/%s.conf\n"
           "\n"
           "    Sockets:\n"
           "      $XDG_RUNTIME_DIR/libvirt/%s-sock\n"
           "\n",
           who->name, who->stem);
    if (who->network)
        printf("    TLS:\n"
               "      CA certificate: $HOME/.pki/libvirt/cacert.pem\n"
               "      Server certificate: $HOME/.pki/libvirt/servercert.pem\n"
               "      Server private key: $HOME/.pki/libvirt/serverkey.pem\n"
               "\n");
    printf("    PID file (unless overridden by -p):\n"
           "      $XDG_RUNTIME_DIR/libvirt/%s.pid\n"
           "\n",
           who->name);
}

static void print_help(const char *program, const struct fl_personality *who, bool privileged)
{
    print_options(program, who);
    if (privileged)
        print_system_paths(who);
    else
        print_session_paths(who);
}

/* Scripts written for libvirtd pass it to every daemon. */
static int refuse_listen(const struct fl_personality *who)
{
    fprintf(stderr,
            "%s: --listen does not apply: this daemon has unix sockets only; virtproxyd --listen takes TCP "
            "and TLS "
            "connections for it\n",
            who->name);
    return EXIT_FAILURE;
}

static int parse_timeout(const char *program, const char *text, int *ret_seconds)
{
    char *end = NULL;
    long value;

    errno = 0;
    value = strtol(text, &end, 10);
    if (errno || end == text || *end || value < 0 || value > INT_MAX / 1000) {
        fprintf(stderr, "%s: --timeout takes a number of seconds from 0 (stay) to %d, not '%s'\n", program,
                INT_MAX / 1000, text);
        return -1;
    }
    *ret_seconds = (int)value;
    return 0;
}

int fl_options_parse(struct fl_options *options, int argc, char **argv, const struct fl_personality *who,
                     bool privileged)
{
    static const struct option known[] = {
        { "help", no_argument, NULL, 'h' },
        { "verbose", no_argument, NULL, 'v' },
        { "daemon", no_argument, NULL, 'd' },
        { "listen", no_argument, NULL, 'l' },
        { "timeout", required_argument, NULL, 't' },
        { "config", required_argument, NULL, 'f' },
        { "version", no_argument, NULL, 'V' },
        { "pid-file", required_argument, NULL, 'p' },
        { NULL, 0, NULL, 0 },
    };
    const char *program = who->name; /* in messages */
    int opt;

    *options = (struct fl_options){ 0 };
    while ((opt = getopt_long(argc, argv, "hvdlt:f:Vp:", known, NULL)) != -1) {
        switch (opt) {
        case 'h':
            print_help(argv[0], who, privileged);
            return EXIT_SUCCESS;
        case 'V':
            printf("%s (libvirt) %d.%d.%d, Fairlead " FL_VERSION "\n", program,
                   LIBVIR_VERSION_NUMBER / 1000000, LIBVIR_VERSION_NUMBER / 1000 % 1000,
                   LIBVIR_VERSION_NUMBER % 1000);
            return EXIT_SUCCESS;
        case 'v':
            options->verbose = true;
            break;
        case 'd':
            options->daemonize = true;
            break;
        case 'l':
            if (!who->network)
                return refuse_listen(who);
            options->listen = true;
            break;
        case 't':
            if (parse_timeout(program, optarg, &options->timeout) < 0)
                return EXIT_FAILURE;
            break;
        case 'f':
            if (!*optarg) {
                fprintf(stderr, "%s: --config takes the path of a file, not ''\n", program);
                return EXIT_FAILURE;
            }
            options->config_file = optarg;
            break;
        case 'p':
            if (!*optarg) {
                fprintf(stderr, "%s: --pid-file takes the path of a file, not ''\n", program);
                return EXIT_FAILURE;
            }
            options->pid_file = optarg;
            break;
        default:
            fprintf(stderr, "%s: see '%s --help' for the options\n", program, program);
            return EXIT_FAILURE;
        }
    }
    if (optind < argc) {
        fprintf(stderr, "%s: takes options only; '%s' is not one\n", program, argv[optind]);
        return EXIT_FAILURE;
    }
    return -1;
}
