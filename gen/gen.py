#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The generator: reads api/*.api, writes the named outputs into a folder.

    gen.py --out DIR api/a.api api/b.api ... -- ops.h entry.c ...
    gen.py --list api/*.api

Each output has one emitter; gen/emit_*.py register theirs by file name.
"""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from parse import ApiError  # noqa: E402
from model import Model  # noqa: E402
import emit_api_xml, emit_docs, emit_entry, emit_events, emit_headers, emit_objects, emit_ops, emit_remote, emit_server, emit_syms, emit_wire  # noqa: E402,E401

MODULES = [emit_headers, emit_ops, emit_objects, emit_entry, emit_wire, emit_events, emit_remote, emit_server,
           emit_syms, emit_docs, emit_api_xml]


def write_if_changed(path, text):
    """An output that stays the same keeps its time: what includes it is not built again."""
    try:
        with open(path, encoding="utf-8") as f:
            if f.read() == text:
                return
    except (OSError, UnicodeDecodeError):
        pass
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)


def main(argv):
    table = {}
    for m in MODULES:
        table.update(m.emitters())
    if argv[:1] == ["--list"]:
        print("\n".join(table))
        return 0
    if argv[:1] != ["--out"] or "--" not in argv:
        print(__doc__, file=sys.stderr)
        return 2
    out, rest = argv[1], argv[2:]
    paths, names = rest[:rest.index("--")], rest[rest.index("--") + 1:]
    try:
        model = Model(paths)
        for name in names:
            if name not in table:
                print(f"gen.py: no emitter writes '{name}'", file=sys.stderr)
                return 2
            write_if_changed(os.path.join(out, name), table[name](model))
    except ApiError as e:
        print(e, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
