/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Writes a tree the way the field's tools expect: two spaces a level, attributes in single quotes. Elements
 * of other namespaces (a user's <metadata>) are written as libxml2 would, because that is what clients get
 * today.
 */
#include <string.h>

#include "model/xml.h"

static void indent(GString *out, unsigned int level)
{
    for (unsigned int i = 0; i < level; i++)
        g_string_append(out, "  ");
}

void fl_xml_escape(GString *out, const char *text)
{
    for (const char *p = text; *p; p++) {
        switch (*p) {
        case '<':
            g_string_append(out, "&lt;");
            break;
        case '>':
            g_string_append(out, "&gt;");
            break;
        case '&':
            g_string_append(out, "&amp;");
            break;
        case '"':
            g_string_append(out, "&quot;");
            break;
        case '\'':
            g_string_append(out, "&apos;");
            break;
        default:
            /* Control characters cannot be written in XML 1.0 at all. */
            if ((unsigned char)*p >= 0x20 || *p == '\n' || *p == '\t' || *p == '\r')
                g_string_append_c(out, *p);
        }
    }
}

/* libxml2's rules: quotes only in attributes, and white space there as character references. */
static void escape_foreign(GString *out, const char *text, bool attr)
{
    for (const char *p = text; *p; p++) {
        switch (*p) {
        case '<':
            g_string_append(out, "&lt;");
            break;
        case '>':
            g_string_append(out, "&gt;");
            break;
        case '&':
            g_string_append(out, "&amp;");
            break;
        case '\r':
            g_string_append(out, "&#13;");
            break;
        case '"':
            g_string_append(out, attr ? "&quot;" : "\"");
            break;
        case '\n':
            g_string_append(out, attr ? "&#10;" : "\n");
            break;
        case '\t':
            g_string_append(out, attr ? "&#9;" : "\t");
            break;
        default:
            g_string_append_c(out, *p);
        }
    }
}

/* `pretty` ends at the first level that has text between its elements. */
static void write_foreign(GString *out, const struct fl_xml_node *node, unsigned int level, bool pretty)
{
    if (node->flags & FL_XML_MARKUP) {
        g_string_append(out, node->text);
        return;
    }
    if (node->flags & FL_XML_RAW) {
        escape_foreign(out, node->text, false);
        return;
    }
    g_string_append_printf(out, "<%s", node->name);
    for (const struct fl_xml_attr *a = node->attrs; a; a = a->next) {
        g_string_append_printf(out, " %s=\"", a->name);
        escape_foreign(out, a->value, true);
        g_string_append_c(out, '"');
    }
    if (!node->first) {
        g_string_append(out, "/>");
        return;
    }
    g_string_append_c(out, '>');
    for (const struct fl_xml_node *kid = node->first; kid; kid = kid->next)
        pretty = pretty && !(kid->flags & FL_XML_RAW);
    for (const struct fl_xml_node *kid = node->first; kid; kid = kid->next) {
        if (pretty) {
            g_string_append_c(out, '\n');
            indent(out, level + 1);
        }
        write_foreign(out, kid, level + 1, pretty);
    }
    if (pretty) {
        g_string_append_c(out, '\n');
        indent(out, level);
    }
    g_string_append_printf(out, "</%s>", node->name);
}

void fl_xml_write(GString *out, const struct fl_xml_node *node, unsigned int level)
{
    if (node->flags & FL_XML_BLANK) {
        g_string_append_c(out, '\n');
        return;
    }
    indent(out, level);
    if (node->flags & FL_XML_FOREIGN) {
        write_foreign(out, node, level, true);
        g_string_append_c(out, '\n');
        return;
    }
    g_string_append_printf(out, "<%s", node->name);
    for (const struct fl_xml_attr *a = node->attrs; a; a = a->next) {
        g_string_append_printf(out, " %s='", a->name);
        fl_xml_escape(out, a->value);
        g_string_append_c(out, '\'');
    }
    if (node->first || (node->flags & FL_XML_OPEN)) {
        g_string_append(out, ">\n");
        for (const struct fl_xml_node *kid = node->first; kid; kid = kid->next)
            fl_xml_write(out, kid, level + 1);
        indent(out, level);
        g_string_append_printf(out, "</%s>\n", node->name);
    } else if ((node->text && *node->text) || (node->flags & FL_XML_EMPTY)) {
        g_string_append_c(out, '>');
        fl_xml_escape(out, fl_xml_text(node));
        g_string_append_printf(out, "</%s>\n", node->name);
    } else {
        g_string_append(out, "/>\n");
    }
}

char *fl_xml_format(const struct fl_xml_node *node)
{
    GString *out = g_string_sized_new(2048);

    fl_xml_write(out, node, 0);
    return g_string_free(out, FALSE);
}
