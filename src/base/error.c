/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The thread's error. One virError per thread, made on first use, freed when the thread ends. The public side
 * (virGetLastError and friends, handlers, fl_error_dispatch) is core/error_api.c.
 *
 * Shape of a filled error: message "TITLE: detail" (a system error: the detail alone); str1 the format
 * "TITLE: %s", str2 the detail, as clients that translate messages expect; int1 the errno of a system error,
 * else -1.
 */
#include "base/error.h"

#include <pthread.h>
#include <string.h>

#include "base/error_titles.h"
#include "base/util.h"
#include "base/log.h"

static pthread_key_t error_key;
static pthread_once_t error_once = PTHREAD_ONCE_INIT;
static __thread virErrorPtr thread_error;
static __thread const char *here_file;
static __thread int here_line;

/* Static because a thread whose key cannot be stored still needs somewhere to put its error. */
static void error_wipe(virErrorPtr err)
{
    g_free(err->message);
    g_free(err->str1);
    g_free(err->str2);
    g_free(err->str3);
    memset(err, 0, sizeof(*err));
}

static void error_thread_gone(void *opaque)
{
    virErrorPtr err = opaque;
    error_wipe(err);
    g_free(err);
    thread_error = NULL;
}

static void error_key_init(void)
{
    if (pthread_key_create(&error_key, error_thread_gone) != 0)
        g_error("no thread-specific key left for the error state");
}

/* The main thread's error is not freed by pthread keys: it goes with the process, or with the library. */
__attribute__((destructor)) static void error_unload(void)
{
    if (thread_error) {
        pthread_setspecific(error_key, NULL);
        error_thread_gone(thread_error);
    }
}

virErrorPtr fl_error_get(void)
{
    if (G_UNLIKELY(!thread_error)) {
        pthread_once(&error_once, error_key_init);
        thread_error = g_new0(virError, 1);
        pthread_setspecific(error_key, thread_error);
    }
    return thread_error;
}

void fl_error_reset(void)
{
    if (thread_error && (thread_error->code || thread_error->message))
        error_wipe(thread_error);
}

void fl_error_here(const char *file, int line)
{
    here_file = file;
    here_line = line;
}

static __thread bool log_quietly;

bool fl_error_log_quietly(bool quiet)
{
    bool before = log_quietly;

    log_quietly = quiet;
    return before;
}

static void error_log(const virError *err)
{
    int level = log_quietly ? FL_LOG_DEBUG : FL_LOG_ERROR;

    if (level >= __atomic_load_n(&fl_log_threshold, __ATOMIC_RELAXED))
        fl_log_write(level, here_file ? here_file : __FILE__, here_line, "%s", err->message);
    here_file = NULL;
    here_line = 0;
}

/* Takes over `detail` (may be NULL). */
static int error_fill(int domain, int code, char *detail, int int1)
{
    virErrorPtr err = fl_error_get();
    const char *title = fl_error_title(code);
    error_wipe(err);
    err->code = code;
    err->domain = domain;
    err->level = VIR_ERR_ERROR;
    err->int1 = int1;
    err->int2 = -1;
    if (detail && code == VIR_ERR_SYSTEM_ERROR) { /* Compat: the detail alone, "what failed: why" */
        err->message = g_strdup(detail);
        err->str1 = g_strdup("%s");
        err->str2 = detail;
    } else if (detail) {
        err->message = g_strdup_printf("%s: %s", title, detail);
        err->str1 = g_strdup_printf("%s: %%s", title);
        err->str2 = detail;
    } else {
        err->message = g_strdup(title);
        err->str1 = g_strdup(title);
    }
    error_log(err);
    return -1;
}

int fl_error_set(int domain, int code, const char *detail_fmt, ...)
{
    char *detail = NULL;
    if (detail_fmt) {
        va_list ap;
        va_start(ap, detail_fmt);
        detail = fl_passwords_hide(g_strdup_vprintf(detail_fmt, ap));
        va_end(ap);
    }
    return error_fill(domain, code, detail, -1);
}

int fl_error_set_system(int domain, int errnum, const char *detail_fmt, ...)
{
    va_list ap;
    va_start(ap, detail_fmt);
    g_autofree char *what = fl_passwords_hide(g_strdup_vprintf(detail_fmt, ap));
    va_end(ap);
    return error_fill(domain, VIR_ERR_SYSTEM_ERROR, g_strdup_printf("%s: %s", what, g_strerror(errnum)),
                      errnum);
}

int fl_error_set_argument(int domain, int code, const char *call, const char *argument,
                          const char *detail_fmt, ...)
{
    va_list ap;
    va_start(ap, detail_fmt);
    g_autofree char *detail = fl_passwords_hide(g_strdup_vprintf(detail_fmt, ap));
    va_end(ap);
    virErrorPtr err = fl_error_get();
    error_fill(domain, code, g_strdup_printf("%s: %s %s", call, argument, detail), 0);
    g_free(err->str1);
    err->str1 = g_strdup(call);
    g_free(err->str2);
    err->str2 = g_strdup(argument);
    err->int2 = 0;
    return -1;
}

void fl_error_copy(const virError *from, virErrorPtr to)
{
    virError copy = *from;
    copy.message = g_strdup(from->message);
    copy.str1 = g_strdup(from->str1);
    copy.str2 = g_strdup(from->str2);
    copy.str3 = g_strdup(from->str3);
    copy.conn = NULL; /* no references are held, so none are kept */
    copy.dom = NULL;
    copy.net = NULL;
    error_wipe(to);
    *to = copy;
}

int fl_error_set_raw(const virError *from)
{
    virErrorPtr err = fl_error_get();
    if (from != err)
        fl_error_copy(from, err);
    if (!err->message)
        err->message = g_strdup(fl_error_title(err->code));
    error_log(err);
    return -1;
}

virErrorPtr fl_error_save(void)
{
    virErrorPtr saved = g_new0(virError, 1);
    fl_error_copy(fl_error_get(), saved);
    return saved;
}

static virError no_error;

virErrorPtr fl_error_hold(void)
{
    return fl_error_get()->code == VIR_ERR_OK ? &no_error : fl_error_save();
}

void fl_error_restore(virErrorPtr *saved)
{
    if (!*saved)
        return;
    if (*saved == &no_error) {
        *saved = NULL;
        fl_error_reset();
        return;
    }
    virErrorPtr err = fl_error_get();
    error_wipe(err);
    *err = **saved;
    g_free(*saved);
    *saved = NULL;
}

void fl_error_free(virErrorPtr saved)
{
    if (!saved)
        return;
    error_wipe(saved);
    g_free(saved);
}
