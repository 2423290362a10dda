/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Log lines: "time: tid: level : where : text". Levels and outputs as LIBVIRT_DEBUG, LIBVIRT_LOG_FILTERS and
 * LIBVIRT_LOG_OUTPUTS say (library) or the daemon's log_level, log_filters, log_outputs. Never a secret. */
#pragma once

#include <glib.h>
#include <stdbool.h>

enum fl_log_level { FL_LOG_DEBUG = 1, FL_LOG_INFO, FL_LOG_WARN, FL_LOG_ERROR };

extern int fl_log_threshold; /* the lowest level any output wants; checked before formatting */

void fl_log_write(int level, const char *file, int line, const char *fmt, ...) G_GNUC_PRINTF(4, 5);
int fl_log_configure(int level, const char *filters,
                     const char *outputs); /* -1 with error set on bad syntax */
/* For readers of settings: what was expected, NULL when the text is good. Nothing is opened. */
const char *fl_log_check_filters(const char *text);
const char *fl_log_check_outputs(const char *text);
void fl_log_configure_from_env(void); /* once, at virInitialize */

#define fl_log_(lvl, ...)                                                                                    \
    do {                                                                                                     \
        if (G_UNLIKELY((lvl) >= __atomic_load_n(&fl_log_threshold, __ATOMIC_RELAXED)))                       \
            fl_log_write((lvl), __FILE__, __LINE__, __VA_ARGS__);                                            \
    } while (0)
#define fl_debug(...) fl_log_(FL_LOG_DEBUG, __VA_ARGS__)
#define fl_info(...)  fl_log_(FL_LOG_INFO, __VA_ARGS__)
#define fl_warn(...)  fl_log_(FL_LOG_WARN, __VA_ARGS__)

/*
 * Warnings that others can cause as often as they like: each place writes FL_LOG_SELDOM a minute, says with
 * the next one after that how many there were more, and writes those for debugging only.
 */
#define FL_LOG_SELDOM 5

struct fl_log_seldom {
    int64_t until; /* of this minute */
    unsigned int written, missed;
};

/* Whether one may be written at `now` (monotonic, µs); *ret_missed: how many were not since the last. */
bool fl_log_seldom_take(struct fl_log_seldom *s, int64_t now, unsigned int *ret_missed);
void fl_log_write_seldom(struct fl_log_seldom *s, const char *file, int line, const char *fmt, ...)
    G_GNUC_PRINTF(4, 5);
#define fl_warn_seldom(...)                                                                                  \
    do {                                                                                                     \
        static struct fl_log_seldom fl_seldom_;                                                              \
        if (G_UNLIKELY(FL_LOG_WARN >= __atomic_load_n(&fl_log_threshold, __ATOMIC_RELAXED)))                 \
            fl_log_write_seldom(&fl_seldom_, __FILE__, __LINE__, __VA_ARGS__);                               \
    } while (0)
