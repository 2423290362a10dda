# SPDX-License-Identifier: LGPL-2.1-or-later
"""The generator: bad descriptions are refused with one line that names the place; good ones hold the whole interface."""
import os
import re
import subprocess
import sys

import pytest

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
GEN = os.path.join(ROOT, "gen", "gen.py")
API = sorted(os.path.join(ROOT, "api", f) for f in os.listdir(os.path.join(ROOT, "api")) if f.endswith(".api"))

GOOD = """header libvirt-host
limit STRING_MAX 100
limit LIST_MAX 10
record thing {
    string name
}
"""

CALL = "call virThingDo = 5 since 1.0.0 {\n    c int (virConnectPtr conn, const char *name)\n    args string name\n%s\n}\n"

BAD = [
    ("no permission", CALL % "    bind value name; return status", "has no permission"),
    ("no binding", CALL % "    acl none", "needs 'bind' or 'hand"),
    ("procedure with a prototype and no binding",
     "proc thing_do = 5 {\n    c int (virConnectPtr conn, const char *name)\n    args string name\n    acl none\n}\n", "needs 'bind' or 'hand"),
    ("unbound argument", CALL % "    acl none\n    bind return status", "argument 'name' is not bound"),
    ("bound twice", CALL % "    acl none\n    bind value name; value name; return status", "bound twice"),
    ("no such argument", CALL % "    acl none\n    bind value nome=name; return status", "'nome' in 'value' is no argument"),
    ("no return", CALL % "    acl none\n    bind value name", "the last binding must be 'return"),
    ("bad binding", CALL % "    acl none\n    bind value; return status", "is no binding"),
    ("unknown word", CALL % "    acl none\n    colour red\n    bind value name; return status", "unknown word 'colour'"),
    ("word twice", CALL % "    acl none\n    acl none\n    bind value name; return status", "'acl' is given twice"),
    ("bad permission", CALL % "    acl domain\n    bind value name; return status", "is not OBJECT:PERMISSION"),
    ("bad readonly", CALL % "    acl none\n    readonly maybe\n    bind value name; return status", "readonly is 'yes' or 'no'"),
    ("bad idempotent", CALL % "    acl none\n    idempotent maybe\n    bind value name; return status", "idempotent is 'yes' or 'no'"),
    ("same number", (CALL % "    acl none\n    bind value name; return status") * 2, "both have procedure 5"),
    ("unknown type", "record other {\n    colour c\n}\n", "wire type 'colour' of 'c' is not declared"),
    ("unknown limit", "record other {\n    string c<NO_MAX>\n}\n", "limit 'NO_MAX' is not declared"),
    ("bad field", "record other {\n    string\n}\n", "is no wire field"),
    ("bad head", "call virThingDo five {\n    acl none\n}\n", "is not NAME"),
    ("unknown flags", CALL % "    acl none\n    flags virNoFlags\n    bind value name; return status", "flags enum 'virNoFlags'"),
    ("open block", "record other {\n    string c\n", "is not closed"),
    ("unknown kind", "colour red\n", "begins no declaration"),
    ("bad enum", "enum virE {\n    A 1 2 3\n}\n", "is not MEMBER VALUE"),
    ("bad prototype", "call virThingDo = 5 since 1.0.0 {\n    c int\n    acl none\n    hand \"x\"\n}\n", "is no prototype"),
]


def gen(tmp_path, files, *names):
    return subprocess.run([sys.executable, GEN, "--out", str(tmp_path), *files, "--", *names], capture_output=True,
                          text=True, timeout=120)


@pytest.mark.parametrize("name,text,said", BAD, ids=[b[0] for b in BAD])
def test_bad_description_is_refused(tmp_path, name, text, said):
    f = tmp_path / "bad.api"
    f.write_text(GOOD + text)
    r = gen(tmp_path, [str(f)], "types.h", "procs.c")
    assert r.returncode == 1
    assert re.fullmatch(r"api/bad\.api:\d+: .*\n", r.stderr), r.stderr
    assert said in r.stderr


def test_good_description_is_taken(tmp_path):
    f = tmp_path / "good.api"
    f.write_text(GOOD + CALL % "    acl none\n    bind value name; return status")
    r = gen(tmp_path, [str(f)], "types.h")
    assert r.returncode == 0, r.stderr
    assert "struct fl_w_thing" in (tmp_path / "types.h").read_text()


def test_a_hash_in_quotes_is_text(tmp_path):
    f = tmp_path / "good.api"
    f.write_text(GOOD + CALL % '    acl none # not this\n    doc "Thing # 1, see `a` # b."  # nor this\n    bind value name; return status')
    r = gen(tmp_path, [str(f)], "libvirt-host.md")
    assert r.returncode == 0, r.stderr
    text = (tmp_path / "libvirt-host.md").read_text()
    assert "Thing # 1, see `a` # b.\n" in text and "not this" not in text and "nor this" not in text


def test_an_output_that_is_the_same_is_left_alone(tmp_path):
    f = tmp_path / "good.api"
    f.write_text(GOOD)
    assert gen(tmp_path, [str(f)], "types.h").returncode == 0
    os.utime(tmp_path / "types.h", (1, 1))
    f.write_text(GOOD + "# a remark\n")
    assert gen(tmp_path, [str(f)], "types.h").returncode == 0
    assert (tmp_path / "types.h").stat().st_mtime == 1


def symbols(text, prefix):
    return re.findall(r"^        (%s\w+);" % prefix, text, re.M)


def test_the_whole_interface_is_described(tmp_path):
    r = gen(tmp_path, API, "libvirt.syms", "libvirt-qemu.syms", "libvirt-lxc.syms", "procs.c", "by-hand.md")
    assert r.returncode == 0, r.stderr
    assert len(symbols((tmp_path / "libvirt.syms").read_text(), "vir")) == 524 + 1  # and one variable
    assert len(symbols((tmp_path / "libvirt-qemu.syms").read_text(), "vir")) == 6
    assert len(symbols((tmp_path / "libvirt-lxc.syms").read_text(), "vir")) == 4
    procs = (tmp_path / "procs.c").read_text()
    tables = re.split(r"^const struct fl_proc fl_procs_", procs, flags=re.M)[1:]
    counts = {t.split("[")[0]: len(re.findall(r"^    \[\d+\] = ", t, re.M)) for t in tables}
    assert counts == {"remote": 453, "qemu": 7, "lxc": 1}


def test_every_call_is_described_in_words():
    silent = []
    for path in API:
        for kind, name, body in re.findall(r"^(call|local) (\w+) [^\n]*\{\n(.*?)^\}", open(path, encoding="utf-8").read(), re.M | re.S):
            if not re.search(r'^    doc     "[A-Z0-9].{10,}[.]"$', body, re.M):
                silent.append(name)
    assert silent == []
