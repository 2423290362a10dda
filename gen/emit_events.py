# SPDX-License-Identifier: LGPL-2.1-or-later
"""core/events.[ch]: the table of events and the way from a payload to the application's C callback."""
from emit_wire import type_macro
from model import PROGRAMS
from parse import parse_prototype
from text import C_NOTICE

OBJECT_OF = {"dom": "domain", "net": "network", "pool": "storage_pool", "dev": "node_device", "secret": "secret"}


def classes(model):
    out = []
    for e in model.events:
        if e.cls not in out:
            out.append(e.cls)
    return out


def const(e):
    return f"FL_EV_{e.cls.upper()}_{e.name.upper()}"


def events_h(model):
    out = [C_NOTICE, "/* The events: their numbers, their payloads (wire structs) and how a payload becomes a C callback. */",
           "#pragma once", "", "#include <stdbool.h>", "#include <libvirt/libvirt.h>", "#include \"wire/types.h\"", "",
           "enum fl_event_class {"] + [f"    FL_EVENT_{c.upper()}," for c in classes(model)] + ["};", "",
           "struct fl_event_info {", "    uint8_t cls;             /* enum fl_event_class */", "    uint8_t numbered;        /* the message begins with a callback id */",
           "    uint16_t id;             /* in the class: VIR_DOMAIN_EVENT_ID_..., ... */", "    uint16_t payload;        /* FL_T_... */",
           "    uint16_t legacy_payload; /* of the message without an id: the same struct, maybe fewer fields */",
           "    uint16_t proc, legacy_proc; /* 0 = there is none */", "    uint32_t program;",
           "    const char *name;        /* \"domain lifecycle\" */", "};", "",
           "enum {"] + [f"    {const(e)}_I," for e in model.events] + [f"    FL_NEVENTS", "};", "",
           "extern const struct fl_event_info fl_events[FL_NEVENTS];"] + \
          [f"#define {const(e)} (&fl_events[{const(e)}_I])" for e in model.events]
    out += ["", "/* NULL if unknown; no error set. */", "const struct fl_event_info *fl_event_find(enum fl_event_class cls, int id);",
            "const struct fl_event_info *fl_event_by_proc(uint32_t program, uint32_t proc, bool *ret_legacy);",
            "/* What a subscription's filter compares: the object's UUID, or its name where it has none; else NULL. */",
            "void fl_event_object(const struct fl_event_info *event, const void *payload, const unsigned char **ret_uuid,",
            "                     const char **ret_name);",
            "/* Calls the application. The payload stays the caller's. */",
            "void fl_event_invoke(const struct fl_event_info *event, virConnectPtr conn, void (*cb)(void), void *opaque,",
            "                     const void *payload);", ""]
    return "\n".join(out)


GRAPHICS = '''    const struct fl_w_event_domain_graphics *p = payload;
    fl_auto_domain obj = fl_domain_from_wire(conn, &p->dom);
    virDomainEventGraphicsAddress local = { p->local.family, p->local.node, p->local.service };
    virDomainEventGraphicsAddress remote = { p->remote.family, p->remote.node, p->remote.service };
    virDomainEventGraphicsSubjectIdentity *who = g_new0(virDomainEventGraphicsSubjectIdentity, p->n_subject + 1);
    virDomainEventGraphicsSubject subject = { (int)p->n_subject, who };

    for (uint32_t i = 0; i < p->n_subject; i++) {
        who[i].type = p->subject[i].type;
        who[i].name = p->subject[i].name;
    }
    ((virConnectDomainEventGraphicsCallback)cb)(conn, obj, p->phase, &local, &remote, p->authScheme, &subject, opaque);
    g_free(who);'''


def invoke(model, e, callbacks):
    out = [f"static void invoke_{e.cls}_{e.name}(virConnectPtr conn, void (*cb)(void), void *opaque, const void *payload)", "{"]
    if e.name == "graphics":
        return out + [GRAPHICS, "}", ""]
    _, args = callbacks[e.callback]
    names = [n for _, n in args[1:-1]]
    obj = e.object
    rest = [f for f in e.fields if f is not obj]
    oname = OBJECT_OF[obj.name]
    out += [f"    const struct {e.record.cname} *p = payload;",
            f"    fl_auto_{oname} obj = fl_{oname}_from_wire(conn, &p->{obj.name});"]
    values, after = [], []
    for f in rest:
        if f.type == "typed_param":
            out += [f"    virTypedParameterPtr params = fl_params_from_wire(p->{f.name}, p->n_{f.name});"]
            values += ["params", f"(int)p->n_{f.name}"]
            after.append(f"    virTypedParamsFree(params, (int)p->n_{f.name});")
        else:
            values.append(f"p->{f.name}")
    if len(values) != len(names) - 1:
        raise SystemExit(f"{e.where}: event {e.cls} {e.name}: fields do not match {e.callback}")
    return out + ["", f"    (({e.callback})cb)({', '.join(['conn', 'obj'] + values + ['opaque'])});"] + after + ["}", ""]


def events_c(model):
    callbacks = {}
    for d in model.decls:
        if d.kind == "callback":
            name, _, proto = d.head.partition(" ")
            callbacks[name] = parse_prototype(d.where, proto)
    out = [C_NOTICE, "#include \"core/events.h\"", "#include <glib.h>", "#include <libvirt/libvirt-qemu.h>", "#include \"core/objects.h\"",
           "#include \"core/params.h\"", "#include \"wire/procs.h\"", ""]
    for e in model.events:
        if e.callback:
            out += invoke(model, e, callbacks)
    out.append("const struct fl_event_info fl_events[FL_NEVENTS] = {")
    for e in model.events:
        out.append(f"    {{ FL_EVENT_{e.cls.upper()}, {int(e.numbered)}, {e.id}, {type_macro(e.record)}, {type_macro(e.legacy_record)}, "
                   f"{e.msg}, {e.legacy}, FL_PROGRAM_{e.program.upper()}, \"{e.cls.replace('_', ' ')} {e.name.replace('_', '-')}\" }},")
    out += ["};", "", "typedef void (*invoke_fn)(virConnectPtr conn, void (*cb)(void), void *opaque, const void *payload);",
            "static const invoke_fn invokers[FL_NEVENTS] = {"]
    out += [f"    invoke_{e.cls}_{e.name}," if e.callback else "    NULL," for e in model.events]
    out += ["};", "", '''const struct fl_event_info *fl_event_find(enum fl_event_class cls, int id)
{
    for (size_t i = 0; i < FL_NEVENTS; i++) {
        if (fl_events[i].cls == cls && fl_events[i].id == id)
            return &fl_events[i];
    }
    return NULL;
}

const struct fl_event_info *fl_event_by_proc(uint32_t program, uint32_t proc, bool *ret_legacy)
{
    for (size_t i = 0; i < FL_NEVENTS; i++) {
        const struct fl_event_info *e = &fl_events[i];

        if (e->program != program || !proc || (e->proc != proc && e->legacy_proc != proc))
            continue;
        *ret_legacy = e->proc != proc;
        return e;
    }
    return NULL;
}

void fl_event_invoke(const struct fl_event_info *event, virConnectPtr conn, void (*cb)(void), void *opaque,
                     const void *payload)
{
    if (invokers[event - fl_events])
        invokers[event - fl_events](conn, cb, opaque, payload);
}

void fl_event_object(const struct fl_event_info *event, const void *payload, const unsigned char **ret_uuid,
                     const char **ret_name)
{
    *ret_uuid = NULL;
    *ret_name = NULL;
    switch (event - fl_events) {''']
    for e in model.events:
        if e.object:
            o = model.objects[OBJECT_OF[e.object.name]]
            field = "uuid" if any(n == "uuid" for _, n in o.members) else "name"
            out += [f"    case {const(e)}_I:", f"        *ret_{field} = ((const struct {e.record.cname} *)payload)->{e.object.name}.{field};", "        break;"]
    out += ["    default:", "        break;", "    }", "}", ""]
    return "\n".join(out)


def emitters():
    return {"events.h": events_h, "events.c": events_c}
