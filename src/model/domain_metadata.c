/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Title, description and the users' own elements, as the metadata calls see them. */
#define FL_FROM VIR_FROM_DOMAIN

#include <libvirt/libvirt.h>

#include "base/error.h"
#include "model/domain_private.h"

static struct fl_xml_node *element_of(const struct fl_domain_def *def, const char *uri)
{
    const struct fl_xml_node *metadata = fl_xml_child(def->root, "metadata");
    struct fl_xml_node *it = metadata ? metadata->first : NULL;

    while (it && g_strcmp0(it->ns, uri) != 0)
        it = it->next;
    return it;
}

static int set_element(struct fl_domain_def *def, const char *xml, const char *key, const char *uri)
{
    struct fl_xml_node *metadata = fl_xml_child(def->root, "metadata"), *old = NULL;
    FL_XML_AUTO *node = NULL;
    g_autofree char *wrapped = NULL, *decl = NULL;

    if (!uri || !*uri)
        return fl_error(VIR_ERR_INVALID_ARG, "expected the URI of a namespace");
    if (xml) {
        if (!key || !*key)
            return fl_error(VIR_ERR_INVALID_ARG, "expected a key, the prefix of the namespace");
        if (fl_xml_parse(xml, "(metadata_xml)", &node) < 0)
            return -1;
        if (node->flags & FL_XML_FOREIGN && g_strcmp0(node->ns, uri) != 0)
            return fl_error(VIR_ERR_INVALID_ARG, "expected an element of namespace %s, found %s", uri,
                            node->ns);
    }
    old = element_of(def, uri);
    fl_xml_free(old);
    if (!node)
        return 0;
    fl_metadata_qualify(node, key, uri);
    if (!metadata) {
        metadata = fl_xml_add(def->root, "metadata");
        metadata->flags |= FL_XML_FOREIGN;
    }
    fl_xml_append(metadata, g_steal_pointer(&node));
    return 0;
}

/* The text as an element of the namespace: names get the prefix, text between elements becomes nodes. */
void fl_metadata_qualify(struct fl_xml_node *node, const char *key, const char *uri)
{
    struct fl_xml_attr *attrs;
    g_autofree char *name = NULL, *decl = NULL;

    if (node->flags & FL_XML_FOREIGN)
        return;
    name = g_strdup_printf("%s:%s", key, node->name);
    decl = g_strdup_printf("xmlns:%s", key);
    g_free(node->name);
    node->name = g_steal_pointer(&name);
    g_free(node->ns);
    node->ns = g_strdup(uri);
    attrs = node->attrs;
    node->attrs = NULL;
    fl_xml_set(node, decl, uri);
    node->attrs->next = attrs;
    node->flags |= FL_XML_FOREIGN;
}

int fl_domain_set_metadata(struct fl_domain_def *def, int type, const char *text, const char *key,
                           const char *uri)
{
    switch (type) {
    case VIR_DOMAIN_METADATA_TITLE:
        if (text && strchr(text, '\n'))
            return fl_error(VIR_ERR_INVALID_ARG, "a title has no newline");
        g_free(def->title);
        def->title = text && *text ? g_strdup(text) : NULL;
        return 0;
    case VIR_DOMAIN_METADATA_DESCRIPTION:
        g_free(def->description);
        def->description = text && *text ? g_strdup(text) : NULL;
        return 0;
    case VIR_DOMAIN_METADATA_ELEMENT:
        return set_element(def, text, key, uri);
    default:
        return fl_error(VIR_ERR_INVALID_ARG, "unknown kind of metadata %d", type);
    }
}

char *fl_domain_get_metadata(const struct fl_domain_def *def, int type, const char *uri)
{
    const struct fl_xml_node *element;
    GString *out;

    switch (type) {
    case VIR_DOMAIN_METADATA_TITLE:
        if (def->title)
            return g_strdup(def->title);
        return fl_error_null(VIR_ERR_NO_DOMAIN_METADATA, "the domain has no title");
    case VIR_DOMAIN_METADATA_DESCRIPTION:
        if (def->description)
            return g_strdup(def->description);
        return fl_error_null(VIR_ERR_NO_DOMAIN_METADATA, "the domain has no description");
    case VIR_DOMAIN_METADATA_ELEMENT:
        element = uri ? element_of(def, uri) : NULL;
        if (!element)
            return fl_error_null(VIR_ERR_NO_DOMAIN_METADATA, "the domain has no metadata of namespace '%s'",
                                 uri ? uri : "");
        out = g_string_new(NULL);
        fl_xml_write(out, element, 0);
        g_string_truncate(out, out->len - 1);
        return g_string_free(out, FALSE);
    default:
        return fl_error_null(VIR_ERR_INVALID_ARG, "unknown kind of metadata %d", type);
    }
}
