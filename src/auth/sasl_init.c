/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Part of the module `sasl`: Cyrus SASL as a whole, made ready once for each side. */
#include "auth/sasl_init.h"

#include <glib.h>
#include <sasl/sasl.h>

#include "base/log.h"

static void *mutex_new(void)
{
    GMutex *m = g_new(GMutex, 1);

    g_mutex_init(m);
    return m;
}

static int mutex_lock(void *m)
{
    g_mutex_lock(m);
    return SASL_OK;
}

static int mutex_unlock(void *m)
{
    g_mutex_unlock(m);
    return SASL_OK;
}

static void mutex_dispose(void *m)
{
    if (!m)
        return;
    g_mutex_clear(m);
    g_free(m);
}

/* SASL_LOG_PASS is the level of secrets. */
static int on_log(void *context, int level, const char *message)
{
    (void)context;
    if (level != SASL_LOG_NONE && level < SASL_LOG_PASS && message)
        fl_debug("sasl: %s", message);
    return SASL_OK;
}

static const sasl_callback_t common_callbacks[] = {
    { SASL_CB_LOG, (int (*)(void))(void (*)(void))on_log, NULL },
    { SASL_CB_LIST_END, NULL, NULL },
};

int fl_sasl_init_client(void)
{
    static gsize once;
    static int result;

    if (g_once_init_enter(&once)) {
        sasl_set_mutex(mutex_new, mutex_lock, mutex_unlock, mutex_dispose);
        result = sasl_client_init(common_callbacks);
        g_once_init_leave(&once, 1);
    }
    return result;
}

int fl_sasl_init_server(void)
{
    static gsize once;
    static int result;

    if (g_once_init_enter(&once)) {
        sasl_set_mutex(mutex_new, mutex_lock, mutex_unlock, mutex_dispose);
        result = sasl_server_init(common_callbacks, "libvirt");
        g_once_init_leave(&once, 1);
    }
    return result;
}
