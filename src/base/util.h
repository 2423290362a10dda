/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Small helpers: deadlines, descriptors, files replaced whole. Descriptor helpers return a negative errno and
 * leave the wording of the error to the caller; file helpers set the thread's error. */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Deadlines are on the g_get_monotonic_time() scale, in microseconds. */
#define FL_NO_DEADLINE INT64_MAX
int64_t fl_deadline_in_ms(int64_t ms);     /* ms < 0: none */
int fl_deadline_poll_ms(int64_t deadline); /* for poll(): -1 = none, 0 = past, else ms rounded up */
static inline int64_t fl_deadline_min(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

int fl_fd_set_nonblock(int fd, bool on);
int fl_fd_set_cloexec(int fd, bool on);
/* Waits for any of `events` (poll's): revents, or -ETIMEDOUT, or another -errno. */
int fl_fd_wait(int fd, short events, int64_t deadline);
/* Exactly len bytes unless the stream ends first (read returns what came), blocking or non-blocking
 * descriptor. */
ssize_t fl_fd_read_all(int fd, void *buf, size_t len, int64_t deadline);
ssize_t fl_fd_write_all(int fd, const void *buf, size_t len, int64_t deadline);
void fl_fd_close(int *fd); /* closes if >= 0, sets -1, keeps errno */

/* The whole file, NUL-terminated behind its *ret_len bytes; refuses more than max. A pipe is waited for, 3
 * seconds. */
int fl_file_read(const char *path, size_t max, char **ret_text, size_t *ret_len);
/* Old content or new content, never a mixture and never lost: write aside, fsync, rename, fsync of the
 * folder. */
int fl_file_replace(const char *path, const void *data, size_t len, mode_t mode);

/* Takes a text for people and gives it back with "//user:password@" of URIs as "//user:***@". */
char *fl_passwords_hide(char *text);
/* The same of a user alone, "name:password"; new. NULL stays NULL. */
char *fl_user_shown(const char *user);

/* "xxxxxxxx-xxxx-…" or 32 digits with dashes anywhere between pairs; false when it is not a UUID. */
bool fl_uuid_parse(const char *text, unsigned char uuid[16]);
void fl_uuid_format(const unsigned char uuid[16], char text[37]);
