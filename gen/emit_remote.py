# SPDX-License-Identifier: LGPL-2.1-or-later
"""driver/remote/stubs.[ch]: the client half of every regular call, and the remote driver's operations table.
A call marked 'hand' is expected as fl_remote_<call>() in driver/remote/."""
from emit_wire import type_macro
from text import C_NOTICE, wrap_prototype


def proc_macro(c):
    return ("FL_P_" if c.program == "remote" else f"FL_P_{c.program.upper()}_") + c.snake.upper()


def fail_value(ret):
    if ret.endswith("*") or ret.endswith("Ptr"):
        return "NULL"
    return "0" if ret in ("unsigned long", "unsigned long long") else "-1"


def conn_of(c):
    t, n = c.args[0]
    return n if t == "virConnectPtr" else f"{n}->conn"


class Body:
    """Statements before the call, after it, and what is returned."""

    def __init__(self):
        self.decl, self.before, self.after, self.result = [], [], [], None
        self.call = "plain"
        self.extra = ""


def bind_in(model, c, b, body, fail):
    """One binding of an argument that goes out."""
    a, w = b.c, b.wire
    f = c.wire_arg(w[0]) if w else None
    add = body.before.append
    if b.word == "value":
        cast = "(char *)" if f.type == "string" else ""
        add(f"    args.{w[0]} = {cast}{a[0]};")
    elif b.word == "uuid":
        add(f"    memcpy(args.{w[0]}, {a[0]}, VIR_UUID_BUFLEN);")
    elif b.word == "object":
        o = next(model.by_ptr[t].name for t, n in c.args if n == a[0])
        if f.shape == "optional":
            body.decl.append(f"    struct fl_w_{o} wire_{a[0]};")
            body.before += [f"    if ({a[0]}) {{", f"        fl_{o}_to_wire({a[0]}, &wire_{a[0]});",
                            f"        args.{w[0]} = &wire_{a[0]};", "    }"]
        else:
            add(f"    fl_{o}_to_wire({a[0]}, &args.{w[0]});")
    elif b.word == "devname":
        add(f"    args.{w[0]} = {a[0]}->name;")
    elif b.word in ("bytes", "uints", "strings"):
        cast = {"bytes": "(unsigned char *)", "uints": "", "strings": "(char **)"}[b.word]
        body.before += [f"    args.{w[0]} = {cast}{a[0]};", f"    args.n_{w[0]} = (uint32_t){a[1]};"]
    elif b.word == "params":
        body.before += [f"    if (fl_params_to_wire({a[0]}, {a[1]}, &arena, &args.n_{w[0]}, &args.{w[0]}) < 0)", f"        return {fail};"]
    elif b.word in ("names", "ids", "array_out"):
        add(f"    args.{w[1]} = {a[1]};")
    elif b.word == "records":  # Compat: more room than a reply can fill is no fault of the caller
        limit = f"FL_LIMIT_{c.wire_ret(w[0]).limit}"
        add(f"    args.{w[1]} = MIN({a[1]}, {limit});")
    elif b.word in ("list_all", "list_strings"):
        add(f"    args.need_results = {a[0]} != NULL;")
    elif b.word in ("two_call", "fetch"):
        add(f"    args.nparams = *{a[1]};")
    elif b.word == "two_call_alloc":
        limit = model.limit(c.where, c.wire_ret(w[0]).limit)
        add(f"    args.nparams = {limit}; /* as many as a reply may hold */")
    elif b.word == "peek":
        body.before += [f"    if ({a[0]} > FL_LIMIT_{c.wire_ret(w[1]).limit}) {{",
                        f"        fl_error(VIR_ERR_INVALID_ARG, \"size %zu is over the limit of %u bytes\", {a[0]}, FL_LIMIT_{c.wire_ret(w[1]).limit});",
                        f"        return {fail};", "    }", f"    args.{w[0]} = (uint32_t){a[0]};"]
    elif b.word == "stream":
        body.call, body.extra = "stream", f", {a[0]}"
    elif b.word == "fd":
        body.decl.append(f"    struct fl_client_fds passed = {{ .in = &{a[0]}, .nin = 1 }};")
        body.call, body.extra = "fds", ", &passed"
    elif b.word == "fds":
        body.decl.append(f"    struct fl_client_fds passed = {{ .in = {a[0]}, .nin = {a[1]} }};")
        body.call, body.extra = "fds", ", &passed"


def too_many(c, b, count, room, fail):
    return [f"    if ({count} > (uint32_t){room}) {{",
            f"        fl_error(VIR_ERR_RPC, \"the far side sent %u where %d were asked for\", {count}, (int){room});",
            f"        return {fail};", "    }"]


def bind_out(model, c, b, body, fail):
    """One binding of what comes back."""
    a, w = b.c, b.wire
    after = body.after
    if b.word == "out":
        t = next(t for t, n in c.args if n == a[0])[:-1].strip()
        after += [f"    if ({a[0]})", f"        *{a[0]} = ({t})ret.{w[0]};"]
    elif b.word == "out_string":
        after.append(f"    *{a[0]} = g_strdup(ret.{w[0]});")
    elif b.word == "info":
        for f in c.wret:
            if f.shape == "fixed":
                after += [f"    for (size_t i = 0; i < sizeof({a[0]}->{f.name}); i++)", f"        {a[0]}->{f.name}[i] = (char)ret.{f.name}[i];"]
            else:
                after.append(f"    {a[0]}->{f.name} = ret.{f.name};")
    elif b.word in ("names", "ids", "array_out", "records"):
        n = f"ret.n_{w[0]}"
        after += too_many(c, b, n, a[1], fail)
        copy = {"names": f"        {a[0]}[i] = g_strdup(ret.{w[0]}[i]);", "ids": f"        {a[0]}[i] = ret.{w[0]}[i];",
                "array_out": f"        {a[0]}[i] = ret.{w[0]}[i];"}.get(b.word)
        if b.word == "records":
            rec = model.records[c.wire_ret(w[0]).type]
            copy = "\n".join([f"        {a[0]}[i].{f.name} = ret.{w[0]}[i].{f.name};" for f in rec.fields])
            after += [f"    for (uint32_t i = 0; i < {n}; i++) {{", copy, "    }"]
        else:
            after += [f"    for (uint32_t i = 0; i < {n}; i++)", copy]
        body.count = f"(int){n}"
    elif b.word == "list_all":
        o = next(model.by_ptr[t[:-3]] for t, n in c.args if n == a[0])
        after += [f"    if ({a[0]}) {{", f"        *{a[0]} = g_new0({o.ptr}, ret.n_{w[0]} + 1);",
                  f"        for (uint32_t i = 0; i < ret.n_{w[0]}; i++)",
                  f"            (*{a[0]})[i] = fl_{o.name}_from_wire({conn_of(c)}, &ret.{w[0]}[i]);", "    }"]
        body.count = "(int)ret.ret"
    elif b.word in ("list_strings", "string_list"):
        lines = [f"*{a[0]} = g_new0(char *, ret.n_{w[0]} + 1);", f"for (uint32_t i = 0; i < ret.n_{w[0]}; i++)",
                 f"    (*{a[0]})[i] = g_strdup(ret.{w[0]}[i]);"]
        if b.word == "list_strings":
            after += [f"    if ({a[0]}) {{"] + ["        " + x for x in lines] + ["    }"]
            body.count = "ret.ret"
        else:
            after += ["    " + x for x in lines]
            body.count = f"(int)ret.n_{w[0]}"
    elif b.word in ("two_call", "fetch"):
        if b.word == "two_call":
            after += [f"    if (*{a[1]} == 0) {{", f"        *{a[1]} = ret.nparams;", "        return 0;", "    }"]
        after += too_many(c, b, f"ret.n_{w[0]}", f"*{a[1]}", fail)
        after += [f"    fl_params_fill(ret.{w[0]}, ret.n_{w[0]}, {a[0]});", f"    *{a[1]} = (int)ret.n_{w[0]};"]
    elif b.word in ("params_out", "two_call_alloc"):
        after += [f"    *{a[0]} = fl_params_from_wire(ret.{w[0]}, ret.n_{w[0]});", f"    *{a[1]} = ret.n_{w[0]};"]
    elif b.word == "bytes_out":
        after += [f"    *{a[0]} = g_memdup2(ret.{w[0]}, ret.n_{w[0]});", f"    *{a[1]} = (int)ret.n_{w[0]};"]
    elif b.word == "peek":
        after += too_many(c, b, f"ret.n_{w[1]}", a[0], fail) + [f"    memcpy({a[1]}, ret.{w[1]}, ret.n_{w[1]});"]


def result(model, c, b, body):
    if b.kind == "status":
        return "0"
    if b.kind == "stopped":
        body.after.append(f"    {c.args[0][1]}->id = -1;")
        return "0"
    if b.kind == "renamed":  # the new name lives beside the old one: who holds that pointer still may
        dom, name = c.args[0][1], c.args[1][1]
        body.after += ["    g_autofree char *former = NULL;", "", f"    if ({name}) {{", f"        former = {dom}->renamed;",
                       f"        {dom}->name = {dom}->renamed = g_strdup({name});", "    }"]
        return f"ret.{b.field}"
    if b.kind == "count":
        return body.count
    if b.kind == "fd":
        body.decl.append("    struct fl_client_fds passed = { 0 };")
        body.call, body.extra = "fds", ", &passed"
        return "fl_remote_take_fd(&passed)"
    if b.kind == "value":
        return f"ret.{b.field}"
    if b.kind == "string":
        return f"g_strdup(ret.{b.field})"
    if b.kind == "object":
        o = model.by_ptr[c.ret_type]
        return f"fl_{o.name}_from_wire({conn_of(c)}, &ret.{b.field})"
    if b.kind == "update":
        first = c.args[0][1]
        body.after.append(f"    {first}->id = ret.{b.field}.id;")
        return "0"
    raise KeyError(b.kind)


def stub(model, c):
    ret_type, args = c.slot_proto
    fail = fail_value(ret_type)
    if c.via:
        return wrap_prototype("static " + ret_type, f"remote_{c.snake}", args, "") + \
            ["{", f"    return {c.via};", "}", ""]
    body = Body()
    for b in c.binds:
        if b.word != "return":
            bind_in(model, c, b, body, fail)
    for b in c.binds:
        if b.word != "return":
            bind_out(model, c, b, body, fail)
    res = result(model, c, c.binds[-1], body)
    out = wrap_prototype("static " + ret_type, f"remote_{c.snake}", args, "") + ["{", "    FL_ARENA(arena);"]
    if c.rargs:
        out.append(f"    struct {c.rargs.cname} args = {{ 0 }};")
    if c.rret:
        out.append(f"    struct {c.rret.cname} ret = {{ 0 }};")
    out += body.decl + [""] + body.before
    fn = {"plain": "fl_client_call", "stream": "fl_remote_call_stream", "fds": "fl_client_call_fds"}[body.call]
    a = f"{type_macro(c.rargs)}, &args" if c.rargs else "FL_XDR_VOID, NULL"
    r = f"{type_macro(c.rret)}, &ret" if c.rret else "FL_XDR_VOID, NULL"
    out += [f"    if ({fn}(fl_remote_client({conn_of(c)}), FL_PROGRAM_{c.program.upper()}, {proc_macro(c)}, {a}, {r}, &arena{body.extra}) < 0)",
            f"        return {fail};"]
    return out + body.after + [f"    return {res};", "}", ""]


def remote_calls(model):
    return [c for c in model.slots() if c.on_wire]


def stubs_h(model):
    out = [C_NOTICE, "/* The remote driver's operations; and the calls it answers by hand, in driver/remote/. */", "#pragma once", "",
           "#include \"core/ops.h\"", "", "extern const struct fl_driver_ops fl_remote_ops;", "",
           "/* By hand, each for the reason given in api/. */"]
    for c in model.slots():
        if c.hand or not c.on_wire:
            ret, args = c.slot_proto
            if c.hand:
                out.append(f"/* {c.name}: {c.hand} */")
            out += wrap_prototype(ret, f"fl_remote_{c.snake}", args, ";")
    return "\n".join(out + [""])


def stubs_c(model):
    out = [C_NOTICE, "#define FL_FROM VIR_FROM_REMOTE", "#include \"driver/remote/stubs.h\"", "#include <glib.h>", "#include <string.h>",
           "#include \"base/error.h\"", "#include \"core/objects.h\"", "#include \"core/params.h\"", "#include \"driver/remote/remote.h\"",
           "#include \"rpc/client.h\"", "#include \"wire/procs.h\"", ""]
    for c in sorted(remote_calls(model), key=lambda c: bool(c.via)):  # those that go by another call after it
        if not c.hand:
            out += stub(model, c)
    out += ["const struct fl_driver_ops fl_remote_ops = {"]
    for c in model.slots():
        by_hand = c.hand or not c.on_wire
        out.append(f"    .{c.snake} = {'fl_remote_' if by_hand else 'remote_'}{c.snake},")
    return "\n".join(out + ["};", ""])


def emitters():
    return {"stubs.h": stubs_h, "stubs.c": stubs_c}
