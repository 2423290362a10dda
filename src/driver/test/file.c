/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test:///path/to/file.xml: a host described by a <node> document. Objects stand in it or, by file=, in a
 * file of their own (relative to the document). What a domain has beyond its definition is in elements of the
 * namespace below.
 */
#define FL_FROM VIR_FROM_TEST
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "driver/test/domain.h"
#include "driver/test/interface.h"
#include "driver/test/network.h"
#include "driver/test/nodedev.h"
#include "driver/test/pool.h"
#include "driver/test/snapshot.h"

#define MAX_CPUS 65536
#define TEST_NS  "http://libvirt.org/schemas/domain/test/1.0"

struct load {
    struct fl_test_host *host;
    const char *path;
};

static int load_error(const struct load *load, const struct fl_xml_node *at, const char *what)
{
    return fl_error(VIR_ERR_XML_ERROR, "%s:%d: %s", load->path, at ? at->line : 0, what);
}

/* A number of 32 bits below `parent`, if it is there. */
static int number_of(const struct load *load, const struct fl_xml_node *parent, const char *name,
                     unsigned int *ret)
{
    const struct fl_xml_node *node = parent ? fl_xml_child(parent, name) : NULL;
    guint64 value;
    if (!node)
        return 0;
    if (!g_ascii_string_to_unsigned(fl_xml_text(node), 10, 0, G_MAXUINT, &value, NULL))
        return fl_error(VIR_ERR_XML_ERROR, "%s:%d: <%s> is '%s'; a number was expected", load->path,
                        node->line, name, fl_xml_text(node));
    *ret = value;
    return 1;
}

static int load_node(struct load *load, const struct fl_xml_node *root)
{
    virNodeInfoPtr node = &load->host->node;
    const struct fl_xml_node *cpu = fl_xml_child(root, "cpu"), *memory = fl_xml_child(root, "memory");
    unsigned int cores = node->cores, sockets = node->sockets, threads = node->threads, mhz = node->mhz,
                 nodes = node->nodes, cpus;
    if (number_of(load, cpu, "nodes", &nodes) < 0 || number_of(load, cpu, "sockets", &sockets) < 0 ||
        number_of(load, cpu, "cores", &cores) < 0 || number_of(load, cpu, "threads", &threads) < 0 ||
        number_of(load, cpu, "mhz", &mhz) < 0)
        return -1;
    cpus = nodes * sockets * cores * threads;
    if (number_of(load, cpu, "active", &cpus) < 0)
        return -1;
    if (cpus > MAX_CPUS || (guint64)nodes * sockets > MAX_CPUS || (guint64)cores * threads > MAX_CPUS ||
        (guint64)nodes * sockets * cores * threads > MAX_CPUS)
        return load_error(load, cpu, "<cpu> describes more than 65536 CPUs");
    *node = (virNodeInfo){ .cores = cores,
                           .sockets = sockets,
                           .threads = threads,
                           .mhz = mhz,
                           .nodes = nodes,
                           .cpus = cpus,
                           .memory = node->memory };
    const char *model = cpu ? fl_xml_find_text(cpu, "model") : NULL;
    if (model && strlen(model) >= sizeof(node->model))
        return fl_error(VIR_ERR_INTERNAL_ERROR,
                        "%s: the CPU model '%s' is longer than the %zu bytes there are for it", load->path,
                        model, sizeof(node->model) - 1);
    g_strlcpy(node->model, model ? model : "i686", sizeof(node->model));
    guint64 kib;
    if (memory) {
        if (!g_ascii_string_to_unsigned(fl_xml_text(memory), 10, 0, G_MAXLONG, &kib, NULL))
            return fl_error(VIR_ERR_XML_ERROR, "%s:%d: <memory> is '%s'; a number of KiB was expected",
                            load->path, memory->line, fl_xml_text(memory));
        node->memory = kib;
    }
    return 0;
}

/* Compat: a file that is not there has the code of one that is no XML. */
static int read_file(const char *path, struct fl_xml_node **ret_root)
{
    struct stat st;
    if (stat(path, &st) < 0 || access(path, R_OK) < 0)
        return fl_error(VIR_ERR_XML_ERROR, "cannot read '%s': %s", path, g_strerror(errno));
    if (!S_ISREG(st.st_mode)) /* a pipe might never end */
        return fl_error(VIR_ERR_XML_ERROR, "cannot read '%s': it is no regular file", path);
    return fl_xml_parse_file(path, ret_root);
}

/* The element itself, or the root of the file it names; `*ret_own` is to be freed. */
static const struct fl_xml_node *node_or_file(const struct load *load, const struct fl_xml_node *node,
                                              struct fl_xml_node **ret_own, char **ret_name)
{
    const char *file = fl_xml_get(node, "file");
    *ret_own = NULL;
    if (!file) {
        *ret_name = g_strdup(load->path);
        return node;
    }
    if (g_path_is_absolute(file)) {
        *ret_name = g_strdup(file);
    } else {
        g_autofree char *dir = g_path_get_dirname(load->path);
        *ret_name = g_build_filename(dir, file, NULL);
    }
    return read_file(*ret_name, ret_own) < 0 ? NULL : *ret_own;
}

/* An element of the test driver's namespace. */
static const struct fl_xml_node *test_child(const struct fl_xml_node *node, const char *name)
{
    for (const struct fl_xml_node *c = node->first; c; c = c->next) {
        const char *colon = c->name ? strchr(c->name, ':') : NULL;
        if (c->ns && strcmp(c->ns, TEST_NS) == 0 && strcmp(colon ? colon + 1 : c->name, name) == 0)
            return c;
    }
    return NULL;
}

static const struct fl_xml_node *test_next(const struct fl_xml_node *node)
{
    for (const struct fl_xml_node *c = node->next; c; c = c->next) {
        if (c->ns && c->name && strcmp(c->ns, TEST_NS) == 0 && strcmp(c->name, node->name) == 0)
            return c;
    }
    return NULL;
}

/* A namespaced element as if it had no namespace, for the parser of its kind. */
static struct fl_xml_node *plain_copy(const struct fl_xml_node *node, const char *name)
{
    struct fl_xml_node *copy;
    g_autoptr(GString) text = g_string_new(NULL);
    g_string_append_printf(text, "<%s>", name);
    for (const struct fl_xml_node *kid = node->first; kid; kid = kid->next)
        fl_xml_write(text, kid, 1);
    g_string_append_printf(text, "</%s>", name);
    return fl_xml_parse(text->str, "(domain_snapshot)", &copy) < 0 ? NULL : copy;
}

static int add_domain(const struct fl_test_domain *d, struct fl_xml_node *snapshot)
{
    struct fl_xml_node *node;
    g_autofree char *xml = fl_domain_def_format(d->def, VIR_DOMAIN_XML_INACTIVE | VIR_DOMAIN_XML_SECURE);
    if (!xml || fl_xml_parse(xml, "(domain_definition)", &node) < 0)
        return -1;
    fl_xml_append(snapshot, node);
    return 0;
}

static int load_snapshots(struct load *load, struct fl_test_domain *d, const struct fl_xml_node *node)
{
    for (const struct fl_xml_node *s = test_child(node, "domainsnapshot"); s; s = test_next(s)) {
        FL_XML_AUTO *own = NULL;
        FL_XML_AUTO *copy = NULL;
        g_autofree char *name = NULL;
        struct fl_snapshot_def *def;
        const struct fl_xml_node *root = node_or_file(load, s, &own, &name);
        if (!root)
            return -1;
        if (!own && !(root = copy = plain_copy(s, "domainsnapshot")))
            return -1;
        const char *active = fl_xml_find_text(root, "active");
        if (!active)
            return fl_error_set(VIR_FROM_DOMAIN_SNAPSHOT, VIR_ERR_INTERNAL_ERROR,
                                "%s:%d: a snapshot needs <active>0</active> or <active>1</active>", name,
                                s->line);
        bool current = g_ascii_strtoull(active, NULL, 10) != 0;
        if (current && d->snapshots.current)
            return fl_error_set(VIR_FROM_DOMAIN, VIR_ERR_INTERNAL_ERROR,
                                "%s:%d: domain '%s' has two snapshots that are <active>1</active>", name,
                                s->line, d->item.name);
        /* A snapshot without its own <domain> is one of the domain as it stands in the file. */
        if (!fl_xml_child(root, "domain") && add_domain(d, own ? own : copy) < 0)
            return -1;
        if (fl_snapshot_def_parse_node(root, name, FL_SNAPSHOT_REDEFINE, &def) < 0)
            return -1;
        if (fl_snapshot_def_align_disks(def, FL_SNAPSHOT_REDEFINE) < 0) {
            fl_snapshot_def_free(def);
            return -1;
        }
        if (!fl_test_snapshot_redefine(d, def, current))
            return -1;
    }
    return 0;
}

static int load_domain(struct load *load, const struct fl_xml_node *in)
{
    FL_XML_AUTO *own = NULL;
    g_autofree char *name = NULL;
    struct fl_domain_def *def;
    const struct fl_xml_node *node = node_or_file(load, in, &own, &name);
    if (!node)
        return -1;
    const struct fl_xml_node *run = test_child(node, "runstate");
    bool transient = test_child(node, "transient"), saved = test_child(node, "hasmanagedsave");
    guint64 state = VIR_DOMAIN_RUNNING;
    if (run && !g_ascii_string_to_unsigned(fl_xml_text(run), 10, 0, VIR_DOMAIN_LAST - 1, &state, NULL))
        return load_error(load, run, "<runstate> must be a domain state, 0 to 7");
    if (transient && state == VIR_DOMAIN_SHUTOFF)
        return load_error(load, node,
                          "a transient domain cannot be off: drop <transient/> or change <runstate>");
    if (saved && state != VIR_DOMAIN_SHUTOFF)
        return load_error(load, node,
                          "a domain with a managed save image must be off: <runstate>5</runstate>");
    if (fl_domain_def_parse_node(node, name, 0, &def) < 0)
        return -1;
    struct fl_test_domain *d = fl_test_domain_add(load->host, def, FL_TEST_ADD_NEW);
    if (!d)
        return -1;
    d->persistent = !transient;
    d->managed_save = saved;
    if (state != VIR_DOMAIN_SHUTOFF)
        fl_test_domain_start(load->host, d, 0);
    d->state = state;
    d->reason = 0;
    return load_snapshots(load, d, node);
}

static int load_network(struct load *load, const struct fl_xml_node *in)
{
    FL_XML_AUTO *own = NULL;
    g_autofree char *name = NULL;
    struct fl_network_def *def;
    const struct fl_xml_node *node = node_or_file(load, in, &own, &name);
    if (!node || fl_network_def_parse_node(node, name, 0, &def) < 0)
        return -1;
    struct fl_test_network *net = fl_test_network_add(load->host, def, false);
    if (!net)
        return -1;
    net->persistent = net->active = true;
    return 0;
}

static int load_interface(struct load *load, const struct fl_xml_node *in)
{
    FL_XML_AUTO *own = NULL;
    g_autofree char *name = NULL;
    struct fl_iface_def *def;
    const struct fl_xml_node *node = node_or_file(load, in, &own, &name);
    if (!node || fl_iface_def_parse_node(node, name, 0, &def) < 0)
        return -1;
    fl_test_interface_add(&load->host->interfaces, def)->active = true;
    return 0;
}

static int load_volumes(struct load *load, struct fl_test_pool *pool, const struct fl_xml_node *in)
{
    for (const struct fl_xml_node *v = fl_xml_child(in, "volume"); v; v = fl_xml_next(v, "volume")) {
        FL_XML_AUTO *own = NULL;
        g_autofree char *name = NULL;
        struct fl_vol_def *def;
        const struct fl_xml_node *node = node_or_file(load, v, &own, &name);
        if (!node || fl_vol_def_parse_node(pool->def, node, name, 0, &def) < 0 || !fl_test_vol_add(pool, def))
            return -1;
    }
    return 0;
}

static int load_pool(struct load *load, const struct fl_xml_node *in)
{
    FL_XML_AUTO *own = NULL;
    g_autofree char *name = NULL;
    struct fl_pool_def *def;
    const struct fl_xml_node *node = node_or_file(load, in, &own, &name);
    if (!node || fl_pool_def_parse_node(node, name, 0, &def) < 0)
        return -1;
    struct fl_test_pool *pool = fl_test_pool_add(load->host, def, false);
    if (!pool)
        return -1;
    pool->persistent = pool->active = true;
    return load_volumes(load, pool, node);
}

static int load_device(struct load *load, const struct fl_xml_node *in)
{
    FL_XML_AUTO *own = NULL;
    g_autofree char *name = NULL;
    struct fl_nodedev_def *def;
    const struct fl_xml_node *node = node_or_file(load, in, &own, &name);
    if (!node)
        return -1;
    if (!fl_xml_child(node, "name"))
        return fl_error_set(VIR_FROM_NODEDEV, VIR_ERR_NO_NAME, "%s:%d: a <device> needs a <name>", name,
                            node->line);
    if (fl_nodedev_def_parse_node(node, name, 0, &def) < 0)
        return -1;
    fl_test_nodedev_add(load->host, def);
    return 0;
}

static int load_users(struct load *load, const struct fl_xml_node *root)
{
    const struct fl_xml_node *auth = fl_xml_child(root, "auth");
    for (const struct fl_xml_node *u = auth ? fl_xml_child(auth, "user") : NULL; u;
         u = fl_xml_next(u, "user")) {
        if (!*fl_xml_text(u))
            return load_error(load, u, "<user> is empty; the user's name was expected in it");
        struct fl_test_user *user = g_new0(struct fl_test_user, 1);
        user->name = g_strdup(fl_xml_text(u));
        user->password = g_strdup(fl_xml_get(u, "password"));
        g_ptr_array_add(load->host->users, user);
    }
    return 0;
}

int fl_test_host_load(struct fl_test_host *host, const char *path)
{
    static const struct {
        const char *element;
        int (*load)(struct load *load, const struct fl_xml_node *node);
    } kinds[] = {
        { "domain", load_domain }, { "network", load_network }, { "interface", load_interface },
        { "pool", load_pool },     { "device", load_device },
    };
    struct load load = { host, path };
    FL_XML_AUTO *root = NULL;
    if (read_file(path, &root) < 0)
        return -1;
    if (strcmp(root->name, "node") != 0)
        return fl_error(VIR_ERR_XML_ERROR,
                        "%s:%d: the document is a <%s>; a test host is described by a <node>", path,
                        root->line, root->name);
    if (load_node(&load, root) < 0)
        return -1;
    for (gsize k = 0; k < G_N_ELEMENTS(kinds); k++) {
        for (const struct fl_xml_node *n = fl_xml_child(root, kinds[k].element); n;
             n = fl_xml_next(n, kinds[k].element)) {
            if (kinds[k].load(&load, n) < 0)
                return -1;
        }
    }
    return load_users(&load, root);
}
