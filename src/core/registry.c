/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The drivers of this process, in probe order, in plain sight. A new driver is one line here. */
#define FL_FROM VIR_FROM_NONE
#include <string.h>

#include "base/error.h"
#include "core/driver.h"

extern const struct fl_driver fl_driver_test;
extern const struct fl_driver fl_driver_remote;

const struct fl_driver *const fl_drivers[] = { &fl_driver_test, &fl_driver_remote, NULL };

const struct fl_driver *fl_driver_by_scheme(const char *scheme)
{
    for (const struct fl_driver *const *d = fl_drivers; scheme && *d; d++)
        for (const char *const *s = (*d)->schemes; s && *s; s++)
            if (strcmp(*s, scheme) == 0) /* Compat: schemes of local drivers are told apart by case */
                return *d;
    return NULL;
}

const struct fl_driver *fl_driver_for_rest(void)
{
    for (const struct fl_driver *const *d = fl_drivers; *d; d++)
        if (!(*d)->schemes || !*(*d)->schemes)
            return *d;
    return NULL;
}

int fl_check_flags_(const char *call, unsigned int flags, unsigned int mask)
{
    if (!(flags & ~mask))
        return 0;
    return fl_error_set_argument(VIR_FROM_NONE, VIR_ERR_INVALID_ARG, call, "flags",
                                 "has bits this driver does not know: 0x%x", flags & ~mask);
}
