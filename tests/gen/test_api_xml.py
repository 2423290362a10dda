# SPDX-License-Identifier: LGPL-2.1-or-later
"""The interface as XML: says what the libraries export, what the incumbent's says of the same symbols, and libvirt.pc
names the files."""
import os
import pathlib
import re
import subprocess
import xml.etree.ElementTree

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("FL_BUILD", ROOT / "build")).resolve()
PEER = pathlib.Path("/usr/share/libvirt/api")  # of libvirt-dev
APIS = ["libvirt", "libvirt-qemu", "libvirt-lxc"]
# Ends of lists that grew since 9.0.0, and three old names of one struct, whose members are told with its own.
GROWN = {"VIR_DOMAIN_EVENT_ID_LAST", "VIR_DOMAIN_PAUSED_LAST", "VIR_ERR_NUMBER_LAST", "VIR_NETWORK_EVENT_ID_LAST"}
ALIASES = {"virBlkioParameter", "virMemoryParameter", "virSchedParameter"}


def read(path):
    return xml.etree.ElementTree.parse(path).getroot()


def described(root):
    """kind and name -> attributes, and the types and names of what is inside."""
    told = ("file", "type", "value", "value_hex", "params")
    inside = lambda e: [(c.tag, c.get("name"), c.get("type", "").replace(" ", "")) for c in e
                        if c.tag in ("arg", "return", "field") and e.tag != "macro"]
    return {(e.tag, e.get("name")): ({k: e.get(k) for k in told}, inside(e)) for e in root.find("symbols")}


@pytest.mark.parametrize("api", APIS)
def test_functions_are_what_the_library_exports(api):
    symbols = subprocess.run(["nm", "-D", "--defined-only", BUILD / f"src/{api}.so.0"], capture_output=True, text=True,
                             check=True).stdout
    exported = set(re.findall(r"^\S+ [A-Z] (vir\w+)@@LIBVIRT_(?:QEMU_|LXC_)?[0-9]", symbols, re.M))
    found = described(read(BUILD / f"docs/{api}-api.xml"))
    assert {name for kind, name in found if kind in ("function", "variable")} == exported


@pytest.mark.parametrize("api", APIS)
def test_the_incumbent_says_the_same(api):
    if not (PEER / f"{api}-api.xml").exists():
        pytest.skip("libvirt-dev is not installed")
    peer, ours = read(PEER / f"{api}-api.xml"), read(BUILD / f"docs/{api}-api.xml")
    wanted, found = described(peer), described(ours)
    assert len(wanted) > 3
    wrong = [(key, value, found.get(key)) for key, value in wanted.items()
             if found.get(key) != value and not (key in found and key[1] in GROWN | ALIASES)]
    assert not wrong, wrong[:5]
    exports = lambda root: {(f.get("name"), *e.attrib.values()) for f in root.find("files") for e in f.findall("exports")}
    assert exports(peer) - exports(ours) == set()


@pytest.mark.parametrize("api", APIS)
def test_pkg_config_names_the_file(api):
    """libvirt.pc knows all three, that of a companion its own: generators ask one or the other."""
    env = dict(os.environ, PKG_CONFIG_PATH=str(BUILD / "meson-uninstalled"))
    variable = api.replace("-", "_") + "_api"
    for package in {"libvirt", api}:
        built = subprocess.run(["pkg-config", f"--variable={variable}", package], env=env, capture_output=True, text=True,
                               check=True).stdout.strip()
        assert read(built).get("name") == api
        installed = (BUILD / f"meson-private/{package}.pc").read_text()
        assert re.search(rf"^{variable}=.*/libvirt/api/{api}-api\.xml$", installed, re.M)
