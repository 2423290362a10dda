# SPDX-License-Identifier: LGPL-2.1-or-later
"""daemon/dispatch.[ch]: the server half of every regular call, and the tables of functions by procedure.
A call marked 'hand', and every procedure without a prototype, is expected as fl_serve_<call>() in daemon/."""
from model import PROGRAMS
from text import C_NOTICE


class Body:
    def __init__(self):
        self.decl, self.before, self.args, self.after = [], [], {}, []
        self.count = None


def limit_check(cond, text, *args):
    return [f"    if ({cond})", f"        return fl_error(VIR_ERR_RPC, {', '.join((text,) + args)});"]


def room(body, var, ctype, count):
    body.decl.append(f"    {ctype} *{var} = NULL;")
    body.before += [f"    {var} = fl_arena_alloc(call->arena, sizeof(*{var}) * ((size_t){count} + 1));", f"    if (!{var})",
                    f"        return fl_error(VIR_ERR_RPC, \"no room for %u elements\", (unsigned int){count});"]


def object_out(model, o, target, var):
    """Statements that put object `var` into the wire struct `target`, its strings copied to the arena."""
    return [f"    if (fl_{o.name}_reply(call, {var}, &{target}) < 0)", "        return -1;"]


def bind(model, c, b, body):
    a, w = b.c, b.wire
    f = c.wire_arg(w[0]) if w else None
    if b.word == "value" or b.word == "uuid":
        body.args[a[0]] = f"args->{w[0]}"
    elif b.word == "object":
        o = next(model.by_ptr[t] for t, n in c.args if n == a[0])
        if f.shape == "optional":
            body.decl.append(f"    fl_auto_{o.name} {a[0]} = args->{w[0]} ? fl_{o.name}_from_wire(call->conn, args->{w[0]}) : NULL;")
        else:
            body.decl.append(f"    fl_auto_{o.name} {a[0]} = fl_{o.name}_from_wire(call->conn, &args->{w[0]});")
    elif b.word == "devname":
        body.decl.append(f"    fl_auto_node_device {a[0]} = fl_node_device_new(call->conn, args->{w[0]});")
    elif b.word in ("bytes", "uints", "strings"):
        body.args[a[0]] = f"(const char **)args->{w[0]}" if b.word == "strings" else f"args->{w[0]}"
        t = next(t for t, n in c.args if n == a[1])
        body.args[a[1]] = f"({t})args->n_{w[0]}"
    elif b.word == "params":
        body.decl += ["    FL_AUTO_PARAMS(in);"]
        body.before += [f"    fl_auto_params_set(&in, args->{w[0]}, args->n_{w[0]});"]
        body.args[a[0]], body.args[a[1]] = "in.list", "in.n"
    elif b.word in ("names", "ids", "array_out", "records"):
        lim = f"FL_LIMIT_{c.wire_ret(w[0]).limit}"
        signed = f.type == "int" if f else True
        count = f"args->{w[1]}"
        neg = f"{count} < 0 || " if c.wire_arg(w[1]).type == "int" else ""
        body.before += limit_check(f"{neg}(uint32_t){count} > {lim}", f"\"{w[1]} is not between 0 and %u\"", lim)
        ctype = {"names": "char *", "ids": "int", "array_out": "unsigned long long", "records": "virDomainMemoryStatStruct"}[b.word]
        room(body, a[0], ctype.rstrip(), count)
        body.args[a[1]] = count
        body.count = ("n_" + w[0], a[0], b.word, w[0])
    elif b.word in ("list_all", "list_strings"):
        t = next(t for t, n in c.args if n == a[0])[:-1].rstrip("*").strip()
        base = next(t for t, n in c.args if n == a[0])
        inner = base[:-1].strip()  # 'virDomainPtr *' or 'char **'
        body.decl.append(f"    {inner}{'' if inner.endswith('*') else ' '}{a[0]} = NULL;")
        body.args[a[0]] = f"args->need_results ? &{a[0]} : NULL"
        body.count = ("all", a[0], b.word, w[0])
    elif b.word == "string_list":
        body.decl.append(f"    char **{a[0]} = NULL;")
        body.args[a[0]] = f"&{a[0]}"
        body.count = ("all", a[0], b.word, w[0])
    elif b.word in ("two_call", "fetch"):
        lim = f"FL_LIMIT_{c.wire_ret(w[0]).limit}"
        body.before += limit_check(f"args->nparams < 0 || (uint32_t)args->nparams > {lim}", "\"nparams is not between 0 and %u\"", lim)
        body.decl += ["    FL_AUTO_PARAMS(out);"]
        body.before += ["    fl_auto_params_room(&out, args->nparams);"]
        body.args[a[0]], body.args[a[1]] = "out.list", "&out.n"
        if b.word == "two_call":
            body.after += ["    if (args->nparams == 0) {", "        ret->nparams = out.n;", "        out.n = 0;", "        return 0;", "    }"]
        body.after += [f"    return fl_auto_params_reply(&out, call->arena, &ret->n_{w[0]}, &ret->{w[0]});"]
    elif b.word in ("params_out", "two_call_alloc"):
        body.decl += ["    FL_AUTO_PARAMS(out);"]
        t = next(t for t, n in c.args if n == a[1])
        body.args[a[0]], body.args[a[1]] = "&out.list", "&out.n" if t == "int *" else "(unsigned int *)&out.n"
        if b.word == "two_call_alloc":
            body.after += ["    ret->nparams = out.n;"]
        body.after += [f"    if (fl_auto_params_reply(&out, call->arena, &ret->n_{w[0]}, &ret->{w[0]}) < 0)", "        return -1;"]
    elif b.word == "out":
        t = next(t for t, n in c.args if n == a[0])[:-1].strip()
        body.decl.append(f"    {t} {a[0]} = 0;")
        body.args[a[0]] = f"&{a[0]}"
        body.after.append(f"    ret->{w[0]} = {a[0]};")
    elif b.word == "out_string":
        body.decl.append(f"    char *{a[0]} = NULL;")
        body.args[a[0]] = f"&{a[0]}"
        body.after += [f"    fl_arena_adopt(call->arena, {a[0]});", f"    ret->{w[0]} = {a[0]};"]
    elif b.word == "bytes_out":
        body.decl += [f"    unsigned char *{a[0]} = NULL;", f"    int {a[1]} = 0;"]
        body.args[a[0]], body.args[a[1]] = f"&{a[0]}", f"&{a[1]}"
        body.after += [f"    fl_arena_adopt(call->arena, {a[0]});", f"    ret->{w[0]} = {a[0]};", f"    ret->n_{w[0]} = (uint32_t){a[1]};"]
    elif b.word == "info":
        t = next(t for t, n in c.args if n == a[0])
        struct = {"virDomainBlockStatsPtr": "virDomainBlockStatsStruct", "virDomainInterfaceStatsPtr": "virDomainInterfaceStatsStruct"}.get(t, t[:-3])
        body.decl.append(f"    {struct} {a[0]} = {{ 0 }};")
        body.args[a[0]] = f"&{a[0]}"
        for x in c.wret:
            if x.shape == "fixed":
                body.after += [f"    for (size_t i = 0; i < sizeof({a[0]}.{x.name}); i++)", f"        ret->{x.name}[i] = {a[0]}.{x.name}[i];"]
            else:
                body.after.append(f"    ret->{x.name} = {a[0]}.{x.name};")
        body.info = a[0]
    elif b.word == "size":
        body.args[a[0]] = f"sizeof({body.info})"
    elif b.word == "peek":
        lim = f"FL_LIMIT_{c.wire_ret(w[1]).limit}"
        body.before += limit_check(f"args->{w[0]} > {lim}", "\"size is over the limit of %u bytes\"", lim)
        room(body, a[1], "unsigned char", f"args->{w[0]}")
        body.args[a[0]] = f"args->{w[0]}"
        body.after += [f"    ret->{w[1]} = {a[1]};", f"    ret->n_{w[1]} = args->{w[0]};"]
    elif b.word == "stream":
        body.args[a[0]] = "call->stream"
    elif b.word == "fd":
        body.before += limit_check("call->nfds != 1", "\"one descriptor is wanted, %u came\"", "call->nfds")
        body.args[a[0]] = "call->fds[0]"
    elif b.word == "fds":
        body.args[a[0]], body.args[a[1]] = "call->fds", "call->nfds"


def list_out(model, c, body):
    """What follows a call that lists: the reply's array from the local one."""
    kind, var, word, field = body.count
    f = c.wire_ret(field)
    if word == "names":
        return [f"    fl_arena_adopt_strings(call->arena, {var}, (size_t)n);",
                f"    ret->{field} = {var};", f"    ret->n_{field} = (uint32_t)n;"]
    if word == "ids":
        return [f"    ret->{field} = {var};", f"    ret->n_{field} = (uint32_t)n;"]
    if word == "array_out":
        return [f"    ret->{field} = (uint64_t *){var};", f"    ret->n_{field} = (uint32_t)n;"]
    if word == "records":
        rec = model.records[f.type]
        return [f"    ret->{field} = fl_arena_alloc(call->arena, sizeof(*ret->{field}) * ((size_t)n + 1));", f"    if (!ret->{field})",
                "        return fl_error(VIR_ERR_RPC, \"no room for %d elements\", n);",
                "    for (int i = 0; i < n; i++) {"] + [f"        ret->{field}[i].{x.name} = {var}[i].{x.name};" for x in rec.fields] + \
               ["    }", f"    ret->n_{field} = (uint32_t)n;"]
    if word in ("list_strings", "string_list"):
        out = [f"    fl_arena_adopt(call->arena, {var});",
               f"    fl_arena_adopt_strings(call->arena, {var}, {var} ? (size_t)n : 0);", f"    ret->{field} = {var};",
               f"    ret->n_{field} = {var} ? (uint32_t)n : 0;"]
        return out + (["    ret->ret = n;"] if word == "list_strings" else [])
    o = next(model.by_ptr[t[:-3]] for t, nm in c.args if nm == var)
    return [f"    if (fl_{o.name}_reply_list(call, {var}, n, &ret->n_{field}, &ret->{field}) < 0)", "        return -1;",
            "    ret->ret = n;"]


def serve(model, c):
    body = Body()
    for b in c.binds:
        if b.word != "return":
            bind(model, c, b, body)
    r = c.binds[-1]
    args = ["call->conn" if t == "virConnectPtr" else body.args.get(n, n) for t, n in c.args]
    out = [f"static int serve_{c.snake}(struct fl_call *call, void *in_args, void *in_ret)", "{"]
    if c.rargs:
        out.append(f"    struct {c.rargs.cname} *args = in_args;")
    if c.rret:
        out.append(f"    struct {c.rret.cname} *ret = in_ret;")
    out += body.decl
    expr = f"{c.function}({', '.join(args)})"
    done = body.after + ([] if body.after and body.after[-1].startswith("    return") else ["    return 0;"])
    if r.kind in ("status", "stopped"):
        out += [""] + body.before + [f"    if ({expr} < 0)", "        return -1;"] + done
    elif r.kind == "fd":
        out += ["    int fd;", ""] + body.before + [f"    fd = {expr};", "    if (fd < 0)", "        return -1;",
                                                   "    call->out_fds[call->nout_fds++] = fd;"] + done
    elif r.kind == "count":
        out += ["    int n;", ""] + body.before + [f"    n = {expr};", "    if (n < 0)", "        return -1;"]
        out += list_out(model, c, body) + done
    elif r.kind in ("value", "renamed"):
        t = c.ret_type
        bad = "value == 0" if t.startswith("unsigned") else "value < 0"
        out += [f"    {t} value;", ""] + body.before + [f"    value = {expr};", f"    if ({bad})", "        return -1;",
                                                        f"    ret->{r.field} = value;"] + done
    elif r.kind == "string":
        out += ["    char *value;", ""] + body.before + [f"    value = {expr};", "    if (!value)", "        return -1;",
                                                         "    fl_arena_adopt(call->arena, value);", f"    ret->{r.field} = value;"] + done
    elif r.kind == "object":
        o = model.by_ptr[c.ret_type]
        out += [f"    fl_auto_{o.name} made = NULL;", ""] + body.before + [f"    made = {expr};", "    if (!made)", "        return -1;"]
        out += object_out(model, o, f"ret->{r.field}", "made") + done
    elif r.kind == "update":
        o = model.by_ptr[c.args[0][0]]
        out += [""] + body.before + [f"    if ({expr} < 0)", "        return -1;"] + object_out(model, o, f"ret->{r.field}", c.args[0][1]) + done
    unused = [f"    (void){n};" for n, have in (("in_args", c.rargs), ("in_ret", c.rret)) if not have]
    i = out.index("") if "" in out else len(out)
    return out[:i + 1] + unused + out[i + 1:] + ["}", ""]


def reply_helpers(model):
    """Objects into replies; their strings are copied so that the object may go before the answer is sent."""
    out = []
    used = set()
    for c in model.calls:
        for b in c.binds or []:
            if b.word == "return" and b.kind == "object":
                used.add((model.by_ptr[c.ret_type].name, "one"))
            if b.word == "return" and b.kind == "update":
                used.add((model.by_ptr[c.args[0][0]].name, "one"))
            if b.word == "list_all":
                o = next(model.by_ptr[t[:-3]].name for t, n in c.args if n == b.c[0])
                used |= {(o, "one"), (o, "list")}

    def strings(o, at):
        res = [f"{at}{n}" for t, n in o.members if t == "string"]
        if o.parent:
            res += strings(model.objects[o.parent[0]], f"{at}{o.wire_parent}.")
        return res
    for o in model.objects.values():
        if (o.name, "one") in used:
            out += [f"static int fl_{o.name}_reply(struct fl_call *call, {o.ptr} obj, struct fl_w_{o.name} *w)", "{", f"    fl_{o.name}_to_wire(obj, w);"]
            checks = [f"fl_keep_string(call, &w->{s}) < 0" for s in strings(o, "")]
            out += ([f"    return {' || '.join(checks)} ? -1 : 0;"] if checks else ["    return 0;"]) + ["}", ""]
        if (o.name, "list") in used:
            out += [f"static int fl_{o.name}_reply_list(struct fl_call *call, {o.ptr} *list, int n, uint32_t *ret_n, struct fl_w_{o.name} **ret_w)", "{",
                    f"    struct fl_w_{o.name} *w = NULL;", "    int rc = 0;", "", "    if (!list)", "        return 0;",
                    "    if (n > 0 && !(w = fl_arena_alloc(call->arena, sizeof(*w) * (size_t)n)))",
                    "        rc = fl_error(VIR_ERR_RPC, \"no room for %d objects\", n);",
                    "    for (int i = 0; i < n; i++) {", f"        if (rc == 0)", f"            rc = fl_{o.name}_reply(call, list[i], &w[i]);",
                    f"        fl_{o.name}_unref(list[i]);", "    }", "    free(list);", "    *ret_n = (uint32_t)n;", "    *ret_w = w;", "    return rc;", "}", ""]
    return out


def by_hand(model):
    return [c for c in model.calls if c.on_wire and not c.binds]


def dispatch_h(model):
    out = [C_NOTICE, "/* What serves each procedure. */", "#pragma once", "", "#include \"daemon/call.h\"", "",
           "/* NULL where nothing is served (events, gaps). */", "fl_serve fl_dispatch_find(uint32_t program, uint32_t number);", "",
           "/* By hand, each for the reason given in api/. */"]
    for c in by_hand(model):
        if c.hand:
            out.append(f"/* {c.name}: {c.hand} */")
        out.append(f"int {hand_name(c)}(struct fl_call *call, void *args, void *ret);")
    return "\n".join(out + [""])


def hand_name(c):
    return "fl_serve_" + c.snake


def dispatch_c(model):
    out = [C_NOTICE, "#define FL_FROM VIR_FROM_RPC", "#include \"daemon/dispatch.h\"", "#include <stdlib.h>", "#include <string.h>",
           "#include <libvirt/libvirt-qemu.h>", "#include <libvirt/libvirt-lxc.h>", "#include \"base/error.h\"",
           "#include \"core/objects.h\"", "#include \"core/ops.h\"", "#include \"daemon/reply.h\"", "#include \"wire/procs.h\"", ""]
    out += reply_helpers(model)
    for c in model.calls:
        if c.on_wire and c.binds:
            out += serve(model, c)
    for p in PROGRAMS:
        out.append(f"static const fl_serve serve_{p}[FL_PROCS_{p.upper()}] = {{")
        out += [f"    [{c.number}] = {hand_name(c) if not c.binds else 'serve_' + c.snake}," for c in model.wire_calls(p)]
        out += ["};", ""]
    out += ["fl_serve fl_dispatch_find(uint32_t program, uint32_t number)", "{"]
    for p in PROGRAMS:
        out += [f"    if (program == FL_PROGRAM_{p.upper()} && number < FL_PROCS_{p.upper()})", f"        return serve_{p}[number];"]
    return "\n".join(out + ["    return NULL;", "}", ""])


def emitters():
    return {"dispatch.h": dispatch_h, "dispatch.c": dispatch_c}
