/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A light document tree and its writer. Every XML document of the project is one of these; only xml_parse.c
 * knows libxml2. Building a tree by hand needs no parser at all, which is how the built-in defaults are made.
 *
 * Ownership is plain: a node owns its attributes, text and children; strings given are copied.
 */
#pragma once

#include <stdbool.h>
#include <glib.h>

enum {
    FL_XML_MAX_BYTES = 32 << 20,     /* size of a document */
    FL_XML_MAX_DEPTH = 256,          /* as deep as the incumbent's reader goes */
    FL_XML_MAX_NODES = 1 << 18,      /* elements, comments and the like of a description */
    FL_XML_MAX_FILE_NODES = 1 << 20, /* of a file, a whole host */
    FL_XML_MAX_ATTRS = 1 << 10,      /* of one element; each is compared with each */
};

enum fl_xml_node_flag {
    FL_XML_OPEN = 1 << 0,   /* written as <a>NEWLINE</a> when it has no children */
    FL_XML_RAW = 1 << 1,    /* no element: character data between foreign elements (`text`) */
    FL_XML_MARKUP = 1 << 5, /* no element: a comment, CDATA or instruction of a foreign element, ready made */
    FL_XML_BLANK = 1 << 2,  /* no element: an empty line */
    FL_XML_EMPTY = 1 << 3,  /* written as <a></a> when it has no content */
    FL_XML_FOREIGN =
        1 << 4, /* of another namespace (or inside one): keeps mixed content, written as libxml2 does */
};

struct fl_xml_attr {
    struct fl_xml_attr *next;
    char *name; /* as written, prefix included */
    char *value;
};

struct fl_xml_node {
    struct fl_xml_node *parent, *prev, *next, *first, *last;
    struct fl_xml_attr *attrs;
    char *name; /* as written, prefix included */
    char *ns;   /* namespace URI or NULL */
    char *text; /* character data directly inside, all pieces joined; NULL if none */
    int line;   /* in the input, 0 for nodes made by hand */
    unsigned int flags;
    unsigned int changes; /* of a root: grows with every change of the tree by the functions below */
};

/* Parses untrusted text: no network, no DTD, no entities of its own, bounded. `name` is for messages
 * ("dom.xml" or "(domain_definition)"). -1 with VIR_ERR_XML_DETAIL "NAME:LINE: what was expected". */
int fl_xml_parse(const char *text, const char *name, struct fl_xml_node **ret_root);
/* The same with errors from `domain` (VIR_FROM_x). */
int fl_xml_parse_for(int domain, const char *text, const char *name, struct fl_xml_node **ret_root);
int fl_xml_parse_file(const char *path, struct fl_xml_node **ret_root);

/* What would become of a text: the nodes, the most attributes of one of them, whether it has a document type
 * (nothing behind one, or behind what only resembles one, is counted). */
struct fl_xml_extent {
    unsigned int nodes, attrs;
    bool has_type;
};
void fl_xml_scan(const char *text, struct fl_xml_extent *ret);

struct fl_xml_node *fl_xml_new(const char *name);
struct fl_xml_node *fl_xml_copy(const struct fl_xml_node *node); /* deep, no parent */
void fl_xml_free(struct fl_xml_node *node);                      /* unlinks first; NULL is fine */
void fl_xml_freep(struct fl_xml_node **node);
#define FL_XML_AUTO __attribute__((cleanup(fl_xml_freep))) struct fl_xml_node

/* Attributes. set() with a NULL value removes. */
const char *fl_xml_get(const struct fl_xml_node *node, const char *attr); /* NULL if absent or node is NULL */
void fl_xml_set(struct fl_xml_node *node, const char *attr, const char *value);
void fl_xml_setf(struct fl_xml_node *node, const char *attr, const char *fmt, ...) G_GNUC_PRINTF(3, 4);
bool fl_xml_is(const struct fl_xml_node *node, const char *attr, const char *value);

/* Text. */
const char *fl_xml_text(const struct fl_xml_node *node); /* never NULL */
void fl_xml_set_text(struct fl_xml_node *node, const char *text);
void fl_xml_set_textf(struct fl_xml_node *node, const char *fmt, ...) G_GNUC_PRINTF(2, 3);

/* Children. name NULL = any. child()/next() skip elements of a foreign namespace unless asked by full name.
 */
struct fl_xml_node *fl_xml_child(const struct fl_xml_node *node, const char *name);
struct fl_xml_node *fl_xml_next(const struct fl_xml_node *node, const char *name);
struct fl_xml_node *fl_xml_find(const struct fl_xml_node *node, const char *path); /* "devices/disk" */
const char *fl_xml_find_text(const struct fl_xml_node *node, const char *path);    /* NULL if absent */
const char *fl_xml_find_attr(const struct fl_xml_node *node, const char *path, const char *attr);
unsigned int fl_xml_count(const struct fl_xml_node *node, const char *name);

struct fl_xml_node *fl_xml_add(struct fl_xml_node *parent, const char *name); /* new last child */
struct fl_xml_node *fl_xml_addf(struct fl_xml_node *parent, const char *name, const char *fmt, ...)
    G_GNUC_PRINTF(3, 4);                                                   /* with text */
void fl_xml_append(struct fl_xml_node *parent, struct fl_xml_node *child); /* takes child */
void fl_xml_insert(struct fl_xml_node *parent, struct fl_xml_node *child, struct fl_xml_node *before);
void fl_xml_unlink(struct fl_xml_node *node); /* caller owns it then */
bool fl_xml_equal(const struct fl_xml_node *a, const struct fl_xml_node *b);

/* The peer's looks: two spaces per level, attributes in ', five characters escaped. */
void fl_xml_write(GString *out, const struct fl_xml_node *node, unsigned int level);
char *fl_xml_format(const struct fl_xml_node *node); /* ends in a newline */
void fl_xml_escape(GString *out, const char *text);
