/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Log lines and where they go. Filters and outputs have the syntax of LIBVIRT_LOG_FILTERS and
 * LIBVIRT_LOG_OUTPUTS: filters   "LEVEL:[+]MATCH ..."   MATCH is part of the source name ("rpc",
 * "driver.remote") or a glob outputs   "LEVEL:stderr LEVEL:file:PATH LEVEL:syslog:NAME LEVEL:journald" The
 * first matching filter decides a line's lowest level. Nothing is written unless configured.
 */
#define FL_FROM VIR_FROM_CONF
#include "base/log.h"
#include "base/util.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"

#define LOG_OFF       (FL_LOG_ERROR + 1)
#define LOG_MAX_RULES 64 /* filters or outputs in one setting */
#define SELDOM_US     (60 * G_USEC_PER_SEC)

enum output_kind { OUT_STDERR, OUT_FILE, OUT_SYSLOG, OUT_JOURNALD };

struct log_filter {
    int level;
    bool glob;
    char *match;
};

struct log_output {
    int level;
    enum output_kind kind;
    int fd; /* OUT_FILE, OUT_JOURNALD */
};

static struct {
    GMutex lock;
    int level; /* of lines no filter matches */
    GArray *filters;
    GArray *outputs;
    char *ident; /* openlog keeps the pointer */
} log_state = { .level = LOG_OFF };

int fl_log_threshold = LOG_OFF;

static const char *const level_names[] = { "", "debug", "info", "warning", "error" };
static const int level_syslog[] = { 0, LOG_DEBUG, LOG_INFO, LOG_WARNING, LOG_ERR };

/* "…/src/rpc/client.c" -> "rpc.client" */
static void source_name(const char *file, char *buf, size_t size)
{
    const char *p = g_strrstr(file, "src/");
    g_strlcpy(buf, p ? p + 4 : file, size);
    char *dot = strrchr(buf, '.');
    if (dot)
        *dot = '\0';
    g_strdelimit(buf, "/", '.');
}

static int level_of_source(const char *source)
{
    for (guint i = 0; log_state.filters && i < log_state.filters->len; i++) {
        const struct log_filter *f = &g_array_index(log_state.filters, struct log_filter, i);
        if (f->glob ? fnmatch(f->match, source, 0) == 0 : strstr(source, f->match) != NULL)
            return f->level;
    }
    return log_state.level;
}

static void write_all(int fd, const char *text, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, text, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return; /* a log that cannot be written has nowhere to say so */
        text += n;
        len -= n;
    }
}

/* The journal's own protocol: FIELD=value lines in one datagram. */
static void write_journal(int fd, int level, const char *source, int line, const char *text)
{
    g_autofree char *flat = g_strdup(text);
    g_strdelimit(flat, "\n", ' ');
    g_autofree char *msg = g_strdup_printf(
        "PRIORITY=%d\nSYSLOG_IDENTIFIER=%s\nCODE_FILE=%s\nCODE_LINE=%d\nMESSAGE=%s\n", level_syslog[level],
        g_get_prgname() ? g_get_prgname() : "fairlead", source, line, flat);
    if (send(fd, msg, strlen(msg), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
        return;
}

static void emit_line(int level, const char *source, int line, const char *text)
{
    struct timespec ts;
    struct tm tm;
    char when[32];
    clock_gettime(CLOCK_REALTIME, &ts);
    gmtime_r(&ts.tv_sec, &tm);
    strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S", &tm);
    g_autofree char *full =
        g_strdup_printf("%s.%03ld+0000: %ld: %s : %s:%d : %s\n", when, ts.tv_nsec / 1000000,
                        (long)syscall(SYS_gettid), level_names[level], source, line, text);

    for (guint i = 0; i < log_state.outputs->len; i++) {
        const struct log_output *o = &g_array_index(log_state.outputs, struct log_output, i);
        if (level < o->level)
            continue;
        switch (o->kind) {
        case OUT_STDERR:
            write_all(STDERR_FILENO, full, strlen(full));
            break;
        case OUT_FILE:
            write_all(o->fd, full, strlen(full));
            break;
        case OUT_SYSLOG:
            syslog(level_syslog[level], "%s", text);
            break;
        case OUT_JOURNALD:
            write_journal(o->fd, level, source, line, text);
            break;
        }
    }
}

void fl_log_write(int level, const char *file, int line, const char *fmt, ...)
{
    int saved_errno = errno;
    char source[96];
    source_name(file, source, sizeof(source));
    va_list ap;
    va_start(ap, fmt);
    g_autofree char *text = fl_passwords_hide(g_strdup_vprintf(fmt, ap));
    va_end(ap);

    g_mutex_lock(&log_state.lock);
    if (log_state.outputs && level >= level_of_source(source))
        emit_line(level, source, line, text);
    g_mutex_unlock(&log_state.lock);
    errno = saved_errno;
}

bool fl_log_seldom_take(struct fl_log_seldom *s, int64_t now, unsigned int *ret_missed)
{
    static GMutex lock;
    bool taken;

    g_mutex_lock(&lock);
    if (now >= s->until) {
        s->until = now + SELDOM_US;
        s->written = 0;
    }
    taken = s->written < FL_LOG_SELDOM;
    *ret_missed = taken ? s->missed : 0;
    if (taken) {
        s->written++;
        s->missed = 0;
    } else if (s->missed < UINT_MAX) {
        s->missed++;
    }
    g_mutex_unlock(&lock);
    return taken;
}

void fl_log_write_seldom(struct fl_log_seldom *s, const char *file, int line, const char *fmt, ...)
{
    unsigned int missed;
    bool taken = fl_log_seldom_take(s, g_get_monotonic_time(), &missed);
    g_autofree char *text = NULL;
    va_list ap;

    if (!taken && __atomic_load_n(&fl_log_threshold, __ATOMIC_RELAXED) > FL_LOG_DEBUG)
        return;
    va_start(ap, fmt);
    text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    if (missed)
        fl_log_write(FL_LOG_WARN, file, line, "%s (and %u more of this kind before, not written)", text,
                     missed);
    else
        fl_log_write(taken ? FL_LOG_WARN : FL_LOG_DEBUG, file, line, "%s", text);
}

static void filter_clear(gpointer p)
{
    g_free(((struct log_filter *)p)->match);
}

static void output_clear(gpointer p)
{
    struct log_output *o = p;
    if (o->fd >= 0)
        close(o->fd);
}

static int parse_level(const char *text, const char *item, int *ret_level, const char **ret_rest)
{
    if (text[0] < '1' || text[0] > '4' || text[1] != ':')
        return fl_error(VIR_ERR_CONF_SYNTAX, "log setting '%s': expected a level 1 to 4 and ':'", item);
    *ret_level = text[0] - '0';
    *ret_rest = text + 2;
    return 0;
}

static int parse_filters(const char *text, GArray *filters)
{
    g_auto(GStrv) items = g_strsplit_set(text, " \t\n", LOG_MAX_RULES);
    for (char **it = items; *it; it++) {
        struct log_filter f = { 0 };
        const char *rest;
        if (!**it)
            continue;
        if (parse_level(*it, *it, &f.level, &rest) < 0)
            return -1;
        if (*rest == '+') /* asks for stack traces, which are not kept */
            rest++;
        if (!*rest)
            return fl_error(VIR_ERR_CONF_SYNTAX, "log filter '%s': nothing to match", *it);
        f.glob = strpbrk(rest, "*?[") != NULL;
        f.match = g_strdup(rest);
        g_array_append_val(filters, f);
    }
    return 0;
}

static int open_file(const char *path)
{
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return fl_error_system(errno, "cannot open log file '%s'", path);
    return fd;
}

static int open_journal(void)
{
    const struct sockaddr_un addr = { .sun_family = AF_UNIX, .sun_path = "/run/systemd/journal/socket" };
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&addr, sizeof(addr)) < 0) {
        int err = errno;
        if (fd >= 0)
            close(fd);
        return fl_error_system(err, "cannot reach the journal at '%s'", addr.sun_path);
    }
    return fd;
}

static int parse_output(const char *item, struct log_output *o, char **ident, bool check_only)
{
    const char *rest;
    if (parse_level(item, item, &o->level, &rest) < 0)
        return -1;
    o->fd = -1;
    if (strcmp(rest, "stderr") == 0) {
        o->kind = OUT_STDERR;
    } else if (strcmp(rest, "journald") == 0) {
        o->kind = OUT_JOURNALD;
        return check_only ? 0 : (o->fd = open_journal());
    } else if (g_str_has_prefix(rest, "file:") && rest[5] == '/') {
        o->kind = OUT_FILE;
        return check_only ? 0 : (o->fd = open_file(rest + 5));
    } else if (g_str_has_prefix(rest, "syslog:") && rest[7]) {
        o->kind = OUT_SYSLOG;
        g_free(*ident);
        *ident = g_strdup(rest + 7);
    } else {
        return fl_error(VIR_ERR_CONF_SYNTAX,
                        "log output '%s': expected stderr, file:/PATH, syslog:NAME or journald", item);
    }
    return 0;
}

static int parse_outputs(const char *text, int level, GArray *outputs, char **ident)
{
    g_auto(GStrv) items = g_strsplit_set(text ? text : "", " \t\n", LOG_MAX_RULES);
    for (char **it = items; *it; it++) {
        struct log_output o = { 0 };
        if (!**it)
            continue;
        if (parse_output(*it, &o, ident, false) < 0)
            return -1;
        g_array_append_val(outputs, o);
    }
    if (outputs->len == 0) {
        struct log_output o = { .level = level, .kind = OUT_STDERR, .fd = -1 };
        g_array_append_val(outputs, o);
    }
    return 0;
}

const char *fl_log_check_filters(const char *text)
{
    g_autoptr(GArray) filters = g_array_new(FALSE, FALSE, sizeof(struct log_filter));

    g_array_set_clear_func(filters, filter_clear);
    if (parse_filters(text, filters) == 0)
        return NULL;
    fl_error_reset();
    return "\"LEVEL:MATCH\" with a level from 1 to 4, several with spaces between";
}

const char *fl_log_check_outputs(const char *text)
{
    g_auto(GStrv) items = g_strsplit_set(text, " \t\n", LOG_MAX_RULES);

    for (char **it = items; *it; it++) {
        g_autofree char *ident = NULL;
        struct log_output o = { 0 };

        if (!**it || parse_output(*it, &o, &ident, true) == 0)
            continue;
        fl_error_reset();
        return "\"LEVEL:stderr\", \"LEVEL:file:/PATH\", \"LEVEL:syslog:NAME\" or \"LEVEL:journald\" with a "
               "level "
               "from 1 to 4, several with spaces between";
    }
    return NULL;
}

/* The lowest level that can come out: some filter or the default lets it in and some output wants it. */
static int threshold_of(int level, const GArray *filters, const GArray *outputs)
{
    int in = level, out = LOG_OFF;
    for (guint i = 0; i < filters->len; i++)
        in = MIN(in, g_array_index(filters, struct log_filter, i).level);
    for (guint i = 0; i < outputs->len; i++)
        out = MIN(out, g_array_index(outputs, struct log_output, i).level);
    return MAX(in, out);
}

int fl_log_configure(int level, const char *filters, const char *outputs)
{
    GArray *f = g_array_new(FALSE, FALSE, sizeof(struct log_filter));
    GArray *o = g_array_new(FALSE, FALSE, sizeof(struct log_output));
    g_autofree char *ident = NULL;
    g_array_set_clear_func(f, filter_clear);
    g_array_set_clear_func(o, output_clear);
    int low = filters && *filters ? FL_LOG_DEBUG
                                  : level; /* an output not told otherwise takes what filters let in */
    if ((filters && parse_filters(filters, f) < 0) || parse_outputs(outputs, low, o, &ident) < 0) {
        g_array_unref(f);
        g_array_unref(o);
        return -1;
    }

    g_mutex_lock(&log_state.lock);
    GArray *old_f = log_state.filters, *old_o = log_state.outputs;
    log_state.level = level;
    log_state.filters = f;
    log_state.outputs = o;
    if (ident) {
        openlog(ident, LOG_PID, LOG_DAEMON);
        g_free(log_state.ident);
        log_state.ident = g_steal_pointer(&ident);
    }
    __atomic_store_n(&fl_log_threshold, threshold_of(level, f, o), __ATOMIC_RELAXED);
    g_mutex_unlock(&log_state.lock);
    if (old_f)
        g_array_unref(old_f);
    if (old_o)
        g_array_unref(old_o);
    return 0;
}

static int level_by_name(const char *text)
{
    if (text[0] >= '1' && text[0] <= '4' && !text[1])
        return text[0] - '0';
    for (int i = FL_LOG_DEBUG; i <= FL_LOG_ERROR; i++)
        if (strcmp(text, level_names[i]) == 0)
            return i;
    return 0;
}

/* A mistyped setting must not stop the program: it is said once, where logs go by default, and what was asked
 * for rightly is done. */
static void complain_of_env(const char *why, int level)
{
    bool off = fl_log_threshold == LOG_OFF;

    if (off && fl_log_configure(level ? level : FL_LOG_WARN, NULL, NULL) < 0)
        return;
    fl_warn("log settings from the environment are not used: %s", why);
    if (off && !level)
        fl_log_configure(LOG_OFF, NULL, NULL);
}

void fl_log_configure_from_env(void)
{
    const char *debug = secure_getenv("LIBVIRT_DEBUG");
    const char *filters = secure_getenv("LIBVIRT_LOG_FILTERS");
    const char *outputs = secure_getenv("LIBVIRT_LOG_OUTPUTS");
    int level = debug ? level_by_name(debug) : 0;
    g_autofree char *why = NULL;

    if (debug && *debug && !level)
        why = g_strdup_printf("LIBVIRT_DEBUG='%s' is none of 1 to 4, debug, info, warning, error", debug);
    if ((filters && *filters) || (outputs && *outputs) || level) {
        if (fl_log_configure(level ? level : FL_LOG_WARN, filters, outputs) < 0 && !why)
            why = g_strdup(fl_error_get()->message);
        fl_error_reset();
    }
    if (why)
        complain_of_env(why, level);
}
