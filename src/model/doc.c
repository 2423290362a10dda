/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Walks an input tree beside a table of rows and builds the canonical tree. See doc.h. */
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "base/error.h"
#include "base/util.h"
#include "model/doc.h"

int fl_doc_error(const struct fl_doc_ctx *ctx, const struct fl_xml_node *at, int code, const char *fmt, ...)
{
    g_autofree char *detail = NULL;
    va_list ap;

    va_start(ap, fmt);
    detail = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    if (at && at->line > 0)
        return fl_error_set(ctx->doc->domain, code, "%s:%d: %s", ctx->name, at->line, detail);
    return fl_error_set(ctx->doc->domain, code, "%s: %s", ctx->name, detail);
}

static const char *type_words(const struct fl_row *row)
{
    switch (row->type) {
    case FL_T_UINT:
    case FL_T_ULL:
        return "a number, 0 or more";
    case FL_T_INT:
    case FL_T_LL:
        return "a number";
    case FL_T_HEX:
        return "a number such as 0x1f";
    case FL_T_OCTAL:
        return "an octal number such as 0644";
    case FL_T_YESNO:
        return "yes or no";
    case FL_T_ONOFF:
        return "on or off";
    case FL_T_ENUM:
        return row->arg;
    case FL_T_UUID:
        return "a UUID: 32 hexadecimal digits";
    case FL_T_MAC:
        return "a MAC address such as 52:54:00:01:02:03";
    case FL_T_KIB:
    case FL_T_BYTES:
        return "a size: a number, with a unit attribute such as KiB or GB";
    case FL_T_CPUSET:
        return "a set of numbers such as 0-3,^2";
    default:
        return "a value";
    }
}

/* Which domain and code a bad value is reported with: clients tell faults apart by them. */
static int value_error(const struct fl_doc_ctx *ctx, const struct fl_row *row, int code,
                       const struct fl_xml_node *in, const char *detail)
{
    int domain = ctx->doc->value_domain && !code ? ctx->doc->value_domain : ctx->doc->domain;

    if (row->type == FL_T_CPUSET && code == VIR_ERR_INVALID_ARG)
        domain = VIR_FROM_NONE;
    if (row->domain)
        domain = row->domain;
    return fl_error_set(domain, code ? code : VIR_ERR_XML_ERROR, "%s:%d: %s", ctx->name, in->line, detail);
}

static int bad_value(struct fl_doc_ctx *ctx, const struct fl_row *row, const struct fl_xml_node *in,
                     const char *value)
{
    int code = row->type == FL_T_CPUSET && ctx->doc->value_domain ? VIR_ERR_INVALID_ARG : row->code;
    g_autofree char *detail = NULL;

    if (row->kind != FL_ROW_ATTR)
        return fl_doc_error(ctx, in, code ? code : VIR_ERR_XML_ERROR, "<%s>: expected %s, found '%s'",
                            in->name, type_words(row), value);
    detail = g_strdup_printf("attribute '%s' of <%s>: expected %s, found '%s'", row->name, in->name,
                             type_words(row), value);
    return value_error(ctx, row, code, in, detail);
}

static char *number_normal(const struct fl_row *row, const char *value)
{
    unsigned long long u;
    long long s;

    switch (row->type) {
    case FL_T_UINT:
    case FL_T_ULL:
        if (fl_u64_parse(value, 10, row->type == FL_T_UINT ? G_MAXUINT32 : G_MAXUINT64, &u) < 0 ||
            (u == 0 && (row->flags & FL_POSITIVE)))
            return NULL;
        return u == 0 && (row->flags & FL_NONZERO) ? g_strdup("") : g_strdup_printf("%llu", u);
    case FL_T_INT:
        if (fl_s64_parse(value, G_MININT32, G_MAXINT32, &s) < 0)
            return NULL;
        return s == 0 && (row->flags & FL_NONZERO) ? g_strdup("") : g_strdup_printf("%lld", s);
    case FL_T_LL:
        return fl_s64_parse(value, G_MININT64, G_MAXINT64, &s) < 0 ? NULL : g_strdup_printf("%lld", s);
    case FL_T_OCTAL:
        return fl_u64_parse(value, 8, 07777, &u) < 0 ? NULL : g_strdup_printf("%04llo", u);
    default: /* FL_T_HEX: `arg` is how many digits, as text */
        if (fl_u64_parse(value, 0, row->arg ? G_MAXUINT32 : G_MAXUINT64, &u) < 0)
            return NULL;
        return g_strdup_printf("0x%0*llx", row->arg ? row->arg[0] - '0' : 1, u);
    }
}

/* The one right spelling of a value, NULL if it is no value of the type. "" = leave it out. */
static char *value_normal(const struct fl_row *row, const char *value)
{
    unsigned char bytes[16];
    char text[37];

    switch (row->type) {
    case FL_T_UINT:
    case FL_T_INT:
    case FL_T_ULL:
    case FL_T_LL:
    case FL_T_HEX:
    case FL_T_OCTAL:
        return number_normal(row, value);
    case FL_T_YESNO:
        return fl_word_in(value, "yes|no") ? g_strdup(value) : NULL;
    case FL_T_ONOFF:
        return fl_word_in(value, "on|off") ? g_strdup(value) : NULL;
    case FL_T_ENUM:
        return fl_word_in(value, row->arg) ? g_strdup(value) : NULL;
    case FL_T_UUID:
        if (!fl_uuid_parse(value, bytes))
            return NULL;
        fl_uuid_format(bytes, text);
        return g_strdup(text);
    case FL_T_MAC:
        if (fl_mac_parse(value, bytes) < 0)
            return NULL;
        return g_strdup_printf("%02x:%02x:%02x:%02x:%02x:%02x", bytes[0], bytes[1], bytes[2], bytes[3],
                               bytes[4], bytes[5]);
    case FL_T_CPUSET:
        return fl_cpuset_normal(value);
    default:
        return g_strdup(value);
    }
}

/* A size: the unit comes from the input's attribute and leaves as the canonical one. */
static int check_size(struct fl_doc_ctx *ctx, const struct fl_row *row, const struct fl_xml_node *in,
                      struct fl_xml_node *out)
{
    const char *unit = fl_xml_get(in, "unit");
    bool kib = row->type == FL_T_KIB;
    unsigned long long bytes;

    if (fl_size_parse(fl_xml_text(in), unit, kib ? 1024 : 1, G_MAXUINT64, &bytes) < 0) {
        bool number = fl_u64_parse(fl_xml_text(in), 10, G_MAXUINT64, &bytes) == 0;
        bool known = !unit || fl_size_parse("0", unit, 1, G_MAXUINT64, &bytes) == 0;
        int code = !number ? row->code : known ? VIR_ERR_OVERFLOW : VIR_ERR_INVALID_ARG;
        g_autofree char *detail = g_strdup_printf("<%s>: expected %s, found '%s' with unit '%s'", in->name,
                                                  type_words(row), fl_xml_text(in), unit ? unit : "");

        if (number)
            return fl_error_set(VIR_FROM_NONE, code, "%s:%d: %s", ctx->name, in->line, detail);
        return value_error(ctx, row, code, in, detail);
    }
    if (kib) {
        fl_xml_set(out, "unit", "KiB");
        fl_xml_set_textf(out, "%llu", bytes / 1024 + (bytes % 1024 ? 1 : 0));
    } else {
        fl_xml_set(out, "unit", "bytes");
        fl_xml_set_textf(out, "%llu", bytes);
    }
    return 0;
}

static bool when_holds(const char *when, const struct fl_xml_node *in, const struct fl_xml_node *out)
{
    const char *equals = strchr(when, '=');
    bool negate = *when == '!';
    g_autofree char *attr = NULL;
    const char *value;

    when += negate;
    attr = equals ? g_strndup(when, (gsize)(equals - when)) : g_strdup(when);
    value = fl_xml_get(out, attr);
    if (!value)
        value = fl_xml_get(in, attr);
    if (!value)
        return negate;
    return (equals ? fl_word_in(value, equals + 1) : true) != negate;
}

static int check_rows(struct fl_doc_ctx *ctx, const struct fl_row *rows, const struct fl_xml_node *in,
                      struct fl_xml_node *out);

static int missing(struct fl_doc_ctx *ctx, const struct fl_row *row, const struct fl_xml_node *in)
{
    g_autofree char *detail = NULL;

    if (row->kind == FL_ROW_ATTR)
        detail = g_strdup_printf("<%s>: expected attribute '%s' (%s)", in->name, row->name, type_words(row));
    else if (row->kind == FL_ROW_TEXT)
        detail = g_strdup_printf("<%s>: expected %s inside", in->name, type_words(row));
    else
        detail = g_strdup_printf("<%s>: expected an element <%s> inside", in->name, row->name);
    if (row->kind == FL_ROW_ATTR || row->type == FL_T_KIB)
        return value_error(ctx, row, row->missing, in, detail);
    return fl_doc_error(ctx, in, row->missing ? row->missing : VIR_ERR_XML_ERROR, "%s", detail);
}

/* Attributes and texts. */
static int check_value(struct fl_doc_ctx *ctx, const struct fl_row *row, const struct fl_xml_node *in,
                       struct fl_xml_node *out)
{
    bool attr = row->kind == FL_ROW_ATTR;
    const char *value = attr ? fl_xml_get(in, row->name) : in->text;
    g_autofree char *normal = NULL;

    if (value && !*value && row->type == FL_T_STR)
        value = NULL;
    if (!value) {
        if (row->flags & FL_REQ)
            return missing(ctx, row, in);
        normal = g_strdup(row->def);
    } else {
        normal = value_normal(row, value);
        if (!normal && !(row->flags & FL_DROP_BAD))
            return bad_value(ctx, row, in, value);
    }
    if (!normal || (!*normal && row->type != FL_T_ANY))
        return 0;
    if (attr)
        fl_xml_set(out, row->name, normal);
    else
        fl_xml_set_text(out, normal);
    return 0;
}

static bool node_is_empty(const struct fl_xml_node *node)
{
    return !node->attrs && !node->first && !(node->text && *node->text);
}

int fl_doc_check_row(struct fl_doc_ctx *ctx, const struct fl_row *row, const struct fl_xml_node *in,
                     struct fl_xml_node **ret_out)
{
    FL_XML_AUTO *out = fl_xml_new(row->name);
    struct fl_row text = { .kind = FL_ROW_TEXT, .type = row->type, .arg = row->arg, .code = row->code };

    out->line = in->line;
    if (row->flags & (FL_OPEN | FL_OPEN_KEPT))
        out->flags |= FL_XML_OPEN;
    if (row->type == FL_T_KIB || row->type == FL_T_BYTES) {
        if (!(row->flags & FL_LATE_UNIT) && check_size(ctx, row, in, out) < 0)
            return -1;
        if (row->sub && check_rows(ctx, row->sub, in, out) < 0)
            return -1;
        if ((row->flags & FL_LATE_UNIT) && check_size(ctx, row, in, out) < 0)
            return -1;
    } else if (row->sub) {
        if (check_rows(ctx, row->sub, in, out) < 0)
            return -1;
    } else if (row->type != FL_T_FLAG) {
        text.flags = row->flags & (FL_NONZERO | FL_DROP_BAD | FL_POSITIVE);
        if (check_value(ctx, &text, in, out) < 0)
            return -1;
    }
    if (row->post && row->post(ctx, in, out) < 0)
        return -1;
    *ret_out = g_steal_pointer(&out);
    return 0;
}

static int check_elem(struct fl_doc_ctx *ctx, const struct fl_row *row, const struct fl_xml_node *in,
                      struct fl_xml_node *out)
{
    const struct fl_xml_node *kid = fl_xml_child(in, row->name);
    struct fl_xml_node *made = NULL;

    if (!kid) {
        if (row->flags & FL_REQ)
            return missing(ctx, row, in);
        if (row->def)
            fl_xml_addf(out, row->name, "%s", row->def);
        else if (row->flags & FL_OPEN)
            fl_xml_add(out, row->name)->flags |= FL_XML_OPEN;
        return 0;
    }
    for (; kid; kid = row->kind == FL_ROW_LIST ? fl_xml_next(kid, row->name) : NULL) {
        if (fl_doc_check_row(ctx, row, kid, &made) < 0)
            return -1;
        if (node_is_empty(made) && row->type != FL_T_FLAG &&
            !(row->flags & (FL_KEEP | FL_OPEN | FL_OPEN_KEPT | FL_REQ)))
            fl_xml_free(made);
        else
            fl_xml_append(out, made);
    }
    return 0;
}

static void keep_any(const struct fl_row *row, const struct fl_xml_node *in, struct fl_xml_node *out)
{
    const struct fl_xml_node *kid = fl_xml_child(in, row->name);

    for (; kid; kid = row->kind == FL_ROW_ANY_LIST ? fl_xml_next(kid, row->name) : NULL)
        fl_xml_append(out, fl_xml_copy(kid));
}

static void keep_foreign(const struct fl_xml_node *in, struct fl_xml_node *out)
{
    for (const struct fl_xml_node *kid = in->first; kid; kid = kid->next) {
        if (kid->name && (kid->flags & FL_XML_FOREIGN))
            fl_xml_append(out, fl_xml_copy(kid));
    }
}

static int check_rows(struct fl_doc_ctx *ctx, const struct fl_row *rows, const struct fl_xml_node *in,
                      struct fl_xml_node *out)
{
    for (const struct fl_row *row = rows; row->kind; row++) {
        int rc = 0;

        if ((row->flags & FL_LIVE) && !(ctx->flags & FL_DOC_LIVE))
            continue;
        if (row->when && !when_holds(row->when, in, out))
            continue;
        switch (row->kind) {
        case FL_ROW_ATTR:
        case FL_ROW_TEXT:
            rc = check_value(ctx, row, in, out);
            break;
        case FL_ROW_ELEM:
        case FL_ROW_LIST:
            rc = check_elem(ctx, row, in, out);
            break;
        case FL_ROW_ANY:
        case FL_ROW_ANY_LIST:
            keep_any(row, in, out);
            break;
        case FL_ROW_FOREIGN:
            keep_foreign(in, out);
            break;
        case FL_ROW_POST:
            rc = row->post(ctx, in, out);
            break;
        }
        if (rc < 0)
            return -1;
    }
    return 0;
}

int fl_doc_check_root(const struct fl_doc_ctx *ctx, const struct fl_xml_node *in)
{
    if (g_strcmp0(in->name, ctx->doc->root) == 0)
        return 0;
    return fl_error_set(VIR_FROM_XML, VIR_ERR_XML_ERROR, "%s:%d: expected the root element <%s>, found <%s>",
                        ctx->name, in->line, ctx->doc->root, in->name);
}

int fl_doc_read(struct fl_doc_ctx *ctx, const char *text, struct fl_xml_node **ret_in)
{
    FL_XML_AUTO *in = NULL;

    if (fl_xml_parse_for(ctx->doc->domain, text, ctx->name, &in) < 0 || fl_doc_check_root(ctx, in) < 0)
        return -1;
    *ret_in = g_steal_pointer(&in);
    return 0;
}

int fl_doc_check(struct fl_doc_ctx *ctx, const struct fl_xml_node *in, struct fl_xml_node **ret_out)
{
    FL_XML_AUTO *out = fl_xml_new(ctx->doc->root);

    if (fl_doc_check_root(ctx, in) < 0)
        return -1;
    out->line = in->line;
    if (check_rows(ctx, ctx->doc->rows, in, out) < 0)
        return -1;
    *ret_out = g_steal_pointer(&out);
    return 0;
}

void fl_doc_strip(const struct fl_row *rows, struct fl_xml_node *node, unsigned int mask)
{
    for (const struct fl_row *row = rows; row->kind; row++) {
        if (row->kind == FL_ROW_ATTR && (row->flags & mask))
            fl_xml_set(node, row->name, NULL);
        if (row->kind != FL_ROW_ELEM && row->kind != FL_ROW_LIST)
            continue;
        for (struct fl_xml_node *next, *kid = fl_xml_child(node, row->name); kid; kid = next) {
            next = fl_xml_next(kid, row->name);
            if (row->flags & mask)
                fl_xml_free(kid);
            else if (row->sub)
                fl_doc_strip(row->sub, kid, mask);
        }
    }
}

/* Moves the attributes called `name` from *from to the end of **tail. */
static void move_attr(struct fl_xml_attr **from, const char *name, struct fl_xml_attr ***tail)
{
    while (*from && strcmp((*from)->name, name) != 0)
        from = &(*from)->next;
    if (!*from)
        return;
    **tail = *from;
    *from = (*from)->next;
    (**tail)->next = NULL;
    *tail = &(**tail)->next;
}

void fl_doc_order(const struct fl_row *rows, struct fl_xml_node *node)
{
    struct fl_xml_attr *sorted = NULL, **tail = &sorted;
    struct fl_xml_node *kid = NULL;
    unsigned int left;

    if (!node)
        return;
    for (const struct fl_row *row = rows; row->kind; row++) {
        if (row->kind == FL_ROW_ATTR)
            move_attr(&node->attrs, row->name, &tail);
    }
    *tail = node->attrs;
    node->attrs = sorted;
    /* One turn of the whole list: every row takes its own to the end. */
    left = fl_xml_count(node, NULL);
    for (const struct fl_row *row = rows; row->kind && left; row++) {
        struct fl_xml_node *next;
        unsigned int look = left;

        if (row->kind == FL_ROW_ATTR || !row->name || (row->when && !when_holds(row->when, node, node)))
            continue;
        for (kid = fl_xml_child(node, NULL); kid && look; kid = next, look--) {
            next = kid->next;
            if (strcmp(kid->name, row->name) == 0) {
                fl_xml_append(node, kid);
                left--;
            }
        }
    }
    for (; left; left--)
        fl_xml_append(node, node->first);
}
