/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Text to tree. The one file that knows libxml2, so that it can be loaded when the first document comes.
 * Input is not trusted: no network, no document type, no entities but the five of XML, bounded size and
 * depth.
 */

#include <dlfcn.h>
#include <pthread.h>
#include <string.h>

#include <libxml/parser.h>
#include <libxml/tree.h>

#include "base/error.h"
#include "base/util.h"
#include "model/xml.h"

/* What is used of libxml2. The library and the 30 MB behind it are loaded with the first document, because
 * most programs never see one. */
#define LIBRARY "libxml2.so.2"
#define CALLS(X)                                                                                             \
    X(xmlInitParser)                                                                                         \
    X(xmlNewParserCtxt)                                                                                      \
    X(xmlCtxtReadMemory)                                                                                     \
    X(xmlCtxtGetLastError)                                                                                   \
    X(xmlFreeParserCtxt)                                                                                     \
    X(xmlFreeDoc)                                                                                            \
    X(xmlDocGetRootElement)                                                                                  \
    X(xmlGetLineNo)                                                                                          \
    X(xmlNodeListGetString)
#define DECLARE(call) __typeof__(call) *call;

static struct {
    CALLS(DECLARE)
    xmlFreeFunc *xmlFree; /* a variable that holds a function */
    bool loaded;
} lib;

#define RESOLVE(call)                                                                                        \
    lib.call = (__typeof__(lib.call))dlsym(handle, #call);                                                   \
    all = all && lib.call;

static void load(void)
{
    void *handle = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
    bool all = handle;

    if (!handle)
        return;
    CALLS(RESOLVE)
    RESOLVE(xmlFree)
    if (all)
        lib.xmlInitParser();
    lib.loaded = all;
}

/* Once, whoever comes first; it stays loaded. */
static int load_library(int domain, const char *name)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, load);
    if (lib.loaded)
        return 0;
    return fl_error_set(domain, VIR_ERR_INTERNAL_ERROR,
                        "%s: XML needs the library %s, which cannot be loaded; install libxml2", name,
                        LIBRARY);
}

struct convert {
    int domain;
    const char *name;
    unsigned int nodes, max_nodes;
};

/* "prefix:name" as it was written. */
static char *qualified(const xmlNs *ns, const xmlChar *name)
{
    if (ns && ns->prefix)
        return g_strdup_printf("%s:%s", (const char *)ns->prefix, (const char *)name);
    return g_strdup((const char *)name);
}

static void convert_attrs(const xmlNode *in, struct fl_xml_node *out)
{
    for (const xmlNs *ns = in->nsDef; ns; ns = ns->next) {
        g_autofree char *attr =
            ns->prefix ? g_strdup_printf("xmlns:%s", (const char *)ns->prefix) : g_strdup("xmlns");

        fl_xml_set(out, attr, ns->href ? (const char *)ns->href : "");
    }
    for (const xmlAttr *a = in->properties; a; a = a->next) {
        g_autofree char *attr = qualified(a->ns, a->name);
        xmlChar *value = lib.xmlNodeListGetString(in->doc, a->children, 1);

        fl_xml_set(out, attr, value ? (const char *)value : "");
        (*lib.xmlFree)(value);
    }
}

/* Text, or a piece of markup with its brackets put back. */
static struct fl_xml_node *leaf(unsigned int flag, const char *open, const xmlNode *in, const char *close)
{
    struct fl_xml_node *node = fl_xml_new(NULL);

    node->flags = flag;
    node->line = (int)lib.xmlGetLineNo((xmlNodePtr)in);
    node->text = g_strconcat(open, in->content ? (const char *)in->content : "", close, NULL);
    return node;
}

static int convert_node(struct convert *cv, const xmlNode *in, bool foreign, unsigned int depth,
                        struct fl_xml_node **ret)
{
    FL_XML_AUTO *out = NULL;
    GString *text = NULL;

    if (depth > FL_XML_MAX_DEPTH || ++cv->nodes > cv->max_nodes)
        return fl_error_set(cv->domain, VIR_ERR_XML_ERROR,
                            "%s:%ld: expected at most %d levels and %u elements", cv->name,
                            lib.xmlGetLineNo((xmlNodePtr)in), FL_XML_MAX_DEPTH, cv->max_nodes);
    out = fl_xml_new(NULL);
    out->name = qualified(in->ns, in->name);
    out->ns = in->ns ? g_strdup((const char *)in->ns->href) : NULL;
    out->line = (int)lib.xmlGetLineNo((xmlNodePtr)in);
    foreign = foreign || in->ns;
    if (foreign)
        out->flags |= FL_XML_FOREIGN;
    convert_attrs(in, out);
    for (const xmlNode *kid = in->children; kid; kid = kid->next) {
        struct fl_xml_node *node = NULL;

        switch (kid->type) {
        case XML_ELEMENT_NODE:
            if (convert_node(cv, kid, foreign, depth + 1, &node) < 0) {
                if (text)
                    g_string_free(text, TRUE);
                return -1;
            }
            break;
        case XML_TEXT_NODE:
        case XML_CDATA_SECTION_NODE:
            if (!text)
                text = g_string_new(NULL);
            g_string_append(text, kid->content ? (const char *)kid->content : "");
            if (foreign)
                node = kid->type == XML_TEXT_NODE ? leaf(FL_XML_RAW, "", kid, "")
                                                  : leaf(FL_XML_MARKUP, "<![CDATA[", kid, "]]>");
            break;
        case XML_COMMENT_NODE:
            if (foreign)
                node = leaf(FL_XML_MARKUP, "<!--", kid, "-->");
            break;
        default:
            break;
        }
        if (node)
            fl_xml_append(out, node);
    }
    if (text)
        out->text = g_string_free(text, FALSE);
    *ret = g_steal_pointer(&out);
    return 0;
}

/* The parser's own words, on one line. */
static int parse_failed(xmlParserCtxtPtr ctxt, int domain, const char *name)
{
    const xmlError *err = lib.xmlCtxtGetLastError(ctxt);
    g_autofree char *words = g_strdup(err && err->message ? err->message : "a well-formed XML document");

    g_strdelimit(words, "\n", ' ');
    g_strchomp(words);
    return fl_error_set(domain, VIR_ERR_XML_DETAIL, "%s:%d: expected well-formed XML: %s", name,
                        err ? err->line : 0, words);
}

/* Before memory and time are spent on it. */
static int check_extent(const struct convert *cv, const char *text, size_t len)
{
    struct fl_xml_extent extent;

    if (len > FL_XML_MAX_BYTES)
        return fl_error_set(cv->domain, VIR_ERR_XML_ERROR,
                            "%s: expected a document of at most %d bytes, got %zu", cv->name,
                            FL_XML_MAX_BYTES, len);
    fl_xml_scan(text, &extent);
    if (extent.nodes > cv->max_nodes)
        return fl_error_set(cv->domain, VIR_ERR_XML_ERROR, "%s: expected at most %u elements, got %u",
                            cv->name, cv->max_nodes, extent.nodes);
    if (extent.attrs > FL_XML_MAX_ATTRS)
        return fl_error_set(cv->domain, VIR_ERR_XML_ERROR,
                            "%s: expected at most %d attributes in an element, got %u", cv->name,
                            FL_XML_MAX_ATTRS, extent.attrs);
    if (extent.has_type)
        return fl_error_set(cv->domain, VIR_ERR_XML_ERROR, "%s:1: expected no document type declaration",
                            cv->name);
    return 0;
}

static int parse(struct convert *cv, const char *text, struct fl_xml_node **ret_root)
{
    const int options = XML_PARSE_NONET | XML_PARSE_NOBLANKS | XML_PARSE_NOERROR | XML_PARSE_NOWARNING;
    size_t len = strlen(text);
    xmlParserCtxtPtr ctxt;
    xmlDocPtr doc;
    int rc = -1;

    if (check_extent(cv, text, len) < 0 || load_library(cv->domain, cv->name) < 0)
        return -1;
    ctxt = lib.xmlNewParserCtxt();
    if (!ctxt)
        return fl_error_set(cv->domain, VIR_ERR_NO_MEMORY, "%s: XML parser", cv->name);
    doc = lib.xmlCtxtReadMemory(ctxt, text, (int)len, cv->name, NULL, options);
    if (!doc || !lib.xmlDocGetRootElement(doc))
        rc = parse_failed(ctxt, cv->domain, cv->name);
    else if (doc->intSubset || doc->extSubset) /* of a text in an encoding of its own */
        rc = fl_error_set(cv->domain, VIR_ERR_XML_ERROR, "%s:1: expected no document type declaration",
                          cv->name);
    else
        rc = convert_node(cv, lib.xmlDocGetRootElement(doc), false, 1, ret_root);
    lib.xmlFreeDoc(doc);
    lib.xmlFreeParserCtxt(ctxt);
    return rc;
}

int fl_xml_parse_for(int domain, const char *text, const char *name, struct fl_xml_node **ret_root)
{
    struct convert cv = { .domain = domain, .name = name, .max_nodes = FL_XML_MAX_NODES };

    return parse(&cv, text, ret_root);
}

int fl_xml_parse(const char *text, const char *name, struct fl_xml_node **ret_root)
{
    return fl_xml_parse_for(VIR_FROM_XML, text, name, ret_root);
}

int fl_xml_parse_file(const char *path, struct fl_xml_node **ret_root)
{
    struct convert cv = { .domain = VIR_FROM_XML, .name = path, .max_nodes = FL_XML_MAX_FILE_NODES };
    g_autofree char *text = NULL;
    size_t len;

    if (fl_file_read(path, FL_XML_MAX_BYTES, &text, &len) < 0)
        return -1;
    if (strlen(text) != len)
        return fl_error_set(VIR_FROM_XML, VIR_ERR_XML_ERROR, "%s: expected text, found a NUL byte", path);
    return parse(&cv, text, ret_root);
}
