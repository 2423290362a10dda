/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The command line of libvirtd(8). */
#pragma once

#include <stdbool.h>

struct fl_personality;

struct fl_options {
    bool daemonize;
    bool listen;
    bool verbose;
    int timeout; /* seconds; 0 = stay */
    const char *config_file;
    const char *pid_file;
};

/* -1: go on; otherwise the exit status (0 after --help and --version). */
int fl_options_parse(struct fl_options *options, int argc, char **argv, const struct fl_personality *who,
                     bool privileged);
