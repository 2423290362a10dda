# SPDX-License-Identifier: LGPL-2.1-or-later
"""wire/types.[ch]: C structs and XDR rows of every record. wire/procs.[ch]: a row per procedure."""
from model import PROGRAMS, SCALARS, split_condition
from parse import ApiError
from text import C_NOTICE


def member_lines(model, rec):
    out = []
    for f in rec.fields:
        if f.type == "uuid":
            out.append(f"unsigned char {f.name}[16];")
            continue
        if f.type == "typed_param_value":
            out += ["int32_t type;", "union fl_w_value value;"]
            continue
        if f.type == "opaque":
            if f.shape == "counted":
                out += [f"uint32_t n_{f.name};", f"unsigned char *{f.name};"]
            else:
                out.append(f"unsigned char {f.name}[{model.limit(rec.where, f.limit)}];")
            continue
        if f.type == "string":
            base, star = "char *", ""
            base = "char"
            ptr = "*"
        elif f.type in SCALARS:
            base, ptr = SCALARS[f.type][0], ""
        else:
            base, ptr = "struct " + model.records[f.type].cname, ""
        if f.shape == "counted":
            out += [f"uint32_t n_{f.name};", f"{base} {ptr}*{f.name};"]
        elif f.shape == "fixed":
            out.append(f"{base} {ptr}{f.name}[{model.limit(rec.where, f.limit)}];")
        elif f.shape == "optional" and f.type != "string":
            out.append(f"{base} *{f.name};")
        else:
            out.append(f"{base} {ptr}{f.name};")
    return out


def type_macro(rec):
    return "FL_T_" + rec.name.upper()


def types_h(model):
    out = [C_NOTICE, "/* The wire's structs as C structs, and their numbers in the XDR tables (wire/xdr.h). */", "#pragma once",
           "", "#include <stdint.h>", "#include \"wire/xdr.h\"", "", "union fl_w_value {", "    int32_t i;", "    uint32_t ui;",
           "    int64_t l;", "    uint64_t ul;", "    double d;", "    int32_t b;", "    char *s;", "};", ""]
    for name, value in model.limits.items():
        out.append(f"#define FL_LIMIT_{name} {value}u")
    out.append("")
    for r in model.ordered_records:
        if r.view_of:
            continue
        out.append(f"struct {r.cname} {{")
        out += ["    " + m for m in member_lines(model, r)] + ["};", ""]
    out.append("enum {")
    out += [f"    {type_macro(r)} = {r.index}," for r in model.ordered_records]
    return "\n".join(out + ["};", ""])


def field_row(model, rec, f):
    s = f"struct {rec.cname}"
    kind, type_index, limit, string_limit, count = None, "0", "0", "0", "0"
    off = f"offsetof({s}, {f.name if f.type != 'typed_param_value' else 'value'})"
    shape = {"one": "ONE", "optional": "OPTIONAL", "fixed": "FIXED", "counted": "COUNTED"}[f.shape]
    if f.type == "uuid":
        kind, shape, limit = "OPAQUE", "FIXED", "16"
    elif f.type == "typed_param_value":
        kind, count, limit = "VALUE", f"offsetof({s}, type)", str(model.limits["STRING_MAX"])
    elif f.type == "opaque":
        kind = "OPAQUE"
    elif f.type == "string":
        kind = "STRING"
        limit = string_limit = str(model.limits["STRING_MAX"])
    elif f.type in SCALARS:
        kind = SCALARS[f.type][1]
    else:
        kind, type_index = "STRUCT", type_macro(model.records[f.type])
    if f.shape in ("fixed", "counted"):
        limit = str(model.limit(rec.where, f.limit))
    if f.shape == "counted":
        count = f"offsetof({s}, n_{f.name})"
    return f"    {{ FL_XDR_{kind}, FL_XDR_{shape}, {type_index}, {off}, {count}, {limit}, {string_limit} }},"


def types_c(model):
    fields, types, blob, offset, nfields = [], [], [], 0, 0
    types.append("    { 0, 0, 0, 0, 0 },")
    blob.append('    "void\\0"')
    offset = 5
    for r in model.ordered_records:
        fields.append(f"    /* {r.name} */")
        fields += [field_row(model, r, f) for f in r.fields]
        types.append(f"    {{ sizeof(struct {r.cname}), {nfields}, {len(r.fields)}, {min(model.min_wire(r), 65535)}, {offset} }},")
        blob.append(f'    "{r.name}\\0"')
        nfields += len(r.fields)
        offset += len(r.name) + 1
    out = [C_NOTICE, "#include \"wire/types.h\"", "#include <stddef.h>", "",
           "const struct fl_xdr_field fl_xdr_fields[] = {"] + fields + ["};", "",
           "const struct fl_xdr_type fl_xdr_types[] = {"] + types + ["};", "",
           f"const unsigned int fl_xdr_ntypes = {len(types)};", "", "const char fl_xdr_names[] ="] + blob
    out[-1] += ";"
    return "\n".join(out + [""])


# --- procedures

def conditions(model, c, cond):
    """'A|B' or '!A|B' -> (mask that must be met, mask that must be clear)."""
    if cond is None:
        return "0", "0"
    _, flags, negated = split_condition(cond)
    for flag in flags.split("|"):
        if not any(flag == m for e in model.enums.values() for m, _, _ in e):
            raise ApiError(c.where, f"flag '{flag}' of permission is not declared")
    expr = flags.replace("|", " | ")
    return ("0", expr) if negated else (expr, "0")


def acl_names(model):
    objs, perms = [], []
    for c in model.calls:
        for o, p, _ in (c.perms() if c.on_wire else []):
            if o not in objs:
                objs.append(o)
            if p not in perms:
                perms.append(p)
    return objs, perms


def procs_h(model):
    objs, perms = acl_names(model)
    out = [C_NOTICE, "/* The procedures: their types, permission and nature. */", "#pragma once", "", "#include <stdint.h>",
           "#include \"wire/types.h\"", ""]
    for p, (num, ver) in PROGRAMS.items():
        out.append(f"#define FL_PROGRAM_{p.upper()} {num:#010x}u")
        out.append(f"#define FL_PROGRAM_{p.upper()}_VERSION {ver}u")
    out += ["", "enum fl_proc_flags {", "    FL_PROC_QUICK = 1,        /* never waits for a hypervisor: served where it arrives */",
            "    FL_PROC_READ_ONLY = 2,    /* allowed on a read-only connection (flags aside: struct fl_acl) */",
            "    FL_PROC_STREAM_READ = 4,  /* opens a stream the client reads */",
            "    FL_PROC_STREAM_WRITE = 8, /* opens a stream the client writes */",
            "    FL_PROC_EVENT = 16,       /* only ever sent by the server */",
            "    FL_PROC_AUTH = 32,        /* served before authentication has ended */",
            "    FL_PROC_PUBLIC = 64,      /* has a public call */",
            "    FL_PROC_IDEMPOTENT = 128, /* may be sent again when the first may have been served */", "};", "",
            "enum fl_acl_object {"] + [f"    FL_ACL_{o.upper()}," for o in objs] + ["};", "", "enum fl_acl_perm {"] + \
           [f"    FL_PERM_{p.upper()}," for p in perms] + ["};", "",
            "struct fl_acl {", "    uint8_t object;      /* enum fl_acl_object */", "    uint8_t perm;        /* enum fl_acl_perm */",
            "    uint8_t read;        /* a read-only connection has it */",
            "    uint32_t if_set;     /* asked only when one of these flag bits is given; 0 = always */",
            "    uint32_t if_clear;   /* asked only when none of these is given */", "};", "",
            "struct fl_proc {", "    uint16_t number;   /* 0: a gap */", "    uint16_t args;     /* FL_T_..., 0 = none */", "    uint16_t ret;",
            "    uint16_t flags;    /* enum fl_proc_flags */", "    uint16_t acl;      /* first row in fl_acls */", "    uint16_t nacl;",
            "    uint16_t flags_at; /* offset of the flags that the permissions look at, in the argument struct, 0xffff = none */",
            "    uint32_t name;     /* offset into fl_proc_names */", "};", "",
            "extern const struct fl_acl fl_acls[];", "extern const char fl_proc_names[];", ""]
    for p in PROGRAMS:
        last = max([c.number for c in model.wire_calls(p)] + event_numbers(model, p), default=0)
        out += [f"#define FL_PROCS_{p.upper()} {last + 1}u /* rows: numbers 0 to {last} */",
                f"extern const struct fl_proc fl_procs_{p}[FL_PROCS_{p.upper()}];"]
    out += ["", "/* NULL: no such program, or no such procedure. */",
            "const struct fl_proc *fl_proc_find(uint32_t program, uint32_t number);",
            "static inline const char *fl_proc_name(const struct fl_proc *p)", "{", "    return fl_proc_names + p->name;", "}", "",
            "enum {"]
    for p in PROGRAMS:
        prefix = "FL_P_" if p == "remote" else f"FL_P_{p.upper()}_"
        out += [f"    {prefix}{c.snake.upper()} = {c.number}," for c in model.wire_calls(p)]
    return "\n".join(out + ["};", ""])


def event_numbers(model, p):
    return [n for e in model.events if e.program == p for n in (e.msg, e.legacy) if n]


AUTH = {"auth_list", "auth_sasl_init", "auth_sasl_start", "auth_sasl_step", "auth_polkit"}


def procs_c(model):
    acls, blob, offset = [], ['    "?\\0"'], 2
    out = []
    for p in PROGRAMS:
        rows = {}
        for c in model.wire_calls(p):
            first = len(acls)
            for o, perm, cond in c.perms():
                s, cl = conditions(model, c, cond)
                acls.append(f"    {{ FL_ACL_{o.upper()}, FL_PERM_{perm.upper()}, {int(c.read_only_has(perm, cond))}, {s}, {cl} }}, /* {c.snake} */")
            flags = (["FL_PROC_QUICK"] if c.quick else []) + (["FL_PROC_READ_ONLY"] if c.read_only_ok() else []) + \
                (["FL_PROC_STREAM_" + c.stream.split()[0].upper()] if c.stream else []) + \
                (["FL_PROC_AUTH"] if c.snake in AUTH else []) + (["FL_PROC_PUBLIC"] if c.public else []) + \
                (["FL_PROC_IDEMPOTENT"] if c.may_repeat() else [])
            flagfield = c.wire_arg(c.condition_arg())
            at = f"offsetof(struct {c.rargs.cname}, {flagfield.name})" if flagfield and flagfield.type == "uint" else "0xffff"
            rows[c.number] = (c.snake, c.rargs, c.rret, " | ".join(flags) or "0", first, len(acls) - first, at)
        for e in model.events:
            if e.program == p:
                for n, rec in ((e.msg, e.record), (e.legacy, e.legacy_record)):
                    if n:
                        name = f"{e.cls}_event_{e.name}" + ("_legacy" if n == e.legacy else "")
                        rows[n] = (name, rec, None, "FL_PROC_EVENT", 0, 0, "0xffff")
        out.append(f"const struct fl_proc fl_procs_{p}[FL_PROCS_{p.upper()}] = {{")
        for n in sorted(rows):
            name, a, r, flags, first, count, at = rows[n]
            out.append(f"    [{n}] = {{ {n}, {type_macro(a) if a else 0}, {type_macro(r) if r else 0}, {flags}, {first}, {count}, {at}, {offset} }},")
            blob.append(f'    "{name}\\0"')
            offset += len(name) + 1
        out += ["};", ""]
    blob[-1] += ";"
    head = [C_NOTICE, "#include \"wire/procs.h\"", "#include <stddef.h>", "#include <libvirt/libvirt.h>", "",
            "const struct fl_acl fl_acls[] = {"] + acls + ["};", "", "const char fl_proc_names[] ="] + blob + [""]
    tail = ["const struct fl_proc *fl_proc_find(uint32_t program, uint32_t number)", "{",
            "    const struct fl_proc *p = NULL;", ""]
    for p in PROGRAMS:
        tail += [f"    if (program == FL_PROGRAM_{p.upper()} && number < FL_PROCS_{p.upper()})", f"        p = &fl_procs_{p}[number];"]
    tail += ["    return p && p->number ? p : NULL;", "}", ""]
    return "\n".join(head + out + tail)


def emitters():
    return {"types.h": types_h, "types.c": types_c, "procs.h": procs_h, "procs.c": procs_c}
