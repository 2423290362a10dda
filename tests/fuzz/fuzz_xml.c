/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libFuzzer target: any bytes as a document of whatever kind its root says. What is accepted must be
 * printable, what is printed must be accepted again, and from the second reading on nothing may change.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "model/domain.h"
#include "model/host.h"
#include "model/network.h"
#include "model/storage.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PRINTER(kind, format_call)                                                                           \
    static char *print_##kind(const char *xml)                                                               \
    {                                                                                                        \
        struct fl_##kind##_def *def = NULL;                                                                  \
        char *out;                                                                                           \
                                                                                                             \
        if (fl_##kind##_def_parse(xml, "fuzz.xml", 0, &def) < 0)                                             \
            return NULL;                                                                                     \
        out = format_call;                                                                                   \
        fl_##kind##_def_free(def);                                                                           \
        return out;                                                                                          \
    }

PRINTER(domain, fl_domain_def_format(def, VIR_DOMAIN_XML_SECURE))
PRINTER(network, fl_network_def_format(def, 0))
PRINTER(pool, fl_pool_def_format(def, 0))
PRINTER(iface, fl_iface_def_format(def))
PRINTER(nodedev, fl_nodedev_def_format(def))
PRINTER(secret, fl_secret_def_format(def))
PRINTER(nwfilter, fl_nwfilter_def_format(def))
PRINTER(snapshot, fl_snapshot_def_format(def, 0, -1))
PRINTER(checkpoint, fl_checkpoint_def_format(def, 0))

static char *print_volume(const char *xml)
{
    static const unsigned char uuid[VIR_UUID_BUFLEN];
    struct fl_pool_def *pool = fl_pool_def_new("dir", "pool", uuid, "/pool");
    struct fl_vol_def *def = NULL;
    char *out = NULL;

    if (fl_vol_def_parse(pool, xml, "fuzz.xml", 0, &def) == 0)
        out = fl_vol_def_format(pool, def);
    fl_vol_def_free(def);
    fl_pool_def_free(pool);
    return out;
}

/* In place of GLib's: a snapshot without a name is called by the time it was made, and a document has to be
 * written the same whenever that is. */
gint64 g_get_real_time(void)
{
    return G_GINT64_CONSTANT(1700000000) * G_USEC_PER_SEC;
}

static const struct {
    const char *root;
    char *(*print)(const char *xml);
} kinds[] = {
    { "domain", print_domain },
    { "network", print_network },
    { "pool", print_pool },
    { "volume", print_volume },
    { "interface", print_iface },
    { "device", print_nodedev },
    { "secret", print_secret },
    { "filter", print_nwfilter },
    { "domainsnapshot", print_snapshot },
    { "domaincheckpoint", print_checkpoint },
};

static void check_document(const char *xml, char *(*print)(const char *xml))
{
    g_autofree char *once = print(xml), *twice = NULL, *thrice = NULL;

    if (!once) {
        if (fl_error_get()->code == VIR_ERR_OK)
            abort(); /* a refusal says why */
        return;
    }
    twice = print(once);
    thrice = twice ? print(twice) : NULL;
    if (thrice && strcmp(twice, thrice) == 0)
        return;
    fprintf(stderr, "%s\nonce:\n%s\ntwice:\n%s\nthrice:\n%s\n", fl_error_get()->message, once,
            twice ? twice : "", thrice ? thrice : "");
    abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *xml = g_strndup((const char *)data, size);
    FL_XML_AUTO *root = NULL;

    fl_error_reset();
    if (fl_xml_parse(xml, "fuzz.xml", &root) < 0)
        return 0;
    for (unsigned int i = 0; i < G_N_ELEMENTS(kinds); i++) {
        if (strcmp(root->name, kinds[i].root) == 0)
            check_document(xml, kinds[i].print);
    }
    return 0;
}
