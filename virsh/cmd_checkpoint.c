/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Checkpoints and backups of domains. */
#include "handlers.h"
#include "moments.h"

#include <stdlib.h>
#include <string.h>

static virDomainCheckpointPtr checkpoint_by_name(struct fl_call *c, const char *name)
{
    virDomainCheckpointPtr chk = name ? virDomainCheckpointLookupByName(c->dom, name, 0) : NULL;

    if (!name)
        fl_wrong(c, "which checkpoint? give its name");
    else if (!chk)
        fl_fail(c, "failed to get checkpoint '%s' of domain '%s'", name, virDomainGetName(c->dom));
    return chk;
}

static void free_checkpoint(virDomainCheckpointPtr *chk)
{
    if (*chk)
        virDomainCheckpointFree(*chk);
}

#define CHECKPOINT __attribute__((cleanup(free_checkpoint))) virDomainCheckpointPtr

static int create(struct fl_call *c, const char *xml, unsigned int flags, const char *from)
{
    CHECKPOINT chk = virDomainCheckpointCreateXML(c->dom, xml, flags);

    if (!chk)
        return fl_fail(c, "failed to create a checkpoint of domain '%s'", virDomainGetName(c->dom));
    if (from)
        fl_extra(c, "Domain checkpoint %s created from '%s'", virDomainCheckpointGetName(chk), from);
    else
        fl_extra(c, "Domain checkpoint %s created", virDomainCheckpointGetName(chk));
    return 0;
}

int fl_cmd_checkpoint_create(struct fl_call *c)
{
    unsigned int flags = fl_flags(c, "redefine", VIR_DOMAIN_CHECKPOINT_CREATE_REDEFINE, "redefine-validate",
                                  VIR_DOMAIN_CHECKPOINT_CREATE_REDEFINE_VALIDATE, "quiesce",
                                  VIR_DOMAIN_CHECKPOINT_CREATE_QUIESCE, NULL);
    g_autofree char *xml = NULL;

    if (fl_needs(c, "redefine-validate", "redefine") < 0)
        return -1;
    if (fl_arg(c, "xmlfile") && fl_arg_file(c, "xmlfile", &xml) < 0)
        return -1;
    return create(c, xml ? xml : "<domaincheckpoint/>", flags, fl_arg(c, "xmlfile"));
}

static int put_disk(struct fl_call *c, GString *s, const char *spec)
{
    g_auto(GStrv) parts = g_strsplit(spec, ",", 0);
    const char *kind = NULL, *bitmap = NULL;

    for (char **p = parts + 1; *parts && *p; p++) {
        if (g_str_has_prefix(*p, "checkpoint="))
            kind = *p + 11;
        else if (g_str_has_prefix(*p, "bitmap="))
            bitmap = *p + 7;
        else
            return fl_wrong(c, "--diskspec: '%s' is not of the form NAME[,checkpoint=TYPE][,bitmap=NAME]",
                            spec);
    }
    fl_xml_put(s, "    <disk name='%s'", *parts);
    fl_xml_put(s, " checkpoint='%s'", kind);
    fl_xml_put(s, " bitmap='%s'", bitmap);
    g_string_append(s, "/>\n");
    return 0;
}

int fl_cmd_checkpoint_create_as(struct fl_call *c)
{
    g_autoptr(GString) s = g_string_new("<domaincheckpoint>\n");

    fl_xml_put(s, "  <name>%s</name>\n", fl_arg(c, "name"));
    fl_xml_put(s, "  <description>%s</description>\n", fl_arg(c, "description"));
    if (fl_moment_put_disks(c, s, put_disk) < 0)
        return -1;
    g_string_append(s, "</domaincheckpoint>\n");
    if (fl_flag(c, "print-xml")) {
        fl_out(c, "%s\n", s->str);
        return 0;
    }
    return create(c, s->str, fl_flags(c, "quiesce", VIR_DOMAIN_CHECKPOINT_CREATE_QUIESCE, NULL), NULL);
}

/* NULL for one without; -1 after fl_fail(): it is not known. */
static int parent_name(struct fl_call *c, virDomainCheckpointPtr chk, char **ret_name)
{
    CHECKPOINT parent = virDomainCheckpointGetParent(chk, 0);

    *ret_name = NULL;
    if (parent)
        *ret_name = g_strdup(virDomainCheckpointGetName(parent));
    else if (virGetLastErrorCode() != VIR_ERR_NO_DOMAIN_CHECKPOINT && virGetLastErrorCode() != VIR_ERR_OK)
        return fl_fail(c, "failed to get the parent of checkpoint '%s'", virDomainCheckpointGetName(chk));
    virResetLastError();
    return 0;
}

static char *get_xml(void *object)
{
    return virDomainCheckpointGetXMLDesc(object, 0);
}

int fl_cmd_checkpoint_list(struct fl_call *c)
{
    unsigned int flags = fl_flags(
        c, "roots", VIR_DOMAIN_CHECKPOINT_LIST_ROOTS, "leaves", VIR_DOMAIN_CHECKPOINT_LIST_LEAVES,
        "no-leaves", VIR_DOMAIN_CHECKPOINT_LIST_NO_LEAVES, "topological",
        VIR_DOMAIN_CHECKPOINT_LIST_TOPOLOGICAL, "descendants", VIR_DOMAIN_CHECKPOINT_LIST_DESCENDANTS, NULL);
    virDomainCheckpointPtr *all = NULL;
    CHECKPOINT from = NULL;
    g_autofree struct fl_moment *rows = NULL;
    int n, status = 0;

    if (fl_exclusive(c, "tree", "name") < 0 || fl_exclusive(c, "parent", "roots") < 0 ||
        fl_exclusive(c, "parent", "tree") < 0 || fl_exclusive(c, "roots", "tree") < 0 ||
        fl_exclusive(c, "roots", "from") < 0 || fl_needs(c, "descendants", "from") < 0)
        return -1;
    if (fl_arg(c, "from")) {
        from = checkpoint_by_name(c, fl_arg(c, "from"));
        if (!from)
            return -1;
        n = virDomainCheckpointListAllChildren(from, &all, flags);
    } else {
        n = virDomainListAllCheckpoints(c->dom, &all,
                                        flags & ~(unsigned int)VIR_DOMAIN_CHECKPOINT_LIST_DESCENDANTS);
    }
    if (n < 0)
        return fl_fail(c, "failed to list the checkpoints of domain '%s'", virDomainGetName(c->dom));
    rows = g_new0(struct fl_moment, n + 1);
    for (int i = 0; i < n; i++) {
        rows[i].object = all[i];
        rows[i].name = virDomainCheckpointGetName(all[i]);
        if (status == 0 && (fl_flag(c, "parent") || fl_flag(c, "tree")))
            status = parent_name(c, all[i], &rows[i].parent);
    }
    if (!fl_flag(c, "topological"))
        fl_moments_sort(rows, n);
    if (status == 0)
        fl_moments_print(c, rows, n, false, get_xml);
    for (int i = 0; i < n; i++) {
        virDomainCheckpointFree(all[i]);
        g_free(rows[i].parent);
    }
    free(all);
    return status;
}

int fl_cmd_checkpoint_info(struct fl_call *c)
{
    CHECKPOINT chk = checkpoint_by_name(c, fl_arg(c, "checkpointname"));
    g_autofree char *parent = NULL;
    virDomainCheckpointPtr *all = NULL;
    int n;

    if (!chk)
        return -1;
    fl_field(c, 16, "Name:", "name", "%s", virDomainCheckpointGetName(chk));
    fl_field(c, 16, "Domain:", "domain", "%s", virDomainGetName(c->dom));
    if (parent_name(c, chk, &parent) < 0)
        return -1;
    fl_field(c, 16, "Parent:", "parent", "%s", parent ? parent : "-");
    for (int deep = 0; deep < 2; deep++) {
        n = virDomainCheckpointListAllChildren(chk, &all, deep ? VIR_DOMAIN_CHECKPOINT_LIST_DESCENDANTS : 0);
        if (n < 0)
            return fl_fail(c, "failed to count what is below checkpoint '%s'",
                           virDomainCheckpointGetName(chk));
        for (int i = 0; i < n; i++)
            virDomainCheckpointFree(all[i]);
        free(all);
        all = NULL;
        if (deep)
            fl_field(c, 16, "Descendants:", "descendants#", "%d", n);
        else
            fl_field(c, 16, "Children:", "children#", "%d", n);
    }
    return 0;
}

int fl_cmd_checkpoint_dumpxml(struct fl_call *c)
{
    unsigned int flags =
        fl_flags(c, "security-info", VIR_DOMAIN_CHECKPOINT_XML_SECURE, "no-domain",
                 VIR_DOMAIN_CHECKPOINT_XML_NO_DOMAIN, "size", VIR_DOMAIN_CHECKPOINT_XML_SIZE, NULL);
    CHECKPOINT chk = checkpoint_by_name(c, fl_arg(c, "checkpointname"));

    return chk ? fl_take_xml(c, virDomainCheckpointGetXMLDesc(chk, flags), "the checkpoint") : -1;
}

int fl_cmd_checkpoint_parent(struct fl_call *c)
{
    CHECKPOINT chk = checkpoint_by_name(c, fl_arg(c, "checkpointname"));
    g_autofree char *parent = NULL;

    if (!chk || parent_name(c, chk, &parent) < 0)
        return -1;
    if (!parent)
        return fl_wrong(c, "checkpoint '%s' has no parent", virDomainCheckpointGetName(chk));
    fl_out(c, "%s", parent);
    return 0;
}

int fl_cmd_checkpoint_delete(struct fl_call *c)
{
    unsigned int flags = fl_flags(c, "children", VIR_DOMAIN_CHECKPOINT_DELETE_CHILDREN, "children-only",
                                  VIR_DOMAIN_CHECKPOINT_DELETE_CHILDREN_ONLY, "metadata",
                                  VIR_DOMAIN_CHECKPOINT_DELETE_METADATA_ONLY, NULL);
    CHECKPOINT chk = checkpoint_by_name(c, fl_arg(c, "checkpointname"));

    if (!chk)
        return -1;
    if (virDomainCheckpointDelete(chk, flags) < 0)
        return fl_fail(c, "failed to delete checkpoint '%s'", virDomainCheckpointGetName(chk));
    fl_extra(c,
             fl_flag(c, "children-only") ? "Domain checkpoint %s children deleted\n"
                                         : "Domain checkpoint %s deleted\n",
             virDomainCheckpointGetName(chk));
    return 0;
}

int fl_cmd_checkpoint_edit(struct fl_call *c)
{
    CHECKPOINT chk = checkpoint_by_name(c, fl_arg(c, "checkpointname"));
    CHECKPOINT edited = NULL;
    g_autofree char *xml = chk ? virDomainCheckpointGetXMLDesc(chk, VIR_DOMAIN_CHECKPOINT_XML_SECURE) : NULL;
    g_autofree char *text = NULL;
    int changed;

    if (!xml)
        return fl_fail(c, "failed to get the XML of the checkpoint");
    changed = fl_edit_text(c, xml, &text);
    if (changed <= 0) {
        if (changed == 0)
            fl_extra(c, "Checkpoint %s XML configuration not changed.\n", virDomainCheckpointGetName(chk));
        return changed;
    }
    edited = virDomainCheckpointCreateXML(c->dom, text, VIR_DOMAIN_CHECKPOINT_CREATE_REDEFINE);
    if (!edited)
        return fl_fail(c, "the edited XML of the checkpoint was refused; it is unchanged");
    fl_extra(c, "Checkpoint %s edited.\n", virDomainCheckpointGetName(edited));
    return 0;
}

int fl_cmd_backup_begin(struct fl_call *c)
{
    unsigned int flags = fl_flags(c, "reuse-external", VIR_DOMAIN_BACKUP_BEGIN_REUSE_EXTERNAL, NULL);
    g_autofree char *backup = NULL, *checkpoint = NULL;

    if (fl_arg(c, "backupxml") && fl_arg_file(c, "backupxml", &backup) < 0)
        return -1;
    if (fl_arg(c, "checkpointxml") && fl_arg_file(c, "checkpointxml", &checkpoint) < 0)
        return -1;
    if (virDomainBackupBegin(c->dom, backup ? backup : "<domainbackup/>", checkpoint, flags) < 0)
        return fl_fail(c, "failed to start the backup of domain '%s'", virDomainGetName(c->dom));
    fl_extra(c, "Backup started\n");
    return 0;
}

int fl_cmd_backup_dumpxml(struct fl_call *c)
{
    return fl_take_xml(c, virDomainBackupGetXMLDesc(c->dom, 0), "the backup");
}
