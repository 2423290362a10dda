/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where the daemon keeps its sockets, configuration and pid file: the machine's for root, below the user's
 * XDG folders otherwise. Used by the start-up code and by --help. */
#pragma once

#include <stdbool.h>

struct fl_personality;

struct fl_paths {
    bool privileged;
    char *config_file;
    bool config_given; /* by --config: it must exist */
    char *socket_dir;
    char *pid_file;
};

void fl_paths_init(struct fl_paths *paths, const struct fl_personality *who, bool privileged);
void fl_paths_fini(struct fl_paths *paths);
