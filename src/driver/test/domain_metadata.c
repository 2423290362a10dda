/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Title, description and the application's own pieces of XML. */
#define FL_FROM VIR_FROM_TEST
#include "driver/test/domain.h"
#include "driver/test/ops.h"

#define LIVE_CONFIG (VIR_DOMAIN_AFFECT_LIVE | VIR_DOMAIN_AFFECT_CONFIG)

static int check_type(int type)
{
    if (type >= 0 && type < VIR_DOMAIN_METADATA_LAST)
        return 0;
    return fl_error_set(VIR_FROM_DOMAIN, VIR_ERR_INVALID_ARG, "%d is no kind of metadata", type);
}

char *fl_test_domain_get_metadata(virDomainPtr dom, int type, const char *uri, unsigned int flags)
{
    if (fl_check_flags(flags, LIVE_CONFIG) < 0)
        return NULL;
    TEST_READ(dom);
    struct fl_test_domain *d = fl_test_domain_of(host, dom);
    struct fl_domain_def *def;
    if (!d || check_type(type) < 0 || fl_test_domain_one_def(d, flags, &def) < 0)
        return NULL;
    return fl_domain_get_metadata(def, type, uri);
}

int fl_test_domain_set_metadata(virDomainPtr dom, int type, const char *metadata, const char *key,
                                const char *uri, unsigned int flags)
{
    if (fl_check_flags(flags, LIVE_CONFIG) < 0)
        return -1;
    TEST_WRITE(dom);
    struct fl_test_domain *d = fl_test_domain_of(host, dom);
    struct fl_domain_def *defs[2];
    if (!d || check_type(type) < 0 || fl_test_domain_defs(d, flags, &defs[0], &defs[1]) < 0)
        return -1;
    for (int i = 0; i < 2; i++) {
        if (defs[i] && fl_domain_set_metadata(defs[i], type, metadata, key, uri) < 0)
            return -1;
    }
    fl_test_event_metadata(host, &d->item, type, type == VIR_DOMAIN_METADATA_ELEMENT ? uri : NULL);
    return 0;
}
