# SPDX-License-Identifier: LGPL-2.1-or-later
"""
Existing Python programs on our library: pyapi_scenarios.py runs through python3-libvirt once on the real libvirt.so.0
and once on ours (LD_LIBRARY_PATH), and says the same: results, documents, states, events, error classes. Then every
public call of the test driver against a table: which are answered, and which flags each takes.
"""
import os
import pathlib
import re
import subprocess

import pytest

from interop_lab import python_environment

HERE = pathlib.Path(__file__).resolve().parent
BUILD = pathlib.Path(os.environ.get("FL_BUILD", HERE.parents[1] / "build")).resolve()
PYTHON = os.environ.get("FL_SYSTEM_PYTHON", "/usr/bin/python3")  # the one Debian's python3-libvirt is for
OURS = BUILD / "src"

SCENARIOS = re.findall(r"^@scenario\ndef (\w+)", (HERE / "pyapi_scenarios.py").read_text(), re.M)

# Lines that differ on purpose, and why.
EXCEPTIONS = {
    "host.open test://h/default": "the incumbent tries TLS and misses a certificate; here no transport says so first",
    "pools.upload": "volumes of our test driver keep what is uploaded",
    "pools.download": "the same; the stream is in use by then",
    "lookup.create bad": "a definition that contradicts itself is an XML error here, whichever element it is about",
    "nodedevs.destroy": "the incumbent reports success for a device it did not destroy; we return the error it sets",
}

# Which layer refuses an argument or a document is ours to choose: for these codes the domain is not compared.
ANY_DOMAIN = {"8": "VIR_ERR_INVALID_ARG", "27": "VIR_ERR_XML_ERROR", "35": "VIR_ERR_XML_DETAIL"}


def have_peer():
    return subprocess.run([PYTHON, "-c", "import libvirt"], capture_output=True, check=False).returncode == 0


pytestmark = [
    pytest.mark.skipif(not have_peer(), reason="python3-libvirt is not installed"),
    pytest.mark.skipif(not (OURS / "libvirt.so.0").exists(), reason="our library is not built"),
]


def run(name, ours):
    done = subprocess.run([PYTHON, str(HERE / "pyapi_scenarios.py"), name], env=python_environment(ours), capture_output=True,
                          text=True, timeout=120, check=False)
    assert done.returncode == 0, f"exit {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    return [normal(line) for line in done.stdout.splitlines()]


def normal(line):
    line = re.sub(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}", "#uuid#", line)
    for code in ANY_DOMAIN:
        line = re.sub(rf"E code={code} domain=\d+", f"E code={code} domain=*", line)
    return line


def label(line):
    found = re.match(r"(\w+)\.\d+ (.*?) = ", line)
    return f"{found.group(1)}.{found.group(2)}" if found else line


def test_the_library_is_ours():
    """The comparison below would be of the real library with itself otherwise."""
    code = ("import libvirt; print([l for l in open('/proc/self/maps') if 'libvirt.so.0' in l][0].split()[-1]);"
            "print(libvirt.getVersion())")
    done = subprocess.run([PYTHON, "-c", code], env=python_environment(True), capture_output=True, text=True, timeout=120,
                          check=True)
    assert str(OURS) in done.stdout


@pytest.mark.parametrize("name", SCENARIOS)
def test_python_program_sees_no_difference(name):
    peer, ours = run(name, False), run(name, True)
    assert len(peer) > 5 and not any(".BROKEN" in line for line in peer), peer[-1:]
    wrong = [f"peer: {a}\nours: {b}" for a, b in zip(peer, ours)
             if a != b and not (label(a) == label(b) and label(a) in EXCEPTIONS)]
    assert not wrong, f"{len(wrong)} of {len(peer)} lines differ:\n" + "\n".join(wrong[:20])
    assert len(peer) == len(ours)


@pytest.mark.parametrize("prefix", list("cdnpvixsk"))
def test_calls_answered_and_flags_taken(prefix):
    """test_driver_calls.txt names every call; its first argument's kind splits the run."""
    done = subprocess.run([PYTHON, str(HERE / "every_test_call.py"), str(HERE / "test_driver_calls.txt"), prefix],
                          env=python_environment(True), capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert int(done.stdout.split()[-2]) >= 5, done.stdout
