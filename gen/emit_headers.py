# SPDX-License-Identifier: LGPL-2.1-or-later
"""Public headers <libvirt/...>, written from the declarations of one header each."""
from parse import parse_prototype
from text import C_NOTICE, prototype, wrap_prototype

INCLUDED = ["libvirt-common", "libvirt-host", "libvirt-domain-checkpoint", "libvirt-domain", "libvirt-domain-snapshot",
            "libvirt-event", "libvirt-interface", "libvirt-network", "libvirt-nodedev", "libvirt-nwfilter",
            "libvirt-secret", "libvirt-storage", "libvirt-stream", "virterror"]
STANDALONE = {"virterror": "virterror", "libvirt-qemu": "libvirt-qemu", "libvirt-lxc": "libvirt-lxc"}


def guard(name):
    return "LIBVIRT_" + name.replace("libvirt-", "").replace("-", "_").upper() + "_H"


def umbrella(_model):
    out = [C_NOTICE, "/* The public interface: include this one. */", "#ifndef LIBVIRT_VIRT_LIBVIRT_H",
           "#define LIBVIRT_VIRT_LIBVIRT_H", "", "#include <string.h>", "#include <sys/types.h>", "",
           "#ifdef __cplusplus", "extern \"C\" {", "#endif", "",
           "#define VIR_LIBVIRT_H_INCLUDES"]
    out += [f"#include <libvirt/{h}.h>" for h in INCLUDED]
    out += ["#undef VIR_LIBVIRT_H_INCLUDES", "", "#ifdef __cplusplus", "}", "#endif", "", "#endif"]
    return "\n".join(out) + "\n"


def enum(name, members):
    out = ["typedef enum {"]
    for member, value, sentinel in members:
        if sentinel:
            out += ["#ifdef VIR_ENUM_SENTINELS", f"    {member} = {value},", "#endif"]
        else:
            out.append(f"    {member} = {value},")
    return out + [f"}} {name};", ""]


def header(model, name):
    decls = [d for d in model.decls if d.header == name]
    out = [C_NOTICE, f"#ifndef {guard(name)}", f"#define {guard(name)}", ""]
    if name in INCLUDED and name != "virterror":
        out += ["#ifndef VIR_LIBVIRT_H_INCLUDES", "#error \"include <libvirt/libvirt.h> instead\"", "#endif", ""]
    else:
        out += ["#include <libvirt/libvirt.h>", ""]
    if name == "libvirt-common":
        out += ["#ifndef VIR_DEPRECATED", "#if defined(__GNUC__)", "#define VIR_DEPRECATED __attribute__((deprecated))",
                "#else", "#define VIR_DEPRECATED", "#endif", "#endif", "",
                "#ifndef VIR_EXPORT_VAR", "#define VIR_EXPORT_VAR extern", "#endif", ""]
    if name in ("libvirt-qemu", "libvirt-lxc"):
        out += ["#ifdef __cplusplus", "extern \"C\" {", "#endif", ""]
    kinds = lambda *k: [d for d in decls if d.kind in k]
    for d in kinds("macro"):
        left, eq, right = d.head.partition(" = ")
        if not eq:
            left, _, right = d.head.partition(" ")
        out.append(f"#define {left} {right}")
    out.append("")
    if name == "libvirt-common":  # every struct is named here, once: the other headers refer to each other
        for d in model.decls:
            if d.kind in ("opaque", "struct"):
                tag, struct, ptr = d.head.split()
                out += [f"typedef struct {tag} {struct};", f"typedef {struct} *{ptr};"]
    for d in kinds("typedef"):
        words = d.head.rsplit(" ", 1)
        out.append(f"typedef {words[0]} {words[1]};".replace("* ", "*"))
    out.append("")
    borrows = lambda d: any(not v.lstrip("-").isdigit() for _, v, _ in model.enums[d.head])
    for d in sorted(kinds("enum"), key=borrows):  # those that borrow another's values last
        out += enum(d.head, model.enums[d.head])
    names = {d.head.split()[0] for d in kinds("callback")}
    takes_one = lambda d: any(t in names for t, _ in parse_prototype(d.where, d.head.partition(" ")[2])[1])
    for d in sorted(kinds("callback"), key=takes_one):  # those that take another as an argument last
        cb, _, proto = d.head.partition(" ")
        ret, args = parse_prototype(d.where, proto)
        out += wrap_prototype("typedef " + ret, f"(*{cb})", args, ";")
    out.append("")
    for d in kinds("struct"):
        out.append(f"struct {d.head.split()[0]} {{")
        out += ["    " + line for _, line in d.body] + ["};", ""]
    out.append("")
    for c in model.public_calls():
        if c.header == name:
            out += wrap_prototype(c.ret_type, c.name, c.args, ";")
    if name == "libvirt-host":
        out += ["", "/* Asks on the terminal for what an authentication wants. */",
                "VIR_EXPORT_VAR virConnectAuthPtr virConnectAuthPtrDefault;"]
    if name in ("libvirt-qemu", "libvirt-lxc"):
        out += ["", "#ifdef __cplusplus", "}", "#endif"]
    out += ["", "#endif"]
    return "\n".join(out) + "\n"


def emitters():
    table = {"libvirt.h": umbrella}
    for h in INCLUDED + ["libvirt-qemu", "libvirt-lxc"]:
        table[h + ".h"] = lambda m, h=h: header(m, h)
    return table
