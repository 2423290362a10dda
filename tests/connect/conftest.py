# SPDX-License-Identifier: LGPL-2.1-or-later
"""The fixtures of these tests; what they are is in transport_lab.py (helpers are imported from there by name)."""
import os

import pytest

from ssh_lab import client_of, fake_server, far, relay_to, ssh_lab  # noqa: F401
from tls_lab import interop
from transport_lab import echo, helper_program, pipe_main, run_dir, short_tmp, sshd  # noqa: F401


@pytest.fixture(scope="module", autouse=True)
def uncrowded():
    """Nobody else's sockets, files and ports in a file of tests, where root runs them; others make what they need (private)."""
    if os.getuid() == 0 and os.environ.get("FL_NAMESPACE") != "1":
        assert interop.apart() is None
