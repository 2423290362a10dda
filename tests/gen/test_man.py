# SPDX-License-Identifier: LGPL-2.1-or-later
"""The manual pages: whole, without a formatter's complaint, and saying every command and key the programs know."""
import os
import re
import shutil
import subprocess
import sys

import pytest

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
MAN = os.path.join(ROOT, "man")
PAGES = sorted(f[:-3] for f in os.listdir(MAN) if f.endswith(".in"))
BUILD = os.environ.get("FL_BUILD", os.path.join(ROOT, "build"))


def make(tmp_path, page, root=ROOT):
    out = tmp_path / page
    r = subprocess.run([sys.executable, os.path.join(MAN, "gen_man.py"), root, os.path.join(MAN, page + ".in"), str(out),
                        "VERSION=1.2.3", "ETC=/etc", "RUN=/run", "SBIN=/usr/sbin"], capture_output=True, text=True, timeout=120)
    return r, out


def shown(tmp_path, page):
    r, out = make(tmp_path, page)
    assert r.returncode == 0, r.stderr
    if not shutil.which("groff"):
        pytest.skip("groff is not installed")
    r = subprocess.run(["groff", "-man", "-Kutf8", "-Tutf8", "-ww", "-P-cbou", str(out)], capture_output=True, text=True, timeout=120)
    assert r.returncode == 0 and r.stderr == ""
    return r.stdout.replace("\u2010", "-").replace("\u2212", "-")


@pytest.mark.parametrize("page", PAGES)
def test_page_is_formatted_without_a_complaint(tmp_path, page):
    text = shown(tmp_path, page)
    assert "1.2.3" in text and "\nNAME\n" in text and "\nSEE ALSO\n" in text
    assert (tmp_path / page).read_text(encoding="utf-8").isascii()  # what is not has no sign on every terminal


def test_pages_name_each_other(tmp_path):
    for page in PAGES:
        text = open(os.path.join(MAN, page + ".in"), encoding="utf-8").read()
        for name, section in re.findall(r"^\.BR ([\w.\\-]+) \((\d)\)", text, re.M):
            name = name.replace("\\", "")
            if name.startswith(("libvirt", "virsh", "virt-ssh")):
                assert f"{name}.{section}" in PAGES, f"{page} names {name}({section})"


def test_every_command_of_the_shell_is_there(tmp_path):
    virsh = os.path.join(BUILD, "virsh", "virsh")
    if not os.path.exists(virsh):
        pytest.skip("the shell is not built")
    said = subprocess.run([virsh, "help"], capture_output=True, text=True, timeout=120).stdout
    commands = re.findall(r"^    ([a-z][\w-]*) ", said, re.M)
    page = shown(tmp_path, "virsh.1")
    assert len(commands) > 200
    assert [c for c in commands if not re.search(rf"^ +{c}(?:\s|$)", page, re.M)] == []


def test_every_key_of_the_daemon_is_there(tmp_path):
    source = open(os.path.join(ROOT, "src", "config", "daemon_keys.c"), encoding="utf-8").read()
    keys = re.findall(r'^    (?:OLD_)?KEY\("?(\w+)', source, re.M)
    page = shown(tmp_path, "libvirtd.conf.5")
    assert len(keys) > 40
    assert [k for k in keys if not re.search(rf"\b{k}\b", page)] == []


def test_every_variable_that_is_read_is_there(tmp_path):
    names = set()
    for folder in ("src", "virsh"):
        for path, _, files in os.walk(os.path.join(ROOT, folder)):
            for name in files:
                if name.endswith((".c", ".h")):
                    source = open(os.path.join(path, name), encoding="utf-8").read()
                    names |= set(re.findall(r'getenv\("([A-Z_]+)"\)', source) + re.findall(r'"((?:LIBVIRT|VIRSH)_[A-Z_]+)"', source))
    pages = "".join(shown(tmp_path, page) for page in PAGES)
    assert len(names) > 15
    assert [name for name in sorted(names) if not re.search(rf"\b{name}\b", pages)] == []
    assert [name for name in sorted(set(re.findall(r"\b(?:LIBVIRT|VIRSH)_[A-Z_]+", pages))) if name not in names] == []


def test_a_row_that_cannot_be_read_stops_the_build(tmp_path):
    for part in ("virsh", "src/config"):
        shutil.copytree(os.path.join(ROOT, part), tmp_path / "tree" / part)
    table = tmp_path / "tree" / "virsh" / "commands.def"
    table.write_text(table.read_text() + 'ROW("odd", odd, 0, SPEC_ELSEWHERE,\n    "a row in another form")\n')
    r, _ = make(tmp_path, "virsh.1", str(tmp_path / "tree"))
    assert r.returncode == 1
    assert re.search(r"commands\.def: \d+ rows begin, \d+ could be read", r.stderr)
