/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Saving a domain's state, restoring it, dumping it; jobs and screens. */
#include "shell.h"
#include "handlers.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int state_flags(struct fl_call *c, unsigned int *flags)
{
    if (fl_exclusive(c, "running", "paused") < 0)
        return -1;
    *flags |= fl_flags(c, "bypass-cache", VIR_DOMAIN_SAVE_BYPASS_CACHE, "running", VIR_DOMAIN_SAVE_RUNNING,
                       "paused", VIR_DOMAIN_SAVE_PAUSED, "reset-nvram", VIR_DOMAIN_SAVE_RESET_NVRAM, NULL);
    return 0;
}

int fl_cmd_save(struct fl_call *c)
{
    const char *to = fl_arg(c, "file"), *name = virDomainGetName(c->dom);
    unsigned int flags = 0;
    g_autofree char *xml = NULL;

    if (state_flags(c, &flags) < 0 || (fl_arg(c, "xml") && fl_arg_file(c, "xml", &xml) < 0))
        return -1;
    if ((flags || xml ? virDomainSaveFlags(c->dom, to, xml, flags) : virDomainSave(c->dom, to)) < 0)
        return fl_fail(c, "failed to save domain '%s' to '%s'", name, to);
    fl_extra(c, "\nDomain '%s' saved to %s\n", name, to);
    return 0;
}

int fl_cmd_restore(struct fl_call *c)
{
    const char *from = fl_arg(c, "file");
    unsigned int flags = 0;
    g_autofree char *xml = NULL;

    if (state_flags(c, &flags) < 0 || (fl_arg(c, "xml") && fl_arg_file(c, "xml", &xml) < 0))
        return -1;
    if ((flags || xml ? virDomainRestoreFlags(c->conn, from, xml, flags) : virDomainRestore(c->conn, from)) <
        0)
        return fl_fail(c, "failed to restore a domain from '%s'", from);
    fl_extra(c, "Domain restored from %s\n", from);
    return 0;
}

int fl_cmd_managedsave(struct fl_call *c)
{
    const char *name = virDomainGetName(c->dom);
    unsigned int flags = 0;

    if (state_flags(c, &flags) < 0)
        return -1;
    if (virDomainManagedSave(c->dom, flags) < 0)
        return fl_fail(c, "failed to save the state of domain '%s'", name);
    fl_extra(c, "\nDomain '%s' state saved by libvirt\n", name);
    return 0;
}

int fl_cmd_managedsave_remove(struct fl_call *c)
{
    const char *name = virDomainGetName(c->dom);
    int has = virDomainHasManagedSaveImage(c->dom, 0);

    if (has < 0)
        return fl_fail(c, "failed to look for a saved state of domain '%s'", name);
    if (!has) {
        fl_extra(c, "Domain '%s' has no manage save image; removal skipped", name);
        return 0;
    }
    if (virDomainManagedSaveRemove(c->dom, 0) < 0)
        return fl_fail(c, "failed to remove the saved state of domain '%s'", name);
    fl_extra(c, "Removed managedsave image for domain '%s'", name);
    return 0;
}

int fl_cmd_managedsave_dumpxml(struct fl_call *c)
{
    unsigned int flags = fl_flags(c, "security-info", VIR_DOMAIN_SAVE_IMAGE_XML_SECURE, NULL);

    return fl_take_xml(c, virDomainManagedSaveGetXMLDesc(c->dom, flags), "the saved state");
}

int fl_cmd_managedsave_define(struct fl_call *c)
{
    const char *name = virDomainGetName(c->dom);
    unsigned int flags = 0;
    g_autofree char *xml = NULL;

    if (state_flags(c, &flags) < 0 || fl_arg_file(c, "xml", &xml) < 0)
        return -1;
    if (virDomainManagedSaveDefineXML(c->dom, xml, flags) < 0)
        return fl_fail(c, "failed to update the saved state of domain '%s'", name);
    fl_extra(c, "Managed save state file of domain '%s' updated.\n", name);
    return 0;
}

int fl_cmd_managedsave_edit(struct fl_call *c)
{
    const char *name = virDomainGetName(c->dom);
    unsigned int flags = 0;
    g_autofree char *xml = NULL, *edited = NULL;
    int changed;

    if (state_flags(c, &flags) < 0)
        return -1;
    xml = virDomainManagedSaveGetXMLDesc(c->dom, VIR_DOMAIN_SAVE_IMAGE_XML_SECURE);
    if (!xml)
        return fl_fail(c, "failed to get the XML of the saved state");
    changed = fl_edit_text(c, xml, &edited);
    if (changed < 0)
        return -1;
    if (changed == 0 && !flags) {
        fl_extra(c, "Managed save image of domain '%s' XML configuration not changed.\n", name);
        return 0;
    }
    if (virDomainManagedSaveDefineXML(c->dom, edited ? edited : xml, flags) < 0)
        return fl_fail(c, "failed to update the saved state of domain '%s'", name);
    fl_extra(c, "Managed save image of Domain '%s' XML configuration edited.\n", name);
    return 0;
}

int fl_cmd_save_image_dumpxml(struct fl_call *c)
{
    unsigned int flags = fl_flags(c, "security-info", VIR_DOMAIN_SAVE_IMAGE_XML_SECURE, NULL);

    return fl_take_xml(c, virDomainSaveImageGetXMLDesc(c->conn, fl_arg(c, "file"), flags), "the saved state");
}

int fl_cmd_save_image_define(struct fl_call *c)
{
    unsigned int flags = 0;
    g_autofree char *xml = NULL;

    if (state_flags(c, &flags) < 0 || fl_arg_file(c, "xml", &xml) < 0)
        return -1;
    if (virDomainSaveImageDefineXML(c->conn, fl_arg(c, "file"), xml, flags) < 0)
        return fl_fail(c, "failed to update %s", fl_arg(c, "file"));
    fl_extra(c, "State file %s updated.\n", fl_arg(c, "file"));
    return 0;
}

int fl_cmd_save_image_edit(struct fl_call *c)
{
    const char *file = fl_arg(c, "file");
    unsigned int flags = 0;
    g_autofree char *xml = NULL, *edited = NULL;
    int changed;

    if (state_flags(c, &flags) < 0)
        return -1;
    xml = virDomainSaveImageGetXMLDesc(c->conn, file, VIR_DOMAIN_SAVE_IMAGE_XML_SECURE);
    if (!xml)
        return fl_fail(c, "failed to get the XML of the saved state");
    changed = fl_edit_text(c, xml, &edited);
    if (changed < 0)
        return -1;
    if (changed == 0 && !flags) {
        fl_extra(c, "Saved image %s XML configuration not changed.\n", file);
        return 0;
    }
    if (virDomainSaveImageDefineXML(c->conn, file, edited ? edited : xml, flags) < 0)
        return fl_fail(c, "failed to update %s", file);
    fl_extra(c, "State file %s edited.\n", file);
    return 0;
}

int fl_cmd_dump(struct fl_call *c)
{
    static const char *const formats[] = { "elf", "kdump-zlib", "kdump-lzo", "kdump-snappy", "win-dmp" };
    const char *to = fl_arg(c, "file"), *name = virDomainGetName(c->dom), *format = fl_arg(c, "format");
    unsigned int flags =
        fl_flags(c, "live", VIR_DUMP_LIVE, "crash", VIR_DUMP_CRASH, "bypass-cache", VIR_DUMP_BYPASS_CACHE,
                 "reset", VIR_DUMP_RESET, "memory-only", VIR_DUMP_MEMORY_ONLY, NULL);
    unsigned int i = 0;

    if (fl_exclusive(c, "live", "crash") < 0 || fl_exclusive(c, "crash", "reset") < 0 ||
        fl_exclusive(c, "live", "reset") < 0)
        return -1;
    if (format && !fl_flag(c, "memory-only"))
        return fl_wrong(c, "--format needs --memory-only");
    while (format && i < G_N_ELEMENTS(formats) && strcmp(formats[i], format) != 0)
        i++;
    if (i == G_N_ELEMENTS(formats))
        return fl_wrong(
            c, "option --format: '%s' is none of elf, kdump-zlib, kdump-lzo, kdump-snappy, win-dmp", format);
    if ((format ? virDomainCoreDumpWithFormat(c->dom, to, i, flags) : virDomainCoreDump(c->dom, to, flags)) <
        0)
        return fl_fail(c, "failed to core dump domain '%s' to '%s'", name, to);
    fl_extra(c, "\nDomain '%s' dumped to %s\n", name, to);
    return 0;
}

static int sink(virStreamPtr st, const char *data, size_t n, void *opaque)
{
    (void)st;
    return (int)write(*(int *)opaque, data, n);
}

static char *screenshot_name(const char *domain, const char *mime)
{
    static const char *const suffixes[][2] = { { "image/x-portable-pixmap", ".ppm" },
                                               { "image/png", ".png" } };
    g_autoptr(GDateTime) now = g_date_time_new_now_utc();
    g_autofree char *when = g_date_time_format(now, "%Y-%m-%d-%H:%M:%S");
    const char *suffix = "";

    for (size_t i = 0; mime && i < G_N_ELEMENTS(suffixes); i++)
        if (strcmp(suffixes[i][0], mime) == 0)
            suffix = suffixes[i][1];
    return g_strdup_printf("%s-%s%s", domain, when, suffix);
}

int fl_cmd_screenshot(struct fl_call *c)
{
    unsigned int screen = 0;
    g_autoptr(virStream) st = virStreamNew(c->conn, 0);
    g_autofree char *mime = NULL, *path = g_strdup(fl_arg(c, "file"));
    int fd, status;

    if (fl_arg_uint(c, "screen", &screen) < 0)
        return -1;
    mime = st ? virDomainScreenshot(c->dom, st, screen, 0) : NULL;
    if (!mime)
        return fl_fail(c, "failed to take a picture of the screen of domain '%s'", virDomainGetName(c->dom));
    if (!path)
        path = screenshot_name(virDomainGetName(c->dom), mime);
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0) {
        fl_wrong(c, "cannot create the file '%s': %s", path, g_strerror(errno));
        virStreamAbort(st);
        return -1;
    }
    status = virStreamRecvAll(st, sink, &fd);
    if (close(fd) < 0 || status < 0 || virStreamFinish(st) < 0) {
        unlink(path);
        return fl_fail(c, "failed to receive the picture of domain '%s'", virDomainGetName(c->dom));
    }
    fl_extra(c, "Screenshot saved to %s, with type of %s", path, mime);
    return 0;
}

int fl_cmd_domjobabort(struct fl_call *c)
{
    int status = fl_flag(c, "postcopy") ? virDomainAbortJobFlags(c->dom, VIR_DOMAIN_ABORT_JOB_POSTCOPY)
                                        : virDomainAbortJob(c->dom);

    return status < 0 ? fl_fail(c, "failed to abort the job of domain '%s'", virDomainGetName(c->dom)) : 0;
}

static const struct {
    const char *field, *label;
    enum { JOB_MS, JOB_BYTES, JOB_NUMBER, JOB_BPS } kind;
} job_fields[] = {
    { "time_elapsed", "Time elapsed:", JOB_MS },
    { "time_elapsed_net", "Time elapsed w/o network:", JOB_MS },
    { "time_remaining", "Time remaining:", JOB_MS },
    { "data_processed", "Data processed:", JOB_BYTES },
    { "data_remaining", "Data remaining:", JOB_BYTES },
    { "data_total", "Data total:", JOB_BYTES },
    { "memory_processed", "Memory processed:", JOB_BYTES },
    { "memory_remaining", "Memory remaining:", JOB_BYTES },
    { "memory_total", "Memory total:", JOB_BYTES },
    { "memory_bps", "Memory bandwidth:", JOB_BPS },
    { "memory_dirty_rate", "Dirty rate:", JOB_NUMBER },
    { "memory_page_size", "Page size:", JOB_NUMBER },
    { "memory_iteration", "Iteration:", JOB_NUMBER },
    { "disk_processed", "File processed:", JOB_BYTES },
    { "disk_remaining", "File remaining:", JOB_BYTES },
    { "disk_total", "File total:", JOB_BYTES },
    { "disk_bps", "File bandwidth:", JOB_BPS },
    { "memory_constant", "Constant pages:", JOB_NUMBER },
    { "memory_normal", "Normal pages:", JOB_NUMBER },
    { "memory_normal_bytes", "Normal data:", JOB_BYTES },
    { "downtime", "Total downtime:", JOB_MS },
    { "setup_time", "Setup time:", JOB_MS },
};

static void job_line(struct fl_call *c, size_t i, unsigned long long value)
{
    double scaled;
    const char *unit;

    switch (job_fields[i].kind) {
    case JOB_MS:
        fl_out(c, "%-17s %-12llu ms\n", job_fields[i].label, value);
        return;
    case JOB_NUMBER:
        fl_out(c, "%-17s %-13llu\n", job_fields[i].label, value);
        return;
    case JOB_BYTES:
    case JOB_BPS:
        unit = fl_scale(value, &scaled);
        fl_out(c, job_fields[i].kind == JOB_BPS ? "%-17s %-.3lf %s/s\n" : "%-17s %-.3lf %s\n",
               job_fields[i].label, scaled, unit);
    }
}

int fl_cmd_domjobinfo(struct fl_call *c)
{
    static const char *const types[] = { "None", "Bounded", "Unbounded", "Completed", "Failed", "Cancelled" };
    static const char *const operations[] = {
        "Unknown",  "Start",           "Save", "Restore", "Incoming migration", "Outgoing migration",
        "Snapshot", "Snapshot revert", "Dump", "Backup",  "Snapshot delete"
    };
    unsigned int flags = fl_flags(c, "completed", VIR_DOMAIN_JOB_STATS_COMPLETED, "keep-completed",
                                  VIR_DOMAIN_JOB_STATS_KEEP_COMPLETED, NULL);
    virTypedParameterPtr params = NULL;
    int type = 0, n = 0, operation = 0;
    virDomainJobInfo info;

    if (virDomainGetJobStats(c->dom, &type, &params, &n, flags) < 0) {
        if (virGetLastErrorCode() != VIR_ERR_NO_SUPPORT || flags)
            return fl_fail(c, "failed to get the job of domain '%s'", virDomainGetName(c->dom));
        virResetLastError();
        if (virDomainGetJobInfo(c->dom, &info) < 0)
            return fl_fail(c, "failed to get the job of domain '%s'", virDomainGetName(c->dom));
        type = info.type;
    }
    if (fl_json(c)) {
        fl_json_set(fl_document(c), "type", fl_json_string(FL_NAME(types, type)));
        fl_params_json(fl_document(c), params, n);
    }
    fl_out(c, "%-17s %-12s\n", "Job type:", FL_NAME(types, type));
    if (type != VIR_DOMAIN_JOB_NONE &&
        virTypedParamsGetInt(params, n, VIR_DOMAIN_JOB_OPERATION, &operation) == 1)
        fl_out(c, "%-17s %-12s\n", "Operation:", FL_NAME(operations, operation));
    for (size_t i = 0; type != VIR_DOMAIN_JOB_NONE && i < G_N_ELEMENTS(job_fields); i++) {
        unsigned long long value;

        if (virTypedParamsGetULLong(params, n, job_fields[i].field, &value) == 1)
            job_line(c, i, value);
    }
    virTypedParamsFree(params, n);
    return 0;
}

int fl_cmd_inject_nmi(struct fl_call *c)
{
    if (virDomainInjectNMI(c->dom, 0) < 0)
        return fl_fail(c, "failed to send the interrupt to domain '%s'", virDomainGetName(c->dom));
    return 0;
}

int fl_cmd_console(struct fl_call *c)
{
    unsigned int flags =
        fl_flags(c, "force", VIR_DOMAIN_CONSOLE_FORCE, "safe", VIR_DOMAIN_CONSOLE_SAFE, NULL);

    return fl_console(c, c->dom, fl_arg(c, "devname"), flags);
}

static struct fl_xml *tree_of(struct fl_call *c, unsigned int flags)
{
    g_autofree char *xml = virDomainGetXMLDesc(c->dom, flags);

    return xml ? fl_xml_parse(xml) : NULL;
}

int fl_cmd_ttyconsole(struct fl_call *c)
{
    struct fl_xml *root = tree_of(c, 0);
    const char *tty = root ? fl_xml_value(root, "devices/console@tty") : NULL;
    int status = 0;

    if (!root)
        status = fl_fail(c, "failed to get the XML of domain '%s'", virDomainGetName(c->dom));
    else if (tty)
        fl_out(c, "%s\n", tty);
    else
        status = fl_wrong(c, "domain '%s' has no console on a terminal of this host now",
                          virDomainGetName(c->dom));
    fl_xml_free(root);
    return status;
}

int fl_cmd_vncdisplay(struct fl_call *c)
{
    struct fl_xml *root, *devices;
    int port = -1;
    g_autofree char *listen = NULL;

    if (virDomainIsActive(c->dom) == 0)
        return fl_wrong(c, "Domain is not running");
    root = tree_of(c, 0);
    devices = root ? fl_xml_get(root, "devices") : NULL;
    for (guint i = 0; devices && i < devices->children->len; i++) {
        struct fl_xml *node = devices->children->pdata[i];
        const char *type = fl_xml_attr(node, "type"), *text = fl_xml_attr(node, "port");

        if (strcmp(node->name, "graphics") != 0 || !type || strcmp(type, "vnc") != 0 || !text)
            continue;
        port = atoi(text);
        listen = g_strdup(fl_xml_attr(node, "listen"));
        break;
    }
    fl_xml_free(root);
    if (port < 0)
        return fl_wrong(c, "domain '%s' shows no VNC port; does it use VNC?", virDomainGetName(c->dom));
    fl_out(c, "%s:%d\n", !listen || strcmp(listen, "0.0.0.0") == 0 ? "" : listen, port - 5900);
    return 0;
}

static bool print_display(struct fl_call *c, struct fl_xml *node, bool first)
{
    const char *type = fl_xml_attr(node, "type"), *port = fl_xml_attr(node, "port");
    const char *tls = fl_xml_attr(node, "tlsPort"), *passwd = fl_xml_attr(node, "passwd");
    const char *listen = fl_xml_attr(node, "listen"), *socket = fl_xml_attr(node, "socket");
    g_autoptr(GString) s = g_string_new("");
    int number = port ? atoi(port) : 0;

    if (!type || (fl_arg(c, "type") && strcmp(fl_arg(c, "type"), type) != 0))
        return false;
    if (number <= 0 && !(tls && atoi(tls) > 0) && !socket)
        return false;
    if (socket) {
        g_string_append_printf(s, "%s+unix://%s", type, socket);
    } else {
        g_string_append_printf(s, "%s://", type);
        if (passwd && fl_flag(c, "include-password"))
            g_string_append_printf(s, ":%s@", passwd);
        if (!listen || strcmp(listen, "0.0.0.0") == 0 || strcmp(listen, "::") == 0)
            listen = "localhost";
        g_string_append_printf(s, strchr(listen, ':') ? "[%s]" : "%s", listen);
        if (number > 0)
            g_string_append_printf(s, ":%d", strcmp(type, "vnc") == 0 ? number - 5900 : number);
        if (tls && atoi(tls) > 0)
            g_string_append_printf(s, "%stls-port=%s", number > 0 ? "&" : "?", tls);
    }
    fl_out(c, first ? "%s" : "\n%s", s->str);
    return true;
}

int fl_cmd_domdisplay(struct fl_call *c)
{
    struct fl_xml *root, *devices;
    bool found = false;

    if (virDomainIsActive(c->dom) == 0)
        return fl_wrong(c, "Domain is not running");
    root = tree_of(c, fl_flag(c, "include-password") ? VIR_DOMAIN_XML_SECURE : 0);
    if (!root)
        return fl_fail(c, "failed to get the XML of domain '%s'", virDomainGetName(c->dom));
    devices = fl_xml_get(root, "devices");
    for (guint i = 0; devices && i < devices->children->len && (!found || fl_flag(c, "all")); i++)
        if (strcmp(((struct fl_xml *)devices->children->pdata[i])->name, "graphics") == 0)
            found |= print_display(c, devices->children->pdata[i], !found);
    fl_xml_free(root);
    if (!found && fl_arg(c, "type"))
        return fl_wrong(c, "domain '%s' has no graphical display of type '%s'", virDomainGetName(c->dom),
                        fl_arg(c, "type"));
    return found ? 0 : fl_wrong(c, "domain '%s' has no graphical display", virDomainGetName(c->dom));
}
