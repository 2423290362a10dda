/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The option words of a row, as a list, and a line of help for each.
 * Words: "live" switch, "mode=" text, "size#" number, "cmd*" the rest;
 * then "!" required, "+" not empty, "-" only by name. "@domain": required
 * text, looked up before the handler runs. "old>new": another name for --new.
 */
#include "shell.h"

#include <string.h>

static void option_parse(const char *word, struct fl_option *o)
{
    size_t len;

    memset(o, 0, sizeof(*o));
    if (*word == '@') {
        o->name = g_strdup(word + 1);
        o->kind = FL_OPTION_STRING;
        o->required = o->object = true;
        return;
    }
    len = strcspn(word, "=#*!+>");
    o->name = g_strndup(word, len);
    for (const char *p = word + len; *p; p++) {
        switch (*p) {
        case '=':
            o->kind = FL_OPTION_STRING;
            break;
        case '#':
            o->kind = FL_OPTION_INT;
            break;
        case '*':
            o->kind = FL_OPTION_ARGV;
            break;
        case '!':
            o->required = true;
            break;
        case '+':
            o->filled = true;
            break;
        case '-':
            o->named_only = true;
            break;
        case '>':
            o->kind = FL_OPTION_ALIAS;
            o->target = g_strdup(p + 1);
            return;
        }
    }
}

struct fl_option *fl_options_parse(const char *spec, size_t *ret_n)
{
    g_auto(GStrv) words = g_strsplit(spec, " ", 0);
    struct fl_option *options = g_new0(struct fl_option, g_strv_length(words) + 1);
    size_t n = 0;

    for (char **w = words; *w; w++)
        if (**w)
            option_parse(*w, &options[n++]);
    *ret_n = n;
    return options;
}

void fl_options_free(struct fl_option *options, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        g_free(options[i].name);
        g_free(options[i].target);
    }
    g_free(options);
}

/* What an option means wherever it appears; "command.option" where it differs. */
static const char *const help_texts[] = {
    "action",
    "what to do",
    "address",
    "bus address, such as pci:0000.00.05.0",
    "alias",
    "name of the device inside the domain",
    "all",
    "everything, not only what is active",
    "allocpages.all",
    "every NUMA cell",
    "freecell.all",
    "every NUMA cell",
    "freepages.all",
    "every NUMA cell and page size",
    "event.all",
    "every kind of event",
    "targets.all",
    "also where there is no socket",
    "arch",
    "processor architecture, such as x86_64",
    "atomic",
    "all or nothing",
    "autodestroy",
    "destroy the domain when this connection closes",
    "autostart",
    "only what starts with the host",
    "bandwidth",
    "limit in MiB/s",
    "base",
    "where in the backing chain to stop",
    "binding",
    "port the filter is bound to",
    "build",
    "build the pool first",
    "bypass-cache",
    "keep the host's page cache out of it",
    "bytes",
    "numbers in bytes",
    "cap",
    "kind of device, or several with commas",
    "capacity",
    "size, such as 10G",
    "cellno",
    "number of the NUMA cell",
    "checkpointname",
    "name of the checkpoint",
    "children",
    "and everything below it",
    "children-only",
    "only what is below it",
    "command",
    "command or group of commands",
    "config",
    "the stored definition: from the next start on",
    "console",
    "connect to the console afterwards",
    "cpulist",
    "processors, such as 0-3,^2, or r for all",
    "current",
    "the state the domain is in now",
    "description",
    "free text",
    "details",
    "more columns",
    "device",
    "name of the device",
    "dir",
    "directory; the home directory without it",
    "disable",
    "do not",
    "disk-only",
    "disks only, not memory",
    "diskspec",
    "a disk: NAME[,snapshot=TYPE][,driver=TYPE][,file=PATH]",
    "domain",
    "name, id or UUID of the domain",
    "driver",
    "driver to use",
    "duration",
    "seconds",
    "echo.err",
    "to the error output",
    "edit",
    "in an editor",
    "event",
    "kind of event",
    "file",
    "path of the file",
    "force",
    "even where it is unsafe",
    "format",
    "format of the data",
    "full",
    "repeat name and MAC address on each line",
    "graceful",
    "no SIGKILL: fail rather than lose data",
    "guest",
    "as the guest sees it, through its agent",
    "human",
    "sizes for people",
    "id",
    "print the id only",
    "inactive",
    "the stored definition, or only what is inactive",
    "interface",
    "name of the interface",
    "key",
    "prefix of the namespace",
    "length",
    "bytes to copy",
    "list",
    "print the kinds of events and leave",
    "live",
    "the running domain",
    "loop",
    "go on after the first event, until Ctrl-C or --timeout",
    "mac",
    "MAC address",
    "machine",
    "machine type",
    "managed-save",
    "show which domains have a saved state",
    "metadata",
    "the library's knowledge only, not the data",
    "mode",
    "how to do it, several with commas",
    "model",
    "model of the device",
    "mountpoint",
    "directory in the guest",
    "name",
    "name, or print the name only",
    "network",
    "name or UUID of the network",
    "noseclabel",
    "with the security label of virsh, not the container's",
    "newname",
    "name of the new volume",
    "new-name",
    "the name it gets",
    "no-metadata",
    "leave no trace in the library",
    "now",
    "set the clock to the host's",
    "nwfilter",
    "name or UUID of the filter",
    "offset",
    "byte to start at",
    "pass-fds",
    "file descriptors for the domain, N,M,…",
    "path",
    "target or source of the disk",
    "paused",
    "leave it paused",
    "persistent",
    "now and from the next start on, or only what is defined",
    "pool",
    "name or UUID of the pool",
    "pretty",
    "for people",
    "print-xml",
    "print the XML instead of doing it",
    "plain",
    "as it is, not in base64",
    "raw",
    "numbers as they are",
    "readonly",
    "no changes on this connection",
    "reason",
    "and why",
    "redefine",
    "take the metadata back in",
    "running",
    "let it run",
    "secret",
    "UUID or usage of the secret",
    "security-info",
    "with passwords; not on read-only connections",
    "set",
    "NAME=VALUE",
    "shell",
    "quoted for a shell",
    "size",
    "size in KiB, or with a unit",
    "snapshotname",
    "name of the snapshot",
    "source",
    "where it comes from",
    "sparse",
    "keep holes",
    "split",
    "one line for each part between commas",
    "string",
    "words",
    "table",
    "a table; this is the default",
    "target",
    "name of the device in the guest",
    "timeout",
    "seconds to wait",
    "timestamp",
    "with the time of each event",
    "title",
    "the title, not the description",
    "transient",
    "only what is not defined",
    "tree",
    "as a tree",
    "type",
    "kind of thing",
    "update-cpu",
    "with the CPU the host would give",
    "uri",
    "name of the namespace",
    "doctor.uri",
    "the URI; without it the one the commands would open",
    "uuid",
    "UUID, or print the UUID only",
    "validate",
    "check the XML against its schema",
    "vcpu",
    "number of the virtual processor",
    "verbose",
    "show the progress",
    "vol",
    "name, key or path of the volume",
    "pki.action",
    "init, issue, show or check",
    "pki.name",
    "name of the authority; files to show; server or client to check",
    "pki.server",
    "host names, comma between them: a certificate for a daemon",
    "pki.client",
    "name of a user or host: a certificate for a client",
    "pki.ip",
    "addresses of the server, comma between them",
    "pki.host",
    "name the clients call this server by, for check",
    "pki.dir",
    "folder instead of /etc/pki",
    "pki.flat",
    "all files in that folder itself, as pkipath= wants them",
    "pki.user",
    "the user's own folder, ~/.pki/libvirt; the default but for root",
    "pki.ca",
    "folder of the authority, when it is elsewhere",
    "pki.days",
    "how long it is valid",
    "pki.rsa",
    "an RSA key of 3072 bits instead of ECDSA P-256, for old clients",
    "pki.force",
    "replace what is there",
    "remote.action",
    "add, ls, use, show, test or rm",
    "remote.name",
    "name of the remote, and the URI for add",
    "remote.replace",
    "give a name that is there another URI",
    "remote.none",
    "no default any more",
    "why",
    "which rule chose the URI, and what it means; nothing is opened",
    "wrap",
    "the matches below one root element",
    "xml",
    "file with XML, or escaped for XML",
    "xmlfile",
    "file with XML",
    "xpath",
    "print only what this XPath finds",
    NULL,
};

const char *fl_option_help(const struct fl_command *command, const char *name)
{
    g_autofree char *special = g_strdup_printf("%s.%s", command->name, name);
    const char *found = "";

    for (const char *const *t = help_texts; *t; t += 2) {
        if (strcmp(t[0], special) == 0)
            return t[1];
        if (strcmp(t[0], name) == 0)
            found = t[1];
    }
    return found;
}
