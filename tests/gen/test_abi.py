# SPDX-License-Identifier: LGPL-2.1-or-later
"""The libraries export every public symbol of the incumbent's, under the same version, and no other public one."""
import glob
import os
import re
import subprocess

import pytest

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
BUILD = os.environ.get("FL_BUILD", os.path.join(ROOT, "build"))
SYMS = {"libvirt": 525, "libvirt-qemu": 6, "libvirt-lxc": 4}


def exported(path):
    out = subprocess.run(["nm", "-D", "--with-symbol-versions", path], capture_output=True, text=True, check=True).stdout
    return {m.group(1) for m in re.finditer(r" [TDBR] (vir\w+@@LIBVIRT_[\w.]+)", out) if "PRIVATE" not in m.group(1)}


@pytest.mark.parametrize("name", SYMS)
def test_every_symbol_of_the_interface(name):
    assert len(exported(f"{BUILD}/src/{name}.so.0")) == SYMS[name]


@pytest.mark.parametrize("name", SYMS)
def test_nothing_of_the_incumbents_is_missing(name):
    theirs = glob.glob(f"/usr/lib/*-linux-gnu/{name}.so.0")
    if not theirs:
        pytest.skip(f"the incumbent's {name} is not installed")
    assert exported(theirs[0]) - exported(f"{BUILD}/src/{name}.so.0") == set()


def test_private_symbols_are_marked():
    """What programs of this project share is named fl_ and has a version that says so; what goes beyond the interface is
    named fairlead and has this project's versions."""
    out = subprocess.run(["nm", "-D", "--with-symbol-versions", "--defined-only", f"{BUILD}/src/libvirt.so.0"], capture_output=True,
                         text=True, check=True).stdout
    fairlead = {line.split()[-1] for line in out.splitlines() if " fairlead" in line}
    assert fairlead == {f"fairlead{n}@@FAIRLEAD_0.1.0" for n in ("Diagnose", "ExplainURI", "ItemsFree", "Open", "RouteInfo")}
    others = [line.split()[-1] for line in out.splitlines() if "@@LIBVIRT_" in line and " A " not in line]
    assert others and all(re.match(r"vir\w+@@LIBVIRT_[\d.]+$|fl_\w+@@LIBVIRT_PRIVATE_FAIRLEAD$", s) for s in others)
