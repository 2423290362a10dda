# SPDX-License-Identifier: LGPL-2.1-or-later
"""Reads api/*.api into plain records. Syntax only; meaning is checked in model.py.

The language, one declaration a line or a brace block, '#' begins a comment:

    header NAME                            what follows belongs to public header NAME
    macro NAME "text" | NAME = c | NAME(a, b) = c
    enum NAME { MEMBER VALUE [sentinel] ... }
    struct TAG NAME PTR { c-field; ... }   opaque TAG NAME PTR       typedef C-TYPE NAME
    callback NAME C-PROTOTYPE
    limit NAME NUMBER                      record NAME { wire fields }
    object NAME C-NAME { key value ... }
    call NAME = NUMBER since V { ... }     a public call with a procedure
    local NAME since V { ... }             a public call without one
    proc NAME = NUMBER { ... }             a procedure without a public call
    event CLASS NAME = ID { ... }
"""
import re


class ApiError(Exception):
    def __init__(self, where, text):
        super().__init__(f"{where}: {text}")


class Decl:
    """One declaration: kind, head words, body lines as (where, text)."""

    def __init__(self, where, kind, head, body, header):
        self.where, self.kind, self.head, self.body, self.header = where, kind, head, body, header

    def fields(self, allowed):
        """Body as {word: rest}; a word may stand alone."""
        out = {}
        for where, line in self.body:
            word, _, rest = line.partition(" ")
            if word not in allowed:
                raise ApiError(where, f"unknown word '{word}' in {self.kind}; known: {', '.join(sorted(allowed))}")
            if word in out:
                raise ApiError(where, f"'{word}' is given twice")
            out[word] = rest.strip()
        return out


KINDS = {"header", "macro", "enum", "struct", "opaque", "typedef", "callback", "limit", "record", "object",
         "call", "local", "proc", "event"}


COMMENT = re.compile(r'^((?:"[^"]*"|[^"])*?)(?:^|(?<=\s))#.*$', re.S)  # a '#' in a quoted text begins none


def parse_file(path, name):
    decls, header, block = [], None, None
    for number, raw in enumerate(open(path, encoding="utf-8"), 1):
        where = f"{name}:{number}"
        line = COMMENT.sub(r"\1", raw).strip()
        if not line:
            continue
        if block is not None:
            if line == "}":
                decls.append(block)
                block = None
            else:
                block.body.append((where, line))
            continue
        kind, _, head = line.partition(" ")
        if kind not in KINDS:
            raise ApiError(where, f"'{kind}' begins no declaration; known: {', '.join(sorted(KINDS))}")
        if kind == "header":
            header = head.strip()
            continue
        if head.endswith("{") and kind != "macro":
            block = Decl(where, kind, head[:-1].strip(), [], header)
        else:
            decls.append(Decl(where, kind, head.strip(), [], header))
    if block is not None:
        raise ApiError(block.where, f"block '{block.kind} {block.head}' is not closed with '}}'")
    return decls


def split_args(text):
    """Splits 'a, b (c, d), e' at the commas of the outer level."""
    out, depth, cur = [], 0, ""
    for ch in text:
        depth += ch in "(<" 
        depth -= ch in ")>"
        if ch == "," and depth == 0:
            out.append(cur.strip())
            cur = ""
        else:
            cur += ch
    if cur.strip():
        out.append(cur.strip())
    return out


def parse_prototype(where, text):
    """'int (virDomainPtr dom, unsigned int flags)' -> ('int', [('virDomainPtr', 'dom'), ...])"""
    m = re.fullmatch(r"(.+?)\s*\((.*)\)", text)
    if not m:
        raise ApiError(where, f"'{text}' is no prototype: RETURN (TYPE name, ...)")
    ret, rest = m.group(1).strip(), m.group(2).strip()
    args = []
    if rest != "void":
        for part in split_args(rest):
            a = re.fullmatch(r"(.*?[\s*])(\w+)", part)
            if not a:
                raise ApiError(where, f"argument '{part}' has no name")
            args.append((a.group(1).strip(), a.group(2)))
    return ret, args


class Field:
    """One wire field: type word, name, shape one|optional|fixed|counted, limit."""

    def __init__(self, type_, name, shape, limit):
        self.type, self.name, self.shape, self.limit = type_, name, shape, limit


def parse_wire_fields(where, text):
    out = []
    for part in split_args(text):
        m = re.fullmatch(r"(\w+)(\?)?\s+(\w+)(?:<(\w+)>|\[(\w+)\])?", part)
        if not m:
            raise ApiError(where, f"'{part}' is no wire field: TYPE[?] name[<MAX>|[N]]")
        type_, opt, name, most, fixed = m.groups()
        shape = "optional" if opt else "counted" if most else "fixed" if fixed else "one"
        out.append(Field(type_, name, shape, most or fixed))
    return out
