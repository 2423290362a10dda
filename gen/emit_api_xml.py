# SPDX-License-Identifier: LGPL-2.1-or-later
"""The interface as XML, for the generators of language bindings: libvirt-api.xml and those of qemu and lxc. Its elements
are those of the files of the same names the incumbent installs, which bindings find by the variables of libvirt.pc."""
import re
from xml.sax.saxutils import escape, quoteattr

from emit_headers import INCLUDED
from parse import parse_prototype

FILES = {"libvirt": INCLUDED, "libvirt-qemu": ["libvirt-qemu"], "libvirt-lxc": ["libvirt-lxc"]}
KINDS = ["macro", "enum", "typedef", "struct", "variable", "functype", "function"]


def tag(element, body=(), /, **attributes):
    """An element; `type_` is the attribute type, and None one that is left out."""
    opening = element + "".join(f" {k.rstrip('_')}={quoteattr(str(v))}" for k, v in attributes.items() if v is not None)
    return [f"<{opening}/>"] if not body else [f"<{opening}>", *("  " + line for line in body), f"</{element}>"]


def field(line):
    """A member of a struct, `line` as in C without the semicolon."""
    nested = re.fullmatch(r"union \{(.*)\} (\w+)", line)
    if nested:
        members = [x for one in nested.group(1).split(";") if one.strip() for x in field(one.strip())]
        return tag("field", tag("union", members), name=nested.group(2), type_="union", info="")
    pointer = re.fullmatch(r".*\(\*\s*(\w+)\)\(.*\)", line)
    if pointer:
        return tag("field", name=pointer.group(1), type_=line, info="")
    ctype, name, size = re.fullmatch(r"(.*?)(\w+)(\[.*\])?", line).groups()
    return tag("field", name=name, type_=line if size else ctype.strip(), info="")


def struct(d):
    name, typename, ptr = d.head.split()
    body = [x for _, line in d.body or [] for part in statements(line) for x in field(part)]
    return {"struct": {typename: tag("struct", body, name=typename, file=d.header, type_="struct " + name)},
            "typedef": {ptr: tag("typedef", name=ptr, file=d.header, type_=typename + " *")}}


def statements(line):
    line = re.sub(r"/\*.*?\*/", "", line).strip()
    parts = [line.rstrip("; ")] if "{" in line else line.split(";")
    return [p.strip() for p in parts if p.strip()]


def macro(d):
    left, eq, right = (x.strip() for x in d.head.partition(" = "))
    if not eq:
        left, _, right = d.head.partition(" ")
    name, _, params = left.partition("(")
    string = right[1:-1] if right.startswith('"') else None
    args = [x.strip() for x in params.rstrip(")").split(",") if x]
    return {"macro": {name: tag("macro", [x for a in args for x in tag("arg", name=a, info="")], name=name, file=d.header,
                                params=",".join(args) or None, string=string, raw=None if string is not None else right)}}


def enum(d, members):
    found = {"typedef": {d.head: tag("typedef", name=d.head, file=d.header, type_="enum")}, "enum": {}}
    for name, text, _ in members:
        borrowed = text[0] not in "-0123456789"  # another member's value, by its name
        n = None if borrowed else int(text.rstrip("U"), 0)
        found["enum"][name] = tag("enum", name=name, file=d.header, value=text if borrowed else n,
                                  value_hex=None if borrowed else f"{n:#x}", type_=d.head, info="")
    return found


def typedef(d):
    ctype, name = d.head.rsplit(" ", 1)
    if ctype.startswith("struct "):
        return {"struct": {name: tag("struct", name=name, file=d.header, type_=ctype)}}
    return {"typedef": {name: tag("typedef", name=name, file=d.header, type_=ctype)}}


def function(kind, name, header, ret, args, doc=None, since=None):
    info = ["<info>" + escape(doc) + "</info>"] if doc else []
    parts = info + tag("return", type_=ret, info="") + [x for t, n in args for x in tag("arg", name=n, type_=t, info="")]
    return {kind: {name: tag(kind, parts, name=name, file=header, module=header, version=since)}}


def symbols(model, header):
    """kind -> name -> lines, of one header."""
    found = {kind: {} for kind in KINDS}

    def take(part):
        for kind, names in part.items():
            found[kind].update(names)

    for d in model.decls:
        if d.header != header:
            continue
        if d.kind == "macro":
            take(macro(d))
        elif d.kind == "enum":
            take(enum(d, model.enums[d.head]))
        elif d.kind == "typedef":
            take(typedef(d))
        elif d.kind in ("struct", "opaque"):
            take(struct(d))
        elif d.kind == "callback":
            name, _, proto = d.head.partition(" ")
            take(function("functype", name, header, *parse_prototype(d.where, proto)))
    for c in model.public_calls():
        if c.header == header:
            take(function("function", c.name, header, c.ret_type, c.args, c.doc, c.since))
    if header == "libvirt-host":
        take({"variable": {"virConnectAuthPtrDefault": tag("variable", name="virConnectAuthPtrDefault", file=header,
                                                           type_="virConnectAuthPtr")}})
    return found


def exports(model, header, kinds):
    """What a header has, by name: a struct is there as its typedef, and by its tag if it is told."""
    told = [d.head.split()[0] for d in model.decls if d.header == header and d.kind == "struct"]
    names = {"macro": kinds["macro"], "enum": kinds["enum"], "typedef": [*kinds["typedef"], *kinds["struct"]], "struct": told,
             "variable": kinds["variable"], "function": [*kinds["functype"], *kinds["function"]]}
    return [line for kind, of in names.items() for n in sorted(of) for line in tag("exports", symbol=n, type_=kind)]


def document(model, api):
    every = {h: symbols(model, h) for h in FILES[api]}
    files = [x for h, kinds in sorted(every.items()) for x in tag("file", exports(model, h, kinds), name=h)]
    body = [line for k in KINDS for _, lines in sorted((n, lines) for kinds in every.values() for n, lines in kinds[k].items())
            for line in lines]
    return "\n".join(['<?xml version="1.0" encoding="UTF-8"?>', *tag("api", tag("files", files) + tag("symbols", body), name=api), ""])


def emitters():
    return {f"{api}-api.xml": (lambda m, api=api: document(m, api)) for api in FILES}
