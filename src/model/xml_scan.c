/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a text would become, counted before a tree is made of it: a tree takes some sixty times the bytes of
 * the smallest elements, and the reader compares each attribute of an element with each. Says nothing about
 * what is wrong otherwise; that is the reader's.
 */
#include <string.h>

#include "model/xml.h"

/* Behind the next `end`, which ends in '>', or NULL. Not by strstr(), which sanitizers have measure all that
 * is left each time. */
static const char *behind(const char *at, const char *end)
{
    size_t before = strlen(end) - 1;

    for (const char *last = strchr(at, '>'); last; last = strchr(last + 1, '>'))
        if ((size_t)(last - at) >= before && memcmp(last - before, end, before) == 0)
            return last + 1;
    return NULL;
}

/* From behind the name's first character to behind '>'. NULL: it never comes. */
static const char *scan_tag(const char *at, unsigned int *ret_attrs)
{
    unsigned int attrs = 0;

    for (;;) {
        at += strcspn(at, "\"'=>");
        if (*at == '\0')
            return NULL;
        if (*at == '>')
            break;
        if (*at == '=') {
            attrs++;
            at++;
        } else {
            at = strchr(at + 1, *at);
            if (!at)
                return NULL;
            at++;
        }
    }
    *ret_attrs = MAX(*ret_attrs, attrs);
    return at + 1;
}

void fl_xml_scan(const char *text, struct fl_xml_extent *ret)
{
    const char *at = text;
    bool begun = false; /* the root element: no document type comes behind it */

    *ret = (struct fl_xml_extent){ 0 };
    while (at && (at = strchr(at, '<'))) {
        at++;
        if (g_str_has_prefix(at, "![CDATA[")) {
            at = behind(at, "]]>");
        } else if (g_str_has_prefix(at, "!--")) {
            at = behind(at + 3, "-->");
        } else if (*at == '?') {
            at = behind(at, "?>");
        } else if (*at == '!') { /* where this is no document type, the reader goes no further */
            ret->has_type = !begun && g_str_has_prefix(at, "!DOCTYPE");
            return;
        } else if (*at == '/') {
            at = behind(at, ">");
            continue;
        } else if (*at) {
            begun = true;
            at = scan_tag(at, &ret->attrs);
        }
        ret->nodes++;
    }
}
