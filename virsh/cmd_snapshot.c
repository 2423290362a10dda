/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Snapshots of domains. */
#include "handlers.h"
#include "moments.h"

#include <stdlib.h>
#include <string.h>

static virDomainSnapshotPtr snapshot_by_name(struct fl_call *c, const char *name)
{
    virDomainSnapshotPtr snap = virDomainSnapshotLookupByName(c->dom, name, 0);

    if (!snap)
        fl_fail(c, "failed to get snapshot '%s' of domain '%s'", name, virDomainGetName(c->dom));
    return snap;
}

/* --snapshotname or --current */
static virDomainSnapshotPtr snapshot_arg(struct fl_call *c)
{
    const char *name = fl_arg(c, "snapshotname");
    virDomainSnapshotPtr snap;

    if (fl_exclusive(c, "current", "snapshotname") < 0)
        return NULL;
    if (name)
        return snapshot_by_name(c, name);
    if (!fl_flag(c, "current")) {
        fl_wrong(c, "which snapshot? give its name or --current");
        return NULL;
    }
    snap = virDomainSnapshotCurrent(c->dom, 0);
    if (!snap)
        fl_fail(c, "failed to get the current snapshot of domain '%s'", virDomainGetName(c->dom));
    return snap;
}

static int create(struct fl_call *c, const char *xml, unsigned int flags, const char *from)
{
    g_autoptr(virDomainSnapshot) snap = virDomainSnapshotCreateXML(c->dom, xml, flags);

    if (!snap)
        return fl_fail(c, "failed to take a snapshot of domain '%s'", virDomainGetName(c->dom));
    if (from)
        fl_extra(c, "Domain snapshot %s created from '%s'", virDomainSnapshotGetName(snap), from);
    else
        fl_extra(c, "Domain snapshot %s created", virDomainSnapshotGetName(snap));
    return 0;
}

static unsigned int create_flags(struct fl_call *c)
{
    return fl_flags(c, "redefine", VIR_DOMAIN_SNAPSHOT_CREATE_REDEFINE, "no-metadata",
                    VIR_DOMAIN_SNAPSHOT_CREATE_NO_METADATA, "halt", VIR_DOMAIN_SNAPSHOT_CREATE_HALT,
                    "disk-only", VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY, "reuse-external",
                    VIR_DOMAIN_SNAPSHOT_CREATE_REUSE_EXT, "quiesce", VIR_DOMAIN_SNAPSHOT_CREATE_QUIESCE,
                    "atomic", VIR_DOMAIN_SNAPSHOT_CREATE_ATOMIC, "live", VIR_DOMAIN_SNAPSHOT_CREATE_LIVE,
                    "validate", VIR_DOMAIN_SNAPSHOT_CREATE_VALIDATE, NULL);
}

int fl_cmd_snapshot_create(struct fl_call *c)
{
    const char *from = fl_arg(c, "xmlfile");
    unsigned int flags = create_flags(c);
    g_autofree char *xml = NULL;

    if (fl_needs(c, "current", "redefine") < 0)
        return -1;
    flags |= fl_flags(c, "current", VIR_DOMAIN_SNAPSHOT_CREATE_CURRENT, NULL);
    if (from && fl_arg_file(c, "xmlfile", &xml) < 0)
        return -1;
    return create(c, xml ? xml : "<domainsnapshot/>", flags, from);
}

/* "file=PATH,snapshot=TYPE"; two commas stand for one in a value */
static char **split_spec(const char *text)
{
    GPtrArray *parts = g_ptr_array_new();
    GString *part = g_string_new("");

    for (;; text++) {
        if (text[0] == ',' && text[1] == ',') {
            g_string_append_c(part, *text++);
        } else if (*text == ',' || !*text) {
            g_ptr_array_add(parts, g_string_free(part, FALSE));
            if (!*text)
                break;
            part = g_string_new("");
        } else {
            g_string_append_c(part, *text);
        }
    }
    g_ptr_array_add(parts, NULL);
    return (char **)g_ptr_array_free(parts, FALSE);
}

static int put_memory(struct fl_call *c, GString *s, const char *spec)
{
    g_auto(GStrv) parts = split_spec(spec);
    const char *file = NULL, *kind = NULL;

    for (char **p = parts; *p; p++) {
        if (g_str_has_prefix(*p, "snapshot="))
            kind = *p + 9;
        else if (g_str_has_prefix(*p, "file="))
            file = *p + 5;
        else if (p == parts)
            file = *p;
        else
            return fl_wrong(c, "--memspec: '%s' is not of the form [file=]PATH[,snapshot=TYPE]", spec);
    }
    g_string_append(s, "  <memory");
    fl_xml_put(s, " snapshot='%s'", kind);
    fl_xml_put(s, " file='%s'", file);
    g_string_append(s, "/>\n");
    return 0;
}

static int put_disk(struct fl_call *c, GString *s, const char *spec)
{
    g_auto(GStrv) parts = split_spec(spec);
    const char *file = NULL, *kind = NULL, *driver = NULL, *stype = NULL;

    for (char **p = parts + 1; *parts && *p; p++) {
        if (g_str_has_prefix(*p, "snapshot="))
            kind = *p + 9;
        else if (g_str_has_prefix(*p, "file="))
            file = *p + 5;
        else if (g_str_has_prefix(*p, "driver="))
            driver = *p + 7;
        else if (g_str_has_prefix(*p, "stype="))
            stype = *p + 6;
        else
            return fl_wrong(c,
                            "--diskspec: '%s' is not of the form "
                            "NAME[,snapshot=TYPE][,driver=TYPE][,stype=TYPE][,file=PATH]",
                            spec);
    }
    fl_xml_put(s, "    <disk name='%s'", *parts);
    fl_xml_put(s, " snapshot='%s'", kind);
    fl_xml_put(s, " type='%s'", stype);
    if (!driver && !file) {
        g_string_append(s, "/>\n");
        return 0;
    }
    g_string_append(s, ">\n");
    fl_xml_put(s, "      <driver type='%s'/>\n", driver);
    if (stype && strcmp(stype, "block") == 0)
        fl_xml_put(s, "      <source dev='%s'/>\n", file);
    else
        fl_xml_put(s, "      <source file='%s'/>\n", file);
    g_string_append(s, "    </disk>\n");
    return 0;
}

int fl_cmd_snapshot_create_as(struct fl_call *c)
{
    g_autoptr(GString) s = g_string_new("<domainsnapshot>\n");

    fl_xml_put(s, "  <name>%s</name>\n", fl_arg(c, "name"));
    fl_xml_put(s, "  <description>%s</description>\n", fl_arg(c, "description"));
    if (fl_arg(c, "memspec") && put_memory(c, s, fl_arg(c, "memspec")) < 0)
        return -1;
    if (fl_moment_put_disks(c, s, put_disk) < 0)
        return -1;
    g_string_append(s, "</domainsnapshot>\n");
    if (fl_flag(c, "print-xml")) {
        fl_out(c, "%s\n", s->str);
        return 0;
    }
    return create(c, s->str, create_flags(c), NULL);
}

static int make_current(struct fl_call *c, const char *name)
{
    g_autoptr(virDomainSnapshot) snap = snapshot_by_name(c, name);
    g_autofree char *xml = NULL;
    g_autoptr(virDomainSnapshot) again = NULL;

    xml = snap ? virDomainSnapshotGetXMLDesc(snap, VIR_DOMAIN_SNAPSHOT_XML_SECURE) : NULL;
    if (!xml)
        return fl_fail(c, "failed to get the XML of snapshot '%s'", name);
    again = virDomainSnapshotCreateXML(
        c->dom, xml, VIR_DOMAIN_SNAPSHOT_CREATE_REDEFINE | VIR_DOMAIN_SNAPSHOT_CREATE_CURRENT);
    if (!again)
        return fl_fail(c, "failed to make snapshot '%s' the current one", name);
    fl_extra(c, "Snapshot %s set as current", name);
    return 0;
}

int fl_cmd_snapshot_current(struct fl_call *c)
{
    unsigned int flags = fl_flags(c, "security-info", VIR_DOMAIN_SNAPSHOT_XML_SECURE, NULL);
    g_autoptr(virDomainSnapshot) snap = NULL;
    g_autofree char *xml = NULL;
    int has;

    if (fl_exclusive(c, "name", "snapshotname") < 0)
        return -1;
    if (fl_arg(c, "snapshotname"))
        return make_current(c, fl_arg(c, "snapshotname"));
    has = virDomainHasCurrentSnapshot(c->dom, 0);
    if (has < 0)
        return fl_fail(c, "failed to look for the current snapshot of domain '%s'", virDomainGetName(c->dom));
    if (!has)
        return fl_wrong(c, "domain '%s' has no current snapshot", virDomainGetName(c->dom));
    snap = virDomainSnapshotCurrent(c->dom, 0);
    if (!snap)
        return fl_fail(c, "failed to get the current snapshot of domain '%s'", virDomainGetName(c->dom));
    if (fl_flag(c, "name")) {
        if (fl_json(c))
            fl_json_set(fl_document(c), "name", fl_json_string(virDomainSnapshotGetName(snap)));
        fl_out(c, "%s", virDomainSnapshotGetName(snap));
        return 0;
    }
    xml = virDomainSnapshotGetXMLDesc(snap, flags);
    if (!xml)
        return fl_fail(c, "failed to get the XML of the current snapshot");
    if (fl_json(c))
        fl_json_set(fl_document(c), "xml", fl_json_string(xml));
    fl_out(c, "%s", xml);
    return 0;
}

/* NULL for one without; -1 after fl_fail(): it is not known. */
static int parent_name(struct fl_call *c, virDomainSnapshotPtr snap, char **ret_name)
{
    g_autoptr(virDomainSnapshot) parent = virDomainSnapshotGetParent(snap, 0);

    *ret_name = NULL;
    if (parent)
        *ret_name = g_strdup(virDomainSnapshotGetName(parent));
    else if (virGetLastErrorCode() != VIR_ERR_NO_DOMAIN_SNAPSHOT && virGetLastErrorCode() != VIR_ERR_OK)
        return fl_fail(c, "failed to get the parent of snapshot '%s'", virDomainSnapshotGetName(snap));
    virResetLastError();
    return 0;
}

static int info_counts(struct fl_call *c, virDomainSnapshotPtr snap)
{
    int children = virDomainSnapshotNumChildren(snap, 0), below, metadata;

    if (children >= 0)
        fl_field(c, 16, "Children:", "children#", "%d", children);
    below = children < 0 ? -1 : virDomainSnapshotNumChildren(snap, VIR_DOMAIN_SNAPSHOT_LIST_DESCENDANTS);
    if (below >= 0)
        fl_field(c, 16, "Descendants:", "descendants#", "%d", below);
    else if (virGetLastErrorCode() != VIR_ERR_NO_SUPPORT)
        return fl_fail(c, "failed to count what is below snapshot '%s'", virDomainSnapshotGetName(snap));
    metadata = virDomainSnapshotHasMetadata(snap, 0);
    if (metadata >= 0)
        fl_field(c, 16, "Metadata:", "metadata?", "%s", metadata ? "yes" : "no");
    else if (virGetLastErrorCode() != VIR_ERR_NO_SUPPORT)
        return fl_fail(c, "failed to see whether snapshot '%s' has metadata", virDomainSnapshotGetName(snap));
    virResetLastError();
    return 0;
}

int fl_cmd_snapshot_info(struct fl_call *c)
{
    g_autoptr(virDomainSnapshot) snap = snapshot_arg(c);
    g_autofree char *xml = NULL, *parent = NULL;
    struct fl_xml *root;
    const char *state, *memory;
    int current;
    bool external = false;

    if (!snap)
        return -1;
    xml = virDomainSnapshotGetXMLDesc(snap, 0);
    root = xml ? fl_xml_parse(xml) : NULL;
    if (!root)
        return fl_fail(c, "failed to get the XML of the snapshot");
    fl_field(c, 16, "Name:", "name", "%s", virDomainSnapshotGetName(snap));
    fl_field(c, 16, "Domain:", "domain", "%s", virDomainGetName(c->dom));
    current = virDomainSnapshotIsCurrent(snap, 0);
    if (current < 0 && virGetLastErrorCode() != VIR_ERR_NO_SUPPORT)
        fl_tell_failed(c, "failed to see whether the snapshot is the current one");
    if (current >= 0)
        fl_field(c, 16, "Current:", "current?", "%s", current > 0 ? "yes" : "no");
    state = fl_xml_value(root, "state");
    memory = fl_xml_value(root, "memory@snapshot");
    fl_field(c, 16, "State:", "state", "%s", state ? state : "");
    external = (state && strcmp(state, "disk-snapshot") == 0) || (memory && strcmp(memory, "external") == 0);
    if (!external && fl_xml_get(root, "disks") && strstr(xml, "snapshot='external'"))
        external = true;
    fl_field(c, 16, "Location:", "location", "%s", external ? "external" : "internal");
    fl_xml_free(root);
    if (parent_name(c, snap, &parent) < 0)
        return -1;
    fl_field(c, 16, "Parent:", "parent", "%s", parent ? parent : "-");
    return info_counts(c, snap);
}

static char *get_xml(void *object)
{
    return virDomainSnapshotGetXMLDesc(object, 0);
}

static int list_checks(struct fl_call *c)
{
    static const char *const pairs[][2] = {
        { "tree", "name" },  { "parent", "roots" }, { "parent", "tree" },
        { "roots", "tree" }, { "roots", "from" },   { "roots", "current" }
    };

    for (size_t i = 0; i < G_N_ELEMENTS(pairs); i++)
        if (fl_exclusive(c, pairs[i][0], pairs[i][1]) < 0)
            return -1;
    if (fl_flag(c, "descendants") && !fl_flag(c, "from") && !fl_flag(c, "current"))
        return fl_wrong(c, "option --descendants needs --from or --current");
    return 0;
}

int fl_cmd_snapshot_list(struct fl_call *c)
{
    unsigned int flags = fl_flags(
        c, "roots", VIR_DOMAIN_SNAPSHOT_LIST_ROOTS, "leaves", VIR_DOMAIN_SNAPSHOT_LIST_LEAVES, "no-leaves",
        VIR_DOMAIN_SNAPSHOT_LIST_NO_LEAVES, "metadata", VIR_DOMAIN_SNAPSHOT_LIST_METADATA, "no-metadata",
        VIR_DOMAIN_SNAPSHOT_LIST_NO_METADATA, "inactive", VIR_DOMAIN_SNAPSHOT_LIST_INACTIVE, "active",
        VIR_DOMAIN_SNAPSHOT_LIST_ACTIVE, "disk-only", VIR_DOMAIN_SNAPSHOT_LIST_DISK_ONLY, "internal",
        VIR_DOMAIN_SNAPSHOT_LIST_INTERNAL, "external", VIR_DOMAIN_SNAPSHOT_LIST_EXTERNAL, "topological",
        VIR_DOMAIN_SNAPSHOT_LIST_TOPOLOGICAL, NULL);
    g_autoptr(virDomainSnapshot) from = NULL;
    virDomainSnapshotPtr *all = NULL;
    g_autofree struct fl_moment *rows = NULL;
    int n, status = 0;

    if (list_checks(c) < 0)
        return -1;
    if (fl_flag(c, "from") || fl_flag(c, "current")) {
        from =
            fl_arg(c, "from") ? snapshot_by_name(c, fl_arg(c, "from")) : virDomainSnapshotCurrent(c->dom, 0);
        if (!from)
            return fl_fail(c, "failed to get the current snapshot of domain '%s'", virDomainGetName(c->dom));
        if (fl_flag(c, "descendants") || fl_flag(c, "tree"))
            flags |= VIR_DOMAIN_SNAPSHOT_LIST_DESCENDANTS;
        n = virDomainSnapshotListAllChildren(from, &all, flags);
    } else {
        n = virDomainListAllSnapshots(c->dom, &all, flags);
    }
    if (n < 0)
        return fl_fail(c, "failed to list the snapshots of domain '%s'", virDomainGetName(c->dom));
    rows = g_new0(struct fl_moment, n + 1);
    for (int i = 0; i < n; i++) {
        rows[i].object = all[i];
        rows[i].name = virDomainSnapshotGetName(all[i]);
        if (status == 0 && (fl_flag(c, "parent") || fl_flag(c, "tree")))
            status = parent_name(c, all[i], &rows[i].parent);
    }
    if (!fl_flag(c, "topological"))
        fl_moments_sort(rows, n);
    if (status == 0 && from && fl_flag(c, "tree")) {
        rows[n].object = from; /* the tree starts at it */
        rows[n].name = virDomainSnapshotGetName(from);
        fl_moments_print(c, rows, n + 1, true, get_xml);
    } else if (status == 0) {
        fl_moments_print(c, rows, n, true, get_xml);
    }
    for (int i = 0; i < n; i++) {
        virDomainSnapshotFree(all[i]);
        g_free(rows[i].parent);
    }
    free(all);
    return status;
}

int fl_cmd_snapshot_dumpxml(struct fl_call *c)
{
    unsigned int flags = fl_flags(c, "security-info", VIR_DOMAIN_SNAPSHOT_XML_SECURE, NULL);
    g_autoptr(virDomainSnapshot) snap = snapshot_by_name(c, fl_arg(c, "snapshotname"));

    return snap ? fl_take_xml(c, virDomainSnapshotGetXMLDesc(snap, flags), "the snapshot") : -1;
}

int fl_cmd_snapshot_parent(struct fl_call *c)
{
    g_autoptr(virDomainSnapshot) snap = snapshot_arg(c);
    g_autofree char *parent = NULL;

    if (!snap || parent_name(c, snap, &parent) < 0)
        return -1;
    if (!parent)
        return fl_wrong(c, "snapshot '%s' has no parent", virDomainSnapshotGetName(snap));
    fl_out(c, "%s", parent);
    return 0;
}

int fl_cmd_snapshot_revert(struct fl_call *c)
{
    unsigned int flags =
        fl_flags(c, "running", VIR_DOMAIN_SNAPSHOT_REVERT_RUNNING, "paused",
                 VIR_DOMAIN_SNAPSHOT_REVERT_PAUSED, "force", VIR_DOMAIN_SNAPSHOT_REVERT_FORCE, "reset-nvram",
                 VIR_DOMAIN_SNAPSHOT_REVERT_RESET_NVRAM, NULL);
    g_autoptr(virDomainSnapshot) snap = snapshot_arg(c);

    if (!snap)
        return -1;
    if (virDomainRevertToSnapshot(snap, flags) < 0)
        return fl_fail(c, "failed to revert to snapshot '%s'", virDomainSnapshotGetName(snap));
    fl_extra(c, "Domain snapshot %s reverted\n", virDomainSnapshotGetName(snap));
    return 0;
}

int fl_cmd_snapshot_delete(struct fl_call *c)
{
    unsigned int flags = fl_flags(c, "children", VIR_DOMAIN_SNAPSHOT_DELETE_CHILDREN, "children-only",
                                  VIR_DOMAIN_SNAPSHOT_DELETE_CHILDREN_ONLY, "metadata",
                                  VIR_DOMAIN_SNAPSHOT_DELETE_METADATA_ONLY, NULL);
    g_autoptr(virDomainSnapshot) snap = snapshot_arg(c);

    if (!snap)
        return -1;
    if (virDomainSnapshotDelete(snap, flags) < 0)
        return fl_fail(c, "failed to delete snapshot '%s'", virDomainSnapshotGetName(snap));
    fl_extra(c,
             fl_flag(c, "children-only") ? "Domain snapshot %s children deleted\n"
                                         : "Domain snapshot %s deleted\n",
             virDomainSnapshotGetName(snap));
    return 0;
}

int fl_cmd_snapshot_edit(struct fl_call *c)
{
    g_autoptr(virDomainSnapshot) snap = NULL, edited = NULL;
    g_autofree char *xml = NULL, *text = NULL;
    unsigned int flags = VIR_DOMAIN_SNAPSHOT_CREATE_REDEFINE;
    const char *name;
    int changed;

    if (fl_exclusive(c, "rename", "clone") < 0)
        return -1;
    snap = fl_arg(c, "snapshotname") ? snapshot_by_name(c, fl_arg(c, "snapshotname"))
                                     : virDomainSnapshotCurrent(c->dom, 0);
    if (!snap)
        return fl_fail(c, "failed to get the current snapshot of domain '%s'", virDomainGetName(c->dom));
    if (fl_flag(c, "current") || !fl_arg(c, "snapshotname"))
        flags |= VIR_DOMAIN_SNAPSHOT_CREATE_CURRENT;
    name = virDomainSnapshotGetName(snap);
    xml = virDomainSnapshotGetXMLDesc(snap, VIR_DOMAIN_SNAPSHOT_XML_SECURE);
    changed = xml ? fl_edit_text(c, xml, &text) : fl_fail(c, "failed to get the XML of snapshot '%s'", name);
    if (changed < 0)
        return -1;
    if (changed == 0 && !fl_flag(c, "current")) {
        fl_extra(c, "Snapshot %s XML configuration not changed.\n", name);
        return 0;
    }
    edited = virDomainSnapshotCreateXML(c->dom, text ? text : xml, flags);
    if (!edited)
        return fl_fail(c, "the edited XML of snapshot '%s' was refused; it is unchanged", name);
    if (strcmp(virDomainSnapshotGetName(edited), name) == 0) {
        fl_extra(c, "Snapshot %s edited.\n", name);
    } else if (fl_flag(c, "clone")) {
        fl_extra(c, "Snapshot %s cloned to %s.\n", name, virDomainSnapshotGetName(edited));
    } else {
        bool rename = fl_flag(c, "rename");

        if (virDomainSnapshotDelete(rename ? snap : edited, VIR_DOMAIN_SNAPSHOT_DELETE_METADATA_ONLY) < 0)
            return fl_fail(c, "failed to clean up %s", rename ? name : virDomainSnapshotGetName(edited));
        if (!rename)
            return fl_wrong(c, "to change the name of snapshot '%s' give --rename or --clone", name);
        fl_extra(c, "Snapshot %s renamed to %s.\n", name, virDomainSnapshotGetName(edited));
    }
    return 0;
}
