/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Network filters: the frame is checked, rules are kept as they were written. */
#define FL_FROM VIR_FROM_NWFILTER

#include <string.h>

#include "base/error.h"
#include "base/util.h"
#include "model/host.h"
#include "model/rows.h"

static int rules_post(struct fl_doc_ctx *ctx, const struct fl_xml_node *in, struct fl_xml_node *out)
{
    for (const struct fl_xml_node *kid = fl_xml_child(in, NULL); kid; kid = fl_xml_next(kid, NULL)) {
        const char *action = fl_xml_get(kid, "action"), *direction = fl_xml_get(kid, "direction");

        if (!fl_word_in(kid->name, "rule|filterref"))
            continue;
        if (strcmp(kid->name, "filterref") == 0 && !fl_xml_get(kid, "filter"))
            return fl_doc_error(ctx, kid, VIR_ERR_XML_ERROR, "<filterref>: expected attribute 'filter'");
        if (strcmp(kid->name, "rule") == 0 &&
            (!action || !fl_word_in(action, "accept|drop|reject|return|continue") || !direction ||
             !fl_word_in(direction, "in|out|inout")))
            return fl_doc_error(ctx, kid, VIR_ERR_INTERNAL_ERROR,
                                "<rule>: expected action='accept|drop|…' and direction='in|out|inout'");
        fl_xml_append(out, fl_xml_copy(kid));
    }
    return 0;
}

ROWS(filter_rows) = {
    ATTR("name", .flags = FL_REQ, .missing = VIR_ERR_INTERNAL_ERROR),
    ATTR("chain", .def = "root"),
    ATTR_T("priority", INT),
    LEAF("uuid", UUID),
    POST(rules_post),
    END,
};
static const struct fl_doc filter_doc = { .root = "filter",
                                          .domain = VIR_FROM_NWFILTER,
                                          .rows = filter_rows };

int fl_nwfilter_def_parse(const char *xml, const char *name, unsigned int flags,
                          struct fl_nwfilter_def **ret_def)
{
    struct fl_doc_ctx ctx = { &filter_doc, name ? name : "(nwfilter_definition)", flags, NULL };
    FL_XML_AUTO *in = NULL;
    struct fl_xml_node *root = NULL;
    struct fl_nwfilter_def *def;
    const char *uuid;

    if (fl_doc_read(&ctx, xml, &in) < 0 || fl_doc_check(&ctx, in, &root) < 0)
        return -1;
    def = g_new0(struct fl_nwfilter_def, 1);
    def->root = root;
    def->name = g_strdup(fl_xml_get(root, "name"));
    uuid = fl_xml_find_text(root, "uuid");
    if (!uuid || !fl_uuid_parse(uuid, def->uuid))
        fl_uuid_generate(def->uuid);
    *ret_def = def;
    return 0;
}

void fl_nwfilter_def_free(struct fl_nwfilter_def *def)
{
    if (!def)
        return;
    g_free(def->name);
    fl_xml_free(def->root);
    g_free(def);
}

char *fl_nwfilter_def_format(const struct fl_nwfilter_def *def)
{
    FL_XML_AUTO *root = fl_xml_copy(def->root);
    struct fl_xml_node *node = fl_xml_child(root, "uuid");
    char uuid[VIR_UUID_STRING_BUFLEN];

    fl_uuid_format(def->uuid, uuid);
    if (!node)
        fl_xml_insert(root, node = fl_xml_new("uuid"), root->first);
    fl_xml_set_text(node, uuid);
    return fl_xml_format(root);
}
