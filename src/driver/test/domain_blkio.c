/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Weights and limits on the host's block devices: <blkiotune>. A device's value goes by
 * "path,value,path,value". */
#define FL_FROM VIR_FROM_TEST
#include <string.h>
#include "driver/test/domain.h"
#include "driver/test/ops.h"
#include "driver/test/params.h"

#define LIVE_CONFIG (VIR_DOMAIN_AFFECT_LIVE | VIR_DOMAIN_AFFECT_CONFIG)

/* In the order of answer and, as elements of <device>, of output. */
static const struct {
    const char *param, *element;
} devs[] = {
    { VIR_DOMAIN_BLKIO_DEVICE_WEIGHT, "weight" },
    { VIR_DOMAIN_BLKIO_DEVICE_READ_IOPS, "read_iops_sec" },
    { VIR_DOMAIN_BLKIO_DEVICE_WRITE_IOPS, "write_iops_sec" },
    { VIR_DOMAIN_BLKIO_DEVICE_READ_BPS, "read_bytes_sec" },
    { VIR_DOMAIN_BLKIO_DEVICE_WRITE_BPS, "write_bytes_sec" },
};
static const char *const device_order[] = {
    "path", "weight", "read_iops_sec", "write_iops_sec", "read_bytes_sec", "write_bytes_sec", NULL
};
static const char *const blkiotune_order[] = { "weight", "device", NULL };

static char *device_text(const struct fl_xml_node *blkiotune, const char *element)
{
    GString *out = g_string_new("");
    for (const struct fl_xml_node *dev = blkiotune ? fl_xml_child(blkiotune, "device") : NULL; dev;
         dev = fl_xml_next(dev, "device")) {
        unsigned long long value = fl_test_xml_number(dev, element, 0);
        if (value)
            g_string_append_printf(out, "%s%s,%llu", out->len ? "," : "", fl_xml_find_text(dev, "path"),
                                   value);
    }
    return g_string_free(out, FALSE);
}

int fl_test_domain_get_blkio_parameters(virDomainPtr dom, virTypedParameterPtr params, int *nparams,
                                        unsigned int flags)
{
    if (fl_check_flags(flags, LIVE_CONFIG | VIR_TYPED_PARAM_STRING_OKAY) < 0)
        return -1;
    TEST_READ(dom);
    struct fl_test_domain *d = fl_test_domain_of(host, dom);
    struct fl_domain_def *def;
    if (!d || fl_test_domain_one_def(d, flags, &def) < 0)
        return -1;
    const struct fl_xml_node *blkiotune = fl_xml_child(def->root, "blkiotune");
    char *texts[G_N_ELEMENTS(devs)];
    struct fl_test_param values[1 + G_N_ELEMENTS(devs)] = {
        { VIR_DOMAIN_BLKIO_WEIGHT,
          VIR_TYPED_PARAM_UINT,
          { .ull = fl_test_xml_number(blkiotune, "weight", 0) } },
    };
    for (gsize i = 0; i < G_N_ELEMENTS(devs); i++) {
        texts[i] = device_text(blkiotune, devs[i].element);
        values[i + 1] = (struct fl_test_param){ devs[i].param, VIR_TYPED_PARAM_STRING, { .s = texts[i] } };
    }
    int rc = fl_test_params_answer(values, G_N_ELEMENTS(values), params, nparams);
    for (gsize i = 0; i < G_N_ELEMENTS(devs); i++)
        g_free(texts[i]);
    return rc;
}

/* "path,value,..." into an even list of words; NULL with the error set. */
static char **words_parse(const char *param, const char *text)
{
    char **words = g_strsplit(text, ",", 2048);
    guint n = g_strv_length(words);
    if (n % 2) {
        fl_error_set(VIR_FROM_DOMAIN, VIR_ERR_INVALID_ARG,
                     "'%s' is no value for %s: pairs of path,number were expected", text, param);
        g_strfreev(words);
        return NULL;
    }
    for (guint i = 1; i < n; i += 2) {
        guint64 value;
        if (g_ascii_string_to_unsigned(words[i], 10, 0, G_MAXUINT64, &value, NULL))
            continue;
        fl_error_set(VIR_FROM_DOMAIN, VIR_ERR_INVALID_ARG, "'%s' is no number for %s of the device '%s'",
                     words[i], param, words[i - 1]);
        g_strfreev(words);
        return NULL;
    }
    return words;
}

static struct fl_xml_node *device_of(struct fl_xml_node *blkiotune, const char *path)
{
    for (struct fl_xml_node *dev = fl_xml_child(blkiotune, "device"); dev; dev = fl_xml_next(dev, "device")) {
        if (g_strcmp0(fl_xml_find_text(dev, "path"), path) == 0)
            return dev;
    }
    struct fl_xml_node *dev = fl_xml_add(blkiotune, "device");
    fl_xml_addf(dev, "path", "%s", path);
    return dev;
}

static void device_apply(struct fl_xml_node *blkiotune, const char *element, char **words)
{
    for (; words[0] && words[1]; words += 2) {
        struct fl_xml_node *dev = device_of(blkiotune, words[0]);
        struct fl_xml_node *node = fl_test_xml_child_in(dev, element, device_order);
        fl_xml_set_text(node, words[1]);
        if (g_ascii_strtoull(words[1], NULL, 10) == 0)
            fl_xml_free(node);
        if (dev->first == dev->last) /* only <path> is left */
            fl_xml_free(dev);
    }
}

static void weight_apply(struct fl_xml_node *blkiotune, unsigned int weight)
{
    struct fl_xml_node *node = fl_test_xml_child_in(blkiotune, "weight", blkiotune_order);
    fl_xml_set_textf(node, "%u", weight);
    if (!weight)
        fl_xml_free(node);
}

int fl_test_domain_set_blkio_parameters(virDomainPtr dom, virTypedParameterPtr params, int nparams,
                                        unsigned int flags)
{
    struct fl_param_rule rules[G_N_ELEMENTS(devs) + 2] = { { VIR_DOMAIN_BLKIO_WEIGHT, VIR_TYPED_PARAM_UINT,
                                                             false } };
    char **words[G_N_ELEMENTS(devs)] = { 0 };
    int rc = -1;
    for (gsize i = 0; i < G_N_ELEMENTS(devs); i++)
        rules[i + 1] = (struct fl_param_rule){ devs[i].param, VIR_TYPED_PARAM_STRING, false };
    if (fl_check_flags(flags, LIVE_CONFIG) < 0 || fl_params_check(params, nparams, rules) < 0)
        return -1;
    TEST_WRITE(dom);
    struct fl_test_domain *d = fl_test_domain_of(host, dom);
    struct fl_domain_def *def;
    if (!d || fl_test_domain_one_def(d, flags, &def) < 0)
        return -1;
    for (gsize i = 0; i < G_N_ELEMENTS(devs); i++) {
        const virTypedParameter *p = fl_test_params_get(params, nparams, devs[i].param);
        if (p && !(words[i] = words_parse(devs[i].param, p->value.s)))
            goto out;
    }
    struct fl_xml_node *blkiotune = fl_test_domain_section(def, "blkiotune");
    const virTypedParameter *weight = fl_test_params_get(params, nparams, VIR_DOMAIN_BLKIO_WEIGHT);
    if (weight)
        weight_apply(blkiotune, weight->value.ui);
    for (gsize i = 0; i < G_N_ELEMENTS(devs); i++) {
        if (words[i])
            device_apply(blkiotune, devs[i].element, words[i]);
    }
    fl_test_domain_section_prune(def, "blkiotune");
    rc = 0;
out:
    for (gsize i = 0; i < G_N_ELEMENTS(devs); i++)
        g_strfreev(words[i]);
    return rc;
}
