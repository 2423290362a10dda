/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The pid file: its lock, held while the daemon lives, is what keeps a second one out. */
#pragma once

/* Returns the locked descriptor or -1 with the error set, naming the process that holds the lock. */
int fl_pidfile_acquire(const char *path);
/* Removes the file and lets go of the lock; fd < 0 does nothing. */
void fl_pidfile_release(const char *path, int fd);
