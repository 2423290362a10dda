/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A domain's XML: printed, edited, translated; description and metadata. */
#include "shell.h"
#include "handlers.h"

#include <stdlib.h>
#include <string.h>

int fl_cmd_dumpxml(struct fl_call *c)
{
    unsigned int flags =
        fl_flags(c, "inactive", VIR_DOMAIN_XML_INACTIVE, "security-info", VIR_DOMAIN_XML_SECURE, "update-cpu",
                 VIR_DOMAIN_XML_UPDATE_CPU, "migratable", VIR_DOMAIN_XML_MIGRATABLE, NULL);
    g_autofree char *xml = virDomainGetXMLDesc(c->dom, flags);

    if (!xml)
        return fl_fail(c, "failed to get the XML of domain '%s'", virDomainGetName(c->dom));
    return fl_out_xml(c, xml);
}

int fl_cmd_edit(struct fl_call *c)
{
    const char *name = virDomainGetName(c->dom);
    g_autofree char *xml = NULL, *edited = NULL;
    g_autoptr(virDomain) dom = NULL;
    unsigned int flags = fl_flag(c, "skip-validate") ? 0 : VIR_DOMAIN_DEFINE_VALIDATE;
    int changed;

    xml = virDomainGetXMLDesc(c->dom, VIR_DOMAIN_XML_SECURE | VIR_DOMAIN_XML_INACTIVE);
    if (!xml)
        return fl_fail(c, "failed to get the XML of domain '%s'", name);
    changed = fl_edit_text(c, xml, &edited);
    if (changed < 0)
        return -1;
    if (changed == 0) {
        fl_extra(c, "Domain '%s' XML configuration not changed.\n", name);
        return 0;
    }
    dom = virDomainDefineXMLFlags(c->conn, edited, flags);
    if (!dom && virGetLastErrorCode() == VIR_ERR_INVALID_ARG)
        dom = virDomainDefineXML(c->conn, edited);
    if (!dom)
        return fl_fail(c, "the edited XML of domain '%s' was refused; the definition is unchanged", name);
    fl_extra(c, "Domain '%s' XML configuration edited.\n", virDomainGetName(dom));
    return 0;
}

int fl_cmd_domxml_from_native(struct fl_call *c)
{
    g_autofree char *native = NULL, *xml = NULL;

    if (fl_arg_file(c, "config", &native) < 0)
        return -1;
    xml = virConnectDomainXMLFromNative(c->conn, fl_arg(c, "format"), native, 0);
    if (!xml)
        return fl_fail(c, "failed to translate '%s'", fl_arg(c, "config"));
    fl_out(c, "%s", xml);
    return 0;
}

int fl_cmd_domxml_to_native(struct fl_call *c)
{
    const char *file = fl_arg(c, "xml"), *name = fl_arg(c, "domain");
    g_autofree char *xml = NULL, *native = NULL;

    if (fl_exclusive(c, "domain", "xml") < 0)
        return -1;
    if (!file && !name)
        return fl_wrong(c, "a domain or --xml with a file is needed");
    if (file && fl_read_file(c, file, &xml) < 0)
        return -1;
    if (name) {
        g_autoptr(virDomain) dom = fl_domain_by(c, name, FL_BY_ANY);

        if (!dom)
            return -1;
        xml = virDomainGetXMLDesc(dom, 0);
        if (!xml)
            return fl_fail(c, "failed to get the XML of domain '%s'", name);
    }
    native = virConnectDomainXMLToNative(c->conn, fl_arg(c, "format"), xml, 0);
    if (!native)
        return fl_fail(c, "failed to translate the XML");
    fl_out(c, "%s", native);
    return 0;
}

static int desc_set(struct fl_call *c, bool title, const char *text, unsigned int flags)
{
    int type = title ? VIR_DOMAIN_METADATA_TITLE : VIR_DOMAIN_METADATA_DESCRIPTION;

    if (virDomainSetMetadata(c->dom, type, text, NULL, NULL, flags) < 0)
        return fl_fail(c,
                       title ? "failed to set a new domain title" : "failed to set a new domain description");
    fl_extra(c, "%s",
             title ? "Domain title updated successfully" : "Domain description updated successfully");
    return 0;
}

static int desc_edit(struct fl_call *c, bool title, const char *text, unsigned int flags)
{
    g_autofree char *edited = NULL;
    int changed = fl_edit_text(c, text, &edited);

    if (changed < 0)
        return -1;
    if (changed == 0) {
        fl_extra(c, "%s", title ? "Domain title not changed\n" : "Domain description not changed\n");
        return 0;
    }
    g_strchomp(edited);
    return desc_set(c, title, edited, flags);
}

int fl_cmd_desc(struct fl_call *c)
{
    bool title = fl_flag(c, "title");
    int type = title ? VIR_DOMAIN_METADATA_TITLE : VIR_DOMAIN_METADATA_DESCRIPTION;
    unsigned int flags = 0;
    g_autofree char *joined = NULL, *text = NULL;

    if (fl_affect(c, &flags) < 0)
        return -1;
    joined = g_strjoinv(" ", fl_argv(c, "new-desc"));
    if (!fl_flag(c, "edit") && fl_flag(c, "new-desc"))
        return desc_set(c, title, joined, flags);
    text = virDomainGetMetadata(c->dom, type, NULL, flags);
    if (!text) {
        if (virGetLastErrorCode() != VIR_ERR_NO_DOMAIN_METADATA)
            return fl_fail(c, "failed to get the %s of domain '%s'", title ? "title" : "description",
                           virDomainGetName(c->dom));
        virResetLastError();
    }
    if (fl_flag(c, "edit"))
        return desc_edit(c, title, *joined ? joined : text ? text : "", flags);
    if (text)
        fl_out(c, "%s", text);
    else
        fl_extra(c, title ? "No title for domain: %s" : "No description for domain: %s",
                 virDomainGetName(c->dom));
    return 0;
}

int fl_cmd_metadata(struct fl_call *c)
{
    const char *uri = fl_arg(c, "uri"), *key = fl_arg(c, "key"), *set = fl_arg(c, "set");
    bool remove = fl_flag(c, "remove");
    unsigned int flags = 0;
    g_autofree char *text = NULL, *edited = NULL;

    if (fl_affect(c, &flags) < 0 || fl_exclusive(c, "edit", "set") < 0 ||
        fl_exclusive(c, "remove", "set") < 0 || fl_exclusive(c, "remove", "edit") < 0)
        return -1;
    if ((set || fl_flag(c, "edit")) && !key)
        return fl_wrong(c, "to change metadata --key is needed: the prefix for '%s'", uri);
    if (!set && !remove) {
        text = virDomainGetMetadata(c->dom, VIR_DOMAIN_METADATA_ELEMENT, uri, flags);
        if (!text && !fl_flag(c, "edit"))
            return fl_fail(c, "failed to get the metadata '%s' of domain '%s'", uri,
                           virDomainGetName(c->dom));
    }
    if (fl_flag(c, "edit")) {
        virResetLastError();
        if (fl_edit_text(c, text ? text : "\n", &edited) <= 0)
            return c->error->len ? -1 : 0;
        set = edited;
    }
    if (!set && !remove) {
        fl_out(c, "%s\n", text);
        return 0;
    }
    if (virDomainSetMetadata(c->dom, VIR_DOMAIN_METADATA_ELEMENT, remove ? NULL : set, key, uri, flags) < 0)
        return fl_fail(c, "failed to change the metadata of domain '%s'", virDomainGetName(c->dom));
    fl_extra(c, remove ? "Metadata removed\n" : "Metadata modified\n");
    return 0;
}
