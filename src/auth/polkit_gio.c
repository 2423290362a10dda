/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The module `polkit`: struct fl_polkit_api by org.freedesktop.PolicyKit1.Authority.CheckAuthorization on the
 * system bus.
 */
#define FL_FROM VIR_FROM_POLKIT
#include <gio/gio.h>

#include "auth/polkit.h"
#include "base/aside.h"
#include "base/error.h"
#include "base/log.h"
#include "base/module.h"
#include "base/util.h"

#define BUS_NAME  "org.freedesktop.PolicyKit1"
#define PATH      "/org/freedesktop/PolicyKit1/Authority"
#define INTERFACE "org.freedesktop.PolicyKit1.Authority"

#define FLUSH_US G_USEC_PER_SEC

enum { ALLOW_USER_INTERACTION = 1 };

struct fl_polkit_ask {
    GCancellable *cancel;
    char *id; /* by which polkit knows the question */
};

static struct fl_polkit_ask *ask_new(void)
{
    static gint next;
    struct fl_polkit_ask *ask = g_new0(struct fl_polkit_ask, 1);

    ask->cancel = g_cancellable_new();
    ask->id = g_strdup_printf("libvirt-%d", g_atomic_int_add(&next, 1));
    return ask;
}

static void ask_free(struct fl_polkit_ask *ask)
{
    if (!ask)
        return;
    g_object_unref(ask->cancel);
    g_free(ask->id);
    g_free(ask);
}

static void ask_cancel(struct fl_polkit_ask *ask)
{
    g_cancellable_cancel(ask->cancel);
}

/* ---- the bus ---- */

static GDBusConnection *system_bus(struct fl_polkit_ask *ask)
{
    g_autoptr(GError) error = NULL;
    GDBusConnection *bus = g_bus_get_sync(G_BUS_TYPE_SYSTEM, ask->cancel, &error);

    if (bus) {
        g_dbus_connection_set_exit_on_close(bus, FALSE); /* a bus that ends does not end the daemon */
        return bus;
    }
    /* Compat: code and domain */
    fl_error_set(
        VIR_FROM_DBUS, VIR_ERR_INTERNAL_ERROR,
        "polkit cannot be asked, for the system bus is out of reach: %s; start dbus, or set "
        "auth_unix_rw or auth_unix_ro, whichever socket this is, to \"none\" and let unix_sock_group and the "
        "socket's mode decide",
        error->message);
    return NULL;
}

static GVariant *question(struct fl_polkit_ask *ask, const char *action,
                          const struct fl_polkit_subject *subject)
{
    GVariantBuilder who;

    g_variant_builder_init(&who, G_VARIANT_TYPE("a{sv}"));
    g_variant_builder_add(&who, "{sv}", "pid", g_variant_new_uint32((guint32)subject->pid));
    g_variant_builder_add(&who, "{sv}", "start-time", g_variant_new_uint64(subject->start_time));
    g_variant_builder_add(&who, "{sv}", "uid", g_variant_new_int32((gint32)subject->uid));
    return g_variant_new("((sa{sv})s@a{ss}us)", "unix-process", &who, action,
                         g_variant_new_array(G_VARIANT_TYPE("{ss}"), NULL, 0), ALLOW_USER_INTERACTION,
                         ask->id);
}

/* Flushing has no deadline and cannot be cancelled, and a bus that stands still takes nothing. One thread at
 * most waits for it; what is to be said meanwhile is behind what that one waits for, on the same connection.
 */
static gint flushing;

static void flush(void *bus)
{
    (void)g_dbus_connection_flush_sync(bus, NULL, NULL);
    g_atomic_int_set(&flushing, 0);
}

/* Nobody waits for the answer any more: the window that asks goes away. */
static void withdraw(GDBusConnection *bus, struct fl_polkit_ask *ask)
{
    g_dbus_connection_call(bus, BUS_NAME, PATH, INTERFACE, "CancelCheckAuthorization",
                           g_variant_new("(s)", ask->id), NULL, G_DBUS_CALL_FLAGS_NO_AUTO_START, -1, NULL,
                           NULL, NULL);
    if (!g_atomic_int_compare_and_exchange(&flushing, 0, 1))
        return;
    if (fl_aside(flush, g_object_unref, g_object_ref(bus), g_get_monotonic_time() + FLUSH_US) == 0)
        g_object_unref(bus);
}

static int not_answered(GDBusConnection *bus, struct fl_polkit_ask *ask, const GError *error)
{
    if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED) ||
        g_error_matches(error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT)) {
        withdraw(bus, ask);
        return fl_error(VIR_ERR_AUTH_CANCELLED, "polkit did not answer before the login had to end");
    }
    return fl_error(VIR_ERR_AUTH_UNAVAILABLE,
                    "polkit does not answer: %s; is polkitd installed and running (systemctl status polkit)?",
                    error->message);
}

/* ---- the answer ---- */

static int judge(GVariant *reply, const char *action, const struct fl_polkit_subject *subject)
{
    g_autoptr(GVariant) details = NULL;
    gboolean authorized = FALSE, challenge = FALSE;
    const char *dismissed = NULL;

    g_variant_get(reply, "((bb@a{ss}))", &authorized, &challenge, &details);
    if (authorized)
        return 0;
    if (g_variant_lookup(details, "polkit.dismissed", "&s", &dismissed))
        return fl_error(VIR_ERR_AUTH_CANCELLED, "polkit asked a person about '%s', who dismissed it", action);
    if (challenge)
        return fl_error(VIR_ERR_AUTH_UNAVAILABLE,
                        "polkit wants a password for '%s' from user %u, and there is no agent in the session "
                        "of process %d to ask for it",
                        action, (unsigned int)subject->uid, (int)subject->pid);
    return fl_error(VIR_ERR_AUTH_FAILED, "the rules of polkit do not allow '%s' to user %u (process %d)",
                    action, (unsigned int)subject->uid, (int)subject->pid);
}

static int check(struct fl_polkit_ask *ask, const char *action, const struct fl_polkit_subject *subject,
                 int64_t deadline_us)
{
    g_autoptr(GDBusConnection) bus = system_bus(ask);
    g_autoptr(GVariant) reply = NULL;
    g_autoptr(GError) error = NULL;
    int ms = fl_deadline_poll_ms(deadline_us);

    if (!bus)
        return -1;
    reply = g_dbus_connection_call_sync(bus, BUS_NAME, PATH, INTERFACE, "CheckAuthorization",
                                        question(ask, action, subject), G_VARIANT_TYPE("((bba{ss}))"),
                                        G_DBUS_CALL_FLAGS_NONE, ms < 0 ? G_MAXINT : ms, ask->cancel, &error);
    return reply ? judge(reply, action, subject) : not_answered(bus, ask, error);
}

static const struct fl_polkit_api polkit_api = {
    .ask_new = ask_new,
    .ask_free = ask_free,
    .cancel = ask_cancel,
    .check = check,
};

FL_MODULE_EXPORT(polkit_api);
