# SPDX-License-Identifier: LGPL-2.1-or-later
"""virConnectClose()'s answer and the name of a renamed domain: the incumbent's library and ours say the same, in process
and at the incumbent's daemon."""
import pathlib
import subprocess

import pytest

from interop_lab import python_environment

SCRIPT = pathlib.Path(__file__).parent / "references.py"


@pytest.mark.parametrize("uri", ["test:///default", "test+unix:///default"])
def test_references(real_daemon, uri):
    told = []
    for ours in (False, True):
        done = subprocess.run(["/usr/bin/python3", str(SCRIPT), uri], env=python_environment(ours), stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        told.append(done.stdout)
    assert told[1] == told[0]
    assert "four callbacks 0 1\n" in told[1]
    assert ("b'q2'" in told[1]) == (uri != "test:///default")  # the incumbent's own test driver leaves the object as it was
