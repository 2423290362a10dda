/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Throttling of disks: <iotune>. What is given is merged into what is there. */
#define FL_FROM VIR_FROM_TEST
#include <string.h>
#include "driver/test/domain.h"
#include "driver/test/ops.h"
#include "driver/test/params.h"

#define LIVE_CONFIG (VIR_DOMAIN_AFFECT_LIVE | VIR_DOMAIN_AFFECT_CONFIG)
#define GROUP_NAME  "group_name" /* the one text among numbers */

/* In the order of answer and of output; the parameter is called as the element. */
static const char *const tunes[] = {
    "total_bytes_sec",
    "read_bytes_sec",
    "write_bytes_sec",
    "total_iops_sec",
    "read_iops_sec",
    "write_iops_sec",
    "total_bytes_sec_max",
    "read_bytes_sec_max",
    "write_bytes_sec_max",
    "total_iops_sec_max",
    "read_iops_sec_max",
    "write_iops_sec_max",
    "size_iops_sec",
    GROUP_NAME,
    "total_bytes_sec_max_length",
    "read_bytes_sec_max_length",
    "write_bytes_sec_max_length",
    "total_iops_sec_max_length",
    "read_iops_sec_max_length",
    "write_iops_sec_max_length",
};
#define N_TUNES G_N_ELEMENTS(tunes)

static int is_group(gsize i)
{
    return strcmp(tunes[i], GROUP_NAME) == 0;
}

static struct fl_xml_node *disk_find(const struct fl_domain_def *def, const char *disk)
{
    struct fl_xml_node *node = fl_domain_disk_by(def, disk);
    if (!node)
        fl_error(VIR_ERR_INVALID_ARG, "domain '%s' has no disk '%s'", def->name, disk);
    return node;
}

static void tune_read(const struct fl_xml_node *disk, unsigned long long *v, const char **ret_group)
{
    const struct fl_xml_node *iotune = fl_xml_child(disk, "iotune");
    const char *group = iotune ? fl_xml_find_text(iotune, GROUP_NAME) : NULL;
    for (gsize i = 0; i < N_TUNES; i++)
        v[i] = is_group(i) ? 0 : fl_test_xml_number(iotune, tunes[i], 0);
    *ret_group = group ? group : "";
}

int fl_test_domain_get_block_io_tune(virDomainPtr dom, const char *disk, virTypedParameterPtr params,
                                     int *nparams, unsigned int flags)
{
    if (fl_check_flags(flags, LIVE_CONFIG | VIR_TYPED_PARAM_STRING_OKAY) < 0)
        return -1;
    TEST_READ(dom);
    struct fl_test_domain *d = fl_test_domain_of(host, dom);
    struct fl_domain_def *def;
    struct fl_xml_node *node;
    if (!d || fl_test_domain_one_def(d, flags, &def) < 0)
        return -1;
    if (*nparams == 0) {
        *nparams = N_TUNES;
        return 0;
    }
    if (!(node = disk_find(def, disk)))
        return -1;
    unsigned long long v[N_TUNES];
    const char *group;
    struct fl_test_param values[N_TUNES];
    tune_read(node, v, &group);
    for (gsize i = 0; i < N_TUNES; i++) {
        values[i] = (struct fl_test_param){ tunes[i], VIR_TYPED_PARAM_ULLONG, { .ull = v[i] } };
        if (is_group(i))
            values[i] = (struct fl_test_param){ tunes[i], VIR_TYPED_PARAM_STRING, { .s = group } };
    }
    return fl_test_params_answer(values, N_TUNES, params, nparams);
}

/* Rows 0-5 are the rates, 6-11 their maxima; each three are total, read, write. */
static int tune_check(const unsigned long long *v)
{
    for (int i = 0; i < 12; i += 3) {
        if (v[i] && (v[i + 1] || v[i + 2]))
            return fl_error(VIR_ERR_INVALID_ARG, "%s cannot be set together with %s or %s", tunes[i],
                            tunes[i + 1], tunes[i + 2]);
    }
    for (int i = 0; i < 6; i++) {
        if (v[i] > v[i + 6])
            return fl_error(VIR_ERR_INVALID_ARG, "%s (%llu) must not exceed %s (%llu)", tunes[i], v[i],
                            tunes[i + 6], v[i + 6]);
    }
    return 0;
}

static void tune_write(struct fl_xml_node *disk, const unsigned long long *v, const char *group)
{
    struct fl_xml_node *iotune = fl_xml_new("iotune"), *old = fl_xml_child(disk, "iotune");
    struct fl_xml_node *target = fl_xml_child(disk, "target");
    for (gsize i = 0; i < N_TUNES; i++) {
        if (is_group(i) && *group)
            fl_xml_addf(iotune, tunes[i], "%s", group);
        else if (v[i])
            fl_xml_addf(iotune, tunes[i], "%llu", v[i]);
    }
    fl_xml_free(old);
    if (iotune->first)
        fl_xml_insert(disk, iotune, target ? target->next : NULL);
    else
        fl_xml_free(iotune);
}

int fl_test_domain_set_block_io_tune(virDomainPtr dom, const char *disk, virTypedParameterPtr params,
                                     int nparams, unsigned int flags)
{
    struct fl_param_rule rules[N_TUNES + 1] = { 0 };
    for (gsize i = 0; i < N_TUNES; i++)
        rules[i] =
            (struct fl_param_rule){ tunes[i], is_group(i) ? VIR_TYPED_PARAM_STRING : VIR_TYPED_PARAM_ULLONG,
                                    false };
    if (fl_check_flags(flags, LIVE_CONFIG) < 0 || fl_params_check(params, nparams, rules) < 0)
        return -1;
    TEST_WRITE(dom);
    struct fl_test_domain *d = fl_test_domain_of(host, dom);
    struct fl_domain_def *def;
    struct fl_xml_node *node;
    if (!d || fl_test_domain_one_def(d, flags, &def) < 0 || !(node = disk_find(def, disk)))
        return -1;
    unsigned long long v[N_TUNES];
    const char *old_group;
    tune_read(node, v, &old_group);
    g_autofree char *group = g_strdup(old_group);
    for (gsize i = 0; i < N_TUNES; i++) {
        const virTypedParameter *p = fl_test_params_get(params, nparams, tunes[i]);
        if (p && is_group(i)) {
            g_free(group);
            group = g_strdup(p->value.s ? p->value.s : "");
        } else if (p) {
            v[i] = p->value.ul;
        }
    }
    if (tune_check(v) < 0)
        return -1;
    tune_write(node, v, group);
    return 0;
}
