/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A small tree over GLib's markup reader: enough for the XML the library
 * prints (no DTD, no namespaces to resolve). Real XPath, for --xpath, comes
 * from libxml2, loaded when it is asked for.
 */
#include "shell.h"

#include <dlfcn.h>
#include <string.h>
#include <libxml/parser.h>
#include <libxml/xpath.h>

struct builder {
    struct fl_xml *root;
    struct fl_xml *at;
};

static void node_free(void *opaque)
{
    struct fl_xml *node = opaque;

    g_free(node->name);
    g_free(node->text);
    g_free(node->before);
    g_strfreev(node->attrs);
    g_ptr_array_unref(node->children);
    g_free(node);
}

void fl_xml_free(struct fl_xml *node)
{
    if (node)
        node_free(node);
}

static void on_start(GMarkupParseContext *context, const char *name, const char **keys, const char **values,
                     gpointer opaque, GError **error)
{
    struct builder *b = opaque;
    struct fl_xml *node = g_new0(struct fl_xml, 1);
    guint n = 0;

    (void)context;
    (void)error;
    node->name = g_strdup(name);
    node->text = g_strdup("");
    node->children = g_ptr_array_new_with_free_func(node_free);
    node->parent = b->at;
    node->attrs = g_new0(char *, 2 * g_strv_length((char **)keys) + 1);
    for (guint i = 0; keys[i]; i++) {
        node->attrs[n++] = g_strdup(keys[i]);
        node->attrs[n++] = g_strdup(values[i]);
    }
    node->before = b->at ? b->at->text : g_strdup("");
    if (b->at) {
        b->at->text = g_strdup("");
        g_ptr_array_add(b->at->children, node);
    } else {
        b->root = node;
    }
    b->at = node;
}

static void on_end(GMarkupParseContext *context, const char *name, gpointer opaque, GError **error)
{
    struct builder *b = opaque;

    (void)context;
    (void)name;
    (void)error;
    b->at = b->at->parent;
}

static void on_text(GMarkupParseContext *context, const char *text, gsize len, gpointer opaque,
                    GError **error)
{
    struct builder *b = opaque;
    g_autofree char *old = NULL;

    (void)context;
    (void)error;
    if (!b->at)
        return;
    old = b->at->text;
    b->at->text = g_strdup_printf("%s%.*s", old, (int)len, text);
}

struct fl_xml *fl_xml_parse(const char *text)
{
    static const GMarkupParser parser = { .start_element = on_start, .end_element = on_end, .text = on_text };
    struct builder b = { .root = NULL };
    GMarkupParseContext *context = g_markup_parse_context_new(&parser, 0, &b, NULL);
    bool ok = g_markup_parse_context_parse(context, text, -1, NULL) &&
              g_markup_parse_context_end_parse(context, NULL);

    g_markup_parse_context_free(context);
    if (!ok) {
        fl_xml_free(b.root);
        return NULL;
    }
    return b.root;
}

const char *fl_xml_attr(const struct fl_xml *node, const char *name)
{
    if (!node)
        return NULL;
    for (char **a = node->attrs; *a; a += 2)
        if (strcmp(a[0], name) == 0)
            return a[1];
    return NULL;
}

struct fl_xml *fl_xml_get(struct fl_xml *node, const char *path)
{
    g_auto(GStrv) steps = g_strsplit(path, "/", 0);

    for (char **s = steps; *s && node; s++) {
        struct fl_xml *next = NULL;

        for (guint i = 0; i < node->children->len && !next; i++)
            if (strcmp(((struct fl_xml *)node->children->pdata[i])->name, *s) == 0)
                next = node->children->pdata[i];
        node = next;
    }
    return node;
}

const char *fl_xml_value(struct fl_xml *node, const char *path)
{
    g_autofree char *element = g_strndup(path, strcspn(path, "@"));
    const char *attr = strchr(path, '@');

    if (*element)
        node = fl_xml_get(node, element);
    if (!node)
        return NULL;
    return attr ? fl_xml_attr(node, attr + 1) : node->text;
}

static void format_text(const char *text, GString *s)
{
    g_autofree char *escaped = g_markup_escape_text(text, -1);

    g_string_append(s, escaped);
}

static void format_node(const struct fl_xml *node, GString *s)
{
    g_string_append_printf(s, "<%s", node->name);
    for (char **a = node->attrs; *a; a += 2) {
        g_autofree char *value = g_markup_escape_text(a[1], -1);

        g_string_append_printf(s, " %s=\"%s\"", a[0], value);
    }
    if (!node->children->len && !*node->text) {
        g_string_append(s, "/>");
        return;
    }
    g_string_append_c(s, '>');
    for (guint i = 0; i < node->children->len; i++) {
        struct fl_xml *child = node->children->pdata[i];

        format_text(child->before, s);
        format_node(child, s);
    }
    format_text(node->text, s);
    g_string_append_printf(s, "</%s>", node->name);
}

void fl_xml_put(GString *s, const char *format, const char *value)
{
    if (value) {
        g_autofree char *text = g_markup_printf_escaped(format, value);

        g_string_append(s, text);
    }
}

char *fl_xml_format(const struct fl_xml *node)
{
    GString *s = g_string_new("");

    format_node(node, s);
    return g_string_free(s, FALSE);
}

#define XML_FUNCTIONS(X)                                                                                     \
    X(xmlReadMemory)                                                                                         \
    X(xmlXPathNewContext)                                                                                    \
    X(xmlXPathEvalExpression)                                                                                \
    X(xmlXPathFreeObject)                                                                                    \
    X(xmlXPathFreeContext)                                                                                   \
    X(xmlNodeDump)                                                                                           \
    X(xmlBufferCreate)                                                                                       \
    X(xmlBufferContent)                                                                                      \
    X(xmlBufferFree)                                                                                         \
    X(xmlFreeDoc)

#define MEMBER(name) __typeof__(&name) name;
static struct {
    XML_FUNCTIONS(MEMBER)
} x;
#undef MEMBER

static int load_libxml(struct fl_call *c)
{
    void *library = dlopen("libxml2.so.2", RTLD_NOW | RTLD_LOCAL);

    if (!library)
        return fl_wrong(c, "--xpath needs the library libxml2.so.2: %s", dlerror());
#define LOAD(name)                                                                                           \
    *(void **)&x.name = dlsym(library, #name);                                                               \
    if (!x.name)                                                                                             \
        return fl_wrong(c, "--xpath: libxml2.so.2 lacks %s", #name);
    XML_FUNCTIONS(LOAD)
#undef LOAD
    return 0;
}

static void print_nodes(struct fl_call *c, xmlDocPtr doc, xmlNodeSetPtr nodes, bool wrap)
{
    for (int i = 0; i < nodes->nodeNr; i++) {
        xmlBufferPtr buffer = x.xmlBufferCreate();

        x.xmlNodeDump(buffer, doc, nodes->nodeTab[i], wrap ? 1 : 0, 1);
        if (wrap)
            fl_out(c, "  %s\n", (const char *)x.xmlBufferContent(buffer));
        else
            fl_out(c, "%s\n", (const char *)x.xmlBufferContent(buffer));
        x.xmlBufferFree(buffer);
    }
}

static int print_result(struct fl_call *c, xmlDocPtr doc, xmlXPathObjectPtr found, const char *path,
                        bool wrap)
{
    if (found->type != XPATH_NODESET)
        return fl_wrong(c, "--xpath: '%s' selects no nodes; write an expression that does", path);
    if (!found->nodesetval || found->nodesetval->nodeNr == 0) {
        if (wrap)
            fl_out(c, "<nodes/>\n");
        return 0;
    }
    if (wrap)
        fl_out(c, "<nodes>\n");
    print_nodes(c, doc, found->nodesetval, wrap);
    if (wrap)
        fl_out(c, "</nodes>\n");
    return 0;
}

/* Ours says what is wrong, in one line. */
static void say_nothing(void *opaque, xmlErrorPtr error)
{
    (void)opaque;
    (void)error;
}

int fl_xpath(struct fl_call *c, const char *xml, const char *path, bool wrap)
{
    xmlXPathContextPtr context = NULL;
    xmlXPathObjectPtr found = NULL;
    xmlDocPtr doc;
    int status = -1;

    if (load_libxml(c) < 0)
        return -1;
    doc = x.xmlReadMemory(xml, (int)strlen(xml), "(object)", NULL,
                          XML_PARSE_NOBLANKS | XML_PARSE_NOERROR | XML_PARSE_NONET);
    if (!doc)
        return fl_wrong(c, "--xpath: the library returned XML that libxml2 cannot read");
    context = x.xmlXPathNewContext(doc);
    if (context)
        context->error = say_nothing;
    found = context ? x.xmlXPathEvalExpression((const xmlChar *)path, context) : NULL;
    if (!found)
        fl_wrong(c, "--xpath: '%s' is not an XPath expression", path);
    else
        status = print_result(c, doc, found, path, wrap);
    if (found)
        x.xmlXPathFreeObject(found);
    if (context)
        x.xmlXPathFreeContext(context);
    x.xmlFreeDoc(doc);
    return status;
}
