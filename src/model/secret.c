/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Secrets (their description, never their value). */
#define FL_FROM VIR_FROM_SECRET

#include <string.h>

#include "base/error.h"
#include "base/util.h"
#include "model/host.h"
#include "model/rows.h"

ROWS(usage_rows) = {
    ATTR_E("type", "none|volume|ceph|iscsi|tls|vtpm", .flags = FL_REQ, .code = VIR_ERR_CONFIG_UNSUPPORTED),
    LEAF("volume", STR, .when = "type=volume", .flags = FL_REQ),
    LEAF("name", STR, .when = "type=ceph|tls|vtpm", .flags = FL_REQ),
    LEAF("target", STR, .when = "type=iscsi", .flags = FL_REQ),
    END,
};
ROWS(secret_rows) = {
    ATTR_T("ephemeral", YESNO, .def = "no"),
    ATTR_T("private", YESNO, .def = "no"),
    LEAF("uuid", UUID),
    LEAF("description", STR),
    ELEM("usage", usage_rows),
    END,
};
static const struct fl_doc secret_doc = { .root = "secret", .domain = VIR_FROM_SECRET, .rows = secret_rows };

static void load(struct fl_secret_def *def)
{
    static const char *const ids[] = { "volume", "name", "target" };
    struct fl_xml_node *usage = fl_xml_child(def->root, "usage");
    const char *type = fl_xml_get(usage, "type"), *uuid = fl_xml_find_text(def->root, "uuid");

    def->is_ephemeral = fl_xml_is(def->root, "ephemeral", "yes");
    def->is_private = fl_xml_is(def->root, "private", "yes");
    def->usage_type =
        type ? fl_word_index(type, "none|volume|ceph|iscsi|tls|vtpm") : VIR_SECRET_USAGE_TYPE_NONE;
    for (unsigned int i = 0; i < G_N_ELEMENTS(ids) && !def->usage_id; i++)
        def->usage_id = g_strdup(fl_xml_find_text(usage, ids[i]));
    if (!uuid || !fl_uuid_parse(uuid, def->uuid))
        fl_uuid_generate(def->uuid);
    if (def->usage_type == VIR_SECRET_USAGE_TYPE_NONE)
        fl_xml_free(usage);
}

int fl_secret_def_parse(const char *xml, const char *name, unsigned int flags, struct fl_secret_def **ret_def)
{
    struct fl_doc_ctx ctx = { &secret_doc, name ? name : "(definition_of_secret)", flags, NULL };
    FL_XML_AUTO *in = NULL;
    struct fl_xml_node *root = NULL;
    struct fl_secret_def *def;

    if (fl_doc_read(&ctx, xml, &in) < 0 || fl_doc_check(&ctx, in, &root) < 0)
        return -1;
    def = g_new0(struct fl_secret_def, 1);
    def->root = root;
    load(def);
    *ret_def = def;
    return 0;
}

struct fl_secret_def *fl_secret_def_copy(const struct fl_secret_def *def)
{
    struct fl_secret_def *copy = g_new0(struct fl_secret_def, 1);

    *copy = *def;
    copy->usage_id = g_strdup(def->usage_id);
    copy->root = fl_xml_copy(def->root);
    return copy;
}

void fl_secret_def_free(struct fl_secret_def *def)
{
    if (!def)
        return;
    g_free(def->usage_id);
    fl_xml_free(def->root);
    g_free(def);
}

char *fl_secret_def_format(const struct fl_secret_def *def)
{
    FL_XML_AUTO *root = fl_xml_copy(def->root);
    struct fl_xml_node *node = fl_xml_child(root, "uuid");
    char uuid[VIR_UUID_STRING_BUFLEN];

    fl_uuid_format(def->uuid, uuid);
    fl_xml_set_text(node ? node : fl_xml_add(root, "uuid"), uuid);
    fl_doc_order(secret_rows, root);
    return fl_xml_format(root);
}
