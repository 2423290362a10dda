# SPDX-License-Identifier: LGPL-2.1-or-later
"""Small helpers for writing C."""

C_NOTICE = "/* SPDX-License-Identifier: LGPL-2.1-or-later */\n/* Generated from api/ by gen/gen.py: do not edit. */"


def join_type(type_, name):
    if "[" in type_:
        return type_
    return type_ + ("" if type_.endswith("*") else " ") + name


def prototype(ret, name, args):
    inner = ", ".join(join_type(t, n) for t, n in args) or "void"
    return join_type(ret, name) + "(" + inner + ")"


def wrap_prototype(ret, name, args, end, width=110):
    """The prototype as one or more lines, broken at commas."""
    line = prototype(ret, name, args) + end
    if len(line) <= width:
        return [line]
    head = join_type(ret, name) + "("
    pad, out, cur = " " * len(head), [], head
    parts = [join_type(t, n) for t, n in args]
    for i, p in enumerate(parts):
        piece = p + (", " if i + 1 < len(parts) else ")" + end)
        if len(cur) + len(piece.rstrip()) > width and cur.strip() != head.strip():
            out.append(cur.rstrip())
            cur = pad
        cur += piece
    return out + [cur]
