# SPDX-License-Identifier: LGPL-2.1-or-later
"""Linker version scripts: every public symbol under the version that introduced it."""

LIBRARIES = {"libvirt.syms": ("LIBVIRT_", None), "libvirt-qemu.syms": ("LIBVIRT_QEMU_", "libvirt-qemu"),
             "libvirt-lxc.syms": ("LIBVIRT_LXC_", "libvirt-lxc")}
DATA = {"libvirt.syms": [("virConnectAuthPtrDefault", "0.4.0")]}
# <libvirt/fairlead.h>: beyond the interface, under versions of this project's own.
FAIRLEAD = {"0.1.0": ["fairleadDiagnose", "fairleadExplainURI", "fairleadItemsFree", "fairleadOpen", "fairleadRouteInfo"]}


def script(model, out_name):
    prefix, header = LIBRARIES[out_name]
    versions = {}
    for c in model.public_calls():
        own = c.header if c.header in ("libvirt-qemu", "libvirt-lxc") else None
        if own == header:
            versions.setdefault(c.since, []).append(c.name)
    for name, since in DATA.get(out_name, []):
        versions.setdefault(since, []).append(name)
    out, previous = ["/* Generated from api/ by gen/gen.py: do not edit. */"], ""
    for v in sorted(versions, key=lambda s: [int(x) for x in s.split(".")]):
        out += [f"{prefix}{v} {{", "    global:"] + [f"        {n};" for n in sorted(versions[v])] + ["}" + previous + ";", ""]
        previous = f" {prefix}{v}"
    if header is None:
        for v, names in FAIRLEAD.items():
            out += [f"FAIRLEAD_{v} {{", "    global:"] + [f"        {n};" for n in names] + ["};", ""]
        out += ["/* Between this project's own programs and modules; no promise to anybody else. */",
                "LIBVIRT_PRIVATE_FAIRLEAD {", "    global:", "        fl_*;", "    local:", "        *;", "};"]
    else:
        last = max(i for i, line in enumerate(out) if line.startswith("}"))
        out[last:last] = ["    local:", "        *;"]
    return "\n".join(out + [""])


def emitters():
    return {n: (lambda m, n=n: script(m, n)) for n in LIBRARIES}
