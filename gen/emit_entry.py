# SPDX-License-Identifier: LGPL-2.1-or-later
"""core/entry.c: the public calls. Each resets the error, checks objects, NULL arguments, counts, flags and read-only,
then asks the driver; on failure the error is dispatched to the connection and the handlers."""
from model import Call
from text import C_NOTICE, wrap_prototype

COMPANIONS = ("libvirt-qemu", "libvirt-lxc")  # libraries of their own
SPECIAL_OBJECTS = {"virConnectPtr": ("connect", "VIR_FROM_DOMAIN"), "virStreamPtr": ("stream", "VIR_FROM_STREAMS")}


def fail_value(ret):
    if ret.endswith("*") or ret.endswith("Ptr"):
        return "NULL"
    return "0" if ret in ("unsigned long", "unsigned long long") else "-1"


def conn_of(model, c):
    """The expression for the connection: from the first object argument."""
    t, n = c.args[0]
    return n if t == "virConnectPtr" else f"{n}->conn"


def object_name(model, t):
    if t in SPECIAL_OBJECTS:
        return SPECIAL_OBJECTS[t][0]
    return model.by_ptr[t].name if t in model.by_ptr else None


# Where the errors of a header's calls come from, as existing programs compare it.
HEADER_DOMAIN = {"libvirt-domain-checkpoint": "VIR_FROM_DOMAIN_CHECKPOINT", "libvirt-domain-snapshot": "VIR_FROM_DOMAIN_SNAPSHOT",
                 "libvirt-interface": "VIR_FROM_INTERFACE", "libvirt-network": "VIR_FROM_NETWORK",
                 "libvirt-nodedev": "VIR_FROM_NODEDEV", "libvirt-nwfilter": "VIR_FROM_NWFILTER",
                 "libvirt-secret": "VIR_FROM_SECRET", "libvirt-storage": "VIR_FROM_STORAGE"}


def domain_of(model, c):
    return HEADER_DOMAIN.get(c.header, "VIR_FROM_DOMAIN")


def nullable(model, c):
    """Names of object arguments that may be NULL: optional on the wire."""
    out = set()
    for b in c.binds or []:
        if b.word == "object":
            f = c.wire_arg(b.wire[0])
            if f and f.shape == "optional" or (f and f.type.endswith("?")):
                out.add(b.c[0])
        if b.word == "stream":
            pass
    if c.hand:
        out |= {n for t, n in c.args[1:] if t in model.by_ptr}
    return out


def null_checks(model, c):
    """Argument names that must not be NULL, with the condition under which it matters."""
    out = []
    for b in c.binds or []:
        if b.word in ("value", "uuid"):
            t = next(t for t, n in c.args if n == b.c[0])
            f = c.wire_arg(b.wire[0])
            if t.endswith("*") and f.shape != "optional":
                out.append((b.c[0], f"!{b.c[0]}"))
        elif b.word in ("info", "out_string", "string_list"):
            out.append((b.c[0], f"!{b.c[0]}"))
        elif b.word == "out" and sum(x.word == "out" for x in c.binds) == 1:
            out.append((b.c[0], f"!{b.c[0]}"))
        elif b.word in ("names", "ids", "bytes", "params", "uints", "array_out", "records"):
            out.append((b.c[0], f"!{b.c[0]} && {b.c[1]}"))
        elif b.word in ("strings", "fds"):
            out.append((b.c[0], f"!{b.c[0]} && {b.c[1]}"))
        elif b.word in ("two_call", "fetch"):
            out += [(b.c[1], f"!{b.c[1]}"), (b.c[0], f"!{b.c[0]} && *{b.c[1]}")]
        elif b.word in ("params_out", "two_call_alloc"):
            out += [(b.c[0], f"!{b.c[0]}"), (b.c[1], f"!{b.c[1]}")]
        elif b.word == "bytes_out":
            out += [(n, f"!{n}") for n in b.c]
        elif b.word == "peek":
            out.append((b.c[1], f"!{b.c[1]} && {b.c[0]}"))
    if c.hand:
        for t, n in c.args:
            f = c.wire_arg(n)
            if t == "const char *" and f and f.shape == "one":
                out.append((n, f"!{n}"))
        out += [(n, f"!{n}") for t, n in c.args if n == "cb"]
    return out


def count_checks(c):
    out = []
    for b in c.binds or []:
        n = None
        if b.word in ("names", "ids", "bytes", "params", "uints", "array_out"):
            n = b.c[1]
            expr = f"{n} < 0"
        elif b.word in ("two_call", "fetch"):
            n = b.c[1]
            expr = f"*{n} < 0"
        if n and next(t for t, a in c.args if a == n) in ("int", "int *"):
            out.append((n, expr))
    return out


def entry(model, c):
    out = [""] + wrap_prototype(c.ret_type, c.function, c.args, "")
    out.append("{")
    conn, dom, fail = conn_of(model, c), domain_of(model, c), fail_value(c.ret_type)
    args = [n for _, n in c.args]
    size = next((b for b in c.binds or [] if b.word == "size"), None)
    info = next((b for b in c.binds or [] if b.word == "info"), None) if size else None
    if info:
        it = next(t for t, n in c.args if n == info.c[0])
        struct = {"virDomainBlockStatsPtr": "virDomainBlockStatsStruct", "virDomainInterfaceStatsPtr": "virDomainInterfaceStatsStruct"}[it]
        out.append(f"    {struct} whole = {{ 0 }};")
        args = ["&whole" if n == info.c[0] else f"sizeof(whole)" if n == size.c[0] else n for n in args]
    out += [f"    {c.ret_type}{'' if c.ret_type.endswith('*') else ' '}answer;", "",
            f"    fl_debug(\"%s\", __func__);", "    fl_error_reset();"]
    optional = nullable(model, c)
    first = True
    for t, n in c.args:
        o = object_name(model, t)
        if not o:
            continue
        guard = f"{n} && " if n in optional else ""
        where = "NULL" if first else f"{conn}"
        out += [f"    if ({guard}fl_{o}_check({n}, __func__) < 0) {{", f"        fl_error_dispatch({where});",
                f"        return {fail};", "    }"]
        first = False
    for n, expr in null_checks(model, c):
        out += [f"    if ({expr}) {{", f"        entry_null({dom}, __func__, \"{n}\");", "        goto failed;", "    }"]
    for n, expr in count_checks(c):
        out += [f"    if ({expr}) {{", f"        entry_negative({dom}, __func__, \"{n}\");", "        goto failed;", "    }"]
    for rule in c.require:
        out += [f"    if (!({rule})) {{", f"        entry_require({dom}, __func__, \"{rule}\");", "        goto failed;", "    }"]
    if info:
        out += [f"    if ({size.c[0]} > sizeof(whole)) {{", f"        fl_error_set({dom}, VIR_ERR_INVALID_ARG,"
                f" \"%s: '{size.c[0]}' is more than this library's %zu bytes\", __func__, sizeof(whole));", "        goto failed;", "    }"]
    flags = next((n for t, n in c.args if n == "flags"), None)
    if c.flag_enum and flags:
        mask = " | ".join(m for m, v, s in model.enums[c.flag_enum] if not s) or "0"
        out += [f"    if ({flags} & ~(unsigned int)({mask})) {{",
                f"        entry_flags({dom}, __func__, {flags}, (unsigned int)({mask}));", "        goto failed;", "    }"]
    if c.on_wire and not c.read_only_ok():
        out += [f"    if ({conn}->flags & VIR_CONNECT_RO) {{", f"        entry_read_only({dom}, __func__);", "        goto failed;", "    }"]
    elif c.on_wire:
        for arg, masks in c.read_only_flags():
            out += [f"    if (({conn}->flags & VIR_CONNECT_RO) && ({arg} & ({masks.replace('|', ' | ')}))) {{",
                    f"        entry_read_only({dom}, __func__);", "        goto failed;", "    }"]
    if any(b.word in ("fetch", "two_call") for b in c.binds or []) and flags:
        out.append("    flags |= VIR_TYPED_PARAM_STRING_OKAY; /* this library takes string parameters */")
    out += [f"    if (!{conn}->ops->{c.snake}) {{", f"        entry_unsupported({dom}, {conn}, __func__);", "        goto failed;", "    }",
            f"    answer = {conn}->ops->{c.snake}({', '.join(args)});"]
    if "Deregister" in c.name:  # the callback may hold the last reference: the driver must outlive its own call
        call = out.pop()
        out += [f"    fl_connect_ref({conn});", call, "    if (answer < 0)", f"        fl_error_dispatch({conn});",
                f"    fl_connect_unref({conn});", "    return answer;", "failed:", f"    fl_error_dispatch({conn});",
                f"    return {fail};", "}"]
        return out
    bad = "!answer" if fail == "NULL" else "answer == 0" if fail == "0" else "answer < 0"
    out += [f"    if ({bad})", "        goto failed;"]
    if info:
        out.append(f"    memcpy({info.c[0]}, &whole, {size.c[0]});")
    out += ["    return answer;", "failed:", f"    fl_error_dispatch({conn});", f"    return {fail};", "}"]
    return out


HELPERS = '''
static G_GNUC_UNUSED void entry_null(int domain, const char *call, const char *arg)
{
    fl_error_set_argument(domain, VIR_ERR_INVALID_ARG, call, arg, "must not be NULL");
}

static G_GNUC_UNUSED void entry_negative(int domain, const char *call, const char *arg)
{
    fl_error_set_argument(domain, VIR_ERR_INVALID_ARG, call, arg, "must not be negative");
}

static G_GNUC_UNUSED void entry_require(int domain, const char *call, const char *rule)
{
    fl_error_set(domain, VIR_ERR_INVALID_ARG, "%s: expected arguments with %s", call, rule);
}

static G_GNUC_UNUSED void entry_flags(int domain, const char *call, unsigned int flags, unsigned int known)
{
    fl_error_set_argument(domain, VIR_ERR_INVALID_ARG, call, "flags", "has unknown bits 0x%x; known are 0x%x", flags & ~known, known);
}

static G_GNUC_UNUSED void entry_read_only(int domain, const char *call)
{
    fl_error_set(domain, VIR_ERR_OPERATION_DENIED, "read only access prevents %s; open the connection for writing", call);
}

static G_GNUC_UNUSED void entry_unsupported(int domain, virConnectPtr conn, const char *call)
{
    fl_error_set(domain, VIR_ERR_NO_SUPPORT, "%s is not supported by the '%s' driver", call, conn->driver->name);
}
'''


def entry_c(model, headers):
    out = [C_NOTICE, "#include <glib.h>", "#include <string.h>", "#include <libvirt/libvirt.h>", "#include <libvirt/libvirt-qemu.h>",
           "#include <libvirt/libvirt-lxc.h>", "#include \"base/error.h\"",
           "#include \"base/log.h\"", "#include \"core/objects.h\"", "#include \"core/ops.h\"", "#include \"core/driver.h\"", HELPERS]
    for c in model.slots():
        if c.entry == "generated" and headers(c.header):
            out += entry(model, c)
    return "\n".join(out + [""])


def hand_written(model):
    from emit_objects import generated_names
    done = generated_names(model)
    return [c.name for c in model.public_calls() if not (c.entry == "generated" and c.has_slot) and c.name not in done]


def emitters():
    return {"entry.c": lambda m: entry_c(m, lambda h: h not in COMPANIONS),
            "entry-qemu.c": lambda m: entry_c(m, lambda h: h == "libvirt-qemu"),
            "entry-lxc.c": lambda m: entry_c(m, lambda h: h == "libvirt-lxc"),
            "hand-written.txt": lambda m: "\n".join(hand_written(m)) + "\n"}
