/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The thread's error: filled once, at the place that knows; everyone above just returns -1.
 *
 * A file says where its errors come from before it includes anything:
 *     #define FL_FROM VIR_FROM_TEST
 */
#pragma once

#include <stdbool.h>
#include <glib.h>
#include <libvirt/virterror.h>

#ifndef FL_FROM
#define FL_FROM VIR_FROM_NONE
#endif

/* Sets the thread's error to "TITLE OF CODE: detail" and returns -1, always. */
int fl_error_set(int domain, int code, const char *detail_fmt, ...) G_GNUC_PRINTF(3, 4);

/* The same for a failed system call: VIR_ERR_SYSTEM_ERROR, int1 = errnum, ": strerror" appended. */
int fl_error_set_system(int domain, int errnum, const char *detail_fmt, ...) G_GNUC_PRINTF(3, 4);

/* A bad argument of a public call, "CALL: ARGUMENT detail": str1 = call, str2 = argument. Returns -1. */
int fl_error_set_argument(int domain, int code, const char *call, const char *argument,
                          const char *detail_fmt, ...) G_GNUC_PRINTF(5, 6);

/* Where the error that is about to be set comes from: for the log. */
void fl_error_here(const char *file, int line);

/* So that the compiler, too, knows that an error is -1. */
static inline int fl_minus_one_(int result)
{
    (void)result;
    return -1;
}
#define fl_error_(call)              fl_minus_one_((fl_error_here(__FILE__, __LINE__), call))
#define fl_error(code, ...)          fl_error_(fl_error_set(FL_FROM, (code), __VA_ARGS__))
#define fl_error_null(code, ...)     (fl_error(code, __VA_ARGS__), NULL)
#define fl_error_system(errnum, ...) fl_error_(fl_error_set_system(FL_FROM, (errnum), __VA_ARGS__))

/* Takes over an error that came from elsewhere (the far side); copies all strings. Returns -1. */
int fl_error_set_raw(const virError *err);

/* Deep copy; what `to` held is freed; object pointers are not carried over. */
void fl_error_copy(const virError *from, virErrorPtr to);

/* The thread's error, never NULL; code VIR_ERR_OK means none. Owned by the thread. */
virErrorPtr fl_error_get(void);
void fl_error_reset(void);

/* Errors of this thread are logged as errors; while a client is being served they are its news, not this
 * process's: logged for debugging only. Returns what it was. */
bool fl_error_log_quietly(bool quiet);

/* Keep the present error across clean-up that may set another: saves now, restores at the end of scope. */
virErrorPtr fl_error_save(void);
virErrorPtr fl_error_hold(void); /* as fl_error_save(), for fl_error_restore() only: no error costs nothing */
void fl_error_restore(virErrorPtr *saved);
void fl_error_free(virErrorPtr saved); /* a saved one that is not wanted back; NULL is fine */
#define FL_ERROR_PRESERVE                                                                                    \
    __attribute__((cleanup(fl_error_restore), unused)) virErrorPtr fl_saved_error_ = fl_error_hold()

/* At the end of a failed public call: keep a copy in `conn` (may be NULL) and tell the handlers. */
void fl_error_dispatch(virConnectPtr conn);
