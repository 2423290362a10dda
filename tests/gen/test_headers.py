# SPDX-License-Identifier: LGPL-2.1-or-later
"""The public headers: alone and together, C99 and C++, and the way real programs use them."""
import os
import subprocess

import pytest

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
BUILD = os.environ.get("FL_BUILD", os.path.join(ROOT, "build"))
INC = os.path.join(BUILD, "include")
EXAMPLES = os.path.join(os.path.dirname(__file__), "examples")


def compile_(source, lang, std, *more):
    return subprocess.run(["gcc", "-x", lang, f"-std={std}", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", f"-I{INC}", *more, "-"],
                          input=source, capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize("lang,std", [("c", "c99"), ("c", "gnu11"), ("c++", "c++98"), ("c++", "c++17")])
@pytest.mark.parametrize("header", ["libvirt.h", "virterror.h", "libvirt-qemu.h", "libvirt-lxc.h", "fairlead.h"])
def test_header_alone(header, lang, std):
    r = compile_(f"#include <libvirt/{header}>\nint main(void) {{ return 0; }}\n", lang, std)
    assert r.returncode == 0, r.stderr


def test_part_headers_send_the_reader_to_the_whole():
    r = compile_("#include <libvirt/libvirt-domain.h>\n", "c", "c99")
    assert r.returncode != 0 and "include <libvirt/libvirt.h> instead" in r.stderr


@pytest.mark.parametrize("lang,std", [("c", "c99"), ("c++", "c++11")])
@pytest.mark.parametrize("name", sorted(os.listdir(EXAMPLES)))
def test_programs_compile(name, lang, std):
    source = open(os.path.join(EXAMPLES, name)).read()
    r = compile_(source, lang, std, "-DVIR_ENUM_SENTINELS", "-D_GNU_SOURCE")
    assert r.returncode == 0, r.stderr
