/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The user's libvirt.conf on disk: read under a lock, replaced in one step. Called by cmd_remote.c. */
#pragma once

#include <glib.h>

struct fl_remote_file {
    char *path; /* as messages name it */
    char *real; /* behind symbolic links */
    char *text; /* "" when there is no file yet */
    int lock;   /* held until close, or -1 */
};

/* Root: SYSCONFDIR/libvirt/libvirt.conf; else $XDG_CONFIG_HOME/libvirt/libvirt.conf. */
char *fl_remote_file_path(void);
/* `writing`: makes the folder and takes the lock. -1 with *ret_error. */
int fl_remote_file_open(struct fl_remote_file *f, gboolean writing, char **ret_error);
/* Writes aside, syncs, renames; the mode and owner of the old file are kept. */
int fl_remote_file_replace(struct fl_remote_file *f, const char *text, char **ret_error);
void fl_remote_file_close(struct fl_remote_file *f);
