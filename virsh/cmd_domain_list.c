/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* list, and the small translations between a domain's id, name and UUID. */
#include "shell.h"
#include "handlers.h"

#include <stdlib.h>
#include <string.h>

static unsigned int list_flags(struct fl_call *c)
{
    unsigned int flags = fl_flags(
        c, "inactive", VIR_CONNECT_LIST_DOMAINS_INACTIVE, "state-shutoff", VIR_CONNECT_LIST_DOMAINS_INACTIVE,
        "all", VIR_CONNECT_LIST_DOMAINS_INACTIVE | VIR_CONNECT_LIST_DOMAINS_ACTIVE, "persistent",
        VIR_CONNECT_LIST_DOMAINS_PERSISTENT, "transient", VIR_CONNECT_LIST_DOMAINS_TRANSIENT,
        "with-managed-save", VIR_CONNECT_LIST_DOMAINS_MANAGEDSAVE, "without-managed-save",
        VIR_CONNECT_LIST_DOMAINS_NO_MANAGEDSAVE, "autostart", VIR_CONNECT_LIST_DOMAINS_AUTOSTART,
        "no-autostart", VIR_CONNECT_LIST_DOMAINS_NO_AUTOSTART, "with-snapshot",
        VIR_CONNECT_LIST_DOMAINS_HAS_SNAPSHOT, "without-snapshot", VIR_CONNECT_LIST_DOMAINS_NO_SNAPSHOT,
        "with-checkpoint", VIR_CONNECT_LIST_DOMAINS_HAS_CHECKPOINT, "without-checkpoint",
        VIR_CONNECT_LIST_DOMAINS_NO_CHECKPOINT, "state-running", VIR_CONNECT_LIST_DOMAINS_RUNNING,
        "state-paused", VIR_CONNECT_LIST_DOMAINS_PAUSED, "state-shutoff", VIR_CONNECT_LIST_DOMAINS_SHUTOFF,
        "state-other", VIR_CONNECT_LIST_DOMAINS_OTHER, NULL);

    if (!fl_flag(c, "inactive"))
        flags |= VIR_CONNECT_LIST_DOMAINS_ACTIVE;
    return flags;
}

/* Running ones by id, then the others by name. */
static int compare_domains(const void *a, const void *b)
{
    virDomainPtr x = *(const virDomainPtr *)a, y = *(const virDomainPtr *)b;
    unsigned int i = virDomainGetID(x), j = virDomainGetID(y);

    if (i != j)
        return i < j ? -1 : 1; /* no id is the largest unsigned value */
    return g_ascii_strcasecmp(virDomainGetName(x), virDomainGetName(y));
}

static void id_text(virDomainPtr dom, char *buf, size_t len)
{
    unsigned int id = virDomainGetID(dom);

    if (id == (unsigned int)-1)
        g_strlcpy(buf, "-", len);
    else
        g_snprintf(buf, (gulong)len, "%u", id);
}

/* NULL: it cannot be had. */
static const char *state_text(struct fl_call *c, virDomainPtr dom)
{
    int state = -1, reason, saved = 0;

    if (virDomainGetState(dom, &state, &reason, 0) < 0)
        return NULL;
    if (state == VIR_DOMAIN_SHUTOFF && fl_flag(c, "managed-save"))
        saved = virDomainHasManagedSaveImage(dom, 0);
    if (saved < 0 && virGetLastErrorCode() != VIR_ERR_NO_SUPPORT)
        fl_tell_failed(c, "failed to see whether domain '%s' is saved", virDomainGetName(dom));
    return saved > 0 ? "saved" : fl_domain_state_name(state);
}

/* "" for one without; NULL after fl_fail(). */
static char *title_text(struct fl_call *c, virDomainPtr dom)
{
    char *title = virDomainGetMetadata(dom, VIR_DOMAIN_METADATA_TITLE, NULL, 0);

    if (title)
        return title;
    if (virGetLastErrorCode() != VIR_ERR_NO_DOMAIN_METADATA) {
        fl_fail(c, "failed to get the title of domain '%s'", virDomainGetName(dom));
        return NULL;
    }
    virResetLastError();
    return strdup("");
}

/* One that has gone meanwhile has no row; the others' stand, whatever is wrong with one. */
static int add_row(struct fl_call *c, struct fl_table *t, virDomainPtr dom, bool with_title)
{
    const char *state = state_text(c, dom);
    g_autofree char *title = NULL;
    char id[16];

    if (!state && virGetLastErrorCode() == VIR_ERR_NO_DOMAIN) {
        virResetLastError();
        return 0;
    }
    if (!state) {
        fl_tell_failed(c, "failed to get the state of domain '%s'", virDomainGetName(dom));
        state = fl_json(c) ? NULL : fl_domain_state_name(-1);
    }
    if (with_title && !(title = title_text(c, dom)))
        return -1;
    id_text(dom, id, sizeof(id));
    fl_table_add(t, id, virDomainGetName(dom), state, title, NULL);
    return 0;
}

static int list_table(struct fl_call *c, virDomainPtr *doms, int n)
{
    bool title = fl_flag(c, "title");
    struct fl_table *t =
        title ? fl_table_new("Id", "id#", "Name", "name", "State", "state", "Title", "title", NULL)
              : fl_table_new("Id", "id#", "Name", "name", "State", "state", NULL);

    for (int i = 0; i < n; i++)
        if (add_row(c, t, doms[i], title) < 0) {
            fl_table_free(t);
            return -1;
        }
    fl_table_print(c, t);
    return 0;
}

static void list_words(struct fl_call *c, virDomainPtr *doms, int n)
{
    void *array = fl_json(c) ? fl_json_array() : NULL;

    for (int i = 0; i < n; i++) {
        char id[16], uuid[VIR_UUID_STRING_BUFLEN] = "";
        g_autoptr(GString) line = g_string_new("");
        void *object = array ? fl_json_object() : NULL;
        const char *keys[] = { "uuid", "id#", "name" }, *values[] = { uuid, id, virDomainGetName(doms[i]) };
        const char *flags[] = { "uuid", "id", "name" };

        id_text(doms[i], id, sizeof(id));
        virDomainGetUUIDString(doms[i], uuid);
        for (int k = 0; k < 3; k++) {
            if (!fl_flag(c, flags[k]))
                continue;
            g_string_append_printf(line, "%s%s", line->len ? " " : "", values[k]);
            if (object)
                fl_json_set_text(object, keys[k], values[k]);
        }
        if (object)
            fl_json_append(array, object);
        else
            fl_out(c, "%s\n", line->str);
    }
    if (array)
        fl_document_set(c, array);
}

int fl_cmd_list(struct fl_call *c)
{
    virDomainPtr *doms = NULL;
    unsigned int flags;
    bool words = fl_flag(c, "uuid") || fl_flag(c, "name") || fl_flag(c, "id");
    int n, status = 0;

    if (fl_exclusive(c, "table", "name") < 0 || fl_exclusive(c, "table", "uuid") < 0 ||
        fl_exclusive(c, "table", "id") < 0)
        return -1;
    flags = list_flags(c);
    if (fl_flag(c, "id") && !fl_flag(c, "uuid") && !fl_flag(c, "name") && !fl_flag(c, "inactive"))
        flags &= ~(unsigned int)VIR_CONNECT_LIST_DOMAINS_INACTIVE; /* they have no id */
    n = virConnectListAllDomains(c->conn, &doms, flags);
    if (n < 0)
        return fl_fail(c, "failed to list domains");
    if (n > 0)
        qsort(doms, (size_t)n, sizeof(*doms), compare_domains);
    if (words)
        list_words(c, doms, n);
    else
        status = list_table(c, doms, n);
    for (int i = 0; i < n; i++)
        virDomainFree(doms[i]);
    free(doms);
    if (n == 0)
        fl_hint_empty_list(c);
    return status;
}

int fl_cmd_domid(struct fl_call *c)
{
    char id[16];

    id_text(c->dom, id, sizeof(id));
    if (fl_json(c))
        fl_json_set_text(fl_document(c), "id#", id);
    fl_out(c, "%s\n", id);
    return 0;
}

int fl_cmd_domname(struct fl_call *c)
{
    if (fl_json(c))
        fl_json_set_text(fl_document(c), "name", virDomainGetName(c->dom));
    fl_out(c, "%s\n", virDomainGetName(c->dom));
    return 0;
}

int fl_cmd_domuuid(struct fl_call *c)
{
    char uuid[VIR_UUID_STRING_BUFLEN];

    if (virDomainGetUUIDString(c->dom, uuid) < 0)
        return fl_fail(c, "failed to get the UUID of the domain");
    if (fl_json(c))
        fl_json_set_text(fl_document(c), "uuid", uuid);
    fl_out(c, "%s\n", uuid);
    return 0;
}

int fl_cmd_domstate(struct fl_call *c)
{
    int state, reason;

    if (virDomainGetState(c->dom, &state, &reason, 0) < 0)
        return fl_fail(c, "failed to get the state of the domain");
    if (fl_json(c)) {
        fl_json_set_text(fl_document(c), "state", fl_domain_state_name(state));
        fl_json_set_text(fl_document(c), "reason", fl_domain_reason_name(state, reason));
    }
    if (fl_flag(c, "reason"))
        fl_out(c, "%s (%s)\n", fl_domain_state_name(state), fl_domain_reason_name(state, reason));
    else
        fl_out(c, "%s\n", fl_domain_state_name(state));
    return 0;
}

int fl_cmd_domcontrol(struct fl_call *c)
{
    static const char *const names[] = { "ok", "background job", "occupied", "error" };
    static const char *const details[] = { "", "unknown", "monitor failure", "internal (locking) error" };
    virDomainControlInfo info;

    if (virDomainGetControlInfo(c->dom, &info, 0) < 0)
        return fl_fail(c, "failed to get the state of the domain's control channel");
    if (fl_json(c)) {
        fl_json_set(fl_document(c), "state", fl_json_string(FL_NAME(names, (int)info.state)));
        fl_json_set_text(fl_document(c), "details", FL_NAME(details, (int)info.details));
        fl_json_set_int(fl_document(c), "time_ms", (long long)info.stateTime);
    }
    if (info.state != VIR_DOMAIN_CONTROL_OK && info.state != VIR_DOMAIN_CONTROL_ERROR)
        fl_out(c, "%s (%0.3fs)\n", FL_NAME(names, (int)info.state), (double)info.stateTime / 1000.0);
    else if (info.state == VIR_DOMAIN_CONTROL_ERROR && info.details > 0)
        fl_out(c, "%s: %s\n", FL_NAME(names, (int)info.state), FL_NAME(details, (int)info.details));
    else
        fl_out(c, "%s\n", FL_NAME(names, (int)info.state));
    return 0;
}
