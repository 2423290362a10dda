/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The document tree: nodes, attributes, look-ups. No parser in here; see xml_parse.c and xml_write.c. */
#include <string.h>

#include "model/xml.h"

struct fl_xml_node *fl_xml_new(const char *name)
{
    struct fl_xml_node *node = g_new0(struct fl_xml_node, 1);

    node->name = g_strdup(name);
    return node;
}

/* Whoever keeps something made from the tree sees by the root's count whether it still fits. */
static void touch(struct fl_xml_node *node)
{
    while (node->parent)
        node = node->parent;
    node->changes++;
}

static void attrs_free(struct fl_xml_attr *attr)
{
    while (attr) {
        struct fl_xml_attr *next = attr->next;

        g_free(attr->name);
        g_free(attr->value);
        g_free(attr);
        attr = next;
    }
}

void fl_xml_free(struct fl_xml_node *node)
{
    if (!node)
        return;
    fl_xml_unlink(node);
    while (node->first)
        fl_xml_free(node->first);
    attrs_free(node->attrs);
    g_free(node->name);
    g_free(node->ns);
    g_free(node->text);
    g_free(node);
}

void fl_xml_freep(struct fl_xml_node **node)
{
    fl_xml_free(*node);
}

struct fl_xml_node *fl_xml_copy(const struct fl_xml_node *node)
{
    struct fl_xml_node *copy;
    struct fl_xml_attr **tail;

    if (!node)
        return NULL;
    copy = fl_xml_new(node->name);
    copy->ns = g_strdup(node->ns);
    copy->text = g_strdup(node->text);
    copy->line = node->line;
    copy->flags = node->flags;
    tail = &copy->attrs;
    for (const struct fl_xml_attr *a = node->attrs; a; a = a->next) {
        *tail = g_new0(struct fl_xml_attr, 1);
        (*tail)->name = g_strdup(a->name);
        (*tail)->value = g_strdup(a->value);
        tail = &(*tail)->next;
    }
    for (const struct fl_xml_node *kid = node->first; kid; kid = kid->next)
        fl_xml_append(copy, fl_xml_copy(kid));
    return copy;
}

const char *fl_xml_get(const struct fl_xml_node *node, const char *attr)
{
    for (const struct fl_xml_attr *a = node ? node->attrs : NULL; a; a = a->next) {
        if (strcmp(a->name, attr) == 0)
            return a->value;
    }
    return NULL;
}

bool fl_xml_is(const struct fl_xml_node *node, const char *attr, const char *value)
{
    return g_strcmp0(fl_xml_get(node, attr), value) == 0;
}

void fl_xml_set(struct fl_xml_node *node, const char *attr, const char *value)
{
    struct fl_xml_attr **link = &node->attrs;

    touch(node);
    while (*link && strcmp((*link)->name, attr) != 0)
        link = &(*link)->next;
    if (!value) {
        struct fl_xml_attr *gone = *link;

        if (gone) {
            *link = gone->next;
            gone->next = NULL;
            attrs_free(gone);
        }
        return;
    }
    if (!*link) {
        *link = g_new0(struct fl_xml_attr, 1);
        (*link)->name = g_strdup(attr);
    }
    char *copy = g_strdup(value); /* `value` may be the old one */
    g_free((*link)->value);
    (*link)->value = copy;
}

void fl_xml_setf(struct fl_xml_node *node, const char *attr, const char *fmt, ...)
{
    g_autofree char *value = NULL;
    va_list ap;

    va_start(ap, fmt);
    value = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    fl_xml_set(node, attr, value);
}

const char *fl_xml_text(const struct fl_xml_node *node)
{
    return node && node->text ? node->text : "";
}

void fl_xml_set_text(struct fl_xml_node *node, const char *text)
{
    char *copy = g_strdup(text);

    touch(node);
    g_free(node->text);
    node->text = copy;
}

void fl_xml_set_textf(struct fl_xml_node *node, const char *fmt, ...)
{
    g_autofree char *text = NULL;
    va_list ap;

    va_start(ap, fmt);
    text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    fl_xml_set_text(node, text);
}

/* An element of a default namespace is not ours although its name has no prefix. */
static bool node_matches(const struct fl_xml_node *node, const char *name)
{
    if (!node->name)
        return false;
    if (!name)
        return true;
    if ((node->flags & FL_XML_FOREIGN) && !strchr(name, ':'))
        return false;
    return strcmp(node->name, name) == 0;
}

struct fl_xml_node *fl_xml_child(const struct fl_xml_node *node, const char *name)
{
    struct fl_xml_node *kid = node ? node->first : NULL;

    while (kid && !node_matches(kid, name))
        kid = kid->next;
    return kid;
}

struct fl_xml_node *fl_xml_next(const struct fl_xml_node *node, const char *name)
{
    struct fl_xml_node *kid = node->next;

    while (kid && !node_matches(kid, name))
        kid = kid->next;
    return kid;
}

struct fl_xml_node *fl_xml_find(const struct fl_xml_node *node, const char *path)
{
    while (node && *path) {
        const char *slash = strchrnul(path, '/');
        g_autofree char *name = g_strndup(path, (gsize)(slash - path));

        node = fl_xml_child(node, name);
        path = *slash ? slash + 1 : slash;
    }
    return (struct fl_xml_node *)node;
}

const char *fl_xml_find_text(const struct fl_xml_node *node, const char *path)
{
    const struct fl_xml_node *found = fl_xml_find(node, path);

    return found ? fl_xml_text(found) : NULL;
}

const char *fl_xml_find_attr(const struct fl_xml_node *node, const char *path, const char *attr)
{
    return fl_xml_get(fl_xml_find(node, path), attr);
}

unsigned int fl_xml_count(const struct fl_xml_node *node, const char *name)
{
    unsigned int n = 0;

    for (const struct fl_xml_node *kid = fl_xml_child(node, name); kid; kid = fl_xml_next(kid, name))
        n++;
    return n;
}

struct fl_xml_node *fl_xml_add(struct fl_xml_node *parent, const char *name)
{
    struct fl_xml_node *kid = fl_xml_new(name);

    fl_xml_append(parent, kid);
    return kid;
}

struct fl_xml_node *fl_xml_addf(struct fl_xml_node *parent, const char *name, const char *fmt, ...)
{
    struct fl_xml_node *kid = fl_xml_add(parent, name);
    va_list ap;

    va_start(ap, fmt);
    kid->text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    return kid;
}

void fl_xml_append(struct fl_xml_node *parent, struct fl_xml_node *child)
{
    fl_xml_insert(parent, child, NULL);
}

void fl_xml_insert(struct fl_xml_node *parent, struct fl_xml_node *child, struct fl_xml_node *before)
{
    struct fl_xml_node *prev;

    if (child == before)
        return;
    fl_xml_unlink(child);
    touch(parent);
    prev = before ? before->prev : parent->last;
    child->parent = parent;
    child->prev = prev;
    child->next = before;
    if (prev)
        prev->next = child;
    else
        parent->first = child;
    if (before)
        before->prev = child;
    else
        parent->last = child;
}

void fl_xml_unlink(struct fl_xml_node *node)
{
    struct fl_xml_node *parent = node->parent;

    if (!parent)
        return;
    touch(parent);
    if (node->prev)
        node->prev->next = node->next;
    else
        parent->first = node->next;
    if (node->next)
        node->next->prev = node->prev;
    else
        parent->last = node->prev;
    node->parent = node->prev = node->next = NULL;
}

static bool attrs_equal(const struct fl_xml_node *a, const struct fl_xml_node *b)
{
    unsigned int n = 0;

    for (const struct fl_xml_attr *x = a->attrs; x; x = x->next, n++) {
        if (g_strcmp0(x->value, fl_xml_get(b, x->name)) != 0)
            return false;
    }
    for (const struct fl_xml_attr *x = b->attrs; x; x = x->next)
        n--;
    return n == 0;
}

bool fl_xml_equal(const struct fl_xml_node *a, const struct fl_xml_node *b)
{
    const struct fl_xml_node *x, *y;

    if (!a || !b)
        return a == b;
    if (g_strcmp0(a->name, b->name) != 0 || g_strcmp0(a->ns, b->ns) != 0 || !attrs_equal(a, b))
        return false;
    if (strcmp(fl_xml_text(a), fl_xml_text(b)) != 0)
        return false;
    for (x = a->first, y = b->first; x && y; x = x->next, y = y->next) {
        if (!fl_xml_equal(x, y))
            return false;
    }
    return !x && !y;
}
