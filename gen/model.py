# SPDX-License-Identifier: LGPL-2.1-or-later
"""The checked model: everything api/*.api declares, resolved and cross-checked. The emitters read only this."""
import re
from parse import ApiError, Decl, parse_file, parse_prototype, parse_wire_fields, Field

READ_PERMS = {"read", "getattr"}
PROGRAMS = {"remote": (0x20008086, 1), "qemu": (0x20008087, 1), "lxc": (0x00068000, 1)}

# wire word -> (C member type, FL_XDR_ kind, bytes on the wire at least, size, alignment)
SCALARS = {
    "int": ("int32_t", "INT", 4, 4), "uint": ("uint32_t", "UINT", 4, 4),
    "auth_type": ("int32_t", "INT", 4, 4),
    "hyper": ("int64_t", "HYPER", 8, 8), "uhyper": ("uint64_t", "UHYPER", 8, 8),
    "double": ("double", "DOUBLE", 8, 8), "char": ("int8_t", "CHAR", 4, 1), "uchar": ("int8_t", "CHAR", 4, 1),
    "short": ("int16_t", "SHORT", 4, 2), "ushort": ("int16_t", "SHORT", 4, 2),
}


def snake(name):
    """virDomainGetXMLDesc -> domain_get_xml_desc, as the wire spells procedures."""
    n = re.sub(r"^vir", "", name)
    for a in ("NWFilters", "NWFilter", "FSTrim", "FSFreeze", "FSThaw", "FSInfo", "IOThread"):
        n = n.replace(a, a[0] + a[1:].lower())
    n = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", n)
    return re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1_\2", n).lower()


class Record:
    """A wire struct: fields, its C name and (after layout) its index in the tables."""

    def __init__(self, where, name, fields, view_of=None):
        self.where, self.name, self.fields, self.view_of = where, name, fields, view_of
        self.index = None

    @property
    def cname(self):
        return "fl_w_" + (self.view_of or self.name)


class Bind:
    """One word of a 'bind' line: 'params params,nparams=params' -> word, c names, wire names."""

    def __init__(self, where, text):
        self.c, self.wire = [], []
        m = re.fullmatch(r"return (status|stopped|renamed|fd|count|value|string|object|update)(?: (?:(\w+)=)?(\w+))?", text)
        if m:
            self.word, self.kind, self.target, self.field = "return", m.group(1), m.group(2), m.group(3)
            return
        m = re.fullmatch(r"(\w+) ([\w,]+)(?:=([\w,]+))?", text)
        if not m:
            raise ApiError(where, f"'{text}' is no binding: WORD c-names[=wire-names]")
        self.word = m.group(1)
        self.c = m.group(2).split(",")
        self.wire = m.group(3).split(",") if m.group(3) else list(self.c)


class Call:
    """A public call, or a procedure of the wire alone (public == False). A procedure with a prototype is a call between
    this project's own parts: its function is fl_<procedure>, and it has a slot as the public calls have."""

    WORDS = {"c", "args", "ret", "bind", "hand", "acl", "readonly", "idempotent", "filter", "quick", "stream", "flags", "slot", "entry",
             "driver", "doc", "program", "via", "require"}

    def __init__(self, decl, header_program):
        self.where, self.header = decl.where, decl.header
        self.kind = decl.kind
        head = re.fullmatch(r"(\w+)(?: = (\d+))?(?: since ([\d.]+))?", decl.head)
        if not head:
            raise ApiError(decl.where, f"'{decl.head}' is not NAME [= NUMBER] [since VERSION]")
        self.name, self.number, self.since = head.group(1), int(head.group(2) or 0), head.group(3)
        w = decl.fields(self.WORDS)
        self.public = decl.kind != "proc"
        if decl.kind in ("call", "proc"):
            if not self.number:
                raise ApiError(decl.where, f"{self.name} has no procedure number")
            if "acl" not in w:
                raise ApiError(decl.where, f"{self.name} has no permission: an 'acl' line is mandatory")
        if self.public and ("c" not in w or not self.since):
            raise ApiError(decl.where, f"{self.name} needs 'c PROTOTYPE' and 'since VERSION'")
        self.ret_type, self.args = parse_prototype(decl.where, w["c"]) if "c" in w else (None, [])
        self.function = self.name if self.public else "fl_" + self.name
        self.snake = snake(self.name) if self.public else self.name
        self.program = w.get("program") or header_program
        self.wargs = parse_wire_fields(decl.where, w.get("args", ""))
        self.wret = parse_wire_fields(decl.where, w.get("ret", ""))
        self.acl = [a.strip() for a in w.get("acl", "none").split(",")]
        self.readonly = w.get("readonly")  # None: the permissions decide
        if self.readonly not in (None, "yes", "no"):
            raise ApiError(decl.where, f"readonly is 'yes' or 'no', not '{self.readonly}'")
        self.idempotent = w.get("idempotent")  # None: reading is, unless it opens a stream
        if self.idempotent not in (None, "yes", "no"):
            raise ApiError(decl.where, f"idempotent is 'yes' or 'no', not '{self.idempotent}'")
        self.filter = w.get("filter")
        self.quick = "quick" in w
        self.stream = w.get("stream")
        self.flag_enum = w.get("flags")
        self.hand = w.get("hand")
        self.via = w.get("via")  # the client's half is this expression instead
        self.entry = w.get("entry", "generated")
        # C conditions the caller's arguments must meet, for what their types do not say
        self.require = [r.strip() for r in w["require"].strip('"').split(";")] if "require" in w else []
        self.slot_proto = None
        self.has_slot = "c" in w and (decl.kind in ("call", "proc") or "driver" in w) and w.get("slot") != "none"
        if self.has_slot:
            self.slot_proto = parse_prototype(decl.where, w["slot"]) if "slot" in w else (self.ret_type, self.args)
        self.on_wire = decl.kind in ("call", "proc")
        self.doc = w.get("doc", "").strip('"')
        self.binds = [Bind(decl.where, b.strip()) for b in w["bind"].split(";")] if "bind" in w else None
        if decl.kind in ("call", "proc") and "c" in w and self.binds is None and not self.hand:
            raise ApiError(decl.where, f"{self.name} needs 'bind' or 'hand \"why\"'")
        self.rargs = self.rret = None  # Records, set by the model

    # --- permission
    def perms(self):
        """[(object, perm, condition or None)]"""
        out = []
        for a in self.acl:
            if a == "none":
                continue
            p = a.split(":", 2)
            if len(p) < 2:
                raise ApiError(self.where, f"permission '{a}' is not OBJECT:PERMISSION")
            out.append((p[0], p[1], p[2] if len(p) > 2 else None))
        return out

    @staticmethod
    def is_read(perm):
        return perm in READ_PERMS or perm.startswith("search_")

    def read_only_ok(self):
        """True if a read-only connection may call it (flag-conditional permissions aside)."""
        if self.readonly:
            return self.readonly == "yes"
        return all(self.is_read(p) for _, p, cond in self.perms() if cond is None)

    def may_repeat(self):
        """True if a client may send it again when it cannot know whether the first was served."""
        if self.idempotent:
            return self.idempotent == "yes"
        return self.read_only_ok() and not self.stream

    def read_only_has(self, perm, cond):
        """A read-only connection has this permission of the call."""
        return self.is_read(perm) or (self.readonly == "yes" and cond is None)

    def read_only_flags(self):
        """[(argument, 'FLAG|FLAG')] that a read-only connection may not set."""
        return [split_condition(c)[:2] for _, p, c in self.perms()
                if c and not split_condition(c)[2] and not self.is_read(p)]

    def condition_arg(self):
        """The argument that the conditional permissions look at: 'flags' unless a condition says ARG=FLAG."""
        return next((split_condition(c)[0] for _, _, c in self.perms() if c), "flags")

    def wire_arg(self, name):
        return next((f for f in self.wargs if f.name == name), None)

    def wire_ret(self, name):
        return next((f for f in self.wret if f.name == name), None)


def split_condition(cond):
    """'[ARG=][!]A|B' -> (ARG or 'flags', 'A|B', negated)"""
    arg, eq, rest = cond.partition("=")
    if not eq:
        arg, rest = "flags", cond
    return arg, rest.lstrip("!"), rest.startswith("!")


class Event:
    def __init__(self, decl):
        m = re.fullmatch(r"(\w+) (\w+) = (\d+)", decl.head)
        if not m:
            raise ApiError(decl.where, f"'{decl.head}' is not CLASS NAME = ID")
        self.where, self.cls, self.name, self.id = decl.where, m.group(1), m.group(2), int(m.group(3))
        w = decl.fields({"callback", "msg", "legacy", "fields", "program", "nocallbackid"})
        self.callback, self.msg = w.get("callback"), int(w["msg"])
        self.program = w.get("program", "remote")
        self.fields = parse_wire_fields(decl.where, w["fields"])
        self.numbered = "nocallbackid" not in w
        legacy = w.get("legacy", "").split()
        self.legacy = int(legacy[0]) if legacy else 0
        self.legacy_fields = [f for f in self.fields if not legacy[1:] or f.name in legacy[1:]]
        self.record = self.legacy_record = None

    @property
    def object(self):
        return next((f for f in self.fields if f.name in ("dom", "net", "pool", "dev", "secret")), None)


class Object:
    def __init__(self, decl):
        m = re.fullmatch(r"(\w+) (\w+)", decl.head)
        self.where, self.name, self.c = decl.where, m.group(1), m.group(2)
        w = decl.fields({"from", "invalid", "members", "getters", "parent", "wireparent", "cache"})
        self.domain, self.invalid = w["from"], w["invalid"]
        self.members = [tuple(x.split()) for x in w.get("members", "").split(", ") if x]
        self.getters = w.get("getters", "").split()
        self.parent = tuple(w["parent"].split()) if "parent" in w else None
        self.wire_parent = w.get("wireparent") or (self.parent and self.parent[1])
        self.cache = w.get("cache")

    @property
    def ptr(self):
        return self.c + "Ptr"


class Model:
    def __init__(self, paths):
        self.decls = []
        for path in paths:
            self.decls += parse_file(path, "api/" + path.rsplit("/", 1)[-1])
        self.limits, self.records, self.objects = {}, {}, {}
        self.calls, self.events, self.enums = [], [], {}
        for d in self.decls:
            self._take(d)
        self.by_ptr = {o.ptr: o for o in self.objects.values()}
        self._check()

    def _take(self, d: Decl):
        program = {"libvirt-qemu": "qemu", "libvirt-lxc": "lxc"}.get(d.header, "remote")
        if d.kind == "limit":
            n, v = d.head.split()
            self.limits[n] = int(v)
        elif d.kind == "record":
            fields = []
            for where, line in d.body:
                fields += parse_wire_fields(where, line)
            self.records[d.head] = Record(d.where, d.head, fields)
        elif d.kind == "object":
            o = Object(d)
            self.objects[o.name] = o
        elif d.kind in ("call", "local", "proc"):
            self.calls.append(Call(d, program))
        elif d.kind == "event":
            self.events.append(Event(d))
        elif d.kind == "enum":
            members = []
            for where, line in d.body:
                w = line.split()
                if len(w) not in (2, 3) or (len(w) == 3 and w[2] != "sentinel"):
                    raise ApiError(where, f"'{line}' is not MEMBER VALUE [sentinel]")
                members.append((w[0], w[1], len(w) == 3))
            self.enums[d.head] = members

    def limit(self, where, name):
        if name.isdigit():
            return int(name)
        if name not in self.limits:
            raise ApiError(where, f"limit '{name}' is not declared")
        return self.limits[name]

    def _check(self):
        seen = {}
        for c in self.calls:
            if not c.on_wire:
                continue
            key = (c.program, c.number)
            if key in seen:
                raise ApiError(c.where, f"{c.name} and {seen[key]} both have procedure {c.number} of {c.program}")
            seen[key] = c.name
            c.rargs = self._record(c.where, c.snake + "_args", c.wargs)
            c.rret = self._record(c.where, c.snake + "_ret", c.wret)
            if c.flag_enum and c.flag_enum not in self.enums:
                raise ApiError(c.where, f"flags enum '{c.flag_enum}' is not declared")
            if c.binds:
                self._check_binds(c)
        for e in self.events:
            e.record = self._record(e.where, f"event_{e.cls}_{e.name}", e.fields)
            if e.legacy and len(e.legacy_fields) != len(e.fields):
                e.legacy_record = Record(e.where, e.record.name + "_legacy", e.legacy_fields, view_of=e.record.name)
                self.records[e.legacy_record.name] = e.legacy_record
            else:
                e.legacy_record = e.record
        for r in self.records.values():
            for f in r.fields:
                if f.shape in ("counted", "fixed"):
                    self.limit(r.where, f.limit)
                if f.type not in SCALARS and f.type not in ("string", "opaque", "uuid", "typed_param_value") \
                        and f.type not in self.records:
                    raise ApiError(r.where, f"wire type '{f.type}' of '{f.name}' is not declared")
        self._order()

    def _record(self, where, name, fields):
        if not fields:
            return None
        r = Record(where, name, fields)
        self.records[name] = r
        return r

    def _check_binds(self, c):
        """Every C argument and every wire field is bound exactly once."""
        cargs = {n for _, n in c.args}
        bound_c, bound_w = set(), set()
        for b in c.binds:
            names = [] if b.word == "return" else b.c
            for n in names:
                if n not in cargs:
                    raise ApiError(c.where, f"{c.name}: '{n}' in '{b.word}' is no argument")
                if n in bound_c:
                    raise ApiError(c.where, f"{c.name}: argument '{n}' is bound twice")
                bound_c.add(n)
            bound_w.update(b.wire)
        left = [n for t, n in c.args if n not in bound_c and t != "virConnectPtr"]
        if left:
            raise ApiError(c.where, f"{c.name}: argument '{left[0]}' is not bound")
        if c.binds[-1].word != "return":
            raise ApiError(c.where, f"{c.name}: the last binding must be 'return ...'")

    def _order(self):
        """Records in dependency order with an index; 0 is the empty struct."""
        done, order = set(), []

        def visit(r):
            if r.name in done:
                return
            done.add(r.name)
            if r.view_of:
                visit(self.records[r.view_of])
            for f in r.fields:
                if f.type in self.records:
                    visit(self.records[f.type])
            order.append(r)

        for r in list(self.records.values()):
            visit(r)
        for i, r in enumerate(order, 1):
            r.index = i
        self.ordered_records = order

    # --- what emitters ask
    def public_calls(self):
        return [c for c in self.calls if c.public]

    def slots(self):
        return [c for c in self.calls if c.has_slot]

    def wire_calls(self, program):
        return sorted((c for c in self.calls if c.on_wire and c.program == program), key=lambda c: c.number)

    def min_wire(self, rec):
        total = 0
        for f in rec.fields:
            total += self.min_field(f, rec)
        return total

    def min_field(self, f, rec):
        if f.shape in ("optional", "counted"):
            return 4
        if f.type == "uuid":
            one = 16
        elif f.type == "typed_param_value":
            one = 8
        elif f.type in SCALARS:
            one = SCALARS[f.type][2]
        elif f.type in ("string", "opaque"):
            one = 4
        else:
            one = self.min_wire(self.records[f.type])
        if f.shape == "fixed":
            n = self.limit(rec.where, f.limit)
            return (n + 3) // 4 * 4 if f.type == "opaque" else one * n
        return one
