# SPDX-License-Identifier: LGPL-2.1-or-later
"""core/ops.h: the table a driver fills, a slot per call; and the calls that are not public."""
from text import C_NOTICE, wrap_prototype


def ops_h(model):
    out = [C_NOTICE, "/* A slot per call, named as the call; NULL = not supported. Included by core/driver.h. */",
           "#pragma once", "", "#include <libvirt/libvirt.h>", "#include <libvirt/libvirt-qemu.h>",
           "#include <libvirt/libvirt-lxc.h>", "", "struct fl_driver_ops {"]
    for c in model.slots():
        ret, args = c.slot_proto
        out += ["    " + line for line in wrap_prototype(ret, f"(*{c.snake})", args, ";", 106)]
    out += ["};", "", "/* Procedures without a public call, as functions: checked and answered as the public ones are. */"]
    for c in model.slots():
        if not c.public:
            out += wrap_prototype(c.ret_type, c.function, c.args, ";")
    return "\n".join(out + [""])


def emitters():
    return {"ops.h": ops_h}
