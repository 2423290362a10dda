/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The public side of errors: reading, copying and resetting them, and the handlers a failed call tells. */
#define FL_FROM VIR_FROM_NONE
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

#include "base/error.h"
#include "base/error_titles.h"
#include "core/connect.h"
#include "core/objects.h"

static struct {
    GMutex lock;
    virErrorFunc handler;
    void *data;
} global;

virErrorPtr virGetLastError(void)
{
    virErrorPtr err = fl_error_get();
    return err->code == VIR_ERR_OK ? NULL : err;
}

int virGetLastErrorCode(void)
{
    return fl_error_get()->code;
}

int virGetLastErrorDomain(void)
{
    return fl_error_get()->domain;
}

const char *virGetLastErrorMessage(void)
{
    virErrorPtr err = fl_error_get();
    if (err->code == VIR_ERR_OK)
        return fl_error_title(VIR_ERR_OK);
    return err->message ? err->message : fl_error_title(err->code);
}

virErrorPtr virSaveLastError(void)
{
    int saved_errno = errno;
    virErrorPtr copy = fl_error_save();
    errno = saved_errno;
    return copy;
}

int virCopyLastError(virErrorPtr to)
{
    if (!to)
        return -1;
    memset(to, 0, sizeof(*to)); /* documented: what `to` held is not freed */
    fl_error_copy(fl_error_get(), to);
    return to->code;
}

void virResetLastError(void)
{
    fl_error_reset();
}

void virResetError(virErrorPtr err)
{
    if (!err)
        return;
    g_free(err->message);
    g_free(err->str1);
    g_free(err->str2);
    g_free(err->str3);
    memset(err, 0, sizeof(*err));
}

void virFreeError(virErrorPtr err)
{
    virResetError(err);
    g_free(err);
}

void virSetErrorFunc(void *userData, virErrorFunc handler)
{
    g_mutex_lock(&global.lock);
    global.handler = handler;
    global.data = userData;
    g_mutex_unlock(&global.lock);
}

void virDefaultErrorFunc(virErrorPtr err)
{
    if (!err || err->code == VIR_ERR_OK)
        return;
    const char *level = err->level == VIR_ERR_WARNING ? "warning"
                        : err->level == VIR_ERR_ERROR ? "error"
                                                      : "";
    const char *text = err->message ? err->message : fl_error_title(err->code);
    size_t len = strlen(text);
    fprintf(stderr, "libvirt: %s %s : %s%s", fl_error_domain_name(err->domain), level, text,
            len && text[len - 1] == '\n' ? "" : "\n");
}

/* A connection's own part of the error state; NULL for what is no connection. */
static struct fl_connect_core *core_of(virConnectPtr conn)
{
    return conn && conn->object.magic == FL_MAGIC_CONNECT ? conn->core : NULL;
}

virErrorPtr virConnGetLastError(virConnectPtr conn)
{
    struct fl_connect_core *core = core_of(conn);
    return core ? &core->error : NULL;
}

int virConnCopyLastError(virConnectPtr conn, virErrorPtr to)
{
    struct fl_connect_core *core = core_of(conn);
    if (!core || !to)
        return -1;
    memset(to, 0, sizeof(*to));
    g_mutex_lock(&core->lock);
    fl_error_copy(&core->error, to);
    g_mutex_unlock(&core->lock);
    return to->code;
}

void virConnResetLastError(virConnectPtr conn)
{
    struct fl_connect_core *core = core_of(conn);
    if (!core)
        return;
    g_mutex_lock(&core->lock);
    virResetError(&core->error);
    g_mutex_unlock(&core->lock);
}

void virConnSetErrorFunc(virConnectPtr conn, void *userData, virErrorFunc handler)
{
    struct fl_connect_core *core = core_of(conn);
    if (!core)
        return;
    g_mutex_lock(&core->lock);
    core->error_handler = handler;
    core->error_data = userData;
    g_mutex_unlock(&core->lock);
}

void fl_error_dispatch(virConnectPtr conn)
{
    int saved_errno = errno;
    struct fl_connect_core *core = core_of(conn);
    virErrorPtr err = fl_error_get();
    virErrorFunc handler = NULL;
    void *data = NULL;

    if (err->code == VIR_ERR_OK)
        fl_error(VIR_ERR_INTERNAL_ERROR, "a call failed without saying why");
    if (core) {
        g_mutex_lock(&core->lock);
        fl_error_copy(err, &core->error);
        handler = core->error_handler;
        data = core->error_data;
        g_mutex_unlock(&core->lock);
    }
    if (!handler) {
        g_mutex_lock(&global.lock);
        handler = global.handler;
        data = global.data;
        g_mutex_unlock(&global.lock);
    }
    if (handler)
        handler(data, err);
    else
        virDefaultErrorFunc(err);
    errno = saved_errno;
}
