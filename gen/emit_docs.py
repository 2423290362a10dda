# SPDX-License-Identifier: LGPL-2.1-or-later
"""The reference: one Markdown page per public header, and the table of procedures with their permissions."""
from emit_headers import INCLUDED
from model import PROGRAMS
from text import prototype

WORDS = {
    "params": "an array of typed parameters and its length",
    "two_call": "called twice: with a count of 0 it reports how many there are, then fills that many",
    "fetch": "fills up to the given number of typed parameters",
    "params_out": "a new array of typed parameters, freed with virTypedParamsFree()",
    "two_call_alloc": "a new array of typed parameters, freed with virTypedParamsFree()",
    "list_all": "a new NULL-terminated array of new objects, or NULL to count only; free each object, then the array",
    "list_strings": "a new NULL-terminated array of strings, or NULL to count only; free each, then the array",
    "string_list": "a new NULL-terminated array of strings; free each, then the array",
    "names": "the caller's array, filled with new strings up to its length; free each",
    "ids": "the caller's array, filled up to its length",
    "stream": "a stream of the same connection, connected by this call",
    "fd": "a descriptor; stays the caller's", "fds": "descriptors; stay the caller's",
    "out": "filled; NULL where the caller does not care", "info": "filled", "bytes": "bytes and their number", "bytes_out": "new bytes and their number",
    "strings": "an array of strings and its length", "peek": "filled with that many bytes",
}
RETURNS = {"status": "0, or -1 with the error set.", "stopped": "0, or -1 with the error set.", "renamed": "0, or -1 with the error set.", "fd": "a descriptor, the caller's to close; -1 with the error set.",
           "count": "the number of entries, or -1 with the error set.",
           "value": "the value, or a failure value (-1, or 0 for unsigned) with the error set.",
           "string": "a new string, freed by the caller; NULL with the error set.",
           "object": "a new reference, released with its Free call; NULL with the error set.",
           "update": "0, or -1 with the error set; the object's id is brought up to date."}


def call_entry(c):
    out = [f"### {c.name}", "", "```c", prototype(c.ret_type, c.name, c.args) + ";", "```", ""]
    if c.doc:
        out += [c.doc, ""]
    notes = [f"- `{', '.join(b.c)}`: {WORDS[b.word]}." for b in c.binds or [] if b.word in WORDS]
    if c.binds:
        notes.append(f"- Returns {RETURNS[c.binds[-1].kind]}")
    notes.append(f"- Since {c.since}." + (f" Flags: `{c.flag_enum}`; others are refused." if c.flag_enum else ""))
    if c.on_wire:
        acl = ", ".join(c.acl)
        notes.append(f"- Procedure {c.number} of `{c.program}`; permission `{acl}`; "
                     f"{'allowed' if c.read_only_ok() else 'refused'} on a read-only connection.")
    return out + notes + [""]


def page(model, header):
    out = [f"# {header}", "", "Written from `api/`; the numbers and types are facts of the published interface, version 11.3.0.", ""]
    for c in model.public_calls():
        if c.header == header:
            out += call_entry(c)
    return "\n".join(out)


def procedures(model):
    out = ["# Procedures", "", "Every procedure of the wire, with its permission. *quick* ones are served on the I/O thread; "
           "*again*: one that was sent and not answered is sent once more by a client that reconnects.", ""]
    for p, (num, _) in PROGRAMS.items():
        out += [f"## {p} ({num:#x})", "", "| number | name | permission | read-only | quick | again | stream |", "|---|---|---|---|---|---|---|"]
        for c in model.wire_calls(p):
            out.append(f"| {c.number} | {c.snake} | {', '.join(c.acl).replace('|', chr(92) + '|')} | {'yes' if c.read_only_ok() else 'no'} | "
                       f"{'yes' if c.quick else ''} | {'yes' if c.may_repeat() else ''} | {c.stream or ''} |")
        out.append("")
    return "\n".join(out)


def hand_list(model):
    hand = [c for c in model.calls if c.hand]
    out = ["# Calls written by hand", "", f"{len(hand)} of {len([c for c in model.calls if c.kind == 'call'])} calls; "
           "the rest are written by the generator.", "", "| call | why |", "|---|---|"]
    return "\n".join(out + [f"| {c.name} | {c.hand.strip(chr(34))} |" for c in hand] + [""])


def emitters():
    table = {f"{h}.md": (lambda m, h=h: page(m, h)) for h in INCLUDED + ["libvirt-qemu", "libvirt-lxc"]}
    table["procedures.md"] = procedures
    table["by-hand.md"] = hand_list
    return table
