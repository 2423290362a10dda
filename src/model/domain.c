/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The domain definition as drivers see it: scalars beside the canonical tree. See domain.h. */
#define FL_FROM VIR_FROM_DOMAIN

#include <stdlib.h>

#include "base/error.h"
#include "model/domain_private.h"

static const char actions[] = "destroy|restart|rename-restart|preserve|coredump-destroy|coredump-restart";

static int action_of(const struct fl_xml_node *root, const char *name)
{
    const char *text = fl_xml_find_text(root, name);

    return text ? MAX(fl_word_index(text, actions), 0) : 0;
}

static char *text_of(const struct fl_xml_node *root, const char *path)
{
    const char *text = fl_xml_find_text(root, path);

    return text && *text ? g_strdup(text) : NULL;
}

/* Scalars out of a complete canonical tree. */
static void load(struct fl_domain_def *def)
{
    const struct fl_xml_node *root = def->root, *vcpu = fl_xml_child(root, "vcpu");
    const char *current = fl_xml_get(vcpu, "current");

    def->virt_type = g_strdup(fl_xml_get(root, "type"));
    def->name = text_of(root, "name");
    def->title = text_of(root, "title");
    def->description = text_of(root, "description");
    def->memory = strtoull(fl_xml_text(fl_xml_child(root, "memory")), NULL, 10);
    def->cur_memory = strtoull(fl_xml_text(fl_xml_child(root, "currentMemory")), NULL, 10);
    def->max_vcpus = (unsigned int)strtoul(fl_xml_text(vcpu), NULL, 10);
    def->vcpus = current ? (unsigned int)strtoul(current, NULL, 10) : def->max_vcpus;
    def->os_type = text_of(root, "os/type");
    def->arch = g_strdup(fl_xml_find_attr(root, "os/type", "arch"));
    def->on_poweroff = action_of(root, "on_poweroff");
    def->on_reboot = action_of(root, "on_reboot");
    def->on_crash = action_of(root, "on_crash");
}

static void set_text_child(struct fl_xml_node *root, const char *name, const char *text)
{
    struct fl_xml_node *node = fl_xml_child(root, name);

    if (!text || !*text) {
        fl_xml_free(node);
        return;
    }
    fl_xml_set_text(node ? node : fl_xml_add(root, name), text);
}

static const char *action_name(int action)
{
    static const char *const names[] = { "destroy",  "restart",          "rename-restart",
                                         "preserve", "coredump-destroy", "coredump-restart" };

    return action >= 0 && action < (int)G_N_ELEMENTS(names) ? names[action] : names[0];
}

/* And back, into a copy that is about to be written. */
static void store(const struct fl_domain_def *def, struct fl_xml_node *root)
{
    struct fl_xml_node *vcpu = fl_xml_child(root, "vcpu");
    char uuid[VIR_UUID_STRING_BUFLEN];

    fl_uuid_format(def->uuid, uuid);
    set_text_child(root, "name", def->name);
    set_text_child(root, "uuid", uuid);
    set_text_child(root, "title", def->title);
    set_text_child(root, "description", def->description);
    fl_xml_set_textf(fl_xml_child(root, "memory"), "%llu", def->memory);
    fl_xml_set_textf(fl_xml_child(root, "currentMemory"), "%llu", def->cur_memory);
    fl_xml_set_textf(vcpu, "%u", def->max_vcpus);
    fl_xml_set(vcpu, "current", NULL);
    if (def->vcpus != def->max_vcpus)
        fl_xml_setf(vcpu, "current", "%u", def->vcpus);
    set_text_child(root, "on_poweroff", action_name(def->on_poweroff));
    set_text_child(root, "on_reboot", action_name(def->on_reboot));
    set_text_child(root, "on_crash", action_name(def->on_crash));
    fl_doc_order(fl_domain_rows, root);
}

/* Name and UUID, which are errors of their own. */
static int check_identity(struct fl_doc_ctx *ctx, const struct fl_xml_node *in, struct fl_domain_def *def)
{
    const char *name = fl_xml_find_text(in, "name"), *uuid = fl_xml_find_text(in, "uuid");

    if (!name || !*name)
        return fl_doc_error(ctx, in, VIR_ERR_NO_NAME, "expected an element <name>");
    if (strchr(name, '\n'))
        return fl_error_set(VIR_FROM_XML, VIR_ERR_XML_DETAIL, "%s:%d: <name>: expected no newline", ctx->name,
                            fl_xml_child(in, "name")->line);
    if (strchr(name, '/'))
        return fl_doc_error(ctx, fl_xml_child(in, "name"), VIR_ERR_XML_ERROR, "<name>: expected no slash");
    if (!uuid || !*uuid) {
        if (!(ctx->flags & FL_DOMAIN_DEF_NO_UUID))
            fl_uuid_generate(def->uuid);
        return 0;
    }
    if (!fl_uuid_parse(uuid, def->uuid))
        return fl_doc_error(ctx, fl_xml_child(in, "uuid"), VIR_ERR_INTERNAL_ERROR,
                            "<uuid>: expected 32 hexadecimal digits, found '%s'", uuid);
    return 0;
}

int fl_domain_def_parse_node(const struct fl_xml_node *node, const char *name, unsigned int flags,
                             struct fl_domain_def **ret_def)
{
    struct fl_doc_ctx ctx = { &fl_domain_doc, name ? name : "(domain_definition)", flags, NULL };
    struct fl_domain_def *def = g_new0(struct fl_domain_def, 1);
    const char *id;

    def->text = fl_domain_text_new();
    if (fl_doc_check_root(&ctx, node) < 0 || check_identity(&ctx, node, def) < 0 ||
        fl_doc_check(&ctx, node, &def->root) < 0 || fl_domain_complete(&ctx, def->root) < 0) {
        fl_domain_def_free(def);
        return -1;
    }
    load(def);
    id = fl_xml_get(def->root, "id");
    def->id = id && (flags & FL_DOMAIN_DEF_LIVE) ? (int)strtol(id, NULL, 10) : -1;
    fl_xml_set(def->root, "id", NULL);
    *ret_def = def;
    return 0;
}

int fl_domain_def_parse(const char *xml, const char *name, unsigned int flags, struct fl_domain_def **ret_def)
{
    struct fl_doc_ctx ctx = { &fl_domain_doc, name ? name : "(domain_definition)", flags, NULL };
    FL_XML_AUTO *root = NULL;

    if (fl_doc_read(&ctx, xml, &root) < 0)
        return -1;
    return fl_domain_def_parse_node(root, name, flags, ret_def);
}

struct fl_domain_def *fl_domain_def_new(const char *virt_type, const char *name, const unsigned char *uuid,
                                        unsigned long long memory)
{
    struct fl_domain_def *def = g_new0(struct fl_domain_def, 1);
    struct fl_xml_node *root = fl_xml_new("domain"), *node;

    def->text = fl_domain_text_new();
    fl_xml_set(root, "type", virt_type);
    fl_xml_addf(root, "name", "%s", name);
    node = fl_xml_addf(root, "memory", "%llu", memory);
    fl_xml_set(node, "unit", "KiB");
    node = fl_xml_addf(root, "currentMemory", "%llu", memory);
    fl_xml_set(node, "unit", "KiB");
    node = fl_xml_addf(root, "vcpu", "1");
    fl_xml_set(node, "placement", "static");
    node = fl_xml_add(root, "os");
    fl_xml_set(fl_xml_addf(node, "type", "hvm"), "arch", "i686");
    fl_xml_set(fl_xml_add(node, "boot"), "dev", "hd");
    fl_xml_set(fl_xml_add(root, "clock"), "offset", "utc");
    fl_xml_addf(root, "on_poweroff", "destroy");
    fl_xml_addf(root, "on_reboot", "restart");
    fl_xml_addf(root, "on_crash", "destroy");
    fl_xml_add(root, "devices")->flags |= FL_XML_OPEN;
    def->root = root;
    load(def);
    def->id = -1;
    memcpy(def->uuid, uuid, sizeof(def->uuid));
    return def;
}

struct fl_domain_def *fl_domain_def_copy(const struct fl_domain_def *def)
{
    struct fl_domain_def *copy = g_new0(struct fl_domain_def, 1);

    *copy = *def;
    copy->virt_type = g_strdup(def->virt_type);
    copy->name = g_strdup(def->name);
    copy->title = g_strdup(def->title);
    copy->description = g_strdup(def->description);
    copy->os_type = g_strdup(def->os_type);
    copy->arch = g_strdup(def->arch);
    copy->root = fl_xml_copy(def->root);
    copy->text = fl_domain_text_new();
    return copy;
}

void fl_domain_def_free(struct fl_domain_def *def)
{
    if (!def)
        return;
    g_free(def->virt_type);
    g_free(def->name);
    g_free(def->title);
    g_free(def->description);
    g_free(def->os_type);
    g_free(def->arch);
    fl_xml_free(def->root);
    fl_domain_text_free(def->text);
    g_free(def);
}

struct fl_xml_node *fl_domain_def_tree(const struct fl_domain_def *def, unsigned int flags)
{
    struct fl_xml_node *root = fl_xml_copy(def->root);

    store(def, root);
    if (!(flags & VIR_DOMAIN_XML_SECURE))
        fl_doc_strip(fl_domain_rows, root, FL_SECRET);
    if (def->id >= 0 && !(flags & VIR_DOMAIN_XML_INACTIVE))
        fl_xml_setf(root, "id", "%d", def->id);
    if (flags & VIR_DOMAIN_XML_MIGRATABLE)
        fl_domain_make_migratable(root);
    return root;
}

char *fl_domain_def_format(const struct fl_domain_def *def, unsigned int flags)
{
    char *text = fl_domain_text_get(def, flags);

    if (!text) {
        FL_XML_AUTO *root = fl_domain_def_tree(def, flags);

        text = fl_xml_format(root);
        fl_domain_text_keep(def, flags, text);
    }
    return text;
}
