# SPDX-License-Identifier: LGPL-2.1-or-later
"""ext: a command that ends too early, at whatever moment, is named with its stage and its status."""
import re
import subprocess

import pytest

from transport_lab import _program


@pytest.fixture(scope="module")
def virsh():
    return _program("FL_VIRSH", "virsh", "virsh")


@pytest.mark.parametrize("command,said", [
    ("/bin/true", r"connect: command '/bin/true' ended with status 0; run it by hand to see why"),
    ("/bin/false", r"connect: command '/bin/false' ended with status 1; run it by hand to see why"),
])
def test_a_command_that_ends_at_once(virsh, command, said):
    for _ in range(15):
        done = subprocess.run([virsh, "-c", f"test+ext:///default?command={command}", "uri"], capture_output=True, text=True,
                              timeout=30)
        assert done.returncode == 1
        assert re.fullmatch(r"error: failed to connect to the hypervisor\nerror: " + said + "\n", done.stderr), done.stderr
