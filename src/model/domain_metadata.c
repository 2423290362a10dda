/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Title, description and the users' own elements, as the metadata calls see them. */
#define FL_FROM VIR_FROM_DOMAIN

#include <string.h>
#include <libvirt/libvirt.h>

#include "base/error.h"
#include "model/domain_private.h"

/* <metadata> is written like what is in it, so the plain look-up by name passes it over. */
static struct fl_xml_node *metadata_of(const struct fl_domain_def *def)
{
    struct fl_xml_node *it = def->root->first;

    while (it && g_strcmp0(it->name, "metadata") != 0)
        it = it->next;
    return it;
}

static struct fl_xml_node *element_of(const struct fl_domain_def *def, const char *uri)
{
    const struct fl_xml_node *metadata = metadata_of(def);
    struct fl_xml_node *it = metadata ? metadata->first : NULL;

    while (it && g_strcmp0(it->ns, uri) != 0)
        it = it->next;
    return it;
}

/* A new <metadata> after what stands before it in the output. */
static struct fl_xml_node *metadata_add(struct fl_domain_def *def)
{
    struct fl_xml_node *metadata = fl_xml_new("metadata"), *before = def->root->first;

    while (before && before->name && fl_word_in(before->name, "name|uuid|genid|hwuuid|title|description"))
        before = before->next;
    metadata->flags |= FL_XML_FOREIGN;
    fl_xml_insert(def->root, metadata, before);
    return metadata;
}

/* Parses the user's piece as foreign, so that the text between its elements is kept to the letter. */
static int piece_parse(const char *xml, const char *key, const char *uri, struct fl_xml_node **ret_node)
{
    FL_XML_AUTO *check = NULL;
    FL_XML_AUTO *outer = NULL;
    g_autofree char *wrapped = NULL;
    struct fl_xml_node *node;

    /* By itself first: an error then names the line the user knows. */
    if (fl_xml_parse_for(VIR_FROM_DOMAIN, xml, "(metadata_xml)", &check) < 0)
        return -1;
    if (check->ns && strcmp(check->ns, uri) != 0)
        return fl_error(VIR_ERR_INVALID_ARG, "expected an element of namespace %s, found %s", uri, check->ns);
    wrapped =
        g_strdup_printf("<wrap:w xmlns:wrap='wrap'>%s</wrap:w>",
                        g_str_has_prefix(xml, "<?xml") && strstr(xml, "?>") ? strstr(xml, "?>") + 2 : xml);
    if (fl_xml_parse_for(VIR_FROM_DOMAIN, wrapped, "(metadata_xml)", &outer) < 0)
        return -1;
    for (node = outer->first; node && !node->name; node = node->next)
        continue;
    if (!node)
        return fl_error(VIR_ERR_INVALID_ARG, "expected an element as metadata");
    fl_xml_unlink(node);
    fl_metadata_qualify(node, key, uri);
    *ret_node = node;
    return 0;
}

static int set_element(struct fl_domain_def *def, const char *xml, const char *key, const char *uri)
{
    struct fl_xml_node *metadata, *node = NULL, *old;

    if (!uri || !*uri)
        return fl_error(VIR_ERR_INVALID_ARG, "expected the URI of a namespace");
    if (xml && (!key || !*key))
        return fl_error(VIR_ERR_INVALID_ARG, "expected a key, the prefix of the namespace");
    if (xml && piece_parse(xml, key, uri, &node) < 0)
        return -1;
    old = element_of(def, uri);
    fl_xml_free(old);
    metadata = metadata_of(def);
    if (node)
        fl_xml_append(metadata ? metadata : metadata_add(def), node);
    else if (metadata && !metadata->first)
        fl_xml_free(metadata);
    return 0;
}

/* xmlns:KEY='URI' behind the namespaces declared already and before the other attributes. */
static void declare(struct fl_xml_node *node, const char *key, const char *uri)
{
    struct fl_xml_attr **at = &node->attrs, *rest;
    g_autofree char *decl = g_strdup_printf("xmlns:%s", key);

    if (fl_xml_get(node, decl))
        return;
    while (*at && g_str_has_prefix((*at)->name, "xmlns"))
        at = &(*at)->next;
    rest = *at;
    *at = NULL;
    fl_xml_set(node, decl, uri);
    (*at)->next = rest;
}

static void qualify(struct fl_xml_node *node, const char *key, const char *uri)
{
    if (node->name && !node->ns) {
        char *name = g_strdup_printf("%s:%s", key, node->name);

        g_free(node->name);
        node->name = name;
        node->ns = g_strdup(uri);
        node->flags |= FL_XML_FOREIGN;
    }
    for (struct fl_xml_node *kid = node->first; kid; kid = kid->next)
        qualify(kid, key, uri);
}

/* The element and what is below it without a namespace move into the namespace of the prefix `key`. */
void fl_metadata_qualify(struct fl_xml_node *node, const char *key, const char *uri)
{
    if (!node->ns)
        declare(node, key, uri);
    qualify(node, key, uri);
}

/* The other way round, for reading: elements of the namespace lose their prefix, its declaration goes. */
static void unqualify(struct fl_xml_node *node, const char *uri)
{
    const char *colon = node->name ? strchr(node->name, ':') : NULL;

    if (colon && g_strcmp0(node->ns, uri) == 0) {
        g_autofree char *decl = g_strdup_printf("xmlns:%.*s", (int)(colon - node->name), node->name);
        char *name = g_strdup(colon + 1);

        g_free(node->name);
        node->name = name;
        fl_xml_set(node, decl, NULL);
    }
    for (struct fl_xml_node *kid = node->first; kid; kid = kid->next)
        unqualify(kid, uri);
}

static char *element_text(const struct fl_xml_node *element, const char *uri)
{
    FL_XML_AUTO *copy = fl_xml_copy(element);
    GString *out = g_string_new(NULL);

    unqualify(copy, uri);
    fl_xml_write(out, copy, 0);
    g_string_truncate(out, out->len - 1);
    return g_string_free(out, FALSE);
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
        return element_text(element, uri);
    default:
        return fl_error_null(VIR_ERR_INVALID_ARG, "unknown kind of metadata %d", type);
    }
}
