# SPDX-License-Identifier: LGPL-2.1-or-later
"""core/objects.[ch]: the structs behind the public pointers; new, ref, free, getters, to and from the wire."""
from text import C_NOTICE

MEMBER_C = {"string": "char *{n};", "uuid": "unsigned char {n}[VIR_UUID_BUFLEN];", "int": "int {n};"}
PARAM_C = {"string": "const char *{n}", "uuid": "const unsigned char *{n}", "int": "int {n}"}
FAIL = {"char *": "NULL", "const char *": "NULL"}

HEAD = '''/* The public objects. All begin with struct fl_object. A reference to an object holds its connection. */
#pragma once

#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include "wire/types.h"

struct fl_driver;
struct fl_stream_ops;

enum fl_magic {
    FL_MAGIC_CONNECT = 0x46c00001,
    FL_MAGIC_STREAM,
@MAGICS@
};

struct fl_object {
    unsigned int magic;
    int refs; /* atomic */
};

/* A connection. `core` is core/connect.c's: error handler, close callback. */
struct _virConnect {
    struct fl_object object;
    const struct fl_driver *driver;
    const struct fl_driver_ops *ops; /* driver->ops */
    void *priv;                      /* the driver's */
    unsigned int flags;              /* VIR_CONNECT_RO, ... */
    char *uri;                       /* as virConnectGetURI gives it */
    void *core;
};

/* A stream. `ops` are set by the call that connects it (core/stream.h). */
struct _virStream {
    struct fl_object object;
    virConnectPtr conn;
    unsigned int flags;
    const struct fl_stream_ops *ops;
    void *priv;
};

/* core/connect.c: drops a reference that an object held. */
void fl_connect_ref(virConnectPtr conn);
void fl_connect_unref(virConnectPtr conn);
/* 0 if usable, else -1 with VIR_ERR_INVALID_CONN / VIR_ERR_INVALID_STREAM set; safe for NULL. */
int fl_connect_check(virConnectPtr conn, const char *call);
int fl_stream_check(virStreamPtr stream, const char *call);
'''


def params(o):
    first = [f"{o_ptr(o.parent[0])} {o.parent[1]}"] if o.parent else ["virConnectPtr conn"]
    return first + [PARAM_C[t].format(n=n) for t, n in o.members]


_model = None


def o_ptr(name):
    return _model.objects[name].ptr


def objects_h(model):
    global _model
    _model = model
    out = [C_NOTICE, HEAD.replace("@MAGICS@", "\n".join(f"    FL_MAGIC_{o.name.upper()}," for o in model.objects.values()))]
    for o in model.objects.values():
        out += [f"struct _{o.c} {{", "    struct fl_object object;", "    virConnectPtr conn;"]
        if o.parent:
            out.append(f"    {o_ptr(o.parent[0])} {o.parent[1]}; /* held */")
        out += ["    " + MEMBER_C[t].format(n=n) for t, n in o.members]
        if o.cache:
            out.append(f"    char *{o.cache}; /* filled by a later call, freed with the object */")
        out += ["};", "",
                f"/* A new reference, never NULL; copies its arguments. */",
                f"{o.ptr} fl_{o.name}_new({', '.join(params(o))});",
                f"void fl_{o.name}_unref({o.ptr} obj); /* NULL is fine */",
                f"int fl_{o.name}_check({o.ptr} obj, const char *call);",
                f"/* Borrows the object's strings. */",
                f"void fl_{o.name}_to_wire({o.ptr} obj, struct fl_w_{o.name} *ret_w);",
                f"{o.ptr} fl_{o.name}_from_wire(virConnectPtr conn, const struct fl_w_{o.name} *w);",
                f"static inline void fl_{o.name}_cleanup({o.ptr} *obj)", "{", f"    fl_{o.name}_unref(*obj);", "}",
                f"#define fl_auto_{o.name} __attribute__((cleanup(fl_{o.name}_cleanup))) {o.ptr}", ""]
    return "\n".join(out)


def new_body(o):
    strings = [n for t, n in o.members if t == "string"]
    out = [f"{o.ptr} fl_{o.name}_new({', '.join(params(o))})", "{"]
    for s in strings:
        out.append(f"    size_t len_{s} = strlen({s}) + 1;")
    total = " + ".join([f"sizeof(struct _{o.c})"] + [f"len_{s}" for s in strings])
    out += [f"    {o.ptr} obj = g_malloc({total});"]
    if strings:
        out.append("    char *at = (char *)(obj + 1);")
    out += ["", f"    obj->object.magic = FL_MAGIC_{o.name.upper()};", "    obj->object.refs = 1;"]
    if o.parent:
        p = o.parent[1]
        out += [f"    obj->conn = {p}->conn;", f"    obj->{p} = {p};",
                f"    g_atomic_int_inc(&{p}->object.refs);"]
    else:
        out += ["    obj->conn = conn;", "    fl_connect_ref(conn);"]
    if o.cache:
        out.append(f"    obj->{o.cache} = NULL;")
    for t, n in o.members:
        if t == "uuid":
            out.append(f"    memcpy(obj->{n}, {n}, VIR_UUID_BUFLEN);")
        elif t == "int":
            out.append(f"    obj->{n} = {n};")
        else:
            out.append(f"    obj->{n} = memcpy(at, {n}, len_{n});")
            if n != strings[-1]:
                out.append(f"    at += len_{n};")
    return out + ["    return obj;", "}", ""]


def unref_body(model, o):
    out = [f"void fl_{o.name}_unref({o.ptr} obj)", "{", "    if (!obj || !g_atomic_int_dec_and_test(&obj->object.refs))",
           "        return;"]
    if o.parent:
        out.append(f"    fl_{o.parent[0]}_unref(obj->{o.parent[1]});")
    else:
        out.append("    fl_connect_unref(obj->conn);")
    if o.cache:
        out.append(f"    g_free(obj->{o.cache});")
    return out + ["    obj->object.magic = 0;", "    g_free(obj);", "}", ""]


def check_body(o):
    return [f"int fl_{o.name}_check({o.ptr} obj, const char *call)", "{",
            f"    if (G_LIKELY(obj && obj->object.magic == FL_MAGIC_{o.name.upper()}))", "        return 0;",
            f"    return fl_error_set({o.domain}, {o.invalid}, \"%s was given no valid {o.name.replace('_', ' ')}\", call);", "}", ""]


def wire_body(o):
    rec = f"struct fl_w_{o.name}"
    out = [f"void fl_{o.name}_to_wire({o.ptr} obj, {rec} *ret_w)", "{"]
    if o.parent:
        out.append(f"    fl_{o.parent[0]}_to_wire(obj->{o.parent[1]}, &ret_w->{o.wire_parent});")
    for t, n in o.members:
        out.append(f"    memcpy(ret_w->{n}, obj->{n}, VIR_UUID_BUFLEN);" if t == "uuid" else f"    ret_w->{n} = obj->{n};")
    out += ["}", "", f"{o.ptr} fl_{o.name}_from_wire(virConnectPtr conn, const {rec} *w)", "{"]
    args = ", ".join(f"w->{n}" for _, n in o.members)
    if o.parent:
        out += [f"    fl_auto_{o.parent[0]} {o.parent[1]} = fl_{o.parent[0]}_from_wire(conn, &w->{o.wire_parent});", "",
                f"    return fl_{o.name}_new({o.parent[1]}, {args});"]
    else:
        out.append(f"    return fl_{o.name}_new(conn, {args});")
    return out + ["}", ""]


def enter(o, var, fail):
    return ["    fl_error_reset();", f"    if (fl_{o.name}_check({var}, __func__) < 0) {{", "        fl_error_dispatch(NULL);",
            f"        return {fail};", "    }"]


def getter(o, g):
    v = "obj"
    name, ptr = o.c, o.ptr
    simple = {"name": ("const char *", "GetName", "name"), "macstring": ("const char *", "GetMACString", "mac"),
              "key": ("const char *", "GetKey", "key"), "usageid": ("const char *", "GetUsageID", "usageID"),
              "portdev": ("const char *", "GetPortDev", "portdev"),
              "filtername": ("const char *", "GetFilterName", "filtername")}
    if g in simple:
        ret, suffix, member = simple[g]
        return [f"{ret}{name}{suffix}({ptr} {v})", "{"] + enter(o, v, "NULL") + [f"    return {v}->{member};", "}", ""]
    if g == "usagetype":
        return [f"int {name}GetUsageType({ptr} {v})", "{"] + enter(o, v, "-1") + [f"    return {v}->usageType;", "}", ""]
    if g == "id":
        return [f"unsigned int {name}GetID({ptr} {v})", "{"] + enter(o, v, "(unsigned int)-1") + \
            [f"    return (unsigned int){v}->id;", "}", ""]
    if g == "connect":
        return [f"virConnectPtr {name}GetConnect({ptr} {v})", "{"] + enter(o, v, "NULL") + [f"    return {v}->conn;", "}", ""]
    if g in ("domain", "network"):
        suffix = "Domain" if g == "domain" else "Network"
        return [f"{o_ptr(o.parent[0])} {name}Get{suffix}({ptr} {v})", "{"] + enter(o, v, "NULL") + \
            [f"    return {v}->{o.parent[1]};", "}", ""]
    if g == "uuid":
        return [f"int {name}GetUUID({ptr} {v}, unsigned char *uuid)", "{"] + enter(o, v, "-1") + null_check(o, "uuid", v) + \
            [f"    memcpy(uuid, {v}->uuid, VIR_UUID_BUFLEN);", "    return 0;", "}", ""]
    if g == "uuidstring":
        return [f"int {name}GetUUIDString({ptr} {v}, char *buf)", "{"] + enter(o, v, "-1") + null_check(o, "buf", v) + \
            [f"    fl_uuid_format({v}->uuid, buf);", "    return 0;", "}", ""]
    raise KeyError(g)


def null_check(o, arg, v):
    return [f"    if (!{arg}) {{",
            f"        fl_error_set({o.domain}, VIR_ERR_INVALID_ARG, \"%s: '{arg}' must not be NULL\", __func__);",
            f"        fl_error_dispatch({v}->conn);", "        return -1;", "    }"]


def objects_c(model):
    global _model
    _model = model
    out = [C_NOTICE, "#include \"core/objects.h\"", "#include <glib.h>", "#include <string.h>", "#include \"base/error.h\"",
           "#include \"base/util.h\"", ""]
    for o in model.objects.values():
        out += new_body(o) + unref_body(model, o) + check_body(o) + wire_body(o)
        for g in o.getters:
            out += getter(o, g)
        out += [f"int {o.c}Ref({o.ptr} obj)", "{"] + enter(o, "obj", "-1") + \
            ["    g_atomic_int_inc(&obj->object.refs);", "    return 0;", "}", ""]
        out += [f"int {o.c}Free({o.ptr} obj)", "{"] + enter(o, "obj", "-1") + \
            [f"    fl_{o.name}_unref(obj);", "    return 0;", "}", ""]
    return "\n".join(out)


def generated_names(model):
    """Public functions that objects.c defines."""
    suffix = {"name": "GetName", "macstring": "GetMACString", "key": "GetKey", "usageid": "GetUsageID", "portdev": "GetPortDev",
              "filtername": "GetFilterName", "usagetype": "GetUsageType", "id": "GetID", "connect": "GetConnect",
              "domain": "GetDomain", "network": "GetNetwork", "uuid": "GetUUID", "uuidstring": "GetUUIDString"}
    names = set()
    for o in model.objects.values():
        names |= {o.c + suffix[g] for g in o.getters} | {o.c + "Ref", o.c + "Free"}
    return names


def emitters():
    return {"objects.h": objects_h, "objects.c": objects_c}
