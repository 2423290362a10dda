# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes a manual page from its .in file: paths and version filled in, and the parts that a table of the program
already says: the commands of virsh (virsh/commands.def, virsh/options.c) and the keys of libvirtd.conf
(src/config/daemon_keys.c). A row it cannot read stops the build.

    gen_man.py SOURCE-ROOT IN OUT NAME=VALUE...
"""
import os
import re
import sys

STRING = r'"(?:[^"\\]|\\.)*"'
STRINGS = STRING + r"(?:\s*" + STRING + ")*"


class ManError(Exception):
    pass


def roff(text):
    """Text as roff shows it, on any terminal: minus signs that can be copied, no accidental requests."""
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("…", "...")
    return "\\&" + text if text[:1] in (".", "'") else text


def joined(literals):
    """Adjacent C string literals as one text."""
    return "".join(s[1:-1].replace('\\"', '"').replace("\\\\", "\\") for s in re.findall(STRING, literals))


def rows(path, text, pattern, begin):
    """All matches; every line that begins a row must have become one."""
    found = list(re.finditer(pattern, text))
    expected = len(re.findall(begin, text, re.M))
    if not found or len(found) != expected:
        raise ManError(f"{path}: {expected} rows begin, {len(found)} could be read")
    return found


# ---- virsh(1) ----

def option_helps(root):
    """{"name" or "command.name": help} from the table of options.c."""
    path = os.path.join(root, "virsh", "options.c")
    m = re.search(r"help_texts\[\] = \{(.*?)\bNULL,", open(path, encoding="utf-8").read(), re.S)
    if not m:
        raise ManError(f"{path}: no table help_texts")
    texts = [joined(s) for s in re.findall(STRINGS, re.sub(r",\s*\n", ",\n", m[1]))]
    if len(texts) % 2:
        raise ManError(f"{path}: help_texts does not come in pairs")
    return dict(zip(texts[::2], texts[1::2]))


TOLD_ONCE = {"domain", "live", "config", "current"}  # in the page, above the commands


class Option:
    def __init__(self, word):
        self.alias_of = word.partition(">")[2]
        self.required = word[0] == "@" or "!" in word
        self.name = re.match(r"@?([^=#*!+>]+)", word)[1]
        marks = word.lstrip("@")[len(self.name):]
        self.rest = "*" in marks
        self.value = "number" if "#" in marks else "string" if word[0] == "@" or set("=*") & set(marks) else ""
        self.named_only = marks.endswith("-")

    def synopsis(self):
        name = "\\fB\\-\\-" + roff(self.name) + "\\fR"
        if not self.value:
            return f"[{name}]"
        value = f"\\fI{self.value}\\fR"
        if self.rest:
            return f"{{[{name}] {value}}}..." if self.required else f"[{name}] [{value}]..."
        if self.required:
            return f"{name} {value}" if self.named_only else f"[{name}] {value}"
        return f"[{name} {value}]"


def command_text(name, spec, info, helps):
    options = [o for o in map(Option, spec.split()) if not o.alias_of]
    out = [".TP", f".B {roff(name)}", roff(info[0].upper() + info[1:]) + "."]
    if options:
        out += [".br", "\\fB" + roff(name) + "\\fR " + " ".join(o.synopsis() for o in options)]
    told = [(o, helps.get(f"{name}.{o.name}") or (o.name not in TOLD_ONCE and helps.get(o.name))) for o in options]
    told = [(o, h) for o, h in told if h]
    if told:
        out += [".RS"] + [line for o, h in told for line in (".TP", f".B \\-\\-{roff(o.name)}", roff(h))] + [".RE"]
    return out


def commands(root):
    path = os.path.join(root, "virsh", "commands.def")
    text = re.sub(r"/\*.*?\*/", "", open(path, encoding="utf-8").read(), flags=re.S)
    helps, out = option_helps(root), []
    pattern = (rf'GROUP\((?P<id>\w+),\s*(?P<title>{STRING})\)|ROW\((?P<name>{STRING}),\s*\w+,\s*(?P<flags>[^",]+),'
               rf"\s*(?P<options>{STRINGS}),\s*(?P<info>{STRINGS})\)")
    for m in rows(path, text, pattern, r"^(?:GROUP|ROW)\("):
        if m["id"]:
            out += [f'.SS "{roff(joined(m["title"]))} (help {roff(m["id"])})"']
        elif "FL_COMMAND_ALIAS" not in m["flags"]:
            out += command_text(joined(m["name"]), joined(m["options"]), joined(m["info"]), helps)
    return out


# ---- libvirtd.conf(5) ----

TYPES = {"BOOL": "0 or 1", "TEXT": "text", "LIST": "list of texts", "PERMS": "text, a mode in octal",
         "AUTH": "text", "UINT": "number", "INT": "number"}


def key_rows(root):
    """The table of keys: [(group, name, type, default or None, bounds, help)], and the names of the past."""
    path = os.path.join(root, "src", "config", "daemon_keys.c")
    text = open(path, encoding="utf-8").read()
    titles = dict(re.findall(rf"#define (\w+)\s+\.group = ({STRING})", text))
    body = text[text.index("fl_daemon_keys[] = {"):]
    pattern = (rf"^    (?:KEY\((?P<name>\w+), (?P<type>\w+), (?P<fallback>NULL|{STRING}), (?P<group>\w+),(?P<rest>.*)\)"
               rf"|OLD_KEY\((?P<old>{STRING}), {STRING}\)),$")
    found, old = [], []
    for m in rows(path, body, "(?m)" + pattern, r"^    (?:OLD_)?KEY\("):
        if m["old"]:
            old.append(joined(m["old"]))
            continue
        if m["group"] not in titles or m["type"] not in TYPES or ".help" not in m["rest"]:
            raise ManError(f"{path}: key {m['name']} has an unknown group or type, or no help")
        low, high = (re.search(rf"\.{w} = (-?\d+)", m["rest"]) for w in ("min", "max"))
        bounds = (f" from {low[1]}" if low else "") + (f" to {high[1]}" if high else "")
        help_ = joined(re.search(rf"\.help = ({STRINGS})", m["rest"])[1])
        found.append((joined(titles[m["group"]]), m["name"], m["type"], None if m["fallback"] == "NULL" else joined(m["fallback"]),
                      bounds, help_[0].upper() + help_[1:] + ("" if help_.endswith("…\"") else ".")))
    return found, old


def keys(root):
    found, old = key_rows(root)
    groups = {}
    for group, name, kind, fallback, bounds, help_ in found:
        default = f", {fallback} unless set" if fallback is not None else ""
        groups.setdefault(group, []).extend([".TP", f".BR {name} \" (\" \"{roff(TYPES[kind] + bounds + default)}\" )", roff(help_)])
    out = []
    for group, lines in groups.items():
        out += [f'.SS "{roff(group)}"'] + lines
    if old:
        out += ['.SS "Keys of the past"', "Accepted with a warning, without effect:"] + [f".BR {name} ," for name in old[:-1]]
        out += [f".BR {old[-1]}."]
    return out


PARTS = {"@COMMANDS@": commands, "@KEYS@": keys}


def main(argv):
    root, src, out = argv[:3]
    names = dict(a.split("=", 1) for a in argv[3:])
    lines = []
    for number, line in enumerate(open(src, encoding="utf-8").read().splitlines(), 1):
        if line in PARTS:
            lines += PARTS[line](root)
            continue
        for name in re.findall(r"@(\w+)@", line):
            if name not in names:
                raise ManError(f"{src}:{number}: @{name}@ is not known here")
            line = line.replace(f"@{name}@", names[name])
        lines.append(line)
        if line.startswith(".TH "):
            lines += [".nh", ".ad l"]  # names are to be copied: no hyphens of roff's own
    with open(out, "w", encoding="utf-8") as f:
        f.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except (ManError, OSError) as e:
        sys.exit(str(e))
