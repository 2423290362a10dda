/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The daemons this program is, by name. */
#include "daemon/personality.h"

#include <string.h>

#define DRIVERS(...) ((const char *const[]){ __VA_ARGS__, NULL })

const struct fl_personality fl_personalities[] = {
    { .name = "libvirtd", .stem = "libvirt", .title = "libvirt", .network = true },
    { .name = "virtqemud",
      .stem = "virtqemud",
      .title = "QEMU",
      .drivers = DRIVERS("qemu"),
      .driver_title = "QEMU" },
    { .name = "virtxend",
      .stem = "virtxend",
      .title = "Xen",
      .drivers = DRIVERS("xen"),
      .driver_title = "Xen" },
    { .name = "virtproxyd",
      .stem = "libvirt",
      .title = "legacy socket proxy",
      .network = true,
      .forwards = true },
    { .name = NULL },
};

static const struct fl_personality *own = fl_personalities;

const struct fl_personality *fl_personality_find(const char *program)
{
    const char *slash = program ? strrchr(program, '/') : NULL;
    const char *name = slash ? slash + 1 : program;

    for (const struct fl_personality *p = fl_personalities; name && p->name; p++) {
        if (strcmp(p->name, name) == 0)
            return p;
    }
    return fl_personalities;
}

bool fl_personality_serves(const struct fl_personality *who, const char *driver)
{
    if (!who->drivers || strcmp(driver, "test") == 0)
        return true;
    for (const char *const *d = who->drivers; *d; d++) {
        if (strcmp(*d, driver) == 0)
            return true;
    }
    return false;
}

void fl_personality_set(const struct fl_personality *who)
{
    own = who;
}

const struct fl_personality *fl_personality_own(void)
{
    return own;
}
