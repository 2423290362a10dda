/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a domain gets beyond what was written: the assumptions the field's tools rely on, learnt from what the
 * incumbent's test driver prints. Works on the canonical tree. Devices: domain_complete_devices.c.
 */
#include <stdlib.h>

#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

#include "model/domain_private.h"

static struct fl_xml_node *ensure(struct fl_xml_node *root, const char *name)
{
    struct fl_xml_node *node = fl_xml_child(root, name);

    return node ? node : fl_xml_add(root, name);
}

static unsigned long long number_of(const struct fl_xml_node *node, unsigned long long fallback)
{
    return node && node->text ? strtoull(node->text, NULL, 10) : fallback;
}

/* An allowance never exceeds what there is; none means all. */
static int complete_memory(struct fl_doc_ctx *ctx, struct fl_xml_node *root)
{
    const struct fl_xml_node *memory = fl_xml_child(root, "memory");
    unsigned long long max = number_of(memory, 0), cur;
    struct fl_xml_node *current;

    for (const struct fl_xml_node *cell = fl_xml_find(root, "cpu/numa/cell"); !memory && cell;
         cell = fl_xml_next(cell, "cell"))
        max += strtoull(fl_xml_get(cell, "memory"), NULL, 10);
    if (max == 0)
        return fl_doc_error(ctx, root, VIR_ERR_XML_ERROR, "expected <memory> with a size greater than 0");
    if (!memory) {
        struct fl_xml_node *made = fl_xml_add(root, "memory");

        fl_xml_set(made, "unit", "KiB");
        fl_xml_set_textf(made, "%llu", max);
    }
    current = ensure(root, "currentMemory");
    cur = number_of(current, 0);
    if (cur == 0 || cur > max)
        cur = max;
    fl_xml_set(current, "unit", "KiB");
    fl_xml_set_textf(current, "%llu", cur);
    return 0;
}

static int complete_vcpu(struct fl_doc_ctx *ctx, struct fl_xml_node *root)
{
    struct fl_xml_node *vcpu = ensure(root, "vcpu");
    unsigned long long max, cur;

    if (!fl_xml_get(vcpu, "placement"))
        fl_xml_set(vcpu, "placement", "static");
    if (!vcpu->text)
        fl_xml_set_text(vcpu, "1");
    max = number_of(vcpu, 1);
    if (!fl_xml_get(vcpu, "current"))
        return 0;
    cur = strtoull(fl_xml_get(vcpu, "current"), NULL, 10);
    if (cur > max)
        return fl_doc_error(ctx, vcpu, VIR_ERR_CONFIG_UNSUPPORTED,
                            "<vcpu>: expected current of at most %llu, found %llu", max, cur);
    if (cur == max)
        fl_xml_set(vcpu, "current", NULL);
    return 0;
}

static bool iothread_taken(const struct fl_xml_node *ids, unsigned int id)
{
    for (const struct fl_xml_node *it = fl_xml_child(ids, NULL); it; it = fl_xml_next(it, NULL)) {
        if (strtoull(fl_xml_get(it, "id"), NULL, 10) == id)
            return true;
    }
    return false;
}

/* The list of ids is filled up to the count with the lowest free ones. */
static void complete_iothreads(struct fl_xml_node *root)
{
    struct fl_xml_node *ids = fl_xml_child(root, "iothreadids");
    unsigned int have = fl_xml_count(ids, "iothread"), want;

    if (!ids)
        return;
    want = (unsigned int)number_of(fl_xml_child(root, "iothreads"), 0);
    for (unsigned int id = 1; have < want && have < 65536; id++) {
        if (iothread_taken(ids, id))
            continue;
        fl_xml_setf(fl_xml_add(ids, "iothread"), "id", "%u", id);
        have++;
    }
    fl_xml_set_textf(ensure(root, "iothreads"), "%u", have);
}

static int check_range(struct fl_doc_ctx *ctx, const struct fl_xml_node *tune, const char *name,
                       long long min, long long max)
{
    const struct fl_xml_node *node = fl_xml_child(tune, name);
    long long value = node ? strtoll(fl_xml_text(node), NULL, 10) : min;

    if (value >= min && value <= max)
        return 0;
    return fl_doc_error(ctx, node, VIR_ERR_CONFIG_UNSUPPORTED,
                        "<%s>: expected a number from %lld to %lld, found %lld", name, min, max, value);
}

/* Negative means no limit. */
static int check_quota(struct fl_doc_ctx *ctx, const struct fl_xml_node *tune, const char *name)
{
    const struct fl_xml_node *node = fl_xml_child(tune, name);

    if (!node || fl_xml_text(node)[0] == '-' || strcmp(fl_xml_text(node), "0") == 0)
        return 0;
    return check_range(ctx, tune, name, 1000, 17592186044415);
}

/* Pins of CPUs the domain does not have. */
static void drop_pins(const struct fl_xml_node *root, struct fl_xml_node *tune)
{
    unsigned long long max = number_of(fl_xml_child(root, "vcpu"), 1);
    struct fl_xml_node *next;

    for (struct fl_xml_node *pin = fl_xml_child(tune, "vcpupin"); pin; pin = next) {
        next = fl_xml_next(pin, "vcpupin");
        if (strtoull(fl_xml_get(pin, "vcpu"), NULL, 10) >= max)
            fl_xml_free(pin);
    }
}

static int complete_cputune(struct fl_doc_ctx *ctx, struct fl_xml_node *root)
{
    static const char *const periods[] = { "period", "global_period", "emulator_period", "iothread_period" };
    static const char *const quotas[] = { "quota", "global_quota", "emulator_quota", "iothread_quota" };
    struct fl_xml_node *tune = fl_xml_child(root, "cputune");
    struct fl_xml_node *first, *next;

    if (check_range(ctx, tune, "shares", 2, 262144) < 0)
        return -1;
    for (unsigned int i = 0; i < G_N_ELEMENTS(periods); i++) {
        if (check_range(ctx, tune, periods[i], 1000, 1000000) < 0 || check_quota(ctx, tune, quotas[i]) < 0)
            return -1;
    }
    drop_pins(root, tune);
    /* vcpupin in the order of the CPUs: insertion sort among siblings. */
    first = fl_xml_child(tune, "vcpupin");
    for (struct fl_xml_node *pin = first ? fl_xml_next(first, "vcpupin") : NULL; pin; pin = next) {
        unsigned long long id = strtoull(fl_xml_get(pin, "vcpu"), NULL, 10);
        struct fl_xml_node *at = fl_xml_child(tune, "vcpupin");

        next = fl_xml_next(pin, "vcpupin");
        while (at != pin && strtoull(fl_xml_get(at, "vcpu"), NULL, 10) <= id)
            at = fl_xml_next(at, "vcpupin");
        if (at != pin)
            fl_xml_insert(tune, pin, at);
    }
    return 0;
}

static void complete_numatune(struct fl_xml_node *root)
{
    struct fl_xml_node *memory = fl_xml_find(root, "numatune/memory");
    bool automatic = fl_xml_is(fl_xml_child(root, "vcpu"), "placement", "auto");

    if (!memory && automatic && !fl_xml_child(root, "numatune")) {
        memory = fl_xml_add(fl_xml_add(root, "numatune"), "memory");
        fl_xml_set(memory, "mode", "strict");
        fl_xml_set(memory, "placement", "auto");
    }
    if (!memory)
        return;
    if (fl_xml_is(memory, "placement", "auto"))
        fl_xml_set(memory, "nodeset", NULL);
    else if (fl_xml_get(memory, "nodeset"))
        fl_xml_set(memory, "placement", NULL);
}

static bool device_boot_order(const struct fl_xml_node *root)
{
    const struct fl_xml_node *devices = fl_xml_child(root, "devices");

    for (const struct fl_xml_node *dev = fl_xml_child(devices, NULL); dev; dev = fl_xml_next(dev, NULL)) {
        if (fl_xml_child(dev, "boot"))
            return true;
    }
    return false;
}

static void dedupe_boot(struct fl_xml_node *os)
{
    struct fl_xml_node *next;

    for (struct fl_xml_node *boot = fl_xml_child(os, "boot"); boot; boot = next) {
        const struct fl_xml_node *same = fl_xml_child(os, "boot");

        next = fl_xml_next(boot, "boot");
        while (!fl_xml_is(same, "dev", fl_xml_get(boot, "dev")))
            same = fl_xml_next(same, "boot");
        if (same != boot)
            fl_xml_free(boot);
    }
}

static const char archs[] =
    "alpha|armv6l|armv7l|armv7b|aarch64|cris|i686|ia64|lm32|loongarch64|m68k|microblaze|"
    "microblazeel|mips|mipsel|mips64|mips64el|openrisc|parisc|parisc64|ppc|ppc64|ppc64le|"
    "ppcemb|riscv32|riscv64|s390|s390x|sh4|sh4eb|sparc|sparc64|unicore32|x86_64|xtensa|"
    "xtensaeb";

/* Features of the firmware, by name; keys cannot be enrolled where booting is not secured. */
static int complete_firmware(struct fl_doc_ctx *ctx, struct fl_xml_node *firmware)
{
    const struct fl_xml_node *secure = NULL, *keys = NULL;

    for (struct fl_xml_node *f = fl_xml_child(firmware, "feature"); f; f = fl_xml_next(f, "feature")) {
        if (fl_xml_is(f, "name", "secure-boot"))
            secure = f;
        else
            keys = f;
    }
    if (keys && secure)
        fl_xml_append(firmware, (struct fl_xml_node *)secure);
    if (fl_xml_is(keys, "enabled", "yes") && fl_xml_is(secure, "enabled", "no"))
        return fl_doc_error(ctx, keys, VIR_ERR_XML_DETAIL,
                            "<feature name='enrolled-keys'>: expected no when secure-boot is no");
    return 0;
}

static int complete_os(struct fl_doc_ctx *ctx, struct fl_xml_node *root)
{
    struct fl_xml_node *os = ensure(root, "os"), *type = fl_xml_child(os, "type");
    struct fl_xml_node *loader = fl_xml_child(os, "loader");

    if (!type || !type->text) {
        if (!fl_xml_child(root, "bootloader"))
            return fl_doc_error(ctx, os, VIR_ERR_XML_ERROR, "<os>: expected an element <type>, such as hvm");
        type = type ? type : fl_xml_add(os, "type");
        fl_xml_set_text(type, "xen");
    }
    if (!fl_word_in(fl_xml_text(type), "hvm|xen|linux|exe|uml|xenpvh"))
        return fl_doc_error(ctx, type, VIR_ERR_CONFIG_UNSUPPORTED,
                            "<type>: expected hvm, xen, linux, exe or uml, found '%s'", fl_xml_text(type));
    if (fl_xml_get(type, "arch") && !fl_word_in(fl_xml_get(type, "arch"), archs))
        return fl_doc_error(ctx, type, VIR_ERR_CONFIG_UNSUPPORTED,
                            "attribute 'arch' of <type>: expected one of %s, found '%s'", archs,
                            fl_xml_get(type, "arch"));
    if (!fl_xml_get(type, "arch")) {
        g_autofree char *machine = g_strdup(fl_xml_get(type, "machine"));

        fl_xml_set(type, "machine", NULL);
        fl_xml_set(type, "arch", "i686");
        fl_xml_set(type, "machine", machine);
    }
    if (complete_firmware(ctx, fl_xml_child(os, "firmware")) < 0)
        return -1;
    dedupe_boot(os);
    if (fl_xml_child(os, "boot") && device_boot_order(root))
        return fl_doc_error(ctx, os, VIR_ERR_CONFIG_UNSUPPORTED,
                            "expected <boot> either inside <os> or in devices, found both");
    if (!fl_xml_child(os, "boot") && !device_boot_order(root) && strcmp(fl_xml_text(type), "hvm") == 0)
        fl_xml_set(fl_xml_add(os, "boot"), "dev", "hd");
    if (fl_word_in(fl_xml_text(type), "linux|exe")) {
        fl_xml_free(fl_xml_child(os, "kernel"));
        fl_xml_free(fl_xml_child(os, "initrd"));
        fl_xml_free(fl_xml_child(os, "cmdline"));
    }
    if (loader && loader->text && !fl_xml_get(loader, "type"))
        fl_xml_set(loader, "type", "rom");
    return 0;
}

/* A fixed distance from UTC is a variable clock with that start. */
static int complete_clock(struct fl_doc_ctx *ctx, struct fl_xml_node *root)
{
    struct fl_xml_node *clock = ensure(root, "clock");
    const char *adjustment;
    long long seconds;

    if (!fl_xml_get(clock, "offset"))
        fl_xml_set(clock, "offset", "utc");
    if (fl_xml_is(clock, "offset", "variable") && !fl_xml_get(clock, "adjustment")) {
        g_autofree char *basis = g_strdup(fl_xml_get(clock, "basis"));

        fl_xml_set(clock, "basis", NULL);
        fl_xml_set(clock, "adjustment", "0");
        fl_xml_set(clock, "basis", basis);
    }
    adjustment = fl_xml_get(clock, "adjustment");
    if (!adjustment || strcmp(adjustment, "reset") == 0)
        return 0;
    if (fl_s64_parse(adjustment, G_MININT64, G_MAXINT64, &seconds) < 0)
        return fl_doc_error(ctx, clock, VIR_ERR_XML_ERROR,
                            "<clock>: expected adjustment in seconds, found '%s'", adjustment);
    if (!fl_xml_is(clock, "offset", "variable")) {
        fl_xml_set(clock, "basis", fl_xml_get(clock, "offset"));
        fl_xml_set(clock, "offset", "variable");
    }
    return 0;
}

/* The distance there and back is the same unless said otherwise. */
static void complete_distances(struct fl_xml_node *numa)
{
    for (struct fl_xml_node *a = fl_xml_child(numa, "cell"); a; a = fl_xml_next(a, "cell")) {
        for (const struct fl_xml_node *s = fl_xml_find(a, "distances/sibling"); s;
             s = fl_xml_next(s, "sibling")) {
            struct fl_xml_node *b = fl_xml_child(numa, "cell"), *back, *back_sibling;

            while (b && !fl_xml_is(b, "id", fl_xml_get(s, "id")))
                b = fl_xml_next(b, "cell");
            if (!b || b == a || fl_xml_child(b, "distances"))
                continue;
            back = fl_xml_add(b, "distances");
            for (const struct fl_xml_node *c = fl_xml_child(numa, "cell"); c; c = fl_xml_next(c, "cell")) {
                const char *value = c == b ? "10" : c == a ? fl_xml_get(s, "value") : "20";

                back_sibling = fl_xml_add(back, "sibling");
                fl_xml_set(back_sibling, "id", fl_xml_get(c, "id"));
                fl_xml_set(back_sibling, "value", value);
            }
        }
    }
}

static void complete_cpu(struct fl_xml_node *root)
{
    struct fl_xml_node *cpu = fl_xml_child(root, "cpu"), *model = fl_xml_child(cpu, "model");
    struct fl_xml_node *numa = fl_xml_child(cpu, "numa");
    unsigned int id = 0;

    if (!cpu)
        return;
    if (model && !fl_xml_get(cpu, "mode"))
        fl_xml_set(cpu, "mode", "custom");
    if (model && fl_xml_is(cpu, "mode", "custom")) {
        if (!fl_xml_get(cpu, "match"))
            fl_xml_set(cpu, "match", "exact");
        if (!fl_xml_get(model, "fallback"))
            fl_xml_set(model, "fallback", "allow");
        fl_doc_order(fl_cpu_model_rows, model);
    }
    if (!model && !fl_xml_is(cpu, "mode", "custom"))
        fl_xml_set(cpu, "match", NULL);
    fl_doc_order(fl_cpu_rows, cpu);
    for (struct fl_xml_node *cell = fl_xml_child(numa, "cell"); cell;
         cell = fl_xml_next(cell, "cell"), id++) {
        if (!fl_xml_get(cell, "id")) {
            struct fl_xml_attr *first = cell->attrs;

            cell->attrs = NULL;
            fl_xml_setf(cell, "id", "%u", id);
            cell->attrs->next = first;
        }
    }
    complete_distances(numa);
}

/* SMBIOS fields have their own order; what is not among them is dropped. */
static void order_entries(struct fl_xml_node *section, const char *names)
{
    g_auto(GStrv) words = g_strsplit(names, "|", -1);
    g_autoptr(GPtrArray) kept = g_ptr_array_new();

    if (!section)
        return;
    for (unsigned int i = 0; words[i]; i++) {
        struct fl_xml_node *entry = section->first;

        while (entry && !fl_xml_is(entry, "name", words[i]))
            entry = entry->next;
        if (entry) {
            fl_xml_unlink(entry);
            g_ptr_array_add(kept, entry);
        }
    }
    while (section->first)
        fl_xml_free(section->first);
    for (unsigned int i = 0; i < kept->len; i++)
        fl_xml_append(section, kept->pdata[i]);
}

static void complete_sysinfo(struct fl_xml_node *root)
{
    for (struct fl_xml_node *info = fl_xml_child(root, "sysinfo"); info;
         info = fl_xml_next(info, "sysinfo")) {
        order_entries(fl_xml_child(info, "bios"), "vendor|version|date|release");
        order_entries(fl_xml_child(info, "system"), "manufacturer|product|version|serial|uuid|sku|family");
        for (struct fl_xml_node *b = fl_xml_child(info, "baseBoard"); b; b = fl_xml_next(b, "baseBoard"))
            order_entries(b, "manufacturer|product|version|serial|asset|location");
        order_entries(fl_xml_child(info, "chassis"), "manufacturer|version|serial|asset|sku");
    }
}

static void complete_seclabels(struct fl_xml_node *root)
{
    for (struct fl_xml_node *label = fl_xml_child(root, "seclabel"); label;
         label = fl_xml_next(label, "seclabel")) {
        if (fl_xml_is(label, "type", "none"))
            fl_xml_set(label, "relabel", NULL);
        else if (!fl_xml_get(label, "relabel"))
            fl_xml_set(label, "relabel", fl_xml_is(label, "type", "static") ? "no" : "yes");
    }
}

int fl_domain_complete(struct fl_doc_ctx *ctx, struct fl_xml_node *root)
{
    struct fl_xml_node *tune;

    if (complete_os(ctx, root) < 0 || complete_memory(ctx, root) < 0 || complete_vcpu(ctx, root) < 0 ||
        complete_cputune(ctx, root) < 0 || complete_clock(ctx, root) < 0)
        return -1;
    complete_iothreads(root);
    complete_numatune(root);
    complete_cpu(root);
    complete_sysinfo(root);
    complete_seclabels(root);
    if (fl_domain_complete_devices(ctx, root) < 0)
        return -1;
    tune = fl_xml_child(root, "cputune");
    if (tune && !tune->first)
        fl_xml_free(tune);
    fl_doc_order(fl_os_rows, fl_xml_child(root, "os"));
    fl_doc_order(fl_domain_rows, root);
    return fl_domain_def_check(ctx, root);
}
