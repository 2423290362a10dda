/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* CPU model names by architecture, and the model that several CPUs have in common. */
#define FL_FROM VIR_FROM_CPU
#include <string.h>
#include "driver/test/ops.h"
#include "driver/test/state.h"

static const char *const x86_models[] = {
    "486",
    "pentium",
    "pentium2",
    "pentium3",
    "pentiumpro",
    "coreduo",
    "n270",
    "core2duo",
    "qemu32",
    "kvm32",
    "cpu64-rhel5",
    "cpu64-rhel6",
    "qemu64",
    "kvm64",
    "Conroe",
    "Penryn",
    "Nehalem",
    "Nehalem-IBRS",
    "Westmere",
    "Westmere-IBRS",
    "SandyBridge",
    "SandyBridge-IBRS",
    "IvyBridge",
    "IvyBridge-IBRS",
    "Haswell-noTSX",
    "Haswell-noTSX-IBRS",
    "Haswell",
    "Haswell-IBRS",
    "Broadwell-noTSX",
    "Broadwell-noTSX-IBRS",
    "Broadwell",
    "Broadwell-IBRS",
    "Skylake-Client",
    "Skylake-Client-IBRS",
    "Skylake-Client-noTSX-IBRS",
    "Skylake-Server",
    "Skylake-Server-IBRS",
    "Skylake-Server-noTSX-IBRS",
    "Cascadelake-Server",
    "Cascadelake-Server-noTSX",
    "Icelake-Client",
    "Icelake-Client-noTSX",
    "Icelake-Server",
    "Icelake-Server-noTSX",
    "Cooperlake",
    "Snowridge",
    "athlon",
    "phenom",
    "Opteron_G1",
    "Opteron_G2",
    "Opteron_G3",
    "Opteron_G4",
    "Opteron_G5",
    "EPYC",
    "EPYC-IBPB",
    "EPYC-Rome",
    "EPYC-Milan",
    "Dhyana",
    NULL,
};
static const char *const ppc_models[] = {
    "POWER6", "POWER7", "POWER8", "POWER9", "POWER10", "POWERPC_e5500", "POWERPC_e6500", NULL,
};
static const char *const no_models[] = { NULL };

/* Architectures that exist but whose CPUs nobody here knows. */
static const char *const unknown_archs[] = {
    "alpha",   "cris",      "ia64",    "lm32",     "m68k",   "microblaze", "microblazeel",
    "mips",    "mipsel",    "mips64",  "mips64el", "parisc", "parisc64",   "ppc",
    "ppcle",   "ppcemb",    "riscv32", "riscv64",  "sh4",    "sh4eb",      "sparc",
    "sparc64", "unicore32", "xtensa",  "xtensaeb", NULL,
};

static const struct {
    const char *arch;
    const char *const *models;
} archs[] = {
    { "i686", x86_models },  { "x86_64", x86_models }, { "ppc64", ppc_models }, { "ppc64le", ppc_models },
    { "armv6l", no_models }, { "armv7l", no_models },  { "armv7b", no_models }, { "aarch64", no_models },
    { "s390", no_models },   { "s390x", no_models },
};

int fl_test_connect_get_cpu_model_names(virConnectPtr conn, const char *arch, char ***models,
                                        unsigned int flags)
{
    const char *const *list = NULL;
    if (fl_check_flags(flags, 0) < 0)
        return -1;
    for (gsize i = 0; i < G_N_ELEMENTS(archs) && !list; i++) {
        if (strcmp(archs[i].arch, arch) == 0)
            list = archs[i].models;
    }
    if (!list && g_strv_contains(unknown_archs, arch))
        return fl_error(VIR_ERR_NO_SUPPORT, "CPU models of the architecture '%s' are not known", arch);
    if (!list)
        return fl_error_set(VIR_FROM_TEST, VIR_ERR_INVALID_ARG, "there is no architecture '%s'", arch);
    if (models)
        *models = g_strdupv((char **)list);
    return g_strv_length((char **)list);
}

/* Families in which each model has all that the one before it has. */
static const char *const families[][12] = {
    { "Conroe", "Penryn", "Nehalem", "Westmere", "SandyBridge", "IvyBridge", "Haswell-noTSX",
      "Broadwell-noTSX", NULL },
    { "Opteron_G1", "Opteron_G2", "Opteron_G3", NULL },
    { "EPYC", "EPYC-Rome", "EPYC-Milan", NULL },
};

/* The place of `model` in a family; -1 = not in it. */
static int family_rank(const char *const *family, const char *model)
{
    for (int i = 0; family[i]; i++) {
        if (strcmp(family[i], model) == 0)
            return i;
    }
    return -1;
}

/* The lesser of two models; NULL when that takes knowledge of their features. */
static const char *model_common(const char *a, const char *b)
{
    if (strcmp(a, b) == 0)
        return a;
    for (gsize f = 0; f < G_N_ELEMENTS(families); f++) {
        int ra = family_rank(families[f], a), rb = family_rank(families[f], b);
        if (ra >= 0 && rb >= 0)
            return families[f][MIN(ra, rb)];
    }
    return NULL;
}

/* One CPU description: its architecture and model; strings belong to the tree. */
static int cpu_read(const char *xml, struct fl_xml_node **ret_root, const char **ret_model)
{
    if (!xml)
        return fl_error(VIR_ERR_XML_ERROR, "a CPU description is missing");
    /* Compat: a text that is no document has this code here. */
    if (fl_xml_parse(xml, "(CPU_definition)", ret_root) < 0)
        return fl_error(VIR_ERR_XML_ERROR, "a CPU description is no well-formed XML document");
    if (strcmp((*ret_root)->name, "cpu") != 0)
        return fl_error(VIR_ERR_XML_ERROR, "a CPU is described by <cpu>, not by <%s>", (*ret_root)->name);
    if (!fl_xml_find_text(*ret_root, "arch"))
        return fl_error(VIR_ERR_XML_ERROR, "a CPU description needs <arch>");
    if (!(*ret_model = fl_xml_find_text(*ret_root, "model")))
        return fl_error(VIR_ERR_XML_ERROR, "a CPU description needs <model>");
    return 0;
}

char *fl_test_connect_baseline_cpu(virConnectPtr conn, const char **xml_cpus, unsigned int ncpus,
                                   unsigned int flags)
{
    g_autofree char *common = NULL;
    if (fl_check_flags(flags, VIR_CONNECT_BASELINE_CPU_EXPAND_FEATURES) < 0)
        return NULL;
    if (!ncpus) {
        fl_error_set(VIR_FROM_CPU, VIR_ERR_INVALID_ARG, "no CPU description to find a baseline of");
        return NULL;
    }
    for (unsigned int i = 0; i < ncpus; i++) {
        FL_XML_AUTO *root = NULL;
        const char *model;
        if (cpu_read(xml_cpus[i], &root, &model) < 0)
            return NULL;
        const char *lesser = common ? model_common(common, model) : model;
        if (!lesser || fl_xml_child(root, "feature") || (flags & VIR_CONNECT_BASELINE_CPU_EXPAND_FEATURES))
            return fl_error_null(
                VIR_ERR_OPERATION_UNSUPPORTED,
                "what '%s' has in common with the others takes the features of each model, which the "
                "test driver does not know",
                model);
        char *copy = g_strdup(lesser);
        g_free(common);
        common = copy;
    }
    GString *out = g_string_new("<cpu mode='custom' match='exact'>\n  <model fallback='allow'>");
    fl_xml_escape(out, common ? common : "");
    g_string_append(out, "</model>\n</cpu>\n");
    return g_string_free(out, FALSE);
}
