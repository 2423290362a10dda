/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Defining, starting and stopping domains. */
#include "shell.h"
#include "handlers.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static unsigned int start_flags(struct fl_call *c)
{
    return fl_flags(c, "paused", VIR_DOMAIN_START_PAUSED, "autodestroy", VIR_DOMAIN_START_AUTODESTROY,
                    "bypass-cache", VIR_DOMAIN_START_BYPASS_CACHE, "force-boot", VIR_DOMAIN_START_FORCE_BOOT,
                    "validate", VIR_DOMAIN_START_VALIDATE, "reset-nvram", VIR_DOMAIN_START_RESET_NVRAM, NULL);
}

int fl_cmd_start(struct fl_call *c)
{
    const char *name = virDomainGetName(c->dom);
    unsigned int flags = start_flags(c), n_fds = 0;
    g_autofree int *fds = NULL;
    int status;

    if (virDomainGetID(c->dom) != (unsigned int)-1)
        return fl_wrong(c, "Domain is already active");
    if (fl_arg_fds(c, "pass-fds", &fds, &n_fds) < 0)
        return -1;
    if (n_fds)
        status = virDomainCreateWithFiles(c->dom, n_fds, fds, flags);
    else
        status = flags ? virDomainCreateWithFlags(c->dom, flags) : virDomainCreate(c->dom);
    if (status < 0)
        return fl_fail(c, "failed to start domain '%s'", name);
    fl_extra(c, "Domain '%s' started\n", name);
    if (fl_flag(c, "console"))
        return fl_console(c, c->dom, NULL, 0);
    return 0;
}

int fl_cmd_create(struct fl_call *c)
{
    g_autofree char *xml = NULL;
    g_autofree int *fds = NULL;
    g_autoptr(virDomain) dom = NULL;
    unsigned int flags = start_flags(c), n_fds = 0;

    if (fl_arg_file(c, "file", &xml) < 0 || fl_arg_fds(c, "pass-fds", &fds, &n_fds) < 0)
        return -1;
    if (n_fds)
        dom = virDomainCreateXMLWithFiles(c->conn, xml, n_fds, fds, flags);
    else
        dom = virDomainCreateXML(c->conn, xml, flags);
    if (!dom)
        return fl_fail(c, "failed to create a domain from '%s'", fl_arg(c, "file"));
    fl_extra(c, "Domain '%s' created from %s\n", virDomainGetName(dom), fl_arg(c, "file"));
    if (fl_flag(c, "console"))
        return fl_console(c, dom, NULL, 0);
    return 0;
}

int fl_cmd_define(struct fl_call *c)
{
    g_autofree char *xml = NULL;
    g_autoptr(virDomain) dom = NULL;
    unsigned int flags = fl_flags(c, "validate", VIR_DOMAIN_DEFINE_VALIDATE, NULL);

    if (fl_arg_file(c, "file", &xml) < 0)
        return -1;
    dom = flags ? virDomainDefineXMLFlags(c->conn, xml, flags) : virDomainDefineXML(c->conn, xml);
    if (!dom)
        return fl_fail(c, "failed to define a domain from '%s'", fl_arg(c, "file"));
    fl_extra(c, "Domain '%s' defined from %s\n", virDomainGetName(dom), fl_arg(c, "file"));
    return 0;
}

int fl_cmd_destroy(struct fl_call *c)
{
    const char *name = virDomainGetName(c->dom);
    unsigned int flags = fl_flags(c, "graceful", VIR_DOMAIN_DESTROY_GRACEFUL, "remove-logs",
                                  VIR_DOMAIN_DESTROY_REMOVE_LOGS, NULL);

    if ((flags ? virDomainDestroyFlags(c->dom, flags) : virDomainDestroy(c->dom)) < 0)
        return fl_fail(c, "failed to destroy domain '%s'", name);
    fl_extra(c, "Domain '%s' destroyed\n", name);
    return 0;
}

int fl_cmd_suspend(struct fl_call *c)
{
    if (virDomainSuspend(c->dom) < 0)
        return fl_fail(c, "failed to suspend domain '%s'", virDomainGetName(c->dom));
    fl_extra(c, "Domain '%s' suspended\n", virDomainGetName(c->dom));
    return 0;
}

int fl_cmd_resume(struct fl_call *c)
{
    if (virDomainResume(c->dom) < 0)
        return fl_fail(c, "failed to resume domain '%s'", virDomainGetName(c->dom));
    fl_extra(c, "Domain '%s' resumed\n", virDomainGetName(c->dom));
    return 0;
}

int fl_cmd_reset(struct fl_call *c)
{
    if (virDomainReset(c->dom, 0) < 0)
        return fl_fail(c, "failed to reset domain '%s'", virDomainGetName(c->dom));
    fl_extra(c, "Domain '%s' was reset\n", virDomainGetName(c->dom));
    return 0;
}

/* acpi, agent, …: shutdown and reboot number the same ways alike */
static int power_mode(struct fl_call *c, unsigned int *ret_flags)
{
    static const char *const names[] = { "acpi", "agent", "initctl", "signal", "paravirt" };
    g_auto(GStrv) modes = g_strsplit(fl_arg(c, "mode") ? fl_arg(c, "mode") : "", ",", 0);

    for (char **m = modes; *m; m++) {
        size_t i = 0;

        while (i < G_N_ELEMENTS(names) && strcmp(names[i], *m) != 0)
            i++;
        if (i == G_N_ELEMENTS(names))
            return fl_wrong(c, "option --mode: '%s' is none of acpi, agent, initctl, signal, paravirt", *m);
        *ret_flags |= 1u << i;
    }
    return 0;
}

int fl_cmd_shutdown(struct fl_call *c)
{
    unsigned int flags = 0;
    const char *name = virDomainGetName(c->dom);

    if (power_mode(c, &flags) < 0)
        return -1;
    if ((flags ? virDomainShutdownFlags(c->dom, flags) : virDomainShutdown(c->dom)) < 0)
        return fl_fail(c, "failed to shut down domain '%s'", name);
    fl_extra(c, "Domain '%s' is being shutdown\n", name);
    return 0;
}

int fl_cmd_reboot(struct fl_call *c)
{
    unsigned int flags = 0;
    const char *name = virDomainGetName(c->dom);

    if (power_mode(c, &flags) < 0)
        return -1;
    if (virDomainReboot(c->dom, flags) < 0)
        return fl_fail(c, "failed to reboot domain '%s'", name);
    fl_extra(c, "Domain '%s' is being rebooted\n", name);
    return 0;
}

static void free_volume(gpointer vol)
{
    virStorageVolFree(vol);
}

/* Volumes named by target, path or all of them, looked up while the definition is still there. */
static int storage_of(struct fl_call *c, GPtrArray *vols)
{
    g_autofree char *xml = virDomainGetXMLDesc(c->dom, VIR_DOMAIN_XML_INACTIVE);
    g_auto(GStrv) wanted = g_strsplit(fl_arg(c, "storage") ? fl_arg(c, "storage") : "", ",", 0);
    struct fl_xml *root = xml ? fl_xml_parse(xml) : NULL,
                  *devices = root ? fl_xml_get(root, "devices") : NULL;
    guint found = 0;

    for (guint i = 0; devices && i < devices->children->len; i++) {
        struct fl_xml *disk = devices->children->pdata[i];
        const char *target = fl_xml_value(disk, "target@dev"), *path = fl_xml_value(disk, "source@file");
        virStorageVolPtr vol = NULL;

        if (!path)
            path = fl_xml_value(disk, "source@dev");
        if (strcmp(disk->name, "disk") != 0 || !target)
            continue;
        if (!fl_flag(c, "remove-all-storage") && !g_strv_contains((const char *const *)wanted, target) &&
            !(path && g_strv_contains((const char *const *)wanted, path)))
            continue;
        found++;
        vol = path ? virStorageVolLookupByPath(c->conn, path) : NULL;
        if (vol)
            g_ptr_array_add(vols, vol);
        else
            fl_complain(c->sh, "disk '%s' (%s) is no volume of a running pool and stays", target,
                        path ? path : "no source");
        virResetLastError();
    }
    fl_xml_free(root);
    if (fl_arg(c, "storage") && found < g_strv_length(wanted))
        return fl_wrong(c, "option --storage names a disk that domain '%s' does not have",
                        virDomainGetName(c->dom));
    return 0;
}

static int remove_storage(struct fl_call *c, GPtrArray *vols)
{
    unsigned int flags =
        fl_flags(c, "delete-storage-volume-snapshots", VIR_STORAGE_VOL_DELETE_WITH_SNAPSHOTS, NULL);
    int status = 0;

    for (guint i = 0; i < vols->len; i++) {
        const char *name = virStorageVolGetName(vols->pdata[i]);

        if (fl_flag(c, "wipe-storage") && virStorageVolWipe(vols->pdata[i], 0) < 0)
            status = fl_fail(c, "failed to wipe volume '%s'; it is kept", name);
        else if (virStorageVolDelete(vols->pdata[i], flags) < 0)
            status = fl_fail(c, "failed to remove volume '%s'", name);
        else
            fl_out(c, "Volume '%s' removed.\n", name);
    }
    return status;
}

/* A driver that does not know one of these has nothing that it could concern: it is asked without them. But
 * one that is only older would take away what is to be kept. */
enum {
    UNDEFINE_SPARE = VIR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA | VIR_DOMAIN_UNDEFINE_KEEP_NVRAM |
                     VIR_DOMAIN_UNDEFINE_TPM | VIR_DOMAIN_UNDEFINE_KEEP_TPM
};

static bool has_to_keep(virDomainPtr dom, unsigned int flags)
{
    g_autofree char *xml = NULL;

    if (!(flags & (VIR_DOMAIN_UNDEFINE_KEEP_NVRAM | VIR_DOMAIN_UNDEFINE_KEEP_TPM)))
        return false;
    xml = virDomainGetXMLDesc(dom, VIR_DOMAIN_XML_INACTIVE);
    return !xml || (flags & VIR_DOMAIN_UNDEFINE_KEEP_NVRAM && strstr(xml, "<nvram")) ||
           (flags & VIR_DOMAIN_UNDEFINE_KEEP_TPM && strstr(xml, "<tpm"));
}

static int undefine(struct fl_call *c, unsigned int flags)
{
    virDomainPtr dom = c->dom;
    int status = flags ? virDomainUndefineFlags(dom, flags) : virDomainUndefine(dom);
    int code = status < 0 ? virGetLastErrorCode() : VIR_ERR_OK;

    if (!(flags & UNDEFINE_SPARE) || (code != VIR_ERR_INVALID_ARG && code != VIR_ERR_NO_SUPPORT))
        return status;
    if (has_to_keep(dom, flags))
        return fl_wrong(c,
                        "the far side cannot undefine '%s' and keep what belongs to it: nothing was changed",
                        virDomainGetName(dom));
    virResetLastError();
    return undefine(c, flags & ~(unsigned int)UNDEFINE_SPARE);
}

int fl_cmd_undefine(struct fl_call *c)
{
    const char *name = virDomainGetName(c->dom);
    g_autoptr(GPtrArray) vols = g_ptr_array_new_with_free_func(free_volume);
    unsigned int flags =
        fl_flags(c, "managed-save", VIR_DOMAIN_UNDEFINE_MANAGED_SAVE, "snapshots-metadata",
                 VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA, "checkpoints-metadata",
                 VIR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA, "nvram", VIR_DOMAIN_UNDEFINE_NVRAM, "keep-nvram",
                 VIR_DOMAIN_UNDEFINE_KEEP_NVRAM, "tpm", VIR_DOMAIN_UNDEFINE_TPM, "keep-tpm",
                 VIR_DOMAIN_UNDEFINE_KEEP_TPM, NULL);
    const char *disks = fl_arg(c, "storage");
    bool storage = (disks && *disks) || fl_flag(c, "remove-all-storage"); /* "" names none */

    if (fl_exclusive(c, "nvram", "keep-nvram") < 0 || fl_exclusive(c, "tpm", "keep-tpm") < 0 ||
        fl_exclusive(c, "storage", "remove-all-storage") < 0 ||
        fl_needs(c, "delete-storage-volume-snapshots", "remove-all-storage") < 0)
        return -1;
    if (fl_flag(c, "wipe-storage") && !storage)
        return fl_wrong(c, "option --wipe-storage needs --storage or --remove-all-storage");
    if (storage && virDomainIsActive(c->dom) > 0)
        return fl_wrong(c, "the disks of a running domain cannot be removed; destroy '%s' first", name);
    if (storage && storage_of(c, vols) < 0)
        return -1;
    if (undefine(c, flags) < 0)
        return c->error->len ? -1 : fl_fail(c, "failed to undefine domain '%s'", name);
    fl_extra(c, "Domain '%s' has been undefined\n", name);
    return remove_storage(c, vols);
}

int fl_cmd_autostart(struct fl_call *c)
{
    bool off = fl_flag(c, "disable");
    const char *name = virDomainGetName(c->dom);

    if (virDomainSetAutostart(c->dom, !off) < 0)
        return fl_fail(c, "failed to %s domain '%s' as autostarted", off ? "unmark" : "mark", name);
    fl_extra(c, off ? "Domain '%s' unmarked as autostarted\n" : "Domain '%s' marked as autostarted\n", name);
    return 0;
}

int fl_cmd_domrename(struct fl_call *c)
{
    if (virDomainRename(c->dom, fl_arg(c, "new-name"), 0) < 0)
        return fl_fail(c, "failed to rename domain '%s'", virDomainGetName(c->dom));
    fl_extra(c, "Domain successfully renamed\n");
    return 0;
}

int fl_cmd_set_lifecycle_action(struct fl_call *c)
{
    static const char *const types[] = { "poweroff", "reboot", "crash", NULL };
    static const char *const actions[] = { "destroy",  "restart",          "rename-restart",
                                           "preserve", "coredump-destroy", "coredump-restart",
                                           NULL };
    unsigned int flags = 0, type = 0, action = 0;

    if (fl_affect(c, &flags) < 0)
        return -1;
    while (types[type] && strcmp(types[type], fl_arg(c, "type")) != 0)
        type++;
    while (actions[action] && strcmp(actions[action], fl_arg(c, "action")) != 0)
        action++;
    if (!types[type])
        return fl_wrong(c, "<type> is poweroff, reboot or crash, not '%s'", fl_arg(c, "type"));
    if (!actions[action])
        return fl_wrong(c, "<action> '%s' is unknown", fl_arg(c, "action"));
    if (virDomainSetLifecycleAction(c->dom, type, action, flags) < 0)
        return fl_fail(c, "failed to change the lifecycle action of domain '%s'", virDomainGetName(c->dom));
    return 0;
}

int fl_cmd_dompmsuspend(struct fl_call *c)
{
    static const char *const names[] = { "mem", "disk", "hybrid", NULL };
    const char *target = fl_arg(c, "target");
    unsigned long long duration = 0;
    unsigned int i = 0;

    if (fl_arg_ull(c, "duration", &duration) < 0)
        return -1;
    while (names[i] && strcmp(names[i], target) != 0)
        i++;
    if (!names[i])
        return fl_wrong(c, "<target> is mem, disk or hybrid, not '%s'", target);
    if (virDomainPMSuspendForDuration(c->dom, i, duration, 0) < 0)
        return fl_fail(c, "domain '%s' could not be suspended", virDomainGetName(c->dom));
    fl_extra(c, "Domain '%s' successfully suspended", virDomainGetName(c->dom));
    return 0;
}

int fl_cmd_dompmwakeup(struct fl_call *c)
{
    if (virDomainPMWakeup(c->dom, 0) < 0)
        return fl_fail(c, "domain '%s' could not be woken up", virDomainGetName(c->dom));
    fl_extra(c, "Domain '%s' successfully woken up", virDomainGetName(c->dom));
    return 0;
}
