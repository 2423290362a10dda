/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The part of polkit that needs no library. */
#define FL_FROM VIR_FROM_POLKIT
#include "auth/polkit.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <glib.h>

#include "base/error.h"
#include "base/module.h"

#define START_FIELD 22 /* proc(5): of /proc/PID/stat, counted from 1 */
#define STAT_MAX    2048

const struct fl_polkit_api *fl_polkit_load(void)
{
    return fl_module_load("polkit", "polkit authentication");
}

/* Behind the program's name, which may hold anything, the third field begins. */
static bool parse_start(const char *stat, uint64_t *ret_ticks)
{
    const char *at = strrchr(stat, ')');

    for (int field = 3; at && field <= START_FIELD; field++)
        at = strchr(at + 1, ' ');
    return at && g_ascii_isdigit(at[1]) && (*ret_ticks = g_ascii_strtoull(at + 1, NULL, 10), true);
}

int fl_polkit_start_time(pid_t pid, uint64_t *ret_ticks)
{
    char path[64], stat[STAT_MAX];
    ssize_t n = -1;
    int fd;

    g_snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        n = read(fd, stat, sizeof(stat) - 1);
        close(fd);
    }
    if (n <= 0)
        return fl_error(VIR_ERR_AUTH_FAILED, "process %d is gone before polkit could be asked about it",
                        (int)pid);
    stat[n] = '\0';
    if (!parse_start(stat, ret_ticks))
        return fl_error(VIR_ERR_INTERNAL_ERROR, "%s does not say when the process began", path);
    return 0;
}
